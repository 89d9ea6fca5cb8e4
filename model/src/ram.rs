//! Physical memory together with the knowledge which of its frames are free: what a page table grows in.
//!
//! ```text
//!  frame 0   | frames, the lowest free one first ──► ...  ... ◄── runs for tables, from the top |
//!  nobody's
//! ```

use crate::frames::{FrameAllocator, OutOfMemory};
use crate::memory::PhysicalMemory;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Pfn, PhysAddr};

/// Physical memory and its frames. Frame 0 is never given out, so that address 0 can mean "none" in every structure.
#[derive(Clone, Debug)]
pub struct Ram {
    /// The bytes.
    pub memory: PhysicalMemory,
    /// Which frames are free.
    pub frames: FrameAllocator,
}

impl Ram {
    /// Zeroed memory of this many frames of 4 KiB, all free but frame 0.
    #[must_use]
    pub fn new(frames: u64) -> Ram {
        let mut allocator = FrameAllocator::new(frames);
        allocator.reserve(Pfn::truncate(0), 1);
        Ram { memory: PhysicalMemory::new(frames), frames: allocator }
    }

    /// Takes `bytes`, a power of two of at least 4 KiB, aligned to their size and zeroed: a place for a table.
    ///
    /// # Errors
    /// There is no such run of free frames.
    pub fn take(&mut self, bytes: u64) -> Result<PhysAddr, OutOfMemory> {
        debug_assert!(bytes.is_power_of_two() && bytes >= FRAME_BYTES);
        let frames = bytes / FRAME_BYTES;
        let first = self.frames.find_run(frames)?;
        self.frames.reserve(first, frames);
        self.memory.zero_frames(first, frames).expect("free frames lie in memory");
        Ok(first.address())
    }

    /// Gives back what [`Ram::take`] gave.
    pub fn give(&mut self, address: PhysAddr, bytes: u64) {
        self.frames.release(Pfn::truncate(address.get() / FRAME_BYTES), bytes / FRAME_BYTES);
    }
}
