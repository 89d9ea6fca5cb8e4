//! The TLB: fully associative, three page sizes in every slot, tree pseudo-LRU.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_*` | in | cycle t: the key, compared with every slot |
//! | `waiting_*` | in | cycle t + 1: that lookup waits there for another cycle, and nothing is compared; only with two hit cycles |
//! | `touch` | in | cycle t + 1: that comparison was of a real request |
//! | `hit`, `found_*`, `denied` | out | cycle t + 1: the slot that matched, and whether its rights deny the access |
//! | `next_*` | in | the page that is refilled, or named by an invalidation, in the next cycle, if any is; only where there are many slots |
//! | `refill_*` | in | the mapping is written at the end of the cycle |
//! | `invalidate_*` | in | slots are dropped at the end of the cycle |
//!
//! ```text
//! cycle      t                t + 1
//! lookup     compare          found = slots[hits]      the comparison's result is registered, the slots are read
//! rights     all slots'       denied = denies[hits]    what they deny is registered too
//! refill     write, drop      seen by lookups          from t + 1 on
//! invalidate drop             seen by lookups
//! ```
//!
//! Refill and invalidation share one comparator a slot, so they never come in one cycle; the delivery waits. The page
//! that all of many slots are compared with stands in a register here, filled a cycle before, since the way to them is
//! long. A refill drops what it overlaps, so at most one slot matches. A lookup in the cycle of a refill is compared
//! with what is written too: if that is its page it is answered with that, whatever slot it matches; the slot that
//! gives way is hit no more, since its content is gone in t + 1. What is written stands beside the slots for that one
//! cycle, so that the two comparisons meet behind a register. Dropping clears only a slot's valid bit.
//!
//! **Replacement.** Which slot gives way is worked out a cycle before, from what was in use then. It takes the longest
//! to know, and there are always two cycles from one refill to the next.
//!
//! **Two hit cycles** make the stages shorter ([`crate::reading`]). What three comparisons of a slot say (the page's
//! higher and lower bits, the space) is kept for itself, and put together where it is used: of a hit (`hits`), of what
//! is written (`written`), and of what is dropped (`dropped`), which leaves `valid` a cycle after it and is not hit
//! from then on all the same. The victim is known after two cycles, since refills lie three apart, and a hit counts for
//! the replacement a cycle later. For a lookup that waits the result stands as it is, but for slots that are dropped or
//! overwritten and for what is written meanwhile: if that is its page it hits, until anything is invalidated or
//! something else is written.
//!
//! **D.** Where the hardware looks at D, a write that a slot would let pass but for its D hits nothing. Its walk sets
//! D, and the refill takes the slot's place.
//!
//! Reset: every slot is unused, the victim is slot 0.

