//! The line table: 64-byte lines, the unit that memory delivers, each of which holds its pages' tags and PTEs together.
//!
//! ```text
//!  dense line                                        mixed line
//!  one tag (ASID, size, VPN[51:3]), 8 PTEs           4 entries of any pages, each with a tag of its own
//!  +------+------+------+------+-- --+------+        +------------+------------+------------+------------+
//!  | PTE0 | PTE1 | PTE2 | PTE3 | ... | PTE7 |        | PTE   tag  | PTE   tag  | PTE   tag  | PTE   tag  |
//!  +------+------+------+------+-- --+------+        +------------+------------+------------+------------+
//!    the tag and `next` lie in bits that PTEs leave unused                       `next` too
//!
//!  line    3          4          5          6
//!        +----------+----------+----------+----------+
//!        | dense  ──┼──────────┼► mixed   |          |      home = hash(ASID, first VPN of the 8 pages)
//!        +----------+----------+----------+----------+
//! ```
//!
//! Eight pages side by side (a *group*, its first page at a multiple of eight pages) share a home. There, up to three of
//! them stand in a mixed line beside pages of other groups; from the fourth on, they get a dense line. Either way one
//! read brings tag and PTE. Huge pages have lines as small ones have: 8 pages of 2 MiB side by side are a dense line.
//!
//! # Bits
//!
//! | word, in every line | bits | hold |
//! | ------------------- | ---- | ---- |
//! | 0, 2, 4, 6 | 0; 4:1; 5 | V; R, W, X, U; G |
//! | 0, 2, 4, 6 | 6; 7 | A; D |
//! | 0, 2, 4, 6 | 51:12 | PFN |
//! | 0, 2, 4, 6 | 59:52 | `next`, a byte in each from the lowest: the index of the chain's next line |
//! | 0 | 10 | L: the chain goes on at `next` |
//! | 0 | 11 | E: the line is dense, of eight pages |
//!
//! | word, in a dense line | bits | hold |
//! | --------------------- | ---- | ---- |
//! | 1, 3, 5, 7 | 51:12, 7:0 | a PTE as in the others; word i is that of the group's page i |
//! | 0 | 9:8 | the pages' size |
//! | 0 and 1 | 63:60 and 63:52 | `ASID[15:12]` and `ASID[11:0]` |
//! | 3, 5, 7 | 63:52 | `VPN[14:3]`, `VPN[26:15]`, `VPN[38:27]` of the group |
//! | 2, 4, 6 | 63:60 | `VPN[42:39]`, `VPN[46:43]`, `VPN[50:47]` |
//! | 1 | 8 | `VPN[51]` |
//! | 1; 2 to 7 | 11:9; 11:8 | zero |
//!
//! | words 2e, 2e + 1 of a mixed line | bits | entry e holds |
//! | -------------------------------- | ---- | ------------- |
//! | 2e | 9:8 | the page's size |
//! | 2e and 2e + 1 | 63:60 and 63:52 | `ASID[15:12]` and `ASID[11:0]` |
//! | 2e + 1 | 51:0 | the page's first VPN |
//! | 2, 4, 6 | 11:10 | zero |
//!
//! A line of zeros is empty, and a mixed entry of zeros (but for L and `next`) is free. A tag that agrees is a comparison
//! of the line with a constant under a mask, in hardware as in [`PageTable::lookup`].
//!
//! **Known answers**, worked by hand. Page 0x800001234567d of ASID 0xbeef, PFN 0xabcde, rights RWU, in a dense line that
//! goes on at 0x89abcdef. Its group begins at 0x8000012345678, and it is page 5 of it:
//!
//! ```text
//!  word 0  bef0000000000c00   b: ASID[15:12], ef: next[7:0], c: E and L       word 4  0ab0000000000000   ab: next[23:16]
//!  word 1  eef0000000000100   eef: ASID[11:0], 1: VPN[51]                     word 5  46800000abcde017   468: VPN[26:15],
//!  word 2  0cd0000000000000   cd: next[15:8]                                                             17: U, W, R, V
//!  word 3  acf0000000000000   acf: VPN[14:3]                                  word 6  0890000000000000   89: next[31:24]
//!                                                                             word 7  0020000000000000   002: VPN[38:27]
//! ```
//!
//! The 2 MiB page 0x200 of ASID 0xbeef, PFN 0x400, RW, as entry 0 of a mixed line is `b000000000400107 eef0000000000200`;
//! page 0x8000012345678 of ASID 5, PFN 0x10, RX, accessed and dirty, as entry 1 is `00000000000100cb 0058000012345678`.
//!
//! # Why two kinds
//!
//! The line read first is given by the page alone. Lines of one tag, as many as a part a of the table, thrown into it at
//! random, find only a part (1 - e^-a) / a of themselves a home of their own: at 60 % a quarter must stand elsewhere, and a
//! lookup reads 1.25 lines or more, however these are placed. Pages without neighbours, which would waste seven eighths
//! of such a line besides, here share one by fours, and of these homes hardly any overflows. For full dense lines the
//! bound stands: they want 1 + a/2 reads, at most 1.05 while no more than a tenth of the lines is in use.
//!
//! # Costs
//!
//! 64 bytes for 8 pages of a group, or for 4 others. Measured (tests/line_reads.rs), reads of a lookup that finds:
//!
//! | lines in use | pages | mean | 99 % within | most |
//! | -----------: | ----- | ---: | ----------: | ---: |
//! | 60 % | at random | 1.003 | 1 | 2 |
//! | 95 % | at random | 1.049 | 2 | 3 |
//! | 60 % | side by side, all lines dense | 1.301 | 3 | 5 |
//! | 10 % | side by side, all lines dense | 1.058 | 2 | 2 |
//!
//! A chain is one or two lines; a change reads it and writes one line, or packs it anew: pages by fours and eights into
//! the fewest lines, the fullest first. When a home is held by another chain's line, that line moves away, so chains
//! never coalesce and come apart again by themselves.
//!
//! Source: clustered page tables (Talluri, Hill and Khalidi, *A New Page Table for 64-bit Address Spaces*, SOSP 1995); the
//! tag in the PTEs' spare bits (Yaniv and Tsafrir, *Hash, Don't Cache (the Page Table)*, SIGMETRICS 2016); the line that
//! moves away (Brent's variation in Ierusalimschy, de Figueiredo and Celes, *The Implementation of Lua 5.0*, 2005).
//! docs/spec.md, section 2, for the bits that hardware reads, and 3 and 4 for the hash and the order of searches.

