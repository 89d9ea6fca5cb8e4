//! The second level of the TLB: set-associative, in block RAM, all page sizes.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_*` | in | whatever is looked up in this cycle; its 4 KiB set is read if nobody else reads |
//! | `looks_up` | in | something may be, so that a miss leaves the read to it |
//! | `pending`, `room`, `newest_*`, `fresh` | in | a miss takes the slot `room_*`, if any; it was looked up in the cycle before |
//! | `slots_*`, `served` | in | the walks' requests; those that are answered in this cycle, unless an invalidation takes effect |
//! | `can_take` | in | an answer from here would be taken in this cycle |
//! | `fill_valid`, `fill` | in | a page that a walk has found is kept, unless an invalidation takes effect |
//! | `invalidate_*` | in | an invalidation takes effect in this cycle |
//! | `offer_*` | out | a page for a slot's request; `valid` only while it is taken |
//! | `is_global` | out | whatever matches is global; known before the mapping is |
//! | `compares` | out | an offer may come in this cycle |
//! | `overtaken` | out | the slot for which a page is found, taken or not: no read need be made for it |
//! | `looking` | out | slots for which sizes are still to be looked for |
//! | `missed` | out | slots for whose request all sizes were looked for, and none was there |
//! | `sweeping` | out | sets are being cleared; lookups go past |
//! | `swept` | out | for one cycle: the sweep of an invalidation is over |
//!
//! 4 KiB pages may stand in every way, 2 MiB pages in the lower half of them, 1 GiB pages in the upper half. So two
//! reads look for all sizes:
//!
//! ```text
//! cycle     0           1            2            3            4
//! lookup    accepted    L1: miss
//! read      4 KiB set   2 MiB and 1 GiB sets
//! register              4 KiB set    the others
//! compare               in parts     4 KiB        the others
//! answer                                          4 KiB hit    other hit
//! walk                  starts       requests     ...          an answer from here ends it
//! ```
//!
//! Block RAM is slow, but what is looked for is there before it: pages are compared by parts, and address spaces, on
//! the way to the register (`l2/word.rs`), and what is not needed any more is not kept.
//!
//! With two hit cycles a register more stands behind block RAM (`Arrived`), so that what is read is compared a cycle
//! later, and set numbers are known before a read (`l2/sets.rs`), of what is due after one more cycle.
//!
//! There is one read a cycle. The sweep has it first, then slots whose sets could not be read in their turn (`due`),
//! then what is looked up, then the newest miss: whether it is one is known too late to choose by. What was read waits
//! in the register while the answer is not taken.
//!
//! **Invalidation.** From the cycle in which it takes effect on, what was read or found before counts for nothing, and
//! lookups go past until the sweep is over: by address it reads and clears the 4 KiB sets, then the others, else all
//! sets. With S steps, the last is clear S + 3 cycles after the acceptance, or S + 4 with two hit cycles. A page that a
//! walk brings meanwhile is not kept. After reset all sets are swept, since block RAM has no reset.
//!
//! ```text
//! cycle     0          1        2        3        4                  S + 1    S + 2    S + 3    S + 4
//! sweep     accepted   effect   read 0   read 1   read 2, clear 0    ...      ...      clear    swept
//! ```
//!
//! **What is read while it is written** is unknown: the RAM promises nothing then, so that it needs no bypass. A look
//! at such a set counts for nothing and is made again, a cycle or more later. The sweep writes no set that is being
//! read.
//!
//! **Replacement.** A counter names the way, the same for all sets. A page is kept only if it was looked for in all
//! sizes before its walk, so that no page stands in two ways.
//!
//! **D.** Where the hardware looks at D, no page comes here that could be written but for its D: its first write would
//! have to find it again to drop it. So whatever is here answers writes, and D takes no room.
//!
//! Pages that overlap can stand here together, when software has replaced one by the other and not invalidated it yet:
//! of a 2 MiB page and a 1 GiB page the 2 MiB page is found, and of a page of the request's own and a global one of the
//! same size any one, never both.
//!
//! **The set** is the xor of the page number's digits, without the ASID: a global page must be found from every space.

mod sets;
mod sweep;
mod word;

use hashwalk_hdl::{
    Bundle, Component, MemoryPorts, Module, Signal, all_of, any_of, at_most_one, bundle, concat, first_one, high, lit,
    low, mask, one_hot_mux, one_hot_of, shape, when,
};
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{Config, PageSize};

