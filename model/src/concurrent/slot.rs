//! An entry of 32 bytes in shared memory: four atomic words in the contract's order.

use super::platform::{Platform, Step, Word};
use crate::entry::Entry;
use std::sync::atomic::Ordering;

/// Word 0, which holds V, the frame and the rights: its store publishes, replaces or withdraws.
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
        let [pte, vpn, asid, link] = self.words.each_ref().map(|word| word.load(Ordering::Acquire).to_le_bytes());
        let mut bytes = [0; 32];
        for (to, from) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([pte, vpn, asid, link]) {
            *to = from;
        }
        Entry::from_bytes(&bytes)
    }

    /// Writes a valid entry over one that is not: the valid word last.
    pub(super) fn publish(&self, entry: &Entry) {
        let order = if P::leaves_out(Step::PublishLast) { [PTE, 1, 2, LINK] } else { [1, 2, LINK, PTE] };
        for word in order {
            self.store(word, entry);
        }
    }

    /// Replaces frame, rights and V in one store; the rest of `entry` is what stands there.
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
        let value = u64::from_le_bytes(entry.to_bytes().as_chunks::<8>().0[word]);
        // Release: who sees this store sees the odd sequence, and the words that were stored before.
        self.words[word].store(value, Ordering::Release);
    }
}
