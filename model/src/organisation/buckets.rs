//! An array of buckets, each the address of what holds its mappings: what separate chains and trees hang from.
//!
//! ```text
//!  base          + 8          + 16                      bucket(ASID, VPN) = hash(ASID, VPN) & (2^log2 - 1)
//!  +------------+------------+------------+-- ...
//!  | 0: nothing | address    | address    |             8 bytes each, the first node's physical address
//!  +------------+-----┼------+------------+-- ...
//!                     └─► node
//! ```
//!
//! | a bucket's bits | hold |
//! | --------------- | ---- |
//! | 0 to 51 | the first node's address, a multiple of the node's size; 0 is none |
//! | 52 to 63 | zero |
//!
//! A walk of the contract reads the aligned element that holds the bucket, 32 or 64 bytes, and takes the word out of
//! it.
//!
//! Source: the seed's table of `*frame_tree`; docs/spec.md, section 3, for the hash.

use super::common::{read_word, write_word};
use crate::entry::Entry;
use crate::hash::{HashFunction, Hasher, hasher};
use crate::layout::Layout;
use crate::mapping::Mapping;
use crate::memory::BusError;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::link::MIN_LINKS_LOG2;
use hashwalk_spec::{Asid, Format, Hash, PhysAddr, Vpn};

/// The smallest array, as log2 of its buckets: one frame.
pub const MIN_BUCKETS_LOG2: u32 = MIN_LINKS_LOG2;
/// The largest: the hash has 32 bits.
pub const MAX_BUCKETS_LOG2: u32 = INDEX_BITS;

/// A bucket array and its hash.
#[derive(Clone, Copy, Debug)]
pub struct Buckets {
    base: PhysAddr,
    log2: u32,
    hash: Hash,
    key: u128,
    hasher: Hasher,
}

impl Buckets {
    /// `2^log2` empty buckets.
    ///
    /// # Errors
    /// `log2` is not from 9 to 32, or there are not enough free frames side by side.
    pub fn new(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<Buckets, TableError> {
        if !(MIN_BUCKETS_LOG2..=MAX_BUCKETS_LOG2).contains(&log2) {
            return Err(TableError::Size { log2, min: MIN_BUCKETS_LOG2, max: MAX_BUCKETS_LOG2 });
        }
        Ok(Buckets { base: ram.take(8 << log2)?, log2, hash, key, hasher: hasher(hash, key) })
    }

    /// Twice as many buckets, empty, with the same hash; these stay as they are.
    ///
    /// # Errors
    /// They would be more than 2^32, or there are not enough free frames side by side.
    pub fn doubled(&self, ram: &mut Ram) -> Result<Buckets, TableError> {
        Buckets::new(ram, self.log2 + 1, self.hash, self.key)
    }

    /// What the hardware's control registers say of the array, as that of a table of this format.
    ///
    /// # Panics
    /// The format has neither anchors nor buckets.
    #[must_use]
    pub fn layout(&self, format: Format) -> Layout {
        Layout::new(format, self.base, self.log2, self.hash, self.key)
            .expect("the array is aligned and of legal length")
    }

    /// Gives the array's frames back.
    pub fn give(self, ram: &mut Ram) {
        ram.give(self.base, self.bytes());
    }

    /// The array's size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        8 << self.log2
    }

    /// The bucket of (ASID, first VPN of the page).
    #[inline]
    #[must_use]
    pub fn index(&self, asid: Asid, vpn: Vpn) -> u32 {
        self.hasher.hash(asid, vpn) & (u32::MAX >> (MAX_BUCKETS_LOG2 - self.log2))
    }

    /// Where bucket `index` stands.
    #[inline]
    #[must_use]
    pub fn address(&self, index: u32) -> PhysAddr {
        PhysAddr::truncate(self.base.get() + 8 * u64::from(index))
    }

    /// The first node of bucket `index`, or 0.
    ///
    /// # Errors
    /// The array lies outside the memory.
    #[inline]
    pub fn first(&self, ram: &Ram, index: u32) -> Result<u64, BusError> {
        read_word(ram, self.address(index))
    }

    /// Lets bucket `index` begin at `node`.
    ///
    /// # Errors
    /// The array lies outside the memory.
    pub fn set_first(&self, ram: &mut Ram, index: u32, node: u64) -> Result<(), BusError> {
        write_word(ram, self.address(index), node)
    }

    /// The buckets that hold something, each with its first node.
    ///
    /// # Errors
    /// The array lies outside the memory.
    pub fn in_use<'a>(&self, ram: &'a Ram) -> Result<impl Iterator<Item = (u32, u64)> + use<'a>, BusError> {
        let firsts = ram.memory.slice(self.base, self.bytes())?.as_chunks::<8>().0.iter();
        Ok((0..=u32::MAX).zip(firsts.map(|bytes| u64::from_le_bytes(*bytes))).filter(|(_, first)| *first != 0))
    }
}

/// The first three words of a node, those of an entry of the contract: PTE, VPN, ASID.
pub(super) fn pack(mapping: &Mapping) -> [u64; 3] {
    let [pte, vpn, asid, _] = Entry::new(mapping, None).words();
    [pte, vpn, asid]
}

/// The entry whose first three words stand in a node.
#[inline]
pub(crate) fn unpack(node: &[u64]) -> Entry {
    Entry::from_words([node[0], node[1], node[2], 0])
}
