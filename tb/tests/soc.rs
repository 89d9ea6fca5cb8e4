//! A processor, executing a miss handler, on the MMU: every translation that it uses is judged by the golden model.

use std::path::Path;

use hashwalk::machine::MachineError;
use hashwalk::soc::matrix::{MatrixOptions, measure, measured};
use hashwalk::soc::{Damage, Manifest, RunOptions, RunOutcome, SocError, SocTools, run_of};
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
        damage: None,
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

#[test]
fn wrong_refill_is_a_mismatch() {
    if !has_tools() {
        return;
    }
    let error = run(&RunOptions { handler: Some("wrong".into()), ..options("hello", true) }).unwrap_err();
    assert!(matches!(error, SocError::Machine(MachineError::Mismatch { .. })), "{error}");
}

#[test]
fn handler_that_traps_itself_is_given_up() {
    if !has_tools() {
        return;
    }
    let error = run(&RunOptions { handler: Some("broken".into()), ..options("hello", true) }).unwrap_err();
    assert!(matches!(error, SocError::TrapLoop { cause: 1, .. }), "{error}");
}

#[test]
fn core_that_sleeps_for_ever_is_given_up() {
    if !has_tools() {
        return;
    }
    let error = run(&RunOptions { handler: Some("asleep".into()), ..options("hello", true) }).unwrap_err();
    assert!(matches!(error, SocError::Stuck { .. }), "{error}");
}

/// A run of the shipped kernel with a table that was damaged.
fn run_damaged(program: &str, handler: &str, software: bool, damage: Damage) -> Result<RunOutcome, SocError> {
    let (handler, damage) = (Some(handler.into()), Some(damage));
    run_of(
        &Manifest::shipped().unwrap(),
        &RunOptions { handler, damage, config: None, ..options(program, software) },
        |_| {},
    )
}

/// What a broken entry is answered with, and its code.
const DAMAGES: [(Damage, &str, u32); 2] =
    [(Damage::Malformed, "malformed", 3), (Damage::EndlessChain, "chain_too_long", 4)];

#[test]
fn broken_entry_of_its_code_ends_a_program_with_the_kernels_message() {
    if !has_tools() {
        return;
    }
    for (damage, _, code) in DAMAGES {
        for software in [false, true] {
            let outcome = run_damaged("hello", "chained_asm", software, damage).unwrap();
            assert_eq!(outcome.exit_code, 139, "{damage:?}: {outcome:?}");
            let message =
                format!("segmentation fault: cause 0x00000001 address 0x00010000 pc 0x00010000 fault {code:#010x}");
            assert!(outcome.console.contains(&message), "{damage:?}: {}", outcome.console);
        }
    }
}

#[test]
fn broken_entry_reaches_the_program_which_goes_on() {
    if !has_tools() {
        return;
    }
    for handler in ["chained_asm", "chained", "chained_asm_exact", "chained_asm_fold"] {
        for (damage, name, code) in DAMAGES {
            for software in [false, true] {
                let outcome = run_damaged("broken_page", handler, software, damage).unwrap();
                let said = (outcome.exit_code, outcome.console.as_str());
                assert_eq!(said, (code, &*format!("broken_page: {name}\n")), "{handler}, {software}");
            }
        }
    }
}

#[test]
fn tables_of_other_formats_are_not_damaged() {
    if !has_tools() {
        return;
    }
    let error = run_damaged("hello", "tree", false, Damage::Malformed).unwrap_err();
    assert!(error.to_string().contains("--handler chained_asm"), "{error}");
}

#[test]
fn load_and_store_of_the_kernel_under_mprv_are_the_users() {
    if !has_tools() {
        return;
    }
    for software in [false, true] {
        let outcome = run(&options("mprv", software)).unwrap();
        // Its own load and store, and then a load from nowhere, which is the kernel's own trap.
        assert_eq!(outcome.exit_code, 64 + 5, "{}", outcome.console);
        assert!(outcome.console.starts_with("k\nT00000005 00400000 80000"), "{}", outcome.console);
    }
}

