//! Assertions, assumptions and covers of a module.

use crate::Signal;
use crate::node::Place;

/// What a check asks of its condition at every clock edge outside reset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CheckKind {
    /// It holds.
    Assert,
    /// The environment makes it hold.
    Assume,
    /// It holds at least once.
    Cover,
}

impl CheckKind {
    /// The Verilog statement.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            CheckKind::Assert => "assert",
            CheckKind::Assume => "assume",
            CheckKind::Cover => "cover",
        }
    }
}

pub(crate) struct Check {
    pub(crate) kind: CheckKind,
    pub(crate) name: String,
    pub(crate) condition: Signal,
    pub(crate) at: Place,
}
