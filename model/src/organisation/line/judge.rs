//! What one line means for one search of a walk.

use super::format::{Group, Line, Wanted};
use crate::memory::Element;
use crate::walk::{Judgement, Probe};
use hashwalk_spec::{PageSize, Vpn};

/// The VPN whose hash is a page's home: the first of its group.
pub(crate) fn group_vpn(vpn: Vpn, size: PageSize) -> Vpn {
    Group::of(hashwalk_spec::Asid::GLOBAL, vpn, size).first
}

/// Judges a line (docs/spec.md, section 4).
pub(crate) fn judge(element: &Element, probe: &Probe) -> Judgement {
    let (line, search) = (Line::from_bytes(element), probe.search);
    let wanted = Wanted::new(search.asid, search.vpn, search.size);
    match line.find_global(&wanted, search.must_be_global) {
        Some(word) => line.mapping(word).map_or(Judgement::Malformed, Judgement::Found),
        None => line.link().map_or(Judgement::Ends, |next| probe.link_to(next)),
    }
}
