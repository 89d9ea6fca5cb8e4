use super::*;
use crate::mapping::Mapping;
use crate::organisation::{PageTable, Usage};
use hashwalk_spec::{PageSize, Pfn, Rights};

fn page(asid: u16, vpn: u64, size: PageSize) -> Mapping {
    let (asid, vpn) = (Asid::truncate(asid), Vpn::truncate(vpn));
    Mapping::new(asid, vpn, size, Pfn::truncate(vpn.get() & !(size.pages() - 1)), Rights::R)
}

fn global(vpn: u64, size: PageSize) -> Mapping {
    Mapping { global: true, ..page(0, vpn, size) }
}

const ONE: Asid = Asid::truncate(1);

#[test]
fn a_lookup_reads_a_word_a_level_and_one_when_the_cache_is_warm() {
    let mut ram = Ram::new(64);
    let mut table = Radix::new(&mut ram, Reach::Bits48).unwrap();
    let sizes = [(0x1234, PageSize::Small, 4), (0x2_0000_0200, PageSize::Large, 3), (0x7_0000_0000, PageSize::Huge, 2)];
    let mut cache = WalkCache::new(8);
    for (vpn, size, cold) in sizes {
        table.insert(&mut ram, page(1, vpn, size)).unwrap();
        let found = |reads| Ok(Found { mapping: Some(page(1, vpn, size)), reads });
        let vpn = Vpn::truncate(vpn);
        assert_eq!(table.lookup(&ram, ONE, vpn), found(cold));
        assert_eq!(table.lookup_cached(&ram, &mut cache, ONE, vpn), found(cold));
        assert_eq!(table.lookup_cached(&ram, &mut cache, ONE, vpn), found(1));
        cache.invalidate_asid(ONE);
        assert_eq!(table.lookup_cached(&ram, &mut cache, ONE, vpn), found(cold));
    }
    // Neighbours that are not mapped, within the same 2 MiB, 1 GiB and 512 GiB.
    table.lookup_cached(&ram, &mut cache, ONE, Vpn::truncate(0x1234)).unwrap();
    for (vpn, reads) in [(0x1235, 1), (0x1434, 1), (0x4_1234, 1)] {
        let found = table.lookup_cached(&ram, &mut cache, ONE, Vpn::truncate(vpn)).unwrap();
        assert_eq!(found, Found { mapping: None, reads });
    }
    table.insert(&mut ram, page(1, 0x1434, PageSize::Small)).unwrap();
    assert_eq!(table.lookup_cached(&ram, &mut cache, ONE, Vpn::truncate(0x1434)).unwrap().reads, 2);
    cache.invalidate_all();
    assert_eq!(table.lookup_cached(&ram, &mut cache, ONE, Vpn::truncate(0x1434)).unwrap().reads, 4);
}

#[test]
fn a_global_page_costs_a_second_walk() {
    let mut ram = Ram::new(64);
    let mut table = Radix::new(&mut ram, Reach::Bits48).unwrap();
    table.insert(&mut ram, page(1, 0x10, PageSize::Small)).unwrap();
    assert_eq!(table.lookup(&ram, ONE, Vpn::truncate(0x11)), Ok(Found { mapping: None, reads: 4 }));
    table.insert(&mut ram, global(0x12, PageSize::Small)).unwrap();
    table.insert(&mut ram, page(0, 0x13, PageSize::Small)).unwrap();
    let found = table.lookup(&ram, ONE, Vpn::truncate(0x12)).unwrap();
    assert_eq!(found, Found { mapping: Some(global(0x12, PageSize::Small)), reads: 8 });
    assert_eq!(table.lookup(&ram, ONE, Vpn::truncate(0x13)), Ok(Found { mapping: None, reads: 8 }));
    assert_eq!(table.lookup(&ram, Asid::GLOBAL, Vpn::truncate(0x13)).unwrap().reads, 4);
    assert_eq!(table.lookup(&ram, Asid::truncate(2), Vpn::truncate(0x12)).unwrap().reads, 4);
}

#[test]
fn nodes_are_freed_when_they_hold_nothing() {
    let mut ram = Ram::new(64);
    let mut table = Radix::new(&mut ram, Reach::Bits48).unwrap();
    let free = ram.frames.free();
    let pages = [page(1, 0, PageSize::Small), page(1, 1, PageSize::Small), page(1, 0x200, PageSize::Large)];
    pages.iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
    assert_eq!(ram.frames.free(), free - 4);
    assert_eq!(table.usage(&ram), Usage { bytes: 5 * 4096, mappings: 3, places: 4 * 512 });
    for (page, nodes) in pages.iter().zip([4, 3, 0]) {
        assert_eq!(table.remove(&mut ram, ONE, page.vpn, page.size), Ok(*page));
        table.check(&ram).unwrap();
        assert_eq!(ram.frames.free(), free - nodes);
    }
    assert_eq!(table.lookup(&ram, ONE, Vpn::truncate(0)), Ok(Found { mapping: None, reads: 0 }));
}

