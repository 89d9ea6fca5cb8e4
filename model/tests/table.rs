//! The table against a plain map, in random sequences: several address spaces that share page numbers (homonyms) and
//! frames (synonyms), three page sizes, global pages, every hash, removal in any order. After each step the table's
//! invariants hold, and every page that the sequence may touch translates as the map says.

use hashwalk_model::{ChainedTable, Layout, Mapping, Marks, PhysicalMemory, Pte, TableError, WalkContext, walk};
use hashwalk_spec::{Access, Asid, Fault, Format, Hash, PageSize, Pfn, PhysAddr, Request, Rights, Search, Vpn};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ASIDS: u16 = 4;
const BASE: u64 = 0x2000;

/// What a page is known by.
type Page = (Asid, Vpn, PageSize);

#[derive(Clone, Debug)]
enum Step {
    Insert(Mapping),
    /// The mapping at this position of the map.
    Remove(prop::sample::Index),
    Update(prop::sample::Index, Pte),
    Protect(prop::sample::Index, Rights),
    /// A page that is most likely not mapped.
    RemoveAt(Page),
}

/// The machine under test and what it should hold.
struct Pair {
    memory: PhysicalMemory,
    table: ChainedTable,
    map: BTreeMap<Page, Mapping>,
}

impl Pair {
    fn new(hash: Hash, log2: u32) -> Pair {
        let layout = Layout::new(Format::Chained, PhysAddr::truncate(BASE), log2, hash, 0x1234_5678_9abc_def0).unwrap();
        Pair { memory: PhysicalMemory::new(4), table: ChainedTable::new(layout), map: BTreeMap::new() }
    }

    fn bytes(&self) -> Vec<u8> {
        self.memory.slice(PhysAddr::truncate(0), 0x4000).unwrap().to_vec()
    }

    fn insert(&mut self, mapping: Mapping) {
        let conflicts: Vec<Mapping> =
            self.map.values().filter(|existing| existing.overlaps(&mapping)).copied().collect();
        let room = (self.map.len() as u64) < self.table.layout().elements();
        let before = self.bytes();
        match self.table.insert(&mut self.memory, mapping) {
            Ok(()) => {
                assert!(conflicts.is_empty() && room);
                self.map.insert(page_of(&mapping), mapping);
                return;
            }
            Err(TableError::AlreadyMapped { existing }) => {
                assert!(conflicts.contains(&existing) && page_of(&existing) == page_of(&mapping));
            }
            Err(TableError::Overlap { existing }) => {
                assert!(conflicts.contains(&existing) && page_of(&existing) != page_of(&mapping));
            }
            Err(TableError::Full { entries: 128 }) => assert!(conflicts.is_empty() && !room),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(self.bytes(), before, "a refused insertion has written");
    }

    fn remove(&mut self, page: Page) {
        let before = self.bytes();
        let (asid, vpn, size) = page;
        let removed = self.table.remove(&mut self.memory, asid, vpn, size);
        assert_eq!(removed, self.map.remove(&page).ok_or(TableError::NotMapped { asid, vpn, size }));
        assert!(removed.is_ok() || self.bytes() == before, "a refused removal has written");
    }

    fn update(&mut self, page: Page, new: Pte) {
        let before = self.bytes();
        let mapping = self.map.get_mut(&page).unwrap();
        let old = *mapping;
        let (asid, vpn, size) = page;
        let result = self.table.update(&mut self.memory, asid, vpn, size, &|pte| {
            assert_eq!(pte, old.pte());
            new
        });
        if new.pfn.is_aligned(size) {
            *mapping = old.with_pte(new);
            assert_eq!(result, Ok(old));
            let after = self.bytes();
            let words = before.as_chunks::<8>().0.iter().zip(after.as_chunks::<8>().0);
            assert!(words.filter(|(before, after)| before != after).count() <= 1, "an update is one store");
        } else {
            assert_eq!(result, Err(TableError::MisalignedPfn { pfn: new.pfn, size }));
            assert_eq!(self.bytes(), before, "a refused update has written");
        }
    }

    fn protect(&mut self, page: Page, rights: Rights) {
        let mapping = self.map.get_mut(&page).unwrap();
        let old = std::mem::replace(&mut mapping.rights, rights);
        let (asid, vpn, size) = page;
        let returned = self.table.protect(&mut self.memory, asid, vpn, size, rights).unwrap();
        assert_eq!(returned, Mapping { rights: old, ..*mapping });
    }

    fn nth(&self, index: prop::sample::Index) -> Option<Page> {
        (!self.map.is_empty()).then(|| *self.map.keys().nth(index.index(self.map.len())).unwrap())
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Insert(mapping) => self.insert(mapping),
            Step::Remove(index) => self.nth(index).into_iter().for_each(|page| self.remove(page)),
            Step::Update(index, pte) => self.nth(index).into_iter().for_each(|page| self.update(page, pte)),
            Step::Protect(index, rights) => self.nth(index).into_iter().for_each(|page| self.protect(page, rights)),
            Step::RemoveAt(page) => self.remove(page),
        }
        self.table.check(&self.memory).unwrap();
    }