use hashwalk_hdl::{
    Bundle, Component, Module, Signal, any_of, at_most_one, bundle, concat, first_one, lit, low, mask, one_hot_mux,
    shape, when,
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
        /// How the page is accessed.
        pub lookup: AccessKind,
        /// The lookup of the cycle before; only with two hit cycles.
        pub waiting: Option<Waiting>,
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

    /// A lookup that was compared, and waits.
    pub struct Waiting {
        /// 1 bit: it does, and nothing else is compared in this cycle.
        pub valid: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// How the page is accessed.
        pub kind: AccessKind,
    }

    /// What it found for the lookup of the cycle before.
    pub struct TlbOutputs {
        /// 1 bit.
        pub hit: Signal,
        /// The slot that matched; 0 if none did.
        pub found: Found,
        /// 1 bit: its rights deny the access.
        pub denied: Signal,
    }

    /// Where a page lies.
    pub struct Found {
        /// 40 bits.
        pub pfn: Signal,
        /// 2 bits.
        pub size: Signal,
    }

    /// A place for one mapping; what of it is one bit stands beside that of the other slots.
    pub struct Slot {
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 1 bit.
        pub global: Signal,
        /// 42 bits: [`Found`], side by side, so that a simulator chooses among the slots once and not once for each
        /// part.
        pub found: Signal,
    }

    /// What a lookup in the cycle of a refill is answered with.
    pub struct Written {
        /// 1 bit: it was of the page that was written; in [`parts`].
        pub is_page: Vec<Signal>,
        /// 1 bit: and lacks its D; only where the hardware looks at D.
        pub unmarked: Option<Signal>,
        /// 1 bit: the rights deny the access.
        pub denied: Signal,
        /// 42 bits: where the page lies.
        pub found: Signal,
    }

    /// The registers.
    pub struct TlbState {
        /// The translations.
        pub slot: Vec<Slot>,
        /// One bit a slot: it holds one.
        pub valid: Signal,
        /// One bit a slot each: R, W, X and U.
        pub rights: Vec<Signal>,
        /// One bit a slot; only where the hardware looks at D.
        pub dirty: Option<Signal>,
        /// One bit a slot: it matched the lookup of the cycle before. With two hit cycles what both are set of: its
        /// page did, and the rest.
        pub hits: Vec<Signal>,
        /// One bit a slot: if it did, its rights deny the access.
        pub denies: Signal,
        /// One bit a slot: a refill or an invalidation of the cycle before drops it; in [`parts`]. None of these where
        /// a hit takes one cycle.
        pub dropped: Vec<Signal>,
        /// What was written in the cycle before.
        pub written: Written,
        /// A bit for each [`GROUP`] of them, where there are many: any of these did.
        pub hit_groups: Option<Signal>,
        /// One bit a slot: it was used in the cycle before; only with two hit cycles.
        pub used: Option<Signal>,
        /// One bit for each split of the replacement tree.
        pub tree: Signal,
        /// What is written or dropped in this cycle; only of a TLB with many slots.
        pub target: Option<Target>,
        /// One-hot: the slot that a refill is written to.
        pub victim: Signal,
        /// Of each [`RUN`] of slots the first that was not in use in the cycle before; only of a TLB with many slots,
        /// and two hit cycles.
        pub unused: Option<Signal>,
        /// 1 bit: there was one in the cycle before.
        pub refilled: Signal,
        /// 1 bit: in that before it; only with two hit cycles.
        pub refilled_before: Option<Signal>,
    }
}

/// Of so many slots it is known at once whether any was hit: one table of four inputs more.
const GROUP: u32 = 4;

/// Of so many slots side by side the first unused one is found in one cycle where there are two hit cycles.
const RUN: usize = 8;

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
        Found { pfn: shape(PFN_BITS), size: shape(SIZE_BITS) }
    }
}

impl Waiting {
    fn widths() -> Waiting {
        let kind = AccessKind { access: shape(2), user: shape(1) };
        Waiting { valid: shape(1), vpn: shape(VPN_BITS), asid: shape(ASID_BITS), kind }
    }
}

impl Written {
    /// What a lookup in the cycle in which `refill` is written comes to; `slot` is what is written.
    fn of(refill: &Mapping, slot: &Slot, vpn: &Signal, asid: &Signal, kind: &AccessKind, apart: bool) -> Written {
        let AccessKind { access, user } = kind;
        Written {
            is_page: slot.agrees(vpn, asid, apart),
            unmarked: refill.dirty.as_ref().map(|_| page::lacks_dirty(refill, access, user)),
            denied: !page::allows(&refill.rights, access, user),
            found: slot.found.clone(),
        }
    }

    fn widths(config: &Config) -> Written {
        let unmarked = config.marks().is_checked().then(|| shape(1));
        Written {
            is_page: vec![shape(1); part_count(config.has_two_hit_cycles())],
            unmarked,
            denied: shape(1),
            found: Found::widths().pack(),
        }
    }

    /// Whether the lookup was of that page, and whether it hits.
    fn hits(&self) -> (Signal, Signal) {
        let is_page = together(&self.is_page);
        let hit = self.unmarked.as_ref().map_or_else(|| is_page.clone(), |unmarked| &is_page & !unmarked);
        (is_page, hit)
    }
}

