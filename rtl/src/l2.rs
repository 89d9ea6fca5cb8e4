//! The second level of the TLB: set-associative, in block RAM, all page sizes.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_vpn` | in | whatever is looked up in this cycle; its 4 KiB set is read if nobody else reads |
//! | `allocate`, `vacant`, `newest_*`, `fresh` | in | a miss takes a slot; it was looked up in the cycle before |
//! | `slots_*`, `answered` | in | the walks' requests; those that are answered in this cycle |
//! | `can_take` | in | an answer from here would be taken in this cycle |
//! | `fill_valid`, `fill` | in | a page that a walk has found is kept |
//! | `invalidate_*` | in | an invalidation takes effect in this cycle |
//! | `offer_*` | out | a page for a slot's request; `valid` only while it is taken |
//! | `compares` | out | an offer may come in this cycle |
//! | `overtaken` | out | the slot for which a page is found, taken or not: no read need be made for it |
//! | `looking` | out | slots for which sizes are still to be looked for |
//! | `missed` | out | slots for whose request all sizes were looked for, and none was there |
//! | `sweeping` | out | sets are being cleared; lookups go past |
//! | `swept` | out | for one cycle: the sweep of an invalidation is over |
//!
//! 4 KiB pages may stand in every way, 2 MiB pages in the lower half of them, 1 GiB pages in the upper half. So two reads
//! look for all sizes:
//!
//! ```text
//! cycle     0           1            2            3            4
//! lookup    accepted    L1: miss
//! read      4 KiB set   2 MiB and 1 GiB sets
//! register              4 KiB set    the others
//! compare                            4 KiB        the others
//! answer                                          4 KiB hit    other hit
//! walk                  starts       requests     ...          an answer from here ends it
//! ```
//!
//! There is one read a cycle. The sweep has it first, then slots whose sets could not be read in their turn (`due`), then
//! the newest miss, then what is looked up. What was read waits in the register while the answer is not taken.
//!
//! **Invalidation.** From the cycle in which it takes effect on, what was read or found before counts for nothing, and
//! lookups go past until the sweep is over: by address it reads and clears the 4 KiB sets, then the others, else all sets.
//! With S steps, the last is clear S + 3 cycles after the acceptance. A page that a walk brings meanwhile is not
//! kept. After reset all sets are swept, since block RAM has no reset.
//!
//! ```text
//! cycle     0          1        2        3        4                  S + 1    S + 2    S + 3    S + 4
//! sweep     accepted   effect   read 0   read 1   read 2, clear 0    ...      ...      clear    swept
//! ```
//!
//! **What is read while it is written** is unknown: the RAM promises nothing then, so that it needs no bypass. A look at
//! such a set counts for nothing and is made again, a cycle or more later. The sweep writes no set that is being read.
//!
//! **Replacement.** A counter names the way, the same for all sets. A page is kept only if it was looked for in all
//! sizes before its walk, so that no page stands in two ways.
//!
//! **D.** Where the hardware looks at D, no page comes here that could be written but for its D: its first write would have
//! to find it again to drop it. So whatever is here answers writes, and D takes no room.
//!
//! Pages that overlap can stand here together, when software has replaced one by the other and not invalidated it yet: of
//! a 2 MiB page and a 1 GiB page the 2 MiB page is found, and of a page of the request's own and a global one of the same
//! size any one, never both.
//!
//! **The set** is the xor of the page number's digits, without the ASID: a global page must be found from every space.

use hashwalk_hdl::{
    Bundle, Component, MemoryPorts, Module, Signal, all_of, any_of, at_most_one, bundle, concat, high, lit, low,
    one_hot_mux, one_hot_of, shape, when,
};
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};
use hashwalk_spec::{Config, PageSize};

use crate::page;
use crate::ports::{self, Invalidate, Mapping, Request, SIZE_BITS, zeros};
use crate::walker::arbiter::round_robin;
use crate::walker::{Offer, Waiting};

