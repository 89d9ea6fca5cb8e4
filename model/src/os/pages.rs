//! Mapping and unmapping, and what a TLB may still hold afterwards.
//!
//! ```text
//!  unmap ─► Withdrawn ─► invalidate on every CPU ─► all done ─► release ─► frames (and the ASID) are free
//! ```
//!
//! The order is that of docs/spec.md, section 7. A frame goes back to the allocator only with its [`Withdrawn`], so
//! forgetting the shootdown means running out of memory, not sharing it.

use super::{Os, OsError};
use crate::frames::frames_from;
use crate::mapping::Mapping;
use crate::table::TableError;
use hashwalk_spec::{Asid, Invalidation, PageSize, Rights, Search, Vpn};

/// Mappings that are no longer in the table, with what must not be used again before no TLB holds them.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "invalidate what it names, then give it to Os::release"]
pub struct Withdrawn {
    mappings: Vec<Mapping>,
    /// Whether the mappings' frames are given up.
    unmapped: bool,
    ended: Option<Asid>,
}

impl Withdrawn {
    /// The mappings as they were.
    #[must_use]
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The invalidations that drop all of them: one for a process that has ended, else one for each mapping.
    #[must_use]
    pub fn invalidations(&self) -> Vec<Invalidation> {
        match self.ended {
            Some(asid) => vec![Invalidation::Asid(asid)],
            None => self.mappings.iter().map(invalidation_of).collect(),
        }
    }
}

fn invalidation_of(mapping: &Mapping) -> Invalidation {
    if mapping.global {
        Invalidation::Address(mapping.vpn)
    } else {
        Invalidation::AddressInAsid(mapping.asid, mapping.vpn)
    }
}

impl Os {
    /// Puts a mapping into the table. Its frames may be in use (then they are shared), free (then they are taken, and
    /// zeroed), or beyond the memory (a device).
    ///
    /// # Errors
    /// No such process, a search that is not enabled, or what the table refuses.
    pub fn map(&mut self, mapping: Mapping) -> Result<(), OsError> {
        self.require_use(mapping.asid, mapping.size, mapping.global)?;
        self.table.insert(&mut self.memory, mapping)?;
        for frame in frames_from(mapping.pfn, mapping.size.pages()) {
            if self.frames.hold(frame) {
                self.memory.zero_frames(frame, 1).expect("a frame that the allocator counts lies in memory");
            }
        }
        Ok(())
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
        let pfn = self.frames.find(size)?;
        let mapping = Mapping { global, ..Mapping::new(asid, vpn, size, pfn, rights) };
        self.map(mapping)?;
        Ok(mapping)
    }

    /// Takes a mapping out of the table.
    ///
    /// # Errors
    /// What the table refuses: the page is not mapped, or its chain is broken.
    pub fn unmap(&mut self, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Withdrawn, OsError> {
        let mapping = self.table.remove(&mut self.memory, asid, vpn, size)?;
        Ok(Withdrawn { mappings: vec![mapping], unmapped: true, ended: None })
    }

    /// Gives a mapping other rights. What is withdrawn is the mapping with the old ones; it is empty if they are the
    /// same.
    ///
    /// # Errors
    /// What the table refuses: the page is not mapped, or its chain is broken.
    pub fn protect(&mut self, asid: Asid, vpn: Vpn, size: PageSize, rights: Rights) -> Result<Withdrawn, OsError> {
        let old = self.table.protect(&mut self.memory, asid, vpn, size, rights)?;
        let mappings = if old.rights == rights { Vec::new() } else { vec![old] };
        Ok(Withdrawn { mappings, unmapped: false, ended: None })
    }

    /// Ends a process: all its mappings are withdrawn.
    ///
    /// # Errors
    /// No such process; or the table is broken, and the process goes on.
    pub fn exit(&mut self, asid: Asid) -> Result<Withdrawn, OsError> {
        self.processes.get(asid).ok_or(OsError::NoSuchProcess(asid))?;
        let layout = *self.table.layout();
        let before = self.memory.slice(layout.base(), layout.bytes()).map_err(TableError::Bus)?.to_vec();
        let mappings: Vec<Mapping> = self.table.iter(&self.memory)?.filter(|mapping| mapping.asid == asid).collect();
        for Mapping { vpn, size, .. } in &mappings {
            if let Err(error) = self.table.remove(&mut self.memory, asid, *vpn, *size) {
                self.memory.write(layout.base(), &before).map_err(TableError::Bus)?;
                return Err(error.into());
            }
        }
        self.processes.end(asid);
        Ok(Withdrawn { mappings, unmapped: true, ended: Some(asid) })
    }

    /// Says that no TLB holds the withdrawn mappings: every invalidation that covers them is done. Frames that no other
    /// mapping holds are free from now on, and so is the ASID of a process that has ended.
    pub fn release(&mut self, withdrawn: Withdrawn) {
        let Withdrawn { mappings, unmapped, ended } = withdrawn;
        for mapping in mappings.iter().filter(|_| unmapped) {
            for frame in frames_from(mapping.pfn, mapping.size.pages()) {
                self.frames.drop_hold(frame);
            }
        }
        if let Some(asid) = ended {
            self.processes.release(asid);
        }
    }

    /// Checks that someone may use such a mapping: a process, and a search that finds it.
    fn require_use(&self, asid: Asid, size: PageSize, global: bool) -> Result<(), OsError> {
        self.processes.require(asid)?;
        let enabled = |(i, search): (usize, &Search)| {
            self.walk_context.search_enable() >> i & 1 == 1 && *search == Search { global, size }
        };
        let found = Search::ALL.iter().enumerate().any(enabled);
        if found { Ok(()) } else { Err(OsError::SearchDisabled { size, global }) }
    }
}
