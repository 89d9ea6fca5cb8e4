//! An entry of the table: 32 bytes, packed and unpacked.
//!
//! ```text
//!  word 0   V RWXU G A D size PFN     word 2   ASID
//!  word 1   VPN                       word 3   L next
//! ```
//!
//! The entry is kept as its 256 bits, so that any bytes, also broken ones, survive a round trip; a field is taken out
//! when it is asked for. No position stands here: all come from [`hashwalk_spec::entry`].
//! Source: docs/spec.md, section 2.

use crate::mapping::{Mapping, Marks, Pte};
use bitvec::field::BitField;
use bitvec::order::Lsb0;
use bitvec::view::BitView;
use hashwalk_spec::entry::{
    ACCESSED, ASID, DIRTY, ENTRY_BYTES, GLOBAL, LINKED, NEXT, PFN, RIGHTS, SEQUENCES, SIZE, VALID, VPN, ZERO_IN_LINK,
    ZERO_IN_MAPPING,
};
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Vpn};
use std::fmt;
use std::ops::Range;

/// One entry of the table, well formed or not.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    words: [u64; 4],
}

impl Entry {
    /// The empty entry: all zeros.
    pub const EMPTY: Entry = Entry { words: [0; 4] };

    /// A valid entry that holds `mapping` and goes on at `link`.
    #[must_use]
    pub fn new(mapping: &Mapping, link: Option<u32>) -> Entry {
        let mut entry = Entry::EMPTY;
        entry.set_bit(VALID, true);
        entry.set_bit(GLOBAL, mapping.global);
        entry.set(SIZE, u64::from(mapping.size.code()));
        entry.set(VPN, mapping.vpn.get());
        entry.set(ASID, u64::from(mapping.asid.get()));
        entry.with_pte(mapping.pte()).with_link(link)
    }

    /// The entry of these words.
    #[inline]
    #[must_use]
    pub const fn from_words(words: [u64; 4]) -> Entry {
        Entry { words }
    }

    /// Its four words: the PTE, the VPN, the ASID and the link.
    #[inline]
    #[must_use]
    pub const fn words(&self) -> [u64; 4] {
        self.words
    }

    /// The entry that stands in memory as `bytes`.
    #[inline]
    #[must_use]
    pub fn from_bytes(bytes: &[u8; ENTRY_BYTES as usize]) -> Entry {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Entry { words }
    }

    /// The entry as it stands in memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ENTRY_BYTES as usize] {
        let mut bytes = [0; ENTRY_BYTES as usize];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// The same entry, going on at `link`, or ending its chain.
    #[must_use]
    pub fn with_link(mut self, link: Option<u32>) -> Entry {
        self.set(NEXT, u64::from(link.unwrap_or(0)));
        self.set_bit(LINKED, link.is_some());
        self
    }

    /// The same entry with another frame, other rights and other marks: only word 0 differs.
    #[must_use]
    pub fn with_pte(mut self, pte: Pte) -> Entry {
        let Pte { pfn, rights, marks } = pte;
        self.set(PFN, pfn.get());
        self.set(RIGHTS, u64::from(rights.bits()));
        self.set_bit(ACCESSED, marks.contains(Marks::A));
        self.set_bit(DIRTY, marks.contains(Marks::D));
        self
    }

    /// The same entry under this sequence number, of which the low 4 bits count.
    #[must_use]
    pub fn with_sequence(mut self, number: u8) -> Entry {
        SEQUENCES.into_iter().for_each(|range| self.set(range, u64::from(number)));
        self
    }

