//! The TLB: fully associative, three page sizes in every slot, tree pseudo-LRU.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_*` | in | cycle t: the key, compared with every slot |
//! | `touch` | in | cycle t + 1: that comparison was of a real request |
//! | `hit`, `found_*` | out | cycle t + 1: the slot that matched |
//! | `next_*` | in | the page that is refilled, or named by an invalidation, in the next cycle, if any is; only where there are many slots |
//! | `refill_*` | in | the mapping is written at the end of the cycle |
//! | `invalidate_*` | in | slots are dropped at the end of the cycle |
//!
//! ```text
//! cycle      t                t + 1
//! lookup     compare          found = slots[hits]      the comparison's result is registered, the slots are read
//! refill     write, drop      seen by lookups          from t + 1 on
//! invalidate drop             seen by lookups
//! ```
//!
//! Refill and invalidation share one comparator a slot, so they never come in one cycle; the delivery waits. The page that
//! all of many slots are compared with stands in a register here, filled a cycle before, since the way to them is long. A refill
//! drops what it overlaps, so at most one slot matches. A lookup in the cycle of a refill is compared with what is
//! written too: if that is its page it hits the slot that is written, and no other; the slot that gives way is hit no
//! more, since its content is gone in t + 1. Dropping clears only a slot's valid bit.
//!
//! **Replacement.** Which slot gives way is worked out a cycle before, from what was in use then. It takes the longest to know,
//! and there are always two cycles from one refill to the next.
//!
//! **D.** Where the hardware looks at D, a write that a slot would let pass but for its D hits nothing. Its walk sets D, and
//! the refill takes the slot's place.
//!
//! Reset: every slot is unused, the victim is slot 0.

use hashwalk_hdl::{
    Component, Module, Signal, all_of, any_of, at_most_one, bundle, concat, first_one, lit, low, one_hot_mux, shape,
    when,
};
use hashwalk_spec::address::{ASID_BITS, PFN_BITS, VPN_BITS};
use hashwalk_spec::{Config, PageSize};

use crate::page;
use crate::ports::{self, Invalidate, Mapping, RIGHTS_BITS, SIZE_BITS, zeros};
use crate::replacement;

bundle! {
    /// What the TLB is asked.
    pub struct TlbInputs {
        /// 52 bits.
        pub lookup_vpn: Signal,
        /// 16 bits.
        pub lookup_asid: Signal,
        /// How the page is accessed; only where the hardware looks at D.
        pub lookup: Option<AccessKind>,
        /// 1 bit.
        pub touch: Signal,
        /// What is written or dropped in the next cycle, if anything is; only if [`Tlb::is_large`].
        pub next: Option<Target>,
        /// 1 bit: write `refill`.
        pub refill_valid: Signal,
        /// What is written.
        pub refill: Mapping,
        /// What is dropped.
        pub invalidate: Invalidate,
    }

    /// A page that is written or dropped.
    pub struct Target {
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 2 bits: 4 KiB of what is dropped.
        pub size: Signal,
    }

    /// How a page is accessed.
    pub struct AccessKind {
        /// 2 bits: read, write, fetch.
        pub access: Signal,
        /// 1 bit: user mode.
        pub user: Signal,
    }

    /// What it found for the lookup of the cycle before.
    pub struct TlbOutputs {
        /// 1 bit.
        pub hit: Signal,
        /// The slot that matched; 0 if none did.
        pub found: Found,
    }

    /// What a hit needs of a mapping.
    pub struct Found {
        /// 2 bits.
        pub size: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 4 bits.
        pub rights: Signal,
    }

    /// A place for one mapping.
    pub struct Slot {
        /// 1 bit.
        pub valid: Signal,
        /// What it holds.
        pub mapping: Mapping,
    }

    /// The registers.
    pub struct TlbState {
        /// The translations.
        pub slot: Vec<Slot>,
        /// One bit a slot: it matched the lookup of the cycle before.
        pub hits: Signal,
        /// A bit for each [`GROUP`] of them, where there are many: any of these did.
        pub hit_groups: Option<Signal>,
        /// One bit for each split of the replacement tree.
        pub tree: Signal,
        /// What is written or dropped in this cycle; only of a TLB with many slots.
        pub target: Option<Target>,
        /// One-hot: the slot that a refill is written to.
        pub victim: Signal,
        /// 1 bit: there was one in the cycle before.
        pub refilled: Signal,
    }
}

/// Of so many slots it is known at once whether any was hit: one table of four inputs, beside what is written.
const GROUP: u32 = 2;

/// A first level of more slots is large.
const SMALL: u32 = 8;

impl Target {
    /// The widths.
    #[must_use]
    pub fn widths() -> Target {
        Target { vpn: shape(VPN_BITS), asid: shape(ASID_BITS), size: shape(SIZE_BITS) }
    }

