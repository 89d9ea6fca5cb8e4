//! The answers of requests that have missed: one outcome at a time, for all requests that it answers.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `offer_*` | in | a walk or software has an outcome; `valid` only while it is taken |
//! | `from_l2_*`, `l2_is_global` | in | so has the second level; never together with an offer |
//! | `slots_*` | in | who waits: the walks' requests |
//! | `newest_*`, `waiting` | in | one more, which has no slot yet |
//! | `moves`, `vacant` | in | that one moves to this slot at the end of the cycle |
//! | `fresh` | in | `newest` was looked up in the cycle before, and may have missed |
//! | `is_read` | in | another one may be the newest of the next cycle; only with two hit cycles |
//! | `agreed_*` | in | how the pages of these requests agree, and with what is invalidated |
//! | `coming` | in | an invalidation takes effect in the next cycle |
//! | `invalidate_*` | in | one takes effect in this cycle |
//! | `late_*` | out | the answer, docs/spec.md, section 9 |
//! | `refill_*`, `fill_valid` | out | the first level takes the mapping, and the second level unless an invalidation takes effect |
//! | `can_take` | out | an outcome would be taken in this cycle |
//! | `answered`, `served`, `promised`, `withdrawn` | out | a bit for each slot, and one more for the newest |
//!
//! ```text
//! cycle        d                     d + 1                  d + 2                   d + 3
//! register     outcome for A         for B                  free: takes the next    another outcome
//! late         A                     B (source: shared)                             its request
//! others       B is covered: next    nobody is left
//! refill       here, or with the first that is allowed the access
//! ```
//!
//! The cycle of the first answer looks for who else is covered by the mapping, so that nobody who waits is forgotten: a
//! lookup that comes in the cycle of the refill finds the mapping in the first level, and for one that came in the
//! cycle before and takes its slot now, the outcome is kept for one more cycle (`late`), or for two where a lookup
//! takes two (`later`). Who comes later has no part in it, so that nobody keeps the others' outcomes waiting by asking
//! for one page again and again. An outcome is taken only into a register that is free at the beginning of the cycle,
//! so that finding out who is covered delays nobody. Who asks for the page of the request that is served is known from
//! before ([`crate::agreement`]).
//!
//! With two hit cycles each step of this has a cycle of its own:
//!
//! ```text
//! cycle        d                   d + 1    d + 2             d + 3         d + 4
//! register     outcome for A                for B             B             free
//! others       whose page it is    B next   B's is fetched
//! late                             A                          B
//! refill                           here                       or here
//! ```
//!
//! Whether the newest lies in the mapping is known in the cycle of the answer too (`newest_lies_in`).
//!
//! The second level takes a mapping with its first answer or never: then nobody who has looked for it there in vain can
//! bring it once more.
//!
//! **Invalidation.** In the cycle in which one takes effect nothing is answered. If it names the mapping, the outcome
//! is given up, and the walk that it came from is made again; whoever else was to have it goes on by itself. So is an
//! outcome that is kept for one who has just been looked up: it walks for itself. With two hit cycles whom it names is
//! known in the cycle after (`given_up`), in which nothing is answered either.
//!
//! Reset: there is no outcome.

use hashwalk_hdl::{
    Component, Module, Signal, all_of, any_of, bundle, concat, first_one, high, lit, low, mask, one_hot_mux,
    one_hot_of, shape, when,
};
use hashwalk_spec::{Config, LateSource};

use crate::agreement::{self, Agreement, AgreementsOutputs, pair};
use crate::page;
use crate::ports::{self, Invalidate, LateAnswer, Mapping, Outcome, Request, zeros};
use crate::tlb::Target;
use crate::walker::{self, Offer, Waiting};

