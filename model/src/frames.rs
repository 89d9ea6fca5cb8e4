//! The frames of physical memory: free, or held by some number of mappings.
//!
//! ```text
//!  frame        0    1    2    3    4   ...                 single frames: the lowest that is free
//!  references   1    2    0    1    0                       runs for huge pages: the highest that is free
//!               |    shared    free
//!               reserved
//! ```
//!
//! A frame that was freed is soon used again, so a stale translation to it is found out quickly. Single frames come from
//! below and runs from above, so that they do not break each other up. One frame costs a look from the lowest that may
//! be free; a run costs a look at all frames.

use hashwalk_spec::{PageSize, Pfn};
use thiserror::Error;

/// There are not enough free frames, or not side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("out of memory: {needed} contiguous frames are needed, and {free} are free in all")]
pub struct OutOfMemory {
    /// Frames that were asked for, contiguous and aligned to their number.
    pub needed: u64,
    /// Frames that are free, anywhere.
    pub free: u64,
}

/// How many mappings hold each frame.
#[derive(Clone)]
pub struct FrameAllocator {
    references: Vec<u32>,
    free: u64,
    /// No frame below it is free.
    lowest: usize,
}

impl FrameAllocator {
    /// `frames` free frames.
    #[must_use]
    pub fn new(frames: u64) -> FrameAllocator {
        FrameAllocator { references: vec![0; frames as usize], free: frames, lowest: 0 }
    }

    /// The number of free frames.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.free
    }

    /// How many mappings hold the frame, 1 more if it is reserved; `None` beyond the memory.
    #[must_use]
    pub fn references(&self, frame: Pfn) -> Option<u32> {
        self.references.get(usize::try_from(frame.get()).ok()?).copied()
    }

    /// Takes frames out of use for ever.
    pub fn reserve(&mut self, first: Pfn, frames: u64) {
        for frame in frames_from(first, frames) {
            self.hold(frame);
        }
    }

    /// Gives reserved frames back.
    pub fn release(&mut self, first: Pfn, frames: u64) {
        for frame in frames_from(first, frames) {
            self.drop_hold(frame);
        }
    }

    /// Finds free frames for a page of `size`, aligned to it. They stay free until they are held.
    ///
    /// # Errors
    /// There is no such run.
    pub fn find(&mut self, size: PageSize) -> Result<Pfn, OutOfMemory> {
        self.find_run(size.pages())
    }

    /// Finds `needed` free frames side by side, a power of two, aligned to their number. They stay free until they are
    /// held.
    ///
    /// # Errors
    /// There is no such run.
    pub fn find_run(&mut self, needed: u64) -> Result<Pfn, OutOfMemory> {
        let is_free = |references: &u32| *references == 0;
        let found = if needed == 1 {
            let found = self.references[self.lowest..].iter().position(is_free);
            self.lowest += found.unwrap_or(self.references.len() - self.lowest);
            found.map(|_| self.lowest as u64)
        } else {
            let runs = self.references.chunks_exact(needed as usize).enumerate();
            runs.rev().find(|(_, run)| run.iter().all(is_free)).map(|(index, _)| index as u64 * needed)
        };
        found.map(Pfn::truncate).ok_or(OutOfMemory { needed, free: self.free })
    }

    /// Counts one more mapping that holds the frame, and tells whether it is the first. Beyond the memory there is
    /// nothing to count.
    pub fn hold(&mut self, frame: Pfn) -> bool {
        let Some(references) = self.references.get_mut(frame.get() as usize) else { return false };
        *references += 1;
        let first = *references == 1;
        self.free -= u64::from(first);
        first
    }

    /// Counts one mapping less.
    pub fn drop_hold(&mut self, frame: Pfn) {
        let index = frame.get() as usize;
        let Some(references) = self.references.get_mut(index) else { return };
        debug_assert!(*references > 0, "frame {frame} is dropped more often than it was held");
        *references = references.saturating_sub(1);
        if *references == 0 {
            self.free += 1;
            self.lowest = self.lowest.min(index);
        }
    }
}

/// `frames` frames from `first` on.
pub(crate) fn frames_from(first: Pfn, frames: u64) -> impl Iterator<Item = Pfn> {
    (first.get()..first.get() + frames).filter_map(Pfn::new)
}

impl std::fmt::Debug for FrameAllocator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameAllocator({} of {} free)", self.free, self.references.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_frame_is_found_and_a_freed_one_again() {
        let mut frames = FrameAllocator::new(8);
        frames.reserve(Pfn::truncate(0), 2);
        let frame = frames.find(PageSize::Small).unwrap();
        assert_eq!(frame.get(), 2);
        assert!(frames.hold(frame) && !frames.hold(frame));
        assert_eq!(frames.find(PageSize::Small).unwrap().get(), 3);
        frames.drop_hold(frame);
        assert_eq!(frames.find(PageSize::Small).unwrap().get(), 3);
        frames.drop_hold(frame);
        assert_eq!(frames.find(PageSize::Small).unwrap().get(), 2);
        assert_eq!(frames.free(), 6);
    }

    #[test]
    fn a_run_is_aligned_and_from_above() {
        let mut frames = FrameAllocator::new(2048);
        frames.reserve(Pfn::truncate(2000), 1);
        assert_eq!(frames.find(PageSize::Large).unwrap().get(), 1024);
        frames.reserve(Pfn::truncate(1024), 1);
        frames.reserve(Pfn::truncate(512), 1);
        frames.reserve(Pfn::truncate(511), 1);
        let error = frames.find(PageSize::Large).unwrap_err();
        assert_eq!(error, OutOfMemory { needed: 512, free: 2044 });
        assert_eq!(error.to_string(), "out of memory: 512 contiguous frames are needed, and 2044 are free in all");
        assert!(frames.find(PageSize::Huge).is_err());
    }
}
