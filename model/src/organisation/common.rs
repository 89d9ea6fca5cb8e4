//! What every organisation does alike: which mappings are legal, which searches a lookup makes, and how bytes are read.
//!
//! ```text
//!  searches of (ASID a, VPN v), in the contract's order; those for which the census counts nothing are left out
//!
//!    4 KiB under a ─► 2 MiB under a ─► 1 GiB under a ─► 4 KiB global ─► 2 MiB global ─► 1 GiB global
//! ```
//!
//! A [`Census`] stands in registers beside each table, as `control_search_enable` does in the hardware: a system
//! without huge pages and global mappings makes one search, not six. Source: docs/spec.md, sections 2 and 4.

use super::{Found, PageTable};
use crate::mapping::{Mapping, Pte};
use crate::memory::BusError;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, Pfn, PhysAddr, Search, Vpn};

/// One search that a lookup makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchFor {
    /// The address space that is searched.
    pub asid: Asid,
    /// The page size that is searched for.
    pub size: PageSize,
    /// The first VPN of the page of this size.
    pub vpn: Vpn,
    /// Whether only a global mapping will do.
    pub must_be_global: bool,
}

impl SearchFor {
    /// Whether `mapping` is what is searched for.
    #[inline]
    #[must_use]
    pub fn matches(&self, mapping: &Mapping) -> bool {
        (mapping.asid, mapping.vpn, mapping.size) == (self.asid, self.vpn, self.size)
            && (mapping.global || !self.must_be_global)
    }
}

/// How many mappings a table holds for each of the six searches, in the order of [`Search::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    counts: [u64; Search::ALL.len()],
}

impl Census {
    /// The census of these mappings.
    #[must_use]
    pub fn of<'a>(mappings: impl IntoIterator<Item = &'a Mapping>) -> Census {
        let mut census = Census::default();
        mappings.into_iter().for_each(|mapping| census.add(mapping));
        census
    }

    /// Counts a mapping that was entered.
    pub fn add(&mut self, mapping: &Mapping) {
        self.counts[class(mapping.global, mapping.size)] += 1;
    }

    /// Counts a mapping that was taken out.
    pub fn subtract(&mut self, mapping: &Mapping) {
        self.counts[class(mapping.global, mapping.size)] -= 1;
    }

    /// All mappings.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mappings of this size, global or not.
    #[must_use]
    pub fn of_size(&self, size: PageSize) -> u64 {
        self.counts[class(false, size)] + self.counts[class(true, size)]
    }

    /// The searches that a lookup of `vpn` in `asid` makes, in the contract's order.
    #[inline]
    pub fn searches(&self, asid: Asid, vpn: Vpn) -> impl Iterator<Item = SearchFor> + use<> {
        let counts = self.counts;
        Search::ALL.into_iter().enumerate().filter_map(move |(index, Search { global, size })| {
            // Under ASID 0 the own searches find the global mappings too.
            let (made, asid) = match (asid == Asid::GLOBAL, global) {
                (true, true) => (false, asid),
                (true, false) => (counts[index] + counts[class(true, size)] > 0, asid),
                (false, true) => (counts[index] > 0, Asid::GLOBAL),
                (false, false) => (counts[index] > 0, asid),
            };
            made.then(|| SearchFor { asid, size, vpn: vpn.base(size), must_be_global: global })
        })
    }
}

fn class(global: bool, size: PageSize) -> usize {
    size as usize + if global { PageSize::ALL.len() } else { 0 }
}

/// Checks what can be said of a mapping by itself: its page and its frames begin at multiples of its size, and it is
/// global only under ASID 0.
///
/// # Errors
/// [`TableError::MisalignedVpn`], [`TableError::MisalignedPfn`], [`TableError::GlobalOutsideAsid0`].
pub fn refuse_illegal(mapping: &Mapping) -> Result<(), TableError> {
    let Mapping { asid, vpn, size, pfn, global, .. } = *mapping;
    refuse_misaligned(vpn, size)?;
    refuse_misaligned_frame(pfn, size)?;
    if global && asid != Asid::GLOBAL {
        return Err(TableError::GlobalOutsideAsid0 { asid });
    }
    Ok(())
}

/// Checks that a page of `size` may begin at `vpn`.
///
/// # Errors
/// [`TableError::MisalignedVpn`].
pub fn refuse_misaligned(vpn: Vpn, size: PageSize) -> Result<(), TableError> {
    if vpn.base(size) == vpn { Ok(()) } else { Err(TableError::MisalignedVpn { vpn, size }) }
}

/// Checks that a page of `size` may have `pfn` as its first frame.
///
/// # Errors
/// [`TableError::MisalignedPfn`].
pub fn refuse_misaligned_frame(pfn: Pfn, size: PageSize) -> Result<(), TableError> {
    if pfn.is_aligned(size) { Ok(()) } else { Err(TableError::MisalignedPfn { pfn, size }) }
}

/// What `change` makes of a mapping that a table holds.
///
/// # Errors
/// [`TableError::MisalignedPfn`].
pub fn changed(mapping: &Mapping, change: &dyn Fn(Pte) -> Pte) -> Result<Mapping, TableError> {
    let changed = mapping.with_pte(change(mapping.pte()));
    refuse_misaligned_frame(changed.pfn, changed.size)?;
    Ok(changed)
}

