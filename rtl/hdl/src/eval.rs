//! [`Interpreter`]: runs a component in Rust, for unit tests without a simulator.

use std::collections::BTreeSet;

use num_bigint::BigUint;

use crate::check::CheckKind;
use crate::flat::Flat;
use crate::module::Library;
use crate::simplify::{apply, ones};
use crate::{Component, IntoValue, component};

/// A component with all its children, registers and memories, cycle by cycle.
///
/// It starts as after a reset; inputs and memories start as 0. Two values only: there is no unknown.
pub struct Interpreter {
    flat: Flat,
    values: Vec<BigUint>,
    memories: Vec<Vec<BigUint>>,
    covered: BTreeSet<String>,
    stale: bool,
}

impl Interpreter {
    /// Elaborates a component, with all checks of [`elaborate`](crate::elaborate).
    #[track_caller]
    pub fn new<C: Component>(component: &C) -> Interpreter {
        let (netlist, _) = component::build(component, &Library::default());
        let flat = Flat::new(&netlist);
        let values = vec![BigUint::ZERO; flat.nodes.len()];
        let memories = flat.memories.iter().map(|memory| vec![BigUint::ZERO; memory.depth]).collect();
        let mut this = Interpreter { flat, values, memories, covered: BTreeSet::new(), stale: true };
        this.reset();
        this
    }

    /// Sets an input of the top from now on.
    ///
    /// # Panics
    /// When there is no such input or the value does not fit.
    #[track_caller]
    pub fn set(&mut self, input: &str, value: impl IntoValue) {
        let value = value.into_value();
        let node = *self.flat.inputs.get(input).unwrap_or_else(|| panic!("there is no input `{input}`"));
        let width = self.flat.nodes[node].signal.width();
        assert!(value <= ones(width), "{value} does not fit the {width} bits of `{input}`");
        self.values[node] = value;
        self.stale = true;
    }

    /// The value of an output, or of a register or child's output by its path, such as `walker.state`.
    ///
    /// # Panics
    /// When there is no such signal.
    #[track_caller]
    pub fn get(&mut self, name: &str) -> BigUint {
        let register = || self.flat.registers.iter().find(|register| register.path == name).map(|r| r.now);
        let node = self.flat.outputs.get(name).copied().or_else(register);
        let node = node.unwrap_or_else(|| panic!("there is no output or register `{name}`"));
        self.settle();
        self.values[node].clone()
    }

    /// One clock edge outside reset.
    ///
    /// # Panics
    /// When an assertion or assumption does not hold, or an enabled memory address is out of range.
    pub fn tick(&mut self) {
        self.settle();
        for check in &self.flat.checks {
            let holds = self.values[check.condition].bits() != 0;
            match check.kind {
                CheckKind::Cover if holds => drop(self.covered.insert(check.path.clone())),
                CheckKind::Cover => {}
                CheckKind::Assert | CheckKind::Assume => {
                    assert!(holds, "the check `{}` ({}) does not hold", check.path, check.at);
                }
            }
        }
        let next: Vec<_> = self.flat.registers.iter().map(|r| (r.now, self.values[r.next].clone())).collect();
        self.clock_memories();
        for (now, value) in next {
            self.values[now] = value;
        }
        self.stale = true;
    }

    /// One clock edge in reset: registers take their reset values, memories work as ever.
    pub fn reset(&mut self) {
        self.settle();
        self.clock_memories();
        for register in &self.flat.registers {
            self.values[register.now] = register.reset.clone();
        }
        self.stale = true;
    }

    /// Has the cover with this path, such as `walker.chain_full`, held at a clock edge?
    pub fn covered(&self, path: &str) -> bool {
        self.covered.contains(path)
    }

    fn clock_memories(&mut self) {
        for (memory, words) in self.flat.memories.iter().zip(&mut self.memories) {
            let port = |i: usize| &self.values[memory.ports[i]];
            let enabled = |i: usize| port(i).bits() != 0;
            let index = |i: usize| {
                let address = port(i).iter_u64_digits().next().unwrap_or(0) as usize;
                assert!(address < memory.depth, "address {address} in `{}` of {} words", memory.path, memory.depth);
                address
            };
            let read = enabled(0).then(|| words[index(1)].clone());
            if enabled(2) {
                words[index(3)] = port(4).clone();
            }
            if let Some(read) = read {
                self.values[memory.read_data] = read;
            }
        }
    }

    fn settle(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        for (i, node) in self.flat.nodes.iter().enumerate() {
            if self.flat.is_source(i) {
                continue;
            }
            let operands: Vec<_> =
                node.operands.iter().map(|&j| (&self.values[j], self.flat.nodes[j].signal.width())).collect();
            self.values[i] = apply(&node.signal.0.op, node.signal.width(), &operands);
        }
    }
}
