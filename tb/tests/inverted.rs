//! The walker of inverted tables: its cycles, the known answers, and entries, aliases and links written by hand
//! (docs/spec.md, sections 2, 4 and 10).

mod support;

use hashwalk_spec::{Access, Fault, Format, Invalidation, PageSize, Request, Rights};
use support::nodes::{
    Reuse, SPARE, ask, home, invalidate, machine, map, named, of_page, on_every_bus, page, pfn, put, read,
};

/// Words 0 and 1 of a 4 KiB page that allows everything; `next` is an address.
fn words(asid: u64, vpn: u64, next: u64) -> [u64; 2] {
    [vpn << 12 | 0x1f, asid << 48 | (next / 16)]
}

/// An alias.
fn alias(asid: u64, vpn: u64, next: u64, pfn: u64) -> [u64; 4] {
    let [first, second] = words(asid, vpn, next);
    [first | 1 << 10, second, pfn << 12, 0]
}

#[test]
fn the_first_entry_takes_two_reads_and_each_further_one_latency_plus_1_plus_beats() {
    for (config, device) in on_every_bus(Format::Inverted) {
        for latency in [1, 10, 40, 100] {
            let mut machine = machine(&config, &device, latency);
            let anchor = home(&machine, 1, 0x55);
            let entry = |n: u64| SPARE + 0x40 * n;
            put(&mut machine, anchor, &[entry(0)]);
            for n in 0..4 {
                put(&mut machine, entry(n), &alias(1, 0x54, entry(n + 1), 7));
            }
            for n in 0..4 {
                put(&mut machine, entry(n), &alias(1, 0x55, entry(n + 1), 7 + n));
                let answered = ask(&mut machine, read(1, 0x55));
                assert_eq!((answered.answer, answered.reads), (pfn(7 + n), n as u32 + 2));
                let read = latency + 1 + config.beats();
                assert_eq!(answered.cycles, 2 + (n as u32 + 2) * read, "{} at {latency}", config.name());
                put(&mut machine, entry(n), &alias(1, 0x54, entry(n + 1), 7));
                invalidate(&mut machine, Invalidation::All);
            }
        }
    }
}

#[test]
fn the_frame_of_an_entry_is_where_it_stands_and_an_alias_names_it() {
    let mut machine = named("inverted", 2);
    // Frame 7 has its entry; its second page is an alias.
    for mapping in
        [page(3, 0x5d, PageSize::Small, 7), page(5, 0x5b, PageSize::Small, 7), page(1, 0x200, PageSize::Large, 0x400)]
    {
        map(&mut machine, mapping);
    }
    for (request, frame) in [(read(3, 0x5d), 7), (read(5, 0x5b), 7), (read(1, 0x2ff), 0x4ff)] {
        assert_eq!(ask(&mut machine, request).answer, pfn(frame));
    }
    let context = machine.os().walk_context();
    let entry = context.layout().entries().get() + 16 * 7;
    let bytes = machine.os().memory().slice(hashwalk_spec::PhysAddr::truncate(entry), 16).unwrap();
    assert_eq!(bytes, [0x1f, 0xd0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0], "docs/spec.md, section 10, with W set");
}

#[test]
fn a_page_that_denies_is_found_and_one_that_is_absent_is_not() {
    let mut machine = named("inverted", 1);
    let mut denied = page(1, 0x55, PageSize::Small, 3);
    denied.rights = Rights::R;
    map(&mut machine, denied);
    let write = Request { access: Access::Write, ..read(1, 0x55) };
    assert_eq!(ask(&mut machine, write).answer, Err(Fault::Rights));
    let absent = ask(&mut machine, read(9, 0x999));
    assert_eq!((absent.answer, absent.reads), (Err(Fault::NotPresent), 6), "an anchor for each search");
}

#[test]
fn what_must_be_zero_is_malformed_where_it_matches_and_nowhere_else() {
    let mut machine = named("inverted", 1);
    let anchor = home(&machine, 1, 0x55);
    put(&mut machine, anchor, &[SPARE]);
    let zeros = std::iter::once(11).chain([128..140, 180..256].into_iter().flatten());
    for bit in zeros {
        for (vpn, want) in [(0x55, Err(Fault::Malformed)), (0x54, Err(Fault::NotPresent))] {
            let mut words = alias(1, vpn, 0, 7);
            words[bit / 64] |= 1 << (bit % 64);
            put(&mut machine, SPARE, &words);
            assert_eq!(ask(&mut machine, read(1, 0x55)).answer, want, "bit {bit}");
        }
    }
    // An alias in the upper half of an element.
    put(&mut machine, anchor, &[SPARE + 16]);
    put(&mut machine, SPARE + 16, &alias(1, 0x55, 0, 7));
    assert_eq!(ask(&mut machine, read(1, 0x55)).answer, Err(Fault::Malformed));
}

#[test]
fn an_anchor_with_a_bit_that_must_be_zero_is_malformed_and_one_that_leads_nowhere_ends_the_walk() {
    let mut machine = named("inverted", 1);
    let anchor = home(&machine, 1, 0x55);
    for bit in (0..4).chain(52..64) {
        put(&mut machine, anchor, &[SPARE | 1 << bit]);
        let answered = ask(&mut machine, read(1, 0x55));
        assert_eq!((answered.answer, answered.reads), (Err(Fault::Malformed), 1), "bit {bit}");
    }
    // There is no memory.
    put(&mut machine, anchor, &[1 << 51]);
    let answered = ask(&mut machine, read(1, 0x55));
    assert_eq!((answered.answer, answered.reads), (Err(Fault::BusError), 2));
}

#[test]
fn a_chain_in_a_circle_ends_after_max_steps_probes() {
    let mut machine = named("inverted", 1);
    let anchor = home(&machine, 1, 0x55);
    put(&mut machine, anchor, &[SPARE + 16]);
    put(&mut machine, SPARE + 16, &words(1, 0x54, SPARE + 16));
    let answered = ask(&mut machine, read(1, 0x55));
    assert_eq!((answered.answer, answered.reads), (Err(Fault::ChainTooLong), machine.config().max_steps()));
}

#[test]
fn a_walk_on_its_way_to_an_alias_that_was_taken_out_does_not_take_what_stands_there_now() {
    let filled_anew = alias(2, 0x66, 0, 9);
    // After an invalidation of all the memory may serve for something else; after the others it is as it was.
    for invalidation in of_page(2, 0x66) {
        for moment in 0..40 {
            let mut machine = named("inverted", 6);
            let anchor = home(&machine, 2, 0x66);
            put(&mut machine, anchor, &[SPARE]);
            put(&mut machine, SPARE, &alias(2, 0x66, 0, 3));
            let reuse = Reuse {
                request: read(2, 0x66),
                withdrawn: page(2, 0x66, PageSize::Small, 3),
                link: anchor,
                invalidation,
                node: SPARE,
                now_there: if invalidation == Invalidation::All { &filled_anew } else { &[] },
            };
            reuse.meets(&mut machine, moment);
        }
    }
}
