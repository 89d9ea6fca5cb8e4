//! What one entry of a coalesced chain means for one search of a walk (docs/spec.md, section 4).

use super::{Judgement, Probe};
use crate::entry::Entry;
use crate::memory::Element;

/// Judges an entry.
#[inline]
pub(super) fn judge(element: &Element, probe: &Probe) -> Judgement {
    let (stored, search) = (Entry::from_bytes(element.first_chunk().expect("it holds an entry")), probe.search);
    let whole = if probe.context.layout().sequence() { stored.whole() } else { Some(stored) };
    // Its words are of two versions: nothing of it counts, and it is read again.
    let Some(entry) = whole else { return Judgement::Next(probe.place) };
    if entry.matches(search.asid, search.vpn, search.size, search.must_be_global) {
        return entry.mapping().map_or(Judgement::Malformed, Judgement::Found);
    }
    match entry.link() {
        Some(_) if entry.breaks_link_zeros() => Judgement::Malformed,
        Some(next) => probe.link_to(next),
        None => Judgement::Ends,
    }
}
