//! Every page-table organisation against a plain map, in random sequences: address spaces that share page numbers
//! (homonyms) and frames (synonyms), three page sizes, global pages, growth, removal in any order. After each step every
//! link and invariant of the structure holds, and a step that is refused has changed no byte of memory.

mod support;

use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::{Mapping, Marks, PageTable, Pte, Ram, TableError};
use hashwalk_spec::{Asid, Hash, PageSize, Pfn, PhysAddr, Rights, Vpn};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{Make, organisations};

const ASIDS: u16 = 6;
/// Enough for every organisation to hold all pages of the sequences and to grow twice.
const FRAMES: u64 = 128;
/// The mappings that each organisation must find room for.
const ROOM: usize = 64;

/// What a page is known by.
type Page = (Asid, Vpn, PageSize);

/// What an update makes of a page; what is `None` stays.
#[derive(Clone, Copy, Debug)]
struct Change {
    pfn: Option<Pfn>,
    rights: Option<Rights>,
    marks: Option<Marks>,
}

impl Change {
    fn of(&self, old: Pte) -> Pte {
        Pte {
            pfn: self.pfn.unwrap_or(old.pfn),
            rights: self.rights.unwrap_or(old.rights),
            marks: self.marks.unwrap_or(old.marks),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Mapping),
    /// The mapping at this position of the map.
    Remove(prop::sample::Index),
    Update(prop::sample::Index, Change),
    Protect(prop::sample::Index, Rights),
    /// A page that is most likely not mapped.
    RemoveAt(Page),
    UpdateAt(Page, Change),
    ProtectAt(Page, Rights),
    RemoveAll(Asid),
    Grow,
}

/// The table under test and what it should hold.
struct Pair {
    ram: Ram,
    table: Box<dyn PageTable>,
    map: BTreeMap<Page, Mapping>,
}

/// All that a refused step must leave as it was.
#[derive(PartialEq)]
struct State {
    bytes: Vec<u8>,
    free_frames: u64,
    mappings: Vec<Mapping>,
}

impl Pair {
    fn new(make: Make, frames: u64, hash: Hash) -> Pair {
        let mut ram = Ram::new(frames);
        let table = make(&mut ram, hash).unwrap();
        Pair { ram, table, map: BTreeMap::new() }
    }

    fn state(&self) -> State {
        let bytes = self.ram.memory.slice(PhysAddr::truncate(0), self.ram.memory.frames() * 4096).unwrap().to_vec();
        State { bytes, free_frames: self.ram.frames.free(), mappings: self.table.mappings(&self.ram).unwrap() }
    }

    fn refuses(&self, before: &State, what: &dyn std::fmt::Debug) {
        assert!(self.state() == *before, "{}: {what:?} was refused, but has changed something", self.table.name());
    }

    fn insert(&mut self, mapping: Mapping) -> Result<(), TableError> {
        let conflicts: Vec<Mapping> =
            self.map.values().filter(|existing| existing.overlaps(&mapping)).copied().collect();
        let before = self.state();
        let result = self.table.insert(&mut self.ram, mapping);
        match result {
            Ok(()) => {
                assert_eq!(conflicts, [], "{}: {mapping:?} overlaps", self.table.name());
                self.map.insert(page_of(&mapping), mapping);
            }
            Err(TableError::AlreadyMapped { existing }) => {
                assert!(conflicts.contains(&existing) && page_of(&existing) == page_of(&mapping));
            }
            Err(TableError::Overlap { existing }) => {
                assert!(conflicts.contains(&existing) && page_of(&existing) != page_of(&mapping));
            }
            Err(TableError::Full { .. } | TableError::OutOfMemory(_)) => assert_eq!(conflicts, []),
            // Only an inverted table has a place for each frame and none for others.
            Err(TableError::BeyondFrames { pfn, size, frames }) => assert!(pfn.get() + size.pages() > frames),
            Err(error) => panic!("{}: {error}", self.table.name()),
        }
        if result.is_err() {
            self.refuses(&before, &mapping);
        }
        result
    }

    fn remove(&mut self, page: Page) {
        let before = self.state();
        let (asid, vpn, size) = page;
        let removed = self.table.remove(&mut self.ram, asid, vpn, size);
        assert_eq!(removed, self.map.remove(&page).ok_or(TableError::NotMapped { asid, vpn, size }));
        if removed.is_err() {
            self.refuses(&before, &page);
        }
    }

