//! Entries that are changed store by store while they are read word by word: docs/spec.md, sections 2 and 4.

mod support;

use hashwalk::check::{CheckOptions, CheckOutcome, check};
use hashwalk::device::Device;
use hashwalk::machine::{Drive, Machine, MemoryTiming};
use hashwalk_model::mapping::Marks;
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable, Store, Walkable};
use hashwalk_spec::{
    Access, Answer as Judged, Asid, Config, Fault, Invalidation, PageSize, Pfn, Request, Rights, Settings, Vpn,
};
use support::*;

const LATENCIES: [u64; 4] = [1, 2, 10, 40];
const VPN: u64 = 0xf_edcb_a987_6543;
const LINKED: u64 = 1 << 32;
/// The page that is asked for, and another one with the same home under some hashes: its entry differs in all words.
const PAGE: Page = page(1, VPN, 0x99);
const OTHER: Page = page(2, 0x1234, 0x11).rights(R);

/// Ports of 256, 128 and 64 bits.
fn configs() -> [Config; 3] {
    ["sequence", "sequence_odd", "sequence_tiny"].map(named)
}

/// A bench that makes only the 4 KiB search, and the home of [`VPN`] in ASID 1.
fn bench(config: &Config) -> (Bench, u32) {
    let mut bench = Bench::new(config);
    bench.table.search_enable = 1;
    let home = bench.home(1, VPN);
    (bench, home)
}

/// The entry under a sequence number.
fn numbered(words: Words, number: u64) -> Words {
    let [pte, vpn, asid, link] = words;
    let number = (number % 16) << 60;
    [pte | number, vpn, asid, link | number]
}

/// An entry after so many of the four stores that make it another one.
fn after(stores: usize, old: Words, new: Words) -> Words {
    std::array::from_fn(|word| if stores + word >= 4 { new[word] } else { old[word] })
}

/// Cycles until all words of a read are given.
fn finish_read(bench: &mut Bench) {
    let taken = bench.memory.taken() + bench.config.beats();
    bench.until("read", |seen| seen.read.is_some());
    while bench.memory.taken() < taken {
        bench.cycle();
    }
}

fn answer(bench: &mut Bench) -> Answered {
    bench.until("answer", |seen| seen.answered.is_some()).answered.expect("just seen")
}

/// QEMU and Linux order the stores of an update on purpose, since otherwise a walk takes the valid word from before it and the
/// data from after it. Here at every boundary between words, after every store.
#[test]
fn an_entry_with_a_valid_word_of_before_an_update_and_data_of_after_it_is_read_again() {
    for config in configs() {
        for latency in LATENCIES {
            let (mut bench, home) = bench(&config);
            bench.memory.latency = latency;
            let beats = u64::from(config.beats());
            let (mut torn, mut whole) = (0, 0);
            for (before, behind) in [(OTHER, PAGE), (PAGE, OTHER)] {
                let (old, new) = (numbered(before.words(None), 15), numbered(behind.words(None), 16));
                let answer_of = |page: Page| if page == PAGE { Ok(0x99) } else { Err(Fault::NotPresent) };
                for (split, first, later) in splits() {
                    bench.start_over();
                    bench.memory.sample = Sample::Split(split);
                    bench.put(home, after(first, old, new));
                    bench.lookup = Some(read(1, VPN));
                    bench.until("read", |seen| seen.read.is_some());
                    bench.put(home, after(later, old, new));
                    let taken = bench.memory.taken();
                    while bench.memory.taken() == taken {
                        bench.cycle();
                    }
                    bench.put(home, new);
                    let answered = answer(&mut bench);
                    // The words that are new, of those that bear the number.
                    let first_is_new = (if split > 0 { first } else { later }) == 4;
                    let last_is_new = (if split > 3 { first } else { later }) >= 1;
                    let is_torn = first_is_new != last_is_new;
                    let expected = answer_of(if is_torn || first_is_new { behind } else { before });
                    let what = format!("{}, {latency}: {split}, {first}, {later}", config.name());
                    assert_eq!(answered.answer, expected, "{what}");
                    let rereads = u64::from(is_torn);
                    let cycles = latency + 3 + beats + rereads * (latency + 1 + beats);
                    assert_eq!((answered.cycles, answered.reads), (cycles, 1 + u32::from(is_torn)), "{what}");
                    *(if is_torn { &mut torn } else { &mut whole }) += 1;
                }
            }
            assert!(torn >= 30 && whole >= 30, "{torn} torn, {whole} whole");
        }
    }
}

