//! A program's accesses: translated, repaired when they fault, and made.

use super::{Signal, System};
use crate::mapping::{Mapping, Marks, Pte, allows};
use crate::organisation::PageTable;
use crate::os::Resolution;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Access, Fault, Invalidation, Pfn, PhysAddr, Request, VirtAddr};

/// Faults that one access may take: its page, its stack, a split, a copy.
const MAX_FAULTS: u32 = 16;

impl<T: PageTable> System<T> {
    /// Reads bytes as the program on this CPU.
    ///
    /// # Errors
    /// Why the program cannot go on; what lies on pages before the one that failed has been read.
    pub fn load(&mut self, cpu: usize, address: VirtAddr, into: &mut [u8]) -> Result<(), Signal> {
        for (address, range) in pieces(address, into.len()) {
            let place = self.translate(cpu, address, Access::Read)?;
            self.os.memory().read(place, &mut into[range]).map_err(|_| Signal::BusError)?;
        }
        Ok(())
    }

    /// Writes bytes as the program on this CPU.
    ///
    /// # Errors
    /// Why the program cannot go on; what lies on pages before the one that failed has been written.
    pub fn store(&mut self, cpu: usize, address: VirtAddr, from: &[u8]) -> Result<(), Signal> {
        for (address, range) in pieces(address, from.len()) {
            let place = self.translate(cpu, address, Access::Write)?;
            self.os.memory_mut().write(place, &from[range]).map_err(|_| Signal::BusError)?;
        }
        Ok(())
    }

    /// Fetches an instruction's bytes as the program on this CPU.
    ///
    /// # Errors
    /// Why the program cannot go on.
    pub fn fetch(&mut self, cpu: usize, address: VirtAddr, into: &mut [u8]) -> Result<(), Signal> {
        for (address, range) in pieces(address, into.len()) {
            let place = self.translate(cpu, address, Access::Execute)?;
            self.os.memory().read(place, &mut into[range]).map_err(|_| Signal::BusError)?;
        }
        Ok(())
    }

    /// The physical address of a byte, for the program on this CPU.
    fn translate(&mut self, cpu: usize, address: VirtAddr, access: Access) -> Result<PhysAddr, Signal> {
        let request = Request { asid: self.cpus[cpu].asid, vpn: address.vpn(), access, user: true };
        self.traffic.accesses += 1;
        for _ in 0..MAX_FAULTS {
            match self.look_up(cpu, request) {
                Ok(pfn) => return Ok(PhysAddr::truncate(pfn.address().get() + address.offset())),
                Err(fault) => self.repair(cpu, request, fault)?,
            }
        }
        Err(Signal::NoProgress(MAX_FAULTS))
    }

    /// One attempt: the TLB, else a walk.
    fn look_up(&mut self, cpu: usize, request: Request) -> Result<Pfn, Fault> {
        let store = request.access == Access::Write;
        let tlb = &mut self.cpus[cpu].tlb;
        if let Some(mapping) = tlb.lookup(request.asid, request.vpn)
            && (!store || mapping.marks.contains(Marks::D) || !allows(mapping.rights, request.access, request.user))
        {
            self.traffic.hits += 1;
            return Ok(mapping.translate(&request)?.pfn);
        }
        let found = self.os.table().lookup(self.os.ram(), request.asid, request.vpn);
        let found = found.map_err(|_| Fault::Malformed)?;
        self.traffic.walks += 1;
        self.traffic.walk_reads += u64::from(found.reads);
        let mapping = found.mapping.ok_or(Fault::NotPresent)?;
        let pfn = mapping.translate(&request)?.pfn;
        let marks = if store { Marks::A.with(Marks::D) } else { Marks::A };
        let mapping = self.mark(mapping, marks)?;
        self.cpus[cpu].tlb.refill(mapping);
        Ok(pfn)
    }

    /// Sets marks in the table, as the hardware's compare-and-set does.
    fn mark(&mut self, mapping: Mapping, marks: Marks) -> Result<Mapping, Fault> {
        if mapping.marks.contains(marks) {
            return Ok(mapping);
        }
        let (table, ram) = self.os.table_mut();
        let change = |pte: Pte| Pte { marks: pte.marks.with(marks), ..pte };
        let Mapping { asid, vpn, size, .. } = mapping;
        table.update(ram, asid, vpn, size, &change).map_err(|_| Fault::Malformed)?;
        Ok(Mapping { marks: mapping.marks.with(marks), ..mapping })
    }

    /// The trap.
    fn repair(&mut self, cpu: usize, request: Request, fault: Fault) -> Result<(), Signal> {
        self.traffic.faults += 1;
        match self.with_memory(|os| os.handle_fault(request, fault))? {
            Resolution::Mapped(_) => Ok(()),
            Resolution::Copied { withdrawn, .. }
            | Resolution::Kept { withdrawn, .. }
            | Resolution::Split(withdrawn) => Ok(self.shoot_down(withdrawn)?),
            // Only this CPU's TLB can be behind the table.
            Resolution::AlreadyMapped => {
                let stale = Invalidation::AddressInAsid(request.asid, request.vpn);
                self.cpus[cpu].tlb.invalidate(stale);
                Ok(())
            }
            // Shootdowns are over when a call returns, so nothing is busy between calls.
            Resolution::Busy => Err(Signal::NoProgress(0)),
            Resolution::SegmentationFault => Err(Signal::SegmentationFault),
            Resolution::ProtectionFault => Err(Signal::ProtectionFault),
            Resolution::BusError => Err(Signal::BusError),
            Resolution::TableBroken(fault) => Err(Signal::TableBroken(fault)),
        }
    }
}

/// Splits a run of bytes at page borders: where each piece begins, and which of the bytes it is.
fn pieces(address: VirtAddr, bytes: usize) -> impl Iterator<Item = (VirtAddr, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let here = VirtAddr::truncate(address.get().wrapping_add(done as u64));
        let piece = (bytes - done).min((FRAME_BYTES - here.offset()) as usize);
        let range = done..done + piece;
        done += piece;
        (piece > 0).then_some((here, range))
    })
}