#[test]
fn the_tree_covers_sign_extended_addresses_and_refuses_others() {
    let mut ram = Ram::new(2048);
    let mut table = Radix::new(&mut ram, Reach::Bits48).unwrap();
    for vpn in [0x7_ffff_ffff, 0xf_fff8_0000_0000, Vpn::MAX.get()] {
        table.insert(&mut ram, page(1, vpn, PageSize::Small)).unwrap();
        let found = table.lookup(&ram, ONE, Vpn::truncate(vpn)).unwrap();
        assert_eq!(found.mapping, Some(page(1, vpn, PageSize::Small)));
    }
    for vpn in [0x8_0000_0000, 0xf_fff7_ffff_ffff, 0x8_0000_0000_0000] {
        let vpn = Vpn::truncate(vpn);
        let refused = table.insert(&mut ram, page(1, vpn.get(), PageSize::Small));
        assert_eq!(refused, Err(TableError::BeyondReach { vpn, bits: 36 }));
        assert_eq!(table.lookup(&ram, ONE, vpn), Ok(Found { mapping: None, reads: 0 }));
        assert!(matches!(table.remove(&mut ram, ONE, vpn, PageSize::Small), Err(TableError::NotMapped { .. })));
    }
    table.check(&ram).unwrap();
    assert_eq!(table.mappings(&ram).unwrap().len(), 3);

    let mut wide = Radix::new(&mut ram, Reach::Bits64).unwrap();
    wide.insert(&mut ram, page(1, 0x8_0000_0000_0000, PageSize::Small)).unwrap();
    wide.insert(&mut ram, page(1, Vpn::MAX.get(), PageSize::Small)).unwrap();
    wide.check(&ram).unwrap();
    assert_eq!(wide.usage(&ram).bytes, 4096 + 3 * (1 << 20) + 4 * 4096);
    assert_eq!(wide.lookup(&ram, ONE, Vpn::MAX).unwrap().reads, 4);
}

#[test]
fn a_refused_insertion_takes_no_frames() {
    let mut ram = Ram::new(7);
    let mut table = Radix::new(&mut ram, Reach::Bits48).unwrap();
    table.insert(&mut ram, page(1, 0, PageSize::Small)).unwrap();
    let refused = table.insert(&mut ram, page(2, 0, PageSize::Small));
    assert!(matches!(refused, Err(TableError::OutOfMemory(_))));
    assert_eq!(ram.frames.free(), 1);
    table.check(&ram).unwrap();
    // A large page in an unused GiB needs one node, and there is one frame.
    table.insert(&mut ram, page(1, 0x4_0000, PageSize::Large)).unwrap();
    table.check(&ram).unwrap();
}

#[test]
fn a_walk_cache_that_is_not_invalidated_leads_into_a_freed_node() {
    let mut ram = Ram::new(64);
    let mut table = Radix::new(&mut ram, Reach::Bits48).unwrap();
    let mut cache = WalkCache::new(8);
    let (old, vpn) = (page(1, 0x1234, PageSize::Small), Vpn::truncate(0x1234));
    table.insert(&mut ram, old).unwrap();
    table.insert(&mut ram, page(1, 0x7_0000_0000, PageSize::Huge)).unwrap();
    table.lookup_cached(&ram, &mut cache, ONE, vpn).unwrap();
    table.remove(&mut ram, ONE, vpn, PageSize::Small).unwrap();
    // The level-1 node's frame now serves another address space: the stale link shows its page to this one.
    for other in (0..4).map(|number| page(2 + number, 0x1234, PageSize::Small)) {
        table.insert(&mut ram, other).unwrap();
    }
    let stale = table.lookup_cached(&ram, &mut cache, ONE, vpn);
    assert!(stale.is_ok_and(|found| found.mapping.is_some()));
    cache.invalidate(Reach::Bits48, ONE, vpn);
    assert_eq!(table.lookup_cached(&ram, &mut cache, ONE, vpn), Ok(Found { mapping: None, reads: 1 }));
}

#[test]
fn the_least_recently_used_link_goes_first() {
    let mut ram = Ram::new(64);
    let mut table = CachedRadix::new(Radix::new(&mut ram, Reach::Bits48).unwrap(), 2);
    for vpn in [0, 0x200, 0x400] {
        table.insert(&mut ram, page(1, vpn, PageSize::Small)).unwrap();
    }
    let mut reads = |vpn| table.lookup(&ram, ONE, Vpn::truncate(vpn)).unwrap().reads;
    let seen: Vec<u32> = [0, 0x200, 0, 0x400, 0, 0x200].map(&mut reads).to_vec();
    assert_eq!(seen, [4, 2, 1, 2, 1, 2]);
    table.check(&ram).unwrap();
}

/// Mean reads of a lookup, with 16 links a level, in the order in which the pages were entered and in another.
fn mean_reads(pages: u64, vpn_of: fn(u64) -> u64) -> [f64; 2] {
    let mut ram = Ram::new(1 << 15);
    let mut table = CachedRadix::new(Radix::new(&mut ram, Reach::Bits48).unwrap(), 16);
    let page_of = |number| page(1 + (number % 4) as u16, vpn_of(number), PageSize::Small);
    (0..pages).for_each(|number| table.insert(&mut ram, page_of(number)).unwrap());
    // 7919 is prime and divides no number of pages here, so every page comes once.
    [1, 7919].map(|stride| {
        let reads = (0..pages).map(|number| {
            let page = page_of(number * stride % pages);
            let found = table.lookup(&ram, page.asid, page.vpn).unwrap();
            assert_eq!(found.mapping, Some(page));
            u64::from(found.reads)
        });
        reads.sum::<u64>() as f64 / pages as f64
    })
}

#[test]
fn the_walk_cache_helps_where_pages_lie_side_by_side() {
    let [in_order, in_any] = mean_reads(40_000, |number| number / 4);
    assert!(in_order < 1.005 && (1.5..2.0).contains(&in_any), "{in_order} {in_any}");
    let [in_order, in_any] = mean_reads(4_000, |number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 29);
    assert!(in_order > 3.9 && in_any > 3.9, "{in_order} {in_any}");
}
