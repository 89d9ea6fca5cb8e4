//! A and D where the hardware looks at them: docs/spec.md, sections 5 and 6.

mod support;

use hashwalk::check::{CheckOptions, CheckOutcome, check};
use hashwalk::device::Device;
use hashwalk::machine::{Answered, Drive, Machine, MemoryTiming, Poison};
use hashwalk::scenario::{Action, Damage, Scenario, Step, Tally, run};
use hashwalk_model::mapping::{Marks, Pte};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{
    Access, Answer, Asid, Config, Fault, Format, Invalidation, PageSize, Pfn, Request, Rights, Translation, Vpn,
};
use support::{Bench, Refill, named};

const NONE: Marks = Marks::NONE;
const A: Marks = Marks::A;
const BOTH: Marks = Marks::A.with(Marks::D);

/// A table of each format in which the hardware sets marks.
const UPDATING: [&str; 3] = ["line_update", "cuckoo_update", "chained_update_l2"];

/// And in which it only looks at them.
const FAULTING: [&str; 4] = ["line_fault", "inverted_fault", "tree_fault", "radix_fault"];

const SPACE: Asid = Asid::truncate(1);

fn page(vpn: u64, marks: Marks) -> Mapping {
    let (first, pfn) = (Vpn::truncate(vpn), Pfn::truncate(vpn + 0x1000));
    Mapping { marks, ..Mapping::new(SPACE, first, PageSize::Small, pfn, Rights::ALL) }
}

fn request(page: Mapping, access: Access) -> Request {
    Request { asid: SPACE, vpn: page.vpn, access, user: true }
}

fn read(page: Mapping) -> Request {
    request(page, Access::Read)
}

fn write(page: Mapping) -> Request {
    request(page, Access::Write)
}

fn granted(page: Mapping) -> Answer {
    Ok(Translation { pfn: page.pfn })
}

/// At rest, over a table of these pages.
fn machine(config: &Config, latency: u32, pages: &[Mapping]) -> Machine {
    machine_at(config, MemoryTiming::fixed(latency), pages)
}

fn machine_at(config: &Config, timing: MemoryTiming, pages: &[Mapping]) -> Machine {
    let mut os = Os::new(config, 1);
    let (table, ram) = os.table_mut();
    pages.iter().for_each(|page| table.insert(ram, *page).expect("there is room"));
    let mut machine = Machine::new(support::dut(config), config, os, timing).expect("a machine");
    // The sweep of a second level after reset.
    (0..32).for_each(|_| step(&mut machine));
    machine
}

fn step(machine: &mut Machine) {
    machine.cycle(Drive::default()).expect("the hardware keeps the contract");
}

fn ask(machine: &mut Machine, request: Request) -> Answered {
    machine.ask(request).expect("the hardware keeps the contract")
}

/// The answer and the level that it came from.
fn asked(machine: &mut Machine, request: Request) -> (Answer, u8) {
    let answered = ask(machine, request);
    (answered.answer, answered.level)
}

#[track_caller]
fn invalidate(machine: &mut Machine, invalidation: Invalidation) {
    machine.invalidate(invalidation).expect("the hardware keeps the contract");
}

/// What the table holds, in the order of the pages.
fn held(machine: &Machine) -> Vec<Mapping> {
    let mut held = machine.os().table().mappings(machine.os().ram()).expect("the table is whole");
    held.sort();
    held
}

/// Software gives a page other marks.
fn mark(machine: &mut Machine, page: Mapping, change: impl Fn(Marks) -> Marks) {
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        let change = |pte: Pte| Pte { marks: change(pte.marks), ..pte };
        vec![table.update(ram, page.asid, page.vpn, page.size, &change).expect("the page is mapped")]
    });
}

fn unmap(machine: &mut Machine, page: Mapping) {
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        vec![table.remove(ram, page.asid, page.vpn, page.size).expect("the page is mapped")]
    });
}

/// Asks, and after this many cycles `meanwhile` happens. Returns the answer, once everything has come to rest.
fn race(machine: &mut Machine, request: Request, cycles: u32, meanwhile: impl FnOnce(&mut Machine)) -> Answer {
    let (mut lookup, mut answer, mut meanwhile) = (Some(request), None, Some(meanwhile));
    for cycle in 0..200 {
        if cycle == cycles {
            meanwhile.take().expect("once")(machine);
        }
        let events = machine.cycle(Drive { lookup, invalidate: None }).expect("the hardware keeps the contract");
        if events.lookup_accepted {
            lookup = None;
        }
        answer = events.into_answers().next().map(|answered| answered.answer).or(answer);
    }
    answer.expect("an answer")
}

