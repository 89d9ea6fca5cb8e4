//! Single stores of words: a change of the table as whoever walks meanwhile sees it.
//!
//! A change of an entry that walks may read word by word is a list of these, to be made in their order with any time
//! between them. Source: docs/spec.md, section 2, sequence numbers, and section 7.

use crate::memory::{BusError, PhysicalMemory};
use hashwalk_spec::PhysAddr;
use hashwalk_spec::entry::{ACCESSED, DIRTY, ENTRY_BYTES, VALID};

/// The marks' bits in word 0 of an entry.
const MARKS: u64 = 1 << ACCESSED | 1 << DIRTY;

/// One store of an aligned word of 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The word at `address` becomes `word`.
    Word {
        /// A multiple of 8.
        address: PhysAddr,
        /// What stands there from now on.
        word: u64,
    },
    /// V of word 0 of the entry at `entry` is taken away, by an exchange: its marks stay, and nobody sets any after that.
    Withdraw {
        /// The entry's first byte.
        entry: PhysAddr,
    },
    /// Word 0 of the entry at `entry` becomes `word` with the marks of the entry `from`, which it comes from and which
    /// was withdrawn: they may have been set since the change was worked out.
    Moved {
        /// The entry's first byte.
        entry: PhysAddr,
        /// Its word 0 but for marks that are set meanwhile.
        word: u64,
        /// The first byte of the entry that held it before.
        from: PhysAddr,
    },
}

impl Store {
    /// The entry of which it changes a word.
    #[must_use]
    pub fn entry(&self) -> PhysAddr {
        match *self {
            Store::Word { address, .. } => PhysAddr::truncate(address.get() & !(ENTRY_BYTES - 1)),
            Store::Withdraw { entry } | Store::Moved { entry, .. } => entry,
        }
    }

    /// Makes it.
    ///
    /// # Errors
    /// The word lies beyond the memory; nothing is written.
    pub fn make(&self, memory: &mut PhysicalMemory) -> Result<(), BusError> {
        let (address, word) = match *self {
            Store::Word { address, word } => (address, word),
            Store::Withdraw { entry } => (entry, memory.read_word(entry)? & !(1 << VALID)),
            Store::Moved { entry, word, from } => (entry, word | memory.read_word(from)? & MARKS),
        };
        memory.write(address, &word.to_le_bytes())
    }
}
