//! Address spaces: the three steps of a program's life, fork and copy-on-write, huge pages, the recycling of ASIDs.

use hashwalk_model::organisation::line::LineTable;
use hashwalk_model::os::{CODE_VPN, Kind, OsError, Platform, Program, TOP_VPN};
use hashwalk_model::system::address_of;
use hashwalk_model::{Os, PageTable, Ram, Segment, Signal, System, Tagging};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Hash, PageSize, Rights, VirtAddr, Vpn};

const RW: Rights = Rights::R.with(Rights::W).with(Rights::U);
const HEAP: Vpn = Vpn::truncate(0x1000);

fn machine(frames: u64, cpus: usize, tagging: Tagging, last_asid: u16) -> System<LineTable> {
    let mut ram = Ram::new(frames);
    let table = LineTable::new(&mut ram, 8, Hash::Keyed, 5).unwrap();
    let last_asid = Asid::truncate(last_asid);
    let platform = Platform { swap_pages: 4096, last_asid, table_grows: true, ..Platform::default() };
    System::new(Os::with_table(ram, table, platform), cpus, 16, tagging)
}

fn with_heap(system: &mut System<LineTable>, cpu: usize, pages: u64) -> Asid {
    let asid = system.spawn(&[Segment::new(HEAP, pages, RW)]).unwrap();
    system.switch(cpu, asid).unwrap();
    asid
}

fn store(system: &mut System<LineTable>, cpu: usize, page: u64, value: u8) -> Result<(), Signal> {
    system.store(cpu, address_of(Vpn::truncate(HEAP.get() + page), 0), &[value])
}

fn load(system: &mut System<LineTable>, cpu: usize, page: u64) -> Result<u8, Signal> {
    let mut byte = [0];
    system.load(cpu, address_of(Vpn::truncate(HEAP.get() + page), 0), &mut byte)?;
    Ok(byte[0])
}

#[test]
fn a_program_comes_to_life_in_three_steps() {
    let mut system = machine(256, 1, Tagging::Asid, 9);
    let bytes: Vec<u8> = (0..5 * FRAME_BYTES).map(|i| (i / FRAME_BYTES + 1) as u8).collect();
    let file = system.os_mut().create_file(&bytes);
    let program = Program { file, code_pages: 3, data_pages: 2, heap_pages: 4, stack_pages: 16 };
    // Step 1: promises only.
    let kinds: Vec<Kind> = program.segments().iter().map(|segment| segment.kind).collect();
    let lowest = Vpn::truncate(TOP_VPN.get() - 15);
    assert_eq!(kinds, [Kind::Code, Kind::Data, Kind::Heap, Kind::Stack { lowest }]);
    // Step 2: the first page of code, and the stack with the arguments.
    let free = system.os().frames().free();
    let loaded = system.load_program(&program, b"two words").unwrap();
    assert_eq!(free - system.os().frames().free(), 2);
    system.switch(0, loaded.asid).unwrap();
    let mut arguments = [0; 9];
    system.load(0, loaded.arguments, &mut arguments).unwrap();
    let mut instruction = [0; 4];
    system.fetch(0, loaded.entry, &mut instruction).unwrap();
    assert_eq!((&arguments, instruction, system.os().counts().page_faults), (b"two words", [1; 4], 2));
    // Step 3: the rest when it is touched.
    let data = address_of(Vpn::truncate(CODE_VPN.get() + 4), 0);
    let mut byte = [0];
    system.load(0, data, &mut byte).unwrap();
    assert_eq!((byte, system.os().counts().page_faults), ([5], 3));
    system.store(0, data, &[0xaa]).unwrap();
    assert_eq!(system.os().files().bytes(file).unwrap()[4 * FRAME_BYTES as usize], 5, "the file is not stored to");
    let end_of_heap = system.os_mut().grow_heap(loaded.asid, 2).unwrap();
    system.store(0, address_of(Vpn::truncate(end_of_heap.get() + 1), 0), &[1]).unwrap();
    system.store(0, address_of(lowest, 0), &[1]).unwrap();
    system.os().check().unwrap();
}

