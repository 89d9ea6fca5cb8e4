//! The steps of the two sides, in order. A protocol is two lists and two habits.

/// A step of the CPU that changes a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiate {
    /// Take the page's bucket lock; waits until it is free.
    Lock,
    /// Read which frame the page has: the one that is withdrawn.
    Look,
    /// Write the entry.
    Write,
    /// Drop the page from the own TLB and kill the own walk; waits for the own access under way.
    InvalidateOwn,
    /// Send the request to every other CPU.
    Request,
    /// Wait until every other CPU has acknowledged.
    AwaitAcknowledgements,
    /// Free the old frame: from now on another may have it.
    Free,
    /// Give the lock back.
    Unlock,
}

/// A step of the CPU that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// Drop the page from the TLB; waits for the access under way.
    Invalidate,
    /// Tell the initiator.
    Acknowledge,
}

/// What a CPU does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// What this protocol leaves out or does in another order, in words.
    pub name: &'static str,
    /// The initiator's steps.
    pub initiate: &'static [Initiate],
    /// The handler's steps.
    pub handle: &'static [Handle],
    /// An invalidation kills the walk in flight.
    pub kills_walk: bool,
    /// An invalidation waits for the access under way.
    pub awaits_access: bool,
    /// A step of an initiator during which it answers no request.
    pub deaf: Option<Initiate>,
}

use Handle::{Acknowledge, Invalidate};
use Initiate::{AwaitAcknowledgements, Free, InvalidateOwn, Lock, Look, Request, Unlock, Write};

impl Protocol {
    /// The protocol that Hashwalk's contract asks for.
    pub const SOUND: Protocol = Protocol {
        name: "sound",
        initiate: &[Lock, Look, Write, InvalidateOwn, Request, AwaitAcknowledgements, Free, Unlock],
        handle: &[Invalidate, Acknowledge],
        kills_walk: true,
        awaits_access: true,
        deaf: None,
    };

    /// The frame is freed as soon as the requests are sent.
    pub const NO_WAITING: Protocol = Protocol {
        name: "no waiting for acknowledgements",
        initiate: &[Lock, Look, Write, InvalidateOwn, Request, Free, Unlock],
        ..Protocol::SOUND
    };

    /// The frame is freed before the acknowledgements are in, though they are awaited.
    pub const FREE_EARLY: Protocol = Protocol {
        name: "the frame freed before the acknowledgements",
        initiate: &[Lock, Look, Write, InvalidateOwn, Request, Free, AwaitAcknowledgements, Unlock],
        ..Protocol::SOUND
    };

    /// The TLBs are invalidated first and the entry is written then.
    pub const INVALIDATE_FIRST: Protocol = Protocol {
        name: "invalidated before the entry is written",
        initiate: &[Lock, Look, InvalidateOwn, Request, AwaitAcknowledgements, Write, Free, Unlock],
        ..Protocol::SOUND
    };

    /// The initiator forgets its own TLB.
    pub const OWN_TLB_KEPT: Protocol = Protocol {
        name: "the own TLB not invalidated",
        initiate: &[Lock, Look, Write, Request, AwaitAcknowledgements, Free, Unlock],
        ..Protocol::SOUND
    };

    /// The page is looked at and written without its lock.
    pub const NO_LOCK: Protocol = Protocol {
        name: "no lock",
        initiate: &[Look, Write, InvalidateOwn, Request, AwaitAcknowledgements, Free],
        ..Protocol::SOUND
    };

    /// The other CPUs are not asked at all.
    pub const NO_REQUEST: Protocol =
        Protocol { name: "no request", initiate: &[Lock, Look, Write, InvalidateOwn, Free, Unlock], ..Protocol::SOUND };

    /// The handler answers first and invalidates then.
    pub const ACKNOWLEDGE_FIRST: Protocol = Protocol {
        name: "acknowledged before the TLB is invalidated",
        handle: &[Acknowledge, Invalidate],
        ..Protocol::SOUND
    };

    /// A walk that has read the old entry may refill after the invalidation.
    pub const WALK_SURVIVES: Protocol =
        Protocol { name: "the walk in flight not killed", kills_walk: false, ..Protocol::SOUND };

    /// An access that was translated before may reach memory after the acknowledgement.
    pub const ACCESS_SURVIVES: Protocol =
        Protocol { name: "the access under way not awaited", awaits_access: false, ..Protocol::SOUND };

    /// Whoever waits for a lock answers no request.
    pub const DEAF_AT_LOCK: Protocol =
        Protocol { name: "requests not answered while waiting for the lock", deaf: Some(Lock), ..Protocol::SOUND };

    /// Whoever waits for acknowledgements gives none.
    pub const DEAF_AT_WAITING: Protocol = Protocol {
        name: "requests not answered while waiting for acknowledgements",
        deaf: Some(AwaitAcknowledgements),
        ..Protocol::SOUND
    };
}
