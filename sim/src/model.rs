//! [`Model`]: a design compiled into a shared object, from the cache or made now.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashwalk_hdl::SourceFile;

use crate::cache::{Cache, digest};
use crate::compile::{FAST_FLAGS, SLOW_FLAGS, Unit, compile, first_lines, link};
use crate::error::{Error, Result, io};
use crate::glue::{Clocks, Evaluation, ports_header};
use crate::inputs::{HOLDER, holder};
use crate::ports::Layout;
use crate::runtime::Runtime;
use crate::sources::Sources;
use crate::toolchain::Toolchain;

/// Verilator's flags.
///
/// - The design has no delays (`--no-timing`); a cycle is given 10 ns in waves.
/// - Warnings do not stop a simulation (`-Wno-fatal`): `make lint` is where they count.
/// - `unique`: what Verilog leaves undefined, an X or a register before its reset, becomes a random bit chosen at load
///   from the instance's seed. A design that depends on one shows up as a difference between seeds, at no cost per cycle.
const VERILATOR_FLAGS: [&str; 13] = [
    "--cc",
    "--prefix",
    "Vdut",
    "--Mdir",
    "generated",
    "-O3",
    "--no-timing",
    "-Wno-fatal",
    "--quiet",
    "--x-assign",
    "unique",
    "--x-initial",
    "unique",
];

/// More flags, for hashwalk-hdl's Verilog.
///
/// A cycle runs nearly all of the code once, and that is several times what a first-level cache holds: shorter code is faster
/// code. An `always` block in parts would evaluate its conditions in each (`-fno-split`), and a table in place of a few
/// operations has to be read (`-fno-table`). Together they take a tenth off the default MMU's cycle, and off the code that
/// it runs.
///
/// Of what others write, an `always` block that does several things may look like a combinational loop as long as it is
/// whole, and that costs far more: with Ibex these flags take a third of the speed.
const OWN_DESIGN_FLAGS: [&str; 2] = ["-fno-split", "-fno-table"];

/// The macro that hashwalk-hdl puts around its assertions.
const CHECKS_MACRO: &str = "-DHASHWALK_CHECKS";

/// What to compile into a model besides the design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Waves can be written. Such a model simulates at less speed even while none is.
    pub trace: bool,
    /// The design's assertions are checked.
    pub checks: bool,
}

/// A design compiled into a shared object. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) shape: Arc<Shape>,
}

#[derive(Debug)]
pub(crate) struct Shape {
    pub top: String,
    pub library: PathBuf,
    pub inputs: Layout,
    pub outputs: Layout,
    /// An edge comes with the next settling, or [`crate::Dut::finish`].
    pub puts_edges_off: bool,
}

impl Model {
    /// Compiles the design, or finds it in the usual cache.
    ///
    /// # Errors
    /// When Verilator rejects the design, the C++ compiler fails or a file cannot be written.
    pub fn build(toolchain: &Toolchain, design: impl Into<Sources>, options: Options) -> Result<Model> {
        Model::build_in(&Cache::usual(), toolchain, design, options, &mut |_| {})
    }

    /// Like [`Model::build`], with a given cache. `notify` is told of each step that takes seconds, such as
    /// "Verilating mmu_top (once)"; it hears nothing when the cache has the model.
    ///
    /// # Errors
    /// As for [`Model::build`].
    pub fn build_in(
        cache: &Cache,
        toolchain: &Toolchain,
        design: impl Into<Sources>,
        options: Options,
        notify: &mut dyn FnMut(&str),
    ) -> Result<Model> {
        let sources = design.into();
        let name = format!("{}-{}.so", sources.top, key(toolchain, &sources, options)?);
        let library = cache.entry(&name, |work| {
            let runtime = Runtime::ready(toolchain, cache, options.trace, notify)?;
            notify(&format!("Verilating {} (once)", sources.top));
            make(toolchain, &sources, options, &runtime, work)
        })?;
        let (inputs, outputs) = (Layout::inputs(&sources), Layout::outputs(&sources));
        let puts_edges_off = Clocks::of(&sources, options) == Clocks::WithInputs;
        Ok(Model { shape: Arc::new(Shape { top: sources.top, library, inputs, outputs, puts_edges_off }) })
    }

    /// The shared object in the cache.
    pub fn library(&self) -> &Path {
        &self.shape.library
    }

    /// The top module's name.
    pub fn top(&self) -> &str {
        &self.shape.top
    }
}

/// Everything that decides what the shared object does.
fn key(toolchain: &Toolchain, sources: &Sources, options: Options) -> Result<String> {
    let library = sources.library.texts()?;
    let flags = [VERILATOR_FLAGS.join(" "), FAST_FLAGS.join(" "), SLOW_FLAGS.join(" ")].join("|");
    let shape = format!("{options:?} {:?} {:?} {}", sources.inputs, sources.outputs, sources.has_clock);
    let runtime = Runtime::key(toolchain, options.trace);
    let writers = [include_str!("glue.rs"), include_str!("inputs.rs"), include_str!("model.rs")];
    let ours = [&runtime, &flags, &shape, &sources.top].map(String::as_str).into_iter().chain(writers);
    let files = sources.files.iter().flat_map(|file| [file.name.as_bytes(), file.text.as_bytes()]);
    Ok(digest(ours.map(str::as_bytes).chain(files).chain(library.iter().map(Vec::as_slice))))
}

