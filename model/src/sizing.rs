//! Sizing before anything runs: how long a table must be, when one table beats many, and how far a TLB reaches.
//!
//! | file | answers |
//! | ---- | ------- |
//! | `boot.rs` | how many entries, from the frames, the sharing that is expected and how rare collisions must be |
//! | `break_even.rs` | from how many processes on one inverted table takes less memory than a table for each |
//! | `reach.rs` | how many entries a piece of memory needs, and how much of it a TLB covers, with each page size |
//!
//! Nothing here looks at a table: these are the formulas that an operating system would work out at boot, and
//! `hashwalk explore` lays measurements beside them. Source: the seeds' boot-time tuning ("The length of the table should
//! be a power-of-2 multiple of the number of frames"), break-even point and huge pages.

mod boot;
mod break_even;
mod reach;

pub use boot::{CollisionTarget, Expectation, SizingError, TableSize, reads_of_a_hit, reads_of_a_miss};
pub use break_even::{ProcessTable, directory_bytes, inverted_bytes, per_process_bytes, processes_at_break_even};
pub use reach::{entries_to_map, tlb_reach_bytes};
