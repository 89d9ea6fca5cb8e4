//! A TLB as the operating system sees it: a cache of mappings that forgets only what it is told to, or what it has no
//! room for.
//!
//! ```text
//!  most recent ─► | (ASID, VPN) ─► PFN, rights, marks | ... | ... | ─► the next to go
//! ```
//!
//! Fully associative, with true least-recently-used replacement. It is no model of the hardware in `rtl`, whose answers
//! are compared with the table's bytes; it is what makes stale translations possible in [`crate::system`].

use crate::coherence::drops;
use crate::mapping::Mapping;
use hashwalk_spec::{Asid, Invalidation, Vpn};

/// Mappings that a CPU remembers, the most recently used first.
#[derive(Clone, Debug)]
pub struct Tlb {
    entries: Vec<Mapping>,
    capacity: usize,
}

impl Tlb {
    /// An empty TLB.
    ///
    /// # Panics
    /// `capacity` is 0.
    #[must_use]
    pub fn new(capacity: usize) -> Tlb {
        assert!(capacity > 0, "a TLB needs an entry");
        Tlb { entries: Vec::with_capacity(capacity), capacity }
    }

    /// The mapping that it remembers for a page, which becomes the most recently used.
    pub fn lookup(&mut self, asid: Asid, vpn: Vpn) -> Option<Mapping> {
        let place = self.entries.iter().position(|mapping| mapping.covers(asid, vpn))?;
        self.entries[..=place].rotate_right(1);
        Some(self.entries[0])
    }

    /// Remembers a mapping, in the place of what it had for that page, else of the least recently used one.
    pub fn refill(&mut self, mapping: Mapping) {
        let had = self.entries.iter().position(|old| old.overlaps(&mapping));
        if had.is_none() && self.entries.len() < self.capacity {
            self.entries.push(mapping);
        }
        let place = had.unwrap_or(self.entries.len() - 1);
        self.entries[..=place].rotate_right(1);
        self.entries[0] = mapping;
    }

    /// Forgets what the invalidation names and returns how much that was.
    pub fn invalidate(&mut self, invalidation: Invalidation) -> usize {
        let before = self.entries.len();
        self.entries.retain(|mapping| !drops(invalidation, mapping));
        before - self.entries.len()
    }

    /// Forgets all that is not global, as a CPU without ASIDs must when it changes the address space.
    pub fn forget_local(&mut self) -> usize {
        let before = self.entries.len();
        self.entries.retain(|mapping| mapping.global);
        before - self.entries.len()
    }

    /// The mappings that it remembers.
    #[must_use]
    pub fn entries(&self) -> &[Mapping] {
        &self.entries
    }
}
