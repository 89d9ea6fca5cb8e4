//! The command `hashwalk`. Exit codes: 0, all is well; 1, the hardware and the golden model disagree, or
//! an organisation of the model and a plain map; 2, the command
//! could not do what it was asked, and has said why in a line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use comfy_table::{CellAlignment, Table};
use hashwalk::check::{CheckOptions, CheckOutcome, check, default_configs, replay};
use hashwalk::cli::{
    Bench, BenchArgs, CheckArgs, Cli, Command, EmitArgs, ExploreArgs, RecordArgs, RefillChoice, ReplayArgs, RunArgs,
    SocCommand, SocMatrixArgs, SocRefill, SocRunArgs,
};
use hashwalk::device::Device;
use hashwalk::explore::ExploreOptions;
use hashwalk::machine::MachineError;
use hashwalk::replay_trace::{ReplayOptions, replay as replay_trace, trace_name};
use hashwalk::report::{RefillMode, RunReport, comparison, grouped, plain_table, table};
use hashwalk::scenario::{Checked, Impossible, Tally};
use hashwalk::soc::matrix::{self, MatrixOptions};
use hashwalk::soc::{self, Manifest, SocError};
use hashwalk::trace::{Progress, RecordOptions, record};
use hashwalk::{bench, emit, explore};
use hashwalk_spec::{Config, Format};
use indicatif::ProgressBar;

const DISAGREEMENT: u8 = 1;
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Record(args) => record_trace(args),
        Command::Check(args) => check_hardware(args),
        Command::Replay(args) => replay_scenario(&args),
        Command::Emit(args) => emit_verilog(&args),
        Command::Bench(args) => measure(&args),
        Command::Explore(args) => study(args),
        Command::Soc(SocCommand::List) => list_software(),
        Command::Soc(SocCommand::Run(args)) => run_program(&args),
        Command::Soc(SocCommand::Matrix(args)) => compare_refills(args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("hashwalk: {error:#}");
        ExitCode::from(FAILURE)
    })
}

/// Prints to standard output; a reader that has gone away is no error of ours.
fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// The traces that come with Hashwalk.
fn shipped_traces() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut traces: Vec<PathBuf> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "zst"))
        .collect();
    traces.sort();
    if traces.is_empty() {
        bail!("there is no trace in {}: name one with --trace", folder.display());
    }
    Ok(traces)
}

fn run(args: &RunArgs) -> Result<ExitCode> {
    let config = Config::load(&args.config.config)?;
    let traces = match &args.trace {
        Some(trace) => vec![trace.clone()],
        // One object is one trace.
        None if args.json || args.wave.is_some() => shipped_traces()?.into_iter().take(1).collect(),
        None => shipped_traces()?,
    };
    let modes: &[RefillMode] = match args.refill {
        RefillChoice::Hardware => &[RefillMode::Hardware],
        RefillChoice::Software => &[RefillMode::Software],
        RefillChoice::Both => &[RefillMode::Hardware, RefillMode::Software],
    };
    if args.wave.is_some() && modes.len() > 1 {
        bail!("--wave shows one run: choose --refill hardware or --refill software");
    }
    // A trace that is not there is found before minutes are spent on anything else.
    for trace in &traces {
        hashwalk::trace::Reader::open(trace)?;
    }
    let device = Device::build(&config, args.wave.is_some())?;
    let mut reports = Vec::new();
    for trace in traces {
        let mut runs = Vec::new();
        for &refill in modes {
            let options = ReplayOptions {
                trace: trace.clone(),
                config: config.clone(),
                refill,
                memory_latency: args.memory_latency,
                limit: args.limit,
                seed: args.seed,
                in_flight: args.in_flight,
                handler: args.handler,
                wave: args.wave.clone(),
            };
            runs.push(replay_trace(&device, &options, args.json)?);
        }
        let references = runs.iter().map(|run| run.references).max().unwrap_or(0);
        let trace = trace.display().to_string();
        let (config, memory_latency) = (config.name().to_string(), args.memory_latency);
        reports.push(RunReport { trace, references, config, memory_latency, runs });
    }
    if args.json {
        print(&serde_json::to_string(&reports[0])?)?;
    } else {
        print(&format!(
            "configuration {}, memory latency {} cycles\n{}",
            config.name(),
            args.memory_latency,
            table(&reports)
        ))?;
        if modes.contains(&RefillMode::Software) {
            print(&format!("the modelled handler: {}", args.handler))?;
        }
        for line in reports.iter().filter_map(comparison) {
            print(&line)?;
        }
    }
    let failures = reports.iter().flat_map(|report| report.runs.iter().map(move |run| (report, run)));
    let mut code = ExitCode::SUCCESS;
    for (report, run) in failures.filter(|(_, run)| run.mismatches > 0) {
        let mode = if run.refill == RefillMode::Hardware { "hardware" } else { "software" };
        eprintln!("hashwalk: {}: {}", trace_name(report.trace.as_ref()), run.failure.as_deref().unwrap_or_default());
        eprintln!(
            "  replay it: hashwalk run --trace {} --config {} --refill {mode} --memory-latency {} --seed {} --limit {} --wave failure.fst",
            report.trace, args.config.config, args.memory_latency, args.seed, run.references
        );
        code = ExitCode::from(DISAGREEMENT);
    }
    Ok(code)
}

