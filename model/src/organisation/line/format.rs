//! A line's 512 bits, packed and unpacked. The tables of bit ranges stand in [`super`].

use crate::mapping::{Mapping, Marks, Pte};
use crate::memory::Element;
use crate::organisation::common::refuse_illegal;
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Vpn};

/// Pages of a dense line.
pub(super) const GROUP_PAGES: u64 = 8;
/// Words of a line.
pub(super) const WORDS: usize = 8;
/// Entries of a mixed line.
pub(super) const ENTRIES: usize = 4;

const VALID: u64 = 1;
const GLOBAL: u64 = 1 << 5;
const ACCESSED: u64 = 1 << 6;
const DIRTY: u64 = 1 << 7;
const RIGHTS_LOW: u32 = 1;
const SIZE_LOW: u32 = 8;
const SIZE: u64 = 3 << SIZE_LOW;
const LINKED: u64 = 1 << 10;
const DENSE: u64 = 1 << 11;
const PFN_LOW: u32 = 12;
/// Bits that say where a page leads: V, R, W, X, U, G, A, D, PFN.
const PTE: u64 = 0xff | Pfn::MAX.get() << PFN_LOW;
/// What of it may change while the page stays mapped.
const CHANGEABLE: u64 = PTE & !(VALID | GLOBAL);
/// A byte of `next`, in the even words.
const NEXT_LOW: u32 = 52;
const NEXT: u64 = 0xff << NEXT_LOW;
const TOP_4_LOW: u32 = 60;
const TOP_4: u64 = 0xf << TOP_4_LOW;
const TOP_12_LOW: u32 = 52;
const TOP_12: u64 = 0xfff << TOP_12_LOW;
/// VPN[51] in word 1 of a dense line.
const VPN_TOP_LOW: u32 = 8;
/// What of a dense line's words is its tag.
const DENSE_TAG: [u64; WORDS] =
    [TOP_4 | DENSE | SIZE, TOP_12 | 1 << VPN_TOP_LOW, TOP_4, TOP_12, TOP_4, TOP_12, TOP_4, TOP_12];
/// What must be zero in a dense line's word if its page is looked up.
const DENSE_ZEROS: [u64; WORDS] = [0, 7 << 9, 15 << 8, 15 << 8, 15 << 8, 15 << 8, 15 << 8, 15 << 8];
/// What must be zero in the first word of a mixed line's entry.
const MIXED_ZEROS: [u64; WORDS] = [0, 0, 3 << 10, 0, 3 << 10, 0, 3 << 10, 0];
/// What of an entry's first word must agree with what is searched for.
const ENTRY_TAG: u64 = TOP_4 | SIZE | VALID;

/// Eight pages of one size side by side, the first at a multiple of eight: what a dense line holds, and what decides a
/// page's home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Group {
    pub(super) asid: Asid,
    pub(super) size: PageSize,
    /// The first VPN of the first page.
    pub(super) first: Vpn,
}

impl Group {
    /// The group of a page.
    #[inline]
    pub(super) fn of(asid: Asid, vpn: Vpn, size: PageSize) -> Group {
        let first = Vpn::truncate(vpn.get() & !(size.pages() * GROUP_PAGES - 1));
        Group { asid, size, first }
    }

    pub(super) fn of_mapping(mapping: &Mapping) -> Group {
        Group::of(mapping.asid, mapping.vpn, mapping.size)
    }
}

/// A page that is looked for: the words of a line that would hold it.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) group: Group,
    dense: Line,
    word_of_dense: usize,
    entry: [u64; 2],
}

impl Wanted {
    /// The page of `size` that begins at `vpn`.
    #[inline]
    pub(super) fn new(asid: Asid, vpn: Vpn, size: PageSize) -> Wanted {
        let group = Group::of(asid, vpn, size);
        let (asid_low, asid_top) = (u64::from(asid.get() & 0xfff), u64::from(asid.get() >> 12));
        let entry =
            [asid_top << TOP_4_LOW | u64::from(size.code()) << SIZE_LOW | VALID, asid_low << TOP_12_LOW | vpn.get()];
        Wanted { group, dense: Line::dense(&group), word_of_dense: word_of(vpn, size), entry }
    }
}

fn word_of(vpn: Vpn, size: PageSize) -> usize {
    (vpn.get() >> size.vpn_offset_bits() & (GROUP_PAGES - 1)) as usize
}

/// One line of the table. All zeros is an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) words: [u64; WORDS],
}