bundle! {
    /// Inputs.
    pub struct DeliveryInputs {
        /// How a walk has ended.
        pub offer: Offer,
        /// What the second level has found.
        pub from_l2: Offer,
        /// 1 bit: other address spaces have part in it.
        pub l2_is_global: Signal,
        /// 1 bit: no walk offers in this cycle, for it is the second level's turn.
        pub l2_turn: Signal,
        /// A bit for each slot: the second level may keep what is found for it.
        pub may_keep: Signal,
        /// Who waits.
        pub slots: Vec<Waiting>,
        /// 1 bit: `newest` waits too.
        pub waiting: Signal,
        /// 1 bit: `newest` may wait from the next cycle on.
        pub fresh: Signal,
        /// The newest request.
        pub newest: Request,
        /// 1 bit: there is one behind it, whose slot is being read; only with two hit cycles.
        pub is_read: Option<Signal>,
        /// 1 bit: and it is the newest of the next cycle; only with two hit cycles.
        pub passes: Option<Signal>,
        /// Who asks for the same pages.
        pub agreed: AgreementsOutputs,
        /// Slots that hold the newest request at the end of the cycle.
        pub free: Signal,
        /// 1 bit: it has waited and moves to the slot `vacant`.
        pub moves: Signal,
        /// One-hot.
        pub vacant: Signal,
        /// 1 bit: an invalidation takes effect in the next cycle.
        pub coming: Signal,
        /// In the cycle in which it takes effect.
        pub invalidate: Invalidate,
    }

    /// Outputs.
    pub struct DeliveryOutputs {
        /// 1 bit.
        pub can_take: Signal,
        /// The answer.
        pub late: LateAnswer,
        /// Who is answered in this cycle.
        pub answered: Signal,
        /// Who stands to be answered.
        pub served: Signal,
        /// Who will be answered later with this mapping; the slots only.
        pub promised: Signal,
        /// Whose outcome is given up; the slots only.
        pub withdrawn: Signal,
        /// 1 bit.
        pub refill_valid: Signal,
        /// The mapping.
        pub refill: Mapping,
        /// 1 bit: the second level takes it too.
        pub fill_valid: Signal,
        /// Its page, in the next cycle.
        pub next: Target,
    }

    /// Registers.
    pub struct DeliveryState {
        /// 1 bit: there is an outcome.
        pub valid: Signal,
        /// One-hot, the newest highest: who is answered with it next. Nobody while there is none.
        pub serving: Signal,
        /// That one's request.
        pub request: Request,
        /// The outcome for it.
        pub outcome: Outcome,
        /// 1 bit: it was found for this request.
        pub own: Signal,
        /// A bit for each slot and the newest: it has part in the mapping, if it waits. For the request for which that
        /// was found, it asks for what it covers; then it was promised the mapping, or was looked up without it as the
        /// first answer went out.
        pub part: Signal,
        /// 1 bit: the first level has it.
        pub refilled: Signal,
        /// 1 bit: it does not, and whoever is served is allowed the access.
        pub refills: Signal,
        /// A bit for each slot and the newest: it will be answered later.
        pub promised: Signal,
        /// 1 bit: the newest is the one that was being read as the first answer went out, without the mapping; only
        /// with two hit cycles.
        pub later: Option<Signal>,
        /// 1 bit: the newest lies in the mapping that was found for who is served; only with two hit cycles.
        pub newest_lies_in: Option<Signal>,
        /// 1 bit: no invalidation takes effect in this cycle.
        pub calm: Signal,
        /// 1 bit: none does, and the outcome does not rest after it was loaded, or after an answer; only with two hit
        /// cycles.
        pub ready: Option<Signal>,
        /// 1 bit: the first level takes the mapping in this cycle; only with two hit cycles.
        pub refills_now: Option<Signal>,
        /// One-hot, the newest highest: who is served next, in the cycle after an answer; only with two hit cycles.
        pub queue: Option<Signal>,
        /// A bit for each slot and the newest: it was served, and the invalidation that took effect in the cycle before
        /// has named the mapping; only with two hit cycles.
        pub given_up: Option<Signal>,
    }
}

/// The delivery of a configuration.
pub struct Delivery {
    config: Config,
}

impl Delivery {
    /// For this number of walks.
    #[must_use]
    pub fn new(config: &Config) -> Delivery {
        Delivery { config: config.clone() }
    }
}

impl Component for Delivery {
    type Inputs = DeliveryInputs;
    type Outputs = DeliveryOutputs;
    type State = DeliveryState;

