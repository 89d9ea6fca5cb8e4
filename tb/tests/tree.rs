//! The walker of balanced trees: its cycles, the known answers, and nodes and links written by hand (docs/spec.md,
//! sections 2, 4 and 10).

mod support;

use hashwalk_spec::{Fault, Format, Invalidation, PageSize};
use support::nodes::{
    Reuse, SPARE, ask, home, invalidate, machine, map, named, of_page, on_every_bus, page, pfn, put, read,
};

/// A node of a 4 KiB page that allows everything.
fn node(asid: u64, vpn: u64, pfn: u64, left: u64, right: u64) -> [u64; 8] {
    [pfn << 12 | 0x1f, vpn, asid, left, right, 0, 0, 0]
}

/// The address of node n of a test.
fn at(n: u64) -> u64 {
    SPARE + 0x40 * n
}

#[test]
fn the_root_takes_two_reads_and_each_level_below_latency_plus_1_plus_beats() {
    for (config, device) in on_every_bus(Format::Tree) {
        for latency in [1, 10, 40, 100] {
            let mut machine = machine(&config, &device, latency);
            let bucket = home(&machine, 1, 0x55);
            put(&mut machine, bucket, &[at(0)]);
            // Left and right in turn: the page stands at level `depth`.
            for depth in 0..4 {
                for n in 0..depth {
                    let (asid, left, right) = if n % 2 == 0 { (2, at(n + 1), 0) } else { (0, 0, at(n + 1)) };
                    put(&mut machine, at(n), &node(asid, 0x55, 3, left, right));
                }
                put(&mut machine, at(depth), &node(1, 0x55, 7 + depth, 0, 0));
                let answered = ask(&mut machine, read(1, 0x55));
                assert_eq!((answered.answer, answered.reads), (pfn(7 + depth), depth as u32 + 2));
                let read = latency + 1 + config.beats();
                assert_eq!(answered.cycles, 2 + (depth as u32 + 2) * read, "{} at {latency}", config.name());
                invalidate(&mut machine, Invalidation::All);
            }
        }
    }
}

#[test]
fn the_key_is_the_asid_above_the_vpn() {
    let mut machine = named("tree", 1);
    let sought = (5, 0x8_0000_1234_5678);
    let bucket = home(&machine, sought.0 as u16, sought.1);
    put(&mut machine, bucket, &[at(0)]);
    put(&mut machine, at(1), &node(sought.0, sought.1, 0x11, 0, 0));
    put(&mut machine, at(2), &node(sought.0, sought.1, 0x22, 0, 0));
    let others = [(5, sought.1 + 1, 0x11), (6, 0, 0x11), (5, sought.1 - 1, 0x22), (4, 0xf_ffff_ffff_ffff, 0x22)];
    for (asid, vpn, want) in others {
        put(&mut machine, at(0), &node(asid, vpn, 3, at(1), at(2)));
        assert_eq!(ask(&mut machine, read(5, sought.1)).answer, pfn(want), "left is 0x11, the root ({asid}, {vpn:#x})");
        invalidate(&mut machine, Invalidation::All);
    }
}

#[test]
fn a_node_with_the_key_ends_the_search_also_if_it_does_not_match() {
    let mut machine = named("tree", 1);
    let bucket = home(&machine, 1, 0x55);
    put(&mut machine, bucket, &[at(0)]);
    put(&mut machine, at(1), &node(1, 0x55, 9, 0, 0));
    for clear in [1, 0x100] {
        let mut words = node(1, 0x55, 7, at(1), at(1));
        words[0] ^= clear;
        put(&mut machine, at(0), &words);
        assert_eq!(ask(&mut machine, read(1, 0x55)).answer, Err(Fault::NotPresent));
    }
}

