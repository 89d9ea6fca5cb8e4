//! What an operating system's calls can fail with.

use super::SegmentError;
use crate::frames::OutOfMemory;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize};
use thiserror::Error;

/// Why the operating system refuses a call. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OsError {
    /// There are not enough free frames.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// Every ASID names a process, or one whose end has not been released.
    #[error("every address space is in use")]
    NoAsidLeft,
    /// No process has this ASID.
    #[error("no process has the ASID {0}")]
    NoSuchProcess(Asid),
    /// The segments of a new process are not legal.
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
    /// The page table refuses the change.
    #[error(transparent)]
    Table(#[from] TableError),
}
