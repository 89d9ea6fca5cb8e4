//! The worked examples of docs/spec.md, section 10: literals from the page, never worked by this crate.

use hashwalk_model::{ChainedTable, Entry, Layout, Mapping, PhysicalMemory, WalkContext, walk};
use hashwalk_spec::{
    Access, Answer, Asid, Fault, Format, Hash, PageSize, Pfn, PhysAddr, Request, Rights, Translation, Vpn,
};

const BASE: u64 = 0x3000;
const RWU: Rights = Rights::R.with(Rights::W).with(Rights::U);
const RU: Rights = Rights::R.with(Rights::U);
const RXU: Rights = Rights::R.with(Rights::X).with(Rights::U);

fn small(asid: u16, vpn: u64, pfn: u64, rights: Rights) -> Mapping {
    let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
    Mapping::new(asid, vpn, PageSize::Small, pfn, rights)
}

fn layout() -> Layout {
    Layout::new(Format::Chained, PhysAddr::truncate(BASE), 7, Hash::Fold, 0).unwrap()
}

/// The table of the page, entry by entry.
fn table() -> (PhysicalMemory, ChainedTable) {
    let mut memory = PhysicalMemory::new(8);
    let entries = [
        (0x1b, small(1, 0x1a, 0x10, RWU), None),
        (0x3e, small(2, 0x3c, 0x32, RU), Some(0x40)),
        (0x40, small(4, 0x3a, 0x14, RWU), None),
        (0x5e, small(3, 0x5d, 0xa2, RXU), None),
        (0x2d, small(5, 0x28, 0xa2, RXU), None),
    ];
    for (index, mapping, next) in entries {
        let address = PhysAddr::truncate(BASE + 32 * index);
        memory.write_entry(address, &Entry::new(&mapping, next).to_bytes()).unwrap();
    }
    (memory, ChainedTable::new(layout()))
}

fn answer(memory: &PhysicalMemory, search_enable: u8, asid: u16, vpn: u64, access: Access) -> (Answer, u32) {
    let request = Request { asid: Asid::truncate(asid), vpn: Vpn::truncate(vpn), access, user: false };
    let result = walk(memory, &WalkContext::new(layout(), search_enable, 64), request);
    (result.answer, result.probes)
}

fn frame(pfn: u64) -> Answer {
    Ok(Translation { pfn: Pfn::truncate(pfn) })
}

#[test]
fn entry_0x3e_stands_in_memory_as_the_contract_says() {
    let (memory, _) = table();
    let bytes = [
        0x13, 0x20, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
        0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    ];
    assert_eq!(memory.read_entry(PhysAddr::truncate(BASE + 0x7c0)), Ok(bytes));
    let words = [0x0000_0000_0003_2013_u64, 0x0000_0000_0000_003c, 0x0000_0000_0000_0002, 0x0000_0001_0000_0040];
    assert_eq!(words.map(u64::to_le_bytes).concat(), bytes);
}

#[test]
fn each_mapping_is_found_in_the_worked_table() {
    let (memory, table) = table();
    table.check(&memory).unwrap();
    assert_eq!(table.len(&memory), Ok(5));
    let homes = [(1, 0x1a, 0x1b), (2, 0x3c, 0x3e), (4, 0x3a, 0x3e), (3, 0x5d, 0x5e), (5, 0x28, 0x2d)];
    for (asid, vpn, home) in homes {
        assert_eq!(table.home(Asid::truncate(asid), Vpn::truncate(vpn)), home);
    }
}

#[test]
fn the_worked_walks() {
    let (memory, _) = table();
    assert_eq!(answer(&memory, 1, 4, 0x3a, Access::Read), (frame(0x14), 2));
    assert_eq!(answer(&memory, 1, 2, 0x3c, Access::Write), (Err(Fault::Rights), 1));
    assert_eq!(answer(&memory, 1, 2, 0x3a, Access::Read), (Err(Fault::NotPresent), 1));
    assert_eq!(answer(&memory, 1, 0x3e, 0, Access::Read), (Err(Fault::NotPresent), 2));
    assert_eq!(answer(&memory, 0, 4, 0x3a, Access::Read), (Err(Fault::NotPresent), 0));
}

#[test]
fn one_frame_is_shared_by_two_processes() {
    let (memory, _) = table();
    assert_eq!(answer(&memory, 1, 3, 0x5d, Access::Execute).0, frame(0xa2));
    assert_eq!(answer(&memory, 1, 5, 0x28, Access::Execute).0, frame(0xa2));
}

#[test]
fn the_worked_huge_page() {
    let (mut memory, table) = table();
    let large = Mapping { size: PageSize::Large, ..small(1, 0x200, 0x400, Rights::R.with(Rights::W)) };
    table.insert(&mut memory, large).unwrap();
    let entry = memory.read_entry(PhysAddr::truncate(BASE + 32)).unwrap();
    assert_eq!(entry[..8], 0x0000_0000_0040_0107_u64.to_le_bytes());
    assert_eq!(answer(&memory, 0b11, 1, 0x2ff, Access::Read), (frame(0x4ff), 2));
}

#[test]
fn removing_the_head_moves_the_other_page_to_its_home() {
    let (mut memory, table) = table();
    table.remove(&mut memory, Asid::truncate(2), Vpn::truncate(0x3c), PageSize::Small).unwrap();
    table.check(&memory).unwrap();
    assert_eq!(answer(&memory, 1, 4, 0x3a, Access::Read), (frame(0x14), 1));
    assert_eq!(memory.read_entry(PhysAddr::truncate(BASE + 32 * 0x40)), Ok([0; 32]));
}
