//! What one word of a radix tree means for one search of a walk (docs/spec.md, section 4): first that of the directory,
//! then one a level.

use super::{Judgement, Probe};
use crate::memory::Element;
use crate::organisation::radix::{LEVELS, Reach, Word, size_at};
use hashwalk_spec::entry::GLOBAL;
use hashwalk_spec::{PageSize, Search};

/// Judges a word of the directory or of a node. The search is for pages of all sizes that are enabled.
pub(super) fn judge(element: &Element, probe: &Probe) -> Judgement {
    let (word, search) = (Word(probe.word(element)), probe.search);
    let level = LEVELS + 2 - probe.steps;
    if !word.valid() {
        return Judgement::Ends;
    }
    if word.leads_on() {
        let node = word.node_below(level);
        let next = |node| Judgement::Next(Reach::Bits48.slot(node, level - 1, search.vpn));
        return node.map_or(Judgement::Malformed, next);
    }
    let Some(size) = size_at(level) else { return Judgement::Malformed };
    if !is_wanted(probe, size) || (search.must_be_global && word.0 >> GLOBAL & 1 == 0) {
        return Judgement::Ends;
    }
    let mapping = word.well_formed(search.asid, size, search.vpn.base(size));
    mapping.map_or(Judgement::Malformed, Judgement::Found)
}

/// Whether the search for pages of this size is enabled in the tree that is walked.
fn is_wanted(probe: &Probe, size: PageSize) -> bool {
    let this = Search { global: probe.search.must_be_global, size };
    let bit = Search::ALL.iter().position(|search| *search == this).expect("each size is searched for");
    probe.context.search_enable() >> bit & 1 != 0
}