/// How many words are read early, and how many stores are made before these and before the others.
fn splits() -> impl Iterator<Item = (usize, usize, usize)> {
    let stores = |split| (0..=4).flat_map(move |first| (first..=4).map(move |later| (split, first, later)));
    (0..=4).flat_map(stores)
}

#[test]
fn each_reread_takes_latency_plus_1_plus_beats_and_counts_as_a_probe_of_the_search() {
    for config in configs() {
        for latency in LATENCIES {
            let (mut bench, home) = bench(&config);
            bench.memory.latency = latency;
            let beats = u64::from(config.beats());
            let whole = numbered(PAGE.words(None), 7);
            let torn = after(2, numbered(OTHER.words(None), 6), whole);
            for rereads in 0..config.max_steps().min(6) {
                bench.start_over();
                bench.put(home, if rereads == 0 { whole } else { torn });
                bench.lookup = Some(read(1, VPN));
                for _ in 0..rereads {
                    finish_read(&mut bench);
                }
                bench.put(home, whole);
                let answered = answer(&mut bench);
                let cycles = latency + 3 + beats + u64::from(rereads) * (latency + 1 + beats);
                assert_eq!((answered.answer, answered.cycles), (Ok(0x99), cycles), "{rereads} of {}", config.name());
                assert_eq!(answered.reads, rereads + 1);
            }
            bench.start_over();
            bench.put(home, torn);
            let answered = bench.walks(read(1, VPN), Err(Fault::ChainTooLong));
            assert_eq!(answered.reads, config.max_steps());
        }
    }
}

#[test]
fn the_last_probe_that_is_allowed_may_find_the_page_and_may_not_find_it_torn() {
    let (config, torn_last) = (named("sequence_odd"), [false, true]);
    let steps = config.max_steps();
    for is_torn in torn_last {
        for depth in 0..steps {
            let (mut bench, home) = bench(&config);
            bench.bury(PAGE, depth);
            let index = bench.chain(home)[depth as usize];
            let whole = bench.get(index);
            // As many rereads as are left, or one more.
            let rereads = steps - 1 - depth + u32::from(is_torn);
            bench.put(index, if rereads > 0 { numbered(whole, 1).map_first(whole[0]) } else { whole });
            bench.lookup = Some(read(1, VPN));
            for _ in 0..depth + rereads {
                finish_read(&mut bench);
            }
            bench.put(index, whole);
            let expected = if is_torn { Err(Fault::ChainTooLong) } else { Ok(0x99) };
            let answered = answer(&mut bench);
            assert_eq!((answered.answer, answered.reads), (expected, steps), "depth {depth}");
        }
    }
}

trait MapFirst {
    fn map_first(self, first: u64) -> Self;
}

impl MapFirst for Words {
    /// The same with another word 0.
    fn map_first(self, first: u64) -> Words {
        let [_, vpn, asid, link] = self;
        [first, vpn, asid, link]
    }
}

#[test]
fn every_bit_of_the_numbers_is_compared_and_none_must_be_zero() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        for first in 0..16 {
            for last in 0..16 {
                bench.start_over();
                bench.put(home, numbered(PAGE.words(None), last).map_first(numbered(PAGE.words(None), first)[0]));
                let torn = first != last;
                let answered = bench.walks(read(1, VPN), if torn { Err(Fault::ChainTooLong) } else { Ok(0x99) });
                assert_eq!(answered.reads, if torn { config.max_steps() } else { 1 });
            }
        }
    }
}

#[test]
fn a_place_of_zeros_under_any_number_is_empty_and_its_other_zero_bits_count() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        for number in 0..16 {
            bench.put(home, numbered([0; 4], number));
            assert_eq!(bench.walks(read(1, VPN), Err(Fault::NotPresent)).reads, 1, "number {number}");
            let next = bench.table.mask() ^ home;
            for bit in 33..60 {
                bench.put(home, numbered([0, 0, 0, LINKED | 1 << bit | u64::from(next)], number));
                assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).reads, 1, "link, bit {bit}");
            }
            for bit in [10, 11].into_iter().chain(52..60) {
                let [pte, vpn, asid, link] = PAGE.words(None);
                bench.put(home, numbered([pte | 1 << bit, vpn, asid, link], number));
                assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).reads, 1, "PTE, bit {bit}");
            }
        }
    }
}

