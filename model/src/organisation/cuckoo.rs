//! d-ary cuckoo hashing: every page has one place in each of d ways, and stands in one of them.
//!
//! ```text
//!                 way 0            way 1            way 2
//!               +---------+      +---------+      +---------+
//!  hash_0(A) ─► | B       |   ┌─►| A       |      |         |      A may stand in 3 places; it stands in one.
//!               +---------+   │  +---------+      +---------+      All 3 are fetched together.
//!               |         |   │  | D       |  ┌─► | C       |
//!               +---------+   │  +---------+  │   +---------+
//!               |         |   │               │
//!               +---------+   hash_1(A)       hash_2(A)
//!
//!  an entry: the contract's 32 bytes, word 3 (the link) always zero; all zeros is an empty place
//!
//!  a way of 2^n entries under resize        0          r         2^n        2^n + r      2^(n+1)
//!                                           +----------+----------+----------+----------+
//!                                           | rehashed | as it was| rehashed |  unused  |
//!                                           +----------+----------+----------+----------+
//!      home = n bits of the hash if that is r or more, else n + 1 bits: still one place in the way, one read
//! ```
//!
//! **Cost.** A search fetches d entries, all at once, and never more: not when the page is absent, not when the table is
//! nearly full, not in the middle of a resize. [`Found::reads`] counts all d of them, since the memory delivers all d;
//! one after the other they are one round trip. A lookup makes one search for each page size and scope that the table
//! holds (up to six, as in the contract), so its worst case is 6 d reads in six round trips; with 4 KiB pages alone it
//! is d. An insertion whose places are taken moves entries to their other places: the shortest sequence of moves is
//! found breadth first, looking at no more than [`EXAMINED`] places. It is carried out from its far end, so that a walk
//! under way finds each entry at its old place or at its new one.
//!
//! **Growth.** The ways double in turn, the smallest first. A doubling takes a second run of frames as long as the way
//! is, and nothing else moves to it than what belongs there: one more bit of the same hash decides whether an entry
//! stays or goes up by 2^n, and the place there is always free. So a resize cannot fail once it has its frames, needs
//! no second table, and leaves half of the entries alone. Each insertion takes the resize [`SLOTS_AN_INSERTION`] slots
//! on. A way is a list of runs: 2^a, 2^a, 2^(a+1), ... entries; the run of an index is told by its highest bit.
//!
//! **Registers.** For each way its key, its size, the rehash pointer and the address of each run; the census.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `way.rs` | one way: where a page's entry stands, doubling slot by slot, and its undoing |
//! | `displace.rs` | the search for the shortest sequence of moves |
//! | `resize.rs` | when ways double |
//! | `operations.rs` | inserting, looking up, checking and the rest |
//! | `array.rs` | the table that the hardware walks: ways of a fixed size in one array |
//!
//! Sources: Pagh and Rodler, *Cuckoo Hashing* (2004); Fotakis, Pagh, Sanders and Spirakis, *Space Efficient Hash Tables
//! with Worst Case Constant Access Time* (2005) for more than two ways; Skarlatos, Kokolis, Xu and Torrellas, *Elastic
//! Cuckoo Page Tables* (ASPLOS 2020) for the rehash pointer; Stojkovic et al., *Memory-Efficient Hashed Page Tables*
//! (HPCA 2023) for doubling in place, one way at a time.

mod array;
mod displace;
mod operations;
mod resize;
#[cfg(test)]
mod tests;
mod way;

pub use array::CuckooArray;
pub use displace::EXAMINED;
pub use resize::SLOTS_AN_INSERTION;

use super::Found;
use super::common::{self, Census, SearchFor};
use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::entry::{INDEX_BITS, MIN_TABLE_LOG2};
pub use hashwalk_spec::format::WAYS;
use hashwalk_spec::{Asid, PageSize, Vpn};
use way::Way;

/// When a way is doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// When this many of 100 places are in use, and when an entry finds no place.
    AtLoad(u8),
    /// Only when an entry finds no place.
    OnFailure,
    /// Never; an entry that finds no place is refused. For measuring, and where the memory is budgeted.
    Never,
}

impl Growth {
    /// The load up to which insertions stay cheap with so many ways. The limit lies a little above: the first insertion
    /// that found no place was at 0.53, 0.88 and 0.95 of the places in 2, 3 and 4 ways of 2^16 entries, where theory says
    /// 0.50, 0.92 and 0.98 for tables without end and searches without a bound.
    #[must_use]
    pub fn suitable(ways: u32) -> Growth {
        Growth::AtLoad(match ways {
            0..=2 => 40,
            3 => 75,
            _ => 85,
        })
    }
}

/// What insertions have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Displacements {
    /// Entries that were moved to another of their places.
    pub moves: u64,
    /// The most that one insertion has moved.
    pub most: u64,
}

/// A cuckoo table of 2 to 4 ways.
#[derive(Clone, Debug)]
pub struct Cuckoo {
    ways: Vec<Way>,
    growth: Growth,
    census: Census,
    displacements: Displacements,
}

