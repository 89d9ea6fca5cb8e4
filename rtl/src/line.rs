//! What one line of the table means for one search (docs/spec.md, sections 2 and 4). Combinational, one cycle.
//!
//! ```text
//!            ┌─ dense tag (ASID, size, VPN[51:3]) = sought? ──────► PTE of the page's own word ─┐
//!  line ─────┤                                                                                 ├─► found, or none
//!            └─ 4 entries: V, size, ASID, VPN = sought? ──────────► PTE of the lowest that is ─┘
//! ```
//!
//! A PTE that is not asked for counts for nothing, whatever stands in it: one that is broken does not harm its
//! neighbours. Each of the five PTEs is weighed beside the comparison of the tags.

use hashwalk_hdl::{Signal, any_of, concat, first_one, lit, one_hot_mux};
use hashwalk_spec::PageSize;
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{entry, line};

use crate::verdict::{Candidate, Scales, Step, Weighed};

/// Judges a line.
#[must_use]
pub fn judge(bits: &Signal, scales: &Scales) -> Step {
    let sought = &scales.sought;
    let dense = bits.bit(line::DENSE).named("dense");
    let tag_agrees = gather(bits, &line::DENSE_ASID).eq(&sought.asid)
        & bits.bits(line::DENSE_SIZE).eq(&sought.size)
        & gather(bits, &line::DENSE_VPN).eq(&group(&sought.vpn, &sought.size).bits(line::GROUP_LOG2..VPN_BITS));
    let own_word = page_of_group(&sought.vpn, &sought.size).named("own_word");
    let words = (0..line::WORDS).map(|word| (own_word.eq_value(word), candidate(bits, word, true)));
    let in_dense = one_hot_mux(words);
    let is_dense_match = (&dense & tag_agrees & sought.accepts(&in_dense)).named("dense_match");

    let entries: Vec<Candidate> = (0..line::MIXED_ENTRIES).map(|e| candidate(bits, 2 * e, false)).collect();
    let agrees = entries.iter().zip(0..).map(|(found, e)| {
        let size = bits.bits(line::in_word(2 * e, entry::SIZE));
        let tag = gather(bits, &line::mixed_asid(e)).eq(&sought.asid) & bits.bits(line::mixed_vpn(e)).eq(&sought.vpn);
        (!&dense & tag & size.eq(&sought.size) & sought.accepts(found)).named(format!("entry_{e}_match"))
    });
    let matches: Vec<Signal> = agrees.collect();
    let lowest = first_one(&matches);

    let weighed = |found: Candidate| -> Weighed { found.weigh(scales) };
    let in_entries = lowest.into_iter().zip(entries.into_iter().map(weighed));
    let choices = std::iter::once((is_dense_match.clone(), weighed(in_dense))).chain(in_entries);
    Step {
        is_match: is_dense_match | any_of(&matches),
        found: one_hot_mux(choices),
        linked: bits.bit(line::LINKED),
        next: gather(bits, &line::NEXT),
        bad_link: hashwalk_hdl::low(),
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
        valid: at(entry::VALID),
        global: at(entry::GLOBAL),
        rights: bits.bits(line::in_word(word, entry::RIGHTS)),
        pfn: bits.bits(line::in_word(word, entry::PFN)),
        stray_bits: if zero.is_empty() { lit(1, 0u32) } else { bits.bits(zero).any() },
    }
}

/// The bits in these ranges, the first one lowest.
fn gather(bits: &Signal, ranges: &[std::ops::Range<u32>]) -> Signal {
    concat(ranges.iter().rev().map(|range| bits.bits(range.clone())))
}