impl Slot {
    fn of(mapping: &Mapping) -> Slot {
        let Mapping { vpn, asid, global, size, pfn, .. } = mapping.clone();
        Slot { vpn, asid, global, found: Found { pfn, size }.pack() }
    }

    fn size(&self) -> Signal {
        Found::widths().unpack(&self.found).size
    }

    /// Whether a lookup is of its page, and hits the slot if that is in use; in [`parts`].
    fn agrees(&self, vpn: &Signal, asid: &Signal, apart: bool) -> Vec<Signal> {
        let page = page::overlap_in_parts(&self.vpn, &self.size(), vpn, &lit(SIZE_BITS, 0u32));
        parts(page, None, &self.global | self.asid.eq(asid), apart)
    }
}

/// What the comparisons of a page, or `any_page`, and a space say together, as it is kept: with two hit cycles `apart`,
/// in three parts, so that a cycle ends a table before.
fn parts(page: [Signal; 3], any_page: Option<&Signal>, space: Signal, apart: bool) -> Vec<Signal> {
    let [high, middle, low] = page;
    let or_any = |page: Signal| any_page.map_or_else(|| page.clone(), |any| any | &page);
    match apart {
        false => vec![or_any(high & middle & low) & space],
        true => vec![or_any(high), or_any(middle & low), space],
    }
}

/// The slots that all parts are set of.
fn together(parts: &[Signal]) -> Signal {
    parts.iter().cloned().reduce(|a, b| a & b).expect("a comparison has a part")
}

