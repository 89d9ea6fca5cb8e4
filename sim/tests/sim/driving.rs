use std::thread;

use hashwalk_sim::{Dut, Options};

use crate::{CHECKED, build, handshake, load, parity, totaliser};

#[test]
fn outputs_of_a_cycle_are_those_before_its_edge() {
    let mut dut = load(totaliser());
    let (enable, addend) = (dut.input("enable").unwrap(), dut.input("addend").unwrap());
    let (total, next_low) = (dut.output("total").unwrap(), dut.output("next__low").unwrap());
    dut.reset(2).unwrap();
    dut.set(enable, 1);
    dut.set_wide(addend, &[0x8000_0000_0000_0003, 0x8_0000_0001]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        dut.cycle().unwrap();
        seen.push((dut.get_wide(total).to_vec(), dut.get(next_low)));
    }
    // 0x8_0000_0001_8000_0000_0000_0003, once and twice, modulo 2^100.
    let want = [([0, 0], 3), ([0x8000_0000_0000_0003, 0x8_0000_0001], 6), ([6, 0x3], 9)];
    assert_eq!(seen, want.map(|(words, low)| (words.to_vec(), low)));
    assert_eq!(dut.cycles(), 5);
}

#[test]
fn settling_shows_what_inputs_do_within_the_cycle() {
    let mut dut = load(totaliser());
    let (enable, addend) = (dut.input("enable").unwrap(), dut.input("addend").unwrap());
    let (total, next_low) = (dut.output("total").unwrap(), dut.output("next__low").unwrap());
    dut.reset(1).unwrap();
    dut.set_wide(addend, &[7, 0]);
    dut.settle().unwrap();
    assert_eq!(dut.get(next_low), 0);
    dut.set(enable, 1);
    dut.settle().unwrap();
    assert_eq!((dut.get(next_low), dut.get_wide(total)[0]), (7, 0));
    dut.tick().unwrap();
    assert_eq!(dut.get_wide(total)[0], 0, "the edge is seen when the next cycle settles");
    dut.settle().unwrap();
    assert_eq!((dut.get(next_low), dut.get_wide(total)[0]), (14, 7));
    dut.tick().unwrap();
    dut.tick().unwrap();
    dut.settle().unwrap();
    assert_eq!(dut.get_wide(total)[0], 21, "a tick without a settle settles first");
    assert_eq!(dut.cycles(), 4);
}

/// The numbers of a run with inputs from a fixed sequence: what is seen at each look within a cycle, and at its end.
fn run(dut: &mut Dut) -> Vec<(Vec<u64>, [u64; 3])> {
    let (enable, addend) = (dut.input("enable").unwrap(), dut.input("addend").unwrap());
    let (total, next_low) = (dut.output("total").unwrap(), dut.output("next__low").unwrap());
    dut.reset(1).unwrap();
    let mut state = 1_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        dut.set(enable, state >> 63);
        dut.set_wide(addend, &[state, state >> 29]);
        let mut looks = Vec::new();
        for look in 0..state >> 40 & 3 {
            dut.settle().unwrap();
            looks.push(dut.get(next_low));
            if state >> (44 + look) & 1 == 1 {
                dut.set_wide(addend, &[state >> 7, state >> (29 + look)]);
            }
        }
        if state >> 50 & 7 == 0 {
            dut.tick().unwrap();
            dut.finish().unwrap();
        } else {
            dut.cycle().unwrap();
        }
        let wide = dut.get_wide(total);
        (looks, [wide[0], wide[1], dut.get(next_low)])
    };
    (0..200).map(step).collect()
}

#[test]
fn shortcuts_and_whole_evaluations_agree() {
    // A traced model goes through Verilator's own eval() with its inputs as they are, an untraced one holds its inputs, puts
    // edges off and goes through the phases.
    let mut traced = Dut::load(&build(totaliser(), Options { trace: true, checks: true })).unwrap();
    let plain = run(&mut load(totaliser()));
    assert_eq!(plain, run(&mut traced));
    assert_ne!(plain[199].1, [0; 3]);
}

#[test]
fn seed_shows_only_before_the_reset() {
    let model = build(totaliser(), CHECKED);
    let before_reset = |seed| {
        let mut dut = Dut::load_seeded(&model, seed).unwrap();
        dut.settle().unwrap();
        dut.get_wide(dut.output("total").unwrap()).to_vec()
    };
    assert_ne!(before_reset(1), before_reset(2));
    assert_eq!(before_reset(1), before_reset(1));
    let runs = [1, 2].map(|seed| run(&mut Dut::load_seeded(&model, seed).unwrap()));
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn instances_are_independent_and_move_between_threads() {
    let alone = run(&mut load(totaliser()));
    let model = build(totaliser(), CHECKED);
    let mut other_design = load(handshake());
    let first = Dut::load(&model).unwrap();
    let second = Dut::load(&model).unwrap();
    let runs = [first, second].map(|mut dut| thread::spawn(move || run(&mut dut))).map(|run| run.join().unwrap());
    other_design.reset(1).unwrap();
    assert_eq!(runs, [alone.clone(), alone]);
}

#[test]
fn design_without_clock_settles() {
    let mut dut = load(parity());
    let (value, odd) = (dut.input("value").unwrap(), dut.output("odd").unwrap());
    for (words, want) in [([1, 0], 1), ([1, 1], 0), ([0b111, 1], 0), ([0, 1], 1)] {
        dut.set_wide(value, &words);
        dut.settle().unwrap();
        assert_eq!(dut.get(odd), want);
    }
}

#[test]
fn waiting_returns_the_cycles_it_took() {
    let mut dut = load(handshake());
    let (start, busy) = (dut.input("start").unwrap(), dut.output("busy").unwrap());
    dut.reset(1).unwrap();
    dut.set(start, 1);
    dut.cycle().unwrap();
    dut.set(start, 0);
    assert_eq!(dut.run_until(10, "busy", |dut| dut.get(busy) == 1).unwrap(), 1);
}