/// The mapping that an entry holds; `None` if it is not valid, or malformed, to which belongs that its word 3 is not zero.
pub(crate) fn mapping_without_link(entry: &Entry) -> Option<Mapping> {
    let [.., link] = entry.words();
    entry.mapping().filter(|_| link == 0)
}

/// A place for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    way: usize,
    slot: u64,
}

impl Cuckoo {
    /// An empty table of `ways` ways of 2^`log2` entries each. The key of each way is drawn from `key`.
    ///
    /// # Errors
    /// There are not 2 to 4 ways, `log2` is not from 7 to 32, or there are not enough free frames; none is taken then.
    pub fn new(ram: &mut Ram, ways: u32, log2: u32, key: u128, growth: Growth) -> Result<Cuckoo, TableError> {
        if !WAYS.contains(&ways) {
            return Err(TableError::Shape { why: "a cuckoo table has 2 to 4 ways" });
        }
        if !(MIN_TABLE_LOG2..=INDEX_BITS).contains(&log2) {
            return Err(TableError::Size { log2, min: MIN_TABLE_LOG2, max: INDEX_BITS });
        }
        let mut table = Cuckoo::of_ways(Vec::new(), growth);
        for key in way::keys(key).take(ways as usize) {
            match Way::new(ram, log2, key) {
                Ok(way) => table.ways.push(way),
                Err(error) => {
                    table.release(ram);
                    return Err(error.into());
                }
            }
        }
        Ok(table)
    }

    fn of_ways(ways: Vec<Way>, growth: Growth) -> Cuckoo {
        Cuckoo { ways, growth, census: Census::default(), displacements: Displacements::default() }
    }

    /// Gives all frames back. The table must not be used again; it has no ways left.
    pub fn release(&mut self, ram: &mut Ram) {
        self.ways.drain(..).for_each(|way| way.release(ram));
        self.census = Census::default();
    }

    /// Looks for the page of one size under one ASID: what hardware does in one round trip. The reads are the number
    /// of ways, always.
    ///
    /// # Errors
    /// The page's entry is malformed, or the table lies outside the memory.
    pub fn search(&self, ram: &Ram, search: &SearchFor) -> Result<Found, TableError> {
        let found = self.find(ram, search)?;
        Ok(Found { mapping: found.map(|(_, _, mapping)| mapping), reads: self.ways.len() as u32 })
    }

    /// The entries of each way, those of an unfinished doubling included.
    #[must_use]
    pub fn way_places(&self) -> Vec<u64> {
        self.ways.iter().map(Way::places).collect()
    }

    /// The way that is being doubled and how many of its slots are rehashed.
    #[must_use]
    pub fn resizing(&self) -> Option<(usize, u64)> {
        let mut ways = self.ways.iter().enumerate();
        ways.find_map(|(index, way)| way.rehashed().map(|rehashed| (index, rehashed)))
    }

    /// The longest run of frames that the table has asked for, in bytes: never more than half of a way that has grown.
    #[must_use]
    pub fn longest_run(&self) -> u64 {
        self.ways.iter().map(Way::longest_run).max().unwrap_or(0)
    }

    /// What insertions have cost so far.
    #[must_use]
    pub fn displacements(&self) -> Displacements {
        self.displacements
    }

    /// The places where the entry of a page may stand, one in each way.
    fn places(&self, asid: Asid, vpn: Vpn) -> impl Iterator<Item = Place> + '_ {
        self.ways.iter().enumerate().map(move |(way, it)| Place { way, slot: it.home(asid, vpn) })
    }

    fn read(&self, ram: &Ram, place: Place) -> Result<Entry, TableError> {
        Ok(self.ways[place.way].read(ram, place.slot)?)
    }

    fn write(&self, ram: &mut Ram, place: Place, entry: &Entry) -> Result<(), TableError> {
        Ok(self.ways[place.way].write(ram, place.slot, entry)?)
    }

    fn find(&self, ram: &Ram, search: &SearchFor) -> Result<Option<(Place, Entry, Mapping)>, TableError> {
        for place in self.places(search.asid, search.vpn) {
            let entry = self.read(ram, place)?;
            if entry.matches(search.asid, search.vpn, search.size, search.must_be_global) {
                let broken = TableError::Broken { index: place.slot as u32, why: "its entry is malformed" };
                return Ok(Some((place, entry, mapping_without_link(&entry).ok_or(broken)?)));
            }
        }
        Ok(None)
    }

    /// The entry of a page that must be mapped.
    fn find_mapped(
        &self,
        ram: &Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Place, Entry, Mapping), TableError> {
        common::refuse_misaligned(vpn, size)?;
        let found = self.find(ram, &SearchFor { asid, size, vpn, must_be_global: false })?;
        found.ok_or(TableError::NotMapped { asid, vpn, size })
    }

    /// Every place that is not empty.
    fn entries<'a>(&'a self, ram: &'a Ram) -> Result<Vec<(Place, Entry)>, TableError> {
        let mut entries = Vec::new();
        for (way, it) in self.ways.iter().enumerate() {
            entries.extend(it.entries(ram)?.map(|(slot, entry)| (Place { way, slot }, entry)));
        }
        Ok(entries)
    }
}
