//! Where a table lies and how its home indices are made: what the hardware's control registers say of it.
//!
//! ```text
//!  base = frame * 4096              base + element bytes * 2^log2
//!  +-----------+-----------+-- ... --+
//!  | element 0 | element 1 |         |     home index = hash(ASID, VPN) & (2^log2 - 1)
//!  +-----------+-----------+-- ... --+
//! ```
//!
//! An element is what one probe reads: an entry of 32 bytes, or a line of 64 ([`Format`]). The array of a cuckoo table is
//! cut into two or four equal parts, one for each way; three ways leave the last part unused.
//!
//! Source: docs/spec.md, sections 2 and 9.

use hashwalk_spec::address::PAGE_OFFSET_BITS;
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::{WAYS, parts_log2};
use hashwalk_spec::{Format, Hash, Pfn, PhysAddr};
use thiserror::Error;

/// A table's format, place and hash. [`Layout::new`] checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    format: Format,
    base: PhysAddr,
    log2: u32,
    ways: u32,
    hash: Hash,
    key: u128,
}

/// Why no table can lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The number of elements is out of range.
    #[error("a table of 2^{log2} elements is not legal: the exponent must be from {min} to {INDEX_BITS}")]
    Log2 {
        /// The exponent that was asked for.
        log2: u32,
        /// The smallest, with which the table fills a frame.
        min: u32,
    },
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
    /// A table of `2^log2` elements from `base` on. `key` counts only for the keyed hash. A cuckoo table has three ways
    /// unless [`Layout::with_ways`] says otherwise.
    ///
    /// # Errors
    /// `log2` is not from 7 (entries) or 6 (lines) to 32, or `base` is no multiple of the table's size.
    pub fn new(format: Format, base: PhysAddr, log2: u32, hash: Hash, key: u128) -> Result<Layout, LayoutError> {
        let min = format.min_table_log2();
        if !(min..=INDEX_BITS).contains(&log2) {
            return Err(LayoutError::Log2 { log2, min });
        }
        let bytes = format.element_bytes() << log2;
        if !base.get().is_multiple_of(bytes) {
            return Err(LayoutError::Base { base, bytes });
        }
        let ways = if format == Format::Cuckoo { 3 } else { 1 };
        Ok(Layout { format, base, log2, ways, hash, key })
    }

    /// The same place as a cuckoo table of so many ways.
    ///
    /// # Panics
    /// It is no cuckoo table, or `ways` is not from 2 to 4.
    #[must_use]
    pub fn with_ways(self, ways: u32) -> Layout {
        assert!(self.format == Format::Cuckoo && WAYS.contains(&ways), "a cuckoo table has 2 to 4 ways");
        Layout { ways, ..self }
    }

    /// What the elements are.
    #[inline]
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The address of element 0.
    #[must_use]
    pub fn base(&self) -> PhysAddr {
        self.base
    }

    /// `control_table_frame`: the frame that element 0 begins.
    #[must_use]
    pub fn frame(&self) -> Pfn {
        Pfn::truncate(self.base.get() >> PAGE_OFFSET_BITS)
    }

    /// log2 of the number of elements, 6 to 32.
    #[must_use]
    pub fn log2(&self) -> u32 {
        self.log2
    }

    /// The number of elements.
    #[must_use]
    pub fn elements(&self) -> u64 {
        1 << self.log2
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.format.element_bytes() << self.log2
    }

    /// `control_table_mask`: the largest index.
    #[inline]
    #[must_use]
    pub fn mask(&self) -> u32 {
        u32::MAX >> (INDEX_BITS - self.log2)
    }

    /// The places that a page may stand in: 2 to 4 in a cuckoo table, else 1.
    #[inline]
    #[must_use]
    pub fn ways(&self) -> u32 {
        self.ways
    }

    /// log2 of the number of elements that belong to one way.
    #[inline]
    #[must_use]
    pub fn way_log2(&self) -> u32 {
        self.log2 - parts_log2(self.ways)
    }

    /// The index of a page's place in a way, whose hash of it is `hash`. With one way it is the home index.
    #[inline]
    #[must_use]
    pub fn place(&self, way: u32, hash: u32) -> u32 {
        let slot = hash & (self.mask() >> (self.log2 - self.way_log2()));
        // Two ways of 2^31 elements end at bit 31; a single one has no bit above.
        if way == 0 { slot } else { way << self.way_log2() | slot }
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

    /// The address of element `index`.
    #[inline]
    #[must_use]
    pub fn address(&self, index: u32) -> PhysAddr {
        PhysAddr::truncate(self.base.get() + (u64::from(index) << self.format.element_log2()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_to_its_size() {
        let of = |format, base, log2| Layout::new(format, PhysAddr::truncate(base), log2, Hash::Keyed, 0);
        let layout = |base, log2| of(Format::Chained, base, log2);
        let legal = layout(0x2000, 8).unwrap();
        assert_eq!((legal.frame().get(), legal.mask(), legal.bytes()), (2, 0xff, 0x2000));
        assert_eq!(legal.address(0xff).get(), 0x3fe0);
        assert_eq!(layout(0, 32).unwrap().mask(), u32::MAX);
        assert_eq!(layout(0, 6), Err(LayoutError::Log2 { log2: 6, min: 7 }));
        assert_eq!(layout(0, 33), Err(LayoutError::Log2 { log2: 33, min: 7 }));
        let lines = of(Format::Line, 0x2000, 6).unwrap();
        assert_eq!((lines.bytes(), lines.mask(), lines.address(0x3f).get()), (0x1000, 0x3f, 0x2fc0));
        let cuckoo = of(Format::Cuckoo, 0x2000, 8).unwrap();
        assert_eq!((cuckoo.ways(), cuckoo.way_log2(), cuckoo.place(2, 0xfff)), (3, 6, 0xbf));
        assert_eq!((cuckoo.with_ways(2).way_log2(), cuckoo.with_ways(2).place(1, 0xf01)), (7, 0x81));
        assert_eq!(of(Format::Cuckoo, 0, 32).unwrap().with_ways(4).place(3, 5), 0xc000_0005);
        let base = PhysAddr::truncate(0x1000);
        assert_eq!(layout(0x1000, 8), Err(LayoutError::Base { base, bytes: 0x2000 }));
    }
}
