//! Processes: address spaces by their ASIDs, and which of them the CPU is in.

use super::{OsError, Segment, segment};
use hashwalk_spec::{Asid, Vpn};
use std::collections::BTreeMap;

/// A process: an address space and what may be touched in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    asid: Asid,
    segments: Vec<Segment>,
}

impl Process {
    /// The address space, never [`Asid::GLOBAL`].
    #[must_use]
    pub fn asid(&self) -> Asid {
        self.asid
    }

    /// The segments, in the order of their pages.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segment that the page lies in.
    #[must_use]
    pub fn segment_of(&self, vpn: Vpn) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.first_vpn <= vpn);
        self.segments[..after].last().filter(|segment| segment.contains(vpn))
    }
}

/// All processes.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    /// `None`: the process has ended, but a TLB may still hold its pages, so the ASID is not free.
    by_asid: BTreeMap<Asid, Option<Process>>,
    current: Asid,
}

impl Default for Processes {
    fn default() -> Processes {
        Processes { by_asid: BTreeMap::new(), current: Asid::GLOBAL }
    }
}

impl Processes {
    pub(super) fn spawn(&mut self, segments: &[Segment]) -> Result<Asid, OsError> {
        let segments = segment::sorted(segments)?;
        // The keys are sorted and begin at 1, so the first that is ahead of its place leaves that place free.
        let in_use = self.by_asid.keys().zip(1..).take_while(|(asid, place)| asid.get() == *place).count();
        let asid = u16::try_from(in_use + 1).ok().and_then(Asid::new).ok_or(OsError::NoAsidLeft)?;
        self.by_asid.insert(asid, Some(Process { asid, segments }));
        Ok(asid)
    }

    pub(super) fn get(&self, asid: Asid) -> Option<&Process> {
        self.by_asid.get(&asid)?.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Process> {
        self.by_asid.values().flatten()
    }

    pub(super) fn current(&self) -> Asid {
        self.current
    }

    /// Checks that mappings may be made under `asid`.
    pub(super) fn require(&self, asid: Asid) -> Result<(), OsError> {
        if asid == Asid::GLOBAL || self.get(asid).is_some() { Ok(()) } else { Err(OsError::NoSuchProcess(asid)) }
    }

    pub(super) fn switch_to(&mut self, asid: Asid) -> Result<Asid, OsError> {
        self.require(asid)?;
        Ok(std::mem::replace(&mut self.current, asid))
    }

    /// Ends the process, whose ASID stays taken until it is released.
    pub(super) fn end(&mut self, asid: Asid) {
        self.by_asid.insert(asid, None);
        if self.current == asid {
            self.current = Asid::GLOBAL;
        }
    }

    pub(super) fn release(&mut self, asid: Asid) {
        self.by_asid.remove(&asid);
    }
}
