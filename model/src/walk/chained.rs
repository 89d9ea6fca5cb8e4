//! What one entry of a coalesced chain means for one search of a walk (docs/spec.md, section 4).

use super::Judgement;
use crate::entry::Entry;
use crate::memory::Element;
use crate::organisation::common::SearchFor;

/// Judges an entry.
#[inline]
pub(super) fn judge(element: &Element, search: &SearchFor) -> Judgement {
    let entry = Entry::from_bytes(element.first_chunk().expect("an element is no shorter than an entry"));
    if entry.matches(search.asid, search.vpn, search.size, search.must_be_global) {
        return entry.mapping().map_or(Judgement::Malformed, Judgement::Found);
    }
    match entry.link() {
        Some(_) if entry.breaks_link_zeros() => Judgement::Malformed,
        Some(next) => Judgement::Next(next),
        None => Judgement::Ends,
    }
}
