//! The expression graph: one node an operator, handled through [`Signal`].

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use num_bigint::BigUint;

use crate::Signal;
use crate::simplify::simplify;

/// The widest value, in bits: two 64-byte lines side by side.
pub const MAX_WIDTH: u32 = 1024;

/// The Rust source line that made a node.
pub(crate) type Place = &'static Location<'static>;

/// What a node computes from its operands. Operand widths and counts are checked before a node is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    /// A constant.
    Literal(BigUint),
    /// A constant written as a `localparam` of this name.
    State(BigUint, String),
    /// A width without a value, from [`crate::shape`].
    Shape,
    /// An input port, register, instance output or memory read port of the module under construction.
    Leaf(Leaf),
    /// The operand, as a wire of this name.
    Named(String),
    Not,
    And,
    Or,
    Xor,
    Add,
    Sub,
    Mul,
    Eq,
    Ne,
    Lt,
    Le,
    /// Reduction OR, AND and XOR.
    Any,
    All,
    Parity,
    /// `width` bits from this bit upwards.
    Slice(u32),
    /// Most significant operand first.
    Concat,
    Repeat(u32),
    /// Condition, value when true, value when false.
    Mux,
    /// Value, amount.
    ShiftLeft,
    ShiftRight,
    /// Words side by side, the number of one.
    Word,
}

/// A value that comes from outside the expressions of one module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    /// The module under construction that owns the leaf; another module must not read it.
    pub(crate) context: u64,
    pub(crate) kind: LeafKind,
    /// Name within the module, such as `hit` or `walker_request_valid`.
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LeafKind {
    Input,
    Register,
    InstanceOutput,
    MemoryRead,
}

pub(crate) struct Node {
    /// Creation order. An operand is older than its users, so ascending ids are a topological order.
    pub(crate) id: u64,
    pub(crate) width: u32,
    pub(crate) op: Op,
    pub(crate) operands: Vec<Signal>,
    pub(crate) at: Place,
}

thread_local! {
    // Signals are bound to a thread, so a counter a thread suffices; only the order of ids is ever seen.
    static NEXT_ID: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn fresh_id() -> u64 {
    NEXT_ID.with(|next| next.replace(next.get() + 1))
}

impl Signal {
    /// Makes a node, or something simpler of the same value.
    pub(crate) fn build(at: Place, width: u32, op: Op, operands: Vec<Signal>) -> Signal {
        assert!((1..=MAX_WIDTH).contains(&width), "{at}: a width of {width} bits is outside 1..={MAX_WIDTH}");
        if let Some(simpler) = simplify(at, width, &op, &operands) {
            return simpler;
        }
        Signal(Rc::new(Node { id: fresh_id(), width, op, operands, at }))
    }

    pub(crate) fn leaf(at: Place, width: u32, context: u64, kind: LeafKind, name: &str) -> Signal {
        Signal::build(at, width, Op::Leaf(Leaf { context, kind, name: name.into() }), Vec::new())
    }

    /// The value of a literal or state, also of a named one.
    pub(crate) fn constant(&self) -> Option<&BigUint> {
        let mut signal = self;
        while let Op::Named(_) = signal.0.op {
            signal = &signal.0.operands[0];
        }
        match &signal.0.op {
            Op::Literal(value) | Op::State(value, _) => Some(value),
            _ => None,
        }
    }
}

impl Drop for Node {
    // The derived drop would recurse once a node and overflow the stack on a long chain.
    fn drop(&mut self) {
        let mut doomed = std::mem::take(&mut self.operands);
        while let Some(signal) = doomed.pop() {
            if let Some(mut node) = Rc::into_inner(signal.0) {
                doomed.append(&mut node.operands);
            }
        }
    }
}
