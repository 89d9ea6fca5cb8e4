use super::*;
use crate::organisation::{PageTable, Walkable};
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Hash, Pfn, Rights};
use std::collections::BTreeMap;

const KEY: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;

/// The `number`th of many pages, scattered over VPNs and three address spaces.
fn mapping(number: u64) -> Mapping {
    let vpn = Vpn::truncate(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12);
    let asid = Asid::truncate(1 + (number % 3) as u16);
    let pfn = Pfn::truncate(number);
    Mapping::new(asid, vpn, PageSize::Small, pfn, Rights::ALL)
}

/// Inserts until an insertion is refused, and returns how many were not.
fn fill(table: &mut Cuckoo, ram: &mut Ram) -> u64 {
    let refused = (0..).find(|&number| table.insert(ram, mapping(number)).is_err());
    refused.expect("the table is finite")
}

fn bytes(ram: &Ram) -> Vec<u8> {
    ram.memory.slice(Pfn::truncate(0).address(), ram.memory.frames() * 4096).unwrap().to_vec()
}

#[test]
fn the_load_that_is_reached_is_that_of_theory() {
    for (ways, log2, low, high) in [(2, 12, 0.45, 0.56), (3, 12, 0.89, 0.93), (4, 12, 0.95, 0.99)] {
        let mut ram = Ram::new(1024);
        let mut table = Cuckoo::new(&mut ram, ways, log2, KEY, Growth::Never).unwrap();
        fill(&mut table, &mut ram);
        let load = table.usage(&ram).load();
        println!("{ways} ways of 2^{log2}: refused at a load of {load:.4}, {:?}", table.displacements());
        assert!((low..high).contains(&load), "{ways} ways are full at a load of {load}");
        table.check(&ram).unwrap();
    }
}

#[test]
fn a_search_never_reads_more_than_the_ways_and_loses_nothing_at_any_step_of_a_resize() {
    for ways in WAYS {
        let mut ram = Ram::new(512);
        let mut table = Cuckoo::new(&mut ram, ways, 7, KEY, Growth::suitable(ways)).unwrap();
        let mut steps_within_a_resize = 0;
        for number in 0..3000 {
            table.insert(&mut ram, mapping(number)).unwrap();
            steps_within_a_resize += u32::from(table.resizing().is_some());
            if number % 37 == 0 {
                table.check(&ram).unwrap();
            }
            // All that is there, now and then; else the newest, an early one and one that is absent.
            let every = if number % 101 == 0 { 1 } else { number.max(1) };
            for known in (0..=number).step_by(every as usize).chain([number]) {
                let Mapping { asid, vpn, .. } = mapping(known);
                let found = table.lookup(&ram, asid, vpn).unwrap();
                assert_eq!((found.mapping, found.reads), (Some(mapping(known)), ways));
            }
            let Mapping { asid, vpn, .. } = mapping(number + 1_000_000);
            assert_eq!(table.lookup(&ram, asid, vpn), Ok(Found { mapping: None, reads: ways }));
        }
        assert!(steps_within_a_resize > 500, "{steps_within_a_resize} steps were within a resize");
        let places = table.way_places();
        let (least, most) = (places.iter().min().unwrap(), places.iter().max().unwrap());
        assert!(most / least <= 2, "the ways double in turn: {places:?}");
        assert!(table.longest_run() <= most * ENTRY_BYTES / 2);
        let usage = table.usage(&ram);
        println!("{ways} ways: {places:?}, load {:.3}, {:?}", usage.load(), table.displacements());
    }
}

#[test]
fn every_slot_of_a_resize_is_a_consistent_state() {
    let mut ram = Ram::new(64);
    let mut table = Cuckoo::new(&mut ram, 3, 7, KEY, Growth::Never).unwrap();
    let held: Vec<Mapping> = (0..280).map(mapping).collect();
    held.iter().for_each(|mapping| table.insert(&mut ram, *mapping).unwrap());
    let before = bytes(&ram);
    for way in 0..3 {
        let run = ram.take(128 * ENTRY_BYTES).unwrap();
        table.ways[way].begin(run);
        for _ in 0..128 {
            table.check(&ram).unwrap();
            for mapping in &held {
                let found = table.lookup(&ram, mapping.asid, mapping.vpn).unwrap();
                assert_eq!(found, Found { mapping: Some(*mapping), reads: 3 });
            }
            table.ways[way].advance(&mut ram, 1).unwrap();
        }
        assert_eq!(table.resizing(), None);
    }
    assert_eq!(table.way_places(), [256; 3]);
    for way in (0..3).rev() {
        table.ways[way].retreat(&mut ram, Some(40)).unwrap();
        table.check(&ram).unwrap();
        table.ways[way].retreat(&mut ram, None).unwrap();
    }
    table.check(&ram).unwrap();
    assert_eq!(bytes(&ram), before);
}