/// Whatever else it holds: the page itself, a PTE that is malformed or denies, links that are broken or lead to the page.
#[test]
fn nothing_of_a_torn_entry_counts() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        let behind = bench.free();
        let [pte, vpn, asid, _] = PAGE.words(None);
        let links = [0, LINKED | u64::from(behind), LINKED | 1 << 31, LINKED | 1 << 50, LINKED | u64::from(home)];
        let ptes = [pte, pte ^ 0xff << 12, pte | 1 << 55, 1 | (pte & !0xff), 0];
        for link in links {
            for pte in ptes {
                bench.start_over();
                bench.put(behind, numbered(page(1, VPN, 0x55).words(None), 3));
                bench.put(home, [pte | 3 << 60, vpn, asid, link | 4 << 60]);
                bench.lookup = Some(read(1, VPN));
                finish_read(&mut bench);
                bench.put(home, numbered(PAGE.words(None), 4));
                let answered = answer(&mut bench);
                assert_eq!((answered.answer, answered.reads), (Ok(0x99), 2), "PTE {pte:#x}, link {link:#x}");
            }
        }
    }
}

/// The link that counts is that of the entry when it is whole.
#[test]
fn a_torn_entry_in_the_middle_of_a_chain_is_passed_by_its_new_link_once_it_is_whole() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        let [middle, old_end, new_end] = [bench.free(), bench.free(), bench.free()];
        let old = numbered(OTHER.words(Some(old_end)), 2);
        let new = numbered(page(7, 0x777, 0x77).words(Some(new_end)), 3);
        for stores in 1..4 {
            bench.start_over();
            bench.put(home, numbered(OTHER.words(Some(middle)), 9));
            bench.put(middle, after(stores, old, new));
            bench.put(old_end, numbered(page(1, VPN, 0x55).words(None), 1));
            bench.put(new_end, numbered(PAGE.words(None), 1));
            bench.lookup = Some(read(1, VPN));
            let mut reads = Vec::new();
            for _ in 0..2 {
                reads.extend(bench.until("read", |seen| seen.read.is_some()).read);
                bench.run(bench.memory.latency + u64::from(config.beats()));
            }
            bench.put(middle, new);
            for _ in 0..2 {
                reads.extend(bench.until("read", |seen| seen.read.is_some()).read);
            }
            let answered = answer(&mut bench);
            assert_eq!((answered.answer, answered.reads), (Ok(0x99), 4), "{stores} stores");
            assert_eq!(reads, [home, middle, middle, new_end].map(|index| bench.table.address(index)));
        }
    }
}

/// Neither the PTE's word nor the link's bears another number when it changes alone.
#[test]
fn changes_of_one_word_are_read_at_once() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        let next = bench.free();
        let old = numbered(PAGE.words(None), 5);
        let pte = numbered(page(1, VPN, 0x42).words(None), 5);
        let link = numbered(PAGE.words(Some(next)), 5);
        for (new, is_pte) in [(pte, true), (link, false)] {
            for split in 0..=4 {
                bench.start_over();
                bench.memory.sample = Sample::Split(split);
                bench.put(home, old);
                bench.lookup = Some(read(1, VPN));
                bench.until("read", |seen| seen.read.is_some());
                bench.put(home, new);
                let answered = answer(&mut bench);
                let expected = if is_pte && split == 0 { 0x42 } else { 0x99 };
                assert_eq!((answered.answer, answered.reads), (Ok(expected), 1), "split at {split}");
            }
        }
    }
}

#[test]
fn an_error_in_a_torn_entry_is_a_bus_error() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        let torn = after(2, numbered(OTHER.words(None), 6), numbered(PAGE.words(None), 7));
        for beat in 0..config.beats() as usize {
            bench.start_over();
            bench.put(home, torn);
            bench.memory.errors.insert((bench.table.address(home), beat));
            assert_eq!(bench.walks(read(1, VPN), Err(Fault::BusError)).reads, 1, "beat {beat}");
        }
    }
}

