//! What each kind of invalidation drops and keeps: docs/spec.md, section 7. Races with walks: invalidation_races.rs.

mod support;

use hashwalk_spec::{Asid, Fault, Invalidation, Vpn};
use support::*;

/// In the upper half of the address space, so that an address cut short is another one.
const VPN: u64 = 0x8_1234_4000_0000;

fn asid(asid: u16) -> Invalidation {
    Invalidation::Asid(Asid::truncate(asid))
}

fn address(vpn: u64) -> Invalidation {
    Invalidation::Address(Vpn::truncate(vpn))
}

fn address_in(asid: u16, vpn: u64) -> Invalidation {
    Invalidation::AddressInAsid(Asid::truncate(asid), Vpn::truncate(vpn))
}

/// Fills the TLB with `page` alone, invalidates, and says whether the page is gone. The table stays as it is.
fn drops(bench: &mut Bench, page: Page, invalidation: Invalidation) -> bool {
    let asks = read(if page.global { 7 } else { page.asid }, page.vpn);
    bench.start_over();
    bench.map(page);
    bench.walks(asks, page.at(page.vpn));
    bench.invalidate(invalidation);
    let answered = bench.ask(asks);
    assert_eq!(answered.answer, page.at(page.vpn));
    !answered.hit
}

/// cvw 1872 (a fence by ASID must keep global entries), XiangShan 1859 (a fence misses global huge pages): every kind
/// on pages of every size that are one space's, another's, global, or private to ASID 0.
#[test]
fn each_kind_drops_what_the_contract_says() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for size in [SMALL, LARGE, HUGE] {
            let pfn = 0x3_c000_0000;
            let own = page(1, VPN, pfn).size(size);
            let (shared, private) = (global(VPN, pfn).size(size), page(0, VPN, pfn).size(size));
            let inside = VPN + own.frames() / 2;
            let before = VPN - 1;
            let after = own.last() + 1;
            #[rustfmt::skip]
            let cases = [
                // kind                     own    shared private
                (Invalidation::All,         true,  true,  true),
                (asid(1),                   true,  false, false),
                (asid(2),                   false, false, false),
                (asid(0),                   false, false, true),
                (address(VPN),              true,  true,  true),
                (address(inside),           true,  true,  true),
                (address(own.last()),       true,  true,  true),
                (address(before),           false, false, false),
                (address(after),            false, false, false),
                (address_in(1, VPN),        true,  false, false),
                (address_in(1, inside),     true,  false, false),
                (address_in(1, own.last()), true,  false, false),
                (address_in(1, before),     false, false, false),
                (address_in(1, after),      false, false, false),
                (address_in(2, VPN),        false, false, false),
                (address_in(0, VPN),        false, false, true),
                (address_in(0, after),      false, false, false),
            ];
            for (invalidation, of_own, of_shared, of_private) in cases {
                for (page, expected) in [(own, of_own), (shared, of_shared), (private, of_private)] {
                    assert_eq!(drops(&mut bench, page, invalidation), expected, "{invalidation:x?} on {page:x?}");
                }
            }
        }
    }
}

/// sail-riscv 729: the address of a fence loses its upper bits. Every bit of VPN and ASID is compared.
#[test]
fn an_invalidation_that_differs_in_one_bit_drops_nothing() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for size in [SMALL, LARGE, HUGE] {
            let own = page(1, VPN, 0).size(size);
            for bit in 0..52 {
                let inside = bit < 9 * u32::from(size);
                let vpn = VPN ^ 1 << bit;
                assert_eq!(drops(&mut bench, own, address(vpn)), inside, "bit {bit} of {size}");
                assert_eq!(drops(&mut bench, own, address_in(1, vpn)), inside, "bit {bit} of {size}");
            }
        }
        let own = page(1, VPN, 0);
        for bit in 0..16 {
            assert!(!drops(&mut bench, own, asid(1 ^ 1 << bit)), "bit {bit}");
            assert!(!drops(&mut bench, own, address_in(1 ^ 1 << bit, VPN)), "bit {bit}");
        }
    }
}

