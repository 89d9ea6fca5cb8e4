//! The shared table in every interleaving of small cases, and in some with a step left out, which must fail.

use hashwalk_model::concurrent::{Copied, Platform, SharedFrames, SharedTable, Step, Word, copy_on_write};
use hashwalk_model::{Mapping, hasher};
use hashwalk_spec::{Asid, Hash, PageSize, Pfn, Rights, Vpn};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// loom's word, and a second that every access counts up first, relaxed, so that it orders nothing.
///
/// loom 0.7.2 remembers of each word only the last access when it looks for what to interleave, and a load does not
/// depend on a load: a thread's store after its own load is then never tried before another thread's load (its issues
/// 392 and 166), and a reader against a writer is "explored" in one run. Read-modify-writes depend on each other, so
/// with the count every pair of accesses to a word is tried in both orders. Which of the older stores a load may return
/// is explored as ever.
#[derive(Debug)]
struct LoomWord {
    word: loom::sync::atomic::AtomicU64,
    accesses: loom::sync::atomic::AtomicU64,
}

impl LoomWord {
    fn touched(&self) -> &loom::sync::atomic::AtomicU64 {
        self.accesses.fetch_add(1, Ordering::Relaxed);
        &self.word
    }
}

impl Word for LoomWord {
    fn new(value: u64) -> LoomWord {
        LoomWord { word: loom::sync::atomic::AtomicU64::new(value), accesses: loom::sync::atomic::AtomicU64::new(0) }
    }
    fn load(&self, order: Ordering) -> u64 {
        self.touched().load(order)
    }
    fn store(&self, value: u64, order: Ordering) {
        self.touched().store(value, order);
    }
    fn replace(&self, current: u64, new: u64, success: Ordering) -> bool {
        self.touched().compare_exchange(current, new, success, Ordering::Relaxed).is_ok()
    }
    fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.touched().fetch_add(value, order)
    }
    fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        self.touched().fetch_sub(value, order)
    }
}

/// Machines: loom's atomics, and steps to be left out.
macro_rules! machines {
    ($($name:ident: $($step:ident)*;)*) => {$(
        #[derive(Debug)]
        struct $name;
        impl Platform for $name {
            type Word = LoomWord;
            // Few, so that the cases stay small and the way over the lock is taken too.
            const READ_ATTEMPTS: u32 = 2;
            const LEFT_OUT: &'static [Step] = &[$(Step::$step),*];
            fn pause() {
                loom::thread::yield_now();
            }
        }
    )*};
}

machines! {
    Whole:;
    NoSequenceCheck: SequenceCheck;
    NoSequenceOdd: SequenceOdd;
    EvenTooEarly: SequenceEvenLast;
    NoCheckPublishFirst: SequenceCheck PublishLast;
    NoBucketLock: BucketLock;
    NoLockAcrossCopy: LockAcrossCopy;
    ReleaseFirst: ReleaseLast;
    UnorderedCounts: CountOrder;
}

/// Bound of the larger cases: the threads' own waiting is not counted. The smaller ones have none.
const PREEMPTIONS: usize = 3;

const RX: Rights = Rights::R.with(Rights::X);
const RW: Rights = Rights::R.with(Rights::W);

fn mapping(asid: u16, vpn: u64, pfn: u64, rights: Rights) -> Mapping {
    let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(pfn));
    Mapping::new(asid, vpn, PageSize::Small, pfn, rights)
}

/// A table of one bucket, in which everything collides, with these mappings.
fn table<P: Platform>(overflow: u32, mappings: &[Mapping]) -> SharedTable<P> {
    let table = SharedTable::new(0, overflow, hasher(Hash::Fold, 0)).unwrap();
    for mapping in mappings {
        table.insert(mapping).unwrap();
    }
    table
}

