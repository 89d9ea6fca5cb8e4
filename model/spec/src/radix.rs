//! Bit positions of a word of a radix tree, and the tree's shape (docs/spec.md, section 2). Ranges are half-open,
//! within the word's 64 bits. A leaf is word 0 of an entry of the format `chained`.

use crate::address::{ASID_BITS, VPN_BITS};
use crate::entry;
use std::ops::Range;

/// log2 of the bytes of a word.
pub const WORD_LOG2: u32 = 3;
/// Levels of a tree. The leaf of a page whose size has code s stands at level s + 1, the root at this one; the
/// directory of the roots counts as the level above.
pub const LEVELS: u32 = 4;
/// Bits of the VPN that choose a word of a node.
pub const INDEX_BITS: u32 = 9;
/// log2 of the words of the directory: one for each ASID.
pub const DIRECTORY_LOG2: u32 = ASID_BITS;
/// Bits of the VPN that must agree, or the page lies beyond the reach of the tree.
pub const SIGN: Range<u32> = LEVELS * INDEX_BITS - 1..VPN_BITS;
/// The smallest memory for such a table, in frames: eight times the directory.
pub const MIN_FRAMES: u64 = 1 << 10;

/// T: the word leads to a node.
pub const NODE: u32 = 10;
/// The first frame of the page, or the frame of the node.
pub const PFN: Range<u32> = entry::PFN;
/// Bits that must be zero in a leaf.
pub const ZERO_IN_LEAF: [Range<u32>; 2] = [11..12, 52..64];
/// Bits that must be zero in a word that leads to a node.
pub const ZERO_IN_NODE: [Range<u32>; 3] = [1..10, 11..12, 52..64];

/// The bits of the VPN that choose the word of a node of `level`, 1 to 4.
#[must_use]
pub const fn index(level: u32) -> Range<u32> {
    INDEX_BITS * (level - 1)..INDEX_BITS * level
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(fields: impl IntoIterator<Item = Range<u32>>) -> Vec<u8> {
        let mut owners = vec![0; 64];
        fields.into_iter().flatten().for_each(|bit| owners[bit as usize] += 1);
        owners
    }

    #[test]
    fn every_bit_has_one_meaning() {
        let common = || [PFN, entry::VALID..entry::VALID + 1, NODE..NODE + 1].into_iter();
        assert!(owners(common().chain(ZERO_IN_NODE)).iter().all(|count| *count == 1));
        let bits = [entry::GLOBAL, entry::ACCESSED, entry::DIRTY].map(|bit| bit..bit + 1);
        let leaf = common().chain(bits).chain([entry::RIGHTS, entry::SIZE]).chain(ZERO_IN_LEAF);
        assert!(owners(leaf).iter().all(|count| *count == 1));
    }

    #[test]
    fn the_levels_share_the_bits_below_the_sign() {
        let bits: Vec<u32> = (1..=LEVELS).flat_map(index).collect();
        assert_eq!(bits, (0..SIGN.start + 1).collect::<Vec<u32>>());
    }
}
