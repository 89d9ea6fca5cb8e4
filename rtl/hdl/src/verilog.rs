//! A netlist as the text of one Verilog module.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::Signal;
use crate::check::CheckKind;
use crate::expression::Expressions;
use crate::instance::InstanceCell;
use crate::memory::MemoryCell;
use crate::names::Names;
use crate::netlist::{Netlist, Register};
use crate::node::Op;
use crate::text::{literal, range, wrap};

/// The Verilog macro that turns checks on.
const CHECKS: &str = "HASHWALK_CHECKS";

pub(crate) fn write(netlist: &Netlist) -> String {
    let roots = netlist.roots();
    let reachable = netlist.reachable(&roots);
    netlist.check_readers(&reachable);

    let mut out = Vec::new();
    let mut names = Names::new();
    let params = localparams(netlist, &reachable);
    for (name, _) in &params {
        assert!(names.claim(name) == *name, "{}: two states of `{}` are named `{name}`", netlist.at, netlist.name);
    }
    let mut identifiers = claim_ports(netlist, &mut names);
    let registers: Vec<String> = netlist.registers.iter().map(|register| names.claim(&register.name)).collect();
    identifiers.extend(netlist.registers.iter().zip(&registers).map(|(r, name)| (r.now.0.id, name.clone())));
    let instances: Vec<String> = netlist.instances.iter().map(|cell| names.claim(&cell.name)).collect();
    let memories: Vec<String> = netlist.memories.iter().map(|cell| names.claim(&cell.name)).collect();
    let labels: Vec<String> =
        netlist.checks.iter().map(|check| names.claim(&format!("{}_{}", check.kind.verb(), check.name))).collect();

    header(netlist, &mut out);
    out.extend(params.into_iter().map(|(_, line)| line));
    for (register, name) in netlist.registers.iter().zip(&registers) {
        let comment = format!("{}:{}", register.at.file(), register.at.line());
        out.push(format!("  reg {}{name}; // {comment}", range(register.now.width())));
    }
    for (cell, name) in netlist.memories.iter().zip(&memories) {
        memory_declaration(cell, name, &mut names, &mut identifiers, &mut out);
    }
    for cell in &netlist.instances {
        for (_, leaf) in &cell.outputs {
            let (_, wish) = Netlist::leaf_kind(leaf).expect("instance outputs are leaves");
            let name = names.claim(wish);
            out.push(format!("  wire {}{name};", range(leaf.width())));
            identifiers.insert(leaf.0.id, name);
        }
    }

    let unused_bits = names.claim("unused_bits");
    let unused_checks = names.claim("unused_checks");
    let mut expressions = Expressions::new(&mut names, netlist, &roots, reachable, identifiers);
    // Statements may still turn expressions into wires, which must stand before them.
    let mut body = Vec::new();
    for (cell, name) in netlist.instances.iter().zip(&instances) {
        instance(cell, name, &mut expressions, &mut body);
    }
    for (cell, name) in netlist.memories.iter().zip(&memories) {
        memory(cell, name, &mut expressions, &mut body);
    }
    register_block(netlist, &registers, &mut expressions, &mut body);
    for (port, signal) in &netlist.outputs {
        if !expressions.is_port(signal, port) {
            body.extend(expressions.statement(&format!("assign {port} ="), signal));
        }
    }
    checks(netlist, &labels, &unused_checks, &mut expressions, &mut body);
    let ignored: Vec<String> = netlist.ignored.iter().map(|signal| expressions.wire(signal)).collect();
    let (declarations, mut unused) = expressions.finish();
    unused.extend(ignored);
    if !unused.is_empty() {
        body.extend(sink(&unused_bits, unused));
    }
    out.extend(declarations.into_iter().chain(body).map(|line| indent(&line)));
    out.extend(["endmodule".into(), String::new(), "`default_nettype wire".into(), String::new()]);
    out.join("\n")
}

fn indent(line: &str) -> String {
    if line.starts_with('`') || line.is_empty() { line.into() } else { format!("  {line}") }
}

/// One wire that reads everything nobody else reads; its name keeps a linter from asking who reads the wire.
fn sink(name: &str, parts: Vec<String>) -> Vec<String> {
    let mut lines = wrap(std::iter::once("1'b0".to_string()).chain(parts).collect());
    lines[1..].iter_mut().for_each(|line| line.insert_str(0, "    "));
    lines[0].insert_str(0, &format!("wire {name} = &{{"));
    lines.last_mut().expect("has a part").push_str("};");
    lines
}

