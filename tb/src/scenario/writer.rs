//! Software that changes the table store by store, while walks run.

use std::collections::VecDeque;

use fastrand::Rng;
use hashwalk_model::Store;

/// Cycles from one store of a change to the next.
const PAUSES: [u64; 7] = [1, 1, 1, 2, 3, 9, 30];

/// What is still to be stored of a change.
pub(super) struct Writer {
    stores: VecDeque<Store>,
    /// The cycle at whose end the next one is made.
    due: u64,
    rng: Rng,
}

impl Writer {
    /// Nothing; the same seed makes the same pauses.
    pub(super) fn new(seed: u64) -> Writer {
        Writer { stores: VecDeque::new(), due: 0, rng: Rng::with_seed(seed) }
    }

    /// Whether a change is not over.
    pub(super) fn is_busy(&self) -> bool {
        !self.stores.is_empty()
    }

    /// Begins a change, the one before being over, and gives its first store.
    pub(super) fn begin(&mut self, stores: Vec<Store>, now: u64) -> Option<Store> {
        (self.stores, self.due) = (stores.into(), now);
        self.next(now)
    }

    /// The store that is made at the end of the cycle `now`, if there is one.
    pub(super) fn next(&mut self, now: u64) -> Option<Store> {
        let store = if self.due <= now { self.stores.pop_front() } else { None }?;
        self.due = now + PAUSES[self.rng.usize(0..PAUSES.len())];
        Some(store)
    }
}
