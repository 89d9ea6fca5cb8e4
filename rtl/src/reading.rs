//! The second cycle of a lookup, where the configuration gives a hit two.
//!
//! ```text
//! hit_cycles   cycle 0                1                        2
//! 1            accepted, compared     slot read; hit answered
//!                                     or miss: the newest
//! 2            accepted, compared     slot read                hit answered or miss: the newest
//! ```
//!
//! So the choice of the slot that matched, and that any matched, end in registers, and what a hit or a miss leads to
//! begins with them. One lookup is accepted in each cycle all the same.
//!
//! **Backpressure.** A request waits here while the newest one has missed and no walk is free for it. What it was
//! compared with may be dropped, overwritten or refilled meanwhile, which the first level keeps account of
//! ([`crate::tlb`]); so it is looked at in turns with that:
//!
//! ```text
//! cycle         t                     t + 1                      t + 2
//! newest        no walk is free       takes a walk
//! this one      read, but waits       what it hits is corrected  read, goes on
//! lookup_ready  0                     0                          1
//! ```
//!
//! Reset: there is none.

use hashwalk_hdl::{Signal, bundle, low, when};
use hashwalk_spec::Config;

use crate::ports::{self, Lookup, Request, zeros};
use crate::predictor::Guessed;
use crate::tlb::{AccessKind, Found, TlbOutputs, Waiting};

bundle! {
    /// The registers.
    pub struct Reading {
        /// 1 bit: a request is here.
        pub valid: Signal,
        /// 1 bit: what it hits is corrected in this cycle.
        pub again: Signal,
        /// The request.
        pub request: Request,
        /// What was guessed of it as it was accepted; only where there is a predictor.
        pub guessed: Option<Guessed>,
        /// What the one before it has come to, which is the newest.
        pub hits: Hits,
    }

    /// What a lookup has come to.
    pub struct Hits {
        /// 1 bit: it hits.
        pub hit: Signal,
        /// 1 bit: it misses.
        pub miss: Signal,
        /// The slot that matched; 0 if none did.
        pub found: Found,
        /// 1 bit: its rights deny the access.
        pub denied: Signal,
    }
}

impl Hits {
    /// What the first level says of a lookup, if it is one.
    #[must_use]
    pub fn now(looked_up: &Signal, tlb: &TlbOutputs) -> Hits {
        Hits {
            hit: (looked_up & &tlb.hit).named("hit"),
            miss: (looked_up & !&tlb.hit).named("miss"),
            found: tlb.found.clone(),
            denied: tlb.denied.clone(),
        }
    }
}

impl Reading {
    /// The registers after reset; `None` where a hit takes one cycle.
    #[must_use]
    pub fn nothing(config: &Config) -> Option<Reading> {
        let hits = Hits { hit: low(), miss: low(), found: zeros(&Found::widths()), denied: low() };
        config.has_two_hit_cycles().then(|| Reading {
            valid: low(),
            again: low(),
            request: zeros(&ports::request()),
            guessed: (config.predictor_entries() > 0).then(|| zeros(&Guessed::shape())),
            hits,
        })
    }

    /// Whether the slot that matched the request is read in this cycle.
    #[must_use]
    pub fn is_read(&self) -> Signal {
        &self.valid & !&self.again
    }

    /// Whether the request goes on; `moves_on`: the newest makes room.
    #[must_use]
    pub fn passes(&self, moves_on: &Signal) -> Signal {
        (self.is_read() & moves_on).named("passes")
    }

    /// Whether a lookup is accepted.
    #[must_use]
    pub fn ready(&self, moves_on: &Signal) -> Signal {
        !&self.valid | self.passes(moves_on)
    }

    /// The request as the first level is told of it: whether it waits for the next cycle.
    #[must_use]
    pub fn waiting(&self, moves_on: &Signal) -> Waiting {
        let Request { vpn, asid, access, user, .. } = self.request.clone();
        Waiting { valid: &self.valid & !self.passes(moves_on), vpn, asid, kind: AccessKind { access, user } }
    }

    /// The registers in the next cycle.
    #[must_use]
    pub fn next(
        self,
        accept: &Signal,
        lookup: &Lookup,
        moves_on: &Signal,
        tlb: &TlbOutputs,
        guessed: Option<Guessed>,
    ) -> Reading {
        let passes = self.passes(moves_on);
        let ready = self.ready(moves_on);
        Reading {
            valid: accept | (&self.valid & !&passes),
            again: self.is_read() & !moves_on,
            request: when(accept, lookup.request()).otherwise(self.request),
            guessed: guessed.zip(self.guessed).map(|(new, kept)| when(&ready, new).otherwise(kept)),
            hits: Hits::now(&passes, tlb),
        }
    }
}
