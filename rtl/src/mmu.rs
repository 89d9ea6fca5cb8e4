//! The top of the hardware: one lookup a cycle, two levels of TLB, several walks at a time, and the order of invalidation.
//!
//! Ports: docs/spec.md, section 9. Cycles: docs/timing.md.
//!
//! ```text
//! cycle     0            1                        2                   ...
//! lookup    accepted     hit:  answer_valid
//!           compare      miss: it takes a walk    request to memory   ──► late_valid
//!                        the next lookup          its answer
//!
//! cycle     0            1                        2                   3
//! invalidate accepted    takes effect:            last answer of a    invalidate_done
//!                        slots drop, walks        lookup accepted in 1
//!                        remember it
//! ```
//!
//! With two hit cycles a lookup takes one more before all this ([`crate::reading`]), and so does `invalidate_done`; the
//! stages behind a miss are more, too (docs/timing.md). The next invalidation is accepted a cycle later, so that what
//! waits has a cycle in which none takes effect and none has just done so.
//!
//! Backpressure: a request that misses while all walks are in use waits where it is (`waiting`), and `lookup_ready` is low
//! meanwhile; until then hits are answered under any number of walks. `invalidate_ready` is low in the cycle after an
//! acceptance, so that a waiting answer is held up for one cycle at most. Both come from registers alone.
//!
//! What meets in one cycle: an invalidation that takes effect beats what would be judged, found or answered late, which
//! waits a cycle and is given up if it is named; a lookup accepted in that cycle may still hit what is dropped at its end,
//! and is answered before `invalidate_done`; a lookup accepted later cannot. A lookup in the cycle of a refill hits what is
//! refilled. The request that waits is answered in its place if another walk brings its page.
//!
//! Reset: nothing is pending, every slot of the TLB is unused.

use hashwalk_hdl::{Component, Module, Signal, any_of, bundle, concat, lit, low, when};
use hashwalk_spec::Config;
use hashwalk_spec::transaction::ID_BITS;

use crate::agreement::{Agreements, AgreementsInputs, Place};
use crate::delivery::{Delivery, DeliveryInputs};
use crate::l2::{Ahead, L2, L2Inputs};
use crate::page;
use crate::ports::{
    self, Answer, Control, Invalidate, LateAnswer, Lookup, Mapping, MemoryIn, MemoryOut, Miss, Refill, Request,
    UpdateIn, UpdateOut, zeros,
};
use crate::predictor::{Guessed, Predictor, PredictorInputs};
use crate::radix::STEP_BITS;
use crate::reading::{Hits, Reading};
use crate::tlb::{AccessKind, Found, Target, Tlb, TlbInputs};
use crate::walker::places::Beginning;
use crate::walker::search::Search;
use crate::walker::{self, Event, Turn, Walker, WalkerInputs};

bundle! {
    /// All input ports.
    pub struct MmuInputs {
        /// Software's settings.
        pub control: Control,
        /// A request.
        pub lookup: Lookup,
        /// An invalidation.
        pub invalidate: Invalidate,
        /// From memory.
        pub memory: MemoryIn,
        /// From software.
        pub refill: Refill,
        /// From memory, of the marks that are set there.
        pub update: Option<UpdateIn>,
    }

    /// All output ports.
    pub struct MmuOutputs {
        /// 1 bit.
        pub lookup_ready: Signal,
        /// To a request that has hit the first level.
        pub answer: Answer,
        /// To one that has missed it.
        pub late: LateAnswer,
        /// 1 bit.
        pub invalidate_ready: Signal,
        /// 1 bit.
        pub invalidate_done: Signal,
        /// To memory.
        pub memory: MemoryOut,
        /// To software.
        pub miss: Miss,
        /// 1 bit.
        pub refill_ready: Signal,
        /// To memory: marks to be set.
        pub update: Option<UpdateOut>,
        /// 1 bit.
        pub idle: Signal,
        /// The walks, for people.
        pub walk: WalksOut,
        /// For counters.
        pub event: Event,
    }

    /// What the walks are doing, the first in the lowest bits.
    pub struct WalksOut {
        /// 3 bits a walk: [`crate::walker::slot::Walk`].
        pub state: Signal,
        /// 4 bits a walk: the request that it is made for.
        pub id: Signal,
    }

    /// Registers.
    pub struct MmuState {
        /// What lies between acceptance and `request`; only with two hit cycles.
        pub reading: Option<Reading>,
        /// 1 bit: `request` was being looked up in the cycle before.
        pub fresh: Signal,
        /// 1 bit: `request` has missed, and no walk was free for it yet.
        pub waiting: Signal,
        /// The newest request.
        pub request: Request,
        /// The search that its walk would begin with.
        pub search: Search,
        /// 1 bit: the next outcome that is taken is a walk's, for the second level has had its turn.
        pub walk_first: Option<Signal>,
        /// What the walks did in the cycle before that is worth counting.
        pub event: Event,
        /// The invalidation that takes effect in this cycle.
        pub invalidate: Invalidate,
        /// 1 bit each: one took effect in the cycle before, in that before it, and so on; the last is done. The second level
        /// counts for itself.
        pub invalidated: Vec<Signal>,
    }
}

