//! The walks of formats whose links are addresses against second ones, written on plain words from docs/spec.md,
//! section 4, over tables of any bytes.

#[path = "support/linked.rs"]
mod linked;

use hashwalk_model::{HashFunction, Layout, WalkContext, hasher, walk};
use hashwalk_spec::{Asid, Fault, Format, Hash, PhysAddr, Vpn};
use linked::{ARRAY, ARRAY_LENGTH, Case, Draw, ENTRIES, Image};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// (fault code or 0, PFN or 0, probes), in the words of the contract.
type Ends = (u8, u64, u32);
const NOTHING: u8 = 1;
const MALFORMED: u8 = 3;
const TOO_LONG: u8 = 4;
const BUS_ERROR: u8 = 5;

/// The ASID, the page's first VPN, the size and whether G is needed.
type Search = (u16, u64, u32, bool);

impl Case {
    fn searches(&self) -> impl Iterator<Item = Search> + use<> {
        let Case { enable, request, .. } = *self;
        let own = request.asid.get();
        (0..6).filter(move |search| enable >> search & 1 == 1 && (*search < 3 || own != 0)).map(move |search| {
            let (size, global) = (search % 3, search >= 3);
            (if global { 0 } else { own }, request.vpn.get() >> (9 * size) << (9 * size), size, global)
        })
    }

    fn home(&self, (asid, vpn, ..): Search) -> u64 {
        u64::from(hasher(self.hash, 0).hash(Asid::truncate(asid), Vpn::truncate(vpn))) % ARRAY_LENGTH
    }

    /// How a PTE ends the walk that matches; what a format alone asks for is in `well_formed`.
    fn verdict(&self, pte: u64, (asid, _, size, _): Search, well_formed: bool) -> (u8, u64) {
        let (request, pfn) = (self.request, pte >> 12 & 0xff_ffff_ffff);
        let offset_mask = (1 << (9 * size)) - 1;
        let zeros = pte & 0xfff0_0000_0000_0c00 == 0;
        if !well_formed || !zeros || pfn & offset_mask != 0 || (pte >> 5 & 1 == 1 && asid != 0) {
            return (MALFORMED, 0);
        }
        let allowed = pte >> (1 + request.access as u32) & 1 == 1 && (pte >> 4 & 1 == 1 || !request.user);
        if allowed { (0, pfn | request.vpn.get() & offset_mask) } else { (2, 0) }
    }
}

fn inverted(image: &Image, case: &Case) -> Ends {
    let mut probes = 0;
    for search in case.searches() {
        let (asid, vpn, size, global) = search;
        let mut address = ARRAY + 8 * case.home(search);
        for step in 1.. {
            probes += 1;
            let Some((words, at)) = image.element(address, 32) else { return (BUS_ERROR, 0, probes) };
            let next = if step == 1 {
                if words[at] >> 52 != 0 || words[at] & 15 != 0 {
                    return (MALFORMED, 0, probes);
                }
                words[at]
            } else {
                let (flags, tag) = (words[at] & 0xfff, words[at + 1]);
                let same_page =
                    words[at] >> 12 == vpn && tag >> 48 == u64::from(asid) && flags >> 8 & 3 == u64::from(size);
                if flags & 1 == 1 && same_page && (flags >> 5 & 1 == 1 || !global) {
                    let is_alias = flags >> 10 & 1 == 1;
                    let (pfn, well_formed) = if is_alias {
                        (words[2] >> 12, at == 0 && words[2] & 0xfff == 0 && words[2] >> 52 == 0 && words[3] == 0)
                    } else {
                        let entry = (address ^ ENTRIES) / 16;
                        (entry, entry < 1 << 40)
                    };
                    let pte = flags & !0x400 | (pfn & 0xff_ffff_ffff) << 12;
                    let (code, pfn) = case.verdict(pte, search, well_formed);
                    return (code, pfn, probes);
                }
                (tag & 0xffff_ffff_ffff) * 16
            };
            if next == 0 {
                break;
            }
            if step == case.max_steps {
                return (TOO_LONG, 0, probes);
            }
            address = next;
        }
    }
    (NOTHING, 0, probes)
}

