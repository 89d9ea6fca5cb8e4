//! Several requests at a time: their walks side by side, hits under them, walks that are shared, and what an invalidation
//! makes of each (docs/spec.md, sections 7 and 9, docs/timing.md).

mod support;

use hashwalk::machine::{Answered, Drive, Machine, MemoryTiming};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{
    Access, Asid, Config, Fault, Invalidation, LateSource, PageSize, Pfn, Request, Rights, Search, Vpn,
};
use support::*;

const VPN: u64 = 0x1_2345_6000;
/// A page that hits.
const HOT: Page = page(7, 0x77, 0x88);

/// Those that make several walks at a time.
fn several() -> impl Iterator<Item = Config> {
    configs().into_iter().filter(|config| config.walks() > 1)
}

/// These, and those with a second level of the TLB.
fn several_and_l2() -> impl Iterator<Item = Config> {
    configs_and_l2().into_iter().filter(|config| config.walks() > 1)
}

/// A bench whose walks make one search, for this page size, in memory that takes this long.
fn bench(config: &Config, size: u8, latency: u64) -> Bench {
    let mut bench = Bench::new(config);
    bench.table.search_enable = 1 << size;
    bench.memory.latency = latency;
    bench
}

/// Asks for these one after the other from the next cycle on, and goes on until all are answered. Returns what was seen.
#[track_caller]
fn ask_all(bench: &mut Bench, lookups: &[Lookup]) -> Vec<Seen> {
    ask_all_and(bench, lookups, |_, _| {})
}

/// The same; `meanwhile` may do something before each cycle, counted from 0.
#[track_caller]
fn ask_all_and(bench: &mut Bench, lookups: &[Lookup], mut meanwhile: impl FnMut(&mut Bench, u64)) -> Vec<Seen> {
    let (mut left, mut seen) = (lookups.iter(), Vec::new());
    let begin = bench.now;
    loop {
        if bench.lookup.is_none() {
            bench.lookup = left.next().copied();
        }
        if bench.lookup.is_none() && !bench.is_waiting() {
            return seen;
        }
        let cycle = bench.now - begin;
        meanwhile(bench, cycle);
        seen.push(bench.cycle());
        assert!(cycle < 10_000, "not all are answered");
    }
}

/// The late answers in their order, with their cycles from the first of `seen` on.
fn lates(seen: &[Seen]) -> Vec<(u64, Named)> {
    seen.iter().filter_map(|now| Some((now.cycle - seen[0].cycle, now.late?))).collect()
}

fn reads(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| seen.read.is_some()).count()
}

/// The late answer to the n-th request.
#[track_caller]
fn answer_to(seen: &[Seen], n: usize) -> Named {
    let id = seen.iter().filter_map(|seen| seen.id).nth(n).expect("it was accepted");
    seen.iter().filter_map(|seen| seen.late).find(|late| late.id == id).expect("it was answered late")
}

/// Pages that are found by the first probe of their walks.
fn far_pages(bench: &mut Bench, count: u64) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut homes = Vec::new();
    for vpn in (0..).map(|n| VPN + 3 * n) {
        let home = bench.home(1, vpn);
        if !homes.contains(&home) {
            homes.push(home);
            pages.push(page(1, vpn, 0x100 + vpn % 0x1000));
            bench.map(pages[pages.len() - 1]);
        }
        if pages.len() as u64 == count {
            return pages;
        }
    }
    unreachable!("there are other homes");
}

fn ask(page: &Page) -> Lookup {
    read(page.asid, page.vpn)
}

/// Lines of one beat, with pages that are found by the first probe.
fn lines(timing: MemoryTiming) -> (Machine, Vec<Request>) {
    let config = named("line");
    assert_eq!((config.bus_bits(), config.walks(), config.l2_sets()), (512, 4, 0));
    let mut os = Os::new(&config, 1);
    os.set_search_enable(Search::ENABLE_SMALL_ONLY);
    let request = |n: u64| Request {
        asid: Asid::truncate(1),
        vpn: Vpn::truncate(0x5000 + 0x100 * n),
        access: Access::Read,
        user: true,
    };
    let requests: Vec<Request> = (0..32).map(request).collect();
    let (table, ram) = os.table_mut();
    for (n, request) in (0..).zip(&requests) {
        let page = Mapping::new(request.asid, request.vpn, PageSize::Small, Pfn::truncate(n), Rights::ALL);
        table.insert(ram, page).expect("there is room");
    }
    (Machine::new(dut(&config), &config, os, timing).expect("a machine"), requests)
}

