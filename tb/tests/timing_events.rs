//! The lines of docs/timing.md on invalidation, software refill and reset, measured to the cycle. Lookups and walks:
//! timing.rs.

mod support;

use hashwalk_spec::{Asid, Fault, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0x1_2345_6789;
const PAGE: Page = page(1, VPN, 0x5_c000_0000);

fn elsewhere() -> Invalidation {
    Invalidation::AddressInAsid(Asid::truncate(9), Vpn::truncate(VPN))
}

/// Runs `test` on every configuration at every latency, with the cycles in which what is read is judged, and answered.
fn at_every_latency(test: impl Fn(Bench, u64, u64)) {
    for config in configs() {
        for latency in [1, 2, 10, 40, 100] {
            let mut bench = Bench::new(&config);
            bench.memory.latency = latency;
            let walk = walk_cycle(&config, latency);
            test(bench, request_cycle(&config) + judged_after(&config, latency), walk);
        }
    }
}

/// At every cycle of a walk: an invalidation that does not concern it delays it if it takes effect in the cycle in which what
/// was read is judged, or in that of the answer, by one cycle, and else not at all. With two hit cycles it does so for two.
#[test]
fn an_invalidation_in_the_cycle_of_the_judgement_or_of_the_answer_adds_one() {
    at_every_latency(|mut bench, judged, walk| {
        for offset in 0..=walk + 1 {
            bench.start_over();
            bench.map(PAGE);
            bench.lookup = Some(read(1, VPN));
            let mut seen = Vec::new();
            for cycle in 0..walk + 7 {
                bench.invalidate = (cycle == offset).then(elsewhere);
                seen.extend(bench.cycle().answered);
            }
            let held_up = |cycle| held_up(&bench.config, cycle, |cycle| cycle == offset + 1);
            let expected = held_up(held_up(judged) + answer_after(&bench.config));
            assert_eq!(seen.iter().map(|answered| answered.cycles).collect::<Vec<_>>(), [expected], "offset {offset}");
        }
    });
}

#[test]
fn software_is_asked_in_cycle_3_and_its_answer_is_given_two_cycles_later() {
    for config in configs() {
        let ask = ask_cycle(&config);
        for delay in [0, 1, 2, 30] {
            for (refill, expected, cycles) in [
                (Refill::Entry(PAGE), PAGE.at(VPN), refill_cycles(&config)),
                (Refill::Entry(page(1, VPN + 1, 0)), Err(Fault::Malformed), refill_cycles(&config)),
                (Refill::Fault(Fault::NotPresent), Err(Fault::NotPresent), refill_cycles(&config)),
            ] {
                let mut bench = Bench::new(&config);
                bench.software = true;
                bench.lookup = Some(read(1, VPN));
                let seen = bench.run(ask + delay);
                assert!(seen[0].accepted && seen[..ask as usize].iter().all(|seen| seen.miss.is_none()));
                assert!(seen[ask as usize..].iter().all(|seen| seen.miss == Some(read(1, VPN))));
                bench.refill = Some(refill);
                assert!(bench.cycle().refill_accepted);
                let answered = bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap();
                assert_eq!((answered.answer, answered.cycles), (expected, ask + delay + cycles));
            }
        }
    }
}

#[test]
fn invalidations_are_done_in_cycle_3_and_accepted_every_second_one() {
    fn measure(mut bench: Bench, busy: bool) {
        if busy {
            bench.memory.latency = 500;
            bench.lookup = Some(read(1, VPN));
            bench.run(10);
        }
        let (done, apart) = (done_cycle(&bench.config), between_invalidations(&bench.config));
        let kinds = [Invalidation::All, elsewhere(), Invalidation::Asid(Asid::truncate(1)), elsewhere()];
        for cycle in 0..40 {
            bench.invalidate = Some(kinds[(cycle / apart) as usize % kinds.len()]);
            let seen = bench.cycle();
            assert_eq!(seen.invalidate_accepted, cycle.is_multiple_of(apart), "cycle {cycle}");
            assert_eq!(seen.done, cycle >= done && (cycle - done).is_multiple_of(apart), "cycle {cycle}");
        }
    }
    for config in configs() {
        measure(Bench::new(&config), false);
        measure(Bench::new(&config), true);
        let mut software = Bench::new(&config);
        software.software = true;
        measure(software, true);
    }
}

#[test]
fn an_invalidation_takes_effect_in_cycle_1_so_its_page_is_answered_last_in_cycle_2() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        bench.map(PAGE);
        for (offset, hit) in [(-1, true), (0, true), (1, true), (2, false), (3, false)] {
            bench.ask(read(1, VPN));
            bench.run(4);
            let mut answers = Vec::new();
            for cycle in -2..30 {
                if cycle == 0 {
                    bench.invalidate = Some(Invalidation::All);
                }
                if cycle == offset {
                    bench.lookup = Some(read(1, VPN));
                }
                answers.extend(bench.cycle().answered);
            }
            assert_eq!(answers.iter().map(|answered| answered.hit).collect::<Vec<_>>(), [hit], "offset {offset}");
        }
    }
}

/// A read that memory had taken before the invalidation took effect is waited for and judged; what it has found is dropped,
/// and the walk is made again. So it is if the answer is dropped.
#[test]
fn a_walk_that_restarts_takes_a_whole_walk_and_two_cycles_after_it_was_judged() {
    at_every_latency(|mut bench, judged, walk| {
        let config = bench.config.clone();
        for effect in 1..=walk {
            bench.start_over();
            bench.map(PAGE);
            bench.lookup = Some(read(1, VPN));
            let mut cycles = Vec::new();
            for cycle in 0..2 * walk + 7 {
                bench.invalidate = (cycle + 1 == effect).then_some(Invalidation::All);
                cycles.extend(bench.cycle().answered.map(|answered| answered.cycles));
            }
            let given_up = match effect > judged {
                true => effect + stage(&config),
                false => held_up(&config, judged, |cycle| cycle == effect),
            };
            let is_before = effect <= request_cycle(&config);
            let expected = if is_before { walk } else { given_up + 3 + walk - hit_cycle(&config) };
            assert_eq!(cycles, [expected], "effect in {effect} of {walk}");
        }
    });
}

#[test]
fn requests_are_accepted_in_the_cycle_after_reset() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        bench.lookup = Some(read(1, VPN));
        bench.invalidate = Some(Invalidation::All);
        let seen = bench.cycle();
        assert!(seen.accepted && seen.invalidate_accepted);
    }
}
