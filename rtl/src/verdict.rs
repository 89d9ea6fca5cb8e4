//! What one element of the table means for one search (docs/spec.md, section 4). Combinational, in two stages.
//!
//! ```text
//!  cycle in which it arrives             the next one
//!  element ─► tags of the format ─►|─► judge of the format ─► Step ─► conclude ─► Verdict: the walk ends, or goes on
//!                                                                                there, or the search is over
//! ```
//!
//! Each format compares the tags of an element as it arrives ([`tags`]), and has a judge that says a cycle later whether it
//! holds the page and where the chain goes on ([`Step`]); what follows from that is the same for all. Each PTE that may be
//! the one is weighed before it is known which it is ([`Candidate::weigh`]). Lines and entries have rights, alignment and
//! links checked as they arrive ([`Assay`]): many bits make one there, beside the comparison.

use hashwalk_hdl::{Signal, any_of, bundle, high, lit, low, shape, when};
use hashwalk_spec::entry::{ACCESSED, DIRTY};
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};
use hashwalk_spec::{Access, Config, Format, Marking};

use crate::line::InLine;
use crate::link::{Link, PLACE_BITS};
use crate::ports::{Control, Request};
use crate::{entry, inverted, line, page, radix, tree};

/// How many sizes of pages there are, and bits of [`Killed`].
pub const SIZES: u32 = 3;
/// Bits of a word of an element.
pub const WORD_BITS: u32 = 64;
/// Bits of the number of a word within its element.
pub const WORD_NUMBER_BITS: u32 = 3;

bundle! {
    /// What is searched for.
    pub struct Sought {
        /// 52 bits: the first VPN of the page.
        pub vpn: Signal,
        /// 16 bits: 0 in a search for global mappings.
        pub asid: Signal,
        /// 2 bits: the page size of this search.
        pub size: Signal,
        /// 1 bit: this search is for global mappings.
        pub global: Signal,
    }

    /// Which mappings of a page invalidations have named since it was read: bit i stands for those of size code i.
    pub struct Killed {
        /// 3 bits: of those that are not global.
        pub private: Signal,
        /// 3 bits: of global ones.
        pub global: Signal,
    }

    /// What a PTE is weighed against.
    pub struct Scales {
        /// What is searched for.
        pub sought: Sought,
        /// Who asks.
        pub request: Request,
        /// 1 bit: a mapping that is found is withdrawn, if it is not global.
        pub private_killed: Signal,
        /// 1 bit: if it is global.
        pub global_killed: Signal,
    }

    /// A PTE that may be the one.
    pub struct Candidate {
        /// 1 bit.
        pub global: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 1 bit: a bit of it that must be zero is set.
        pub stray_bits: Signal,
        /// Where its marks stand.
        pub word: Word,
    }

    /// The word that holds a PTE's marks.
    pub struct Word {
        /// 64 bits.
        pub bits: Signal,
        /// 3 bits: its number within the element.
        pub number: Signal,
    }

    /// What can be said of a PTE, if it is the one, before it is known what invalidations have named.
    pub struct Assay {
        /// 1 bit: it is not well formed.
        pub malformed: Signal,
        /// 1 bit: it denies the access.
        pub denied: Signal,
    }

    /// What a PTE comes to, if it is the one.
    pub struct Weighed {
        /// 1 bit.
        pub global: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 1 bit: it is not well formed.
        pub malformed: Signal,
        /// 1 bit: it denies the access.
        pub denied: Signal,
        /// 1 bit: an invalidation has named it since it was read.
        pub killed: Signal,
        /// 1 bit: A is clear, or D although it is a write.
        pub unmarked: Signal,
        /// Where its marks stand.
        pub word: Word,
    }

    /// What a format's judge says of an element.
    pub struct Step {
        /// 1 bit: it holds the page.
        pub is_match: Signal,
        /// How, if it does.
        pub found: Weighed,
        /// 1 bit: the chain goes on.
        pub linked: Signal,
        /// There: an index, 32 bits, or where links are addresses a place, 49.
        pub next: Signal,
        /// 1 bit: but the link, or the word that should be one, is malformed, or leads out of the table.
        pub bad_link: Signal,
        /// 1 bit: its words are of two versions, so that the search goes on where it stands, and not at `next`; only where
        /// entries have sequence numbers.
        pub torn: Option<Signal>,
    }

    /// What a walk depends on besides the element.
    pub struct Limits {
        /// 1 bit: the search must not probe further.
        pub last_step: Signal,
        /// 1 bit: what was read may have been taken out of the table, and its memory be used for something else.
        pub stale: Signal,
        /// 1 bit: the element could not be read.
        pub unreadable: Signal,
        /// 1 bit: no search is left after this one.
        pub last_search: Signal,
    }

    /// What follows from an element.
    pub struct Verdict {
        /// 1 bit: the walk ends here.
        pub ends_walk: Signal,
        /// 1 bit: what was found counts for nothing, and the walk is made again.
        pub restart: Signal,
        /// 1 bit: the search goes on at `next`.
        pub follow: Signal,
        /// 1 bit: the search has found nothing, and another is left.
        pub fails: Signal,
        /// 1 bit: no other search is made in any case, unless the walk is made again.
        pub is_last: Signal,
        /// An index or a place.
        pub next: Signal,
        /// 1 bit: the search goes on where it is, at the element that it has just read; only where entries have sequence
        /// numbers.
        pub again: Option<Signal>,
        /// 1 bit: the walk would end with success, but marks are to be set first.
        pub lacks_marks: Signal,
        /// 1 bit: if the walk ends here, or lacks marks, it has found a well-formed mapping.
        pub finds: Signal,
        /// 1 bit: the walk ends with a mapping that is well formed and, where the hardware looks at them, has the marks.
        pub is_mapping: Signal,
        /// 3 bits: the fault that the walk ends in, 0 for success.
        pub fault: Signal,
        /// 1 bit: it is 0, and there is a mapping.
        pub is_granted: Signal,
    }
}

