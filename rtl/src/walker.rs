//! The page walker: several walks under way at a time, over one hash unit, one memory port and one judge.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `allocate`, `newest_*` | in | a request has missed and takes this slot, one-hot, which is `vacant_*` |
//! | `search_*` | in | its first search, worked out while the first level was looked up |
//! | `control_*` | in | software's settings |
//! | `invalidate_*` | in | an invalidation takes effect in this cycle |
//! | `memory_*`, `refill_*`, `miss_*` | both | docs/spec.md, section 9 |
//! | `turn_*` | in | what becomes of the answers: [`Turn`] |
//! | `offer_*` | out | how a walk has ended: [`Offer`] |
//! | `slots_*` | out | whose walks these are |
//!
//! What a slot goes through stands in [`slot`]. Between the slots lie three stages, each for one walk at a time:
//!
//! ```text
//!            ┌─ newest miss (no other hashes)
//!            ▼                   ┌──── follow ────┐
//!  slots ─► hash ─► slots ─► memory port ─► element ─► judge ─► offer ─► the answer (delivery)
//!            ▲                                          │
//!            └────────────── next search ───────────────┘
//! ```
//!
//! A walk whose first probe finds the page, memory latency L, one beat:
//!
//! ```text
//! cycle     0          1        2          3 ..  L + 2   L + 3    L + 4
//! lookup    accepted   miss
//! slot                 Free     Request    Read  ..      Check    Deliver
//! stage                hash     memory           tags    judge    answer
//! ```
//!
//! Each further probe adds L + 2, each further search L + 3: its hash. The hash unit serves the slots before the newest
//! miss, which then hashes later; which slot it serves next is chosen a cycle before (`hashing.rs`). Memory is asked in turn.
//! What an element comes to is in `judgement.rs`.
//!
//! **Behind another walk.** A miss to a page for which a walk is under way waits until that walk has brought it; if the
//! walk ends without a mapping the miss is walked for after all, since the table may have changed since it was read.
//!
//! What is found in the first search tells the predictor ([`crate::predictor`]) what to begin with beside this page.
//!
//! **Invalidation.** A slot remembers which sizes of pages of its request were named since its read was taken. If the
//! walk then finds such a mapping it is made again; whatever else it finds counts. In the cycle in which an
//! invalidation takes effect nothing is judged, so that it is remembered before.
//!
//! **Ways.** A cuckoo table's places are hashed at once and asked for in consecutive cycles, and judged as they come,
//! which is in the order of the ways. The first that decides ends the walk; what is still out is waited for before the
//! slot is used again.
//!
//! **Torn entries.** Where entries have sequence numbers, one whose two numbers differ is asked for again, at the same
//! index, as a further probe of its search.
//!
//! **Marks.** Where the hardware sets A and D, a walk that lacks them waits in `Check` for an update (`marking.rs`).
//!
//! Bounds: a walk ends after at most 6 searches of `max_steps` probes, or of the number of ways, unless it is made
//! again: for an invalidation, or for a change of its PTE between the read and the setting of marks.
//!
//! Reset: all slots are free. A read that is out when reset begins must have been answered when it ends.

pub mod arbiter;
mod bundles;
mod element;
mod hashing;
mod invalidation;
mod judgement;
mod marking;
pub mod places;
mod ruling;
pub mod search;
pub mod slot;
mod software;

use hashwalk_hdl::{
    Component, Module, Signal, all_of, any_of, at_most_one, bundle, concat, first_one, lit, low, mask, one_hot_of,
    shape, when,
};
use hashwalk_spec::fault::{FAULT_BITS, Fault};
use hashwalk_spec::radix::INDEX_BITS;
use hashwalk_spec::{Config, Format, line};

use crate::agreement::Agreement;
use crate::link::PLACE_BITS;
use crate::ports::{self, MemoryOut, zeros};
use crate::predictor::{Guess, Guessed};
use crate::radix;
use crate::verdict::{Killed, Verdict};
use crate::walk_cache::{Fill, PageOf, WalkCache, WalkCacheInputs};
use arbiter::{ascending, longest_ago};
pub use bundles::{Event, Offer, Turn, Waiting, WalkerInputs, WalkerOutputs, offer, turn};
use element::{Beat, Element, Meanwhile};
use hashing::{HashTurn, Hashing};
use invalidation::names_path;
use judgement::Judgement;
use marking::{Progress, Updating};
use ruling::Ruling;
use search::Search;
pub use slot::Walk;
use slot::{Given, Happens, Slot};
use software::{Heard, Software, Told};

