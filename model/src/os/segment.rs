//! Segments: the runs of pages that a process may touch, and what stands behind them.
//!
//! ```text
//!  VPN 0x400                                                                        0x7ffff_ffff
//!  +------+------+----------+--- ... ---+--------+--- ... ---+-------+--- ... ---+----------+
//!  | code | data | heap ──► |           | mapped |           | guard |  ◄─ grows |  stack   |
//!  +------+------+----------+--- ... ---+--------+--- ... ---+-------+--- ... ---+----------+
//!   file   file    zeros                  file or zeros       one page   down to    zeros
//!   R X    R W     R W                    as asked            unmapped   `lowest`   R W
//! ```
//!
//! A segment is a promise: no frame and no entry of the page table belongs to it before a page is touched.
//! Source: the seeds' three steps of memory allocation, of which this is the first.

use super::files::FileId;
use hashwalk_spec::{Rights, Vpn};
use thiserror::Error;

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Instructions.
    Code,
    /// Initialised variables.
    Data,
    /// What the program asks for while it runs; it grows upwards when asked to.
    Heap,
    /// The stack: it grows downwards when a page below it is touched.
    Stack {
        /// The lowest page to which it may grow.
        lowest: Vpn,
    },
    /// Anything that was mapped since.
    Mapped,
}

/// What a page holds before it is first written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Zeros.
    Zero,
    /// A page of a file.
    File {
        /// The file.
        file: FileId,
        /// The file's page that is the segment's first.
        first_page: u64,
    },
}

/// A run of pages of one process, such as its code, its heap or its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first page.
    pub first_vpn: Vpn,
    /// The number of 4 KiB pages, at least 1.
    pub pages: u64,
    /// What the process may do there. Pages of user mode need [`Rights::U`].
    pub rights: Rights,
    /// What it is for.
    pub kind: Kind,
    /// What its pages hold at first.
    pub backing: Backing,
    /// Whether stores reach the file, and with it everyone who shares it, instead of a private copy.
    pub shared: bool,
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
    /// Only what a file holds can be shared.
    #[error("the shared segment at VPN {first_vpn} has no file: make one for what is to be shared")]
    SharedWithoutFile {
        /// The segment's first page.
        first_vpn: Vpn,
    },
    /// The process has no segment of this kind.
    #[error("the process has no heap")]
    NoHeap,
    /// No run of pages is left that is long enough.
    #[error("no {pages:#x} pages side by side are left in the address space")]
    NoGap {
        /// Pages that were asked for.
        pages: u64,
    },
}

impl Segment {
    /// A private segment of zeros.
    #[must_use]
    pub const fn new(first_vpn: Vpn, pages: u64, rights: Rights) -> Segment {
        Segment { first_vpn, pages, rights, kind: Kind::Mapped, backing: Backing::Zero, shared: false }
    }

    /// The segment for another purpose.
    #[must_use]
    pub const fn of_kind(self, kind: Kind) -> Segment {
        Segment { kind, ..self }
    }

    /// The segment over a file, from its page `first_page` on. Stores stay private.
    #[must_use]
    pub const fn of_file(self, file: FileId, first_page: u64) -> Segment {
        Segment { backing: Backing::File { file, first_page }, ..self }
    }

    /// The segment with stores that reach its file.
    #[must_use]
    pub const fn shared(self) -> Segment {
        Segment { shared: true, ..self }
    }

    /// Whether the page is part of the segment.
    #[must_use]
    pub fn contains(&self, vpn: Vpn) -> bool {
        vpn >= self.first_vpn && vpn.get() - self.first_vpn.get() < self.pages
    }

    /// The VPN behind the last page, as a plain number: it may be one more than a VPN can be.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first_vpn.get() + self.pages
    }

    /// The file's page behind a page of the segment; `None` for zeros.
    #[must_use]
    pub fn file_page(&self, vpn: Vpn) -> Option<(FileId, u64)> {
        match self.backing {
            Backing::Zero => None,
            Backing::File { file, first_page } => Some((file, first_page + (vpn.get() - self.first_vpn.get()))),
        }
    }

    /// The part from page `from` up to, but without, `to`; `None` if there is none.
    pub(super) fn part(&self, from: u64, to: u64) -> Option<Segment> {
        let (from, to) = (from.max(self.first_vpn.get()), to.min(self.end()));
        if from >= to {
            return None;
        }
        let first_vpn = Vpn::truncate(from);
        let backing = match self.file_page(first_vpn) {
            Some((file, first_page)) => Backing::File { file, first_page },
            None => Backing::Zero,
        };
        Some(Segment { first_vpn, pages: to - from, backing, ..*self })
    }
}
