//! What a process asks for while it runs: more heap, a mapping of a file, other rights, less.

use super::withdrawn::{Then, Withdrawn};
use super::{Os, OsError, Segment, SegmentError};
use crate::mapping::Mapping;
use crate::organisation::PageTable;
use hashwalk_spec::{Asid, Rights, Vpn};

impl<T: PageTable> Os<T> {
    /// Adds a segment: memory of zeros, or a file. Nothing is mapped before it is touched.
    ///
    /// # Errors
    /// No such process, or the segment is not legal there.
    pub fn mmap(&mut self, asid: Asid, segment: Segment) -> Result<(), OsError> {
        Ok(self.processes.require(asid)?.segments.insert(segment)?)
    }

    /// The highest run of pages that no segment of the process claims, aligned to a multiple of `align` pages.
    ///
    /// # Errors
    /// No such process, or no such run.
    pub fn gap(&self, asid: Asid, pages: u64, align: u64) -> Result<Vpn, OsError> {
        let process = self.processes.get(asid).ok_or(OsError::NoSuchProcess(asid))?;
        Ok(process.segments.gap(pages, align)?)
    }

    /// Makes the heap this many pages longer and returns the first page that is new.
    ///
    /// # Errors
    /// No such process, it has no heap, or the heap meets what stands above it.
    pub fn grow_heap(&mut self, asid: Asid, pages: u64) -> Result<Vpn, OsError> {
        Ok(self.processes.require(asid)?.segments.grow_heap(pages)?)
    }

    /// Takes a run of pages away from a process, segments and contents. Huge pages at its ends must be split before.
    ///
    /// # Errors
    /// No such process; pages in the run are withdrawn; a huge page reaches over an end of the run; the table is broken.
    pub fn munmap(&mut self, asid: Asid, first: Vpn, pages: u64) -> Result<Withdrawn, OsError> {
        let (first, end) = (first.get(), first.get().saturating_add(pages));
        let inside = self.within(asid, first, end)?;
        let mut withdrawn = Vec::new();
        for mapping in &inside {
            match self.take_out(super::owners::page_of(mapping)) {
                Ok(mapping) => withdrawn.push(mapping),
                Err(error) => {
                    self.put_back(&withdrawn);
                    return Err(error.into());
                }
            }
        }
        withdrawn.iter().for_each(|mapping| self.forget_contents(mapping));
        self.put_slots(asid, first, end);
        self.processes.require(asid)?.segments.cut(first, end);
        Ok(Withdrawn::new(withdrawn, Then::Free))
    }

    /// Gives a run of pages other rights. Rights that are lost are taken from the table now, rights that are won when a
    /// fault asks for them: whether a page may be stored to also depends on who shares it. Huge pages at the ends must be
    /// split before.
    ///
    /// # Errors
    /// As for [`Os::munmap`].
    pub fn mprotect(&mut self, asid: Asid, first: Vpn, pages: u64, rights: Rights) -> Result<Withdrawn, OsError> {
        let (first, end) = (first.get(), first.get().saturating_add(pages));
        let mut narrowed = Vec::new();
        for Mapping { vpn, size, rights: had, .. } in self.within(asid, first, end)? {
            let left = Rights::from_bits(had.bits() & rights.bits());
            if left != had {
                narrowed.push(self.table.protect(&mut self.ram, asid, vpn, size, left)?);
            }
        }
        self.processes.require(asid)?.segments.protect(first, end, rights);
        Ok(Withdrawn::new(narrowed, Then::Keep))
    }

    /// The mappings within a run of pages of a process.
    fn within(&mut self, asid: Asid, first: u64, end: u64) -> Result<Vec<Mapping>, OsError> {
        if first >= end {
            return Err(SegmentError::Empty { first_vpn: Vpn::truncate(first) }.into());
        }
        if self.processes.require(asid)?.is_busy(first, end) {
            return Err(OsError::Busy(asid));
        }
        let touches = |mapping: &Mapping| mapping.vpn.get() < end && mapping.vpn.get() + mapping.size.pages() > first;
        let inside: Vec<Mapping> = self.mappings_of(asid)?.into_iter().filter(touches).collect();
        let reaches_over = |m: &&Mapping| m.vpn.get() < first || m.vpn.get() + m.size.pages() > end;
        match inside.iter().find(reaches_over) {
            Some(huge) => Err(OsError::Straddles { size: huge.size, vpn: huge.vpn }),
            None => Ok(inside),
        }
    }
}
