//! One inverted table for the machine, or a table for each process: which takes less memory.
//!
//! ```text
//!  inverted       24 bytes a frame of the machine: 16 for its entry, 8 for an anchor, as many anchors as frames
//!  per process    processes * bytes of a table + the directory
//!
//!  break-even     processes = (24 * frames - directory) / bytes of a table
//! ```
//!
//! The first line knows nothing of processes, the second nothing of the machine. A process of few pages takes a table of
//! one frame, so that with 4096 frames of memory the lines cross at 24 processes less the directory. Frames that are
//! mapped more than once cost the inverted table an alias each, which is left out here. Source: the seeds' "One table to
//! rule them all, or many?"; `organisation/inverted.rs` and `organisation/per_process.rs` for the bytes.

use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::entry::{ENTRY_BYTES, MIN_TABLE_LOG2};

/// Bytes of an inverted table for each frame, and of an anchor.
const INVERTED_ENTRY_BYTES: u64 = 16;
const ANCHOR_BYTES: u64 = 8;
/// An anchor array fills a frame at least.
const MIN_ANCHORS: u64 = FRAME_BYTES / ANCHOR_BYTES;
const LINE_BYTES: u64 = 64;
/// A line holds eight pages side by side.
const LINE_PLACES: u64 = 8;

/// What a process's table is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessTable {
    /// The contract's table.
    Internal,
    /// The line table, full lines being what its load counts.
    Line,
}

impl ProcessTable {
    /// Bytes of the table of a process with so many pages, which has doubled whenever more than `grow_above` of 100
    /// places were in use.
    #[must_use]
    pub fn bytes(self, pages: u64, grow_above: u8) -> u64 {
        let (smallest, element_bytes, places) = match self {
            ProcessTable::Internal => (1 << MIN_TABLE_LOG2, ENTRY_BYTES, 1),
            ProcessTable::Line => (FRAME_BYTES / LINE_BYTES, LINE_BYTES, LINE_PLACES),
        };
        let mut elements: u64 = smallest;
        while pages * 100 > elements * places * u64::from(grow_above) {
            elements *= 2;
        }
        elements * element_bytes
    }
}

/// Bytes of an inverted table for a machine of `frames`, a power of two, with as many anchors.
#[must_use]
pub fn inverted_bytes(frames: u64) -> u64 {
    let table = (frames * INVERTED_ENTRY_BYTES).next_multiple_of(FRAME_BYTES);
    table + frames.max(MIN_ANCHORS) * ANCHOR_BYTES
}

/// Bytes of the directory that holds address spaces 0 to `processes`: a word each, a power of two, a frame at least.
#[must_use]
pub fn directory_bytes(processes: u64) -> u64 {
    ((processes + 1) * 8).next_power_of_two().max(FRAME_BYTES)
}

/// Bytes of a table for each of `processes` (of address spaces 1 to `processes`) and the directory.
#[must_use]
pub fn per_process_bytes(processes: u64, pages_each: u64, table: ProcessTable, grow_above: u8) -> u64 {
    directory_bytes(processes) + processes * table.bytes(pages_each, grow_above)
}

/// The smallest number of processes whose tables take at least as much memory as the inverted table of `frames`.
#[must_use]
pub fn processes_at_break_even(frames: u64, pages_each: u64, table: ProcessTable, grow_above: u8) -> u64 {
    let inverted = inverted_bytes(frames);
    let fits = |processes: &u64| per_process_bytes(*processes, pages_each, table, grow_above) < inverted;
    // A table takes a frame or more, so so many processes are too many for sure.
    let mut range = (0, inverted / FRAME_BYTES + 1);
    while range.0 < range.1 {
        let middle = range.0 + (range.1 - range.0) / 2;
        range = if fits(&middle) { (middle + 1, range.1) } else { (range.0, middle) };
    }
    range.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_worked_by_hand() {
        // 4096 frames: 64 KiB of entries and 32 KiB of anchors.
        assert_eq!(inverted_bytes(4096), 24 * 4096);
        // 96 of 128 entries are 75 %, one page more doubles the table; a frame of lines has places for 512 pages.
        assert_eq!(ProcessTable::Internal.bytes(96, 75), 4096);
        assert_eq!(ProcessTable::Internal.bytes(97, 75), 8192);
        assert_eq!(ProcessTable::Line.bytes(384, 75), 4096);
        assert_eq!(ProcessTable::Line.bytes(385, 75), 8192);
        assert_eq!((directory_bytes(511), directory_bytes(512), directory_bytes(65535)), (4096, 8192, 512 << 10));
        assert_eq!(per_process_bytes(3, 8, ProcessTable::Internal, 75), 4 * 4096);
    }

    #[test]
    fn the_lines_cross_at_24_frames_less_the_directory() {
        // 23 tables and the directory are 24 frames, as many as the inverted table takes.
        assert_eq!(processes_at_break_even(4096, 8, ProcessTable::Internal, 75), 23);
        // Tables of two frames: 11.5 of them, rounded up.
        assert_eq!(processes_at_break_even(4096, 100, ProcessTable::Internal, 75), 12);
        // A machine whose inverted table is as small as the directory and a table.
        assert_eq!(processes_at_break_even(256, 1, ProcessTable::Internal, 75), 1);
    }
}
