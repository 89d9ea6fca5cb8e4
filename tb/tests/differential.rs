//! Random scenarios with a fixed seed, and scenarios that once were judged wrongly.

use std::path::Path;

use hashwalk::check::{CheckOptions, CheckOutcome, check, default_configs, replay};
use hashwalk::device::Device;
use hashwalk::machine::{Level, Phase};
use hashwalk::scenario::{Bin, Checked, Coverage, legal};

/// What must have happened for the run to mean anything.
const SEEN: [&str; 17] = [
    "hits",
    "walks",
    "translations",
    "not present",
    "rights",
    "malformed",
    "chain too long",
    "bus error",
    "invalidate all",
    "invalidate asid",
    "invalidate address",
    "invalidate address in asid",
    "map",
    "unmap",
    "protect",
    "corrupt",
    "poison",
];

#[test]
fn random_scenarios_agree_with_the_golden_model_and_show_every_answer() {
    let replay = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failing-scenario.json");
    let options = CheckOptions { cases: 3600, seed: 1, replay };
    let build = |config| Device::build(&config, false).expect("the hardware is built");
    let devices: Vec<Device> = default_configs().into_iter().map(build).collect();
    match check(&devices, &options, true).expect("a failing scenario can be written") {
        CheckOutcome::Failed { reason, replay, steps } => {
            panic!("{reason}\n{steps} steps; replay with: hashwalk replay {}", replay.display())
        }
        CheckOutcome::Passed(tally) => {
            for what in SEEN {
                let count = tally.times.get(what).copied().unwrap_or_default();
                assert!(count >= 5, "{what}: {count} times in {tally:?}");
            }
            check_coverage(&tally.coverage);
        }
    }
}

/// So few scenarios leave some bins of coverage empty, but every kind of answer has come about in some format, and at each
/// level every kind of invalidation has met one. What each format has seen: `hashwalk check --coverage`.
fn check_coverage(coverage: &Coverage) {
    let checked = Checked::of(&default_configs());
    let times = |of: &dyn Fn(&Bin) -> bool| -> u64 { legal(&checked).filter(of).map(|bin| coverage.times(&bin)).sum() };
    for bin in legal(&checked) {
        let Bin { level, torn, outcome, size, phase, .. } = bin;
        let level_of = |other: &Bin| (other.level, other.torn) == (level, torn);
        let same_answer = |other: &Bin| level_of(other) && (other.outcome, other.size) == (outcome, size);
        let same_phase = |other: &Bin| level_of(other) && other.phase == phase;
        // Few of the machines have a second level, which answers within a few cycles, and few have sequence numbers.
        let least = if level == Level::L2 || torn { 1 } else { 5 };
        assert!(times(&same_answer) >= least, "{bin}, in whatever phase: {} times", times(&same_answer));
        if level == Level::L2 && phase != Phase::Undisturbed {
            continue;
        }
        // A request whose own answer was dropped, or whose element was judged then, and that shares another's, is rare too.
        if level == Level::Shared && matches!(phase, Phase::Check | Phase::Delivery) {
            continue;
        }
        // Software asks anew, or hands over, in few of the cycles behind a torn entry.
        if torn && level == Level::Software && matches!(phase, Phase::NothingRead | Phase::Delivery) {
            continue;
        }
        assert!(times(&same_phase) >= least, "{bin}, whatever the answer: {} times", times(&same_phase));
    }
    let (torn, whole): (Vec<_>, Vec<_>) = coverage.empty(&checked).into_iter().partition(|bin| bin.torn);
    let of_l2 = whole.iter().filter(|bin| bin.level == Level::L2).count();
    let (empty, of_torn) = (whole.len() - of_l2, torn.len());
    assert!(empty < 130 && of_l2 < 220, "{empty} bins are empty, and {of_l2} of the second level");
    assert!(of_torn < 50, "{of_torn} bins behind torn entries are empty");
}

/// Each file was made by `hashwalk check`, and its name says which legal answer the scoreboard had refused.
#[test]
fn replays_of_legal_answers_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replays");
    let files: Vec<_> = folder.read_dir().expect("the folder").map(|file| file.expect("a file").path()).collect();
    assert!(files.len() >= 4);
    for file in files {
        replay(&file, None).unwrap_or_else(|error| panic!("{}: {error:#}", file.display()));
    }
}