/// Cycles from a request to the end of the longest walk of these tests that is not made again.
fn walk_cycles(config: &Config, latency: u32) -> u32 {
    let ways = if config.format() == Format::Cuckoo { config.ways() } else { 1 };
    latency + 3 + ways * config.beats() + latency + 2
}

#[test]
fn an_update_adds_its_latency_and_two_cycles_and_a_walk_without_one_nothing() {
    for config in UPDATING.map(named) {
        for latency in [1, 2, 10, 40] {
            for (marks, access, is_updated) in [
                (A, Access::Read, false),
                (BOTH, Access::Write, false),
                (NONE, Access::Read, true),
                (NONE, Access::Execute, true),
                (NONE, Access::Write, true),
                (A, Access::Write, true),
                (Marks::D, Access::Write, true),
            ] {
                let page = page(0x1234, marks);
                let mut machine = machine(&config, latency, &[page]);
                let answered = ask(&mut machine, request(page, access));
                assert_eq!(answered.answer, granted(page));
                let update = if is_updated { latency + 2 } else { 0 };
                let cycles = answered.cycles - update - latency - 3;
                let ways = config.ways();
                let is_as_without =
                    cycles.is_multiple_of(config.beats()) && (1..=ways).contains(&(cycles / config.beats()));
                assert!(is_as_without, "{}, {marks:?}, {access:?}: {} cycles", config.name(), answered.cycles);
                assert_eq!(held(&machine)[0].marks, marks.with(Marks::of(access)), "{}", config.name());
            }
        }
    }
}

#[test]
fn the_marks_of_the_page_alone_are_set_wherever_its_pte_stands() {
    for config in UPDATING.map(named) {
        // Groups of eight side by side, full and not, whose pages are kept in dense lines and in mixed ones.
        let pages: Vec<Mapping> = (0..8).chain(16..19).chain([0x40, 0x51]).map(|vpn| page(vpn, NONE)).collect();
        for chosen in &pages {
            let mut machine = machine(&config, 1, &pages);
            assert_eq!(asked(&mut machine, write(*chosen)), (granted(*chosen), 0));
            let expected: Vec<Mapping> =
                pages.iter().map(|page| Mapping { marks: if page == chosen { BOTH } else { NONE }, ..*page }).collect();
            assert_eq!(held(&machine), expected, "{}", config.name());
        }
    }
}

#[test]
fn the_first_write_after_a_read_sets_d_and_the_next_one_hits() {
    for config in UPDATING.map(named) {
        for (size, vpn) in [(PageSize::Small, 0x77), (PageSize::Large, 0x200), (PageSize::Huge, 0x40000)] {
            let page = Mapping { size, pfn: Pfn::truncate(0x80000), ..page(vpn, NONE) };
            let mut machine = machine(&config, 3, &[page]);
            assert_eq!(asked(&mut machine, read(page)), (granted(page), 0));
            assert_eq!(asked(&mut machine, read(page)), (granted(page), 1));
            assert_eq!(held(&machine)[0].marks, A);
            assert_eq!(asked(&mut machine, write(page)), (granted(page), 0));
            assert_eq!(held(&machine)[0].marks, BOTH);
            assert_eq!(asked(&mut machine, write(page)), (granted(page), 1));
            assert_eq!(asked(&mut machine, read(page)), (granted(page), 1));
        }
    }
}

#[test]
fn a_denied_access_marks_nothing_and_shares_nothing_that_is_not_marked() {
    for config in UPDATING.map(named) {
        let page = Mapping { rights: Rights::R, ..page(0x99, NONE) };
        let mut machine = machine(&config, 5, &[page]);
        assert_eq!(asked(&mut machine, read(page)), (Err(Fault::Rights), 0), "of user mode");
        assert_eq!(asked(&mut machine, write(page)), (Err(Fault::Rights), 0));
        assert_eq!(held(&machine), [page]);
        // One that is allowed waits behind one that is not.
        let allowed = Request { user: false, ..read(page) };
        machine.cycle(Drive { lookup: Some(read(page)), invalidate: None }).unwrap();
        assert_eq!(asked(&mut machine, allowed), (granted(page), 0));
        assert_eq!(held(&machine)[0].marks, A);
        assert_eq!(asked(&mut machine, write(page)), (Err(Fault::Rights), 1), "the TLB knows that without D");
    }
}

