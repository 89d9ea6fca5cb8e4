//! The worked examples of docs/spec.md, section 10, of the formats whose links are addresses: literals from the page,
//! never worked by this crate.

use hashwalk_model::{Layout, PhysicalMemory, Progress, Walk, WalkContext};
use hashwalk_spec::{Access, Answer, Asid, Fault, Format, Hash, Pfn, PhysAddr, Request, Translation, Vpn};

/// Memory in which these words stand, and nothing else.
fn memory(words: &[(u64, u64)]) -> PhysicalMemory {
    let mut memory = PhysicalMemory::new(256);
    for (address, word) in words {
        memory.write(PhysAddr::truncate(*address), &word.to_le_bytes()).unwrap();
    }
    memory
}

fn bytes(memory: &PhysicalMemory, address: u64, bytes: u64) -> &[u8] {
    memory.slice(PhysAddr::truncate(address), bytes).unwrap()
}

/// The answer to the supervisor, and the elements that are read.
fn walk(
    memory: &PhysicalMemory,
    layout: Layout,
    search_enable: u8,
    (asid, vpn): (u16, u64),
    access: Access,
) -> (Answer, Vec<u64>) {
    let request = Request { asid: Asid::truncate(asid), vpn: Vpn::truncate(vpn), access, user: false };
    let mut walk = Walk::new(&WalkContext::new(layout, search_enable, 8), request);
    let mut elements = Vec::new();
    loop {
        match walk.progress() {
            Progress::Probe(address) => {
                elements.push(address.get());
                walk.step(memory.read_element(address, layout.format()));
            }
            Progress::Done(result) => return (result.answer, elements),
        }
    }
}

fn frame(pfn: u64) -> Answer {
    Ok(Translation { pfn: Pfn::truncate(pfn) })
}

const NOT_PRESENT: Answer = Err(Fault::NotPresent);

#[test]
fn the_worked_inverted_table() {
    let layout = Layout::new(Format::Inverted, PhysAddr::truncate(0x3000), 9, Hash::Fold, 0).unwrap();
    let layout = layout.with_entries(PhysAddr::truncate(0x4000));
    let memory = memory(&[
        (0x32f0, 0x5020),
        (0x4070, 0x5d01b),
        (0x4078, 0x0003_0000_0000_0000),
        (0x5020, 0x5b41b),
        (0x5028, 0x0005_0000_0000_0407),
        (0x5030, 0x7000),
    ]);
    assert_eq!(bytes(&memory, 0x32f0, 8), [0x20, 0x50, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes(&memory, 0x4070, 16), [0x1b, 0xd0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0]);
    let alias = [
        0x1b, 0xb4, 5, 0, 0, 0, 0, 0, 7, 4, 0, 0, 0, 0, 5, 0, //
        0, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(bytes(&memory, 0x5020, 32), alias);
    let of = |page, access| walk(&memory, layout, 1, page, access);
    assert_eq!(of((5, 0x5b), Access::Execute), (frame(7), vec![0x32e0, 0x5020]));
    assert_eq!(of((3, 0x5d), Access::Execute), (frame(7), vec![0x32e0, 0x5020, 0x4060]));
    assert_eq!(of((3, 0x5d), Access::Write), (Err(Fault::Rights), vec![0x32e0, 0x5020, 0x4060]));
    assert_eq!(of((0x5e, 0), Access::Read), (NOT_PRESENT, vec![0x32e0, 0x5020, 0x4060]));
    // Anchor 0x5f stands in the same element.
    assert_eq!(of((3, 0x5c), Access::Read), (NOT_PRESENT, vec![0x32e0]));
}

#[test]
fn the_worked_table_of_trees() {
    let layout = Layout::new(Format::Tree, PhysAddr::truncate(0x3000), 9, Hash::Fold, 0).unwrap();
    let nodes = [[0x32013, 0x3c, 2, 0, 0x4080, 2, 0, 0], [0x14017, 0x3a, 4, 0, 0, 1, 0, 0]];
    let words = nodes.concat().into_iter().zip(0..).map(|(word, index)| (0x4040 + 8 * index, word));
    let memory = memory(&words.chain([(0x31f0, 0x4040)]).collect::<Vec<_>>());
    assert_eq!(bytes(&memory, 0x31f0, 8), [0x40, 0x40, 0, 0, 0, 0, 0, 0]);
    let first = [
        0x13, 0x20, 3, 0, 0, 0, 0, 0, 0x3c, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, //
        0x80, 0x40, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(bytes(&memory, 0x4040, 64), first);
    let of = |page, access| walk(&memory, layout, 1, page, access);
    assert_eq!(of((4, 0x3a), Access::Read), (frame(0x14), vec![0x31c0, 0x4040, 0x4080]));
    assert_eq!(of((2, 0x3c), Access::Write), (Err(Fault::Rights), vec![0x31c0, 0x4040]));
    assert_eq!(of((0x3e, 0), Access::Read), (NOT_PRESENT, vec![0x31c0, 0x4040, 0x4080]));
    assert_eq!(of((1, 0x3f), Access::Read), (NOT_PRESENT, vec![0x31c0, 0x4040]));
}

#[test]
fn the_worked_radix_tree() {
    let layout = Layout::new(Format::Radix, PhysAddr::truncate(0x8_0000), 16, Hash::Keyed, 0).unwrap();
    let memory = memory(&[
        (0x8_0028, 0x1401),
        (0x1120, 0x2401),
        (0x2688, 0x3401),
        (0x3598, 0x4401),
        (0x35a0, 0x40_0107),
        (0x4c48, 0x1_4017),
    ]);
    assert_eq!(bytes(&memory, 0x8_0028, 8), [0x01, 0x14, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes(&memory, 0x4c48, 8), [0x17, 0x40, 1, 0, 0, 0, 0, 0]);
    let of = |enable, page, access| walk(&memory, layout, enable, page, access);
    let down_to_level_1 = vec![0x8_0020, 0x1120, 0x2680, 0x3580, 0x4c40];
    let down_to_level_2 = vec![0x8_0020, 0x1120, 0x2680, 0x35a0];
    assert_eq!(of(63, (5, 0x1_2345_6789), Access::Write), (frame(0x14), down_to_level_1.clone()));
    assert_eq!(of(1, (5, 0x1_2345_6789), Access::Execute), (Err(Fault::Rights), down_to_level_1));
    assert_eq!(of(63, (5, 0x1_2345_68ff), Access::Read), (frame(0x4ff), down_to_level_2.clone()));
    assert_eq!(of(1, (5, 0x1_2345_68ff), Access::Read), (NOT_PRESENT, down_to_level_2));
    assert_eq!(of(63, (6, 0x1_2345_6789), Access::Read), (NOT_PRESENT, vec![0x8_0020, 0x8_0000]));
    assert_eq!(of(63, (5, 0x8_0000_0000), Access::Read), (NOT_PRESENT, vec![]));
}
