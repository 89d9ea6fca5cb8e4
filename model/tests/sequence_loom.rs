//! Sequence numbers among CPUs (docs/spec.md, section 2): the stores of a change as releases and the loads of a reader, a
//! refill handler, as acquires, in every interleaving of one change that the memory model allows, and in many of two.

use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// A word, and a count of its accesses, relaxed, which makes loom try each pair of accesses in both orders
/// (`tests/concurrent_loom.rs`).
struct Word {
    word: AtomicU64,
    accesses: AtomicU64,
}

impl Word {
    fn touched(&self) -> &AtomicU64 {
        self.accesses.fetch_add(1, Ordering::Relaxed);
        &self.word
    }
}

/// Bound of the larger case.
const PREEMPTIONS: usize = 3;

/// The versions of the words 0 to 3 that readers got while an entry was changed so often, its words in this order.
fn readings(changes: u64, order: [usize; 4], store: Ordering) -> BTreeSet<[u64; 4]> {
    let seen = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let readings = seen.clone();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = (changes > 1).then_some(PREEMPTIONS);
    model.check(move || {
        let word = |_| Word { word: AtomicU64::new(0), accesses: AtomicU64::new(0) };
        let entry: Arc<[Word; 4]> = Arc::new(std::array::from_fn(word));
        let written = entry.clone();
        let writer = loom::thread::spawn(move || {
            for version in 1..=changes {
                order.into_iter().for_each(|word| written[word].touched().store(version, store));
            }
        });
        let reading = [0, 1, 2, 3].map(|word: usize| entry[word].touched().load(Ordering::Acquire));
        seen.lock().unwrap().insert(reading);
        writer.join().unwrap();
    });
    std::mem::take(&mut readings.lock().unwrap())
}

/// The first and the last word agree, and the words between do not belong to them.
fn is_mix(reading: &[u64; 4]) -> bool {
    reading[0] == reading[3] && reading.iter().any(|version| *version != reading[0])
}

#[test]
fn a_reader_sees_each_version_whole_or_torn_and_never_a_mix() {
    let readings = readings(2, [3, 2, 1, 0], Ordering::Release);
    assert!(!readings.iter().any(is_mix), "{readings:?}");
    for version in 0..=2 {
        assert!(readings.contains(&[version; 4]), "{readings:?}");
    }
    assert!(readings.contains(&[0, 0, 1, 1]) && readings.contains(&[1, 2, 2, 2]));
}

#[test]
fn without_the_order_of_the_stores_a_reader_sees_a_mix() {
    assert!(readings(1, [0, 1, 2, 3], Ordering::Release).iter().any(is_mix));
    assert!(readings(1, [3, 2, 1, 0], Ordering::Relaxed).iter().any(is_mix), "the processor may change the order too");
}
