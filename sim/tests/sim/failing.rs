use hashwalk_sim::{Dut, Error, Options, Result};

use crate::{CHECKED, build, handshake, load, stops, totaliser};

#[test]
fn failed_check_is_an_error_with_its_name_and_cycle() {
    let mut dut = load(handshake());
    let start = dut.input("start").unwrap();
    dut.reset(3).unwrap();
    dut.set(start, 1);
    dut.cycle().unwrap();
    let error = dut.cycle().and_then(|()| dut.finish()).unwrap_err();
    let want = "check `no_second_start` failed in cycle 4, in handshake: \
                handshake: no_second_start (handshake.rs:7) [handshake.v:19]";
    assert_eq!(error.to_string(), want);
    assert_eq!(dut.cycle().unwrap_err().to_string(), want, "a failed instance stays failed");
    assert_eq!(dut.settle().unwrap_err().to_string(), want);
}

#[test]
fn failed_check_is_told_once_its_cycle_is_over() {
    let fails = |options, then: fn(&mut Dut) -> Result<()>| {
        let mut dut = Dut::load(&build(handshake(), options)).unwrap();
        dut.reset(1).unwrap();
        dut.set(dut.input("start").unwrap(), 1);
        dut.cycle().unwrap();
        let error = dut.cycle().and_then(|()| then(&mut dut)).unwrap_err();
        assert!(matches!(&error, Error::Failed(failure) if failure.cycle == 2), "{error}");
    };
    for options in [CHECKED, Options { trace: true, checks: true }] {
        fails(options, Dut::settle);
        fails(options, Dut::tick);
        fails(options, Dut::cycle);
        fails(options, Dut::finish);
    }
}

#[test]
fn finished_run_can_go_on() {
    let mut dut = load(totaliser());
    let (enable, addend) = (dut.input("enable").unwrap(), dut.input("addend").unwrap());
    let total = dut.output("total").unwrap();
    dut.finish().unwrap();
    dut.reset(1).unwrap();
    dut.set(enable, 1);
    dut.set_wide(addend, &[5, 0]);
    dut.cycle().unwrap();
    dut.finish().unwrap();
    dut.finish().unwrap();
    assert_eq!(dut.get_wide(total)[0], 0, "outputs are those of the last settling");
    dut.set_wide(addend, &[7, 0]);
    dut.cycle().unwrap();
    assert_eq!(dut.get_wide(total)[0], 5);
    dut.settle().unwrap();
    dut.finish().unwrap();
    assert_eq!((dut.get_wide(total)[0], dut.cycles()), (12, 3));
}

#[test]
fn failure_of_one_instance_leaves_others_running() {
    let model = build(handshake(), CHECKED);
    let (mut first, mut second) = (Dut::load(&model).unwrap(), Dut::load(&model).unwrap());
    for dut in [&mut first, &mut second] {
        dut.reset(1).unwrap();
    }
    first.set(first.input("start").unwrap(), 1);
    first.cycle().unwrap();
    first.cycle().and_then(|()| first.finish()).unwrap_err();
    drop(first);
    second.cycle().unwrap();
}

#[test]
fn checks_are_off_unless_asked_for() {
    let mut dut = Dut::load(&build(handshake(), Options::default())).unwrap();
    dut.reset(1).unwrap();
    dut.set(dut.input("start").unwrap(), 1);
    dut.cycle().unwrap();
    dut.cycle().unwrap();
    dut.finish().unwrap();
}

#[test]
fn every_way_to_stop_is_an_error() {
    let model = build(stops(), CHECKED);
    let stop = |how| {
        let mut dut = Dut::load(&model).unwrap();
        dut.cycle().unwrap();
        dut.set(dut.input("how").unwrap(), how);
        dut.cycle().and_then(|()| dut.finish()).unwrap_err().to_string()
    };
    assert_eq!(stop(1), "the design stopped in cycle 1: $stop [stops.v:8]");
    assert_eq!(stop(2), "the design stopped in cycle 1: $finish [stops.v:9]");
    assert_eq!(stop(3), "the design stopped in cycle 1, in stops: fatal words [stops.v:10]");
    assert_eq!(stop(4), "the design stopped in cycle 1, in stops: error words [stops.v:11]");
    assert_eq!(stop(5), "check `never_five` failed in cycle 1, in stops: 'assert' failed. [stops.v:16]");
}

#[test]
fn wrong_port_name_lists_those_there_are() {
    let dut = load(handshake());
    let error = dut.input("strat").unwrap_err().to_string();
    assert_eq!(error, "`handshake` has no input `strat`; it has reset, start, finish");
    let error = dut.output("start").unwrap_err().to_string();
    assert_eq!(error, "`handshake` has no output `start`; it has busy");
}

#[test]
fn waiting_in_vain_says_for_what_and_shows_the_ports() {
    let mut dut = load(handshake());
    let busy = dut.output("busy").unwrap();
    dut.reset(2).unwrap();
    let error = dut.run_until(5, "busy to rise", |dut| dut.get(busy) == 1).unwrap_err();
    assert!(matches!(error, Error::NoProgress { cycle: 7, waited: 5, .. }));
    let want = "no progress: still waiting for busy to rise after 5 cycles, in cycle 7\n  \
                reset = 0x0\n  start = 0x0\n  finish = 0x0\n  busy = 0x0\n";
    assert_eq!(error.to_string(), want);
}

#[test]
#[should_panic(expected = "0x2 does not fit a port of 1 bits")]
fn value_that_does_not_fit_is_refused() {
    let mut dut = load(handshake());
    dut.set(dut.input("start").unwrap(), 2);
}

#[test]
#[should_panic(expected = "a port of 100 bits is read with get_wide")]
fn wide_port_is_not_cut_off() {
    let dut = load(totaliser());
    dut.get(dut.output("total").unwrap());
}
