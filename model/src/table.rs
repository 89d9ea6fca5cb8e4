//! The hashed page table with coalesced chains, in the bytes of physical memory.
//!
//! ```text
//!  home(A) = home(B) = 3, home(C) = 4          after A, B, C were inserted in this order
//!
//!  index   2       3       4       5       6
//!        +-------+-------+-------+-------+-------+
//!        |       | A   ──┼─► B ──┼─► C   |       |    C's home was taken by B, so C joined B's chain:
//!        +-------+-------+-------+-------+-------+    from home(C) = 4 it is reached by B, C
//! ```
//!
//! A lookup costs one read for each entry of the chain from the home index on, one or two in a table that is not nearly
//! full. The table's bytes are its only state: the struct says where they lie, so what a test writes into them counts
//! at once. Each operation reads before it writes, and one that fails has written nothing.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `chain.rs` | following links, with an end even in a broken table |
//! | `insert.rs`, `remove.rs`, `update.rs` | changes |
//! | `change.rs` | a change as entries that are written, or as stores of words under sequence numbers |
//! | `check.rs` | the invariants, for tests |
//! | `error.rs` | why a change is refused |
//!
//! Source: docs/spec.md, section 2; coalesced hashing is after Vitter and Chen, *Design and Analysis of Coalesced
//! Hashing* (1987).

mod chain;
mod change;
mod check;
mod error;
mod insert;
mod remove;
mod update;

pub use error::TableError;

use crate::entry::Entry;
use crate::hash::{HashFunction, Hasher, hasher};
use crate::layout::Layout;
use crate::mapping::Mapping;
use crate::memory::PhysicalMemory;
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Asid, PageSize, Vpn};

/// A hashed page table that lies in physical memory.
#[derive(Clone, Copy, Debug)]
pub struct ChainedTable {
    layout: Layout,
    hasher: Hasher,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The mapping, if the page has one.
    pub mapping: Option<Mapping>,
    /// The entries that were read.
    pub probes: u32,
}

impl ChainedTable {
    /// The table at `layout`. Its bytes are taken as they stand: zeros are an empty table.
    #[must_use]
    pub fn new(layout: Layout) -> ChainedTable {
        ChainedTable { layout, hasher: hasher(layout.hash(), layout.key()) }
    }

    /// The same table, still empty, of entries with sequence numbers.
    #[must_use]
    pub fn with_sequence(self) -> ChainedTable {
        ChainedTable { layout: self.layout.with_sequence(), ..self }
    }

    /// The table's place and hash.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The index from which (ASID, first VPN of the page) is searched.
    #[must_use]
    pub fn home(&self, asid: Asid, vpn: Vpn) -> u32 {
        self.hasher.hash(asid, vpn) & self.layout.mask()
    }

    /// Empties the table.
    ///
    /// # Errors
    /// [`TableError::Bus`] if the table lies outside the memory.
    pub fn clear(&self, memory: &mut PhysicalMemory) -> Result<(), TableError> {
        let frames = self.layout.bytes() / hashwalk_spec::address::FRAME_BYTES;
        Ok(memory.zero_frames(self.layout.frame(), frames)?)
    }