/// Asks in every cycle in which the port is free; returns the answers with their cycles, and the most that waited.
fn run(machine: &mut Machine, requests: &[Request]) -> (Vec<(u64, Answered)>, u32) {
    let (begin, mut answers, mut most) = (machine.now(), Vec::new(), 0);
    let mut left = requests.iter();
    let mut lookup = left.next().copied();
    while lookup.is_some() || machine.is_waiting() {
        let now = machine.now() - begin;
        let events = machine.cycle(Drive { lookup, invalidate: None }).expect("the hardware keeps the contract");
        if events.lookup_accepted {
            lookup = left.next().copied();
        }
        answers.extend(events.into_answers().map(|answered| (now, answered)));
        most = most.max(machine.waiting());
    }
    (answers, most)
}

#[test]
fn four_misses_one_a_cycle_are_answered_from_latency_plus_4_on_in_every_second_cycle() {
    for latency in [1, 2, 10, 40, 100] {
        let (mut machine, requests) = lines(MemoryTiming::fixed(latency));
        let (answers, _) = run(&mut machine, &requests[..4]);
        let cycles: Vec<u64> = answers.iter().map(|(cycle, _)| *cycle).collect();
        assert_eq!(cycles, [0, 1, 2, 3].map(|n| u64::from(latency) + 4 + n * 2), "latency {latency}");
        assert!(answers.iter().all(|(_, answered)| answered.reads == 1 && answered.level == 0 && !answered.shared));
    }
}

#[test]
fn memory_may_answer_the_walks_in_any_order() {
    let mut reordered = 0;
    for seed in 0..20 {
        let timing = MemoryTiming { latency_max: 60, reorder_percent: 100, seed, ..MemoryTiming::fixed(5) };
        let (mut machine, requests) = lines(timing);
        let (answers, _) = run(&mut machine, &requests);
        assert_eq!(answers.len(), requests.len());
        let order: Vec<Vpn> = answers.iter().map(|(_, answered)| answered.request.vpn).collect();
        reordered += u32::from(!order.is_sorted());
    }
    assert!(reordered > 10, "{reordered} of 20 runs are answered in another order");
}

#[test]
fn every_id_is_used_and_comes_back_with_its_answer() {
    let (mut machine, requests) = lines(MemoryTiming::fixed(3));
    let (answers, _) = run(&mut machine, &requests);
    let used = answers.iter().fold(0u16, |used, (_, answered)| used | 1 << answered.id);
    assert_eq!((answers.len(), used), (requests.len(), u16::MAX));
}

#[test]
fn a_processor_has_no_more_requests_out_than_it_may_and_hits_follow_each_other_in_every_cycle() {
    for in_flight in [1, 2, 3] {
        let (mut machine, requests) = lines(MemoryTiming::fixed(20));
        machine.set_in_flight(in_flight);
        let (answers, most) = run(&mut machine, &requests[..8]);
        assert_eq!(answers.len(), 8);
        assert!(most <= in_flight, "{most} of {in_flight}");
        let begin = machine.now();
        let (answers, _) = run(&mut machine, &requests[..8]);
        assert!(answers.iter().all(|(_, answered)| answered.level == 1));
        assert_eq!(machine.now() - begin, 8 + 1);
    }
}

#[test]
fn the_machine_finds_that_an_in_order_processor_waits_for_each_miss() {
    let latency = 20;
    let (mut machine, requests) = lines(MemoryTiming::fixed(latency));
    machine.set_in_flight(1);
    let (answers, _) = run(&mut machine, &requests[..4]);
    for pair in answers.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= u64::from(latency) + 4, "{answers:?}");
    }
}

