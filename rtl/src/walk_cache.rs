//! The walk cache of radix trees: links to nodes that walks have followed, so that the next walk begins lower.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_*` | in | a search begins with this page; whether one does says `used` |
//! | `start_*` | out | where it begins, in the same cycle: the lowest node that is known, or none |
//! | `fill_*` | in | a walk follows a link to a node of level 1, 2 or 3; it is kept at the end of the cycle |
//! | `invalidate_*` | in | links are dropped at the end of the cycle; none is given in it |
//!
//! ```text
//!  an entry:  | valid | ASID (16) | level (2) | VPN[35:9] (27), those bits that choose the node | frame of the node (40) |
//! ```
//!
//! Fully associative, with tree pseudo-LRU: links of three levels share the entries as the pages that are walked for want
//! them, and 16 comparators of 43 bits are few beside those of the TLB. It is looked up where the other formats have the
//! second half of their hash, so that a hit costs no cycle, and a miss none either.
//!
//! An invalidation drops the links on the way to what it names, under its ASID or under all; those of global pages stand
//! under ASID 0. Fill and invalidation share a comparator, for nothing is judged in the cycle in which an invalidation takes
//! effect. A link that is kept again is written where it stands, so that each level has one at most.
//!
//! Reset: nothing is known, the victim is entry 0.

use hashwalk_hdl::{
    Component, Module, Signal, any_of, bundle, concat, first_one, high, lit, low, mask, one_hot_mux, shape, when,
};
use hashwalk_spec::Config;
use hashwalk_spec::address::{ASID_BITS, PFN_BITS};
use hashwalk_spec::radix::{INDEX_BITS, LEVELS, index};

use crate::link::PLACE_BITS;
use crate::ports::{self, Invalidate, zeros};
use crate::radix::{STEP_BITS, VPN_BITS, in_node};
use crate::replacement;

/// Bits of a level: 1, 2 or 3.
const LEVEL_BITS: u32 = 2;
/// The levels of nodes to which links are kept.
const KEPT: std::ops::RangeInclusive<u32> = 1..=3;

bundle! {
    /// A page of an address space.
    pub struct PageOf {
        /// 36 bits: those of the VPN that the levels share.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
    }

    /// A link that is followed.
    pub struct Fill {
        /// 1 bit.
        pub valid: Signal,
        /// The page that is walked for.
        pub page: PageOf,
        /// 2 bits: the level of the node.
        pub level: Signal,
        /// 40 bits: its frame.
        pub frame: Signal,
    }

    /// Inputs.
    pub struct WalkCacheInputs {
        /// What a search begins for.
        pub lookup: PageOf,
        /// 1 bit: one does.
        pub used: Signal,
        /// In the cycle in which it takes effect.
        pub invalidate: Invalidate,
        /// What is to be kept.
        pub fill: Fill,
    }

    /// Outputs.
    pub struct WalkCacheOutputs {
        /// 1 bit: a node on the way is known.
        pub hit: Signal,
        /// 3 bits: the probes that are saved.
        pub steps: Signal,
        /// 49 bits: the place of the word in that node.
        pub place: Signal,
    }

    /// An entry.
    pub struct Known {
        /// 1 bit.
        pub valid: Signal,
        /// 16 bits: of the tree.
        pub asid: Signal,
        /// 2 bits: of the node.
        pub level: Signal,
        /// 27 bits: VPN[35:9]. Those of levels below the node's do not count.
        pub prefix: Signal,
        /// 40 bits: of the node.
        pub frame: Signal,
    }

    /// Registers.
    pub struct WalkCacheState {
        /// The links.
        pub known: Vec<Known>,
        /// One bit for each split of the replacement tree.
        pub tree: Signal,
    }
}

/// A walk cache of 4 to 32 entries.
pub struct WalkCache {
    entries: u32,
}

impl WalkCache {
    /// The walk cache of a configuration; `None` if it has none.
    #[must_use]
    pub fn new(config: &Config) -> Option<WalkCache> {
        let entries = config.walk_cache_entries();
        (entries > 0).then_some(WalkCache { entries })
    }
}

impl Known {
    /// Whether the node is on the way to this page in its tree.
    fn leads_to(&self, vpn: &Signal) -> Signal {
        let same = |level: u32| {
            let bits = index(level);
            let own = self.prefix.bits(bits.start - INDEX_BITS..bits.end - INDEX_BITS);
            own.eq(&vpn.bits(bits)) | KEPT.filter(|at| *at >= level).fold(low(), |above, at| above | self.is_at(at))
        };
        &self.valid & same(LEVELS) & same(3) & same(2)
    }

    fn is_at(&self, level: u32) -> Signal {
        self.level.eq_value(level)
    }
}

impl Component for WalkCache {
    type Inputs = WalkCacheInputs;
    type Outputs = WalkCacheOutputs;
    type State = WalkCacheState;

    fn name(&self) -> String {
        format!("hashwalk_walk_cache_{}", self.entries)
    }

    fn doc(&self) -> String {
        format!("Walk cache of {} links to nodes of radix trees, fully associative.", self.entries)
    }