#[test]
fn a_mapping_that_is_withdrawn_in_any_cycle_of_its_update_stays_withdrawn() {
    for config in UPDATING.map(named) {
        for latency in [1, 4] {
            let (mut answers, page) = (Vec::new(), page(0x1234, NONE));
            for cycles in 0..walk_cycles(&config, latency) + 2 {
                let mut machine = machine(&config, latency, &[page]);
                answers.push(race(&mut machine, write(page), cycles, |machine| unmap(machine, page)));
                assert_eq!(held(&machine), [], "{}, cycle {cycles}", config.name());
                invalidate(&mut machine, Invalidation::Address(page.vpn));
                assert_eq!(ask(&mut machine, read(page)).answer, Err(Fault::NotPresent));
            }
            answers.dedup();
            assert_eq!(answers, [Err(Fault::NotPresent), granted(page)], "{}", config.name());
        }
    }
}

#[test]
fn an_invalidation_in_any_cycle_of_an_update_makes_the_walk_again() {
    for config in UPDATING.map(named) {
        let (latency, old) = (6, page(0x1234, NONE));
        let new = Mapping { pfn: Pfn::truncate(0x42), ..old };
        for cycles in 0..walk_cycles(&config, latency) {
            let mut machine = machine(&config, latency, &[old]);
            let mut lookup = Some(write(old));
            for _ in 0..=cycles {
                let events = machine.cycle(Drive { lookup, invalidate: None }).unwrap();
                lookup = lookup.filter(|_| !events.lookup_accepted);
            }
            machine.change(|os| {
                let (table, ram) = os.table_mut();
                let change = |pte: Pte| Pte { pfn: new.pfn, marks: NONE, ..pte };
                vec![table.update(ram, old.asid, old.vpn, old.size, &change).unwrap()]
            });
            // The scoreboard demands that the new frame is answered once it is done.
            invalidate(&mut machine, Invalidation::AddressInAsid(SPACE, old.vpn));
            (0..100).for_each(|_| step(&mut machine));
            assert!(!machine.is_waiting());
            assert_eq!(ask(&mut machine, write(old)).answer, granted(new));
            assert_eq!(held(&machine), [Mapping { marks: BOTH, ..new }]);
        }
    }
}

/// Nothing in the table changes, so that the update is made and the walk is made again all the same.
#[test]
fn an_invalidation_while_marks_are_set_kills_the_walk_once() {
    for config in UPDATING.map(named) {
        for latency in [1, 6] {
            let page = page(0x1234, NONE);
            let mut plain = machine(&config, latency, &[page]);
            let plain = ask(&mut plain, write(page)).cycles;
            let mut killed_at = Vec::new();
            for cycles in 0..u64::from(plain) + 2 {
                let mut machine = machine(&config, latency, &[page]);
                let (mut lookup, mut kills, mut answer) = (Some(write(page)), 0, None);
                for now in 0..u64::from(4 * plain) {
                    let invalidate = (now == cycles).then_some(Invalidation::Address(page.vpn));
                    let events = machine.cycle(Drive { lookup, invalidate }).unwrap();
                    lookup = lookup.filter(|_| !events.lookup_accepted);
                    kills += u32::from(events.killed);
                    answer = events.into_answers().next().or(answer);
                }
                let answered = answer.expect("an answer");
                assert_eq!(answered.answer, granted(page));
                assert_eq!(held(&machine)[0].marks, BOTH);
                // The walk that is made again finds the marks set, and updates nothing.
                assert_eq!(kills, u32::from(answered.cycles > plain + 1), "{}, {latency}, {cycles}", config.name());
                killed_at.extend((kills > 0).then_some(cycles));
            }
            // From the read on until the update is over.
            assert!(killed_at.is_sorted() && killed_at.len() > 2 * latency as usize, "{killed_at:?}");
        }
    }
}