    /// Of a mapping that is written.
    #[must_use]
    pub fn of_mapping(mapping: &Mapping) -> Target {
        Target { vpn: mapping.vpn.clone(), asid: mapping.asid.clone(), size: mapping.size.clone() }
    }

    /// Of an invalidation.
    #[must_use]
    pub fn of_invalidation(invalidate: &Invalidate) -> Target {
        let Invalidate { vpn, asid, .. } = invalidate.clone();
        Target { vpn, asid, size: lit(SIZE_BITS, PageSize::Small.code()) }
    }
}

impl Found {
    /// The widths.
    #[must_use]
    pub fn widths() -> Found {
        Found { size: shape(SIZE_BITS), pfn: shape(PFN_BITS), rights: shape(RIGHTS_BITS) }
    }
}

/// The first level of a configuration.
pub struct Tlb {
    config: Config,
    /// 4 to 64.
    slots: u32,
}

impl Tlb {
    /// The first level of this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Tlb {
        Tlb { config: config.clone(), slots: config.tlb_entries() }
    }
}

impl Component for Tlb {
    type Inputs = TlbInputs;
    type Outputs = TlbOutputs;
    type State = TlbState;

    fn name(&self) -> String {
        format!("hashwalk_tlb_{}", self.slots)
    }

    fn doc(&self) -> String {
        format!("Fully associative TLB of {} slots; a lookup is answered in the next cycle.", self.slots)
    }

    fn inputs(&self) -> TlbInputs {
        TlbInputs {
            lookup_vpn: shape(VPN_BITS),
            lookup_asid: shape(ASID_BITS),
            lookup: self.config.marks().is_checked().then(|| AccessKind { access: shape(2), user: shape(1) }),
            touch: shape(1),
            next: self.is_large().then(Target::widths),
            refill_valid: shape(1),
            refill: ports::mapping(&self.config),
            invalidate: ports::invalidate(),
        }
    }

    fn reset(&self) -> TlbState {
        let slot = Slot { valid: low(), mapping: zeros(&ports::mapping(&self.config)) };
        TlbState {
            slot: vec![slot; self.slots as usize],
            hits: lit(self.slots, 0u32),
            hit_groups: self.is_large().then(|| lit(self.slots.div_ceil(GROUP), 0u32)),
            tree: lit(self.slots - 1, 0u32),
            target: self.is_large().then(|| zeros(&Target::widths())),
            victim: lit(self.slots, 1u32),
            refilled: low(),
        }
    }

    fn kernel(&self, m: &mut Module, i: TlbInputs, s: TlbState) -> (TlbOutputs, TlbState) {
        let hits: Vec<Signal> = (0..self.slots).map(|n| s.hits.bit(n)).collect();
        let found = one_hot_mux(hits.iter().zip(&s.slot).map(|(hit, slot)| {
            let Mapping { size, pfn, rights, .. } = slot.mapping.clone();
            (hit.clone(), Found { size, pfn, rights })
        }));

        let named =
            when(&i.invalidate.valid, Target::of_invalidation(&i.invalidate)).otherwise(Target::of_mapping(&i.refill));
        let (target, refill) = match s.target.clone() {
            None => (named, i.refill.clone()),
            Some(target) => {
                // Of an invalidation only what it names counts.
                let names = |bit: u32| &i.refill_valid | (&i.invalidate.valid & i.invalidate.kind.bit(bit));
                let same_page = target.vpn.eq(&named.vpn) & target.size.eq(&named.size);
                m.check("the_target_page_was_known", !names(1) | same_page);
                m.check("the_target_space_was_known", !names(0) | target.asid.eq(&named.asid));
                let Target { vpn, asid, size } = target.clone();
                (target, Mapping { vpn, asid, size, ..i.refill.clone() })
            }
        };
        let is_refilled = (self.is_of_refill(&i, &refill) & &i.refill_valid).named("is_refilled");
        let hits_refill = !bars(&refill, i.lookup.as_ref());
        let victims: Vec<Signal> = (0..self.slots).map(|n| s.victim.bit(n)).collect();
        let next_victims = concat(next_victims(&s).iter().rev());
        let writes: Vec<Signal> = victims.iter().map(|victim| victim & &i.refill_valid).collect();
        let maintenance = Maintenance::new(&i, &target);
        let slots = s.slot.iter().zip(&writes).enumerate().map(|(n, (slot, write))| {
            let drop = maintenance.drops(&slot.mapping).named(format!("drop_{n}"));
            let write = write.named(format!("write_{n}"));
            // Nothing changes but for a refill or an invalidation.
            Slot {
                valid: when(&maintenance.active, &write | (&slot.valid & !drop)).otherwise(slot.valid.clone()),
                mapping: when(&write, refill.clone()).otherwise(slot.mapping.clone()),
            }
        });

        // Whether there is a refill is known last: what it changes is worked out beside.
        let touched: Vec<Signal> = hits.iter().map(|hit| hit & &i.touch).collect();
        let tree = replacement::touched(&s.tree, &touched);
        let matches = s.slot.iter().zip(&writes).map(|(slot, write)| {
            matches(slot, &i.lookup_vpn, &i.lookup_asid) & !bars(&slot.mapping, i.lookup.as_ref()) & !write
        });
        let matches: Vec<Signal> = matches.collect();
        // Any of these slots is hit: the one that is written, or those that stay as they are.
        let any_hit = |victims: &[Signal], matches: &[Signal]| {
            when(&is_refilled, any_of(victims) & &hits_refill).otherwise(any_of(matches))
        };
        let in_groups = |size: u32| {
            let groups = victims.chunks(size as usize).zip(matches.chunks(size as usize)).rev();
            concat(groups.map(|(victims, matches)| any_hit(victims, matches)))
        };
        let hit = s.hit_groups.as_ref().unwrap_or(&s.hits).any().named("hit_any");
        m.check("at_most_one_hit", !&i.touch | at_most_one(&s.hits));
        m.check("refills_apart", !(&i.refill_valid & &s.refilled));
        let state = TlbState {
            slot: slots.collect(),
            hits: in_groups(1),
            hit_groups: s.hit_groups.map(|_| in_groups(GROUP)),
            tree: when(&i.refill_valid, replacement::touched(&tree, &victims)).otherwise(tree),
            target: i.next,
            victim: next_victims,
            refilled: i.refill_valid.clone(),
        };
        m.check("refill_and_invalidate_apart", !(&i.refill_valid & &i.invalidate.valid));
        (TlbOutputs { hit, found }, state)
    }
}

