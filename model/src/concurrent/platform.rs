//! What the shared table needs of the machine: one atomic word of 64 bits, and a way to let others run.
//!
//! The table is generic over it, so that the very code that threads run is also what `loom` explores, in plain
//! `cargo test`: the more common `--cfg loom` would build every crate a second time, and change some of them.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

/// An atomic word. Methods are those of [`AtomicU64`].
pub trait Word: Debug + Send + Sync {
    /// A word that holds `value`.
    fn new(value: u64) -> Self;
    /// Reads it.
    fn load(&self, order: Ordering) -> u64;
    /// Writes it.
    fn store(&self, value: u64, order: Ordering);
    /// Writes `new` if it holds `current`; a failure is relaxed. Returns whether it did.
    fn replace(&self, current: u64, new: u64, success: Ordering) -> bool;
    /// Adds, and returns what it held.
    fn fetch_add(&self, value: u64, order: Ordering) -> u64;
    /// Subtracts, and returns what it held.
    fn fetch_sub(&self, value: u64, order: Ordering) -> u64;
}

/// A machine: its words, and how to wait.
pub trait Platform: Debug + Send + Sync + 'static {
    /// The atomic word.
    type Word: Word;

    /// Attempts of a reader before it takes the bucket's lock. A change is a few stores, so a second attempt mostly
    /// does.
    const READ_ATTEMPTS: u32 = 16;

    /// Steps to be left out, so that a test can show what each is for. Empty on every machine that is meant to work.
    const LEFT_OUT: &'static [Step] = &[];

    /// Called once in each turn of a loop that waits for another thread.
    fn pause();

    /// Whether `step` is to be left out.
    #[inline]
    #[must_use]
    fn leaves_out(step: Step) -> bool {
        Self::LEFT_OUT.contains(&step)
    }
}

/// A step of the protocol without which it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The reader's second look at the sequence.
    SequenceCheck,
    /// The writer's making the sequence odd before it changes an entry.
    SequenceOdd,
    /// Keeping the sequence odd until the last store of a change.
    SequenceEvenLast,
    /// Publishing a new entry's valid word after the rest of it.
    PublishLast,
    /// Taking the bucket's lock before a change.
    BucketLock,
    /// Holding the lock from the look at a copy-on-write page to its update.
    LockAcrossCopy,
    /// Giving the shared frame up only after the copy is made and the shootdown has ended.
    ReleaseLast,
    /// The release and acquire orders of the frames' counts.
    CountOrder,
}

/// The machine that the program runs on.
#[derive(Clone, Copy, Debug)]
pub struct Std;

impl Platform for Std {
    type Word = AtomicU64;

    fn pause() {
        // A waiting thread gives its core away: the holder of a lock may be one that the system has put aside.
        std::thread::yield_now();
    }
}

impl Word for AtomicU64 {
    fn new(value: u64) -> AtomicU64 {
        AtomicU64::new(value)
    }

    #[inline]
    fn load(&self, order: Ordering) -> u64 {
        AtomicU64::load(self, order)
    }

    #[inline]
    fn store(&self, value: u64, order: Ordering) {
        AtomicU64::store(self, value, order);
    }

    #[inline]
    fn replace(&self, current: u64, new: u64, success: Ordering) -> bool {
        self.compare_exchange(current, new, success, Ordering::Relaxed).is_ok()
    }

    fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        AtomicU64::fetch_add(self, value, order)
    }

    fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        AtomicU64::fetch_sub(self, value, order)
    }
}
