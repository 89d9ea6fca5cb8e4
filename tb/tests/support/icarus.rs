//! A recorded run once more, on the emitted Verilog in Icarus: bits may be unknown there, so that what must not matter
//! is driven with X, and no X may come out.
//!
//! ```text
//!  Recording (Verilated) ─► vectors.hex, a cycle a line ─► bench.v ─► hashwalk_mmu.v
//!                           X for what does not count       └─ every output !== recorded?
//! ```
//!
//! Registers hold X until reset, which comes with X on every other input. After it no clock enable may be X either: a
//! register would keep what it holds, and the X would not be seen.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use hashwalk::machine::{Recording, Sample};
use hashwalk_hdl::{Design, Port};

/// Whether Icarus is there. In CI it has to be.
pub fn is_there() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = Command::new("iverilog").arg("-V").output().is_ok();
        assert!(found || env::var_os("CI").is_none(), "iverilog not found: apt-get install iverilog");
        if !found {
            println!("iverilog not found: apt-get install iverilog; the comparison with Icarus is skipped");
        }
        found
    })
}

/// One port in one cycle, as it is written to the vectors: `None` is X.
pub type Cell<'a> = (&'a Port, Option<Vec<u64>>);

/// One cycle of inputs and outputs.
pub struct Row<'a> {
    /// The level of `reset`; `None` is X.
    pub reset: Option<bool>,
    /// Whether the outputs are compared.
    pub compared: bool,
    pub cells: Vec<Cell<'a>>,
}

/// The cycles before a run, of X alone: registers that nobody has set, then one cycle of reset.
fn power_on(design: &Design) -> Vec<Row<'_>> {
    let cells = || design.inputs.iter().chain(&design.outputs).map(|port| (port, None)).collect();
    let row = |reset| Row { reset, compared: false, cells: cells() };
    // While reset is unknown no assertion counts.
    vec![row(None), row(None), row(Some(true))]
}

/// The rows of some runs, each from its reset on. Inputs that do not count are X.
pub fn rows<'a>(design: &'a Design, runs: &'a [Recording]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for run in runs {
        rows.extend(power_on(design));
        rows.extend(run.cycles().map(|samples| {
            let cell = |sample: &Sample<'a>| {
                let counts = !sample.is_input || input_counts(&sample.port.name, &samples);
                (sample.port, counts.then(|| sample.words.to_vec()))
            };
            Row { reset: Some(false), compared: true, cells: samples.iter().map(cell).collect() }
        }));
    }
    rows
}

/// Whether an input counts in this cycle (docs/spec.md, section 9).
fn input_counts(name: &str, samples: &[Sample]) -> bool {
    let value = |port: &str| samples.iter().find(|sample| sample.port.name == port).expect("a port").words[0];
    let valid = match name {
        "memory_response_id" | "memory_response_data" | "memory_response_error" => value("memory_response_valid"),
        "update_swapped" | "update_error" => value("update_done"),
        _ => match name.split_once('_') {
            Some((port @ ("lookup" | "invalidate" | "refill"), field)) if field != "valid" => {
                value(&format!("{port}_valid"))
            }
            _ => 1,
        },
    };
    valid == 1
        && match name {
            "invalidate_vpn" => value("invalidate_kind") & 2 != 0,
            "invalidate_asid" => value("invalidate_kind") & 1 != 0,
            "memory_response_data" => value("memory_response_error") == 0,
            "refill_valid" | "refill_fault" => true,
            _ if name.starts_with("refill_") => value("refill_fault") == 0,
            _ => true,
        }
}

/// The valid with which alone a payload of the outputs counts.
fn valid_of_output(name: &str) -> Option<&'static str> {
    match name {
        "answer_id" | "answer_pfn" | "answer_fault" => Some("answer_valid"),
        "late_id" | "late_pfn" | "late_fault" | "late_source" => Some("late_valid"),
        "memory_request_address" | "memory_request_id" => Some("memory_request_valid"),
        "update_address" | "update_expected" | "update_desired" => Some("update_valid"),
        "miss_vpn" | "miss_asid" | "miss_access" | "miss_user" => Some("miss_valid"),
        _ => None,
    }
}

/// The one payload that may be unknown while its valid is low: a read that fails may bring anything, and the next
/// address is made of it, which nobody asks for.
const MAY_BE_UNKNOWN: &str = "memory_request_address";

fn digits(port: &Port) -> usize {
    port.width.div_ceil(4) as usize
}

