//! CPUs with TLBs over one operating system: programs whose every load returns the last store.
//!
//! ```text
//!  load, store, fetch ──► TLB ──hit──► memory
//!                          │ miss
//!                          ▼             not there, not allowed
//!                         walk ─────────────────────────────────► Os::handle_fault ──► the access again
//!                          │ sets A, and D for a store                    │ Withdrawn
//!                          ▼                                              ▼
//!                        refill                             shootdown: every CPU drops it and acknowledges,
//!                                                           then Os::release
//! ```
//!
//! It is untimed: a CPU's step is a whole access, and a shootdown is over when the call returns; what may happen between
//! its steps is for [`crate::shootdown`] and [`crate::concurrent`] to show. What is counted here is what costs time:
//! walks and their reads, faults, transfers, interrupts.
//!
//! The TLB's entries carry their ASID ([`Tagging::Asid`]), or a CPU forgets everything whenever it changes the address
//! space ([`Tagging::None`]). Source: the seeds on context switches, demand paging and shootdown.

mod access;
mod counts;

pub use counts::Traffic;

use crate::organisation::PageTable;
use crate::os::{Loaded, Os, OsError, Program, Segment, Withdrawn};
use crate::tlb::Tlb;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Fault, Rights, VirtAddr, Vpn};
use thiserror::Error;

/// Whether TLB entries know their address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagging {
    /// They carry the ASID.
    Asid,
    /// They do not.
    None,
}

/// Why a program cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Signal {
    /// The address is in no segment.
    #[error("segmentation violation")]
    SegmentationFault,
    /// The segment does not allow the access.
    #[error("rights violation")]
    ProtectionFault,
    /// Nothing stands behind the address: the file ends before it, or no memory answers.
    #[error("bus error")]
    BusError,
    /// The page table is broken.
    #[error("the page table is broken: {0}")]
    TableBroken(Fault),
    /// The operating system could not serve a page fault.
    #[error(transparent)]
    Refused(#[from] OsError),
    /// The access was repaired again and again and still faults: a defect of the operating system.
    #[error("the access faults again after {0} repairs")]
    NoProgress(u32),
}

/// The most frames that are asked back at once when none is free: one shootdown for all of them.
const RECLAIM_BATCH: u64 = 32;
/// The part of memory that is asked back at most: more would take pages in use before they are used again.
const RECLAIM_PART: u64 = 32;
/// How often an allocation that failed is tried again after a page-out.
const RECLAIM_ATTEMPTS: u32 = 8;
/// A CPU: its TLB and the address space that it is in.
#[derive(Clone, Debug)]
struct Cpu {
    tlb: Tlb,
    asid: Asid,
}

/// CPUs that share one operating system and its memory.
#[derive(Debug)]
pub struct System<T> {
    os: Os<T>,
    cpus: Vec<Cpu>,
    tagging: Tagging,
    traffic: Traffic,
}

impl<T: PageTable> System<T> {
    /// `cpus` CPUs, each with a TLB of `tlb_entries`, in the global address space.
    #[must_use]
    pub fn new(os: Os<T>, cpus: usize, tlb_entries: usize, tagging: Tagging) -> System<T> {
        let cpu = Cpu { tlb: Tlb::new(tlb_entries), asid: Asid::GLOBAL };
        System { os, cpus: vec![cpu; cpus], tagging, traffic: Traffic::default() }
    }

    /// The operating system.
    #[must_use]
    pub fn os(&self) -> &Os<T> {
        &self.os
    }

    /// The operating system, for calls that withdraw nothing.
    pub fn os_mut(&mut self) -> &mut Os<T> {
        &mut self.os
    }

    /// What was counted.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The address space that a CPU is in.
    #[must_use]
    pub fn current(&self, cpu: usize) -> Asid {
        self.cpus[cpu].asid
    }

    /// What a CPU's TLB remembers.
    #[must_use]
    pub fn tlb(&self, cpu: usize) -> &Tlb {
        &self.cpus[cpu].tlb
    }

    /// Lets a CPU go on in another address space.
    ///
    /// # Errors
    /// [`OsError::NoSuchProcess`]
    pub fn switch(&mut self, cpu: usize, asid: Asid) -> Result<(), OsError> {
        if asid != Asid::GLOBAL {
            self.os.process(asid).ok_or(OsError::NoSuchProcess(asid))?;
        }
        let cpu = &mut self.cpus[cpu];
        if cpu.asid != asid {
            self.traffic.switches += 1;
            if self.tagging == Tagging::None {
                self.traffic.flushed_entries += cpu.tlb.forget_local() as u64;
            }
            cpu.asid = asid;
        }
        Ok(())
    }

    /// Makes a process; if no ASID is free, those of ended processes are recycled.
    ///
    /// # Errors
    /// As for [`Os::spawn`].
    pub fn spawn(&mut self, segments: &[Segment]) -> Result<Asid, OsError> {
        self.with_asid(|os| os.spawn(segments))
    }

    /// Brings a program to life; if no ASID is free, those of ended processes are recycled.
    ///
    /// # Errors
    /// As for [`Os::load`].
    pub fn load_program(&mut self, program: &Program, arguments: &[u8]) -> Result<Loaded, OsError> {
        self.with_asid(|os| os.load(program, arguments))
    }

