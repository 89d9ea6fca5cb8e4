//! Comparing, rounding and composing page numbers of three sizes. All combinational.
//!
//! A VPN falls into three groups of bits: those that every size compares, those that are offset in a 1 GiB page, and
//! those that are offset in a 2 MiB page too.
//!
//! ```text
//!  51                    18 17         9 8          0
//! +------------------------+------------+------------+
//! |          high          |   middle   |    low     |
//! +------------------------+------------+------------+
//! ```

use hashwalk_hdl::{Signal, concat, lit, low};
use hashwalk_spec::fault::{FAULT_BITS, Fault};
use hashwalk_spec::{Access, PageSize};

use crate::ports::{Mapping, Request, SIZE_BITS};

/// The lowest bit of a page number above those within a 2 MiB page.
pub const MIDDLE: u32 = PageSize::Large.vpn_offset_bits();
/// The lowest bit above those within a 1 GiB page.
pub const HIGH: u32 = PageSize::Huge.vpn_offset_bits();
/// The lowest bit of the upper half of those, where they are too many to be compared in one step.
pub const UPPER: u32 = 35;

/// Whether a page of this size is larger than 4 KiB. `size` is a 2-bit code.
#[must_use]
pub fn is_large(size: &Signal) -> Signal {
    size.any()
}

/// Whether a page of this size is larger than 2 MiB. `size` is a 2-bit code.
#[must_use]
pub fn is_huge(size: &Signal) -> Signal {
    size.bit(1)
}

/// Whether two pages overlap, each given by a VPN in it and its size.
#[must_use]
pub fn overlap(a_vpn: &Signal, a_size: &Signal, b_vpn: &Signal, b_size: &Signal) -> Signal {
    let [high, middle, low] = overlap_in_parts(a_vpn, a_size, b_vpn, b_size);
    high & middle & low
}

/// The same of each group of bits: they overlap if all three say so.
#[must_use]
pub fn overlap_in_parts(a_vpn: &Signal, a_size: &Signal, b_vpn: &Signal, b_size: &Signal) -> [Signal; 3] {
    let difference = a_vpn ^ b_vpn;
    let high = difference.bits(HIGH..difference.width()).is_zero();
    let middle = difference.bits(MIDDLE..HIGH).is_zero();
    let low = difference.bits(0..MIDDLE).is_zero();
    [high, middle | is_huge(a_size) | is_huge(b_size), low | is_large(a_size) | is_large(b_size)]
}

/// Whether a page number of any width from 18 bits is a multiple of the size.
#[must_use]
pub fn is_aligned(number: &Signal, size: &Signal) -> Signal {
    !((number.bits(0..MIDDLE).any() & is_large(size)) | (number.bits(MIDDLE..HIGH).any() & is_huge(size)))
}

/// The page number rounded down to a multiple of the size.
#[must_use]
pub fn base(number: &Signal, size: &Signal) -> Signal {
    concat([
        number.bits(HIGH..number.width()),
        number.bits(MIDDLE..HIGH).gate(&!is_huge(size)),
        number.bits(0..MIDDLE).gate(&!is_large(size)),
    ])
}

/// The frame of page `vpn` in a page of this size that begins at `pfn`.
#[must_use]
pub fn frame(pfn: &Signal, size: &Signal, vpn: &Signal) -> Signal {
    // The PFN's offset bits are zero, so that the VPN's can be added by OR.
    concat([
        pfn.bits(HIGH..pfn.width()),
        pfn.bits(MIDDLE..HIGH) | vpn.bits(MIDDLE..HIGH).gate(&is_huge(size)),
        pfn.bits(0..MIDDLE) | vpn.bits(0..MIDDLE).gate(&is_large(size)),
    ])
}

/// Whether the rights (R, W, X, U) allow the access (2-bit code) in this mode.
#[must_use]
pub fn allows(rights: &Signal, access: &Signal, user: &Signal) -> Signal {
    allowing(&rights.each_bit(), access, user)
}

/// Which of many mappings allow the access: each right is a mask with a bit for each of them, and so is the result.
#[must_use]
pub fn allowing(rights: &[Signal], access: &Signal, user: &Signal) -> Signal {
    let of_kind = |kind: u32| rights[kind as usize].gate(&access.eq_value(kind));
    let for_users = &rights[3] | (!user).repeat(rights[3].width());
    (of_kind(0) | of_kind(1) | of_kind(2)) & for_users
}

/// The fault of an access that is denied, or none.
#[must_use]
pub fn denial(is_denied: &Signal) -> Signal {
    lit(FAULT_BITS, Fault::Rights.code()).gate(is_denied)
}

/// Whether the mapping allows this access (2-bit code) in this mode, but it is a write and D is not set. Never where
/// the hardware does not look at D.
#[must_use]
pub fn lacks_dirty(mapping: &Mapping, access: &Signal, user: &Signal) -> Signal {
    let of = |dirty: &Signal| is_write(access) & allows(&mapping.rights, access, user) & !dirty;
    mapping.dirty.as_ref().map_or_else(low, of)
}

/// Whether the access (2-bit code) is a write.
#[must_use]
pub fn is_write(access: &Signal) -> Signal {
    access.eq_value(u32::from(Access::Write.code()))
}

/// Whether the mapping is one that answers the request.
#[must_use]
pub fn covers(mapping: &Mapping, request: &Request) -> Signal {
    let small = lit(SIZE_BITS, PageSize::Small.code());
    let same_space = &mapping.global | mapping.asid.eq(&request.asid);
    overlap(&mapping.vpn, &mapping.size, &request.vpn, &small) & same_space
}

/// Whether an invalidation of this kind, page and address space names the mapping (docs/spec.md, section 7).
#[must_use]
pub fn is_named(kind: &Signal, vpn: &Signal, asid: &Signal, mapping: &Mapping) -> Signal {
    let small = lit(SIZE_BITS, PageSize::Small.code());
    let page = !kind.bit(1) | overlap(&mapping.vpn, &mapping.size, vpn, &small);
    let space = !kind.bit(0) | (mapping.asid.eq(asid) & !&mapping.global);
    page & space
}