fn tree(image: &Image, case: &Case) -> Ends {
    let mut probes = 0;
    for search in case.searches() {
        let (asid, vpn, size, global) = search;
        let mut address = ARRAY + 8 * case.home(search);
        for step in 1.. {
            probes += 1;
            let Some((words, at)) = image.element(address, 64) else { return (BUS_ERROR, 0, probes) };
            let next = if step == 1 {
                words[at]
            } else {
                let key = (words[2] & 0xffff, words[1] & 0xf_ffff_ffff_ffff);
                let sought = (u64::from(asid), vpn);
                if sought == key {
                    let pte = words[0];
                    if pte & 1 == 0 || pte >> 8 & 3 != u64::from(size) || (global && pte >> 5 & 1 == 0) {
                        break;
                    }
                    let (code, pfn) = case.verdict(pte, search, words[1] >> 52 == 0 && words[2] >> 16 == 0);
                    return (code, pfn, probes);
                }
                words[if sought < key { 3 } else { 4 }]
            };
            if next == 0 {
                break;
            }
            if next >> 52 != 0 || next % 64 != 0 {
                return (MALFORMED, 0, probes);
            }
            if step == case.max_steps {
                return (TOO_LONG, 0, probes);
            }
            address = next;
        }
    }
    (NOTHING, 0, probes)
}

/// The directory is at 0.
fn radix(image: &Image, case: &Case) -> Ends {
    let (vpn, own) = (case.request.vpn.get(), case.request.asid.get());
    let mut probes = 0;
    if vpn >> 35 != 0 && vpn >> 35 != 0x1_ffff {
        return (NOTHING, 0, 0);
    }
    'trees: for global in [false, true] {
        let sizes = case.enable >> (3 * u32::from(global)) & 7;
        if sizes == 0 || (global && own == 0) {
            continue;
        }
        let asid = if global { 0 } else { own };
        let mut address = 8 * u64::from(asid);
        for level in (1..=5).rev() {
            probes += 1;
            let Some((words, at)) = image.element(address, 32) else { return (BUS_ERROR, 0, probes) };
            let word = words[at];
            if word & 1 == 0 {
                continue 'trees;
            }
            if word >> 10 & 1 == 1 {
                if word & 0xfff0_0000_0000_0bfe != 0 || level == 1 {
                    return (MALFORMED, 0, probes);
                }
                address = (word & !0xfff) + 8 * (vpn >> (9 * (level - 2)) & 511);
                // The level below the directory is indexed by bits 35 to 27.
                continue;
            }
            if level > 3 {
                return (MALFORMED, 0, probes);
            }
            let size = level - 1;
            if sizes >> size & 1 == 0 || (global && word >> 5 & 1 == 0) {
                continue 'trees;
            }
            let (code, pfn) = case.verdict(word, (asid, vpn, size, global), word >> 8 & 3 == u64::from(size));
            return (code, pfn, probes);
        }
    }
    (NOTHING, 0, probes)
}

/// Walks many tables of any bytes, in the model and by `reference`, and sees every end.
fn compare(layout: fn(Hash) -> Layout, draw: fn(&mut Draw) -> Image, reference: fn(&Image, &Case) -> Ends, all: &[u8]) {
    let mut seen = [0; 8];
    for seed in 0..300 {
        let mut random = Draw(ChaCha8Rng::seed_from_u64(seed));
        let image = draw(&mut random);
        let memory = image.memory();
        for _ in 0..60 {
            let case = random.case(layout(Hash::Asid).format() == Format::Radix);
            let context = WalkContext::new(layout(case.hash), case.enable, case.max_steps);
            let result = walk(&memory, &context, case.request);
            let (code, pfn) = match result.answer {
                Ok(translation) => (0, translation.pfn.get()),
                Err(fault) => (fault.code(), 0),
            };
            assert_eq!((code, pfn, result.probes), reference(&image, &case), "seed {seed}: {case:x?}");
            assert_eq!(result.mapping.is_some(), matches!(result.answer, Ok(_) | Err(Fault::Rights)));
            seen[usize::from(code)] += 1;
        }
    }
    assert!(all.iter().all(|code| seen[usize::from(*code)] > 100), "{seen:?}");
}

const EVERY_END: [u8; 6] = [0, NOTHING, 2, MALFORMED, TOO_LONG, BUS_ERROR];

#[test]
fn a_walk_over_any_inverted_table_ends_as_the_contract_says() {
    let layout = |hash| {
        let anchors = Layout::new(Format::Inverted, PhysAddr::truncate(ARRAY), 9, hash, 0).unwrap();
        anchors.with_entries(PhysAddr::truncate(ENTRIES))
    };
    compare(layout, Draw::inverted, inverted, &EVERY_END);
}

#[test]
fn a_walk_over_any_table_of_trees_ends_as_the_contract_says() {
    let layout = |hash| Layout::new(Format::Tree, PhysAddr::truncate(ARRAY), 9, hash, 0).unwrap();
    compare(layout, Draw::tree, tree, &EVERY_END);
}

#[test]
fn a_walk_over_any_radix_tree_ends_as_the_contract_says() {
    let layout = |hash| Layout::new(Format::Radix, PhysAddr::truncate(0), 16, hash, 0).unwrap();
    compare(layout, Draw::radix, radix, &[0, NOTHING, 2, MALFORMED, BUS_ERROR]);
}
