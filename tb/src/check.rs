//! `hashwalk check` and `hashwalk replay`: differential testing with random scenarios.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hashwalk_spec::{Config, Format, Hash, Marking, Settings};
use indicatif::{ProgressBar, ProgressStyle};
use proptest::test_runner::{Config as RunnerConfig, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::device::Device;
use crate::scenario::{Scenario, Tally, run, scenarios};
use crate::whole_file;

/// What to check.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// How many scenarios.
    pub cases: u32,
    /// What they grow from.
    pub seed: u64,
    /// Where to write a scenario that fails.
    pub replay: PathBuf,
}

/// How a check ended.
#[derive(Debug)]
pub enum CheckOutcome {
    /// Every answer of every scenario was legal.
    Passed(Tally),
    /// A scenario failed, and was made as small as could be.
    Failed {
        /// What went wrong in the smallest one.
        reason: String,
        /// Where it was written.
        replay: PathBuf,
        /// How many steps it has left.
        steps: usize,
    },
}

/// Small, odd, default and large hardware, every format, every hash, every bus, every way of keeping marks, entries with
/// sequence numbers.
#[must_use]
pub fn default_configs() -> Vec<Config> {
    let preset = |name| Config::preset(name).expect("a preset");
    let named =
        |name: &str, settings| Config::new(Settings { name: name.into(), ..settings }).expect("a legal configuration");
    let (tiny, default) = (preset("tiny").settings().clone(), preset("default").settings().clone());
    let line = Settings { l2_entries: 0, ..default.clone() };
    let chained = Settings { format: Format::Chained, bus_bits: 256, predictor_entries: 0, ..line.clone() };
    let odd = Settings {
        tlb_entries: 5,
        bus_bits: 128,
        max_steps: 2,
        predictor_entries: 0,
        hash: Hash::Fold,
        ..line.clone()
    };
    let sequence = Settings { sequence: true, ..chained.clone() };
    let cuckoo = Settings { format: Format::Cuckoo, ..chained.clone() };
    let asid = Settings { tlb_entries: 7, max_steps: 40, hash: Hash::Asid, ..chained.clone() };
    // So small that sets are full and pages are looked for in vain, with sweeps as short as can be.
    let l2 = |ways| Settings { tlb_entries: 4, l2_entries: 64, l2_ways: ways, ..chained.clone() };
    let inverted = Settings { format: Format::Inverted, ..chained.clone() };
    let tree = Settings { format: Format::Tree, max_steps: 16, ..line.clone() };
    let radix = Settings { format: Format::Radix, ..chained.clone() };
    vec![
        preset("tiny"),
        named("chained_odd", Settings { format: Format::Chained, ..odd.clone() }),
        named("chained_asid", asid.clone()),
        named("chained", chained.clone()),
        named("chained_l2", l2(8)),
        named("sequence", sequence.clone()),
        named("sequence_tiny", Settings { sequence: true, ..tiny.clone() }),
        named("sequence_odd", Settings { bus_bits: 128, max_steps: 5, hash: Hash::Asid, ..sequence }),
        named("sequence_update_l2", Settings { sequence: true, marks: Marking::Update, bus_bits: 64, ..l2(4) }),
        named("two_cycles", Settings { hit_cycles: 2, ..chained.clone() }),
        named("two_cycles_tiny", Settings { hit_cycles: 2, ..tiny.clone() }),
        named(
            "two_cycles_l2",
            Settings { hit_cycles: 2, format: Format::Line, walks: 2, predictor_entries: 8, ..l2(4) },
        ),
        named("two_cycles_update", Settings { hit_cycles: 2, marks: Marking::Update, ..odd.clone() }),
        named("two_cycles_cuckoo", Settings { hit_cycles: 2, format: Format::Cuckoo, ..l2(2) }),
        named("two_cycles_inverted", Settings { hit_cycles: 2, format: Format::Inverted, ..chained.clone() }),
        named("two_cycles_tree", Settings { hit_cycles: 2, format: Format::Tree, walks: 3, ..asid.clone() }),
        named("two_cycles_radix", Settings { hit_cycles: 2, format: Format::Radix, walk_cache_entries: 4, ..l2(4) }),
        named("two_cycles_default", Settings { hit_cycles: 2, ..default.clone() }),
        named("line_tiny", Settings { format: Format::Line, ..tiny }),
        named("line", line),
        named("cuckoo", cuckoo.clone()),
        named("cuckoo_tiny", Settings { ways: 2, tlb_entries: 4, bus_bits: 64, ..cuckoo.clone() }),
        named("cuckoo_odd", Settings { format: Format::Cuckoo, ..odd.clone() }),
        named("cuckoo_l2", Settings { format: Format::Cuckoo, ..l2(4) }),
        named("cuckoo_four", Settings { ways: 4, bus_bits: 128, ..cuckoo }),
        named("line_odd", odd.clone()),
        named("line_asid", Settings { format: Format::Line, ..asid.clone() }),
        named("line_fault", Settings { marks: Marking::Fault, ..odd.clone() }),
        named("chained_fault", Settings { marks: Marking::Fault, walks: 3, ..chained.clone() }),
        named("cuckoo_fault", Settings { marks: Marking::Fault, format: Format::Cuckoo, ..l2(2) }),
        named("inverted_fault", Settings { marks: Marking::Fault, ..inverted.clone() }),
        named("tree_fault", Settings { marks: Marking::Fault, walks: 2, ..tree.clone() }),
        named("radix_fault", Settings { marks: Marking::Fault, walk_cache_entries: 8, ..radix.clone() }),
        named("line_update", Settings { marks: Marking::Update, ..odd.clone() }),
        named("cuckoo_update", Settings { marks: Marking::Update, format: Format::Cuckoo, ..odd.clone() }),
        named("chained_update_l2", Settings { marks: Marking::Update, ..l2(4) }),
        named("line_l2", Settings { l2_entries: 64, l2_ways: 2, bus_bits: 512, ..odd.clone() }),
        named("inverted", inverted),
        named("inverted_odd", Settings { format: Format::Inverted, max_steps: 64, ..asid.clone() }),
        named("inverted_l2", Settings { format: Format::Inverted, walks: 3, ..l2(2) }),
        named("tree", tree),
        named("tree_odd", Settings { walks: 3, bus_bits: 64, ..Settings { format: Format::Tree, ..asid.clone() } }),
        named("tree_l2", Settings { format: Format::Tree, bus_bits: 512, walks: 1, ..l2(4) }),
        named("radix", radix),
        named("radix_odd", Settings { format: Format::Radix, walks: 2, walk_cache_entries: 0, ..odd }),
        named("radix_l2", Settings { format: Format::Radix, walk_cache_entries: 4, ..l2(4) }),
        preset("default"),
        preset("large"),
    ]
}

