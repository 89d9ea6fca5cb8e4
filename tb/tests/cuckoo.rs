//! The walker of cuckoo tables: its cycles, its reads that nobody needs any more, and entries written by hand (docs/spec.md,
//! sections 2 to 4).

mod support;

use hashwalk::device::Device;
use hashwalk::machine::{Answered, Drive, Events, Machine, MemoryTiming, Poison};
use hashwalk_model::hash::{HashFunction, hasher};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{
    Access, Answer, Asid, Config, Fault, Format, Invalidation, Marking, PageSize, Pfn, PhysAddr, Request, Rights,
    Search, Settings, Translation, Vpn,
};
use support::{Bench, request_cycle};

/// Cuckoo tables of every number of ways, on every bus.
fn configs() -> impl Iterator<Item = Config> {
    support::all_configs().into_iter().filter(|config| config.format() == Format::Cuckoo && config.l2_sets() == 0)
}

fn machine(config: &Config, timing: MemoryTiming) -> Machine {
    Machine::new(support::dut(config), config, Os::new(config, 1), timing).expect("a machine")
}

fn at_latency(config: &Config, latency: u32) -> Machine {
    machine(config, MemoryTiming::fixed(latency))
}

fn read(vpn: u64) -> Request {
    Request { asid: Asid::truncate(1), vpn: Vpn::truncate(vpn), access: Access::Read, user: true }
}

fn pfn(pfn: u64) -> Answer {
    Ok(Translation { pfn: Pfn::truncate(pfn) })
}

#[track_caller]
fn cycle(machine: &mut Machine, drive: Drive) -> Events {
    machine.cycle(drive).expect("the hardware keeps the contract")
}

#[track_caller]
fn ask(machine: &mut Machine, request: Request) -> Answered {
    machine.ask(request).expect("the hardware keeps the contract")
}

#[track_caller]
fn invalidate(machine: &mut Machine) {
    machine.invalidate(Invalidation::All).expect("the hardware keeps the contract");
}

/// The words of a 4 KiB page of ASID 1 that allows everything.
fn entry(vpn: u64, pfn: u64) -> [u64; 4] {
    [pfn << 12 | 0x1f, vpn, 1, 0]
}

/// Where a page of ASID 1 stands in a way, worked from docs/spec.md, sections 2 and 3.
fn place(machine: &Machine, way: u32, vpn: u64) -> PhysAddr {
    let layout = *machine.os().walk_context().layout();
    let hash = hasher(layout.hash(), layout.key()).hash_of_way(way, Asid::truncate(1), Vpn::truncate(vpn));
    let parts = if machine.config().ways() == 2 { 2 } else { 4 };
    let size = layout.elements() / parts;
    PhysAddr::truncate(layout.base().get() + 32 * (u64::from(way) * size + u64::from(hash) % size))
}

fn put(machine: &mut Machine, address: PhysAddr, words: [u64; 4]) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    machine.change(|os| {
        os.memory_mut().write(address, &bytes).expect("entries lie in memory");
        Vec::new()
    });
}

/// Writes an entry where the page stands in a way.
fn put_at(machine: &mut Machine, way: u32, vpn: u64, words: [u64; 4]) {
    let address = place(machine, way, vpn);
    put(machine, address, words);
}

/// Writes the page into a way.
fn put_page(machine: &mut Machine, way: u32, vpn: u64, pfn: u64) {
    put_at(machine, way, vpn, entry(vpn, pfn));
}