#[test]
fn insertions_and_removals_in_the_middle_of_a_resize_agree_with_a_map() {
    let mut ram = Ram::new(256);
    let mut table = Cuckoo::new(&mut ram, 2, 7, KEY, Growth::AtLoad(40)).unwrap();
    let mut map = BTreeMap::new();
    for step in 0..4000u64 {
        let number = step * 7919 % 1201;
        let page = mapping(number);
        if map.remove(&number).is_some() {
            assert_eq!(table.remove(&mut ram, page.asid, page.vpn, page.size), Ok(page));
        } else {
            table.insert(&mut ram, page).unwrap();
            map.insert(number, page);
        }
        if step % 50 == 0 {
            table.check(&ram).unwrap();
        }
    }
    let mut listed = table.mappings(&ram).unwrap();
    listed.sort_by_key(|mapping| mapping.pfn);
    assert_eq!(listed, map.into_values().collect::<Vec<_>>());
}

#[test]
fn three_sizes_and_globals_cost_up_to_six_searches() {
    let mut ram = Ram::new(64);
    let mut table = Cuckoo::new(&mut ram, 3, 7, KEY, Growth::Never).unwrap();
    let mut expected = 0;
    for (class, size) in [false, true].into_iter().flat_map(|global| PageSize::ALL.map(|size| (global, size))) {
        let vpn = Vpn::truncate((1 + expected) << 30);
        let asid = Asid::truncate(u16::from(!class));
        let page = Mapping { global: class, ..Mapping::new(asid, vpn, size, Pfn::truncate(0), Rights::R) };
        table.insert(&mut ram, page).unwrap();
        expected += 1;
        let found = table.lookup(&ram, Asid::truncate(1), vpn).unwrap();
        assert_eq!(found, Found { mapping: Some(page), reads: 3 * expected as u32 });
    }
    assert_eq!(table.lookup(&ram, Asid::truncate(1), Vpn::MAX).unwrap().reads, 18);
}

#[test]
fn a_refused_insertion_has_written_nothing() {
    // Each way may grow until the frames are used up; what was doubled for nothing is undone.
    for growth in [Growth::Never, Growth::OnFailure, Growth::suitable(3)] {
        let mut ram = Ram::new(10);
        let mut table = Cuckoo::new(&mut ram, 3, 7, KEY, growth).unwrap();
        let mut number = 0;
        let error = loop {
            let (before, free, ways) = (bytes(&ram), ram.frames.free(), table.ways.clone());
            if let Err(error) = table.insert(&mut ram, mapping(number)) {
                assert!(bytes(&ram) == before && ram.frames.free() == free);
                assert_eq!(format!("{:?}", table.ways), format!("{ways:?}"));
                break error;
            }
            number += 1;
        };
        table.check(&ram).unwrap();
        match growth {
            Growth::Never => assert_eq!(error, TableError::Full { entries: 384 }),
            _ => assert!(matches!(error, TableError::OutOfMemory(_)), "{error}"),
        }
        table.release(&mut ram);
        assert_eq!(ram.frames.free(), 9);
    }
}

#[test]
fn growing_doubles_every_way_and_a_bad_shape_is_refused() {
    let mut ram = Ram::new(32);
    let mut table = Cuckoo::new(&mut ram, 4, 7, KEY, Growth::Never).unwrap();
    fill(&mut table, &mut ram);
    let before = table.mappings(&ram).unwrap().len();
    table.grow(&mut ram).unwrap();
    table.check(&ram).unwrap();
    assert_eq!((table.way_places(), table.mappings(&ram).unwrap().len()), (vec![256; 4], before));
    table.grow(&mut ram).unwrap();
    let free = ram.frames.free();
    assert!(matches!(table.grow(&mut ram), Err(TableError::OutOfMemory(_))));
    assert_eq!((table.way_places(), ram.frames.free()), (vec![512; 4], free));
    for (ways, log2) in [(1, 7), (5, 7), (2, 6), (2, 33)] {
        let error = Cuckoo::new(&mut ram, ways, log2, KEY, Growth::Never).unwrap_err();
        assert!(matches!(error, TableError::Shape { .. } | TableError::Size { .. }), "{error}");
    }
    assert!(matches!(Cuckoo::new(&mut ram, 4, 10, KEY, Growth::Never), Err(TableError::OutOfMemory(_))));
    assert_eq!(ram.frames.free(), free);
}