/// Runs scenarios on any of the devices until one fails.
///
/// # Errors
/// A failing scenario cannot be written.
pub fn check(devices: &[Device], options: &CheckOptions, quiet: bool) -> Result<CheckOutcome> {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(options.cases.into()) };
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?);
    bar.set_message("checking");

    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&options.seed.to_le_bytes());
    let config = RunnerConfig { cases: options.cases, failure_persistence: None, ..RunnerConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let configs: Vec<&Config> = devices.iter().map(Device::config).collect();
    let tally = RefCell::new(Tally::default());
    let outcome = runner.run(&scenarios(&configs), |scenario| {
        bar.inc(1);
        let device = devices.iter().find(|device| device.config().name() == scenario.config.name);
        let dut = device.expect("drawn from these devices").load();
        dut.and_then(|dut| run(dut, &scenario, None, &mut tally.borrow_mut())).map_err(|error| {
            bar.set_message("shrinking");
            TestCaseError::fail(format!("{error:#}"))
        })
    });
    bar.finish_and_clear();
    match outcome {
        Ok(()) => Ok(CheckOutcome::Passed(tally.into_inner())),
        Err(TestError::Fail(reason, scenario)) => {
            write_scenario(&scenario, &options.replay)?;
            let steps = scenario.steps.len();
            Ok(CheckOutcome::Failed { reason: reason.to_string(), replay: options.replay.clone(), steps })
        }
        Err(TestError::Abort(reason)) => anyhow::bail!("the scenarios could not be drawn: {reason}"),
    }
}

fn write_scenario(scenario: &Scenario, path: &Path) -> Result<()> {
    let context = || format!("cannot write the failing scenario to {}", path.display());
    let mut text = serde_json::to_vec_pretty(scenario).with_context(context)?;
    text.push(b'\n');
    whole_file::write(path, &text).with_context(context)
}

/// Reads a scenario that was written by [`check`].
///
/// # Errors
/// The file cannot be read or is no scenario.
pub fn read_scenario(path: &Path) -> Result<Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no scenario", path.display()))
}

/// Runs one scenario from a file.
///
/// # Errors
/// The file is no scenario, the hardware cannot be built, or the scenario fails.
pub fn replay(path: &Path, wave: Option<&Path>) -> Result<Tally> {
    let scenario = read_scenario(path)?;
    let config = Config::new(scenario.config.clone()).with_context(|| format!("in {}", path.display()))?;
    let device = Device::build(&config, wave.is_some())?;
    let mut tally = Tally::default();
    run(device.load()?, &scenario, wave, &mut tally)?;
    Ok(tally)
}