fn claim_ports(netlist: &Netlist, names: &mut Names) -> HashMap<u64, String> {
    for (port, signal) in netlist.inputs.iter().chain(&netlist.outputs) {
        let (at, module) = (signal.0.at, &netlist.name);
        assert!(crate::names::is_identifier(port), "{at}: the port `{port}` of `{module}` is no Verilog identifier");
        assert!(names.claim(port) == *port, "{at}: the port name `{port}` of `{module}` is taken or reserved");
    }
    netlist.inputs.iter().map(|(port, leaf)| (leaf.0.id, port.clone())).collect()
}

/// The states in use, by width, enumeration and code: every name once.
fn localparams(netlist: &Netlist, reachable: &BTreeMap<u64, Signal>) -> Vec<(String, String)> {
    let resets = netlist.registers.iter().map(|register| &register.reset);
    let mut params: Vec<(String, String)> = Vec::new();
    for signal in reachable.values().chain(resets) {
        if let Op::State(value, name) = &signal.0.op {
            let line = format!("  localparam {}{name} = {}'h{value:x};", range(signal.width()), signal.width());
            if !params.iter().any(|(_, other)| *other == line) {
                params.push((name.clone(), line));
            }
        }
    }
    params
}

fn header(netlist: &Netlist, out: &mut Vec<String>) {
    out.push("// Written by hashwalk-hdl. Change the Rust source instead.".into());
    let doc = netlist.doc.trim();
    if !doc.is_empty() {
        out.push("//".into());
        out.extend(doc.lines().map(|line| format!("// {line}").trim_end().to_string()));
    }
    out.push("`default_nettype none".into());
    out.push(String::new());
    let mut ports = Vec::new();
    if netlist.clocked() {
        ports.push("  input wire clock".to_string());
    }
    if netlist.resettable() {
        ports.push("  input wire reset".to_string());
    }
    let port =
        |direction: &str, name: &str, signal: &Signal| format!("  {direction} wire {}{name}", range(signal.width()));
    ports.extend(netlist.inputs.iter().map(|(name, signal)| port("input", name, signal)));
    ports.extend(netlist.outputs.iter().map(|(name, signal)| port("output", name, signal)));
    out.push(format!("module {} (", netlist.name));
    out.push(ports.join(",\n"));
    out.push(");".into());
}

fn memory_declaration(
    cell: &MemoryCell,
    name: &str,
    names: &mut Names,
    identifiers: &mut HashMap<u64, String>,
    out: &mut Vec<String>,
) {
    if let Some(attribute) = cell.attribute.borrow().as_ref() {
        out.push(format!("  (* {attribute} *)"));
    }
    let (width, last) = (range(cell.width), cell.depth - 1);
    out.push(format!("  reg {width}{name} [0:{last}]; // {}:{}", cell.at.file(), cell.at.line()));
    let read_data = names.claim(&format!("{name}_read_data"));
    out.push(format!("  reg {width}{read_data};"));
    identifiers.insert(cell.read_data.0.id, read_data);
}

fn memory(cell: &MemoryCell, name: &str, expressions: &mut Expressions, body: &mut Vec<String>) {
    let ports: Vec<String> = cell.connected().iter().map(|(_, signal)| expressions.wire(signal)).collect();
    let read_data = expressions.wire(&cell.read_data);
    body.push("always @(posedge clock) begin".into());
    body.push(format!("  if ({}) {name}[{}] <= {};", ports[2], ports[3], ports[4]));
    body.push(format!("  if ({}) {read_data} <= {name}[{}];", ports[0], ports[1]));
    body.push("end".into());
}

fn instance(cell: &InstanceCell, name: &str, expressions: &mut Expressions, body: &mut Vec<String>) {
    let mut ports = Vec::new();
    if cell.child.clocked() {
        ports.push("  .clock(clock)".to_string());
    }
    if cell.child.resettable() {
        ports.push("  .reset(reset)".to_string());
    }
    for (port, signal) in cell.inputs.borrow().as_ref().expect("checked at elaboration") {
        ports.push(format!("  .{port}({})", expressions.wire(signal)));
    }
    ports.extend(cell.outputs.iter().map(|(port, leaf)| format!("  .{port}({})", expressions.wire(leaf))));
    body.push(format!("{} {name} (", cell.child.name));
    let last = ports.len().saturating_sub(1);
    body.extend(ports.into_iter().enumerate().map(|(i, port)| if i < last { port + "," } else { port }));
    body.push(");".into());
}