    fn update(&mut self, page: Page, change: Change) -> Result<Mapping, TableError> {
        let before = self.state();
        let (asid, vpn, size) = page;
        let old = self.map.get(&page).copied();
        let result = self.table.update(&mut self.ram, asid, vpn, size, &|pte| {
            assert_eq!(Some(pte), old.map(|old| old.pte()), "{page:?}");
            change.of(pte)
        });
        match (old, result) {
            (Some(old), Ok(returned)) => {
                assert_eq!(returned, old, "{}", self.table.name());
                let new = old.with_pte(change.of(old.pte()));
                self.map.insert(page, new);
                // Only in an inverted table another frame is another place.
                if new.pfn == old.pfn || self.table.name() != "inverted" {
                    assert!(self.words_changed(&before) <= 1, "{}: {old:?} to {new:?}", self.table.name());
                }
            }
            (None, Err(error)) => assert_eq!(error, TableError::NotMapped { asid, vpn, size }),
            (Some(_), Err(TableError::MisalignedPfn { pfn, size })) => assert!(!pfn.is_aligned(size)),
            (Some(_), Err(TableError::BeyondFrames { pfn, size, frames })) => {
                assert!(pfn.get() + size.pages() > frames)
            }
            (Some(_), Err(TableError::OutOfMemory(_))) => assert_eq!(self.table.name(), "inverted"),
            (_, result) => panic!("{}: {page:?}, {change:?}: {result:?}", self.table.name()),
        }
        if result.is_err() {
            self.refuses(&before, &(page, change));
        }
        result
    }

    /// The 64-bit words of memory that are not as they were.
    fn words_changed(&self, before: &State) -> usize {
        let after = self.state().bytes;
        let words = before.bytes.as_chunks::<8>().0.iter().zip(after.as_chunks::<8>().0);
        words.filter(|(before, after)| before != after).count()
    }

    fn remove_all(&mut self, asid: Asid) {
        let mut removed = self.table.remove_all(&mut self.ram, asid).unwrap();
        removed.sort_by_key(page_of);
        let want: Vec<Mapping> =
            self.map.extract_if(.., |page, _| page.0 == asid).map(|(_, mapping)| mapping).collect();
        assert_eq!(removed, want, "{}", self.table.name());
    }

    fn protect(&mut self, page: Page, rights: Rights) {
        let before = self.state();
        let (asid, vpn, size) = page;
        let returned = self.table.protect(&mut self.ram, asid, vpn, size, rights);
        assert_eq!(returned, self.map.get(&page).copied().ok_or(TableError::NotMapped { asid, vpn, size }));
        match self.map.get_mut(&page) {
            Some(mapping) => mapping.rights = rights,
            None => self.refuses(&before, &page),
        }
    }

    fn grow(&mut self) -> Result<(), TableError> {
        let before = self.state();
        let grown = self.table.grow(&mut self.ram);
        if let Err(error) = grown {
            assert!(matches!(error, TableError::OutOfMemory(_)), "{}: {error}", self.table.name());
            self.refuses(&before, &"growth");
        }
        grown
    }

    fn nth(&self, index: prop::sample::Index) -> Option<Page> {
        (!self.map.is_empty()).then(|| *self.map.keys().nth(index.index(self.map.len())).unwrap())
    }

    fn run(&mut self, step: &Step) {
        match step.clone() {
            Step::Insert(mapping) => match self.insert(mapping) {
                Err(TableError::Full { .. } | TableError::OutOfMemory(_)) => {
                    assert!(self.map.len() >= ROOM, "{}: full with {}", self.table.name(), self.map.len());
                }
                _ => self.look_up(mapping.asid, mapping.vpn),
            },
            Step::Remove(index) => self.nth(index).into_iter().for_each(|page| self.remove(page)),
            Step::Update(index, change) => self.nth(index).into_iter().for_each(|page| _ = self.update(page, change)),
            Step::Protect(index, rights) => self.nth(index).into_iter().for_each(|page| self.protect(page, rights)),
            Step::RemoveAt(page) => self.remove(page),
            Step::UpdateAt(page, change) => _ = self.update(page, change),
            Step::ProtectAt(page, rights) => self.protect(page, rights),
            Step::RemoveAll(asid) => self.remove_all(asid),
            Step::Grow => _ = self.grow(),
        }
        self.check();
    }

    fn check(&self) {
        if let Err(wrong) = self.table.check(&self.ram) {
            panic!("{}: {wrong}", self.table.name());
        }
    }

