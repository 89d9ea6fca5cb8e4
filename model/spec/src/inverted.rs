//! Bit positions of an inverted table's entry, 16 bytes, and of an alias, 32 (docs/spec.md, section 2). Ranges are
//! half-open, within the 256 bits of an alias; an entry is the lower half. V, the rights, G, A, D and the size stand
//! where an entry of the format `chained` has them.

use crate::entry;
use std::ops::Range;

/// log2 of the bytes of an entry, and the unit of [`NEXT`].
pub const ENTRY_LOG2: u32 = 4;
/// log2 of the bytes of an alias: an element.
pub const ALIAS_LOG2: u32 = 5;

/// N: word 2 names the frame. Set in an alias, clear in an entry.
pub const NAMES_FRAME: u32 = 10;
/// The page's first VPN.
pub const VPN: Range<u32> = 12..64;
/// The address of what follows in the chain, in units of 16 bytes; 0 is none.
pub const NEXT: Range<u32> = 64..112;
/// The address space.
pub const ASID: Range<u32> = 112..128;
/// The page's first frame, of an alias only.
pub const ALIAS_PFN: Range<u32> = 140..180;

/// The bit of an entry or alias that must be zero, or it is malformed where it matches.
pub const ZERO: Range<u32> = 11..12;
/// Bits that must be zero in an alias, or it is malformed where it matches.
pub const ZERO_IN_ALIAS: [Range<u32>; 2] = [128..140, 180..256];

/// Bits that an entry's address and that of the array must have alike: 2^40 entries of 16 bytes lie below them.
pub const ABOVE_ENTRIES: Range<u32> = 44..52;

/// The page size's code.
pub const SIZE: Range<u32> = entry::SIZE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_has_one_meaning() {
        let mut owners = [0u8; 256];
        let fields = [entry::RIGHTS, SIZE, VPN, NEXT, ASID, ALIAS_PFN, ZERO];
        for range in fields.into_iter().chain(ZERO_IN_ALIAS) {
            range.for_each(|bit| owners[bit as usize] += 1);
        }
        for bit in [entry::VALID, entry::GLOBAL, entry::ACCESSED, entry::DIRTY, NAMES_FRAME] {
            owners[bit as usize] += 1;
        }
        assert!(owners.iter().all(|&count| count == 1), "{owners:?}");
    }
}