/// Bits of the number of beats on the memory port.
const BEATS_BITS: u32 = 4;

bundle! {
    /// Registers.
    pub struct WalkerState {
        /// The walks.
        pub slot: Vec<Slot>,
        /// The hash unit's work.
        pub hashing: Hashing,
        /// One-hot: whose is the next one.
        pub chosen: Signal,
        /// Who is hashed first.
        pub hash_order: Option<Signal>,
        /// One-hot: the request that stands at the memory port and was not taken.
        pub standing: Signal,
        /// Who asks memory first.
        pub memory_order: Option<Signal>,
        /// 1 bit: no invalidation takes effect in this cycle, and an element is there.
        pub may_judge: Signal,
        /// 1 bit: none does, and there is no element, but an answer of software's.
        pub may_weigh: Signal,
        /// One-hot: whose hash the unit has; only where it takes two cycles.
        pub hashed: Option<Signal>,
        /// What memory has sent, and is not taken yet; only with two hit cycles.
        pub arrived: Option<Beat>,
        /// What memory sends.
        pub element: Element,
        /// What that has come to in the cycle before; only with two hit cycles.
        pub ruling: Option<Ruling>,
        /// Software's turn.
        pub software: Software,
        /// One-hot: the slot for the next miss, which was free before; only with two hit cycles.
        pub vacant: Option<Signal>,
        /// 1 bit: there is one.
        pub any_vacant: Option<Signal>,
        /// One-hot: a walk that had nothing to look for in the cycle before. None where one does, or there is either.
        pub seekless: Signal,
        /// Marks that are being set; only where the hardware sets any.
        pub updating: Option<Updating>,
    }
}

/// The walker of a configuration.
pub struct Walker {
    config: Config,
}

impl Walker {
    /// The walker for this configuration's walks, format, hash, step limit and bus.
    #[must_use]
    pub fn new(config: &Config) -> Walker {
        Walker { config: config.clone() }
    }

    fn walks(&self) -> u32 {
        self.config.walks()
    }
}

impl Component for Walker {
    type Inputs = WalkerInputs;
    type Outputs = WalkerOutputs;
    type State = WalkerState;

    fn name(&self) -> String {
        let c = &self.config;
        format!("hashwalk_walker_{}_{}_{}_{}", c.format(), c.walks(), c.hash(), c.bus_bits())
    }

    fn doc(&self) -> String {
        let c = &self.config;
        let (walks, format, hash) = (c.walks(), c.format(), c.hash());
        let (steps, bus) = (c.max_steps(), c.bus_bits());
        format!(
            "Page walker: {walks} walks at a time, {format} table, {hash} hash, at most {steps} probes a search, {bus}-bit \
             memory port."
        )
    }

    fn inputs(&self) -> WalkerInputs {
        WalkerInputs {
            allocate: shape(self.walks()),
            newest: ports::request(),
            fresh: shape(1),
            search: Search::none(),
            lookup: places::beginning(),
            guessed: (self.config.predictor_entries() > 0).then(Guessed::shape),
            control: ports::control(&self.config),
            coming: shape(1),
            invalidate: ports::invalidate(),
            invalidated: vec![Agreement::widths(&self.config); self.walks() as usize],
            of_newest: vec![Agreement::widths(&self.config); if self.walks() > 1 { self.walks() as usize } else { 0 }],
            memory: ports::memory_in(&self.config),
            refill: ports::refill(&self.config),
            update: ports::update_in(&self.config),
            turn: turn(&self.config),
        }
    }

    fn reset(&self) -> WalkerState {
        let walks = self.walks();
        let free = vec![Slot::free(&self.config); walks as usize];
        WalkerState {
            slot: free.clone(),
            hashing: zeros(&Hashing { slot: shape(walks), begins: places::beginning() }),
            chosen: lit(walks, 0u32),
            hash_order: ascending(walks),
            standing: lit(walks, 0u32),
            memory_order: ascending(walks),
            may_judge: low(),
            may_weigh: low(),
            hashed: places::is_staged(&self.config).then(|| lit(walks, 0u32)),
            arrived: self
                .config
                .has_two_hit_cycles()
                .then(|| zeros(&Beat::at_port(&self.config, &ports::memory_in(&self.config)).with_sought(&free))),
            element: Element::empty(&self.config),
            ruling: Ruling::none(&self.config),
            software: Software::silent(&self.config),
            vacant: self.config.has_two_hit_cycles().then(|| lit(walks, 0u32)),
            any_vacant: self.config.has_two_hit_cycles().then(low),
            seekless: lit(walks, 0u32),
            updating: Updating::none(&self.config),
        }
    }

