//! The golden reference model: what the hardware must do, written from docs/spec.md and from nothing of the hardware.
//!
//! ```text
//!   os ────► table ────► memory ◄──── walk ◄──── the scoreboard, the software-refill handler
//!   │          │  entry, mapping  │    │
//!   │          └───► hash ◄───────┼────┘
//!   └─ faults, frames, processes  └─ bytes, also read by the simulated hardware
//!
//!   coherence   which answers are legal while the table changes under a TLB
//!   software    what the hardware makes of an entry that software hands it
//!   system      CPUs with TLBs over the operating system: every load returns the last store
//!   concurrent  the table as memory that many threads share
//!   shootdown   how every TLB is made to forget a mapping, step by step
//!   sizing      what an operating system works out at boot: table lengths, break-even points, a TLB's reach
//!   hash_quality  how evenly a hash spreads pages, and what an attacker makes of it
//! ```
//!
//! Nothing here knows of cycles. The table is bytes in [`PhysicalMemory`], the same that the hardware reads, and a walk
//! is a function of those bytes; so is everything that a test compares with.

pub mod coherence;
pub mod concurrent;
pub mod entry;
pub mod frames;
pub mod hash;
pub mod hash_quality;
pub mod layout;
pub mod mapping;
pub mod memory;
pub mod organisation;
pub mod os;
pub mod ram;
pub mod shootdown;
pub mod sizing;
pub mod software;
pub mod system;
pub mod table;
pub mod tlb;
pub mod walk;

pub use coherence::{Coherence, Mismatch, Ticket};
pub use entry::Entry;
pub use frames::{FrameAllocator, OutOfMemory};
pub use hash::{HashFunction, hasher};
pub use layout::{Layout, LayoutError};
pub use mapping::{Mapping, Marks, Pte};
pub use memory::{BusError, Element, PhysicalMemory};
pub use organisation::{PageTable, Walkable};
pub use os::{Os, OsError, Resolution, Segment, Withdrawn};
pub use ram::Ram;
pub use software::{RefillEntry, check_refill};
pub use system::{Signal, System, Tagging};
pub use table::{ChainedTable, TableError};
pub use walk::{Progress, Walk, WalkContext, WalkResult, walk};
