//! The operations that all organisations have.

use super::{Cuckoo, Place, Way, mapping_without_link};
use crate::entry::Entry;
use crate::mapping::{Mapping, Pte};
use crate::organisation::common;
use crate::organisation::{Found, PageTable, Usage};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Asid, PageSize, Vpn};

impl PageTable for Cuckoo {
    fn name(&self) -> &'static str {
        match self.ways.len() {
            2 => "cuckoo2",
            3 => "cuckoo3",
            _ => "cuckoo4",
        }
    }

    /// With [`super::Growth::Never`], [`TableError::Full`] says that no sequence of moves was found, which can happen before
    /// all places are in use.
    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        common::refuse_illegal(&mapping)?;
        common::refuse_overlap(self, &self.census, ram, &mapping)?;
        let path = match self.path(ram, mapping.asid, mapping.vpn)? {
            Some(path) => path,
            None => self.make_room(ram, &mapping)?,
        };
        self.displace(ram, &path, &Entry::new(&mapping, None))?;
        self.census.add(&mapping);
        self.resize_further(ram)
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let (place, _, mapping) = self.find_mapped(ram, asid, vpn, size)?;
        self.write(ram, place, &Entry::EMPTY)?;
        self.census.subtract(&mapping);
        Ok(mapping)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let (place, entry, mapping) = self.find_mapped(ram, asid, vpn, size)?;
        let changed = common::changed(&mapping, change)?;
        self.ways[place.way].write_pte(ram, place.slot, &entry.with_pte(changed.pte()))?;
        Ok(mapping)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let mut reads = 0;
        for search in self.census.searches(asid, vpn) {
            let found = self.search(ram, &search)?;
            reads += found.reads;
            if found.mapping.is_some() {
                return Ok(Found { reads, ..found });
            }
        }
        Ok(Found { mapping: None, reads })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        let entries = self.entries(ram)?.into_iter();
        let broken = |place: Place| TableError::Broken { index: place.slot as u32, why: "its entry is malformed" };
        entries.map(|(place, entry)| mapping_without_link(&entry).ok_or(broken(place))).collect()
    }

    fn usage(&self, _ram: &Ram) -> Usage {
        let places = self.ways.iter().map(Way::places).sum();
        Usage { bytes: places * ENTRY_BYTES, mappings: self.census.total(), places }
    }

    /// Doubles every way at once, whatever the load. Beside that, the table grows by itself unless it is told not to.
    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        self.double_all(ram)
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        let words = |error: TableError| error.to_string();
        for (place, entry) in self.entries(ram).map_err(words)? {
            let Some(mapping) = entry.mapping().filter(|mapping| Entry::new(mapping, None) == entry) else {
                return Err(format!("{place:?} is neither empty nor a well-formed mapping without a link: {entry:?}"));
            };
            let home = self.ways[place.way].home(mapping.asid, mapping.vpn);
            if home != place.slot {
                return Err(format!("{place:?} holds an entry whose place is {home:#x}: {mapping:?}"));
            }
        }
        if self.ways.iter().filter(|way| way.rehashed().is_some()).count() > 1 {
            return Err("more than one way is being doubled".into());
        }
        common::check_mappings(&self.mappings(ram).map_err(words)?, &self.census)
    }
}
