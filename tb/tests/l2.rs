//! The second level of the TLB: its cycles, what invalidations leave of it, and walks that it overtakes.

mod support;

use hashwalk::machine::{Answered, Drive, Machine, MemoryTiming};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{
    Access, Answer, Asid, Config, Fault, Invalidation, LateSource, PageSize, Pfn, Request, Rights, Settings,
    Translation, Vpn,
};

use support::{Bench, LARGE};

/// 4 slots in the first level, 16 sets of 4 ways in the second.
fn config(hit_cycles: u32) -> Config {
    let small = Settings { tlb_entries: 4, l2_entries: 64, l2_ways: 4, frames: 256, ..Settings::default() };
    Config::new(Settings { name: format!("l2_{hit_cycles}"), hit_cycles, ..small }).unwrap()
}

fn machine(pages: &[Mapping], latency: u32) -> Machine {
    machine_of(1, pages, latency)
}

fn machine_of(hit_cycles: u32, pages: &[Mapping], latency: u32) -> Machine {
    let config = config(hit_cycles);
    let mut os = Os::new(&config, 1);
    let (table, ram) = os.table_mut();
    pages.iter().for_each(|page| table.insert(ram, *page).unwrap());
    let mut machine = Machine::new(support::dut(&config), &config, os, MemoryTiming::fixed(latency)).unwrap();
    // The sweep after reset.
    (0..32).for_each(|_| _ = machine.cycle(Drive::default()).unwrap());
    machine
}

fn page(asid: u16, vpn: u64, size: PageSize) -> Mapping {
    let pfn = Pfn::truncate(vpn & 0xff_ffff & !(size.pages() - 1));
    Mapping::new(Asid::truncate(asid), Vpn::truncate(vpn), size, pfn, Rights::ALL)
}

fn small(asid: u16, vpn: u64) -> Mapping {
    page(asid, vpn, PageSize::Small)
}

fn read(mapping: Mapping) -> Request {
    Request { asid: mapping.asid, vpn: mapping.vpn, access: Access::Read, user: true }
}

fn pfn(mapping: Mapping) -> Answer {
    Ok(Translation { pfn: mapping.pfn })
}

#[track_caller]
fn ask(machine: &mut Machine, request: Request) -> Answered {
    machine.ask(request).expect("the hardware keeps the contract")
}

#[track_caller]
fn invalidate(machine: &mut Machine, invalidation: Invalidation) {
    machine.invalidate(invalidation).expect("the hardware keeps the contract");
}

/// Pages of an address space of their own, enough to fill the first level.
fn others() -> Vec<Mapping> {
    (0..4).map(|n| small(99, 0x7000 + n)).collect()
}

/// Brings pages in, and others after them, so that only the second level holds the first.
fn bring_in(machine: &mut Machine, pages: &[Mapping]) {
    for page in pages.iter().chain(&others()) {
        ask(machine, read(*page));
    }
}

fn with_others(pages: &[Mapping]) -> Vec<Mapping> {
    [pages, &others()].concat()
}

#[test]
fn each_size_is_answered_in_its_cycle() {
    for (latency, hit) in [1, 2, 3, 5, 40].into_iter().flat_map(|latency| [(latency, 1), (latency, 2)]) {
        let pages = [small(1, 0x123), page(1, 0x4_0200, PageSize::Large), page(1, 0x8_0000, PageSize::Huge)];
        let mut machine = machine_of(hit, &with_others(&pages), latency);
        bring_in(&mut machine, &pages);
        for (page, cycles) in pages.into_iter().zip(support::l2_cycles(&config(hit))) {
            let answered = ask(&mut machine, read(page));
            let expected = (pfn(page), 2, cycles);
            assert_eq!((answered.answer, answered.level, answered.cycles), expected, "latency {latency}");
            let again = ask(&mut machine, read(page));
            assert_eq!((again.answer, again.level, again.cycles), (pfn(page), 1, hit), "it is in the first level now");
        }
    }
}

