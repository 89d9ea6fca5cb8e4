//! A processor, executing a miss handler, on the MMU: every translation that it uses is judged by the golden model.

use std::path::Path;

use hashwalk::soc::{Manifest, RunOptions, RunOutcome, SocError, SocTools, run_of};
use hashwalk_spec::{Config, Format, Hash, Settings};

/// Whether the tools are there; if not, says so. In CI they must be.
fn has_tools() -> bool {
    match SocTools::locate() {
        Ok(_) => true,
        Err(error) if std::env::var_os("CI").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            false
        }
    }
}

fn manifest() -> Manifest {
    Manifest::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soc")).expect("the tests' software")
}

fn config() -> Config {
    let settings = Settings {
        name: "soc-test".into(),
        tlb_entries: 4,
        l2_entries: 0,
        format: Format::Chained,
        bus_bits: 256,
        walks: 2,
        predictor_entries: 0,
        walk_cache_entries: 0,
        hash: Hash::Fold,
        frames: 256,
        ..Settings::default()
    };
    Config::new(settings).expect("legal")
}

fn options(program: &str, software: bool) -> RunOptions {
    RunOptions {
        program: program.into(),
        software,
        handler: Some("scan".into()),
        config: Some(config()),
        memory_latency: 5,
        max_cycles: 3_000_000,
        seed: 1,
        wave: None,
    }
}

fn run(options: &RunOptions) -> Result<RunOutcome, SocError> {
    run_of(&manifest(), options, |_| {})
}

#[test]
fn program_prints_and_ends_under_hardware_walks() {
    if !has_tools() {
        return;
    }
    let outcome = run(&options("hello", false)).unwrap();
    assert_eq!((outcome.exit_code, outcome.console.as_str()), (0, "hello\n"));
    assert!(outcome.counts.walks > 4 && outcome.counts.software.misses == 0, "{:?}", outcome.counts);
}

#[test]
fn program_prints_and_ends_under_software_refill() {
    if !has_tools() {
        return;
    }
    let outcome = run(&options("hello", true)).unwrap();
    assert_eq!((outcome.exit_code, outcome.console.as_str()), (0, "hello\n"));
    let software = &outcome.counts.software;
    assert!(outcome.counts.walks == 0 && software.misses >= 5, "{:?}", outcome.counts);
    let in_phases: u64 = software.phases.iter().map(|phase| phase.cycles).sum();
    assert_eq!(in_phases, software.cycles, "every cycle has a phase");
}

#[test]
fn fetch_of_the_window_in_user_mode_is_a_fault() {
    if !has_tools() {
        return;
    }
    for software in [false, true] {
        let outcome = run(&options("fetch-window", software)).unwrap();
        assert_eq!(outcome.exit_code, 64 + 1, "{}", outcome.console);
        assert!(outcome.console.starts_with("T00000001 80000100 80000100"), "{}", outcome.console);
    }
}

#[test]
fn load_of_a_register_in_user_mode_is_a_fault() {
    if !has_tools() {
        return;
    }
    for software in [false, true] {
        let outcome = run(&options("load-register", software)).unwrap();
        assert_eq!(outcome.exit_code, 64 + 5, "{}", outcome.console);
        assert!(outcome.console.starts_with("T00000005 90000008"), "{}", outcome.console);
    }
}

#[test]
fn endless_program_is_given_up() {
    if !has_tools() {
        return;
    }
    let error = run(&RunOptions { max_cycles: 20_000, ..options("loop", false) }).unwrap_err();
    assert!(matches!(error, SocError::TooLong { cycles: 20_000, .. }), "{error}");
    assert!(error.to_string().contains("--max-cycles"), "{error}");
}
