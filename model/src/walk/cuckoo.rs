//! What one entry of a cuckoo table means for one search of a walk (docs/spec.md, section 4).

use super::{Judgement, Probe};
use crate::entry::Entry;
use crate::memory::Element;
use crate::organisation::cuckoo::mapping_without_link;

/// Judges an entry: it holds the page, or the next way may.
#[inline]
pub(super) fn judge(element: &Element, probe: &Probe) -> Judgement {
    let (entry, search) = (Entry::from_bytes(element.first_chunk().expect("it holds an entry")), probe.search);
    if entry.matches(search.asid, search.vpn, search.size, search.must_be_global) {
        return mapping_without_link(&entry).map_or(Judgement::Malformed, Judgement::Found);
    }
    Judgement::Ends
}
