//! Verilator and Icarus: found, run on a design with given inputs, and linted.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use hashwalk_hdl::{BigUint, Design};

/// The inputs of one clock cycle, in the order of the design's ports.
#[derive(Clone, Debug)]
pub struct Cycle {
    pub reset: bool,
    pub inputs: Vec<BigUint>,
}

/// The outputs before each clock edge; `None` for a value with unknown bits.
pub type Trace = Vec<Vec<Option<BigUint>>>;

pub fn verilator() -> PathBuf {
    let tools = env::var_os("HASHWALK_TOOLS").map_or_else(|| workspace().join(".tools"), PathBuf::from);
    let libraries = fs::read_dir(tools.join("lib")).into_iter().flatten().flatten();
    let found = libraries.map(|python| python.path().join("site-packages/verilator/bin/verilator"));
    found
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no Verilator below {}: run `make tools`", tools.display()))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Is Icarus there? In CI it has to be.
pub fn icarus() -> bool {
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

/// Runs a command to its end and returns its output; fails with what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{out}\n{err}");
    out.into_owned()
}

fn write(design: &Design) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let files = design.write_to(folder.path()).expect("a writable temporary directory");
    (folder, files)
}

/// No warning and no waiver, with and without checks; `allowed` is for designs that are silly on purpose.
pub fn lint(design: &Design, allowed: &[&str]) {
    let (_folder, files) = write(design);
    for extra in [&[][..], &["-DHASHWALK_CHECKS", "--assert"]] {
        run(Command::new(verilator())
            .args(["--lint-only", "-Wall", "--top-module", &design.top])
            .args(extra)
            .args(allowed)
            .args(&files));
    }
}

pub fn run_icarus(design: &Design, cycles: &[Cycle], memories: &[&str]) -> Trace {
    let (folder, files) = write(design);
    bench(folder.path(), design, cycles, memories);
    let top = "module top; reg clock = 0; bench bench(clock); always #1 clock = !clock; endmodule\n";
    fs::write(folder.path().join("top.v"), top).expect("a writable temporary directory");
    let mut compile = Command::new("iverilog");
    compile.args(["-g2012", "-DHASHWALK_CHECKS", "-s", "top", "-o", "sim", "top.v", "bench.v"]).args(&files);
    run(compile.current_dir(&folder));
    let output = run(Command::new("vvp").args(["-n", "sim"]).current_dir(&folder));
    // Icarus reports a failed check and goes on.
    assert!(
        !output.contains("ERROR:"),
        "a check fails:
{output}"
    );
    parse(&output, design)
}

pub fn run_verilator(design: &Design, cycles: &[Cycle], memories: &[&str]) -> Trace {
    let (folder, files) = write(design);
    bench(folder.path(), design, cycles, memories);
    let mut translate = Command::new(verilator());
    translate.args(["--cc", "--assert", "-DHASHWALK_CHECKS", "-Wno-fatal", "--top-module", "bench", "--Mdir", "c"]);
    run(translate.arg("bench.v").args(&files).current_dir(&folder));

    // One translation unit: at -O0 most of the time goes into reading the headers.
    let mut main = String::new();
    let mut sources: Vec<_> =
        fs::read_dir(folder.path().join("c")).expect("written").flatten().map(|f| f.path()).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "cpp"));
    sources.sort();
    sources.iter().for_each(|path| writeln!(main, "#include \"{}\"", path.display()).expect("a string"));
    main.push_str(
        "int main() {\n  VerilatedContext context;\n  Vbench bench{&context};\n\
         \x20 while (!context.gotFinish()) { bench.clock = !bench.clock; bench.eval(); }\n  bench.final();\n}\n",
    );
    fs::write(folder.path().join("main.cpp"), main).expect("a writable temporary directory");
    let mut compile = Command::new("g++");
    compile
        .args(["-O0", "-std=gnu++17", "-pthread", "-I", "c", "-I"])
        .arg(include())
        .arg("-I")
        .arg(include().join("vltstd"));
    run(compile.args(["main.cpp", "-o", "sim"]).args(runtime()).current_dir(&folder));
    parse(&run(Command::new(folder.path().join("sim")).current_dir(&folder)), design)
}

