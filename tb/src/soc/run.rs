//! A program from its name to its end.

use std::path::PathBuf;

use hashwalk_spec::{Config, Settings};
use serde::Serialize;

use super::{
    Compiler, Counts, Damage, End, Handler, Limits, Manifest, Phases, Program, Setup, SocDevice, SocError, SocTools,
    System, build,
};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The program's name.
    pub program: String,
    /// Software refills the TLB.
    pub software: bool,
    /// The handler's name; left out, the first one for the configuration's tables.
    pub handler: Option<String>,
    /// The hardware; left out, a small one with 16 MiB.
    pub config: Option<Config>,
    /// Cycles from the acceptance of a read to its data.
    pub memory_latency: u32,
    /// Cycles after which it is given up.
    pub max_cycles: u64,
    /// What the hash key grows from.
    pub seed: u64,
    /// What is broken in the table before the first cycle.
    pub damage: Option<Damage>,
    /// Where a wave is written to.
    pub wave: Option<PathBuf>,
}

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub struct RunOutcome {
    /// The program.
    pub program: String,
    /// The handler that was linked.
    pub handler: String,
    /// Who refilled the TLB.
    pub refill: &'static str,
    /// The configuration.
    pub config: String,
    /// The table's format.
    pub format: String,
    /// Cycles of a read.
    pub memory_latency: u32,
    /// What software ended with.
    pub exit_code: u32,
    /// What it printed.
    pub console: String,
    /// What it cost.
    pub counts: Counts,
    /// Seconds that the simulation took.
    pub seconds: f64,
}

impl RunOutcome {
    /// What the program came to: its exit code and what it printed. Of processes that a timer switches between, it is not
    /// known whose character comes first: theirs are in order of the alphabet.
    #[must_use]
    pub fn result(&self, program: &Program) -> (u32, String) {
        let mut printed: Vec<char> = self.console.chars().collect();
        if program.timer > 0 {
            printed.sort_unstable();
        }
        (self.exit_code, printed.into_iter().collect())
    }

    /// How fast the simulation was.
    #[must_use]
    pub fn cycles_a_second(&self) -> f64 {
        self.counts.cycles as f64 / self.seconds.max(1e-9)
    }
}

/// The configuration for a handler: the one that is asked for, or a small one, with the handler's tables.
///
/// # Errors
/// The handler's format or hash does not go with the rest.
pub fn config_for(base: Option<&Config>, handler: &Handler) -> Result<Config, SocError> {
    let small = Settings {
        name: "soc".into(),
        tlb_entries: 16,
        l2_entries: 0,
        bus_bits: 256,
        walks: 2,
        predictor_entries: 0,
        walk_cache_entries: 0,
        frames: 4096,
        ..Settings::default()
    };
    let settings = base.map_or(small, |config| config.settings().clone());
    let (format, hash) = (handler.format, handler.hash);
    let bus_bits = settings.bus_bits.min(8 * format.element_bytes() as u32);
    Ok(Config::new(Settings { format, hash, bus_bits, ..settings })?)
}

/// Runs a program; `printed` gets each byte of the console.
///
/// # Errors
/// A tool is missing or fails, the program does not fit, or the run does not end well ([`System::run`]).
pub fn run(options: &RunOptions, printed: impl FnMut(u8)) -> Result<RunOutcome, SocError> {
    run_of(&Manifest::shipped()?, options, printed)
}

/// The same with other software.
///
/// # Errors
/// As for [`run`].
pub fn run_of(manifest: &Manifest, options: &RunOptions, printed: impl FnMut(u8)) -> Result<RunOutcome, SocError> {
    let program = manifest.program(&options.program)?;
    let handler = match (&options.handler, &options.config) {
        (Some(name), _) => manifest.handler(name)?,
        (None, Some(config)) => manifest.handler_for(config)?,
        (None, None) => manifest.handlers.first().expect("`Manifest::read` has seen one"),
    };
    let config = config_for(options.config.as_ref(), handler)?;
    let tools = SocTools::locate()?;
    let compiler = Compiler::new(&tools);
    let kernel = compiler.kernel(manifest, handler)?;
    let images = compiler.program(manifest, program)?;
    let device = SocDevice::build(&config, &tools, options.wave.is_some())?;
    let setup = Setup {
        config: &config,
        kernel: &kernel,
        programs: &images,
        software: options.software,
        timer: program.timer,
        heap_pages: program.heap_pages,
        copy_on_write: program.copy_on_write,
        seed: options.seed,
    };
    let mut built = build(&setup)?;
    if let Some(damage) = options.damage {
        damage.apply(&mut built, &images[0], config.format())?;
    }
    let mut system = System::new(&device, &config, built, Phases::of(&kernel), options.memory_latency)?;
    if let Some(wave) = &options.wave {
        system.open_wave(wave)?;
    }
    let begin = std::time::Instant::now();
    let End { code, console, counts } = system.run(Limits::new(options.max_cycles, options.memory_latency), printed)?;
    Ok(RunOutcome {
        program: program.name.clone(),
        handler: handler.name.clone(),
        refill: if options.software { "software" } else { "hardware" },
        config: config.name().into(),
        format: config.format().to_string(),
        memory_latency: options.memory_latency,
        exit_code: code,
        console,
        counts,
        seconds: begin.elapsed().as_secs_f64(),
    })
}