#[test]
fn hits_are_answered_in_every_cycle_while_all_walks_are_under_way() {
    for config in configs_and_l2() {
        let walks = u64::from(config.walks());
        let mut bench = bench(&config, SMALL, 60);
        bench.map(HOT);
        let pages = far_pages(&mut bench, walks);
        bench.walks(ask(&HOT), Ok(HOT.pfn));
        let mut lookups: Vec<Lookup> = pages.iter().map(ask).collect();
        lookups.extend([ask(&HOT); 40]);
        let seen = ask_all(&mut bench, &lookups);
        for (n, now) in (0..).zip(&seen[..lookups.len()]) {
            assert!(now.accepted, "lookup {n}");
            let is_hit = n >= walks + hit_cycle(&config);
            assert_eq!(now.hit.map(|hit| hit.answered.answer), is_hit.then_some(Ok(HOT.pfn)), "cycle {n}");
        }
        assert_eq!(lates(&seen).len() as u64, walks);
        for (n, page) in pages.iter().enumerate() {
            assert_eq!(answer_to(&seen, n).answered.answer, Ok(page.pfn));
        }
    }
}

/// Neither a page that hits nor one that denies every access, which no request brings into the TLB, keeps other answers
/// waiting, however often it is asked for: each walk's answer is on its way in time.
#[test]
fn a_page_that_is_asked_for_in_every_cycle_delays_nobody_elses_answer() {
    for config in several_and_l2() {
        for (rights, answer) in [(ALL_RIGHTS, Ok(0x40)), (R, Err(Fault::Rights))] {
            for latency in [8, 9, 20] {
                let mut bench = bench(&config, SMALL, latency);
                let pages = far_pages(&mut bench, 2);
                let asked_again = page(1, pages[0].vpn, 0x40).rights(rights);
                bench.replace(pages[0], Some(asked_again));
                let write = write(1, asked_again.vpn);
                let mut lookups = vec![write, ask(&pages[1])];
                lookups.extend([write; 200]);
                let seen = ask_all(&mut bench, &lookups);
                let other = answer_to(&seen, 1).answered;
                assert_eq!(other.answer, Ok(pages[1].pfn));
                // At most all that wait for the page are answered before.
                let alone = walk_cycle(&config, latency);
                assert!(
                    other.cycles <= alone + between_shared(&config) * (u64::from(config.walks()) + 3),
                    "{} cycles",
                    other.cycles
                );
                let again: Vec<Named> = seen.iter().flat_map(|seen| seen.hit.into_iter().chain(seen.late)).collect();
                assert_eq!(again.iter().filter(|named| named.answered.answer == answer).count(), 201);
            }
        }
    }
}

#[test]
fn lookups_are_taken_until_one_waits_for_a_walk() {
    for config in configs_and_l2() {
        let walks = config.walks() as usize;
        let mut bench = bench(&config, SMALL, 60);
        let pages = far_pages(&mut bench, walks as u64 + 4);
        let seen = ask_all(&mut bench, &pages.iter().map(ask).collect::<Vec<_>>());
        let first = seen.iter().position(|now| now.late.is_some()).expect("an answer");
        let before = seen[..first].iter().filter(|now| now.accepted).count();
        assert!(seen[..=walks].iter().all(|now| now.accepted), "one for each walk, and one more");
        assert!((walks + 1..=walks + 2).contains(&before), "{before} before the first answer");
        assert_eq!(lates(&seen).len(), pages.len());
    }
}

#[test]
fn requests_for_one_page_make_one_read() {
    for config in several_and_l2() {
        for latency in [1, 5, 40] {
            let mut bench = bench(&config, SMALL, latency);
            let shared = page(1, VPN, 0x40);
            bench.map(shared);
            let lookups = [read(1, VPN), write(1, VPN).by_user(), fetch(1, VPN)];
            let seen = ask_all(&mut bench, &lookups);
            assert_eq!(reads(&seen), 1, "latency {latency}");
            let answers = lates(&seen);
            let first = walk_cycle(&config, latency);
            for (n, (cycle, named)) in (0..).zip(&answers) {
                let source = if n == 0 { LateSource::Walk } else { LateSource::Shared };
                assert_eq!((*cycle, named.source), (first + n * between_shared(&config), Some(source)));
                assert_eq!(named.answered.answer, Ok(0x40));
            }
            assert_eq!(answers.len(), lookups.len());
        }
    }
}

