//! The turns at the hash unit: whose search is hashed in the next cycle, and whether the newest miss is hashed in its own.
//!
//! The search that follows one that has just failed comes first, then the slot that was chosen in the cycle before, then
//! whatever is being looked up, which is a miss or is not.

use hashwalk_hdl::{Signal, all_of, any_of, bundle, high, low, mask, one_hot_of, when};
use hashwalk_spec::Config;

use super::WalkerState;
use super::arbiter::{Choice, longest_ago};
use super::bundles::WalkerInputs;
use super::places::{Beginning, Start};
use super::search::Search;
use super::slot::{Slot, Walk};
use crate::agreement::Agreement;
use crate::predictor::{Guess, Guessed};

bundle! {
    /// What the hash unit works on.
    pub struct Hashing {
        /// One-hot: for which slot; all zero: the newest miss has its turn.
        pub slot: Signal,
        /// The search.
        pub begins: Beginning,
    }
}

/// Who waits for the hash unit.
pub struct HashTurn {
    /// One of those that wait, if it is still so in the next cycle.
    pub choice: Choice,
    /// 1 bit for each slot: it was chosen in the cycle before, and has not been answered since.
    pub chosen: Vec<Signal>,
    /// 1 bit: one of them is.
    pub any_chosen: Signal,
    /// 1 bit for each slot: it waits, but has nothing to look for.
    pub seekless: Vec<Signal>,
}

impl HashTurn {
    /// In this cycle. `alive`: a bit for each slot; `hashed`, one-hot: whose hash the unit has.
    pub fn of(config: &Config, i: &WalkerInputs, s: &WalkerState, alive: &Signal, hashed: &Signal) -> HashTurn {
        let each = |f: &dyn Fn(u32, &Slot) -> Signal| -> Vec<Signal> {
            (0..).zip(&s.slot).map(|(n, slot)| f(n, slot)).collect()
        };
        let waits = each(&|n, slot| {
            // Of one read at a time none is left when a search is over.
            let settled = if config.ways() > 1 { slot.out.is_zero() & !s.standing.bit(n) } else { high() };
            let is_at_the_unit = any_of([s.hashing.slot.bit(n), s.chosen.bit(n), hashed.bit(n)]);
            slot.is(Walk::Wait) & !slot.is_behind() & !i.turn.promised.bit(n) & settled & !is_at_the_unit
        });
        let hashes: Vec<Signal> = waits.iter().zip(&s.slot).map(|(waits, slot)| waits & &slot.search.exists).collect();
        let choice = longest_ago(&hashes, s.hash_order.as_ref());
        let chosen = each(&|n, _| s.chosen.bit(n) & alive.bit(n));
        let any_chosen = any_of(&chosen).named("any_chosen");
        // If it is still so in the next cycle, or the turn is not open then.
        let seekless = each(&|n, slot| all_of([&waits[n as usize], &!&slot.search.exists, &!i.turn.served.bit(n)]));
        HashTurn { choice, chosen, any_chosen, seekless }
    }

    /// What is hashed in the next cycle. `next_begins`, 1 bit: a search has failed, and this one, `next_search`, follows.
    pub fn next(&self, i: &WalkerInputs, s: &WalkerState, next_begins: &Signal, next_search: &Search) -> Hashing {
        let HashTurn { chosen, any_chosen, .. } = self;
        let asked = &s.element.request;
        let of_next = Beginning::of(next_search, &asked.vpn, &asked.asid);
        let of_slot = |slot: &Slot| Beginning::of(&slot.search, &slot.request.vpn, &slot.request.asid);
        let of_chosen = one_hot_of(chosen, &s.slot, of_slot);
        let begins = when(next_begins, of_next).or_when(any_chosen, of_chosen).otherwise(i.lookup.clone());
        // What is guessed is known last.
        let begins = match &i.guessed {
            None => begins,
            Some(Guessed { counts, guess: Guess { size, global } }) => {
                let by_guess = (counts & !(next_begins | any_chosen)).named("by_guess");
                let size = when(&by_guess, size.clone()).otherwise(begins.size);
                Beginning { size, global: when(&by_guess, global.clone()).otherwise(begins.global), ..begins }
            }
        };
        Hashing { slot: when(next_begins, s.element.slot.clone()).otherwise(mask(chosen)), begins }
    }
}

/// The slot of the newest miss, and whether its page is at the hash unit. `unit_busy`, 1 bit: the unit works for another.
pub fn allocation(
    config: &Config,
    i: &WalkerInputs,
    s: &WalkerState,
    unit_busy: &Signal,
    start: &Start,
    alive: &Signal,
) -> (Slot, Signal) {
    let leads = |(n, (slot, agreement)): (u32, (&Slot, &Agreement))| {
        alive.bit(n) & !slot.is_behind() & !i.turn.served.bit(n) & agreement.is_full()
    };
    let others = s.slot.iter().zip(&i.of_newest);
    let behind: Option<Vec<Signal>> = (config.walks() > 1).then(|| (0..).zip(others).map(leads).collect::<Vec<_>>());
    let is_behind = behind.as_ref().map_or_else(low, any_of);
    // Alone a walk leaves nothing at the unit behind.
    let unit_busy = if config.walks() > 1 { unit_busy.clone() } else { low() };
    let hashed = &i.fresh & !(unit_busy | is_behind | !&i.search.exists);
    let sought = i.search.sought(&i.newest.vpn, &i.newest.asid);
    let asks = if s.hashed.is_some() { low() } else { hashed.clone() };
    let slot = Slot {
        state: when(&i.control.software_refill, Walk::Ask.signal())
            .or_when(&asks, Walk::Request.signal())
            .otherwise(Walk::Wait.signal()),
        software: i.control.software_refill.clone(),
        request: i.newest.clone(),
        behind: behind.as_deref().map(mask),
        behind_any: behind.as_ref().map(any_of),
        sought_vpn: sought.vpn,
        sought_asid: sought.asid,
        search: i.search.clone(),
        index: start.index.clone(),
        steps: start.steps.clone(),
        ..Slot::free(config)
    };
    (slot, hashed & !&i.control.software_refill)
}
