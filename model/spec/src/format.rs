//! The formats of page tables that a walk can go through (docs/spec.md, section 2).

use crate::address::{PAGE_OFFSET_BITS, PhysAddr};
use crate::entry::{ENTRY_BYTES_LOG2, INDEX_BITS, MIN_TABLE_LOG2};
use crate::{inverted, line, link, radix, tree};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// How the table in memory is built. An *element* is what one probe reads: an entry, a line, a node, or the aligned
/// bytes around a word or a smaller entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of 64 bytes: eight pages side by side under one tag, or four pages with a tag each; chained.
    Line,
    /// Entries of 32 bytes, in coalesced chains.
    Chained,
    /// Entries of 32 bytes, each in one of the places that it has, one in each way; no chains.
    Cuckoo,
    /// One entry of 16 bytes for each frame, and aliases of 32, in chains from an array of anchors.
    Inverted,
    /// Balanced binary trees of nodes of 64 bytes, from an array of buckets.
    Tree,
    /// A tree of four levels for each address space, from a directory: no hash.
    Radix,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 6] =
        [Format::Line, Format::Chained, Format::Cuckoo, Format::Inverted, Format::Tree, Format::Radix];

    /// Whether links are physical addresses, so that the array leads to what stands elsewhere, and a broken link may lead
    /// anywhere.
    #[must_use]
    pub const fn links_by_address(self) -> bool {
        matches!(self, Format::Inverted | Format::Tree | Format::Radix)
    }

    /// The smallest memory, in frames of 4 KiB: of a radix tree, eight times its directory.
    #[must_use]
    pub const fn min_frames(self) -> u64 {
        match self {
            Format::Radix => radix::MIN_FRAMES,
            _ => 1 << MIN_TABLE_LOG2,
        }
    }

    /// Bytes of an element.
    #[must_use]
    pub const fn element_bytes(self) -> u64 {
        1 << self.element_log2()
    }

    /// log2 of [`Format::element_bytes`].
    #[must_use]
    pub const fn element_log2(self) -> u32 {
        match self {
            Format::Line => line::LINE_BITS.ilog2() - 3,
            Format::Chained | Format::Cuckoo => ENTRY_BYTES_LOG2,
            Format::Inverted => inverted::ALIAS_LOG2,
            Format::Tree => tree::NODE_LOG2,
            // The narrowest that there is: a walk looks at one word of it.
            Format::Radix => ENTRY_BYTES_LOG2,
        }
    }

    /// The address of the element that holds the byte at `address`.
    #[must_use]
    pub const fn element_of(self, address: PhysAddr) -> PhysAddr {
        PhysAddr::truncate(address.get() & !(self.element_bytes() - 1))
    }

    /// 64-bit words of an element in which a PTE may stand, from its first word on. In an inverted table it may stand
    /// in the third too, which is not counted: there it may be an alias's frame instead.
    #[must_use]
    pub const fn ptes(self) -> u32 {
        match self {
            Format::Line => 8,
            Format::Chained | Format::Cuckoo | Format::Inverted | Format::Tree => 1,
            Format::Radix => 4,
        }
    }

    /// log2 of the bytes from one index of the table's array to the next: an element, or a word that is an anchor, a
    /// bucket, or the root of an address space.
    #[must_use]
    pub const fn stride_log2(self) -> u32 {
        match self {
            Format::Line | Format::Chained | Format::Cuckoo => self.element_log2(),
            Format::Inverted | Format::Tree => link::LINK_LOG2,
            Format::Radix => radix::WORD_LOG2,
        }
    }

    /// The smallest table, as log2 of the length of its array: one frame, but a radix tree has a word for each ASID.
    #[must_use]
    pub const fn min_table_log2(self) -> u32 {
        match self {
            Format::Radix => radix::DIRECTORY_LOG2,
            _ => PAGE_OFFSET_BITS - self.stride_log2(),
        }
    }

    /// The largest table, as log2 of the length of its array.
    #[must_use]
    pub const fn max_table_log2(self) -> u32 {
        match self {
            Format::Radix => radix::DIRECTORY_LOG2,
            _ => INDEX_BITS,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Line => "line",
            Format::Chained => "chained",
            Format::Cuckoo => "cuckoo",
            Format::Inverted => "inverted",
            Format::Tree => "tree",
            Format::Radix => "radix",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::MIN_LINKS_LOG2;

    #[test]
    fn an_element_holds_what_one_probe_looks_at() {
        let elements = Format::ALL.map(|format| (format.element_bytes(), 1 << format.stride_log2()));
        assert_eq!(elements, [(64, 64), (32, 32), (32, 32), (32, 8), (64, 8), (32, 8)]);
        assert!(elements.iter().all(|(element, _)| *element <= MAX_ELEMENT_BYTES as u64));
        let address = PhysAddr::truncate(0x1238);
        let found = Format::ALL.map(|format| format.element_of(address).get());
        assert_eq!(found, [0x1200, 0x1220, 0x1220, 0x1220, 0x1200, 0x1220]);
    }

    #[test]
    fn the_smallest_array_fills_a_frame_and_the_directory_holds_every_asid() {
        let smallest = Format::ALL.map(Format::min_table_log2);
        assert_eq!(smallest, [6, MIN_TABLE_LOG2, MIN_TABLE_LOG2, MIN_LINKS_LOG2, MIN_LINKS_LOG2, 16]);
        assert_eq!(Format::ALL.map(Format::max_table_log2), [32, 32, 32, 32, 32, 16]);
    }
}
