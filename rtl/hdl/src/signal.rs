//! [`Signal`]: a value of known width, its literals, slices and widths.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;
use std::panic::Location;
use std::rc::Rc;

use num_bigint::BigUint;

use crate::node::{Node, Op};
use crate::simplify::ones;

/// A value of known width, 1 to [`crate::MAX_WIDTH`] bits: a handle on a node of an expression graph.
///
/// A clone is the same value, so sharing a `Signal` shares the hardware. Bit 0 is the least significant bit. Every
/// operator panics, naming the caller's file and line, when its operands' widths do not fit.
#[derive(Clone)]
pub struct Signal(pub(crate) Rc<Node>);

/// What can be written as a literal: unsigned integers, `bool`, [`BigUint`], and plain integer literals (`i32`).
pub trait IntoValue {
    /// The value as an unsigned integer.
    ///
    /// # Panics
    /// When it is negative.
    fn into_value(self) -> BigUint;
}

macro_rules! into_value {
    ($($unsigned:ty),*) => { $(
        impl IntoValue for $unsigned {
            fn into_value(self) -> BigUint {
                BigUint::from(self)
            }
        }
    )* };
}
into_value!(u8, u16, u32, u64, u128, usize, bool, BigUint);

impl IntoValue for &BigUint {
    fn into_value(self) -> BigUint {
        self.clone()
    }
}

impl IntoValue for i32 {
    #[track_caller]
    fn into_value(self) -> BigUint {
        BigUint::from(u32::try_from(self).expect("a literal is not negative"))
    }
}

/// A constant of `width` bits.
///
/// # Panics
/// When `value` needs more bits, naming the caller's line.
#[track_caller]
pub fn lit(width: u32, value: impl IntoValue) -> Signal {
    let at = Location::caller();
    let value = value.into_value();
    assert!(value <= ones(width), "{at}: the literal {value} does not fit {width} bits");
    Signal::build(at, width, Op::Literal(value), Vec::new())
}

/// The 1-bit constant 0.
#[track_caller]
pub fn low() -> Signal {
    lit(1, 0)
}

/// The 1-bit constant 1.
#[track_caller]
pub fn high() -> Signal {
    lit(1, 1)
}

/// A width without a value, for [`crate::Component::inputs`] and as the pattern of [`crate::Bundle::unpack`].
#[track_caller]
pub fn shape(width: u32) -> Signal {
    Signal::build(Location::caller(), width, Op::Shape, Vec::new())
}

/// All parts side by side, the most significant first.
#[track_caller]
pub fn concat(parts: impl IntoIterator<Item = impl Borrow<Signal>>) -> Signal {
    let at = Location::caller();
    let parts: Vec<Signal> = parts.into_iter().map(|part| part.borrow().clone()).collect();
    let width = parts.iter().map(Signal::width).sum();
    Signal::build(at, width, Op::Concat, parts)
}

impl Signal {
    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.0.width
    }

    /// The same value as a Verilog wire of this name; a number is appended where the name is taken.
    #[track_caller]
    pub fn named(&self, name: impl Into<String>) -> Signal {
        let (at, name) = (Location::caller(), name.into());
        assert!(crate::names::is_identifier(&name), "{at}: `{name}` is not a Verilog identifier");
        Signal::build(at, self.width(), Op::Named(name), vec![self.clone()])
    }

    /// Bit `i`.
    #[track_caller]
    pub fn bit(&self, i: u32) -> Signal {
        self.bits(i..i + 1)
    }

    /// Each bit, the lowest first: the inverse of [`mask`](crate::mask).
    #[track_caller]
    pub fn each_bit(&self) -> Vec<Signal> {
        (0..self.width()).map(|i| self.bit(i)).collect()
    }

    /// The bits of a half-open range: `bits(0..4)` are the four least significant ones.
    #[track_caller]
    pub fn bits(&self, range: Range<u32>) -> Signal {
        let (at, width) = (Location::caller(), self.width());
        assert!(
            range.start < range.end && range.end <= width,
            "{at}: bits {}..{} of a signal of {width} bits",
            range.start,
            range.end
        );
        Signal::build(at, range.end - range.start, Op::Slice(range.start), vec![self.clone()])
    }

    /// Widened to `width` bits with zeros.
    #[track_caller]
    pub fn zext(&self, width: u32) -> Signal {
        match self.extension(width) {
            0 => self.clone(),
            extra => concat([&lit(extra, 0), self]),
        }
    }

    /// Widened to `width` bits with copies of the most significant bit.
    #[track_caller]
    pub fn sext(&self, width: u32) -> Signal {
        match self.extension(width) {
            0 => self.clone(),
            extra => concat([&self.bit(self.width() - 1).repeat(extra), self]),
        }
    }

    #[track_caller]
    fn extension(&self, width: u32) -> u32 {
        let (at, old) = (Location::caller(), self.width());
        width.checked_sub(old).unwrap_or_else(|| panic!("{at}: extending {old} bits to {width} bits would lose bits"))
    }

    /// `n` copies side by side.
    #[track_caller]
    pub fn repeat(&self, n: u32) -> Signal {
        let at = Location::caller();
        let width = self.width().saturating_mul(n);
        Signal::build(at, width, Op::Repeat(n), vec![self.clone()])
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.op {
            Op::Literal(value) | Op::State(value, _) => write!(f, "Signal({}'h{value:x})", self.width()),
            Op::Named(name) => write!(f, "Signal({name}: {} bits)", self.width()),
            Op::Leaf(leaf) => write!(f, "Signal({}: {} bits)", leaf.name, self.width()),
            _ => write!(f, "Signal({} bits, {})", self.width(), self.0.at),
        }
    }
}
