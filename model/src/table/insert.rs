//! Insertion.
//!
//! ```text
//!  home free                     home taken
//!                                    home ─► ... ─► tail ─► new
//!  new goes to its home              new goes to the first free slot after the tail (and from 0 on after the last),
//!                                    and the tail links to it
//! ```
//!
//! The first free slot after the tail is near the chain in memory, needs no list of free slots (so the bytes stay the
//! table's only state), and is the same in every run. In a nearly full table the search for it becomes long; a
//! cellar or a free list would cure that, but the table is built for at most one mapping to an entry.

use super::change::{Change, Written};
use super::{ChainedTable, TableError};
use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::PhysicalMemory;
use crate::organisation::common::{conflict, refuse_illegal};
use crate::store::Store;
use hashwalk_spec::{Asid, PageSize};

impl ChainedTable {
    /// Adds a mapping. The new entry is written before the link to it, so that a walk under way finds either.
    ///
    /// # Errors
    /// The mapping is misaligned, or global outside ASID 0; its page is mapped or overlaps another that a request could
    /// hit as well; the table is full, broken where the new entry must go, or outside the memory.
    pub fn insert(&self, memory: &mut PhysicalMemory, mapping: Mapping) -> Result<(), TableError> {
        let insertion = self.insertion(memory, mapping)?;
        self.make(memory, &insertion)
    }

    /// The stores that add a mapping to a table of entries with sequence numbers, to be made in their order.
    ///
    /// # Errors
    /// As for [`ChainedTable::insert`].
    pub fn stores_of_insert(&self, memory: &PhysicalMemory, mapping: Mapping) -> Result<Vec<Store>, TableError> {
        self.stores(memory, &self.insertion(memory, mapping)?)
    }

    /// Plans an insertion. Reads only.
    fn insertion(&self, memory: &PhysicalMemory, mapping: Mapping) -> Result<Change, TableError> {
        refuse_illegal(&mapping)?;
        self.refuse_overlap(memory, &mapping)?;
        let (entry, withdrawn) = (Entry::new(&mapping, None), Vec::new());
        let home = self.home(mapping.asid, mapping.vpn);
        let mut tail = (home, self.read(memory, home)?);
        if tail.1.is_empty() {
            return Ok(Change { withdrawn, written: vec![Written::at(home, entry)] });
        }
        for place in self.chain(memory, home) {
            tail = place?;
        }
        let free = self.free_slot(memory, tail.0)?;
        let linked = Written::at(tail.0, tail.1.with_link(Some(free)));
        Ok(Change { withdrawn, written: vec![Written::at(free, entry), linked] })
    }

    /// A small page, the common case, is looked up under each size under its own ASID and among the globals. A huge
    /// page may have pages below it, and a global one may meet any address space: both look through the whole table.
    fn refuse_overlap(&self, memory: &PhysicalMemory, mapping: &Mapping) -> Result<(), TableError> {
        if mapping.global || mapping.size != PageSize::Small {
            return match self.iter(memory)?.find(|existing| existing.overlaps(mapping)) {
                Some(existing) => Err(conflict(existing, mapping)),
                None => Ok(()),
            };
        }
        for size in PageSize::ALL {
            for asid in [mapping.asid, Asid::GLOBAL] {
                let lookup = self.lookup(memory, asid, mapping.vpn.base(size), size)?;
                if let Some(existing) = lookup.mapping.filter(|existing| existing.overlaps(mapping)) {
                    return Err(conflict(existing, mapping));
                }
            }
        }
        Ok(())
    }

    fn free_slot(&self, memory: &PhysicalMemory, after: u32) -> Result<u32, TableError> {
        let slots = self.slots(memory)?;
        let (before, behind) = slots.split_at(after as usize + 1);
        let is_free = |slot: &[u8; 32]| self.whole(Entry::from_bytes(slot)).is_some_and(|entry| entry.is_empty());
        let index = match behind.iter().position(is_free) {
            Some(distance) => before.len() + distance,
            None => before.iter().position(is_free).ok_or(TableError::Full { entries: self.layout.elements() })?,
        };
        Ok(index as u32)
    }
}