bundle! {
    /// Inputs.
    pub struct L2Inputs {
        /// 52 bits.
        pub lookup_vpn: Signal,
        /// 1 bit.
        pub allocate: Signal,
        /// One-hot.
        pub vacant: Signal,
        /// What missed.
        pub newest: Request,
        /// 1 bit.
        pub fresh: Signal,
        /// Who waits.
        pub slots: Vec<Waiting>,
        /// A bit for each slot.
        pub answered: Signal,
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

    /// The clearing of sets.
    pub struct Sweep {
        /// 1 bit: a set is read in this cycle.
        pub reads: Signal,
        /// 1 bit: a set was read in the cycle before.
        pub comes: Signal,
        /// 1 bit: the set that was read two cycles before is cleared in this one.
        pub clears: Signal,
        /// Which set is read; by address 0 for that of the 4 KiB page, 1 for the others.
        pub step: Signal,
        /// The sets that were read in the cycle before, in the lower and in the upper ways.
        pub set_read: Vec<Signal>,
        /// Those that are cleared.
        pub set: Vec<Signal>,
        /// 1 bit: an invalidation began it, not reset.
        pub asked: Signal,
        /// 1 bit: it ended in the cycle before.
        pub swept: Signal,
        /// What is cleared.
        pub what: What,
    }

    /// What an invalidation names.
    pub struct What {
        /// 2 bits: all, ASID, address, address in ASID.
        pub kind: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
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

    /// Registers.
    pub struct L2State {
        /// 1 bit: what was looked up in the cycle before has its 4 KiB set read.
        pub read_ahead: Signal,
        /// What was read in the cycle before, if it was for a slot.
        pub read: Look,
        /// The sets that were read last, in the lower and in the upper ways.
        pub sets_read: Vec<Signal>,
        /// 1 bit: a page was written in the cycle of that read.
        pub wrote: Signal,
        /// To this set.
        pub set_written: Signal,
        /// What is compared in this cycle, if it counts.
        pub compared: Look,
        /// 1 bit: it does, for it is for a slot that waits.
        pub counts: Signal,
        /// The set for it.
        pub set: Vec<Slot>,
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
        /// Whose turn it is to be next.
        pub turn: Option<Signal>,
        /// The way that is filled next.
        pub victim: Signal,
        /// The sweep.
        pub sweep: Sweep,
    }

    /// A word of a way.
    pub struct Slot {
        /// 1 bit.
        pub valid: Signal,
        /// What it holds.
        pub mapping: Mapping,
    }
}

/// A second level of `sets` sets, a power of two from 4 on, of `ways` ways, 2, 4 or 8.
pub struct L2 {
    sets: u32,
    ways: u32,
    config: Config,
}

/// The halves of the ways, and the large page size of each.
const HALVES: [PageSize; 2] = [PageSize::Large, PageSize::Huge];

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

    /// The set of the page of `size` that holds `vpn`.
    fn set_of(&self, vpn: &Signal, size: PageSize) -> Signal {
        let (low, bits) = (size.vpn_offset_bits(), self.set_bits());
        let digits = (low..VPN_BITS).step_by(bits as usize).map(|from| vpn.bits(from..VPN_BITS.min(from + bits)));
        digits.map(|digit| digit.zext(bits)).reduce(|a, b| a ^ b).expect("a page number has digits")
    }

    /// The set of a half in which the page stands: of 4 KiB, or of the half's size.
    fn set_in_half(&self, vpn: &Signal, large: &Signal, size: PageSize) -> Signal {
        when(large, self.set_of(vpn, size)).otherwise(self.set_of(vpn, PageSize::Small))
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
            lookup_vpn: shape(VPN_BITS),
            allocate: shape(1),
            vacant: shape(walks),
            newest: ports::request(),
            fresh: shape(1),
            slots: vec![waiting; walks as usize],
            answered: shape(walks),
            can_take: shape(1),
            fill_valid: shape(1),
            fill: kept(&self.config),
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
            sets_read: vec![set.clone(); 2],
            wrote: low(),
            set_written: set.clone(),
            compared: look.clone(),
            counts: low(),
            due: look,
            set: vec![zeros(&shape_of_slot(&self.config)); self.ways as usize],
            small_due: none.clone(),
            large_due: none.clone(),
            looking: none.clone(),
            missed: none.clone(),
            turn: (walks > 1).then_some(none),
            victim: lit(self.way_bits(), 0u32),
            // Kind 0: all.
            sweep: Sweep {
                reads: high(),
                comes: low(),
                clears: low(),
                step: set.clone(),
                set_read: vec![set.clone(); 2],
                set: vec![set; 2],
                asked: low(),
                swept: low(),
                what: What { kind: lit(2, 0u32), vpn: lit(VPN_BITS, 0u32), asid: lit(ASID_BITS, 0u32) },
            },
        }
    }

    fn kernel(&self, m: &mut Module, i: L2Inputs, s: L2State) -> (L2Outputs, L2State) {
        let walks = self.config.walks();
        let effect = &i.invalidate.valid;
        let sweeping = any_of([&s.sweep.reads, &s.sweep.comes, &s.sweep.clears]).named("sweeping");
        let open = (!effect & !&sweeping).named("open");
        let alive = concat(i.slots.iter().rev().map(|slot| &slot.alive)) & !&i.answered;

        // Comparing what was read.
        let matching: Vec<Signal> = (0..).zip(&s.set).map(|(way, slot)| self.matches(way, slot, &s.compared)).collect();
        let globals: Vec<&Signal> = s.set.iter().map(|slot| &slot.mapping.global).collect();
        let own: Vec<Signal> = matching.iter().zip(&globals).map(|(matches, global)| matches & !*global).collect();
        let shared: Vec<Signal> = matching.iter().zip(&globals).map(|(matches, global)| matches & *global).collect();
        let (lower, upper) = (0..matching.len()).partition::<Vec<usize>, _>(|way| *way < matching.len() / 2);
        let of = |each: &[Signal], ways: &[usize]| any_of(ways.iter().map(|way| &each[*way]));
        let in_lower = of(&matching, &lower).named("in_lower");
        let (own_in_lower, own_in_upper) = (of(&own, &lower), of(&own, &upper));
        let matches: Vec<Signal> = (0..matching.len())
            .map(|way| match lower.contains(&way) {
                true => &own[way] | (&shared[way] & !&own_in_lower),
                false => (&own[way] | (&shared[way] & !&own_in_upper)) & !&in_lower,
            })
            .collect();
        let compares = (&s.compared.slot & &alive).any().named("compares");
        let hit = (&compares & any_of(&matches) & !effect).named("hit");
        let stalls = (&s.counts & !&i.can_take & !effect).named("stalls");
        let found: Mapping = one_hot_of(&matches, &s.set, |slot| slot.mapping.clone());
        let faults = matches
            .iter()
            .cloned()
            .zip(s.set.iter().map(|slot| page::denial(&slot.mapping.rights, &s.compared.request)));
        let offer = Offer {
            valid: &hit & &i.can_take,
            slot: s.compared.slot.clone(),
            request: s.compared.request.clone(),
            fault: one_hot_mux(faults),
            is_mapping: high(),
            mapping: Mapping { dirty: self.config.marks().is_checked().then(high), ..found },
        };

        // Who reads in this cycle: the sweep, a slot that could not before, the newest miss, whatever is looked up.
        let Look { slot: due_slot, large: due_large, request: due_request } = s.due.clone();
        let any_due = due_slot.any().named("any_due");
        let waits: Vec<Signal> = (0..walks)
            .map(|n| (s.small_due.bit(n) | s.large_due.bit(n)) & &i.slots[n as usize].alive & !due_slot.bit(n))
            .collect();
        let choice = round_robin(&waits, s.turn.as_ref());
        let chosen_next = concat(choice.granted.iter().rev());
        let next_request = one_hot_of(&choice.granted, &i.slots, |slot| slot.request.clone());
        let next_due = Look { large: (&chosen_next & !&s.small_due).any(), slot: chosen_next, request: next_request };
        let moves = (&open & !&stalls).named("moves");
        let begins = (&i.allocate & &open).named("begins");
        let collided = (&s.wrote & any_of(s.sets_read.iter().map(|set| set.eq(&s.set_written)))).named("collided");
        // Whether there is a miss is known last. Until then the slot that it would take stands for it: where there is none,
        // that slot does not wait in the next cycle, and what is read for it counts for nothing.
        let has_small = all_of([&open, &i.fresh, &s.read_ahead, &!&collided, &!&stalls]).named("has_small");
        let newest_reads = (&has_small & !&any_due).named("newest_reads");
        let turn_of_newest = all_of([&i.allocate, &i.fresh, &s.read_ahead, &!&collided, &!&any_due, &!&s.sweep.reads]);
        let step_sets = self.sweep_sets(&s.sweep);
        let read_sets = HALVES.iter().zip(&step_sets).map(|(size, step_set)| {
            when(&turn_of_newest, self.set_of(&i.newest.vpn, *size))
                .or_when(&s.sweep.reads, step_set.clone())
                .or_when(&any_due, self.set_in_half(&due_request.vpn, &due_large, *size))
                .otherwise(self.set_of(&i.lookup_vpn, PageSize::Small))
        });
        let read_sets: Vec<Signal> = read_sets.collect();

        // Writing: the sweep, or what a walk has found.
        let fill = (&i.fill_valid & &open).named("fill");
        let fill_set = one_hot_mux(
            PageSize::ALL.map(|size| (i.fill.size.eq_value(u32::from(size.code())), self.set_of(&i.fill.vpn, size))),
        );
        let filled = Slot { valid: high(), mapping: i.fill.clone() };
        let word = when(&s.sweep.clears, zeros(&shape_of_slot(&self.config))).otherwise(filled).pack();
        let slots: Vec<Slot> = (0..self.ways)
            .map(|way| {
                let ram = m
                    .memory(&format!("way_{way}"), word.width(), self.sets as usize)
                    .attribute("ram_style = \"block\", no_rw_check");
                let slot = shape_of_slot(&self.config).unpack(&ram.read_data);
                let clear = &s.sweep.clears & s.sweep.drops(&s.set[way as usize]);
                let half = self.half(way);
                ram.connect(MemoryPorts {
                    read_enable: !&stalls,
                    read_address: read_sets[half].clone(),
                    write_enable: (clear | (&fill & self.is_victim(way, &s.victim, &i.fill.size)))
                        .named(format!("write_{way}")),
                    write_address: when(&s.sweep.clears, s.sweep.set[half].clone()).otherwise(fill_set.clone()),
                    write_data: word.clone(),
                });
                slot
            })
            .collect();

        // What was read for a slot from a set that was being written is read again.
        let again = s.read.slot.gate(&(&collided & !&s.read_ahead & !&stalls)).named("again");
        let small_again = again.gate(&!&s.read.large);
        let begun = i.vacant.gate(&begins);
        let chosen = due_slot.gate(&moves);
        let small_chosen = chosen.gate(&!&due_large);
        let large_chosen = chosen.gate(&due_large);
        // All sizes were looked for, unless the small one is to be read again: the large ones then follow it once more.
        let over = s.compared.slot.gate(&(&s.compared.large & !&hit & !&stalls)) & !&s.small_due;
        let lasting = |mask: Signal| (mask & &alive).gate(&!effect);
        let read = Look {
            slot: when(&any_due, due_slot & &alive).otherwise(i.vacant.gate(&newest_reads)),
            large: when(&any_due, due_large).otherwise(high()),
            request: when(&any_due, due_request).otherwise(i.newest.clone()),
        };
        let compared = Look {
            slot: when(&s.read_ahead, i.vacant.gate(&has_small)).otherwise(&s.read.slot & &alive & !&again),
            large: !&s.read_ahead & &s.read.large,
            request: when(&s.read_ahead, i.newest.clone()).otherwise(s.read.request.clone()),
        };
        let next_counts = when(&s.read_ahead, &i.allocate & &has_small).otherwise(compared.slot.any());
        let state = L2State {
            counts: when(&stalls, compares).otherwise(&next_counts & &open),
            read_ahead: &moves & !&any_due & !(&i.allocate & &newest_reads),
            sets_read: (s.sets_read.iter().zip(&read_sets))
                .map(|(kept, read)| when(&stalls, kept.clone()).otherwise(read.clone()))
                .collect(),
            wrote: when(&stalls, s.wrote.clone()).otherwise(fill.clone()),
            set_written: when(&stalls, s.set_written.clone()).otherwise(fill_set),
            read: when(&stalls, Look { slot: &s.read.slot & &alive, ..s.read.clone() })
                .otherwise(Look { slot: read.slot.gate(&open), ..read }),
            compared: when(&stalls, Look { slot: &s.compared.slot & &alive, ..s.compared.clone() })
                .otherwise(Look { slot: compared.slot.gate(&open), ..compared }),
            set: when(&stalls, s.set.clone()).otherwise(slots),
            small_due: lasting((&s.small_due & !small_chosen) | small_again) | begun.gate(&!&has_small),
            large_due: lasting((&s.large_due & !large_chosen) | again) | begun.gate(&!&newest_reads),
            looking: lasting(&s.looking & !&over) | &begun,
            missed: lasting(&s.missed | &over),
            turn: choice.turn.zip(s.turn).map(|(next, turn)| when(&moves, next).otherwise(turn)),
            due: when(&moves, Look { slot: lasting(next_due.slot), ..next_due })
                .otherwise(Look { slot: lasting(s.due.slot.clone()), ..s.due.clone() }),
            victim: when(&fill, &s.victim + lit(self.way_bits(), 1u32)).otherwise(s.victim.clone()),
            sweep: self.next_sweep(&s.sweep, &i.invalidate, step_sets),
        };

        let mask = |each: &[Signal]| concat(each.iter().rev());
        m.check("one_way_matches", !&s.counts | at_most_one(&mask(&matches)));
        let stands_once = at_most_one(&mask(&own)) & at_most_one(&mask(&shared));
        m.check("one_way_holds_a_small_page", &s.compared.large | !&s.counts | stands_once);
        m.check("no_fill_while_sweeping", !(&fill & &sweeping));
        m.assume("invalidations_wait_for_the_sweep", !(effect & &sweeping));
        m.cover("stalled", stalls.clone());
        m.cover("due", any_due.clone());
        m.cover("collided", (&collided & s.read.slot.any()).clone());
        let outputs = L2Outputs {
            compares: s.counts.clone(),
            overtaken: s.compared.slot.gate(&hit),
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
    /// Whether a way holds the page that is looked for, in a size that was read.
    fn matches(&self, way: u32, slot: &Slot, look: &Look) -> Signal {
        let code = |size: PageSize| lit(SIZE_BITS, size.code());
        let size = when(&look.large, code(HALVES[self.half(way)])).otherwise(code(PageSize::Small));
        let Slot { valid, mapping } = slot;
        let same_page = mapping.vpn.eq(&page::base(&look.request.vpn, &size)) & mapping.size.eq(&size);
        let same_space = &mapping.global | mapping.asid.eq(&look.request.asid);
        (valid & same_page & same_space).named(format!("match_{way}"))
    }

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

    /// The sets that the sweep reads in the lower and the upper ways.
    fn sweep_sets(&self, sweep: &Sweep) -> Vec<Signal> {
        let of_half = |size: PageSize| {
            let large = sweep.step.bit(0);
            when(&sweep.what.kind.bit(1), self.set_in_half(&sweep.what.vpn, &large, size))
                .otherwise(sweep.step.clone())
                .named(format!("step_set_{}", size.code()))
        };
        HALVES.map(of_half).to_vec()
    }

    fn next_sweep(&self, s: &Sweep, invalidate: &Invalidate, step_sets: Vec<Signal>) -> Sweep {
        let last = when(&s.what.kind.bit(1), s.step.bit(0)).otherwise(s.step.all());
        let Invalidate { kind, vpn, asid, .. } = invalidate.clone();
        Sweep {
            reads: &invalidate.valid | (&s.reads & !last),
            comes: s.reads.clone(),
            clears: s.comes.clone(),
            step: when(&s.reads, &s.step + lit(self.set_bits(), 1u32)).otherwise(lit(self.set_bits(), 0u32)),
            set_read: step_sets,
            set: s.set_read.clone(),
            asked: when(&invalidate.valid, high()).otherwise(s.asked.clone()),
            swept: &s.clears & !&s.comes & &s.asked,
            what: when(&invalidate.valid, What { kind, vpn, asid }).otherwise(s.what.clone()),
        }
    }
}

impl Sweep {
    /// Whether what it clears is in this place.
    fn drops(&self, slot: &Slot) -> Signal {
        let What { kind, vpn, asid } = &self.what;
        page::is_named(kind, vpn, asid, &slot.mapping)
    }
}

fn shape_of_slot(config: &Config) -> Slot {
    Slot { valid: shape(1), mapping: kept(config) }
}

/// The widths of a mapping as it is kept here.
fn kept(config: &Config) -> Mapping {
    Mapping { dirty: None, ..ports::mapping(config) }
}
