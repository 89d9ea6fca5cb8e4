//! A hashed table of its own for each address space.
//!
//! ```text
//!  directory (one word for each ASID)               tables, each of its own size
//!  +------------------+
//!  | ASID 0           ├──────────────────────────► | global mappings, and those of ASID 0 alone |
//!  +------------------+
//!  | ASID 1           ├──────────► | a small one |
//!  +------------------+
//!  | ASID 2: 0        |   no table: it maps nothing yet
//!  +------------------+
//!  | ASID 3           ├──────────────────────────────────────► | one that has doubled twice          |
//!  +------------------+
//!
//!         63      52 51                                12 11             6 5         0
//!  word  +----------+------------------------------------+----------------+-----------+
//!        | zero     | the table's first frame (40)       | zero           | log2 (6)  |    log2 of its entries or lines
//!        +----------+------------------------------------+----------------+-----------+
//! ```
//!
//! **What it is made of.** Any organisation that is one array ([`Walkable`]): the contract's table or the line table. A
//! factory makes each, so that each process may have its own hash key, too.
//!
//! **Cost.** A lookup costs what it costs in the process's table, and one in that of ASID 0 if the page is not found and
//! global mappings exist. A context switch reads one word of the directory ([`super::directory`]); there is no ASID to be
//! told apart within a table, though the entries still carry it. An address space ends at once (`remove_all`):
//! its table goes back whole, where a table for all must take out one page after the other. In return every process
//! takes a table of a frame at least, however few pages it has, where a table for all costs it nothing: with N processes
//! of few pages, N frames against the fixed size of an inverted table, 24 bytes for each frame of the machine with as many
//! anchors as frames; the crossing is at N = 24 · frames / 4096 (the seed's break-even, less the directory's frames).
//!
//! **Growth.** When more places are in use than a threshold says, the process's table doubles, by being made anew: a
//! pause for that process alone. It does not shrink before the process ends.
//!
//! **Registers.** The directory's place; the words of the running address space and of ASID 0, with the censuses.
//!
//! Sources: the seeds' "One table to rule them all, or many?"; Skarlatos et al., *Elastic Cuckoo Page Tables* (ASPLOS
//! 2020), for process-private hashed tables against one global table.

#[cfg(test)]
mod tests;

use super::common::{self, Census};
use super::directory::Directory;
use super::{Found, PageTable, Usage, Walkable};
use crate::mapping::{Mapping, Pte};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, Vpn};
use std::collections::BTreeMap;

/// A table `T` for each address space, made by `F` when the first page is mapped there.
#[derive(Clone, Debug)]
pub struct PerProcess<T, F> {
    make: F,
    grow_above: u8,
    directory: Directory,
    /// What the directory says, with the counts that a table has beside its bytes.
    tables: BTreeMap<Asid, T>,
    census: Census,
}

impl<T: Walkable, F: Fn(&mut Ram, Asid) -> Result<T, TableError>> PerProcess<T, F> {
    /// No table yet. One that is made grows when more than `grow_above` of 100 places are in use.
    ///
    /// # Errors
    /// No frame is free for the directory.
    pub fn new(ram: &mut Ram, grow_above: u8, make: F) -> Result<PerProcess<T, F>, TableError> {
        let directory = Directory::new(ram)?;
        Ok(PerProcess { make, grow_above, directory, tables: BTreeMap::new(), census: Census::default() })
    }

    /// The table of an address space, if it has one.
    #[must_use]
    pub fn table(&self, asid: Asid) -> Option<&T> {
        self.tables.get(&asid)
    }

    /// What an address space's table takes and holds; nothing without a table. The directory is not part of it.
    #[must_use]
    pub fn usage_of(&self, ram: &Ram, asid: Asid) -> Usage {
        self.table(asid).map(|table| table.usage(ram)).unwrap_or_default()
    }