    /// Makes a child of the process that the CPU is in, and shoots down what the parent may no longer store to.
    ///
    /// # Errors
    /// As for [`Os::fork`].
    pub fn fork(&mut self, cpu: usize) -> Result<Asid, OsError> {
        let parent = self.cpus[cpu].asid;
        let (child, withdrawn) = self.with_asid(|os| os.fork(parent))?;
        self.shoot_down(withdrawn)?;
        Ok(child)
    }

    /// Ends a process; CPUs that are in it leave it before.
    ///
    /// # Errors
    /// As for [`Os::exit`].
    pub fn exit(&mut self, asid: Asid) -> Result<(), OsError> {
        for cpu in 0..self.cpus.len() {
            if self.cpus[cpu].asid == asid && asid != Asid::GLOBAL {
                self.switch(cpu, Asid::GLOBAL)?;
            }
        }
        self.os.exit(asid)
    }

    /// Makes a change that withdraws mappings, and shoots them down. When it lacks memory, pages are paged out and it is
    /// tried again.
    ///
    /// # Errors
    /// What the change fails with.
    pub fn change(&mut self, change: impl Fn(&mut Os<T>) -> Result<Withdrawn, OsError>) -> Result<(), OsError> {
        let withdrawn = self.with_memory(change)?;
        self.shoot_down(withdrawn)
    }

    /// Takes a run of pages away from a process; huge pages at its ends are split.
    ///
    /// # Errors
    /// As for [`Os::munmap`].
    pub fn munmap(&mut self, asid: Asid, first: Vpn, pages: u64) -> Result<(), OsError> {
        self.split_at_ends(|os| os.munmap(asid, first, pages), asid)
    }

    /// Gives a run of pages other rights; huge pages at its ends are split.
    ///
    /// # Errors
    /// As for [`Os::mprotect`].
    pub fn mprotect(&mut self, asid: Asid, first: Vpn, pages: u64, rights: Rights) -> Result<(), OsError> {
        self.split_at_ends(|os| os.mprotect(asid, first, pages, rights), asid)
    }

    fn split_at_ends(
        &mut self,
        change: impl Fn(&mut Os<T>) -> Result<Withdrawn, OsError>,
        asid: Asid,
    ) -> Result<(), OsError> {
        loop {
            match self.change(&change) {
                Err(OsError::Straddles { size, vpn }) => self.change(|os| os.split(asid, vpn, size))?,
                result => return result,
            }
        }
    }

    /// Pages out up to `wanted` frames and returns how many.
    ///
    /// # Errors
    /// The table is broken.
    pub fn reclaim(&mut self, wanted: usize) -> Result<usize, OsError> {
        let withdrawn = self.os.reclaim(wanted)?;
        let victims = withdrawn.victims();
        self.shoot_down(withdrawn)?;
        Ok(victims)
    }

    /// Calls the operating system; while it lacks memory, pages are paged out and it is called again.
    fn with_memory<R>(&mut self, call: impl Fn(&mut Os<T>) -> Result<R, OsError>) -> Result<R, OsError> {
        let mut attempts = RECLAIM_ATTEMPTS;
        loop {
            match call(&mut self.os) {
                Err(OsError::OutOfMemory(error)) if attempts > 0 => {
                    let batch = (self.os.memory().frames() / RECLAIM_PART).clamp(1, RECLAIM_BATCH);
                    if self.reclaim(batch.max(error.needed) as usize)? == 0 {
                        return Err(OsError::OutOfMemory(error));
                    }
                    attempts -= 1;
                }
                result => return result,
            }
        }
    }

    /// As [`System::with_memory`], and while no ASID is free, those of ended processes are recycled.
    fn with_asid<R>(&mut self, call: impl Fn(&mut Os<T>) -> Result<R, OsError>) -> Result<R, OsError> {
        match self.with_memory(&call) {
            Err(OsError::NoAsidLeft { retired }) if retired > 0 => {
                let recycled = self.os.recycle_asids();
                self.shoot_down(recycled)?;
                self.with_memory(call)
            }
            result => result,
        }
    }

    /// Steps 5 and 6 of the seed: every CPU drops what was withdrawn and acknowledges; then it is released.
    fn shoot_down(&mut self, withdrawn: Withdrawn) -> Result<(), OsError> {
        let invalidations = withdrawn.invalidations();
        if !invalidations.is_empty() {
            self.traffic.shootdowns += 1;
            self.traffic.invalidations += invalidations.len() as u64;
            for cpu in &mut self.cpus {
                for invalidation in &invalidations {
                    self.traffic.flushed_entries += cpu.tlb.invalidate(*invalidation) as u64;
                }
                self.traffic.acknowledgements += 1;
            }
        }
        self.os.release(withdrawn)
    }
}

/// The address of a byte of a page.
#[must_use]
pub fn address_of(vpn: Vpn, offset: u64) -> VirtAddr {
    VirtAddr::truncate(vpn.get() * FRAME_BYTES + offset)
}
