//! The smallest operating system that a page walker can serve: frames, processes, faults.
//!
//! ```text
//!  physical memory
//!  +---------+------------------------------------------+--------------+
//!  | frame 0 | frames for pages, zeroed at first touch  |  page table  |
//!  +---------+------------------------------------------+--------------+
//!
//!  request ─► hardware ─► fault ─► handle_fault ─► zeroed frame + entry, or the reason to kill the process
//!
//!  unmap, protect, exit ─► Withdrawn ─► the caller invalidates every TLB ─► release(Withdrawn): frames, ASID free
//! ```
//!
//! The table lies at the top of memory, so that its base is not zero, and frame 0 is never given out, since a fault's
//! answer carries PFN 0: hardware that mixes these up is found out. The table is the only record of what is mapped.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `segment.rs`, `process.rs` | what a process may touch; address spaces |
//! | `pages.rs` | map, unmap, protect, and what must be invalidated after |
//! | `fault.rs` | what is made of a fault |
//! | `error.rs` | what can fail |
//!
//! Source: docs/spec.md, sections 5 and 7.

mod error;
mod fault;
mod pages;
mod process;
mod segment;

pub use error::OsError;
pub use fault::Resolution;
pub use pages::Withdrawn;
pub use process::Process;
pub use segment::{Segment, SegmentError};

use crate::frames::FrameAllocator;
use crate::layout::Layout;
use crate::memory::PhysicalMemory;
use crate::table::ChainedTable;
use crate::walk::WalkContext;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Config, Pfn, PhysAddr, Search};
use process::Processes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// An operating system with its memory, its page table and its processes.
#[derive(Clone, Debug)]
pub struct Os {
    memory: PhysicalMemory,
    frames: FrameAllocator,
    table: ChainedTable,
    walk_context: WalkContext,
    processes: Processes,
}

impl Os {
    /// Boots: memory of the configured size, an empty table at its top, every search enabled, no process. The hash key
    /// is the first 16 bytes of the ChaCha8 stream under the little-endian `seed` (and zeros), so a seed replays a boot.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Os {
        let memory = PhysicalMemory::new(config.frames());
        let base = PhysAddr::truncate(config.frames() * FRAME_BYTES - config.table_bytes());
        let layout = Layout::new(base, config.table_log2(), config.hash(), draw_key(seed))
            .expect("a configuration's memory is a multiple of its table, which has a legal size");
        let mut frames = FrameAllocator::new(config.frames());
        frames.reserve(Pfn::truncate(0), 1);
        frames.reserve(layout.frame(), layout.bytes() / FRAME_BYTES);
        Os {
            memory,
            frames,
            table: ChainedTable::new(layout),
            walk_context: WalkContext::new(layout, Search::ENABLE_ALL, config.max_steps()),
            processes: Processes::default(),
        }
    }

    /// The memory, which also holds the table.
    #[must_use]
    pub fn memory(&self) -> &PhysicalMemory {
        &self.memory
    }

    /// The memory, to be written as a program would, or to break the table on purpose.
    pub fn memory_mut(&mut self) -> &mut PhysicalMemory {
        &mut self.memory
    }

    /// The page table. Its changing methods take [`Os::memory_mut`] (copy the table first), and know nothing of frames
    /// and processes: tests that use them beside [`Os::map`] and the like must keep the two in step.
    #[must_use]
    pub fn table(&self) -> &ChainedTable {
        &self.table
    }

    /// The frames.
    #[must_use]
    pub fn frames(&self) -> &FrameAllocator {
        &self.frames
    }

    /// What the hardware's control registers must be set to, and what golden walks take.
    #[must_use]
    pub fn walk_context(&self) -> &WalkContext {
        &self.walk_context
    }

    /// Enables the searches whose bit is set, once the hardware is idle. A mapping that no enabled search finds is
    /// refused from now on; what is mapped already is not looked at.
    pub fn set_search_enable(&mut self, search_enable: u8) {
        let max_steps = self.walk_context.max_steps();
        self.walk_context = WalkContext::new(*self.table.layout(), search_enable, max_steps);
    }

    /// Makes a process that may touch `segments`, with no page mapped, and returns its ASID: the lowest that is free.
    ///
    /// # Errors
    /// A segment is empty, leaves the address space or overlaps another; or all 65,535 ASIDs are in use.
    pub fn spawn(&mut self, segments: &[Segment]) -> Result<Asid, OsError> {
        self.processes.spawn(segments)
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

    /// The address space in which the CPU is: [`Asid::GLOBAL`] after boot and when the process there has ended.
    #[must_use]
    pub fn current(&self) -> Asid {
        self.processes.current()
    }

    /// Lets the CPU go on in another address space, [`Asid::GLOBAL`] included, and returns the one that it leaves. Since
    /// entries carry their ASID, nothing need be invalidated.
    ///
    /// # Errors
    /// [`OsError::NoSuchProcess`]
    pub fn switch_to(&mut self, asid: Asid) -> Result<Asid, OsError> {
        self.processes.switch_to(asid)
    }
}

fn draw_key(seed: u64) -> u128 {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut key = [0; 16];
    ChaCha8Rng::from_seed(bytes).fill_bytes(&mut key);
    u128::from_le_bytes(key)
}