fn part_count(apart: bool) -> usize {
    if apart { 3 } else { 1 }
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
            lookup: AccessKind { access: shape(2), user: shape(1) },
            waiting: self.config.has_two_hit_cycles().then(Waiting::widths),
            touch: shape(1),
            next: self.is_large().then(Target::widths),
            refill_valid: shape(1),
            refill: ports::mapping(&self.config),
            invalidate: ports::invalidate(),
        }
    }

    fn reset(&self) -> TlbState {
        let apart = self.config.has_two_hit_cycles();
        TlbState {
            slot: vec![Slot::of(&zeros(&ports::mapping(&self.config))); self.slots as usize],
            valid: lit(self.slots, 0u32),
            rights: vec![lit(self.slots, 0u32); RIGHTS_BITS as usize],
            dirty: self.config.marks().is_checked().then(|| lit(self.slots, 0u32)),
            hits: vec![lit(self.slots, 0u32); if apart { 2 } else { 1 }],
            denies: lit(self.slots, 0u32),
            dropped: vec![lit(self.slots, 0u32); if apart { part_count(apart) } else { 0 }],
            written: zeros(&Written::widths(&self.config)),
            hit_groups: (self.is_large() && !apart).then(|| lit(self.slots.div_ceil(GROUP), 0u32)),
            used: apart.then(|| lit(self.slots, 0u32)),
            tree: lit(self.slots - 1, 0u32),
            target: self.is_large().then(|| zeros(&Target::widths())),
            victim: lit(self.slots, 1u32),
            unused: (self.is_large() && apart).then(|| lit(self.slots, 1u32)),
            refilled: low(),
            refilled_before: apart.then(low),
        }
    }

    fn kernel(&self, m: &mut Module, i: TlbInputs, s: TlbState) -> (TlbOutputs, TlbState) {
        let apart = self.config.has_two_hit_cycles();
        let hits = together(&s.hits);
        let (is_written, hits_written) = s.written.hits();
        let found = one_hot_mux(hits.each_bit().into_iter().zip(s.slot.iter().map(|slot| slot.found.clone())));
        let found = when(&is_written, s.written.found.clone()).otherwise(found);
        let denied = (&hits & &s.denies).any();
        let denied = when(&is_written, s.written.denied.clone()).otherwise(denied).named("denied");

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
        let written = Slot::of(&refill);
        let written_of =
            |vpn: &Signal, asid: &Signal, kind: &AccessKind| Written::of(&refill, &written, vpn, asid, kind, apart);
        let of_lookup = written_of(&i.lookup_vpn, &i.lookup_asid, &i.lookup);
        let of_written = match &i.waiting {
            None => of_lookup,
            Some(Waiting { valid, vpn, asid, kind }) => when(valid, written_of(vpn, asid, kind)).otherwise(of_lookup),
        };
        let AccessKind { access, user } = &i.lookup;
        let allowing = page::allowing(&s.rights, access, user).named("allowing");
        let victims = s.victim.each_bit();
        let next_victim = next_victim(&s);
        let maintenance = Maintenance::new(&i, &target);
        let drops = self.of_each(&s.slot, |slot| maintenance.drops(slot, apart));
        let writes = s.victim.gate(&i.refill_valid);
        let slots = s.slot.iter().zip(&victims).enumerate().map(|(n, (slot, victim))| {
            let write = (victim & &i.refill_valid).named(format!("write_{n}"));
            when(&write, written.clone()).otherwise(slot.clone())
        });
        // Bits of one slot each, where one slot is written.
        let with = |masked: &Signal, bit: &Signal| {
            let each =
                victims.iter().zip(masked.each_bit()).map(|(victim, kept)| when(victim, bit.clone()).otherwise(kept));
            when(&i.refill_valid, mask(&each.collect::<Vec<_>>())).otherwise(masked.clone())
        };

        // Whether there is a refill is known last: what it changes is worked out beside.
        // The slot that was written has been used last as it is.
        let used = hits.gate(&(&i.touch & !&is_written));
        let tree = replacement::touched(&s.tree, s.used.as_ref().unwrap_or(&used));
        let of_page = self.of_each(&s.slot, |slot| slot.agrees(&i.lookup_vpn, &i.lookup_asid, apart));
        // A first write hits nothing.
        let lacks_dirty = s.dirty.as_ref().map(|dirty| (&allowing & !dirty).gate(&page::is_write(access)));
        let dropped = (!s.dropped.is_empty()).then(|| together(&s.dropped));
        let valid = dropped.map_or_else(|| s.valid.clone(), |dropped| &s.valid & !dropped);
        let lacks_no_dirty =
            |it: Signal| lacks_dirty.as_ref().map_or_else(|| it.clone(), |lacks_dirty| &it & !lacks_dirty);
        let (hits_next, denies_next) = match &i.waiting {
            None => {
                let answers = lacks_no_dirty(together(&of_page));
                (vec![(&valid & answers & !&writes).named("matches")], !&allowing)
            }
            Some(Waiting { valid: waits, .. }) => {
                let (space, page) = of_page.split_last().expect("a page has a space");
                // What it has matched may have been dropped or overwritten.
                let kept = (&s.hits[1] & &valid & !&writes).named("kept");
                let page = when(waits, s.hits[0].clone()).otherwise(together(page));
                let answers = (lacks_no_dirty(valid.clone()) & !&writes).named("answers");
                let rest = when(waits, kept).otherwise(space & answers);
                (vec![page, rest], when(waits, s.denies.clone()).otherwise(!&allowing))
            }
        };
        let mut written_next = match &i.waiting {
            None => of_written,
            Some(_) => when(&i.refill_valid, of_written).otherwise(s.written.clone()),
        };
        // For who waits it stands here until something else is written, or dropped.
        let stays = i.waiting.as_ref().map_or_else(low, |waiting| &waiting.valid & !&i.invalidate.valid);
        let counts = &i.refill_valid | stays;
        // The space is known first.
        written_next.is_page.last_mut().into_iter().for_each(|space| *space = &*space & &counts);
        let in_groups = |slots: &Signal| concat(slots.each_bit().chunks(GROUP as usize).rev().map(any_of));
        let any_hit = s.hit_groups.as_ref().unwrap_or(&hits).any().named("hit_any");
        let hit = (any_hit & !is_written) | hits_written;
        m.check("at_most_one_hit", !&i.touch | at_most_one(&hits));
        let refilled = s.refilled_before.iter().fold(s.refilled.clone(), |lately, before| lately | before);
        m.check("refills_apart", !(&i.refill_valid & refilled));
        let state = TlbState {
            slot: slots.collect(),
            // Nothing changes but for a refill or an invalidation.
            valid: if s.dropped.is_empty() {
                when(&maintenance.active, &writes | (&valid & !together(&drops))).otherwise(valid)
            } else {
                valid | &writes
            },
            // What is written stands there anew.
            dropped: if s.dropped.is_empty() {
                Vec::new()
            } else {
                let may_be = (!&writes).gate(&maintenance.active);
                drops[..2].iter().cloned().chain([&drops[2] & may_be]).collect()
            },
            hit_groups: s.hit_groups.map(|_| in_groups(&hits_next[0])),
            hits: hits_next,
            denies: denies_next,
            written: written_next,
            rights: s.rights.iter().zip(refill.rights.each_bit()).map(|(masked, right)| with(masked, &right)).collect(),
            dirty: s.dirty.as_ref().zip(refill.dirty.as_ref()).map(|(masked, dirty)| with(masked, dirty)),
            used: s.used.as_ref().map(|_| used.clone()),
            tree: when(&i.refill_valid, replacement::touched(&tree, &s.victim)).otherwise(tree),
            target: i.next,
            victim: next_victim,
            unused: s.unused.as_ref().map(|_| first_of_each(&!&s.valid)),
            refilled_before: s.refilled_before.as_ref().map(|_| s.refilled.clone()),
            refilled: i.refill_valid.clone(),
        };
        m.check("refill_and_invalidate_apart", !(&i.refill_valid & &i.invalidate.valid));
        (TlbOutputs { hit, found: Found::widths().unpack(&found), denied }, state)
    }
}

