//! One elaborated module, before it is written, flattened or evaluated.

use std::collections::BTreeMap;
use std::rc::Rc;

use num_bigint::BigUint;

use crate::Signal;
use crate::check::Check;
use crate::instance::InstanceCell;
use crate::memory::MemoryCell;
use crate::node::{LeafKind, Op, Place};

/// A register: its value this cycle, its reset value, and its value in the next cycle.
pub(crate) struct Register {
    pub(crate) name: String,
    pub(crate) now: Signal,
    pub(crate) reset: Signal,
    pub(crate) next: Signal,
    /// The line of the reset value.
    pub(crate) at: Place,
}

/// How a register with a clock enable changes.
pub(crate) struct Enabled<'a> {
    pub(crate) condition: &'a Signal,
    /// The value of the condition that lets it change.
    pub(crate) by: bool,
    pub(crate) value: &'a Signal,
}

impl Register {
    /// The kernel returned the register unchanged in every case.
    pub(crate) fn is_held(&self) -> bool {
        Rc::ptr_eq(&self.now.0, &self.next.0)
    }

    /// When the register changes, and to what, if it keeps its value otherwise.
    pub(crate) fn enabled(&self) -> Option<Enabled<'_>> {
        let is_own = |signal: &Signal| Rc::ptr_eq(&signal.0, &self.now.0);
        match (&self.next.0.op, self.next.0.operands.as_slice()) {
            (Op::Mux, [condition, value, old]) if is_own(old) => Some(Enabled { condition, by: true, value }),
            (Op::Mux, [condition, old, value]) if is_own(old) => Some(Enabled { condition, by: false, value }),
            _ => None,
        }
    }

    pub(crate) fn reset_value(&self) -> &BigUint {
        self.reset.constant().expect("checked at elaboration")
    }
}

/// A module and, through its instances, all modules below it. Every instance has a netlist of its own.
pub(crate) struct Netlist {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) context: u64,
    /// The line that asked for the module.
    pub(crate) at: Place,
    pub(crate) inputs: Vec<(String, Signal)>,
    pub(crate) outputs: Vec<(String, Signal)>,
    pub(crate) registers: Vec<Register>,
    pub(crate) instances: Vec<Rc<InstanceCell>>,
    pub(crate) memories: Vec<Rc<MemoryCell>>,
    pub(crate) checks: Vec<Check>,
    /// Signals that are declared unused on purpose.
    pub(crate) ignored: Vec<Signal>,
}

/// An expression that the module's statements need, with a name for it should it become a wire.
pub(crate) struct Root {
    pub(crate) hint: String,
    pub(crate) signal: Signal,
}

impl Netlist {
    /// The module or one below it holds a register, memory or check.
    pub(crate) fn clocked(&self) -> bool {
        self.resettable() || !self.memories.is_empty() || self.instances.iter().any(|cell| cell.child.clocked())
    }

    /// The module or one below it needs the reset.
    pub(crate) fn resettable(&self) -> bool {
        let own = !self.registers.is_empty() || !self.checks.is_empty();
        own || self.instances.iter().any(|cell| cell.child.resettable())
    }

    /// All expressions that statements of this module read, in the order of those statements.
    pub(crate) fn roots(&self) -> Vec<Root> {
        let mut roots = Vec::new();
        let mut push = |hint: String, signal: &Signal| roots.push(Root { hint, signal: signal.clone() });
        for (name, signal) in &self.outputs {
            push(name.clone(), signal);
        }
        for register in self.registers.iter().filter(|register| !register.is_held()) {
            match register.enabled() {
                Some(Enabled { condition, by, value }) => {
                    push(format!("{}_{}", register.name, if by { "enable" } else { "hold" }), condition);
                    push(format!("{}_next", register.name), value);
                }
                None => push(format!("{}_next", register.name), &register.next),
            }
        }
        for cell in &self.instances {
            for (port, signal) in cell.inputs.borrow().as_ref().expect("checked at elaboration") {
                push(format!("{}_{port}", cell.name), signal);
            }
        }
        for memory in &self.memories {
            for (port, signal) in memory.connected() {
                push(format!("{}_{port}", memory.name), &signal);
            }
        }
        for check in &self.checks {
            push(format!("check_{}", check.name), &check.condition);
        }
        for signal in &self.ignored {
            push("ignored".into(), signal);
        }
        roots
    }

    /// All nodes that the roots need, by age, so that operands come before their users.
    pub(crate) fn reachable(&self, roots: &[Root]) -> BTreeMap<u64, Signal> {
        let mut reached = BTreeMap::new();
        let mut todo: Vec<Signal> = roots.iter().map(|root| root.signal.clone()).collect();
        while let Some(signal) = todo.pop() {
            if reached.insert(signal.0.id, signal.clone()).is_none() {
                self.check_origin(&signal);
                todo.extend(signal.0.operands.iter().cloned());
            }
        }
        reached
    }

    fn check_origin(&self, signal: &Signal) {
        match &signal.0.op {
            Op::Shape => panic!("{}: a `shape` has no value, yet `{}` uses it as a signal", signal.0.at, self.name),
            Op::Leaf(leaf) if leaf.context != self.context => {
                panic!("{}: `{}` reads `{}`, which belongs to another module", signal.0.at, self.name, leaf.name)
            }
            _ => {}
        }
    }

    /// Panics when an input port, register, instance output or memory has no reader, and names them all.
    pub(crate) fn check_readers(&self, reachable: &BTreeMap<u64, Signal>) {
        let mut unread = Vec::new();
        let mut look = |signal: &Signal, at: Place, what: String| {
            if !reachable.contains_key(&signal.0.id) {
                unread.push(format!("{at}: nobody reads {what}"));
            }
        };
        for (name, signal) in &self.inputs {
            look(signal, signal.0.at, format!("the input `{name}`"));
        }
        for register in &self.registers {
            look(&register.now, register.at, format!("the register `{}`", register.name));
        }
        for cell in &self.instances {
            for (port, signal) in &cell.outputs {
                look(signal, cell.at, format!("the output `{port}` of the instance `{}`", cell.name));
            }
        }
        for memory in &self.memories {
            look(&memory.read_data, memory.at, format!("the memory `{}`", memory.name));
        }
        assert!(
            unread.is_empty(),
            "in `{}`, use, remove or `Module::ignore` what has no reader:\n{}",
            self.name,
            unread.join("\n")
        );
    }

    /// Kind and name of a leaf; `None` for every other node.
    pub(crate) fn leaf_kind(signal: &Signal) -> Option<(LeafKind, &str)> {
        match &signal.0.op {
            Op::Leaf(leaf) => Some((leaf.kind, &leaf.name)),
            _ => None,
        }
    }
}
