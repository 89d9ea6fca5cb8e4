//! What a change writes: whole entries or, under sequence numbers, stores of words in the order of docs/spec.md, section 2.
//!
//! ```text
//!  X is removed, a moves to its home        stores, with sequence numbers
//!  p ─► X ─► a ─► b                         V of X and V of a are taken away
//!                                           p's link                          word 3
//!                                           a in X's slot                     words 3, 2, 1, 0
//!                                           a's slot is emptied               words 3, 2, 1, 0
//! ```
//!
//! An entry that moves is withdrawn first, and takes the marks along that are set until then: for a while its page is not
//! found, but no mark is lost.

use super::{ChainedTable, TableError};
use crate::entry::Entry;
use crate::memory::PhysicalMemory;
use crate::store::Store;
use hashwalk_spec::PhysAddr;

/// What a change of the table comes to.
#[derive(Default)]
pub(super) struct Change {
    /// Entries that go, or stand elsewhere afterwards.
    pub(super) withdrawn: Vec<u32>,
    /// What is written, each slot at most once.
    pub(super) written: Vec<Written>,
}

/// What a slot holds afterwards.
pub(super) struct Written {
    pub(super) index: u32,
    pub(super) entry: Entry,
    /// The slot that it comes from, if it is another one.
    pub(super) from: Option<u32>,
}

impl Written {
    /// An entry that is new, or stays where it is.
    pub(super) fn at(index: u32, entry: Entry) -> Written {
        Written { index, entry, from: None }
    }
}

impl ChainedTable {
    /// Makes a change.
    pub(super) fn make(&self, memory: &mut PhysicalMemory, change: &Change) -> Result<(), TableError> {
        if self.layout.sequence() {
            return Ok(self.stores(memory, change)?.iter().try_for_each(|store| store.make(memory))?);
        }
        for Written { index, entry, .. } in &change.written {
            memory.write_entry(self.layout.address(*index), &entry.to_bytes())?;
        }
        Ok(())
    }

    /// The stores that make a change under sequence numbers.
    pub(super) fn stores(&self, memory: &PhysicalMemory, change: &Change) -> Result<Vec<Store>, TableError> {
        let withdraw = |index: &u32| Store::Withdraw { entry: self.layout.address(*index) };
        let mut stores: Vec<Store> = change.withdrawn.iter().map(withdraw).collect();
        for written in &change.written {
            self.add_stores(&mut stores, &self.stored(memory, written.index)?, written)?;
        }
        Ok(stores)
    }

    /// The stores that make of the stored entry what is to be written.
    fn add_stores(&self, stores: &mut Vec<Store>, stored: &Entry, written: &Written) -> Result<(), TableError> {
        let Written { index, ref entry, from } = *written;
        let base = self.layout.address(index);
        let number = stored.sequence().ok_or(TableError::Broken { index, why: "its entry is torn" })?;
        let store = |word: usize, words: [u64; 4]| Store::Word { address: word_address(base, word), word: words[word] };
        let kept = entry.with_sequence(number).words();
        let differs: Vec<usize> = (0..4).filter(|word| kept[*word] != stored.words()[*word]).collect();
        match (differs.as_slice(), from) {
            ([], None) => {}
            ([word @ (0 | 3)], None) => stores.push(store(*word, kept)),
            _ => {
                let words = entry.with_sequence(number + 1).words();
                stores.extend([3, 2, 1].map(|word| store(word, words)));
                stores.push(match from {
                    Some(from) => Store::Moved { entry: base, word: words[0], from: self.layout.address(from) },
                    None => store(0, words),
                });
            }
        }
        Ok(())
    }
}

fn word_address(entry: PhysAddr, word: usize) -> PhysAddr {
    PhysAddr::truncate(entry.get() + 8 * word as u64)
}
