//! The lines of docs/timing.md on lookups and walks, measured to the cycle on buses of 256, 128 and 64 bits. The others:
//! timing_events.rs.

mod support;

use hashwalk_spec::{Config, Fault};
use support::*;

const LATENCIES: [u64; 5] = [1, 2, 10, 40, 100];

/// Runs `test` on every configuration at every latency, with the number of beats of a read.
fn at_every_latency(test: impl Fn(Bench, u64, u64)) {
    of(&configs(), test);
}

/// The same on these.
fn of(configs: &[Config], test: impl Fn(Bench, u64, u64)) {
    for config in configs {
        for latency in LATENCIES {
            let mut bench = Bench::new(config);
            bench.memory.latency = latency;
            test(bench, latency, config.beats().into());
        }
    }
}

/// A VPN whose six homes hold nothing yet; those of huge pages need not differ.
const VPN: u64 = 0x1_2345_6789;

/// The page around [`VPN`] that search `n` finds.
fn found_by(search: u8) -> Page {
    let size = search % 3;
    let base = VPN & !(page(0, 0, 0).size(size).frames() - 1);
    let found = if search < 3 { page(1, base, 0) } else { global(base, 0) };
    Page { pfn: 0x5_c000_0000, ..found.size(size) }
}

#[test]
fn hits_of_all_sizes_and_spaces_are_answered_in_the_next_cycle_one_a_cycle() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        let pages = [page(1, 0x77, 0x88), page(2, 0x77, 0x99), found_by(1), global(0x8_0000, 0xc_0000).size(HUGE)];
        let asks = [read(1, 0x77), read(2, 0x77), read(1, VPN), read(3, 0x9_abcd)];
        let answers: Vec<Answer> = pages.iter().zip(asks).map(|(page, ask)| page.at(ask.vpn)).collect();
        for (page, ask) in pages.iter().zip(asks) {
            bench.map(*page);
            bench.ask(ask);
        }
        for n in 0..200 {
            bench.lookup = Some(asks[n % asks.len()]);
            let seen = bench.cycle();
            assert!(seen.accepted, "lookup {n}");
            let cycles = hit_cycle(&config);
            let expected = n.checked_sub(cycles as usize).map(|last| answers[last % asks.len()]);
            let expected = expected.map(|answer| Answered { answer, hit: true, cycles, reads: 0 });
            assert_eq!(seen.answered, expected, "in the cycle of lookup {n}");
        }
    }
}

#[test]
fn a_walk_whose_first_entry_matches_takes_latency_plus_3_plus_beats() {
    at_every_latency(|mut bench, latency, _| {
        bench.map(found_by(0));
        let answered = bench.walks(read(1, VPN), found_by(0).at(VPN));
        assert_eq!((answered.cycles, answered.reads), (walk_cycle(&bench.config, latency), 1), "latency {latency}");
    });
}

#[test]
fn each_further_probe_takes_latency_plus_1_plus_beats() {
    at_every_latency(|mut bench, latency, _| {
        bench.table.search_enable = 1;
        for further in 1..bench.config.max_steps().min(6) {
            bench.start_over();
            bench.bury(found_by(0), further);
            let answered = bench.walks(read(1, VPN), found_by(0).at(VPN));
            let expected =
                walk_cycle(&bench.config, latency) + u64::from(further) * probe_cycles(&bench.config, latency);
            assert_eq!((answered.cycles, answered.reads), (expected, further + 1), "latency {latency}");
        }
    });
}

#[test]
fn each_further_search_takes_latency_plus_2_plus_beats() {
    at_every_latency(|mut bench, latency, _| {
        for search in 0..6 {
            bench.start_over();
            bench.map(found_by(search));
            let answered = bench.walks(read(1, VPN), found_by(search).at(VPN));
            let expected =
                walk_cycle(&bench.config, latency) + u64::from(search) * search_cycles(&bench.config, latency);
            assert_eq!((answered.cycles, answered.reads), (expected, u32::from(search) + 1), "search {search}");
        }
    });
}

#[test]
fn searches_that_are_not_enabled_take_no_time() {
    at_every_latency(|mut bench, latency, _| {
        bench.table.search_enable = 0b10_0100;
        bench.map(found_by(5));
        let answered = bench.walks(read(1, VPN), found_by(5).at(VPN));
        assert_eq!(
            (answered.cycles, answered.reads),
            (walk_cycle(&bench.config, latency) + search_cycles(&bench.config, latency), 2)
        );
    });
}