#[test]
fn three_kinds_of_violation_are_told_apart() {
    let mut system = machine(256, 1, Tagging::Asid, 9);
    let file = system.os_mut().create_file(&[9; FRAME_BYTES as usize + 1]);
    let program = Program { file, code_pages: 1, data_pages: 3, heap_pages: 1, stack_pages: 4 };
    let loaded = system.load_program(&program, b"").unwrap();
    system.switch(0, loaded.asid).unwrap();
    let code = CODE_VPN.get();
    let mut byte = [0];
    let mut touch = |vpn: u64, write| match write {
        true => system.store(0, address_of(Vpn::truncate(vpn), 0), &[1]),
        false => system.load(0, address_of(Vpn::truncate(vpn), 0), &mut byte),
    };
    assert_eq!(touch(code, true), Err(Signal::ProtectionFault));
    assert_eq!(touch(code + 1, true), Ok(()));
    assert_eq!(touch(code + 2, false), Err(Signal::BusError), "the file ends on the page before");
    assert_eq!(touch(code + 5, false), Err(Signal::SegmentationFault), "behind the heap");
    assert_eq!(touch(TOP_VPN.get() - 3, false), Ok(()), "the stack grows");
    assert_eq!(touch(TOP_VPN.get() - 4, false), Err(Signal::SegmentationFault), "but not so far");
    assert_eq!(system.fetch(0, address_of(TOP_VPN, 0), &mut byte), Err(Signal::ProtectionFault));
}

#[test]
fn fork_shares_every_frame_and_a_store_copies_one() {
    let mut system = machine(256, 2, Tagging::Asid, 9);
    with_heap(&mut system, 0, 64);
    (0..64).for_each(|page| store(&mut system, 0, page, page as u8).unwrap());
    let free = system.os().frames().free();
    let child = system.fork(0).unwrap();
    assert_eq!(system.os().frames().free(), free, "nothing is copied yet");
    assert_eq!(system.traffic().acknowledgements, 2, "both CPUs were asked once");
    system.switch(1, child).unwrap();
    store(&mut system, 1, 5, 0xcc).unwrap();
    assert_eq!((load(&mut system, 0, 5), load(&mut system, 1, 5)), (Ok(5), Ok(0xcc)));
    assert_eq!((system.os().counts().copies, free - system.os().frames().free()), (1, 1));
    // The parent is alone with its frame again.
    store(&mut system, 0, 5, 0xdd).unwrap();
    assert_eq!((load(&mut system, 0, 5), load(&mut system, 1, 5)), (Ok(0xdd), Ok(0xcc)));
    assert_eq!(system.os().counts().copies, 1);
    system.exit(child).unwrap();
    assert_eq!(system.os().frames().free(), free);
    (0..64).for_each(|page| store(&mut system, 0, page, 1).unwrap());
    assert_eq!(system.os().counts().copies, 1, "nobody shares any more");
    system.os().check().unwrap();
}

#[test]
fn parent_and_child_that_store_in_turn_keep_apart() {
    let mut system = machine(512, 2, Tagging::Asid, 9);
    with_heap(&mut system, 0, 16);
    (0..16).for_each(|page| store(&mut system, 0, page, 0).unwrap());
    let child = system.fork(0).unwrap();
    system.switch(1, child).unwrap();
    for round in 1..=3 {
        for page in 0..16 {
            store(&mut system, (page + round) as usize % 2, page, (16 * round + page) as u8).unwrap();
        }
    }
    for page in 0..16 {
        // The last store of each side: the CPU that is (page + round) % 2 stored in rounds 1 and 3, the other in 2.
        let (odd, even) = ((48 + page) as u8, (32 + page) as u8);
        let first = (page + 1) as usize % 2;
        assert_eq!((load(&mut system, first, page), load(&mut system, 1 - first, page)), (Ok(odd), Ok(even)));
    }
}

#[test]
fn a_fork_that_does_not_fit_changes_nothing() {
    // A table that may not grow, with room for one process and a half.
    let mut ram = Ram::new(256);
    let table = LineTable::new(&mut ram, 6, Hash::Keyed, 5).unwrap();
    let mut system = System::new(Os::with_table(ram, table, Platform::default()), 1, 16, Tagging::Asid);
    let asid = system.spawn(&[Segment::new(HEAP, 8 * 200, RW)]).unwrap();
    system.switch(0, asid).unwrap();
    // One page of each group, so that four groups share a line.
    let stores = (0..150).map(|i| system.store(0, address_of(Vpn::truncate(HEAP.get() + 8 * i), 0), &[i as u8]));
    stores.for_each(|stored| stored.unwrap());
    let before = system.os().table().mappings(system.os().ram()).unwrap();
    assert!(matches!(system.fork(0), Err(OsError::Table(_))));
    assert_eq!(system.os().table().mappings(system.os().ram()).unwrap(), before);
    assert_eq!(system.os().processes().count(), 1);
    system.os().check().unwrap();
    system.store(0, address_of(HEAP, 0), &[1]).unwrap();
    assert_eq!(system.os().counts().copies, 0);
}