    fn name(&self) -> String {
        format!("hashwalk_delivery_{}", self.config.walks())
    }

    fn doc(&self) -> String {
        format!("Answers of requests that have missed, of up to {} walks.", self.config.walks())
    }

    fn inputs(&self) -> DeliveryInputs {
        let walks = self.config.walks();
        let waiting = Waiting { alive: shape(1), request: ports::request() };
        DeliveryInputs {
            offer: walker::offer(&self.config),
            from_l2: walker::offer(&self.config),
            l2_is_global: shape(1),
            l2_turn: shape(1),
            may_keep: shape(walks),
            slots: vec![waiting; walks as usize],
            waiting: shape(1),
            fresh: shape(1),
            newest: ports::request(),
            is_read: self.config.has_two_hit_cycles().then(|| shape(1)),
            passes: self.config.has_two_hit_cycles().then(|| shape(1)),
            agreed: agreement::widths(&self.config),
            free: shape(walks),
            moves: shape(1),
            vacant: shape(walks),
            coming: shape(1),
            invalidate: ports::invalidate(),
        }
    }

    fn reset(&self) -> DeliveryState {
        let walks = self.config.walks();
        DeliveryState {
            valid: low(),
            serving: lit(walks + 1, 0u32),
            request: zeros(&ports::request()),
            outcome: zeros(&ports::outcome(&self.config)),
            own: low(),
            part: lit(walks + 1, 0u32),
            refilled: low(),
            refills: low(),
            promised: lit(walks + 1, 0u32),
            later: self.config.has_two_hit_cycles().then(low),
            newest_lies_in: self.config.has_two_hit_cycles().then(low),
            calm: high(),
            ready: self.config.has_two_hit_cycles().then(low),
            refills_now: self.config.has_two_hit_cycles().then(low),
            queue: self.config.has_two_hit_cycles().then(|| lit(walks + 1, 0u32)),
            given_up: self.config.has_two_hit_cycles().then(|| lit(walks + 1, 0u32)),
        }
    }

