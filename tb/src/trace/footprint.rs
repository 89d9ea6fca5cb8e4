//! Which pages a program touches and with which rights: what the operating-system model has to map for it.

use std::collections::HashMap;

use super::error::TraceError;
use super::reference::{Kind, Reference};

const READ: u8 = 1;
const WRITE: u8 = 2;
const EXECUTE: u8 = 4;

/// A run of neighbouring pages with equal rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Virtual page number of its first 4 KiB page.
    pub first_vpn: u64,
    /// Number of pages, at least 1.
    pub pages: u64,
    /// Each page was loaded from.
    pub read: bool,
    /// Each page was stored to.
    pub write: bool,
    /// From each page an instruction was fetched.
    pub execute: bool,
}

impl Segment {
    /// Whether a page belongs to it.
    pub fn contains(&self, vpn: u64) -> bool {
        vpn.checked_sub(self.first_vpn).is_some_and(|index| index < self.pages)
    }

    /// Whether it allows an access. [`Kind::Modify`] wants both to read and to write.
    pub fn allows(&self, kind: Kind) -> bool {
        (self.read || !kind.reads()) && (self.write || !kind.writes()) && (self.execute || !kind.executes())
    }
}

/// The pages that a trace touches, as segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    segments: Vec<Segment>,
}

impl Footprint {
    /// Reads a trace to its end, once.
    ///
    /// # Errors
    ///
    /// The first error among the references.
    pub fn of(references: impl IntoIterator<Item = Result<Reference, TraceError>>) -> Result<Self, TraceError> {
        let mut rights = PageRights::default();
        for reference in references {
            rights.add(reference?);
        }
        Ok(rights.footprint())
    }

    /// The segments: ascending, apart, each as long as it can be.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segment that holds a page, by binary search; `None` for a page never touched.
    pub fn segment_of(&self, vpn: u64) -> Option<&Segment> {
        let behind = self.segments.partition_point(|segment| segment.first_vpn <= vpn);
        self.segments[..behind].last().filter(|segment| segment.contains(vpn))
    }

    /// Number of distinct pages.
    pub fn pages(&self) -> u64 {
        self.segments.iter().map(|segment| segment.pages).sum()
    }
}

/// Collects the rights of each page, one reference at a time, in any order.
#[derive(Clone, Debug, Default)]
pub struct PageRights {
    rights: HashMap<u64, u8>,
    /// The last page of each kind, its rights known to be there: most references need no look into the map.
    last: [Option<u64>; 4],
}

impl PageRights {
    /// Adds the one or two pages of a reference.
    pub fn add(&mut self, reference: Reference) {
        for piece in reference.pages() {
            let last = &mut self.last[piece.kind as usize];
            if *last != Some(piece.vpn()) {
                *last = Some(piece.vpn());
                *self.rights.entry(piece.vpn()).or_default() |= rights_of(piece.kind);
            }
        }
    }

    /// Number of distinct pages so far.
    pub fn pages(&self) -> u64 {
        self.rights.len() as u64
    }

    /// What was collected so far.
    pub fn footprint(&self) -> Footprint {
        let mut pages: Vec<(u64, u8)> = self.rights.iter().map(|(&vpn, &rights)| (vpn, rights)).collect();
        pages.sort_unstable();
        let joins = |a: &(u64, u8), b: &(u64, u8)| a.0 + 1 == b.0 && a.1 == b.1;
        let segments = pages.chunk_by(joins).map(|run| {
            let (first_vpn, rights) = run[0];
            Segment {
                first_vpn,
                pages: run.len() as u64,
                read: rights & READ != 0,
                write: rights & WRITE != 0,
                execute: rights & EXECUTE != 0,
            }
        });
        Footprint { segments: segments.collect() }
    }
}

fn rights_of(kind: Kind) -> u8 {
    match kind {
        Kind::Fetch => EXECUTE,
        Kind::Load => READ,
        Kind::Store => WRITE,
        Kind::Modify => READ | WRITE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(accesses: &[(Kind, u64, u16)]) -> Footprint {
        let references = accesses.iter().map(|&(kind, address, bytes)| Ok(Reference { kind, address, bytes }));
        Footprint::of(references).expect("no error among them")
    }

    fn segment(first_vpn: u64, pages: u64, rights: u8) -> Segment {
        let [read, write, execute] = [READ, WRITE, EXECUTE].map(|right| rights & right != 0);
        Segment { first_vpn, pages, read, write, execute }
    }

    #[test]
    fn neighbours_join_only_with_equal_rights() {
        let accesses = [
            (Kind::Store, 0x7000, 8),
            (Kind::Load, 0x3ffc, 8),
            (Kind::Load, 0x5000, 1),
            (Kind::Fetch, 0x6000, 4),
            (Kind::Modify, 0x9000, 4),
            (Kind::Store, 0x8000, 4),
            (Kind::Load, 0x8000, 4),
        ];
        let footprint = footprint(&accesses);
        let expected = [segment(3, 3, READ), segment(6, 1, EXECUTE), segment(7, 1, WRITE), segment(8, 2, READ | WRITE)];
        assert_eq!(footprint.segments(), expected);
        assert_eq!(footprint.pages(), 7);
    }

    #[test]
    fn segment_of_a_page_is_found_by_search() {
        let footprint = footprint(&[(Kind::Load, 0x3000, 1), (Kind::Load, 0x4000, 1), (Kind::Fetch, 0x6000, 1)]);
        assert_eq!(footprint.segment_of(4), Some(&segment(3, 2, READ)));
        assert_eq!(footprint.segment_of(6), Some(&segment(6, 1, EXECUTE)));
        for untouched in [0, 2, 5, 7, u64::MAX] {
            assert_eq!(footprint.segment_of(untouched), None);
        }
    }

    #[test]
    fn modify_needs_both_rights() {
        assert!(!segment(0, 1, WRITE).allows(Kind::Modify));
        assert!(segment(0, 1, READ | WRITE).allows(Kind::Modify));
        assert!(!segment(0, 1, READ | WRITE).allows(Kind::Fetch));
    }
}
