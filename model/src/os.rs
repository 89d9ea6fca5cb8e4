//! The operating system: address spaces, page faults, swap, copy-on-write, huge pages, ASIDs, over any page table.
//!
//! ```text
//!  physical memory
//!  +---------+------------------------------------------+--------------+
//!  | frame 0 | frames for pages, zeroed at first touch  |  page table  |
//!  +---------+------------------------------------------+--------------+
//!
//!  request ─► hardware ─► fault ─► handle_fault ─► a frame and an entry, or the reason to kill the process
//!                                        │ no frame is free
//!                                        └─► reclaim ─► Withdrawn
//!
//!  munmap, fork, promote, reclaim ... ─► Withdrawn ─► the caller invalidates every TLB ─► release(Withdrawn)
//! ```
//!
//! Nothing here knows of TLBs: what must be invalidated is returned, and what must wait for it is done at the release.
//! So the same code serves the hardware on the bench, whose invalidations take cycles, and [`crate::system`], whose TLBs
//! forget at once.
//!
//! The table lies at the top of memory, so that its base is not zero, and frame 0 is never given out, since a fault's
//! answer carries PFN 0: hardware that mixes these up is found out. The table is the only record of what is mapped.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `segment.rs`, `segments.rs` | what a process may touch |
//! | `process.rs`, `asids.rs` | address spaces, and how their numbers are recycled |
//! | `program.rs` | a program brought to life in three steps |
//! | `space.rs` | more heap, mapped files, other rights |
//! | `fault.rs` | what is made of a fault; copy-on-write |
//! | `fork.rs` | processes that begin, multiply and end |
//! | `reclaim.rs`, `swap.rs`, `files.rs`, `device.rs` | page-out by the clock, and where pages go |
//! | `huge.rs` | promotion and splitting |
//! | `pages.rs`, `withdrawn.rs`, `owners.rs` | single pages; what waits for a shootdown; who maps a frame |
//! | `check.rs`, `error.rs` | the invariants, for tests; what can fail |
//!
//! Sources: docs/spec.md, sections 5 and 7; the seeds on virtual memory and on hashed page tables.

mod asids;
mod check;
mod device;
mod error;
mod fault;
mod files;
mod fork;
mod huge;
mod owners;
mod pages;
mod process;
mod program;
mod reclaim;
mod segment;
mod segments;
mod space;
mod swap;
mod withdrawn;

pub use device::{Latency, PageBytes, Transfers};
pub use error::OsError;
pub use fault::Resolution;
pub use files::{FileId, Files};
pub use process::Process;
pub use program::{CODE_VPN, Loaded, Program};
pub use segment::{Backing, Kind, Segment, SegmentError};
pub use segments::{Segments, TOP_VPN};
pub use swap::{Slot, Swap};
pub use withdrawn::Withdrawn;

use crate::frames::FrameAllocator;
use crate::memory::{BusError, PhysicalMemory};
use crate::organisation::{PageTable, Walkable, of_config};
use crate::ram::Ram;
use crate::walk::WalkContext;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Config, Marking, Pfn, Search};
use owners::Owners;
use process::Processes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use withdrawn::Then;

/// Probes that golden walks of a table make in one search, where no configuration says it.
const MAX_STEPS: u32 = 65_535;

/// How often the operating system did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages that got a frame because they were touched.
    pub page_faults: u64,
    /// Frames copied because a sharer stored to them.
    pub copies: u64,
    /// Frames that left memory.
    pub page_outs: u64,
    /// Huge pages made of small ones.
    pub promotions: u64,
    /// Huge pages split.
    pub splits: u64,
}

/// What a machine is made of besides its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Pages that the swap device holds.
    pub swap_pages: u64,
    /// How long the swap device takes.
    pub swap_latency: Latency,
    /// How long the device with the files takes.
    pub file_latency: Latency,
    /// The highest ASID that is given out, at least 1.
    pub last_asid: Asid,
    /// Whether a full page table grows. Hardware that is set to a table's place must be told of it.
    pub table_grows: bool,
}

impl Default for Platform {
    /// No swap device, 65,535 ASIDs, a table that stays as it is.
    fn default() -> Platform {
        let (swap_latency, file_latency) = (Latency::default(), Latency::default());
        Platform { swap_pages: 0, swap_latency, file_latency, last_asid: Asid::MAX, table_grows: false }
    }
}

/// An operating system with its memory, its page table and its processes.
#[derive(Debug)]
pub struct Os<T = Box<dyn Walkable>> {
    ram: Ram,
    table: T,
    grows: bool,
    /// The searches that walks make, bit i for [`Search::ALL`]`[i]`.
    search_enable: u8,
    max_steps: u32,
    marks: Marking,
    processes: Processes,
    owners: Owners,
    files: Files,
    swap: Swap,
    /// The clock's hand.
    hand: Pfn,
    counts: Counts,
}

