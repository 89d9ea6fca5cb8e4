//! What every walk of a table has in common.

use crate::hash::{HashFunction, Hasher, hasher};
use crate::layout::Layout;
use crate::table::ChainedTable;
use hashwalk_spec::{Asid, Search, Vpn};

/// What a walk depends on besides the table's bytes: the hardware's control registers and its `max_steps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkContext {
    layout: Layout,
    hasher: Hasher,
    search_enable: u8,
    max_steps: u32,
}

impl WalkContext {
    /// Walks of the table at `layout` that make the searches whose bit is set in `search_enable` (bit i for
    /// [`Search::ALL`]`[i]`), each with at most `max_steps` probes.
    #[must_use]
    pub fn new(layout: Layout, search_enable: u8, max_steps: u32) -> WalkContext {
        let search_enable = search_enable & Search::ENABLE_ALL;
        WalkContext { layout, hasher: hasher(layout.hash(), layout.key()), search_enable, max_steps }
    }

    /// Walks of this table, else as [`WalkContext::new`]. It costs a copy, where that sets up the hash.
    #[must_use]
    pub fn of(table: &ChainedTable, search_enable: u8, max_steps: u32) -> WalkContext {
        let search_enable = search_enable & Search::ENABLE_ALL;
        WalkContext { layout: *table.layout(), hasher: *table.hasher(), search_enable, max_steps }
    }

    /// The table's place and hash.
    #[inline]
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// `control_search_enable`, 6 bits.
    #[must_use]
    pub fn search_enable(&self) -> u8 {
        self.search_enable
    }

    /// The probes that one search may make.
    #[inline]
    #[must_use]
    pub fn max_steps(&self) -> u32 {
        self.max_steps
    }

    /// The index from which (ASID, first VPN of the page) is searched.
    #[inline]
    #[must_use]
    pub fn home(&self, asid: Asid, vpn: Vpn) -> u32 {
        self.hasher.hash(asid, vpn) & self.layout.mask()
    }
}
