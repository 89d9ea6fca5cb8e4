//! What one entry of a coalesced chain, or of a cuckoo table, means for one search (docs/spec.md, sections 2 and 4).
//! Combinational, two stages.
//!
//! ```text
//!            ┌─ VPN, ASID, size = sought? ─────────────┐
//!  entry ────┼─ rights allow? PFN aligned? stray bits? ├─► tags ──► found, or where the chain goes on
//!            └─ link leads out of the table? ──────────┘
//!              as the entry arrives                           judge: a cycle later
//! ```

use hashwalk_hdl::{Signal, any_of, concat, lit, low};
use hashwalk_spec::entry::{
    ASID, GLOBAL, INDEX_BITS, LINK_WORD, LINKED, NEXT, PFN, RIGHTS, SIZE, VALID, VPN, ZERO_IN_LINK, ZERO_IN_MAPPING,
};

use crate::verdict::{Arrival, Assay, Candidate, Scales, Step, Word};

/// Bits of an entry's tags: it holds the page; its PTE is malformed; it denies the access.
pub const TAG_BITS: u32 = 3;
const MALFORMED: u32 = 1;
const DENIED: u32 = 2;
/// The same where there are links: the link is malformed or leads out of the table.
pub const LINKED_TAG_BITS: u32 = TAG_BITS + 1;
const BAD_LINK: u32 = 3;

/// Compares an entry that arrives with what is sought, and checks what would follow.
#[must_use]
pub fn tags(a: &Arrival, links: bool) -> Signal {
    let (bits, sought) = (a.bits, a.sought);
    let same_page = bits.bits(VPN).eq(&sought.vpn).named("same_page");
    let same_asid = bits.bits(ASID).eq(&sought.asid).named("same_asid");
    let same_size = bits.bits(SIZE).eq(&sought.size).named("same_size");
    let accepted = bits.bit(VALID) & (bits.bit(GLOBAL) | !&sought.global);
    let matches = same_page & same_asid & same_size & accepted;
    let Assay { malformed, denied } = candidate(bits, links).assay(sought, a.request);
    let tags = concat([denied, malformed, matches]);
    if !links {
        return tags;
    }
    let outside = (bits.bits(NEXT) & !a.table_mask).any();
    concat([bits.bits(ZERO_IN_LINK).any() | outside, tags])
}

/// Judges an entry, given its tags.
#[must_use]
pub fn judge(bits: &Signal, tags: &Signal, scales: &Scales, links: bool) -> Step {
    let assay = Assay { malformed: tags.bit(MALFORMED), denied: tags.bit(DENIED) };
    let found = candidate(bits, links).weigh_assayed(assay, scales);
    let (linked, next, bad_link) = if links {
        (bits.bit(LINKED), bits.bits(NEXT), tags.bit(BAD_LINK))
    } else {
        (low(), lit(INDEX_BITS, 0u32), low())
    };
    Step { is_match: tags.bit(0), found, linked, next, bad_link }
}

/// The PTE of an entry. Without links the word of the link belongs to what must be zero.
fn candidate(bits: &Signal, links: bool) -> Candidate {
    let stray = any_of(ZERO_IN_MAPPING.map(|range| bits.bits(range).any()));
    let in_link_word = if links { low() } else { bits.bits(LINK_WORD).any() };
    Candidate {
        global: bits.bit(GLOBAL),
        rights: bits.bits(RIGHTS),
        pfn: bits.bits(PFN),
        stray_bits: stray | in_link_word,
        word: Word::of(bits, 0),
    }
}