impl Verdict {
    /// The widths, with those of `next` and `again`.
    #[must_use]
    pub fn widths(next: Signal, again: Option<Signal>) -> Verdict {
        Verdict {
            ends_walk: shape(1),
            restart: shape(1),
            follow: shape(1),
            fails: shape(1),
            is_last: shape(1),
            next,
            again,
            lacks_marks: shape(1),
            finds: shape(1),
            is_mapping: shape(1),
            fault: shape(FAULT_BITS),
            is_granted: shape(1),
        }
    }
}

impl Killed {
    /// Nothing.
    #[must_use]
    pub fn none() -> Killed {
        Killed { private: lit(SIZES, 0u32), global: lit(SIZES, 0u32) }
    }

    /// What the one or the other says.
    #[must_use]
    pub fn with(&self, other: &Killed) -> Killed {
        Killed { private: &self.private | &other.private, global: &self.global | &other.global }
    }

    /// Whether the mappings of this size are named: (those that are not global, global ones).
    #[must_use]
    pub fn of_size(&self, size: &Signal) -> (Signal, Signal) {
        let of = |killed: &Signal| any_of((0..SIZES).map(|code| killed.bit(code) & size.eq_value(code)));
        (of(&self.private), of(&self.global))
    }
}

impl Candidate {
    /// What can be said of this PTE as it arrives; `asid_any`, 1 bit: the ASID that is looked under is not 0.
    #[must_use]
    pub fn assay(&self, sought: &Sought, asid_any: &Signal, request: &Request) -> Assay {
        let Candidate { global, rights, pfn, stray_bits, .. } = self;
        Assay {
            malformed: stray_bits | (global & asid_any) | !page::is_aligned(pfn, &sought.size),
            denied: !page::allows(rights, &request.access, &request.user),
        }
    }

