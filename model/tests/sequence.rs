//! Sequence numbers (docs/spec.md, section 2): whoever reads an entry word by word while it is changed store by store sees
//! the old one, the new one or a torn one, and never a mix.

use hashwalk_model::mapping::Marks;
use hashwalk_model::{
    ChainedTable, Entry, Layout, Mapping, PhysicalMemory, Progress, Store, Walk, WalkContext, WalkResult, walk,
};
use hashwalk_spec::{
    Access, Answer, Asid, Fault, Format, Hash, PageSize, Pfn, PhysAddr, Request, Rights, Search, Translation, Vpn,
};

const BASE: PhysAddr = PhysAddr::truncate(0x1000);

fn table() -> (PhysicalMemory, ChainedTable) {
    let layout = Layout::new(Format::Chained, BASE, 7, Hash::Fold, 0).unwrap().with_sequence();
    (PhysicalMemory::new(2), ChainedTable::new(layout))
}

fn page(asid: u16, vpn: u64, pfn: u64) -> Mapping {
    Mapping::new(Asid::truncate(asid), Vpn::truncate(vpn), PageSize::Small, Pfn::truncate(pfn), Rights::ALL)
}

/// Three pages of one home, 0x3e.
fn pages() -> [Mapping; 3] {
    [page(2, 0x3c, 0x32), page(4, 0x3a, 0x14), page(8, 0x36, 0x77)]
}

fn context(table: &ChainedTable, max_steps: u32) -> WalkContext {
    WalkContext::new(*table.layout(), Search::ENABLE_ALL, max_steps)
}

fn read_of(page: &Mapping) -> Request {
    Request { asid: page.asid, vpn: page.vpn, access: Access::Read, user: false }
}

fn granted(page: &Mapping) -> Answer {
    Ok(Translation { pfn: page.pfn })
}

fn stored(memory: &PhysicalMemory, address: PhysAddr) -> Entry {
    Entry::from_bytes(&memory.read_entry(address).unwrap())
}

/// The first page leaves, the second takes its place, and the third the place of the second.
fn changes(memory: &PhysicalMemory, table: &ChainedTable) -> Vec<Store> {
    let [first, _, third] = pages();
    let mut later = memory.clone();
    let (mapping, mut stores) = table.stores_of_remove(&later, first.asid, first.vpn, first.size).unwrap();
    assert_eq!(mapping, first);
    stores.iter().for_each(|store| store.make(&mut later).unwrap());
    stores.extend(table.stores_of_insert(&later, third).unwrap());
    stores
}

/// Memory before, between and after the stores.
fn snapshots(memory: &PhysicalMemory, stores: &[Store]) -> Vec<PhysicalMemory> {
    let mut snapshots = vec![memory.clone()];
    for store in stores {
        let mut next = snapshots.last().unwrap().clone();
        store.make(&mut next).unwrap();
        snapshots.push(next);
    }
    snapshots
}

/// What a reader may get of an entry whose word 0 is of the first of four moments, and so on, these in any ascending order.
fn readings(snapshots: &[PhysicalMemory], entry: PhysAddr) -> Vec<Entry> {
    let words: Vec<[u64; 4]> = snapshots.iter().map(|memory| stored(memory, entry).words()).collect();
    let mut readings = Vec::new();
    for (a, of_a) in words.iter().enumerate() {
        for (b, of_b) in words.iter().enumerate().skip(a) {
            for (c, of_c) in words.iter().enumerate().skip(b) {
                let rest = words.iter().skip(c);
                readings.extend(rest.map(|of_d| Entry::from_words([of_a[0], of_b[1], of_c[2], of_d[3]])));
            }
        }
    }
    readings
}

/// What counts of an entry if it matches: its words but the link.
fn tagged(entry: &Entry) -> [u64; 3] {
    let [pte, vpn, asid, _] = entry.words();
    [pte, vpn, asid]
}

/// The readings that count although no moment held such an entry.
fn mixes(snapshots: &[PhysicalMemory], entry: PhysAddr) -> usize {
    let held: Vec<[u64; 3]> = snapshots.iter().map(|memory| tagged(&stored(memory, entry))).collect();
    let whole = readings(snapshots, entry).into_iter().filter(|reading| reading.sequence().is_some());
    // A mapping is what counts: who finds none goes on by the link.
    whole.filter(|reading| reading.valid() && !held.contains(&tagged(reading))).count()
}

