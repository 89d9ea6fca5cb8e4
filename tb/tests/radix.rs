//! The walker of radix trees and its walk cache: cycles, the known answers, words written by hand, and invalidation
//! (docs/spec.md, sections 2, 4, 7 and 10).

mod support;

use hashwalk::machine::Machine;
use hashwalk_model::Mapping;
use hashwalk_spec::{Fault, Format, Invalidation, PageSize, Vpn};
use support::nodes::{
    Reuse, SPARE, ask, invalidate, machine, map, named, of_page, on_every_bus, page, pfn, put, read, unmap,
};

/// V and T, of a word that leads to a node.
const NODE: u64 = 1 << 10 | 1;
/// The page of docs/spec.md, section 10.
const VPN: u64 = 0x1_2345_6789;

/// The node of a level of the trees that are written by hand.
fn node(level: u64) -> u64 {
    SPARE + 0x1000 * level
}

/// Writes the way to [`VPN`] in the tree of this ASID, without a leaf.
fn put_way(machine: &mut Machine, asid: u64) {
    let directory = machine.os().walk_context().layout().base().get();
    put(machine, directory + 8 * asid, &[node(4) | NODE]);
    for (level, index) in [(4, 0x24), (3, 0xd1), (2, 0xb3)] {
        put(machine, node(level) + 8 * index, &[node(level - 1) | NODE]);
    }
}

/// Where the word for [`VPN`] stands at a level.
fn word(level: u64) -> u64 {
    node(level) + 8 * [0x189, 0xb3, 0xd1, 0x24][level as usize - 1]
}

fn leaf(pfn: u64, size: u64) -> u64 {
    pfn << 12 | size << 8 | 0x1f
}

#[test]
fn each_level_takes_latency_plus_1_plus_beats() {
    for (config, device) in on_every_bus(Format::Radix) {
        for latency in [1, 10, 40, 100] {
            let mut machine = machine(&config, &device, latency);
            let read_cycles = latency + 1 + config.beats();
            for (level, reads, size) in [(1, 5, 0), (2, 4, 1), (3, 3, 2)] {
                put_way(&mut machine, 5);
                let frame = 1 << 18;
                put(&mut machine, word(level), &[leaf(frame, size)]);
                let answered = ask(&mut machine, read(5, VPN));
                let offset = VPN & ((1 << (9 * size)) - 1);
                assert_eq!((answered.answer, answered.reads), (pfn(frame | offset), reads));
                assert_eq!(answered.cycles, 2 + reads * read_cycles, "{} at {latency}", config.name());
                invalidate(&mut machine, Invalidation::All);
            }
        }
    }
}

#[test]
fn a_known_node_saves_the_levels_above_it_and_costs_no_cycle() {
    for (config, device) in on_every_bus(Format::Radix) {
        for latency in [1, 10, 40] {
            let mut machine = machine(&config, &device, latency);
            let pages = [0x1000, 0x1001, 0x1200, 0x4_1000, 0x800_1000, 0x4_0000_1000];
            pages.iter().for_each(|vpn| map(&mut machine, page(5, *vpn, PageSize::Small, *vpn)));
            // The node of level 1 is shared, then that of level 2, of level 3, of level 4, of which no link is kept.
            for (vpn, reads) in pages.into_iter().zip([5, 1, 2, 3, 5, 5]) {
                let answered = ask(&mut machine, read(5, vpn));
                assert_eq!((answered.answer, answered.reads), (pfn(vpn), reads), "{vpn:#x}");
                assert_eq!(answered.cycles, 2 + reads * (latency + 1 + config.beats()), "{} {vpn:#x}", config.name());
            }
            // Another address space knows nothing of it.
            map(&mut machine, page(6, 0x1000, PageSize::Small, 3));
            assert_eq!(ask(&mut machine, read(6, 0x1000)).reads, 5);
        }
    }
}