    /// The mapping of the page of `size` that begins at `vpn`, under exactly this ASID; global mappings stand under
    /// [`Asid::GLOBAL`].
    ///
    /// # Errors
    /// The chain is broken before the page is found, the page's entry is malformed, or the table lies outside the
    /// memory.
    pub fn lookup(&self, memory: &PhysicalMemory, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Lookup, TableError> {
        let mut probes = 0;
        for place in self.chain(memory, self.home(asid, vpn)) {
            let (index, entry) = place?;
            probes += 1;
            if entry.matches(asid, vpn, size, false) {
                let mapping = entry.mapping().ok_or(TableError::Broken { index, why: "its entry is malformed" })?;
                return Ok(Lookup { mapping: Some(mapping), probes });
            }
        }
        Ok(Lookup { mapping: None, probes })
    }

    /// The index of the entry that [`ChainedTable::lookup`] would find.
    ///
    /// # Errors
    /// [`TableError::NotMapped`], or the chain is broken before the page is found.
    pub fn index_of(&self, memory: &PhysicalMemory, asid: Asid, vpn: Vpn, size: PageSize) -> Result<u32, TableError> {
        Ok(self.find(memory, asid, vpn, size)?.index)
    }

    /// Every mapping, in the order of the entries. Malformed entries are left out.
    ///
    /// # Errors
    /// [`TableError::Bus`] if the table lies outside the memory.
    pub fn iter<'a>(&self, memory: &'a PhysicalMemory) -> Result<impl Iterator<Item = Mapping> + 'a, TableError> {
        Ok(self.entries(memory)?.filter_map(|(_, entry)| entry.mapping()))
    }

    /// Every entry that is not empty, well formed or not, with its index, but for those that are torn.
    ///
    /// # Errors
    /// [`TableError::Bus`] if the table lies outside the memory.
    pub fn entries<'a>(
        &self,
        memory: &'a PhysicalMemory,
    ) -> Result<impl Iterator<Item = (u32, Entry)> + 'a, TableError> {
        let table = *self;
        let entries = self.slots(memory)?.iter().map(move |slot| table.whole(Entry::from_bytes(slot)));
        let whole = (0..=self.layout.mask()).zip(entries).filter_map(|(index, entry)| Some((index, entry?)));
        Ok(whole.filter(|(_, entry)| !entry.is_empty()))
    }

    /// The number of mappings. It reads the whole table.
    ///
    /// # Errors
    /// [`TableError::Bus`] if the table lies outside the memory.
    pub fn len(&self, memory: &PhysicalMemory) -> Result<u64, TableError> {
        Ok(self.iter(memory)?.count() as u64)
    }

    /// Whether there is no mapping.
    ///
    /// # Errors
    /// [`TableError::Bus`] if the table lies outside the memory.
    pub fn is_empty(&self, memory: &PhysicalMemory) -> Result<bool, TableError> {
        Ok(self.iter(memory)?.next().is_none())
    }

    /// The lengths of all chains, in entries, in the order of their heads (the entries that no other links to). What a
    /// lookup reads is at most its chain's length.
    ///
    /// # Errors
    /// A link leaves the table or runs in a circle, or the table lies outside the memory.
    pub fn chain_lengths(&self, memory: &PhysicalMemory) -> Result<Vec<u32>, TableError> {
        let linked_to: std::collections::HashSet<u32> =
            self.entries(memory)?.filter_map(|(_, entry)| entry.link()).collect();
        let heads = self.entries(memory)?.filter(|(index, _)| !linked_to.contains(index));
        heads.map(|(head, _)| self.chain(memory, head).try_fold(0, |length, place| place.map(|_| length + 1))).collect()
    }

    /// All slots of the table as bytes.
    fn slots<'a>(&self, memory: &'a PhysicalMemory) -> Result<&'a [[u8; ENTRY_BYTES as usize]], TableError> {
        Ok(memory.slice(self.layout.base(), self.layout.bytes())?.as_chunks().0)
    }

    fn read(&self, memory: &PhysicalMemory, index: u32) -> Result<Entry, TableError> {
        self.whole(self.stored(memory, index)?).ok_or(TableError::Broken { index, why: "its entry is torn" })
    }

    /// The entry with its sequence number, if it has one.
    fn stored(&self, memory: &PhysicalMemory, index: u32) -> Result<Entry, TableError> {
        Ok(Entry::from_bytes(&memory.read_entry(self.layout.address(index))?))
    }

    /// The stored entry without its sequence number; `None` if it is torn.
    #[inline]
    fn whole(&self, stored: Entry) -> Option<Entry> {
        if self.layout.sequence() { stored.whole() } else { Some(stored) }
    }
}
