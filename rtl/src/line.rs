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
//! neighbours. Each of the five PTEs is assayed beside the comparison of the tags.

use std::ops::Range;

use hashwalk_hdl::{Bundle, Signal, any_of, bundle, concat, first_one, lit, mask, one_hot_mux};
use hashwalk_spec::PageSize;
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{entry, line};

use crate::page;
use crate::ports::{RIGHTS_BITS, Request};
use crate::verdict::{Arrival, Assay, Candidate, Scales, Step, Weighed, Word};

bundle! {
    /// What a walk looks for in a line.
    pub struct InLine {
        /// 52 bits: the page's first VPN.
        pub vpn: Signal,
        /// 16 bits: 0 in a search for global mappings.
        pub asid: Signal,
        /// 52 bits: the first VPN of the eight.
        pub group: Signal,
        /// 8 bits, one-hot: the word of their dense line that is the page's.
        pub own_word: Signal,
    }
}

/// The PTEs that may be the one: that of the dense line, and of each entry.
const CANDIDATES: u32 = 1 + line::MIXED_ENTRIES;
const HOLDS: Range<u32> = 0..CANDIDATES;
const ENTRY_MALFORMED: Range<u32> = CANDIDATES..CANDIDATES + line::MIXED_ENTRIES;
const GLOBAL: Range<u32> = ENTRY_MALFORMED.end..ENTRY_MALFORMED.end + CANDIDATES;
const ENTRY_DENIED: Range<u32> = GLOBAL.end..GLOBAL.end + line::MIXED_ENTRIES;
const OUTSIDE: u32 = ENTRY_DENIED.end;
const OWN_RIGHTS: Range<u32> = OUTSIDE + 1..OUTSIDE + 1 + RIGHTS_BITS;
const WORD_MALFORMED: Range<u32> = OWN_RIGHTS.end..OWN_RIGHTS.end + line::WORDS;
const OWN_WORD: Range<u32> = WORD_MALFORMED.end..TAG_BITS;
/// Bits of a line's tags: for each candidate whether it is the page's; for each entry whether it is malformed; for each
/// candidate whether it is global; for each entry whether it denies the access; whether the link leads out of the
/// table; the rights in the page's own word; for each word of a dense line whether it is malformed; and which the own
/// word is, one-hot.
pub const TAG_BITS: u32 = WORD_MALFORMED.end + line::WORDS;

/// Compares the tags of a line that arrives.
#[must_use]
pub fn tags(a: &Arrival) -> Signal {
    let (bits, sought) = (a.bits, a.sought);
    let own_word = one_hot_mux(a.in_line.iter().map(|(speaks, walk)| (speaks.clone(), walk.own_word.clone())));
    // Which walk the line is for is known late: it is compared with what each looks for.
    let of_speaker = |agrees: &dyn Fn(&InLine) -> Signal| any_of(a.in_line.iter().map(|(it, walk)| it & agrees(walk)));
    let dense = bits.bit(line::DENSE).named("dense");
    let (group, asid) = (gather(bits, &line::DENSE_VPN), gather(bits, &line::DENSE_ASID));
    let is_group = of_speaker(&|walk| group.eq(&walk.group.bits(line::GROUP_LOG2..VPN_BITS)) & asid.eq(&walk.asid))
        .named("is_group");
    let tag_agrees = is_group & bits.bits(line::DENSE_SIZE).eq(&sought.size);
    let own_word = own_word.each_bit();
    let accepts = |word: u32| {
        let bit = |at: u32| bits.bit(64 * word + at);
        bit(entry::VALID) & (bit(entry::GLOBAL) | !&sought.global)
    };
    let own_accepts = of_own_word(&own_word, accepts);
    let in_dense = &dense & tag_agrees & own_accepts;

    let agrees = |e: u32| {
        let size = bits.bits(line::in_word(2 * e, entry::SIZE));
        let (vpn, asid) = (bits.bits(line::mixed_vpn(e)), gather(bits, &line::mixed_asid(e)));
        let is_page = of_speaker(&|walk| vpn.eq(&walk.vpn) & asid.eq(&walk.asid)).named(format!("is_page_{e}"));
        !&dense & is_page & size.eq(&sought.size) & accepts(2 * e)
    };
    let in_entries = (0..line::MIXED_ENTRIES).map(agrees);
    let holds: Vec<Signal> = std::iter::once(in_dense).chain(in_entries).collect();
    let assay = |candidate: Candidate| candidate.assay(sought, a.asid_any, a.request);
    // Which word is the page's own is known late: what it denies, and whether it is malformed, is seen a cycle later.
    let of_words = (0..line::WORDS).map(|word| assay(candidate(bits, word, true)).malformed);
    let of_words: Vec<Signal> = of_words.collect();
    let own_rights = of_own_word(&own_word, |word| bits.bits(line::in_word(word, entry::RIGHTS)));
    let of_entries = (0..line::MIXED_ENTRIES).map(|e| assay(candidate(bits, 2 * e, false)));
    let assays: Vec<Assay> = of_entries.collect();
    let is_global = |word: u32| bits.bit(64 * word + entry::GLOBAL);
    let globals: Vec<Signal> = std::iter::once(of_own_word(&own_word, is_global))
        .chain((0..line::MIXED_ENTRIES).map(|e| is_global(2 * e)))
        .collect();
    let outside = (gather(bits, &line::NEXT) & !a.table_mask).any();
    concat([
        mask(&own_word),
        mask(&of_words),
        own_rights,
        outside,
        concat(assays.iter().rev().map(|assay| &assay.denied)),
        mask(&globals),
        concat(assays.iter().rev().map(|assay| &assay.malformed)),
        mask(&holds),
    ])
}