#[test]
fn without_a_walk_cache_every_level_is_read() {
    let mut machine = named("radix_odd", 2);
    assert_eq!(machine.config().walk_cache_entries(), 0);
    for vpn in [0x1000, 0x1001, 0x1002] {
        map(&mut machine, page(5, vpn, PageSize::Small, vpn));
        assert_eq!(ask(&mut machine, read(5, vpn)).reads, 5);
    }
}

#[test]
fn the_known_answers_of_the_contract_are_found() {
    let mut machine = named("radix_odd", 1);
    put_way(&mut machine, 5);
    put(&mut machine, word(1), &[0x14017]);
    put(&mut machine, node(2) + 8 * 0xb4, &[0x40_0107]);
    let answered = ask(&mut machine, read(5, VPN));
    assert_eq!((answered.answer, answered.reads), (pfn(0x14), 5));
    let answered = ask(&mut machine, read(5, 0x1_2345_68ff));
    assert_eq!((answered.answer, answered.reads), (pfn(0x4ff), 4));
    // Both directory words: the own, and ASID 0's.
    let answered = ask(&mut machine, read(6, VPN));
    assert_eq!((answered.answer, answered.reads), (Err(Fault::NotPresent), 2));
    let mut machine = named("radix", 1);
    for beyond in [0x8_0000_0000, 0x8_0000_0000_0000, 0xf_fff7_ffff_ffff] {
        let answered = ask(&mut machine, read(5, beyond));
        assert_eq!((answered.answer, answered.reads, answered.cycles), (Err(Fault::NotPresent), 0, 4), "{beyond:#x}");
    }
}

#[test]
fn a_word_without_v_ends_the_search_whatever_else_it_holds() {
    for level in 1..=4 {
        let mut machine = named("radix", 1);
        put_way(&mut machine, 5);
        put(&mut machine, word(level), &[!1]);
        assert_eq!(ask(&mut machine, read(5, VPN)).answer, Err(Fault::NotPresent), "level {level}");
    }
}

#[test]
fn malformed_words_of_every_level() {
    let directory = |machine: &Machine| machine.os().walk_context().layout().base().get() + 8 * 5;
    for level in 1..=5 {
        let mut machine = named("radix", 1);
        put_way(&mut machine, 5);
        let at = if level == 5 { directory(&machine) } else { word(level) };
        for bit in (1..10).chain([11]).chain(52..64) {
            put(&mut machine, at, &[node(7) | NODE | 1 << bit]);
            assert_eq!(ask(&mut machine, read(5, VPN)).answer, Err(Fault::Malformed), "level {level}, bit {bit}");
        }
        let sizes = [0, 1, 2, 3].map(|size| leaf(1 << 18, size));
        let legal = level.checked_sub(1).filter(|size| *size < 3);
        for (size, leaf) in (0..).zip(sizes).filter(|(size, _)| Some(*size) != legal) {
            put(&mut machine, at, &[leaf]);
            assert_eq!(ask(&mut machine, read(5, VPN)).answer, Err(Fault::Malformed), "level {level}, size {size}");
        }
        if let Some(size) = legal {
            for bit in [5, 11].into_iter().chain(52..64) {
                put(&mut machine, at, &[leaf(1 << 18, size) | 1 << bit]);
                assert_eq!(ask(&mut machine, read(5, VPN)).answer, Err(Fault::Malformed), "level {level}, bit {bit}");
            }
        }
    }
    let mut machine = named("radix", 1);
    put_way(&mut machine, 5);
    put(&mut machine, word(1), &[node(7) | NODE]);
    assert_eq!(ask(&mut machine, read(5, VPN)).answer, Err(Fault::Malformed), "level 1 leads to no node");
}

#[test]
fn the_tree_of_asid_0_has_global_pages_for_all() {
    let mut machine = named("radix", 1);
    put_way(&mut machine, 0);
    put(&mut machine, word(1), &[leaf(7, 0) | 1 << 5]);
    assert_eq!(ask(&mut machine, read(9, VPN)).answer, pfn(7));
    invalidate(&mut machine, Invalidation::All);
    put(&mut machine, word(1), &[leaf(7, 0)]);
    assert_eq!(ask(&mut machine, read(9, VPN)).answer, Err(Fault::NotPresent), "without G it is ASID 0's");
    assert_eq!(ask(&mut machine, read(0, VPN)).answer, pfn(7));
}

