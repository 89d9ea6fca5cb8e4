//! Why the table refuses a change.

use crate::frames::OutOfMemory;
use crate::mapping::Mapping;
use crate::memory::BusError;
use hashwalk_spec::{Asid, PageSize, Pfn, Vpn};
use thiserror::Error;

/// Why the table refuses an operation. Its bytes are then unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TableError {
    /// No slot is free.
    #[error("the page table is full: all of its {entries} entries are in use")]
    Full {
        /// Entries of the table.
        entries: u64,
    },
    /// This page has a mapping.
    #[error("the page is mapped already: {existing:?}")]
    AlreadyMapped {
        /// The mapping that stands there.
        existing: Mapping,
    },
    /// A page of another size, or a global one, shares a VPN with it.
    #[error("the page overlaps another: {existing:?}")]
    Overlap {
        /// One mapping that is in the way.
        existing: Mapping,
    },
    /// The page has no mapping.
    #[error("address space {asid} maps no page of {size} at VPN {vpn}")]
    NotMapped {
        /// The address space.
        asid: Asid,
        /// The page's first VPN.
        vpn: Vpn,
        /// The page's size.
        size: PageSize,
    },
    /// The page does not begin at a multiple of its size.
    #[error("a page of {size} cannot begin at VPN {vpn}: it must be a multiple of {:#x}", size.pages())]
    MisalignedVpn {
        /// The VPN that was asked for.
        vpn: Vpn,
        /// The page's size.
        size: PageSize,
    },
    /// The frames do not begin at a multiple of the page size.
    #[error("a page of {size} cannot begin at PFN {pfn}: it must be a multiple of {:#x}", size.pages())]
    MisalignedPfn {
        /// The PFN that was asked for.
        pfn: Pfn,
        /// The page's size.
        size: PageSize,
    },
    /// A global mapping stands under ASID 0 alone.
    #[error("a global mapping must be under ASID 0, not {asid}")]
    GlobalOutsideAsid0 {
        /// The address space that was asked for.
        asid: Asid,
    },
    /// Someone else has written the table: it is no table by section 2 of the contract.
    #[error("the page table is broken at entry {index:#x}: {why}")]
    Broken {
        /// Where it shows.
        index: u32,
        /// What is wrong, in words that follow the index.
        why: &'static str,
    },
    /// The organisation maps a part of the virtual addresses, and the page lies outside.
    #[error("VPN {vpn} cannot be mapped: its {bits} low bits, sign-extended, are not it")]
    BeyondReach {
        /// The page's first VPN.
        vpn: Vpn,
        /// Bits of a VPN that the organisation tells apart.
        bits: u32,
    },
    /// The organisation describes the machine's frames, and the page has others.
    #[error("a page of {size} cannot begin at PFN {pfn}: the machine has {frames} frames")]
    BeyondFrames {
        /// The page's first frame.
        pfn: Pfn,
        /// The page's size.
        size: PageSize,
        /// Frames that the table is for.
        frames: u64,
    },
    /// No table of this shape can be made.
    #[error("no such page table can be made: {why}")]
    Shape {
        /// Which bound was not kept, in words.
        why: &'static str,
    },
    /// No table can be that small or that large.
    #[error("a table of 2^{log2} places is not legal: the exponent must be from {min} to {max}")]
    Size {
        /// The exponent that was asked for.
        log2: u32,
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// There is no frame for another node or a larger table.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// The table lies outside the memory.
    #[error(transparent)]
    Bus(#[from] BusError),
}
