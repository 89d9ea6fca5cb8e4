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
//! # Reading order
//!
//! Read so, these modules are a chapter on hashed page tables. Each opens with its picture, its bits, its costs and its
//! source; `hashwalk explore` measures what they say.
//!
//! | concept | module |
//! | ------- | ------ |
//! | pages, frames, and what a table says of a page | [`memory`], [`mapping`] |
//! | hashing to the rescue: from (ASID, VPN) to a bucket, two processes with the same page | [`hash`] |
//! | what a poor or an attacked hash does | [`hash_quality`] |
//! | an entry; internal chaining, with `next` | [`entry`], [`table`], [`organisation::internal`] |
//! | separate chaining; external chaining with trees | [`organisation::separate`], [`organisation::tree`] |
//! | tags and translations in one line of memory | [`organisation::line`] |
//! | one table to rule them all, or many | [`organisation::inverted`], [`organisation::per_process`] |
//! | a worst case that is bounded: cuckoo; the multi-level tree | [`organisation::cuckoo`], [`organisation::radix`] |
//! | how long a table should be; break-even; reach of huge pages | [`sizing`] |
//! | the machinery of a page walk, in hardware and in software | [`mod@walk`], [`software`] |
//! | the TLB, and what it may answer while the table changes | [`tlb`], [`coherence`] |
//! | segments, initialisation, dynamic mapping; page faults, swap, files | [`os`] |
//! | fork, copy-on-write, huge pages, context switches, ASIDs | [`os`], [`system`] |
//! | the lock and the seqlock: many CPUs on one table; the six steps of copy-on-write | [`concurrent`] |
//! | the shootdown | [`shootdown`] |
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
pub mod store;
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
pub use store::Store;
pub use system::{Signal, System, Tagging};
pub use table::{ChainedTable, TableError};
pub use walk::{Progress, Walk, WalkContext, WalkResult, walk};
