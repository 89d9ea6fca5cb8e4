//! The segments of one address space, in the order of their pages.
//!
//! A lookup is a binary search. Unmapping or protecting a run of pages cuts the segments at its ends.

use super::segment::{Kind, Segment, SegmentError};
use hashwalk_spec::{Rights, Vpn};

/// The highest page that programs get, 47 bits of address: where stacks begin and the search for gaps ends.
pub const TOP_VPN: Vpn = Vpn::truncate(0x7_ffff_ffff);
/// Unmapped pages below the lowest page of a stack: touching them is a segmentation fault.
const GUARD_PAGES: u64 = 1;

/// Segments that do not overlap, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    sorted: Vec<Segment>,
}

impl Segments {
    /// These segments, in any order.
    ///
    /// # Errors
    /// One is empty, too long, or shared without a file, or two overlap.
    pub fn new(segments: &[Segment]) -> Result<Segments, SegmentError> {
        let mut all = Segments::default();
        let mut sorted = segments.to_vec();
        sorted.sort_by_key(|segment| segment.first_vpn);
        sorted.into_iter().try_for_each(|segment| all.insert(segment))?;
        Ok(all)
    }

    /// Adds one.
    ///
    /// # Errors
    /// It is empty, too long, shared without a file, or overlaps another; a stack's room to grow counts.
    pub fn insert(&mut self, segment: Segment) -> Result<(), SegmentError> {
        let Segment { first_vpn, pages, .. } = segment;
        let last = pages.checked_sub(1).ok_or(SegmentError::Empty { first_vpn })?;
        if last > Vpn::MAX.get() - first_vpn.get() {
            return Err(SegmentError::BeyondEnd { first_vpn, pages });
        }
        if segment.shared && segment.file_page(first_vpn).is_none() {
            return Err(SegmentError::SharedWithoutFile { first_vpn });
        }
        let place = self.sorted.partition_point(|other| other.first_vpn <= first_vpn);
        let below =
            place.checked_sub(1).map(|below| &self.sorted[below]).filter(|below| below.end() > lowest(&segment));
        let above = self.sorted.get(place).filter(|above| segment.end() > lowest(above));
        if let Some(other) = below.or(above) {
            let (a, b) = (first_vpn, other.first_vpn);
            return Err(SegmentError::Overlap { lower: a.min(b), upper: a.max(b) });
        }
        self.sorted.insert(place, segment);
        Ok(())
    }

    /// All of them, in the order of their pages.
    #[must_use]
    pub fn as_slice(&self) -> &[Segment] {
        &self.sorted
    }

    /// The segment that the page lies in.
    #[must_use]
    pub fn of(&self, vpn: Vpn) -> Option<&Segment> {
        let after = self.sorted.partition_point(|segment| segment.first_vpn <= vpn);
        self.sorted[..after].last().filter(|segment| segment.contains(vpn))
    }

    /// Lets the stack above an untouched page grow down to it, if there is one and it may.
    pub(super) fn grow_stack(&mut self, vpn: Vpn) -> Option<&Segment> {
        let above = self.sorted.partition_point(|segment| segment.first_vpn <= vpn);
        let stack = self.sorted.get_mut(above)?;
        match stack.kind {
            Kind::Stack { lowest } if lowest <= vpn => {
                stack.pages = stack.end() - vpn.get();
                stack.first_vpn = vpn;
                Some(stack)
            }
            _ => None,
        }
    }

    /// Makes the heap this much longer and returns the first page that is new.
    ///
    /// # Errors
    /// There is no heap, or it meets what stands above.
    pub(super) fn grow_heap(&mut self, pages: u64) -> Result<Vpn, SegmentError> {
        let place = self.sorted.iter().position(|segment| segment.kind == Kind::Heap).ok_or(SegmentError::NoHeap)?;
        let heap = self.sorted[place];
        let longer = Segment { pages: heap.pages.saturating_add(pages), ..heap };
        self.sorted.remove(place);
        let result = self.insert(longer);
        if result.is_err() {
            self.sorted.insert(place, heap);
        }
        result.map(|()| Vpn::truncate(heap.end()))
    }

    /// The highest run of this many pages, aligned to a multiple of `align` pages, that no segment claims.
    ///
    /// # Errors
    /// There is none.
    pub fn gap(&self, pages: u64, align: u64) -> Result<Vpn, SegmentError> {
        let mut end = TOP_VPN.get() + 1;
        let below = self.sorted.iter().rev().map(|segment| (lowest(segment), segment.end())).chain([(0, 1)]);
        for (claimed, claimed_end) in below {
            if claimed_end < end
                && let Some(first) = end.checked_sub(pages).map(|first| first - first % align)
                && first >= claimed_end
            {
                return Ok(Vpn::truncate(first));
            }
            end = end.min(claimed);
        }
        Err(SegmentError::NoGap { pages })
    }

    /// Takes the pages from `first` up to, but without, `end` out of all segments.
    pub(super) fn cut(&mut self, first: u64, end: u64) {
        self.replace(first, end, |_| None);
    }

    /// Gives the pages from `first` up to, but without, `end` other rights, where there are segments.
    pub(super) fn protect(&mut self, first: u64, end: u64, rights: Rights) {
        self.replace(first, end, |part| Some(Segment { rights, ..part }));
    }

