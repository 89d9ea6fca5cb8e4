//! Where a table lies and how its home indices are made: what the hardware's control registers say of it.
//!
//! ```text
//!  base = frame * 4096              base + stride * 2^log2
//!  +-----------+-----------+-- ... --+
//!  | index 0   | index 1   |         |     home index = hash(ASID, VPN) & (2^log2 - 1); of a radix tree, the ASID
//!  +-----------+-----------+-- ... --+
//! ```
//!
//! What has an index is an element, which one probe reads: an entry of 32 bytes, or a line of 64 ([`Format`]); or a
//! word of 8 bytes that leads on: an anchor, a bucket, the root of an address space. The array of a cuckoo table is cut
//! into two or four equal parts, one for each way; three ways leave the last part unused. An inverted table has a
//! second array, that of the frames' entries.
//!
//! Source: docs/spec.md, sections 2 and 9.

use hashwalk_spec::address::PAGE_OFFSET_BITS;
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
    entries: PhysAddr,
    sequence: bool,
}

/// Why no table can lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The length is out of range.
    #[error("a table of length 2^{log2} is not legal: the exponent must be from {min} to {max}")]
    Log2 {
        /// The exponent that was asked for.
        log2: u32,
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
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
    /// A table of `2^log2` elements or words from `base` on. `key` counts only for the keyed hash. A cuckoo table has
    /// three ways unless [`Layout::with_ways`] says otherwise; the entries of an inverted one begin at address 0 unless
    /// [`Layout::with_entries`] does.
    ///
    /// # Errors
    /// `log2` is not from 6 (lines), 7 (entries) or 9 (anchors, buckets) to 32, or 16 (radix), or `base` is no multiple
    /// of the array's size.
    pub fn new(format: Format, base: PhysAddr, log2: u32, hash: Hash, key: u128) -> Result<Layout, LayoutError> {
        let (min, max) = (format.min_table_log2(), format.max_table_log2());
        if !(min..=max).contains(&log2) {
            return Err(LayoutError::Log2 { log2, min, max });
        }
        let bytes = 1 << (log2 + format.stride_log2());
        if !base.get().is_multiple_of(bytes) {
            return Err(LayoutError::Base { base, bytes });
        }
        let ways = if format == Format::Cuckoo { 3 } else { 1 };
        Ok(Layout { format, base, log2, ways, hash, key, entries: PhysAddr::default(), sequence: false })
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

    /// The same anchors with the frames' entries from `base` on, which is aligned to the whole size of their array.
    ///
    /// # Panics
    /// It is no inverted table, or `base` begins no frame.
    #[must_use]
    pub fn with_entries(self, base: PhysAddr) -> Layout {
        let begins_frame = base.get().is_multiple_of(1 << PAGE_OFFSET_BITS);
        assert!(self.format == Format::Inverted && begins_frame, "an inverted table has entries, from a frame on");
        Layout { entries: base, ..self }
    }

    /// The same place, of a table whose entries have sequence numbers.
    ///
    /// # Panics
    /// Its elements are not chained entries.
    #[must_use]
    pub fn with_sequence(self) -> Layout {
        assert!(self.format == Format::Chained, "only chained entries have sequence numbers");
        Layout { sequence: true, ..self }
    }

    /// Whether its entries have sequence numbers.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> bool {
        self.sequence
    }

    /// What the elements are.
    #[inline]
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The address of what has index 0.
    #[must_use]
    pub fn base(&self) -> PhysAddr {
        self.base
    }

    /// `control_table_frame`: the frame that the array begins.
    #[must_use]
    pub fn frame(&self) -> Pfn {
        Pfn::truncate(self.base.get() >> PAGE_OFFSET_BITS)
    }

    /// log2 of the array's length, 6 to 32.
    #[must_use]
    pub fn log2(&self) -> u32 {
        self.log2
    }

    /// The array's length: elements, anchors, buckets or address spaces.
    #[must_use]
    pub fn elements(&self) -> u64 {
        1 << self.log2
    }

    /// The array's size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        1 << (self.log2 + self.format.stride_log2())
    }

    /// Whether the array holds the byte at `address`.
    #[must_use]
    pub fn contains(&self, address: PhysAddr) -> bool {
        (self.base.get()..self.base.get() + self.bytes()).contains(&address.get())
    }

    /// The address of the entry of frame 0, in an inverted table.
    #[must_use]
    pub fn entries(&self) -> PhysAddr {
        self.entries
    }

    /// `control_entries_frame`: the frame that the entries of an inverted table begin.
    #[must_use]
    pub fn entries_frame(&self) -> Pfn {
        Pfn::truncate(self.entries.get() >> PAGE_OFFSET_BITS)
    }

    /// `control_table_mask`: the largest index.
    #[inline]
    #[must_use]
    pub fn mask(&self) -> u32 {
        u32::MAX >> (u32::BITS - self.log2)
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

    /// The address of element, anchor, bucket or directory word `index`. [`Format::element_of`] gives the element to
    /// read.
    #[inline]
    #[must_use]
    pub fn address(&self, index: u32) -> PhysAddr {
        PhysAddr::truncate(self.base.get() + (u64::from(index) << self.format.stride_log2()))
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
        assert_eq!(layout(0, 6), Err(LayoutError::Log2 { log2: 6, min: 7, max: 32 }));
        assert_eq!(layout(0, 33), Err(LayoutError::Log2 { log2: 33, min: 7, max: 32 }));
        let lines = of(Format::Line, 0x2000, 6).unwrap();
        assert_eq!((lines.bytes(), lines.mask(), lines.address(0x3f).get()), (0x1000, 0x3f, 0x2fc0));
        let cuckoo = of(Format::Cuckoo, 0x2000, 8).unwrap();
        assert_eq!((cuckoo.ways(), cuckoo.way_log2(), cuckoo.place(2, 0xfff)), (3, 6, 0xbf));
        assert_eq!((cuckoo.with_ways(2).way_log2(), cuckoo.with_ways(2).place(1, 0xf01)), (7, 0x81));
        assert_eq!(of(Format::Cuckoo, 0, 32).unwrap().with_ways(4).place(3, 5), 0xc000_0005);
        let trees = of(Format::Tree, 0x2000, 10).unwrap();
        assert_eq!((trees.bytes(), trees.mask(), trees.address(0x3ff).get()), (0x2000, 0x3ff, 0x3ff8));
        assert_eq!(of(Format::Inverted, 0, 8), Err(LayoutError::Log2 { log2: 8, min: 9, max: 32 }));
        let inverted = of(Format::Inverted, 0x1000, 9).unwrap().with_entries(PhysAddr::truncate(0x8000));
        assert_eq!((inverted.entries_frame().get(), inverted.address(2).get()), (8, 0x1010));
        let in_array = |address| inverted.contains(PhysAddr::truncate(address));
        assert_eq!([0xfff, 0x1000, 0x1fff, 0x2000].map(in_array), [false, true, true, false]);
        let radix = of(Format::Radix, 0x8_0000, 16).unwrap();
        assert_eq!((radix.bytes(), radix.address(0xffff).get()), (0x8_0000, 0xf_fff8));
        assert_eq!(of(Format::Radix, 0, 9), Err(LayoutError::Log2 { log2: 9, min: 16, max: 16 }));
        let base = PhysAddr::truncate(0x1000);
        assert_eq!(layout(0x1000, 8), Err(LayoutError::Base { base, bytes: 0x2000 }));
    }
}