/// Registers that change under one condition stand under one `if`: a clock enable, and cheap to simulate.
fn register_block(netlist: &Netlist, names: &[String], expressions: &mut Expressions, body: &mut Vec<String>) {
    if netlist.registers.is_empty() {
        return;
    }
    let all: Vec<(&Register, &String)> = netlist.registers.iter().zip(names).collect();
    body.push("always @(posedge clock) begin".into());
    let changing: Vec<_> = all.iter().copied().filter(|(register, _)| !register.is_held()).collect();
    let enable = |register: &Register| register.enabled().map(|enabled| (enabled.condition.0.id, enabled.by));
    let groups = changing.chunk_by(|(a, _), (b, _)| enable(a).is_some() && enable(a) == enable(b));
    for group in read_before_written(groups.collect(), expressions) {
        let condition = group[0].0.enabled().map(|enabled| {
            let condition = expressions.wire(enabled.condition);
            if enabled.by { condition } else { format!("!{condition}") }
        });
        let inner = if condition.is_some() { "    " } else { "  " };
        body.extend(condition.iter().map(|condition| format!("  if ({condition}) begin")));
        for (register, name) in group {
            let value = register.enabled().map_or(&register.next, |enabled| enabled.value);
            let lines = expressions.statement(&format!("{name} <="), value);
            body.extend(lines.into_iter().map(|line| format!("{inner}{line}")));
        }
        body.extend(condition.map(|_| "  end".to_string()));
    }
    // The reset wins, for the last assignment counts. Before the others it would make Verilator keep a copy of each register
    // that its own next value reads.
    body.push("  if (reset) begin".into());
    for (register, name) in &all {
        let value = literal(&register.reset).expect("checked at elaboration");
        body.push(format!("    {name} <= {value};"));
    }
    body.extend(["  end".into(), "end".into()]);
}

type Group<'a> = &'a [(&'a Register, &'a String)];

/// The groups in an order in which few registers are read by a statement after the one that writes them: Verilator
/// keeps a copy of those, which it makes and takes back in every cycle.
fn read_before_written<'a>(groups: Vec<Group<'a>>, expressions: &Expressions) -> Vec<Group<'a>> {
    let mut left: Vec<(Group<'a>, BTreeSet<u64>)> = (groups.into_iter())
        .map(|group| {
            (group, group.iter().flat_map(|(register, _)| expressions.leaves_within(&register.next)).collect())
        })
        .collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let copies = |at: usize| {
            let others = left.iter().enumerate().filter(|(other, _)| *other != at);
            let read: BTreeSet<u64> = others.flat_map(|(_, (_, reads))| reads.iter().copied()).collect();
            left[at].0.iter().filter(|(register, _)| read.contains(&register.now.0.id)).count()
        };
        let next = (0..left.len()).min_by_key(|at| copies(*at)).expect("some are left");
        ordered.push(left.remove(next).0);
    }
    ordered
}

fn checks(netlist: &Netlist, labels: &[String], unused: &str, expressions: &mut Expressions, body: &mut Vec<String>) {
    if netlist.checks.is_empty() {
        return;
    }
    let conditions: Vec<String> = netlist.checks.iter().map(|check| expressions.wire(&check.condition)).collect();
    body.extend([format!("`ifdef {CHECKS}"), "always @(posedge clock) begin".into(), "  if (!reset) begin".into()]);
    // Yosys takes labels but no messages, Icarus messages but no labels.
    body.push("`ifdef FORMAL".into());
    for ((check, condition), label) in netlist.checks.iter().zip(&conditions).zip(labels) {
        body.push(format!("    {label}: {} ({condition});", check.kind.verb()));
    }
    body.push("`else".into());
    for (check, condition) in netlist.checks.iter().zip(&conditions) {
        body.push(match check.kind {
            CheckKind::Cover => format!("    cover ({condition});"),
            // What is unknown fails too. An `assert` would have Verilator ask in each cycle whether asserts are on.
            CheckKind::Assert | CheckKind::Assume => {
                let place = format!("{}:{}", check.at.file(), check.at.line());
                format!("    if ({condition} !== 1'b1) $error(\"{}: {} ({place})\");", netlist.name, check.name)
            }
        });
    }
    body.extend(["`endif".into(), "  end".into(), "end".into(), "`else".into()]);
    body.extend(sink(unused, ["clock", "reset"].into_iter().map(String::from).chain(conditions).collect()));
    body.push("`endif".into());
}