#[test]
fn a_page_in_way_w_takes_latency_plus_3_plus_beats_for_each_way_up_to_it_on_every_bus() {
    for (ways, bus_bits) in [(2, 64), (3, 64), (2, 128), (3, 128), (2, 256), (3, 256), (4, 256)] {
        let name = format!("cuckoo_{ways}_{bus_bits}");
        let settings = Settings { name, format: Format::Cuckoo, ways, bus_bits, frames: 128, ..Settings::default() };
        let config = Config::new(settings).unwrap();
        let device = Device::build(&config, false).unwrap();
        let beats = config.beats();
        for latency in [1, 10, 40, 100] {
            let mut os = Os::new(&config, 1);
            os.set_search_enable(Search::ENABLE_SMALL_ONLY);
            let mut machine = Machine::new(device.load().unwrap(), &config, os, MemoryTiming::fixed(latency)).unwrap();
            for way in 0..ways {
                let vpn = 0x100 + u64::from(way);
                put_page(&mut machine, way, vpn, vpn);
                let answered = ask(&mut machine, read(vpn));
                assert_eq!(answered.answer, pfn(vpn));
                let want = latency + 3 + (way + 1) * beats;
                assert_eq!(answered.cycles, want, "{ways} ways, {bus_bits} bits, latency {latency}, way {way}");
                put_at(&mut machine, way, vpn, [0; 4]);
                // Reads of later ways are still out; on a narrow bus the next walk's data would wait for theirs.
                for _ in 0..ways * beats {
                    cycle(&mut machine, Drive::default());
                }
            }
            // The worst case is a page that is absent, and takes no longer than one in the last way.
            let answered = ask(&mut machine, read(0x999));
            assert_eq!((answered.answer, answered.reads), (Err(Fault::NotPresent), ways));
            assert_eq!(answered.cycles, latency + 3 + ways * beats, "{ways} ways, {bus_bits} bits, {latency}, absent");
        }
    }
}

/// The bar: with three ways on the widest bus, any page within L + 6.
#[test]
fn any_page_is_answered_within_latency_plus_6_on_the_widest_bus() {
    let config = support::named("cuckoo");
    assert_eq!((config.ways(), config.bus_bits()), (3, 256));
    for latency in [1, 10, 40, 100] {
        let mut os = Os::new(&config, 1);
        os.set_search_enable(Search::ENABLE_SMALL_ONLY);
        let vpn = |page: u64| 0x4000 + 3 * page;
        let (table, ram) = os.table_mut();
        for page in 0..1000 {
            let (asid, vpn) = (Asid::truncate(1), Vpn::truncate(vpn(page)));
            let mapping = Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(page), Rights::ALL);
            table.insert(ram, mapping).unwrap();
        }
        let dut = support::dut(&config);
        let mut machine = Machine::new(dut, &config, os, MemoryTiming::fixed(latency)).unwrap();
        let walks = (0..2000).map(|page| ask(&mut machine, read(vpn(page)))).filter(|answered| answered.level == 0);
        let cycles: Vec<u32> = walks.map(|answered| answered.cycles).collect();
        assert_eq!((cycles.len(), cycles.iter().max()), (2000, Some(&(latency + 6))));
    }
}

#[test]
fn each_further_search_takes_latency_plus_2_plus_beats_for_each_way() {
    for config in configs() {
        for latency in [1, 10, 40, 100] {
            let mut machine = at_latency(&config, latency);
            // Three sizes under ASID 1, three global.
            let answered = ask(&mut machine, read(0x999));
            let search = latency + 2 + config.ways() * config.beats();
            assert_eq!((answered.answer, answered.reads), (Err(Fault::NotPresent), 6 * config.ways()));
            assert_eq!(answered.cycles, 1 + 6 * search, "{} at {latency}", config.name());
        }
    }
}

#[test]
fn a_walk_waits_for_the_beats_that_the_one_before_did_not_need() {
    for config in configs() {
        let (ways, beats) = (config.ways(), config.beats());
        for (latency, way) in
            [1, 2, 3, 10, 100].into_iter().flat_map(|latency| (0..ways).map(move |way| (latency, way)))
        {
            let mut machine = at_latency(&config, latency);
            put_page(&mut machine, way, 0x10, 0x10);
            put_page(&mut machine, 0, 0x20, 0x20);
            // Where the walks set A, the beats go on to come meanwhile.
            let update = if config.marks() == Marking::Update { latency + 2 } else { 0 };
            assert_eq!(ask(&mut machine, read(0x10)).cycles, latency + 3 + (way + 1) * beats + update);
            let late = ((ways - way - 1) * beats).saturating_sub(latency + 4 + update);
            assert_eq!(
                ask(&mut machine, read(0x20)).cycles,
                latency + 3 + beats + late + update,
                "{}, {latency}",
                config.name()
            );
        }
    }
}