    fn kernel(&self, m: &mut Module, i: WalkerInputs, s: WalkerState) -> (WalkerOutputs, WalkerState) {
        let config = &self.config;
        let numbers = 0..self.walks();
        let each = |f: &dyn Fn(u32, &Slot) -> Signal| -> Vec<Signal> {
            numbers.clone().zip(&s.slot).map(|(n, slot)| f(n, slot)).collect()
        };
        let alive = mask(&each(&|_, slot| slot.alive.clone())).named("alive");

        // The hash unit: for the slot that was chosen in the cycle before, else for the newest miss.
        let unit_busy = s.hashing.slot.any().named("unit_busy");
        let walk_cache = WalkCache::new(config).map(|cache| m.instance("walk_cache", &cache));
        let known = walk_cache.as_ref().map(|cache| &cache.outputs);
        let start = places::places(config, m, &i.control, &s.hashing.begins, known);
        let hashed = s.hashed.clone().unwrap_or_else(|| s.hashing.slot.clone());

        let turn_to_hash = HashTurn::of(config, &i, &s, &alive, &hashed);

        // The memory port.
        // Whoever is answered in this cycle asks for nothing more, even if it is its turn.
        let asks = each(&|_, slot| slot.asks_memory());
        let in_turn = longest_ago(&asks, s.memory_order.as_ref());
        let stands = s.standing.any().named("stands");
        let presents: Vec<Signal> = each(&|n, _| {
            when(&stands, s.standing.bit(n))
                .otherwise(&in_turn.granted[n as usize] & !i.turn.served.bit(n))
                .named(format!("presents_{n}"))
        });
        let place_asked = one_hot_of(&presents, &s.slot, |slot| slot.place_asked(config, &i.control));

        // Marks that are being set, and the walk for which they have been.
        let may_ask = each(&|n, _| !i.turn.served.bit(n) & !i.turn.promised.bit(n));
        let marks = s
            .updating
            .as_ref()
            .zip(i.update.as_ref())
            .map(|(updating, update)| updating.progress(config, m, &i.control, update, &s.slot, &may_ask));
        let is_marked = marks.as_ref().map_or_else(low, |marks| marks.lives.clone());
        let calm = !&i.invalidate.valid;
        let mark_fires = &is_marked & &calm & &i.turn.open;
        let mark_ends = marks.as_ref().map_or_else(low, |marks| &mark_fires & &marks.ends);
        let mark_restarts = &mark_fires & !&mark_ends;
        let mark_killed = marks.as_ref().map_or_else(low, |marks| &mark_restarts & &marks.killed);
        let marked_back = |n: u32| marks.as_ref().map_or_else(low, |marks| marks.back.bit(n));

        let named: Vec<Killed> =
            i.invalidated.iter().map(|agreement| invalidation::named(&i.invalidate, agreement)).collect();

        // What memory has sent.
        let fires = (&s.may_judge & &i.turn.open & !&is_marked).named("fires");
        // Known last: a request that does not stand yet is not made if the second level has just found its page. Where
        // another read of the walk is judged in this cycle, of several, it is made all the same.
        let speaks_now = if config.ways() > 1 { s.element.slot.gate(&fires) } else { lit(self.walks(), 0u32) };
        let overtaken = (&i.turn.overtaken & !(&s.standing | speaks_now)).named("overtaken");
        let judgement = Judgement::of(config, &i, &s, &fires);
        let Judgement { judged, follows, restarts, next_begins, next_search, .. } = &judgement;
        let verdict = &judgement.ruling.verdict;
        let speaker = |n: u32| s.element.slot.bit(n);

        if let Some(walk_cache) = &walk_cache {
            let begins = &unit_busy | (i.allocate.any() & &i.fresh);
            walk_cache.connect(WalkCacheInputs {
                lookup: places::page_of(&s.hashing.begins),
                used: begins,
                invalidate: i.invalidate.clone(),
                fill: followed(&s.element, verdict, follows, &judgement.steps),
            });
        }

        // Software.
        let questions = each(&|n, slot| {
            let must_wait = slot.is_behind() | i.turn.looking.bit(n) | i.turn.served.bit(n) | i.turn.promised.bit(n);
            slot.is(Walk::Ask) & !must_wait
        });
        let question = longest_ago(&questions, s.software.order.as_ref());
        let asker = s.software.asker(&s.slot);
        let weighed = (&s.may_weigh & &i.turn.open & !&is_marked).named("weighed");
        let answer = s.software.offer(&asker);
        let withdrawn = s.software.is_withdrawn(config, &answer).named("answer_withdrawn");
        // What is known before to count for nothing need not wait for its turn.
        let (told_in_vain, told) = match &s.software.in_vain {
            None => (&weighed & &withdrawn, weighed.clone()),
            Some(in_vain) => (in_vain.clone(), &weighed | in_vain),
        };
        let told_in_vain = told_in_vain.named("told_in_vain");
        let asker_lives = s.software.of_asker(&s.slot, |slot| slot.alive.clone());

        // What goes out: a walk whose marks are set first, then a judgement, software's answer, that nothing is sought.
        let others = (&s.element.full | &s.software.answer.valid | &is_marked).named("others");
        let is_silent = (&i.turn.open & !&is_marked).named("is_silent");
        let not_present = lit(FAULT_BITS, Fault::NotPresent.code());
        let by_walk = judgement.offer(&s);
        let idle: Vec<Signal> = numbers.clone().map(|n| s.seekless.bit(n)).collect();
        let idle_request = one_hot_of(&idle, &s.slot, |slot| slot.request.clone());
        let without_search = Offer {
            valid: s.seekless.any(),
            slot: s.seekless.clone(),
            request: idle_request,
            fault: not_present,
            is_mapping: low(),
            is_granted: low(),
            mapping: answer.mapping.clone(),
        };
        let from_software = Offer { valid: &s.may_weigh & asker_lives & !&told_in_vain, ..answer };
        let offer =
            when(&s.element.full, by_walk).or_when(&s.software.answer.valid, from_software).otherwise(without_search);
        let offer = match &marks {
            None => offer,
            Some(marks) => when(&is_marked, by_marking(marks, &(calm & &marks.ends), &s.slot)).otherwise(offer),
        };
        let offer = Offer { valid: (&offer.valid & &i.turn.open).named("ends"), ..offer };

        // The newest miss.
        let vacancies = each(&|_, slot| slot.free.clone());
        let vacant = s.vacant.clone().unwrap_or_else(|| mask(&first_one(&vacancies)));
        let left = mask(&vacancies) & !&i.allocate;
        let (allocation, hashes_newest) = hashing::allocation(config, &i, &s, &unit_busy, &start, &alive);

        // A slot that waited, or the newest miss.
        let begun = any_of(each(&|n, slot| hashed.bit(n) & slot.is(Walk::Wait)))
            | (i.allocate.any() & Walk::Request.is(&allocation.state));
        let saved = (config.walk_cache_entries() > 0).then(|| start.steps.gate(&begun));

        let slots: Vec<Slot> = s
            .slot
            .iter()
            .zip(numbers.clone())
            .map(|(slot, n)| {
                let mine = speaker(n);
                let at = n as usize;
                let happens = Happens {
                    allocated: i.allocate.bit(n),
                    hashed: hashed.bit(n),
                    nothing_sought: &is_silent & s.seekless.bit(n),
                    standing: s.standing.bit(n),
                    accepted: &presents[at] & &i.memory.request_ready,
                    checked: &fires & &mine,
                    decides: &judgement.decides & &mine,
                    follows: follows & &mine,
                    again: verdict.again.clone(),
                    fails: &judgement.fails & &mine,
                    starts_over: (&judgement.starts_over & &mine) | (&mark_restarts & marked_back(n)),
                    lacks_marks: &judgement.lacks_marks & &mine,
                    owes_update: marks.as_ref().map_or_else(low, |marks| marks.owed[at].clone()),
                    is_marked: &mark_ends & marked_back(n),
                    is_marked_in_vain: &mark_restarts & marked_back(n),
                    asked: s.software.asking.bit(n),
                    shown: s.software.is_shown(n),
                    told: &told & s.software.asking.bit(n),
                    told_in_vain: &told_in_vain & s.software.asking.bit(n),
                    answered: i.turn.answered.bit(n),
                    withdrawn: i.turn.withdrawn.bit(n),
                    overtaken: overtaken.bit(n),
                };
                let given = Given {
                    allocation: allocation.clone(),
                    start: start.clone(),
                    becomes: judgement.becomes.clone(),
                    next: verdict.next.clone(),
                    next_search: next_search.clone(),
                    first_search: Search::of_walk(
                        config.format(),
                        &i.control.search_enable,
                        &slot.request.vpn,
                        &slot.request.asid,
                    ),
                    named: named[at].clone(),
                    names_path: names_path(config, &i.invalidate, slot, &named[at]),
                    unmarked: judgement.ruling.unmarked.clone(),
                };
                slot.next(config, &alive, &happens, &given)
            })
            .collect();

        // One walk does not come before itself.
        let kept_waiting =
            if self.walks() > 1 { next_begins & &turn_to_hash.any_chosen } else { low() }.named("kept_waiting");
        let hashing = turn_to_hash.next(&i, &s, next_begins, next_search);

        let update = marks.as_ref().map(|marks| marks.port.clone());
        let meanwhile = Meanwhile {
            fires: &fires,
            answered: &i.turn.answered,
            invalidate: &i.invalidate,
            invalidated: &i.invalidated,
        };
        let at_port = Beat::at_port(config, &i.memory);
        let beat = s.arrived.as_ref().unwrap_or(&at_port);
        let element = s.element.next(config, beat, &i.control, &meanwhile, &s.slot);
        let element_stays = match &s.ruling {
            None => element.full.clone(),
            // What it comes to is known, and no invalidation has named anything since.
            Some(_) => all_of([&s.element.full, &!&fires, &!&i.invalidate.valid]),
        };
        let element_ready = !&s.element.full | &fires;
        let response_ready =
            s.arrived.as_ref().map_or_else(|| element_ready.clone(), |beat| &element_ready | !&beat.valid);
        let asker_killed = s.software.of_asker(&s.slot, |slot| slot.killed.clone());
        let asker_killed = asker_killed.with(&one_hot_of(&s.software.asking.each_bit(), &named, Killed::clone));
        let heard = Heard { killed: asker_killed, withdrawn, weighed: &told, choice: question };
        let software = s.software.next(&s.slot, Told::of(config, &i.refill, &asker), heard);
        let is_told = match &software.in_vain {
            None => software.answer.valid.clone(),
            // For a cycle, and in none that follows an invalidation.
            Some(in_vain) => {
                all_of([&software.answer.valid, &s.software.answer.valid, &!&i.invalidate.valid, &!in_vain])
            }
        };
        let may_say_nothing = !any_of([&element.full, &software.answer.valid, &i.coming]);
        let next = WalkerState {
            slot: slots,
            hashing,
            chosen: when(&kept_waiting, mask(&turn_to_hash.chosen)).otherwise(mask(&turn_to_hash.choice.granted)),
            hash_order: turn_to_hash.choice.order_if(&!&kept_waiting, &s.hash_order),
            standing: mask(&presents).gate(&!&i.memory.request_ready) & !&overtaken,
            // The slot may have been given to another request since its page was at the unit.
            hashed: s
                .hashed
                .as_ref()
                .map(|_| when(&unit_busy, &s.hashing.slot & &alive).otherwise(i.allocate.gate(&hashes_newest))),
            arrived: s
                .arrived
                .as_ref()
                .map(|beat| when(&response_ready, at_port.clone().with_sought(&s.slot)).otherwise(beat.clone())),
            may_judge: element_stays & !&i.coming,
            ruling: s.ruling.as_ref().map(|_| judgement.ruling_now.clone()),
            may_weigh: is_told & !(&element.full | &i.coming),
            memory_order: in_turn.order_if(&!&stands, &s.memory_order),
            element,
            software,
            any_vacant: s.any_vacant.as_ref().map(|_| left.any()),
            vacant: s.vacant.as_ref().map(|_| mask(&first_one(&left.each_bit()))),
            seekless: mask(&first_one(&turn_to_hash.seekless)).gate(&may_say_nothing),
            updating: marks.map(|marks| marks.next(&mark_fires)),
        };

        // A group is named by what its pages have in common.
        for sought in s.arrived.iter().filter_map(|beat| beat.sought.as_ref()) {
            m.ignore(sought.group.bits(0..line::GROUP_LOG2));
        }
        // What was compared as it arrived, and A and D where software keeps them.
        m.ignore(s.element.bits.clone());
        m.ignore(s.element.sought.asid.clone());
        if config.format() == Format::Radix {
            m.ignore(i.control.table_mask.clone());
        }
        // Of the page and the space it is known how they agree; but for the nodes on the way to a page.
        m.ignore(i.invalidate.vpn.clone());
        m.ignore(i.invalidate.asid.clone());
        if self.walks() == 1 {
            m.ignore(i.memory.response_id.clone());
        }
        m.assume("allocate_only_what_is_vacant", (&i.allocate & !&vacant).is_zero());
        m.check(
            "a_read_is_out_for_what_comes",
            !&s.element.full | one_hot_of(&judgement.speaks, &s.slot, |slot| slot.out.any()),
        );
        if self.walks() == 1 {
            m.check("alone_it_finds_the_unit_free", !(i.allocate.any() & &unit_busy));
        }
        m.check("one_request_at_the_port", at_most_one(&mask(&presents)));
        m.check("an_open_turn_is_promised_to_nobody", !&i.turn.open | i.turn.promised.is_zero());
        m.check("somebody_asks_first", !any_of(&asks) | any_of(&in_turn.granted));
        m.check("nothing_is_judged_as_it_is_invalidated", !(&i.invalidate.valid & (judged | &weighed)));
        m.cover("restart", restarts.clone());
        if let Some(again) = &verdict.again {
            m.cover("probed_again", follows & again);
        }
        m.cover("dead_element", &fires & !judged);
        m.cover("behind", any_of(each(&|_, slot| slot.is_behind())));

        let shown = each(&|n, slot| {
            let checked = &s.element.full & speaker(n) & slot.listens();
            when(&slot.free, Walk::Free.signal())
                .or_when(&slot.is_dead(), Walk::Drain.signal())
                .or_when(&checked, Walk::Check.signal())
                .or_when(&slot.is_being_marked(), Walk::Read.signal())
                .otherwise(slot.state.clone())
        });
        let outputs = WalkerOutputs {
            any_vacant: s.any_vacant.clone().unwrap_or_else(|| any_of(&vacancies)),
            free: mask(&vacancies),
            vacant,
            idle: mask(&vacancies).all(),
            slots: s
                .slot
                .iter()
                .map(|slot| Waiting { alive: slot.alive.clone(), request: slot.request.clone() })
                .collect(),
            offer,
            has_outcome: &others | s.seekless.any(),
            event: Event {
                predicted: &judgement.finds & &s.element.first,
                mispredicted: &judgement.finds & !&s.element.first,
                killed: any_of([restarts | mark_killed, told_in_vain, i.turn.withdrawn.any()]),
                saved,
            },
            found_vpn: s.element.request.vpn.clone(),
            found_by: Guess { global: s.element.sought.global.clone(), size: s.element.sought.size.clone() },
            memory: MemoryOut {
                request_valid: (mask(&presents) & !&overtaken).any(),
                request_address: places::address(config, &i.control, &place_asked),
                request_beats: lit(BEATS_BITS, config.beats()),
                request_id: number(&presents, config.walk_id_bits()),
                response_ready,
            },
            miss: s.software.miss(&asker),
            refill_ready: s.software.asks(),
            update,
            states: concat(shown.iter().rev()),
        };
        (outputs, next)
    }
}

