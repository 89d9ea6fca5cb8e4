//! The walk against a second one, written on plain words from docs/spec.md, section 4, over tables of any bytes.

use hashwalk_model::organisation::of_config;
use hashwalk_model::{
    BusError, HashFunction, Layout, Mapping, PageTable, PhysicalMemory, Progress, Ram, Walk, WalkContext, Walkable,
    hasher, walk,
};
use hashwalk_spec::{
    Access, Asid, Config, Fault, Format, Hash, PageSize, Pfn, PhysAddr, Request, Rights, Search, Settings, Vpn,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const LOG2: u32 = 7;

/// (fault code or 0, PFN or 0, probes), in the words of the contract.
fn reference(table: &[[u64; 4]], context: &WalkContext, enable: u8, request: Request) -> (u8, u64, u32) {
    let (hash, sequence) = (context.layout().hash(), context.layout().sequence());
    let mut probes = 0;
    for search in 0..6 {
        let global = search >= 3;
        if enable >> search & 1 == 0 || (global && request.asid.get() == 0) {
            continue;
        }
        let size = search % 3;
        let offset_mask = (1u64 << (9 * size)) - 1;
        let a = if global { 0 } else { request.asid.get() };
        let v = request.vpn.get() & !offset_mask;
        let mut index = hasher(hash, 0).hash(Asid::truncate(a), Vpn::truncate(v)) as usize % table.len();
        for step in 1.. {
            probes += 1;
            let [mut pte, vpn, asid, mut link] = table[index];
            if sequence {
                if pte >> 60 != link >> 60 {
                    if step == context.max_steps() {
                        return (4, 0, probes);
                    }
                    continue;
                }
                (pte, link) = (pte << 4 >> 4, link << 4 >> 4);
            }
            let g = pte >> 5 & 1 == 1;
            let same_page = asid & 0xffff == u64::from(a) && vpn & 0xf_ffff_ffff_ffff == v && pte >> 8 & 3 == size;
            if pte & 1 == 1 && same_page && (g || !global) {
                let pfn = pte >> 12 & 0xff_ffff_ffff;
                let zeros = pte & 0xfff0_0000_0000_0c00 == 0 && vpn >> 52 == 0 && asid >> 16 == 0;
                if !zeros || pfn & offset_mask != 0 || (g && a != 0) {
                    return (3, 0, probes);
                }
                let allowed = pte >> (1 + request.access as u32) & 1 == 1 && (pte >> 4 & 1 == 1 || !request.user);
                return if allowed { (0, pfn | request.vpn.get() & offset_mask, probes) } else { (2, 0, probes) };
            }
            if link >> 32 & 1 == 0 {
                break;
            }
            let next = link as u32 as usize;
            if link >> 33 != 0 || next >= table.len() {
                return (3, 0, probes);
            }
            if step == context.max_steps() {
                return (4, 0, probes);
            }
            index = next;
        }
    }
    (1, 0, probes)
}

/// The same in a cuckoo table.
fn cuckoo_reference(table: &[[u64; 4]], ways: u32, hash: Hash, enable: u8, request: Request) -> (u8, u64, u32) {
    let way_size = table.len() / if ways == 2 { 2 } else { 4 };
    let mut probes = 0;
    for search in 0..6 {
        let global = search >= 3;
        if enable >> search & 1 == 0 || (global && request.asid.get() == 0) {
            continue;
        }
        let size = search % 3;
        let offset_mask = (1u64 << (9 * size)) - 1;
        let a = if global { 0 } else { request.asid.get() };
        let v = request.vpn.get() & !offset_mask;
        for way in 0..ways {
            probes += 1;
            let slot = hasher(hash, 0).hash_of_way(way, Asid::truncate(a), Vpn::truncate(v)) as usize % way_size;
            let [pte, vpn, asid, link] = table[way as usize * way_size + slot];
            let g = pte >> 5 & 1 == 1;
            let same_page = asid & 0xffff == u64::from(a) && vpn & 0xf_ffff_ffff_ffff == v && pte >> 8 & 3 == size;
            if pte & 1 == 0 || !same_page || (global && !g) {
                continue;
            }
            let pfn = pte >> 12 & 0xff_ffff_ffff;
            let zeros = pte & 0xfff0_0000_0000_0c00 == 0 && vpn >> 52 == 0 && asid >> 16 == 0 && link == 0;
            if !zeros || pfn & offset_mask != 0 || (g && a != 0) {
                return (3, 0, probes);
            }
            let allowed = pte >> (1 + request.access as u32) & 1 == 1 && (pte >> 4 & 1 == 1 || !request.user);
            return if allowed { (0, pfn | request.vpn.get() & offset_mask, probes) } else { (2, 0, probes) };
        }
    }
    (1, 0, probes)
}

/// An entry that a walk among few pages is likely to meet: mostly well formed, with some bits wrong now and then.
fn entry() -> impl Strategy<Value = [u64; 4]> {
    let pte = (any::<u16>(), 0..8u64).prop_map(|(low, pfn)| u64::from(low) & 0x33f | pfn << 20);
    let rare_bit = prop_oneof![20 => Just(0u64), 1 => (0..64u32).prop_map(|bit| 1 << bit)];
    let link = prop_oneof![1 => Just(0u64), 4 => (0..1u64 << LOG2).prop_map(|next| 1 << 32 | next)];
    let bits = [rare_bit.clone().boxed(), rare_bit.clone().boxed(), rare_bit.clone().boxed(), rare_bit.boxed()];
    (pte, page(), 0..3u64, link, bits).prop_map(|(pte, vpn, asid, link, flip)| {
        let offset_mask = (1u64 << (9 * (pte >> 8 & 3))) - 1;
        [pte ^ flip[0], vpn & !offset_mask ^ flip[1], asid ^ flip[2], link ^ flip[3]]
    })
}

fn page() -> impl Strategy<Value = u64> {
    (0..2u64, 0..2u64, 0..4u64).prop_map(|(huge, large, small)| huge << 18 | large << 9 | small)
}

fn request() -> impl Strategy<Value = Request> {
    (0..3u16, page(), 0..3u8, any::<bool>()).prop_map(|(asid, vpn, access, user)| Request {
        asid: Asid::truncate(asid),
        vpn: Vpn::truncate(vpn),
        access: Access::from_code(access).unwrap(),
        user,
    })
}

/// The sequence numbers of an entry, which is mostly whole.
fn numbers() -> impl Strategy<Value = [u64; 2]> {
    prop_oneof![8 => (0..16u64).prop_map(|number| [number; 2]), 1 => [0..16u64, 0..16u64]]
}

fn layout(hash: Hash) -> Layout {
    Layout::new(Format::Chained, PhysAddr::truncate(0x1000), LOG2, hash, 0).unwrap()
}

fn context(hash: Hash, enable: u8, max_steps: u32) -> WalkContext {
    WalkContext::new(layout(hash), enable, max_steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_walk_over_any_table_ends_as_the_contract_says(
        mut table in prop::collection::vec(entry(), 1 << LOG2),
        numbers in prop::option::of(prop::collection::vec(numbers(), 1 << LOG2)),
        hash in prop::sample::select(vec![Hash::Keyed, Hash::Fold, Hash::Asid]),
        enable in 0..64u8,
        max_steps in 1..20u32,
        request in request(),
    ) {
        for (words, [first, last]) in table.iter_mut().zip(numbers.iter().flatten()) {
            (words[0], words[3]) = (words[0] ^ first << 60, words[3] ^ last << 60);
        }
        let layout = if numbers.is_some() { layout(hash).with_sequence() } else { layout(hash) };
        let context = WalkContext::new(layout, enable, max_steps);
        let mut memory = PhysicalMemory::new(2);
        memory.write(PhysAddr::truncate(0x1000), &table.concat().iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>())
            .unwrap();
        let result = walk(&memory, &context, request);
        let (code, pfn) = match result.answer {
            Ok(translation) => (0, translation.pfn.get()),
            Err(fault) => (fault.code(), 0),
        };
        prop_assert_eq!((code, pfn, result.probes), reference(&table, &context, enable, request));
        prop_assert_eq!(result.mapping.is_some(), matches!(result.answer, Ok(_) | Err(Fault::Rights)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// It ends as that search alone does, or, if that finds nothing, as the others do.
    #[test]
    fn a_walk_may_begin_with_any_enabled_search(
        table in prop::collection::vec(entry(), 1 << LOG2),
        enable in 0..64u8,
        first in 0..6usize,
        request in request(),
    ) {
        let mut memory = PhysicalMemory::new(2);
        let bytes: Vec<u8> = table.concat().iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.write(PhysAddr::truncate(0x1000), &bytes).unwrap();
        let context = context(Hash::Fold, enable, 9);
        let by_reference = |enable| reference(&table, &context, enable, request);
        let Some(mut walk) = Walk::beginning_with(&context, request, first) else {
            prop_assert!(enable >> first & 1 == 0 || (first >= 3 && request.asid == Asid::GLOBAL));
            return Ok(());
        };
        let result = loop {
            match walk.progress() {
                Progress::Probe(address) => walk.step(memory.read_element(address, Format::Chained)),
                Progress::Done(result) => break result,
            };
        };
        let (code, pfn) = match result.answer {
            Ok(translation) => (0, translation.pfn.get()),
            Err(fault) => (fault.code(), 0),
        };
        let (alone, others) = (by_reference(1 << first), by_reference(enable & !(1 << first)));
        let found_nothing = alone.0 == Fault::NotPresent.code();
        let want = if found_nothing { (others.0, others.1, alone.2 + others.2) } else { alone };
        prop_assert_eq!((code, pfn, result.probes), want);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_walk_over_any_cuckoo_table_ends_as_the_contract_says(
        mut pages in prop::collection::vec((entry(), any::<bool>()), 200),
        ways in 2..=4u32,
        hash in prop::sample::select(vec![Hash::Keyed, Hash::Fold, Hash::Asid]),
        enable in 0..64u8,
        requests in prop::collection::vec(request(), 8),
    ) {
        let layout = Layout::new(Format::Cuckoo, PhysAddr::truncate(0x1000), LOG2, hash, 0).unwrap().with_ways(ways);
        let mut table = [[0; 4]; 1 << LOG2];
        for (number, (words, has_link)) in (0..).zip(&mut pages) {
            words[3] *= u64::from(*has_link && number % 8 == 0);
            let way = number % ways;
            let page = (Asid::truncate(words[2] as u16), Vpn::truncate(words[1]));
            table[layout.place(way, hasher(hash, 0).hash_of_way(way, page.0, page.1)) as usize] = *words;
        }
        let mut memory = PhysicalMemory::new(2);
        let bytes: Vec<u8> = table.concat().iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.write(PhysAddr::truncate(0x1000), &bytes).unwrap();
        for request in requests {
            // The step limit has no effect.
            let result = walk(&memory, &WalkContext::new(layout, enable, 1), request);
            let (code, pfn) = match result.answer {
                Ok(translation) => (0, translation.pfn.get()),
                Err(fault) => (fault.code(), 0),
            };
            prop_assert_eq!((code, pfn, result.probes), cuckoo_reference(&table, ways, hash, enable, request));
        }
    }
}

fn read() -> Request {
    Request { asid: Asid::truncate(1), vpn: Vpn::truncate(5), access: Access::Read, user: true }
}

#[test]
fn a_walk_waits_for_each_entry_and_then_stays_done() {
    let mut walk = Walk::new(&context(Hash::Asid, Search::ENABLE_SMALL_ONLY, 4), read());
    assert_eq!(walk.probe_address(), Some(PhysAddr::truncate(0x1020)));
    let mut linked = [0; 64];
    linked[24] = 7;
    linked[28] = 1;
    assert_eq!(walk.step(Ok(linked)), Progress::Probe(PhysAddr::truncate(0x10e0)));
    let Progress::Done(result) = walk.step(Ok([0; 64])) else { panic!("the chain has ended") };
    assert_eq!((result.answer, result.probes), (Err(Fault::NotPresent), 2));
    assert_eq!(walk.step(Ok(linked)), Progress::Done(result));
    assert_eq!(walk.probe_address(), None);
}

#[test]
fn a_failed_read_ends_the_walk_in_bus_error() {
    let mut walk = Walk::new(&context(Hash::Fold, Search::ENABLE_ALL, 4), read());
    let address = walk.probe_address().unwrap();
    let Progress::Done(result) = walk.step(Err(BusError { address, bytes: 32 })) else { panic!("the read has failed") };
    assert_eq!((result.answer, result.mapping, result.probes), (Err(Fault::BusError), None, 1));
}

#[test]
fn a_table_outside_the_memory_is_a_bus_error() {
    let layout = Layout::new(Format::Chained, PhysAddr::truncate(0x8000), LOG2, Hash::Fold, 0).unwrap();
    let result = hashwalk_model::walk(&PhysicalMemory::new(2), &WalkContext::new(layout, 1, 4), read());
    assert_eq!((result.answer, result.probes), (Err(Fault::BusError), 1));
}

#[test]
fn a_chain_that_bites_its_tail_is_too_long() {
    let mut memory = PhysicalMemory::new(2);
    let mut linked_to_itself = [0; 32];
    (linked_to_itself[24], linked_to_itself[28]) = (1, 1);
    memory.write_entry(PhysAddr::truncate(0x1020), &linked_to_itself).unwrap();
    let result = walk(&memory, &context(Hash::Asid, Search::ENABLE_ALL, 9), read());
    assert_eq!((result.answer, result.probes), (Err(Fault::ChainTooLong), 9));
}

/// What a golden walk finds in the bytes is what the table itself says, page for page.
#[test]
fn walks_find_what_the_tables_hold() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for format in Format::ALL {
        let settings = Settings { format, bus_bits: 64, frames: 1024, ..Settings::default() };
        let config = Config::new(settings).unwrap();
        let mut ram = Ram::new(config.frames());
        let mut table = of_config(&config, &mut ram, 7).unwrap();
        for _ in 0..300 {
            let word = random.next_u64();
            let size = PageSize::ALL[[0, 0, 0, 0, 0, 1, 2, 0][word as usize & 7]];
            let vpn = Vpn::truncate((word >> 3 & 0x3f) | (word >> 9 & 3) << 9 | (word >> 11 & 3) << 18).base(size);
            let global = word >> 16 & 15 == 0;
            let asid = if global { Asid::GLOBAL } else { Asid::truncate((word >> 20 & 3) as u16) };
            // An inverted table has a place for each frame of the machine, and no other.
            let pfns = if format == Format::Inverted { config.frames() } else { Pfn::MAX.get() + 1 };
            let pfn = Pfn::truncate(((word >> 24) % pfns) & !(size.pages() - 1));
            let _ = table.insert(&mut ram, Mapping { global, ..Mapping::new(asid, vpn, size, pfn, Rights::R) });
        }
        let context = WalkContext::new(*table.layout(), Search::ENABLE_ALL, 300);
        let mut found = 0;
        for n in 0..5 * 1024 {
            let asid = Asid::truncate((n / 1024) as u16);
            let vpn = Vpn::truncate((n & 0x3f) | (n >> 6 & 3) << 9 | (n >> 8 & 3) << 18);
            let request = Request { asid, vpn, access: Access::Read, user: false };
            let result = walk(&ram.memory, &context, request);
            let mapping = table.lookup(&ram, asid, vpn).unwrap().mapping;
            assert_eq!(result.mapping, mapping, "{format}: {asid}:{vpn}");
            assert_eq!(result.answer, mapping.map_or(Err(Fault::NotPresent), |mapping| mapping.translate(&request)));
            found += u64::from(mapping.is_some());
        }
        assert!(found > 400, "{format}: {found}");
    }
}