    fn inputs(&self) -> WalkCacheInputs {
        let page = PageOf { vpn: shape(VPN_BITS), asid: shape(ASID_BITS) };
        WalkCacheInputs {
            lookup: page.clone(),
            used: shape(1),
            invalidate: ports::invalidate(),
            fill: Fill { valid: shape(1), page, level: shape(LEVEL_BITS), frame: shape(PFN_BITS) },
        }
    }

    fn reset(&self) -> WalkCacheState {
        let prefix = shape(VPN_BITS - INDEX_BITS);
        let (valid, asid, level, frame) = (shape(1), shape(ASID_BITS), shape(LEVEL_BITS), shape(PFN_BITS));
        WalkCacheState {
            known: vec![zeros(&Known { valid, asid, level, prefix, frame }); self.entries as usize],
            tree: lit(self.entries - 1, 0u32),
        }
    }

    fn kernel(&self, m: &mut Module, i: WalkCacheInputs, s: WalkCacheState) -> (WalkCacheOutputs, WalkCacheState) {
        let effect = &i.invalidate.valid;
        let lookup = &i.lookup;
        let hits: Vec<Signal> =
            s.known.iter().map(|known| known.leads_to(&lookup.vpn) & known.asid.eq(&lookup.asid)).collect();
        let at = |level: u32| any_of(hits.iter().zip(&s.known).map(|(hits, known)| hits & known.is_at(level)));
        let lowest: Vec<Signal> = first_one(&KEPT.map(at).collect::<Vec<_>>());
        let is_lowest = |known: &Known| any_of(KEPT.zip(&lowest).map(|(level, lowest)| known.is_at(level) & lowest));
        let chosen: Vec<Signal> = hits.iter().zip(&s.known).map(|(hits, known)| hits & is_lowest(known)).collect();
        let frame = one_hot_mux(chosen.iter().cloned().zip(s.known.iter().map(|known| known.frame.clone())));
        let levels = || KEPT.zip(lowest.iter().cloned());
        let steps = one_hot_mux(levels().map(|(level, is)| (is, lit(STEP_BITS, LEVELS + 1 - level))));
        let below = one_hot_mux(levels().map(|(level, is)| (is, lookup.vpn.bits(index(level)))));
        let hit = (any_of(&hits) & !effect).named("hit");

        // What an invalidation names, or the link that is kept again.
        let fill = &i.fill;
        let vpn = when(effect, i.invalidate.vpn.bits(0..VPN_BITS)).otherwise(fill.page.vpn.clone()).named("compared");
        let asid = when(effect, i.invalidate.asid.clone()).otherwise(fill.page.asid.clone()).named("compared_asid");
        let (by_address, by_asid) = (i.invalidate.kind.bit(1), i.invalidate.kind.bit(0));
        let leads: Vec<Signal> = s.known.iter().map(|known| known.leads_to(&vpn)).collect();
        let same_space: Vec<Signal> = s.known.iter().map(|known| known.asid.eq(&asid)).collect();
        let again: Vec<Signal> = (s.known.iter().zip(&leads).zip(&same_space))
            .map(|((known, leads), same)| leads & same & known.level.eq(&fill.level))
            .collect();
        let unused: Vec<Signal> = s.known.iter().map(|known| !&known.valid).collect();
        let any_unused = any_of(&unused);
        let is_again = any_of(&again);
        let filled: Vec<Signal> = (again.iter().zip(first_one(&unused)))
            .zip(replacement::victim(&s.tree, s.known.len()))
            .map(|((again, unused), victim)| {
                let new = when(&any_unused, unused).otherwise(victim);
                when(&is_again, again.clone()).otherwise(new) & &fill.valid
            })
            .collect();
        let link = Known {
            valid: high(),
            asid: fill.page.asid.clone(),
            level: fill.level.clone(),
            prefix: fill.page.vpn.bits(INDEX_BITS..VPN_BITS),
            frame: fill.frame.clone(),
        };
        let next = (s.known.iter().zip(&filled).zip(&leads).zip(&same_space))
            .map(|(((known, filled), leads), same_space)| {
                let named = effect & (!&by_address | leads) & (!&by_asid | same_space);
                let kept = Known { valid: &known.valid & !named, ..known.clone() };
                when(filled, link.clone()).otherwise(kept)
            })
            .collect();
        let touched =
            chosen.iter().zip(&filled).map(|(chosen, filled)| (chosen & &i.used & &hit & !&fill.valid) | filled);
        let touched = concat(touched.rev());

        m.assume("nothing_is_kept_as_it_is_invalidated", !(effect & &fill.valid));
        let chosen = mask(&chosen);
        m.check("one_link_a_level", (&chosen & (&chosen - lit(self.entries, 1u32))).is_zero());
        m.cover("hit", &hit & &i.used);
        let place = in_node(&frame, &below);
        debug_assert_eq!(place.width(), PLACE_BITS);
        // Of an invalidation's VPN the bits that the levels do not share, and of a page those within its smallest node.
        m.ignore(i.invalidate.vpn.clone());
        m.ignore(vpn);
        let outputs = WalkCacheOutputs { hit: hit.clone(), steps: steps.gate(&hit), place };
        (outputs, WalkCacheState { known: next, tree: replacement::touched(&s.tree, &touched) })
    }
}