/// Each bit of a page's number that counts, and of its address space.
#[test]
fn a_page_that_differs_in_one_bit_is_another_page() {
    let vpn = 0x9_a5a5_c000_0000;
    let pages = [small(0x5a5a, vpn), page(0x5a5a, vpn, PageSize::Large), page(0x5a5a, vpn, PageSize::Huge)];
    for held in pages {
        let mut machine = machine(&with_others(&[held]), 1);
        bring_in(&mut machine, &[held]);
        let beyond = held.size.vpn_offset_bits()..52;
        let elsewhere = beyond.map(|bit| Mapping { vpn: Vpn::truncate(vpn ^ 1 << bit), ..held });
        let others = (0..16).map(|bit| Mapping { asid: Asid::truncate(0x5a5a ^ 1 << bit), ..held });
        for other in elsewhere.chain(others) {
            assert_eq!(ask(&mut machine, read(other)).answer, Err(Fault::NotPresent), "{other:?} beside {held:?}");
        }
        let answered = ask(&mut machine, read(held));
        assert_eq!((answered.answer, answered.level), (pfn(held), 2));
    }
}

/// There is one read of the second level a cycle, and what is looked up comes before what has missed.
#[test]
fn lookups_behind_a_miss_keep_no_page_from_being_found() {
    let pages = [small(1, 0x123), page(1, 0x4_0200, PageSize::Large), page(1, 0x8_0000, PageSize::Huge)];
    for (held, hit_cycles) in pages.into_iter().flat_map(|page| [(page, 1), (page, 2)]) {
        for behind in 0..12 {
            let mut machine = machine_of(hit_cycles, &with_others(&[held]), 40);
            bring_in(&mut machine, &[held]);
            let mut lookups = [held].into_iter().chain(others().into_iter().cycle().take(behind)).peekable();
            let mut levels = Vec::new();
            while lookups.peek().is_some() || machine.is_waiting() {
                let lookup = lookups.peek().map(|page| read(*page));
                let events =
                    machine.cycle(Drive { lookup, invalidate: None }).expect("the hardware keeps the contract");
                if events.lookup_accepted {
                    lookups.next();
                }
                levels.extend(events.into_answers().map(|answered| answered.level));
            }
            assert_eq!(levels.len(), 1 + behind);
            assert!(!levels.contains(&0), "{held:?}, {behind} lookups behind it: {levels:?}");
        }
    }
}

/// A look at a set that is written in the same cycle is made again, and so is that for the other sizes, if it has gone before:
/// software is asked only after all of them.
#[test]
fn software_is_asked_wherever_a_page_is_written_beside_a_look_at_its_set() {
    // 4 KiB pages of one set: two digits of the page number differ in the same bit.
    let pages: Vec<Mapping> =
        [0, 0x11, 0x110, 0x1100, 0x22, 0x220, 0x2200, 0x44, 0x440].map(|digits| small(1, 0x123 ^ digits)).into();
    for (hit_cycles, latency) in [1, 2].into_iter().flat_map(|hit| (1..48).map(move |latency| (hit, latency))) {
        for ahead in 1..4 {
            let mut machine = machine_of(hit_cycles, &pages, latency);
            let (mut asked, mut answered) = (0, 0);
            while answered < pages.len() {
                machine.set_software_refill(asked >= ahead);
                let lookup = pages.get(asked).map(|page| read(*page));
                let events =
                    machine.cycle(Drive { lookup, invalidate: None }).expect("the hardware keeps the contract");
                asked += usize::from(events.lookup_accepted);
                answered += events.into_answers().count();
            }
        }
    }
}

