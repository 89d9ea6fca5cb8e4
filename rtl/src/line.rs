//! What one line of the table means for one search (docs/spec.md, sections 2 and 4). Combinational, two stages.
//!
//! ```text
//!            ┌─ dense tag (ASID, size, VPN[51:3]) = sought? ──────► PTE of the page's own word ─┐
//!  line ─────┤                                                                                 ├─► found, or none
//!            └─ 4 entries: V, size, ASID, VPN = sought? ──────────► PTE of the lowest that is ─┘
//!            └── tags: as the line arrives ──┘                      └── judge: a cycle later ──┘
//! ```
//!
//! A PTE that is not asked for counts for nothing, whatever stands in it: one that is broken does not harm its
//! neighbours. Each of the five PTEs is weighed beside the comparison of the tags.

use std::ops::Range;

use hashwalk_hdl::{Signal, concat, first_one, lit, one_hot_mux};
use hashwalk_spec::PageSize;
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{entry, line};

use crate::verdict::{Candidate, Scales, Sought, Step, Word};

/// Bits of a line's tags: the dense line holds the page, and so does each of the entries; then the page's own word.
pub const TAG_BITS: u32 = 1 + line::MIXED_ENTRIES + line::GROUP_LOG2;
const OWN_WORD: Range<u32> = 1 + line::MIXED_ENTRIES..TAG_BITS;

/// Compares the tags of a line that arrives.
#[must_use]
pub fn tags(bits: &Signal, sought: &Sought) -> Signal {
    let dense = bits.bit(line::DENSE).named("dense");
    let tag_agrees = gather(bits, &line::DENSE_ASID).eq(&sought.asid)
        & bits.bits(line::DENSE_SIZE).eq(&sought.size)
        & gather(bits, &line::DENSE_VPN).eq(&group(&sought.vpn, &sought.size).bits(line::GROUP_LOG2..VPN_BITS));
    let own_word = page_of_group(&sought.vpn, &sought.size);
    let accepts = |word: u32| {
        let bit = |at: u32| bits.bit(64 * word + at);
        bit(entry::VALID) & (bit(entry::GLOBAL) | !&sought.global)
    };
    let own_accepts = one_hot_mux((0..line::WORDS).map(|word| (own_word.eq_value(word), accepts(word))));
    let in_dense = &dense & tag_agrees & own_accepts;

    let agrees = |e: u32| {
        let size = bits.bits(line::in_word(2 * e, entry::SIZE));
        let tag = gather(bits, &line::mixed_asid(e)).eq(&sought.asid) & bits.bits(line::mixed_vpn(e)).eq(&sought.vpn);
        !&dense & tag & size.eq(&sought.size) & accepts(2 * e)
    };
    let in_entries: Vec<Signal> = (0..line::MIXED_ENTRIES).map(agrees).collect();
    concat([own_word, concat(in_entries.iter().rev()), in_dense])
}

/// Judges a line, given its tags.
#[must_use]
pub fn judge(bits: &Signal, tags: &Signal, scales: &Scales) -> Step {
    let own_word = tags.bits(OWN_WORD);
    let words = (0..line::WORDS).map(|word| (own_word.eq_value(word), candidate(bits, word, true)));
    let in_dense = one_hot_mux(words);
    let matches: Vec<Signal> = (1..=line::MIXED_ENTRIES).map(|n| tags.bit(n)).collect();
    let entries = (0..line::MIXED_ENTRIES).map(|e| candidate(bits, 2 * e, false).weigh(scales));
    let choices =
        std::iter::once((tags.bit(0), in_dense.weigh(scales))).chain(first_one(&matches).into_iter().zip(entries));
    Step {
        is_match: tags.bits(0..1 + line::MIXED_ENTRIES).any(),
        found: one_hot_mux(choices),
        linked: bits.bit(line::LINKED),
        next: gather(bits, &line::NEXT),
        bad_link: hashwalk_hdl::low(),
        torn: None,
    }
}

/// The first VPN of the eight pages side by side among which the page is. `vpn` is the page's first.
#[must_use]
pub fn group(vpn: &Signal, size: &Signal) -> Signal {
    let bits: Vec<Signal> = (0..VPN_BITS)
        .rev()
        .map(|bit| {
            let of_group = |size: PageSize| {
                let low = size.vpn_offset_bits();
                (low..low + line::GROUP_LOG2).contains(&bit)
            };
            let kept = vpn.bit(bit);
            match PageSize::ALL.into_iter().find(|size| of_group(*size)) {
                Some(at) => kept & !size.eq_value(u32::from(at.code())),
                None => kept,
            }
        })
        .collect();
    concat(bits)
}

/// Which of its group's eight pages the page is, 3 bits.
fn page_of_group(vpn: &Signal, size: &Signal) -> Signal {
    one_hot_mux(PageSize::ALL.map(|at| {
        let low = at.vpn_offset_bits();
        (size.eq_value(u32::from(at.code())), vpn.bits(low..low + line::GROUP_LOG2))
    }))
}

/// The PTE in a word.
fn candidate(bits: &Signal, word: u32, dense: bool) -> Candidate {
    let at = |bit: u32| bits.bit(64 * word + bit);
    let zero = line::zero_in_word(word, dense);
    Candidate {
        global: at(entry::GLOBAL),
        rights: bits.bits(line::in_word(word, entry::RIGHTS)),
        pfn: bits.bits(line::in_word(word, entry::PFN)),
        stray_bits: if zero.is_empty() { lit(1, 0u32) } else { bits.bits(zero).any() },
        word: Word::of(bits, word),
    }
}

/// The bits in these ranges, the first one lowest.
fn gather(bits: &Signal, ranges: &[std::ops::Range<u32>]) -> Signal {
    concat(ranges.iter().rev().map(|range| bits.bits(range.clone())))
}
