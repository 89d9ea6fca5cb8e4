use super::super::inverted::Inverted;
use super::*;
use crate::organisation::internal::Internal;
use crate::organisation::line::LineTable;
use hashwalk_spec::{Hash, Pfn, Rights};

const KEY: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;

fn page(asid: u16, vpn: u64) -> Mapping {
    let (asid, vpn) = (Asid::truncate(asid), Vpn::truncate(vpn));
    Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(1), Rights::R)
}

type Make = fn(&mut Ram, Asid) -> Result<Internal, TableError>;

fn small_tables(ram: &mut Ram) -> PerProcess<Internal, Make> {
    // Each process has a key of its own.
    let make: Make = |ram: &mut Ram, asid: Asid| Internal::new(ram, 7, Hash::Keyed, KEY ^ u128::from(asid.get()));
    PerProcess::new(ram, 75, make).unwrap()
}

#[test]
fn each_process_has_a_table_of_the_size_that_it_needs() {
    let mut ram = Ram::new(256);
    let free = ram.frames.free();
    let mut table = small_tables(&mut ram);
    for (asid, pages) in [(1, 5), (3, 1000)] {
        (0..pages).for_each(|vpn| table.insert(&mut ram, page(asid, vpn)).unwrap());
    }
    table.check(&ram).unwrap();
    let usage = |asid| table.usage_of(&ram, Asid::truncate(asid));
    assert_eq!(usage(1), Usage { bytes: 4096, mappings: 5, places: 128 });
    assert_eq!(usage(2), Usage::default());
    assert_eq!(usage(3), Usage { bytes: 2048 * 32, mappings: 1000, places: 2048 });
    assert_eq!(table.usage(&ram), Usage { bytes: 4096 + 4096 + 65536, mappings: 1005, places: 2176 });
    assert_eq!(ram.frames.free(), free - 18);
    // The word in memory is where the table is and log2 of its entries.
    let base = table.table(Asid::truncate(3)).unwrap().layout().base().get();
    assert_eq!(table.directory.get(&ram, Asid::truncate(3)), Ok(base | 11));
}

#[test]
fn an_address_space_ends_at_once() {
    let mut ram = Ram::new(256);
    let mut table: Box<dyn PageTable> = Box::new(small_tables(&mut ram));
    let free = ram.frames.free();
    for (asid, vpn) in (0..300).flat_map(|vpn| [(1, vpn), (2, vpn)]) {
        table.insert(&mut ram, page(asid, vpn)).unwrap();
    }
    let mut gone = table.remove_all(&mut ram, Asid::truncate(1)).unwrap();
    gone.sort_by_key(|mapping| mapping.vpn);
    assert_eq!(gone, (0..300).map(|vpn| page(1, vpn)).collect::<Vec<_>>());
    table.check(&ram).unwrap();
    assert_eq!(table.lookup(&ram, Asid::truncate(1), Vpn::truncate(7)), Ok(Found { mapping: None, reads: 0 }));
    assert_eq!(table.lookup(&ram, Asid::truncate(2), Vpn::truncate(7)).unwrap().mapping, Some(page(2, 7)));
    assert_eq!(table.remove_all(&mut ram, Asid::truncate(1)), Ok(vec![]));
    table.remove_all(&mut ram, Asid::truncate(2)).unwrap();
    assert_eq!((ram.frames.free(), table.usage(&ram).bytes), (free, 4096));
    table.insert(&mut ram, page(1, 7)).unwrap();
    table.check(&ram).unwrap();
}

#[test]
fn global_pages_stand_in_the_table_of_asid_0() {
    let mut ram = Ram::new(64);
    let mut table = small_tables(&mut ram);
    let global = Mapping { global: true, ..page(0, 0x100) };
    table.insert(&mut ram, page(1, 1)).unwrap();
    table.insert(&mut ram, global).unwrap();
    table.insert(&mut ram, page(0, 0x101)).unwrap();
    let lookup = |asid, vpn| table.lookup(&ram, Asid::truncate(asid), Vpn::truncate(vpn)).unwrap();
    assert_eq!(lookup(1, 0x100), Found { mapping: Some(global), reads: 2 });
    assert_eq!(lookup(9, 0x100), Found { mapping: Some(global), reads: 1 });
    assert_eq!((lookup(1, 0x101).mapping, lookup(0, 0x101).mapping), (None, Some(page(0, 0x101))));
    let overlap = table.insert(&mut ram, page(7, 0x100));
    assert_eq!(overlap, Err(TableError::Overlap { existing: global }));
    assert_eq!(table.usage_of(&ram, Asid::truncate(7)), Usage::default());
}

#[test]
fn a_process_whose_table_does_not_fit_changes_nothing() {
    let mut ram = Ram::new(4);
    let mut table = small_tables(&mut ram);
    table.insert(&mut ram, page(1, 0)).unwrap();
    // The directory would have to grow to 128 frames: the table that was made for it goes back.
    assert!(matches!(table.insert(&mut ram, page(0xffff, 0)), Err(TableError::OutOfMemory(_))));
    assert_eq!(ram.frames.free(), 1);
    table.insert(&mut ram, page(2, 0)).unwrap();
    assert!(matches!(table.insert(&mut ram, page(3, 0)), Err(TableError::OutOfMemory(_))));
    table.check(&ram).unwrap();
    // The first process fills its frame to the last place, though it would have grown.
    (1..128).for_each(|vpn| table.insert(&mut ram, page(1, vpn)).unwrap());
    assert!(matches!(table.insert(&mut ram, page(1, 128)), Err(TableError::OutOfMemory(_))));
    table.check(&ram).unwrap();
}

#[test]
fn with_many_sparse_processes_one_inverted_table_takes_less() {
    // A machine of 4,096 frames: the inverted table takes 24 bytes a frame, 24 frames.
    let mut ram = Ram::new(4096);
    let inverted = Inverted::new(&mut ram, 4096, 12, Hash::Keyed, KEY).unwrap().usage(&ram).bytes;
    let mut table = small_tables(&mut ram);
    let bytes_with = |processes: u16| {
        (0..10).for_each(|vpn| table.insert(&mut ram, page(processes, vpn)).unwrap());
        table.usage(&ram).bytes
    };
    let crossing = (1..100).zip((1..100).map(bytes_with)).find(|(_, bytes)| *bytes > inverted);
    // 24 by the formula, less the directory's frame: with 24 processes it is more.
    assert_eq!((inverted, crossing), (24 * 4096, Some((24, 25 * 4096))));
}

#[test]
fn it_can_be_made_of_line_tables() {
    let mut ram = Ram::new(256);
    let make = |ram: &mut Ram, _| LineTable::new(ram, 6, Hash::Keyed, KEY);
    let mut table = PerProcess::new(&mut ram, 60, make).unwrap();
    for vpn in 0..2000 {
        table.insert(&mut ram, page(1 + (vpn % 2) as u16, vpn)).unwrap();
    }
    table.check(&ram).unwrap();
    assert_eq!(table.usage(&ram).mappings, 2000);
    assert_eq!(table.lookup(&ram, Asid::truncate(1), Vpn::truncate(2)).unwrap().reads, 1);
}
