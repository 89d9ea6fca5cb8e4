//! What a wrong answer is reported as.

use crate::mapping::Mapping;
use hashwalk_spec::{Answer, Invalidation, Request};
use std::fmt;
use thiserror::Error;

/// An answer that is not legal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Mismatch {
    /// When the answer came.
    pub now: u64,
    /// The request's number.
    pub id: u64,
    /// The request; `None` if none of this number was outstanding.
    pub request: Option<Request>,
    /// When that was accepted.
    pub accepted: Option<u64>,
    /// The answers that would have been legal, each once.
    pub wanted: Vec<Answer>,
    /// The answer that came.
    pub got: Answer,
    /// Why it is wrong.
    pub why: Why,
}

/// Why an answer is wrong, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// Nothing was outstanding under this number: never asked, or answered twice.
    #[error("no such request is outstanding")]
    NoSuchRequest,
    /// A withdrawn mapping gives this answer, but it was invalidated.
    #[error(
        "it uses {mapping:?}, withdrawn at {withdrawn} and covered by the invalidation {invalidation:?} accepted at \
         {accepted}, which is done"
    )]
    Invalidated {
        /// The mapping that gives the answer.
        mapping: Mapping,
        /// When it was withdrawn from the table.
        withdrawn: u64,
        /// The invalidation that is done.
        invalidation: Invalidation,
        /// When that was accepted.
        accepted: u64,
    },
    /// Neither the table nor a mapping that was lately withdrawn gives this answer.
    #[error("the table never held it while the request was outstanding, and no stale mapping gives it")]
    NeverHeld,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}, request {}", self.now, self.id)?;
        if let Some(Request { asid, vpn, access, user }) = self.request {
            let mode = if user { "user" } else { "supervisor" };
            write!(f, " ({mode} {access:?} of {asid}:{vpn}")?;
            write!(f, ", accepted at {})", self.accepted.unwrap_or_default())?;
        }
        write!(f, " was answered {}; ", Shown(self.got))?;
        for (i, wanted) in self.wanted.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "legal: " } else { " or " }, Shown(*wanted))?;
        }
        write!(f, "{}{}", if self.wanted.is_empty() { "" } else { "; " }, self.why)
    }
}

/// An answer in words.
struct Shown(Answer);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(translation) => write!(f, "PFN {}", translation.pfn),
            Err(fault) => write!(f, "fault \"{fault}\""),
        }
    }
}
