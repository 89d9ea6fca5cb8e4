//! Where a table lies and how its home indices are made: what the hardware's control registers say of it.
//!
//! ```text
//!  base = frame * 4096          base + 32 * 2^log2
//!  +---------+---------+-- ... --+
//!  | entry 0 | entry 1 |         |     home index = hash(ASID, VPN) & (2^log2 - 1)
//!  +---------+---------+-- ... --+
//! ```
//!
//! Source: docs/spec.md, sections 2 and 9.

use hashwalk_spec::address::PAGE_OFFSET_BITS;
use hashwalk_spec::entry::{ENTRY_BYTES, ENTRY_BYTES_LOG2, INDEX_BITS, MIN_TABLE_LOG2};
use hashwalk_spec::{Hash, Pfn, PhysAddr};
use thiserror::Error;

/// A table's place and hash. [`Layout::new`] checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    base: PhysAddr,
    log2: u32,
    hash: Hash,
    key: u128,
}

/// Why no table can lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The number of entries is out of range.
    #[error("a table of 2^{0} entries is not legal: the exponent must be from {MIN_TABLE_LOG2} to {INDEX_BITS}")]
    Log2(u32),
    /// The base is not aligned to the table's size.
    #[error("a table of {bytes:#x} bytes cannot begin at {base}: its base must be a multiple of its size")]
    Base {
        /// The address that was asked for.
        base: PhysAddr,
        /// The table's size in bytes.
        bytes: u64,
    },
}

impl Layout {
    /// A table of `2^log2` entries from `base` on. `key` counts only for the keyed hash.
    ///
    /// # Errors
    /// `log2` is not from 7 to 32, or `base` is no multiple of the table's size.
    pub fn new(base: PhysAddr, log2: u32, hash: Hash, key: u128) -> Result<Layout, LayoutError> {
        if !(MIN_TABLE_LOG2..=INDEX_BITS).contains(&log2) {
            return Err(LayoutError::Log2(log2));
        }
        let bytes = ENTRY_BYTES << log2;
        if !base.get().is_multiple_of(bytes) {
            return Err(LayoutError::Base { base, bytes });
        }
        Ok(Layout { base, log2, hash, key })
    }

    /// The address of entry 0.
    #[must_use]
    pub fn base(&self) -> PhysAddr {
        self.base
    }

    /// `control_table_frame`: the frame that entry 0 begins.
    #[must_use]
    pub fn frame(&self) -> Pfn {
        Pfn::truncate(self.base.get() >> PAGE_OFFSET_BITS)
    }

    /// log2 of the number of entries, 7 to 32.
    #[must_use]
    pub fn log2(&self) -> u32 {
        self.log2
    }

    /// The number of entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        1 << self.log2
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        ENTRY_BYTES << self.log2
    }

    /// `control_table_mask`: the largest index.
    #[inline]
    #[must_use]
    pub fn mask(&self) -> u32 {
        u32::MAX >> (INDEX_BITS - self.log2)
    }

    /// The hash function.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// `control_hash_key`.
    #[must_use]
    pub fn key(&self) -> u128 {
        self.key
    }

    /// The address of entry `index`.
    #[inline]
    #[must_use]
    pub fn entry_address(&self, index: u32) -> PhysAddr {
        PhysAddr::truncate(self.base.get() + (u64::from(index) << ENTRY_BYTES_LOG2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_to_its_size() {
        let layout = |base, log2| Layout::new(PhysAddr::truncate(base), log2, Hash::Keyed, 0);
        let legal = layout(0x2000, 8).unwrap();
        assert_eq!((legal.frame().get(), legal.mask(), legal.bytes()), (2, 0xff, 0x2000));
        assert_eq!(legal.entry_address(0xff).get(), 0x3fe0);
        assert_eq!(layout(0, 32).unwrap().mask(), u32::MAX);
        assert_eq!(layout(0, 6), Err(LayoutError::Log2(6)));
        assert_eq!(layout(0, 33), Err(LayoutError::Log2(33)));
        let base = PhysAddr::truncate(0x1000);
        assert_eq!(layout(0x1000, 8), Err(LayoutError::Base { base, bytes: 0x2000 }));
    }
}
