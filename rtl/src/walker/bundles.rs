//! The bundles between the walker and the parts around it.

use hashwalk_hdl::{Signal, bundle, shape};
use hashwalk_spec::Config;

use super::places::Beginning;
use super::search::Search;
use crate::agreement::Agreement;
use crate::ports::{
    self, Control, Invalidate, Mapping, MemoryIn, MemoryOut, Miss, Outcome, Refill, Request, UpdateIn, UpdateOut,
};
use crate::predictor::{Guess, Guessed};

bundle! {
    /// What becomes of the answers; a bit for each walk.
    pub struct Turn {
        /// 1 bit: an offer is taken in this cycle. It does not depend on the offers.
        pub open: Signal,
        /// Whose request is answered in this cycle.
        pub answered: Signal,
        /// Whose request stands next to be answered, or is answered in this cycle.
        pub served: Signal,
        /// Whose request will be answered with another's mapping.
        pub promised: Signal,
        /// Whose offer is withdrawn: an invalidation has named its mapping.
        pub withdrawn: Signal,
        /// Whose request the second level answers in the next cycle, so that no read need be made for it.
        pub overtaken: Signal,
        /// Who may not ask software yet: the second level is still being looked up.
        pub looking: Signal,
    }

    /// How a walk has ended.
    pub struct Offer {
        /// 1 bit: there is one, and it is taken.
        pub valid: Signal,
        /// One-hot: whose it is.
        pub slot: Signal,
        /// Its request.
        pub request: Request,
        /// 3 bits: the fault that answers it, or 0.
        pub fault: Signal,
        /// 1 bit: there is a well-formed mapping.
        pub is_mapping: Signal,
        /// 1 bit: and no fault.
        pub is_granted: Signal,
        /// The mapping.
        pub mapping: Mapping,
    }

    /// Inputs.
    pub struct WalkerInputs {
        /// One-hot: the slot that the newest request takes, which has missed; all zero if it takes none.
        pub allocate: Signal,
        /// What missed.
        pub newest: Request,
        /// 1 bit: it was looked up in the cycle before.
        pub fresh: Signal,
        /// The search that it begins with.
        pub search: Search,
        /// With what the walk would begin of what is looked up in this cycle, and may miss in the next, if nothing is guessed.
        pub lookup: Beginning,
        /// What is guessed of it; only where there is a predictor.
        pub guessed: Option<Guessed>,
        /// Software's settings.
        pub control: Control,
        /// 1 bit: an invalidation takes effect in the next cycle.
        pub coming: Signal,
        /// In the cycle in which it takes effect.
        pub invalidate: Invalidate,
        /// It and each slot's request.
        pub invalidated: Vec<Agreement>,
        /// The newest request and each slot's.
        pub of_newest: Vec<Agreement>,
        /// The memory's side.
        pub memory: MemoryIn,
        /// Software's side.
        pub refill: Refill,
        /// The memory's side of marks that are set.
        pub update: Option<UpdateIn>,
        /// The side of the answers.
        pub turn: Turn,
    }

    /// A slot, as the other parts see it.
    pub struct Waiting {
        /// 1 bit: its request waits for an answer.
        pub alive: Signal,
        /// The request.
        pub request: Request,
    }

    /// Outputs.
    pub struct WalkerOutputs {
        /// 1 bit.
        pub any_vacant: Signal,
        /// A bit for each slot: it is in no use, and holds the newest request at the end of the cycle.
        pub free: Signal,
        /// One-hot: the slot that the next miss takes.
        pub vacant: Signal,
        /// 1 bit: no slot is in use.
        pub idle: Signal,
        /// Who waits.
        pub slots: Vec<Waiting>,
        /// An answer.
        pub offer: Offer,
        /// 1 bit: something is judged, or software's answer weighed, if its turn is open.
        pub has_outcome: Signal,
        /// What is worth counting.
        pub event: Event,
        /// 52 bits: the page for which a walk has found a mapping, while one of the first two events says so.
        pub found_vpn: Signal,
        /// The search that has found it.
        pub found_by: Guess,
        /// To the memory.
        pub memory: MemoryOut,
        /// To software.
        pub miss: Miss,
        /// 1 bit: software's answer is taken.
        pub refill_ready: Signal,
        /// To the memory, to set marks.
        pub update: Option<UpdateOut>,
        /// 3 bits a slot: [`Walk`].
        pub states: Signal,
    }

    /// What the walks do that is worth counting; each for one cycle, and 1 bit unless it says otherwise.
    pub struct Event {
        /// A walk has found a mapping in the first search that it has made.
        pub predicted: Signal,
        /// A walk has found a mapping in a later one.
        pub mispredicted: Signal,
        /// A walk is made again, for what it has found was invalidated.
        pub killed: Signal,
        /// 3 bits: a search begins, and the walk cache saves it so many probes; only where there is a walk cache.
        pub saved: Option<Signal>,
    }
}

/// The widths of what becomes of the answers.
#[must_use]
pub fn turn(config: &Config) -> Turn {
    let each = shape(config.walks());
    Turn {
        open: shape(1),
        answered: each.clone(),
        served: each.clone(),
        promised: each.clone(),
        withdrawn: each.clone(),
        overtaken: each.clone(),
        looking: each,
    }
}

/// The widths of an offer.
#[must_use]
pub fn offer(config: &Config) -> Offer {
    let Outcome { fault, is_mapping, mapping, .. } = ports::outcome(config);
    Offer {
        valid: shape(1),
        slot: shape(config.walks()),
        request: ports::request(),
        fault,
        is_mapping,
        is_granted: shape(1),
        mapping,
    }
}