/// The page beside the one that is asked for, which its walk would find through the same nodes.
fn sibling() -> Mapping {
    page(5, 0x1001, PageSize::Small, 8)
}

#[test]
fn an_invalidation_drops_the_links_on_the_way_to_what_it_names_and_no_others() {
    let vpn = Vpn::truncate(0x1000);
    let beside = Vpn::truncate(0x1001);
    let far = Vpn::truncate(0x4_0000_1000);
    let asid = |asid| hashwalk_spec::Asid::truncate(asid);
    for (invalidation, reads) in [
        (Invalidation::All, 5),
        (Invalidation::Asid(asid(5)), 5),
        (Invalidation::Asid(asid(6)), 1),
        (Invalidation::Address(vpn), 5),
        (Invalidation::Address(beside), 5),
        (Invalidation::Address(Vpn::truncate(0x1200)), 1),
        (Invalidation::Address(far), 1),
        (Invalidation::AddressInAsid(asid(5), beside), 5),
        (Invalidation::AddressInAsid(asid(6), beside), 1),
    ] {
        let mut machine = named("radix", 2);
        map(&mut machine, page(5, 0x1000, PageSize::Small, 7));
        map(&mut machine, sibling());
        assert_eq!(ask(&mut machine, read(5, 0x1000)).reads, 5);
        invalidate(&mut machine, invalidation);
        assert_eq!(ask(&mut machine, read(5, 0x1001)).reads, reads, "{invalidation:?}");
    }
    // What is named below one node of level 2 leaves the links above it.
    let mut machine = named("radix", 2);
    [0x1000, 0x1200, 0x1201].into_iter().for_each(|vpn| map(&mut machine, page(5, vpn, PageSize::Small, vpn)));
    assert_eq!(ask(&mut machine, read(5, 0x1000)).reads, 5);
    assert_eq!(ask(&mut machine, read(5, 0x1200)).reads, 2);
    invalidate(&mut machine, Invalidation::Asid(asid(9)));
    assert_eq!(ask(&mut machine, read(5, 0x1201)).reads, 1);
}

#[test]
fn a_page_whose_node_was_taken_out_is_found_in_its_new_node_after_the_invalidation() {
    let mut machine = named("radix", 2);
    let first = page(5, 0x1000, PageSize::Small, 7);
    map(&mut machine, first);
    assert_eq!(ask(&mut machine, read(5, 0x1000)).answer, pfn(7));
    unmap(&mut machine, first);
    invalidate(&mut machine, Invalidation::Address(Vpn::truncate(0x1000)));
    map(&mut machine, sibling());
    assert_eq!(ask(&mut machine, read(5, 0x1001)).answer, pfn(8));
}

#[test]
fn a_walk_on_its_way_to_a_node_that_was_taken_out_does_not_take_what_stands_there_now() {
    for (name, warm) in [("radix", false), ("radix", true), ("radix_odd", false)] {
        for (moment, invalidation) in (0..60).flat_map(|n| of_page(5, VPN).map(|invalidation| (n, invalidation))) {
            let mut machine = named(name, 6);
            put_way(&mut machine, 5);
            let beside = leaf(4, 0);
            put(&mut machine, word(1) - 8, &[beside, leaf(3, 0)]);
            if warm {
                assert_eq!(ask(&mut machine, read(5, VPN - 1)).answer, pfn(4));
            }
            let reuse = Reuse {
                request: read(5, VPN),
                withdrawn: page(5, VPN, PageSize::Small, 3),
                link: word(2),
                invalidation,
                node: word(1),
                now_there: &[leaf(9, 0)],
            };
            reuse.meets(&mut machine, moment);
        }
    }
}
