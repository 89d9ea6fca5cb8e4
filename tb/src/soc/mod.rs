//! The system on a chip: a processor, lowRISC's Ibex, executes programs, and in software mode the TLB-miss handler too, on the
//! MMU that also walks in hardware.
//!
//! ```text
//!  tb/soc/*.c, *.S ─► compile ─► elf ─► space: frames, page table, boot block
//!                                         │
//!                              ┌──────────▼──────────┐   ram: lines and stores of the core
//!                              │  system: one cycle  ├─► machine::Observed: the table's memory, and every translation
//!                              └──────────┬──────────┘                      is judged by the golden model
//!                                         ▼
//!                                  counts, phases ─► report
//! ```
//!
//! | module | holds |
//! | ------ | ----- |
//! | `tools` | where Ibex and its compiler are |
//! | `device` | the Verilated system |
//! | `manifest`, `compile`, `elf` | what software there is, and its machine code |
//! | `space` | address spaces in the golden model's table, and what the kernel is told |
//! | `damage` | tables that are broken on purpose |
//! | `ram` | the core's memory port |
//! | `system` | a run, cycle by cycle, to its end |
//! | `phases`, `counts` | where the cycles went |
//! | `report` | the counts as a table |
//! | `matrix` | programs under handlers at latencies: CSV, plots, docs/refill.md |
//! | `error` | why a run stopped |

mod compile;
mod counts;
mod damage;
mod device;
mod elf;
mod error;
mod manifest;
pub mod matrix;
mod phases;
mod ram;
mod report;
mod run;
mod space;
mod system;
mod tools;

pub use compile::Compiler;
pub use counts::{Counts, SoftwareMisses};
pub use damage::Damage;
pub use device::{SocDevice, can_have_core};
pub use elf::{Image, Part};
pub use error::SocError;
pub use manifest::{Handler, Manifest, Program};
pub use phases::{PhaseCycles, Phases};
pub use report::table;
pub use run::{RunOptions, RunOutcome, config_for, run, run_of};
pub use space::{Built, Kind, Page, Process, Setup, build};
pub use system::{End, Limits, System};
pub use tools::SocTools;