    /// Everything that can be asked of the table, by its methods and by walks.
    fn compare(&self) {
        let mut listed: Vec<Mapping> = self.table.iter(&self.memory).unwrap().collect();
        listed.sort_by_key(page_of);
        assert_eq!(listed, self.map.values().copied().collect::<Vec<_>>());
        assert_eq!(self.table.len(&self.memory), Ok(self.map.len() as u64));
        let in_chains: u32 = self.table.chain_lengths(&self.memory).unwrap().iter().sum();
        assert_eq!(in_chains as usize, self.map.len());
        let context = WalkContext::new(*self.table.layout(), Search::ENABLE_ALL, 128);
        for (asid, vpn) in (0..ASIDS).flat_map(|asid| vpns().map(move |vpn| (Asid::truncate(asid), vpn))) {
            for size in PageSize::ALL {
                let lookup = self.table.lookup(&self.memory, asid, vpn.base(size), size).unwrap();
                assert_eq!(lookup.mapping, self.map.get(&(asid, vpn.base(size), size)).copied());
            }
            let request = Request { asid, vpn, access: Access::Write, user: true };
            let covering = self.map.values().find(|mapping| mapping.covers(asid, vpn));
            let result = walk(&self.memory, &context, request);
            assert_eq!(result.mapping.as_ref(), covering);
            assert_eq!(result.answer, covering.map_or(Err(Fault::NotPresent), |mapping| mapping.translate(&request)));
        }
    }
}

fn page_of(mapping: &Mapping) -> Page {
    (mapping.asid, mapping.vpn, mapping.size)
}

/// Few pages, so that they meet: 8 in each of two 2 MiB runs in each of two 1 GiB runs.
fn vpns() -> impl Iterator<Item = Vpn> {
    (0..32).map(|i: u64| Vpn::truncate((i >> 4) << 18 | (i >> 3 & 1) << 9 | i & 7))
}

fn page() -> impl Strategy<Value = Page> {
    let size = prop_oneof![20 => Just(PageSize::Small), 2 => Just(PageSize::Large), 1 => Just(PageSize::Huge)];
    (0..ASIDS, prop::sample::select(vpns().collect::<Vec<_>>()), size)
        .prop_map(|(asid, vpn, size)| (Asid::truncate(asid), vpn.base(size), size))
}

fn mapping() -> impl Strategy<Value = Mapping> {
    (page(), 0..4u64, rights(), any::<bool>(), marks()).prop_map(|((asid, vpn, size), frame, rights, global, marks)| {
        let pfn = Pfn::truncate(frame * size.pages());
        Mapping { global: global && asid == Asid::GLOBAL, marks, ..Mapping::new(asid, vpn, size, pfn, rights) }
    })
}

fn rights() -> impl Strategy<Value = Rights> {
    any::<u8>().prop_map(Rights::from_bits)
}

