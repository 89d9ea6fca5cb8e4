//! Invalidations at every cycle of a walk: nothing withdrawn is used from `invalidate_done` on, and nobody else suffers.
//! docs/spec.md, section 7. Cycle 0 is the one in which the lookup is accepted.

mod support;

use hashwalk_spec::{Asid, Fault, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0x3_4567_8000_0000;
/// Inside the same 2 MiB.
const INSIDE: u64 = VPN + 0x155;

fn own() -> [Invalidation; 4] {
    nodes::of_page(1, INSIDE)
}

/// Those that drop a global page.
fn shared() -> [Invalidation; 2] {
    [Invalidation::All, Invalidation::Address(Vpn::truncate(INSIDE))]
}

/// Of every kind that can name something else, one that does.
fn unrelated() -> [Invalidation; 4] {
    let (asid, other) = (Asid::truncate(1), Asid::truncate(2));
    let (vpn, far) = (Vpn::truncate(INSIDE), Vpn::truncate(INSIDE ^ 1 << 18));
    [
        Invalidation::Asid(other),
        Invalidation::Address(far),
        Invalidation::AddressInAsid(asid, far),
        Invalidation::AddressInAsid(other, vpn),
    ]
}

/// A fast memory, one that stalls and gives old data, one that gives new data late.
fn memories(bench: &mut Bench) -> [(u64, u64, u64, Sample); 3] {
    bench.table.search_enable = 0b10_0011;
    [(1, 0, 0, Sample::AtAcceptance), (4, 2, 1, Sample::AtAcceptance), (6, 1, 2, Sample::AtFirstBeat)]
}

fn set_memory(bench: &mut Bench, (latency, wait, gap, sample): (u64, u64, u64, Sample)) {
    let memory = &mut bench.memory;
    (memory.latency, memory.wait, memory.gap, memory.sample) = (latency, wait, gap, sample);
}

struct Race {
    old: Page,
    new: Option<Page>,
    lookup: Lookup,
    invalidation: Invalidation,
    /// The cycle before which the table changes.
    changed: i64,
    /// The cycle in which the invalidation is accepted.
    invalidated: i64,
}

impl Race {
    fn answer(&self, page: Option<Page>) -> Answer {
        let page = page.ok_or(Fault::NotPresent)?;
        let needed = [R, W, X][usize::from(self.lookup.access)];
        if page.rights & needed == 0 { Err(Fault::Rights) } else { page.at(self.lookup.vpn) }
    }

    /// Runs the race on an empty TLB and judges it; returns the answer.
    fn run(&self, bench: &mut Bench, bury: u32) -> Answered {
        bench.start_over();
        bench.bury(self.old, bury);
        let (mut answer, mut done) = (None, false);
        let mut cycle = -5;
        while answer.is_none() || !done {
            if cycle == self.changed {
                bench.replace(self.old, self.new);
            }
            if cycle == self.invalidated {
                bench.invalidate = Some(self.invalidation);
            }
            if cycle == 0 {
                bench.lookup = Some(self.lookup);
            }
            let seen = bench.cycle();
            done |= seen.done;
            answer = answer.or(seen.answered);
            cycle += 1;
            assert!(cycle < 10_000, "no answer");
        }
        let answered = answer.expect("the loop ended");
        let (old, new) = (self.answer(Some(self.old)), self.answer(self.new));
        let is_late = answered.cycles as i64 >= self.invalidated + 3;
        assert!(answered.answer == new || (!is_late && answered.answer == old), "{answered:x?}");
        // Whatever was answered, the old mapping is not in the TLB.
        let again = bench.ask(self.lookup);
        assert_eq!(again.answer, new);
        assert!(answered.answer == new || !again.hit, "the withdrawn page was refilled after {answered:x?}");
        answered
    }
}

/// rocket-chip 2534 (a fence in the cycle of a refill), XiangShan 1599 (a fence that reaches the TLB and the walker in
/// different cycles): each kind, each change of the table, at each cycle, the change some cycles before.
fn race_everywhere(old: Page, bury: u32, invalidations: &[Invalidation]) {
    let lookup = write(1, INSIDE);
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for memory in memories(&mut bench) {
            set_memory(&mut bench, memory);
            bench.start_over();
            bench.bury(old, bury);
            let walk = bench.walks(lookup, old.at(INSIDE)).cycles as i64;
            for new in [None, Some(Page { pfn: old.pfn + old.frames(), ..old }), Some(old.rights(R))] {
                for &invalidation in invalidations {
                    for invalidated in -4..walk + 4 {
                        for before in [0, 1, 3, walk] {
                            let changed = (invalidated - before).max(-4);
                            Race { old, new, lookup, invalidation, changed, invalidated }.run(&mut bench, bury);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn no_withdrawn_4k_page_is_used_after_done_wherever_the_invalidation_falls() {
    race_everywhere(page(1, INSIDE, 0x40), 0, &own());
}

#[test]
fn no_withdrawn_page_in_a_chain_is_used_after_done_wherever_the_invalidation_falls() {
    race_everywhere(page(1, INSIDE, 0x40), 1, &own());
}

/// NEMU 1175, in a walk: the invalidation names another page of the huge page than the request.
#[test]
fn no_withdrawn_2m_page_is_used_after_done_wherever_the_invalidation_falls() {
    let old = page(1, VPN, 0x4000).size(LARGE);
    let sibling = Vpn::truncate(VPN);
    let siblings = [Invalidation::Address(sibling), Invalidation::AddressInAsid(Asid::truncate(1), sibling)];
    race_everywhere(old, 0, &siblings);
}

/// XiangShan 1859, in a walk.
#[test]
fn no_withdrawn_global_1g_page_is_used_after_done_wherever_the_invalidation_falls() {
    let sibling = Invalidation::Address(Vpn::truncate(VPN + 0x3_ffff));
    race_everywhere(global(VPN, 0x8_0000).size(HUGE), 0, &[shared()[0], shared()[1], sibling]);
}

/// rocket-chip 2534, by name: D is the cycle in which the walk answers and writes the TLB.
#[test]
fn an_invalidation_accepted_about_the_cycle_of_the_refill_leaves_no_entry() {
    let old = page(1, INSIDE, 0x40);
    let new = Some(page(1, INSIDE, 0x41));
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.map(old);
        let delivery = bench.walks(read(1, INSIDE), Ok(0x40)).cycles as i64;
        for invalidation in own() {
            for (offset, answer) in [(-2, 0x41), (-1, 0x41), (0, 0x40), (1, 0x40)] {
                let at = delivery + offset;
                let race = Race { old, new, lookup: read(1, INSIDE), invalidation, changed: at, invalidated: at };
                assert_eq!(race.run(&mut bench, 0).answer, Ok(answer), "accepted at D{offset:+}");
            }
        }
    }
}

/// What is not concerned is not restarted: its reads and its cycles stay, but for one cycle, or two, if the invalidation takes
/// effect as an element is judged, or as it answers. XiangShan 4366: a kill flag for one walk hits another.
#[test]
fn an_unrelated_invalidation_never_restarts_a_walk() {
    for config in chained_configs() {
        let mut bench = Bench::new(&config);
        let old = page(1, VPN, 0x4000).size(LARGE);
        for memory in memories(&mut bench) {
            set_memory(&mut bench, memory);
            bench.start_over();
            bench.map(old);
            let walk = bench.walks(read(1, INSIDE), old.at(INSIDE));
            // Two searches, with the hash of the second between them.
            let (latency, wait, gap, _) = memory;
            let to_judgement =
                wait + latency + (u64::from(bench.config.beats()) - 1) * (1 + gap) + 1 + 2 * stage(&config);
            let first_judged = request_cycle(&config) + to_judgement;
            let between = 2 + stage(&config) + to_judgement;
            assert_eq!(walk.cycles, first_judged + between + answer_after(&config));
            for invalidation in unrelated() {
                for invalidated in -4..walk.cycles as i64 + 4 {
                    let lookup = read(1, INSIDE);
                    let race = Race { old, new: Some(old), lookup, invalidation, changed: -4, invalidated };
                    let held_up = |from| held_up(&config, from, |cycle| cycle as i64 == invalidated + 1);
                    let cycles = held_up(held_up(held_up(first_judged) + between) + answer_after(&config));
                    let expected = Answered { cycles, ..walk };
                    assert_eq!(race.run(&mut bench, 0), expected, "{invalidation:x?} at {invalidated}");
                    bench.hits(lookup, old.at(INSIDE));
                }
            }
        }
    }
}

/// cva6 1184 and 3179: the walker leaves a read before its data has come, and takes that data for another read's.
#[test]
fn a_restarted_walk_waits_for_its_read_and_does_not_use_it() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.memory.latency = 40;
        let old = page(1, INSIDE, 0x40);
        let new = page(1, INSIDE, 0x41);
        let walk = walk_cycle(&config, 40) as i64;
        let judged = walk - answer_after(&config) as i64;
        for invalidated in request_cycle(&config) as i64..judged - hit_cycle(&config) as i64 {
            let (lookup, invalidation) = (read(1, INSIDE), own()[3]);
            let race = Race { old, new: Some(new), lookup, invalidation, changed: invalidated, invalidated };
            let answered = race.run(&mut bench, 0);
            // The second walk is chosen, and then begins with the hash.
            let cycles = (judged + 3 + walk) as u64 - hit_cycle(&config);
            let expected = Answered { answer: Ok(0x41), hit: false, cycles, reads: 2 };
            assert_eq!(answered, expected, "at {invalidated}");
        }
    }
}

/// A read that fails has found nothing that an invalidation could have named: it ends the walk all the same.
#[test]
fn an_error_in_a_read_that_an_invalidation_met_ends_the_walk() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.memory.latency = 10;
        let index = bench.map(page(1, INSIDE, 0x40));
        let address = bench.table.address(index);
        for beat in 0..config.beats() as usize {
            bench.invalidate(Invalidation::All);
            bench.memory.errors.insert((address, beat));
            bench.lookup = Some(read(1, INSIDE));
            bench.until("read", |seen| seen.read.is_some());
            bench.invalidate = Some(own()[3]);
            let answered = bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap();
            assert_eq!((answered.answer, answered.reads), (Err(Fault::BusError), 1));
            bench.memory.errors.clear();
            bench.walks(read(1, INSIDE), Ok(0x40));
        }
    }
}

/// openc910 65: the fault of an aborted walk is taken for another's. Here a huge page that one walk has found answers another
/// request too, whose own read then fails while a third walks.
#[test]
fn an_error_in_a_read_that_counts_for_nothing_is_not_answered() {
    for config in configs_and_l2().into_iter().filter(|config| config.walks() > 1) {
        for beat in 0..config.beats() as usize {
            let mut bench = Bench::new(&config);
            (bench.memory.latency, bench.table.search_enable) = (10, 0b10);
            let shared = page(1, VPN, 0x4000).size(LARGE);
            let index = bench.map(shared);
            let third = page(1, VPN ^ 1 << 33, 0x8000).size(LARGE);
            assert_ne!(bench.map(third), index);
            let mut lookups = [VPN, INSIDE, third.vpn].map(|vpn| read(1, vpn)).into_iter();
            let (mut reads, mut answers, mut left) = (0, Vec::new(), 3);
            while left > 0 {
                bench.lookup = bench.lookup.or_else(|| lookups.next());
                let seen = bench.cycle();
                reads += u32::from(seen.read.is_some());
                answers.extend(seen.answered.map(|answered| (answered.answer, answered.reads)));
                left -= u32::from(seen.answered.is_some());
                if left < 3 {
                    bench.memory.errors.clear();
                }
                // The first read has come, to its last beat.
                if left == 3 && bench.memory.taken() == config.beats() {
                    bench.memory.errors.insert((bench.table.address(index), beat));
                }
            }
            assert_eq!(reads, 3);
            assert_eq!(answers, [(shared.at(VPN), 1), (shared.at(INSIDE), 1), (Ok(0x8000), 1)]);
        }
    }
}

/// XiangShan 4366 once more: after a walk that was restarted at any cycle, the next one is as any other.
#[test]
fn a_restart_leaves_nothing_behind_for_the_next_walk() {
    for config in chained_configs() {
        let mut bench = Bench::new(&config);
        let (old, other) = (page(1, INSIDE, 0x40), page(1, INSIDE + 1, 0x50));
        bench.map(old);
        bench.map(other);
        let walk = bench.walks(read(1, INSIDE + 1), Ok(0x50));
        for invalidated in 0..walk.cycles {
            bench.invalidate(Invalidation::All);
            bench.lookup = Some(read(1, INSIDE));
            for cycle in 0..=walk.cycles {
                bench.invalidate = (cycle == invalidated).then_some(own()[2]);
                bench.cycle();
            }
            while bench.is_waiting() {
                bench.cycle();
            }
            assert_eq!(bench.ask(read(1, INSIDE + 1)), walk, "after an invalidation in cycle {invalidated}");
            bench.hits(read(1, INSIDE + 1), Ok(0x50));
            bench.hits(read(1, INSIDE), Ok(0x40));
        }
    }
}
