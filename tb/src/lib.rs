//! Hashwalk's test bench: stimulus, memory, scoreboard, traces and reports around the Verilated hardware.
//!
//! It is the only crate that knows both the golden model and the hardware.

pub mod bench;
pub mod check;
pub mod cli;
pub mod device;
pub mod emit;
pub mod explore;
pub mod machine;
mod named_ports;
pub mod replay_trace;
pub mod report;
pub mod scenario;
pub mod soc;
pub mod trace;
mod whole_file;