/// The entries that the changes write, in the order of their addresses.
fn changed_entries(stores: &[Store]) -> Vec<PhysAddr> {
    let mut entries: Vec<PhysAddr> = stores.iter().map(Store::entry).collect();
    entries.sort();
    entries.dedup();
    entries
}

fn filled() -> (PhysicalMemory, ChainedTable) {
    let (mut memory, table) = table();
    pages()[..2].iter().for_each(|page| table.insert(&mut memory, *page).unwrap());
    (memory, table)
}

#[test]
fn a_reader_between_any_two_stores_sees_the_old_the_new_or_a_torn_entry_and_never_a_mix() {
    let (memory, table) = filled();
    let stores = changes(&memory, &table);
    let snapshots = snapshots(&memory, &stores);
    let entries = changed_entries(&stores);
    assert_eq!((stores.len(), entries.len()), (2 + 4 + 4 + 4 + 1, 2));
    for entry in entries {
        let readings = readings(&snapshots, entry);
        assert_eq!(mixes(&snapshots, entry), 0);
        for whole in snapshots.iter().map(|memory| stored(memory, entry)).filter(|entry| entry.sequence().is_some()) {
            assert!(readings.contains(&whole));
        }
        assert!(readings.iter().any(|reading| reading.sequence().is_none()));
    }
    let [_, second, third] = pages();
    let last = snapshots.last().unwrap();
    table.check(last).unwrap();
    for page in [second, third] {
        assert_eq!(walk(last, &context(&table, 9), read_of(&page)).mapping, Some(page));
    }
}

/// The same stores, but each entry is written from its first word to its last.
#[test]
fn without_the_order_of_stores_a_reader_sees_a_mix() {
    let (memory, table) = filled();
    let mut stores = changes(&memory, &table);
    // The last four of a change of several words, wherever they stand.
    let is_first = |four: &[Store]| four.iter().all(|store| store.entry() == four[0].entry());
    let begins: Vec<usize> = (2..stores.len() - 3).filter(|at| is_first(&stores[*at..at + 4])).step_by(4).collect();
    begins.into_iter().for_each(|at| stores[at..at + 4].reverse());
    let snapshots = snapshots(&memory, &stores);
    assert!(changed_entries(&stores).into_iter().any(|entry| mixes(&snapshots, entry) > 0));
}

#[test]
fn without_the_comparison_of_sequence_numbers_a_reader_sees_a_mix() {
    let (memory, table) = filled();
    let stores = changes(&memory, &table);
    let snapshots = snapshots(&memory, &stores);
    let held =
        |reading: &Entry, entry| snapshots.iter().any(|memory| tagged(&stored(memory, entry)) == tagged(reading));
    let is_mix = |entry| readings(&snapshots, entry).iter().any(|reading| reading.valid() && !held(reading, entry));
    assert!(changed_entries(&stores).into_iter().any(is_mix));
}

/// A place is filled and emptied in turn: 8 times each within one read is one change too many.
#[test]
fn after_sixteen_changes_within_one_read_the_numbers_agree_by_chance() {
    let (mut memory, table) = table();
    let home = table.layout().address(0x3e);
    let mut versions = Vec::new();
    for change in 0..17 {
        let page = pages()[change / 2 % 3];
        if change % 2 == 0 {
            table.insert(&mut memory, page).unwrap();
        } else {
            table.remove(&mut memory, page.asid, page.vpn, page.size).unwrap();
        }
        versions.push(stored(&memory, home));
    }
    let first = versions[0].words()[0];
    for (changes, version) in versions.iter().enumerate() {
        let [_, vpn, asid, link] = version.words();
        let reading = Entry::from_words([first, vpn, asid, link]);
        assert_eq!(reading.sequence().is_some(), changes == 0 || changes == 16, "{changes} changes");
        assert_eq!(reading.valid() && reading.whole().is_some() && reading != versions[0], changes == 16);
    }
}