#[test]
fn what_must_be_zero_is_malformed_where_it_counts_and_software_keeps_the_rest() {
    let mut machine = named("tree", 1);
    let bucket = home(&machine, 1, 0x55);
    put(&mut machine, bucket, &[at(0)]);
    for bit in [10..12, 52..64, 116..128, 144..192].into_iter().flatten() {
        let mut words = node(1, 0x55, 7, 0, 0);
        words[bit / 64] |= 1 << (bit % 64);
        put(&mut machine, at(0), &words);
        assert_eq!(ask(&mut machine, read(1, 0x55)).answer, Err(Fault::Malformed), "bit {bit}");
    }
    // Neither the links nor software's words count where the key is found.
    let words = [7 << 12 | 0x1f, 0x55, 1, u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::MAX];
    put(&mut machine, at(0), &words);
    assert_eq!(ask(&mut machine, read(1, 0x55)).answer, pfn(7));
}

#[test]
fn a_link_with_a_bit_that_must_be_zero_is_malformed_in_the_bucket_and_on_the_side_that_counts() {
    let mut machine = named("tree", 1);
    let bucket = home(&machine, 1, 0x55);
    for bit in (0..6).chain(52..64) {
        let broken = at(1) | 1 << bit;
        put(&mut machine, bucket, &[broken]);
        assert_eq!(ask(&mut machine, read(1, 0x55)).answer, Err(Fault::Malformed), "bucket, bit {bit}");
        put(&mut machine, bucket, &[at(0)]);
        for (asid, left, right, want) in [
            (2, broken, 0, Err(Fault::Malformed)),
            (2, 0, broken, Err(Fault::NotPresent)),
            (0, 0, broken, Err(Fault::Malformed)),
            (0, broken, 0, Err(Fault::NotPresent)),
        ] {
            put(&mut machine, at(0), &node(asid, 0x55, 7, left, right));
            assert_eq!(ask(&mut machine, read(1, 0x55)).answer, want, "bit {bit}");
        }
    }
}

#[test]
fn links_in_a_circle_end_after_max_steps_probes_and_beyond_memory_in_a_bus_error() {
    let mut machine = named("tree", 1);
    let bucket = home(&machine, 1, 0x55);
    put(&mut machine, bucket, &[at(0)]);
    put(&mut machine, at(0), &node(2, 0x55, 7, at(0), 0));
    let answered = ask(&mut machine, read(1, 0x55));
    assert_eq!((answered.answer, answered.reads), (Err(Fault::ChainTooLong), machine.config().max_steps()));
    put(&mut machine, bucket, &[1 << 51]);
    assert_eq!(ask(&mut machine, read(1, 0x55)).answer, Err(Fault::BusError));
}

#[test]
fn pages_of_all_sizes_that_software_enters_are_found() {
    let mut machine = named("tree_odd", 3);
    let pages =
        [(1, 0x55, PageSize::Small, 7), (1, 0x200, PageSize::Large, 0x400), (1, 0x4_0000, PageSize::Huge, 0x8_0000)];
    pages.into_iter().for_each(|(asid, vpn, size, frame)| map(&mut machine, page(asid, vpn, size, frame)));
    for (vpn, frame) in [(0x55, 7), (0x2ff, 0x4ff), (0x7_ffff, 0xb_ffff)] {
        assert_eq!(ask(&mut machine, read(1, vpn)).answer, pfn(frame));
    }
}

#[test]
fn a_walk_on_its_way_to_a_node_that_was_taken_out_does_not_take_what_stands_there_now() {
    let filled_anew = node(2, 0x66, 9, 0, 0);
    // After an invalidation of all the memory may serve for something else; after the others it is as it was.
    for invalidation in of_page(2, 0x66) {
        for moment in 0..40 {
            let mut machine = named("tree", 6);
            let bucket = home(&machine, 2, 0x66);
            put(&mut machine, bucket, &[at(0)]);
            put(&mut machine, at(0), &node(2, 0x66, 3, 0, 0));
            let reuse = Reuse {
                request: read(2, 0x66),
                withdrawn: page(2, 0x66, PageSize::Small, 3),
                link: bucket,
                invalidation,
                node: at(0),
                now_there: if invalidation == Invalidation::All { &filled_anew } else { &[] },
            };
            reuse.meets(&mut machine, moment);
        }
    }
}