/// Whenever a page is asked for once more: with its answer, or two turns later if it was looked up just before that; from the
/// cycle of the answer on it hits.
#[test]
fn a_page_that_is_asked_for_again_is_walked_for_once() {
    for config in several() {
        let mut bench = bench(&config, SMALL, 6);
        let held = page(1, VPN, 0x40);
        bench.map(held);
        let (hit, answer) = (hit_cycle(&config), walk_cycle(&config, 6));
        for again in 1..answer + 4 {
            bench.invalidate(Invalidation::All);
            let mut answers = Vec::new();
            for cycle in 0..3 * answer {
                bench.lookup = (cycle == 0 || cycle == again).then_some(read(1, VPN));
                let seen = bench.cycle();
                let source = |named: Named| (cycle, named.source, named.answered.answer);
                answers.extend(seen.hit.into_iter().chain(seen.late).map(source));
            }
            let second = match again + hit {
                looked_up if looked_up < answer => (answer + between_shared(&config), Some(LateSource::Shared)),
                looked_up if looked_up < answer + hit => {
                    (answer + 2 * between_shared(&config), Some(LateSource::Shared))
                }
                looked_up => (looked_up, None),
            };
            let expected = [(answer, Some(LateSource::Walk)), second].map(|(cycle, source)| (cycle, source, Ok(0x40)));
            assert_eq!(answers, expected, "again in cycle {again} of {answer}");
        }
    }
}

#[test]
fn a_huge_page_that_is_found_answers_all_its_pages() {
    for config in several() {
        for size in [LARGE, HUGE] {
            let mut bench = bench(&config, size, 30);
            let held = page(1, 0x8_0000, 0xc_0000).size(size);
            bench.map(held);
            let vpns = [0x3, 0x155, 0x1ff, 0].map(|n| held.vpn + n);
            let seen = ask_all(&mut bench, &vpns.map(|vpn| read(1, vpn)));
            let answers = lates(&seen);
            assert_eq!(answers.len(), 4);
            for (n, vpn) in vpns.into_iter().enumerate() {
                let expected = answers[0].0 + n as u64 * between_shared(&config);
                assert_eq!(answers[n].0, expected, "one a cycle, or in every second one: {answers:x?}");
                assert_eq!(answer_to(&seen, n).answered.answer, held.at(vpn));
            }
        }
    }
}

#[test]
fn a_fault_is_not_shared_and_denied_rights_are() {
    for config in several_and_l2() {
        let mut bench = bench(&config, SMALL, 20);
        let seen = ask_all(&mut bench, &[read(1, VPN); 3]);
        assert_eq!(reads(&seen), 3, "each walks for itself");
        for (_, named) in lates(&seen) {
            assert_eq!((named.answered.answer, named.source), (Err(Fault::NotPresent), Some(LateSource::Walk)));
        }
        bench.map(page(1, VPN, 0x40).rights(R));
        let seen = ask_all(&mut bench, &[write(1, VPN), read(1, VPN), fetch(1, VPN)]);
        assert_eq!(reads(&seen), 1);
        let answers = [0, 1, 2].map(|n| answer_to(&seen, n)).map(|named| (named.answered.answer, named.source));
        let (own, shared) = (Some(LateSource::Walk), Some(LateSource::Shared));
        assert_eq!(answers, [(Err(Fault::Rights), own), (Ok(0x40), shared), (Err(Fault::Rights), shared)]);
    }
}

