//! Software refill, the refill port driven by hand: docs/spec.md, section 8. The monitor sees that nothing is read from
//! memory, that a reported miss stays as it is, and that it is what was asked.

mod support;

use hashwalk_spec::{Asid, Fault, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0x5_4321_0000_0000;
const INSIDE: u64 = VPN + 0x2_0155;

fn bench(config: &hashwalk_spec::Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.software = true;
    bench
}

/// Asks, and answers the miss at once.
#[track_caller]
fn ask(bench: &mut Bench, lookup: Lookup, refill: Refill) -> Answered {
    bench.lookup = Some(lookup);
    bench.until("miss", |seen| seen.miss == Some(lookup));
    bench.refill = Some(refill);
    bench.until("answer", |seen| seen.answered.is_some()).answered.expect("just seen")
}

#[test]
fn an_entry_of_each_size_answers_and_is_kept() {
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        for size in [SMALL, LARGE, HUGE] {
            let base = INSIDE & !(page(0, 0, 0).size(size).frames() - 1);
            for given in [page(1, base, 0xa5_a500_0000), global(base, 0xa5_a500_0000)] {
                let given = given.size(size);
                bench.start_over();
                let answered = ask(&mut bench, fetch(1, INSIDE).by_user(), Refill::Entry(given));
                assert_eq!((answered.answer, answered.hit), (given.at(INSIDE), false));
                bench.hits(write(1, given.last()), given.at(given.last()));
                if given.global {
                    bench.hits(read(2, base), given.at(base));
                }
            }
        }
    }
}

/// Each is refused as `malformed` and kept by nobody.
#[test]
fn an_entry_that_is_not_well_formed_or_not_for_the_miss_is_malformed() {
    let small = page(1, INSIDE, 0x7700);
    let large = page(1, VPN + 0x2_0000, 0x7600).size(LARGE);
    let huge = page(1, VPN, 0x4_0000).size(HUGE);
    let mut bad = vec![
        Page { asid: 2, ..small },
        Page { asid: 0, ..small },
        Page { global: true, ..small },
        Page { asid: 2, global: true, ..small },
        Page { vpn: INSIDE + 1, ..small },
        small.size(LARGE),
        small.size(3),
        Page { vpn: INSIDE & !0x7ff_ffff, ..small }.size(3),
        Page { vpn: 0, pfn: 0, ..small }.size(3),
        Page { vpn: large.vpn + 0x200, ..large },
        Page { vpn: huge.vpn + 0x4_0000, ..huge },
    ];
    bad.extend((0..52).map(|bit| Page { vpn: small.vpn ^ 1 << bit, ..small }));
    bad.extend((0..9).map(|bit| Page { pfn: large.pfn | 1 << bit, ..large }));
    bad.extend((0..18).map(|bit| Page { pfn: huge.pfn | 1 << bit, ..huge }));
    bad.extend((0..9).map(|bit| Page { vpn: large.vpn | 1 << bit, ..large }));
    bad.extend((0..16).map(|bit| Page { asid: 1 ^ 1 << bit, ..small }));
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        for &given in &bad {
            let answered = ask(&mut bench, read(1, INSIDE), Refill::Entry(given));
            assert_eq!((answered.answer, answered.hit), (Err(Fault::Malformed), false), "{given:x?}");
        }
        for given in [small, large, huge] {
            let answered = ask(&mut bench, read(1, INSIDE), Refill::Entry(given));
            assert_eq!((answered.answer, answered.hit), (given.at(INSIDE), false));
            bench.invalidate(Invalidation::All);
        }
    }
}

#[test]
fn a_private_page_of_asid_0_is_for_asid_0_alone() {
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        let private = page(0, INSIDE, 0x77);
        assert_eq!(ask(&mut bench, read(1, INSIDE), Refill::Entry(private)).answer, Err(Fault::Malformed));
        assert_eq!(ask(&mut bench, read(0, INSIDE), Refill::Entry(private)).answer, Ok(0x77));
        assert!(!ask(&mut bench, read(1, INSIDE), Refill::Fault(Fault::NotPresent)).hit);
    }
}

