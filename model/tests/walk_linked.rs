//! The walks of formats whose links are addresses against second ones, written on plain words from docs/spec.md, section
//! 4, over tables of any bytes.

use hashwalk_model::{HashFunction, Layout, PhysicalMemory, WalkContext, hasher, walk};
use hashwalk_spec::{Access, Asid, Fault, Format, Hash, PhysAddr, Request, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// (fault code or 0, PFN or 0, probes), in the words of the contract.
type Ends = (u8, u64, u32);
const NOTHING: u8 = 1;
const MALFORMED: u8 = 3;
const TOO_LONG: u8 = 4;
const BUS_ERROR: u8 = 5;

const ARRAY: u64 = 0x1000;
/// Of an inverted table: 256 entries, then 128 aliases.
const ENTRIES: u64 = 0x2000;
const NODES: std::ops::Range<u64> = 0x2000..0x8000;
const ARRAY_LENGTH: u64 = 512;

struct Image(Vec<u64>);

impl Image {
    /// The aligned words around `address`, and which of them begins there.
    fn element(&self, address: u64, bytes: u64) -> Option<(&[u64], usize)> {
        let first = (address / bytes * bytes / 8) as usize;
        let words = self.0.get(first..first + bytes as usize / 8)?;
        Some((words, (address % bytes / 8) as usize))
    }

    fn memory(&self) -> PhysicalMemory {
        let mut memory = PhysicalMemory::new(self.0.len() as u64 / 512);
        let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.write(PhysAddr::truncate(0), &bytes).unwrap();
        memory
    }
}

/// What is walked for, and with which registers.
#[derive(Clone, Copy, Debug)]
struct Case {
    hash: Hash,
    enable: u8,
    max_steps: u32,
    request: Request,
}

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
                    let pte = flags & !0x400 | pfn % (1 << 40) << 12;
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

/// Draws of what stands in a table.
struct Draw(ChaCha8Rng);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// One bit of the word now and then.
    fn flip(&mut self) -> u64 {
        if self.below(20) == 0 { 1 << self.below(64) } else { 0 }
    }

    fn asid(&mut self) -> u16 {
        self.below(3) as u16
    }

    fn vpn(&mut self) -> u64 {
        self.below(2) << 18 | self.below(2) << 9 | self.below(2)
    }

    fn size(&mut self) -> u64 {
        [0, 0, 0, 0, 1, 1, 2, 3][self.below(8) as usize]
    }

    /// V nearly always, R, W, X, U, G in one of four, A, D, and a size.
    fn flags(&mut self, size: u64) -> u64 {
        let global = if self.below(4) == 0 { 1 << 5 } else { 0 };
        self.below(256) & !0x21 | global | u64::from(self.below(8) != 0) | size << 8
    }

    /// Where a node stands, a multiple of `bytes`; nowhere, or beyond the memory, now and then.
    fn node(&mut self, bytes: u64) -> u64 {
        match self.below(12) {
            0 => 0,
            1 => self.below(1 << 52) / bytes * bytes,
            _ => NODES.start + self.below((NODES.end - NODES.start) / bytes) * bytes,
        }
    }

    fn case(&mut self, wide: bool) -> Case {
        let far = if wide && self.below(4) == 0 { self.below(1 << 17) << 35 } else { 0 };
        let request = Request {
            asid: Asid::truncate(self.asid()),
            vpn: Vpn::truncate(self.vpn() | far),
            access: Access::from_code(self.below(3) as u8).unwrap(),
            user: self.below(4) == 0,
        };
        let hash = [Hash::Keyed, Hash::Fold, Hash::Asid][self.below(3) as usize];
        Case { hash, enable: self.below(64) as u8, max_steps: 1 + self.below(12) as u32, request }
    }

    fn inverted(&mut self) -> Image {
        let mut words = vec![0; NODES.end as usize / 8];
        (0..ARRAY_LENGTH).for_each(|index| words[(ARRAY / 8 + index) as usize] = self.node(16) ^ self.flip());
        for slot in words[NODES.start as usize / 8..].as_chunks_mut::<4>().0 {
            let is_alias = self.below(2) == 0;
            for half in 0..if is_alias { 1 } else { 2 } {
                let size = self.size();
                let vpn = self.vpn() >> (9 * size) << (9 * size);
                slot[2 * half] = self.flags(size) | vpn << 12 | u64::from(is_alias) << 10 ^ self.flip();
                slot[2 * half + 1] = u64::from(self.asid()) << 48 | self.node(16) / 16 ^ self.flip();
            }
            if is_alias {
                (slot[2], slot[3]) = (self.below(8) << 30 ^ self.flip(), self.flip());
            }
        }
        Image(words)
    }

    fn tree(&mut self) -> Image {
        let mut words = vec![0; NODES.end as usize / 8];
        (0..ARRAY_LENGTH).for_each(|index| words[(ARRAY / 8 + index) as usize] = self.node(64) ^ self.flip());
        for node in words[NODES.start as usize / 8..].as_chunks_mut::<8>().0 {
            let size = self.size();
            node[0] = self.flags(size) | self.below(8) << 30 ^ self.flip();
            node[1] = self.vpn() >> (9 * size) << (9 * size) ^ self.flip();
            node[2] = u64::from(self.asid()) ^ self.flip();
            (node[3], node[4]) = (self.node(64) ^ self.flip(), self.node(64) ^ self.flip());
            node[5..].fill_with(|| self.below(u64::MAX));
        }
        Image(words)
    }

    /// The directory's words mostly lead to frame 2, whose words to frame 3, and so on: a frame for each level. Leaves mostly
    /// have the size of their level.
    fn radix(&mut self) -> Image {
        let mut words = vec![0; NODES.end as usize / 8];
        for (number, word) in (0..).zip(&mut words) {
            let below = (number / 512_u64).max(1) + 1;
            let is_leaf = below > 3 && self.below(3) == 0;
            *word = match self.below(20) {
                0 => 0,
                1 => self.below(u64::MAX),
                2 => self.node(4096) | 0x401,
                _ if below >= 6 || is_leaf => {
                    let size = if self.below(8) == 0 { self.size() } else { 6_u64.saturating_sub(below) };
                    self.flags(size) | self.below(8) << 30 ^ self.flip()
                }
                _ => below << 12 | 0x401 ^ self.flip(),
            };
        }
        Image(words)
    }
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
