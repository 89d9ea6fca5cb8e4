use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;

use hashwalk_sim::{Dut, Error, Model, Toolchain};

use crate::{CHECKED, build_telling, sources, toolchain, totaliser};

/// The totaliser under another name, so that a test may delete its cache entry.
fn renamed(name: &str) -> hashwalk_sim::Sources {
    let mut sources = totaliser();
    sources.files[0].text = sources.files[0].text.replace("module totaliser", &format!("module {name}"));
    sources.top = name.to_owned();
    sources
}

fn forget(sources: &hashwalk_sim::Sources) {
    let (model, _) = build_telling(sources);
    fs::remove_file(model.library()).unwrap();
}

#[test]
fn second_build_finds_the_first_in_the_cache() {
    let sources = renamed("cached_totaliser");
    forget(&sources);
    let (first, told) = build_telling(&sources);
    assert_eq!(told, ["Verilating cached_totaliser (once)"]);
    let (second, told) = build_telling(&sources);
    assert_eq!(told, [""; 0]);
    assert_eq!(first.library(), second.library());
}

#[test]
fn another_text_is_another_cache_entry() {
    let (first, _) = build_telling(&totaliser());
    let mut sources = totaliser();
    sources.files[0].text = sources.files[0].text.replace("sum + addend", "sum - addend");
    let (second, _) = build_telling(&sources);
    assert_ne!(first.library(), second.library());
}

#[test]
fn concurrent_builders_share_one_build() {
    let sources = renamed("raced_totaliser");
    forget(&sources);
    let start = Barrier::new(2);
    let race = || {
        start.wait();
        let (model, told) = build_telling(&sources);
        let mut dut = Dut::load(&model).unwrap();
        dut.cycle().unwrap();
        told.len()
    };
    let builds: usize = thread::scope(|scope| {
        let racers = [scope.spawn(race), scope.spawn(race)];
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(builds, 1);
}

#[test]
fn broken_verilog_is_told_in_the_words_of_verilator() {
    let broken = sources("broken", "module broken (input wire clock);\n  assign nothing here;\nendmodule\n", &[], &[]);
    let error = Model::build(&toolchain(), &broken, CHECKED).unwrap_err().to_string();
    assert!(error.starts_with("Verilator rejects `broken`:\n%Error: broken.v:2:"), "{error}");
}

#[test]
fn missing_tools_are_told_with_the_way_to_get_them() {
    let error = Toolchain::locate_in(&[PathBuf::from("/nonexistent/tools")], "g++").unwrap_err();
    assert_eq!(error.to_string(), "Verilator is missing (looked in /nonexistent/tools): run `make tools`");
}

#[test]
fn half_made_tools_are_not_used() {
    let tools = tempfile::tempdir().unwrap();
    let bin = tools.path().join("lib/python3.11/site-packages/verilator/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("verilator_bin"), "").unwrap();
    let error = Toolchain::locate_in(&[tools.path().to_owned()], "g++").unwrap_err();
    assert!(matches!(error, Error::VerilatorMissing { .. }), "{error}");
}

#[test]
fn missing_compiler_is_told_with_the_way_to_get_one() {
    let error = Toolchain::locate_in(&[toolchain().tools_folder()], "/nonexistent").unwrap_err().to_string();
    let want = "the C++ compiler `/nonexistent` does not run (No such file or directory (os error 2)): \
                install g++ (Debian: apt-get install g++) or set CXX";
    assert_eq!(error, want);
}

#[test]
fn damaged_cache_entry_is_told_with_the_way_out() {
    let sources = renamed("damaged_totaliser");
    forget(&sources);
    let (model, _) = build_telling(&sources);
    fs::write(model.library(), "not an object").unwrap();
    let error = Dut::load(&model).unwrap_err();
    assert!(matches!(&error, Error::Load { path, .. } if path == model.library()), "{error}");
    fs::remove_file(model.library()).unwrap();
}