/// Judges a line, given its tags.
#[must_use]
pub fn judge(bits: &Signal, tags: &Signal, scales: &Scales) -> Step {
    let each = |range: Range<u32>| range.map(|n| tags.bit(n));
    let holds: Vec<Signal> = each(HOLDS).collect();
    let Request { access, user, .. } = &scales.request;
    let dense_denied = !page::allows(&tags.bits(OWN_RIGHTS), access, user);
    let dense_malformed = (tags.bits(OWN_WORD) & tags.bits(WORD_MALFORMED)).any();
    let dense = Assay { malformed: dense_malformed, denied: dense_denied };
    let of_entries = each(ENTRY_MALFORMED).zip(each(ENTRY_DENIED));
    let of_entries = of_entries.map(|(malformed, denied)| Assay { malformed, denied });
    let assays = std::iter::once(dense).chain(of_entries);
    let own_word: Vec<Signal> = each(OWN_WORD).collect();
    let in_dense = of_own_word(&own_word, |word| candidate(bits, word, true));
    let entries = (0..line::MIXED_ENTRIES).map(|e| candidate(bits, 2 * e, false));
    // That a PTE is global decides, with what invalidations have named, what becomes of the walk: it is there first.
    let candidates = std::iter::once(in_dense).chain(entries).zip(each(GLOBAL));
    let candidates = candidates.map(|(found, global)| Candidate { global, ..found });
    let weighed: Vec<Weighed> =
        candidates.zip(assays).map(|(found, assay)| found.weigh_assayed(assay, scales)).collect();
    // Which one is the first is known late: a walk is made again for any that is named.
    let killed = any_of(holds.iter().zip(&weighed).map(|(holds, weighed)| holds & &weighed.killed));
    // A dense line has no entries.
    let lowest = std::iter::once(holds[0].clone()).chain(first_one(&holds[1..]));
    Step {
        is_match: tags.bits(HOLDS).any(),
        found: Weighed { killed, ..one_hot_mux(lowest.zip(weighed)) },
        linked: bits.bit(line::LINKED),
        next: gather(bits, &line::NEXT),
        bad_link: tags.bit(OUTSIDE),
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

/// Which word of its group's dense line is the page's, one-hot.
#[must_use]
pub fn own_word(vpn: &Signal, size: &Signal) -> Signal {
    let page = page_of_group(vpn, size);
    concat((0..line::WORDS).rev().map(|word| page.eq_value(word)))
}

/// Which of its group's eight pages the page is, 3 bits.
fn page_of_group(vpn: &Signal, size: &Signal) -> Signal {
    one_hot_mux(PageSize::ALL.map(|at| {
        let low = at.vpn_offset_bits();
        (size.eq_value(u32::from(at.code())), vpn.bits(low..low + line::GROUP_LOG2))
    }))
}

/// `f` of the word of a dense line that is the page's own, one-hot.
fn of_own_word<B: Bundle>(own_word: &[Signal], f: impl Fn(u32) -> B) -> B {
    one_hot_mux((0..).zip(own_word).map(|(word, is_own)| (is_own.clone(), f(word))))
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
