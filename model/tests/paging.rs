//! Demand paging and swap: what is read, what is written, and what must not be.

use hashwalk_model::organisation::line::LineTable;
use hashwalk_model::os::{Latency, Platform};
use hashwalk_model::system::address_of;
use hashwalk_model::{Os, PageTable, Ram, Segment, Signal, System, Tagging};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Hash, Rights, Vpn};

const RW: Rights = Rights::R.with(Rights::W).with(Rights::U);
const MIB: u64 = 1 << 20;
const FIRST: u64 = 0x1_0000;

/// A machine with this many frames besides those of the table, and one process with `pages` of zeros.
fn machine(frames: u64, lines_log2: u32, swap_pages: u64, pages: u64) -> (System<LineTable>, Asid) {
    let table_frames = (64 << lines_log2) / FRAME_BYTES;
    // Frame 0 is nobody's; the run for the table is aligned to its size.
    let mut ram = Ram::new(((frames + 1).next_multiple_of(table_frames) + table_frames).max(frames + 1 + table_frames));
    let surplus = ram.frames.free() - table_frames - frames;
    let table = LineTable::new(&mut ram, lines_log2, Hash::Keyed, 3).unwrap();
    for _ in 0..surplus {
        let frame = ram.frames.find(hashwalk_spec::PageSize::Small).unwrap();
        ram.frames.reserve(frame, 1);
    }
    let latency = Latency { read_cycles: 1000, write_cycles: 300 };
    let platform = Platform { swap_pages, swap_latency: latency, table_grows: true, ..Platform::default() };
    // A TLB smaller than any working set here: what is used is walked for, and so marked as accessed.
    let mut system = System::new(Os::with_table(ram, table, platform), 1, 4, Tagging::Asid);
    let asid = system.spawn(&[Segment::new(Vpn::truncate(FIRST), pages, RW)]).unwrap();
    system.switch(0, asid).unwrap();
    (system, asid)
}

fn store(system: &mut System<LineTable>, page: u64, value: u64) -> Result<(), Signal> {
    system.store(0, address_of(Vpn::truncate(FIRST + page), 8), &value.to_le_bytes())
}

