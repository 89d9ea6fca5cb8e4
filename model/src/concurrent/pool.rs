//! The overflow entries that no chain uses: a stack, linked through the entries' own `next`.

use super::lock::Lock;
use super::platform::{Platform, Word};
use super::slot::Slot;
use std::sync::atomic::Ordering;

/// No entry is free.
const NONE: u64 = u64::MAX;

/// Taken after a bucket's lock, never before one: so two writers cannot wait for each other.
#[derive(Debug)]
pub(super) struct Pool<P: Platform> {
    lock: Lock<P>,
    /// The index of the first free entry. It is read and written under the lock alone, so relaxed.
    first: P::Word,
}

impl<P: Platform> Pool<P> {
    /// The entries from `start` on are free.
    pub(super) fn new(slots: &[Slot<P>], start: u32) -> Pool<P> {
        let mut first = None;
        for index in (start..slots.len() as u32).rev() {
            slots[index as usize].relink(first);
            first = Some(index);
        }
        Pool { lock: Lock::default(), first: P::Word::new(first.map_or(NONE, u64::from)) }
    }

    /// Takes an entry out.
    pub(super) fn take(&self, slots: &[Slot<P>]) -> Option<u32> {
        self.lock.take();
        let taken = self.first();
        if let Some(index) = taken {
            self.set_first(slots[index as usize].read().link());
        }
        // The lock's release, taken up by the next to take it, orders an entry's uses: a reader that sees what the new
        // owner wrote into it has also seen that the old owner's sequence moved.
        self.lock.give_back();
        taken
    }

    /// Puts back an entry that is withdrawn and that no chain links to.
    pub(super) fn put(&self, slots: &[Slot<P>], index: u32) {
        self.lock.take();
        slots[index as usize].relink(self.first());
        self.set_first(Some(index));
        self.lock.give_back();
    }

    /// The free entries, while nobody else has the table. Ends after as many as there are entries.
    pub(super) fn free(&self, slots: &[Slot<P>]) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first(), |&index| slots[index as usize].read().link()).take(slots.len())
    }

    fn first(&self) -> Option<u32> {
        let first = self.first.load(Ordering::Relaxed);
        (first != NONE).then_some(first as u32)
    }

    fn set_first(&self, first: Option<u32>) {
        self.first.store(first.map_or(NONE, u64::from), Ordering::Relaxed);
    }
}