#[test]
fn a_huge_page_takes_the_place_of_small_ones_and_back() {
    let mut system = machine(2048, 1, Tagging::Asid, 9);
    let asid = with_heap(&mut system, 0, 1024);
    for page in (0..512).step_by(3) {
        store(&mut system, 0, page, page as u8).unwrap();
    }
    system.reclaim(40).unwrap();
    system.change(|os| os.promote(asid, HEAP)).unwrap();
    assert_eq!(system.os().table().usage(system.os().ram()).mappings, 1);
    let walks = system.traffic().walks;
    for page in 0..512 {
        assert_eq!(load(&mut system, 0, page), Ok(if page % 3 == 0 { page as u8 } else { 0 }));
    }
    assert_eq!(system.traffic().walks - walks, 1, "one TLB entry reaches all");
    system.os().check().unwrap();
    system.change(|os| os.split(asid, HEAP, PageSize::Large)).unwrap();
    assert_eq!(system.os().table().usage(system.os().ram()).mappings, 512);
    system.munmap(asid, Vpn::truncate(HEAP.get() + 9), 1).unwrap();
    assert_eq!(load(&mut system, 0, 9), Err(Signal::SegmentationFault));
    assert_eq!(load(&mut system, 0, 12), Ok(12));
    let refused = system.change(|os| os.promote(asid, HEAP)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the 512 pages at VPN 0x1000 cannot become a huge page: they do not begin at a multiple of 512, or do not lie \
         in one segment"
    );
    system.os().check().unwrap();
}

#[test]
fn a_store_to_a_shared_huge_page_splits_it_and_copies_4_kib() {
    let mut system = machine(4096, 1, Tagging::Asid, 9);
    let parent = with_heap(&mut system, 0, 512);
    store(&mut system, 0, 7, 7).unwrap();
    system.change(|os| os.promote(parent, HEAP)).unwrap();
    let child = system.fork(0).unwrap();
    let free = system.os().frames().free();
    system.switch(0, child).unwrap();
    store(&mut system, 0, 7, 8).unwrap();
    assert_eq!((system.os().counts().splits, free - system.os().frames().free()), (1, 1));
    system.switch(0, parent).unwrap();
    assert_eq!(load(&mut system, 0, 7), Ok(7));
    system.os().check().unwrap();
}

#[test]
fn asids_are_recycled_with_one_flush_a_generation() {
    let mut system = machine(256, 2, Tagging::Asid, 7);
    for life in 0..70u64 {
        let asid = with_heap(&mut system, (life % 2) as usize, 4);
        let cpu = (life % 2) as usize;
        assert_eq!(load(&mut system, cpu, 1), Ok(0), "nothing of an earlier life is seen");
        store(&mut system, cpu, 1, life as u8 + 1).unwrap();
        system.exit(asid).unwrap();
    }
    // Seven lives a generation: the first flush comes before the eighth.
    assert_eq!((system.os().asid_generation(), system.traffic().shootdowns), (9, 9));
    let alive: Vec<Asid> = (0..7).map(|_| system.spawn(&[]).unwrap()).collect();
    assert_eq!(system.spawn(&[]), Err(OsError::NoAsidLeft { retired: 0 }));
    assert_eq!(alive.len(), 7);
}

#[test]
fn a_switch_without_asids_forgets_and_one_with_them_does_not() {
    let walks = |tagging| {
        let mut system = machine(256, 1, tagging, 9);
        let processes = [0, 1].map(|_| with_heap(&mut system, 0, 4));
        for round in 0..10 {
            for asid in processes {
                system.switch(0, asid).unwrap();
                for page in 0..4 {
                    assert_eq!(load(&mut system, 0, page), Ok(if round == 0 { 0 } else { asid.get() as u8 }));
                    store(&mut system, 0, page, asid.get() as u8).unwrap();
                }
            }
        }
        // A walk at the first touch, one that finds it, one to set D. Later, without ASIDs, one after each switch.
        system.traffic().walks
    };
    assert_eq!((walks(Tagging::Asid), walks(Tagging::None)), (2 * 4 * 3, 2 * 4 * (3 + 9)));
}

#[test]
fn addresses_at_the_end_of_the_address_space_are_violations() {
    let mut system = machine(256, 1, Tagging::Asid, 9);
    with_heap(&mut system, 0, 4);
    let mut bytes = [0; 16];
    let last = VirtAddr::truncate(u64::MAX - 3);
    assert_eq!(system.load(0, last, &mut bytes), Err(Signal::SegmentationFault));
}