    /// What this PTE comes to, if it is the one.
    #[must_use]
    pub fn weigh(self, scales: &Scales) -> Weighed {
        let assay = self.assay(&scales.sought, &scales.sought.asid.any(), &scales.request);
        self.weigh_assayed(assay, scales)
    }

    /// The same of a PTE that was assayed as it arrived.
    #[must_use]
    pub fn weigh_assayed(self, assay: Assay, scales: &Scales) -> Weighed {
        let Candidate { global, rights, pfn, word, .. } = self;
        let Scales { request, private_killed, global_killed, .. } = scales;
        let Assay { malformed, denied } = assay;
        Weighed {
            malformed,
            denied,
            killed: when(&global, global_killed.clone()).otherwise(private_killed.clone()),
            unmarked: !word.accessed() | (request.access.eq_value(u32::from(Access::Write.code())) & !word.dirty()),
            word,
            global,
            rights,
            pfn,
        }
    }
}

impl Word {
    /// Word `number` of an element.
    #[must_use]
    pub fn of(element: &Signal, number: u32) -> Word {
        Word { bits: element.bits(WORD_BITS * number..WORD_BITS * (number + 1)), number: lit(WORD_NUMBER_BITS, number) }
    }

    /// A.
    #[must_use]
    pub fn accessed(&self) -> Signal {
        self.bits.bit(ACCESSED)
    }

    /// D.
    #[must_use]
    pub fn dirty(&self) -> Signal {
        self.bits.bit(DIRTY)
    }
}

impl Weighed {
    /// The fault in which this PTE ends the walk, 0 if there is none.
    #[must_use]
    pub fn fault(&self, marks: Marking) -> Signal {
        let code = |fault: Fault| lit(FAULT_BITS, fault.code());
        let unmarked = if marks == Marking::Fault { self.unmarked.clone() } else { low() };
        when(&self.malformed, code(Fault::Malformed))
            .or_when(&self.denied, code(Fault::Rights))
            .or_when(&unmarked, code(Fault::Unmarked))
            .otherwise(lit(FAULT_BITS, NO_FAULT))
    }

    /// Whether it allows the access but for its marks.
    fn lacks_marks(&self) -> Signal {
        !&self.malformed & !&self.denied & &self.unmarked
    }

    /// Whether its marks allow that it is kept, and shared with whoever else waits: not where nobody has set A yet.
    fn is_marked(&self) -> Signal {
        self.word.accessed() & (&self.denied | !&self.unmarked)
    }
}

/// An element as it arrives.
pub struct Arrival<'a> {
    /// Its bits.
    pub bits: &'a Signal,
    /// What its search looks for.
    pub sought: &'a Sought,
    /// 1 bit: the ASID of that is not 0.
    pub asid_any: &'a Signal,
    /// For whom.
    pub request: &'a Request,
    /// 32 bits: the number of elements less one.
    pub table_mask: &'a Signal,
    /// Where that stands which is looked at, 49 bits; without a meaning where links are indices.
    pub place: &'a Signal,
    /// The probes that the search has made before.
    pub steps: &'a Signal,
    /// 1 bit: there was none.
    pub first: Signal,
    /// 6 bits: the searches that are enabled.
    pub enabled: &'a Signal,
    /// For each walk whether it is for that one, and what it looks for; empty where elements are not lines.
    pub in_line: &'a [(Signal, InLine)],
}

/// An element a cycle later.
pub struct Judged<'a> {
    /// Its bits.
    pub bits: &'a Signal,
    /// What its tags have come to.
    pub tags: &'a Signal,
    /// What a PTE is weighed against.
    pub scales: &'a Scales,
    /// As many bits of the place as [`kept_place_bits`] says.
    pub place: &'a Signal,
    /// The probes that the search has made before.
    pub steps: &'a Signal,
    /// 52 bits: the page that is asked for.
    pub vpn: &'a Signal,
    /// Software's settings.
    pub control: &'a Control,
}

impl Step {
    /// A step that goes on with this link if it does not match.
    #[must_use]
    pub fn linked(is_match: Signal, found: Weighed, link: Link) -> Step {
        Step { is_match, found, linked: link.exists, next: link.place, bad_link: link.malformed, torn: None }
    }
}

