//! Expressions of one module as Verilog text: which nodes become wires, and which stand inside others.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use crate::Signal;
use crate::names::Names;
use crate::netlist::{Netlist, Root};
use crate::node::Op;
use crate::text::{LONGEST, Text, line, literal, range, slice, symbol, word, wrap};

/// Bits of wires that nobody reads are found by recording those that somebody does.
#[derive(Default)]
struct Uses {
    count: usize,
    whole: bool,
    slices: Vec<(u32, u32)>,
}

pub(crate) struct Expressions<'a> {
    names: &'a mut Names,
    reachable: BTreeMap<u64, Signal>,
    uses: HashMap<u64, Uses>,
    /// Wishes for names of wires, by node.
    hints: HashMap<u64, String>,
    /// Output ports that take the place of a wire, by node.
    ports: HashMap<u64, String>,
    identifiers: HashMap<u64, String>,
    pending: HashMap<u64, Text>,
    temporaries: usize,
    declarations: Vec<String>,
    unused: Vec<String>,
}

impl<'a> Expressions<'a> {
    /// Writes all nodes that `roots` need. `identifiers` holds the module's leaves.
    pub(crate) fn new(
        names: &'a mut Names,
        netlist: &Netlist,
        roots: &[Root],
        reachable: BTreeMap<u64, Signal>,
        identifiers: HashMap<u64, String>,
    ) -> Self {
        let mut this = Expressions {
            names,
            reachable,
            uses: HashMap::new(),
            hints: HashMap::new(),
            ports: HashMap::new(),
            identifiers,
            pending: HashMap::new(),
            temporaries: 0,
            declarations: Vec::new(),
            unused: Vec::new(),
        };
        this.count_uses(roots);
        this.choose_names(netlist, roots);
        for signal in this.reachable.clone().into_values() {
            this.visit(&signal);
        }
        this.find_unused_bits();
        this
    }

    fn count_uses(&mut self, roots: &[Root]) {
        for signal in self.reachable.values() {
            for operand in &signal.0.operands {
                let uses = self.uses.entry(operand.0.id).or_default();
                uses.count += 1;
                match signal.0.op {
                    Op::Slice(low) => uses.slices.push((low, low + signal.width())),
                    _ => uses.whole = true,
                }
            }
        }
        for root in roots {
            let uses = self.uses.entry(root.signal.0.id).or_default();
            uses.count += 1;
            uses.whole = true;
        }
    }

    fn choose_names(&mut self, netlist: &Netlist, roots: &[Root]) {
        for (port, signal) in &netlist.outputs {
            let fits = match &signal.0.op {
                Op::Leaf(_) | Op::Literal(_) | Op::State(..) => false,
                Op::Named(name) => name == port,
                _ => true,
            };
            if fits {
                self.ports.entry(signal.0.id).or_insert_with(|| port.clone());
            }
        }
        for root in roots {
            self.hints.entry(root.signal.0.id).or_insert_with(|| root.hint.clone());
        }
    }

    fn visit(&mut self, signal: &Signal) {
        if literal(signal).is_some() || matches!(signal.0.op, Op::Leaf(_)) {
            return;
        }
        let text = self.render(signal);
        let uses = &self.uses[&signal.0.id];
        let sliced = !uses.slices.is_empty();
        let named = matches!(signal.0.op, Op::Named(_)) || self.ports.contains_key(&signal.0.id);
        if named || sliced || uses.count > 1 {
            self.declare(signal, text);
        } else {
            self.pending.insert(signal.0.id, text);
        }
    }

    /// Makes a wire, or the output port that stands for it.
    fn declare(&mut self, signal: &Signal, text: Text) -> String {
        let (id, width) = (signal.0.id, range(signal.width()));
        let (name, head) = if let Some(port) = self.ports.get(&id) {
            (port.clone(), format!("assign {port} ="))
        } else {
            let name = match (&signal.0.op, self.hints.get(&id)) {
                (Op::Named(name), _) => self.names.claim(name),
                (_, Some(hint)) => self.names.claim(hint),
                _ => {
                    let (name, next) = self.names.claim_temporary(self.temporaries);
                    self.temporaries = next;
                    name
                }
            };
            let head = format!("wire {width}{name} =");
            (name, head)
        };
        self.declarations.extend(text.statement(&head, ";"));
        self.identifiers.insert(id, name.clone());
        name
    }

