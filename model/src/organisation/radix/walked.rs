//! The radix table that the hardware walks: a directory that never moves, and nodes that are held.
//!
//! A register says where the directory is, and may change only while no request waits. So the directory has a word for
//! each of the 65,536 ASIDs from the beginning, 512 KiB: an ASID needs no bound check, and a new address space no move.
//!
//! Source: docs/spec.md, section 2.

use super::{Radix, Reach};
use crate::layout::Layout;
use crate::mapping::{Mapping, Pte};
use crate::organisation::{Found, PageTable, Usage, Walkable};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::radix::DIRECTORY_LOG2;
use hashwalk_spec::{Asid, Format, Hash, PageSize, PhysAddr, Vpn};

/// A radix tree for each address space, for hardware that walks them.
#[derive(Clone, Debug)]
pub struct RadixTable {
    table: Radix,
    layout: Layout,
}

impl RadixTable {
    /// No tree yet: a directory of 128 frames.
    ///
    /// # Errors
    /// There are no such frames side by side.
    pub fn new(ram: &mut Ram) -> Result<RadixTable, TableError> {
        let mut table = Radix::new(ram, Reach::Bits48)?;
        if let Err(error) = table.directory.reserve(ram, Asid::MAX) {
            table.directory.release(ram);
            return Err(error.into());
        }
        table.frames.hold();
        // There is no hash; the layout's is not looked at.
        let layout = Layout::new(Format::Radix, table.directory.base(), DIRECTORY_LOG2, Hash::Asid, 0);
        Ok(RadixTable { table, layout: layout.expect("a directory is aligned to its size") })
    }
}

impl Walkable for RadixTable {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn owns(&self, element: PhysAddr) -> bool {
        self.layout.contains(element) || self.table.frames.contain(element)
    }

    fn release_nodes(&mut self, ram: &mut Ram) {
        self.table.frames.release(ram);
    }
}

impl PageTable for RadixTable {
    fn name(&self) -> &'static str {
        "radix_table"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        self.table.insert(ram, mapping)
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        self.table.remove(ram, asid, vpn, size)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        self.table.update(ram, asid, vpn, size, change)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        self.table.lookup(ram, asid, vpn)
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        self.table.mappings(ram)
    }

    fn usage(&self, ram: &Ram) -> Usage {
        self.table.usage(ram)
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        self.table.grow(ram)
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        self.table.check(ram)
    }
}
