use std::path::Path;

use hashwalk_sim::{Dut, Error, Options};

use crate::{build, handshake, load, totaliser};

const TRACED: Options = Options { trace: true, checks: true };

/// The values of a signal of the top module as (time in ns, value in binary).
fn values(path: &Path, signal: &str) -> Vec<(u64, String)> {
    let mut wave = wellen::simple::read(path).unwrap();
    let (top, name) = signal.split_once('.').unwrap();
    let var = wave.hierarchy().lookup_var(&["TOP", top], name).or_else(|| wave.hierarchy().lookup_var(&[top], name));
    let signal = wave.hierarchy()[var.unwrap()].signal_ref();
    wave.load_signals(&[signal]);
    let times = wave.time_table().to_vec();
    let changes = wave.get_signal(signal).unwrap().iter_changes();
    changes.map(|(at, value)| (times[at as usize], value.to_bit_string().unwrap())).collect()
}

fn number(value: &(u64, String)) -> (u64, u128) {
    (value.0, u128::from_str_radix(&value.1, 2).unwrap())
}

#[test]
fn wave_holds_what_the_bench_saw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("total.fst");
    let mut dut = Dut::load(&build(totaliser(), TRACED)).unwrap();
    dut.reset(1).unwrap();
    dut.set(dut.input("enable").unwrap(), 1);
    dut.set_wide(dut.input("addend").unwrap(), &[1, 1]);
    dut.open_wave(&path).unwrap();
    for _ in 0..3 {
        dut.cycle().unwrap();
    }
    dut.close_wave().unwrap();
    dut.cycle().unwrap(); // not recorded
    let step = (1 << 64) + 1;
    let totals: Vec<_> = values(&path, "totaliser.total").iter().map(number).collect();
    assert_eq!(totals, [(10, 0), (15, step), (25, 2 * step), (35, 3 * step)]);
    let clocks: Vec<_> = values(&path, "totaliser.clock").iter().map(number).collect();
    assert_eq!(clocks, [(10, 0), (15, 1), (20, 0), (25, 1), (30, 0), (35, 1)]);
}

#[test]
fn wave_is_complete_after_a_failure_and_a_second_one_can_follow() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["first.fst", "second.fst"].map(|name| folder.path().join(name));
    let mut dut = Dut::load(&build(handshake(), TRACED)).unwrap();
    dut.open_wave(&paths[0]).unwrap();
    dut.reset(1).unwrap();
    dut.open_wave(&paths[1]).unwrap();
    dut.set(dut.input("start").unwrap(), 1);
    dut.cycle().unwrap();
    assert!(matches!(dut.cycle(), Err(Error::Failed(_))));
    drop(dut);
    assert_eq!(values(&paths[0], "handshake.reset").iter().map(number).collect::<Vec<_>>(), [(0, 1)]);
    assert_eq!(values(&paths[1], "handshake.busy").iter().map(number).collect::<Vec<_>>(), [(10, 0), (15, 1)]);
}

#[test]
fn model_without_waves_says_so_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.fst");
    let error = load(totaliser()).open_wave(&path).unwrap_err().to_string();
    assert_eq!(error, format!("cannot write the wave {}: the design was built without waves", path.display()));
    assert!(!path.exists());
}

#[test]
fn unwritable_wave_says_why() {
    let mut dut = Dut::load(&build(totaliser(), TRACED)).unwrap();
    let error = dut.open_wave("/nonexistent/wave.fst").unwrap_err().to_string();
    assert_eq!(error, "cannot create /nonexistent/wave.fst: No such file or directory (os error 2)");
}
