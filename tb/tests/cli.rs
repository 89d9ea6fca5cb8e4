//! The command line as a user meets it: what it prints, what it writes, and how it refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn hashwalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashwalk"));
    command.current_dir(workspace());
    command
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The command must fail with exit code 2 and say why in one line that holds all of `words`.
fn refuses(command: &mut Command, words: &[&str]) {
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{command:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{command:?}: no {word:?} in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

fn json(command: &mut Command) -> Value {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = stdout(&output);
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A file with this text in a folder of its own.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn every_verb_has_help() {
    for verb in ["run", "record", "check", "replay", "emit", "bench", "explore"] {
        let output = run(hashwalk().args([verb, "--help"]));
        assert!(output.status.success() && stdout(&output).contains("Usage: hashwalk"), "{verb}");
        let all = run(hashwalk().arg("--help"));
        assert!(stdout(&all).contains(verb), "{verb}");
    }
}

#[test]
fn a_trace_that_is_missing_or_broken_is_refused() {
    refuses(hashwalk().args(["run", "--trace", "/nonexistent/trace"]), &["/nonexistent/trace", "No such file"]);
    let (_folder, broken) = file("I  04001000,3\nnonsense\n");
    refuses(hashwalk().args(["run", "--trace"]).arg(&broken), &["line 2", "nonsense"]);
    let (_folder, empty) = file("");
    refuses(hashwalk().args(["run", "--trace"]).arg(&empty), &["is empty"]);
}

#[test]
fn every_format_is_emitted() {
    for format in hashwalk_spec::Format::ALL {
        let (folder, config) = file(&format!("name = 'mine'\nformat = '{format}'\nbus_bits = 256"));
        let out = folder.path().join("out");
        let output = run(hashwalk().args(["emit", "--output"]).arg(&out).arg("--config").arg(&config));
        assert!(output.status.success() && out.join("hashwalk_mmu.v").is_file(), "{format}");
    }
}

#[test]
fn what_no_processor_can_have_is_refused_around_one() {
    for (settings, why) in [
        ("marks = 'update'", "marks = update"),
        ("hit_cycles = 2", "hit_cycles = 2"),
        ("frames = 1048576", "frames = 1048576 is not for the processor, whose memory ends at 2 GiB: use up to 524288"),
    ] {
        let (_folder, config) = file(&format!("name = 'mine'\n{settings}"));
        refuses(hashwalk().args(["emit", "--top", "soc", "-o", "/tmp/unused", "--config"]).arg(config), &[why]);
    }
}

#[test]
fn a_program_larger_than_memory_is_refused() {
    let (_folder, config) = file("name = 'cramped'\ntlb_entries = 4\nbus_bits = 64\nmax_steps = 16\nframes = 128");
    let trace = workspace().join("tb/traces/bzip2.zst");
    refuses(hashwalk().args(["run", "--json", "--config"]).arg(config).arg("--trace").arg(trace), &["frame"]);
}

#[test]
fn an_illegal_configuration_names_the_field() {
    let (_folder, range) = file("tlb_entries = 100");
    refuses(
        hashwalk().args(["emit", "-o", "/tmp/unused", "--config"]).arg(range),
        &["tlb_entries = 100", "from 4 to 64"],
    );
    let (_folder, unknown) = file("\nentries = 100");
    refuses(hashwalk().args(["bench", "hit", "--config"]).arg(unknown), &["line 2", "unknown field", "tlb_entries"]);
    refuses(hashwalk().args(["check", "--config", "huge"]), &["huge", "tiny, default, large"]);
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    for args in [["run", "--memory-latency", "0"], ["run", "--limit", "0"], ["check", "--cases", "0"]] {
        let output = run(hashwalk().args(args));
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(args[1]));
    }
}

#[test]
fn missing_tools_are_named_with_the_remedy() {
    let cache = TempDir::new().unwrap();
    let bench = || {
        let mut command = hashwalk();
        command.args(["bench", "hit"]).env("HASHWALK_CACHE", cache.path());
        command
    };
    refuses(bench().env("HASHWALK_TOOLS", "/nonexistent"), &["Verilator", "make tools"]);
    refuses(bench().env("CXX", "/nonexistent/g++"), &["/nonexistent/g++", "install g++"]);
    let left: Vec<_> =
        walk(cache.path()).into_iter().filter(|path| path.extension().is_some_and(|e| e == "so")).collect();
    assert!(left.is_empty(), "{left:?}");
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("trace.zst");
    refuses(
        hashwalk().arg("record").arg("-o").arg(&output).args(["--", "true"]).env("PATH", "/nonexistent"),
        &["valgrind", "apt-get install valgrind"],
    );
    assert!(walk(folder.path()).is_empty());
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let (_folder, path) = file("in the way");
    refuses(hashwalk().args(["emit", "-o"]).arg(path.join("below")), &["cannot make the folder"]);
}

#[test]
fn the_json_of_a_run_is_one_object_with_both_modes() {
    let report =
        json(hashwalk().args(["run", "--json", "--config", "tiny", "--limit", "20000", "--memory-latency", "7"]));
    assert_eq!(report["references"], 20_000);
    assert_eq!(report["config"], "tiny");
    assert_eq!(report["memory_latency"], 7);
    assert!(report["trace"].as_str().unwrap().ends_with(".zst"));
    let runs = report["runs"].as_array().unwrap();
    let modes: Vec<&str> = runs.iter().map(|run| run["refill"].as_str().unwrap()).collect();
    assert_eq!(modes, ["hardware", "software"]);
    for run in runs {
        let count = |field: &str| run[field].as_u64().unwrap_or_else(|| panic!("no {field} in {run}"));
        assert_eq!(count("mismatches"), 0);
        let (hits, misses) = (run["tlb"]["hits"].as_u64().unwrap(), run["tlb"]["misses"].as_u64().unwrap());
        assert_eq!(count("translations"), hits + misses);
        assert_eq!(count("walks"), misses);
        assert!(count("page_faults") > 0 && count("cycles") > count("translations"));
        assert!(run["memory_reads_per_walk"].as_f64().unwrap() >= 1.0);
        assert!(run["references_per_second"].as_f64().unwrap() > 0.0);
        let cycles = &run["walk_cycles"];
        let of = |field: &str| cycles[field].as_f64().unwrap();
        assert!(of("min") >= 7.0 && of("min") <= of("p50") && of("p50") <= of("p99") && of("p99") <= of("max"));
        assert!(of("mean") >= of("min") && of("mean") <= of("max"));
    }
}

#[test]
fn a_run_is_the_same_twice() {
    let once = || {
        let args = ["run", "--json", "--config", "tiny", "--limit", "5000", "--refill", "hardware"];
        let mut report = json(hashwalk().args(args));
        report["runs"][0].as_object_mut().unwrap().remove("references_per_second");
        report
    };
    assert_eq!(once(), once());
}

#[test]
fn the_bench_prints_one_object_a_latency() {
    let figures = json(hashwalk().args(["bench", "walk", "--json", "--config", "tiny", "--memory-latency", "10"]));
    // The tiny port has 64 bits, so an entry comes in four beats: docs/timing.md.
    assert_eq!(figures["memory_latency"], 10);
    assert_eq!(figures["first_probe_cycles"], 10 + 3 + 4);
    assert_eq!(figures["second_probe_cycles"], 10 + 3 + 4 + 10 + 1 + 4);
    assert_eq!(figures["hit_cycles"], 1);
    assert_eq!(figures["hits_per_cycle"], 1.0);
    assert_eq!(figures["hits_per_cycle_under_a_walk"], 1.0);
    // It makes one walk at a time.
    assert_eq!((&figures["misses"], &figures["misses_cycles"]), (&1.into(), &figures["first_probe_cycles"]));
}

#[test]
fn the_formats_are_measured_side_by_side() {
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("loads");
    let loads: String = (0..40).map(|page| format!(" L {:x},8\n", 0x10_0000 + 0x5000 * page)).collect();
    std::fs::write(&trace, loads).unwrap();
    let output = run(hashwalk()
        .args(["bench", "formats", "--json", "--config", "tiny", "--memory-latency", "7", "--trace"])
        .arg(&trace));
    let lines: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let formats: Vec<&str> = lines.iter().map(|figures| figures["format"].as_str().unwrap()).collect();
    assert_eq!(formats, ["line", "chained", "cuckoo", "inverted", "tree", "radix", "radix"]);
    for figures in &lines {
        // Each page is walked for when it is missing, and once more when it is there.
        assert_eq!(figures["walks"], 80, "{figures}");
        assert!(figures["walk_cycles"]["min"].as_u64().unwrap() >= 7 + 4, "{figures}");
    }
    assert_eq!(lines[2]["reads_per_walk"], 3.0, "all ways are read");
}

#[test]
fn two_emits_are_identical_and_lint_without_a_warning() {
    let root = workspace().join(".tools/lib");
    let verilator = walk(&root).into_iter().find(|path| path.ends_with("verilator/bin/verilator_bin"));
    let verilator = verilator.expect("Verilator is in .tools: run `make tools`");
    for preset in ["tiny", "default", "large"] {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        for folder in &folders {
            let output = run(hashwalk().args(["emit", "--config", preset, "-o"]).arg(folder.path()));
            assert!(output.status.success());
        }
        let texts = folders.each_ref().map(|folder| {
            let mut files = walk(folder.path());
            files.sort();
            files
                .iter()
                .map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap()))
                .collect::<Vec<_>>()
        });
        assert_eq!(texts[0], texts[1], "{preset}");
        let lint = run(Command::new(&verilator)
            .args(["--lint-only", "-Wall", "-f", "files.f"])
            .env("VERILATOR_ROOT", verilator.ancestors().nth(2).unwrap())
            .current_dir(folders[0].path()));
        let said = String::from_utf8_lossy(&lint.stderr).into_owned();
        assert!(lint.status.success() && !said.contains("Warning"), "{preset}: {said}");
    }
}