/// What comes late for one walk must not be taken for what the next one asks for.
#[test]
fn reads_that_a_walk_left_behind_do_not_reach_the_next_one() {
    for config in configs() {
        for latency in [1, 2, 3, 5, 10, 40] {
            let random = MemoryTiming {
                latency_max: 3 * latency,
                stall_percent: 40,
                gap_percent: 40,
                ..MemoryTiming::fixed(latency)
            };
            for timing in [MemoryTiming::fixed(latency), random] {
                let mut machine = machine(&config, timing);
                // In way 0, with another page's entries in the later ones; then a page that is absent, one in the last way, ...
                let last = config.ways() - 1;
                let pages =
                    [(0x10, Some(0)), (0x20, None), (0x30, Some(last)), (0x40, Some(0)), (0x50, Some(1)), (0x60, None)];
                for (vpn, way) in pages {
                    if let Some(way) = way {
                        put_page(&mut machine, way, vpn, 0x1000 + vpn);
                    }
                }
                for _ in 0..3 {
                    invalidate(&mut machine);
                    for (vpn, way) in pages {
                        let want = if way.is_some() { pfn(0x1000 + vpn) } else { Err(Fault::NotPresent) };
                        let answered = ask(&mut machine, read(vpn));
                        assert_eq!(answered.answer, want, "{} with {timing:?}: {vpn:#x}", config.name());
                    }
                }
            }
        }
    }
}

#[test]
fn an_invalidation_in_every_cycle_of_a_walk_leaves_nothing_of_a_withdrawn_page() {
    for config in configs() {
        for timing in [
            MemoryTiming::fixed(1),
            MemoryTiming::fixed(7),
            MemoryTiming { stall_percent: 60, gap_percent: 30, seed: 9, ..MemoryTiming::fixed(3) },
        ] {
            for way in 0..config.ways() {
                for moment in 0..60 {
                    let mut machine = machine(&config, timing);
                    let vpn = 0x77;
                    let page = |pfn| {
                        Mapping::new(
                            Asid::truncate(1),
                            Vpn::truncate(vpn),
                            PageSize::Small,
                            Pfn::truncate(pfn),
                            Rights::ALL,
                        )
                    };
                    put_page(&mut machine, way, vpn, 0x100);
                    let (mut lookup, mut asked, mut answer) = (Some(read(vpn)), None, None);
                    for now in 0..400 {
                        if now == moment {
                            // Another frame, in another way.
                            let (old, new) = (place(&machine, way, vpn), place(&machine, config.ways() - 1 - way, vpn));
                            let words = |words: [u64; 4]| words.map(u64::to_le_bytes).concat();
                            machine.change(|os| {
                                os.memory_mut().write(old, &words([0; 4])).unwrap();
                                os.memory_mut().write(new, &words(entry(vpn, 0x200))).unwrap();
                                vec![page(0x100)]
                            });
                            asked = Some(Invalidation::Address(Vpn::truncate(vpn)));
                        }
                        let events = cycle(&mut machine, Drive { lookup, invalidate: asked });
                        if events.lookup_accepted {
                            lookup = None;
                        }
                        if events.invalidate_accepted {
                            asked = None;
                        }
                        answer = answer.or(events.into_answers().next());
                        if answer.is_some() && now > moment && !machine.is_invalidating() && asked.is_none() {
                            break;
                        }
                    }
                    let answered = answer.expect("the walk ends");
                    // What moves down behind the walk is found nowhere (docs/spec.md, section 4). Memory that never stalls
                    // takes the read of way w in cycle 2 + w.
                    let other = config.ways() - 1 - way;
                    let request = request_cycle(&config);
                    let moved_between = u64::from(other) + request < moment && moment <= u64::from(way) + request;
                    let is_missed = answered.answer == Err(Fault::NotPresent);
                    assert!(is_missed || [pfn(0x100), pfn(0x200)].contains(&answered.answer), "{answered:?}");
                    if timing.stall_percent == 0 {
                        assert_eq!(is_missed, moved_between, "{} at {moment}: {answered:?}", config.name());
                    } else {
                        assert!(!is_missed || other < way, "{} at {moment}: {answered:?}", config.name());
                    }
                    assert_eq!(ask(&mut machine, read(vpn)).answer, pfn(0x200), "{} at {moment}", config.name());
                }
            }
        }
    }
}