/// cvw 1541: an entry whose rights deny the access is not kept. Code 3 is denied whatever software says.
#[test]
fn rights_are_checked_and_a_denied_entry_is_not_kept() {
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        for rights in 0..16 {
            for code in 0..8 {
                let lookup = Lookup { asid: 1, vpn: INSIDE, access: code >> 1, user: code & 1 == 1 };
                let given = page(1, INSIDE, 0x77).rights(rights);
                let kind = [R, W, X, 0][usize::from(lookup.access)];
                let allowed = rights & kind != 0 && (!lookup.user || rights & U != 0);
                let answered = ask(&mut bench, lookup, Refill::Entry(given));
                let expected = if allowed { Ok(0x77) } else { Err(Fault::Rights) };
                assert_eq!((answered.answer, answered.hit), (expected, false), "{lookup:x?} of {given:x?}");
                bench.lookup = Some(lookup);
                bench.run(hit_cycle(&config));
                assert_eq!(bench.cycle().answered.is_some(), allowed, "kept: {given:x?} for {lookup:x?}");
                if !allowed {
                    bench.until("miss", |seen| seen.miss.is_some());
                    bench.refill = Some(Refill::Fault(Fault::NotPresent));
                    bench.until("answer", |seen| seen.answered.is_some());
                }
                bench.invalidate(Invalidation::All);
            }
        }
    }
}

#[test]
fn softwares_fault_is_the_answer_and_is_not_kept() {
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Unmarked) {
            assert_eq!(ask(&mut bench, read(1, INSIDE), Refill::Fault(fault)).answer, Err(fault));
            assert_eq!(ask(&mut bench, read(1, INSIDE), Refill::Entry(page(1, INSIDE, 9))).answer, Ok(9));
            bench.invalidate(Invalidation::All);
        }
    }
}

/// sargantana 112: the mode changes in the middle of a walk. It is taken in the cycle in which the miss is known.
#[test]
fn a_change_of_mode_concerns_the_next_miss() {
    for config in configs_and_l2() {
        for from_software in [false, true] {
            for changed in 0..12 {
                let mut bench = Bench::new(&config);
                bench.map(page(1, INSIDE, 0x11));
                bench.software = from_software;
                bench.lookup = Some(read(1, INSIDE));
                let (mut missed, mut read_at) = (false, None);
                let answered = loop {
                    bench.software ^= bench.now == 1 + changed;
                    if missed {
                        bench.refill = Some(Refill::Entry(page(1, INSIDE, 0x22)));
                    }
                    // An invalidation restarts the walk, in the mode in which it began.
                    bench.invalidate = (bench.now == 6).then_some(Invalidation::All);
                    let seen = bench.cycle();
                    missed = seen.miss.is_some();
                    read_at = read_at.or(seen.read);
                    if let Some(answered) = seen.answered {
                        break answered;
                    }
                };
                let software = from_software != (changed <= hit_cycle(&config));
                assert_eq!(answered.answer, Ok(if software { 0x22 } else { 0x11 }), "changed in cycle {changed}");
                assert_eq!(read_at.is_none(), software);
            }
        }
    }
}