impl Line {
    /// The empty line, which is also a mixed line without entries.
    pub(super) const EMPTY: Line = Line { words: [0; WORDS] };

    /// The dense line of a group, without pages.
    #[inline]
    pub(super) fn dense(group: &Group) -> Line {
        let asid = u64::from(group.asid.get());
        let vpn = |low: u32, bits: u32| group.first.get() >> low & ((1 << bits) - 1);
        Line {
            words: [
                asid >> 12 << TOP_4_LOW | DENSE | u64::from(group.size.code()) << SIZE_LOW,
                asid << TOP_12_LOW | vpn(51, 1) << VPN_TOP_LOW,
                vpn(39, 4) << TOP_4_LOW,
                vpn(3, 12) << TOP_12_LOW,
                vpn(43, 4) << TOP_4_LOW,
                vpn(15, 12) << TOP_12_LOW,
                vpn(47, 4) << TOP_4_LOW,
                vpn(27, 12) << TOP_12_LOW,
            ],
        }
    }

    /// The line in these bytes.
    #[inline]
    pub(super) fn from_bytes(bytes: &Element) -> Line {
        let mut line = Line::EMPTY;
        for (word, bytes) in line.words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        line
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words == [0; WORDS]
    }

    #[inline]
    pub(super) fn is_dense(&self) -> bool {
        self.words[0] & DENSE != 0
    }

    /// The index at which the chain goes on.
    #[inline]
    pub(super) fn link(&self) -> Option<u32> {
        let byte = |word: usize| (self.words[word] >> NEXT_LOW) as u8;
        (self.words[0] & LINKED != 0).then(|| u32::from_le_bytes([byte(0), byte(2), byte(4), byte(6)]))
    }

    /// The same line, going on at `link`, or ending its chain.
    pub(super) fn with_link(mut self, link: Option<u32>) -> Line {
        for (word, byte) in self.words.iter_mut().step_by(2).zip(link.unwrap_or(0).to_le_bytes()) {
            *word = *word & !NEXT | u64::from(byte) << NEXT_LOW;
        }
        self.words[0] = self.words[0] & !LINKED | if link.is_some() { LINKED } else { 0 };
        self
    }

    /// Whether this is the dense line of the wanted page's group.
    #[inline]
    pub(super) fn is_dense_of(&self, wanted: &Wanted) -> bool {
        let pairs = self.words.iter().zip(&wanted.dense.words).zip(&DENSE_TAG);
        pairs.fold(0, |differs, ((word, want), mask)| differs | (word ^ want) & mask) == 0
    }

    /// The word that holds the wanted page's PTE, the lowest if a broken line has several.
    #[inline]
    pub(super) fn find(&self, wanted: &Wanted) -> Option<usize> {
        self.find_global(wanted, false)
    }

    /// As [`Line::find`]; with `must_be_global`, PTEs without G are passed over.
    #[inline]
    pub(super) fn find_global(&self, wanted: &Wanted, must_be_global: bool) -> Option<usize> {
        let must = VALID | if must_be_global { GLOBAL } else { 0 };
        if self.is_dense() {
            let word = wanted.word_of_dense;
            return (self.words[word] & must == must && self.is_dense_of(wanted)).then_some(word);
        }
        let [pte, tag] = wanted.entry;
        let found = |word: &usize| {
            let [first, second] = [self.words[*word], self.words[*word + 1]];
            first & ENTRY_TAG == pte && second == tag && first & must == must
        };
        (0..WORDS).step_by(2).find(found)
    }

    /// The mapping whose PTE is `word`; `None` if there is none, or it is malformed.
    #[inline]
    pub(super) fn mapping(&self, word: usize) -> Option<Mapping> {
        let pte = self.words[word];
        let zeros = if self.is_dense() { DENSE_ZEROS[word] } else { MIXED_ZEROS[word] };
        if pte & VALID == 0 || pte & zeros != 0 {
            return None;
        }
        let (asid, vpn, size) = if self.is_dense() {
            let group = self.group()?;
            let page = (word as u64) << group.size.vpn_offset_bits();
            (group.asid, Vpn::truncate(group.first.get() | page), group.size)
        } else {
            let tag = self.words[word + 1];
            let asid = (pte >> TOP_4_LOW) << 12 | tag >> TOP_12_LOW;
            (Asid::truncate(asid as u16), Vpn::truncate(tag), size_of(pte)?)
        };
        let mapping = Mapping {
            asid,
            vpn,
            size,
            pfn: Pfn::truncate(pte >> PFN_LOW),
            rights: Rights::from_bits((pte >> RIGHTS_LOW) as u8),
            global: pte & GLOBAL != 0,
            marks: marks_of(pte),
        };
        refuse_illegal(&mapping).is_ok().then_some(mapping)
    }

