//! A mapping: what the table says of one page, free of how it is stored.
//!
//! ```text
//!  (ASID, VPN .. VPN + pages)  ──►  (PFN .. PFN + pages), rights, marks; seen by one address space or by all
//!                                   └───────────── Pte ────────────┘
//! ```
//!
//! The marks say nothing of the translation: mappings that differ in them alone answer every request alike.
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
    /// What has been done with the page since the marks were cleared.
    pub marks: Marks,
}

/// The part of a mapping that stands in one word of its entry, so that one store changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pte {
    /// The page's first frame.
    pub pfn: Pfn,
    /// What is allowed.
    pub rights: Rights,
    /// What has been done with the page since the marks were cleared.
    pub marks: Marks,
}

/// What has been done with a page: a set of accessed and dirty (section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Marks(u8);

impl Marks {
    /// Neither.
    pub const NONE: Marks = Marks(0);
    /// Accessed in any way.
    pub const A: Marks = Marks(1);
    /// Dirty: written.
    pub const D: Marks = Marks(2);

    /// What an access leaves: A, and D if it is a write.
    #[must_use]
    pub const fn of(access: Access) -> Marks {
        match access {
            Access::Write => Marks::A.with(Marks::D),
            Access::Read | Access::Execute => Marks::A,
        }
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    /// The set less `other`.
    #[must_use]
    pub const fn without(self, other: Marks) -> Marks {
        Marks(self.0 & !other.0)
    }

    /// Whether all of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Marks) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mark, letter) in [(Marks::A, 'A'), (Marks::D, 'D')] {
            write!(f, "{}", if self.contains(mark) { letter } else { '-' })?;
        }
        Ok(())
    }
}

impl Mapping {
    /// A mapping that one address space sees, of a page with which nothing has been done.
    #[inline]
    #[must_use]
    pub const fn new(asid: Asid, vpn: Vpn, size: PageSize, pfn: Pfn, rights: Rights) -> Mapping {
        Mapping { asid, vpn, size, pfn, rights, global: false, marks: Marks::NONE }
    }

    /// What one store changes.
    #[inline]
    #[must_use]
    pub const fn pte(&self) -> Pte {
        Pte { pfn: self.pfn, rights: self.rights, marks: self.marks }
    }

    /// The same page with another frame, other rights and other marks.
    #[inline]
    #[must_use]
    pub const fn with_pte(self, pte: Pte) -> Mapping {
        let Pte { pfn, rights, marks } = pte;
        Mapping { pfn, rights, marks, ..self }
    }

    /// The mapping as a TLB holds it: two that differ in their marks alone are the same to it.
    #[inline]
    #[must_use]
    pub const fn unmarked(self) -> Mapping {
        Mapping { marks: Marks::NONE, ..self }
    }

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

    /// Whether the page lacks a mark that this access is to leave: A, or D of a write (section 5).
    #[inline]
    #[must_use]
    pub fn lacks_marks(&self, access: Access) -> bool {
        !self.marks.contains(Marks::of(access))
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
        let Mapping { asid, vpn, size, pfn, rights, global, marks } = self;
        let scope = if *global { " global" } else { "" };
        write!(f, "Mapping({asid}:{vpn} -> {pfn}, {size}, {rights:?}{scope}")?;
        if *marks == Marks::NONE { write!(f, ")") } else { write!(f, " {marks:?})") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(asid: u16, vpn: u64, size: PageSize, pfn: u64) -> Mapping {
        let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
        Mapping::new(asid, vpn, size, pfn, Rights::R.with(Rights::U))
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
    fn marks_are_shown_when_set_and_change_no_translation() {
        let plain = mapping(1, 5, PageSize::Small, 9);
        let marks = Marks::D.with(Marks::A).without(Marks::D);
        let marked = plain.with_pte(Pte { marks, ..plain.pte() });
        assert!(marked != plain && marked.unmarked() == plain);
        assert_eq!(marked.translate(&read(1, 5)), plain.translate(&read(1, 5)));
        assert!(marks.contains(Marks::A) && !marks.contains(Marks::D));
        let shown = |mapping: Mapping| format!("{mapping:?}");
        assert!(shown(plain).ends_with("4 KiB, R--U)") && shown(marked).ends_with("4 KiB, R--U A-)"));
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