impl Tlb {
    /// Whether it has so many slots that some things had better be known a cycle before: those take the [`Target`] then.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.slots > SMALL
    }

    /// Whether a lookup is of the page that may be written in this cycle.
    fn is_of_refill(&self, i: &TlbInputs, refill: &Mapping) -> Signal {
        let Mapping { vpn, asid, global, size, .. } = refill;
        let same_page = page::overlap(vpn, size, &i.lookup_vpn, &lit(SIZE_BITS, 0u32));
        same_page & (global | asid.eq(&i.lookup_asid))
    }
}

/// Whether a lookup hits the slot.
fn matches(slot: &Slot, vpn: &Signal, asid: &Signal) -> Signal {
    let Mapping { vpn: first, asid: space, global, size, .. } = &slot.mapping;
    let same_page = page::overlap(first, size, vpn, &lit(SIZE_BITS, 0u32));
    let same_space = global | space.eq(asid);
    &slot.valid & same_page & same_space
}

/// Whether a slot with this mapping may not answer the lookup although it is of its page: a first write.
fn bars(mapping: &Mapping, lookup: Option<&AccessKind>) -> Signal {
    lookup.map_or_else(low, |lookup| page::lacks_dirty(mapping, &lookup.access, &lookup.user))
}

/// The slot to write in the next cycle, one-hot: the first unused one, else the tree's victim.
fn next_victims(s: &TlbState) -> Vec<Signal> {
    let unused: Vec<Signal> = s.slot.iter().map(|slot| !&slot.valid).collect();
    let full = all_of(s.slot.iter().map(|slot| &slot.valid)).named("full");
    let oldest = replacement::victim(&s.tree, s.slot.len());
    let free = first_one(&unused);
    oldest
        .iter()
        .zip(free)
        .enumerate()
        .map(|(n, (oldest, free))| ((oldest & &full) | free).named(format!("victim_{n}")))
        .collect()
}

/// What the shared comparators look for in this cycle: the slots that an invalidation names, or else those that the
/// mapping to be written overlaps.
struct Maintenance {
    target: Target,
    /// Drop whatever the page.
    any_page: Signal,
    /// Drop whatever the address space, global slots too.
    any_space: Signal,
    /// Drop global slots as if they were of the address space.
    with_global: Signal,
    active: Signal,
}

impl Maintenance {
    fn new(i: &TlbInputs, target: &Target) -> Maintenance {
        let Invalidate { valid, kind, .. } = &i.invalidate;
        let names_page = kind.bit(1);
        let names_space = kind.bit(0);
        Maintenance {
            target: target.clone(),
            any_page: (valid & !names_page).named("any_page"),
            // A global mapping can be hit together with those of every space.
            any_space: when(valid, !names_space).otherwise(i.refill.global.clone()).named("any_space"),
            with_global: (!valid).named("with_global"),
            active: (valid | &i.refill_valid).named("maintain"),
        }
    }

    fn drops(&self, slot: &Mapping) -> Signal {
        let page = &self.any_page | page::overlap(&slot.vpn, &slot.size, &self.target.vpn, &self.target.size);
        let own = when(&slot.global, self.with_global.clone()).otherwise(slot.asid.eq(&self.target.asid));
        page & (&self.any_space | own)
    }
}