    /// The group of a dense line; `None` if its size is the reserved one.
    fn group(&self) -> Option<Group> {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = self.words;
        let asid = (w0 >> TOP_4_LOW) << 12 | w1 >> TOP_12_LOW;
        let low = (w3 >> TOP_12_LOW) << 3 | (w5 >> TOP_12_LOW) << 15 | (w7 >> TOP_12_LOW) << 27;
        let high = (w2 >> TOP_4_LOW) << 39 | (w4 >> TOP_4_LOW) << 43 | (w6 >> TOP_4_LOW) << 47;
        let first = Vpn::truncate(low | high | (w1 >> VPN_TOP_LOW & 1) << 51);
        Some(Group { asid: Asid::truncate(asid as u16), size: size_of(w0)?, first })
    }

    /// A group whose home is the chain's: every page of a line has the same home.
    pub(super) fn some_group(&self) -> Option<Group> {
        if self.is_dense() { self.group() } else { self.mappings().next().map(|mapping| Group::of_mapping(&mapping)) }
    }

    /// All mappings, from the lowest word.
    pub(super) fn mappings(&self) -> impl Iterator<Item = Mapping> + '_ {
        let step = if self.is_dense() { 1 } else { 2 };
        (0..WORDS).step_by(step).filter_map(|word| self.mapping(word))
    }

    /// The number of pages that it holds.
    pub(super) fn pages(&self) -> usize {
        let step = if self.is_dense() { 1 } else { 2 };
        self.words.iter().step_by(step).filter(|word| *word & VALID != 0).count()
    }

    /// Puts a mapping in: at its place in its group's dense line, or into a free entry of a mixed line. Tells whether
    /// there was one.
    pub(super) fn insert(&mut self, mapping: &Mapping) -> bool {
        let pte = pte(mapping);
        if self.is_dense() {
            self.words[word_of(mapping.vpn, mapping.size)] |= pte;
            return true;
        }
        let Some(word) = (0..WORDS).step_by(2).find(|word| self.words[*word] & VALID == 0) else { return false };
        let [first, second] = Wanted::new(mapping.asid, mapping.vpn, mapping.size).entry;
        self.words[word] |= pte | first;
        self.words[word + 1] = second;
        true
    }

    /// Takes the mapping whose PTE is `word` out.
    pub(super) fn clear(&mut self, word: usize) {
        if self.is_dense() {
            self.words[word] &= !PTE;
        } else {
            // Of the first word, the link stays.
            self.words[word] &= if word == 0 { NEXT | LINKED } else { NEXT };
            self.words[word + 1] = 0;
        }
    }

    /// Gives the mapping whose PTE is `word` another frame, other rights and other marks.
    pub(super) fn set_pte(&mut self, word: usize, pte: Pte) {
        self.words[word] = self.words[word] & !CHANGEABLE | changeable(pte);
    }
}

fn pte(mapping: &Mapping) -> u64 {
    VALID | if mapping.global { GLOBAL } else { 0 } | changeable(mapping.pte())
}

/// The bits of [`CHANGEABLE`].
fn changeable(pte: Pte) -> u64 {
    let Pte { pfn, rights, marks } = pte;
    let mark = |mark, bit| if marks.contains(mark) { bit } else { 0 };
    pfn.get() << PFN_LOW | u64::from(rights.bits()) << RIGHTS_LOW | mark(Marks::A, ACCESSED) | mark(Marks::D, DIRTY)
}

fn marks_of(pte: u64) -> Marks {
    let mark = |bit, mark| if pte & bit != 0 { mark } else { Marks::NONE };
    mark(ACCESSED, Marks::A).with(mark(DIRTY, Marks::D))
}

fn size_of(word: u64) -> Option<PageSize> {
    PageSize::from_code((word >> SIZE_LOW & 3) as u8)
}

/// Groups of at least this many pages get a dense line: fewer fill no mixed line.
pub(super) const DENSE_FROM: usize = ENTRIES;