#[test]
fn a_page_that_neither_level_holds_is_walked_for_as_fast_as_without_a_second_level() {
    for (latency, hit) in [1, 10, 40, 100].into_iter().flat_map(|latency| [(latency, 1), (latency, 2)]) {
        let mut machine = machine_of(hit, &[small(1, 0x123)], latency);
        let answered = ask(&mut machine, read(small(1, 0x123)));
        let expected = support::walk_cycle(&config(hit), latency.into()) as u32;
        assert_eq!((answered.level, answered.cycles, answered.reads), (0, expected, 1));
    }
}

#[test]
fn a_small_page_of_the_second_level_costs_no_read() {
    for hit in [1, 2] {
        let mut machine = machine_of(hit, &with_others(&[small(1, 0x123)]), 10);
        bring_in(&mut machine, &[small(1, 0x123)]);
        let answered = ask(&mut machine, read(small(1, 0x123)));
        assert_eq!((answered.level, answered.reads), (2, 0), "hit_cycles = {hit}");
    }
}

#[test]
fn a_walk_that_is_overtaken_gives_its_data_to_nobody() {
    for (latency, pause) in (1..24).flat_map(|latency| [(latency, 0), (latency, 100)]) {
        let large = page(1, 0x4_0200, PageSize::Large);
        let fresh: Vec<Mapping> = (0..8).map(|n| small(2, 0x900 + n)).collect();
        let mut machine = machine(&with_others(&[&[large], &*fresh].concat()), latency);
        bring_in(&mut machine, &[large]);
        assert_eq!(ask(&mut machine, read(large)).level, 2);
        // The read of the large page's walk is still out, and comes while nobody asks, or another page's walk waits.
        (0..pause).for_each(|_| _ = machine.cycle(Drive::default()).expect("the hardware keeps the contract"));
        for page in fresh {
            let answered = ask(&mut machine, read(page));
            assert_eq!((answered.answer, answered.level), (pfn(page), 0), "latency {latency}");
        }
    }
}

/// What its read brings, which comes when its request is answered, is not looked at: a link in it leads nowhere.
#[test]
fn a_walk_that_is_overtaken_follows_no_link() {
    let mut bench = Bench::new(&support::named("line_l2"));
    // The sweep after reset.
    bench.run(64);
    bench.table.search_enable = 0b11;
    let large = support::page(1, 0x4_0200, 0x4_0200).size(LARGE);
    let vpn = large.vpn + 0x48;
    bench.map(large);
    assert_eq!(bench.ask(support::read(1, vpn)).answer, large.at(vpn));
    for vpn in (0..8).map(|n| 0x9_0000 + 8 * n) {
        bench.map(support::page(2, vpn, vpn));
        assert_eq!(bench.ask(support::read(2, vpn)).answer, Ok(vpn));
    }
    // The walk looks for a small page first, where another one's entry links to a third.
    let (home, next) = (bench.home(1, vpn), bench.free());
    assert_eq!(bench.get(home), [0; 4]);
    bench.put(home, support::page(7, vpn, 7).words(Some(next)));
    bench.put(next, support::page(8, vpn, 8).words(None));
    bench.memory.latency = 40;
    bench.lookup = Some(support::read(1, vpn));
    let seen = bench.run(200);
    let late: Vec<_> = seen.iter().filter_map(|seen| seen.late).collect();
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].source, late[0].answered.answer), (Some(LateSource::L2), large.at(vpn)));
    let reads: Vec<u64> = seen.iter().filter_map(|seen| seen.read).collect();
    assert_eq!(reads, [bench.table.address(home)]);
}

