//! What a system's work is made of.

/// Counts since boot, over all CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Loads, stores and fetches, one for each page that they touch.
    pub accesses: u64,
    /// Lookups that the TLB answered.
    pub hits: u64,
    /// Walks of the page table.
    pub walks: u64,
    /// Reads of memory that the walks made.
    pub walk_reads: u64,
    /// Traps into the operating system.
    pub faults: u64,
    /// Changes of the address space.
    pub switches: u64,
    /// TLB entries dropped by invalidations, and by switches without ASIDs.
    pub flushed_entries: u64,
    /// Shootdowns: rounds in which every CPU was asked to drop something.
    pub shootdowns: u64,
    /// Invalidations that each CPU was asked for in them.
    pub invalidations: u64,
    /// Acknowledgements awaited in them: one for each CPU and round.
    pub acknowledgements: u64,
}

impl Traffic {
    /// What was counted since `before`.
    #[must_use]
    pub fn since(&self, before: &Traffic) -> Traffic {
        Traffic {
            accesses: self.accesses - before.accesses,
            hits: self.hits - before.hits,
            walks: self.walks - before.walks,
            walk_reads: self.walk_reads - before.walk_reads,
            faults: self.faults - before.faults,
            switches: self.switches - before.switches,
            flushed_entries: self.flushed_entries - before.flushed_entries,
            shootdowns: self.shootdowns - before.shootdowns,
            invalidations: self.invalidations - before.invalidations,
            acknowledgements: self.acknowledgements - before.acknowledgements,
        }
    }
}