#[test]
fn stores_come_to_the_bytes_of_the_change_at_once_and_to_those_without_numbers() {
    let (mut memory, table) = filled();
    let plain = ChainedTable::new(Layout::new(Format::Chained, BASE, 7, Hash::Fold, 0).unwrap());
    let mut without = PhysicalMemory::new(2);
    pages()[..2].iter().for_each(|page| plain.insert(&mut without, *page).unwrap());
    let [first, _, third] = pages();
    let by_stores = snapshots(&memory, &changes(&memory, &table)).pop().unwrap();
    for (table, memory) in [(&table, &mut memory), (&plain, &mut without)] {
        table.remove(memory, first.asid, first.vpn, first.size).unwrap();
        table.insert(memory, third).unwrap();
    }
    for index in 0..128 {
        let address = table.layout().address(index);
        assert_eq!(stored(&by_stores, address), stored(&memory, address), "{index:#x}");
        assert_eq!(stored(&memory, address).whole(), Some(stored(&without, address)), "{index:#x}");
    }
}

/// Section 10: what a walk makes of each state of the worked entry.
#[test]
fn the_worked_change_of_the_contract() {
    let words = [0x5000_0000_0003_2013, 0x3c, 2, 0x5000_0001_0000_0040];
    let [old, _, new] = pages();
    let (mut memory, table) = table();
    let home = table.layout().address(0x3e);
    memory.write_entry(home, &Entry::from_words(words).to_bytes()).unwrap();
    let read_only = Mapping { rights: Rights::R.with(Rights::U), ..old };
    let ask = |memory: &PhysicalMemory, page: &Mapping| walk(memory, &context(&table, 3), read_of(page));
    assert_eq!(ask(&memory, &old).mapping, Some(read_only));
    let steps = [(3, 0x6000_0001_0000_0040), (2, 8), (1, 0x36), (0, 0x6000_0000_0007_7013_u64)];
    for (word, value) in steps {
        memory.write(PhysAddr::truncate(home.get() + 8 * word), &value.to_le_bytes()).unwrap();
        let torn = WalkResult { answer: Err(Fault::ChainTooLong), mapping: None, probes: 3 };
        if word > 0 {
            assert_eq!([ask(&memory, &old), ask(&memory, &new)], [torn; 2], "after word {word}");
        }
    }
    assert_eq!((ask(&memory, &new).answer, ask(&memory, &new).probes), (granted(&new), 1));
}

#[test]
fn a_torn_entry_is_probed_again_at_the_same_place_and_counts_as_a_probe() {
    let (mut memory, table) = filled();
    let [first, second, _] = pages();
    let home = table.layout().address(0x3e);
    let whole = memory.read_element(home, Format::Chained).unwrap();
    let mut torn = whole;
    torn[7] ^= 0x30;
    for rereads in 0..3 {
        // The page stands behind the torn entry.
        let mut walk = Walk::new(&context(&table, 3), read_of(&second));
        for _ in 0..rereads {
            assert_eq!(walk.step(Ok(torn)), Progress::Probe(home));
        }
        let then = walk.step(Ok(whole));
        if rereads == 2 {
            let result = WalkResult { answer: Err(Fault::ChainTooLong), mapping: None, probes: 3 };
            assert_eq!(then, Progress::Done(result), "its link would be a fourth probe");
            continue;
        }
        let Progress::Probe(next) = then else { panic!("{then:?}") };
        let Progress::Done(result) = walk.step(memory.read_element(next, Format::Chained)) else { panic!() };
        assert_eq!((result.answer, result.probes), (granted(&second), rereads + 2));
    }
    // Software finds it out too.
    memory.write(home, &torn).unwrap();
    let read = table.lookup(&memory, first.asid, first.vpn, first.size);
    assert!(read.unwrap_err().to_string().contains("its entry is torn"));
}

/// An entry that moves takes along what was marked until it was withdrawn, and changes of one word keep the number.
#[test]
fn marks_that_are_set_before_an_entry_is_withdrawn_move_with_it() {
    let (mut memory, table) = filled();
    let [first, second, _] = pages();
    let number = |memory: &PhysicalMemory| stored(memory, table.layout().address(0x3e)).sequence();
    let (_, stores) = table.stores_of_remove(&memory, first.asid, first.vpn, first.size).unwrap();
    let before = number(&memory);
    let mark = |pte| hashwalk_model::Pte { marks: Marks::A.with(Marks::D), ..pte };
    table.update(&mut memory, second.asid, second.vpn, second.size, &mark).unwrap();
    assert_eq!(number(&memory), before);
    stores.iter().for_each(|store| store.make(&mut memory).unwrap());
    let found = walk(&memory, &context(&table, 3), read_of(&second)).mapping.unwrap();
    assert_eq!(found.marks, Marks::A.with(Marks::D));
    assert_ne!(number(&memory), before);
}