mod array;
mod check;
mod format;
mod judge;

pub(crate) use judge::{group_vpn, judge};

use super::common::{Census, SearchFor, changed, refuse_illegal, refuse_misaligned, refuse_overlap};
use super::{Found, PageTable, Usage, Walkable};
use crate::layout::Layout;
use crate::mapping::{Mapping, Pte};
use crate::ram::Ram;
use crate::table::TableError;
use array::Array;
use format::{DENSE_FROM, GROUP_PAGES, Group, Line, Wanted, pack};
use hashwalk_spec::{Asid, Hash, PageSize, Vpn};

/// The smallest table, as log2 of its lines: one frame.
pub const MIN_LINES_LOG2: u32 = 6;
/// The largest: `next` has 32 bits.
pub const MAX_LINES_LOG2: u32 = 32;

/// A page table of 64-byte lines.
#[derive(Clone, Debug)]
pub struct LineTable {
    array: Array,
    census: Census,
}

/// Where a mapping stands.
struct Place {
    index: u32,
    line: Line,
    word: usize,
    mapping: Mapping,
}

impl LineTable {
    /// An empty table of `2^log2` lines, 6 to 32.
    ///
    /// # Errors
    /// `log2` is out of range, or there are not enough free frames side by side.
    pub fn new(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<LineTable, TableError> {
        Ok(LineTable { array: Array::new(ram, log2, hash, key)?, census: Census::default() })
    }

    /// The index of the line from which (ASID, page of this size that holds `vpn`) is searched.
    #[must_use]
    pub fn home(&self, asid: Asid, vpn: Vpn, size: PageSize) -> u32 {
        self.array.home(&Group::of(asid, vpn, size))
    }

    /// Lines in use for each line of the table, 0 to 1.
    #[must_use]
    pub fn line_load(&self) -> f64 {
        self.array.used as f64 / self.array.lines() as f64
    }

    /// The wanted page's place, and the lines that were read.
    #[inline]
    fn walk(&self, ram: &Ram, wanted: &Wanted) -> Result<(Option<Place>, u32), TableError> {
        let mut reads = 0;
        for place in self.array.follow(ram, self.array.home(&wanted.group)) {
            let (index, line) = place?;
            reads += 1;
            let Some(word) = line.find(wanted) else { continue };
            let mapping = line.mapping(word).ok_or(TableError::Broken { index, why: "its PTE is malformed" })?;
            return Ok((Some(Place { index, line, word, mapping }), reads));
        }
        Ok((None, reads))
    }

    fn find(&self, ram: &Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Place, TableError> {
        refuse_misaligned(vpn, size)?;
        let (place, _) = self.walk(ram, &Wanted::new(asid, vpn, size))?;
        place.ok_or(TableError::NotMapped { asid, vpn, size })
    }
}

impl Array {
    /// Puts a mapping in that overlaps none.
    fn insert(&mut self, ram: &mut Ram, mapping: &Mapping) -> Result<(), TableError> {
        let group = Group::of_mapping(mapping);
        let wanted = Wanted::new(mapping.asid, mapping.vpn, mapping.size);
        let chain = self.chain(ram, self.home(&group))?;
        if let Some((index, line)) = chain.lines.iter().find(|(_, line)| line.is_dense_of(&wanted)) {
            let mut line = *line;
            line.insert(mapping);
            return self.write(ram, *index, &line);
        }
        let mut mixed = chain.lines.iter().filter(|(_, line)| !line.is_dense());
        let siblings = mixed.clone().flat_map(|(_, line)| line.mappings()).filter(|m| Group::of_mapping(m) == group);
        if siblings.count() + 1 < DENSE_FROM
            && let Some((index, line)) = mixed.find_map(|(index, line)| {
                let mut line = *line;
                line.insert(mapping).then_some((index, line))
            })
        {
            return self.write(ram, *index, &line);
        }
        let mut mappings = Vec::with_capacity(2 * GROUP_PAGES as usize);
        mappings.extend(chain.lines.iter().flat_map(|(_, line)| line.mappings()));
        mappings.push(*mapping);
        self.replace(ram, &chain, &pack(mappings))
    }

    /// Takes the mapping at `place` out. A chain of several lines is packed anew, unless it could save none.
    fn remove(&mut self, ram: &mut Ram, place: &Place) -> Result<(), TableError> {
        let mut line = place.line;
        line.clear(place.word);
        if line.is_dense() && line.pages() >= DENSE_FROM {
            return self.write(ram, place.index, &line);
        }
        let chain = self.chain(ram, self.home(&Group::of_mapping(&place.mapping)))?;
        if chain.lines.len() == 1 && line.pages() > 0 {
            return self.write(ram, place.index, &line);
        }
        let mappings = chain.lines.iter().flat_map(|(_, line)| line.mappings());
        self.replace(ram, &chain, &pack(mappings.filter(|mapping| *mapping != place.mapping).collect()))
    }
}

impl Walkable for LineTable {
    fn layout(&self) -> &Layout {
        &self.array.layout
    }
}

impl PageTable for LineTable {
    fn name(&self) -> &'static str {
        "line"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        refuse_illegal(&mapping)?;
        refuse_overlap(self, &self.census, ram, &mapping)?;
        self.array.insert(ram, &mapping)?;
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let place = self.find(ram, asid, vpn, size)?;
        self.array.remove(ram, &place)?;
        self.census.subtract(&place.mapping);
        Ok(place.mapping)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let mut place = self.find(ram, asid, vpn, size)?;
        place.line.set_pte(place.word, changed(&place.mapping, change)?.pte());
        self.array.write_word(ram, place.index, place.word, &place.line)?;
        Ok(place.mapping)
    }

    #[inline]
    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let mut reads = 0;
        for search in self.census.searches(asid, vpn) {
            let SearchFor { asid, size, vpn, .. } = search;
            let (place, its_reads) = self.walk(ram, &Wanted::new(asid, vpn, size))?;
            reads += its_reads;
            let mapping = place.map(|place| place.mapping).filter(|mapping| search.matches(mapping));
            if mapping.is_some() {
                return Ok(Found { mapping, reads });
            }
        }
        Ok(Found { mapping: None, reads })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        let mut mappings = Vec::with_capacity(self.census.total() as usize);
        for (_, line) in self.array.in_use(ram)? {
            mappings.extend(line.mappings());
        }
        Ok(mappings)
    }

    fn usage(&self, _ram: &Ram) -> Usage {
        let places = self.array.lines() * GROUP_PAGES;
        Usage { bytes: self.array.bytes(), mappings: self.census.total(), places }
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let layout = self.array.layout;
        let mappings = self.mappings(ram)?;
        let mut larger = Array::new(ram, layout.log2() + 1, layout.hash(), layout.key())?;
        // It has room: of a chain that parts in two, neither needs more lines, but for the last mixed one of each.
        let copied = mappings.iter().try_for_each(|mapping| larger.insert(ram, mapping));
        let given_back = if copied.is_ok() { std::mem::replace(&mut self.array, larger) } else { larger };
        ram.give(given_back.layout.base(), given_back.bytes());
        copied
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        self.array.check(ram, &self.census)
    }
}