/// Software samples the table when it is asked, and answers `delay` cycles later: at each cycle of that, an invalidation.
/// A stale entry is dropped, and the same miss is reported once more, for good; a fault is the answer whatever is invalidated.
#[test]
fn an_invalidation_drops_softwares_stale_entry_and_the_miss_is_reported_once_more() {
    let own = Invalidation::AddressInAsid(Asid::truncate(1), Vpn::truncate(INSIDE));
    let unrelated = Invalidation::AddressInAsid(Asid::truncate(2), Vpn::truncate(INSIDE));
    for config in configs() {
        for delay in [0, 1, 5] {
            for invalidated in 0..10 + delay {
                for (invalidation, concerns) in [(own, true), (Invalidation::All, true), (unrelated, false)] {
                    for first in [Refill::Entry(page(1, INSIDE, 0x11)), Refill::Fault(Fault::NotPresent)] {
                        let mut bench = bench(&config);
                        bench.lookup = Some(read(1, INSIDE));
                        let (mut reports, mut asked_at, mut silent, mut given) = (0, None, 0, 0);
                        let answered = loop {
                            let withdrawn = bench.now > 1 + invalidated;
                            bench.invalidate = (bench.now == 1 + invalidated).then_some(invalidation);
                            if asked_at.is_some_and(|at| at + delay + 1 == bench.now) {
                                // What software found when it was asked.
                                bench.refill =
                                    Some(if given == 0 { first } else { Refill::Entry(page(1, INSIDE, 0x22)) });
                            }
                            let seen = bench.cycle();
                            if seen.miss.is_some() && asked_at.is_none() {
                                (reports, asked_at, given) = (reports + 1, Some(seen.cycle), u32::from(withdrawn));
                            }
                            if seen.refill_accepted {
                                asked_at = None;
                            }
                            silent += u64::from(reports > 0 && seen.miss.is_none());
                            if let Some(answered) = seen.answered {
                                break answered;
                            }
                        };
                        // Reported, the next cycle sampled, answered `delay` later.
                        let (effect, accepted) = (invalidated + 1, ask_cycle(&config) + 1 + delay);
                        // Before that software finds the new page.
                        let is_entry = matches!(first, Refill::Entry(_)) || invalidated < ask_cycle(&config);
                        let delivered = accepted + refill_cycles(&config);
                        let dropped = concerns && is_entry && (ask_cycle(&config)..=delivered).contains(&effect);
                        assert_eq!(reports, 1 + u32::from(dropped), "{invalidation:?} in {invalidated}, delay {delay}");
                        let fresh = dropped || invalidated < ask_cycle(&config);
                        let stale = if let Refill::Entry(page) = first { Ok(page.pfn) } else { Err(Fault::NotPresent) };
                        assert_eq!(answered.answer, if fresh { Ok(0x22) } else { stale });
                        if dropped && effect <= accepted {
                            assert_eq!(
                                silent,
                                silent_cycles(&config) + refill_cycles(&config),
                                "miss_valid falls after each answer"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The handler may wait for `invalidate_done` before it answers: done does not wait for it.
#[test]
fn software_that_waits_for_done_does_not_hang() {
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        bench.lookup = Some(read(1, INSIDE));
        bench.until("miss", |seen| seen.miss.is_some());
        for kind in [Invalidation::All, Invalidation::Asid(Asid::truncate(1))] {
            bench.invalidate(kind);
        }
        bench.refill = Some(Refill::Entry(page(1, INSIDE, 0x11)));
        bench.until("end of the report", |seen| seen.miss.is_none());
        let again = bench.run(silent_cycles(&config));
        assert!(again.iter().all(|seen| seen.answered.is_none()) && again.last().unwrap().miss.is_some());
        bench.refill = Some(Refill::Entry(page(1, INSIDE, 0x22)));
        assert_eq!(bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap().answer, Ok(0x22));
        bench.hits(read(1, INSIDE), Ok(0x22));
    }
}

/// Nothing is taken from the refill port but the answer to a miss.
#[test]
fn a_refill_without_a_miss_waits_for_one() {
    for config in configs_and_l2() {
        let mut bench = bench(&config);
        bench.refill = Some(Refill::Entry(page(1, INSIDE, 0x11)));
        assert!(bench.run(10).iter().all(|seen| !seen.refill_accepted));
        bench.lookup = Some(read(1, INSIDE));
        let answered = bench.until("answer", |seen| seen.answered.is_some()).answered.unwrap();
        assert_eq!((answered.answer, answered.cycles), (Ok(0x11), ask_cycle(&config) + refill_cycles(&config)));
    }
}
