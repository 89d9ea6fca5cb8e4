//! [`Component`] and its elaboration into a netlist.

use std::panic::Location;

use crate::module::{Library, Module};
use crate::netlist::{Netlist, Register};
use crate::node::{LeafKind, Place, fresh_id};
use crate::text::literal;
use crate::{Bundle, verilog};

/// Hardware: inputs, outputs, state, and the function between them. Each makes one Verilog module.
///
/// There is one clock, `clock`, and one synchronous active-high reset, `reset`; both are ports of the Verilog module
/// exactly when something inside needs them, and are connected without being mentioned.
pub trait Component {
    /// The input ports.
    type Inputs: Bundle;
    /// The output ports.
    type Outputs: Bundle;
    /// The registers.
    type State: Bundle;

    /// The Verilog module's name, unique for each type and parameters.
    fn name(&self) -> String;

    /// The comment above the Verilog module.
    fn doc(&self) -> String {
        String::new()
    }

    /// The widths of the inputs, as [`shape`](crate::shape)s.
    fn inputs(&self) -> Self::Inputs;

    /// The registers' reset values, as literals; their widths are the registers' widths, and their source lines are
    /// named in the Verilog.
    fn reset(&self) -> Self::State;

    /// The outputs in this cycle and the state in the next one. A register whose signal is returned as it came keeps
    /// its value.
    fn kernel(&self, m: &mut Module, i: Self::Inputs, s: Self::State) -> (Self::Outputs, Self::State);
}

/// Elaborates a component and everything below it; its Verilog goes to the library.
#[track_caller]
pub(crate) fn build<C: Component>(component: &C, library: &Library) -> (Netlist, C::Outputs) {
    let at = Location::caller();
    let name = component.name();
    assert!(crate::names::is_identifier(&name), "{at}: `{name}` is not a Verilog module name");
    let context = fresh_id();

    let mut inputs = Vec::new();
    let input_leaves = component.inputs().map("", &mut |port, shape| {
        let port = or_default(port, "in");
        let leaf = crate::Signal::leaf(shape.0.at, shape.width(), context, LeafKind::Input, &port);
        inputs.push((port, leaf.clone()));
        leaf
    });
    let mut registers = Vec::new();
    let state_leaves = component.reset().map("", &mut |register, reset| {
        let register = or_default(register, "state");
        assert!(literal(reset).is_some(), "{}: the reset value of `{register}` is not a literal", reset.0.at);
        let now = crate::Signal::leaf(reset.0.at, reset.width(), context, LeafKind::Register, &register);
        let next = now.clone();
        registers.push(Register { name: register, now: now.clone(), reset: reset.clone(), next, at: reset.0.at });
        now
    });

    let mut module = Module::new(context, library.clone());
    let (outputs, next_state) = component.kernel(&mut module, input_leaves, state_leaves);
    set_next(&name, at, &mut registers, &next_state);
    let output_leaves = outputs.leaves().into_iter().map(|(port, signal)| (or_default(&port, "out"), signal)).collect();
    let netlist = Netlist {
        doc: component.doc(),
        context,
        at,
        inputs,
        outputs: output_leaves,
        registers,
        instances: module.instances,
        memories: module.memories,
        checks: module.checks,
        ignored: module.ignored,
        name,
    };
    check_connected(&netlist);
    library.add(&netlist, verilog::write(&netlist));
    (netlist, outputs)
}

/// A bundle of one bare signal, or a bare `Vec`, has no field name to take.
fn or_default(name: &str, default: &str) -> String {
    match name.chars().next() {
        None => default.into(),
        Some(first) if first.is_ascii_digit() => format!("{default}_{name}"),
        Some(_) => name.into(),
    }
}

fn set_next<S: Bundle>(module: &str, at: Place, registers: &mut [Register], next_state: &S) {
    let next = next_state.leaves();
    assert!(
        next.len() == registers.len(),
        "{at}: `{module}` has {} registers but its kernel returns {}",
        registers.len(),
        next.len()
    );
    for (register, (_, next)) in registers.iter_mut().zip(next) {
        let (old, new) = (register.now.width(), next.width());
        assert!(
            old == new,
            "{}: the register `{}` of {old} bits ({}) gets a next value of {new} bits",
            next.0.at,
            register.name,
            register.at
        );
        register.next = next;
    }
}

fn check_connected(netlist: &Netlist) {
    for cell in &netlist.instances {
        assert!(cell.inputs.borrow().is_some(), "{}: the instance `{}` is never connected", cell.at, cell.name);
    }
    for memory in &netlist.memories {
        assert!(memory.ports.borrow().is_some(), "{}: the memory `{}` is never connected", memory.at, memory.name);
    }
}