fn include() -> PathBuf {
    verilator().with_file_name("../include")
}

/// Verilator's own library, compiled once a test process.
fn runtime() -> Vec<PathBuf> {
    static OBJECTS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let compile = |name: &str| {
        // The process id keeps apart test binaries that run at the same time.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let object = folder.join(format!("{}-{name}.o", env!("CARGO_CRATE_NAME")));
        let fresh = folder.join(format!("{}-{name}.o", std::process::id()));
        let source = include().join(name).with_extension("cpp");
        run(Command::new("g++")
            .args(["-O0", "-std=gnu++17", "-c", "-I"])
            .arg(include())
            .arg(source)
            .arg("-o")
            .arg(&fresh));
        fs::rename(fresh, &object).expect("one file system");
        object
    };
    OBJECTS.get_or_init(|| ["verilated", "verilated_threads"].map(compile).to_vec()).clone()
}

/// A module that plays `cycles` and prints every output before each clock edge.
fn bench(folder: &Path, design: &Design, cycles: &[Cycle], memories: &[&str]) {
    let columns = design.inputs.len() + 1;
    let mut values = String::new();
    for cycle in cycles {
        writeln!(values, "{}", u8::from(cycle.reset)).expect("a string");
        cycle.inputs.iter().for_each(|value| writeln!(values, "{value:x}").expect("a string"));
    }
    let mut ports: Vec<String> = Vec::new();
    let mut wires = "  wire [1023:0] v0 = values[n];\n".to_string();
    if design.has_clock {
        ports.push(".clock(clock)".into());
    }
    if design.has_reset {
        ports.push(".reset(v0[0])".into());
    }
    for (i, port) in design.inputs.iter().enumerate() {
        let column = i + 1;
        writeln!(wires, "  wire [1023:0] v{column} = values[n + {column}];").expect("a string");
        ports.push(format!(".{}(v{column}[{}:0])", port.name, port.width - 1));
    }
    let mut prints = String::new();
    for port in &design.outputs {
        writeln!(wires, "  wire [{}:0] o_{};", port.width - 1, port.name).expect("a string");
        ports.push(format!(".{0}(o_{0})", port.name));
        writeln!(prints, "    $display(\"@%h\", o_{});", port.name).expect("a string");
    }
    let clear: String = memories.iter().map(|memory| format!("    dut.{memory} = 0;\n")).collect();
    let (rows, top, ports) = (cycles.len() * columns, &design.top, ports.join(", "));
    // Icarus has no value for what lies beyond the last row, so there is a spare cycle of rows.
    let text = format!(
        "module bench(input wire clock);\n  reg [1023:0] values [0:{}];\n  integer n = 0;\n{wires}  \
         {top} dut({ports});\n  initial begin\n    $readmemh(\"values.hex\", values, 0, {});\n{clear}  end\n  \
         always @(posedge clock) begin\n{prints}    n <= n + {columns};\n    if (n == {}) $finish;\n  end\nendmodule\n",
        rows + columns - 1,
        rows - 1,
        rows - columns,
    );
    fs::write(folder.join("values.hex"), values).expect("a writable temporary directory");
    fs::write(folder.join("bench.v"), text).expect("a writable temporary directory");
}

fn parse(output: &str, design: &Design) -> Trace {
    let values = output.lines().filter_map(|line| line.strip_prefix('@'));
    let values: Vec<_> = values.map(|hex| BigUint::parse_bytes(hex.trim().as_bytes(), 16)).collect();
    assert!(!values.is_empty() && values.len() % design.outputs.len() == 0, "cut short:\n{output}");
    values.chunks(design.outputs.len()).map(<[_]>::to_vec).collect()
}
