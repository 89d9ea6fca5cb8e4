//! Internal chaining: the contract's own table, behind the trait.
//!
//! ```text
//!  index   2       3       4       5       6
//!        +-------+-------+-------+-------+-------+
//!        |       | A   ──┼─► B ──┼─► C   |       |    32-byte entries; a chain may hold entries of several homes
//!        +-------+-------+-------+-------+-------+
//! ```
//!
//! | an entry's bits | hold |
//! | --------------- | ---- |
//! | 0 to 63 | the PTE: V, R, W, X, U, G, A, D, size, PFN |
//! | 64 to 127 | the page's first VPN |
//! | 128 to 191 | the ASID |
//! | 192 to 255 | L and the index of the next entry |
//!
//! With sequence numbers bits 60 to 63 and 252 to 255 hold one each, and a change can be had as the stores that make it.
//!
//! **Costs.** 32 bytes a place. At load a a search that finds reads 1 + (e^2a - 1 - 2a) / 8a + a/4 entries, 1.23 at 40 %,
//! 1.38 at 60 %, and 1.80 in a full table (Vitter and Chen); one that finds nothing reads 1 + (e^2a - 1 - 2a) / 4.
//! Growth makes the whole table anew, twice as long, while the old one still stands.
//!
//! Source: docs/spec.md, section 2; [`crate::table`] holds the code, this module the rest of the trait.

use super::common::{Census, check_mappings};
use super::{Found, PageTable, Usage, Walkable};
use crate::layout::Layout;
use crate::mapping::{Mapping, Pte};
use crate::ram::Ram;
use crate::store::Store;
use crate::table::{ChainedTable, TableError};
use hashwalk_spec::entry::{ENTRY_BYTES, INDEX_BITS, MIN_TABLE_LOG2};
use hashwalk_spec::{Asid, Format, Hash, PageSize, Vpn};

/// The contract's table, which grows by being made anew.
#[derive(Clone, Debug)]
pub struct Internal {
    table: ChainedTable,
    census: Census,
}

impl Internal {
    /// An empty table of `2^log2` entries, 7 to 32.
    ///
    /// # Errors
    /// `log2` is out of range, or there are not enough free frames side by side.
    pub fn new(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<Internal, TableError> {
        Ok(Internal { table: table(ram, log2, hash, key)?, census: Census::default() })
    }

    /// The same table, still empty, of entries with sequence numbers.
    #[must_use]
    pub fn with_sequence(self) -> Internal {
        Internal { table: self.table.with_sequence(), ..self }
    }

    /// The table itself, as a walk of the contract reads it.
    #[must_use]
    pub fn chained(&self) -> &ChainedTable {
        &self.table
    }
}

fn table(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<ChainedTable, TableError> {
    let out_of_range = TableError::Size { log2, min: MIN_TABLE_LOG2, max: INDEX_BITS };
    if !(MIN_TABLE_LOG2..=INDEX_BITS).contains(&log2) {
        return Err(out_of_range);
    }
    let base = ram.take(ENTRY_BYTES << log2)?;
    Layout::new(Format::Chained, base, log2, hash, key).map(ChainedTable::new).map_err(|_| out_of_range)
}

impl Walkable for Internal {
    fn layout(&self) -> &Layout {
        self.table.layout()
    }

    fn insert_by_stores(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<Vec<Store>, TableError> {
        if !self.table.layout().sequence() {
            self.insert(ram, mapping)?;
            return Ok(Vec::new());
        }
        let stores = self.table.stores_of_insert(&ram.memory, mapping)?;
        self.census.add(&mapping);
        Ok(stores)
    }

    fn remove_by_stores(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Mapping, Vec<Store>), TableError> {
        if !self.table.layout().sequence() {
            return Ok((self.remove(ram, asid, vpn, size)?, Vec::new()));
        }
        let (removed, stores) = self.table.stores_of_remove(&ram.memory, asid, vpn, size)?;
        self.census.subtract(&removed);
        Ok((removed, stores))
    }
}

impl PageTable for Internal {
    fn name(&self) -> &'static str {
        "internal"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        self.table.insert(&mut ram.memory, mapping)?;
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let removed = self.table.remove(&mut ram.memory, asid, vpn, size)?;
        self.census.subtract(&removed);
        Ok(removed)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        self.table.update(&mut ram.memory, asid, vpn, size, change)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let mut reads = 0;
        for search in self.census.searches(asid, vpn) {
            let lookup = self.table.lookup(&ram.memory, search.asid, search.vpn, search.size)?;
            reads += lookup.probes;
            if let Some(mapping) = lookup.mapping.filter(|mapping| search.matches(mapping)) {
                return Ok(Found { mapping: Some(mapping), reads });
            }
        }
        Ok(Found { mapping: None, reads })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        Ok(self.table.iter(&ram.memory)?.collect())
    }

    fn usage(&self, _ram: &Ram) -> Usage {
        let layout = self.table.layout();
        Usage { bytes: layout.bytes(), mappings: self.census.total(), places: layout.elements() }
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let old = *self.table.layout();
        let larger = table(ram, old.log2() + 1, old.hash(), old.key())?;
        let larger = if old.sequence() { larger.with_sequence() } else { larger };
        let mappings = self.mappings(ram)?;
        let copied = mappings.into_iter().try_for_each(|mapping| larger.insert(&mut ram.memory, mapping));
        let given_back = if copied.is_ok() { old } else { *larger.layout() };
        ram.give(given_back.base(), given_back.bytes());
        copied?;
        self.table = larger;
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        self.table.check(&ram.memory)?;
        let mappings = self.mappings(ram).map_err(|error| error.to_string())?;
        check_mappings(&mappings, &self.census)
    }
}
