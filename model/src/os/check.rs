//! What must hold between the table, the frames, the files and the swap device.

use super::Os;
use super::owners::page_of;
use crate::frames::frames_from;
use crate::mapping::Mapping;
use crate::organisation::PageTable;
use hashwalk_spec::Asid;
use std::collections::BTreeMap;

impl<T: PageTable> Os<T> {
    /// Checks the table itself, that every mapping has its owner's note and its process, that nothing is mapped twice
    /// as private, and that each frame is counted as often as it is mapped or caches a page. Only while nothing is
    /// withdrawn and not released.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        self.table.check(&self.ram)?;
        let mappings = self.table.mappings(&self.ram).map_err(|error| error.to_string())?;
        let mut noted: Vec<_> = self.owners.iter().collect();
        let in_memory = |mapping: &&Mapping| mapping.pfn.get() < self.ram.memory.frames();
        let mut mapped: Vec<_> = mappings.iter().filter(in_memory).map(|m| (m.pfn, page_of(m))).collect();
        noted.sort_unstable();
        mapped.sort_unstable();
        if noted != mapped {
            return Err(format!("the owners' notes {noted:?} are not what is mapped, {mapped:?}"));
        }
        let mut counts = BTreeMap::new();
        for mapping in &mappings {
            if mapping.asid != Asid::GLOBAL && self.processes.get(mapping.asid).is_none() {
                return Err(format!("{mapping:?} is of no process"));
            }
            frames_from(mapping.pfn, mapping.size.pages()).for_each(|frame| *counts.entry(frame).or_insert(0) += 1);
        }
        self.files.frames().for_each(|frame| *counts.entry(frame).or_insert(0) += 1);
        for (frame, count) in counts {
            let counted = self.ram.frames.references(frame);
            if counted.is_some_and(|counted| counted != count) {
                return Err(format!("frame {frame} is counted {counted:?} times, and {count} lead to it"));
            }
        }
        self.check_swap()
    }

    fn check_swap(&self) -> Result<(), String> {
        let mut users = BTreeMap::new();
        let slots = self.processes.iter().flat_map(|process| process.swapped.values());
        slots.for_each(|slot| *users.entry(*slot).or_insert(0) += 1);
        match users.iter().find(|(slot, count)| self.swap.users(**slot) != **count) {
            Some((slot, count)) => Err(format!("{slot:?} has {} users, and {count} know it", self.swap.users(*slot))),
            None if users.len() as u64 != self.swap.used() => Err("a slot in use is known to nobody".to_string()),
            None => Ok(()),
        }
    }
}