/// The number of probes begins anew with each search, torn entries among them.
#[test]
fn a_search_goes_on_after_a_torn_entry_and_the_next_one_has_probes_of_its_own() {
    for config in configs() {
        let (mut bench, home) = bench(&config);
        bench.table.search_enable = 0b11;
        let large = page(1, VPN & !0x1ff, 0x200).size(LARGE);
        let index = bench.home(1, large.vpn);
        assert_ne!(index == home, config.name() != "sequence_odd", "under the hash of the ASID alone they meet");
        let torn = [1 << 60, 0, 0, 0];
        bench.put(home, torn);
        bench.lookup = Some(read(1, VPN));
        for _ in 1..config.max_steps() {
            finish_read(&mut bench);
        }
        // The search's last probe finds nothing.
        bench.put(home, [0; 4]);
        finish_read(&mut bench);
        bench.put(index, torn);
        for _ in 1..config.max_steps() {
            finish_read(&mut bench);
        }
        bench.put(index, large.words(None));
        let answered = answer(&mut bench);
        assert_eq!((answered.answer, answered.reads), (large.at(VPN), 2 * config.max_steps()));
    }
}

/// The page is withdrawn and entered again elsewhere while its entry is torn.
#[test]
fn an_invalidation_in_any_cycle_of_a_reread_leaves_nothing_of_a_withdrawn_page() {
    for config in configs() {
        for latency in [1, 4] {
            let (mut bench, home) = bench(&config);
            bench.memory.latency = latency;
            let beats = u64::from(config.beats());
            let stale = numbered(page(1, VPN, 0x55).words(None), 1);
            let (between, new) = (numbered(OTHER.words(None), 2), numbered(PAGE.words(None), 3));
            let walk = latency + 3 + beats;
            // The reread is accepted here if nothing delays it.
            let reread = 2 + latency + 1 + beats;
            let mut seen_reads = Vec::new();
            for offset in 0..2 * walk + 4 {
                for (first, second) in [(stale, new), (between, new), (stale, between)] {
                    bench.start_over();
                    bench.put(home, after(2, first, second));
                    bench.lookup = Some(read(1, VPN));
                    let mut answered = None;
                    for cycle in 0..4 * walk {
                        if cycle == offset {
                            bench.invalidate = Some(Invalidation::AddressInAsid(Asid::truncate(1), Vpn::truncate(VPN)));
                        }
                        let taken = bench.memory.taken();
                        answered = bench.cycle().answered.or(answered);
                        if taken.is_multiple_of(config.beats()) != bench.memory.taken().is_multiple_of(config.beats())
                            || config.beats() == 1 && bench.memory.taken() > taken
                        {
                            bench.put(home, second);
                        }
                    }
                    let answered = answered.expect("an answer");
                    let expected = if second == new { Ok(0x99) } else { Err(Fault::NotPresent) };
                    assert_eq!(answered.answer, expected, "{}, offset {offset}", config.name());
                    let is_early = offset < reread;
                    assert!(answered.reads == 2 || (answered.reads == 3 && !is_early && second == new), "{offset}");
                    seen_reads.push(answered.reads);
                    bench.lookup = Some(read(1, VPN));
                    assert_eq!(answer(&mut bench).answer, expected);
                }
            }
            assert!(seen_reads.contains(&2) && seen_reads.contains(&3));
        }
    }
}

const NONE: Marks = Marks::NONE;
const BOTH: Marks = Marks::A.with(Marks::D);

fn mapped(vpn: u64, pfn: u64) -> Mapping {
    Mapping::new(Asid::truncate(1), Vpn::truncate(vpn), PageSize::Small, Pfn::truncate(pfn), Rights::ALL)
}

/// The hardware that sets marks, in a small memory.
fn marking() -> Config {
    Config::new(Settings { frames: 128, ..named("sequence_update_l2").settings().clone() })
        .expect("a legal configuration")
}

/// At rest, over a table whose pages all share a chain, in the order in which they are entered.
fn machine(latency: u32, seed: u64, pages: &[Mapping]) -> Machine {
    let config = marking();
    let mut os = Os::new(&config, seed);
    let (table, ram) = os.table_mut();
    pages.iter().for_each(|page| table.insert(ram, *page).expect("there is room"));
    let timing = MemoryTiming { seed, ..MemoryTiming::fixed(latency) };
    let mut machine = Machine::new(dut(&named(config.name())), &config, os, timing).expect("a machine");
    machine.watch();
    (0..32).for_each(|_| drop(machine.cycle(Drive::default()).expect("the hardware keeps the contract")));
    machine
}