fn load(system: &mut System<LineTable>, page: u64) -> Result<u64, Signal> {
    let mut bytes = [0; 8];
    system.load(0, address_of(Vpn::truncate(FIRST + page), 8), &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A page of bytes that no other page has.
fn pattern(page: u64) -> [u8; FRAME_BYTES as usize] {
    let mut bytes = [0; FRAME_BYTES as usize];
    let mut word = page.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for chunk in bytes.chunks_exact_mut(8) {
        word = word.rotate_left(13).wrapping_mul(5).wrapping_add(page);
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

#[test]
fn a_program_of_500_mb_runs_in_50_mb_and_reads_back_every_byte() {
    let (frames, pages) = (50 * MIB / FRAME_BYTES, 500 * MIB / FRAME_BYTES);
    let (mut system, _) = machine(frames, 12, pages, pages);
    for page in 0..pages {
        system.store(0, address_of(Vpn::truncate(FIRST + page), 0), &pattern(page)).unwrap();
    }
    let mut bytes = [0; FRAME_BYTES as usize];
    for page in 0..pages {
        system.load(0, address_of(Vpn::truncate(FIRST + page), 0), &mut bytes).unwrap();
        assert!(bytes == pattern(page), "page {page:#x} differs");
    }
    system.os().check().unwrap();
    let swap = system.os().swap().transfers();
    // Each page was stored to once, so it was written out at most once, and read back at most once.
    assert!(swap.writes <= pages && swap.reads <= pages, "{swap:?}");
    assert!(swap.writes >= pages - frames && swap.reads >= pages - frames, "{swap:?}");
    assert!(system.os().table().usage(system.os().ram()).mappings <= frames);
}

#[test]
fn a_page_that_is_clean_is_not_written_again() {
    let (mut system, _) = machine(64, 6, 256, 128);
    for page in 0..128 {
        store(&mut system, page, page).unwrap();
    }
    system.reclaim(64).unwrap();
    let before = *system.os().swap().transfers();
    assert_eq!(before.writes, 128, "every page is out");
    for _ in 0..3 {
        for page in 0..128 {
            assert_eq!(load(&mut system, page), Ok(page));
        }
    }
    let after = *system.os().swap().transfers();
    assert_eq!(after.writes, before.writes, "loads make nothing dirty");
    assert!(after.reads >= before.reads + 3 * 64);
    assert_eq!(after.cycles() - before.cycles(), 1000 * (after.reads - before.reads));
}

/// Linux evicted an entry from a full bucket without a TLB invalidation; when the page was unmapped its entry was not found,
/// and nothing was invalidated again, so that the TLB kept it. No table here evicts, but page replacement does.
#[test]
fn a_page_whose_entry_was_evicted_is_in_no_tlb_after_its_unmapping_finds_none() {
    let (mut system, asid) = machine(64, 6, 256, 8);
    for page in 0..4 {
        store(&mut system, page, page).unwrap();
    }
    let held = |system: &System<LineTable>| system.tlb(0).entries().iter().filter(|held| held.asid == asid).count();
    assert_eq!(held(&system), 4);
    system.reclaim(64).unwrap();
    assert_eq!(held(&system), 0, "what is evicted is invalidated");
    assert_eq!(system.os().table().usage(system.os().ram()).mappings, 0);
    let found_none = system.os_mut().munmap(asid, Vpn::truncate(FIRST), 8).unwrap();
    assert!(found_none.mappings().is_empty() && found_none.invalidations().is_empty());
    system.os_mut().release(found_none).unwrap();
    for page in 0..4 {
        assert_eq!(load(&mut system, page), Err(Signal::SegmentationFault));
    }
}

#[test]
fn a_swap_device_as_large_as_the_program_is_enough() {
    let (mut system, _) = machine(32, 6, 100, 100);
    for round in 0..4 {
        for page in 0..100 {
            store(&mut system, page, 1000 * round + page).unwrap();
        }
    }
    for page in 0..100 {
        assert_eq!(load(&mut system, page), Ok(3000 + page));
    }
    assert_eq!(system.os().swap().free(), 0);
}

#[test]
fn pages_that_were_never_stored_to_need_no_swap_device() {
    let (mut system, _) = machine(32, 6, 0, 100);
    for page in (0..100).chain(0..100) {
        assert_eq!(load(&mut system, page), Ok(0));
    }
    assert_eq!(system.os().swap().transfers().writes, 0);
    assert!(system.os().counts().page_outs >= 100);
}

#[test]
fn a_full_swap_device_is_out_of_memory_and_loses_nothing() {
    let (mut system, _) = machine(32, 6, 16, 100);
    let stored = (0..100).take_while(|page| store(&mut system, *page, *page + 7).is_ok()).count() as u64;
    assert_eq!(stored, 32 + 16);
    let refused = store(&mut system, stored, 1).unwrap_err();
    assert!(matches!(refused, Signal::Refused(_)), "{refused}");
    for page in 0..16 {
        // What is in memory can be read; the rest needs a frame that nobody gives up.
        if let Ok(value) = load(&mut system, page) {
            assert_eq!(value, page + 7);
        }
    }
    system.os().check().unwrap();
}

#[test]
fn the_clock_spares_what_is_used() {
    let (mut system, asid) = machine(64, 6, 256, 256);
    let mut refaults = 0;
    for round in 0..100 {
        // Eight pages that are used all the time, and a stream of others.
        for page in 0..8 {
            let before = system.os().counts().page_faults;
            store(&mut system, page, round).unwrap();
            refaults += system.os().counts().page_faults - before;
        }
        for page in 0..4 {
            store(&mut system, 8 + (round * 4 + page) % 240, round).unwrap();
        }
    }
    // Once when they were new, once when the hand found every page accessed. First-in-first-out would lose all eight
    // whenever the hand has gone around, every 14 rounds.
    assert!(refaults <= 16, "{refaults} faults on eight pages that are used all the time");
    assert!(system.os().counts().page_outs >= 100);
    assert!(system.os().process(asid).unwrap().swapped_pages() > 0);
}

#[test]
fn what_was_unmapped_does_not_come_back_from_the_swap_device() {
    let (mut system, asid) = machine(64, 6, 256, 128);
    for page in 0..128 {
        store(&mut system, page, page).unwrap();
    }
    system.munmap(asid, Vpn::truncate(FIRST + 16), 32).unwrap();
    assert_eq!(load(&mut system, 20), Err(Signal::SegmentationFault));
    system.os_mut().mmap(asid, Segment::new(Vpn::truncate(FIRST + 16), 32, RW)).unwrap();
    for page in 0..128 {
        assert_eq!(load(&mut system, page), Ok(if (16..48).contains(&page) { 0 } else { page }));
    }
    system.os().check().unwrap();
}

#[test]
fn a_shared_file_page_is_one_frame_and_its_stores_reach_the_file() {
    let (mut system, first) = machine(64, 6, 64, 4);
    let file = system.os_mut().create_file(&[7; 2 * FRAME_BYTES as usize]);
    let (here, there) = (Vpn::truncate(0x5000), Vpn::truncate(0x9000));
    let segment = |vpn| Segment::new(vpn, 2, RW).of_file(file, 0).shared();
    let second = system.spawn(&[segment(there)]).unwrap();
    system.os_mut().mmap(first, segment(here)).unwrap();
    let free = system.os().frames().free();
    system.store(0, address_of(here, 5), b"told").unwrap();
    system.switch(0, second).unwrap();
    let mut heard = [0; 5];
    system.load(0, address_of(there, 4), &mut heard).unwrap();
    assert_eq!(heard, *b"\x07told");
    assert_eq!(free - system.os().frames().free(), 1, "one frame for both");
    assert_eq!(system.os().files().bytes(file).unwrap()[5], 7, "the file learns of it when the frame goes");
    system.exit(first).unwrap();
    system.exit(second).unwrap();
    while system.reclaim(64).unwrap() > 0 {}
    assert_eq!(system.os().files().bytes(file).unwrap()[5..9], *b"told");
    system.os().check().unwrap();
}