/// The MMU of a configuration.
pub struct Mmu {
    config: Config,
}

impl Mmu {
    /// The MMU for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Mmu {
        Mmu { config: config.clone() }
    }
}

impl Component for Mmu {
    type Inputs = MmuInputs;
    type Outputs = MmuOutputs;
    type State = MmuState;

    fn name(&self) -> String {
        "hashwalk_mmu".into()
    }

    fn doc(&self) -> String {
        let c = self.config.settings();
        format!(
            "Hashwalk MMU, configuration `{}`: {} TLB slots, {} walks, {}-bit memory port, {} hash, {} probes a search.",
            c.name, c.tlb_entries, c.walks, c.bus_bits, c.hash, c.max_steps
        )
    }

    fn inputs(&self) -> MmuInputs {
        MmuInputs {
            control: ports::control(&self.config),
            lookup: ports::lookup(),
            invalidate: ports::invalidate(),
            memory: ports::memory_in(&self.config),
            refill: ports::refill(&self.config),
            update: ports::update_in(&self.config),
        }
    }

    fn reset(&self) -> MmuState {
        MmuState {
            reading: Reading::nothing(&self.config),
            fresh: low(),
            waiting: low(),
            request: zeros(&ports::request()),
            search: Search::none(),
            walk_first: (self.config.l2_sets() > 0).then(low),
            event: Event {
                predicted: low(),
                mispredicted: low(),
                killed: low(),
                saved: (self.config.walk_cache_entries() > 0).then(|| lit(STEP_BITS, 0u32)),
            },
            invalidate: zeros(&ports::invalidate()),
            invalidated: match self.config.l2_sets() {
                0 => vec![low(); 1 + self.config.hit_cycles() as usize],
                _ => Vec::new(),
            },
        }
    }

