//! [`Bundle`]: a struct of signals, derived by [`bundle!`](crate::bundle!).

use std::panic::Location;

use crate::node::Place;
use crate::{Signal, concat};

/// A fixed tree of signals: a struct made by [`bundle!`](crate::bundle!), a `Vec` or an `Option` of bundles, `()`, or
/// one [`Signal`].
pub trait Bundle: Clone {
    /// The same tree with each leaf replaced by `f(name, leaf)`, in declaration order.
    ///
    /// A leaf's name is the path of field names and indices, joined by `_`, after `prefix`.
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> Self;

    /// The same values, each as a wire whose name starts with `prefix`.
    #[track_caller]
    fn named(&self, prefix: &str) -> Self {
        let at = Location::caller();
        self.map(prefix, &mut |name, leaf| {
            let op = crate::node::Op::Named(name.into());
            assert!(crate::names::is_identifier(name), "{at}: `{name}` is not a Verilog identifier");
            Signal::build(at, leaf.width(), op, vec![leaf.clone()])
        })
    }

    /// All leaves with their names, in declaration order.
    fn leaves(&self) -> Vec<(String, Signal)> {
        let mut leaves = Vec::new();
        self.map("", &mut |name, leaf| {
            leaves.push((name.to_string(), leaf.clone()));
            leaf.clone()
        });
        leaves
    }

    /// The sum of all leaves' widths.
    fn width(&self) -> u32 {
        self.leaves().iter().map(|(_, leaf)| leaf.width()).sum()
    }

    /// All leaves side by side, the first one most significant.
    #[track_caller]
    fn pack(&self) -> Signal {
        concat(self.leaves().iter().map(|(_, leaf)| leaf))
    }

    /// The inverse of [`pack`](Self::pack); `self` gives the shape.
    #[track_caller]
    fn unpack(&self, packed: &Signal) -> Self {
        let (at, width) = (Location::caller(), Bundle::width(self));
        assert!(packed.width() == width, "{at}: unpacking {} bits into a bundle of {width} bits", packed.width());
        let mut end = width;
        self.map("", &mut |_, leaf| {
            let start = end - leaf.width();
            let part = packed.bits(start..end);
            end = start;
            part
        })
    }
}

impl Bundle for Signal {
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> Signal {
        f(prefix, self)
    }
}

impl Bundle for () {
    fn map(&self, _: &str, _: &mut dyn FnMut(&str, &Signal) -> Signal) {}
}

impl<B: Bundle> Bundle for Vec<B> {
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> Self {
        self.iter().enumerate().map(|(i, item)| item.map(&join(prefix, &i.to_string()), f)).collect()
    }
}

/// A part that a parameter may leave out; it adds nothing to the name.
impl<B: Bundle> Bundle for Option<B> {
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> Self {
        self.as_ref().map(|part| part.map(prefix, f))
    }
}

/// A leaf name one level down; used by [`bundle!`](crate::bundle!).
#[doc(hidden)]
pub fn join(prefix: &str, field: &str) -> String {
    let field = field.trim_start_matches("r#");
    if prefix.is_empty() { field.into() } else { format!("{prefix}_{field}") }
}

/// Combines two bundles of one shape leaf by leaf.
pub(crate) fn zip<B: Bundle>(at: Place, a: &B, b: &B, f: &mut dyn FnMut(&Signal, &Signal) -> Signal) -> B {
    let others = b.leaves();
    let count = a.leaves().len();
    assert!(count == others.len(), "{at}: bundles of {count} and {} signals", others.len());
    let mut others = others.iter();
    a.map("", &mut |name, leaf| {
        let (_, other) = others.next().expect("counted above");
        let (left, right) = (leaf.width(), other.width());
        let of = if name.is_empty() { String::new() } else { format!(" of `{name}`") };
        assert!(left == right, "{at}: alternatives{of} of {left} bits and {right} bits");
        f(leaf, other)
    })
}

/// Declares a struct whose fields are [`Signal`]s or other [`Bundle`]s, and implements [`Bundle`] for it.
///
/// ```
/// use hashwalk_hdl::{Bundle, Signal, bundle, shape};
///
/// bundle! {
///     /// One answer.
///     pub struct Answer {
///         /// The payload counts.
///         pub valid: Signal,
///         /// One word a bank.
///         pub words: Vec<Signal>,
///     }
/// }
///
/// let answer = Answer { valid: shape(1), words: vec![shape(32); 2] };
/// let names: Vec<String> = answer.leaves().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["valid", "words_0", "words_1"]);
/// assert_eq!(answer.width(), 65);
/// ```
#[macro_export]
macro_rules! bundle {
    ($( $(#[$attribute:meta])* $visibility:vis struct $name:ident {
        $( $(#[$field_attribute:meta])* $field_visibility:vis $field:ident : $type:ty ),* $(,)?
    } )+) => { $(
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        $visibility struct $name {
            $( $(#[$field_attribute])* $field_visibility $field: $type, )*
        }

        impl $crate::Bundle for $name {
            #[allow(unused_variables)]
            fn map(
                &self,
                prefix: &str,
                f: &mut dyn FnMut(&str, &$crate::Signal) -> $crate::Signal,
            ) -> Self {
                Self { $( $field: $crate::Bundle::map(&self.$field, &$crate::join(prefix, stringify!($field)), f), )* }
            }
        }
    )+ };
}
