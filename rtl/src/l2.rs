//! The second level of the TLB: set-associative, in block RAM, behind the first level.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_accepted`, `lookup_vpn` | in | a lookup is accepted in this cycle; its 4 KiB set is read |
//! | `miss`, `request_*` | in | that lookup, a cycle later, has missed the first level; stable until it is answered |
//! | `answered` | in | the miss is answered in this cycle, from here or by a walk |
//! | `fill_valid`, `fill` | in | a walk has found a page; it is kept if all sizes were looked for before |
//! | `invalidate_*` | in | an invalidation takes effect in this cycle |
//! | `small_hit` | out | the miss of this cycle is answered in the next one: no walk need begin |
//! | `found_valid`, `found_*` | out | the page; it is delivered in this cycle unless an invalidation takes effect in it |
//! | `looking` | out | sizes are still to be looked for, or a page was found |
//! | `sweeping` | out | sets are being cleared; lookups go past |
//! | `swept` | out | for one cycle: the sweep of an invalidation is over |
//!
//! An entry can stand in the set of its page size only, so the sizes are looked for one after the other, while the walk
//! is already under way:
//!
//! ```text
//! cycle     0           1            2            3            4
//! lookup    accepted    L1: miss
//! read      4 KiB set   2 MiB set    1 GiB set
//! compare               4 KiB        2 MiB        1 GiB
//! answer                             4 KiB hit    2 MiB hit    1 GiB hit
//! walk                  starts       requests     ...          an answer from here ends it
//! ```
//!
//! **Invalidation.** From the cycle in which it takes effect on, what was read or found before counts for nothing, and
//! lookups go past until the sweep is over: by address it reads and clears the sets of the three sizes, else all sets.
//! With S sets to sweep, the last is clear S + 2 cycles after the acceptance. A page that a walk brings meanwhile is not
//! kept. After reset all sets are swept, since block RAM has no reset.
//!
//! ```text
//! cycle     0          1        2        3                  S + 1    S + 2    S + 3
//! sweep     accepted   effect   read 0   read 1, clear 0    ...      clear    swept
//! ```
//!
//! **Replacement.** A counter names the way, the same for all sets. A page is kept only if it was looked for in all
//! sizes before its walk, so that no page stands in two ways.
//!
//! **The set** is the xor of the page number's digits, without the ASID: a global page must be found from every space.

use hashwalk_hdl::{
    Bundle, Component, MemoryPorts, Module, Signal, any_of, bundle, first_one, high, lit, low, one_hot_mux, shape,
    states, when,
};
use hashwalk_spec::address::{ASID_BITS, PFN_BITS, VPN_BITS};
use hashwalk_spec::{Config, PageSize};

use crate::page;
use crate::ports::{self, Invalidate, Mapping, RIGHTS_BITS, SIZE_BITS};
use crate::walker::Found;

states! {
    /// Which sets were read in the cycle before.
    pub enum Reading {
        /// None that counts.
        None,
        /// Those of the lookup's 4 KiB page.
        Small,
        /// Those of the missed 2 MiB page.
        Large,
        /// Those of the missed 1 GiB page.
        Huge,
    }
}