    /// Puts something else in the place of the parts that lie within the run.
    fn replace(&mut self, first: u64, end: u64, with: impl Fn(Segment) -> Option<Segment>) {
        let pieces = self.sorted.iter().flat_map(|segment| {
            let within = segment.part(first, end);
            // A stack that is cut in two grows on at its lower part alone.
            let above = segment.part(end, u64::MAX).map(|above| match above.first_vpn > segment.first_vpn {
                true => above.of_kind(fixed(above.kind)),
                false => above,
            });
            [segment.part(0, first), within.and_then(&with), above]
        });
        self.sorted = pieces.flatten().collect();
    }
}

/// The kind of a part that no longer grows.
fn fixed(kind: Kind) -> Kind {
    match kind {
        Kind::Stack { .. } => Kind::Mapped,
        other => other,
    }
}

/// The lowest page that a segment claims, now or when it has grown, with the guard below a stack.
fn lowest(segment: &Segment) -> u64 {
    match segment.kind {
        Kind::Stack { lowest } => lowest.min(segment.first_vpn).get().saturating_sub(GUARD_PAGES),
        _ => segment.first_vpn.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpn(number: u64) -> Vpn {
        Vpn::truncate(number)
    }

    fn segment(first_vpn: u64, pages: u64) -> Segment {
        Segment::new(vpn(first_vpn), pages, Rights::R)
    }

    fn stack(first_vpn: u64, pages: u64, lowest: u64) -> Segment {
        segment(first_vpn, pages).of_kind(Kind::Stack { lowest: vpn(lowest) })
    }

    #[test]
    fn segments_are_sorted_and_touching_ones_are_legal() {
        let segments = Segments::new(&[segment(0x20, 0x10), segment(0x10, 0x10), segment(Vpn::MAX.get(), 1)]).unwrap();
        assert_eq!(segments.as_slice()[0], segment(0x10, 0x10));
        assert_eq!(segments.of(vpn(0x1f)), Some(&segment(0x10, 0x10)));
        assert_eq!(segments.of(vpn(0x2f)), Some(&segment(0x20, 0x10)));
        assert_eq!((segments.of(vpn(0xf)), segments.of(vpn(0x30))), (None, None));
    }

    #[test]
    fn illegal_segments_are_named() {
        let message = |segments: &[Segment]| Segments::new(segments).unwrap_err().to_string();
        assert_eq!(message(&[segment(5, 0)]), "the segment at VPN 0x5 has no page");
        assert_eq!(
            message(&[segment(Vpn::MAX.get(), 2)]),
            "the segment of 0x2 pages at VPN 0xfffffffffffff leaves the address space"
        );
        assert_eq!(message(&[segment(8, 1), segment(0, 9)]), "the segments at VPN 0x0 and at VPN 0x8 overlap");
        assert_eq!(
            message(&[segment(8, 1).shared()]),
            "the shared segment at VPN 0x8 has no file: make one for what is to be shared"
        );
    }

    #[test]
    fn a_stack_grows_to_its_limit_and_keeps_a_guard_page() {
        let mut segments = Segments::new(&[stack(0x100, 2, 0xf0), segment(0xe0, 0xf)]).unwrap();
        assert_eq!(segments.grow_stack(vpn(0xef)), None);
        assert_eq!(segments.grow_stack(vpn(0xf8)), Some(&stack(0xf8, 10, 0xf0)));
        assert_eq!(segments.of(vpn(0xf9)), Some(&stack(0xf8, 10, 0xf0)));
        assert!(Segments::new(&[stack(0x100, 2, 0xf0), segment(0xe0, 0x10)]).is_err(), "no room for the guard");
    }

    #[test]
    fn a_run_is_cut_out_and_files_keep_their_pages() {
        let file = FileId(3);
        let mut segments = Segments::new(&[segment(0x10, 0x10).of_file(file, 5), segment(0x20, 4)]).unwrap();
        segments.cut(0x14, 0x22);
        assert_eq!(segments.as_slice(), [segment(0x10, 4).of_file(file, 5), segment(0x22, 2)]);
        segments.protect(0x12, 0x13, Rights::ALL);
        assert_eq!(segments.as_slice().len(), 4);
        assert_eq!(segments.of(vpn(0x12)).unwrap().rights, Rights::ALL);
        assert_eq!(segments.of(vpn(0x13)).unwrap().file_page(vpn(0x13)), Some((file, 8)));
    }

    #[test]
    fn gaps_come_from_above_and_heaps_grow_until_they_meet_something() {
        let mut segments = Segments::new(&[segment(0x400, 4).of_kind(Kind::Heap), stack(0x410, 1, 0x40a)]).unwrap();
        assert_eq!(segments.grow_heap(5), Ok(vpn(0x404)));
        assert_eq!(segments.grow_heap(1), Err(SegmentError::Overlap { lower: vpn(0x400), upper: vpn(0x410) }));
        assert_eq!(segments.gap(0x10, 1), Ok(vpn(TOP_VPN.get() + 1 - 0x10)));
        assert_eq!(segments.gap(513, 512), Ok(vpn((TOP_VPN.get() + 1 - 513) & !511)));
        assert_eq!(segments.gap(1 << 36, 1), Err(SegmentError::NoGap { pages: 1 << 36 }));
        assert_eq!(Segments::default().grow_heap(1), Err(SegmentError::NoHeap));
    }

    use super::super::files::FileId;
}
