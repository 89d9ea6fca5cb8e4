//! Bit positions of a table entry (docs/spec.md, section 2). Ranges are half-open, within the entry's 256 bits,
//! bit 0 being bit 0 of the first byte.

use std::ops::Range;

/// Bytes of an entry.
pub const ENTRY_BYTES: u64 = 32;
/// Bits of an entry.
pub const ENTRY_BITS: u32 = 256;
/// log2 of [`ENTRY_BYTES`].
pub const ENTRY_BYTES_LOG2: u32 = 5;

/// V: the entry holds a mapping.
pub const VALID: u32 = 0;
/// R, W, X, U, in this order from the lowest bit.
pub const RIGHTS: Range<u32> = 1..5;
/// G: the mapping is global.
pub const GLOBAL: u32 = 5;
/// A: the page has been accessed.
pub const ACCESSED: u32 = 6;
/// D: the page has been written.
pub const DIRTY: u32 = 7;
/// The page size's code.
pub const SIZE: Range<u32> = 8..10;
/// The page's first frame.
pub const PFN: Range<u32> = 12..52;
/// The page's first virtual page.
pub const VPN: Range<u32> = 64..116;
/// The address space.
pub const ASID: Range<u32> = 128..144;
/// The next entry of the chain.
pub const NEXT: Range<u32> = 192..224;
/// L: the chain goes on at `next`.
pub const LINKED: u32 = 224;

/// Bits of the mapping that must be zero, or a matching entry is malformed.
pub const ZERO_IN_MAPPING: [Range<u32>; 4] = [10..12, 52..64, 116..128, 144..192];
/// Bits of the link word that must be zero, or following the link is malformed.
pub const ZERO_IN_LINK: Range<u32> = 225..256;

/// Where entries have a sequence number it stands in word 0 and in word 3, in the highest of the bits that are zero else.
pub const SEQUENCES: [Range<u32>; 2] = [60..64, 252..256];

/// The link word, which must be zero where there are no chains.
pub const LINK_WORD: Range<u32> = 192..256;

/// Bits of an index into the table.
pub const INDEX_BITS: u32 = 32;
/// The smallest table, as log2 of its number of entries: one frame.
pub const MIN_TABLE_LOG2: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_the_highest_zero_bits_of_the_first_and_the_last_word() {
        let [in_mapping, in_link] = SEQUENCES;
        assert_eq!((in_mapping.end, in_link.end), (ZERO_IN_MAPPING[1].end, ZERO_IN_LINK.end));
        assert_eq!((in_mapping.end, in_link.end), (64, ENTRY_BITS));
        assert_eq!(in_mapping.len(), in_link.len());
    }

    #[test]
    fn every_bit_has_one_meaning() {
        let mut owners = [0u8; ENTRY_BITS as usize];
        let fields = [RIGHTS, SIZE, PFN, VPN, ASID, NEXT, ZERO_IN_LINK];
        for range in fields.into_iter().chain(ZERO_IN_MAPPING) {
            range.for_each(|bit| owners[bit as usize] += 1);
        }
        for bit in [VALID, GLOBAL, ACCESSED, DIRTY, LINKED] {
            owners[bit as usize] += 1;
        }
        assert!(owners.iter().all(|&count| count == 1), "{owners:?}");
    }
}
