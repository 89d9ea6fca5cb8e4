//! Addresses, page numbers and page sizes (docs/spec.md, section 1).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Bits of an address that are an offset within a 4 KiB page.
pub const PAGE_OFFSET_BITS: u32 = 12;
/// Bits of a virtual page number.
pub const VPN_BITS: u32 = 52;
/// Bits of a physical frame number.
pub const PFN_BITS: u32 = 40;
/// Bits of an address space identifier.
pub const ASID_BITS: u32 = 16;
/// Bits of a physical address.
pub const PHYS_ADDR_BITS: u32 = PFN_BITS + PAGE_OFFSET_BITS;
/// Bytes of a 4 KiB page, and of a frame.
pub const FRAME_BYTES: u64 = 1 << PAGE_OFFSET_BITS;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $bits:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// The largest value.
            pub const MAX: $name = $name(<$inner>::MAX >> (<$inner>::BITS - $bits));

            /// Keeps the low bits of `value` that the type has.
            #[must_use]
            pub const fn truncate(value: $inner) -> Self {
                Self(value & Self::MAX.0)
            }

            /// The value, or `None` if it has more bits than the type.
            #[must_use]
            pub const fn new(value: $inner) -> Option<Self> {
                if value <= Self::MAX.0 { Some(Self(value)) } else { None }
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    };
}

number!(
    /// A virtual page number: 52 bits, in units of 4 KiB whatever the page size.
    Vpn(u64), VPN_BITS
);
number!(
    /// A physical frame number: 40 bits, in units of 4 KiB whatever the page size.
    Pfn(u64), PFN_BITS
);
number!(
    /// An address space identifier: 16 bits. [`Asid::GLOBAL`] holds the global mappings.
    Asid(u16), ASID_BITS
);
number!(
    /// A virtual address: 64 bits.
    VirtAddr(u64), 64
);
number!(
    /// A physical address: 52 bits.
    PhysAddr(u64), PHYS_ADDR_BITS
);

impl Asid {
    /// The space whose mappings with the G bit are seen from every address space.
    pub const GLOBAL: Asid = Asid(0);
}

impl VirtAddr {
    /// The page that the address lies in.
    #[must_use]
    pub const fn vpn(self) -> Vpn {
        Vpn(self.0 >> PAGE_OFFSET_BITS)
    }

    /// The offset within the 4 KiB page, 12 bits.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 & (FRAME_BYTES - 1)
    }
}

impl Vpn {
    /// The first page of the huge page of this size that the page lies in.
    #[must_use]
    pub const fn base(self, size: PageSize) -> Vpn {
        Vpn(self.0 & !(size.pages() - 1))
    }
}

impl Pfn {
    /// The physical address of the frame's first byte.
    #[must_use]
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 << PAGE_OFFSET_BITS)
    }

    /// Whether a page of this size may begin at the frame.
    #[must_use]
    pub const fn is_aligned(self, size: PageSize) -> bool {
        self.0 & (size.pages() - 1) == 0
    }
}

/// The three page sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum PageSize {
    /// 4 KiB, one frame.
    #[default]
    #[serde(rename = "4K")]
    Small,
    /// 2 MiB, 512 frames.
    #[serde(rename = "2M")]
    Large,
    /// 1 GiB, 262,144 frames.
    #[serde(rename = "1G")]
    Huge,
}

impl PageSize {
    /// All sizes, smallest first: the order of the searches.
    pub const ALL: [PageSize; 3] = [PageSize::Small, PageSize::Large, PageSize::Huge];

    /// The code in an entry's size field, 2 bits; code 3 is reserved.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The size with this code; `None` for the reserved one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<PageSize> {
        match code {
            0 => Some(PageSize::Small),
            1 => Some(PageSize::Large),
            2 => Some(PageSize::Huge),
            _ => None,
        }
    }

    /// Low bits of a VPN that are offset within the page: 0, 9 or 18.
    #[must_use]
    pub const fn vpn_offset_bits(self) -> u32 {
        9 * self as u32
    }

    /// Pages of 4 KiB in the page: 1, 512 or 262,144.
    #[must_use]
    pub const fn pages(self) -> u64 {
        1 << self.vpn_offset_bits()
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PageSize::Small => "4 KiB",
            PageSize::Large => "2 MiB",
            PageSize::Huge => "1 GiB",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_enforced() {
        assert_eq!(Vpn::MAX.get(), 0xf_ffff_ffff_ffff);
        assert_eq!(Pfn::new(1 << 40), None);
        assert_eq!(Asid::MAX.get(), 0xffff);
        assert_eq!(VirtAddr::MAX.vpn(), Vpn::MAX);
        assert_eq!(PhysAddr::MAX.get(), (1 << 52) - 1);
    }

    #[test]
    fn an_address_splits_as_the_contract_draws_it() {
        let address = VirtAddr::truncate(0xfedc_ba98_7654_3210);
        assert_eq!(address.vpn().get(), 0xf_edcb_a987_6543);
        assert_eq!(address.offset(), 0x210);
        assert_eq!(address.vpn().base(PageSize::Large).get(), 0xf_edcb_a987_6400);
        assert_eq!(address.vpn().base(PageSize::Huge).get(), 0xf_edcb_a984_0000);
    }
}
