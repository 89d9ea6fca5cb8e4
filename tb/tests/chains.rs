//! Links of a chain, good and broken, and the step limit: docs/spec.md, section 4, steps 3 to 6.

mod support;

use hashwalk_spec::{Config, Fault};
use support::*;

const VPN: u64 = 0xf_edcb_a987_6543;
const LINKED: u64 = 1 << 32;

/// A bench that makes only the 4 KiB search, and the home of [`VPN`] in ASID 1.
fn bench(config: &Config) -> (Bench, u32) {
    let mut bench = Bench::new(config);
    bench.table.search_enable = 1;
    let home = bench.home(1, VPN);
    (bench, home)
}

/// cva6 3430: a table read is issued before the verdict on its address. The monitor sees that nothing outside the table
/// is read.
#[test]
fn a_link_out_of_the_table_is_malformed_and_not_followed() {
    for config in chained_configs() {
        let (mut bench, _) = bench(&config);
        for log2 in [7, 8, 13, 31] {
            bench.table.log2 = log2;
            bench.table.frame = 1 << 39;
            let home = bench.home(1, VPN);
            for bit in log2..32 {
                for rest in [0, bench.table.mask()] {
                    bench.put(home, [0, 0, 0, LINKED | 1 << bit | u64::from(rest)]);
                    assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).reads, 1, "2^{log2}, bit {bit}");
                }
            }
            bench.put(home, [0; 4]);
        }
    }
}

#[test]
fn a_link_with_a_reserved_bit_is_malformed() {
    for config in chained_configs() {
        let (mut bench, home) = bench(&config);
        for bit in 33..64 {
            let next = bench.table.mask() ^ home;
            bench.put(home, [0, 0, 0, 1 << bit | LINKED | u64::from(next)]);
            assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).reads, 1, "bit {bit}");
        }
    }
}

/// Nothing of the link word counts where L is clear, nor in the entry that matches.
#[test]
fn a_link_word_that_is_not_followed_may_hold_anything() {
    for config in chained_configs() {
        let (mut bench, home) = bench(&config);
        bench.put(home, [0, 0, 0, !LINKED]);
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::NotPresent)).reads, 1);
        let [pte, vpn, asid, _] = page(1, VPN, 0x99).words(None);
        bench.put(home, [pte, vpn, asid, u64::MAX]);
        assert_eq!(bench.walks(read(1, VPN), Ok(0x99)).reads, 1);
    }
}

/// A withdrawn entry still links, and so does one whose other words are broken.
#[test]
fn the_links_of_withdrawn_and_broken_entries_are_followed() {
    for config in chained_configs() {
        let (mut bench, home) = bench(&config);
        let next = bench.free();
        bench.put(next, page(1, VPN, 0x99).words(None));
        for other in [[0; 3], [u64::MAX; 3], [u64::MAX, VPN, 2], [1, VPN, 1 | 1 << 13], [0, VPN, 1]] {
            bench.start_over();
            bench.put(next, page(1, VPN, 0x99).words(None));
            bench.put(home, [other[0], other[1], other[2], LINKED | u64::from(next)]);
            assert_eq!(bench.walks(read(1, VPN), Ok(0x99)).reads, 2, "{other:x?}");
        }
    }
}

/// XiangShan 3588: one bad entry of a line suppresses its neighbours. Here the bad one stands in the middle of a chain.
#[test]
fn a_broken_entry_hurts_its_own_page_only() {
    for config in chained_configs() {
        let (mut bench, home) = bench(&config);
        let (other_home, next) = (bench.home(1, VPN + 1), bench.free());
        bench.put(home, page(2, VPN, 0x11).words(Some(other_home)));
        bench.put(other_home, Page { global: true, ..page(1, VPN, 0x22) }.words(Some(next)));
        bench.put(next, page(1, VPN + 1, 0x33).words(None));
        assert_eq!(bench.chain(home), [home, other_home, next]);
        bench.walks(read(1, VPN), Err(Fault::Malformed));
        assert_eq!(bench.walks(read(1, VPN + 1), Ok(0x33)).reads, 2);
    }
}

/// A `next` that names itself, a cycle of two, a cycle that does not come back to the home.
#[test]
fn a_chain_that_bites_its_tail_ends_at_the_step_limit() {
    for config in chained_configs() {
        let (mut bench, home) = bench(&config);
        let (second, third) = (bench.table.mask() ^ home, bench.table.mask() ^ home ^ 1);
        for cycle in [&[home][..], &[second, home], &[second, third, second]] {
            bench.start_over();
            let mut from = home;
            for &to in cycle {
                bench.put(from, [0, 0, 0, LINKED | u64::from(to)]);
                from = to;
            }
            let answered = bench.walks(read(1, VPN), Err(Fault::ChainTooLong));
            assert_eq!(answered.reads, config.max_steps(), "{cycle:x?}");
        }
    }
}

#[test]
fn the_step_limit_counts_the_probes_of_one_search_exactly() {
    for config in chained_configs() {
        let steps = config.max_steps();
        let (mut bench, home) = bench(&config);
        // The last probe that is allowed finds the page.
        bench.bury(page(1, VPN, 0x99), steps - 1);
        assert_eq!(bench.walks(read(1, VPN), Ok(0x99)).reads, steps);
        // The last probe finds the chain's end.
        let end = *bench.chain(home).last().unwrap();
        bench.start_over();
        bench.bury(page(1, VPN, 0x99), steps - 1);
        bench.put(end, [0; 4]);
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::NotPresent)).reads, steps);
        // The page is one too far.
        bench.start_over();
        bench.bury(page(1, VPN, 0x99), steps);
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::ChainTooLong)).reads, steps);
        // A broken link at the limit is still a broken link.
        bench.start_over();
        bench.bury(page(1, VPN, 0x99), steps);
        let last = bench.chain(home)[steps as usize - 1];
        bench.put(last, [0, 0, 0, LINKED | 1 << 40]);
        assert_eq!(bench.walks(read(1, VPN), Err(Fault::Malformed)).reads, steps);
    }
}

#[test]
fn each_search_has_a_step_limit_of_its_own() {
    for config in chained_configs() {
        let steps = config.max_steps();
        let mut bench = Bench::new(&config);
        bench.table.log2 = 9;
        bench.table.frame = 0x12340;
        bench.table.search_enable = 0b00_0011;
        bench.bury(page(1, VPN, 0x99), steps - 1);
        let found = page(1, VPN & !0x1ff, 0x200).size(LARGE);
        bench.bury(found, steps - 1);
        // The 4 KiB page is withdrawn, so that its search makes all its probes for nothing.
        bench.replace(page(1, VPN, 0x99), None);
        assert_eq!(bench.walks(read(1, VPN), found.at(VPN)).reads, 2 * steps);
    }
}

/// A search that fails by its chain ends the walk: later searches are not made.
#[test]
fn a_broken_chain_ends_the_walk_although_a_later_search_would_find_the_page() {
    for config in chained_configs() {
        let mut bench = Bench::new(&config);
        let home = bench.home(1, VPN);
        bench.map(page(1, VPN & !0x1ff, 0x200).size(LARGE));
        for (link, fault) in [(LINKED | u64::from(home), Fault::ChainTooLong), (LINKED << 1 | LINKED, Fault::Malformed)]
        {
            bench.put(home, [0, 0, 0, link]);
            bench.walks(read(1, VPN), Err(fault));
        }
    }
}
