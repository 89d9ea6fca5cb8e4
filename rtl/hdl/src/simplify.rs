//! The meaning of each operator on values, and the simplifications made while a graph is built.
//!
//! Simplification is shallow (one node at a time). It keeps parametrised hardware free of the constant comparisons
//! and muxes that a linter rightly reports.

use num_bigint::BigUint;

use crate::Signal;
use crate::node::{Op, Place};

/// The largest value of `width` bits.
pub(crate) fn ones(width: u32) -> BigUint {
    (BigUint::from(1u32) << width) - 1u32
}

/// The number of bits that holds `0..count`, at least one.
pub(crate) fn index_width(count: usize) -> u32 {
    usize::BITS.saturating_sub(count.saturating_sub(1).leading_zeros()).max(1)
}

/// Evaluates one operator; each operand comes with its width.
pub(crate) fn apply(op: &Op, width: u32, operands: &[(&BigUint, u32)]) -> BigUint {
    let value = |i: usize| operands[i].0;
    let truth = |b: bool| BigUint::from(u32::from(b));
    match op {
        Op::Literal(v) | Op::State(v, _) => v.clone(),
        Op::Shape => unreachable!("a shape has no value"),
        Op::Leaf(_) | Op::Named(_) => value(0).clone(),
        Op::Not => value(0) ^ ones(width),
        Op::And => value(0) & value(1),
        Op::Or => value(0) | value(1),
        Op::Xor => value(0) ^ value(1),
        Op::Add => (value(0) + value(1)) & ones(width),
        Op::Sub => ((value(0) + ones(width) + 1u32) - value(1)) & ones(width),
        Op::Mul => (value(0) * value(1)) & ones(width),
        Op::Eq => truth(value(0) == value(1)),
        Op::Ne => truth(value(0) != value(1)),
        Op::Lt => truth(value(0) < value(1)),
        Op::Le => truth(value(0) <= value(1)),
        Op::Any => truth(value(0).bits() != 0),
        Op::All => truth(*value(0) == ones(operands[0].1)),
        Op::Parity => truth(value(0).count_ones() % 2 == 1),
        Op::Slice(low) => (value(0) >> *low) & ones(width),
        Op::Concat => operands.iter().fold(BigUint::ZERO, |high, (v, w)| (high << *w) | *v),
        Op::Repeat(n) => (0..*n).fold(BigUint::ZERO, |high, _| (high << operands[0].1) | value(0)),
        Op::Mux => value(if value(0).bits() != 0 { 1 } else { 2 }).clone(),
        // The shift amount is at most ten bits wide by construction.
        Op::ShiftLeft => (value(0) << amount(value(1))) & ones(width),
        Op::ShiftRight => value(0) >> amount(value(1)),
        Op::Word => (value(0) >> (amount(value(1)) * u64::from(width))) & ones(width),
    }
}

fn amount(value: &BigUint) -> u64 {
    value.iter_u64_digits().next().unwrap_or(0)
}

/// A signal that equals the operator, when there is a simpler one than a new node.
pub(crate) fn simplify(at: Place, width: u32, op: &Op, operands: &[Signal]) -> Option<Signal> {
    if operands.is_empty() || matches!(op, Op::Named(_)) {
        return None;
    }
    let constants: Option<Vec<_>> = operands.iter().map(|s| s.constant().map(|v| (v, s.width()))).collect();
    if let Some(constants) = constants {
        let value = apply(op, width, &constants);
        return Some(Signal::build(at, width, Op::Literal(value), Vec::new()));
    }
    let zero = |i: usize| operands[i].constant().is_some_and(|v| v.bits() == 0);
    let full = |i: usize| operands[i].constant().is_some_and(|v| *v == ones(operands[i].width()));
    let literal = |value: BigUint| Some(Signal::build(at, width, Op::Literal(value), Vec::new()));
    let operand = |i: usize| Some(operands[i].clone());
    match op {
        Op::And if zero(0) || zero(1) => literal(BigUint::ZERO),
        Op::And if full(0) => operand(1),
        Op::And if full(1) => operand(0),
        Op::Or if full(0) || full(1) => literal(ones(width)),
        Op::Or | Op::Xor | Op::Add if zero(0) => operand(1),
        Op::Or | Op::Xor | Op::Add | Op::Sub if zero(1) => operand(0),
        Op::Xor if full(0) => Some(Signal::build(at, width, Op::Not, vec![operands[1].clone()])),
        Op::Xor if full(1) => Some(Signal::build(at, width, Op::Not, vec![operands[0].clone()])),
        Op::Lt if zero(1) || full(0) => literal(BigUint::ZERO),
        Op::Le if zero(0) || full(1) => literal(BigUint::from(1u32)),
        Op::Any | Op::All | Op::Parity if operands[0].width() == 1 => operand(0),
        Op::Concat | Op::Repeat(1) if operands.len() == 1 => operand(0),
        Op::Slice(_) if operands[0].width() == width => operand(0),
        Op::Slice(low) => slice_through(at, width, *low, &operands[0]),
        Op::Mux if full(0) => operand(1),
        Op::Mux if zero(0) => operand(2),
        Op::Mux if std::rc::Rc::ptr_eq(&operands[1].0, &operands[2].0) => operand(1),
        // A state name stays visible, even where the mux is its condition.
        Op::Mux if operands[1..].iter().any(|s| matches!(s.0.op, Op::State(..))) => None,
        Op::Mux if width == 1 && full(1) && zero(2) => operand(0),
        Op::Mux if width == 1 && zero(1) && full(2) => Some(Signal::build(at, 1, Op::Not, vec![operands[0].clone()])),
        _ => None,
    }
}

/// A slice of a slice is one slice, and a slice within one part of a concatenation is a slice of that part.
fn slice_through(at: Place, width: u32, low: u32, whole: &Signal) -> Option<Signal> {
    let (mut whole, mut low, mut moved) = (whole.clone(), low, false);
    loop {
        let inner = match &whole.0.op {
            Op::Slice(offset) => Some((whole.0.operands[0].clone(), low + offset)),
            Op::Concat => part_at(&whole.0.operands, width, low),
            _ => None,
        };
        let Some(inner) = inner else { break };
        (whole, low) = inner;
        moved = true;
    }
    moved.then(|| Signal::build(at, width, Op::Slice(low), vec![whole]))
}

fn part_at(parts: &[Signal], width: u32, low: u32) -> Option<(Signal, u32)> {
    let mut base = 0;
    for part in parts.iter().rev() {
        let end = base + part.width();
        if (base..end).contains(&low) {
            return (low + width <= end).then(|| (part.clone(), low - base));
        }
        base = end;
    }
    None
}
