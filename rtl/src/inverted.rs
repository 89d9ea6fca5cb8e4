//! What one element of an inverted table means for one search (docs/spec.md, sections 2 and 4). Combinational, two stages.
//!
//! ```text
//!              anchors, first probe                    entries and aliases, further probes
//!  element  +----+----+----+----+              +--------------+--------------+    +------------------------------+
//!           | 0  | 1  | 2  | 3  |              |   entry 2i   |  entry 2i+1  | or |  alias        | PFN, zeros    |
//!           +----+----+----+----+              +--------------+--------------+    +------------------------------+
//!              the place's word                    the place's half                       the lower half
//! ```
//!
//! Both halves are compared as they arrive, and the place says which of the two counts. An entry's frame is worked out from
//! its place: the array of entries is aligned, so an exclusive or is enough.

use std::ops::Range;

use hashwalk_hdl::{Signal, concat, lit, low, when};
use hashwalk_spec::address::{PAGE_OFFSET_BITS, PFN_BITS};
use hashwalk_spec::entry;
use hashwalk_spec::inverted::{
    ABOVE_ENTRIES, ALIAS_PFN, ASID, ENTRY_LOG2, NAMES_FRAME, NEXT, SIZE, VPN, ZERO, ZERO_IN_ALIAS,
};
use hashwalk_spec::link::LINK_LOG2;

use crate::link;
use crate::verdict::{Arrival, Candidate, Judged, Step, Word};

/// Bits of an entry.
const ENTRY_BITS: u32 = 8 << ENTRY_LOG2;
/// Bits of the tags: it holds the page; it holds the anchor.
pub const TAG_BITS: u32 = 2;
const IS_ANCHOR: u32 = 1;

/// Compares what stands at the place with what is sought.
#[must_use]
pub fn tags(a: &Arrival) -> Signal {
    let sought = a.sought;
    let holds = |half: u32| {
        let field = |range: &Range<u32>| a.bits.bits(shifted(range, half));
        let bit = |at: u32| a.bits.bit(at + half * ENTRY_BITS);
        let same_page = field(&VPN).eq(&sought.vpn) & field(&ASID).eq(&sought.asid) & field(&SIZE).eq(&sought.size);
        same_page & bit(entry::VALID) & (bit(entry::GLOBAL) | !&sought.global)
    };
    let matches = when(&is_upper(a.place), holds(1)).otherwise(holds(0));
    concat([&a.first, &(matches & !&a.first)])
}

/// Judges an anchor, an entry or an alias.
#[must_use]
pub fn judge(j: &Judged) -> Step {
    let lower = j.bits.bits(0..ENTRY_BITS);
    let upper = is_upper(j.place).named("upper_half");
    let slot = when(&upper, j.bits.bits(ENTRY_BITS..2 * ENTRY_BITS)).otherwise(lower).named("entry");
    let names_frame = slot.bit(NAMES_FRAME);
    let strays_of_alias = ZERO_IN_ALIAS.iter().fold(upper, |strays, range| strays | j.bits.bits(range.clone()).any());
    // The place counts words of 8 bytes, and entries are aligned to 16.
    let number = j.place.bits(ENTRY_LOG2 - LINK_LOG2..j.place.width());
    let entries_frame = j.control.entries_frame.as_ref().expect("an inverted table has entries");
    let within_frame = PAGE_OFFSET_BITS - ENTRY_LOG2;
    let entries = concat([entries_frame, &lit(within_frame, 0u32)]);
    let from_place = (number ^ entries).named("from_place");
    let too_far = from_place.bits(ABOVE_ENTRIES.start - ENTRY_LOG2..from_place.width()).any();
    let found = Candidate {
        global: slot.bit(entry::GLOBAL),
        rights: slot.bits(entry::RIGHTS),
        pfn: when(&names_frame, j.bits.bits(ALIAS_PFN)).otherwise(from_place.bits(0..PFN_BITS)),
        stray_bits: slot.bits(ZERO).any() | when(&names_frame, strays_of_alias).otherwise(too_far),
        word: Word::of(&slot, 0),
    };
    let anchor = link::of_word(&link::word_at(j.bits, j.place), ENTRY_LOG2);
    let next = slot.bits(NEXT);
    let along = link::Link { exists: next.any(), place: concat([&next, &low()]), malformed: low() };
    let link = when(&j.tags.bit(IS_ANCHOR), anchor).otherwise(along);
    Step::linked(j.tags.bit(0), found.weigh(j.scales), link)
}

/// Whether a place, in words of 8 bytes, is in the upper half of its element.
fn is_upper(place: &Signal) -> Signal {
    place.bit(1)
}

fn shifted(range: &Range<u32>, half: u32) -> Range<u32> {
    range.start + half * ENTRY_BITS..range.end + half * ENTRY_BITS
}
