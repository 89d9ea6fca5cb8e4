//! What an operating system's calls can fail with.

use super::SegmentError;
use crate::frames::OutOfMemory;
use crate::memory::BusError;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, Vpn};
use thiserror::Error;

/// Why the operating system refuses a call. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OsError {
    /// There are not enough free frames.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// Every ASID names a process, or one that has ended since the last flush.
    #[error("no ASID is free; a flush of every TLB would free {retired}")]
    NoAsidLeft {
        /// ASIDs that [`super::Os::recycle_asids`] would free.
        retired: usize,
    },
    /// No process has this ASID.
    #[error("no process has the ASID {0}")]
    NoSuchProcess(Asid),
    /// The segments of a process would not be legal.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// No enabled search would find the mapping.
    #[error("the searches for {} of {size} are not enabled", if *global { "global pages" } else { "pages" })]
    SearchDisabled {
        /// The mapping's size.
        size: PageSize,
        /// Whether it is global.
        global: bool,
    },
    /// Pages that were withdrawn are in the way until they are released.
    #[error("pages of address space {0} are withdrawn and not yet released")]
    Busy(Asid),
    /// The pages are no candidates for one huge page.
    #[error("the 512 pages at VPN {vpn} cannot become a huge page: {why}")]
    NotPromotable {
        /// The first of the pages.
        vpn: Vpn,
        /// Which condition does not hold, in words.
        why: &'static str,
    },
    /// A huge page lies on both sides of an end of the run.
    #[error("the page of {size} at VPN {vpn} reaches over the end of the run: split it first")]
    Straddles {
        /// The huge page's size.
        size: PageSize,
        /// Its first VPN.
        vpn: Vpn,
    },
    /// A program's file has no page where its code should be.
    #[error("file {file} has no page of code")]
    BeyondFile {
        /// The file's number.
        file: u32,
    },
    /// The page table refuses the change.
    #[error(transparent)]
    Table(TableError),
}

impl From<TableError> for OsError {
    fn from(error: TableError) -> OsError {
        match error {
            TableError::OutOfMemory(error) => OsError::OutOfMemory(error),
            error => OsError::Table(error),
        }
    }
}

impl From<BusError> for OsError {
    fn from(error: BusError) -> OsError {
        OsError::Table(TableError::Bus(error))
    }
}
