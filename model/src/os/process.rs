//! Processes: address spaces by their ASIDs.
//!
//! ```text
//!  ASID ─► segments: what may be touched  │  swapped: VPN ─► slot  │  busy: withdrawn, not yet released
//! ```
//!
//! What is in memory stands in the page table alone. Source: the seeds' private address spaces.

use super::asids::Asids;
use super::segments::Segments;
use super::swap::Slot;
use super::{OsError, Segment};
use hashwalk_spec::{Asid, Vpn};
use std::collections::{BTreeMap, BTreeSet};

/// A process: an address space and what may be touched in it.
#[derive(Clone, Debug)]
pub struct Process {
    asid: Asid,
    pub(super) segments: Segments,
    /// Pages whose content the swap device has. One that is in memory too has the same content until its D is set.
    pub(super) swapped: BTreeMap<Vpn, Slot>,
    /// Pages that were withdrawn, and whose place is not decided before TLBs have forgotten them.
    pub(super) busy: BTreeSet<Vpn>,
}

impl Process {
    pub(super) fn new(asid: Asid, segments: Segments) -> Process {
        Process { asid, segments, swapped: BTreeMap::new(), busy: BTreeSet::new() }
    }

    /// The address space, never [`Asid::GLOBAL`].
    #[must_use]
    pub fn asid(&self) -> Asid {
        self.asid
    }

    /// The segments, in the order of their pages.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        self.segments.as_slice()
    }

    /// The segment that the page lies in.
    #[must_use]
    pub fn segment_of(&self, vpn: Vpn) -> Option<&Segment> {
        self.segments.of(vpn)
    }

    /// Pages whose content the swap device has.
    #[must_use]
    pub fn swapped_pages(&self) -> u64 {
        self.swapped.len() as u64
    }

    /// Whether some page of the run is withdrawn and not yet released.
    pub(super) fn is_busy(&self, first: u64, end: u64) -> bool {
        self.busy.iter().any(|vpn| (first..end).contains(&vpn.get()))
    }
}

/// All processes.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    by_asid: BTreeMap<Asid, Process>,
    pub(super) asids: Asids,
}

impl Processes {
    pub(super) fn new(last_asid: Asid) -> Processes {
        Processes { by_asid: BTreeMap::new(), asids: Asids::new(last_asid) }
    }

    pub(super) fn add(&mut self, process: Process) {
        self.by_asid.insert(process.asid, process);
    }

    pub(super) fn get(&self, asid: Asid) -> Option<&Process> {
        self.by_asid.get(&asid)
    }

    pub(super) fn get_mut(&mut self, asid: Asid) -> Option<&mut Process> {
        self.by_asid.get_mut(&asid)
    }

    pub(super) fn require(&mut self, asid: Asid) -> Result<&mut Process, OsError> {
        self.by_asid.get_mut(&asid).ok_or(OsError::NoSuchProcess(asid))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Process> {
        self.by_asid.values()
    }

    /// Takes back a process under whose ASID nothing ran.
    pub(super) fn cancel(&mut self, asid: Asid) {
        if self.by_asid.remove(&asid).is_some() {
            self.asids.give_back(asid);
        }
    }

    /// Ends the process and retires its ASID.
    pub(super) fn end(&mut self, asid: Asid) -> Option<Process> {
        let process = self.by_asid.remove(&asid)?;
        self.asids.retire(asid);
        Some(process)
    }
}
