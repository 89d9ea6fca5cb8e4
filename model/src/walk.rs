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
//! The walk asks for one element at a time and may wait for it as long as it takes, so the software-refill handler
//! makes the same walk with its own loads. [`walk`] makes it at once. It costs a hash for each search, but in a radix
//! tree, and one read for each probe. A module for each format says what an element means; that of lines stands with
//! their organisation. Source: docs/spec.md, section 4.

mod chained;
mod context;
mod cuckoo;
mod inverted;
mod probe;
mod radix;
mod tree;

pub use context::WalkContext;
pub(crate) use probe::Probe;

use crate::mapping::Mapping;
use crate::memory::{BusError, Element, PhysicalMemory};
use crate::organisation::common::SearchFor;
use crate::organisation::line;
use crate::organisation::radix::Reach;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::radix as radix_bits;
use hashwalk_spec::{Answer, Asid, Fault, Format, PageSize, PhysAddr, Request, Search, Vpn};

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkResult {
    /// The answer to the request.
    pub answer: Answer,
    /// The mapping that decided, also when its rights deny the access or it lacks a mark; `None` for every other fault.
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
    /// The chain, or the tree, goes on with what stands here; whether memory answers there is seen when it is read.
    Next(PhysAddr),
    /// The chain, or the tree, ends here; in a cuckoo table the next way may hold the page.
    Ends,
}

/// A node of a radix tree to which a walk has read the link: where a walk may begin that keeps such links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownNode {
    /// The address space of its tree.
    pub asid: Asid,
    /// Its level, 1 to 4.
    pub level: u32,
    /// A page that is reached through it.
    pub vpn: Vpn,
    /// Where it lies.
    pub node: PhysAddr,
}

impl KnownNode {
    /// Whether walks for this page in this tree come to it.
    #[must_use]
    pub fn is_on_the_way_to(&self, asid: Asid, vpn: Vpn) -> bool {
        let bits = radix_bits::index(self.level).end;
        let tree = (1 << radix_bits::index(radix_bits::LEVELS).end) - 1;
        self.asid == asid && (self.vpn.get() & tree) >> bits == (vpn.get() & tree) >> bits
    }
}

/// A walk under way.
#[derive(Clone, Debug)]
pub struct Walk {
    context: WalkContext,
    request: Request,
    /// Bit i: search i is still to be made.
    searches_left: u8,
    /// The current search; of a radix tree, for pages of all sizes at once.
    search: SearchFor,
    /// Where that stands which the current probe looks at; the element around it is what is read.
    place: PhysAddr,
    /// Probes that the current search has made.
    steps: u32,
    probes: u32,
    progress: Progress,
    /// Where the searches through the request's tree and through that of ASID 0 begin, if not at the directory.
    known: [Option<KnownNode>; 2],
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
        Walk::beginning_at(context, request, [None; 2])
    }

    /// The walk whose searches, through the tree of the request and through that of ASID 0, begin at these nodes, and not
    /// at the directory: what hardware may do that keeps links. It counts for radix trees alone.
    #[must_use]
    pub fn beginning_at(context: &WalkContext, request: Request, known: [Option<KnownNode>; 2]) -> Walk {
        let mut walk = Walk {
            context: *context,
            request,
            searches_left: context.search_enable() & Walk::searches_for(request),
            search: SearchFor { asid: request.asid, vpn: request.vpn, size: PageSize::Small, must_be_global: false },
            place: context.layout().base(),
            steps: 0,
            probes: 0,
            progress: Progress::Done(WalkResult { answer: Err(Fault::NotPresent), mapping: None, probes: 0 }),
            known,
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

    /// The probes that the current search has made.
    #[must_use]
    pub fn search_probes(&self) -> u32 {
        self.steps
    }

    /// Where that stands which the current probe looks at, or the last one did: its element, or what begins within that.
    #[must_use]
    pub fn place(&self) -> PhysAddr {
        self.place
    }

    /// The node of a radix tree that the current probe looks into, but for a root.
    #[must_use]
    pub fn known_node(&self) -> Option<KnownNode> {
        let is_below_a_root = self.context.layout().format() == Format::Radix && self.steps > 1;
        let node = PhysAddr::truncate(self.place.get() & !(FRAME_BYTES - 1));
        let known = || KnownNode {
            asid: self.search.asid,
            level: radix_bits::LEVELS + 1 - self.steps,
            vpn: self.search.vpn,
            node,
        };
        (is_below_a_root && self.probe_address().is_some()).then(known)
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
        let (context, place, steps) = (&self.context, self.place, self.steps);
        let probe = Probe { context, search: &self.search, place, steps };
        let format = context.layout().format();
        let judgement = match format {
            Format::Line => line::judge(element, &probe),
            Format::Chained => chained::judge(element, &probe),
            Format::Cuckoo => cuckoo::judge(element, &probe),
            Format::Inverted => inverted::judge(element, &probe),
            Format::Tree => tree::judge(element, &probe),
            Format::Radix => radix::judge(element, &probe),
        };
        // A radix tree has so many levels and no more.
        let is_last = format != Format::Radix && steps >= context.max_steps();
        match judgement {
            Judgement::Found(mapping) => self.end(context.answer(&mapping, &self.request), Some(mapping)),
            Judgement::Malformed => self.end(Err(Fault::Malformed), None),
            Judgement::Ends if steps < context.layout().ways() => self.probe(context.place(steps, &self.search)),
            Judgement::Ends => self.begin_search(),
            Judgement::Next(_) if is_last => self.end(Err(Fault::ChainTooLong), None),
            Judgement::Next(next) => self.probe(Some(next)),
        }
    }

    fn begin_search(&mut self) {
        if self.searches_left == 0 {
            return self.end(Err(Fault::NotPresent), None);
        }
        let first = self.searches_left.trailing_zeros();
        let Search { global, size } = Search::ALL[first as usize];
        // A radix tree is walked once, for all sizes.
        let (made, size) = match self.context.layout().format() {
            Format::Radix if global => (!OWN_SEARCHES, PageSize::Small),
            Format::Radix => (OWN_SEARCHES, PageSize::Small),
            _ => (1 << first, size),
        };
        self.searches_left &= !made;
        let asid = if global { Asid::GLOBAL } else { self.request.asid };
        self.search = SearchFor { asid, size, vpn: self.request.vpn.base(size), must_be_global: global };
        self.steps = 0;
        let mut place = self.context.place(0, &self.search);
        if let (Some(_), Some(KnownNode { level, node, .. })) = (place, self.known[usize::from(global)]) {
            self.steps = radix_bits::LEVELS + 1 - level;
            place = Some(Reach::Bits48.slot(node, level, self.search.vpn));
        }
        self.probe(place);
    }

    /// Waits for what stands at `place`; the search is for nothing if there is no such place.
    fn probe(&mut self, place: Option<PhysAddr>) {
        let Some(place) = place else { return self.begin_search() };
        self.place = place;
        self.progress = Progress::Probe(self.context.layout().format().element_of(place));
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