#[test]
fn a_wave_is_written_on_request() {
    let folder = TempDir::new().unwrap();
    let wave = folder.path().join("run.fst");
    let args = ["run", "--json", "--config", "tiny", "--limit", "200", "--refill", "hardware", "--wave"];
    json(hashwalk().args(args).arg(&wave));
    assert!(std::fs::metadata(&wave).unwrap().len() > 1000);
    refuses(hashwalk().args(["run", "--wave", "/tmp/unused.fst"]), &["--wave", "--refill hardware"]);
}

#[test]
fn a_scenario_file_is_replayed_and_a_broken_one_is_refused() {
    let scenario = r#"{
        "config": {"name": "tiny", "tlb_entries": 4, "bus_bits": 64, "max_steps": 16, "frames": 128},
        "seed": 1, "search_enable": 63,
        "memory": {"latency": 3, "latency_max": 5, "stall_percent": 10, "gap_percent": 10, "seed": 2},
        "steps": [
            {"wait": 0, "action": {"map": {"asid": 1, "vpn": 5, "size": "4K", "pfn": 9, "rights": 15, "global": false}}},
            {"wait": 0, "action": {"access": {"asid": 1, "vpn": 5, "access": "read", "user": true}}},
            {"wait": 3, "action": {"invalidate": {"address_in_asid": [1, 5]}}},
            {"wait": 90, "action": {"access": {"asid": 1, "vpn": 5, "access": "write", "user": true}}}
        ]}"#;
    let (_folder, path) = file(scenario);
    let output = run(hashwalk().arg("replay").arg(&path));
    assert!(output.status.success() && stdout(&output).contains("0 mismatches"), "{}", stdout(&output));
    let (_folder, broken) = file("{\"seed\": 1}");
    refuses(hashwalk().arg("replay").arg(broken), &["no scenario"]);
    refuses(hashwalk().args(["replay", "/nonexistent.json"]), &["/nonexistent.json"]);
}

#[test]
fn check_prints_the_coverage_of_the_formats_that_it_checked() {
    let said = |coverage: &[&str]| {
        let output = run(hashwalk().args(["check", "--config", "tiny", "--cases", "3", "--seed", "1"]).args(coverage));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let covered = said(&["--coverage"]);
    assert!(covered.contains("138 legal bins") && covered.contains("empty: chained, walk, "), "{covered}");
    assert!(!covered.contains("empty: line"), "{covered}");
    assert!(!said(&[]).contains("legal bins"));
}
