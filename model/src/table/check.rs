//! The invariants of a table, checked slot by slot: for tests, after each step.
//!
//! Everything is found in a few passes over the table: who links to whom, then each chain once from its head, which
//! gives every slot a head and a position. A mapping is reachable exactly once if its home has the same head and stands
//! no later.

use super::ChainedTable;
use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::PhysicalMemory;
use hashwalk_spec::{PageSize, Vpn};
use std::collections::HashMap;

impl ChainedTable {
    /// Verifies section 2 of the contract, and what this table promises beyond it (no withdrawn entries, chains that
    /// part again):
    ///
    /// - a slot is empty, or holds a well-formed mapping, and is not torn;
    /// - a link leads to a mapping, no slot is linked to twice, and no chain is a circle;
    /// - each mapping is reached from its home, and one that stands at its home is the head of its chain;
    /// - no two mappings overlap.
    ///
    /// # Errors
    /// The first invariant that does not hold, and where.
    pub fn check(&self, memory: &PhysicalMemory) -> Result<(), String> {
        for index in 0..=self.layout.mask() {
            self.read(memory, index).map_err(|error| error.to_string())?;
        }
        let entries: HashMap<u32, Entry> = self.entries(memory).map_err(|error| error.to_string())?.collect();
        let mappings = entries
            .iter()
            .map(|(index, entry)| match entry.mapping() {
                Some(mapping) => Ok((*index, mapping)),
                None => Err(format!("entry {index:#x} is neither empty nor a well-formed mapping: {entry:?}")),
            })
            .collect::<Result<HashMap<u32, Mapping>, String>>()?;
        let places = self.chain_places(&entries)?;
        for (index, mapping) in &mappings {
            let home = self.home(mapping.asid, mapping.vpn);
            let (head, position) = places[index];
            let reached = places.get(&home).is_some_and(|&(its_head, before)| its_head == head && before <= position);
            if !reached {
                return Err(format!("entry {index:#x} is not reached from its home {home:#x}: {mapping:?}"));
            }
            if home == *index && head != *index {
                return Err(format!("entry {index:#x} stands at its home but is linked to: {mapping:?}"));
            }
        }
        refuse_overlaps(&mappings)
    }

    /// For each slot in use, the head of its chain and its position from it.
    fn chain_places(&self, entries: &HashMap<u32, Entry>) -> Result<HashMap<u32, (u32, u32)>, String> {
        let mut linked_from = HashMap::new();
        for (index, entry) in entries {
            let Some(next) = entry.link() else { continue };
            if entry.breaks_link_zeros() || !entries.contains_key(&next) {
                return Err(format!("entry {index:#x} links to {next:#x}, which holds nothing: {entry:?}"));
            }
            if let Some(other) = linked_from.insert(next, index) {
                return Err(format!("entry {next:#x} is linked to by {index:#x} and by {other:#x}"));
            }
        }
        let mut places = HashMap::new();
        for head in entries.keys().filter(|index| !linked_from.contains_key(index)) {
            let (mut next, mut position) = (Some(*head), 0);
            while let Some(index) = next {
                places.insert(index, (*head, position));
                position += 1;
                next = entries[&index].link();
            }
        }
        // Each slot has at most one predecessor, so what no head leads to is a circle.
        match entries.keys().find(|index| !places.contains_key(index)) {
            Some(index) => Err(format!("entry {index:#x} is part of a circle")),
            None => Ok(places),
        }
    }
}

fn refuse_overlaps(mappings: &HashMap<u32, Mapping>) -> Result<(), String> {
    let mut by_page: HashMap<(Vpn, PageSize), Vec<(u32, &Mapping)>> = HashMap::new();
    for (index, mapping) in mappings {
        by_page.entry((mapping.vpn, mapping.size)).or_default().push((*index, mapping));
    }
    for (index, mapping) in mappings {
        for size in PageSize::ALL.into_iter().filter(|size| *size >= mapping.size) {
            let holders = by_page.get(&(mapping.vpn.base(size), size)).into_iter().flatten();
            if let Some((other, holder)) = holders.into_iter().find(|(i, m)| i != index && m.overlaps(mapping)) {
                return Err(format!("entries {index:#x} and {other:#x} overlap: {mapping:?} and {holder:?}"));
            }
        }
    }
    Ok(())
}