/// In one array, the ways' hashes are made of one hash. They must be as good as hashes that know nothing of each other:
/// the load that is reached is that of theory here too, whether pages are scattered or side by side.
#[test]
fn ways_that_share_a_hash_reach_the_load_of_theory() {
    for (ways, low, high) in [(2, 0.44, 0.62), (3, 0.87, 0.93), (4, 0.94, 0.99)] {
        for (log2, key) in [(12, KEY), (13, 0), (13, u128::MAX)] {
            let patterns: [fn(u64) -> Mapping; 3] = [
                mapping,
                |number| Mapping { vpn: Vpn::truncate(0x8_0000_0000 + number), ..mapping(0) },
                // Four processes that map the same pages.
                |number| {
                    let asid = Asid::truncate(1 + (number & 3) as u16);
                    Mapping { asid, vpn: Vpn::truncate(0x40_0000 + (number >> 2)), ..mapping(0) }
                },
            ];
            for (pattern, page) in patterns.iter().enumerate() {
                let mut ram = Ram::new(1024);
                let mut table = CuckooArray::new(&mut ram, ways, log2, Hash::Keyed, key).unwrap();
                let refused = (0..).find(|&number| table.insert(&mut ram, page(number)).is_err());
                let load = table.usage(&ram).load();
                println!("{ways} ways in 2^{log2}, pattern {pattern}: {refused:?} at a load of {load:.4}");
                assert!((low..high).contains(&load), "{ways} ways in 2^{log2}, pattern {pattern}: full at {load}");
                table.check(&ram).unwrap();
            }
        }
    }
}

#[test]
fn an_array_takes_one_run_and_grows_by_being_made_anew() {
    let mut ram = Ram::new(32);
    let mut table = CuckooArray::new(&mut ram, 3, 8, Hash::Keyed, KEY).unwrap();
    let pages: Vec<Mapping> = (0..100).map(mapping).collect();
    pages.iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
    assert_eq!(table.usage(&ram), crate::organisation::Usage { bytes: 8192, mappings: 100, places: 192 });
    table.grow(&mut ram).unwrap();
    table.check(&ram).unwrap();
    assert_eq!((table.layout().log2(), ram.frames.free()), (9, 31 - 4));
    pages.iter().for_each(|page| {
        assert_eq!(table.lookup(&ram, page.asid, page.vpn).unwrap().mapping, Some(*page));
    });
    // Nothing stands in the part that belongs to no way.
    let unused = ram.memory.slice(table.layout().address(0x180), 128 * ENTRY_BYTES).unwrap();
    assert!(unused.iter().all(|byte| *byte == 0));
    assert!(matches!(CuckooArray::new(&mut ram, 3, 6, Hash::Keyed, KEY), Err(TableError::Size { .. })));
    assert!(matches!(CuckooArray::new(&mut ram, 5, 8, Hash::Keyed, KEY), Err(TableError::Shape { .. })));
}

#[test]
fn pages_that_meet_in_one_way_are_spread_by_chance_in_the_others() {
    use crate::hash::{HashFunction, hasher};
    let (asid, mask) = (Asid::truncate(5), 0x3ff);
    for key in [0, KEY] {
        let function = hasher(Hash::Keyed, key);
        let pages: Vec<Vpn> = crate::hash_quality::pages_at_home(&function, asid, 0x2a, 10).take(256).collect();
        for way in 1..*WAYS.end() {
            let mut slots: Vec<u32> = pages.iter().map(|vpn| function.hash_of_way(way, asid, *vpn) & mask).collect();
            slots.sort_unstable();
            let fullest = slots.chunk_by(|a, b| a == b).map(<[u32]>::len).max();
            slots.dedup();
            // By chance 256 pages take 227 of 1,024 slots, and the fullest holds 3 or 4.
            assert!(
                slots.len() > 205 && fullest <= Some(6),
                "key {key:#x}, way {way}: {} slots, {fullest:?}",
                slots.len()
            );
        }
    }
}
