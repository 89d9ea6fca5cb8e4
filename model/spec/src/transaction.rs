//! What crosses the hardware's ports (docs/spec.md, sections 4 to 9).

use crate::address::{Asid, PageSize, Pfn, Vpn};
use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Access {
    /// A load.
    Read = 0,
    /// A store, or a read-modify-write.
    Write = 1,
    /// An instruction fetch.
    Execute = 2,
}

impl Access {
    /// All kinds, in the order of their codes.
    pub const ALL: [Access; 3] = [Access::Read, Access::Write, Access::Execute];

    /// The code on the lookup port, 2 bits; code 3 is always denied.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code; `None` for 3.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Access> {
        Access::ALL.into_iter().find(|access| access.code() == code)
    }
}

/// What a mapping allows; as 4 bits R, W, X, U from the lowest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(u8);

impl Rights {
    /// Loads.
    pub const R: Rights = Rights(1);
    /// Stores.
    pub const W: Rights = Rights(2);
    /// Instruction fetches.
    pub const X: Rights = Rights(4);
    /// Accesses of user mode.
    pub const U: Rights = Rights(8);
    /// All of them.
    pub const ALL: Rights = Rights(15);
    /// None of them.
    pub const NONE: Rights = Rights(0);

    /// The rights in the low 4 bits of `bits`.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Rights {
        Rights(bits & 15)
    }

    /// 4 bits: R, W, X, U from the lowest.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Both rights together.
    #[must_use]
    pub const fn with(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// Whether all of `other` is granted.
    #[must_use]
    pub const fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (right, letter) in [(Rights::R, 'R'), (Rights::W, 'W'), (Rights::X, 'X'), (Rights::U, 'U')] {
            write!(f, "{}", if self.contains(right) { letter } else { '-' })?;
        }
        Ok(())
    }
}

/// A request for a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The address space.
    pub asid: Asid,
    /// The page.
    pub vpn: Vpn,
    /// What the access does.
    pub access: Access,
    /// Whether user mode makes it.
    pub user: bool,
}

/// Bits of the name that a requester gives its request.
pub const ID_BITS: u32 = 4;

/// Where the answer to a request that missed the first level came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LateSource {
    /// Its own walk, or software.
    Walk = 0,
    /// The walk of another request, or software's answer to it, whose page holds this one's.
    Shared = 1,
    /// The second level.
    L2 = 2,
}

impl LateSource {
    /// All of them, in the order of their codes.
    pub const ALL: [LateSource; 3] = [LateSource::Walk, LateSource::Shared, LateSource::L2];

    /// The code on the port, 2 bits.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The source with this code; `None` for 3.
    #[must_use]
    pub fn from_code(code: u8) -> Option<LateSource> {
        LateSource::ALL.into_iter().find(|source| source.code() == code)
    }
}

/// A translation that a request was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Translation {
    /// The frame of the requested 4 KiB page, also when it lies in a huge page.
    pub pfn: Pfn,
}

/// The answer to a request.
pub type Answer = Result<Translation, Fault>;

/// One of a walk's searches: an address space and a page size to look under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    /// Whether it looks for global mappings, under [`Asid::GLOBAL`].
    pub global: bool,
    /// The page size that it looks for.
    pub size: PageSize,
}

impl Search {
    /// All searches, in the order in which a walk makes them.
    pub const ALL: [Search; 6] = [
        Search { global: false, size: PageSize::Small },
        Search { global: false, size: PageSize::Large },
        Search { global: false, size: PageSize::Huge },
        Search { global: true, size: PageSize::Small },
        Search { global: true, size: PageSize::Large },
        Search { global: true, size: PageSize::Huge },
    ];
    /// `control_search_enable` with every search made.
    pub const ENABLE_ALL: u8 = 0b11_1111;
    /// `control_search_enable` for an operating system with 4 KiB pages and no global mappings.
    pub const ENABLE_SMALL_ONLY: u8 = 0b00_0001;
}

/// A request to drop translations (docs/spec.md, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invalidation {
    /// Everything, global mappings too.
    All,
    /// The mappings of an address space that are not global.
    Asid(Asid),
    /// The page in every address space, global or not.
    Address(Vpn),
    /// The page in one address space, unless it is global.
    AddressInAsid(Asid, Vpn),
}

impl Invalidation {
    /// The code on the invalidate port, 2 bits.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Invalidation::All => 0,
            Invalidation::Asid(_) => 1,
            Invalidation::Address(_) => 2,
            Invalidation::AddressInAsid(..) => 3,
        }
    }

    /// The address space that it names.
    #[must_use]
    pub const fn asid(self) -> Option<Asid> {
        match self {
            Invalidation::Asid(asid) | Invalidation::AddressInAsid(asid, _) => Some(asid),
            Invalidation::All | Invalidation::Address(_) => None,
        }
    }

    /// The page that it names.
    #[must_use]
    pub const fn vpn(self) -> Option<Vpn> {
        match self {
            Invalidation::Address(vpn) | Invalidation::AddressInAsid(_, vpn) => Some(vpn),
            Invalidation::All | Invalidation::Asid(_) => None,
        }
    }
}