    fn kernel(&self, m: &mut Module, i: DeliveryInputs, s: DeliveryState) -> (DeliveryOutputs, DeliveryState) {
        let walks = self.config.walks();
        let Outcome { fault, is_mapping, mapping, from_l2, keep } = s.outcome.clone();
        let effect = &i.invalidate.valid;
        let ready = s.ready.as_ref().unwrap_or(&s.calm);
        let answers = (&s.valid & ready).named("answers");

        // Who else is answered by the mapping: who asks for the page of the request that it was found for, and then who
        // was promised it.
        let newest = Waiting { alive: i.waiting.clone(), request: i.newest.clone() };
        let served: Vec<Signal> = s.serving.each_bit();
        let own = &served[..walks as usize];
        let everybody: Vec<Waiting> = i.slots.iter().cloned().chain([newest]).collect();
        let covered: Vec<Signal> = (0..)
            .zip(&everybody)
            .map(|(n, waiting)| {
                let waits = &waiting.alive & !s.serving.bit(n);
                // A first write walks for itself, to set D.
                let Request { access, user, .. } = &waiting.request;
                let serves = !page::lacks_dirty(&mapping, access, user);
                (&is_mapping & waits & s.part.bit(n) & serves).named(format!("covered_{n}"))
            })
            .collect();
        let more = any_of(&covered).named("more");
        let first_covered = first_one(&covered);
        let next = s.queue.as_ref().map_or_else(|| first_covered.clone(), Signal::each_bit);
        let takes_next = s.queue.as_ref().map_or_else(|| answers.clone(), Signal::any);
        let served_or_next = s.queue.as_ref().map_or_else(|| s.serving.clone(), |queue| &s.serving | queue);
        // Where nobody is next it does not matter who is taken for it: the newest, whose comparison then delays
        // nothing.
        let of_slots = match &s.queue {
            None => any_of(&covered[..walks as usize]),
            Some(queue) => queue.bits(0..walks).any(),
        };
        let next_or_newest: Vec<Signal> = next[..walks as usize].iter().cloned().chain([!of_slots]).collect();
        let next_request = one_hot_of(&next_or_newest, &everybody, |waiting| waiting.request.clone());
        let settled = |mask: &Signal| self.settled(mask, &i.moves, &i.vacant);

        let can_take = (!&s.valid).named("can_take");
        let goes_on = (&answers & &more).named("goes_on");
        // Those that have been looked up without it, and have no slot yet.
        let first = (&answers & &s.own & &is_mapping).named("first");
        let covers_one = |agreements: &[Agreement]| covers(&mapping, &one_hot_of(own, agreements, Agreement::clone));
        let of_newest = covers_one(&i.agreed.of_newest);
        let of_reading = i.is_read.as_ref().map(|_| covers_one(&i.agreed.of_reading));
        let later = i.is_read.as_ref().zip(of_reading.as_ref());
        let later = later.map(|(is_read, of_reading)| (&first & is_read & of_reading).named("later_lingers"));
        let covers_newest = s.newest_lies_in.as_ref().unwrap_or(&of_newest);
        let is_late = match &s.later {
            None => &first & covers_newest,
            Some(later) => (&first & covers_newest) | (&s.valid & &s.calm & later),
        };
        let is_late = (is_late & &i.fresh).named("late_lingers");
        let lingers = later.as_ref().map_or_else(|| is_late.clone(), |later| &is_late | later).named("lingers");
        let loads = (&i.offer.valid | &i.from_l2.valid).named("loads");
        // By the request that is served: it lies in the mapping's page, and in its space.
        let kind = &i.invalidate.kind;
        let is_named = |agreement: &Agreement| {
            let named_page = !kind.bit(1) | agreement.same_page(&mapping.size);
            named_page & (!kind.bit(0) | (&agreement.space & !&mapping.global))
        };
        let named: Vec<Signal> = (served_or_next.each_bit().iter().zip(&i.agreed.invalidated))
            .map(|(it, agreement)| it & is_named(agreement))
            .collect();
        let may_be_named = (&s.valid & &is_mapping & effect).named("may_be_named");
        let withdrawn = match &s.given_up {
            None => &may_be_named & any_of(&named),
            Some(given_up) => given_up.any(),
        };
        let withdrawn = withdrawn.named("withdrawn_now");
        // With nobody to be served, nobody has been promised it.
        let is_meant = served_or_next.any() | !effect;
        let stays = all_of([&s.valid, &!ready, &!&withdrawn, &is_meant]).named("stays");
        // What a free register holds may be unknown; what leaves here without an answer is not.
        let gives = (s.serving.any() & ready).named("gives");
        let refill_valid = s.refills_now.clone().unwrap_or_else(|| all_of([&s.valid, &s.refills, ready]));
        let refill_valid = refill_valid.named("refill_valid");

        let loaded = when(&i.l2_turn, i.from_l2.clone()).otherwise(i.offer.clone());
        let source = |source: LateSource| lit(2, source.code());
        let outputs = DeliveryOutputs {
            can_take: can_take.clone(),
            late: LateAnswer {
                valid: gives.clone(),
                id: s.request.id.clone(),
                pfn: page::frame(&mapping.pfn, &mapping.size, &s.request.vpn).gate(&all_of([
                    &gives,
                    &is_mapping,
                    &fault.is_zero(),
                ])),
                fault: fault.gate(&gives),
                source: when(&from_l2, source(LateSource::L2))
                    .or_when(&s.own, source(LateSource::Walk))
                    .otherwise(source(LateSource::Shared)),
            },
            answered: s.serving.gate(ready),
            served: s.serving.clone(),
            promised: s.promised.bits(0..walks),
            withdrawn: match &s.given_up {
                None => mask(&named[..walks as usize]).gate(&(&may_be_named & &s.own & !&from_l2)),
                Some(given_up) => given_up.bits(0..walks).gate(&(&s.own & !&from_l2)),
            },
            refill_valid: refill_valid.clone(),
            refill: mapping.clone(),
            fill_valid: match &s.refills_now {
                // Where one takes effect the second level does not look at it.
                None => all_of([&s.valid, &s.refills, &keep, &s.own]) & is_settled(&mapping),
                Some(refills_now) => all_of([refills_now, &keep, &s.own]) & is_settled(&mapping),
            },
            next: match &s.ready {
                None => when(&can_take, Target::of_mapping(&loaded.mapping)).otherwise(Target::of_mapping(&mapping)),
                Some(_) => Target::of_mapping(&mapping),
            },
        };

        m.assume("an_invalidation_is_announced", s.calm.ne(effect));
        m.assume("an_outcome_is_taken", !&loads | &can_take);
        m.assume("the_second_level_in_its_turn", when(&i.l2_turn, !&i.offer.valid).otherwise(!&i.from_l2.valid));
        m.assume("one_outcome", !(&i.offer.valid & &i.from_l2.valid));
        m.check("what_is_taken_is_found", !&refill_valid | all_of([&is_mapping, &fault.is_zero(), &!&s.refilled]));
        m.check(
            "whom_it_serves_waits",
            s.serving.is_zero() | one_hot_mux((0..).zip(&everybody).map(|(n, w)| (s.serving.bit(n), w.alive.clone()))),
        );
        m.cover("shared", &answers & !&s.own);
        m.cover("withdrawn", withdrawn.clone());
        m.ignore(i.invalidate.vpn.clone());
        m.ignore(i.invalidate.asid.clone());
        m.ignore(s.request.asid.clone());
        m.ignore(s.request.access.clone());
        m.ignore(s.request.user.clone());
        m.ignore(s.request.vpn.bits(18..52));

        m.check("only_an_outcome_serves", &s.valid | s.serving.is_zero());
        m.check("for_whom_it_was_found_is_served", !(&s.valid & &s.own) | s.serving.any());
        m.check("who_is_served_refills", !&refill_valid | s.serving.any());
        // A register that is free takes whatever stands there; whether it counts, and whose turn it is, is decided
        // last.
        let covers_now = |owner: &Signal, mapping: &Mapping| {
            let agreements = self.of_owner(owner, &i);
            concat(agreements.iter().rev().map(|agreement| covers(mapping, agreement)))
        };
        let of_l2 = Mapping { global: i.l2_is_global.clone(), ..i.from_l2.mapping.clone() };
        let (on, back) = (settled(&mask(&covered)), settled(&s.promised));
        let promised = when(&answers, on.clone()).otherwise(back.gate(&stays));
        // It has missed, if it waits or has the slot that it would have taken.
        let late = concat([high(), i.vacant.clone()]).gate(&is_late);
        // What is given up has nobody who waits for it, whoever had part in it.
        let part_of_others = when(effect, back).otherwise(on | late);
        let kept_part =
            when(&(!&s.own | &answers), part_of_others).otherwise(covers_now(&s.serving.bits(0..walks), &mapping));
        let part = match &s.ready {
            None => when(&!&can_take, kept_part)
                .or_when(&i.l2_turn, covers_now(&i.from_l2.slot, &of_l2))
                .otherwise(covers_now(&i.offer.slot, &i.offer.mapping)),
            // It is worked out in the next cycle.
            Some(_) => {
                m.ignore(i.l2_is_global.clone());
                kept_part
            }
        };
        let Offer { slot, request, fault: found_fault, is_mapping: found, is_granted, mapping: found_mapping, .. } =
            loaded;
        let outcome = Outcome {
            fault: found_fault,
            is_mapping: found,
            mapping: found_mapping,
            from_l2: i.l2_turn.clone(),
            keep: (&slot & &i.may_keep).any() & !&i.l2_turn,
        };
        let allowed = everybody
            .iter()
            .map(|Waiting { request, .. }| page::allows(&mapping.rights, &request.access, &request.user));
        let allowed: Vec<Signal> = allowed.collect();
        let is_allowed = any_of(next.iter().zip(&allowed).map(|(next, allowed)| next & allowed));
        let is_allowed = is_allowed.named("next_is_allowed");
        let is_denied = any_of(next_or_newest.iter().zip(&allowed).map(|(next, allowed)| next & !allowed));
        let for_next = Outcome { fault: page::denial(&is_denied), ..s.outcome.clone() };
        let refilled = (&s.refilled | &refill_valid).named("is_refilled");
        let of_others = is_allowed & !&refilled;
        let (refills, refills_next) = match &s.ready {
            None => (when(&can_take, is_granted).or_when(&answers, of_others).otherwise(s.refills.clone()), low()),
            Some(_) => {
                m.ignore(is_granted);
                let of_own = &is_mapping & fault.is_zero();
                let refills = when(&takes_next, of_others).or_when(&s.own, of_own).otherwise(s.refills.clone());
                let stays = all_of([&s.valid, &!&answers, &!&withdrawn]);
                (&refills & &stays, all_of([&refills, &stays, &!&i.coming, &!effect]))
            }
        };
        let next_ready = !any_of([&i.coming, effect, &can_take, &answers]);
        let next_state = DeliveryState {
            valid: any_of([loads.clone(), goes_on.clone(), lingers, stays.clone()]),
            serving: when(&can_take, slot.gate(&loads).zext(walks + 1))
                .or_when(&answers, if s.queue.is_some() { lit(walks + 1, 0u32) } else { settled(&mask(&next)) })
                .otherwise(settled(&served_or_next).gate(&!&withdrawn)),
            request: when(&can_take, request).or_when(&takes_next, next_request).otherwise(s.request.clone()),
            outcome: when(&can_take, outcome).or_when(&takes_next, for_next).otherwise(s.outcome.clone()),
            part,
            own: can_take.clone() | (&s.own & !&answers),
            refilled: !&can_take & &refilled,
            refills,
            promised,
            later,
            newest_lies_in: (i.passes.as_ref().zip(of_reading))
                .map(|(passes, of_reading)| when(passes, of_reading).otherwise(of_newest.clone())),
            calm: !&i.coming,
            refills_now: s.ready.as_ref().map(|_| refills_next),
            ready: s.ready.as_ref().map(|_| next_ready),
            queue: s.queue.as_ref().map(|_| settled(&mask(&first_covered)).gate(&answers)),
            given_up: s.given_up.as_ref().map(|_| settled(&mask(&named)).gate(&may_be_named)),
        };
        (outputs, next_state)
    }
}