/// The number of the one that is set, of this many bits; 0 if none is.
fn number(one_hot: &[Signal], width: u32) -> Signal {
    let bit = |bit: u32| any_of((0..).zip(one_hot).filter(|(n, _): &(u32, _)| n >> bit & 1 != 0).map(|(_, set)| set));
    concat((0..width).rev().map(bit))
}

/// How the walk for which marks were set has ended.
fn by_marking(marks: &Progress, ends: &Signal, slots: &[Slot]) -> Offer {
    let chosen: Vec<Signal> = (0..marks.back.width()).map(|n| marks.back.bit(n)).collect();
    Offer {
        valid: ends.clone(),
        slot: marks.back.clone(),
        request: one_hot_of(&chosen, slots, |slot| slot.request.clone()),
        fault: lit(FAULT_BITS, Fault::BusError.code()).gate(&marks.error),
        is_mapping: !&marks.error,
        // What denies the access is not marked.
        is_granted: !&marks.error,
        mapping: one_hot_of(&chosen, slots, Slot::marked_mapping),
    }
}

/// What the walk cache keeps of a link that is followed. The directory's, to a root, is not among them.
fn followed(element: &Element, verdict: &Verdict, follows: &Signal, steps: &Signal) -> Fill {
    Fill {
        valid: follows & steps.any(),
        page: PageOf { vpn: element.request.vpn.bits(0..radix::VPN_BITS), asid: element.sought.asid.clone() },
        // Of a leaf that stood there the size would be the level of the node that is linked to instead.
        level: element.sought.size.clone(),
        frame: verdict.next.bits(INDEX_BITS..PLACE_BITS),
    }
}
