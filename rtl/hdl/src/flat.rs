//! The hierarchy as one graph, in an order in which every node follows what it depends on.

use std::collections::{BTreeMap, HashMap};

use crate::Signal;
use crate::check::CheckKind;
use crate::netlist::Netlist;
use crate::node::{LeafKind, Op};

/// A node, and its operands as indices into [`Flat::nodes`].
pub(crate) struct FlatNode {
    pub(crate) signal: Signal,
    pub(crate) operands: Vec<usize>,
}

pub(crate) struct FlatRegister {
    pub(crate) path: String,
    pub(crate) now: usize,
    pub(crate) next: usize,
    pub(crate) reset: num_bigint::BigUint,
}

pub(crate) struct FlatMemory {
    pub(crate) path: String,
    pub(crate) depth: usize,
    pub(crate) read_data: usize,
    /// Read enable, read address, write enable, write address, write data.
    pub(crate) ports: Vec<usize>,
}

pub(crate) struct FlatCheck {
    pub(crate) path: String,
    pub(crate) kind: CheckKind,
    pub(crate) condition: usize,
    pub(crate) at: crate::node::Place,
}

/// A design without its hierarchy.
#[derive(Default)]
pub(crate) struct Flat {
    pub(crate) nodes: Vec<FlatNode>,
    pub(crate) inputs: BTreeMap<String, usize>,
    pub(crate) outputs: BTreeMap<String, usize>,
    pub(crate) registers: Vec<FlatRegister>,
    pub(crate) memories: Vec<FlatMemory>,
    pub(crate) checks: Vec<FlatCheck>,
}

/// What the leaves of child modules stand for, and what all leaves are called.
#[derive(Default)]
struct Wiring {
    sources: HashMap<u64, Signal>,
    names: HashMap<u64, String>,
}

impl Wiring {
    fn add(&mut self, netlist: &Netlist, path: &str) {
        let leaves = netlist.inputs.iter().map(|(name, signal)| (name, signal));
        for (name, signal) in leaves {
            self.names.insert(signal.0.id, format!("{path}{name}"));
        }
        for cell in &netlist.instances {
            let inputs = cell.inputs.borrow();
            let connected = inputs.as_ref().expect("checked at elaboration");
            for ((_, port), (_, signal)) in cell.child.inputs.iter().zip(connected) {
                self.sources.insert(port.0.id, signal.clone());
            }
            for ((port, leaf), (_, signal)) in cell.outputs.iter().zip(&cell.child.outputs) {
                self.sources.insert(leaf.0.id, signal.clone());
                self.names.insert(leaf.0.id, format!("{path}{}.{port}", cell.name));
            }
            self.add(&cell.child, &format!("{path}{}.", cell.name));
        }
    }

    fn operands(&self, signal: &Signal) -> Vec<Signal> {
        match self.sources.get(&signal.0.id) {
            Some(source) => vec![source.clone()],
            None => signal.0.operands.clone(),
        }
    }

    fn describe(&self, signal: &Signal) -> Option<String> {
        match &signal.0.op {
            Op::Leaf(_) => self.names.get(&signal.0.id).cloned(),
            Op::Named(name) => Some(format!("{name} ({})", signal.0.at)),
            _ => None,
        }
    }
}

impl Flat {
    /// # Panics
    /// When there is a combinational loop, naming the signals on it.
    pub(crate) fn new(top: &Netlist) -> Flat {
        let mut wiring = Wiring::default();
        wiring.add(top, "");
        let mut flat = Flat::default();
        let mut index = HashMap::new();
        flat.add(top, "", &wiring, &mut index);
        flat
    }

    fn add(&mut self, netlist: &Netlist, path: &str, wiring: &Wiring, index: &mut HashMap<u64, usize>) {
        if path.is_empty() {
            for (name, signal) in &netlist.inputs {
                let node = self.place(signal, wiring, index);
                self.inputs.insert(name.clone(), node);
            }
        }
        for (name, signal) in &netlist.outputs {
            let node = self.place(signal, wiring, index);
            self.outputs.insert(format!("{path}{name}"), node);
        }
        for register in &netlist.registers {
            let now = self.place(&register.now, wiring, index);
            let next = self.place(&register.next, wiring, index);
            let (path, reset) = (format!("{path}{}", register.name), register.reset_value().clone());
            self.registers.push(FlatRegister { path, now, next, reset });
        }
        for memory in &netlist.memories {
            let read_data = self.place(&memory.read_data, wiring, index);
            let ports = memory.connected().iter().map(|(_, port)| self.place(port, wiring, index)).collect();
            let path = format!("{path}{}", memory.name);
            self.memories.push(FlatMemory { path, depth: memory.depth, read_data, ports });
        }
        for check in &netlist.checks {
            let condition = self.place(&check.condition, wiring, index);
            let path = format!("{path}{}", check.name);
            self.checks.push(FlatCheck { path, kind: check.kind, condition, at: check.at });
        }
        for cell in &netlist.instances {
            self.add(&cell.child, &format!("{path}{}.", cell.name), wiring, index);
        }
    }

    /// Depth first with a stack of its own, since a chain of operators may be long.
    fn place(&mut self, root: &Signal, wiring: &Wiring, index: &mut HashMap<u64, usize>) -> usize {
        if let Some(&done) = index.get(&root.0.id) {
            return done;
        }
        // Nodes whose operands are being placed: the path from the root to the node at hand.
        let mut path: Vec<(Signal, Vec<Signal>, usize)> = vec![(root.clone(), wiring.operands(root), 0)];
        let mut on_path: HashMap<u64, usize> = HashMap::from([(root.0.id, 0)]);
        while let Some((signal, operands, visited)) = path.last_mut() {
            if let Some(operand) = operands.get(*visited).cloned() {
                *visited += 1;
                if let Some(&start) = on_path.get(&operand.0.id) {
                    let names = path[start..].iter().filter_map(|(signal, ..)| wiring.describe(signal));
                    panic!("combinational loop: {}", names.collect::<Vec<_>>().join(" <- "));
                }
                if !index.contains_key(&operand.0.id) {
                    on_path.insert(operand.0.id, path.len());
                    let operands = wiring.operands(&operand);
                    path.push((operand, operands, 0));
                }
            } else {
                let operands = operands.iter().map(|operand| index[&operand.0.id]).collect();
                on_path.remove(&signal.0.id);
                index.insert(signal.0.id, self.nodes.len());
                self.nodes.push(FlatNode { signal: signal.clone(), operands });
                path.pop();
            }
        }
        index[&root.0.id]
    }

    /// A node whose value does not come from other nodes.
    pub(crate) fn is_source(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.operands.is_empty()
            && matches!(
                Netlist::leaf_kind(&node.signal),
                Some((LeafKind::Input | LeafKind::Register | LeafKind::MemoryRead, _))
            )
    }
}
