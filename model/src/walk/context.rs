//! What every walk of a table has in common.

use crate::hash::{HashFunction, Hasher, hasher};
use crate::layout::Layout;
use crate::mapping::Mapping;
use crate::organisation::common::SearchFor;
use crate::organisation::line::group_vpn;
use crate::organisation::radix::Reach;
use hashwalk_spec::{Answer, Fault, Format, Marking, PhysAddr, Request, Search};

/// What a walk depends on besides the table's bytes: the hardware's control registers and its `max_steps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkContext {
    layout: Layout,
    hasher: Hasher,
    search_enable: u8,
    max_steps: u32,
    faults_unmarked: bool,
}

impl WalkContext {
    /// Walks of the table at `layout` that make the searches whose bit is set in `search_enable` (bit i for
    /// [`Search::ALL`]`[i]`), each with at most `max_steps` probes.
    #[must_use]
    pub fn new(layout: Layout, search_enable: u8, max_steps: u32) -> WalkContext {
        let search_enable = search_enable & Search::ENABLE_ALL;
        let hasher = hasher(layout.hash(), layout.key());
        WalkContext { layout, hasher, search_enable, max_steps, faults_unmarked: false }
    }

    /// The same walks where A and D are kept so.
    #[must_use]
    pub fn with_marks(self, marks: Marking) -> WalkContext {
        WalkContext { faults_unmarked: marks == Marking::Fault, ..self }
    }

    /// The answer to a request that comes to this mapping.
    #[inline]
    pub(super) fn answer(&self, mapping: &Mapping, request: &Request) -> Answer {
        let translation = mapping.translate(request)?;
        let is_fault = self.faults_unmarked && mapping.lacks_marks(request.access);
        if is_fault { Err(Fault::Unmarked) } else { Ok(translation) }
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

    /// Where a search begins, or its place in a further way of a cuckoo table; `None` if no place can hold the page.
    /// Eight pages side by side share a home in a table of lines.
    #[inline]
    #[must_use]
    pub(super) fn place(&self, way: u32, search: &SearchFor) -> Option<PhysAddr> {
        let vpn = match self.layout.format() {
            Format::Radix => {
                let root = self.layout.address(u32::from(search.asid.get()));
                return Reach::Bits48.covers(search.vpn).then_some(root);
            }
            Format::Line => group_vpn(search.vpn, search.size),
            Format::Chained | Format::Cuckoo | Format::Inverted | Format::Tree => search.vpn,
        };
        let hash = self.hasher.hash_of_way(way, search.asid, vpn);
        Some(self.layout.address(self.layout.place(way, hash)))
    }
}
