//! Segments: the runs of pages that a process may touch.

use hashwalk_spec::{Rights, Vpn};
use thiserror::Error;

/// A run of pages of one process, such as its code, its heap or its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first page.
    pub first_vpn: Vpn,
    /// The number of 4 KiB pages, at least 1.
    pub pages: u64,
    /// What the process may do there. Pages of user mode need [`Rights::U`].
    pub rights: Rights,
}

/// Why a process cannot have these segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SegmentError {
    /// It has no page.
    #[error("the segment at VPN {first_vpn} has no page")]
    Empty {
        /// The segment's first page.
        first_vpn: Vpn,
    },
    /// It goes on after the last page of an address space.
    #[error("the segment of {pages:#x} pages at VPN {first_vpn} leaves the address space")]
    BeyondEnd {
        /// The segment's first page.
        first_vpn: Vpn,
        /// Its number of pages.
        pages: u64,
    },
    /// Two segments share a page.
    #[error("the segments at VPN {lower} and at VPN {upper} overlap")]
    Overlap {
        /// The first page of the one.
        lower: Vpn,
        /// The first page of the other, not below it.
        upper: Vpn,
    },
}

impl Segment {
    /// Whether the page is part of the segment.
    #[must_use]
    pub fn contains(&self, vpn: Vpn) -> bool {
        vpn >= self.first_vpn && vpn.get() - self.first_vpn.get() < self.pages
    }
}

/// The segments in the order of their pages.
///
/// # Errors
/// One is empty or too long, or two overlap.
pub(super) fn sorted(segments: &[Segment]) -> Result<Vec<Segment>, SegmentError> {
    let mut sorted = segments.to_vec();
    sorted.sort_by_key(|segment| segment.first_vpn);
    for segment in &sorted {
        let Segment { first_vpn, pages, .. } = *segment;
        let last = pages.checked_sub(1).ok_or(SegmentError::Empty { first_vpn })?;
        if last > Vpn::MAX.get() - first_vpn.get() {
            return Err(SegmentError::BeyondEnd { first_vpn, pages });
        }
    }
    match sorted.windows(2).find(|pair| pair[0].contains(pair[1].first_vpn)) {
        Some(pair) => Err(SegmentError::Overlap { lower: pair[0].first_vpn, upper: pair[1].first_vpn }),
        None => Ok(sorted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(first_vpn: u64, pages: u64) -> Segment {
        Segment { first_vpn: Vpn::truncate(first_vpn), pages, rights: Rights::R }
    }

    #[test]
    fn segments_are_sorted_and_touching_ones_are_legal() {
        let sorted = sorted(&[segment(0x20, 0x10), segment(0x10, 0x10), segment(Vpn::MAX.get(), 1)]).unwrap();
        assert_eq!(sorted[0], segment(0x10, 0x10));
        assert!(sorted[0].contains(Vpn::truncate(0x1f)) && !sorted[0].contains(Vpn::truncate(0x20)));
        assert!(!sorted[0].contains(Vpn::truncate(0xf)));
    }

    #[test]
    fn illegal_segments_are_named() {
        let message = |segments: &[Segment]| sorted(segments).unwrap_err().to_string();
        assert_eq!(message(&[segment(5, 0)]), "the segment at VPN 0x5 has no page");
        assert_eq!(
            message(&[segment(Vpn::MAX.get(), 2)]),
            "the segment of 0x2 pages at VPN 0xfffffffffffff leaves the address space"
        );
        assert_eq!(message(&[segment(8, 1), segment(0, 9)]), "the segments at VPN 0x0 and at VPN 0x8 overlap");
    }
}