#[test]
fn an_error_counts_if_no_earlier_way_decides() {
    for config in configs() {
        for latency in [1, 10] {
            for (broken, holds) in (0..config.ways()).flat_map(|a| (0..config.ways()).map(move |b| (a, b))) {
                let mut machine = at_latency(&config, latency);
                put_page(&mut machine, holds, 0x55, 0x123);
                machine.set_poison(Poison::from([place(&machine, broken, 0x55)]));
                let want = if broken <= holds { Err(Fault::BusError) } else { pfn(0x123) };
                assert_eq!(ask(&mut machine, read(0x55)).answer, want, "{}: {broken}, {holds}", config.name());
                // The next walk is as any other.
                put_page(&mut machine, 0, 0x56, 0x456);
                machine.set_poison(Poison::new());
                assert_eq!(ask(&mut machine, read(0x56)).answer, pfn(0x456));
            }
        }
    }
}

#[test]
fn a_matching_entry_with_a_bit_set_that_must_be_zero_is_malformed_and_no_other() {
    let zeros: Vec<usize> = [10..12, 52..64, 116..128, 144..256].into_iter().flatten().collect();
    for config in configs() {
        let mut machine = at_latency(&config, 1);
        for way in 0..config.ways() {
            for bit in &zeros {
                let mut words = entry(0x55, 0x123);
                words[bit / 64] |= 1 << (bit % 64);
                put_at(&mut machine, way, 0x55, words);
                assert_eq!(ask(&mut machine, read(0x55)).answer, Err(Fault::Malformed), "bit {bit} in way {way}");
            }
            // An entry of another page may hold anything.
            let mut words = entry(0x54, 0x123);
            zeros.iter().for_each(|bit| words[bit / 64] |= 1 << (bit % 64));
            put_at(&mut machine, way, 0x55, words);
            assert_eq!(ask(&mut machine, read(0x55)).answer, Err(Fault::NotPresent));
            put_at(&mut machine, way, 0x55, [0; 4]);
        }
    }
}

#[test]
fn the_lowest_way_counts() {
    for config in configs() {
        for low in 0..config.ways() - 1 {
            let mut machine = at_latency(&config, 1);
            (low..config.ways()).for_each(|way| put_page(&mut machine, way, 0x55, 0x100 + u64::from(way)));
            assert_eq!(ask(&mut machine, read(0x55)).answer, pfn(0x100 + u64::from(low)));
        }
    }
}