impl Tlb {
    /// Whether it has so many slots that some things had better be known a cycle before: those take the [`Target`]
    /// then.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.slots > SMALL
    }

    /// What the comparison of each slot says, side by side, in [`parts`].
    fn of_each(&self, slots: &[Slot], compare: impl Fn(&Slot) -> Vec<Signal>) -> Vec<Signal> {
        let of_slots: Vec<Vec<Signal>> = slots.iter().map(compare).collect();
        (0..of_slots[0].len()).map(|part| concat(of_slots.iter().rev().map(|of_slot| &of_slot[part]))).collect()
    }
}

/// The slot to write in the next cycle, one-hot: the first unused one, else the tree's victim.
fn next_victim(s: &TlbState) -> Signal {
    let oldest = mask(&replacement::victim(&s.tree, s.slot.len()));
    match &s.unused {
        None => when(&s.valid.all().named("full"), oldest).otherwise(mask(&first_one(&(!&s.valid).each_bit()))),
        Some(unused) => {
            let unused = unused.each_bit();
            let runs: Vec<&[Signal]> = unused.chunks(RUN).collect();
            let first_run = first_one(&runs.iter().map(|run| any_of(*run)).collect::<Vec<_>>());
            let first = runs.iter().zip(&first_run).flat_map(|(run, is_first)| run.iter().map(move |it| it & is_first));
            when(&(!any_of(&unused)).named("full"), oldest).otherwise(mask(&first.collect::<Vec<_>>()))
        }
    }
}

/// Of each [`RUN`] of bits the first that is set.
fn first_of_each(bits: &Signal) -> Signal {
    mask(&bits.each_bit().chunks(RUN).flat_map(first_one).collect::<Vec<_>>())
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

    /// Whether the slot is dropped, if anything is; in [`parts`].
    fn drops(&self, slot: &Slot, apart: bool) -> Vec<Signal> {
        let page = page::overlap_in_parts(&slot.vpn, &slot.size(), &self.target.vpn, &self.target.size);
        let own = when(&slot.global, self.with_global.clone()).otherwise(slot.asid.eq(&self.target.asid));
        parts(page, Some(&self.any_page), &self.any_space | own, apart)
    }
}
