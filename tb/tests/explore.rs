//! The studies, with short sweeps: each runs, its CSV parses, and what it says of the field holds in its figures.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use hashwalk::explore::{ALL, STUDIES};
use tempfile::TempDir;

/// One row of a CSV file, by column.
type Row = HashMap<String, String>;

/// All studies, run once for all tests.
static ALL_STUDIES: LazyLock<(TempDir, Output)> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let output = explore(&["all", "--quick"], folder.path());
    (folder, output)
});

fn explore(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashwalk"));
    command.arg("explore").args(arguments).arg("--output").arg(folder).output().expect("the binary runs")
}

fn file(name: &str) -> PathBuf {
    ALL_STUDIES.0.path().join(name)
}

fn rows(name: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(file(name)).unwrap();
    let rows: Vec<Row> = reader.deserialize().map(Result::unwrap).collect();
    assert!(!rows.is_empty(), "{name}");
    rows
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

#[test]
fn every_study_prints_a_finding_and_writes_its_files() {
    let (folder, output) = &*ALL_STUDIES;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "no bar without a terminal");
    let page = std::fs::read_to_string(file("index.html")).unwrap();
    for study in STUDIES {
        assert_eq!(said.lines().filter(|line| line.starts_with(&format!("{}: ", study.name))).count(), 1, "{said}");
        assert!(page.contains(&format!("<section id=\"{}\">", study.name)), "{}", study.name);
        let names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(study.name))
            .collect();
        for ending in [".csv", ".svg"] {
            assert!(names.iter().any(|name| name.ends_with(ending)), "{}: {names:?}", study.name);
        }
        names.iter().filter(|name| name.ends_with(".csv")).for_each(|name| _ = rows(name));
    }
    for outside in ["src=", "href=\"http", "url(", "@import", "NaN"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn two_runs_write_the_same_bytes_and_another_seed_others() {
    let again = TempDir::new().unwrap();
    for study in ["hash", "sizing", "demand-paging", "cow", "asid"] {
        assert!(explore(&[study, "--quick"], again.path()).status.success());
    }
    for entry in std::fs::read_dir(again.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let bytes = std::fs::read(again.path().join(&name)).unwrap();
        assert!(bytes == std::fs::read(file(&name)).unwrap(), "{name}");
    }
    assert!(explore(&["hash", "--quick", "--seed", "2"], again.path()).status.success());
    let other = std::fs::read(again.path().join("hash-spread.csv")).unwrap();
    assert!(other != std::fs::read(file("hash-spread.csv")).unwrap());
}

#[test]
fn line_table_of_two_lines_a_page_reads_one_line() {
    let of_programs = rows("organisations.csv");
    for trace in ["gzip", "join", "bzip2"] {
        let row =
            |name: &str| of_programs.iter().find(|row| row["trace"] == trace && row["organisation"] == name).unwrap();
        let line = row("line");
        let (by_miss, by_page) = (number(line, "miss_reads_mean"), number(line, "page_reads_mean"));
        assert!(by_miss <= 1.05 && by_page <= 1.05, "{trace}: {by_miss} {by_page}");
        assert_eq!(number(row("radix"), "miss_reads_mean"), 4.0);
        assert_eq!(number(row("cuckoo, 3 ways"), "miss_reads_max"), 3.0);
        // Every organisation holds the same mappings.
        let all = of_programs.iter().filter(|row| row["trace"] == trace);
        assert!(all.clone().count() == 12 && all.clone().all(|row| row["mappings"] == line["mappings"]), "{trace}");
    }
    // And on average over boots, not in one by luck.
    for row in rows("organisations-lines.csv").iter().filter(|row| number(row, "lines_a_page") == 2.0) {
        let (by_miss, by_page) = (number(row, "miss_reads_mean"), number(row, "page_reads_mean"));
        assert!(by_miss <= 1.05 && by_page <= 1.05, "{row:?}");
    }
}

#[test]
fn random_pages_read_what_theory_says() {
    for row in rows("organisations-load.csv").iter().filter(|row| !row["theory"].is_empty()) {
        let (measured, theory) = (number(row, "reads_mean"), number(row, "theory"));
        assert!((measured / theory - 1.0).abs() < 0.06, "{row:?}");
    }
    for row in rows("sizing-measured.csv") {
        let (hit, predicted) = (number(&row, "hit_measured"), number(&row, "hit_predicted"));
        assert!((hit / predicted - 1.0).abs() < 0.04, "{row:?}");
    }
}

#[test]
fn keyed_hash_stays_flat_under_attack_where_the_others_degrade() {
    for row in rows("hash-attack.csv") {
        let (pages, most) = (number(&row, "pages"), number(&row, "reads_max"));
        match row["hash"].as_str() {
            // Whoever knows the key but for a bit is no attacker that the hash is made for.
            "keyed" if row["attack"] == "key but one bit" => {}
            "keyed" => assert!(most <= 10.0, "{row:?}"),
            _ => assert_eq!(most, pages, "{row:?}"),
        }
    }
    // Sixteen processes in neighbouring chains: at least the mean of one chain each.
    for row in rows("hash-collapse.csv").iter().filter(|row| row["hash"] == "asid") {
        assert!(number(row, "reads_mean") >= (number(row, "pages_a_process") + 1.0) / 2.0, "{row:?}");
    }
    for row in rows("hash-spread.csv").iter().filter(|row| row["hash"] == "keyed") {
        assert!((number(row, "share") - number(row, "poisson")).abs() < 0.03, "{row:?}");
    }
}

#[test]
fn tables_of_processes_win_below_the_crossing_and_lose_above() {
    let crossings = rows("break-even-crossings.csv");
    let crossing = |pages: &str| {
        let row = crossings.iter().find(|row| row["pages_each"] == pages && row["table"] == "internal").unwrap();
        assert_eq!(row["processes_measured"], row["processes_formula"], "{row:?}");
        number(row, "processes_formula")
    };
    // 24 frames for the inverted table of 4096, less one for the directory; tables of two frames halve it.
    assert_eq!((crossing("8"), crossing("97")), (23.0, 12.0));
    for row in rows("break-even.csv") {
        for (measured, formula) in [("inverted_bytes", "inverted_formula"), ("internal_bytes", "internal_formula")] {
            assert_eq!(row[measured], row[formula], "{row:?}");
        }
        let (own, inverted) = (number(&row, "internal_bytes"), number(&row, "inverted_bytes"));
        assert_eq!(own < inverted, number(&row, "processes") < crossing(&row["pages_each"]), "{row:?}");
    }
}

#[test]
fn huge_pages_take_the_seeds_numbers_of_entries() {
    let rows = rows("huge-pages.csv");
    let entries: Vec<&str> = rows.iter().map(|row| row["entries"].as_str()).collect();
    assert_eq!(entries, ["131072", "256", "1"]);
    let [small, large] = [&rows[0], &rows[1]];
    assert_eq!((number(small, "load"), number(large, "load")), (0.5, 256.0 / 262_144.0));
    assert!(number(small, "reads_mean") > 1.29 && number(large, "reads_mean") == 1.0);
    assert!(number(small, "hot_miss_rate") > 0.99 && number(large, "hot_miss_rate") < 0.001);
}

#[test]
fn a_program_runs_in_a_tenth_of_its_memory_and_reads_back_every_byte() {
    let whole = &rows("demand-paging-whole.csv")[0];
    let (program, memory) = (number(whole, "program_mb"), number(whole, "memory_mb"));
    assert_eq!((program / memory, number(whole, "bytes_verified")), (10.0, program * 1_048_576.0));
    // Each page is stored to once: out once at most, and back once.
    let (pages, frames) = (program * 256.0, memory * 256.0);
    for column in ["pages_read", "pages_written"] {
        let moved = number(whole, column);
        assert!((pages - frames..=pages).contains(&moved), "{column}: {moved}");
    }
    let rows = rows("demand-paging.csv");
    for row in &rows {
        let (memory, faults) = (number(row, "memory_percent"), number(row, "faults_per_1000"));
        match row["pattern"].as_str() {
            _ if memory >= 100.0 => assert_eq!((faults, number(row, "waiting_cycles")), (0.0, 0.0), "{row:?}"),
            // The clock throws out what comes next.
            "sweep" => assert_eq!(faults, 1000.0, "{row:?}"),
            // As likely as the page is not in memory.
            "random" => assert!((faults - 10.0 * (100.0 - memory)).abs() < 30.0, "{row:?}"),
            "local" if memory >= 20.0 => assert!(faults < 250.0, "{row:?}"),
            _ => {}
        }
        // Whoever came in from the swap device and was not stored to leaves without a write.
        let left = number(row, "pages_written") + number(row, "clean_drops");
        assert!((left - number(row, "faults")).abs() <= number(row, "frames"), "{row:?}");
    }
}

#[test]
fn a_child_copies_what_it_stores_to_and_the_parent_the_rest() {
    for row in rows("cow.csv") {
        let (resident, stored) = (number(&row, "resident_pages"), number(&row, "stored_pages"));
        assert_eq!(row["fork_frames"], "0", "{row:?}");
        for column in ["child_faults", "child_copies", "child_frames", "parent_kept"] {
            assert_eq!(number(&row, column), stored, "{column}: {row:?}");
        }
        assert_eq!(number(&row, "child_copied_bytes"), 4096.0 * stored);
        let of_parent = (number(&row, "parent_faults"), number(&row, "parent_copies"));
        assert_eq!(of_parent, (resident, resident - stored), "{row:?}");
    }
    // Trap, lock, copy (a frame, its bytes), update, shootdown (rounds, invalidations, dropped, acknowledged), release.
    let counts: Vec<f64> = rows("cow-steps.csv").iter().map(|row| number(row, "count")).collect();
    assert_eq!(counts, [1.0, 1.0, 1.0, 4096.0, 1.0, 1.0, 1.0, 3.0, 4.0, 1.0]);
    let rounds = rows("cow-cpus.csv");
    assert_eq!(rounds.len(), 16);
    for row in rounds {
        assert_eq!(row["acknowledgements_a_copy"].parse(), Ok(number(&row, "cpus")), "{row:?}");
        assert_eq!(row["shootdowns"], row["copies"], "{row:?}");
    }
    for row in rows("cow-threads.csv") {
        let words = 512.0 * number(&row, "processes") * number(&row, "pages") * number(&row, "rounds");
        assert_eq!(number(&row, "words_compared"), words, "{row:?}");
    }
}

#[test]
fn tagged_entries_survive_switches_and_few_asids_take_few_flushes() {
    for row in rows("asid.csv") {
        let (pages, misses) = (number(&row, "pages_each"), number(&row, "misses_a_switch"));
        if row["tagging"] == "ASID" {
            assert!(row["fits_tlb"] == "false" || misses == 0.0, "{row:?}");
        } else if row["pages"].ends_with("loop") && number(&row, "quantum") >= pages {
            assert!(misses >= pages.min(32.0), "{row:?}");
        }
    }
    for row in rows("asid-lives.csv") {
        let (lives, asids) = (number(&row, "lives"), number(&row, "asids"));
        assert_eq!(number(&row, "flushes"), ((lives - 1.0) / asids).floor(), "{row:?}");
        assert_eq!(number(&row, "loads_verified"), 8.0 * lives);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_one_line() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for target in [file.clone(), file.join("below")] {
        let output = explore(&["break-even"], &target);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.lines().count() == 1 && said.contains(&target.display().to_string()), "{said}");
        assert!(output.stdout.is_empty(), "it stops before it works");
    }
}

#[test]
fn a_study_that_is_not_there_is_refused_with_those_that_are() {
    let folder = TempDir::new().unwrap();
    let output = explore(&["numerology"], folder.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    for name in STUDIES.iter().map(|study| study.name).chain([ALL]) {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_trace_that_is_missing_is_one_line() {
    let folder = TempDir::new().unwrap();
    let output = explore(&["organisations", "--trace", "/nonexistent/trace"], folder.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.lines().count() == 1 && said.contains("/nonexistent/trace"), "{said}");
}
