//! The command line.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::explore;
use crate::machine::HandlerCost;
use crate::soc::Damage;

/// Hashwalk: a hardware page walker and TLB for hashed page tables, on the bench.
#[derive(Debug, Parser)]
#[command(name = "hashwalk", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Replay a memory trace through the Verilated MMU and check every answer
    Run(RunArgs),
    /// Record a memory trace of a program with valgrind's lackey
    Record(RecordArgs),
    /// Test the hardware against the golden model with random scenarios
    Check(CheckArgs),
    /// Replay a scenario that `check` has found to fail
    Replay(ReplayArgs),
    /// Write the Verilog, a file list and a table of ports
    Emit(EmitArgs),
    /// Measure hits, walks, or the speed of the simulation
    Bench(BenchArgs),
    /// Study the golden model: organisations, hashes, sizes; writes tables, CSV files and plots
    Explore(ExploreArgs),
    /// Run programs on a processor (Ibex) that uses the MMU, with misses served by hardware or by its own software
    #[command(subcommand)]
    Soc(SocCommand),
}

/// `hashwalk soc`.
#[derive(Debug, Subcommand)]
pub enum SocCommand {
    /// List the programs and the handlers, one a line
    List,
    /// Run a program to its end, every translation judged
    Run(SocRunArgs),
    /// Compare hardware walks with software refill over programs, handlers and latencies; writes CSV, plots and a page
    Matrix(SocMatrixArgs),
}

/// Who refills the TLB of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SocRefill {
    /// The page walker
    Hardware,
    /// The handler, executed by the processor
    Software,
}

/// `hashwalk soc run`.
#[derive(Debug, Args)]
pub struct SocRunArgs {
    /// The program (see `hashwalk soc list`)
    #[arg(value_name = "PROGRAM")]
    pub program: String,
    /// Who refills the TLB
    #[arg(long, value_enum, default_value = "hardware")]
    pub refill: SocRefill,
    /// The TLB-miss handler, and with it the table's format [default: the first one for the configuration]
    #[arg(long, value_name = "NAME")]
    pub handler: Option<String>,
    /// A preset or a TOML file; the handler sets format and hash [default: 16 TLB entries, 2 walks, 16 MiB]
    #[arg(long, value_name = "PRESET|FILE")]
    pub config: Option<String>,
    /// Cycles from the acceptance of a read to its data
    #[arg(long, value_name = "CYCLES", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub memory_latency: u32,
    /// Give up after this many cycles
    #[arg(long, value_name = "N", default_value_t = 200_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_cycles: u64,
    /// What the hash key grows from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// Break the entry of a page before the program runs: that of its symbol `damaged`, or of its first instruction
    #[arg(long, value_enum, value_name = "KIND")]
    pub damage: Option<Damage>,
    /// Print one JSON object, the program's text in it, instead of tables
    #[arg(long)]
    pub json: bool,
    /// Write a wave in FST (large: use --max-cycles)
    #[arg(long, value_name = "FILE")]
    pub wave: Option<PathBuf>,
}

/// `hashwalk soc matrix`.
#[derive(Debug, Args)]
pub struct SocMatrixArgs {
    /// The folder for refill.csv, refill.svg, refill-miss.svg and refill.md; it is made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "target/refill")]
    pub output: PathBuf,
    /// The programs [default: sort,join,matrix,chase,interpreter]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub programs: Vec<String>,
    /// The handlers [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub handlers: Vec<String>,
    /// Memory latencies in cycles [default: 1,10,40,100]
    #[arg(long, value_name = "CYCLES", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub latencies: Vec<u32>,
    /// Measure nothing: write plots and the page again from the refill.csv of an earlier run with the same options
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Two short programs under a handler at two latencies, for a first look
    #[arg(long)]
    pub quick: bool,
    /// What the hash key grows from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

/// Which configuration.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// A preset (tiny, default, large) or a TOML file
    #[arg(long, value_name = "PRESET|FILE", default_value = "default")]
    pub config: String,
}

