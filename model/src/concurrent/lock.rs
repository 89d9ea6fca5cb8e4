//! A lock of one word: 0 free, 1 held.

use super::platform::{Platform, Word};
use std::sync::atomic::Ordering;

/// A spin lock. Who takes it gives it back.
#[derive(Debug)]
pub(super) struct Lock<P: Platform> {
    word: P::Word,
}

impl<P: Platform> Default for Lock<P> {
    fn default() -> Lock<P> {
        Lock { word: P::Word::new(0) }
    }
}

impl<P: Platform> Lock<P> {
    pub(super) fn take(&self) {
        // Acquire, of the release below: all that the last holder wrote is seen.
        while !self.word.replace(0, 1, Ordering::Acquire) {
            P::pause();
        }
    }

    pub(super) fn give_back(&self) {
        // Release: whoever takes it next sees all that was written under it.
        self.word.store(0, Ordering::Release);
    }
}
