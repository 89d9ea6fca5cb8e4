//! What one entry of the table means for one search (docs/spec.md, section 4). Combinational, one cycle: an entry in
//! its 256 bits goes in, and out comes whether the walk ends with it, and how it goes on if not.
//!
//! Software's answers are judged by the same circuit: they take the place of the entry, and their own size takes the
//! place of the one that was searched for.

use hashwalk_hdl::{Signal, any_of, bundle, concat, high, lit, when};
use hashwalk_spec::entry;
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};

use crate::page;
use crate::ports::{Mapping, Request};

bundle! {
    /// What is searched for.
    pub struct Sought {
        /// The request that began the walk.
        pub request: Request,
        /// 1 bit: this search is for global mappings.
        pub global: Signal,
        /// 2 bits: the page size of this search.
        pub size: Signal,
        /// 1 bit: the entry is software's answer.
        pub software: Signal,
        /// 1 bit: the search must not probe further.
        pub last_step: Signal,
        /// 32 bits: the number of entries less one.
        pub table_mask: Signal,
        /// 1 bit: the entry could not be read.
        pub unreadable: Signal,
    }

    /// What follows from an entry.
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

/// The mapping in an entry, unchecked.
#[must_use]
pub fn mapping(entry: &Signal) -> Mapping {
    Mapping {
        vpn: entry.bits(entry::VPN),
        asid: entry.bits(entry::ASID),
        global: entry.bit(entry::GLOBAL),
        size: entry.bits(entry::SIZE),
        pfn: entry.bits(entry::PFN),
        rights: entry.bits(entry::RIGHTS),
    }
}

/// The entry that would hold a mapping, unlinked and without marks: the inverse of [`mapping`].
#[must_use]
pub fn entry(mapping: &Mapping) -> Signal {
    let mut fields = vec![
        (entry::VALID..entry::VALID + 1, high()),
        (entry::RIGHTS, mapping.rights.clone()),
        (entry::GLOBAL..entry::GLOBAL + 1, mapping.global.clone()),
        (entry::ACCESSED..entry::DIRTY + 1, lit(2, 0u32)),
        (entry::SIZE, mapping.size.clone()),
        (entry::PFN, mapping.pfn.clone()),
        (entry::VPN, mapping.vpn.clone()),
        (entry::ASID, mapping.asid.clone()),
        (entry::NEXT.start..entry::ENTRY_BITS, lit(entry::ENTRY_BITS - entry::NEXT.start, 0u32)),
    ];
    fields.extend(entry::ZERO_IN_MAPPING.map(|range| (range.clone(), lit(range.len() as u32, 0u32))));
    fields.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    concat(fields.iter().map(|(_, signal)| signal))
}

/// Judges an entry.
#[must_use]
pub fn judge(entry: &Signal, sought: &Sought) -> Verdict {
    let found = mapping(entry);
    let Request { vpn, asid, access, user } = &sought.request;

    let size = when(&sought.software, found.size.clone()).otherwise(sought.size.clone());
    let same_page = found.vpn.eq(&page::base(vpn, &size)).named("same_page");
    let same_asid = found.asid.eq(&asid.gate(&!&sought.global)).named("same_asid");
    let same_space =
        when(&sought.software, &same_asid | &found.global).otherwise(&same_asid & (&found.global | !&sought.global));
    let same_size = found.size.eq(&size);
    let is_match = (entry.bit(entry::VALID) & same_page & same_space & same_size).named("is_match");

    let stray_bits = any_of(entry::ZERO_IN_MAPPING.map(|range| entry.bits(range).any()));
    let stray_global = &found.global & found.asid.any();
    let reserved_size = found.size.all();
    let malformed =
        (stray_bits | stray_global | reserved_size | !page::is_aligned(&found.pfn, &found.size)).named("malformed");
    let denied = !page::allows(&found.rights, access, user);

    let linked = entry.bit(entry::LINKED);
    let next = entry.bits(entry::NEXT);
    let bad_link = (entry.bits(entry::ZERO_IN_LINK).any() | (&next & !&sought.table_mask).any()).named("bad_link");

    let ends_walk = (&sought.unreadable | &is_match | &sought.software | (&linked & (&bad_link | &sought.last_step)))
        .named("ends_walk");
    let code = |fault: Fault| lit(FAULT_BITS, fault.code());
    let fault = when(&sought.unreadable, code(Fault::BusError))
        .or_when(
            &is_match,
            when(&malformed, code(Fault::Malformed))
                .or_when(&denied, code(Fault::Rights))
                .otherwise(lit(FAULT_BITS, NO_FAULT)),
        )
        .or_when(&(&sought.software | &bad_link), code(Fault::Malformed))
        .otherwise(code(Fault::ChainTooLong));
    Verdict { follow: linked & !&ends_walk, ends_walk, fault, next }
}