/// Bits of what the tags of an element come to.
#[must_use]
pub fn tag_bits(config: &Config) -> u32 {
    match config.format() {
        Format::Line => line::TAG_BITS,
        Format::Chained | Format::Cuckoo => entry::tag_bits(config),
        Format::Inverted => inverted::TAG_BITS,
        Format::Tree => tree::TAG_BITS,
        Format::Radix => radix::TAG_BITS,
    }
}

/// The lowest bits of an element's place that its judge looks at.
#[must_use]
pub fn kept_place_bits(format: Format) -> Option<u32> {
    match format {
        Format::Line | Format::Chained | Format::Cuckoo => None,
        Format::Inverted => Some(PLACE_BITS),
        Format::Tree => Some(tree::KEPT_PLACE_BITS),
        Format::Radix => Some(radix::KEPT_PLACE_BITS),
    }
}

/// Compares the tags of an element that arrives with what is sought.
#[must_use]
pub fn tags(config: &Config, arrival: &Arrival) -> Signal {
    match config.format() {
        Format::Line => line::tags(arrival),
        Format::Chained | Format::Cuckoo => entry::tags(config, arrival),
        Format::Inverted => inverted::tags(arrival),
        Format::Tree => tree::tags(arrival),
        Format::Radix => radix::tags(arrival),
    }
}

/// What an element means, given its tags.
#[must_use]
pub fn judge(config: &Config, judged: &Judged) -> Step {
    let Judged { bits, tags, scales, .. } = judged;
    match config.format() {
        Format::Line => line::judge(bits, tags, scales),
        Format::Chained | Format::Cuckoo => entry::judge(config, bits, tags, scales),
        Format::Inverted => inverted::judge(judged),
        Format::Tree => tree::judge(judged),
        Format::Radix => radix::judge(judged),
    }
}

/// What follows from a step of the walk.
#[must_use]
pub fn conclude(step: &Step, limits: &Limits, marks: Marking) -> Verdict {
    let Limits { last_step, stale, unreadable, last_search } = limits;
    let is_match = (&step.is_match & !unreadable).named("is_match");
    let bad_link = &step.bad_link;
    let finds_nothing = when(&step.linked, bad_link | last_step).otherwise(last_search.clone()).named("finds_nothing");
    let restart = ((&is_match & &step.found.killed) | stale).named("restart");
    let lacks_marks = match marks {
        Marking::Update => (&is_match & step.found.lacks_marks()).named("lacks_marks"),
        Marking::Software | Marking::Fault => low(),
    };
    let code = |fault: Fault| lit(FAULT_BITS, fault.code());
    let fault = when(unreadable, code(Fault::BusError))
        .or_when(&step.is_match, step.found.fault(marks))
        .or_when(&(&step.linked & bad_link), code(Fault::Malformed))
        .or_when(&step.linked, code(Fault::ChainTooLong))
        .otherwise(code(Fault::NotPresent));
    let counts = !&step.found.killed & !&lacks_marks;
    let ends_walk = (unreadable | when(&step.is_match, counts).otherwise(finds_nothing)) & !stale;
    let follow = &step.linked & !bad_link & !last_step & !unreadable & !&step.is_match & !stale;
    let finds = &is_match & !&step.found.malformed;
    Verdict {
        ends_walk,
        follow,
        fails: !(any_of([unreadable, &step.is_match, &step.linked, stale]) | last_search),
        is_last: (&step.is_match | stale) & !&lacks_marks,
        next: step.next.clone(),
        again: step.torn.clone(),
        lacks_marks: lacks_marks & !&step.found.killed,
        finds: finds.clone(),
        is_granted: &finds & !&step.found.denied & if marks.is_checked() { !&step.found.unmarked } else { high() },
        is_mapping: if marks.is_checked() { &finds & step.found.is_marked() } else { finds },
        fault,
        restart,
    }
}