    /// Enters a mapping into the table that its address space has.
    fn insert_into_table(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        let asid = mapping.asid;
        let grow_above = u64::from(self.grow_above);
        let table = self.tables.get_mut(&asid).expect("the address space has a table");
        match table.insert(ram, mapping) {
            Err(TableError::Full { .. } | TableError::OutOfMemory(_)) => {
                table.grow(ram)?;
                table.insert(ram, mapping)?;
            }
            result => result?,
        }
        self.census.add(&mapping);
        let usage = table.usage(ram);
        if usage.mappings * 100 > usage.places * grow_above {
            // Without frames the table stays as it is; it has room until an insertion finds none.
            match table.grow(ram) {
                Ok(()) | Err(TableError::OutOfMemory(_) | TableError::Size { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let word = word(table);
        Ok(self.directory.set(ram, asid, word)?)
    }
}

impl<T: Walkable, F: Fn(&mut Ram, Asid) -> Result<T, TableError>> PageTable for PerProcess<T, F> {
    fn name(&self) -> &'static str {
        "per-process"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        common::refuse_illegal(&mapping)?;
        common::refuse_overlap(self, &self.census, ram, &mapping)?;
        if self.tables.contains_key(&mapping.asid) {
            return self.insert_into_table(ram, mapping);
        }
        let table = (self.make)(ram, mapping.asid)?;
        if let Err(error) = self.directory.reserve(ram, mapping.asid) {
            release(ram, &table);
            return Err(error.into());
        }
        self.tables.insert(mapping.asid, table);
        self.insert_into_table(ram, mapping).inspect_err(|_| {
            // Only a table that cannot hold a single page comes here.
            self.tables.remove(&mapping.asid).iter().for_each(|table| release(ram, table));
        })
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        common::refuse_misaligned(vpn, size)?;
        let table = self.tables.get_mut(&asid).ok_or(TableError::NotMapped { asid, vpn, size })?;
        let removed = table.remove(ram, asid, vpn, size)?;
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
        common::refuse_misaligned(vpn, size)?;
        let table = self.tables.get_mut(&asid).ok_or(TableError::NotMapped { asid, vpn, size })?;
        table.update(ram, asid, vpn, size, change)
    }

    /// All at once: the address space's table goes back whole, and its frames are free. An address space without a
    /// table has no mappings.
    fn remove_all(&mut self, ram: &mut Ram, asid: Asid) -> Result<Vec<Mapping>, TableError> {
        let Some(table) = self.tables.get(&asid) else { return Ok(Vec::new()) };
        let mappings = table.mappings(ram)?;
        // The directory first: a walk under way must not be led to frames that are free.
        self.directory.set(ram, asid, 0)?;
        mappings.iter().for_each(|mapping| self.census.subtract(mapping));
        if let Some(table) = self.tables.remove(&asid) {
            release(ram, &table);
        }
        Ok(mappings)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let nothing = Ok(Found { mapping: None, reads: 0 });
        let own = self.table(asid).map_or(nothing, |table| table.lookup(ram, asid, vpn))?;
        let search_globals = self.census.searches(asid, vpn).any(|search| search.must_be_global);
        if own.mapping.is_some() || !search_globals {
            return Ok(own);
        }
        // Under its own ASID: what it holds for ASID 0 alone does not overlap a global page, so one lookup tells.
        let shared = self.table(Asid::GLOBAL).map_or(nothing, |table| table.lookup(ram, Asid::GLOBAL, vpn))?;
        let mapping = shared.mapping.filter(|mapping| mapping.global);
        Ok(Found { mapping, reads: own.reads + shared.reads })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        let lists = self.tables.values().map(|table| table.mappings(ram));
        Ok(lists.collect::<Result<Vec<_>, TableError>>()?.concat())
    }

    fn usage(&self, ram: &Ram) -> Usage {
        let none = Usage { bytes: self.directory.bytes(), ..Usage::default() };
        self.tables.values().map(|table| table.usage(ram)).fold(none, |sum, one| Usage {
            bytes: sum.bytes + one.bytes,
            mappings: sum.mappings + one.mappings,
            places: sum.places + one.places,
        })
    }

    /// Each table grows by itself.
    fn grow(&mut self, _ram: &mut Ram) -> Result<(), TableError> {
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        let words = |error: TableError| error.to_string();
        let listed = self.directory.entries(ram).map_err(|error| error.to_string())?;
        let expected: Vec<(Asid, u64)> = self.tables.iter().map(|(asid, table)| (*asid, word(table))).collect();
        if listed != expected {
            return Err(format!("the directory says {listed:x?}, but the tables are {expected:x?}"));
        }
        for (asid, table) in &self.tables {
            table.check(ram).map_err(|wrong| format!("in the table of {asid}: {wrong}"))?;
            let strangers = table.mappings(ram).map_err(words)?.into_iter().find(|mapping| mapping.asid != *asid);
            if let Some(stranger) = strangers {
                return Err(format!("the table of {asid} holds {stranger:?}"));
            }
        }
        common::check_mappings(&self.mappings(ram).map_err(words)?, &self.census)
    }
}

/// The directory's word for a table.
fn word<T: Walkable>(table: &T) -> u64 {
    table.layout().base().get() | u64::from(table.layout().log2())
}

/// Gives a table's frames back.
fn release<T: Walkable>(ram: &mut Ram, table: &T) {
    ram.give(table.layout().base(), table.layout().bytes());
}
