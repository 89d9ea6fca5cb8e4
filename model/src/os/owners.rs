//! Which mappings lead to a frame: the reverse of the page table, which only page-out needs.
//!
//! ```text
//!  frame    0x20   0x21                      0x22
//!           -      (1, 0x5), (2, 0x5)        (1, 0x200, 2 MiB) .. 0x221: -       one page, many after a fork, a huge one
//! ```
//!
//! An inverted table knows it from the frame's own entry; the others would be searched whole. A huge page is noted at
//! its first frame.

use crate::mapping::Mapping;
use hashwalk_spec::{Asid, PageSize, Pfn, Vpn};

/// A page of an address space.
pub(super) type Page = (Asid, Vpn, PageSize);

/// The page that a mapping maps.
pub(super) fn page_of(mapping: &Mapping) -> Page {
    (mapping.asid, mapping.vpn, mapping.size)
}

/// The pages that lead to each frame.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    by_frame: Vec<Vec<Page>>,
}

impl Owners {
    pub(super) fn new(frames: u64) -> Owners {
        Owners { by_frame: vec![Vec::new(); frames as usize] }
    }

    /// The pages that lead to the frame, none beyond the memory.
    pub(super) fn of(&self, frame: Pfn) -> &[Page] {
        self.by_frame.get(frame.get() as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add(&mut self, mapping: &Mapping) {
        if let Some(pages) = self.by_frame.get_mut(mapping.pfn.get() as usize) {
            pages.push(page_of(mapping));
        }
    }

    pub(super) fn remove(&mut self, mapping: &Mapping) {
        if let Some(pages) = self.by_frame.get_mut(mapping.pfn.get() as usize) {
            pages.retain(|page| *page != page_of(mapping));
        }
    }

    /// Every page with the frame that it leads to.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Pfn, Page)> {
        let frames = (0..).map(Pfn::truncate).zip(&self.by_frame);
        frames.flat_map(|(frame, pages)| pages.iter().map(move |page| (frame, *page)))
    }
}