/// Explores with at most `preemptions` switches away from a thread that could have gone on; `None`: all. The runs must
/// have ended in this many different outcomes, so that a case that explores nothing fails.
fn explore<T: Ord + Debug + Send + 'static>(
    name: &str,
    preemptions: Option<usize>,
    outcomes: usize,
    case: impl Fn() -> T + Send + Sync + 'static,
) {
    let seen = std::sync::Arc::new(Mutex::new(BTreeMap::<T, u64>::new()));
    let counted = seen.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(move || {
        let outcome = case();
        *counted.lock().unwrap().entry(outcome).or_default() += 1;
    });
    let seen = seen.lock().unwrap();
    println!("{name}: {} interleavings: {seen:?}", seen.values().sum::<u64>());
    assert_eq!(seen.len(), outcomes, "{name}: {seen:?}");
}

/// One writer gives the page another frame and other rights, one reader looks: old or new, whole.
#[test]
fn an_update_is_seen_whole_or_not_at_all() {
    explore("update and lookup", None, 2, || {
        let (old, new) = (mapping(1, 5, 7, RX), mapping(1, 5, 9, RW));
        let table = Arc::new(table::<Whole>(0, &[old]));
        let writer = {
            let table = table.clone();
            loom::thread::spawn(move || table.update(new.asid, new.vpn, new.pfn, new.rights).unwrap())
        };
        let seen = table.lookup(old.asid, old.vpn);
        assert!(seen == Some(old) || seen == Some(new), "torn: {seen:?}");
        assert_eq!(writer.join().unwrap(), old);
        assert_eq!(table.lookup(old.asid, old.vpn), Some(new));
        seen
    });
}

/// One writer gives the only entry to another page, one reader looks for the first page: its mapping or none.
fn reuse_against_lookup<P: Platform>(name: &str) {
    explore(name, Some(PREEMPTIONS), 2, || {
        let (old, new) = (mapping(1, 5, 7, RX), mapping(2, 6, 9, RW));
        let table = Arc::new(table::<P>(0, &[old]));
        let writer = {
            let table = table.clone();
            loom::thread::spawn(move || {
                table.remove(old.asid, old.vpn).unwrap();
                table.insert(&new).unwrap();
            })
        };
        let seen = table.lookup(old.asid, old.vpn);
        assert!(seen == Some(old) || seen.is_none(), "torn: {seen:?}");
        writer.join().unwrap();
        assert_eq!(table.lookup(old.asid, old.vpn), None);
        assert_eq!(table.lookup(new.asid, new.vpn), Some(new));
        seen
    });
}

#[test]
fn a_reused_entry_never_lends_its_frame_to_the_old_page() {
    reuse_against_lookup::<Whole>("remove, insert and lookup");
}

/// The other way: the page that comes must never be seen with the rights or the frame of the one that goes.
fn arrival_against_lookup<P: Platform>(name: &str) {
    explore(name, Some(PREEMPTIONS), 2, || {
        let (old, new) = (mapping(1, 5, 7, RX), mapping(2, 6, 9, RW));
        let table = Arc::new(table::<P>(0, &[old]));
        let writer = {
            let table = table.clone();
            loom::thread::spawn(move || {
                table.remove(old.asid, old.vpn).unwrap();
                table.insert(&new).unwrap();
            })
        };
        let seen = table.lookup(new.asid, new.vpn);
        assert!(seen == Some(new) || seen.is_none(), "torn: {seen:?}");
        writer.join().unwrap();
        seen
    });
}

#[test]
fn an_arriving_page_is_never_seen_with_another_ones_frame() {
    arrival_against_lookup::<Whole>("remove, insert and lookup of the new page");
}

#[test]
#[should_panic(expected = "torn")]
fn without_the_second_look_at_the_sequence_a_reader_tears() {
    arrival_against_lookup::<NoSequenceCheck>("no sequence check");
}

#[test]
#[should_panic(expected = "torn")]
fn without_an_odd_sequence_a_reader_tears() {
    arrival_against_lookup::<NoSequenceOdd>("no odd sequence");
}

/// An insert into an empty entry, seen by a reader that ignores the sequence, as the hardware does.
fn bare_insert_against_lookup<P: Platform>(name: &str) {
    explore(name, Some(PREEMPTIONS), 1, || {
        let new = mapping(0, 0, 9, RW);
        let table = Arc::new(table::<P>(0, &[]));
        let writer = {
            let table = table.clone();
            loom::thread::spawn(move || table.insert(&Mapping { asid: Asid::truncate(3), ..new }).unwrap())
        };
        // The empty entry's ASID and VPN are those of this page: if V came first it would seem to be mapped.
        let seen = table.lookup(new.asid, new.vpn);
        assert!(seen.is_none(), "torn: {seen:?}");
        writer.join().unwrap();
        seen
    });
}

