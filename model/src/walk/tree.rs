//! What one element of a table of trees means for one search of a walk (docs/spec.md, section 4): first the bucket,
//! then nodes.

use super::probe::link;
use super::{Judgement, Probe};
use crate::memory::Element;
use crate::organisation::buckets::unpack;
use hashwalk_spec::tree::{LEFT, NODE_LOG2, RIGHT};
use std::cmp::Ordering;

/// Judges a bucket or a node.
pub(super) fn judge(element: &Element, probe: &Probe) -> Judgement {
    if probe.steps == 1 {
        return link(probe.word(element), NODE_LOG2);
    }
    let words = element.as_chunks::<8>().0;
    let word = |index: usize| u64::from_le_bytes(words[index]);
    let (entry, search) = (unpack(&[word(0), word(1), word(2)]), probe.search);
    let subtree = |bits: std::ops::Range<u32>| link(word(bits.start as usize / 64), NODE_LOG2);
    match (search.asid, search.vpn).cmp(&(entry.asid(), entry.vpn())) {
        Ordering::Less => subtree(LEFT),
        Ordering::Greater => subtree(RIGHT),
        Ordering::Equal if entry.matches(search.asid, search.vpn, search.size, search.must_be_global) => {
            entry.mapping().map_or(Judgement::Malformed, Judgement::Found)
        }
        Ordering::Equal => Judgement::Ends,
    }
}
