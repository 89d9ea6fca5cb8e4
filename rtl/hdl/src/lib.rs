//! A small hardware description language embedded in Rust; it writes Verilog.
//!
//! A [`Component`] is an input bundle, an output bundle, state, and a kernel: a plain Rust function from (inputs,
//! state) to (outputs, next state). [`Signal`]s know their widths, and a mismatch panics while the hardware is
//! generated, naming the Rust file and line. [`elaborate`] turns a component into a [`Design`], one Verilog file a
//! module; [`Interpreter`] runs the same graph in Rust.
//!
//! ```
//! use hashwalk_hdl::*;
//!
//! bundle! {
//!     /// What a counter is told.
//!     pub struct Inputs {
//!         /// Count in this cycle.
//!         pub enable: Signal,
//!     }
//!     /// What a counter says.
//!     pub struct Outputs {
//!         /// The number of enabled cycles since reset, modulo 2 to the width.
//!         pub count: Signal,
//!     }
//!     /// The registers of a counter.
//!     pub struct State {
//!         /// The number so far.
//!         pub count: Signal,
//!     }
//! }
//!
//! /// Counts enabled cycles.
//! struct Counter {
//!     width: u32,
//! }
//!
//! impl Component for Counter {
//!     type Inputs = Inputs;
//!     type Outputs = Outputs;
//!     type State = State;
//!     fn name(&self) -> String {
//!         format!("counter_{}", self.width)
//!     }
//!     fn inputs(&self) -> Inputs {
//!         Inputs { enable: shape(1) }
//!     }
//!     fn reset(&self) -> State {
//!         State { count: lit(self.width, 0) }
//!     }
//!     fn kernel(&self, _: &mut Module, i: Inputs, s: State) -> (Outputs, State) {
//!         let count = when(&i.enable, &s.count + lit(self.width, 1)).otherwise(s.count.clone());
//!         (Outputs { count: s.count }, State { count })
//!     }
//! }
//!
//! let design = elaborate(&Counter { width: 8 });
//! assert_eq!(design.files[0].name, "counter_8.v");
//! assert!(!design.depends("count", "enable"));
//!
//! let mut counter = Interpreter::new(&Counter { width: 8 });
//! counter.set("enable", 1);
//! counter.tick();
//! counter.tick();
//! assert_eq!(counter.get("count"), 2u32.into());
//! ```
//!
//! The generated text passes `verilator --lint-only -Wall` without a waiver. Bits that an expression computes and
//! nobody reads, such as the low bits of a sum of which only the carry counts, are gathered in one wire `unused_bits`.
//! What remains for the linter to find are unread bits of ports and registers, and comparisons whose result is constant.

mod bundle;
mod check;
mod component;
mod depends;
mod design;
mod eval;
mod expression;
mod flat;
mod instance;
mod memory;
mod module;
mod names;
mod netlist;
mod node;
mod ops;
mod select;
mod signal;
mod simplify;
mod states;
mod text;
mod verilog;

pub use bundle::{Bundle, join};
pub use component::Component;
pub use design::{Design, Port, SourceFile, elaborate};
pub use eval::Interpreter;
pub use instance::Instance;
pub use memory::{Memory, MemoryPorts};
pub use module::Module;
pub use node::MAX_WIDTH;
pub use num_bigint::BigUint;
pub use select::{When, all_of, any_of, at_most_one, first_one, mask, one_hot_mux, one_hot_of, priority_select, when};
pub use signal::{IntoValue, Signal, concat, high, lit, low, shape};
pub use states::{States, case, state_signal, state_width};
