//! How much a trace holds, in numbers for tables.

use super::error::TraceError;
use super::footprint::{Footprint, PageRights};
use super::lru::Lru;
use super::reference::{Kind, Reference};

/// Entries of the TLB by whose misses traces are compared.
const LRU_ENTRIES: usize = 32;

/// Counts of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// References.
    pub references: u64,
    /// References that are [`Kind::Fetch`].
    pub fetches: u64,
    /// References that are [`Kind::Load`].
    pub loads: u64,
    /// References that are [`Kind::Store`].
    pub stores: u64,
    /// References that are [`Kind::Modify`].
    pub modifies: u64,
    /// Pieces after [`Reference::pages`]: what an MMU is asked. The references, plus those that cross a page.
    pub translations: u64,
    /// Distinct 4 KiB pages.
    pub pages: u64,
    /// Translations that miss in a fully associative TLB of 32 pages with LRU replacement, empty at the start, for
    /// instructions and data together.
    pub lru32_misses: u64,
}

impl Summary {
    /// Reads a trace to its end, once.
    ///
    /// # Errors
    ///
    /// The first error among the references.
    pub fn of(references: impl IntoIterator<Item = Result<Reference, TraceError>>) -> Result<Self, TraceError> {
        survey(references).map(|(summary, _)| summary)
    }

    /// Distinct pages for each 1,000 references.
    pub fn pages_per_thousand(&self) -> f64 {
        1000.0 * self.pages as f64 / self.references.max(1) as f64
    }

    /// [`Summary::lru32_misses`] over [`Summary::translations`], from 0 to 1.
    pub fn lru32_miss_rate(&self) -> f64 {
        self.lru32_misses as f64 / self.translations.max(1) as f64
    }
}

/// Reads a trace to its end, once, for both its [`Summary`] and its [`Footprint`].
///
/// # Errors
///
/// The first error among the references.
pub fn survey(
    references: impl IntoIterator<Item = Result<Reference, TraceError>>,
) -> Result<(Summary, Footprint), TraceError> {
    let mut counts = [0; 4];
    let mut rights = PageRights::default();
    let mut lru = Lru::new(LRU_ENTRIES);
    for reference in references {
        let reference = reference?;
        counts[reference.kind as usize] += 1;
        rights.add(reference);
        for piece in reference.pages() {
            lru.lookup(piece.vpn());
        }
    }
    let of_kind = |kind: Kind| counts[kind as usize];
    let summary = Summary {
        references: counts.iter().sum(),
        fetches: of_kind(Kind::Fetch),
        loads: of_kind(Kind::Load),
        stores: of_kind(Kind::Store),
        modifies: of_kind(Kind::Modify),
        translations: lru.lookups(),
        pages: rights.pages(),
        lru32_misses: lru.misses(),
    };
    Ok((summary, rights.footprint()))
}
