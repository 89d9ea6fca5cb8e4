//! The golden walk: the search of a page in the bytes of the table.
//!
//! ```text
//!          ┌────────────── next enabled search ◄──────────────┐
//!          ▼                                                  │ chain ends, no match
//!  Walk::new ──► Probe(address) ──► step(32 bytes) ───────────┤
//!          ▲                                                  │ chain goes on
//!          └──────────────────────────────────────────────────┘
//!                                        │ match, a broken link, too many probes, a bus error,
//!                                        ▼ or no search left
//!                                   Done(WalkResult)
//! ```
//!
//! The walk asks for one entry at a time and may wait for it as long as it takes, so the software-refill handler makes
//! the same walk with its own loads. [`walk`] makes it at once. It costs a hash for each search and one read for each
//! probe. Source: docs/spec.md, section 4.

mod context;

pub use context::WalkContext;

use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::{BusError, PhysicalMemory};
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Answer, Asid, Fault, PhysAddr, Request, Search, Vpn};

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkResult {
    /// The answer to the request.
    pub answer: Answer,
    /// The mapping that decided, also when its rights deny the access; `None` for every other fault.
    pub mapping: Option<Mapping>,
    /// The entries that were read, over all searches.
    pub probes: u32,
}

/// What a walk waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The entry at this address.
    Probe(PhysAddr),
    /// Nothing more.
    Done(WalkResult),
}

/// A walk under way.
#[derive(Clone, Debug)]
pub struct Walk {
    context: WalkContext,
    request: Request,
    /// Bit i: search i is still to be made.
    searches_left: u8,
    search: Search,
    /// Whom and what the current search looks for.
    asid: Asid,
    vpn: Vpn,
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
        let search_mask = if request.asid == Asid::GLOBAL { OWN_SEARCHES } else { Search::ENABLE_ALL };
        let mut walk = Walk {
            context: *context,
            request,
            searches_left: context.search_enable() & search_mask,
            search: Search::ALL[0],
            asid: request.asid,
            vpn: request.vpn,
            steps: 0,
            probes: 0,
            progress: Progress::Done(WalkResult { answer: Err(Fault::NotPresent), mapping: None, probes: 0 }),
        };
        walk.begin_search();
        walk
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

    /// The address of the entry that the walk waits for; `None` once it is done.
    #[must_use]
    pub fn probe_address(&self) -> Option<PhysAddr> {
        match self.progress {
            Progress::Probe(address) => Some(address),
            Progress::Done(_) => None,
        }
    }

    /// Goes on with the entry that was read at [`Walk::probe_address`], or with the error of that read. A walk that is
    /// done stays as it is.
    #[inline]
    pub fn step(&mut self, read: Result<[u8; ENTRY_BYTES as usize], BusError>) -> Progress {
        if let Progress::Probe(_) = self.progress {
            self.probes += 1;
            self.steps += 1;
            match read {
                Ok(bytes) => self.decide(&Entry::from_bytes(&bytes)),
                Err(_) => self.end(Err(Fault::BusError), None),
            }
        }
        self.progress
    }

    fn decide(&mut self, entry: &Entry) {
        if entry.matches(self.asid, self.vpn, self.search.size, self.search.global) {
            return match entry.mapping() {
                Some(mapping) => self.end(mapping.translate(&self.request), Some(mapping)),
                None => self.end(Err(Fault::Malformed), None),
            };
        }
        match entry.link() {
            None => self.begin_search(),
            Some(next) if entry.breaks_link_zeros() || next > self.context.layout().mask() => {
                self.end(Err(Fault::Malformed), None);
            }
            Some(_) if self.steps >= self.context.max_steps() => self.end(Err(Fault::ChainTooLong), None),
            Some(next) => self.probe(next),
        }
    }

    fn begin_search(&mut self) {
        if self.searches_left == 0 {
            return self.end(Err(Fault::NotPresent), None);
        }
        self.search = Search::ALL[self.searches_left.trailing_zeros() as usize];
        self.searches_left &= self.searches_left - 1;
        self.asid = if self.search.global { Asid::GLOBAL } else { self.request.asid };
        self.vpn = self.request.vpn.base(self.search.size);
        self.steps = 0;
        self.probe(self.context.home(self.asid, self.vpn));
    }

    fn probe(&mut self, index: u32) {
        self.progress = Progress::Probe(self.context.layout().entry_address(index));
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
            Progress::Probe(address) => walk.step(memory.read_entry(address)),
            Progress::Done(result) => return result,
        };
    }
}