impl Delivery {
    /// How the page of a slot, one-hot, agrees with those of the slots at the end of the cycle, and with the newest.
    fn of_owner(&self, owner: &Signal, i: &DeliveryInputs) -> Vec<Agreement> {
        let walks = self.config.walks();
        let owner: Vec<Signal> = (0..walks).map(|n| owner.bit(n)).collect();
        let with_newest = one_hot_of(&owner, &i.agreed.of_newest, Agreement::clone);
        let with_slot = |n: usize| {
            let others = (0..walks as usize).filter(|other| *other != n);
            let agreements = others.map(|other| (owner[other].clone(), i.agreed.of_slots[pair(n, other)].clone()));
            let before = if walks > 1 { one_hot_mux(agreements) } else { zeros(&Agreement::widths(&self.config)) };
            when(&i.free.bit(n as u32), with_newest.clone()).otherwise(before)
        };
        (0..walks as usize).map(with_slot).chain([with_newest.clone()]).collect()
    }

    /// The mask in the next cycle: the newest may have moved to a slot.
    fn settled(&self, mask: &Signal, moves: &Signal, vacant: &Signal) -> Signal {
        let walks = self.config.walks();
        let newest = mask.bit(walks);
        concat([&newest & !moves, mask.bits(0..walks) | vacant.gate(&(&newest & moves))])
    }
}

/// Whether a mapping covers a request whose page agrees so with that of the request for which it was found.
fn covers(mapping: &Mapping, agreement: &Agreement) -> Signal {
    agreement.same_page(&mapping.size) & (&mapping.global | &agreement.space)
}

/// Whether the mapping stays as it is when the page is written: what the second level may keep.
fn is_settled(mapping: &Mapping) -> Signal {
    mapping.dirty.as_ref().map_or_else(high, |dirty| dirty | !mapping.rights.bit(1))
}
