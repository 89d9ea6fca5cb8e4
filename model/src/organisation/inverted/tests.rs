use super::chain::circle;
use super::*;
use crate::mapping::Pte;
use crate::organisation::{PageTable, Usage};
use hashwalk_spec::{Asid, PageSize, Rights, Vpn};

const ONE: Asid = Asid::truncate(1);

fn page(asid: u16, vpn: u64, pfn: u64) -> Mapping {
    let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
    Mapping::new(asid, vpn, PageSize::Small, pfn, Rights::R)
}

fn table(ram: &mut Ram, frames: u64) -> Inverted {
    Inverted::new(ram, frames, 9, Hash::Fold, 0).unwrap()
}

#[test]
fn the_bytes_are_those_of_the_picture() {
    let mut ram = Ram::new(16);
    let mut table = table(&mut ram, 256);
    table.insert(&mut ram, page(3, 0x5d, 7)).unwrap();
    table.insert(&mut ram, page(5, 0x28, 7)).unwrap();
    // The first in the entry of frame 7, found through anchor 0x5d ^ 3; the second in an alias, through 0x28 ^ 5.
    let entry = table.base.get() + 7 * 16;
    let anchor = |index| table.anchors.first(&ram, index).unwrap();
    assert_eq!((anchor(0x5e), table.aliases()), (entry, 1));
    assert_eq!(read_words(&ram, PhysAddr::truncate(entry)), Ok([0x5d003, 0x0003_0000_0000_0000]));
    let alias = PhysAddr::truncate(anchor(0x2d));
    assert_eq!(read_words(&ram, alias), Ok([0x28403, 0x0005_0000_0000_0000, 0x7000, 0]));
    // A third whose anchor is the first's goes before it.
    table.insert(&mut ram, page(0x5e, 0, 8)).unwrap();
    assert_eq!(read_words(&ram, PhysAddr::truncate(entry + 16)), Ok([0x3, 0x005e_0000_0000_0000 | entry >> 4]));
    assert_eq!(table.lookup(&ram, Asid::truncate(3), Vpn::truncate(0x5d)).unwrap().reads, 3);
    assert_eq!(table.mapping_of(&ram, Pfn::truncate(7)), Ok(Some(page(3, 0x5d, 7))));
    assert_eq!(table.mapping_of(&ram, Pfn::truncate(9)), Ok(None));
}

#[test]
fn aliases_are_counted_and_their_entry_waits_for_the_next_mapping() {
    let mut ram = Ram::new(16);
    let mut table = table(&mut ram, 256);
    let pages: Vec<Mapping> = (0..5).map(|number| page(1 + number, 0x10, 9)).collect();
    pages.iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
    assert_eq!((table.aliases(), table.alias_bytes()), (4, 4096));
    assert_eq!(table.chain_reads(&ram), Ok(ChainReads { mappings: 5, entries: 1, aliases: 4 }));
    table.remove(&mut ram, ONE, Vpn::truncate(0x10), PageSize::Small).unwrap();
    table.check(&ram).unwrap();
    assert_eq!((table.aliases(), table.mapping_of(&ram, Pfn::truncate(9))), (4, Ok(None)));
    table.insert(&mut ram, page(1, 0x11, 9)).unwrap();
    assert_eq!((table.aliases(), table.mapping_of(&ram, Pfn::truncate(9))), (4, Ok(Some(page(1, 0x11, 9)))));
    for page in &pages[1..] {
        assert_eq!(table.lookup(&ram, page.asid, page.vpn).unwrap().mapping, Some(*page));
        table.remove(&mut ram, page.asid, page.vpn, page.size).unwrap();
    }
    table.check(&ram).unwrap();
    assert_eq!((table.aliases(), table.alias_bytes()), (0, 0));
}

#[test]
fn a_page_that_gets_another_frame_moves_to_its_entry_within_the_chain() {
    let mut ram = Ram::new(16);
    let mut table = table(&mut ram, 256);
    // All three under anchor 0x11; the last one stands first in the chain.
    for (asid, vpn, pfn) in [(1, 0x10, 7), (2, 0x13, 8), (3, 0x12, 8)] {
        table.insert(&mut ram, page(asid, vpn, pfn)).unwrap();
    }
    let mut moves = |asid, vpn, from, to| {
        let (asid, vpn) = (Asid::truncate(asid), Vpn::truncate(vpn));
        let pfn = Pfn::truncate(to);
        let before = table.update(&mut ram, asid, vpn, PageSize::Small, &|pte| Pte { pfn, ..pte }).unwrap();
        table.check(&ram).unwrap();
        assert_eq!(before.pfn.get(), from);
        let found = table.lookup(&ram, asid, vpn).unwrap();
        assert_eq!(found.mapping, Some(Mapping { pfn, ..before }));
        (found.reads, table.aliases())
    };
    assert_eq!(moves(2, 0x13, 8, 9), (3, 1), "from an entry to another");
    assert_eq!(moves(1, 0x10, 7, 9), (4, 2), "to an alias");
    assert_eq!(moves(3, 0x12, 8, 8), (2, 2), "an alias stays one though the entry is free");
    assert_eq!(moves(3, 0x12, 8, 7), (2, 1), "from an alias to an entry");
}

