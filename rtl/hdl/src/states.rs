//! Typed state encodings, made by [`states!`](crate::states!), and the choice by state.

use std::panic::Location;

use crate::node::Op;
use crate::ops::same_width;
use crate::select::mux;
use crate::simplify::index_width;
use crate::{Bundle, Signal};

/// An enumeration of states with a binary encoding, made by [`states!`](crate::states!).
pub trait States: Copy + 'static {
    /// The name of the enumeration.
    const ENUM: &'static str;
    /// The variants' names; the index is the code.
    const NAMES: &'static [&'static str];
    /// The position of this variant.
    fn code(self) -> u32;
}

/// The width of the encoding in bits.
#[doc(hidden)]
pub const fn state_width(count: usize) -> u32 {
    match count {
        0..=2 => 1,
        _ => usize::BITS - (count - 1).leading_zeros(),
    }
}

/// The literal of a state, which Verilog sees as a `localparam`.
#[doc(hidden)]
#[track_caller]
pub fn state_signal<S: States>(state: S) -> Signal {
    let name = format!("{}_{}", screaming(S::ENUM), screaming(S::NAMES[state.code() as usize]));
    let op = Op::State(state.code().into(), name);
    Signal::build(Location::caller(), index_width(S::NAMES.len()), op, Vec::new())
}

/// `AwaitBeats` as `AWAIT_BEATS`.
fn screaming(camel: &str) -> String {
    let mut name = String::new();
    for (i, c) in camel.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            name.push('_');
        }
        name.extend(c.to_uppercase());
    }
    name
}

/// The value of the arm whose state equals `state`. An encoding outside the enumeration selects the last arm.
///
/// # Panics
/// When a state is missing or stands twice.
#[track_caller]
pub fn case<S: States, B: Bundle>(state: &Signal, arms: impl IntoIterator<Item = (S, B)>) -> B {
    let at = Location::caller();
    let arms: Vec<(S, B)> = arms.into_iter().collect();
    for (code, name) in S::NAMES.iter().enumerate() {
        let count = arms.iter().filter(|(state, _)| state.code() as usize == code).count();
        assert!(count != 0, "{at}: the case over {} has no arm for {name}", S::ENUM);
        assert!(count == 1, "{at}: the case over {} has {count} arms for {name}", S::ENUM);
    }
    let mut arms = arms.into_iter().rev();
    let (_, last) = arms.next().expect("an enumeration has variants");
    arms.fold(last, |otherwise, (code, value)| {
        let code = state_signal(code);
        same_width(at, "case", state, &code);
        let here = Signal::build(at, 1, Op::Eq, vec![state.clone(), code]);
        mux(at, &here, &value, &otherwise)
    })
}

/// Declares an enumeration of states with a binary encoding in declaration order.
///
/// It gives `WIDTH`, `NAMES` (indexed by code), `ALL`, `code()`, `signal()` (the literal, a `localparam` in Verilog)
/// and `is(&signal)`.
///
/// ```
/// use hashwalk_hdl::{case, lit, shape, states};
///
/// states! {
///     /// What the light shows.
///     pub enum Light {
///         /// Stop.
///         Red,
///         /// Go.
///         Green,
///         /// Stop soon.
///         Amber,
///     }
/// }
///
/// let next = case(&shape(Light::WIDTH), [
///     (Light::Red, Light::Green.signal()),
///     (Light::Green, Light::Amber.signal()),
///     (Light::Amber, Light::Red.signal()),
/// ]);
/// assert_eq!(next.width(), 2);
/// assert_eq!(Light::NAMES[Light::Amber.code() as usize], "Amber");
/// ```
#[macro_export]
macro_rules! states {
    ($( $(#[$attribute:meta])* $visibility:vis enum $name:ident {
        $( $(#[$variant_attribute:meta])* $variant:ident ),+ $(,)?
    } )+) => { $(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $name {
            $( $(#[$variant_attribute])* $variant, )+
        }

        #[allow(dead_code, reason = "a machine uses what it needs of its states")]
        impl $name {
            /// The width of the encoding in bits.
            $visibility const WIDTH: u32 = $crate::state_width(Self::NAMES.len());
            /// The variants' names; the index is the code.
            $visibility const NAMES: &'static [&'static str] = &[$( stringify!($variant) ),+];
            /// All variants in the order of their codes.
            $visibility const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The encoding of this state.
            $visibility fn code(self) -> u32 {
                self as u32
            }

            /// The literal of this state.
            #[track_caller]
            $visibility fn signal(self) -> $crate::Signal {
                $crate::state_signal(self)
            }

            /// 1 when `state` is this state.
            #[track_caller]
            $visibility fn is(&self, state: &$crate::Signal) -> $crate::Signal {
                state.eq(&self.signal())
            }
        }

        impl $crate::States for $name {
            const ENUM: &'static str = stringify!($name);
            const NAMES: &'static [&'static str] = $name::NAMES;
            fn code(self) -> u32 {
                self as u32
            }
        }
    )+ };
}