/// Each finds A clear, and whoever sets its marks later walks again.
#[test]
fn two_walks_of_one_huge_page_leave_both_marks_whenever_the_second_comes() {
    for config in UPDATING.map(named) {
        let huge = Mapping { size: PageSize::Huge, pfn: Pfn::truncate(0x80000), ..page(0x40000, NONE) };
        let at = |vpn: u64, access| Request { vpn: Vpn::truncate(vpn), ..request(huge, access) };
        let frame = |vpn: u64| Ok(Translation { pfn: Pfn::truncate(0x80000 + vpn - 0x40000) });
        for latency in [1, 4] {
            for (first, second) in [(Access::Read, Access::Write), (Access::Write, Access::Read)] {
                for gap in 0..walk_cycles(&config, latency) {
                    let mut machine = machine(&config, latency, &[huge]);
                    let mut answers = Vec::new();
                    let (first, second) = (at(0x40001, first), at(0x50002, second));
                    let mut asked = vec![second, first];
                    for now in 0..200 {
                        let is_due = asked.len() == 2 || now > gap;
                        let lookup = asked.last().copied().filter(|_| is_due);
                        let events = machine.cycle(Drive { lookup, invalidate: None }).unwrap();
                        if events.lookup_accepted {
                            asked.pop();
                        }
                        answers.extend(events.into_answers().map(|answered| (answered.request.vpn, answered.answer)));
                    }
                    answers.sort_by_key(|(vpn, _)| *vpn);
                    let expected = [first, second].map(|request| (request.vpn, frame(request.vpn.get())));
                    assert_eq!(answers, expected, "{}, {latency}, {gap}", config.name());
                    assert_eq!(held(&machine)[0].marks, BOTH);
                    assert_eq!(ask(&mut machine, at(0x60003, Access::Write)).level, 1);
                }
            }
        }
    }
}

/// Another walk of the huge page has read the marks after they were set, and its answer comes before `update_done`.
#[test]
fn an_update_whose_request_is_answered_from_elsewhere_is_not_taken_for_the_next_walks() {
    for config in UPDATING.map(named) {
        let huge = Mapping { size: PageSize::Huge, pfn: Pfn::truncate(0x80000), ..page(0x40000, NONE) };
        let next = page(0x55, NONE);
        let mut overtaken = 0;
        for seed in 0..400 {
            let timing = MemoryTiming { latency_max: 40, seed, ..MemoryTiming::fixed(1) };
            let mut machine = machine_at(&config, timing, &[huge, next]);
            let at = |vpn: u64| Request { vpn: Vpn::truncate(vpn), ..write(huge) };
            // The last one takes the slot of the first.
            let mut asked = vec![write(next), at(0x50002), at(0x40001)];
            let mut order = Vec::new();
            for now in 0..500 {
                let is_due = match asked.len() {
                    2 => now > 10 + seed % 60,
                    others => others == 3 || order.len() == 2,
                };
                let lookup = asked.last().copied().filter(|_| is_due);
                let events = machine.cycle(Drive { lookup, invalidate: None }).unwrap();
                asked.truncate(asked.len() - usize::from(events.lookup_accepted));
                order.extend(events.into_answers().map(|answered| (answered.request.vpn, answered.shared)));
            }
            assert_eq!(order.len(), 3, "{}, seed {seed}", config.name());
            assert_eq!(held(&machine).iter().filter(|page| page.marks == BOTH).count(), 2, "seed {seed}");
            overtaken += u32::from(order[1] == (Vpn::truncate(0x40001), true));
        }
        assert!(overtaken > 4, "{}: {overtaken}", config.name());
    }
}

#[test]
fn no_mark_of_another_cpu_is_lost_and_none_that_software_clears_comes_back() {
    for config in UPDATING.map(named) {
        let (latency, clean) = (4, page(0x1234, NONE));
        for cycles in 0..walk_cycles(&config, latency) + 2 {
            let mut dirtied = machine(&config, latency, &[clean]);
            let answer = race(&mut dirtied, read(clean), cycles, |machine| mark(machine, clean, |_| BOTH));
            assert_eq!((answer, held(&dirtied)[0].marks), (granted(clean), BOTH), "cycle {cycles}");
            // The walk has read D, which is cleared before A is set.
            let dirty = Mapping { marks: Marks::D, ..clean };
            let mut cleaned = machine(&config, latency, &[dirty]);
            let answer =
                race(&mut cleaned, read(dirty), cycles, |machine| mark(machine, dirty, |old| old.without(Marks::D)));
            assert_eq!((answer, held(&cleaned)[0].marks), (granted(dirty), A), "cycle {cycles}");
        }
    }
}

