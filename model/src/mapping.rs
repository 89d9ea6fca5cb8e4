//! A mapping: what the table says of one page, free of how it is stored.
//!
//! ```text
//!  (ASID, VPN .. VPN + pages)  ──►  (PFN .. PFN + pages), rights, seen by one address space or by all
//! ```
//!
//! Source: docs/spec.md, sections 1, 2 and 5.

use hashwalk_spec::{Access, Answer, Asid, Fault, PageSize, Pfn, Request, Rights, Translation, Vpn};
use std::fmt;

/// A page and the frames behind it. `vpn` and `pfn` are multiples of the page size, and `global` is set only under
/// ASID 0; [`crate::table::ChainedTable::insert`] refuses others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mapping {
    /// The address space.
    pub asid: Asid,
    /// The page's first VPN.
    pub vpn: Vpn,
    /// The page's size.
    pub size: PageSize,
    /// The page's first frame.
    pub pfn: Pfn,
    /// What is allowed.
    pub rights: Rights,
    /// Whether every address space sees it.
    pub global: bool,
}

impl Mapping {
    /// Whether the page holds `vpn`, in whatever address space.
    #[inline]
    #[must_use]
    pub fn holds(&self, vpn: Vpn) -> bool {
        vpn.base(self.size) == self.vpn
    }

    /// Whether a request of `asid` for `vpn` may be answered from the mapping.
    #[inline]
    #[must_use]
    pub fn covers(&self, asid: Asid, vpn: Vpn) -> bool {
        self.holds(vpn) && (self.global || self.asid == asid)
    }

    /// Whether some request could be answered from either: the pages share a VPN, and the address spaces are the same
    /// or one of the mappings is global. Two such mappings may not stand in the table together.
    #[must_use]
    pub fn overlaps(&self, other: &Mapping) -> bool {
        // Pages are aligned to their size, so two of them are nested or apart: the larger one holds the other's start.
        let nested = self.holds(other.vpn) || other.holds(self.vpn);
        nested && (self.asid == other.asid || self.global || other.global)
    }

    /// The answer to a request that the mapping covers: the frame of its 4 KiB page.
    ///
    /// # Errors
    /// [`Fault::Rights`] if the mapping denies the access.
    #[inline]
    pub fn translate(&self, request: &Request) -> Answer {
        if !allows(self.rights, request.access, request.user) {
            return Err(Fault::Rights);
        }
        let within = request.vpn.get() & (self.size.pages() - 1);
        Ok(Translation { pfn: Pfn::truncate(self.pfn.get() | within) })
    }
}

/// Whether `rights` let `access` pass, made in user or in supervisor mode (section 5).
#[inline]
#[must_use]
pub fn allows(rights: Rights, access: Access, user: bool) -> bool {
    let kind = match access {
        Access::Read => Rights::R,
        Access::Write => Rights::W,
        Access::Execute => Rights::X,
    };
    rights.contains(kind) && (!user || rights.contains(Rights::U))
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mapping { asid, vpn, size, pfn, rights, global } = self;
        let scope = if *global { " global" } else { "" };
        write!(f, "Mapping({asid}:{vpn} -> {pfn}, {size}, {rights:?}{scope})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(asid: u16, vpn: u64, size: PageSize, pfn: u64) -> Mapping {
        let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
        Mapping { asid, vpn, size, pfn, rights: Rights::R.with(Rights::U), global: false }
    }

    fn read(asid: u16, vpn: u64) -> Request {
        Request { asid: Asid::truncate(asid), vpn: Vpn::truncate(vpn), access: Access::Read, user: true }
    }

    #[test]
    fn a_huge_page_lends_the_low_bits_of_the_vpn() {
        let large = mapping(1, 0x200, PageSize::Large, 0x400);
        assert!(large.covers(Asid::truncate(1), Vpn::truncate(0x3ff)));
        assert!(!large.covers(Asid::truncate(1), Vpn::truncate(0x400)));
        assert_eq!(large.translate(&read(1, 0x2ff)), Ok(Translation { pfn: Pfn::truncate(0x4ff) }));
        let huge = mapping(1, 0x40000, PageSize::Huge, 0x80000);
        assert_eq!(huge.translate(&read(1, 0x7ffff)), Ok(Translation { pfn: Pfn::truncate(0xbffff) }));
    }

    #[test]
    fn rights_are_checked_for_the_kind_and_for_user_mode() {
        let supervisor = Rights::R.with(Rights::X);
        assert!(allows(supervisor, Access::Read, false) && allows(supervisor, Access::Execute, false));
        assert!(!allows(supervisor, Access::Write, false) && !allows(supervisor, Access::Read, true));
        assert!(allows(Rights::ALL, Access::Write, true) && !allows(Rights::U, Access::Read, true));
        let request = Request { access: Access::Write, ..read(1, 5) };
        assert_eq!(mapping(1, 5, PageSize::Small, 9).translate(&request), Err(Fault::Rights));
    }

    #[test]
    fn pages_overlap_within_an_address_space_or_with_a_global_one() {
        let large = mapping(1, 0x200, PageSize::Large, 0x400);
        assert!(large.overlaps(&mapping(1, 0x2ff, PageSize::Small, 1)));
        assert!(mapping(1, 0x2ff, PageSize::Small, 1).overlaps(&large));
        assert!(!large.overlaps(&mapping(1, 0x400, PageSize::Small, 1)));
        assert!(!large.overlaps(&mapping(2, 0x2ff, PageSize::Small, 1)));
        let global = Mapping { global: true, ..mapping(0, 0x2ff, PageSize::Small, 1) };
        assert!(large.overlaps(&global) && global.overlaps(&large));
        assert!(global.covers(Asid::truncate(7), Vpn::truncate(0x2ff)));
    }
}