impl Os {
    /// Boots the machine that the hardware serves: memory of the configured size, an empty table of the configured
    /// format at its top, every search enabled, no process, no swap device. The hash key is the first 16 bytes of the
    /// ChaCha8 stream under the little-endian `seed` (and zeros), so a seed replays a boot.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Os {
        let mut ram = Ram::new(config.frames());
        let table = of_config(config, &mut ram, draw_key(seed))
            .expect("a configuration's memory is a multiple of its table, which has a legal size");
        let (max_steps, marks) = (config.max_steps(), config.marks());
        Os { max_steps, marks, ..Os::with_table(ram, table, Platform::default()) }
    }
}

impl<T: Walkable> Os<T> {
    /// What the hardware's control registers must be set to, and what golden walks take.
    #[must_use]
    pub fn walk_context(&self) -> WalkContext {
        WalkContext::new(*self.table.layout(), self.search_enable, self.max_steps).with_marks(self.marks)
    }
}

impl<T: PageTable> Os<T> {
    /// Boots with an empty page table that was made in `ram`, every search enabled and no process.
    #[must_use]
    pub fn with_table(ram: Ram, table: T, platform: Platform) -> Os<T> {
        let Platform { swap_pages, swap_latency, file_latency, last_asid, table_grows } = platform;
        Os {
            owners: Owners::new(ram.memory.frames()),
            ram,
            table,
            grows: table_grows,
            search_enable: Search::ENABLE_ALL,
            max_steps: MAX_STEPS,
            marks: Marking::Software,
            processes: Processes::new(last_asid),
            files: Files::new(file_latency),
            swap: Swap::new(swap_pages, swap_latency),
            hand: Pfn::truncate(0),
            counts: Counts::default(),
        }
    }

    /// The memory, which also holds the table.
    #[must_use]
    pub fn memory(&self) -> &PhysicalMemory {
        &self.ram.memory
    }

    /// The memory, to be written as a program would, or to break the table on purpose.
    pub fn memory_mut(&mut self) -> &mut PhysicalMemory {
        &mut self.ram.memory
    }

    /// The frames.
    #[must_use]
    pub fn frames(&self) -> &FrameAllocator {
        &self.ram.frames
    }

    /// Memory and frames, as the table takes them.
    #[must_use]
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// The page table.
    #[must_use]
    pub fn table(&self) -> &T {
        &self.table
    }

    /// The page table and the memory that it lies in, to be changed past the operating system: what is entered so is
    /// counted at no frame and known to no process, and never paged out.
    pub fn table_mut(&mut self) -> (&mut T, &mut Ram) {
        (&mut self.table, &mut self.ram)
    }

    /// The files and the page cache.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Makes a file of these bytes.
    pub fn create_file(&mut self, bytes: &[u8]) -> FileId {
        self.files.create(bytes)
    }

    /// The swap device.
    #[must_use]
    pub fn swap(&self) -> &Swap {
        &self.swap
    }

    /// How often what was done.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Enables the searches whose bit is set, once the hardware is idle. A mapping that no enabled search finds is
    /// refused from now on; what is mapped already is not looked at.
    pub fn set_search_enable(&mut self, search_enable: u8) {
        self.search_enable = search_enable & Search::ENABLE_ALL;
    }

    /// The process of this ASID.
    #[must_use]
    pub fn process(&self, asid: Asid) -> Option<&Process> {
        self.processes.get(asid)
    }

    /// All processes, in the order of their ASIDs.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter()
    }

    /// Says that no TLB holds the withdrawn mappings: every invalidation that covers them is done. Frames that nobody
    /// else needs are free from now on; pages are written out, moved, and may be touched again.
    ///
    /// # Errors
    /// The table is broken or does not lie in memory.
    pub fn release(&mut self, withdrawn: Withdrawn) -> Result<(), OsError> {
        let Withdrawn { mappings, then } = withdrawn;
        match then {
            Then::Keep => {}
            Then::Free => mappings.iter().for_each(|mapping| self.drop_hold(mapping)),
            Then::PageOut(victims) => victims.iter().try_for_each(|victim| self.page_out(victim))?,
            Then::Promote { asid, vpn, pfn } => self.fill_promoted(&mappings, asid, vpn, pfn)?,
            Then::Recycle(asids) => self.processes.asids.end_recycling(asids),
        }
        Ok(())
    }

    /// The bytes of a frame.
    fn page_bytes(&self, frame: Pfn) -> Result<PageBytes, BusError> {
        let bytes = self.ram.memory.slice(frame.address(), FRAME_BYTES)?.first_chunk().copied();
        bytes.ok_or(BusError { address: frame.address(), bytes: FRAME_BYTES })
    }
}

fn draw_key(seed: u64) -> u128 {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut key = [0; 16];
    ChaCha8Rng::from_seed(bytes).fill_bytes(&mut key);
    u128::from_le_bytes(key)
}
