//! Programs on a [`System`], whose every load is compared with what was stored last: figures of a machine that loses data
//! are worth nothing.
//!
//! ```text
//!  store(cpu, page) ─► System ─► TLB, table, faults, swap        load(cpu, page) ─► System ─┐
//!          └────────► what was stored, by address space and page ──────────────────────────►┴─ the same, or LostStore
//! ```

use std::collections::HashMap;

use anyhow::Result;
use hashwalk_model::organisation::line::{LineTable, MIN_LINES_LOG2};
use hashwalk_model::os::Platform;
use hashwalk_model::system::{Traffic, address_of};
use hashwalk_model::{Os, Ram, Segment, System, Tagging};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Hash, PageSize, Rights, VirtAddr, Vpn};
use thiserror::Error;

use super::context::TLB_ENTRIES;

/// A read of the table in a walk takes L + 4 cycles (docs/timing.md), here with a memory of L = 40.
pub const READ_CYCLES: u64 = 40 + 4;
/// What a program may do with its pages.
const READ_WRITE: Rights = Rights::R.with(Rights::W).with(Rights::U);
/// The bytes of a line.
const LINE_BYTES: u64 = 64;

/// A load has not returned what was stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a load of page {vpn} of {asid} returns {found:#x}, and {stored:#x} was stored")]
pub struct LostStore {
    /// The address space.
    pub asid: Asid,
    /// The page.
    pub vpn: Vpn,
    /// What was stored last, 0 if nothing was.
    pub stored: u64,
    /// What the load returned.
    pub found: u64,
}

/// What a machine is made of.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Frames for the pages of programs: those of the table come on top.
    pub frames: u64,
    /// Mappings that its line table has room for, a line each.
    pub mappings: u64,
    /// CPUs, each with a TLB of [`TLB_ENTRIES`].
    pub cpus: usize,
    /// Whether TLB entries carry ASIDs.
    pub tagging: Tagging,
    /// Swap and ASIDs.
    pub platform: Platform,
}

/// A machine, and what its programs have stored.
pub struct Watched {
    /// The machine. What is stored past [`Watched::store`] is not compared.
    pub system: System<LineTable>,
    stored: HashMap<(Asid, Vpn), u64>,
    last: u64,
}

impl Watched {
    /// Boots, with this hash key.
    ///
    /// # Errors
    /// The table cannot be made.
    pub fn new(machine: &Machine, key: u128) -> Result<Watched> {
        let Machine { frames, mappings, cpus, tagging, platform } = *machine;
        let log2 = mappings.next_power_of_two().ilog2().max(MIN_LINES_LOG2);
        let table_frames = (LINE_BYTES << log2).div_ceil(FRAME_BYTES);
        // Frame 0 is nobody's, and the table's run is aligned to its size. What lies between is taken away again.
        let mut ram = Ram::new((frames + 1).next_multiple_of(table_frames) + table_frames);
        let table = LineTable::new(&mut ram, log2, Hash::Keyed, key)?;
        while ram.frames.free() > frames {
            let frame = ram.frames.find(PageSize::Small)?;
            ram.frames.reserve(frame, 1);
        }
        let system = System::new(Os::with_table(ram, table, platform), cpus, TLB_ENTRIES, tagging);
        Ok(Watched { system, stored: HashMap::new(), last: 0 })
    }

    /// Makes a process that may use these runs of pages, first and number, and lets a CPU go on in it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn spawn(&mut self, cpu: usize, runs: &[(Vpn, u64)]) -> Result<Asid> {
        let segments: Vec<Segment> =
            runs.iter().map(|(first, pages)| Segment::new(*first, *pages, READ_WRITE)).collect();
        let asid = self.system.spawn(&segments)?;
        self.system.switch(cpu, asid)?;
        Ok(asid)
    }

    /// Makes a child of the process that the CPU is in: it has stored what its parent has.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn fork(&mut self, cpu: usize) -> Result<Asid> {
        let parent = self.system.current(cpu);
        let child = self.system.fork(cpu)?;
        let of_parent = self.stored.iter().filter(|((asid, _), _)| *asid == parent);
        let of_child: Vec<_> = of_parent.map(|((_, vpn), value)| ((child, *vpn), *value)).collect();
        self.stored.extend(of_child);
        Ok(child)
    }

    /// Ends a process: whoever gets its ASID has stored nothing.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn exit(&mut self, asid: Asid) -> Result<()> {
        self.stored.retain(|(of, _), _| *of != asid);
        Ok(self.system.exit(asid)?)
    }

    /// Stores to a page, as the program on this CPU, what was never stored before.
    ///
    /// # Errors
    /// The program is refused it.
    pub fn store(&mut self, cpu: usize, vpn: Vpn) -> Result<()> {
        self.last += 1;
        self.system.store(cpu, place(vpn), &self.last.to_le_bytes())?;
        self.stored.insert((self.system.current(cpu), vpn), self.last);
        Ok(())
    }

    /// Loads what was stored to a page last, as the program on this CPU.
    ///
    /// # Errors
    /// The program is refused it, or it is something else: [`LostStore`].
    pub fn load(&mut self, cpu: usize, vpn: Vpn) -> Result<()> {
        let mut bytes = [0; 8];
        self.system.load(cpu, place(vpn), &mut bytes)?;
        let asid = self.system.current(cpu);
        let (found, stored) = (u64::from_le_bytes(bytes), self.stored.get(&(asid, vpn)).copied().unwrap_or(0));
        if found == stored { Ok(()) } else { Err(LostStore { asid, vpn, stored, found }.into()) }
    }

    /// What the system counted while `work` was done.
    ///
    /// # Errors
    /// What the work fails with.
    pub fn count(&mut self, work: impl FnOnce(&mut Watched) -> Result<()>) -> Result<Traffic> {
        let before = *self.system.traffic();
        work(self)?;
        Ok(self.system.traffic().since(&before))
    }
}

/// The word of a page that is stored to: another one in each page of a group.
fn place(vpn: Vpn) -> VirtAddr {
    address_of(vpn, vpn.get() * 8 % FRAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_past_the_record_is_a_lost_store() {
        let machine =
            Machine { frames: 8, mappings: 8, cpus: 1, tagging: Tagging::Asid, platform: Platform::default() };
        let mut watched = Watched::new(&machine, 3).unwrap();
        assert_eq!(watched.system.os().frames().free(), 8);
        let vpn = Vpn::truncate(0x50);
        let asid = watched.spawn(0, &[(vpn, 4)]).unwrap();
        watched.load(0, vpn).unwrap();
        watched.store(0, vpn).unwrap();
        watched.load(0, vpn).unwrap();
        let child = watched.fork(0).unwrap();
        watched.system.switch(0, child).unwrap();
        watched.load(0, vpn).unwrap();
        watched.system.store(0, place(vpn), &[9; 8]).unwrap();
        let error = watched.load(0, vpn).unwrap_err();
        let said = LostStore { asid: child, vpn, stored: 1, found: 0x0909_0909_0909_0909 };
        assert_eq!(error.downcast_ref(), Some(&said));
        watched.system.switch(0, asid).unwrap();
        watched.load(0, vpn).unwrap();
    }
}