fn record_trace(args: RecordArgs) -> Result<ExitCode> {
    let bar = ProgressBar::new_spinner();
    let options =
        RecordOptions { output: args.output.clone(), skip: args.skip, limit: args.limit, command: args.command };
    let recording = record(&options, |Progress { skipped, recorded }| {
        bar.set_message(format!("{recorded} references recorded, {skipped} skipped"));
        bar.tick();
    });
    bar.finish_and_clear();
    let recording = recording?;
    let name = args.output.display();
    print(&format!("{name}: {} references, {} bytes", recording.recorded, recording.file_bytes))?;
    Ok(ExitCode::SUCCESS)
}

fn check_hardware(args: CheckArgs) -> Result<ExitCode> {
    let configs = match &args.config {
        Some(name) => vec![Config::load(name)?],
        None => default_configs(),
    };
    let seed = args.seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |since| since.as_nanos() as u64)
    });
    let devices: Vec<Device> = configs.iter().map(|config| Device::build(config, false)).collect::<Result<_>>()?;
    let options = CheckOptions { cases: args.cases, seed, replay: args.replay };
    match check(&devices, &options, false)? {
        CheckOutcome::Passed(tally) => {
            print(&format!("{} scenarios, seed {seed}: 0 mismatches\n{}", args.cases, tallied(&tally)))?;
            if args.coverage {
                print(&tally.coverage.report(&Checked::of(&configs)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        CheckOutcome::Failed { reason, replay, steps } => {
            let file = replay.display();
            eprintln!("hashwalk: seed {seed}: {reason}");
            eprintln!("  made small ({steps} steps) in {file}; replay it: hashwalk replay {file} --wave failure.fst");
            Ok(ExitCode::from(DISAGREEMENT))
        }
    }
}

fn tallied(tally: &Tally) -> Table {
    let mut table = plain_table();
    table.set_header(["what happened", "times"]);
    for (what, times) in &tally.times {
        table.add_row([what.to_string(), times.to_string()]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn replay_scenario(args: &ReplayArgs) -> Result<ExitCode> {
    match replay(&args.file, args.wave.as_deref()) {
        Ok(tally) => {
            print(&format!("{}: 0 mismatches\n{}", args.file.display(), tallied(&tally)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if error.is::<MachineError>() || error.is::<Impossible>() => {
            eprintln!("hashwalk: {error:#}");
            Ok(ExitCode::from(DISAGREEMENT))
        }
        Err(error) => Err(error),
    }
}

fn emit_verilog(args: &EmitArgs) -> Result<ExitCode> {
    let config = Config::load(&args.config.config)?;
    for path in emit::emit(&config, args.top, &args.output)? {
        print(&path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The walkers of all formats on one trace.
fn measure_formats(args: &BenchArgs, config: &Config) -> Result<ExitCode> {
    let trace = args.trace.clone().map_or_else(|| Ok(by_locality()?.swap_remove(0)), Ok::<_, anyhow::Error>)?;
    let mut out = plain_table();
    let walks = ["walks", "reads a walk", "cycles a walk", "99 % within", "most", "cycles a reference"];
    out.set_header(["format", "port, bits", "memory latency L"].into_iter().chain(walks));
    for latency in latencies(args) {
        for figures in bench::formats(config, &trace, latency, args.json)? {
            if args.json {
                print(&serde_json::to_string(&figures)?)?;
                continue;
            }
            let cycles = figures.walk_cycles;
            out.add_row([
                figures.walker(),
                figures.bus_bits.to_string(),
                latency.to_string(),
                figures.walks.to_string(),
                format!("{:.3}", figures.reads_per_walk),
                format!("{:.1}", cycles.mean),
                cycles.p99.to_string(),
                cycles.max.to_string(),
                format!("{:.3}", figures.cycles_per_reference),
            ]);
        }
    }
    if !args.json {
        let (trace, slots) = (trace_name(&trace), config.tlb_entries());
        print(&format!(
            "{trace}, {slots} slots of the first level, no second level, a memory port as wide as an element"
        ))?;
        print(&out.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The memory latencies that are asked for, or those that say most.
fn latencies(args: &BenchArgs) -> Vec<u32> {
    match args.what {
        _ if !args.memory_latency.is_empty() => args.memory_latency.clone(),
        Bench::Walk | Bench::Formats => vec![1, 10, 40, 100],
        Bench::Hit | Bench::Sim => vec![40],
    }
}

fn measure(args: &BenchArgs) -> Result<ExitCode> {
    let config = Config::load(&args.config.config)?;
    if args.what == Bench::Formats {
        return measure_formats(args, &config);
    }
    let device = Device::build(&config, false)?;
    let mut out = plain_table();
    for latency in latencies(args) {
        let (json, columns) = match args.what {
            Bench::Sim => {
                let trace = by_locality()?.pop().expect("there is a trace");
                let figures = bench::simulation(&device, &config, &trace, latency)?;
                let rest = figures.total_ns - figures.golden_ns - figures.verilated_ns;
                let columns = vec![
                    ("trace", figures.trace.clone()),
                    ("references", figures.references.to_string()),
                    ("references a second", format!("{:.0}", figures.references_per_second)),
                    ("ns a reference", format!("{:.0}", figures.total_ns)),
                    ("trace", format!("{:.0}", figures.trace_ns)),
                    ("golden", format!("{:.0}", figures.golden_ns)),
                    ("Verilated", format!("{:.0}", figures.verilated_ns)),
                    ("bench", format!("{rest:.0}")),
                ];
                (serde_json::to_string(&figures)?, columns)
            }
            what => {
                let figures = bench::walks(&device, &config, latency)?;
                let mut columns = vec![("memory latency L", figures.memory_latency.to_string())];
                if what == Bench::Walk {
                    let above =
                        |cycles: u32, trips: u32| format!("{cycles} = {trips} L + {}", cycles - trips * latency);
                    columns.push(("first probe matches", above(figures.first_probe_cycles, 1)));
                    // Of a cuckoo table's ways all are read at once.
                    let trips = if config.format() == Format::Cuckoo { 1 } else { 2 };
                    columns.push(("second probe matches", above(figures.second_probe_cycles, trips)));
                    columns.push(("misses at once", figures.misses.to_string()));
                    columns.push(("all answered", above(figures.misses_cycles, 1)));
                }
                columns.push(("hit", figures.hit_cycles.to_string()));
                columns.push(("hits a cycle", format!("{:.3}", figures.hits_per_cycle)));
                columns.push(("under a walk", format!("{:.3}", figures.hits_per_cycle_under_a_walk)));
                (serde_json::to_string(&figures)?, columns)
            }
        };
        if args.json {
            print(&json)?;
        } else {
            out.set_header(columns.iter().map(|(name, _)| name));
            out.add_row(columns.into_iter().map(|(_, value)| value));
        }
    }
    if !args.json {
        let (name, bus) = (config.name(), config.bus_bits());
        print(&format!("configuration {name}, memory port of {bus} bits\n{out}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn study(args: ExploreArgs) -> Result<ExitCode> {
    let traces = args.trace.map_or_else(shipped_traces, |trace| Ok(vec![trace]))?;
    let options = ExploreOptions { study: args.study, output: args.output, seed: args.seed, quick: args.quick, traces };
    match explore::explore(&options, print) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if explore::is_refuted(&error) => {
            eprintln!("hashwalk: {error:#}");
            let quick = if options.quick { " --quick" } else { "" };
            eprintln!("  do it again: hashwalk explore {} --seed {}{quick}", options.study, options.seed);
            Ok(ExitCode::from(DISAGREEMENT))
        }
        Err(error) => Err(error),
    }
}

/// The shipped traces, that with the most misses of a small TLB first.
fn by_locality() -> Result<Vec<PathBuf>> {
    let mut rated = Vec::new();
    for path in shipped_traces()? {
        let summary = hashwalk::trace::Summary::of(hashwalk::replay_trace::references(&path, None)?)?;
        rated.push((summary.lru32_miss_rate(), path));
    }
    rated.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(rated.into_iter().map(|(_, path)| path).collect())
}

fn list_software() -> Result<ExitCode> {
    let manifest = Manifest::shipped()?;
    for program in &manifest.programs {
        print(&format!("program {}: {}", program.name, program.about))?;
    }
    for handler in &manifest.handlers {
        print(&format!("handler {} (format {}): {}", handler.name, handler.format, handler.about))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_program(args: &SocRunArgs) -> Result<ExitCode> {
    let options = soc::RunOptions {
        program: args.program.clone(),
        software: args.refill == SocRefill::Software,
        handler: args.handler.clone(),
        config: args.config.as_deref().map(Config::load).transpose()?,
        memory_latency: args.memory_latency,
        max_cycles: args.max_cycles,
        seed: args.seed,
        damage: args.damage,
        wave: args.wave.clone(),
    };
    let shown = !args.json;
    let outcome = soc::run(&options, |byte| {
        if shown {
            // A reader that has gone away is noticed when the report is printed.
            let _ = std::io::stdout().write_all(&[byte]);
        }
    });
    let outcome = match outcome {
        Err(SocError::Machine(error @ (MachineError::Mismatch { .. } | MachineError::Protocol { .. }))) => {
            eprintln!("hashwalk: {error}");
            return Ok(ExitCode::from(DISAGREEMENT));
        }
        other => other?,
    };
    print(&if args.json { serde_json::to_string(&outcome)? } else { soc::table(&outcome) })?;
    if outcome.exit_code != 0 {
        bail!("{} has ended with exit code {}", outcome.program, outcome.exit_code);
    }
    Ok(ExitCode::SUCCESS)
}

fn compare_refills(args: SocMatrixArgs) -> Result<ExitCode> {
    let folder = explore::Folder::open(&args.output)?;
    let options = MatrixOptions {
        programs: args.programs,
        handlers: args.handlers,
        latencies: args.latencies,
        quick: args.quick,
        seed: args.seed,
    };
    let begin = Instant::now();
    let measured = match &args.from {
        Some(file) => matrix::measured(&options, file),
        None => matrix::measure(&options),
    };
    let matrix = match measured {
        Err(error) if is_refuted(&error) => {
            eprintln!("hashwalk: {error:#}");
            return Ok(ExitCode::from(DISAGREEMENT));
        }
        other => other?,
    };
    print(&matrix.table().to_string())?;
    for (name, bytes) in matrix.files()? {
        print(&folder.write(name, &bytes)?.display().to_string())?;
    }
    if let Some(speed) = matrix.speed {
        print(&format!(
            "{} cycles simulated in {:.0} seconds; {} a second of a run, {} of the slowest",
            grouped(speed.cycles),
            begin.elapsed().as_secs_f64(),
            grouped((speed.cycles as f64 / speed.seconds.max(1e-9)) as u64),
            grouped(speed.slowest as u64),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a run has shown that the hardware is wrong.
fn is_refuted(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(
            SocError::Machine(MachineError::Mismatch { .. } | MachineError::Protocol { .. }) | SocError::Differ { .. }
        )
    )
}
