//! An entry of 32 bytes in shared memory: four atomic words in the contract's order.

use super::platform::{Platform, Step, Word};
use crate::entry::Entry;
use std::sync::atomic::Ordering;

/// Word 0, which holds V, the frame, the rights and the marks: its store publishes, replaces or withdraws.
const PTE: usize = 0;
/// Word 3, which holds L and `next`.
const LINK: usize = 3;

#[derive(Debug)]
pub(super) struct Slot<P: Platform> {
    words: [P::Word; 4],
}

impl<P: Platform> Default for Slot<P> {
    fn default() -> Slot<P> {
        Slot { words: [0; 4].map(P::Word::new) }
    }
}

impl<P: Platform> Slot<P> {
    /// The entry, word by word from the valid word on: torn, if a writer is at work.
    #[inline]
    pub(super) fn read(&self) -> Entry {
        // Acquire: what came before the store that is seen here (the odd sequence, or the words of the entry that
        // word 0 publishes) is seen by every load after.
        Entry::from_words(self.words.each_ref().map(|word| word.load(Ordering::Acquire)))
    }

    /// Writes a valid entry over one that is not: the valid word last.
    pub(super) fn publish(&self, entry: &Entry) {
        let order = if P::leaves_out(Step::PublishLast) { [PTE, 1, 2, LINK] } else { [1, 2, LINK, PTE] };
        for word in order {
            self.store(word, entry);
        }
    }

    /// Replaces frame, rights, marks and V in one store; the rest of `entry` is what stands there.
    pub(super) fn replace(&self, entry: &Entry) {
        self.store(PTE, entry);
    }

    /// Clears the valid word; the link stays.
    pub(super) fn withdraw(&self) {
        self.store(PTE, &Entry::EMPTY);
    }

    /// Lets the chain go on at `link`, or end.
    pub(super) fn relink(&self, link: Option<u32>) {
        self.store(LINK, &Entry::EMPTY.with_link(link));
    }

    fn store(&self, word: usize, entry: &Entry) {
        // Release: who sees this store sees the odd sequence, and the words that were stored before.
        self.words[word].store(entry.words()[word], Ordering::Release);
    }
}