#[test]
fn a_read_and_a_write_that_wait_together_leave_both_marks() {
    for config in UPDATING.map(named) {
        for (first, second) in [(Access::Read, Access::Write), (Access::Write, Access::Read)] {
            let page = page(0x55, NONE);
            let mut machine = machine(&config, 8, &[page]);
            machine.cycle(Drive { lookup: Some(request(page, first)), invalidate: None }).unwrap();
            assert_eq!(ask(&mut machine, request(page, second)).answer, granted(page));
            assert_eq!(held(&machine)[0].marks, BOTH);
            (0..40).for_each(|_| step(&mut machine));
            assert_eq!(asked(&mut machine, write(page)), (granted(page), 1));
        }
    }
}

#[test]
fn an_update_that_fails_is_a_bus_error() {
    for config in UPDATING.map(named) {
        let (latency, page) = (20, page(0x1234, NONE));
        let mut machine = machine(&config, latency, &[page]);
        let layout = *machine.os().walk_context().layout();
        let all: Poison = (0..=layout.mask()).map(|index| layout.address(index)).collect();
        // The element is on its way, and nothing can be read or changed from now on.
        let answer = race(&mut machine, read(page), latency, |machine| machine.set_poison(all));
        assert_eq!(answer, Err(Fault::BusError), "{}", config.name());
        machine.set_poison(Poison::new());
        assert_eq!(asked(&mut machine, read(page)), (granted(page), 0), "nothing was refilled");
    }
}

#[test]
fn the_second_level_keeps_what_is_dirty_or_cannot_be_written() {
    let config = named("chained_update_l2");
    let read_only = Mapping { rights: Rights::R.with(Rights::U), ..page(0x66, A) };
    let others: Vec<Mapping> = (0..4).map(|n| page(0x7000 + n, BOTH)).collect();
    let page = page(0x55, A);
    let pages: Vec<Mapping> = others.iter().copied().chain([page, read_only]).collect();
    let mut machine = machine(&config, 5, &pages);
    let crowd = |machine: &mut Machine| others.iter().for_each(|other| _ = ask(machine, read(*other)));
    for (request, level) in [(read(page), 0), (read(page), 0), (write(page), 0), (write(page), 2), (read(page), 2)] {
        assert_eq!(asked(&mut machine, request), (granted(page), level), "{request:?}");
        crowd(&mut machine);
    }
    for level in [0, 2] {
        assert_eq!(asked(&mut machine, read(read_only)), (granted(read_only), level));
        crowd(&mut machine);
    }
    assert_eq!(asked(&mut machine, write(read_only)), (Err(Fault::Rights), 2));
}

#[test]
fn in_fault_mode_an_access_without_its_marks_is_unmarked_and_nothing_is_refilled() {
    for config in FAULTING.map(named) {
        faults_until_software_marks(&config);
    }
}

fn faults_until_software_marks(config: &Config) {
    let page = page(0x55, NONE);
    let mut machine = machine(config, 5, &[page]);
    for software in [false, true] {
        machine.set_software_refill(software);
        for _ in 0..2 {
            assert_eq!(asked(&mut machine, read(page)), (Err(Fault::Unmarked), 0));
            assert_eq!(asked(&mut machine, write(page)), (Err(Fault::Unmarked), 0));
        }
        mark(&mut machine, page, |_| A);
        assert_eq!(asked(&mut machine, write(page)), (Err(Fault::Unmarked), 0));
        assert_eq!(asked(&mut machine, read(page)), (granted(page), 0));
        assert_eq!(asked(&mut machine, read(page)), (granted(page), 1));
        assert_eq!(asked(&mut machine, write(page)), (Err(Fault::Unmarked), 0));
        mark(&mut machine, page, |_| BOTH);
        assert_eq!(asked(&mut machine, write(page)), (granted(page), 0));
        assert_eq!(asked(&mut machine, write(page)), (granted(page), 1));
        mark(&mut machine, page, |_| NONE);
        assert_eq!(asked(&mut machine, write(page)), (granted(page), 1), "the TLB may hold the marks");
        invalidate(&mut machine, Invalidation::Address(page.vpn));
    }
    let denied = Mapping { rights: Rights::R, ..self::page(0x66, NONE) };
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        table.insert(ram, denied).unwrap();
        Vec::new()
    });
    assert_eq!(asked(&mut machine, write(denied)), (Err(Fault::Rights), 0));
}