    /// The text of an operand if it is short enough to stand inside another expression, else of a wire for it.
    fn nested(&mut self, signal: &Signal) -> String {
        if let Some(literal) = literal(signal) {
            return literal;
        }
        if let Some(name) = self.identifiers.get(&signal.0.id) {
            return name.clone();
        }
        match self.pending[&signal.0.id].nested() {
            Some(text) => text,
            None => self.wire(signal),
        }
    }

    /// The name of a signal, which becomes a wire if it is none.
    pub(crate) fn wire(&mut self, signal: &Signal) -> String {
        match self.pending.remove(&signal.0.id) {
            Some(text) => self.declare(signal, text),
            None => self.nested(signal),
        }
    }

    /// The name of a signal that is indexed, also of a literal.
    fn table(&mut self, signal: &Signal) -> String {
        match (literal(signal), self.identifiers.get(&signal.0.id)) {
            (Some(value), None) => self.declare(signal, Text::line(&signal.0.op, value)),
            (Some(_), Some(name)) => name.clone(),
            (None, _) => self.wire(signal),
        }
    }

    /// Operands as text, long ones moved to wires, longest first, until all together fit a line.
    fn operands(&mut self, signals: &[Signal], budget: usize) -> Vec<String> {
        let mut texts: Vec<String> = signals.iter().map(|signal| self.nested(signal)).collect();
        while texts.iter().map(String::len).sum::<usize>() > budget {
            let pending = (0..texts.len()).filter(|&i| self.pending.contains_key(&signals[i].0.id));
            let Some(longest) = pending.max_by_key(|&i| (texts[i].len(), signals.len() - i)) else { break };
            texts[longest] = self.wire(&signals[longest]);
        }
        texts
    }

    /// Operands become part of the text; the caller's node has taken them over.
    fn consume(&mut self, signals: &[Signal]) {
        for signal in signals {
            self.pending.remove(&signal.0.id);
        }
    }

    fn render(&mut self, signal: &Signal) -> Text {
        let operands = &signal.0.operands;
        let op = &signal.0.op;
        let text = match op {
            // The operand of a name is the name's whole right-hand side, so it keeps its lines.
            Op::Named(_) => match self.pending.remove(&operands[0].0.id) {
                Some(text) => text,
                None => Text::line(op, self.nested(&operands[0])),
            },
            Op::Word => {
                let table = self.table(&operands[0]);
                let index = self.nested(&operands[1]);
                Text::line(op, word(&table, &index, signal.width()))
            }
            Op::Mux => self.mux(op, operands),
            Op::And | Op::Or | Op::Xor => self.bitwise(op, operands),
            Op::Concat => self.concat(op, operands),
            _ => {
                let o = self.operands(operands, LONGEST);
                Text::line(op, line(op, signal.width(), &o))
            }
        };
        self.consume(operands);
        text
    }

    /// `a ? b : c`; where `c` is again a mux, one line a condition.
    fn mux(&mut self, op: &Op, operands: &[Signal]) -> Text {
        let chained = self.pending.get(&operands[2].0.id).is_some_and(|text| text.op == Op::Mux);
        if !chained {
            let o = self.operands(operands, LONGEST);
            let head = format!("{} ? {} :", o[0], o[1]);
            let line = Some(format!("{head} {}", o[2]));
            return Text { line, block: vec![head, o[2].clone()], op: op.clone() };
        }
        let o = self.operands(&operands[..2], LONGEST);
        let head = format!("{} ? {} :", o[0], o[1]);
        let rest = self.pending.remove(&operands[2].0.id).expect("found above");
        let line = rest.nested().map(|rest| format!("{head} {rest}")).filter(|line| line.len() <= LONGEST);
        let mut block = vec![head];
        block.extend(rest.block);
        Text { line, block, op: op.clone() }
    }

