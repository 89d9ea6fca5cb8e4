//! Mapping and unmapping single pages: what all of the operating system is made of, and what tests call directly.

use super::owners::page_of;
use super::withdrawn::{Then, Withdrawn};
use super::{Os, OsError};
use crate::frames::frames_from;
use crate::mapping::{Mapping, Marks};
use crate::organisation::PageTable;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Search, Vpn};

impl<T: PageTable> Os<T> {
    /// Puts a mapping into the table. Its frames may be in use (then they are shared), free (then they are taken, and
    /// zeroed), or beyond the memory (a device).
    ///
    /// # Errors
    /// No such process, a search that is not enabled, or what the table refuses.
    pub fn map(&mut self, mapping: Mapping) -> Result<(), OsError> {
        self.require_use(mapping.asid, mapping.size, mapping.global)?;
        self.enter(mapping)
    }

    /// Maps free frames, contiguous, aligned to the page size and zeroed.
    ///
    /// # Errors
    /// As for [`Os::map`], or there are not enough free frames.
    pub fn map_new(
        &mut self,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        rights: Rights,
        global: bool,
    ) -> Result<Mapping, OsError> {
        self.require_use(asid, size, global)?;
        let pfn = self.ram.frames.find(size)?;
        let mapping = Mapping { global, ..Mapping::new(asid, vpn, size, pfn, rights) };
        self.enter(mapping)?;
        Ok(mapping)
    }

    /// Takes a mapping out of the table.
    ///
    /// # Errors
    /// What the table refuses: the page is not mapped, or its chain is broken.
    pub fn unmap(&mut self, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Withdrawn, OsError> {
        let mapping = self.take_out((asid, vpn, size))?;
        self.forget_contents(&mapping);
        Ok(Withdrawn::new(vec![mapping], Then::Free))
    }

    /// Gives a mapping other rights. What is withdrawn is the mapping with the old ones; it is empty if they are the
    /// same.
    ///
    /// # Errors
    /// What the table refuses: the page is not mapped, or its chain is broken.
    pub fn protect(&mut self, asid: Asid, vpn: Vpn, size: PageSize, rights: Rights) -> Result<Withdrawn, OsError> {
        let old = self.table.protect(&mut self.ram, asid, vpn, size, rights)?;
        let mappings = if old.rights == rights { Vec::new() } else { vec![old] };
        Ok(Withdrawn::new(mappings, Then::Keep))
    }

    /// Enters a mapping and counts its frames.
    pub(super) fn enter(&mut self, mapping: Mapping) -> Result<(), OsError> {
        // Held before the table may grow into them.
        self.hold(&mapping);
        if let Err(error) = self.insert(mapping) {
            self.drop_hold(&mapping);
            return Err(error);
        }
        self.owners.add(&mapping);
        Ok(())
    }

    /// Inserts; a full table grows first, if it may.
    fn insert(&mut self, mapping: Mapping) -> Result<(), OsError> {
        match self.table.insert(&mut self.ram, mapping) {
            Err(TableError::Full { .. }) if self.grows => {
                self.table.grow(&mut self.ram)?;
                Ok(self.table.insert(&mut self.ram, mapping)?)
            }
            result => Ok(result?),
        }
    }

    /// Takes a mapping out of the table and of the owners. Its frames stay held.
    pub(super) fn take_out(&mut self, (asid, vpn, size): super::owners::Page) -> Result<Mapping, TableError> {
        let mapping = self.table.remove(&mut self.ram, asid, vpn, size)?;
        self.owners.remove(&mapping);
        Ok(mapping)
    }

    /// Puts back what [`Os::take_out`] took: there is room for it.
    pub(super) fn put_back(&mut self, mappings: &[Mapping]) {
        for mapping in mappings {
            let inserted = self.insert(*mapping);
            debug_assert_eq!(inserted, Ok(()), "{mapping:?} stood in the table a moment ago");
            self.owners.add(mapping);
        }
    }

    /// The page will never be read again: what files and the swap device hold of it is settled.
    pub(super) fn forget_contents(&mut self, mapping: &Mapping) {
        if mapping.marks.contains(Marks::D) {
            self.files.mark_dirty(mapping.pfn);
        }
        let (_, vpn, size) = page_of(mapping);
        self.put_slots(mapping.asid, vpn.get(), vpn.get() + size.pages());
    }

    /// Gives up the swap slots of a run of pages.
    pub(super) fn put_slots(&mut self, asid: Asid, first: u64, end: u64) {
        let Some(process) = self.processes.get_mut(asid) else { return };
        let run = Vpn::truncate(first)..;
        let within = process.swapped.range(run).take_while(|(vpn, _)| vpn.get() < end);
        let gone: Vec<Vpn> = within.map(|(vpn, _)| *vpn).collect();
        for slot in gone.into_iter().filter_map(|vpn| process.swapped.remove(&vpn)) {
            self.swap.put(slot);
        }
    }

    /// Counts the mapping at its frames; those that were free are zeroed.
    fn hold(&mut self, mapping: &Mapping) {
        for frame in frames_from(mapping.pfn, mapping.size.pages()) {
            if self.ram.frames.hold(frame) {
                self.ram.memory.zero_frames(frame, 1).expect("a frame that the allocator counts lies in memory");
            }
        }
    }

    pub(super) fn drop_hold(&mut self, mapping: &Mapping) {
        for frame in frames_from(mapping.pfn, mapping.size.pages()) {
            self.ram.frames.drop_hold(frame);
        }
    }

    /// Copies the bytes of frames.
    pub(super) fn copy_frames(&mut self, from: Pfn, to: Pfn, frames: u64) -> Result<(), OsError> {
        for (from, to) in frames_from(from, frames).zip(frames_from(to, frames)) {
            let bytes = self.page_bytes(from)?;
            self.ram.memory.write(to.address(), &bytes)?;
        }
        Ok(())
    }

    /// Checks that someone may use such a mapping: a process, and a search that finds it.
    fn require_use(&mut self, asid: Asid, size: PageSize, global: bool) -> Result<(), OsError> {
        if asid != Asid::GLOBAL {
            self.processes.require(asid)?;
        }
        let searches = Search::ALL.iter().enumerate();
        let mut enabled = searches.filter(|(i, _)| self.search_enable >> i & 1 == 1).map(|(_, search)| *search);
        let found = enabled.any(|search| search == Search { global, size });
        if found { Ok(()) } else { Err(OsError::SearchDisabled { size, global }) }
    }
}
