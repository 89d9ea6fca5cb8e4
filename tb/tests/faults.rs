//! Each fault, by hand-made tables: docs/spec.md, sections 4, 5 and 10.

mod support;

use hashwalk_spec::{Fault, Invalidation};
use support::*;

const VPN: u64 = 0x8_0001_2340_0000;

/// Every kind of request, code 3 too.
fn every_lookup(asid: u16, vpn: u64) -> impl Iterator<Item = Lookup> {
    (0..8).map(move |code| Lookup { asid, vpn, access: code >> 1, user: code & 1 == 1 })
}

/// The table of section 5, in its own words.
fn is_allowed(rights: u8, lookup: Lookup) -> bool {
    let kind = [R, W, X, 0][usize::from(lookup.access)];
    rights & kind != 0 && (!lookup.user || rights & U != 0)
}

/// cva6 3475 (a fetch must not inherit a data access's rights), cvw 1541 (a write that is denied must not fill the TLB).
#[test]
fn rights_are_checked_for_each_access_and_mode_in_walks_and_in_hits() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for rights in 0..16 {
            let page = page(1, VPN, 0x55).rights(rights);
            bench.start_over();
            bench.map(page);
            let answer = |lookup| if is_allowed(rights, lookup) { Ok(0x55) } else { Err(Fault::Rights) };
            for lookup in every_lookup(1, VPN) {
                bench.walks(lookup, answer(lookup));
                bench.invalidate(Invalidation::All);
            }
            let Some(filling) = every_lookup(1, VPN).find(|lookup| is_allowed(rights, *lookup)) else { continue };
            for lookup in every_lookup(1, VPN).filter(|lookup| !is_allowed(rights, *lookup)) {
                bench.walks(lookup, Err(Fault::Rights));
            }
            bench.walks(filling, Ok(0x55));
            every_lookup(1, VPN).for_each(|lookup| bench.hits(lookup, answer(lookup)));
        }
    }
}

#[test]
fn a_set_bit_that_must_be_zero_makes_a_matching_entry_malformed() {
    let zeros = [10, 11].into_iter().chain(52..64).map(|bit| (0, bit));
    let zeros: Vec<(usize, u32)> =
        zeros.chain((52..64).map(|bit| (1, bit))).chain((16..64).map(|bit| (2, bit))).collect();
    for config in chained_configs() {
        let mut bench = Bench::new(&config);
        let index = bench.map(page(1, VPN, 0x55));
        let good = bench.get(index);
        for &(word, bit) in &zeros {
            let mut bad = good;
            bad[word] |= 1 << bit;
            bench.put(index, bad);
            bench.walks(read(1, VPN), Err(Fault::Malformed));
        }
        bench.put(index, good);
        bench.walks(read(1, VPN), Ok(0x55));
    }
}

#[test]
fn accessed_and_dirty_change_no_answer_and_stay_as_they_are() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for marks in 0..4 {
            bench.start_over();
            let index = bench.map(page(1, VPN, 0x55).rights(R));
            let [pte, vpn, asid, link] = bench.get(index);
            let marked = [pte | marks << 6, vpn, asid, link];
            bench.put(index, marked);
            bench.walks(read(1, VPN), Ok(0x55));
            bench.hits(read(1, VPN), Ok(0x55));
            bench.hits(write(1, VPN), Err(Fault::Rights));
            assert_eq!(bench.get(index), marked);
        }
    }
}

/// Section 4, step 2: rights are looked at in a well-formed entry only.
#[test]
fn malformed_comes_before_rights() {
    let mut bench = Bench::new(&odd());
    let [pte, vpn, asid, link] = page(1, VPN, 0x55).rights(0).words(None);
    let home = bench.home(1, VPN);
    bench.put(home, [pte | 1 << 10, vpn, asid, link]);
    bench.walks(write(1, VPN), Err(Fault::Malformed));
    bench.put(home, [pte, vpn, asid, link]);
    bench.walks(write(1, VPN), Err(Fault::Rights));
}

#[test]
fn a_frame_that_is_no_multiple_of_the_page_is_malformed() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for (size, bits) in [(SMALL, 0), (LARGE, 9), (HUGE, 18)] {
            bench.start_over();
            let good = page(1, VPN, 1 << 39).size(size);
            let index = bench.map(good);
            for bit in 0..bits {
                bench.put(index, Page { pfn: good.pfn | 1 << bit, ..good }.words(None));
                bench.walks(read(1, VPN), Err(Fault::Malformed));
            }
            let good = Page { pfn: good.pfn | 1 << bits, ..good };
            bench.put(index, good.words(None));
            bench.walks(read(1, VPN), good.at(VPN));
        }
    }
}

#[test]
fn a_global_entry_outside_asid_0_is_malformed_and_one_of_asid_0_without_g_is_not_global() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.map(Page { global: true, ..page(1, VPN, 0x55) });
        bench.walks(read(1, VPN), Err(Fault::Malformed));
        bench.walks(read(2, VPN), Err(Fault::NotPresent));
        bench.start_over();
        bench.map(page(0, VPN, 0x66));
        bench.walks(read(1, VPN), Err(Fault::NotPresent));
        bench.walks(read(0, VPN), Ok(0x66));
    }
}

#[test]
fn an_entry_that_is_not_valid_or_of_another_size_is_not_found() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let home = bench.home(1, VPN);
        let [pte, vpn, asid, link] = page(1, VPN, 0x200).words(None);
        let reserved = pte | 3 << 8;
        for pte in [pte & !1, reserved] {
            bench.put(home, [pte, vpn, asid, link]);
            bench.walks(read(1, VPN), Err(Fault::NotPresent));
        }
        // Not by the search for the size that it is not: the 4 KiB search passes over it.
        bench.put(home, page(1, VPN, 0x200).size(LARGE).words(None));
        bench.table.search_enable = 0b00_0001;
        bench.walks(read(1, VPN), Err(Fault::NotPresent));
        bench.table.search_enable = 0b00_0010;
        bench.walks(read(1, VPN + 1), Ok(0x201));
    }
}

