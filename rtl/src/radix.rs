//! What one word of a radix tree means for one search (docs/spec.md, sections 2 and 4). Combinational, two stages.
//!
//! ```text
//!            as it arrives                                         a cycle later
//!  element ─► the place's word ─┬─ V, T: zeros? ─► leads on ─────► frame of the node and the VPN's bits: the next place
//!                               └─ V, not T: a leaf ─────────────► its PTE: found
//! ```
//!
//! A search is one for pages of all sizes that are enabled. The word's level follows from the probes that the search has
//! made: the directory is level 5, and a leaf at level s + 1 has size s.

use hashwalk_hdl::{Signal, any_of, concat, lit, one_hot_mux};
use hashwalk_spec::address::PFN_BITS;
use hashwalk_spec::entry;
use hashwalk_spec::radix::{INDEX_BITS, LEVELS, NODE, PFN, SIGN, ZERO_IN_LEAF, ZERO_IN_NODE, index};

use crate::link::{self, Link, PLACE_BITS};
use crate::page;
use crate::ports::SIZE_BITS;
use crate::verdict::{Arrival, Candidate, Judged, SIZES, Sought, Step, Word};

/// Bits of the tags: the word is a leaf that is sought; it leads on; it is malformed.
pub const TAG_BITS: u32 = 3;
const LEADS_ON: u32 = 1;
const MALFORMED: u32 = 2;
/// Bits of the place that choose a word of an element.
pub const KEPT_PLACE_BITS: u32 = 2;
/// Bits of the number of probes that a search has made.
pub const STEP_BITS: u32 = 3;
/// Bits of the VPN that the levels share.
pub const VPN_BITS: u32 = LEVELS * INDEX_BITS;

/// Whether a search has come to the word of this level, 1 to 5, after so many probes.
#[must_use]
pub fn is_at(level: u32, steps: &Signal) -> Signal {
    steps.eq_value(LEVELS + 1 - level)
}

/// Whether the tree reaches the page.
#[must_use]
pub fn reaches(vpn: &Signal) -> Signal {
    let upper = vpn.bits(SIGN);
    upper.all() | upper.is_zero()
}

/// What is sought by the word that is read after so many probes: the page of that level's size.
#[must_use]
pub fn sought_at(sought: &Sought, steps: &Signal) -> Sought {
    let size = size_at(steps);
    Sought { vpn: page::base(&sought.vpn, &size), size, ..sought.clone() }
}

/// The size of a page whose leaf is read after so many probes.
#[must_use]
pub fn size_at(steps: &Signal) -> Signal {
    // Above level 3 no leaf can be, and what comes out there does not count.
    lit(SIZE_BITS, 0u32) - steps.bits(0..SIZE_BITS)
}

/// Says what kind of word stands at the place.
#[must_use]
pub fn tags(a: &Arrival) -> Signal {
    let word = link::word_at(a.bits, a.place).named("arriving_word");
    let (valid, is_node) = (word.bit(entry::VALID), word.bit(NODE));
    let is_leaf = &valid & !&is_node;
    let leads = &valid & &is_node;
    let too_high = is_at(LEVELS, a.steps) | is_at(LEVELS + 1, a.steps);
    let strays = any_of(ZERO_IN_NODE.map(|range| word.bits(range).any()));
    let malformed = (&leads & (strays | is_at(1, a.steps))) | (&is_leaf & &too_high);
    let enabled = (0..SIZES).map(|size| {
        let bit = &a.enabled.bit(size) & !&a.sought.global | (&a.enabled.bit(SIZES + size) & &a.sought.global);
        is_at(size + 1, a.steps) & bit
    });
    let is_sought = is_leaf & any_of(enabled) & (word.bit(entry::GLOBAL) | !&a.sought.global);
    concat([malformed, leads, is_sought])
}

/// Judges a word.
#[must_use]
pub fn judge(j: &Judged) -> Step {
    let word = link::word_at(j.bits, j.place).named("word");
    let other_size = word.bits(entry::SIZE).ne(&j.scales.sought.size);
    let found = Candidate {
        global: word.bit(entry::GLOBAL),
        rights: word.bits(entry::RIGHTS),
        pfn: word.bits(PFN),
        stray_bits: any_of(ZERO_IN_LEAF.map(|range| word.bits(range).any())) | other_size,
        word: Word::of(&word, 0),
    };
    let below = one_hot_mux((1..=LEVELS).map(|level| (is_at(level + 1, j.steps), j.vpn.bits(index(level)))));
    let malformed = j.tags.bit(MALFORMED);
    let link = Link { exists: j.tags.bit(LEADS_ON) | &malformed, place: in_node(&word.bits(PFN), &below), malformed };
    Step::linked(j.tags.bit(0), found.weigh(j.scales), link)
}

/// The place of a word of the node in this frame.
#[must_use]
pub fn in_node(frame: &Signal, index: &Signal) -> Signal {
    debug_assert_eq!(PFN_BITS + INDEX_BITS, PLACE_BITS);
    concat([frame, index])
}
