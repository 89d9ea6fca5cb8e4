//! Software refill: what the hardware makes of an entry, or a fault, that software hands it for a missed page.
//!
//! Source: docs/spec.md, section 8.

use crate::mapping::{Mapping, Marks};
use hashwalk_spec::{Answer, Asid, Fault, PageSize, Pfn, Request, Rights, Vpn};

/// An entry on the refill port, as software gave it: nothing in it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefillEntry {
    /// The page's first VPN.
    pub vpn: Vpn,
    /// The address space.
    pub asid: Asid,
    /// The page's first frame.
    pub pfn: Pfn,
    /// The page size's code, 2 bits.
    pub size_code: u8,
    /// What is allowed.
    pub rights: Rights,
    /// Whether every address space sees it.
    pub global: bool,
    /// D; looked at only where the hardware looks at D.
    pub dirty: bool,
}

impl From<Mapping> for RefillEntry {
    fn from(mapping: Mapping) -> RefillEntry {
        let Mapping { asid, vpn, size, pfn, rights, global, marks } = mapping;
        RefillEntry { vpn, asid, pfn, size_code: size.code(), rights, global, dirty: marks.contains(Marks::D) }
    }
}

impl RefillEntry {
    /// The mapping that the entry is for `request`; `None` if it is not well formed or not for this request.
    #[must_use]
    pub fn mapping_for(&self, request: &Request) -> Option<Mapping> {
        let RefillEntry { vpn, asid, pfn, size_code, rights, global, .. } = *self;
        let size = PageSize::from_code(size_code)?;
        let well_formed = vpn.base(size) == vpn && pfn.is_aligned(size) && (!global || asid == Asid::GLOBAL);
        let mapping = Mapping { global, ..Mapping::new(asid, vpn, size, pfn, rights) };
        (well_formed && mapping.covers(request.asid, request.vpn)).then_some(mapping)
    }
}

/// The answer to `request` when software gives it `refill`: an entry, or the fault to answer with. The hardware holds
/// the mapping from then on if it is [`RefillEntry::mapping_for`] and the answer is no fault.
///
/// # Errors
/// The answer is a fault: software's own; `malformed` if the entry is not well formed or does not answer the request;
/// `rights` if it denies the access.
pub fn check_refill(request: &Request, refill: Result<RefillEntry, Fault>) -> Answer {
    refill?.mapping_for(request).ok_or(Fault::Malformed)?.translate(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashwalk_spec::{Access, Translation};

    const ENTRY: RefillEntry = RefillEntry {
        vpn: Vpn::truncate(0x200),
        asid: Asid::truncate(3),
        pfn: Pfn::truncate(0x400),
        size_code: 1,
        rights: Rights::R,
        global: false,
        dirty: false,
    };

    fn answer(asid: u16, vpn: u64, entry: RefillEntry) -> Answer {
        let (asid, vpn) = (Asid::truncate(asid), Vpn::truncate(vpn));
        check_refill(&Request { asid, vpn, access: Access::Read, user: false }, Ok(entry))
    }

    #[test]
    fn an_entry_for_the_page_answers_and_denies() {
        assert_eq!(answer(3, 0x2ff, ENTRY), Ok(Translation { pfn: Pfn::truncate(0x4ff) }));
        assert_eq!(answer(3, 0x2ff, RefillEntry { rights: Rights::W, ..ENTRY }), Err(Fault::Rights));
        let global = RefillEntry { global: true, asid: Asid::GLOBAL, ..ENTRY };
        assert_eq!(answer(3, 0x200, global), Ok(Translation { pfn: Pfn::truncate(0x400) }));
    }

    #[test]
    fn an_entry_that_is_not_for_the_page_is_malformed() {
        let malformed = Err(Fault::Malformed);
        assert_eq!(answer(4, 0x2ff, ENTRY), malformed);
        assert_eq!(answer(3, 0x400, ENTRY), malformed);
        assert_eq!(answer(3, 0x200, RefillEntry { size_code: 3, ..ENTRY }), malformed);
        assert_eq!(answer(3, 0x201, RefillEntry { vpn: Vpn::truncate(0x201), ..ENTRY }), malformed);
        assert_eq!(answer(3, 0x200, RefillEntry { pfn: Pfn::truncate(0x401), ..ENTRY }), malformed);
        assert_eq!(answer(3, 0x200, RefillEntry { global: true, ..ENTRY }), malformed);
        assert_eq!(answer(3, 0x200, RefillEntry { asid: Asid::GLOBAL, ..ENTRY }), malformed);
    }

    #[test]
    fn softwares_fault_is_passed_on() {
        let (asid, vpn) = (Asid::truncate(1), Vpn::truncate(2));
        let request = Request { asid, vpn, access: Access::Write, user: true };
        for fault in Fault::ALL {
            assert_eq!(check_refill(&request, Err(fault)), Err(fault));
        }
    }
}
