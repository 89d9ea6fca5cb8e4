//! The operations that all organisations have.

use super::chain::Place;
use super::{Inverted, table_bytes};
use crate::mapping::{Mapping, Pte};
use crate::organisation::common::{self, write_word};
use crate::organisation::{Found, PageTable, Usage};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, Format, PageSize, Pfn, PhysAddr, Vpn};
use std::collections::HashSet;

impl PageTable for Inverted {
    fn name(&self) -> &'static str {
        "inverted"
    }

    /// Beside the trait's reasons, [`TableError::BeyondFrames`] refuses frames that the machine does not have.
    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        common::refuse_illegal(&mapping)?;
        self.refuse_beyond(&mapping)?;
        common::refuse_overlap(self, &self.census, ram, &mapping)?;
        let address = self.take_place(ram, mapping.pfn)?;
        let index = self.anchors.index(mapping.asid, mapping.vpn);
        let first = PhysAddr::truncate(self.anchors.first(ram, index)?);
        // The entry before the link to it, so that a walk under way finds a chain.
        self.write(ram, address, &self.slot(&mapping, address).with_next(first))?;
        self.anchors.set_first(ram, index, address.get())?;
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let place = self.find(ram, asid, vpn, size)?;
        self.relink(ram, self.anchors.index(asid, vpn), &place, place.slot.next())?;
        self.give_place(ram, place.address)?;
        self.census.subtract(&place.mapping);
        Ok(place.mapping)
    }

    /// One store if the frame stays. An entry's place is its frame, so with another frame the mapping moves, and no
    /// single store does that: it is written where it belongs, then what linked to the old place links to the new one,
    /// then the old place is freed. A walk under way finds the old mapping or the new one. Beside the trait's reasons,
    /// [`TableError::BeyondFrames`] refuses frames that the machine does not have, and there may be no frame for an
    /// alias.
    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let place = self.find(ram, asid, vpn, size)?;
        let changed = common::changed(&place.mapping, change)?;
        if changed.pfn == place.mapping.pfn {
            write_word(ram, place.address, self.slot(&changed, place.address).words[0])?;
            return Ok(place.mapping);
        }
        self.refuse_beyond(&changed)?;
        let address = self.take_place(ram, changed.pfn)?;
        self.write(ram, address, &self.slot(&changed, address).with_next(place.slot.next()))?;
        self.relink(ram, self.anchors.index(asid, vpn), &place, address)?;
        self.give_place(ram, place.address)?;
        Ok(place.mapping)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        common::look_up_chains(self.census.searches(asid, vpn), |search| {
            self.chain(ram, self.anchors.index(search.asid, search.vpn)).map(|place| place.map(|place| place.mapping))
        })
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
        self.layout = larger.layout(Format::Inverted).with_entries(self.base);
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
