//! Operators on [`Signal`]: arithmetic, comparison, reduction and shifts. All are unsigned.

use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Not, Sub};
use std::panic::Location;

use crate::node::{Op, Place};
use crate::simplify::index_width;
use crate::{IntoValue, Signal, concat, lit};

fn binary(at: Place, symbol: &str, op: Op, a: &Signal, b: &Signal) -> Signal {
    same_width(at, symbol, a, b);
    let width = if matches!(op, Op::Eq | Op::Ne | Op::Lt | Op::Le) { 1 } else { a.width() };
    Signal::build(at, width, op, vec![a.clone(), b.clone()])
}

pub(crate) fn same_width(at: Place, what: &str, a: &Signal, b: &Signal) {
    assert!(a.width() == b.width(), "{at}: `{what}` on {} bits and {} bits", a.width(), b.width());
}

pub(crate) fn one_bit(at: Place, what: &str, signal: &Signal) {
    assert!(signal.width() == 1, "{at}: {what} is 1 bit wide, not {} bits", signal.width());
}

macro_rules! operators {
    ($($trait:ident $method:ident $symbol:literal;)*) => { $(
        operators!(@one $trait $method $symbol, Signal, Signal);
        operators!(@one $trait $method $symbol, Signal, &Signal);
        operators!(@one $trait $method $symbol, &Signal, Signal);
        operators!(@one $trait $method $symbol, &Signal, &Signal);
    )* };
    (@one $trait:ident $method:ident $symbol:literal, $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Signal;
            #[track_caller]
            fn $method(self, other: $right) -> Signal {
                binary(Location::caller(), $symbol, operators!(@op $trait), &self, &other)
            }
        }
    };
    (@op BitAnd) => { Op::And };
    (@op BitOr) => { Op::Or };
    (@op BitXor) => { Op::Xor };
    (@op $trait:ident) => { Op::$trait };
}

operators! {
    BitAnd bitand "&";
    BitOr bitor "|";
    BitXor bitxor "^";
    Add add "+";
    Sub sub "-";
    Mul mul "*";
}

impl Not for &Signal {
    type Output = Signal;
    #[track_caller]
    fn not(self) -> Signal {
        Signal::build(Location::caller(), self.width(), Op::Not, vec![self.clone()])
    }
}

impl Not for Signal {
    type Output = Signal;
    #[track_caller]
    fn not(self) -> Signal {
        !&self
    }
}

impl Signal {
    /// Equal. Both widths must agree; so for the other comparisons, which are unsigned.
    #[track_caller]
    pub fn eq(&self, other: &Signal) -> Signal {
        binary(Location::caller(), "eq", Op::Eq, self, other)
    }

    /// Not equal.
    #[track_caller]
    pub fn ne(&self, other: &Signal) -> Signal {
        binary(Location::caller(), "ne", Op::Ne, self, other)
    }

    /// Less than.
    #[track_caller]
    pub fn lt(&self, other: &Signal) -> Signal {
        binary(Location::caller(), "lt", Op::Lt, self, other)
    }

    /// Less than or equal.
    #[track_caller]
    pub fn le(&self, other: &Signal) -> Signal {
        binary(Location::caller(), "le", Op::Le, self, other)
    }

    /// Greater than.
    #[track_caller]
    pub fn gt(&self, other: &Signal) -> Signal {
        binary(Location::caller(), "gt", Op::Lt, other, self)
    }

    /// Greater than or equal.
    #[track_caller]
    pub fn ge(&self, other: &Signal) -> Signal {
        binary(Location::caller(), "ge", Op::Le, other, self)
    }

    /// Equal to a literal of the same width.
    #[track_caller]
    pub fn eq_value(&self, value: impl IntoValue) -> Signal {
        self.eq(&lit(self.width(), value))
    }

