//! Frames that several pages may share: a count of sharers for each, 0 if the frame is free.

use super::ConcurrentError;
use super::platform::{Platform, Std, Step, Word};
use hashwalk_spec::Pfn;
use std::sync::atomic::Ordering;

/// The sharers of frames 1 to n - 1; frame 0 is never given out. Nothing here locks.
#[derive(Debug)]
pub struct SharedFrames<P: Platform = Std> {
    sharers: Box<[P::Word]>,
}

impl<P: Platform> SharedFrames<P> {
    /// `frames` frames, all free.
    #[must_use]
    pub fn new(frames: usize) -> SharedFrames<P> {
        SharedFrames { sharers: (0..frames).map(|_| P::Word::new(0)).collect() }
    }

    /// Takes the lowest frame that is found free; it has one sharer.
    ///
    /// # Errors
    /// [`ConcurrentError::OutOfFrames`]
    pub fn allocate(&self) -> Result<Pfn, ConcurrentError> {
        // Acquire, of the release of the last sharer: all its accesses to the frame came before those of the new owner.
        let order = Self::order(Ordering::Acquire);
        (1..self.sharers.len())
            .find(|&frame| self.sharers[frame].load(Ordering::Relaxed) == 0 && self.sharers[frame].replace(0, 1, order))
            .map(|frame| Pfn::truncate(frame as u64))
            .ok_or(ConcurrentError::OutOfFrames)
    }

    /// One more page has the frame. The caller holds the bucket of a page that has it, which so keeps it.
    pub fn share(&self, pfn: Pfn) {
        // Relaxed: it orders nothing; the new sharer's page is published by its bucket.
        let sharers = self.sharer(pfn).fetch_add(1, Ordering::Relaxed);
        assert_ne!(sharers, 0, "frame {pfn} is free and cannot be shared");
    }

    /// How many pages have the frame. If it is 1 and the caller holds that page's bucket, it stays so.
    #[must_use]
    pub fn sharers(&self, pfn: Pfn) -> u64 {
        // Acquire, of the releases of those that gave it up: they have read their copies, and the last may write.
        self.sharer(pfn).load(Self::order(Ordering::Acquire))
    }

    /// One page less has the frame; without any it is free. No CPU may translate to it through that page any more.
    pub fn release(&self, pfn: Pfn) {
        // Release: this sharer's accesses come before those of whoever finds itself alone, or allocates the frame.
        // Subtractions by others in between keep the order, since they are read-modify-writes.
        let sharers = self.sharer(pfn).fetch_sub(1, Self::order(Ordering::Release));
        assert_ne!(sharers, 0, "frame {pfn} is given up twice");
    }

    /// Frames that are in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.sharers.iter().filter(|sharers| sharers.load(Ordering::Relaxed) != 0).count()
    }

    fn sharer(&self, pfn: Pfn) -> &P::Word {
        &self.sharers[pfn.get() as usize]
    }

    fn order(order: Ordering) -> Ordering {
        if P::leaves_out(Step::CountOrder) { Ordering::Relaxed } else { order }
    }
}