#[test]
fn invalidation_empties_the_refill_buffers() {
    if !has_tools() {
        return;
    }
    let misses = |handler: &str| {
        let outcome = run(&RunOptions { handler: Some(handler.into()), ..options("hello", true) }).unwrap();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.console);
        [1, 5, 7].into_iter().filter_map(|cause| outcome.counts.traps.get(&cause)).sum::<u64>()
    };
    assert_eq!(misses("dropped"), misses("scan") + 1, "the first refill is lost, and made again");
}

#[test]
fn timer_interrupts_one_process_for_the_other() {
    if !has_tools() {
        return;
    }
    for software in [false, true] {
        let run = RunOptions { config: None, handler: None, max_cycles: 20_000_000, ..options("switch", software) };
        let outcome = run_of(&Manifest::shipped().unwrap(), &run, |_| {}).unwrap();
        assert_eq!(outcome.exit_code, 0, "{}", outcome.console);
        assert!(outcome.counts.traps.get(&0x8000_0007).is_some_and(|&interrupts| interrupts > 2), "{outcome:?}");
    }
}

#[test]
fn shipped_programs_end_well_in_both_modes() {
    if !has_tools() {
        return;
    }
    let manifest = Manifest::shipped().unwrap();
    // The longest ones are left to `make refill`, which compares them, too.
    for program in
        manifest.programs.iter().filter(|program| !["sort", "matrix", "chase"].contains(&program.name.as_str()))
    {
        let ends = [false, true].map(|software| {
            let options =
                RunOptions { config: None, handler: None, max_cycles: 20_000_000, ..options(&program.name, software) };
            let outcome = run_of(&manifest, &options, |_| {});
            let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", program.name));
            outcome.result(program)
        });
        let want = if program.name == "segfault" { 139 } else { 0 };
        assert_eq!(ends[0].0, want, "{}", program.name);
        assert_eq!(ends[0], ends[1], "{} comes to other results under software refill", program.name);
    }
}

#[test]
fn shipped_handlers_serve_a_tiny_tlb() {
    if !has_tools() {
        return;
    }
    let manifest = Manifest::shipped().unwrap();
    for handler in &manifest.handlers {
        let tiny = Settings { tlb_entries: 4, bus_bits: 64, walks: 1, frames: 4096, ..config().settings().clone() };
        let tiny = Config::new(Settings { format: Format::Line, ..tiny }).unwrap();
        for program in ["misaligned", "fetch_cross", "cow"] {
            let options = RunOptions {
                handler: Some(handler.name.clone()),
                config: Some(tiny.clone()),
                ..options(program, true)
            };
            let outcome = run_of(&manifest, &options, |_| {});
            let outcome = outcome.unwrap_or_else(|error| panic!("{program} under {}: {error}", handler.name));
            assert_eq!(outcome.exit_code, 0, "{program} under {}: {}", handler.name, outcome.console);
        }
    }
}

#[test]
fn comparison_of_refills_writes_the_same_bytes_again() {
    if !has_tools() {
        return;
    }
    let options = MatrixOptions { quick: true, seed: 1, ..MatrixOptions::default() };
    let [first, second] = [(), ()].map(|()| measure(&options).unwrap());
    assert_eq!(first.files().unwrap(), second.files().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &first.files().unwrap()[0].1).unwrap();
    assert_eq!(measured(&options, file.path()).unwrap().files().unwrap(), first.files().unwrap());
    assert_eq!(first.rows.len(), 4, "two programs at two latencies");
    for row in &first.rows {
        let parts = row.trap + row.entry + row.hash + row.loads + row.refill + row.returning + row.replay;
        assert!((parts - row.cycles_a_miss).abs() < 0.01, "every cycle of a miss has a phase: {row:?}");
        assert!(row.software_cycles > row.hardware_cycles && row.cycles_a_miss > row.cycles_a_walk, "{row:?}");
    }
}
