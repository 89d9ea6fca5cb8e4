//! A cuckoo table in one array, as the hardware walks it.
//!
//! ```text
//!  2 ways   |        way 0        |        way 1        |        place of a page in way w:
//!  3 ways   |  way 0   |  way 1   |  way 2   |  unused  |        the low bits of the hash of way w,
//!  4 ways   |  way 0   |  way 1   |  way 2   |  way 3   |        within its part of the array
//! ```
//!
//! The ways do not grow one by one: growth makes the array anew, twice as long, while the old one still stands. An
//! insertion finds its place as in [`Cuckoo`], of which this is one with ways of a fixed size. Source: docs/spec.md,
//! sections 2 and 3.

use super::{Cuckoo, Growth, Way, mapping_without_link};
use crate::hash::hasher;
use crate::layout::Layout;
use crate::mapping::{Mapping, Pte};
use crate::organisation::{Found, PageTable, Usage, Walkable};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::entry::{ENTRY_BYTES, INDEX_BITS, MIN_TABLE_LOG2};
use hashwalk_spec::format::WAYS;
use hashwalk_spec::{Asid, Format, Hash, PageSize, Vpn};

/// A cuckoo table of 2 to 4 ways in one array.
#[derive(Clone, Debug)]
pub struct CuckooArray {
    table: Cuckoo,
    layout: Layout,
}

impl CuckooArray {
    /// An empty table of `ways` ways in an array of 2^`log2` entries, 7 to 32.
    ///
    /// # Errors
    /// There are not 2 to 4 ways, `log2` is out of range, or there are not enough free frames side by side.
    pub fn new(ram: &mut Ram, ways: u32, log2: u32, hash: Hash, key: u128) -> Result<CuckooArray, TableError> {
        if !WAYS.contains(&ways) {
            return Err(TableError::Shape { why: "a cuckoo table has 2 to 4 ways" });
        }
        let out_of_range = TableError::Size { log2, min: MIN_TABLE_LOG2, max: INDEX_BITS };
        if !(MIN_TABLE_LOG2..=INDEX_BITS).contains(&log2) {
            return Err(out_of_range);
        }
        let base = ram.take(ENTRY_BYTES << log2)?;
        let layout = Layout::new(Format::Cuckoo, base, log2, hash, key).map_err(|_| out_of_range)?.with_ways(ways);
        let hasher = hasher(hash, key);
        let ways =
            (0..ways).map(|way| Way::within(layout.address(layout.place(way, 0)), layout.way_log2(), hasher, way));
        Ok(CuckooArray { table: Cuckoo::of_ways(ways.collect(), Growth::Never), layout })
    }
}

impl Walkable for CuckooArray {
    fn layout(&self) -> &Layout {
        &self.layout
    }
}

impl PageTable for CuckooArray {
    fn name(&self) -> &'static str {
        "cuckoo_array"
    }

    /// [`TableError::Full`] says that no sequence of moves was found, which can happen before all places are in use.
    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        self.table.insert(ram, mapping)
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        self.table.remove(ram, asid, vpn, size)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        self.table.update(ram, asid, vpn, size, change)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        self.table.lookup(ram, asid, vpn)
    }

    /// Malformed entries are left out.
    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        let entries = self.table.entries(ram)?;
        Ok(entries.iter().filter_map(|(_, entry)| mapping_without_link(entry)).collect())
    }

    fn usage(&self, ram: &Ram) -> Usage {
        Usage { bytes: self.layout.bytes(), ..self.table.usage(ram) }
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let old = self.layout;
        let mut larger = CuckooArray::new(ram, old.ways(), old.log2() + 1, old.hash(), old.key())?;
        let mut mappings = self.table.mappings(ram)?.into_iter();
        let copied = mappings.try_for_each(|mapping| larger.insert(ram, mapping));
        let given_back = if copied.is_ok() { old } else { larger.layout };
        ram.give(given_back.base(), given_back.bytes());
        copied?;
        *self = larger;
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        self.table.check(ram)
    }
}