/// The cycles in which four misses, accepted in cycles 0 to 3, are answered: each element comes when the bus and the element
/// register are free, is judged when the answer before it is out, and nothing is judged or answered as the invalidation
/// takes effect. `None` for the one whose element counts for nothing.
fn answered_in(config: &Config, latency: u64, effect: u64, again: Option<u64>) -> [Option<u64>; 4] {
    let held_up = |from: u64| held_up(config, from, |cycle| cycle == effect);
    let (mut judged_before, mut free) = (stage(config), 0);
    [0, 1, 2, 3].map(|n| {
        // The beat after those in the element register waits before it, in a register of its own with two hit cycles.
        let accepted = (n + request_cycle(config)).max((judged_before - stage(config)).saturating_sub(latency));
        let judged = held_up((accepted + judged_after(config, latency)).max(free));
        judged_before = judged;
        let answered = (again != Some(n)).then(|| held_up(judged + answer_after(config)));
        free = answered.map_or(free, |cycle| cycle + 1);
        answered
    })
}

/// At every cycle: one page is mapped anew and invalidated, the others' walks go on, held up by one cycle at most.
#[test]
fn an_invalidation_of_one_page_leaves_the_other_walks_alone() {
    for config in several() {
        for moment in 0..40 {
            let mut bench = bench(&config, SMALL, 12);
            let pages = far_pages(&mut bench, 4);
            let lookups: Vec<Lookup> = pages.iter().map(ask).collect();
            let (old, new) = (pages[1], Page { pfn: 0x999, ..pages[1] });
            let mut done = None;
            let seen = ask_all_and(&mut bench, &lookups, |bench, cycle| {
                if cycle == moment {
                    bench.replace(old, Some(new));
                    bench.invalidate = Some(Invalidation::AddressInAsid(Asid::truncate(1), Vpn::truncate(old.vpn)));
                    done = Some(bench.now + done_cycle(&bench.config));
                }
            });
            let answer = answer_to(&seen, 1);
            // Its read, accepted in the cycle after its miss, is made again, or its answer was out before.
            let is_again = answer.answered.reads == 2;
            let effect = moment + 1;
            let is_out = answered_in(&config, 12, effect, None)[1].is_some_and(|cycle| cycle < effect);
            assert_eq!(is_again, effect > 1 + request_cycle(&config) && !is_out, "moment {moment}");
            let expected = answered_in(&config, 12, effect, is_again.then_some(1));
            for n in [0, 2, 3] {
                let now = answer_to(&seen, n).answered;
                assert_eq!((now.answer, now.reads), (Ok(pages[n].pfn), 1), "request {n}, moment {moment}");
                assert_eq!(Some(n as u64 + now.cycles), expected[n], "request {n}, moment {moment}");
            }
            let at = seen.iter().find(|now| now.late == Some(answer)).expect("just seen").cycle;
            let is_late = done.is_some_and(|done| at >= done);
            assert!(answer.answered.answer == Ok(0x999) || !is_late && answer.answered.answer == Ok(old.pfn));
        }
    }
}

/// Pages of each size and kind, with invalidations that drop them and others that come as close as can be.
fn kills() -> Vec<(Page, u8, Invalidation, bool)> {
    let (own, other) = (Asid::truncate(1), Asid::truncate(2));
    let mut cases = Vec::new();
    for size in [SMALL, LARGE, HUGE] {
        let frames = page(0, 0, 0).size(size).frames();
        let base = 0x1_2340_0000u64;
        let at = |n: u64| Vpn::truncate(base + n);
        for (held, search) in
            [(page(1, base, 0x8_0000).size(size), size), (support::global(base, 0x8_0000).size(size), size + 3)]
        {
            let private = !held.global;
            cases.extend([
                (held, search, Invalidation::All, true),
                (held, search, Invalidation::Asid(own), private),
                (held, search, Invalidation::Asid(other), false),
                (held, search, Invalidation::Address(at(frames - 1)), true),
                (held, search, Invalidation::Address(at(frames)), false),
                (held, search, Invalidation::AddressInAsid(own, at(frames - 1)), private),
                (held, search, Invalidation::AddressInAsid(own, at(frames)), false),
                (held, search, Invalidation::AddressInAsid(other, at(0)), false),
            ]);
        }
    }
    cases
}

