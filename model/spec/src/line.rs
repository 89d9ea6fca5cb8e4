//! Bit positions of a line (docs/spec.md, section 2). Ranges are half-open, within the line's 512 bits, bit 0 being bit
//! 0 of the first byte. Word i begins at bit 64 i; each word that holds a PTE holds it where an entry's word 0 does.

use crate::entry;
use std::ops::Range;

/// Bits of a line.
pub const LINE_BITS: u32 = 512;
/// 64-bit words of a line: the PTEs of a dense one.
pub const WORDS: u32 = 8;
/// Entries of a mixed line: entry e has its PTE in word 2 e and its tag in word 2 e + 1.
pub const MIXED_ENTRIES: u32 = 4;
/// log2 of the pages that lie side by side under a dense line's tag.
pub const GROUP_LOG2: u32 = 3;

/// L: the chain goes on at `next`.
pub const LINKED: u32 = 10;
/// E: the line is dense.
pub const DENSE: u32 = 11;
/// `next`, from its lowest byte.
pub const NEXT: [Range<u32>; 4] = [in_word(0, 52..60), in_word(2, 52..60), in_word(4, 52..60), in_word(6, 52..60)];

/// The ASID of a dense line, from its lowest bit.
pub const DENSE_ASID: [Range<u32>; 2] = [in_word(1, 52..64), in_word(0, 60..64)];
/// The page size of a dense line.
pub const DENSE_SIZE: Range<u32> = entry::SIZE;
/// `VPN[51:3]` of a dense line's group, from its lowest bit.
pub const DENSE_VPN: [Range<u32>; 7] = [
    in_word(3, 52..64),
    in_word(5, 52..64),
    in_word(7, 52..64),
    in_word(2, 60..64),
    in_word(4, 60..64),
    in_word(6, 60..64),
    in_word(1, 8..9),
];

/// The ASID of entry `e` of a mixed line, from its lowest bit.
#[must_use]
pub const fn mixed_asid(e: u32) -> [Range<u32>; 2] {
    [in_word(2 * e + 1, 52..64), in_word(2 * e, 60..64)]
}

/// The first VPN of entry `e` of a mixed line.
#[must_use]
pub const fn mixed_vpn(e: u32) -> Range<u32> {
    in_word(2 * e + 1, 0..52)
}

/// Bits that must be zero where the PTE in this word matches, in a dense line or in a mixed one.
#[must_use]
pub const fn zero_in_word(word: u32, dense: bool) -> Range<u32> {
    match (word, dense) {
        // L and E.
        (0, _) => in_word(0, 10..10),
        (1, true) => in_word(1, 9..12),
        (_, true) => in_word(word, 8..12),
        (_, false) => in_word(word, 10..12),
    }
}

/// A range of a word as one of the line.
#[must_use]
pub const fn in_word(word: u32, range: Range<u32>) -> Range<u32> {
    64 * word + range.start..64 * word + range.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(fields: impl IntoIterator<Item = Range<u32>>) -> Vec<u8> {
        let mut owners = vec![0; LINE_BITS as usize];
        fields.into_iter().flatten().for_each(|bit| owners[bit as usize] += 1);
        owners
    }

    /// V, R, W, X, U, G, A, D and the PFN.
    fn pte(word: u32) -> [Range<u32>; 2] {
        [in_word(word, 0..8), in_word(word, entry::PFN)]
    }

    #[test]
    fn every_bit_has_one_meaning() {
        let common = || NEXT.into_iter().chain([LINKED..LINKED + 1, DENSE..DENSE + 1]);
        let dense = common().chain(DENSE_ASID).chain(DENSE_VPN).chain([DENSE_SIZE]);
        let words = (0..WORDS).flat_map(|word| pte(word).into_iter().chain([zero_in_word(word, true)]));
        assert!(owners(dense.chain(words)).iter().all(|count| *count == 1));
        let entries = (0..MIXED_ENTRIES).flat_map(|e| {
            let own = [in_word(2 * e, entry::SIZE), mixed_vpn(e), zero_in_word(2 * e, false)];
            pte(2 * e).into_iter().chain(mixed_asid(e)).chain(own)
        });
        assert!(owners(common().chain(entries)).iter().all(|count| *count == 1));
    }
}
