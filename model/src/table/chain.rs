//! Following links.

use super::{ChainedTable, TableError};
use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::PhysicalMemory;
use crate::organisation::common::refuse_misaligned;
use hashwalk_spec::{Asid, PageSize, Vpn};

/// The entries from a slot to the end of its chain, each with its index. A link that leaves the table, has bits that
/// must be zero, or comes after as many entries as the table has, is an error and ends the iteration.
pub(super) struct Chain<'a> {
    table: &'a ChainedTable,
    memory: &'a PhysicalMemory,
    next: Option<u32>,
    steps_left: u64,
}

impl ChainedTable {
    /// The chain from slot `first` on.
    pub(super) fn chain<'a>(&'a self, memory: &'a PhysicalMemory, first: u32) -> Chain<'a> {
        Chain { table: self, memory, next: Some(first), steps_left: self.layout.elements() }
    }

    /// The entry of a page that must be mapped.
    pub(super) fn find(
        &self,
        memory: &PhysicalMemory,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<Found, TableError> {
        refuse_misaligned(vpn, size)?;
        let mut previous = None;
        for place in self.chain(memory, self.home(asid, vpn)) {
            let (index, entry) = place?;
            if entry.matches(asid, vpn, size, false) {
                let mapping = entry.mapping().ok_or(TableError::Broken { index, why: "its entry is malformed" })?;
                return Ok(Found { index, entry, mapping, previous });
            }
            previous = Some((index, entry));
        }
        Err(TableError::NotMapped { asid, vpn, size })
    }
}

/// A page's entry and its place in its chain.
pub(super) struct Found {
    pub(super) index: u32,
    pub(super) entry: Entry,
    pub(super) mapping: Mapping,
    /// The entry before it, if it does not stand at its home.
    pub(super) previous: Option<(u32, Entry)>,
}

impl Iterator for Chain<'_> {
    type Item = Result<(u32, Entry), TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next.take()?;
        let broken = |why| Some(Err(TableError::Broken { index, why }));
        if self.steps_left == 0 {
            return broken("its chain runs in a circle");
        }
        self.steps_left -= 1;
        let entry = match self.table.read(self.memory, index) {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        if let Some(next) = entry.link() {
            if entry.breaks_link_zeros() {
                return broken("its link has bits that must be zero");
            }
            if next > self.table.layout.mask() {
                return broken("its link leaves the table");
            }
            self.next = Some(next);
        }
        Some(Ok((index, entry)))
    }
}