/// The fewest lines that hold `mappings`, those with the most of them first, not linked.
pub(super) fn pack(mut mappings: Vec<Mapping>) -> Vec<Line> {
    mappings.sort_unstable_by_key(|mapping| (Group::of_mapping(mapping), mapping.vpn));
    let mut lines = Vec::with_capacity(2);
    let mut sparse = Vec::with_capacity(ENTRIES);
    for pages in mappings.chunk_by(|a, b| Group::of_mapping(a) == Group::of_mapping(b)) {
        if pages.len() < DENSE_FROM {
            sparse.extend_from_slice(pages);
        } else {
            lines.push(filled(Line::dense(&Group::of_mapping(&pages[0])), pages));
        }
    }
    lines.extend(sparse.chunks(ENTRIES).map(|pages| filled(Line::EMPTY, pages)));
    lines.sort_by_key(|line| std::cmp::Reverse(line.pages()));
    lines
}

fn filled(mut line: Line, pages: &[Mapping]) -> Line {
    for page in pages {
        line.insert(page);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(asid: u16, vpn: u64, size: PageSize, pfn: u64, rights: u8) -> Mapping {
        let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
        Mapping::new(asid, vpn, size, pfn, Rights::from_bits(rights))
    }

    #[test]
    fn the_known_answers_of_the_module_page() {
        let page = mapping(0xbeef, 0x8_0000_1234_567d, PageSize::Small, 0xa_bcde, 0b1011);
        let mut dense = Line::dense(&Group::of_mapping(&page)).with_link(Some(0x89ab_cdef));
        assert!(dense.insert(&page));
        let words = [
            0xbef0_0000_0000_0c00,
            0xeef0_0000_0000_0100,
            0x0cd0_0000_0000_0000,
            0xacf0_0000_0000_0000,
            0x0ab0_0000_0000_0000,
            0x4680_0000_abcd_e017,
            0x0890_0000_0000_0000,
            0x0020_0000_0000_0000,
        ];
        assert_eq!(dense.words, words);
        assert_eq!(dense.mappings().collect::<Vec<_>>(), [page]);
        assert_eq!(dense.link(), Some(0x89ab_cdef));

        let large = mapping(0xbeef, 0x200, PageSize::Large, 0x400, 0b0011);
        let small = mapping(5, 0x8_0000_1234_5678, PageSize::Small, 0x10, 0b0101);
        let small = Mapping { marks: Marks::A.with(Marks::D), ..small };
        let mut mixed = Line::EMPTY;
        assert!(mixed.insert(&large) && mixed.insert(&small));
        let words = [0xb000_0000_0040_0107, 0xeef0_0000_0000_0200, 0x100cb, 0x0058_0000_1234_5678, 0, 0, 0, 0];
        assert_eq!(mixed.words, words);
        assert_eq!(mixed.mappings().collect::<Vec<_>>(), [large, small]);
    }

    #[test]
    fn every_bit_has_at_most_one_meaning() {
        let mut dense: Vec<(usize, u64)> = DENSE_TAG.into_iter().enumerate().collect();
        for word in 0..WORDS {
            dense.push((word, PTE));
            if word % 2 == 0 {
                dense.push((word, NEXT));
            }
        }
        dense.push((0, LINKED));
        let mut seen = [0_u64; WORDS];
        for (word, mask) in dense {
            assert_eq!(seen[word] & mask, 0, "word {word}");
            seen[word] |= mask;
        }
        // And in the first word of a mixed entry:
        let fields = [PTE, NEXT, TOP_4, SIZE, LINKED, DENSE];
        let bits = |fields: &[u64]| fields.iter().map(|field| field.count_ones()).sum::<u32>();
        assert_eq!(bits(&fields), fields.into_iter().fold(0, |all, field| all | field).count_ones());
    }

    #[test]
    fn packing_takes_the_fewest_lines_and_puts_the_fullest_first() {
        let group = |first: u64, pages: u64| (first..first + pages).map(|vpn| mapping(1, vpn, PageSize::Small, vpn, 1));
        let lens = |mappings: Vec<Mapping>| pack(mappings).iter().map(Line::pages).collect::<Vec<_>>();
        assert_eq!(lens(group(0, 4).chain(group(8, 8)).collect()), [8, 4]);
        assert_eq!(lens(group(0, 3).chain(group(8, 3)).chain(group(16, 2)).collect()), [4, 4]);
        assert_eq!(lens(group(0, 1).chain(group(8, 5)).collect()), [5, 1]);
        assert!(lens(vec![]).is_empty());
    }
}