#[test]
fn each_kind_of_invalidation_drops_what_it_names_and_nothing_else() {
    let global = Mapping { global: true, ..small(0, 0x777) };
    let large = page(1, 0x4_0200, PageSize::Large);
    let pages = [small(1, 0x123), small(2, 0x123), small(1, 0x124), large, global];
    let asid = Asid::truncate(1);
    let cases = [
        (Invalidation::All, [0, 0, 0, 0, 0]),
        (Invalidation::Asid(asid), [0, 2, 0, 0, 2]),
        (Invalidation::Address(Vpn::truncate(0x123)), [0, 0, 2, 2, 2]),
        (Invalidation::AddressInAsid(asid, Vpn::truncate(0x123)), [0, 2, 2, 2, 2]),
        (Invalidation::Address(Vpn::truncate(0x4_03ff)), [2, 2, 2, 0, 2]),
        (Invalidation::Address(Vpn::truncate(0x777)), [2, 2, 2, 2, 0]),
        (Invalidation::AddressInAsid(Asid::GLOBAL, Vpn::truncate(0x777)), [2, 2, 2, 2, 2]),
    ];
    for (invalidation, levels) in cases {
        for (page, level) in pages.into_iter().zip(levels) {
            let mut machine = machine(&with_others(&pages), 3);
            bring_in(&mut machine, &pages);
            invalidate(&mut machine, invalidation);
            let answered = ask(&mut machine, read(page));
            assert_eq!((answered.answer, answered.level), (pfn(page), level), "{page:?} after {invalidation:?}");
        }
    }
}

#[test]
fn a_withdrawn_page_is_not_used_wherever_the_invalidation_falls() {
    for size in PageSize::ALL {
        for by_asid in [false, true] {
            for offset in 0..40 {
                let old = page(1, 0x8_0000, size);
                let mut machine = machine(&with_others(&[old]), 4);
                bring_in(&mut machine, &[old]);
                let new = Pfn::truncate(old.pfn.get() ^ 0x100_0000 & !(size.pages() - 1));
                machine.change(|os| {
                    let (table, ram) = os.table_mut();
                    let change = |pte: hashwalk_model::mapping::Pte| hashwalk_model::mapping::Pte { pfn: new, ..pte };
                    vec![table.update(ram, old.asid, old.vpn, size, &change).unwrap()]
                });
                let invalidation = match by_asid {
                    true => Invalidation::Asid(old.asid),
                    false => Invalidation::AddressInAsid(old.asid, old.vpn),
                };
                let mut invalidate = None;
                let mut lookup = Some(read(old));
                // Lookups all the time; the scoreboard knows from when on the old frame is illegal.
                for cycle in 0..120 {
                    if cycle == offset {
                        invalidate = Some(invalidation);
                    }
                    let events = machine.cycle(Drive { lookup, invalidate }).unwrap();
                    if events.invalidate_accepted {
                        invalidate = None;
                    }
                    if events.lookup_accepted {
                        lookup = Some(read(if cycle % 3 == 0 { old } else { others()[cycle % 4] }));
                    }
                }
                while lookup.is_some() || machine.is_waiting() {
                    if machine.cycle(Drive { lookup, invalidate }).unwrap().lookup_accepted {
                        lookup = None;
                    }
                }
                assert_eq!(ask(&mut machine, read(old)).answer, Ok(Translation { pfn: new }));
            }
        }
    }
}

#[test]
fn lookups_go_past_a_sweep_and_find_what_it_left() {
    let mut machine = machine(&with_others(&[small(1, 0x123), small(2, 0x321)]), 3);
    bring_in(&mut machine, &[small(1, 0x123), small(2, 0x321)]);
    let mut invalidate = Some(Invalidation::Asid(Asid::truncate(7)));
    while invalidate.is_some() {
        if machine.cycle(Drive { lookup: None, invalidate }).unwrap().invalidate_accepted {
            invalidate = None;
        }
    }
    let answered = ask(&mut machine, read(small(1, 0x123)));
    assert_eq!((answered.level, answered.cycles), (0, 3 + 4), "walked for while the sweep goes on");
    while machine.is_invalidating() {
        machine.cycle(Drive::default()).unwrap();
    }
    assert_eq!(ask(&mut machine, read(small(2, 0x321))).level, 2, "the other page is still there");
    for page in others() {
        ask(&mut machine, read(page));
    }
    assert_eq!(ask(&mut machine, read(small(1, 0x123))).level, 2, "it stands there once, as before");
}

