//! Invalidations among many hits, and many invalidations: docs/spec.md, section 7, and docs/timing.md, "Bounds".

mod support;

use std::collections::HashSet;

use hashwalk_spec::{Asid, Fault, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0xa_bcde_f012_3456;

fn own() -> Invalidation {
    Invalidation::AddressInAsid(Asid::truncate(1), Vpn::truncate(VPN))
}

/// Lookups in every cycle, so that one is accepted, compared and answered in each cycle of the invalidation.
#[test]
fn a_stream_of_hits_ends_by_done() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let (old, new) = (page(1, VPN, 0x40), page(1, VPN, 0x41));
        for invalidation in [Invalidation::All, Invalidation::Asid(Asid::truncate(1)), own()] {
            for replacement in [None, Some(new), Some(old.rights(W))] {
                let withdrawn = Ok(0x40);
                let expected = match replacement {
                    None => Err(Fault::NotPresent),
                    Some(new) if new.rights & R == 0 => Err(Fault::Rights),
                    Some(new) => new.at(VPN),
                };
                bench.start_over();
                bench.map(old);
                bench.walks(read(1, VPN), withdrawn);
                bench.lookup = Some(read(1, VPN));
                bench.cycle();
                bench.replace(old, replacement);
                bench.invalidate = Some(invalidation);
                let mut hits = 0;
                for cycle in 0..60 {
                    bench.lookup = Some(read(1, VPN));
                    let Some(answered) = bench.cycle().answered else { continue };
                    // Until the cycle before done hits on the old page are legal, and so that the stream is one, they are made.
                    let wanted = if cycle < done_cycle(&config) { withdrawn } else { expected };
                    assert_eq!(answered.answer, wanted, "cycle {cycle}");
                    hits += u32::from(cycle < done_cycle(&config) && answered.hit);
                }
                assert_eq!(hits, 3);
                bench.lookup = None;
                while bench.is_waiting() {
                    bench.cycle();
                }
            }
        }
    }
}

/// One in every second cycle, or third, is as fast as the port takes them. Each holds up what would be judged or answered in
/// the cycle in which it takes effect.
#[test]
fn unrelated_invalidations_without_end_delay_each_judgement_and_the_answer_once_at_most() {
    let unrelated = Invalidation::Address(Vpn::truncate(VPN ^ 1 << 51));
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.bury(page(1, VPN, 0x40), config.max_steps() - 1);
        bench.table.search_enable = 1;
        for latency in [1, 2, 7] {
            bench.memory.latency = latency;
            bench.invalidate(Invalidation::All);
            for phase in 0..between_invalidations(&config) {
                bench.invalidate(Invalidation::All);
                bench.invalidate = Some(unrelated);
                bench.run(phase);
                bench.lookup = Some(read(1, VPN));
                let (begin, mut effects) = (bench.now, HashSet::new());
                let answered = loop {
                    bench.invalidate = Some(unrelated);
                    let seen = bench.cycle();
                    effects.extend(seen.invalidate_accepted.then_some(seen.cycle + 1 - begin));
                    if let Some(answered) = seen.answered {
                        break answered;
                    }
                };
                let held_up = |from| held_up(&config, from, |cycle| effects.contains(&cycle));
                let first = held_up(request_cycle(&config) + judged_after(&config, latency));
                let probe = probe_cycles(&config, latency);
                let last_judged = (1..config.max_steps()).fold(first, |judged, _| held_up(judged + probe));
                let expected = held_up(last_judged + answer_after(&config));
                assert_eq!((answered.cycles, answered.reads), (expected, config.max_steps()));
                bench.invalidate = None;
            }
        }
    }
}

/// Each restart has an invalidation of its own as cause: once they stop, the walk ends as fast as any.
#[test]
fn a_storm_of_invalidations_holds_a_walk_no_longer_than_it_lasts() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for (latency, wait) in [(1, 0), (3, 0), (40, 0), (5, 9)] {
            (bench.memory.latency, bench.memory.wait) = (latency, wait);
            bench.start_over();
            bench.map(page(1, VPN, 0x40));
            let walk = bench.walks(read(1, VPN), Ok(0x40)).cycles;
            for storm in 2..40 {
                bench.invalidate(Invalidation::All);
                bench.lookup = Some(read(1, VPN));
                let mut answers = Vec::new();
                for cycle in 0..storm + 2 * walk + 3 {
                    bench.invalidate = (cycle <= storm).then(own);
                    answers.extend(bench.cycle().answered.map(|answered| (answered.answer, cycle)));
                }
                // The last one takes effect in `storm + 1` at the latest; a read that is out then takes less than a walk.
                assert_eq!(answers.len(), 1, "storm of {storm}");
                assert_eq!(answers[0].0, Ok(0x40));
                assert!(answers[0].1 <= storm + 2 * walk, "storm of {storm}: answered in {}", answers[0].1);
            }
        }
    }
}

/// A storm long enough to keep the same walk restarting, with a table that changes all the while.
#[test]
fn the_answer_after_a_storm_is_the_last_mapping() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        bench.memory.latency = 3;
        let mut current = page(1, VPN, 0);
        bench.map(current);
        bench.lookup = Some(read(1, VPN));
        bench.run(3);
        for pfn in 1..100 {
            let next = page(1, VPN, pfn);
            bench.replace(current, Some(next));
            current = next;
            bench.invalidate = Some(own());
            bench.run(2).iter().for_each(|seen| assert!(seen.answered.is_none(), "PFN {pfn}"));
        }
        let answered = bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap();
        assert_eq!(answered.answer, Ok(99));
        bench.hits(read(1, VPN), Ok(99));
    }
}

/// XiangShan 761: an invalidation that meets a walk must not lose its acknowledgement, whatever the memory does.
#[test]
fn done_comes_while_memory_does_not_answer_at_all() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        (bench.memory.latency, bench.memory.wait) = (300, 300);
        bench.map(page(1, VPN, 0x40));
        bench.lookup = Some(read(1, VPN));
        let mut done = 0;
        for cycle in 0..589 + done_cycle(&config) {
            if cycle % 7 == 0 && cycle < 589 {
                bench.invalidate = Some(own());
            }
            done += u32::from(bench.cycle().done);
        }
        assert_eq!(done, 589 / 7 + 1);
        assert_eq!(bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap().answer, Ok(0x40));
    }
}
