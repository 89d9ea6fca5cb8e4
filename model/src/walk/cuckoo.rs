//! What one entry of a cuckoo table means for one search of a walk (docs/spec.md, section 4).

use super::Judgement;
use crate::entry::Entry;
use crate::memory::Element;
use crate::organisation::common::SearchFor;
use crate::organisation::cuckoo::mapping_without_link;

/// Judges an entry: it holds the page, or the next way may.
#[inline]
pub(super) fn judge(element: &Element, search: &SearchFor) -> Judgement {
    let entry = Entry::from_bytes(element.first_chunk().expect("an element is no shorter than an entry"));
    if entry.matches(search.asid, search.vpn, search.size, search.must_be_global) {
        return mapping_without_link(&entry).map_or(Judgement::Malformed, Judgement::Found);
    }
    Judgement::Ends
}