/// Plays the rows in Icarus. Returns how many cycles were compared, or the first difference.
pub fn play(design: &Design, rows: &[Row]) -> Result<u64, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files: Vec<&str> = design.files.iter().map(|file| file.name.as_str()).collect();
    for file in &design.files {
        fs::write(folder.path().join(&file.name), watch_enables(&file.text)).expect("the folder can be written to");
    }
    fs::write(folder.path().join("vectors.hex"), vectors(rows)).expect("the folder can be written to");
    fs::write(folder.path().join("bench.v"), bench(design)).expect("the folder can be written to");
    let mut compile = Command::new("iverilog");
    compile.args(["-g2012", "-DHASHWALK_CHECKS", "-s", "bench", "-o", "simulation", "bench.v"]).args(&files);
    run(&mut compile, folder.path());
    let said = run(Command::new("vvp").args(["-n", "simulation"]), folder.path());
    // Icarus reports an assertion that fails and goes on.
    if let Some(line) = said.lines().find(|line| line.starts_with("DIFFERENCE") || line.contains("ERROR:")) {
        return Err(line.into());
    }
    let compared = said.lines().find_map(|line| line.strip_prefix("compared ")?.parse().ok());
    compared.ok_or_else(|| format!("the simulation ended early: {said}"))
}

/// The Verilog with a look at each clock enable before it is used: an `if` takes an unknown one for 0 and hides it.
fn watch_enables(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let condition = line.trim_start().strip_prefix("if (").and_then(|rest| rest.strip_suffix(") begin"));
        if let Some(enable) = condition.filter(|condition| !condition.ends_with("reset")) {
            let unknown = format!("reset === 1'b0 && ({enable}) === 1'bx");
            let _ = writeln!(out, "if ({unknown}) $display(\"DIFFERENCE: the enable {enable} is unknown in %m\");");
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn run(command: &mut Command, folder: &Path) -> String {
    let output = command.current_dir(folder).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{out}\n{err}");
    out.into_owned()
}

/// A line a cycle: whether outputs are compared, reset, and each port in whole digits.
fn vectors(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push(if row.compared { '1' } else { '0' });
        text.push(row.reset.map_or('x', |level| if level { '1' } else { '0' }));
        for (port, words) in &row.cells {
            match words {
                None => text.extend(std::iter::repeat_n('x', digits(port))),
                Some(words) => {
                    let all: String = words.iter().rev().map(|word| format!("{word:016x}")).collect();
                    text.push_str(&all[all.len() - digits(port)..]);
                }
            }
        }
        text.push('\n');
    }
    text
}

/// The Verilog that reads the vectors, drives the inputs and compares the outputs before each clock edge.
fn bench(design: &Design) -> String {
    let ports = || design.inputs.iter().chain(&design.outputs);
    let bits = 4 * (2 + ports().map(digits).sum::<usize>());
    let mut low = bits - 8;
    let (mut wires, mut connections, mut compares) = (String::new(), String::new(), String::new());
    for (i, port) in ports().enumerate() {
        low -= 4 * digits(port);
        let (name, width) = (&port.name, port.width);
        let _ = writeln!(wires, "  wire [{0}:0] v_{name} = row[{low} +: {width}];", width - 1);
        if i < design.inputs.len() {
            let _ = writeln!(connections, "    .{name}(v_{name}),");
            continue;
        }
        let _ = writeln!(wires, "  wire [{}:0] o_{name};", width - 1);
        let _ = writeln!(connections, "    .{name}(o_{name}),");
        // A payload that does not count may be any value, but for one port no unknown one.
        let (counts, known) = match valid_of_output(name) {
            None => (String::new(), String::new()),
            Some(valid) if name == MAY_BE_UNKNOWN => (format!("v_{valid} && "), String::new()),
            Some(valid) => (format!("v_{valid} && "), format!(" || ^o_{name} === 1'bx")),
        };
        let _ = writeln!(
            compares,
            "          if (({counts}o_{name} !== v_{name}){known}) begin\n            $display(\"DIFFERENCE in cycle %0d: \
             {name} is %h, was %h\", cycle, o_{name}, v_{name});\n            $finish(0);\n          end"
        );
    }
    let top = &design.top;
    format!(
        "module bench;
  reg clock = 0;
  reg [{last}:0] row;
  integer vectors, cycle = 0, compared = 0, ends = 0;
{wires}  {top} dut (
{connections}    .clock(clock),
    .reset(row[{reset}])
  );
  initial begin
    vectors = $fopen(\"vectors.hex\", \"r\");
    while (!ends) begin
      if ($fscanf(vectors, \"%h\", row) != 1) ends = 1;
      else begin
        #1;
        if (row[{compared}]) begin
          compared = compared + 1;
{compares}        end
        clock = 1;
        #1 clock = 0;
        cycle = cycle + 1;
      end
    end
    $display(\"compared %0d\", compared);
    $finish(0);
  end
endmodule
",
        last = bits - 1,
        reset = bits - 8,
        compared = bits - 4,
    )
}