fn marks() -> impl Strategy<Value = Marks> {
    prop::sample::select(vec![Marks::NONE, Marks::A, Marks::D, Marks::A.with(Marks::D)])
}

/// Of any page size, so that some frames are misaligned.
fn pte() -> impl Strategy<Value = Pte> {
    let pfn = (0..4u64, 0..3u32).prop_map(|(frame, size)| Pfn::truncate(frame << (9 * size)));
    (pfn, rights(), marks()).prop_map(|(pfn, rights, marks)| Pte { pfn, rights, marks })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => mapping().prop_map(Step::Insert),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        2 => (any::<prop::sample::Index>(), pte()).prop_map(|(index, pte)| Step::Update(index, pte)),
        1 => (any::<prop::sample::Index>(), rights()).prop_map(|(index, rights)| Step::Protect(index, rights)),
        1 => page().prop_map(Step::RemoveAt),
    ]
}

fn any_hash() -> impl Strategy<Value = Hash> {
    prop::sample::select(vec![Hash::Keyed, Hash::Fold, Hash::Asid])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sequence_leaves_what_a_plain_map_holds(hash in any_hash(), steps in prop::collection::vec(step(), 1..200)) {
        let mut pair = Pair::new(hash, 7);
        for step in steps {
            pair.run(step);
        }
        pair.compare();
    }
}

proptest! {
    // Each case is 257 steps, each checked.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_full_table_empties_in_any_order(hash in any_hash(), order in Just((0..128).collect::<Vec<u64>>()).prop_shuffle()) {
        let mut pair = Pair::new(hash, 7);
        let page = |i: u64| (Asid::truncate(1 + i as u16 % 8), Vpn::truncate(i * 37), PageSize::Small);
        for i in 0..129 {
            let (asid, vpn, size) = page(i);
            let pfn = Pfn::truncate(i);
            pair.insert(Mapping::new(asid, vpn, size, pfn, Rights::ALL));
        }
        prop_assert_eq!(pair.map.len(), 128, "the 129th found it full");
        for (removed, i) in order.into_iter().enumerate() {
            pair.remove(page(i));
            pair.table.check(&pair.memory).unwrap();
            if removed % 16 != 0 {
                continue;
            }
            for mapping in pair.map.values() {
                let lookup = pair.table.lookup(&pair.memory, mapping.asid, mapping.vpn, mapping.size).unwrap();
                prop_assert_eq!(lookup.mapping, Some(*mapping));
            }
        }
        prop_assert!(pair.bytes().iter().all(|&byte| byte == 0), "an empty table is all zeros");
    }
}

fn small(asid: u16, vpn: u64) -> Mapping {
    let (asid, vpn) = (Asid::truncate(asid), Vpn::truncate(vpn));
    Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(9), Rights::R)
}

#[test]
fn illegal_mappings_are_refused() {
    let Pair { mut memory, table, .. } = Pair::new(Hash::Fold, 7);
    let size = PageSize::Large;
    let mut refusal = |mapping| table.insert(&mut memory, mapping).unwrap_err();
    let (vpn, pfn) = (Vpn::truncate(5), Pfn::truncate(9));
    assert_eq!(refusal(Mapping { size, ..small(1, 5) }), TableError::MisalignedVpn { vpn, size });
    assert_eq!(refusal(Mapping { size, ..small(1, 0x200) }), TableError::MisalignedPfn { pfn, size });
    let stray = TableError::GlobalOutsideAsid0 { asid: Asid::truncate(1) };
    assert_eq!(refusal(Mapping { global: true, ..small(1, 5) }), stray);
    assert_eq!(table.remove(&mut memory, Asid::truncate(1), vpn, size), Err(TableError::MisalignedVpn { vpn, size }));
    assert_eq!(table.is_empty(&memory), Ok(true));
}

