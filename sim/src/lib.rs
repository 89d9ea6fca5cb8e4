//! Simulation of generated hardware at native speed.
//!
//! A design is Verilated and compiled once into a shared object, which a cache keeps (`cache.rs`); test benches load
//! instances of it and drive them cycle by cycle.
//!
//! ```text
//! hdl::Design ─► Sources ─► Model::build ─► <cache>/<top>-<key>.so ─► Dut::load ─► set · cycle · get
//!                             │ verilator: Verilog to C++ (generated/)
//!                             │ inputs.rs: registers for the inputs, around the design
//!                             │ glue.rs:   ports.h, the part of the C++ that depends on the ports
//!                             │ compile.rs: generated C++, cxx/design.cc
//!                             └ runtime.rs: Verilator's own runtime, compiled once for all designs
//! ```
//!
//! Rust and C++ meet in one `cxx` bridge over the abstract class `Dut` (bridge.rs, cxx/dut.h).
//!
//! ```no_run
//! use hashwalk_sim::{Dut, Model, Options, Sources, Toolchain};
//!
//! # fn simulate(sources: Sources) -> hashwalk_sim::Result<()> {
//! let model = Model::build(&Toolchain::locate()?, &sources, Options { checks: true, trace: false })?;
//! let mut dut = Dut::load(&model)?;
//! let (request, ready) = (dut.input("request_valid")?, dut.output("request_ready")?);
//! dut.reset(2)?;
//! dut.set(request, 1);
//! dut.run_until(100, "the request to be taken", |dut| dut.get(ready) == 1)?;
//! # Ok(())
//! # }
//! ```

mod bridge;
mod cache;
mod compile;
mod dut;
mod error;
mod glue;
mod inputs;
mod library;
mod model;
mod ports;
mod runtime;
mod sources;
mod toolchain;
mod wave_libraries;

pub use cache::Cache;
pub use dut::Dut;
pub use error::{Error, Failure, Result};
pub use hashwalk_hdl::{Port, SourceFile};
pub use library::Library;
pub use model::{Model, Options};
pub use ports::{InPort, OutPort};
pub use sources::Sources;
pub use toolchain::Toolchain;