/// Pages whose homes agree, for the key of this seed.
fn colliding(seed: u64) -> [Mapping; 2] {
    let layout = *Os::new(&marking(), seed).walk_context().layout();
    let table = hashwalk_model::ChainedTable::new(layout);
    let home = |vpn: u64| table.home(Asid::truncate(1), Vpn::truncate(vpn));
    let other = (1u64..).find(|vpn| home(*vpn) == home(0)).expect("the table is small");
    [mapped(0, 0x10), mapped(other, 0x20)]
}

/// The stores of a removal, made one a cycle from this cycle on, while a page is written to.
fn race(machine: &mut Machine, request: Request, stores: &[Store], from: usize) -> Judged {
    let (mut lookup, mut answer) = (Some(request), None);
    for cycle in 0..300usize {
        let events = machine.cycle(Drive { lookup, invalidate: None }).expect("the hardware keeps the contract");
        lookup = lookup.filter(|_| !events.lookup_accepted);
        answer = events.into_answers().next().map(|answered| answered.answer).or(answer);
        if let Some(store) = cycle.checked_sub(from).and_then(|n| stores.get(n)) {
            machine.store(store);
        }
    }
    answer.expect("an answer")
}

fn held(machine: &Machine) -> Vec<Mapping> {
    machine.os().table().mappings(machine.os().ram()).expect("the table is whole")
}

fn stores_of_remove(machine: &mut Machine, page: Mapping) -> Vec<Store> {
    let mut stores = Vec::new();
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        stores = table.remove_by_stores(ram, page.asid, page.vpn, page.size).expect("the page is mapped").1;
        Vec::new()
    });
    stores
}

/// It moves to its home while its marks are set: none is lost, whichever came first.
#[test]
fn marks_that_are_set_while_an_entry_moves_are_not_lost() {
    for (latency, seed) in [(1, 1), (3, 2), (6, 3)] {
        let [first, moved] = colliding(seed);
        let mut granted = 0;
        for from in 0..60 {
            let mut machine = machine(latency, seed, &[first, moved]);
            let stores = stores_of_remove(&mut machine, first);
            assert_eq!(stores.len(), 2 + 4 + 4);
            let request = Request { asid: moved.asid, vpn: moved.vpn, access: Access::Write, user: true };
            let answer = race(&mut machine, request, &stores, from);
            let marks = if answer.is_ok() { BOTH } else { NONE };
            assert_eq!(held(&machine), [Mapping { marks, ..moved }], "latency {latency}, from cycle {from}");
            granted += u32::from(answer.is_ok());
        }
        assert!(granted >= 30, "{granted}");
    }
}

/// Its entry is emptied and filled with another page while its marks are set: they do not come to that one.
#[test]
fn marks_do_not_come_to_the_page_that_takes_the_place() {
    for (latency, seed) in [(1, 1), (4, 2)] {
        let [first, next] = colliding(seed);
        let mut answers = Vec::new();
        for from in 0..60 {
            let mut machine = machine(latency, seed, &[first]);
            let mut stores = stores_of_remove(&mut machine, first);
            // What is entered later is planned over the table as it will be.
            let mut later = machine.os().memory().clone();
            stores.iter().for_each(|store| store.make(&mut later).expect("the table lies in memory"));
            let table = hashwalk_model::ChainedTable::new(*machine.os().walk_context().layout());
            stores.extend(table.stores_of_insert(&later, next).expect("there is room"));
            let request = Request { asid: first.asid, vpn: first.vpn, access: Access::Write, user: true };
            answers.push(race(&mut machine, request, &stores, from).is_ok());
            assert_eq!(held(&machine), [next], "latency {latency}, from cycle {from}");
        }
        answers.dedup();
        assert_eq!(answers, [false, true]);
    }
}

#[test]
fn whatever_happens_no_answer_mixes_two_versions_of_an_entry() {
    let names = ["sequence", "sequence_odd", "sequence_tiny", "sequence_update_l2"];
    for (seed, name) in (1..).zip(names) {
        let device = Device::build(&named(name), false).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let replay = folder.path().join("failure.json");
        match check(&[device], &CheckOptions { cases: 150, seed, replay: replay.clone() }, true).unwrap() {
            CheckOutcome::Passed(tally) => {
                let torn = tally.times.get("torn entries").copied().unwrap_or_default();
                assert!(torn > 400, "{name}: {torn}");
            }
            CheckOutcome::Failed { reason, .. } => panic!("{reason}\n{}", std::fs::read_to_string(replay).unwrap()),
        }
    }
}
