//! A processor, executing a miss handler, on the MMU: every translation that it uses is judged by the golden model.

use std::path::Path;

use hashwalk::machine::MachineError;
use hashwalk::soc::matrix::{MatrixOptions, measure, measured};
use hashwalk::soc::{Manifest, RunOptions, RunOutcome, SocError, SocTools, run_of};
use hashwalk_model::os::Os;
use hashwalk_spec::{Config, Format, Hash, PhysAddr, Settings};

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
    run_of(&manifest(), options, |_| {}, |_| {})
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
fn run_damaged(handler: &str, software: bool, damage: impl FnOnce(&mut Os)) -> RunOutcome {
    let options = RunOptions { handler: Some(handler.into()), config: None, ..options("hello", software) };
    run_of(&Manifest::shipped().unwrap(), &options, damage, |_| {}).unwrap()
}

/// Changes the entry of the first page of code of a table of chained entries.
fn change_entry(os: &mut Os, change: impl Fn(u64, &mut [u64; 4])) {
    let context = os.walk_context();
    let base = context.layout().frame().address().get();
    for index in 0..=u64::from(context.layout().mask()) {
        let address = PhysAddr::truncate(base + 32 * index);
        let bytes = os.memory().read_entry(address).unwrap();
        let mut words: [u64; 4] =
            std::array::from_fn(|i| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().expect("eight bytes")));
        if words[0] & 1 != 0 && words[1] == 0x10 {
            change(index, &mut words);
            let mut bytes = [0; 32];
            bytes.chunks_exact_mut(8).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
            os.memory_mut().write_entry(address, &bytes).unwrap();
        }
    }
}

#[test]
fn endless_chain_ends_with_the_kernels_message() {
    if !has_tools() {
        return;
    }
    for software in [false, true] {
        let outcome = run_damaged("chained_asm", software, |os| {
            change_entry(os, |index, words| {
                // No page, and the chain goes on to itself.
                words[0] = 0;
                words[3] = 1 << 32 | index;
            });
        });
        assert_ne!(outcome.exit_code, 0, "{outcome:?}");
        assert!(outcome.console.contains("fault 0x00000004"), "{}", outcome.console);
    }
}

#[test]
fn malformed_entry_ends_with_the_kernels_message() {
    if !has_tools() {
        return;
    }
    for software in [false, true] {
        let outcome = run_damaged("chained_asm_exact", software, |os| change_entry(os, |_, words| words[0] |= 1 << 63));
        assert_ne!(outcome.exit_code, 0, "{outcome:?}");
        assert!(outcome.console.contains("fault 0x00000003"), "{}", outcome.console);
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
            let outcome = run_of(&manifest, &options, |_| {}, |_| {});
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
            let outcome = run_of(&manifest, &options, |_| {}, |_| {});
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
