//! What only hardware has in which a hit takes two cycles: a request whose slot is read while the one before it waits for a
//! walk (docs/timing.md, "Two hit cycles"). That the other directed tests hold there too, shifted by a cycle, they show
//! themselves.

mod support;

use hashwalk_spec::{Asid, Config, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0x1_2345_6000;
/// A page that hits.
const HOT: Page = page(7, 0x77, 0x88);

/// One walk, so that the second miss waits.
fn one_walk() -> Config {
    let config = named("two_cycles_tiny");
    assert_eq!((config.walks(), config.hit_cycles()), (1, 2));
    config
}

/// A bench that holds [`HOT`] and whose table has two more pages.
fn bench(config: &Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.table.search_enable = 1;
    bench.memory.latency = 30;
    for page in [HOT, page(1, VPN, 0x10), page(1, VPN + 1, 0x11)] {
        bench.map(page);
    }
    bench.walks(read(7, HOT.vpn), Ok(HOT.pfn));
    bench
}

/// Asks for two pages that miss, and for this one behind them; returns what was seen until all three are answered, from the
/// cycle of the first acceptance on. `meanwhile` may do something before each cycle.
fn behind_two_misses(bench: &mut Bench, third: Lookup, mut meanwhile: impl FnMut(&mut Bench, usize)) -> Vec<Seen> {
    let mut left = [read(1, VPN), read(1, VPN + 1), third].into_iter();
    let (mut seen, mut answers): (Vec<Seen>, usize) = (Vec::new(), 0);
    while answers < 3 {
        bench.lookup = bench.lookup.or_else(|| left.next());
        meanwhile(bench, seen.len());
        seen.push(bench.cycle());
        answers += seen[seen.len() - 1].answers().count();
        assert!(seen.len() < 1000, "three answers");
    }
    seen
}

#[test]
fn a_hit_that_waits_behind_a_miss_is_answered_when_that_has_its_walk() {
    let mut bench = bench(&one_walk());
    let seen = behind_two_misses(&mut bench, read(7, HOT.vpn), |_, _| {});
    assert!(seen[..3].iter().all(|now| now.accepted), "one is walked for, one waits, one is looked up");
    let walked = seen.iter().position(|now| now.late.is_some()).expect("the first answer");
    let hit = seen.iter().position(|now| now.hit.is_some()).expect("it hits");
    // The walk is free a cycle after its answer, and taken in the next; the hit goes on in that cycle too, or in the next.
    assert!((walked + 3..=walked + 4).contains(&hit), "the first in {walked}, the hit in {hit}");
    assert!(seen[4..walked].iter().all(|now| !now.lookup_ready));
    assert!(seen[hit - 1].lookup_ready, "it goes on as lookups are accepted");
    assert_eq!(seen[hit].hit.map(|hit| hit.answered.answer), Some(Ok(HOT.pfn)));
}

/// At every cycle of its wait: its page is mapped anew and invalidated. What it was compared with before counts for nothing.
#[test]
fn what_is_dropped_while_a_request_waits_is_not_its_answer() {
    let config = one_walk();
    let new = Page { pfn: 0x99, ..HOT };
    let mut answers = [0, 0];
    for moment in 0..50 {
        let mut bench = bench(&config);
        let mut done = None;
        let seen = behind_two_misses(&mut bench, read(7, HOT.vpn), |bench, cycle| {
            if cycle == moment {
                bench.replace(HOT, Some(new));
                bench.invalidate = Some(Invalidation::AddressInAsid(Asid::truncate(7), Vpn::truncate(HOT.vpn)));
                done = Some(cycle as u64 + done_cycle(&bench.config));
            }
        });
        let id = seen.iter().filter_map(|now| now.id).nth(2).expect("accepted");
        let named = seen.iter().flat_map(|now| now.hit.into_iter().chain(now.late).map(|named| (now.cycle, named)));
        let (at, named) = named.into_iter().find(|(_, named)| named.id == id).expect("answered");
        let is_old = named.answered.answer == Ok(HOT.pfn);
        assert!(is_old || named.answered.answer == Ok(new.pfn), "moment {moment}");
        let at = at - seen[0].cycle;
        assert!(!is_old || done.is_none_or(|done| at < done), "moment {moment}: the old page in cycle {at}");
        answers[usize::from(is_old)] += 1;
    }
    assert!(answers.iter().all(|count| *count > 3), "both came: {answers:?}");
}

/// Another request stands at the port all the while, for a page that hits.
#[test]
fn a_request_that_waits_is_not_answered_with_what_stands_at_the_port() {
    let mut bench = bench(&one_walk());
    let third = page(2, VPN, 0x12);
    bench.map(third);
    let seen = behind_two_misses(&mut bench, read(2, VPN), |bench, cycle| {
        if cycle >= 3 {
            bench.lookup = bench.lookup.or(Some(read(7, HOT.vpn)));
        }
    });
    let ids: Vec<u8> = seen.iter().filter_map(|now| now.id).take(3).collect();
    let of_third = seen.iter().flat_map(|now| now.hit.into_iter().chain(now.late)).find(|named| named.id == ids[2]);
    // The three answers that were waited for may be two of these and hits of what stood at the port.
    let answered = of_third.unwrap_or_else(|| bench.until("answer", |now| now.late.is_some()).late.expect("just seen"));
    assert_eq!((answered.id, answered.answered.answer), (ids[2], Ok(third.pfn)));
}

#[test]
fn a_page_that_is_refilled_while_a_request_for_it_waits_is_hit() {
    let mut bench = bench(&one_walk());
    let seen = behind_two_misses(&mut bench, read(1, VPN), |_, _| {});
    let answers: Vec<_> = seen.iter().flat_map(Seen::answers).map(|answered| (answered.answer, answered.hit)).collect();
    assert_eq!(answers, [(Ok(0x10), false), (Ok(0x10), true), (Ok(0x11), false)]);
    assert_eq!(seen.iter().filter(|now| now.read.is_some()).count(), 2, "it makes no read");
}

/// The refill may fall into each of the cycles in which requests for its page are looked up and miss, one a cycle.
#[test]
fn requests_for_one_page_in_every_cycle_make_one_read() {
    let config = two_cycles();
    for latency in 1..12 {
        let mut bench = Bench::new(&config);
        bench.table.search_enable = 1;
        bench.memory.latency = latency;
        bench.map(page(1, VPN, 0x10));
        let (mut reads, mut answers) = (0, 0);
        for cycle in 0..60 {
            bench.lookup = (cycle < 40).then_some(read(1, VPN));
            let seen = bench.cycle();
            reads += usize::from(seen.read.is_some());
            answers += seen.answers().inspect(|answered| assert_eq!(answered.answer, Ok(0x10))).count();
        }
        assert_eq!((reads, bench.is_waiting()), (1, false), "latency {latency}");
        assert!(answers > 20, "{answers} answers");
    }
}
