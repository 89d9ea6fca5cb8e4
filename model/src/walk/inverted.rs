//! What one element of an inverted table means for one search of a walk (docs/spec.md, section 4): first the anchor,
//! then entries of frames and aliases.

use super::probe::link;
use super::{Judgement, Probe};
use crate::memory::Element;
use crate::organisation::inverted::Slot;
use hashwalk_spec::inverted::ENTRY_LOG2;

/// Judges an anchor, an entry or an alias.
pub(super) fn judge(element: &Element, probe: &Probe) -> Judgement {
    if probe.steps == 1 {
        return link(probe.word(element), ENTRY_LOG2);
    }
    let slot = Slot::in_element(element, probe.place);
    if slot.matches(probe.search) {
        let frame = slot.frame(probe.place, probe.context.layout().entries());
        return frame.and_then(|frame| slot.mapping(frame)).map_or(Judgement::Malformed, Judgement::Found);
    }
    let next = slot.next();
    if next.get() == 0 { Judgement::Ends } else { Judgement::Next(next) }
}
