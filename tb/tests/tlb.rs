//! What the TLB holds and for how long: docs/spec.md, section 6.

mod support;

use fastrand::Rng;
use hashwalk_spec::{Config, Fault, Invalidation, Vpn};
use support::*;

const VPN: u64 = 0x8_1234_5678_0000;

#[test]
fn a_huge_page_is_hit_from_its_first_to_its_last_page_and_no_further() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        // The first, a middle one and the last huge page of the address space.
        for base in [0, VPN, 0xf_ffff_fffc_0000] {
            for size in [SMALL, LARGE, HUGE] {
                let found = page(1, base, 0xa5_a57c_0000).size(size);
                bench.start_over();
                bench.map(found);
                bench.walks(read(1, found.last()), found.at(found.last()));
                let inner = (0..9 * u32::from(size)).map(|bit| base | 1 << bit);
                for vpn in inner.chain([base, found.last(), base + found.frames() / 2]) {
                    bench.hits(read(1, vpn), found.at(vpn));
                }
                for bit in 9 * u32::from(size)..52 {
                    bench.walks(read(1, base ^ 1 << bit), Err(Fault::NotPresent));
                }
            }
        }
    }
}

/// Each bit of the PFN, from the walk and from the TLB; those that lie in a huge page come from the VPN.
#[test]
fn every_bit_of_the_frame_is_answered() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        for size in [SMALL, LARGE, HUGE] {
            for bit in 9 * u32::from(size)..40 {
                let found = page(1, VPN, 1 << bit).size(size);
                bench.start_over();
                bench.map(found);
                bench.walks(read(1, VPN), Ok(1 << bit));
                bench.hits(read(1, found.last()), found.at(found.last()));
            }
        }
    }
}

#[test]
fn the_same_page_of_other_address_spaces_is_another_page() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.table.log2 = 10;
        bench.table.frame = 0x12340;
        // ASIDs that differ from 1 in one bit each, as many as the TLB holds.
        let asids: Vec<u16> =
            [1].into_iter().chain((0..16).map(|bit| 1 ^ 1 << bit)).take(config.tlb_entries() as usize).collect();
        for &asid in &asids {
            bench.walks(read(asid, VPN), Err(Fault::NotPresent));
            bench.map(page(asid, VPN, 0x1000 + u64::from(asid)));
            bench.walks(read(asid, VPN), Ok(0x1000 + u64::from(asid)));
        }
        asids.iter().for_each(|&asid| bench.hits(read(asid, VPN), Ok(0x1000 + u64::from(asid))));
    }
}

#[test]
fn a_global_page_is_hit_from_every_space_and_a_page_of_asid_0_from_its_own() {
    for config in configs_and_l2() {
        for size in [SMALL, LARGE, HUGE] {
            let mut bench = Bench::new(&config);
            let shared = global(VPN, 0x40_0000).size(size);
            bench.map(shared);
            bench.walks(read(0x8000, VPN), shared.at(VPN));
            for asid in [0, 1, 0x7fff, 0x8000, 0xffff] {
                bench.hits(read(asid, VPN), shared.at(VPN));
                bench.hits(read(asid, shared.last()), shared.at(shared.last()));
            }
            bench.start_over();
            let private = page(0, VPN, 0x80_0000).size(size);
            bench.map(private);
            bench.walks(read(0, VPN), private.at(VPN));
            bench.walks(read(1, VPN), Err(Fault::NotPresent));
            bench.hits(read(0, private.last()), private.at(private.last()));
        }
    }
}

