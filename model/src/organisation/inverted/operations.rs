//! The operations that all organisations have.

use super::slot::Slot;
use super::{Inverted, Place, table_bytes};
use crate::mapping::Mapping;
use crate::organisation::common::{self, write_word};
use crate::organisation::{Found, PageTable, Usage};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, Pfn, PhysAddr, Rights, Vpn};
use std::collections::HashSet;

impl PageTable for Inverted {
    fn name(&self) -> &'static str {
        "inverted"
    }

    /// Beside the trait's reasons, [`TableError::BeyondFrames`] refuses frames that the machine does not have.
    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        common::refuse_illegal(&mapping)?;
        let Mapping { asid, vpn, size, pfn, .. } = mapping;
        if pfn.get() + size.pages() > self.frames {
            return Err(TableError::BeyondFrames { pfn, size, frames: self.frames });
        }
        common::refuse_overlap(self, &self.census, ram, &mapping)?;
        let own = self.entry_address(pfn);
        let is_alias = !self.read(ram, own)?.is_empty();
        let address = if is_alias { PhysAddr::truncate(self.aliases.take(ram)?) } else { own };
        let index = self.anchors.index(asid, vpn);
        let first = PhysAddr::truncate(self.anchors.first(ram, index)?);
        // The entry before the link to it, so that a walk under way finds a chain.
        let slot = Slot::new(&mapping, is_alias).with_next(first);
        self.write(ram, address, &slot)?;
        self.anchors.set_first(ram, index, address.get())?;
        self.alias_count += u64::from(is_alias);
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let place = self.find(ram, asid, vpn, size)?;
        self.relink(ram, self.anchors.index(asid, vpn), &place, place.slot.next())?;
        if self.frame_of(place.address).is_some() {
            self.write(ram, place.address, &Slot::EMPTY)?;
        } else {
            self.aliases.give(ram, place.address.get())?;
            self.alias_count -= 1;
        }
        self.census.subtract(&place.mapping);
        Ok(place.mapping)
    }

    fn protect(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        rights: Rights,
    ) -> Result<Mapping, TableError> {
        let Place { address, mapping, .. } = self.find(ram, asid, vpn, size)?;
        write_word(ram, address, Slot::new(&Mapping { rights, ..mapping }, false).words[0])?;
        Ok(mapping)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let mut reads = 0;
        for search in self.census.searches(asid, vpn) {
            reads += 1;
            for place in self.chain(ram, self.anchors.index(search.asid, search.vpn)) {
                let mapping = place?.mapping;
                reads += 1;
                if search.matches(&mapping) {
                    return Ok(Found { mapping: Some(mapping), reads });
                }
            }
        }
        Ok(Found { mapping: None, reads })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        Ok(self.places(ram)?.into_iter().map(|(_, place)| place.mapping).collect())
    }

    /// Places are the frames' entries and those of the aliases' frames.
    fn usage(&self, _ram: &Ram) -> Usage {
        let bytes = table_bytes(self.frames) + self.anchors.bytes() + self.aliases.bytes();
        Usage { bytes, mappings: self.census.total(), places: self.frames + self.aliases.places() }
    }

    /// Doubles the anchors. The entries are as many as the frames.
    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let places = self.places(ram)?;
        let larger = self.anchors.doubled(ram)?;
        // From the last to the first, each to the front: a new chain keeps the old one's order.
        for (_, place) in places.iter().rev() {
            let index = larger.index(place.mapping.asid, place.mapping.vpn);
            let first = PhysAddr::truncate(larger.first(ram, index)?);
            self.write(ram, place.address, &place.slot.with_next(first))?;
            larger.set_first(ram, index, place.address.get())?;
        }
        std::mem::replace(&mut self.anchors, larger).give(ram);
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        let words = |error: TableError| error.to_string();
        let places = self.places(ram).map_err(words)?;
        let (mut entries, mut aliases) = (HashSet::new(), HashSet::new());
        for (index, Place { address, mapping, .. }) in &places {
            let seen = if self.frame_of(*address).is_some() { &mut entries } else { &mut aliases };
            if !seen.insert(address.get()) {
                return Err(format!("what stands at {address} is linked to twice"));
            }
            if self.anchors.index(mapping.asid, mapping.vpn) != *index {
                return Err(format!("{mapping:?} is in the wrong chain {index:#x}"));
            }
            if mapping.pfn.get() + mapping.size.pages() > self.frames {
                return Err(format!("{mapping:?} leaves the table's {} frames", self.frames));
            }
        }
        if aliases.len() as u64 != self.alias_count {
            return Err(format!("there are {} aliases, not {}", aliases.len(), self.alias_count));
        }
        self.aliases.check(ram, &aliases)?;
        for frame in (0..self.frames).map(Pfn::truncate) {
            let address = self.entry_address(frame);
            if !entries.contains(&address.get()) && !self.read(ram, address).map_err(words)?.is_empty() {
                return Err(format!("the entry of frame {frame} is in no chain"));
            }
        }
        let mappings: Vec<Mapping> = places.iter().map(|(_, place)| place.mapping).collect();
        common::check_mappings(&mappings, &self.census)
    }
}