    fn kernel(&self, m: &mut Module, i: MmuInputs, s: MmuState) -> (MmuOutputs, MmuState) {
        let walks = self.config.walks();
        let first_level = Tlb::new(&self.config);
        let tlb = m.instance("tlb", &first_level);
        let walker = m.instance("walker", &Walker::new(&self.config));
        let delivery = m.instance("delivery", &Delivery::new(&self.config));
        let l2 = L2::new(&self.config).map(|l2| m.instance("l2", &l2));
        let agreements = m.instance("agreements", &Agreements::new(&self.config));
        let agreed = &agreements.outputs;
        let predictor = Predictor::new(&self.config).map(|predictor| m.instance("predictor", &predictor));
        let (walk, late) = (&walker.outputs, &delivery.outputs);
        let none = lit(walks, 0u32);

        let Hits { hit, miss, found, denied } = match &s.reading {
            None => Hits::now(&s.fresh, &tlb.outputs),
            Some(reading) => reading.hits.clone(),
        };
        let pending = (&miss | &s.waiting).named("pending");
        let answered_newest = late.answered.bit(walks);
        // Where it would go is known before it is known that it is a miss.
        let room = walk.vacant.gate(&!&answered_newest).named("room");
        let allocate = room.gate(&pending).named("allocate");
        // The newest request makes room for the next one.
        let moves_on = (!&pending | &walk.any_vacant).named("moves_on");
        let lookup_ready = s.reading.as_ref().map_or_else(|| moves_on.clone(), |reading| reading.ready(&moves_on));
        let accept = (&i.lookup.valid & &lookup_ready).named("accept");
        let (passes, looked_up) = match &s.reading {
            None => (accept.clone(), i.lookup.request()),
            Some(reading) => (reading.passes(&moves_on), reading.request.clone()),
        };
        // Whatever is at the port takes the place of a request that has gone on: that it is none is known later. Of one
        // walk alone the miss port shows what its slot holds.
        let takes = if walks > 1 { moves_on.clone() } else { passes.clone() };
        let sweeping = l2.as_ref().map_or_else(low, |l2| l2.outputs.sweeping.clone());
        // What one has named is given up in the cycle after it, so that it takes two in a row to answer anything.
        let recent = s.reading.as_ref().and(s.invalidated.first()).cloned().unwrap_or_else(low);
        let invalidate_ready = !any_of([s.invalidate.valid.clone(), recent, sweeping]);
        let accept_invalidate = (&i.invalidate.valid & &invalidate_ready).named("accept_invalidate");
        let accepted = Invalidate { valid: accept_invalidate.clone(), ..i.invalidate };

        let enabled = &i.control.search_enable;
        let unguessed = Search::of_walk(self.config.format(), enabled, &looked_up.vpn, &looked_up.asid);
        let of_lookup = predictor.as_ref().map(|predictor| predictor.outputs.clone());
        let guessed = match &s.reading {
            None => of_lookup.clone(),
            // What is guessed counts while the enabled searches do not change.
            Some(reading) => reading
                .guessed
                .clone()
                .zip(of_lookup.as_ref())
                .map(|(guessed, now)| Guessed { counts: guessed.counts & &now.counts, guess: guessed.guess }),
        };
        let guessed = guessed.map(|guessed| guessed.under(&looked_up.asid));
        let first_search = guessed
            .as_ref()
            .map_or_else(|| unguessed.clone(), |guessed| Search::of_guess(enabled, &looked_up.asid, guessed));
        tlb.connect(TlbInputs {
            lookup_vpn: i.lookup.vpn.clone(),
            lookup_asid: i.lookup.asid.clone(),
            lookup: AccessKind { access: i.lookup.access.clone(), user: i.lookup.user.clone() },
            waiting: s.reading.as_ref().map(|reading| reading.waiting(&moves_on)),
            touch: s.reading.as_ref().map_or_else(|| s.fresh.clone(), Reading::is_read),
            next: (first_level.is_large())
                .then(|| when(&accept_invalidate, Target::of_invalidation(&accepted)).otherwise(late.next.clone())),
            refill_valid: late.refill_valid.clone(),
            refill: late.refill.clone(),
            invalidate: s.invalidate.clone(),
        });
        agreements.connect(AgreementsInputs {
            lookup: Place::of(&i.lookup.request()),
            accept: if s.reading.is_some() { accept.clone() } else { takes.clone() },
            reading: s.reading.as_ref().map(|reading| Place::of(&reading.request)),
            passes: s.reading.as_ref().map(|_| passes.clone()),
            newest: Place::of(&s.request),
            slot: walk.slots.iter().map(|slot| Place::of(&slot.request)).collect(),
            free: walk.free.clone(),
            invalidate: Place { vpn: accepted.vpn.clone(), asid: accepted.asid.clone() },
        });
        // The second level comes first where it may have something, unless a walk has had to wait for it before.
        let walk_first = s.walk_first.clone().unwrap_or_else(low);
        let l2_compares = l2.as_ref().map_or_else(low, |l2| l2.outputs.compares.clone());
        let l2_turn = (&l2_compares & !&walk_first).named("l2_turn");
        let from_l2 = l2.as_ref().map_or_else(|| zeros(&walker::offer(&self.config)), |l2| l2.outputs.offer.clone());
        walker.connect(WalkerInputs {
            allocate: allocate.clone(),
            newest: s.request.clone(),
            fresh: s.fresh.clone(),
            search: s.search.clone(),
            lookup: Beginning::of(&unguessed, &looked_up.vpn, &looked_up.asid),
            guessed,
            control: i.control.clone(),
            coming: accept_invalidate.clone(),
            invalidate: s.invalidate.clone(),
            invalidated: agreed.invalidated[..walks as usize].to_vec(),
            of_newest: if walks > 1 { agreed.of_newest.clone() } else { Vec::new() },
            memory: i.memory,
            refill: i.refill,
            update: i.update,
            turn: Turn {
                open: &late.can_take & !&l2_turn,
                answered: late.answered.bits(0..walks),
                served: late.served.bits(0..walks),
                promised: late.promised.clone(),
                withdrawn: late.withdrawn.clone(),
                overtaken: l2.as_ref().map_or_else(|| none.clone(), |l2| l2.outputs.overtaken.clone()),
                looking: l2.as_ref().map_or_else(|| none.clone(), |l2| l2.outputs.looking.clone()),
            },
        });
        delivery.connect(DeliveryInputs {
            offer: walk.offer.clone(),
            from_l2,
            l2_is_global: l2.as_ref().map_or_else(low, |l2| l2.outputs.is_global.clone()),
            l2_turn: l2_turn.clone(),
            may_keep: l2.as_ref().map_or(none, |l2| l2.outputs.missed.clone()),
            slots: walk.slots.clone(),
            waiting: s.waiting.clone(),
            fresh: s.fresh.clone(),
            newest: s.request.clone(),
            is_read: s.reading.as_ref().map(Reading::is_read),
            passes: s.reading.as_ref().map(|_| passes.clone()),
            agreed: agreed.clone(),
            free: walk.free.clone(),
            moves: &s.waiting & &walk.any_vacant & !&answered_newest,
            vacant: walk.vacant.clone(),
            coming: accept_invalidate.clone(),
            invalidate: s.invalidate.clone(),
        });
        if let Some(l2) = &l2 {
            l2.connect(L2Inputs {
                lookup: looked_up.clone(),
                looks_up: s.reading.as_ref().map_or_else(|| i.lookup.valid.clone(), |reading| reading.valid.clone()),
                ahead: s.reading.as_ref().map(|_| Ahead {
                    vpn: i.lookup.vpn.clone(),
                    accept: accept.clone(),
                    takes: takes.clone(),
                }),
                pending: pending.clone(),
                room: room.clone(),
                newest: s.request.clone(),
                fresh: s.fresh.clone(),
                slots: walk.slots.clone(),
                served: late.served.bits(0..walks),
                can_take: &late.can_take & !&walk_first,
                fill_valid: late.fill_valid.clone(),
                fill: Mapping { dirty: None, ..late.refill.clone() },
                invalidate: s.invalidate.clone(),
            });
        } else {
            m.ignore(late.fill_valid.clone());
            m.ignore(walk.has_outcome.clone());
        }
        m.ignore(late.served.bit(walks));
        let Target { vpn, asid, size } = late.next.clone();
        [vpn, asid, size].into_iter().for_each(|part| m.ignore(part));
        match &predictor {
            None => {
                m.ignore(walk.found_vpn.clone());
                m.ignore(walk.found_by.global.clone());
                m.ignore(walk.found_by.size.clone());
            }
            Some(predictor) => predictor.connect(PredictorInputs {
                lookup_vpn: i.lookup.vpn.clone(),
                enabled: enabled.clone(),
                learn: &walk.event.predicted | &walk.event.mispredicted,
                found_vpn: walk.found_vpn.clone(),
                found: walk.found_by.clone(),
            }),
        }

        let being_read = s.reading.as_ref().map_or_else(low, |reading| reading.valid.clone());
        let outputs = MmuOutputs {
            lookup_ready,
            answer: answer(&s.request, &s.fresh, &hit, &found, &denied),
            late: late.late.clone(),
            invalidate_ready,
            invalidate_done: match &l2 {
                Some(l2) => l2.outputs.swept.clone(),
                None => s.invalidated.last().expect("without a second level the top counts").clone(),
            },
            memory: walk.memory.clone(),
            miss: walk.miss.clone(),
            refill_ready: walk.refill_ready.clone(),
            update: walk.update.clone(),
            idle: !(&s.fresh | &s.waiting | being_read) & &walk.idle,
            event: s.event,
            walk: WalksOut {
                state: walk.states.clone(),
                id: concat(walk.slots.iter().rev().map(|slot| &slot.request.id)),
            },
        };
        debug_assert_eq!(outputs.walk.id.width(), ID_BITS * walks);
        let next = MmuState {
            reading: s.reading.map(|reading| reading.next(&accept, &i.lookup, &moves_on, &tlb.outputs, of_lookup)),
            fresh: passes.clone(),
            waiting: &pending & !(&walk.any_vacant | &answered_newest),
            request: Request {
                id: when(&passes, looked_up.id.clone()).otherwise(s.request.id.clone()),
                ..when(&takes, looked_up).otherwise(s.request)
            },
            search: when(&takes, first_search).otherwise(s.search),
            walk_first: s.walk_first.map(|first| when(&late.can_take, &l2_turn & &walk.has_outcome).otherwise(first)),
            event: walk.event.clone(),
            invalidate: accepted,
            invalidated: [s.invalidate.valid].iter().chain(&s.invalidated).take(s.invalidated.len()).cloned().collect(),
        };
        (outputs, next)
    }
}

/// The answer of a hit; all zero but for `valid` and `id` where there is a fault. Where nothing was looked up, what is
/// found may be unknown, and the answer is none.
fn answer(request: &Request, fresh: &Signal, hit: &Signal, found: &Found, denied: &Signal) -> Answer {
    let fault = page::denial(&(fresh & denied));
    let pfn = page::frame(&found.pfn, &found.size, &request.vpn).gate(&(fresh & !denied));
    Answer { valid: hit.clone(), id: request.id.clone(), pfn, fault }
}
