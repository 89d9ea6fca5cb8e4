//! What every walk of a table has in common.

use crate::hash::{HashFunction, Hasher, hasher};
use crate::layout::Layout;
use crate::organisation::common::SearchFor;
use crate::organisation::line::group_vpn;
use hashwalk_spec::{Format, Search};

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

    /// The index from which a search begins, or its place in a further way of a cuckoo table. Eight pages side by side
    /// share a home in a table of lines.
    #[inline]
    #[must_use]
    pub(super) fn place(&self, way: u32, search: &SearchFor) -> u32 {
        let vpn = match self.layout.format() {
            Format::Line => group_vpn(search.vpn, search.size),
            Format::Chained | Format::Cuckoo => search.vpn,
        };
        self.layout.place(way, self.hasher.hash_of_way(way, search.asid, vpn))
    }
}
