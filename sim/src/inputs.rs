//! Writes the module that holds a design's inputs in registers (docs/adr/0008-held-inputs.md).

use std::fmt::Write;

use crate::ports::{Layout, Slot};
use crate::sources::Sources;

/// The module; a design that has one of this name cannot be simulated.
pub(crate) const HOLDER: &str = "hashwalk_held_inputs";

/// The clock of its registers.
pub(crate) const INPUTS_CLOCK: &str = "hashwalk_inputs_clock";

/// Verilog of a top with the design's ports, and the clock of the registers through which its inputs go. The clock of
/// the design itself goes straight to it.
pub(crate) fn holder(sources: &Sources) -> String {
    let (inputs, outputs) = (Layout::inputs(sources), Layout::outputs(sources));
    let mut text = format!("module {HOLDER} (\n  input wire clock,\n  input wire {INPUTS_CLOCK}");
    for (direction, layout) in [("input", &inputs), ("output", &outputs)] {
        for (name, slot) in &layout.ports {
            let _ = write!(text, ",\n  {direction} wire {}{name}", range(*slot));
        }
    }
    text.push_str("\n);\n");
    for (name, slot) in &inputs.ports {
        let _ = writeln!(text, "  reg {}hashwalk_held_{name};", range(*slot));
    }
    let _ = writeln!(text, "  always @(posedge {INPUTS_CLOCK}) begin");
    for (name, _) in &inputs.ports {
        let _ = writeln!(text, "    hashwalk_held_{name} <= {name};");
    }
    let _ = write!(text, "  end\n  {} {} (\n    .clock(clock)", sources.top, sources.top);
    for (name, _) in &inputs.ports {
        let _ = write!(text, ",\n    .{name}(hashwalk_held_{name})");
    }
    for (name, _) in &outputs.ports {
        let _ = write!(text, ",\n    .{name}({name})");
    }
    text.push_str("\n  );\nendmodule\n");
    text
}

fn range(slot: Slot) -> String {
    if slot.width == 1 { String::new() } else { format!("[{}:0] ", slot.width - 1) }
}
