//! What one entry of a coalesced chain, or of a cuckoo table, means for one search (docs/spec.md, sections 2 and 4).
//! Combinational, two stages.
//!
//! ```text
//!            ┌─ VPN, ASID, size = sought? ─────────────┐
//!  entry ────┼─ rights allow? PFN aligned? stray bits? ├─► tags ──► found, or where the chain goes on
//!            ├─ link leads out of the table? ──────────┤
//!            └─ sequence numbers agree? ───────────────┘
//!              as the entry arrives                           judge: a cycle later
//! ```
//!
//! Of an entry whose sequence numbers differ nothing counts: it does not match, its link is not followed and is no error.

use std::ops::Range;

use hashwalk_hdl::{Signal, any_of, concat, high, lit, low};
use hashwalk_spec::entry::{
    ASID, GLOBAL, INDEX_BITS, LINK_WORD, LINKED, NEXT, PFN, RIGHTS, SEQUENCES, SIZE, VALID, VPN, ZERO_IN_LINK,
    ZERO_IN_MAPPING,
};
use hashwalk_spec::{Config, Format};

use crate::verdict::{Arrival, Assay, Candidate, Scales, Step, Word};

/// The bits of an entry's tags: it holds the page; its PTE is malformed; it denies the access; where there are links, that
/// its link is malformed or leads out of the table; where there are sequence numbers, that it is torn.
const HOLDS: u32 = 0;
const MALFORMED: u32 = 1;
const DENIED: u32 = 2;
const BAD_LINK: u32 = 3;
const TORN: u32 = 4;

/// How many they are.
#[must_use]
pub fn tag_bits(config: &Config) -> u32 {
    if config.sequence() {
        TORN + 1
    } else if has_links(config) {
        BAD_LINK + 1
    } else {
        DENIED + 1
    }
}

fn has_links(config: &Config) -> bool {
    config.format() == Format::Chained
}

/// Compares an entry that arrives with what is sought, and checks what would follow.
#[must_use]
pub fn tags(config: &Config, a: &Arrival) -> Signal {
    let (bits, sought) = (a.bits, a.sought);
    let torn = config.sequence().then(|| {
        let [first, last] = SEQUENCES.map(|range| bits.bits(range));
        first.ne(&last).named("torn")
    });
    let whole = torn.as_ref().map_or_else(high, |torn| !torn);
    let same_page = bits.bits(VPN).eq(&sought.vpn).named("same_page");
    let same_asid = bits.bits(ASID).eq(&sought.asid).named("same_asid");
    let same_size = bits.bits(SIZE).eq(&sought.size).named("same_size");
    let accepted = bits.bit(VALID) & (bits.bit(GLOBAL) | !&sought.global);
    let holds = same_page & same_asid & same_size & accepted & &whole;
    let Assay { malformed, denied } = candidate(config, bits).assay(sought, a.asid_any, a.request);
    let bad_link = has_links(config).then(|| {
        let outside = (bits.bits(NEXT) & !a.table_mask).any();
        (bits.bits(unnumbered(config, ZERO_IN_LINK)).any() | outside) & whole
    });
    let tags = [Some(holds), Some(malformed), Some(denied), bad_link, torn];
    concat(tags.into_iter().flatten().collect::<Vec<_>>().iter().rev())
}

/// Judges an entry, given its tags.
#[must_use]
pub fn judge(config: &Config, bits: &Signal, tags: &Signal, scales: &Scales) -> Step {
    let assay = Assay { malformed: tags.bit(MALFORMED), denied: tags.bit(DENIED) };
    let torn = config.sequence().then(|| tags.bit(TORN));
    let (linked, next, bad_link) = if has_links(config) {
        (bits.bit(LINKED), bits.bits(NEXT), tags.bit(BAD_LINK))
    } else {
        (low(), lit(INDEX_BITS, 0u32), low())
    };
    Step {
        is_match: tags.bit(HOLDS),
        found: candidate(config, bits).weigh_assayed(assay, scales),
        linked: torn.iter().fold(linked, |linked, torn| linked | torn),
        next,
        bad_link,
        torn,
    }
}

/// The PTE of an entry. Without links the word of the link belongs to what must be zero.
fn candidate(config: &Config, bits: &Signal) -> Candidate {
    let stray = any_of(ZERO_IN_MAPPING.map(|range| bits.bits(unnumbered(config, range)).any()));
    let in_link_word = if has_links(config) { low() } else { bits.bits(LINK_WORD).any() };
    Candidate {
        global: bits.bit(GLOBAL),
        rights: bits.bits(RIGHTS),
        pfn: bits.bits(PFN),
        stray_bits: stray | in_link_word,
        word: Word::of(bits, 0),
    }
}

/// Of bits that must be zero those that do: sequence numbers stand in the highest of them.
fn unnumbered(config: &Config, zeros: Range<u32>) -> Range<u32> {
    let number = SEQUENCES.into_iter().find(|number| config.sequence() && number.end == zeros.end);
    zeros.start..number.map_or(zeros.end, |number| number.start)
}