#[test]
fn a_walk_that_finds_nothing_ends_with_its_last_probe() {
    at_every_latency(|mut bench, latency, _| {
        for searches in 1..=6 {
            bench.table.search_enable = (1 << searches) - 1;
            let answered = bench.walks(read(1, VPN), Err(Fault::NotPresent));
            let expected =
                walk_cycle(&bench.config, latency) + u64::from(searches - 1) * search_cycles(&bench.config, latency);
            assert_eq!((answered.cycles, answered.reads), (expected, searches), "{searches} searches");
        }
        let answered = bench.walks(read(0, VPN), Err(Fault::NotPresent));
        assert_eq!(answered.reads, 3, "a request under ASID 0 makes no global searches");
    });
}

#[test]
fn a_walk_that_ends_in_a_fault_takes_as_long_as_one_that_succeeds() {
    of(&chained_configs(), |mut bench, latency, _| {
        let (expected, home) = (walk_cycle(&bench.config, latency), bench.home(1, VPN));
        let [pte, vpn, asid, link] = found_by(0).words(None);
        bench.put(home, [pte, vpn, asid | 1 << 16, link]);
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).cycles, expected);
        bench.put(home, found_by(0).rights(R).words(None));
        assert_eq!(bench.walks(write(1, VPN), Err(Fault::Rights)).cycles, expected);
        bench.put(home, [0, 0, 0, 1 << 32 | u64::from(u32::MAX)]);
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).cycles, expected);
        bench.memory.errors.insert((bench.table.address(home), 0));
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::BusError)).cycles, expected);
    });
}

#[test]
fn with_no_search_enabled_the_answer_comes_three_cycles_after_the_miss() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        bench.table.search_enable = 0;
        let answered = bench.walks(read(1, VPN), Err(Fault::NotPresent));
        assert_eq!((answered.cycles, answered.reads), (hit_cycle(&config) + 2 + answer_after(&config), 0));
        bench.table.search_enable = 0b11_1000;
        let answered = bench.walks(read(0, VPN), Err(Fault::NotPresent));
        assert_eq!(
            (answered.cycles, answered.reads),
            (hit_cycle(&config) + 2 + answer_after(&config), 0),
            "ASID 0 has its own searches only"
        );
    }
}

#[test]
fn a_request_that_memory_keeps_waiting_adds_the_cycles_that_it_waits() {
    of(&chained_configs(), |mut bench, latency, _| {
        for wait in [1, 2, 3, 17, 90] {
            bench.start_over();
            bench.memory.wait = wait;
            bench.map(found_by(1));
            let answered = bench.walks(read(1, VPN), found_by(1).at(VPN));
            assert_eq!(
                answered.cycles,
                walk_cycle(&bench.config, latency) + search_cycles(&bench.config, latency) + 2 * wait,
                "wait {wait}"
            );
        }
    });
}

#[test]
fn beats_that_come_late_add_the_cycles_between_them() {
    at_every_latency(|mut bench, latency, beats| {
        bench.memory.gap = 5;
        bench.map(found_by(0));
        let answered = bench.walks(read(1, VPN), found_by(0).at(VPN));
        assert_eq!(answered.cycles, walk_cycle(&bench.config, latency) + 5 * (beats - 1));
    });
}

#[test]
fn after_a_miss_the_next_request_is_accepted_as_soon_as_it_may() {
    at_every_latency(|mut bench, latency, _| {
        bench.map(found_by(0));
        let walk = walk_cycle(&bench.config, latency);
        bench.lookup = Some(read(1, VPN));
        assert!(bench.cycle().accepted);
        // One for each other walk, one that waits until the first walk's slot is free, and one that is being looked up.
        let hit = hit_cycle(&bench.config);
        let others = u64::from(bench.config.walks()) + hit - 1;
        for cycle in 1..=walk {
            bench.lookup = bench.lookup.or(Some(read(1, VPN + cycle)));
            let seen = bench.cycle();
            assert_eq!(seen.accepted, cycle <= others, "lookup in cycle {cycle} of {walk}");
            assert_eq!(seen.answered.is_some(), cycle == walk, "answer in cycle {cycle} of {walk}");
        }
        // With two hit cycles it is known a cycle later that a walk is free, and what was being looked up goes on in
        // every second cycle.
        assert!(bench.run(1 + 2 * stage(&bench.config)).iter().any(|seen| seen.accepted));
    });
}

/// docs/timing.md, "Bounds": at most 6 x max_steps probes.
#[test]
fn the_longest_walk_makes_six_times_max_steps_probes() {
    let config = odd();
    let mut bench = Bench::new(&config);
    let probes = 6 * config.max_steps();
    // Under the fold hash the six homes of this VPN are 0x7d, 0x01, 0x01, 0x7c, 0x00 and 0x00.
    for (home, next) in [(0x7d, 0x10), (0x01, 0x11), (0x7c, 0x12), (0x00, 0x13)] {
        bench.put(home, [0, 0, 0, 1 << 32 | next]);
    }
    assert_eq!(bench.walks(read(1, 0x27c), Err(Fault::NotPresent)).reads, probes);
}