fn make(toolchain: &Toolchain, sources: &Sources, options: Options, runtime: &Runtime, work: &Path) -> Result<PathBuf> {
    let clocks = Clocks::of(sources, options);
    verilate(toolchain, sources, options, clocks, work)?;
    let folder = work.join("generated");
    let generated = Generated::read(&folder)?;
    let evaluation = match clocks {
        Clocks::WithInputs => Evaluation::of(&generated.texts),
        Clocks::None | Clocks::One => Evaluation::Whole,
    };
    let (inputs, outputs) = (Layout::inputs(sources), Layout::outputs(sources));
    let header = folder.join("ports.h");
    fs::write(&header, ports_header(&inputs, &outputs, clocks, evaluation)).map_err(io("write", &header))?;

    let units = generated.units(&folder, runtime)?;
    let mut flags = runtime.flags(toolchain);
    flags.push(format!("-I{}", folder.display()));
    compile(toolchain, &units, &flags)?;
    let library = work.join("model.so");
    link(toolchain, units.into_iter().map(|unit| unit.object).chain(runtime.link_inputs()), &library)?;
    Ok(library)
}

/// Runs Verilator in `work`, so that its messages name files as the design does.
fn verilate(toolchain: &Toolchain, sources: &Sources, options: Options, clocks: Clocks, work: &Path) -> Result<()> {
    let mut files = sources.files.clone();
    let mut top = &sources.top[..];
    if clocks == Clocks::WithInputs {
        top = HOLDER;
        files.push(SourceFile { name: format!("{HOLDER}.v"), text: holder(sources) });
    }
    for file in &files {
        let path = work.join(&file.name);
        fs::write(&path, &file.text).map_err(io("write", &path))?;
    }
    let mut command = toolchain.verilator();
    command.current_dir(work).args(VERILATOR_FLAGS).args(["--timescale-override", "1ns/1ns"]);
    command.args(["--top-module", top]);
    if options.checks {
        command.args(["--assert", CHECKS_MACRO]);
    } else {
        command.arg("--no-assert");
    }
    if options.trace {
        command.arg("--trace-fst");
    }
    if sources.library.is_empty() {
        command.args(OWN_DESIGN_FLAGS);
    }
    command.args(sources.library.arguments());
    command.args(files.iter().map(|file| &file.name));
    let output = command.output().map_err(io("run", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    // Warnings come in between; errors say why.
    let log = String::from_utf8_lossy(&output.stderr);
    let errors = log.find("%Error").map_or(&log[..], |first| &log[first..]);
    Err(Error::Verilator { top: sources.top.clone(), log: first_lines(errors.as_bytes()) })
}

/// The C++ that Verilator wrote.
struct Generated {
    paths: Vec<PathBuf>,
    texts: Vec<String>,
}

impl Generated {
    fn read(folder: &Path) -> Result<Generated> {
        let entries = fs::read_dir(folder).map_err(io("list", folder))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension() == Some(OsStr::new("cpp")));
        paths.sort();
        let read = |path: &PathBuf| fs::read_to_string(path).map_err(io("read", path));
        let texts = paths.iter().map(read).collect::<Result<_>>()?;
        Ok(Generated { paths, texts })
    }

    /// Three kinds of unit: each big file that runs every cycle, all small ones with our glue, and all that run once.
    /// Most of the time to compile a small unit goes into Verilator's headers.
    fn units(&self, folder: &Path, runtime: &Runtime) -> Result<Vec<Unit>> {
        let mut fast = vec![include_line(&runtime.design_source())];
        let mut slow = Vec::new();
        let mut units = Vec::new();
        let unit = |source: PathBuf, flags: &[&'static str]| {
            let object = source.with_extension("o");
            Unit { source, object, flags: flags.to_vec() }
        };
        for (path, text) in self.paths.iter().zip(&self.texts) {
            let runs_once = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("Slow"));
            match (runs_once, text.len() > BIG_BYTES) {
                (true, _) => slow.push(include_line(path)),
                (false, true) => units.push(unit(path.clone(), &FAST_FLAGS)),
                (false, false) => fast.push(include_line(path)),
            }
        }
        for (name, lines, flags) in [("all_fast.cc", fast, &FAST_FLAGS[..]), ("all_slow.cc", slow, &SLOW_FLAGS[..])] {
            let path = folder.join(name);
            fs::write(&path, lines.concat()).map_err(io("write", &path))?;
            units.push(unit(path, flags));
        }
        Ok(units)
    }
}

/// Above this size a generated file is a unit of its own.
const BIG_BYTES: usize = 100_000;

fn include_line(path: &Path) -> String {
    format!("#include \"{}\"\n", path.display())
}
