//! What one element of the table means for one search (docs/spec.md, section 4). Combinational, one cycle.
//!
//! ```text
//!  element ─► judge of the format ─► Step ─► conclude ─► Verdict: the walk ends, or goes on there, or the search is over
//! ```
//!
//! Each format has a judge that says whether the element holds the page and where the chain goes on ([`Step`]); what
//! follows from that is the same for all.

use hashwalk_hdl::{Signal, any_of, bundle, lit, when};
use hashwalk_spec::entry;
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};

use crate::page;
use crate::ports::Request;

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

    /// A PTE that may be the one.
    pub struct Candidate {
        /// 1 bit.
        pub valid: Signal,
        /// 1 bit.
        pub global: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 1 bit: a bit of it that must be zero is set.
        pub stray_bits: Signal,
    }

    /// What a format's judge says of an element.
    pub struct Step {
        /// 1 bit: it holds the page.
        pub is_match: Signal,
        /// How, if it does.
        pub found: Candidate,
        /// 1 bit: the chain goes on.
        pub linked: Signal,
        /// 32 bits: there.
        pub next: Signal,
        /// 1 bit: but the link has a bit set that must be zero.
        pub bad_link: Signal,
    }

    /// What a walk depends on besides the element.
    pub struct Limits {
        /// 1 bit: the search must not probe further.
        pub last_step: Signal,
        /// 32 bits: the number of elements less one.
        pub table_mask: Signal,
        /// 1 bit: the element could not be read.
        pub unreadable: Signal,
    }

    /// What follows from an element.
    pub struct Verdict {
        /// 1 bit: the walk ends here, with `fault`.
        pub ends_walk: Signal,
        /// 3 bits: 0 for success.
        pub fault: Signal,
        /// 1 bit: the search goes on at `next`; if neither this nor `ends_walk`, the search has found nothing.
        pub follow: Signal,
        /// 32 bits.
        pub next: Signal,
    }
}

impl Sought {
    /// Whether a PTE whose tag agrees is one that ends this search.
    #[must_use]
    pub fn accepts(&self, found: &Candidate) -> Signal {
        &found.valid & (&found.global | !&self.global)
    }
}

/// Judges an entry of a coalesced chain.
#[must_use]
pub fn judge_entry(bits: &Signal, sought: &Sought) -> Step {
    let found = Candidate {
        valid: bits.bit(entry::VALID),
        global: bits.bit(entry::GLOBAL),
        rights: bits.bits(entry::RIGHTS),
        pfn: bits.bits(entry::PFN),
        stray_bits: any_of(entry::ZERO_IN_MAPPING.map(|range| bits.bits(range).any())),
    };
    let same_page = bits.bits(entry::VPN).eq(&sought.vpn).named("same_page");
    let same_asid = bits.bits(entry::ASID).eq(&sought.asid).named("same_asid");
    let same_size = bits.bits(entry::SIZE).eq(&sought.size).named("same_size");
    Step {
        is_match: same_page & same_asid & same_size & sought.accepts(&found),
        linked: bits.bit(entry::LINKED),
        next: bits.bits(entry::NEXT),
        bad_link: bits.bits(entry::ZERO_IN_LINK).any(),
        found,
    }
}

/// What follows from a step of the walk for `request`.
#[must_use]
pub fn conclude(step: &Step, sought: &Sought, request: &Request, limits: &Limits) -> Verdict {
    let is_match = step.is_match.named("is_match");
    let found_fault = fault_of(&step.found, sought, request);
    let outside = (&step.next & !&limits.table_mask).any();
    let bad_link = (&step.bad_link | outside).named("bad_link");
    let ends_walk =
        (&limits.unreadable | &is_match | (&step.linked & (&bad_link | &limits.last_step))).named("ends_walk");
    let code = |fault: Fault| lit(FAULT_BITS, fault.code());
    let fault = when(&limits.unreadable, code(Fault::BusError))
        .or_when(&is_match, found_fault)
        .or_when(&bad_link, code(Fault::Malformed))
        .otherwise(code(Fault::ChainTooLong));
    Verdict { follow: &step.linked & !&ends_walk, ends_walk, fault, next: step.next.clone() }
}

/// The fault in which a PTE for the page ends the walk, 0 if there is none: it is malformed, or it denies the access.
#[must_use]
pub fn fault_of(found: &Candidate, sought: &Sought, request: &Request) -> Signal {
    let stray_global = &found.global & sought.asid.any();
    let malformed = (&found.stray_bits | stray_global | !page::is_aligned(&found.pfn, &sought.size)).named("malformed");
    let denied = !page::allows(&found.rights, &request.access, &request.user);
    when(&malformed, lit(FAULT_BITS, Fault::Malformed.code()))
        .or_when(&denied, lit(FAULT_BITS, Fault::Rights.code()))
        .otherwise(lit(FAULT_BITS, NO_FAULT))
}
