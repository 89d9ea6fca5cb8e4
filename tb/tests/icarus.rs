//! The emitted Verilog in a simulator that knows unknown bits: the same stimulus as in the Verilated runs, X on
//! everything that must not matter, and every output as it was there (docs/spec.md, section 9).

mod support;

use hashwalk::machine::{Level, Machine, MemoryTiming, Recording};
use hashwalk::scenario::{Bin, Checked, Tally, legal, record, scenarios};
use hashwalk_hdl::Design;
use hashwalk_model::os::Os;
use hashwalk_rtl::generate;
use hashwalk_spec::Config;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config as RunnerConfig, RngAlgorithm, TestRng, TestRunner};
use support::{icarus, soak};

const SCENARIOS: usize = 25;
const SOAK_CYCLES: u64 = 10_000;

/// Chained entries and lines on the narrowest port, lines on the widest, and lines whose marks are set.
fn configs() -> Vec<Config> {
    ["tiny", "two_cycles_tiny", "line_tiny", "default", "line_update"].map(support::named).into()
}

/// Random scenarios, always the same ones.
fn random_runs(config: &Config, design: &Design) -> Vec<Recording> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(RunnerConfig::default(), rng);
    let (strategy, mut tally) = (scenarios(&[config]), Tally::default());
    let mut run = || {
        let scenario = strategy.new_tree(&mut runner).expect("a scenario").current();
        record(support::dut(config), design, &scenario, &mut tally).expect("the Verilated run passes")
    };
    let runs = (0..SCENARIOS).map(|_| run()).collect();
    for what in ["hits", "walks", "translations", "not present", "rights", "bus error"] {
        assert!(tally.times.get(what).is_some_and(|times| *times > 0), "{what}: never in {tally:?}");
    }
    let by_software = |bin: &Bin| bin.level == Level::Software && bin.outcome.is_none();
    let served: u64 = legal(&Checked::of(std::slice::from_ref(config)))
        .filter(by_software)
        .map(|bin| tally.coverage.times(&bin))
        .sum();
    assert!(served > 0, "software never served a miss");
    runs
}

/// A long run on memory that stalls.
fn long_run(config: &Config, design: &Design) -> Recording {
    let config = soak::with_small_table(config);
    let timing =
        MemoryTiming { latency_max: 12, stall_percent: 30, gap_percent: 20, seed: 5, ..MemoryTiming::fixed(1) };
    let mut machine = Machine::new(support::dut(&config), &config, Os::new(&config, 5), timing).expect("a machine");
    machine.record(design).expect("it is of this design");
    soak::soak(&mut machine, 5, SOAK_CYCLES).expect("the Verilated run passes");
    machine.recorded().expect("a recording")
}

#[test]
fn unknown_bits_that_do_not_count_reach_no_output() {
    if !icarus::is_there() {
        return;
    }
    for config in configs() {
        let design = generate(&config);
        let mut runs = random_runs(&config, &design);
        runs.push(long_run(&config, &design));
        let compared = icarus::play(&design, &icarus::rows(&design, &runs));
        let compared = compared.unwrap_or_else(|difference| panic!("{}: {difference}", config.name()));
        assert_eq!(compared, runs.iter().map(|run| run.cycles().count() as u64).sum::<u64>());
        println!("{}: {compared} cycles agree", config.name());
        assert!(compared > SOAK_CYCLES + 2_000, "{}: {compared} cycles", config.name());
    }
}

/// The comparison is no use if it cannot fail: one wrong bit in one cycle, and an X on what does count.
#[test]
fn a_wrong_bit_and_an_unknown_bit_that_counts_are_found() {
    if !icarus::is_there() {
        return;
    }
    let config = support::tiny();
    let design = generate(&config);
    let runs = [long_run(&config, &design)];
    let answer = |rows: &[icarus::Row]| {
        let is_answer =
            |row: &icarus::Row| row.cells.iter().any(|(p, w)| p.name == "answer_valid" && *w == Some(vec![1]));
        rows.iter().position(is_answer).expect("an answer")
    };
    let spoil = |name: &str, with: Option<Vec<u64>>, at: &dyn Fn(&[icarus::Row]) -> usize| {
        let mut rows = icarus::rows(&design, &runs);
        let at = at(&rows);
        let cell = rows[at].cells.iter_mut().find(|(port, _)| port.name == name).expect("a port");
        cell.1 = with;
        (at, icarus::play(&design, &rows).expect_err("it was spoiled"))
    };
    let (at, difference) = spoil("answer_fault", Some(vec![6]), &answer);
    assert!(difference.starts_with(&format!("DIFFERENCE in cycle {at}: answer_fault is ")), "{difference}");
    let first_lookup = |rows: &[icarus::Row]| {
        let is_lookup =
            |row: &icarus::Row| row.cells.iter().any(|(p, w)| p.name == "lookup_valid" && *w == Some(vec![1]));
        rows.iter().position(|row| row.compared && is_lookup(row)).expect("a lookup")
    };
    let (_, difference) = spoil("lookup_valid", None, &first_lookup);
    assert!(difference.starts_with("DIFFERENCE: the enable accept is unknown in "), "{difference}");
    let (_, difference) = spoil("lookup_vpn", None, &first_lookup);
    let shown = difference.rsplit_once(" is ").expect("a value").1;
    assert!(shown.to_lowercase().contains('x'), "{difference}");
}