/// A write is denied by the rights of its own page, whenever it comes: those of the mapping that gives way to it say the
/// opposite.
#[test]
fn a_lookup_in_the_cycle_of_the_refill_is_denied_by_what_is_written_and_by_nothing_else() {
    let latency = 3;
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        bench.table.search_enable = 1 << SMALL;
        bench.memory.latency = latency;
        for (rights, others, answer) in [(R, R | W, Err(Fault::Rights)), (R | W, R, Ok(0x40))] {
            for gap in 0..walk_cycle(&config, latency) + 3 {
                bench.start_over();
                for n in 1..=u64::from(config.tlb_entries()) {
                    bench.map(page(1, VPN + 8 * n, n).rights(others));
                    bench.walks(read(1, VPN + 8 * n), Ok(n));
                }
                bench.map(page(1, VPN, 0x40).rights(rights));
                let mut answers = Vec::new();
                bench.lookup = Some(read(1, VPN));
                bench.until("acceptance", |seen| seen.accepted);
                for cycle in 0.. {
                    if cycle == gap {
                        bench.lookup = Some(write(1, VPN));
                    }
                    answers.extend(bench.cycle().answers().map(|answered| answered.answer));
                    if cycle >= gap && bench.lookup.is_none() && !bench.is_waiting() {
                        break;
                    }
                }
                assert_eq!(answers, [Ok(0x40), answer], "{} cycles later", gap + 1);
            }
        }
    }
}

#[test]
fn a_working_set_of_the_tlbs_size_never_misses_once_it_is_in() {
    for config in configs() {
        let mut bench = Bench::new(&config);
        let slots = u64::from(config.tlb_entries());
        for n in 0..slots {
            bench.map(page(1, VPN + n, 0x100 + n));
            bench.walks(read(1, VPN + n), Ok(0x100 + n));
        }
        let mut rng = Rng::with_seed(1);
        for _ in 0..500 {
            let n = rng.u64(0..slots);
            bench.hits(read(1, VPN + n), Ok(0x100 + n));
        }
        bench.map(page(1, VPN + slots, 0));
        bench.walks(read(1, VPN + slots), Ok(0));
        let lost = (0..slots).filter(|n| !bench.ask(read(1, VPN + n)).hit).count();
        assert!(lost > 0, "one page more than it holds");
    }
}

/// Tree pseudo-LRU, written from its definition: a node remembers which half was not used last.
enum Tree {
    Slot(usize),
    Split { left: Box<Tree>, right: Box<Tree>, middle: usize, victim_right: bool },
}

impl Tree {
    /// Over the slots from `first`, the left half being the larger.
    fn new(first: usize, slots: usize) -> Tree {
        if slots == 1 {
            return Tree::Slot(first);
        }
        let left = slots.div_ceil(2);
        let half = |first, slots| Box::new(Tree::new(first, slots));
        Tree::Split {
            left: half(first, left),
            right: half(first + left, slots - left),
            middle: first + left,
            victim_right: false,
        }
    }

    fn victim(&self) -> usize {
        match self {
            Tree::Slot(slot) => *slot,
            Tree::Split { right, victim_right: true, .. } => right.victim(),
            Tree::Split { left, .. } => left.victim(),
        }
    }

    fn touch(&mut self, slot: usize) {
        if let Tree::Split { left, right, middle, victim_right } = self {
            *victim_right = slot < *middle;
            if *victim_right { left.touch(slot) } else { right.touch(slot) }
        }
    }
}

/// Which pages of one space the TLB holds.
struct Reference {
    slots: Vec<Option<u64>>,
    tree: Tree,
}

impl Reference {
    fn new(config: &Config) -> Reference {
        let slots = config.tlb_entries() as usize;
        Reference { slots: vec![None; slots], tree: Tree::new(0, slots) }
    }

    /// Whether the page was there; afterwards it is.
    fn access(&mut self, vpn: u64) -> bool {
        let held = self.slots.iter().position(|slot| *slot == Some(vpn));
        let unused = || self.slots.iter().position(Option::is_none);
        let slot = held.or_else(unused).unwrap_or_else(|| self.tree.victim());
        self.slots[slot] = Some(vpn);
        self.tree.touch(slot);
        held.is_some()
    }

    fn drop_page(&mut self, vpn: u64) {
        self.slots.iter_mut().filter(|slot| **slot == Some(vpn)).for_each(|slot| *slot = None);
    }
}