#[test]
fn a_page_that_denies_the_access_is_answered_with_rights_and_not_brought_in() {
    let read_only = Mapping { rights: Rights::R.with(Rights::U), ..small(1, 0x123) };
    let mut machine = machine(&with_others(&[read_only]), 3);
    bring_in(&mut machine, &[read_only]);
    let write = Request { access: Access::Write, ..read(read_only) };
    for _ in 0..2 {
        let answered = ask(&mut machine, write);
        assert_eq!(
            (answered.answer, answered.level, answered.cycles),
            (Err(Fault::Rights), 2, support::l2_cycles(&config(1))[0])
        );
    }
}

#[test]
fn a_global_page_is_found_from_every_address_space() {
    let global = Mapping { global: true, ..small(0, 0x777) };
    let mut machine = machine(&with_others(&[global]), 3);
    bring_in(&mut machine, &[global]);
    let answered = ask(&mut machine, Request { asid: Asid::truncate(55), ..read(global) });
    assert_eq!((answered.answer, answered.level), (pfn(global), 2));
}

/// Software puts a global page in the place of a page of one address space, without invalidating that: until it does, the
/// second level holds both, and either may be the answer, but no mixture of them.
#[test]
fn a_page_that_a_global_one_has_replaced_may_be_answered_until_it_is_invalidated() {
    for apart in 0..4 {
        let (old, between) = (small(1, 0x123), (0..apart).map(|n| small(7, 0x500 + n)).collect::<Vec<_>>());
        let new = Mapping { global: true, pfn: Pfn::truncate(0xa5_5a00_0000), ..small(0, 0x123) };
        let mut machine = machine(&with_others(&[&[old], &*between].concat()), 3);
        bring_in(&mut machine, &[old]);
        bring_in(&mut machine, &between);
        machine.change(|os| {
            let (table, ram) = os.table_mut();
            table.remove(ram, old.asid, old.vpn, old.size).unwrap();
            table.insert(ram, new).unwrap();
            vec![old]
        });
        let of_another = Request { asid: Asid::truncate(2), ..read(new) };
        assert_eq!(ask(&mut machine, of_another).answer, pfn(new));
        bring_in(&mut machine, &[]);
        assert!([pfn(old), pfn(new)].contains(&ask(&mut machine, read(old)).answer), "{apart} pages apart");
        invalidate(&mut machine, Invalidation::Address(old.vpn));
        assert_eq!(ask(&mut machine, read(old)).answer, pfn(new));
    }
}

#[test]
fn pages_are_replaced_one_at_a_time() {
    // Pages 16 apart share a set of the 16, as far as their upper digits are zero.
    let pages: Vec<Mapping> = (0..8).map(|n| small(1, n * 0x100 * 0x100)).collect();
    let mut machine = machine(&with_others(&pages), 3);
    bring_in(&mut machine, &pages[..4]);
    let levels: Vec<u8> = pages[..4].iter().map(|page| ask(&mut machine, read(*page)).level).collect();
    assert_eq!(levels, [2; 4], "four ways hold four pages of a set, whatever they share it with");
    bring_in(&mut machine, &pages);
    let held = pages.iter().filter(|page| ask(&mut machine, read(**page)).level > 0).count();
    assert!(held >= 4, "{held}");
}

#[test]
fn software_is_asked_for_what_neither_level_holds() {
    let pages = [small(1, 0x123), page(1, 0x4_0200, PageSize::Large), page(1, 0x8_0000, PageSize::Huge)];
    let mut machine = machine(&with_others(&pages), 3);
    machine.set_software_refill(true);
    bring_in(&mut machine, &pages);
    for (page, cycles) in pages.into_iter().zip(support::l2_cycles(&config(1))) {
        let answered = ask(&mut machine, read(page));
        assert_eq!((answered.answer, answered.level, answered.cycles, answered.reads), (pfn(page), 2, cycles, 0));
    }
}