    /// `a & b`; a left operand of the same operator continues its lines.
    fn bitwise(&mut self, op: &Op, operands: &[Signal]) -> Text {
        let symbol = symbol(op);
        let chained = self.pending.get(&operands[0].0.id).is_some_and(|text| text.op == *op);
        if !chained {
            let o = self.operands(operands, LONGEST);
            let line = Some(format!("{} {symbol} {}", o[0], o[1]));
            return Text { line, block: vec![format!("{} {symbol}", o[0]), o[1].clone()], op: op.clone() };
        }
        let right = self.operands(&operands[1..], LONGEST).remove(0);
        let left = self.pending.remove(&operands[0].0.id).expect("found above");
        let line = left.nested().map(|left| format!("{left} {symbol} {right}")).filter(|l| l.len() <= LONGEST);
        let mut block = left.block;
        block.last_mut().expect("a chain has lines").push_str(&format!(" {symbol}"));
        block.push(right);
        Text { line, block, op: op.clone() }
    }

    fn concat(&mut self, op: &Op, operands: &[Signal]) -> Text {
        let parts: Vec<String> =
            operands.iter().map(|part| self.operands(std::slice::from_ref(part), LONGEST).remove(0)).collect();
        let whole = format!("{{{}}}", parts.join(", "));
        if whole.len() <= LONGEST {
            return Text::line(op, whole);
        }
        let mut block = wrap(parts);
        block[0].insert(0, '{');
        block.last_mut().expect("a concatenation has parts").push('}');
        Text { line: None, block, op: op.clone() }
    }

    /// The leaves that a statement with this right-hand side reads, but for those behind wires.
    pub(crate) fn leaves_within(&self, signal: &Signal) -> Vec<u64> {
        let (mut leaves, mut todo) = (Vec::new(), vec![signal]);
        while let Some(signal) = todo.pop() {
            match &signal.0.op {
                Op::Leaf(_) => leaves.push(signal.0.id),
                _ if self.uses.get(&signal.0.id).is_some_and(|uses| uses.count > 1) => {}
                _ => todo.extend(&signal.0.operands),
            }
        }
        leaves
    }

    /// The right-hand side of a statement of the module.
    pub(crate) fn statement(&mut self, head: &str, signal: &Signal) -> Vec<String> {
        let text = match self.pending.remove(&signal.0.id) {
            Some(text) => text,
            None => Text::line(&signal.0.op, self.nested(signal)),
        };
        text.statement(head, ";")
    }

    /// Does the output port stand for its own expression already?
    pub(crate) fn is_port(&self, signal: &Signal, port: &str) -> bool {
        self.ports.get(&signal.0.id).is_some_and(|bound| bound == port)
    }

    fn find_unused_bits(&mut self) {
        for signal in self.reachable.values().filter(|signal| !matches!(signal.0.op, Op::Leaf(_))) {
            let (Some(name), Some(uses)) = (self.identifiers.get(&signal.0.id), self.uses.get(&signal.0.id)) else {
                continue;
            };
            if uses.whole {
                continue;
            }
            let mut read = vec![false; signal.width() as usize];
            uses.slices.iter().for_each(|&(low, high)| read[low as usize..high as usize].fill(true));
            let mut low = 0;
            for run in read.chunk_by(|a, b| a == b) {
                let high = low + run.len() as u32;
                if !run[0] {
                    self.unused.push(slice(name, low, high));
                }
                low = high;
            }
        }
    }

    /// Wires in order of their construction, and the slices of them that nobody reads.
    pub(crate) fn finish(&mut self) -> (Vec<String>, Vec<String>) {
        (mem::take(&mut self.declarations), mem::take(&mut self.unused))
    }
}