use crate::page;
use crate::ports::{self, Invalidate, Mapping, Request, SIZE_BITS, zeros};
use crate::walker::arbiter::{ascending, longest_ago};
use crate::walker::{Offer, Waiting};
use sets::{KeptSets, Moving, Sets};
use sweep::Sweep;
use word::{HALVES, Kept, Likeness, Slot, Wanted};

bundle! {
    /// Inputs.
    pub struct L2Inputs {
        /// What is looked up.
        pub lookup: Request,
        /// 1 bit.
        pub looks_up: Signal,
        /// What is looked up next; only with two hit cycles.
        pub ahead: Option<Ahead>,
        /// 1 bit.
        pub pending: Signal,
        /// One-hot; all zero where it takes none.
        pub room: Signal,
        /// What missed.
        pub newest: Request,
        /// 1 bit.
        pub fresh: Signal,
        /// Who waits.
        pub slots: Vec<Waiting>,
        /// A bit for each slot.
        pub served: Signal,
        /// 1 bit.
        pub can_take: Signal,
        /// 1 bit.
        pub fill_valid: Signal,
        /// What a walk has found.
        pub fill: Mapping,
        /// An invalidation in the cycle in which it takes effect.
        pub invalidate: Invalidate,
    }

    /// Outputs.
    pub struct L2Outputs {
        /// A page.
        pub offer: Offer,
        /// 1 bit.
        pub is_global: Signal,
        /// 1 bit: it may have something for a slot in this cycle.
        pub compares: Signal,
        /// One-hot.
        pub overtaken: Signal,
        /// A bit for each slot.
        pub looking: Signal,
        /// A bit for each slot.
        pub missed: Signal,
        /// 1 bit.
        pub sweeping: Signal,
        /// 1 bit.
        pub swept: Signal,
    }

    /// A request that is accepted, and the ones that it comes after.
    pub struct Ahead {
        /// 52 bits: at the port.
        pub vpn: Signal,
        /// 1 bit: it is accepted.
        pub accept: Signal,
        /// 1 bit: what is looked up becomes the newest.
        pub takes: Signal,
    }

    /// A read on its way.
    pub struct Look {
        /// One-hot: for which slot; none if the read counts for nothing.
        pub slot: Signal,
        /// 1 bit: of the sets of 2 MiB and 1 GiB pages.
        pub large: Signal,
        /// For what.
        pub request: Request,
    }

    /// The slot whose sets are read in the next cycle; its request and the sets themselves are fetched in this one.
    pub struct Chosen {
        /// One-hot; none if there is none.
        pub slot: Signal,
        /// 1 bit: the sets of 2 MiB and 1 GiB pages.
        pub large: Signal,
    }

    /// What block RAM has brought, a cycle after.
    pub struct Arrived {
        /// For whom.
        pub look: Look,
        /// What it is compared with.
        pub wanted: Wanted,
        /// The word of each way.
        pub word: Vec<Signal>,
    }

    /// Registers.
    pub struct L2State {
        /// 1 bit: what was looked up in the cycle before has its 4 KiB set read.
        pub read_ahead: Signal,
        /// What was read in the cycle before, if it was for a slot.
        pub read: Look,
        /// What that is compared with.
        pub wanted: Wanted,
        /// The sets that were read last, in the lower and in the upper ways.
        pub sets_read: Vec<Signal>,
        /// 1 bit: a page was written in the cycle of that read.
        pub wrote: Signal,
        /// To this set.
        pub set_written: Signal,
        /// Where everything may stand that may be read next; only with two hit cycles.
        pub kept_sets: Option<KeptSets>,
        /// What stands between block RAM and the comparison; only with two hit cycles.
        pub arrived: Option<Arrived>,
        /// What is compared in this cycle, if it counts.
        pub compared: Look,
        /// 1 bit: it does, for it is for a slot that waits.
        pub counts: Signal,
        /// What stands in each way of the set for it.
        pub set: Vec<Kept>,
        /// How that agrees with what is looked for, or swept.
        pub likeness: Vec<Likeness>,
        /// A bit for each slot: its 4 KiB set is still to be read.
        pub small_due: Signal,
        /// Its other sets are still to be read.
        pub large_due: Signal,
        /// It is not known yet whether the page is here.
        pub looking: Signal,
        /// It is not here.
        pub missed: Signal,
        /// Whose sets are read in this cycle, of those that are due.
        pub due: Look,
        /// Whose in the next; only with two hit cycles.
        pub chosen: Option<Chosen>,
        /// Who is next.
        pub order: Option<Signal>,
        /// The way that is filled next.
        pub victim: Signal,
        /// The sweep.
        pub sweep: Sweep,
    }
}

