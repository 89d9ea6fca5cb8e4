//! The formats of page tables that the hardware can walk (docs/spec.md, section 2).

use crate::entry::{ENTRY_BYTES, MIN_TABLE_LOG2};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// How the table in memory is built. An *element* is what one probe reads: an entry, or a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of 64 bytes: eight pages side by side under one tag, or four pages with a tag each; chained.
    Line,
    /// Entries of 32 bytes, in coalesced chains.
    Chained,
    /// Entries of 32 bytes, each in one of the places that it has, one in each way; no chains.
    Cuckoo,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 3] = [Format::Line, Format::Chained, Format::Cuckoo];

    /// Bytes of an element.
    #[must_use]
    pub const fn element_bytes(self) -> u64 {
        1 << self.element_log2()
    }

    /// log2 of [`Format::element_bytes`].
    #[must_use]
    pub const fn element_log2(self) -> u32 {
        match self {
            Format::Line => 6,
            Format::Chained | Format::Cuckoo => 5,
        }
    }

    /// 64-bit words of an element that hold a PTE, from its first word on.
    #[must_use]
    pub const fn ptes(self) -> u32 {
        match self {
            Format::Line => 8,
            Format::Chained | Format::Cuckoo => 1,
        }
    }

    /// The smallest table, as log2 of its number of elements: one frame.
    #[must_use]
    pub const fn min_table_log2(self) -> u32 {
        MIN_TABLE_LOG2 + ENTRY_BYTES.ilog2() - self.element_log2()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Line => "line",
            Format::Chained => "chained",
            Format::Cuckoo => "cuckoo",
        })
    }
}

/// How many ways a table of the format [`Format::Cuckoo`] may have.
pub const WAYS: RangeInclusive<u32> = 2..=4;

/// What the first round key of the keyed hash is xored with for way 1; for way w it is w times that (docs/spec.md,
/// section 3).
pub const WAY_KEY: u128 = 0x5_5555_5555_5555_5555;

/// By how many bits the other hashes are rotated left for each further way.
pub const WAY_ROTATION: u32 = 11;

/// log2 of the number of equal parts into which the array of a table of this many ways is cut: 2 for three ways, the
/// last part being unused.
#[must_use]
pub const fn parts_log2(ways: u32) -> u32 {
    ways.next_power_of_two().ilog2()
}

/// Bytes of the largest element.
pub const MAX_ELEMENT_BYTES: usize = 64;