#[test]
fn an_entry_is_published_whole_even_to_those_who_ignore_the_sequence() {
    bare_insert_against_lookup::<NoSequenceCheck>("insert and a reader without a sequence");
}

#[test]
#[should_panic(expected = "torn")]
fn published_before_its_data_an_entry_is_torn() {
    bare_insert_against_lookup::<NoCheckPublishFirst>("published first");
}

/// Two writers insert into one bucket: one into the head, one into an overflow entry.
fn two_inserts<P: Platform>(name: &str) {
    explore(name, None, 2, || {
        let pages = [mapping(1, 5, 7, RX), mapping(2, 6, 9, RW)];
        let mut table = Arc::new(table::<P>(1, &[]));
        let writer = {
            let table = table.clone();
            loom::thread::spawn(move || table.insert(&pages[0]).unwrap())
        };
        table.insert(&pages[1]).unwrap();
        writer.join().unwrap();
        for page in pages {
            assert_eq!(table.lookup(page.asid, page.vpn), Some(page), "lost");
        }
        let table = Arc::get_mut(&mut table).expect("the writer has ended");
        table.check().unwrap();
        // Whoever was first has the head.
        table.mappings().next()
    });
}

#[test]
fn two_writers_on_one_bucket_lose_nothing() {
    two_inserts::<Whole>("two inserts");
}

#[test]
#[should_panic(expected = "lost")]
fn without_the_bucket_lock_an_insert_is_lost() {
    two_inserts::<NoBucketLock>("no bucket lock");
}

/// An overflow entry is unlinked and given to another bucket while a reader of `wanted`, in the same chain, may stand
/// on it.
fn unlink_against_lookup<P: Platform>(name: &str, wanted: u64, always_there: bool) {
    explore(name, Some(PREEMPTIONS), 2 - usize::from(always_there), move || {
        let table = SharedTable::<P>::new(1, 2, hasher(Hash::Fold, 0)).unwrap();
        // Homes under `fold`: the low bit of ASID xor VPN. In bucket 0 stand VPN 4, then 6, then 8; in bucket 1 VPN 5.
        let chain = [mapping(2, 4, 7, RX), mapping(2, 8, 8, RX), mapping(2, 6, 9, RX)];
        let (other, moved) = (mapping(2, 5, 10, RW), mapping(2, 7, 11, RW));
        for mapping in chain.iter().chain([&other]) {
            table.insert(mapping).unwrap();
        }
        let mut table = Arc::new(table);
        let writer = {
            let table = table.clone();
            loom::thread::spawn(move || {
                table.remove(chain[2].asid, chain[2].vpn).unwrap();
                table.insert(&moved).unwrap();
            })
        };
        let seen = table.lookup(Asid::truncate(2), Vpn::truncate(wanted));
        let want = chain.into_iter().find(|mapping| mapping.vpn.get() == wanted);
        assert!(seen == want || (seen.is_none() && !always_there), "missed or torn: {seen:?}");
        writer.join().unwrap();
        Arc::get_mut(&mut table).expect("the writer has ended").check().unwrap();
        seen
    });
}

#[test]
fn a_reader_that_stands_on_an_unlinked_entry_sees_it_whole_or_not_at_all() {
    unlink_against_lookup::<Whole>("unlink and reuse, lookup of the unlinked page", 6, false);
}

#[test]
fn a_page_behind_an_unlinked_entry_is_always_found() {
    unlink_against_lookup::<Whole>("unlink and reuse, lookup of the page behind", 8, true);
}

#[test]
#[should_panic(expected = "missed")]
fn with_the_sequence_even_too_early_a_reader_strays() {
    unlink_against_lookup::<EvenTooEarly>("sequence even too early", 8, true);
}

/// What frames hold: loom reports accesses to one that no happens-before orders.
struct Contents(Vec<UnsafeCell<()>>);

