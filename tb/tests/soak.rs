//! A long random run with the scoreboard. Short random scenarios with every kind of step: differential.rs.

mod support;

use hashwalk::machine::{Machine, MemoryTiming};
use hashwalk_model::os::Os;
use hashwalk_spec::Hash;
use support::soak;

const CYCLES: u64 = 200_000;

#[test]
fn every_answer_of_a_long_random_run_is_legal() {
    let timings = [(1, 1, 0, 0, 0), (1, 24, 30, 20, 50), (3, 9, 60, 40, 0)];
    // Where the ASID is the hash, chains are so long that little else happens.
    let configs = support::all_configs().into_iter().filter(|config| config.hash() != Hash::Asid);
    for (config, seed) in configs.zip(0..) {
        for (latency, latency_max, stall_percent, gap_percent, reorder_percent) in timings {
            let timing = MemoryTiming { latency, latency_max, stall_percent, gap_percent, reorder_percent, seed };
            let config = soak::with_small_table(&config);
            let os = Os::new(&config, timing.seed);
            let run = Machine::new(support::dut(&config), &config, os, timing)
                .and_then(|mut machine| soak::soak(&mut machine, timing.seed, CYCLES));
            let counts = run.unwrap_or_else(|error| panic!("{} with {timing:?}: {error}", config.name()));
            let soak::Counts { hits, walks, not_present, rights, invalidations, reads } = counts;
            assert!(hits > 250 && walks > 1_000 && reads > walks, "{} with {timing:?}: {counts:?}", config.name());
            assert!(
                not_present > 50 && rights > 50 && invalidations > 500,
                "{} with {timing:?}: {counts:?}",
                config.name()
            );
        }
    }
}
