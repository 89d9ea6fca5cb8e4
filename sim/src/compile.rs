//! Runs the C++ compiler over several units at once.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

use crate::error::{Error, Result};
use crate::toolchain::Toolchain;

/// A source file and the object that it becomes.
pub(crate) struct Unit {
    pub source: PathBuf,
    pub object: PathBuf,
    /// Optimisation and other flags of this unit alone.
    pub flags: Vec<&'static str>,
}

/// Flags for every unit. Only `hashwalk_create` is visible outside of a shared object, and inline variables are not
/// shared between objects (GCC's unique symbols would do so in spite of RTLD_LOCAL): each has its own runtime.
/// Warnings are off: the code is Verilator's.
pub(crate) const COMMON_FLAGS: [&str; 6] = ["-std=c++17", "-fPIC", "-fvisibility=hidden", "-pthread", "-w", "-pipe"];

/// For code that runs every cycle. Measured on the default MMU: `-O1` is 10 % slower; `-O3` and `-Os` are as fast within
/// the noise. So is `-march=native`, which would tie cached objects to a processor and use what Valgrind cannot run.
///
/// At `-O2` GCC makes vectors of short runs of statements, and arithmetic of branches; that costs 6 % (`hashwalk bench sim`,
/// alternated four times: 874,000 references a second with it, 930,000 without). Eliminating partial redundancies costs 2 %
/// more: in code that is straight for thousands of statements it keeps values longer than there are registers.
/// `-fprofile-use` would take 5 % more from the time of the Verilated design, for twice the time to compile.
///
/// Copies of one shared object differ by a tenth or more, each the same in every run: it depends on the physical pages
/// that its code lies in, also on huge ones. So compare medians over many copies.
pub(crate) const FAST_FLAGS: [&str; 5] =
    ["-O2", "-fno-tree-vectorize", "-fno-if-conversion", "-fno-if-conversion2", "-fno-tree-pre"];

/// For code that runs once, such as constructors: compile time counts.
pub(crate) const SLOW_FLAGS: [&str; 1] = ["-O0"];

/// Verilator's own build would set these macros. Stops and prints are ours (cxx/runtime.cc).
pub(crate) fn verilated_macros(trace: bool) -> Vec<String> {
    let trace = u8::from(trace);
    let fixed = [
        "VM_COVERAGE=0",
        "VM_SC=0",
        "VM_TIMING=0",
        "VM_TRACE_VCD=0",
        "VM_TRACE_SAIF=0",
        "VL_USER_STOP",
        "VL_USER_FINISH",
        "VL_USER_FATAL",
    ];
    let traced = [format!("VM_TRACE={trace}"), format!("VM_TRACE_FST={trace}")];
    fixed.into_iter().map(str::to_owned).chain(traced).map(|macro_| format!("-D{macro_}")).collect()
}

/// Compiles all units, as many at a time as there are cores.
///
/// # Errors
/// [`Error::Compiler`] for one of the units that failed.
pub(crate) fn compile(toolchain: &Toolchain, units: &[Unit], flags: &[String]) -> Result<()> {
    let queue = Mutex::new(units.iter());
    let failure = Mutex::new(None);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(units.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(unit) = next(&queue) {
                    let mut command = compiler(toolchain);
                    command.args(flags).args(&unit.flags).arg("-c").arg(&unit.source).arg("-o").arg(&unit.object);
                    if let Err(error) = run(command, || unit.source.display().to_string()) {
                        failure.lock().expect("no worker panics").get_or_insert(error);
                        return;
                    }
                }
            });
        }
    });
    failure.into_inner().expect("no worker panics").map_or(Ok(()), Err)
}

fn next<'a>(queue: &Mutex<std::slice::Iter<'a, Unit>>) -> Option<&'a Unit> {
    queue.lock().expect("no worker panics").next()
}

/// Links objects and archives into a shared object.
///
/// # Errors
/// [`Error::Compiler`].
pub(crate) fn link(toolchain: &Toolchain, inputs: impl IntoIterator<Item = PathBuf>, library: &PathBuf) -> Result<()> {
    let mut command = compiler(toolchain);
    command.args(["-shared", "-Wl,-z,defs", "-o"]).arg(library).args(inputs);
    run(command, || "the link".to_owned())
}

fn compiler(toolchain: &Toolchain) -> Command {
    let mut command = toolchain.compiler();
    command.args(COMMON_FLAGS);
    if !toolchain.identity.contains("#define __clang__") {
        command.arg("-fno-gnu-unique"); // Clang never makes such symbols and rejects the flag
    }
    command
}

fn run(mut command: Command, unit: impl FnOnce() -> String) -> Result<()> {
    let failed = |log| Err(Error::Compiler { unit: unit(), log });
    match command.output() {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => failed(first_lines(&stderr)),
        Err(error) => failed(error.to_string()),
    }
}

/// The first lines of a log: what follows a first error is seldom of use.
pub(crate) fn first_lines(log: &[u8]) -> String {
    String::from_utf8_lossy(log).lines().take(30).collect::<Vec<_>>().join("\n")
}
