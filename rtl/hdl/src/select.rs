//! Choosing between values: muxes, priority and one-hot selection.

use std::borrow::Borrow;
use std::panic::Location;

use crate::bundle::zip;
use crate::node::{Op, Place};
use crate::ops::one_bit;
use crate::{Bundle, Signal, concat, lit};

pub(crate) fn mux<B: Bundle>(at: Place, condition: &Signal, yes: &B, no: &B) -> B {
    one_bit(at, "a condition", condition);
    zip(at, yes, no, &mut |a, b| Signal::build(at, a.width(), Op::Mux, vec![condition.clone(), a.clone(), b.clone()]))
}

/// A choice that lacks its [`When::otherwise`].
#[must_use = "a choice has no value before `otherwise`"]
pub struct When<B> {
    arms: Vec<(Place, Signal, B)>,
}

/// `value` where the 1-bit `condition` is 1; continue with [`When::otherwise`] or [`When::or_when`].
#[track_caller]
pub fn when<B: Bundle>(condition: &Signal, value: B) -> When<B> {
    When { arms: Vec::new() }.or_when(condition, value)
}

impl<B: Bundle> When<B> {
    /// One more choice; the first condition that holds wins.
    #[track_caller]
    pub fn or_when(mut self, condition: &Signal, value: B) -> When<B> {
        one_bit(Location::caller(), "a condition", condition);
        self.arms.push((Location::caller(), condition.clone(), value));
        self
    }

    /// The value where no condition holds.
    #[track_caller]
    pub fn otherwise(self, value: B) -> B {
        self.arms.iter().rev().fold(value, |no, (at, condition, yes)| mux(at, condition, yes, &no))
    }
}

/// The value of the first condition that holds, or `default`.
#[track_caller]
pub fn priority_select<B: Bundle>(choices: impl IntoIterator<Item = (Signal, B)>, default: B) -> B {
    let mut chain = When { arms: Vec::new() };
    for (condition, value) in choices {
        chain = chain.or_when(&condition, value);
    }
    chain.otherwise(default)
}

/// 1 when any of the 1-bit signals is 1; 0 for none.
#[track_caller]
pub fn any_of(signals: impl IntoIterator<Item = impl Borrow<Signal>>) -> Signal {
    let signals = bits_of(signals);
    if signals.is_empty() { lit(1, 0) } else { mask(&signals).any() }
}

/// 1 when all of the 1-bit signals are 1; 1 for none.
#[track_caller]
pub fn all_of(signals: impl IntoIterator<Item = impl Borrow<Signal>>) -> Signal {
    let signals = bits_of(signals);
    if signals.is_empty() { lit(1, 1) } else { mask(&signals).all() }
}

/// Signals side by side, the first one lowest: of 1-bit signals, a mask.
#[track_caller]
pub fn mask(signals: &[Signal]) -> Signal {
    concat(signals.iter().rev())
}

/// 1 when not more than one bit of the mask is 1.
#[track_caller]
pub fn at_most_one(mask: &Signal) -> Signal {
    // Without its lowest one nothing is left.
    (mask & (mask - lit(mask.width(), 1))).is_zero()
}

#[track_caller]
fn bits_of(signals: impl IntoIterator<Item = impl Borrow<Signal>>) -> Vec<Signal> {
    let at = Location::caller();
    let signals: Vec<Signal> = signals.into_iter().map(|signal| signal.borrow().clone()).collect();
    signals.iter().for_each(|signal| one_bit(at, "each signal of `any_of` and `all_of`", signal));
    signals
}

/// The value whose 1-bit select is 1, by AND and OR: 0 when none is, the OR of the values when several are.
///
/// # Panics
/// When there is no choice at all, since then the width is unknown.
#[track_caller]
pub fn one_hot_mux<B: Bundle>(choices: impl IntoIterator<Item = (Signal, B)>) -> B {
    let at = Location::caller();
    let mut sum: Option<B> = None;
    for (select, value) in choices {
        one_bit(at, "a select", &select);
        let gated = value.map("", &mut |_, leaf| {
            let mask = Signal::build(at, leaf.width(), Op::Repeat(leaf.width()), vec![select.clone()]);
            Signal::build(at, leaf.width(), Op::And, vec![mask, leaf.clone()])
        });
        sum = Some(match sum {
            None => gated,
            Some(sum) => {
                zip(at, &sum, &gated, &mut |a, b| Signal::build(at, a.width(), Op::Or, vec![a.clone(), b.clone()]))
            }
        });
    }
    sum.unwrap_or_else(|| panic!("{at}: `one_hot_mux` of no choice"))
}

/// `f` of the item whose 1-bit select is 1; of the only one whatever its select says, which saves a gate. Where none of
/// several is 1, or more than one, it is what [`one_hot_mux`] says, so that nothing may rest on it.
///
/// # Panics
/// When there is no item, or not as many selects.
#[track_caller]
pub fn one_hot_of<T, B: Bundle>(selects: &[Signal], items: &[T], f: impl Fn(&T) -> B) -> B {
    assert_eq!(selects.len(), items.len(), "{}: a select for each item", Location::caller());
    match items {
        [only] => f(only),
        _ => one_hot_mux(selects.iter().cloned().zip(items.iter().map(f))),
    }
}

/// Up to so many signals, looking at all that come before is quicker than an adder.
const SHORT: usize = 8;

/// One-hot of the first 1-bit signal that is 1: output `i` is 1 when signal `i` is 1 and all before it are 0.
#[track_caller]
pub fn first_one(signals: &[Signal]) -> Vec<Signal> {
    if signals.len() < 2 {
        return signals.to_vec();
    }
    if signals.len() <= SHORT {
        return (0..signals.len()).map(|i| &signals[i] & !any_of(&signals[..i])).collect();
    }
    // A number and its negative share exactly their lowest one; an adder's carry chain is the shortest way to it.
    let all = mask(&bits_of(signals));
    let lowest = &all & (lit(all.width(), 0) - &all);
    (0..all.width()).map(|i| lowest.bit(i)).collect()
}
