//! Processes that begin, multiply and end.
//!
//! ```text
//!            parent            frame            child
//!  before    VPN 5, RW  ─────► 0x21
//!  fork      VPN 5, R   ─────► 0x21 ◄───────── VPN 5, R        W is withdrawn from the parent, and shot down
//!  a store   VPN 5, R   ─────► 0x21
//!  by child                    0x35 ◄───────── VPN 5, RW       copy-on-write
//!  a store   VPN 5, RW  ─────► 0x21                            alone again: nothing is copied
//!  by parent
//! ```
//!
//! A fork costs an entry for each page of the child, an update for each writable page of the parent and one shootdown; no
//! frame. Each page that is stored to costs a copy of 4 KiB and a shootdown, once, if it still has two sharers.
//! Source: the seed's copy-on-write.

use super::fault::without_w;
use super::process::Process;
use super::segments::Segments;
use super::withdrawn::{Then, Withdrawn};
use super::{Os, OsError, Segment};
use crate::mapping::Mapping;
use crate::organisation::PageTable;
use hashwalk_spec::Asid;

impl<T: PageTable> Os<T> {
    /// Makes a process that may touch `segments`, with no page mapped, and returns its ASID: the lowest that is free.
    ///
    /// # Errors
    /// A segment is empty, leaves the address space, overlaps another or is shared without a file; or no ASID is free
    /// ([`Os::recycle_asids`]).
    pub fn spawn(&mut self, segments: &[Segment]) -> Result<Asid, OsError> {
        let segments = Segments::new(segments)?;
        let asid = self.processes.asids.take()?;
        self.processes.add(Process::new(asid, segments));
        Ok(asid)
    }

    /// Makes a child: a process with the same segments and the same contents. Pages that are not shared lose W in both,
    /// and are copied when either stores to them. The child must not run before the parent's old mappings are released.
    ///
    /// # Errors
    /// No such process, or pages of it are withdrawn; no ASID is free; the table has no room for the child's pages.
    pub fn fork(&mut self, parent: Asid) -> Result<(Asid, Withdrawn), OsError> {
        let process = self.processes.require(parent)?.clone();
        if !process.busy.is_empty() {
            return Err(OsError::Busy(parent));
        }
        let child = self.processes.asids.take()?;
        self.processes.add(Process::new(child, process.segments.clone()));
        let mappings = self.mappings_of(parent);
        let mut narrowed = Vec::new();
        let mapped = mappings.and_then(|mappings| {
            mappings.iter().try_for_each(|mapping| self.give_to_child(&process, *mapping, child, &mut narrowed))
        });
        if let Err(error) = mapped {
            self.undo_fork(child, &narrowed)?;
            return Err(error);
        }
        process.swapped.values().for_each(|slot| self.swap.share(*slot));
        if let Some(child) = self.processes.get_mut(child) {
            child.swapped = process.swapped;
        }
        Ok((child, Withdrawn::new(narrowed, Then::Keep)))
    }

    fn give_to_child(
        &mut self,
        parent: &Process,
        mapping: Mapping,
        child: Asid,
        narrowed: &mut Vec<Mapping>,
    ) -> Result<(), OsError> {
        // What was mapped by hand outside of all segments, such as a device, is nobody's to copy.
        let shared = parent.segment_of(mapping.vpn).is_none_or(|segment| segment.shared);
        let rights = if shared { mapping.rights } else { without_w(mapping.rights) };
        self.enter(Mapping { asid: child, rights, ..mapping })?;
        if rights != mapping.rights {
            let Mapping { asid, vpn, size, .. } = mapping;
            narrowed.push(self.table.protect(&mut self.ram, asid, vpn, size, rights)?);
        }
        Ok(())
    }

    fn undo_fork(&mut self, child: Asid, narrowed: &[Mapping]) -> Result<(), OsError> {
        for Mapping { asid, vpn, size, rights, .. } in narrowed {
            self.table.protect(&mut self.ram, *asid, *vpn, *size, *rights)?;
        }
        for mapping in self.table.remove_all(&mut self.ram, child)? {
            self.owners.remove(&mapping);
            self.drop_hold(&mapping);
        }
        self.processes.cancel(child);
        Ok(())
    }

    /// Ends a process. No CPU may be in its address space, nor come back to it: then its frames are free at once, since
    /// what TLBs hold under its ASID is never used. The ASID is not given out before [`Os::recycle_asids`].
    ///
    /// # Errors
    /// No such process; or the table is broken, and the process goes on.
    pub fn exit(&mut self, asid: Asid) -> Result<(), OsError> {
        self.processes.require(asid)?;
        let mappings = self.table.remove_all(&mut self.ram, asid)?;
        for mapping in &mappings {
            self.owners.remove(mapping);
            self.forget_contents(mapping);
            self.drop_hold(mapping);
        }
        self.put_slots(asid, 0, u64::MAX);
        self.processes.end(asid);
        Ok(())
    }

    /// Ends a generation of ASIDs: after one invalidation of everything, those of all processes that have ended may be
    /// given out again.
    pub fn recycle_asids(&mut self) -> Withdrawn {
        Withdrawn::new(Vec::new(), Then::Recycle(self.processes.asids.begin_recycling()))
    }

    /// How often ASIDs were recycled.
    #[must_use]
    pub fn asid_generation(&self) -> u64 {
        self.processes.asids.generation()
    }

    /// Every mapping of an address space.
    pub(super) fn mappings_of(&self, asid: Asid) -> Result<Vec<Mapping>, OsError> {
        Ok(self.table.mappings(&self.ram)?.into_iter().filter(|mapping| mapping.asid == asid).collect())
    }
}