#[test]
fn frames_beyond_the_table_are_refused() {
    let mut ram = Ram::new(32);
    let mut table = table(&mut ram, 1000);
    let free = ram.frames.free();
    let refused = |pfn, size| Err(TableError::BeyondFrames { pfn: Pfn::truncate(pfn), size, frames: 1000 });
    assert_eq!(table.insert(&mut ram, page(1, 0, 1000)), refused(1000, PageSize::Small));
    let large = Mapping { size: PageSize::Large, ..page(1, 0, 512) };
    assert_eq!(table.insert(&mut ram, large), refused(512, PageSize::Large));
    table.insert(&mut ram, page(1, 0, 999)).unwrap();
    let large = Mapping { pfn: Pfn::truncate(0), vpn: Vpn::truncate(0x200), ..large };
    table.insert(&mut ram, large).unwrap();
    // Within the huge page's frames another page has its own entry, not an alias.
    table.insert(&mut ram, page(2, 0, 5)).unwrap();
    assert_eq!(table.aliases(), 0);
    assert_eq!(table.lookup(&ram, ONE, Vpn::truncate(0x2ff)).unwrap().mapping, Some(large));
    table.check(&ram).unwrap();
    assert_eq!(ram.frames.free(), free);
}

#[test]
fn with_as_many_anchors_as_mappings_chains_are_as_long_as_theory_says() {
    let mut ram = Ram::new(1024);
    let mut table = Inverted::new(&mut ram, 4096, 12, Hash::Keyed, 1).unwrap();
    for number in 0..4096u64 {
        table
            .insert(&mut ram, page(1 + (number % 3) as u16, number.wrapping_mul(0x9e37_79b9_7f4a) >> 3, number))
            .unwrap();
    }
    let ChainReads { mappings, entries, aliases } = table.chain_reads(&ram).unwrap();
    let mean = entries as f64 / mappings as f64;
    // 1 + load / 2 for a random hash.
    assert!((mean - 1.5).abs() < 0.05 && aliases == 0, "{mean}");
    assert_eq!(table.usage(&ram), Usage { bytes: 4096 * 16 + 4096 * 8, mappings: 4096, places: 4096 });
    table.grow(&mut ram).unwrap();
    table.check(&ram).unwrap();
    let ChainReads { mappings, entries, .. } = table.chain_reads(&ram).unwrap();
    let mean = entries as f64 / mappings as f64;
    assert!((mean - 1.25).abs() < 0.05, "{mean}");
}

#[test]
fn a_circle_in_a_chain_is_found() {
    let mut ram = Ram::new(16);
    let mut table = table(&mut ram, 256);
    table.insert(&mut ram, page(3, 0x5d, 7)).unwrap();
    let entry = table.entry_address(Pfn::truncate(7));
    let slot = table.read(&ram, entry).unwrap().with_next(entry);
    table.write(&mut ram, entry, &slot).unwrap();
    assert_eq!(table.mappings(&ram), Err(circle(0x5e)));
    assert_eq!(table.lookup(&ram, Asid::truncate(0x5e), Vpn::truncate(0)), Err(circle(0x5e)));
}

#[test]
fn a_table_that_does_not_fit_takes_nothing() {
    let mut ram = Ram::new(16);
    let made = Inverted::new(&mut ram, 1 << 13, 9, Hash::Fold, 0);
    assert!(matches!(made, Err(TableError::OutOfMemory(_))));
    assert!(matches!(Inverted::new(&mut ram, 0, 9, Hash::Fold, 0), Err(TableError::Shape { .. })));
    assert_eq!(ram.frames.free(), 15);
}

#[test]
fn with_each_frame_mapped_twice_half_of_the_chain_reads_are_aliases() {
    let mut ram = Ram::new(1024);
    let mut table = Inverted::new(&mut ram, 8192, 13, Hash::Keyed, 1).unwrap();
    (0..8000).for_each(|number| table.insert(&mut ram, page(1 + (number % 4) as u16, number, number / 2)).unwrap());
    let ChainReads { entries, aliases, .. } = table.chain_reads(&ram).unwrap();
    let share = aliases as f64 / (entries + aliases) as f64;
    assert!(table.aliases() == 4000 && (0.47..0.53).contains(&share), "{share}");
    // 127 aliases to a frame.
    assert_eq!(table.alias_bytes(), 32 * 4096);
}