/// Who refills the TLB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RefillChoice {
    /// The page walker
    Hardware,
    /// The operating system's handler (its instruction costs are modelled)
    Software,
    /// One after the other
    Both,
}

/// `hashwalk run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The trace: lackey text, plain or zstd [default: the three that are shipped]
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// On which hardware
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Who refills the TLB
    #[arg(long, value_enum, default_value = "both")]
    pub refill: RefillChoice,
    /// Cycles from the acceptance of a read to its data
    #[arg(long, value_name = "CYCLES", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub memory_latency: u32,
    /// Stop after this many references
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Requests that the processor has out at most, 1 to 16: it goes on under one less that are not answered [1: in order]
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub in_flight: u32,
    /// What the operating system's random choices (the hash key) grow from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// What software's instructions cost
    #[command(flatten)]
    pub handler: HandlerCost,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
    /// Write a wave in FST (one trace and one refill mode only; large: use --limit)
    #[arg(long, value_name = "FILE")]
    pub wave: Option<PathBuf>,
}

/// `hashwalk record`.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The trace file; compressed if its name ends in .zst
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Leave out this many references at the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: u64,
    /// Stop the program after this many references
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// `hashwalk check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// How many scenarios
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub cases: u32,
    /// What the scenarios grow from [default: drawn from the clock and printed]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// A preset or a TOML file [default: a set of small, odd and large ones]
    #[arg(long, value_name = "PRESET|FILE")]
    pub config: Option<String>,
    /// Where to write the scenario that fails
    #[arg(long, value_name = "FILE", default_value = "hashwalk-replay.json")]
    pub replay: PathBuf,
    /// Print how often each kind of answer came about, and which never did
    #[arg(long)]
    pub coverage: bool,
}

/// `hashwalk replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The scenario
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write a wave in FST
    #[arg(long, value_name = "FILE")]
    pub wave: Option<PathBuf>,
}

/// What is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Top {
    /// The MMU, with the ports of docs/spec.md
    Mmu,
    /// The MMU behind AXI4 and AXI4-Lite, with the registers of docs/registers.md
    Axi,
    /// The table's reads and compare-and-set on AXI4, without an MMU
    Update,
    /// The MMU with what a RISC-V core needs around it, without the core
    Soc,
}

/// `hashwalk emit`.
#[derive(Debug, Args)]
pub struct EmitArgs {
    /// Which module is on top
    #[arg(long, value_enum, default_value = "mmu")]
    pub top: Top,
    /// On which hardware
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The folder to write to; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bench {
    /// Cycles to a hit, and hits a cycle
    Hit,
    /// Cycles to the answer of a walk whose first, or second, entry matches
    Walk,
    /// Cycles and reads of walks on one trace, for the walkers of all formats
    Formats,
    /// References checked a second, and where the time goes
    Sim,
}

/// `hashwalk bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum)]
    pub what: Bench,
    /// On which hardware
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Memory latencies in cycles [default: 1,10,40,100 for walk and formats, 40 for the others]
    #[arg(long, value_name = "CYCLES", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub memory_latency: Vec<u32>,
    /// The trace of `formats`: lackey text, plain or zstd [default: the shipped one with the most misses]
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print one JSON object a latency, one a line
    #[arg(long)]
    pub json: bool,
}

/// `hashwalk explore`.
#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// Which study; `all` writes index.html, too
    #[arg(value_name = "STUDY", value_parser = PossibleValuesParser::new(explore::names()))]
    pub study: String,
    /// The folder for CSV files and plots; it is made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "target/explore")]
    pub output: PathBuf,
    /// What everything random grows from, hash keys too
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// The trace whose pages are mapped [default: the three that are shipped]
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Short sweeps, for a first look
    #[arg(long)]
    pub quick: bool,
}
