//! The golden walk: the search of a page in the bytes of the table.
//!
//! ```text
//!          ┌────────────── next enabled search ◄──────────────┐
//!          ▼                                                  │ chain ends, no match
//!  Walk::new ──► Probe(address) ──► step(element) ────────────┤
//!          ▲                                                  │ chain goes on
//!          └──────────────────────────────────────────────────┘
//!                                        │ match, a broken link, too many probes, a bus error,
//!                                        ▼ or no search left
//!                                   Done(WalkResult)
//! ```
//!
//! The walk asks for one element at a time, an entry or a line, and may wait for it as long as it takes, so the software-refill handler makes
//! the same walk with its own loads. [`walk`] makes it at once. It costs a hash for each search and one read for each
//! probe. Source: docs/spec.md, section 4.

mod chained;
mod context;
mod cuckoo;

pub use context::WalkContext;

use crate::mapping::Mapping;
use crate::memory::{BusError, Element, PhysicalMemory};
use crate::organisation::common::SearchFor;
use crate::organisation::line;
use hashwalk_spec::{Answer, Asid, Fault, Format, PageSize, PhysAddr, Request, Search};

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkResult {
    /// The answer to the request.
    pub answer: Answer,
    /// The mapping that decided, also when its rights deny the access; `None` for every other fault.
    pub mapping: Option<Mapping>,
    /// The elements that were read, over all searches.
    pub probes: u32,
}

/// What a walk waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The element at this address.
    Probe(PhysAddr),
    /// Nothing more.
    Done(WalkResult),
}

/// What one element means for one search (section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It holds the page.
    Found(Mapping),
    /// It holds the page, or its link, in a form that is not legal.
    Malformed,
    /// The chain goes on at this index, which may lie outside the table.
    Next(u32),
    /// The chain ends here; in a cuckoo table the next way may hold the page.
    Ends,
}

/// A walk under way.
#[derive(Clone, Debug)]
pub struct Walk {
    context: WalkContext,
    request: Request,
    /// Bit i: search i is still to be made.
    searches_left: u8,
    search: SearchFor,
    /// Probes that the current search has made.
    steps: u32,
    probes: u32,
    progress: Progress,
}

/// The searches under the request's own ASID.
const OWN_SEARCHES: u8 = {
    let mut mask = 0;
    let mut i = 0;
    while i < Search::ALL.len() {
        mask |= (!Search::ALL[i].global as u8) << i;
        i += 1;
    }
    mask
};

impl Walk {
    /// Begins the walk for `request`. With no search enabled it is done at once, with `not_present`.
    #[must_use]
    pub fn new(context: &WalkContext, request: Request) -> Walk {
        let mut walk = Walk {
            context: *context,
            request,
            searches_left: context.search_enable() & Walk::searches_for(request),
            search: SearchFor { asid: request.asid, vpn: request.vpn, size: PageSize::Small, must_be_global: false },
            steps: 0,
            probes: 0,
            progress: Progress::Done(WalkResult { answer: Err(Fault::NotPresent), mapping: None, probes: 0 }),
        };
        walk.begin_search();
        walk
    }

    /// The walk that makes search `first` (0 to 5) before the others, which follow in their order: what hardware may do
    /// that guesses the page's size. `None` if that search is not enabled, or not made for this request.
    #[must_use]
    pub fn beginning_with(context: &WalkContext, request: Request, first: usize) -> Option<Walk> {
        let mut walk = Walk::new(context, request);
        let all = context.search_enable() & Walk::searches_for(request);
        if all >> first & 1 == 0 {
            return None;
        }
        walk.searches_left = 1 << first;
        walk.begin_search();
        walk.searches_left = all & !(1 << first);
        Some(walk)
    }

    /// Bit i: search i is made for this request, if it is enabled.
    fn searches_for(request: Request) -> u8 {
        if request.asid == Asid::GLOBAL { OWN_SEARCHES } else { Search::ENABLE_ALL }
    }

    /// The request that is walked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What the walk waits for.
    #[inline]
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The address of the element that the walk waits for; `None` once it is done.
    #[must_use]
    pub fn probe_address(&self) -> Option<PhysAddr> {
        match self.progress {
            Progress::Probe(address) => Some(address),
            Progress::Done(_) => None,
        }
    }

    /// Goes on with the element that was read at [`Walk::probe_address`], or with the error of that read. A walk that is
    /// done stays as it is.
    #[inline]
    pub fn step(&mut self, read: Result<Element, BusError>) -> Progress {
        if let Progress::Probe(_) = self.progress {
            self.probes += 1;
            self.steps += 1;
            match read {
                Ok(element) => self.decide(&element),
                Err(_) => self.end(Err(Fault::BusError), None),
            }
        }
        self.progress
    }

    fn decide(&mut self, element: &Element) {
        let judgement = match self.context.layout().format() {
            Format::Line => line::judge(element, &self.search),
            Format::Chained => chained::judge(element, &self.search),
            Format::Cuckoo => cuckoo::judge(element, &self.search),
        };
        match judgement {
            Judgement::Found(mapping) => self.end(mapping.translate(&self.request), Some(mapping)),
            Judgement::Malformed => self.end(Err(Fault::Malformed), None),
            Judgement::Ends if self.steps < self.context.layout().ways() => self.probe_way(self.steps),
            Judgement::Ends => self.begin_search(),
            Judgement::Next(next) if next > self.context.layout().mask() => self.end(Err(Fault::Malformed), None),
            Judgement::Next(_) if self.steps >= self.context.max_steps() => self.end(Err(Fault::ChainTooLong), None),
            Judgement::Next(next) => self.probe(next),
        }
    }

    fn begin_search(&mut self) {
        if self.searches_left == 0 {
            return self.end(Err(Fault::NotPresent), None);
        }
        let Search { global, size } = Search::ALL[self.searches_left.trailing_zeros() as usize];
        self.searches_left &= self.searches_left - 1;
        let asid = if global { Asid::GLOBAL } else { self.request.asid };
        self.search = SearchFor { asid, size, vpn: self.request.vpn.base(size), must_be_global: global };
        self.steps = 0;
        self.probe_way(0);
    }

    fn probe_way(&mut self, way: u32) {
        self.probe(self.context.place(way, &self.search));
    }

    fn probe(&mut self, index: u32) {
        self.progress = Progress::Probe(self.context.layout().address(index));
    }

    fn end(&mut self, answer: Answer, mapping: Option<Mapping>) {
        self.progress = Progress::Done(WalkResult { answer, mapping, probes: self.probes });
    }
}

/// Walks for `request` at once, in the table as it stands in `memory`.
#[must_use]
pub fn walk(memory: &PhysicalMemory, context: &WalkContext, request: Request) -> WalkResult {
    let mut walk = Walk::new(context, request);
    loop {
        match walk.progress {
            Progress::Probe(address) => walk.step(memory.read_element(address, context.layout().format())),
            Progress::Done(result) => return result,
        };
    }
}