/// Who makes room in a full table drops an entry and may leave it in the TLB. When its page is unmapped there is no entry to
/// be found, and the invalidation is made all the same: it must not depend on one.
#[test]
fn a_page_whose_entry_was_evicted_is_used_until_its_unmapping_and_no_longer() {
    let (asid, vpn) = (Asid::truncate(1), Vpn::truncate(0x55));
    let evicted = Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(0x123), Rights::ALL);
    let unmarked_is_no_fault = |config: &Config| config.format() == Format::Cuckoo && config.marks() != Marking::Fault;
    for config in support::all_configs().into_iter().filter(unmarked_is_no_fault) {
        for unmapping in [Invalidation::Address(vpn), Invalidation::AddressInAsid(asid, vpn)] {
            let mut machine = at_latency(&config, 2);
            // After reset the second level is swept, and keeps nothing.
            for _ in 0..config.invalidation_cycles(Invalidation::All) {
                cycle(&mut machine, Drive::default());
            }
            put_page(&mut machine, 0, 0x55, 0x123);
            assert_eq!(ask(&mut machine, read(0x55)).answer, pfn(0x123));
            let place = place(&machine, 0, 0x55);
            machine.change(|os| {
                os.memory_mut().write(place, &[0; 32]).expect("entries lie in memory");
                vec![evicted]
            });
            assert_eq!(ask(&mut machine, read(0x55)).answer, pfn(0x123), "{}", config.name());
            if config.l2_sets() > 0 {
                for other in 0..config.tlb_entries() {
                    put_page(&mut machine, 0, u64::from(0x60 + other), 0x200);
                    ask(&mut machine, read(u64::from(0x60 + other)));
                }
                let answered = ask(&mut machine, read(0x55));
                assert_eq!((answered.answer, answered.level), (pfn(0x123), 2), "{}", config.name());
            }
            machine.invalidate(unmapping).expect("the hardware keeps the contract");
            assert_eq!(ask(&mut machine, read(0x55)).answer, Err(Fault::NotPresent), "{}", config.name());
        }
    }
}

/// Reset in every cycle of a walk, with reads in flight and requests that stand; the monitor sees that nothing of it is left.
#[test]
fn reset_with_reads_in_flight_leaves_nothing_behind() {
    for config in configs() {
        for (latency, wait) in [(1, 0), (5, 1), (12, 0)] {
            for after in 0..60 {
                let mut bench = Bench::new(&config);
                (bench.memory.latency, bench.memory.wait) = (latency, wait);
                let mask = u64::from(bench.table.mask());
                let shift = if config.ways() == 2 { 1 } else { 2 };
                for (vpn, way) in [(0x10, 0), (0x20, config.ways() - 1)] {
                    let function = hasher(config.hash(), bench.table.key);
                    let hash = function.hash_of_way(way, Asid::truncate(1), Vpn::truncate(vpn));
                    let index = (way * ((bench.table.mask() + 1) >> shift)) | hash & (mask >> shift) as u32;
                    // With A, so that no walk asks for an update, for which this bench has no port.
                    let mut words = support::page(1, vpn, vpn).words(None);
                    words[0] |= 1 << hashwalk_spec::entry::ACCESSED;
                    bench.put(index, words);
                }
                bench.walks(support::read(1, 0x10), Ok(0x10));
                bench.lookup = Some(support::read(1, 0x20));
                for cycle in 0..after {
                    if cycle % 11 == 6 {
                        bench.invalidate = Some(Invalidation::Asid(Asid::truncate(1)));
                    }
                    bench.cycle();
                }
                (bench.lookup, bench.invalidate, bench.reset) = (None, None, true);
                bench.cycle();
                while bench.memory.is_busy() {
                    bench.cycle();
                }
                bench.reset = false;
                for seen in bench.run(5) {
                    assert!(seen.idle && seen.lookup_ready && seen.read.is_none(), "{seen:?}");
                }
                bench.walks(support::read(1, 0x30), Err(Fault::NotPresent));
                bench.walks(support::read(1, 0x20), Ok(0x20));
                bench.walks(support::read(1, 0x10), Ok(0x10));
            }
        }
    }
}

/// docs/spec.md, section 10: three ways in an array of 128 entries under the `fold` hash.
#[test]
fn the_known_places_of_the_contract_are_read() {
    let config = Config::new(Settings { frames: 128, ..support::named("cuckoo_odd").settings().clone() }).unwrap();
    let mut machine = at_latency(&config, 2);
    let base = machine.os().walk_context().layout().base().get();
    let page = Request { asid: Asid::truncate(5), ..read(0x8_0000_1234_5678) };
    for (index, frame) in [(0x55, 0x30), (0x31, 0x20), (0x1d, 0x10)] {
        put(&mut machine, PhysAddr::truncate(base + 32 * index), [frame << 12 | 0x13, page.vpn.get(), 5, 0]);
        invalidate(&mut machine);
        assert_eq!(ask(&mut machine, page).answer, pfn(frame), "{index:#x}");
    }
}