/// A second level of `sets` sets, a power of two from 4 on, of `ways` ways, 2, 4 or 8.
pub struct L2 {
    sets: u32,
    ways: u32,
    config: Config,
}

impl L2 {
    /// The second level of a configuration; `None` if it has none.
    #[must_use]
    pub fn new(config: &Config) -> Option<L2> {
        let (sets, ways) = (config.l2_sets(), config.l2_ways());
        (sets > 0).then_some(L2 { sets, ways, config: config.clone() })
    }

    fn set_bits(&self) -> u32 {
        self.sets.ilog2()
    }

    fn way_bits(&self) -> u32 {
        self.ways.ilog2()
    }

    /// The half that a way belongs to, 0 or 1.
    fn half(&self, way: u32) -> usize {
        usize::from(way >= self.ways / 2)
    }
}

impl Component for L2 {
    type Inputs = L2Inputs;
    type Outputs = L2Outputs;
    type State = L2State;

    fn name(&self) -> String {
        format!("hashwalk_l2_{}x{}_{}", self.sets, self.ways, self.config.walks())
    }

    fn doc(&self) -> String {
        format!("Second level of the TLB: {} sets of {} ways in block RAM.", self.sets, self.ways)
    }

    fn inputs(&self) -> L2Inputs {
        let walks = self.config.walks();
        let waiting = Waiting { alive: shape(1), request: ports::request() };
        L2Inputs {
            lookup: ports::request(),
            looks_up: shape(1),
            ahead: self.config.has_two_hit_cycles().then(|| Ahead {
                vpn: shape(VPN_BITS),
                accept: shape(1),
                takes: shape(1),
            }),
            pending: shape(1),
            room: shape(walks),
            newest: ports::request(),
            fresh: shape(1),
            slots: vec![waiting; walks as usize],
            served: shape(walks),
            can_take: shape(1),
            fill_valid: shape(1),
            fill: word::mapping(&self.config),
            invalidate: ports::invalidate(),
        }
    }

    fn reset(&self) -> L2State {
        let walks = self.config.walks();
        let none = lit(walks, 0u32);
        let look = Look { slot: none.clone(), large: low(), request: zeros(&ports::request()) };
        let set = lit(self.set_bits(), 0u32);
        L2State {
            read_ahead: low(),
            read: look.clone(),
            wanted: zeros(&Wanted::widths()),
            sets_read: vec![set.clone(); 2],
            wrote: low(),
            set_written: set.clone(),
            kept_sets: self.config.has_two_hit_cycles().then(|| KeptSets::none(walks, self.set_bits())),
            arrived: self.config.has_two_hit_cycles().then(|| Arrived {
                look: look.clone(),
                wanted: zeros(&Wanted::widths()),
                word: vec![zeros(&Slot::widths(&self.config)).pack(); self.ways as usize],
            }),
            compared: look.clone(),
            counts: low(),
            due: look,
            chosen: self.config.has_two_hit_cycles().then(|| Chosen { slot: none.clone(), large: low() }),
            set: vec![zeros(&Kept::widths()); self.ways as usize],
            likeness: vec![zeros(&Likeness::widths(self.config.has_two_hit_cycles())); self.ways as usize],
            small_due: none.clone(),
            large_due: none.clone(),
            looking: none.clone(),
            missed: none.clone(),
            order: ascending(walks),
            victim: lit(self.way_bits(), 0u32),
            sweep: Sweep::of_all(self.set_bits(), self.config.has_two_hit_cycles()),
        }
    }

