//! The formats of page tables that the hardware can walk (docs/spec.md, section 2).

use crate::entry::{ENTRY_BYTES, MIN_TABLE_LOG2};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the table in memory is built. An *element* is what one probe reads: an entry, or a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of 64 bytes: eight pages side by side under one tag, or four pages with a tag each; chained.
    Line,
    /// Entries of 32 bytes, in coalesced chains.
    Chained,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 2] = [Format::Line, Format::Chained];

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
            Format::Chained => 5,
        }
    }

    /// 64-bit words of an element that hold a PTE, from its first word on.
    #[must_use]
    pub const fn ptes(self) -> u32 {
        match self {
            Format::Line => 8,
            Format::Chained => 1,
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
        })
    }
}

/// Bytes of the largest element.
pub const MAX_ELEMENT_BYTES: usize = 64;