#[test]
fn coalesced_chains_part_again() {
    let Pair { mut memory, table, .. } = Pair::new(Hash::Fold, 7);
    // Homes 8, 8, 9: the second goes to slot 9, so the third joins it at slot 10.
    for vpn in [0x08, 0x88, 0x09] {
        table.insert(&mut memory, small(0, vpn)).unwrap();
    }
    assert_eq!(table.chain_lengths(&memory), Ok(vec![3]));
    table.remove(&mut memory, Asid::GLOBAL, Vpn::truncate(0x88), PageSize::Small).unwrap();
    assert_eq!(table.chain_lengths(&memory), Ok(vec![1, 1]));
    assert_eq!(table.index_of(&memory, Asid::GLOBAL, Vpn::truncate(9), PageSize::Small), Ok(9));
}

#[test]
fn a_broken_table_is_an_error_and_never_a_hang() {
    let Pair { mut memory, table, .. } = Pair::new(Hash::Asid, 7);
    let link = |next: u64| {
        let mut entry = [0; 32];
        entry[24..].copy_from_slice(&(1 << 32 | next).to_le_bytes());
        entry
    };
    let home = table.layout().address(1);
    for (next, why) in [
        (1, "its chain runs in a circle"),
        (0x80, "its link leaves the table"),
        (1 << 40, "its link has bits that must be zero"),
    ] {
        memory.write_entry(home, &link(next)).unwrap();
        let error = table.insert(&mut memory, small(1, 5)).unwrap_err();
        assert_eq!(error, TableError::Broken { index: 1, why });
        let page = (Asid::truncate(1), Vpn::truncate(5), PageSize::Small);
        assert_eq!(table.remove(&mut memory, page.0, page.1, page.2), Err(error));
        assert_eq!(table.lookup(&memory, page.0, page.1, page.2), Err(error));
        assert!(table.check(&memory).is_err());
    }
    assert_eq!(
        error_text(&table, &memory),
        "the page table is broken at entry 0x1: its link has bits that must be zero"
    );
    table.clear(&mut memory).unwrap();
    assert_eq!(table.check(&memory), Ok(()));
}

fn error_text(table: &ChainedTable, memory: &PhysicalMemory) -> String {
    table.lookup(memory, Asid::truncate(1), Vpn::truncate(5), PageSize::Small).unwrap_err().to_string()
}

#[test]
fn a_table_outside_the_memory_is_a_bus_error() {
    let layout = Layout::new(Format::Chained, PhysAddr::truncate(0x8000), 7, Hash::Keyed, 0).unwrap();
    let (table, mut memory) = (ChainedTable::new(layout), PhysicalMemory::new(4));
    assert!(matches!(table.insert(&mut memory, small(1, 5)), Err(TableError::Bus(_))));
    assert!(matches!(table.len(&memory), Err(TableError::Bus(_))));
}

#[test]
fn check_finds_each_kind_of_damage() {
    let damage = |offset: u64, bytes: &[u8]| {
        let Pair { mut memory, table, .. } = Pair::new(Hash::Fold, 7);
        for vpn in [0x08, 0x88, 0x09, 0x40] {
            table.insert(&mut memory, small(0, vpn)).unwrap();
        }
        table.check(&memory).unwrap();
        memory.write(PhysAddr::truncate(BASE + offset), bytes).unwrap();
        table.check(&memory).unwrap_err()
    };
    let text = damage(32 * 0x20 + 8, &[1]);
    assert!(text.contains("entry 0x20 is neither empty nor a well-formed mapping"), "{text}");
    assert!(damage(32 * 0x40 + 8, &[0x41]).contains("entry 0x40 is not reached from its home 0x41"));
    assert!(damage(32 * 0x40 + 24, &[0x41, 0, 0, 0, 1]).contains("links to 0x41, which holds nothing"));
    assert!(damage(32 * 0x40 + 24, &[9, 0, 0, 0, 1]).contains("entry 0x9 is linked to by"));
    assert!(damage(32 * 0x0a + 24, &[8, 0, 0, 0, 1]).contains("is part of a circle"));
    assert!(damage(32 * 0x0a + 24, &[0x40, 0, 0, 0, 1]).contains("entry 0x40 stands at its home but is linked to"));
    assert!(damage(32 * 0x09 + 8, &[8]).contains("overlap"));
}