#[test]
fn an_unused_slot_is_filled_first_and_else_the_tree_names_the_victim() {
    for config in configs() {
        let (mut bench, mut reference) = (Bench::new(&config), Reference::new(&config));
        let pages = u64::from(config.tlb_entries()) * 5 / 4 + 1;
        for n in 0..pages {
            bench.map(page(1, VPN + n, n).rights(R));
        }
        let (mut rng, mut misses) = (Rng::with_seed(2), 0);
        for step in 0..4_000 {
            let vpn = VPN + rng.u64(0..pages);
            if rng.u8(0..32) == 0 {
                bench.invalidate(Invalidation::Address(Vpn::truncate(vpn)));
                reference.drop_page(vpn);
            }
            let held = reference.slots.contains(&Some(vpn));
            // A denied hit is a use; a denied walk is none.
            let denied = rng.u8(0..8) == 0;
            let hit = bench.ask(if denied { write(1, vpn) } else { read(1, vpn) }).hit;
            assert_eq!(hit, held, "step {step}");
            if held || !denied {
                reference.access(vpn);
            }
            misses += u32::from(!hit);
        }
        assert!(misses > 100, "{misses} misses are too few to tell");
    }
}

/// cva6 2952, XiangShan 1781 (two entries hit): software forgot to invalidate, and the page that is refilled overlaps one
/// that is still in the TLB. The hardware's assertion `at_most_one_hit` watches too.
#[test]
fn a_refill_drops_what_it_overlaps_so_that_at_most_one_entry_hits() {
    let vpn = VPN | 0x203;
    let small = |asid| page(asid, vpn, 0x9_9999);
    let large = |asid| page(asid, VPN | 0x200, 0x1_0000_0000).size(LARGE);
    let huge = |asid| page(asid, VPN, 0x2_0000_0000).size(HUGE);
    let shared = |page: Page| Page { global: true, asid: 0, ..page };
    // What stays in the TLB, who fills it, what is refilled over it, and for which request.
    let cases = [
        (small(1), 1, large(1), read(1, vpn + 1)),
        (small(1), 1, huge(1), read(1, vpn + 1)),
        (large(1), 1, huge(1), read(1, VPN)),
        (shared(small(0)), 2, large(1), read(1, vpn + 1)),
        (shared(large(0)), 2, huge(1), read(1, VPN)),
        (small(1), 1, shared(large(0)), read(2, vpn)),
        (small(1), 1, shared(huge(0)), read(2, VPN)),
        (small(1), 1, shared(small(0)), read(2, vpn)),
        (large(1), 1, shared(small(0)), read(2, vpn)),
        (huge(1), 1, shared(small(0)), read(2, vpn)),
        (huge(1), 1, shared(large(0)), read(0, vpn)),
    ];
    for config in configs() {
        let mut bench = Bench::new(&config);
        for (stale, filler, new, asks) in cases {
            bench.start_over();
            bench.map(stale);
            bench.walks(read(filler, vpn), stale.at(vpn));
            bench.replace(stale, None);
            bench.map(new);
            bench.walks(asks, new.at(asks.vpn));
            bench.hits(read(1, vpn), if new.global || new.asid == 1 { new.at(vpn) } else { stale.at(vpn) });
            if stale.global {
                bench.walks(read(filler, vpn), Err(Fault::NotPresent));
            }
        }
    }
}

/// The other way round, nothing is dropped without need: what no request can hit together with the new page stays.
#[test]
fn a_refill_keeps_the_pages_that_it_does_not_overlap() {
    for config in configs_and_l2() {
        let mut bench = Bench::new(&config);
        let (other_space, neighbour) = (page(2, VPN, 0x22), page(1, VPN + 0x200, 0x33));
        let (private, new) = (page(0, VPN + 4, 0x44), page(1, VPN, 0x400).size(LARGE));
        for page in [other_space, neighbour, private, new] {
            bench.map(page);
            bench.walks(read(page.asid, page.vpn), page.at(page.vpn));
        }
        for page in [other_space, neighbour, private, new] {
            bench.hits(read(page.asid, page.vpn), page.at(page.vpn));
        }
    }
}
