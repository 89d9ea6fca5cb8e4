//! A word of the second level: what it holds, and how that agrees with what is looked for.
//!
//! ```text
//!  block RAM ──► Slot ──┬─ compared with Wanted ──► Likeness ──┐
//!                       │                                      ├──► registers
//!                       └─ what else it tells ────► Kept ──────┘
//! ```

use hashwalk_hdl::{Signal, bundle, concat, lit, shape, when};
use hashwalk_spec::address::{PFN_BITS, VPN_BITS};
use hashwalk_spec::{Config, PageSize};

use crate::page::{self, HIGH, MIDDLE, UPPER};
use crate::ports::{self, Mapping, RIGHTS_BITS, Request, SIZE_BITS};

/// The halves of the ways, and the large page size of each.
pub const HALVES: [PageSize; 2] = [PageSize::Large, PageSize::Huge];

bundle! {
    /// A word of a way.
    pub struct Slot {
        /// 1 bit.
        pub valid: Signal,
        /// What it holds.
        pub mapping: Mapping,
    }

    /// What a word tells beside whose it is.
    pub struct Kept {
        /// 1 bit.
        pub global: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 4 bits.
        pub rights: Signal,
    }

    /// How a word agrees with a page, and an access to it.
    pub struct Likeness {
        /// 3 bits, one for each part of the VPN ([`HIGH`], [`UPPER`]), of which the highest says too whether something
        /// is there, of the size that is looked for. With two hit cycles 1 bit: all of that.
        pub page: Signal,
        /// 1 bit: it is of the ASID, or global.
        pub space: Signal,
        /// 1 bit: its rights deny the access.
        pub denied: Signal,
    }

    /// What words are compared with.
    pub struct Wanted {
        /// 52 bits: the first VPN of a page of 4 KiB or 2 MiB.
        pub vpn: Signal,
        /// 9 bits: from bit 9 on, that of a page of 4 KiB or 1 GiB.
        pub middle: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 1 bit: pages of 2 MiB and 1 GiB.
        pub large: Signal,
        /// 2 bits: read, write, fetch.
        pub access: Signal,
        /// 1 bit: user mode.
        pub user: Signal,
    }
}

impl Slot {
    /// The widths.
    #[must_use]
    pub fn widths(config: &Config) -> Slot {
        Slot { valid: shape(1), mapping: mapping(config) }
    }
}

impl Wanted {
    /// The widths.
    #[must_use]
    pub fn widths() -> Wanted {
        let Request { vpn, asid, access, user, .. } = ports::request();
        Wanted { vpn, middle: shape(HIGH - MIDDLE), asid, large: shape(1), access, user }
    }

    /// Of a request: in the sets of 4 KiB pages, or in the others.
    #[must_use]
    pub fn of(request: &Request, large: Signal) -> Wanted {
        let Request { vpn, asid, access, user, .. } = request.clone();
        let middle = vpn.bits(MIDDLE..HIGH).gate(&!&large);
        let vpn = concat([vpn.bits(MIDDLE..VPN_BITS), vpn.bits(0..MIDDLE).gate(&!&large)]);
        Wanted { vpn, middle, asid, large, access, user }
    }
}

impl Kept {
    /// The widths.
    #[must_use]
    pub fn widths() -> Kept {
        Kept { global: shape(1), pfn: shape(PFN_BITS), rights: shape(RIGHTS_BITS) }
    }
}

impl Likeness {
    /// The page as a whole, or its parts.
    #[must_use]
    pub fn widths(is_whole: bool) -> Likeness {
        Likeness { page: shape(if is_whole { 1 } else { 3 }), space: shape(1), denied: shape(1) }
    }

    /// Of a word of a way that holds large pages of this size.
    #[must_use]
    pub fn of(slot: &Slot, wanted: &Wanted, large: PageSize, is_whole: bool) -> Likeness {
        let code = |size: PageSize| lit(SIZE_BITS, size.code());
        let size = when(&wanted.large, code(large)).otherwise(code(PageSize::Small));
        let middle = if large == PageSize::Huge { wanted.middle.clone() } else { wanted.vpn.bits(MIDDLE..HIGH) };
        let vpn = concat([wanted.vpn.bits(HIGH..VPN_BITS), middle, wanted.vpn.bits(0..MIDDLE)]);
        let is = |from: u32, to: u32| slot.mapping.vpn.bits(from..to).eq(&vpn.bits(from..to));
        let is_there = &slot.valid & slot.mapping.size.eq(&size);
        let page = concat([is(UPPER, VPN_BITS) & is_there, is(HIGH, UPPER), is(0, HIGH)]);
        Likeness {
            page: if is_whole { page.all() } else { page },
            space: slot.mapping.asid.eq(&wanted.asid) | &slot.mapping.global,
            denied: !page::allows(&slot.mapping.rights, &wanted.access, &wanted.user),
        }
    }

    /// Whether it is the page, in a size that was read.
    #[must_use]
    pub fn is_page(&self) -> Signal {
        self.page.all()
    }
}

/// The widths of a mapping as it is kept here.
#[must_use]
pub fn mapping(config: &Config) -> Mapping {
    Mapping { dirty: None, ..ports::mapping(config) }
}