/// riscv-boom 785 and 810, cva6 906: a read that is refused is a bus error, at once, and nothing hangs.
#[test]
fn an_error_on_any_beat_of_any_probe_is_a_bus_error() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let probes = config.max_steps().min(3);
        bench.bury(page(1, VPN, 0x55), probes - 1);
        let chain = bench.chain(bench.home(1, VPN));
        for (before, index) in chain.into_iter().enumerate() {
            for beat in 0..config.beats() as usize {
                let address = bench.table.address(index);
                bench.memory.errors.insert((address, beat));
                let answered = bench.walks(read(1, VPN), Err(Fault::BusError));
                assert_eq!(answered.reads as usize, before + 1, "beat {beat}");
                bench.memory.errors.clear();
            }
        }
        bench.walks(read(1, VPN), Ok(0x55));
    }
}

/// openc910 65 (an aborted walk's fault hits another request), cvw 392 (the first walk's fault blocks the second).
#[test]
fn a_fault_does_not_leak_into_the_next_walk() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let (good, other) = (page(2, 0x100, 0x77), page(2, 0x101, 0x78));
        bench.map(good);
        bench.map(other);
        let home = bench.home(1, VPN);
        for fault in [Fault::BusError, Fault::Malformed, Fault::Rights, Fault::ChainTooLong, Fault::NotPresent] {
            let address = bench.table.address(home);
            match fault {
                Fault::BusError => drop(bench.memory.errors.insert((address, 0))),
                Fault::Malformed => bench.put(home, Page { global: true, ..page(1, VPN, 0) }.words(None)),
                Fault::Rights => bench.put(home, page(1, VPN, 0).rights(X).words(None)),
                Fault::ChainTooLong => bench.put(home, [0, 0, 0, 1 << 32 | u64::from(home)]),
                Fault::NotPresent => bench.put(home, [0; 4]),
                Fault::Unmarked => unreachable!("this hardware does not look at marks"),
            }
            // Back to back: the next request waits while the first one is walked for, or its walk goes on beside it.
            bench.lookup = Some(read(1, VPN));
            let first = bench.until("acceptance", |seen| seen.accepted).id.unwrap();
            bench.lookup = Some(read(2, 0x100));
            let mut answers: Vec<(bool, Answered)> = Vec::new();
            while answers.len() < 2 {
                answers.extend(bench.cycle().late.map(|late| (late.id == first, late.answered)));
            }
            for (is_first, answered) in answers {
                assert_eq!((answered.answer, answered.hit), (if is_first { Err(fault) } else { Ok(0x77) }, false));
            }
            bench.walks(read(2, 0x101), Ok(0x78));
            bench.hits(read(2, 0x100), Ok(0x77));
            bench.memory.errors.clear();
            bench.invalidate(Invalidation::All);
        }
    }
}

/// XiangShan 5087 (a faulting walk records a page that a later fence misses): nothing is recorded of a fault at all.
#[test]
fn a_walk_that_ends_in_a_fault_refills_nothing() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let good = page(1, VPN, 0x4_0000).size(HUGE);
        for size in [SMALL, LARGE, HUGE] {
            let good = good.size(size);
            bench.start_over();
            bench.walks(read(1, VPN), Err(Fault::NotPresent));
            let index = bench.map(good.rights(R));
            bench.walks(write(1, VPN), Err(Fault::Rights));
            bench.put(index, Page { global: true, ..good }.words(None));
            bench.walks(read(1, VPN), Err(Fault::Malformed));
            bench.memory.errors.insert((bench.table.address(index), 0));
            bench.walks(read(1, VPN), Err(Fault::BusError));
            bench.memory.errors.clear();
            bench.put(index, good.words(None));
            bench.walks(write(1, VPN), good.at(VPN));
            bench.hits(write(1, VPN), good.at(VPN));
        }
    }
}

/// docs/spec.md, section 10: the table of 128 entries under the fold hash.
#[test]
fn the_known_answers_come_out_of_the_known_table() {
    let mut bench = Bench::new(&odd());
    bench.put(0x1b, [0x0001_0017, 0x1a, 1, 0]);
    bench.put(0x3e, [0x0000_0000_0003_2013, 0x3c, 2, 0x1_0000_0040]);
    bench.put(0x40, [0x0001_4017, 0x3a, 4, 0]);
    bench.put(0x5e, [0x000a_201b, 0x5d, 3, 0]);
    bench.put(0x2d, [0x000a_201b, 0x28, 5, 0]);
    bench.table.search_enable = 1;
    for (lookup, answer, probes) in [
        (read(4, 0x3a), Ok(0x14), 2),
        (write(2, 0x3c), Err(Fault::Rights), 1),
        (read(2, 0x3a), Err(Fault::NotPresent), 1),
        (read(0x3e, 0), Err(Fault::NotPresent), 2),
        (read(1, 0x1a), Ok(0x10), 1),
        (read(2, 0x3c), Ok(0x32), 1),
        (fetch(3, 0x5d).by_user(), Ok(0xa2), 1),
        (fetch(5, 0x28).by_user(), Ok(0xa2), 1),
    ] {
        assert_eq!(bench.walks(lookup, answer).reads, probes, "{lookup:x?}");
    }
    bench.put(0x01, [0x0000_0000_0040_0107, 0x200, 1, 0]);
    bench.table.search_enable = 0b11;
    assert_eq!(bench.walks(read(1, 0x2ff), Ok(0x4ff)).reads, 2);
}
