//! ASIDs: given out once, and once more only after one flush of every TLB.
//!
//! ```text
//!  free ──spawn──► of a process ──exit──► retired ──recycle: invalidate all, once──► free
//! ```
//!
//! When an address space ends, TLBs may still hold its pages. Nobody can use them, since no CPU runs under that ASID; so
//! nothing is invalidated then, and the frames are free at once. Only the ASID must wait. When none is free, one flush
//! makes all retired ones free: a *generation* has ended. With N ASIDs that is one flush for up to N processes, where
//! an invalidation at each exit would be N. Source: the seed's two processes; generations as in Linux's ASID allocator
//! for ARM.

use super::OsError;
use hashwalk_spec::Asid;
use std::collections::BTreeSet;

/// Which ASIDs are in use.
#[derive(Clone, Debug)]
pub(super) struct Asids {
    /// The highest that may be given out.
    limit: Asid,
    /// The lowest that was never given out; 65,536 if all were.
    fresh: u32,
    /// Given out before, and flushed since.
    free: BTreeSet<Asid>,
    retired: Vec<Asid>,
    generation: u64,
}

impl Asids {
    /// ASIDs 1 to `limit`.
    pub(super) fn new(limit: Asid) -> Asids {
        Asids { limit, fresh: 1, free: BTreeSet::new(), retired: Vec::new(), generation: 0 }
    }

    /// Takes one: of those that were flushed the lowest, else the lowest new one.
    pub(super) fn take(&mut self) -> Result<Asid, OsError> {
        if let Some(asid) = self.free.pop_first() {
            return Ok(asid);
        }
        let new = u16::try_from(self.fresh).ok().and_then(Asid::new).filter(|asid| *asid <= self.limit);
        let new = new.ok_or(OsError::NoAsidLeft { retired: self.retired.len() })?;
        self.fresh += 1;
        Ok(new)
    }

    /// Takes back one under which nothing ran.
    pub(super) fn give_back(&mut self, asid: Asid) {
        self.free.insert(asid);
    }

    /// The address space has ended.
    pub(super) fn retire(&mut self, asid: Asid) {
        self.retired.push(asid);
    }

    /// Those that a flush would make free.
    pub(super) fn begin_recycling(&mut self) -> Vec<Asid> {
        std::mem::take(&mut self.retired)
    }

    /// The flush is done.
    pub(super) fn end_recycling(&mut self, asids: Vec<Asid>) {
        self.generation += 1;
        self.free.extend(asids);
    }

    /// Flushes so far.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}
