//! What one element of a table of balanced trees means for one search (docs/spec.md, sections 2 and 4). Combinational,
//! two stages.
//!
//! ```text
//!                       as it arrives                                   a cycle later
//!  bucket, first probe ────────────────────────────────────────► the place's word ─┐
//!  node ─► (ASID, VPN) sought < its key: left,  > : right ─────► that subtree's ───┴─► where the search goes on
//!                             = : V, size, G agree? ───────────► its PTE ────────────► found
//! ```

use hashwalk_hdl::{Signal, any_of, concat, one_hot_mux};
use hashwalk_spec::entry;
use hashwalk_spec::tree::{LEFT, NODE_LOG2, RIGHT};

use crate::link;
use crate::verdict::{Arrival, Candidate, Judged, Step, Word};

/// Bits of the tags: the node holds the page; it holds the bucket; the page stands left of it; right of it.
pub const TAG_BITS: u32 = 4;
const IS_BUCKET: u32 = 1;
const IS_LEFT: u32 = 2;
const IS_RIGHT: u32 = 3;
/// Bits of the place that choose a word of an element.
pub const KEPT_PLACE_BITS: u32 = 3;

/// Compares a node's key with what is sought.
#[must_use]
pub fn tags(a: &Arrival) -> Signal {
    let sought = a.sought;
    let key = concat([a.bits.bits(entry::ASID), a.bits.bits(entry::VPN)]);
    let sought_key = concat([&sought.asid, &sought.vpn]);
    let same_key = sought_key.eq(&key).named("same_key");
    let is_left = sought_key.lt(&key).named("is_left");
    let accepted = a.bits.bit(entry::VALID) & (a.bits.bit(entry::GLOBAL) | !&sought.global);
    let matches = &same_key & a.bits.bits(entry::SIZE).eq(&sought.size) & accepted;
    let is_node = !&a.first;
    concat([!(&same_key | &is_left) & &is_node, is_left & &is_node, a.first.clone(), matches & is_node])
}

/// Judges a bucket or a node.
#[must_use]
pub fn judge(j: &Judged) -> Step {
    let found = Candidate {
        global: j.bits.bit(entry::GLOBAL),
        rights: j.bits.bits(entry::RIGHTS),
        pfn: j.bits.bits(entry::PFN),
        stray_bits: any_of(entry::ZERO_IN_MAPPING.map(|range| j.bits.bits(range).any())),
        word: Word::of(j.bits, 0),
    };
    let onward = one_hot_mux([
        (j.tags.bit(IS_BUCKET), link::word_at(j.bits, j.place)),
        (j.tags.bit(IS_LEFT), j.bits.bits(LEFT)),
        (j.tags.bit(IS_RIGHT), j.bits.bits(RIGHT)),
    ]);
    Step::linked(j.tags.bit(0), found.weigh(j.scales), link::of_word(&onward, NODE_LOG2))
}