    fn look_up(&self, asid: Asid, vpn: Vpn) {
        let covering = self.map.values().find(|mapping| mapping.covers(asid, vpn)).copied();
        let found = self.table.lookup(&self.ram, asid, vpn).unwrap();
        assert_eq!(found.mapping, covering, "{}: {asid}:{vpn}", self.table.name());
    }

    /// Everything that can be asked of the table.
    fn compare(&self) {
        let mut listed = self.table.mappings(&self.ram).unwrap();
        listed.sort_by_key(page_of);
        assert_eq!(listed, self.map.values().copied().collect::<Vec<_>>(), "{}", self.table.name());
        assert_eq!(self.table.usage(&self.ram).mappings, self.map.len() as u64, "{}", self.table.name());
        for (asid, vpn) in (0..ASIDS).flat_map(|asid| vpns().map(move |vpn| (Asid::truncate(asid), vpn))) {
            self.look_up(asid, vpn);
        }
    }
}

fn page_of(mapping: &Mapping) -> Page {
    (mapping.asid, mapping.vpn, mapping.size)
}

/// Few pages, so that they meet: 12 in each of two 2 MiB runs in each of two 1 GiB runs.
fn vpns() -> impl Iterator<Item = Vpn> {
    (0..48).map(|i: u64| Vpn::truncate((i / 24) << 18 | (i / 12 % 2) << 9 | (i % 12)))
}

fn page() -> impl Strategy<Value = Page> {
    let size = prop_oneof![30 => Just(PageSize::Small), 2 => Just(PageSize::Large), 1 => Just(PageSize::Huge)];
    (0..ASIDS, prop::sample::select(vpns().collect::<Vec<_>>()), size)
        .prop_map(|(asid, vpn, size)| (Asid::truncate(asid), vpn.base(size), size))
}

/// Few frames, so that they are shared.
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

/// Frames that are shared, that no page of some size can begin at, and that the inverted table does not have.
fn change() -> impl Strategy<Value = Change> {
    let pfn = prop_oneof![4 => 0..4u64, 4 => (0..5u64).prop_map(|i| i << 9), 1 => Just(1 << 18)];
    let pfn = prop::option::of(pfn.prop_map(Pfn::truncate));
    (pfn, prop::option::of(rights()), prop::option::of(marks())).prop_map(|(pfn, rights, marks)| Change {
        pfn,
        rights,
        marks,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        24 => mapping().prop_map(Step::Insert),
        10 => index().prop_map(Step::Remove),
        6 => (index(), change()).prop_map(|(index, change)| Step::Update(index, change)),
        3 => (index(), rights()).prop_map(|(index, rights)| Step::Protect(index, rights)),
        2 => page().prop_map(Step::RemoveAt),
        1 => (page(), rights()).prop_map(|(page, rights)| Step::ProtectAt(page, rights)),
        1 => (page(), change()).prop_map(|(page, change)| Step::UpdateAt(page, change)),
        1 => (0..ASIDS).prop_map(|asid| Step::RemoveAll(Asid::truncate(asid))),
        1 => Just(Step::Grow),
    ]
}

fn any_hash() -> impl Strategy<Value = Hash> {
    prop::sample::select(vec![Hash::Keyed, Hash::Fold, Hash::Asid])
}

fn small(asid: u16, vpn: u64, pfn: u64) -> Mapping {
    let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
    Mapping::new(asid, vpn, PageSize::Small, pfn, Rights::R)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_sequence_leaves_what_a_plain_map_holds(
        hash in any_hash(),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        for make in organisations() {
            let mut pair = Pair::new(make, FRAMES, hash);
            steps.iter().for_each(|step| pair.run(step));
            pair.compare();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn pages_side_by_side_empty_in_any_order(
        hash in any_hash(),
        order in Just((0..ROOM as u64).collect::<Vec<u64>>()).prop_shuffle(),
    ) {
        for make in organisations() {
            let mut pair = Pair::new(make, FRAMES, hash);
            for i in 0..ROOM as u64 {
                pair.insert(small(1 + (i % 2) as u16, i / 2 + 5, i)).unwrap();
                pair.check();
            }
            for i in &order {
                pair.remove((Asid::truncate(1 + (i % 2) as u16), Vpn::truncate(i / 2 + 5), PageSize::Small));
                pair.check();
                pair.look_up(Asid::truncate(1), Vpn::truncate(i / 2 + 5));
            }
            pair.compare();
        }
    }
}

#[test]
fn running_out_of_memory_is_an_error_that_changes_nothing() {
    for make in organisations() {
        // The smallest memory in which the organisation begins and holds a page, so that it is soon used up.
        let fits = |frames: &u64| {
            let mut ram = Ram::new(*frames);
            make(&mut ram, Hash::Keyed).is_ok_and(|mut table| table.insert(&mut ram, small(1, 0, 0)).is_ok())
        };
        let frames = (2..FRAMES).find(fits).unwrap();
        assert!(matches!(make(&mut Ram::new(1), Hash::Keyed), Err(TableError::OutOfMemory(_))));
        let mut pair = Pair::new(make, frames, Hash::Keyed);
        // An organisation that grows by itself does nothing when it is asked to.
        let mut bytes = 0;
        while pair.table.usage(&pair.ram).bytes > bytes {
            bytes = pair.table.usage(&pair.ram).bytes;
            _ = pair.grow();
        }
        let mut inserted = 0;
        while pair.insert(small(1, inserted * 9, inserted % frames)).is_ok() {
            inserted += 1;
            assert!(inserted < 4096 * frames, "{}: it never fills", pair.table.name());
        }
        pair.check();
        // Both pages in one frame: the inverted table needs an alias for that, the others need nothing.
        let change = Change { pfn: Some(Pfn::truncate(1)), rights: None, marks: Some(Marks::A) };
        let shared = pair.update((Asid::truncate(1), Vpn::truncate(0), PageSize::Small), change);
        assert_eq!(shared.is_err(), pair.table.name() == "inverted");
        for i in (0..inserted).rev() {
            pair.remove((Asid::truncate(1), Vpn::truncate(i * 9), PageSize::Small));
        }
        pair.check();
        pair.compare();
        pair.insert(small(1, 0, 0)).unwrap();
    }
}

#[test]
fn illegal_mappings_are_refused() {
    for make in organisations() {
        let Pair { mut ram, mut table, .. } = Pair::new(make, FRAMES, Hash::Keyed);
        let size = PageSize::Large;
        let mut refusal = |mapping| table.insert(&mut ram, mapping).unwrap_err();
        let (vpn, pfn) = (Vpn::truncate(5), Pfn::truncate(9));
        assert_eq!(refusal(Mapping { size, ..small(1, 5, 0) }), TableError::MisalignedVpn { vpn, size });
        assert_eq!(refusal(Mapping { size, ..small(1, 0x200, 9) }), TableError::MisalignedPfn { pfn, size });
        let stray = TableError::GlobalOutsideAsid0 { asid: Asid::truncate(1) };
        assert_eq!(refusal(Mapping { global: true, ..small(1, 5, 9) }), stray);
        let asid = Asid::truncate(1);
        assert_eq!(table.remove(&mut ram, asid, vpn, size), Err(TableError::MisalignedVpn { vpn, size }));
        let updated = table.update(&mut ram, asid, vpn, size, &|pte| pte);
        assert_eq!(updated, Err(TableError::MisalignedVpn { vpn, size }));
        let protected = table.protect(&mut ram, asid, vpn, size, Rights::R);
        assert_eq!(protected, Err(TableError::MisalignedVpn { vpn, size }));
        assert_eq!(table.mappings(&ram), Ok(vec![]));
    }
}

#[test]
fn an_address_space_ends_whole_or_not_at_all() {
    let mut ram = Ram::new(8);
    let mut table = Internal::new(&mut ram, 7, Hash::Fold, 0).unwrap();
    let pages: Vec<Mapping> = (1..9).map(|vpn| Mapping { marks: Marks::A, ..small(1, vpn * 8, vpn) }).collect();
    pages.iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
    table.insert(&mut ram, small(2, 8, 1)).unwrap();
    // Each page stands at its home; the last one's link leaves the table.
    let last = table.chained().layout().address(0x41);
    let link = PhysAddr::truncate(last.get() + 24);
    ram.memory.write(link, &(1_u64 << 32 | 0x80).to_le_bytes()).unwrap();
    let refused = table.remove_all(&mut ram, Asid::truncate(1));
    assert!(matches!(refused, Err(TableError::Broken { .. })), "{refused:?}");
    ram.memory.write(link, &[0; 8]).unwrap();
    table.check(&ram).unwrap();
    assert_eq!(table.usage(&ram).mappings, 9);
    assert_eq!(table.remove_all(&mut ram, Asid::truncate(1)), Ok(pages));
    assert_eq!(table.mappings(&ram), Ok(vec![small(2, 8, 1)]));
}
