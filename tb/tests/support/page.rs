//! Pages, requests and entries in plain numbers, packed by hand from docs/spec.md, section 2.

use hashwalk_spec::Fault;

/// Page size codes.
pub const SMALL: u8 = 0;
pub const LARGE: u8 = 1;
pub const HUGE: u8 = 2;

/// Rights as 4 bits.
pub const R: u8 = 1;
pub const W: u8 = 2;
pub const X: u8 = 4;
pub const U: u8 = 8;
pub const ALL_RIGHTS: u8 = R | W | X | U;

/// The 4 words of an entry.
pub type Words = [u64; 4];

/// An answer: the PFN, or the fault.
pub type Answer = Result<u64, Fault>;

/// A mapping, well formed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub asid: u16,
    pub vpn: u64,
    pub pfn: u64,
    pub size: u8,
    pub rights: u8,
    pub global: bool,
}

/// A 4 KiB page of an address space that allows everything.
pub const fn page(asid: u16, vpn: u64, pfn: u64) -> Page {
    Page { asid, vpn, pfn, size: SMALL, rights: ALL_RIGHTS, global: false }
}

/// A global 4 KiB page that allows everything.
pub const fn global(vpn: u64, pfn: u64) -> Page {
    Page { global: true, ..page(0, vpn, pfn) }
}

impl Page {
    pub const fn size(self, size: u8) -> Page {
        Page { size, ..self }
    }

    pub const fn rights(self, rights: u8) -> Page {
        Page { rights, ..self }
    }

    /// Frames in the page.
    pub const fn frames(self) -> u64 {
        1 << (9 * self.size as u32)
    }

    /// The last VPN in the page.
    pub const fn last(self) -> u64 {
        self.vpn + self.frames() - 1
    }

    /// The answer to an allowed request for this VPN in the page.
    pub const fn at(self, vpn: u64) -> Answer {
        Ok(self.pfn + (vpn - self.vpn))
    }

    /// The entry, linked to `next` or not.
    pub fn words(self, next: Option<u32>) -> Words {
        let Page { asid, vpn, pfn, size, rights, global } = self;
        let pte = 1 | u64::from(rights) << 1 | u64::from(global) << 5 | u64::from(size) << 8 | pfn << 12;
        [pte, vpn, u64::from(asid), next.map_or(0, |next| 1 << 32 | u64::from(next))]
    }
}

/// The line in which this entry stands first and alone, and which links as it does: docs/spec.md, section 2.
pub fn line([pte, vpn, asid, link]: Words) -> [u64; 8] {
    let mut line = [0; 8];
    line[0] = pte | asid >> 12 << 60 | link >> 32 << 10;
    line[1] = vpn | (asid & 0xfff) << 52;
    for part in 0..4 {
        line[2 * part] |= (link >> (8 * part) & 0xff) << 52;
    }
    line
}

/// What is presented at the lookup port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    pub asid: u16,
    pub vpn: u64,
    /// 0 read, 1 write, 2 fetch, 3 never allowed.
    pub access: u8,
    pub user: bool,
}

/// The supervisor's read.
pub const fn read(asid: u16, vpn: u64) -> Lookup {
    Lookup { asid, vpn, access: 0, user: false }
}

/// The supervisor's write.
pub const fn write(asid: u16, vpn: u64) -> Lookup {
    Lookup { access: 1, ..read(asid, vpn) }
}

/// The supervisor's instruction fetch.
pub const fn fetch(asid: u16, vpn: u64) -> Lookup {
    Lookup { access: 2, ..read(asid, vpn) }
}

impl Lookup {
    pub const fn by_user(self) -> Lookup {
        Lookup { user: true, ..self }
    }
}

/// What is presented at the refill port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refill {
    Entry(Page),
    Fault(Fault),
}
