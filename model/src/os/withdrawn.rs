//! What was taken out of the table, and what must wait until no TLB holds it.
//!
//! ```text
//!  unmap, fork, reclaim, ... ─► Withdrawn ─► invalidate on every CPU ─► all acknowledged ─► Os::release ─► frames are free
//! ```
//!
//! The order is that of docs/spec.md, section 7. A frame goes back to the allocator, a page to the swap device and its
//! content into a huge page only at the release, so forgetting the shootdown means running out of memory, not sharing
//! it.

use super::owners::Page;
use crate::mapping::Mapping;
use hashwalk_spec::{Asid, Invalidation, Pfn, Vpn};

/// More mappings than this are invalidated by address space: dropping too much costs walks, asking often costs cycles.
const MAX_SINGLE_INVALIDATIONS: usize = 32;

/// Mappings that are no longer in the table, with what must not be used again before no TLB holds them.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "invalidate what it names, then give it to Os::release"]
pub struct Withdrawn {
    pub(super) mappings: Vec<Mapping>,
    pub(super) then: Then,
}

/// What the release does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: the pages have other rights, or other entries for the same frames.
    Keep,
    /// The mappings' frames are given up.
    Free,
    /// The frames are written out where they must be, and given up.
    PageOut(Vec<Victim>),
    /// The pages' contents move into one huge page, whose entry stands in the table without rights.
    Promote {
        /// The address space.
        asid: Asid,
        /// The huge page's first VPN.
        vpn: Vpn,
        /// Its first frame.
        pfn: Pfn,
    },
    /// These ASIDs may be given out again.
    Recycle(Vec<Asid>),
}

/// A frame whose content leaves memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Victim {
    pub(super) pfn: Pfn,
    pub(super) pages: Vec<Page>,
    /// Whether the content is nowhere else.
    pub(super) dirty: bool,
    /// Whether it needs a place on the swap device that it has not yet.
    pub(super) needs_new_slot: bool,
}

impl Withdrawn {
    pub(super) fn new(mappings: Vec<Mapping>, then: Then) -> Withdrawn {
        Withdrawn { mappings, then }
    }

    /// The mappings as they were.
    #[must_use]
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// Frames that page-out frees, as far as nobody else maps them.
    #[must_use]
    pub fn victims(&self) -> usize {
        match &self.then {
            Then::PageOut(victims) => victims.len(),
            _ => 0,
        }
    }

    /// The invalidations that drop all of them: everything if ASIDs are recycled, the whole address space where one has
    /// more than 32 mappings among them, else one for each mapping.
    #[must_use]
    pub fn invalidations(&self) -> Vec<Invalidation> {
        if let Then::Recycle(_) = self.then {
            return vec![Invalidation::All];
        }
        let mut sorted: Vec<&Mapping> = self.mappings.iter().collect();
        sorted.sort_by_key(|mapping| (mapping.global, mapping.asid));
        let spaces = sorted.chunk_by(|a, b| (a.global, a.asid) == (b.global, b.asid));
        let of_space = |space: &[&Mapping]| match space {
            [first, ..] if space.len() > MAX_SINGLE_INVALIDATIONS && !first.global => {
                vec![Invalidation::Asid(first.asid)]
            }
            space => space.iter().map(|mapping| invalidation_of(mapping)).collect(),
        };
        spaces.flat_map(of_space).collect()
    }
}

fn invalidation_of(mapping: &Mapping) -> Invalidation {
    if mapping.global {
        Invalidation::Address(mapping.vpn)
    } else {
        Invalidation::AddressInAsid(mapping.asid, mapping.vpn)
    }
}
