//! What the predictor of page sizes is for: how often walks read, in the whole block. The predictor by itself is tested in
//! `rtl/tests/predictor.rs`. docs/spec.md, section 4; docs/timing.md, "Walk".

mod support;

use hashwalk_spec::{Config, Invalidation, Settings};
use support::*;

const VPN: u64 = 0x6_7654_3000_0000;

fn guessing(predictor_entries: u32) -> Config {
    let name = format!("chained_guessing_{predictor_entries}");
    Config::new(Settings { name, predictor_entries, ..default().settings().clone() }).expect("a legal configuration")
}

/// Asks, and returns the reads of the walk and whether it had found the page in its first search.
#[track_caller]
fn walk(bench: &mut Bench, page: Page, beyond: u64) -> (u32, Option<bool>) {
    bench.invalidate(Invalidation::All);
    let vpn = page.vpn + beyond;
    bench.lookup = Some(read(1, vpn));
    let mut predicted = None;
    loop {
        let seen = bench.cycle();
        assert!(seen.predicted.is_none() || predicted.is_none(), "a walk finds a page once");
        predicted = predicted.or(seen.predicted);
        if let Some(answered) = seen.answered {
            assert_eq!(answered.answer, page.at(vpn));
            return (answered.reads, predicted);
        }
    }
}

/// The searches are for 4 KiB, 2 MiB and 1 GiB, in this order, unless something is known of the place.
#[test]
fn a_walk_that_is_guessed_right_reads_once_whatever_the_size() {
    for entries in [0, 8, 64] {
        for size in [LARGE, HUGE] {
            let mut bench = Bench::new(&guessing(entries));
            let page = page(1, VPN, 0x4_0000).size(size);
            bench.map(page);
            let in_order = (1 + u32::from(size), Some(false));
            let known = if entries > 0 { (1, Some(true)) } else { in_order };
            assert_eq!(walk(&mut bench, page, 0), in_order, "{entries} entries, size {size}: nothing is known");
            for beyond in [0, 7, 0x1ff] {
                assert_eq!(walk(&mut bench, page, beyond), known, "{entries} entries, size {size}, {beyond} pages on");
            }
        }
    }
}

/// A wrong guess costs the read of its search, once: what was found is guessed from then on.
#[test]
fn a_wrong_guess_costs_a_read_and_is_not_made_again() {
    let mut bench = Bench::new(&guessing(8));
    let (large, small) = (page(1, VPN, 0x4_0000).size(LARGE), page(1, VPN + 7, 0x99));
    bench.map(large);
    assert_eq!(walk(&mut bench, large, 0), (2, Some(false)));
    bench.start_over();
    bench.map(small);
    assert_eq!(walk(&mut bench, small, 0), (2, Some(false)), "first as a page of 2 MiB");
    assert_eq!(walk(&mut bench, small, 0), (1, Some(true)));
    bench.start_over();
    bench.map(large);
    assert_eq!(walk(&mut bench, large, 0), (2, Some(false)), "first as a page of 4 KiB");
    assert_eq!(walk(&mut bench, large, 0), (1, Some(true)));
}