/// NEMU 1175: a fence to the interior of a huge page leaves its siblings stale.
#[test]
fn an_address_inside_a_huge_page_drops_the_whole_page() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for size in [LARGE, HUGE] {
            let own = page(1, VPN, 0x3_c000_0000).size(size);
            for named in [VPN, VPN + 1, VPN + own.frames() / 2, own.last()] {
                for asked in [VPN, VPN + 1, VPN + own.frames() / 2 + 1, own.last()] {
                    bench.start_over();
                    bench.map(own);
                    bench.walks(read(1, asked), own.at(asked));
                    bench.replace(own, None);
                    bench.invalidate(address_in(1, named));
                    bench.walks(read(1, asked), Err(Fault::NotPresent));
                }
            }
        }
    }
}

#[test]
fn an_invalidation_drops_all_pages_that_it_names_and_no_other() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let pages = [page(1, VPN, 1), page(2, VPN, 2), page(1, VPN + 1, 3), global(VPN + 2, 4)];
        let all = [0, 1, 2, 3];
        let cases: [(Invalidation, &[usize]); 6] = [
            (Invalidation::All, &all),
            (asid(1), &[0, 2]),
            (asid(2), &[1]),
            (address(VPN), &[0, 1]),
            (address(VPN + 2), &[3]),
            (address_in(1, VPN), &[0]),
        ];
        for (invalidation, dropped) in cases {
            bench.start_over();
            for page in pages {
                bench.map(page);
                bench.ask(read(page.asid, page.vpn));
            }
            bench.invalidate(invalidation);
            // Hits first, so that no refill puts one of them out.
            for n in all.into_iter().filter(|n| !dropped.contains(n)) {
                bench.hits(read(pages[n].asid, pages[n].vpn), Ok(pages[n].pfn));
            }
            for &n in dropped {
                bench.walks(read(pages[n].asid, pages[n].vpn), Ok(pages[n].pfn));
            }
        }
    }
}

/// cva6 3307: a fence uses the previous one's address or ASID.
#[test]
fn back_to_back_invalidations_each_use_their_own_page() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        let pages = [page(1, VPN, 1), page(2, VPN + 1, 2), page(3, VPN + 2, 3), page(3, VPN + 3, 4)];
        for (first, second) in [(0, 1), (1, 0), (2, 1), (0, 3)] {
            bench.start_over();
            for page in pages {
                bench.map(page);
                bench.ask(read(page.asid, page.vpn));
            }
            bench.invalidate = Some(address_in(pages[first].asid, pages[first].vpn));
            assert!(bench.cycle().invalidate_accepted);
            bench.invalidate = Some(address_in(pages[second].asid, pages[second].vpn));
            assert!((1..between_invalidations(&config)).all(|_| !bench.cycle().invalidate_accepted));
            assert!(bench.cycle().invalidate_accepted);
            bench.run(3);
            for n in (0..4).filter(|n| ![first, second].contains(n)) {
                bench.hits(read(pages[n].asid, pages[n].vpn), Ok(pages[n].pfn));
            }
            for n in [first, second] {
                bench.walks(read(pages[n].asid, pages[n].vpn), Ok(pages[n].pfn));
            }
        }
    }
}

/// A denied hit stays denied until the page is invalidated; then the wider rights are seen.
#[test]
fn wider_rights_are_seen_after_an_invalidation() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let narrow = page(1, VPN, 0x11).rights(R);
        bench.map(narrow);
        bench.walks(read(1, VPN), Ok(0x11));
        bench.replace(narrow, Some(narrow.rights(R | W)));
        bench.hits(write(1, VPN), Err(Fault::Rights));
        bench.invalidate(address_in(1, VPN));
        bench.walks(write(1, VPN), Ok(0x11));
    }
}
