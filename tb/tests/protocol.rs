//! The ports under reset, waiting and noise: docs/spec.md, section 9, and docs/timing.md, "Bounds".

mod support;

use fastrand::Rng;
use hashwalk_sim::Dut;
use hashwalk_spec::{Asid, Config, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0x2_2222_2222_2222;

/// Resets for one cycle, or until memory has answered what it had accepted.
fn reset(bench: &mut Bench) {
    bench.reset = true;
    bench.cycle();
    while bench.memory.is_busy() {
        bench.cycle();
    }
    bench.reset = false;
    (bench.lookup, bench.invalidate, bench.refill) = (None, None, None);
}

/// cva6 1184: the walker is flushed while its read is out. In every cycle of a walk, of an invalidation and of a miss in
/// software's hands: nothing is answered, done or read afterwards, and the TLB is empty.
#[test]
fn reset_in_any_cycle_leaves_nothing_behind() {
    for config in configs() {
        for software in [false, true] {
            for after in 0..40 {
                let mut bench = Bench::new(&config);
                (bench.memory.latency, bench.memory.wait) = (5, 1);
                bench.bury(page(1, VPN, 0x40), 1);
                bench.map(page(2, VPN, 0x50));
                bench.walks(read(2, VPN), Ok(0x50));
                bench.software = software;
                bench.lookup = Some(read(1, VPN));
                for cycle in 0..after {
                    // Once concerned, so that some resets meet a walk that waits to be restarted.
                    if cycle % 11 == 6 {
                        bench.invalidate = Some(Invalidation::Asid(Asid::truncate(1)));
                    }
                    bench.refill = (cycle == 30).then_some(Refill::Entry(page(1, VPN, 0x40)));
                    bench.cycle();
                }
                reset(&mut bench);
                bench.software = false;
                for seen in bench.run(20) {
                    assert!(seen.idle && seen.lookup_ready && seen.invalidate_ready, "{seen:?}");
                    assert!(seen.answered.is_none() && !seen.done && seen.read.is_none() && seen.miss.is_none());
                }
                bench.walks(read(1, VPN), Ok(0x40));
                bench.walks(read(2, VPN), Ok(0x50));
            }
        }
    }
}

/// The monitor sees that the request stays, with its address, and that it is not withdrawn by an invalidation either.
#[test]
fn a_read_request_waits_as_long_as_memory_wants() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.bury(page(1, VPN, 0x40), 1);
        for wait in (0..30).chain([1_000]) {
            bench.memory.wait = wait;
            for invalidation in [None, Some(Invalidation::All)] {
                bench.invalidate(Invalidation::All);
                bench.lookup = Some(read(1, VPN));
                bench.run(3 + wait / 2);
                bench.invalidate = invalidation;
                if let Some(answered) = bench.cycle().answered {
                    assert_eq!(answered.answer, Ok(0x40));
                    continue;
                }
                let answered = bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap();
                assert_eq!(answered.answer, Ok(0x40), "wait {wait}");
            }
        }
    }
}

/// A request that is not accepted may wait for any time; it is accepted once.
#[test]
fn a_lookup_that_waits_for_a_walk_is_accepted_and_answered_once() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        bench.memory.latency = 20;
        (0..4).for_each(|n| assert!(bench.map(page(1, VPN + n, n)) < 128));
        let (mut next, mut answers) = (0, Vec::new());
        for _ in 0..400 {
            if bench.lookup.is_none() && next < 8 {
                bench.lookup = Some(read(1, VPN + next % 4));
                next += 1;
            }
            answers.extend(bench.cycle().answers().map(|answered| answered.answer.expect("it is mapped")));
        }
        answers.sort_unstable();
        assert_eq!(answers, [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}

/// Everything that the ports say in a random run: table changes, invalidations, modes, resets.
fn transcript(config: &Config, dut: Dut, seed: u64) -> Vec<Seen> {
    let mut bench = Bench::with_dut(config, dut);
    let mut rng = Rng::with_seed(seed);
    bench.memory.wait = 1;
    let pages: Vec<Page> = (0..6).map(|n| page(1 + n as u16 % 2, VPN + n / 2, n)).collect();
    for page in &pages {
        bench.map(*page);
    }
    let mut seen = Vec::new();
    for _ in 0..10_000 {
        let page = *rng.choice(&pages).expect("pages");
        if bench.lookup.is_none() {
            bench.lookup = (rng.u8(..) < 100).then_some(read(page.asid, page.vpn));
        }
        if bench.invalidate.is_none() && rng.u8(..) < 2 {
            let (asid, vpn) = (Asid::truncate(page.asid), Vpn::truncate(page.vpn));
            bench.invalidate = Some(match rng.u8(0..4) {
                0 => Invalidation::All,
                1 => Invalidation::Asid(asid),
                2 => Invalidation::Address(vpn),
                _ => Invalidation::AddressInAsid(asid, vpn),
            });
        }
        let now = bench.cycle();
        if let Some(Lookup { asid, vpn, .. }) = now.miss.filter(|_| bench.refill.is_none() && !now.refill_accepted) {
            let found = pages.iter().find(|page| (page.asid, page.vpn) == (asid, vpn));
            bench.refill = Some(Refill::Entry(*found.expect("only these are asked for")));
        }
        seen.push(now);
        bench.software ^= rng.u8(..) == 0;
        if rng.u16(0..500) == 0 {
            reset(&mut bench);
        }
    }
    seen
}

/// Registers hold anything until reset (Verilator draws them from a seed), and after it nothing of that is seen.
#[test]
fn what_registers_held_before_reset_is_never_seen() {
    for config in configs_and_l2() {
        let model = dut(&config).model().clone();
        let expected = transcript(&config, Dut::load(&model).expect("the device is loaded"), 7);
        assert!(expected.iter().filter(|seen| seen.answered.is_some_and(|answered| answered.hit)).count() > 100);
        assert!(expected.iter().filter(|seen| seen.read.is_some()).count() > 100);
        for seed in [1, 2, 3, 0xdead_beef] {
            let got = transcript(&config, Dut::load_seeded(&model, seed).expect("the device is loaded"), 7);
            assert!(got == expected, "seed {seed}");
        }
    }
}
