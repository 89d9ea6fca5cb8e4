//! The shootdown: how every CPU's TLB forgets a mapping before its frame is used again.
//!
//! ```text
//!  initiator           entry        CPU 1                       CPU 2
//!     │ lock the bucket  │ old        │ TLB: old                  │ walk in flight, has read old
//!     │ look ───────────►│            │                           │
//!     │ write ──────────►│ new        │ may use old               │ may refill old
//!     │ invalidate own   │            │                           │
//!     │ request ─────────┼───────────►│                           │
//!     │ request ─────────┼────────────┼──────────────────────────►│
//!     │                  │            │ finish accesses           │ finish accesses
//!     │                  │            │ invalidate TLB            │ invalidate TLB, kill the walk
//!     │◄─ acknowledge ───┼────────────│                           │
//!     │◄─ acknowledge ───┼────────────┼───────────────────────────│
//!     │ free the frame   │            │ walks find new            │ walks find new
//!     │ unlock           │            │                           │
//! ```
//!
//! This is the protocol as a transition system, small enough that every state can be visited: pages of one entry each,
//! 2 to 3 CPUs that each have a TLB, a walk in flight and an access under way, and one or two initiators. At any time a
//! CPU may walk, refill, evict and translate; a walk reads the entry at one moment and refills at any later one. The
//! steps of the initiator and of the handler are lists, [`Protocol`], so that a protocol with a step left out or moved
//! is another list and not another model.
//!
//! **Safety** ([`State::uses_withdrawn`], [`State::uses_freed`], [`State::frees_twice`]): when the last acknowledgement
//! is in, no access goes through the old mapping, nor does one begin; no freed frame is accessed; no frame is freed
//! twice, which is what two copies of one page at once come to if the look is not under the lock.
//!
//! **Liveness** ([`State::is_stuck`]): every shootdown ends. Each step of the protocol raises [`State::progress`],
//! which is bounded, so a run could only fail to end by having no step to make; it is shown that in every state in
//! which not all has ended, a step can be made or an access can finish. No new access starts on a CPU that is about to
//! invalidate, so a step that waits for an access waits once. The only fairness asked is that a CPU whose step stays
//! possible takes it. Two initiators wait for each other's acknowledgements, or for each other's lock; so a CPU that
//! waits for either must go on answering requests ([`Protocol::deaf`]).
//!
//! Sources: the seed on hashed page tables, steps 2 and 4 to 6 of copy-on-write; docs/spec.md, section 7 (a walk in
//! flight that could answer from a dropped mapping is made again); D. L. Black et al., "Translation lookaside buffer
//! consistency: a software approach", ASPLOS 1989, whose CPUs stop and wait: here they need not, since no TLB writes
//! entries back.
//!
//! Visited whole in `tests/shootdown.rs`: one page with 2 and 3 CPUs and up to as many initiators, and two pages with 2
//! CPUs. Not modelled: accessed and dirty bits that a TLB writes into the table; requests that are lost; ASIDs, since a
//! page here stands for one (ASID, VPN) and nothing else can hit it.

mod protocol;
mod state;

pub use protocol::{Handle, Initiate, Protocol};
pub use state::{Cpu, Initiator, State};

/// A page, as its number in the model.
pub type Page = usize;
/// A frame: 0 is what a page has at first, `i + 1` what initiator `i` gives it. Frames of two pages are never the same.
pub type Frame = u8;

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A CPU's walker reads the page's entry.
    Walk(usize, Page),
    /// The walk ends and refills the TLB.
    Refill(usize),
    /// The TLB drops the page for its own reasons.
    Evict(usize, Page),
    /// An access begins: it has been translated by the TLB.
    Access(usize, Page),
    /// The access has reached memory.
    Finish(usize),
    /// An initiator takes its next step.
    Initiate(usize),
    /// A CPU begins to handle this initiator's request.
    TakeRequest(usize, usize),
    /// A CPU takes the next step of handling.
    Handle(usize),
}

impl Action {
    /// Whether the protocol takes a step, and not a CPU's memory system.
    #[must_use]
    pub fn is_step(&self) -> bool {
        matches!(self, Action::Initiate(_) | Action::TakeRequest(..) | Action::Handle(_))
    }
}