/// Checks that a mapping, legal by itself, overlaps none that the table holds. `census` counts what it holds.
///
/// A small page costs one lookup. A huge page may have smaller ones below it: these are looked up one by one, or all
/// mappings are gone through, whichever is less. A global mapping may meet any address space: all are gone through.
///
/// # Errors
/// [`TableError::AlreadyMapped`] or [`TableError::Overlap`], or what a lookup can end in.
pub fn refuse_overlap<T: PageTable + ?Sized>(
    table: &T,
    census: &Census,
    ram: &Ram,
    mapping: &Mapping,
) -> Result<(), TableError> {
    let Mapping { asid, vpn, size, global, .. } = *mapping;
    if let Some(existing) = table.lookup(ram, asid, vpn)?.mapping {
        return Err(conflict(existing, mapping));
    }
    let smaller = |other: &PageSize| *other < size && census.of_size(*other) > 0;
    let smallest = PageSize::ALL.into_iter().find(smaller);
    let found = match (global, smallest) {
        (true, _) => in_the_way(table, ram, mapping)?,
        (false, None) => None,
        (false, Some(smallest)) if census.total() > size.pages() / smallest.pages() => {
            // A page of any size that lies below holds the first VPN of some page of the smallest size.
            let below = (vpn.get()..vpn.get() + size.pages()).step_by(smallest.pages() as usize);
            let mut lookups = below.map(|page| table.lookup(ram, asid, Vpn::truncate(page)));
            lookups.find_map(|lookup| lookup.map(|found| found.mapping).transpose()).transpose()?
        }
        (false, Some(_)) => in_the_way(table, ram, mapping)?,
    };
    found.map_or(Ok(()), |existing| Err(conflict(existing, mapping)))
}

/// A lookup in buckets that each head a chain: the head is one read, each link another.
///
/// # Errors
/// What a chain can end in.
#[inline]
pub fn look_up_chains<C: Iterator<Item = Result<Mapping, TableError>>>(
    searches: impl Iterator<Item = SearchFor>,
    chain: impl Fn(&SearchFor) -> C,
) -> Result<Found, TableError> {
    let mut reads = 0;
    for search in searches {
        reads += 1;
        for mapping in chain(&search) {
            let mapping = mapping?;
            reads += 1;
            if search.matches(&mapping) {
                return Ok(Found { mapping: Some(mapping), reads });
            }
        }
    }
    Ok(Found { mapping: None, reads })
}

/// The first of all mappings that overlaps `mapping`.
fn in_the_way<T: PageTable + ?Sized>(table: &T, ram: &Ram, mapping: &Mapping) -> Result<Option<Mapping>, TableError> {
    Ok(table.mappings(ram)?.into_iter().find(|existing| existing.overlaps(mapping)))
}

/// The refusal of `mapping` because of `existing`.
#[must_use]
pub fn conflict(existing: Mapping, mapping: &Mapping) -> TableError {
    if (existing.asid, existing.vpn, existing.size) == (mapping.asid, mapping.vpn, mapping.size) {
        TableError::AlreadyMapped { existing }
    } else {
        TableError::Overlap { existing }
    }
}

/// Checks a list of mappings as `PageTable::check` must: each is legal, none overlap, and the census counts them.
///
/// # Errors
/// What is wrong, in words.
pub fn check_mappings(mappings: &[Mapping], census: &Census) -> Result<(), String> {
    let counted = Census::of(mappings);
    if counted != *census {
        return Err(format!("the census says {census:?}, but the table holds {counted:?}"));
    }
    for mapping in mappings {
        refuse_illegal(mapping).map_err(|error| error.to_string())?;
    }
    // Sorted by page, whatever overlaps a mapping lies right behind the first VPN of the larger of both.
    let mut sorted: Vec<&Mapping> = mappings.iter().collect();
    sorted.sort_by_key(|mapping| (mapping.vpn, std::cmp::Reverse(mapping.size)));
    let mut around: Vec<&Mapping> = Vec::new();
    for mapping in sorted {
        around.retain(|larger| larger.holds(mapping.vpn));
        if let Some(other) = around.iter().find(|larger| larger.overlaps(mapping)) {
            return Err(format!("two mappings overlap: {mapping:?} and {other:?}"));
        }
        around.push(mapping);
    }
    Ok(())
}

/// The 64-bit word at `address`.
///
/// # Errors
/// It lies beyond the memory.
#[inline]
pub fn read_word(ram: &Ram, address: PhysAddr) -> Result<u64, BusError> {
    let bytes = ram.memory.slice(address, 8)?.first_chunk().copied();
    bytes.map(u64::from_le_bytes).ok_or(BusError { address, bytes: 8 })
}

/// Writes the 64-bit word at `address`.
///
/// # Errors
/// It lies beyond the memory; nothing is written.
pub fn write_word(ram: &mut Ram, address: PhysAddr, word: u64) -> Result<(), BusError> {
    ram.memory.write(address, &word.to_le_bytes())
}

/// The `WORDS` 64-bit words from `address` on.
///
/// # Errors
/// A byte lies beyond the memory.
#[inline]
pub fn read_words<const WORDS: usize>(ram: &Ram, address: PhysAddr) -> Result<[u64; WORDS], BusError> {
    let bytes = ram.memory.slice(address, 8 * WORDS as u64)?;
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Ok(words)
}

/// Writes words from `address` on.
///
/// # Errors
/// A byte lies beyond the memory; nothing is written.
pub fn write_words<const WORDS: usize>(ram: &mut Ram, address: PhysAddr, words: &[u64; WORDS]) -> Result<(), BusError> {
    let bytes = words.map(u64::to_le_bytes);
    ram.memory.write(address, bytes.as_flattened())
}