bundle! {
    /// Inputs.
    pub struct L2Inputs {
        /// 1 bit.
        pub lookup_accepted: Signal,
        /// 52 bits.
        pub lookup_vpn: Signal,
        /// 52 bits.
        pub request_vpn: Signal,
        /// 16 bits.
        pub request_asid: Signal,
        /// 1 bit.
        pub miss: Signal,
        /// 1 bit.
        pub answered: Signal,
        /// 1 bit.
        pub fill_valid: Signal,
        /// What a walk has found.
        pub fill: Mapping,
        /// An invalidation in the cycle in which it takes effect.
        pub invalidate: Invalidate,
    }

    /// Outputs.
    pub struct L2Outputs {
        /// 1 bit.
        pub small_hit: Signal,
        /// 1 bit.
        pub found_valid: Signal,
        /// What it holds for the missed page.
        pub found: Found,
        /// 1 bit.
        pub looking: Signal,
        /// 1 bit.
        pub sweeping: Signal,
        /// 1 bit.
        pub swept: Signal,
    }

    /// The clearing of sets.
    pub struct Sweep {
        /// 1 bit: a set is read in this cycle.
        pub reads: Signal,
        /// 1 bit: the set that was read in the cycle before is cleared in this one.
        pub clears: Signal,
        /// Which set is read, or which size's.
        pub step: Signal,
        /// The set that is cleared.
        pub set: Signal,
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

    /// Registers.
    pub struct L2State {
        /// 2 bits: [`Reading`].
        pub reading: Signal,
        /// 1 bit: all sizes were looked for, and none was there.
        pub missed: Signal,
        /// 1 bit: `found` is the missed page.
        pub found_valid: Signal,
        /// The page that was found.
        pub found: Found,
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

/// A second level of `sets` sets, a power of two from 4 on, of `ways` ways, a power of two.
pub struct L2 {
    sets: u32,
    ways: u32,
}

impl L2 {
    /// The second level of a configuration; `None` if it has none.
    #[must_use]
    pub fn new(config: &Config) -> Option<L2> {
        let (sets, ways) = (config.l2_sets(), config.l2_ways());
        (sets > 0).then_some(L2 { sets, ways })
    }

    fn set_bits(&self) -> u32 {
        self.sets.ilog2()
    }

    fn way_bits(&self) -> u32 {
        self.ways.ilog2().max(1)
    }

    /// The set of the page of `size` that holds `vpn`.
    fn set_of(&self, vpn: &Signal, size: PageSize) -> Signal {
        let (low, bits) = (size.vpn_offset_bits(), self.set_bits());
        let digits = (low..VPN_BITS).step_by(bits as usize).map(|from| vpn.bits(from..VPN_BITS.min(from + bits)));
        digits.map(|digit| digit.zext(bits)).reduce(|a, b| a ^ b).expect("a page number has digits")
    }
}

impl Component for L2 {
    type Inputs = L2Inputs;
    type Outputs = L2Outputs;
    type State = L2State;

    fn name(&self) -> String {
        format!("hashwalk_l2_{}x{}", self.sets, self.ways)
    }

    fn doc(&self) -> String {
        format!("Second level of the TLB: {} sets of {} ways in block RAM.", self.sets, self.ways)
    }

    fn inputs(&self) -> L2Inputs {
        L2Inputs {
            lookup_accepted: shape(1),
            lookup_vpn: shape(VPN_BITS),
            request_vpn: shape(VPN_BITS),
            request_asid: shape(ASID_BITS),
            miss: shape(1),
            answered: shape(1),
            fill_valid: shape(1),
            fill: ports::mapping(),
            invalidate: ports::invalidate(),
        }
    }

    fn reset(&self) -> L2State {
        let (vpn, asid) = (lit(VPN_BITS, 0u32), lit(ASID_BITS, 0u32));
        L2State {
            reading: Reading::None.signal(),
            missed: low(),
            found_valid: low(),
            found: Found {
                size: lit(SIZE_BITS, 0u32),
                pfn: lit(PFN_BITS, 0u32),
                rights: lit(RIGHTS_BITS, 0u32),
                global: low(),
            },
            victim: lit(self.way_bits(), 0u32),
            // Kind 0: all.
            sweep: Sweep {
                reads: high(),
                clears: low(),
                step: lit(self.set_bits(), 0u32),
                set: lit(self.set_bits(), 0u32),
                asked: low(),
                swept: low(),
                what: What { kind: lit(2, 0u32), vpn, asid },
            },
        }
    }

    fn kernel(&self, m: &mut Module, i: L2Inputs, s: L2State) -> (L2Outputs, L2State) {
        let effect = &i.invalidate.valid;
        let sweeping = (&s.sweep.reads | &s.sweep.clears).named("sweeping");
        let is = |reading: Reading| reading.is(&s.reading);

        // Reading: the sweep, the next size of a miss, or else whatever is looked up.
        let step_set = self.sweep_set(&s.sweep);
        let next_large = (is(Reading::Small) & &i.miss).named("next_large");
        let read_set = when(&s.sweep.reads, step_set.clone())
            .or_when(&next_large, self.set_of(&i.request_vpn, PageSize::Large))
            .or_when(&is(Reading::Large), self.set_of(&i.request_vpn, PageSize::Huge))
            .otherwise(self.set_of(&i.lookup_vpn, PageSize::Small))
            .named("read_set");

        // Writing: the sweep, or what a walk has found.
        let may_fill = (&s.missed & !&sweeping & !effect).named("may_fill");
        let fill = (&i.fill_valid & may_fill).named("fill");
        let fill_set = one_hot_mux(
            PageSize::ALL.map(|size| (i.fill.size.eq_value(u32::from(size.code())), self.set_of(&i.fill.vpn, size))),
        );
        let write_set = when(&s.sweep.clears, s.sweep.set.clone()).otherwise(fill_set).named("write_set");
        let filled = Slot { valid: high(), mapping: i.fill.clone() };
        let word = when(&s.sweep.clears, blank()).otherwise(filled).pack();

        let slots: Vec<Slot> = (0..self.ways)
            .map(|way| {
                let ram = m
                    .memory(&format!("way_{way}"), word.width(), self.sets as usize)
                    .attribute("ram_style = \"block\"");
                let slot = shape_of_slot().unpack(&ram.read_data);
                let clear = &s.sweep.clears & s.sweep.drops(&slot);
                let chosen = if self.ways == 1 { high() } else { s.victim.eq_value(way) };
                ram.connect(MemoryPorts {
                    read_enable: high(),
                    read_address: read_set.clone(),
                    write_enable: (clear | (&fill & chosen)).named(format!("write_{way}")),
                    write_address: write_set.clone(),
                    write_data: word.clone(),
                });
                slot
            })
            .collect();

        // Comparing what was read in the cycle before.
        let size = one_hot_mux(
            [
                (is(Reading::Small), PageSize::Small),
                (is(Reading::Large), PageSize::Large),
                (is(Reading::Huge), PageSize::Huge),
            ]
            .map(|(reading, size)| (reading, lit(SIZE_BITS, size.code()))),
        );
        let sought = page::base(&i.request_vpn, &size).named("sought_vpn");
        let matches: Vec<Signal> = slots
            .iter()
            .enumerate()
            .map(|(way, Slot { valid, mapping })| {
                let same_space = &mapping.global | mapping.asid.eq(&i.request_asid);
                let same_page = mapping.vpn.eq(&sought) & mapping.size.eq(&size);
                (valid & same_page & same_space).named(format!("match_{way}"))
            })
            .collect();
        let looked_for = (next_large.clone() | is(Reading::Large) | is(Reading::Huge)).named("looked_for");
        let hit = (&looked_for & any_of(&matches) & !effect).named("hit");
        let found = one_hot_mux(first_one(&matches).into_iter().zip(&slots).map(|(first, slot)| {
            let Mapping { size, pfn, rights, global, .. } = slot.mapping.clone();
            (first, Found { size, pfn, rights, global })
        }));

        let open = (!effect & !&sweeping).named("open");
        let go_on = (!effect & !&hit & !&i.answered).named("go_on");
        let reading = when(&(&next_large & &go_on), Reading::Large.signal())
            .or_when(&(is(Reading::Large) & &go_on), Reading::Huge.signal())
            .or_when(&(&i.lookup_accepted & &open), Reading::Small.signal())
            .otherwise(Reading::None.signal());
        let found_valid = (&s.found_valid | &hit) & !effect & !&i.answered;
        let state = L2State {
            missed: when(&i.lookup_accepted, low()).or_when(&is(Reading::Huge), go_on).otherwise(&s.missed & !effect),
            found: when(&hit, found).otherwise(s.found.clone()),
            victim: when(&fill, &s.victim + lit(self.way_bits(), 1u32)).otherwise(s.victim.clone()),
            sweep: self.next_sweep(&s.sweep, &i.invalidate, step_set),
            reading: reading.named("reading_next"),
            found_valid,
        };

        m.check("found_only_for_a_miss", !&s.found_valid | !&i.lookup_accepted);
        m.check("no_fill_while_sweeping", !(&fill & &sweeping));
        m.assume("invalidations_wait_for_the_sweep", !(effect & &sweeping));
        let outputs = L2Outputs {
            small_hit: &hit & is(Reading::Small),
            found_valid: s.found_valid.clone(),
            found: s.found,
            looking: looked_for | &s.found_valid,
            sweeping,
            swept: s.sweep.swept,
        };
        (outputs, state)
    }
}

impl L2 {
    /// The set that the sweep reads: by address that of a size, else the next one.
    fn sweep_set(&self, sweep: &Sweep) -> Signal {
        let of_size =
            |size: PageSize| (sweep.step.eq_value(u32::from(size.code())), self.set_of(&sweep.what.vpn, size));
        when(&sweep.what.kind.bit(1), one_hot_mux(PageSize::ALL.map(of_size)))
            .otherwise(sweep.step.clone())
            .named("step_set")
    }

    fn next_sweep(&self, s: &Sweep, invalidate: &Invalidate, step_set: Signal) -> Sweep {
        let last = when(&s.what.kind.bit(1), s.step.eq_value(PageSize::ALL.len() as u32 - 1)).otherwise(s.step.all());
        let Invalidate { kind, vpn, asid, .. } = invalidate.clone();
        Sweep {
            reads: &invalidate.valid | (&s.reads & !last),
            clears: s.reads.clone(),
            step: when(&s.reads, &s.step + lit(self.set_bits(), 1u32)).otherwise(lit(self.set_bits(), 0u32)),
            set: step_set,
            asked: when(&invalidate.valid, high()).otherwise(s.asked.clone()),
            swept: &s.clears & !&s.reads & &s.asked,
            what: when(&invalidate.valid, What { kind, vpn, asid }).otherwise(s.what.clone()),
        }
    }
}

impl Sweep {
    /// Whether what it clears is in this place.
    fn drops(&self, slot: &Slot) -> Signal {
        let What { kind, vpn, asid } = &self.what;
        let small = lit(SIZE_BITS, PageSize::Small.code());
        let page = !kind.bit(1) | page::overlap(&slot.mapping.vpn, &slot.mapping.size, vpn, &small);
        let space = !kind.bit(0) | (slot.mapping.asid.eq(asid) & !&slot.mapping.global);
        page & space
    }
}

fn shape_of_slot() -> Slot {
    Slot { valid: shape(1), mapping: ports::mapping() }
}

/// A place that holds nothing.
fn blank() -> Slot {
    shape_of_slot().map("", &mut |_, leaf| lit(leaf.width(), 0u32))
}