    fn kernel(&self, m: &mut Module, i: L2Inputs, s: L2State) -> (L2Outputs, L2State) {
        let walks = self.config.walks();
        let effect = &i.invalidate.valid;
        let sweeping = any_of([&s.sweep.reads, &s.sweep.comes, &s.sweep.clears]);
        let sweeping = s.sweep.arrived.iter().fold(sweeping, |any, arrived| any | arrived).named("sweeping");
        let open = (!effect & !&sweeping).named("open");
        let alive = concat(i.slots.iter().rev().map(|slot| &slot.alive)) & !&i.served;

        // Comparing what was read.
        let globals: Vec<&Signal> = s.set.iter().map(|kept| &kept.global).collect();
        let matching = (0..)
            .zip(&s.likeness)
            .map(|(way, likeness)| (likeness.is_page() & &likeness.space).named(format!("match_{way}")));
        let matching: Vec<Signal> = matching.collect();
        let own: Vec<Signal> = matching.iter().zip(&globals).map(|(matches, global)| matches & !*global).collect();
        let shared: Vec<Signal> = matching.iter().zip(&globals).map(|(matches, global)| matches & *global).collect();
        let in_lower = any_of(&matching[..matching.len() / 2]).named("in_lower");
        let matches = first_one(&matching);
        // While somebody is answered the delivery takes nothing.
        let hit = (&s.counts & any_of(&matching) & !effect).named("hit");
        let stalls = (&s.counts & !&i.can_take).named("stalls");
        let Kept { global, pfn, rights } = one_hot_of(&matches, &s.set, Kept::clone);
        let is_denied = any_of(matches.iter().zip(&s.likeness).map(|(matches, likeness)| matches & &likeness.denied));
        let size = |size: PageSize| lit(SIZE_BITS, size.code());
        let size = when(&!&s.compared.large, size(PageSize::Small))
            .or_when(&in_lower, size(HALVES[0]))
            .otherwise(size(HALVES[1]));
        let offer = Offer {
            valid: &hit & &i.can_take,
            slot: s.compared.slot.clone(),
            request: s.compared.request.clone(),
            fault: page::denial(&is_denied),
            is_mapping: high(),
            is_granted: !is_denied,
            mapping: Mapping {
                vpn: page::base(&s.compared.request.vpn, &size),
                asid: s.compared.request.asid.clone(),
                global,
                size,
                pfn,
                rights,
                dirty: self.config.marks().is_checked().then(high),
            },
        };

        // Who reads in this cycle: the sweep, a slot that could not before, whatever is looked up, the newest miss.
        let Look { slot: due_slot, large: due_large, request: due_request } = s.due.clone();
        let any_due = due_slot.any().named("any_due");
        let taken = s.chosen.as_ref().map_or_else(|| due_slot.clone(), |chosen| &due_slot | &chosen.slot);
        let waits: Vec<Signal> =
            (0..walks).map(|n| (s.small_due.bit(n) | s.large_due.bit(n)) & !taken.bit(n)).collect();
        let choice = longest_ago(&waits, s.order.as_ref());
        let granted = mask(&choice.granted);
        let next_chosen = Chosen { large: (&granted & !&s.small_due).any(), slot: granted };
        let Chosen { slot: next_slot, large: next_large } = s.chosen.clone().unwrap_or_else(|| next_chosen.clone());
        let is_next = next_slot.each_bit();
        let next_request = one_hot_of(&is_next, &i.slots, |slot| slot.request.clone());
        let next_due = Look { slot: next_slot, large: next_large, request: next_request };
        let moves = (&open & !&stalls).named("moves");
        let collided = (&s.wrote & any_of(s.sets_read.iter().map(|set| set.eq(&s.set_written)))).named("collided");
        // Whether there is a miss is known last. Until then the slot that it would take stands for it: where there is
        // none, that slot does not wait in the next cycle, and what is read for it counts for nothing.
        let has_small = all_of([&i.fresh, &s.read_ahead, &!&collided]).named("has_small");
        let newest_reads = (&has_small & !&any_due & !&i.looks_up).named("newest_reads");
        let sets_of = |vpn: &Signal| Sets::of(vpn, self.set_bits());
        let kept_sets = s.kept_sets.clone().unwrap_or_else(|| KeptSets {
            reading: sets_of(&i.lookup.vpn),
            newest: sets_of(&i.newest.vpn),
            slot: Vec::new(),
            due: {
                let sets = sets_of(&due_request.vpn);
                (0..HALVES.len()).map(|half| sets.in_half(half, &due_large)).collect()
            },
            swept: sets_of(&s.sweep.what.vpn),
            fill: self.fill_set(&i.fill),
        });
        let step_sets = s.sweep.sets(&kept_sets.swept);
        let read_sets = step_sets.iter().enumerate().map(|(half, step_set)| {
            when(&s.sweep.reads, step_set.clone())
                .or_when(&any_due, kept_sets.due[half].clone())
                .or_when(&i.looks_up, kept_sets.reading.small.clone())
                .otherwise(kept_sets.newest.large[half].clone())
        });
        let read_sets: Vec<Signal> = read_sets.collect();

        // Writing: the sweep, or what a walk has found.
        let fill = (&i.fill_valid & &open).named("fill");
        let fill_set = kept_sets.fill.clone();
        let filled = Slot { valid: high(), mapping: i.fill.clone() };
        let word = when(&s.sweep.clears, zeros(&Slot::widths(&self.config))).otherwise(filled).pack();
        // Block RAM leaves little time for the comparison: with what is known as it is read.
        let wanted = when(&s.sweep.reads, s.sweep.wanted())
            .or_when(&any_due, Wanted::of(&due_request, due_large.clone()))
            .or_when(&i.looks_up, Wanted::of(&i.lookup, low()))
            .otherwise(Wanted::of(&i.newest, high()));
        m.ignore(i.lookup.id.clone());
        let looked_for = s.arrived.as_ref().map_or(&s.wanted, |arrived| &arrived.wanted);
        let mut words = Vec::new();
        let (set, likeness): (Vec<Kept>, Vec<Likeness>) = (0..self.ways)
            .map(|way| {
                let ram = m
                    .memory(&format!("way_{way}"), word.width(), self.sets as usize)
                    .attribute("ram_style = \"block\", no_rw_check");
                let at = way as usize;
                let word_read = s.arrived.as_ref().map_or(&ram.read_data, |arrived| &arrived.word[at]);
                let slot = Slot::widths(&self.config).unpack(word_read);
                words.push(ram.read_data.clone());
                let clear = &s.sweep.clears & s.sweep.drops(&s.set[at], &s.likeness[at]);
                let half = self.half(way);
                ram.connect(MemoryPorts {
                    read_enable: !&stalls,
                    read_address: read_sets[half].clone(),
                    write_enable: (clear | (&fill & self.is_victim(way, &s.victim, &i.fill.size)))
                        .named(format!("write_{way}")),
                    write_address: when(&s.sweep.clears, s.sweep.set[half].clone()).otherwise(fill_set.clone()),
                    write_data: word.clone(),
                });
                let likeness = Likeness::of(&slot, looked_for, HALVES[half], self.config.has_two_hit_cycles());
                let Mapping { global, pfn, rights, .. } = slot.mapping;
                (Kept { global, pfn, rights }, likeness)
            })
            .unzip();

        // What was read for a slot from a set that was being written is read again.
        let collided_read = s.read.slot.gate(&(&collided & !&s.read_ahead));
        let begins = |those: &Signal| (&i.room & those).gate(&i.pending);
        let small_left = (&s.small_due & !due_slot.gate(&!&due_large)) | collided_read.gate(&!&s.read.large);
        // The large sizes are looked for last, so that the look at them counts only if none is left at the small one.
        let large_left = (&s.large_due & !(due_slot.gate(&due_large) & !&s.small_due)) | &collided_read;
        // All sizes were looked for, unless the small one is to be read again: the large ones then follow it once more.
        let over = s.compared.slot.gate(&(&s.compared.large & !&hit & !&stalls)) & !&s.small_due;
        let lasting = |mask: Signal| (mask & &alive).gate(&!effect);
        let read = Look {
            slot: when(&any_due, due_slot & &alive).otherwise(i.room.gate(&newest_reads)),
            large: when(&any_due, due_large).otherwise(high()),
            request: when(&any_due, due_request).otherwise(i.newest.clone()),
        };
        let came = Look {
            slot: when(&s.read_ahead, i.room.gate(&has_small)).otherwise(&s.read.slot & &alive & !&collided_read),
            large: !&s.read_ahead & &s.read.large,
            request: when(&s.read_ahead, i.newest.clone()).otherwise(s.read.request.clone()),
        };
        let (compared, next_counts) = match &s.arrived {
            None => {
                let counts = when(&s.read_ahead, (i.room.any() & &has_small) & &i.pending).otherwise(came.slot.any());
                (came.clone(), counts)
            }
            // A miss that there was not has no slot by now.
            Some(arrived) => {
                let compared = arrived.look.within(&alive);
                let counts = compared.slot.any();
                (compared, counts)
            }
        };
        let next_sets = s.kept_sets.as_ref().zip(i.ahead.as_ref()).map(|(kept, ahead)| {
            let lookup = sets_of(&ahead.vpn);
            let moving = Moving { lookup, accept: &ahead.accept, takes: &ahead.takes, room: &i.room };
            let due = kept.of_slot(&is_next);
            let due = (0..HALVES.len()).map(|half| due.in_half(half, &next_due.large));
            KeptSets {
                due: due.zip(&kept.due).map(|(due, kept)| when(&moves, due).otherwise(kept.clone())).collect(),
                swept: when(effect, sets_of(&i.invalidate.vpn)).otherwise(kept.swept.clone()),
                fill: self.fill_set(&i.fill),
                ..kept.moved(moving)
            }
        });
        let is_open = open.repeat(walks);
        let (read_small, read_large) = (&has_small & !&stalls, newest_reads & !&stalls);
        let state = L2State {
            counts: when(&stalls, (&s.compared.slot & &alive).any()).otherwise(next_counts) & &open,
            read_ahead: &moves & !&any_due & &i.looks_up,
            sets_read: (s.sets_read.iter().zip(&read_sets))
                .map(|(kept, read)| when(&stalls, kept.clone()).otherwise(read.clone()))
                .collect(),
            wrote: when(&stalls, s.wrote.clone()).otherwise(fill.clone()),
            set_written: when(&stalls, s.set_written.clone()).otherwise(fill_set),
            read: when(&stalls, s.read.within(&alive)).otherwise(read).within(&is_open),
            compared: when(&stalls, s.compared.within(&alive)).otherwise(compared).within(&is_open),
            kept_sets: next_sets,
            arrived: s.arrived.as_ref().map(|kept| {
                let arrived = Arrived { look: came, wanted: s.wanted.clone(), word: words };
                let kept = Arrived { look: kept.look.within(&alive), ..kept.clone() };
                let next = when(&stalls, kept).otherwise(arrived);
                Arrived { look: next.look.within(&is_open), ..next }
            }),
            wanted: when(&stalls, s.wanted.clone()).otherwise(wanted),
            set: when(&stalls, s.set.clone()).otherwise(set),
            likeness: when(&stalls, s.likeness.clone()).otherwise(likeness),
            small_due: lasting(when(&stalls, s.small_due.clone()).otherwise(small_left))
                | begins(&is_open.gate(&!read_small)),
            large_due: lasting(when(&stalls, s.large_due.clone()).otherwise(large_left))
                | begins(&is_open.gate(&!read_large)),
            looking: lasting(&s.looking & !&over) | begins(&is_open),
            missed: lasting(&s.missed | &over),
            order: choice.order_if(&moves, &s.order),
            due: when(&moves, Look { slot: lasting(next_due.slot), ..next_due })
                .otherwise(Look { slot: lasting(s.due.slot.clone()), ..s.due.clone() }),
            chosen: s.chosen.as_ref().map(|kept| {
                let chosen = when(&moves, next_chosen).otherwise(kept.clone());
                Chosen { slot: lasting(chosen.slot), ..chosen }
            }),
            victim: when(&fill, &s.victim + lit(self.way_bits(), 1u32)).otherwise(s.victim.clone()),
            sweep: s.sweep.next(&i.invalidate, step_sets),
        };

        let stands_once = at_most_one(&mask(&own)) & at_most_one(&mask(&shared));
        m.check("one_way_holds_a_small_page", &s.compared.large | !&s.counts | stands_once);
        m.check("no_fill_while_sweeping", !(&fill & &sweeping));
        m.assume("invalidations_wait_for_the_sweep", !(effect & &sweeping));
        m.cover("stalled", stalls.clone());
        m.cover("due", any_due.clone());
        m.cover("collided", (&collided & s.read.slot.any()).clone());
        let outputs = L2Outputs {
            compares: s.counts.clone(),
            is_global: !any_of(&own),
            overtaken: (&s.compared.slot & !&i.served).gate(&hit),
            offer,
            looking: s.looking.clone(),
            missed: s.missed.clone(),
            sweeping,
            swept: s.sweep.swept,
        };
        (outputs, state)
    }
}

impl L2 {
    /// Whether a page of this size goes into the way.
    fn is_victim(&self, way: u32, victim: &Signal, size: &Signal) -> Signal {
        let of_all = victim.eq_value(way);
        let in_half = match self.way_bits() {
            1 => high(),
            bits => victim.bits(0..bits - 1).eq_value(way % (self.ways / 2)),
        };
        let large = size.eq_value(u32::from(HALVES[self.half(way)].code())) & in_half;
        (size.is_zero() & of_all) | large
    }

    /// The set to which a mapping belongs.
    fn fill_set(&self, fill: &Mapping) -> Signal {
        one_hot_mux(PageSize::ALL.map(|size| {
            let is_size = fill.size.eq_value(u32::from(size.code()));
            (is_size, sets::of_size(&fill.vpn, size, self.set_bits()))
        }))
    }
}

impl Look {
    /// The same, but for none that is not in this mask.
    fn within(&self, slots: &Signal) -> Look {
        Look { slot: &self.slot & slots, ..self.clone() }
    }
}
