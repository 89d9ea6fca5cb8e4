//! Changes in place: frame, rights and marks stand in word 0 of an entry, and one store of it changes them.

use super::{ChainedTable, TableError};
use crate::mapping::{Mapping, Pte};
use crate::memory::PhysicalMemory;
use crate::organisation::common;
use hashwalk_spec::{Asid, PageSize, Rights, Vpn};

impl ChainedTable {
    /// Changes frame, rights and marks of the page of `size` that begins at `vpn` under exactly this ASID, in one store
    /// of one word, and returns the mapping as it was.
    ///
    /// # Errors
    /// [`TableError::NotMapped`], or the chain is broken before the page is found, or its entry is malformed;
    /// [`TableError::MisalignedPfn`] if the new frame is not the first of a page of `size`.
    pub fn update(
        &self,
        memory: &mut PhysicalMemory,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let found = self.find(memory, asid, vpn, size)?;
        let changed = common::changed(&found.mapping, change)?;
        let [pte, ..] = self.stored(memory, found.index)?.with_pte(changed.pte()).words();
        memory.write(self.layout.address(found.index), &pte.to_le_bytes())?;
        Ok(found.mapping)
    }

    /// Gives the page other rights, in place, and returns the mapping as it was.
    ///
    /// # Errors
    /// [`TableError::NotMapped`], or the chain is broken before the page is found, or its entry is malformed.
    pub fn protect(
        &self,
        memory: &mut PhysicalMemory,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        rights: Rights,
    ) -> Result<Mapping, TableError> {
        self.update(memory, asid, vpn, size, &|pte| Pte { rights, ..pte })
    }
}