    /// Its sequence number, 4 bits; `None` if the two places disagree: the entry is torn.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> Option<u8> {
        let [first, last] = SEQUENCES.map(|range| self.get(range) as u8);
        (first == last).then_some(first)
    }

    /// The entry without its sequence number, as all else here looks at it; `None` if it is torn.
    #[inline]
    #[must_use]
    pub fn whole(&self) -> Option<Entry> {
        self.sequence().map(|_| self.with_sequence(0))
    }

    /// Whether all bits are zero: the slot is free.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words == [0; 4]
    }

    /// V: the entry holds a mapping.
    #[inline]
    #[must_use]
    pub fn valid(&self) -> bool {
        self.bit(VALID)
    }

    /// R, W, X, U.
    #[inline]
    #[must_use]
    pub fn rights(&self) -> Rights {
        Rights::from_bits(self.get(RIGHTS) as u8)
    }

    /// G: the mapping is global.
    #[inline]
    #[must_use]
    pub fn global(&self) -> bool {
        self.bit(GLOBAL)
    }

    /// A, D.
    #[inline]
    #[must_use]
    pub fn marks(&self) -> Marks {
        let mark = |position, mark| if self.bit(position) { mark } else { Marks::NONE };
        mark(ACCESSED, Marks::A).with(mark(DIRTY, Marks::D))
    }

    /// The page size; `None` for the reserved code.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Option<PageSize> {
        PageSize::from_code(self.size_code())
    }

    /// The page size's code, 2 bits.
    #[inline]
    #[must_use]
    pub fn size_code(&self) -> u8 {
        self.get(SIZE) as u8
    }

    /// The page's first frame.
    #[inline]
    #[must_use]
    pub fn pfn(&self) -> Pfn {
        Pfn::truncate(self.get(PFN))
    }

    /// The page's first VPN.
    #[inline]
    #[must_use]
    pub fn vpn(&self) -> Vpn {
        Vpn::truncate(self.get(VPN))
    }

    /// The address space.
    #[inline]
    #[must_use]
    pub fn asid(&self) -> Asid {
        Asid::truncate(self.get(ASID) as u16)
    }

    /// The index at which the chain goes on, whether or not it lies in the table; `None` if L is clear.
    #[inline]
    #[must_use]
    pub fn link(&self) -> Option<u32> {
        self.bit(LINKED).then(|| self.get(NEXT) as u32)
    }

    /// Whether a bit of words 0 to 2 that must be zero is set.
    #[inline]
    #[must_use]
    pub fn breaks_mapping_zeros(&self) -> bool {
        ZERO_IN_MAPPING.into_iter().any(|range| self.get(range) != 0)
    }

    /// Whether a bit of the link word that must be zero is set; it counts only if the link is followed.
    #[inline]
    #[must_use]
    pub fn breaks_link_zeros(&self) -> bool {
        self.get(ZERO_IN_LINK) != 0
    }

    /// Whether the entry is valid and is the one for this page: what ends a search (section 4, step 2). A search for
    /// global mappings asks for `must_be_global`.
    #[inline]
    #[must_use]
    pub fn matches(&self, asid: Asid, vpn: Vpn, size: PageSize, must_be_global: bool) -> bool {
        self.vpn() == vpn
            && self.valid()
            && self.asid() == asid
            && self.size_code() == size.code()
            && (self.global() || !must_be_global)
    }

    /// Whether a walk that matches the entry ends in `malformed` (section 4, step 2). The reserved size, which no walk
    /// matches, counts as malformed too.
    #[inline]
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.breaks_mapping_zeros()
            || !self.size().is_some_and(|size| self.pfn().is_aligned(size))
            || (self.global() && self.asid() != Asid::GLOBAL)
    }

    /// The mapping that the entry holds; `None` if it is not valid, or malformed, or its VPN is not the first of a page
    /// of its size.
    #[inline]
    #[must_use]
    pub fn mapping(&self) -> Option<Mapping> {
        let size = self.size()?;
        let (asid, vpn) = (self.asid(), self.vpn());
        (self.valid() && !self.is_malformed() && vpn.base(size) == vpn).then(|| Mapping {
            asid,
            vpn,
            size,
            pfn: self.pfn(),
            rights: self.rights(),
            global: self.global(),
            marks: self.marks(),
        })
    }

    #[inline]
    fn get(&self, range: Range<u32>) -> u64 {
        self.words.view_bits::<Lsb0>()[range.start as usize..range.end as usize].load_le()
    }

    fn set(&mut self, range: Range<u32>, value: u64) {
        self.words.view_bits_mut::<Lsb0>()[range.start as usize..range.end as usize].store_le(value);
    }

    #[inline]
    fn bit(&self, position: u32) -> bool {
        self.words.view_bits::<Lsb0>()[position as usize]
    }

    fn set_bit(&mut self, position: u32, value: bool) {
        self.words.view_bits_mut::<Lsb0>().set(position as usize, value);
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [pte, vpn, asid, link] = self.words;
        write!(f, "Entry({pte:#018x} {vpn:#018x} {asid:#018x} {link:#018x})")
    }
}

#[cfg(test)]
mod tests;