    /// The signal where `enable` is 1, otherwise 0.
    #[track_caller]
    pub fn gate(&self, enable: &Signal) -> Signal {
        one_bit(Location::caller(), "an enable", enable);
        self & enable.repeat(self.width())
    }

    #[track_caller]
    fn reduce(&self, op: Op) -> Signal {
        Signal::build(Location::caller(), 1, op, vec![self.clone()])
    }

    /// 1 when any bit is 1.
    #[track_caller]
    pub fn any(&self) -> Signal {
        self.reduce(Op::Any)
    }

    /// 1 when all bits are 1.
    #[track_caller]
    pub fn all(&self) -> Signal {
        self.reduce(Op::All)
    }

    /// 1 when the number of ones is odd.
    #[track_caller]
    pub fn parity(&self) -> Signal {
        self.reduce(Op::Parity)
    }

    /// 1 when all bits are 0.
    #[track_caller]
    pub fn is_zero(&self) -> Signal {
        self.eq_value(0)
    }

    /// Shifted left by a constant, zeros moving in; the width stays.
    #[track_caller]
    pub fn shl(&self, n: u32) -> Signal {
        match (n, self.width()) {
            (0, _) => self.clone(),
            (n, width) if n >= width => lit(width, 0),
            (n, width) => concat([self.bits(0..width - n), lit(n, 0)]),
        }
    }

    /// Shifted right by a constant, zeros moving in; the width stays.
    #[track_caller]
    pub fn shr(&self, n: u32) -> Signal {
        match (n, self.width()) {
            (0, _) => self.clone(),
            (n, width) if n >= width => lit(width, 0),
            (n, width) => concat([lit(n, 0), self.bits(n..width)]),
        }
    }

    /// Rotated left by a constant.
    #[track_caller]
    pub fn rotl(&self, n: u32) -> Signal {
        let width = self.width();
        match n % width {
            0 => self.clone(),
            n => concat([self.bits(0..width - n), self.bits(width - n..width)]),
        }
    }

    /// Rotated right by a constant.
    #[track_caller]
    pub fn rotr(&self, n: u32) -> Signal {
        self.rotl(self.width() - n % self.width())
    }

    /// Word number `index` of `width` bits, a power of two, the lowest being word 0: a lookup in a table.
    ///
    /// # Panics
    /// When the signal does not hold exactly one word for each value of `index`.
    #[track_caller]
    pub fn word(&self, index: &Signal, width: u32) -> Signal {
        let (at, whole) = (Location::caller(), self.width());
        assert!(width.is_power_of_two(), "{at}: words of {width} bits, which is no power of two");
        let needed = u64::from(width) << index.width().min(32);
        assert!(
            u64::from(whole) == needed,
            "{at}: an index of {} bits over {whole} bits of {width}-bit words",
            index.width()
        );
        Signal::build(at, width, Op::Word, vec![self.clone(), index.clone()])
    }

    /// Shifted left by a signal; an amount of the width or more gives 0.
    #[track_caller]
    pub fn shl_by(&self, amount: &Signal) -> Signal {
        self.shift_by(Op::ShiftLeft, amount)
    }

    /// Shifted right by a signal, zeros moving in; an amount of the width or more gives 0.
    #[track_caller]
    pub fn shr_by(&self, amount: &Signal) -> Signal {
        self.shift_by(Op::ShiftRight, amount)
    }

    #[track_caller]
    fn shift_by(&self, op: Op, amount: &Signal) -> Signal {
        let (at, width) = (Location::caller(), self.width());
        let useful = index_width(width as usize);
        let shift = |amount: Signal| Signal::build(at, width, op, vec![self.clone(), amount]);
        if amount.width() <= useful {
            return shift(amount.clone());
        }
        // Simulators do not agree on shift amounts wider than an integer, so the high bits only select 0.
        let too_far = amount.bits(useful..amount.width()).any();
        crate::when(&too_far, lit(width, 0)).otherwise(shift(amount.bits(0..useful)))
    }
}
