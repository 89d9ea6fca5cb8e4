//! Programs, and how one is brought to life in three steps.
//!
//! ```text
//!  1 segmentation     code, data, heap and stack are promised: no frame, no entry
//!  2 initialisation   the loader maps the page where the program begins and the top of its stack, and writes its
//!                     arguments there
//!  3 dynamic mapping  every other page when it is first touched
//! ```
//!
//! Source: the seeds' three steps of memory allocation.

use super::files::FileId;
use super::segment::{Kind, Segment};
use super::segments::TOP_VPN;
use super::{Os, OsError, Resolution};
use crate::mapping::{Marks, Pte};
use crate::organisation::PageTable;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Access, Asid, Fault, PageSize, PhysAddr, Request, Rights, VirtAddr, Vpn};

/// Where code begins.
pub const CODE_VPN: Vpn = Vpn::truncate(0x400);

/// What the loader knows of a program. Its file holds the code's pages and then the data's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The file.
    pub file: FileId,
    /// Pages of code, at least 1.
    pub code_pages: u64,
    /// Pages of initialised data, at least 1.
    pub data_pages: u64,
    /// Pages of heap to begin with, at least 1.
    pub heap_pages: u64,
    /// Pages to which the stack may grow, at least 1.
    pub stack_pages: u64,
}

impl Program {
    /// Step 1: the segments, in the order of their pages.
    #[must_use]
    pub fn segments(&self) -> [Segment; 4] {
        let behind = |vpn: Vpn, pages: u64| Vpn::truncate(vpn.get() + pages);
        let (data, heap) = (behind(CODE_VPN, self.code_pages), behind(CODE_VPN, self.code_pages + self.data_pages));
        let read_write = Rights::R.with(Rights::W).with(Rights::U);
        let lowest = Vpn::truncate(TOP_VPN.get() + 1 - self.stack_pages);
        [
            Segment::new(CODE_VPN, self.code_pages, Rights::R.with(Rights::X).with(Rights::U))
                .of_kind(Kind::Code)
                .of_file(self.file, 0),
            Segment::new(data, self.data_pages, read_write).of_kind(Kind::Data).of_file(self.file, self.code_pages),
            Segment::new(heap, self.heap_pages, read_write).of_kind(Kind::Heap),
            Segment::new(TOP_VPN, 1, read_write).of_kind(Kind::Stack { lowest }),
        ]
    }
}

/// A program that can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its address space.
    pub asid: Asid,
    /// The first instruction.
    pub entry: VirtAddr,
    /// The arguments, at the top of the stack.
    pub arguments: VirtAddr,
}

impl<T: PageTable> Os<T> {
    /// Steps 1 and 2. `arguments` are at most a page.
    ///
    /// # Errors
    /// As for [`Os::spawn`], or no frame is free; there is no process then. A program whose file ends before its first
    /// page is refused as out of its file: [`OsError::BeyondFile`].
    ///
    /// # Panics
    /// The arguments are longer than a page.
    pub fn load(&mut self, program: &Program, arguments: &[u8]) -> Result<Loaded, OsError> {
        assert!(arguments.len() as u64 <= FRAME_BYTES, "arguments take at most a page");
        let asid = self.spawn(&program.segments())?;
        let initialised = self.initialise(asid, program, arguments);
        if initialised.is_err() {
            self.exit(asid)?;
        }
        initialised
    }

    fn initialise(&mut self, asid: Asid, program: &Program, arguments: &[u8]) -> Result<Loaded, OsError> {
        let touch = |vpn, access| Request { asid, vpn, access, user: true };
        let top = match self.handle_fault(touch(TOP_VPN, Access::Write), Fault::NotPresent)? {
            Resolution::Mapped(mapping) => mapping,
            other => unreachable!("the stack's first page was not mapped before: {other:?}"),
        };
        match self.handle_fault(touch(CODE_VPN, Access::Execute), Fault::NotPresent)? {
            Resolution::BusError => return Err(OsError::BeyondFile { file: program.file.0 }),
            resolution => debug_assert!(matches!(resolution, Resolution::Mapped(_))),
        }
        let offset = (FRAME_BYTES - arguments.len() as u64) & !15;
        self.ram.memory.write(PhysAddr::truncate(top.pfn.address().get() + offset), arguments)?;
        // The loader stores as the program would.
        let change = |pte: Pte| Pte { marks: Marks::A.with(Marks::D), ..pte };
        self.table.update(&mut self.ram, asid, TOP_VPN, PageSize::Small, &change)?;
        let address = |vpn: Vpn, offset| VirtAddr::truncate(vpn.get() * FRAME_BYTES + offset);
        Ok(Loaded { asid, entry: address(CODE_VPN, 0), arguments: address(TOP_VPN, offset) })
    }
}