/// A walk is made again if what it has read is dropped, and else goes on, held up by one cycle at most, or two.
#[test]
fn a_walk_is_made_again_only_if_what_it_has_read_is_dropped() {
    for config in configs_and_l2() {
        for (held, search, invalidation, drops) in kills() {
            let mut bench = bench(&config, SMALL, 6);
            bench.table.search_enable = 1 << search;
            bench.map(held);
            let alone = ask_all(&mut bench, &[read(1, held.vpn)]);
            let read_at = alone.iter().position(|now| now.read.is_some()).expect("a read") as u64;
            let alone = answer_to(&alone, 0).answered;
            for moment in 0..alone.cycles {
                bench.invalidate(Invalidation::All);
                let seen = ask_all_and(&mut bench, &[read(1, held.vpn)], |bench, cycle| {
                    if cycle == moment {
                        bench.invalidate = Some(invalidation);
                    }
                });
                let now = answer_to(&seen, 0).answered;
                let effect = moment + 1;
                let again = drops && effect > read_at && effect <= alone.cycles;
                assert_eq!(now.reads, 1 + u32::from(again), "{invalidation:x?} of {held:x?} in {moment}");
                assert!(
                    again || now.cycles <= alone.cycles + 1 + stage(&config),
                    "{invalidation:x?} of {held:x?} in {moment}"
                );
            }
        }
    }
}

/// Pages that differ from that of [`VPN`] in ASID 1 in one bit of the VPN or of the ASID.
fn neighbours() -> impl Iterator<Item = Page> {
    let of_vpn = (0..52).map(|bit| page(1, VPN ^ 1 << bit, 0x100 + bit));
    of_vpn.chain((1..16).map(|bit| page(1 ^ 1 << bit, VPN, 0x200 + bit)))
}

#[test]
fn requests_that_differ_in_any_bit_share_nothing_and_an_invalidation_of_one_leaves_the_other() {
    let held = page(1, VPN, 0x40);
    for config in configs_and_l2() {
        let mut bench = bench(&config, SMALL, 6);
        for other in neighbours() {
            bench.start_over();
            bench.map(held);
            bench.map(other);
            let seen = ask_all(&mut bench, &[ask(&held), ask(&other)]);
            let answers = [0, 1].map(|n| answer_to(&seen, n).answered.answer);
            assert_eq!(answers, [Ok(held.pfn), Ok(other.pfn)], "{other:x?}");

            bench.invalidate(Invalidation::All);
            let alone = bench.walks(ask(&held), Ok(held.pfn));
            for moment in 1..alone.cycles {
                bench.invalidate(Invalidation::All);
                let (asid, vpn) = (Asid::truncate(other.asid), Vpn::truncate(other.vpn));
                let seen = ask_all_and(&mut bench, &[ask(&held)], |bench, cycle| {
                    bench.invalidate = (cycle == moment).then_some(Invalidation::AddressInAsid(asid, vpn));
                });
                assert_eq!(answer_to(&seen, 0).answered.reads, alone.reads, "{other:x?} dropped in {moment}");
            }
        }
    }
}

#[test]
fn software_is_asked_for_one_miss_at_a_time_while_hits_go_on() {
    for config in several() {
        let mut bench = bench(&config, SMALL, 5);
        bench.map(HOT);
        bench.walks(ask(&HOT), Ok(HOT.pfn));
        bench.software = true;
        let pages = [page(1, VPN, 0x40), page(1, VPN + 5, 0x50), page(1, VPN + 9, 0x60)];
        let mut lookups: Vec<Lookup> = pages.iter().map(ask).collect();
        lookups.extend([ask(&HOT); 20]);
        let mut miss = None;
        let seen = ask_all_and(&mut bench, &lookups, |bench, cycle| {
            // Software takes 10 cycles for each.
            if cycle > 0 && cycle % 10 == 0 && bench.refill.is_none() {
                let found = pages.iter().find(|page| Some(ask(page)) == miss);
                bench.refill = found.copied().map(Refill::Entry);
            }
            miss = bench.peek_miss();
        });
        assert!(seen[..lookups.len()].iter().all(|now| now.accepted));
        for (n, page) in pages.iter().enumerate() {
            let named = answer_to(&seen, n);
            assert_eq!((named.answered.answer, named.source), (Ok(page.pfn), Some(LateSource::Walk)));
        }
    }
}
