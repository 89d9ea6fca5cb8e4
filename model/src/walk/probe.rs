//! What a format's judge is told of a probe besides the element, and what two formats and more judge alike.

use super::{Judgement, WalkContext};
use crate::memory::Element;
use crate::organisation::common::SearchFor;
use hashwalk_spec::PhysAddr;
use hashwalk_spec::link::{ZERO_ABOVE, zero_below};

/// One probe of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) context: &'a WalkContext,
    pub(crate) search: &'a SearchFor,
    /// Where that stands in the element which is looked at: the element itself, or an entry or a word of it.
    pub(crate) place: PhysAddr,
    /// The search's probes so far, this one included.
    pub(crate) steps: u32,
}

impl Probe<'_> {
    /// The 64-bit word of the element that is looked at.
    pub(crate) fn word(&self, element: &Element) -> u64 {
        let offset = self.place.get() - self.context.layout().format().element_of(self.place).get();
        u64::from_le_bytes(element.as_chunks::<8>().0[offset as usize / 8])
    }

    /// What a link by index means: one beyond the table is malformed.
    pub(crate) fn link_to(&self, index: u32) -> Judgement {
        let layout = self.context.layout();
        if index <= layout.mask() { Judgement::Next(layout.address(index)) } else { Judgement::Malformed }
    }
}

/// What a word means that is the address of something aligned to 2^`log2` bytes, or 0.
pub(crate) fn link(word: u64, log2: u32) -> Judgement {
    let is_set = |bit: u32| word >> bit & 1 != 0;
    match word {
        0 => Judgement::Ends,
        _ if ZERO_ABOVE.chain(zero_below(log2)).any(is_set) => Judgement::Malformed,
        _ => Judgement::Next(PhysAddr::truncate(word)),
    }
}