impl Contents {
    fn new(frames: usize) -> Contents {
        Contents((0..frames).map(|_| UnsafeCell::new(())).collect())
    }
    fn read(&self, pfn: Pfn) {
        self.0[pfn.get() as usize].with(|_| ());
    }
    fn write(&self, pfn: Pfn) {
        self.0[pfn.get() as usize].with_mut(|_| ());
    }
    fn copy(&self, from: Pfn, to: Pfn) {
        self.read(from);
        self.write(to);
    }
}

/// Two writers meet a shared frame: in `pages[0]` and in `pages[1]`, of one process or of two.
fn both_write<P: Platform>(name: &str, asids: [u16; 2]) {
    let outcomes = if asids[0] == asids[1] { 2 } else { 3 };
    explore(name, None, outcomes, move || {
        let frames = SharedFrames::<P>::new(4);
        let shared = frames.allocate().unwrap();
        frames.share(shared);
        // A bucket for each of the two: parent and child do not share a lock.
        let table = SharedTable::<P>::new(1, 0, hasher(Hash::Fold, 0)).unwrap();
        for asid in [2, 3] {
            table.insert(&mapping(asid, 4, shared.get(), Rights::R)).unwrap();
        }
        let all = Arc::new((table, frames, Contents::new(4)));
        let write = move |all: &(SharedTable<P>, SharedFrames<P>, Contents), asid| {
            let (table, frames, contents) = all;
            let page = (Asid::truncate(asid), Vpn::truncate(4));
            let copied = copy_on_write(table, frames, page, |from, to| contents.copy(from, to), || ()).unwrap();
            match copied {
                Copied::Private(pfn) | Copied::Kept(pfn) => contents.write(pfn),
                // Threads of one process order their writes themselves.
                Copied::Already(_) => {}
            }
            copied
        };
        let other = {
            let all = all.clone();
            loom::thread::spawn(move || write(&all, asids[1]))
        };
        let mine = write(&all, asids[0]);
        let others = other.join().unwrap();

        let (table, frames, _) = &*all;
        let [parent, child] = [2, 3].map(|asid| table.lookup(Asid::truncate(asid), Vpn::truncate(4)).unwrap());
        assert_ne!(parent.pfn, child.pfn, "shared still");
        assert_eq!([parent.pfn, child.pfn].map(|pfn| frames.sharers(pfn)), [1, 1], "a count is wrong");
        assert_eq!(frames.used(), 2, "a frame is lost");
        if asids[0] == asids[1] {
            let already = [mine, others].iter().filter(|copied| matches!(copied, Copied::Already(_))).count();
            assert_eq!(already, 1, "one thread copies");
            assert_eq!([parent.rights, child.rights], [RW, Rights::R]);
        } else {
            assert_eq!([parent.rights, child.rights], [RW, RW], "an update is lost");
            let kept = [mine, others].iter().filter(|copied| matches!(copied, Copied::Kept(_))).count();
            assert!(kept <= 1, "both kept the frame");
            assert_eq!(frames.sharers(shared), kept as u64);
        }
        [mine, others].map(|copied| match copied {
            Copied::Private(_) => "private",
            Copied::Kept(_) => "kept",
            Copied::Already(_) => "already",
        })
    });
}

#[test]
fn parent_and_child_that_write_at_once_get_a_frame_each() {
    both_write::<Whole>("copy-on-write, parent and child", [2, 3]);
}

#[test]
fn two_threads_that_write_one_page_at_once_copy_it_once() {
    both_write::<Whole>("copy-on-write, two threads", [2, 2]);
}

#[test]
#[should_panic(expected = "a count is wrong")]
fn without_the_lock_across_the_copy_two_threads_copy() {
    both_write::<NoLockAcrossCopy>("no lock across the copy", [2, 2]);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_frame_given_up_before_it_is_copied_is_written_by_the_other() {
    both_write::<ReleaseFirst>("frame released first", [2, 3]);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn without_release_and_acquire_the_counts_order_nothing() {
    both_write::<UnorderedCounts>("relaxed counts", [2, 3]);
}