#[test]
fn software_that_refills_hands_over_d() {
    for config in UPDATING.map(named) {
        let page = page(0x55, NONE);
        let mut machine = machine(&config, 2, &[page]);
        machine.set_software_refill(true);
        assert_eq!(asked(&mut machine, read(page)), (granted(page), 0));
        assert_eq!((asked(&mut machine, read(page)), held(&machine)[0].marks), ((granted(page), 1), A));
        assert_eq!(asked(&mut machine, write(page)), (granted(page), 0), "D was not handed over");
        assert_eq!((asked(&mut machine, write(page)), held(&machine)[0].marks), ((granted(page), 1), BOTH));
    }
}

/// The hardware checks what it is handed: cvw 1541, where the TLB was filled although the dirty write was denied.
#[test]
fn a_write_for_which_software_hands_over_no_d_is_unmarked_and_not_kept() {
    for config in ["line_fault", "cuckoo_update"].map(named) {
        let mut bench = Bench::new(&config);
        bench.software = true;
        let mut serve = |lookup, given| {
            bench.lookup = Some(lookup);
            bench.until("miss", |seen| seen.miss == Some(lookup));
            bench.refill = Some(Refill::Entry(given));
            bench.until("answer", |seen| seen.answered.is_some()).answered.expect("just seen").answer
        };
        // This bench leaves `refill_dirty` clear.
        let clean = support::page(1, 0x55, 0x77);
        assert_eq!(serve(support::write(1, 0x55), clean), Err(Fault::Unmarked));
        assert_eq!(serve(support::read(1, 0x55), clean), Ok(0x77), "nothing was kept");
        assert_eq!(serve(support::write(1, 0x55), clean), Err(Fault::Unmarked), "what is kept has no D");
        let read_only = clean.rights(support::R);
        assert_eq!(serve(support::write(1, 0x55), read_only), Err(Fault::Rights));
        bench.hits(support::read(1, 0x55), Ok(0x77));
    }
}

/// A line that a scenario has broken is mended: its link leads nowhere again, and a page in it that was written to meanwhile
/// is marked, so that the next write sets no mark.
#[test]
fn marks_that_are_set_in_a_broken_element_outlive_its_mending() {
    let config = named("line_update");
    let written = page(0x1230, NONE);
    let Mapping { asid, vpn, size, pfn, rights, global, .. } = written;
    let neighbour = read(page(0x1231, NONE));
    let invalidate = Action::Invalidate(Invalidation::All);
    let actions = [
        Action::Map { asid, vpn, size, pfn, rights, global },
        Action::Break { asid, vpn, damage: Damage::LinkOutside },
        Action::Access(write(written)),
        Action::Settle,
        Action::Access(neighbour),
        Action::Settle,
        Action::Heal,
        invalidate,
        Action::Settle,
        Action::Access(neighbour),
        Action::Access(write(written)),
    ];
    let scenario = Scenario {
        config: config.settings().clone(),
        seed: 1,
        search_enable: 1,
        memory: MemoryTiming::fixed(4),
        steps: actions.map(|action| Step { wait: 0, action }).into(),
    };
    let mut tally = Tally::default();
    run(support::dut(&config), &scenario, None, &mut tally).expect("the hardware keeps the contract");
    for (what, times) in [("malformed", 1), ("not present", 1), ("translations", 2), ("walks", 4), ("updates", 1)] {
        assert_eq!(tally.times.get(what), Some(&times), "{what}: {tally:?}");
    }
}

#[test]
fn whatever_happens_marks_are_set_before_they_are_needed_and_none_is_lost() {
    let names = UPDATING.into_iter().chain(FAULTING);
    let devices: Vec<Device> = names.map(|name| Device::build(&named(name), false).unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let replay = folder.path().join("failure.json");
    match check(&devices, &CheckOptions { cases: 1050, seed: 1, replay: replay.clone() }, true).unwrap() {
        CheckOutcome::Passed(tally) => {
            for what in ["unmarked", "mark", "walks", "hits", "hits of level 2", "updates", "updates in vain"] {
                assert!(tally.times.get(what).is_some_and(|times| *times > 50), "{what}: {:?}", tally.times);
            }
        }
        CheckOutcome::Failed { reason, .. } => panic!("{reason}\n{}", std::fs::read_to_string(replay).unwrap()),
    }
}
