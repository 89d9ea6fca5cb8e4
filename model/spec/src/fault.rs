//! Fault codes (docs/spec.md, section 5).

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bits of a fault code.
pub const FAULT_BITS: u32 = 3;
/// The code that says that there is no fault.
pub const NO_FAULT: u8 = 0;

/// Why a request has no translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Fault {
    /// No search found the page.
    #[error("not present")]
    NotPresent = 1,
    /// The mapping denies the access.
    #[error("rights")]
    Rights = 2,
    /// The matching entry, or a link on the way to it, is not one that software may write.
    #[error("malformed")]
    Malformed = 3,
    /// A search took the configured number of probes and the chain went on.
    #[error("chain too long")]
    ChainTooLong = 4,
    /// The memory answered a read of the table with an error.
    #[error("bus error")]
    BusError = 5,
    /// The mapping allows the access but lacks A, or D of a write; only where the hardware looks at them.
    #[error("unmarked")]
    Unmarked = 6,
}

impl Fault {
    /// All faults, in the order of their codes.
    pub const ALL: [Fault; 6] =
        [Fault::NotPresent, Fault::Rights, Fault::Malformed, Fault::ChainTooLong, Fault::BusError, Fault::Unmarked];

    /// The code on the answer port, 3 bits, never [`NO_FAULT`].
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The fault with this code; `None` for 0 and for the reserved code 7.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.code() == code)
    }
}
