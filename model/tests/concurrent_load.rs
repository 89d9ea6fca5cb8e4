//! The shared table under load: threads that change and threads that read, on few pages and few buckets.

use hashwalk_model::concurrent::{ConcurrentError, Copied, SharedFrames, SharedTable, Std, copy_on_write};
use hashwalk_model::{Mapping, Marks, hasher};
use hashwalk_spec::{Asid, Hash, PageSize, Pfn, Rights, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

const SEED: u64 = 0x5eed_0003;
const WRITERS: u64 = 3;
const READERS: u64 = 3;
const OPERATIONS: u64 = 400_000;

fn random(stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    rng.set_stream(stream);
    rng
}

/// A mapping whose parts give each other away: the frame holds the page, a counter and a sum over both, and the rights
/// are the sum's low bits. The marks are the page's own, since no update changes them.
fn marked(asid: u64, vpn: u64, count: u64) -> Mapping {
    let count = count & 0xffff;
    let sum = sum(asid, vpn, count);
    let (asid, vpn, pfn) = (Asid::truncate(asid as u16), Vpn::truncate(vpn), Pfn::truncate(count << 16 | sum));
    let marks = if vpn.get().is_multiple_of(2) { Marks::A } else { Marks::D };
    Mapping { marks, ..Mapping::new(asid, vpn, PageSize::Small, pfn, Rights::from_bits(sum as u8 & 15)) }
}

fn sum(asid: u64, vpn: u64, count: u64) -> u64 {
    (asid << 40 ^ vpn << 20 ^ count).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48
}

fn is_legal(mapping: &Mapping) -> bool {
    let (asid, vpn) = (u64::from(mapping.asid.get()), mapping.vpn.get());
    *mapping == marked(asid, vpn, mapping.pfn.get() >> 16)
}

#[test]
fn every_reader_sees_only_legal_pairs() {
    // 8 buckets, 3 * 16 pages: chains are long, and overflow entries wander between buckets.
    let mut table = SharedTable::<Std>::new(3, 24, hasher(Hash::Keyed, 3)).unwrap();
    let (found, changed, full) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    // What each writer has left in its own pages: writers have pages of their own, so the end is known.
    let left: Vec<Vec<Option<Mapping>>> = thread::scope(|scope| {
        let writers: Vec<_> = (1..=WRITERS)
            .map(|asid| {
                let (table, changed, full) = (&table, &changed, &full);
                scope.spawn(move || {
                    let mut rng = random(asid);
                    let mut mine: Vec<Option<Mapping>> = vec![None; 16];
                    for count in 0..OPERATIONS {
                        let vpn = u64::from(rng.next_u32() % 16);
                        let new = marked(asid, vpn, count);
                        let (a, v) = (new.asid, new.vpn);
                        let slot = &mut mine[vpn as usize];
                        *slot = match (*slot, rng.next_u32() % 4) {
                            (Some(old), 0) => {
                                assert_eq!(table.remove(a, v), Ok(old), "seed {SEED:#x}");
                                None
                            }
                            (Some(old), _) => {
                                assert_eq!(table.update(a, v, new.pfn, new.rights), Ok(old), "seed {SEED:#x}");
                                Some(new)
                            }
                            (None, _) => match table.insert(&new) {
                                Ok(()) => Some(new),
                                Err(ConcurrentError::Full) => {
                                    full.fetch_add(1, Ordering::Relaxed);
                                    None
                                }
                                Err(error) => panic!("seed {SEED:#x}: {error}"),
                            },
                        };
                        // Nobody else changes this page, so what is read is what was written.
                        assert_eq!(table.lookup(a, v), *slot, "seed {SEED:#x}");
                    }
                    changed.fetch_add(OPERATIONS, Ordering::Relaxed);
                    mine
                })
            })
            .collect();
        for stream in 0..READERS {
            let (table, found) = (&table, &found);
            scope.spawn(move || {
                let mut rng = random(100 + stream);
                let mut seen = 0;
                for _ in 0..OPERATIONS {
                    let word = rng.next_u32();
                    let asid = Asid::truncate((word % WRITERS as u32 + 1) as u16);
                    let vpn = Vpn::truncate(u64::from(word >> 8 & 15));
                    if let Some(mapping) = table.lookup(asid, vpn) {
                        assert!(is_legal(&mapping), "seed {SEED:#x}: torn: {mapping:?}");
                        assert_eq!((mapping.asid, mapping.vpn), (asid, vpn), "seed {SEED:#x}");
                        seen += 1;
                    }
                }
                found.fetch_add(seen, Ordering::Relaxed);
            });
        }
        writers.into_iter().map(|writer| writer.join().expect("a writer's assertion")).collect()
    });
    table.check().unwrap();
    let mut want: Vec<Mapping> = left.into_iter().flatten().flatten().collect();
    let mut have: Vec<Mapping> = table.mappings().collect();
    want.sort();
    have.sort();
    assert_eq!(have, want, "seed {SEED:#x}");
    println!("{changed:?} changes, {found:?} pages found by readers, {full:?} times full");
    assert!(found.into_inner() > OPERATIONS / 2 && full.into_inner() > 0);
}

#[test]
fn the_table_refuses_what_it_cannot_hold() {
    let table = SharedTable::<Std>::new(0, 0, hasher(Hash::Fold, 0)).unwrap();
    let page = marked(1, 1, 1);
    let (asid, vpn) = (page.asid, page.vpn);
    let not_mapped = ConcurrentError::NotMapped { asid, vpn };
    assert_eq!(table.remove(asid, vpn), Err(not_mapped));
    assert_eq!(table.protect(asid, vpn, Rights::ALL), Err(not_mapped));
    table.insert(&page).unwrap();
    assert_eq!(table.insert(&page), Err(ConcurrentError::AlreadyMapped { existing: page }));
    assert_eq!(table.insert(&marked(1, 2, 1)), Err(ConcurrentError::Full));
    let large = Mapping { size: PageSize::Large, vpn: Vpn::truncate(512), ..page };
    assert_eq!(table.insert(&large), Err(ConcurrentError::Unsupported(large)));
    assert_eq!(table.protect(asid, vpn, Rights::ALL), Ok(page));
    assert_eq!(table.lookup(asid, vpn), Some(Mapping { rights: Rights::ALL, ..page }));
    let size = SharedTable::<Std>::new(31, 0, hasher(Hash::Fold, 0));
    assert!(matches!(size, Err(ConcurrentError::Size { buckets_log2: 31, overflow: 0 })));
}

#[test]
fn readers_go_on_while_a_bucket_is_locked() {
    let table = SharedTable::<Std>::new(0, 0, hasher(Hash::Fold, 0)).unwrap();
    let page = marked(1, 1, 1);
    table.insert(&page).unwrap();
    let mut bucket = table.lock(page.asid, page.vpn);
    assert_eq!(table.try_lookup(page.asid, page.vpn), Ok(Some(page)));
    bucket.remove(page.asid, page.vpn).unwrap();
    assert_eq!(table.try_lookup(page.asid, page.vpn), Ok(None));
}

/// Rounds of fork and write: each page of a frame's sharers is written by a thread of its own, all at once.
#[test]
fn processes_that_share_a_frame_and_write_at_once_read_back_their_own() {
    const PROCESSES: u16 = 4;
    const ROUNDS: u64 = 2_000;
    let table = SharedTable::<Std>::new(4, 16, hasher(Hash::Keyed, 7)).unwrap();
    let frames = SharedFrames::<Std>::new(16);
    // A frame holds one word. Relaxed accesses: only the counts and the table order them.
    let contents: Vec<AtomicU64> = (0..16).map(|_| AtomicU64::new(0)).collect();
    let copies = AtomicUsize::new(0);
    let vpn = Vpn::truncate(0x1234);
    for round in 1..=ROUNDS {
        let shared = frames.allocate().unwrap();
        contents[shared.get() as usize].store(round, Ordering::Relaxed);
        for asid in 1..=PROCESSES {
            if asid > 1 {
                frames.share(shared);
            }
            let asid = Asid::truncate(asid);
            let read_only = Rights::R.with(Rights::U);
            table.insert(&Mapping::new(asid, vpn, PageSize::Small, shared, read_only)).unwrap();
        }
        thread::scope(|scope| {
            for asid in 1..=PROCESSES {
                let (table, frames, contents, copies) = (&table, &frames, &contents, &copies);
                scope.spawn(move || {
                    let page = (Asid::truncate(asid), vpn);
                    let copy = |from: Pfn, to: Pfn| {
                        let word = contents[from.get() as usize].load(Ordering::Relaxed);
                        contents[to.get() as usize].store(word, Ordering::Relaxed);
                    };
                    let copied = copy_on_write(table, frames, page, copy, || ()).unwrap();
                    copies.fetch_add(usize::from(matches!(copied, Copied::Private(_))), Ordering::Relaxed);
                    let frame = table.lookup(page.0, vpn).unwrap().pfn.get() as usize;
                    let old = contents[frame].swap(round << 8 | u64::from(asid), Ordering::Relaxed);
                    assert_eq!(old, round, "a write of another process is seen");
                });
            }
        });
        for asid in 1..=PROCESSES {
            let gone = table.remove(Asid::truncate(asid), vpn).unwrap();
            let word = contents[gone.pfn.get() as usize].load(Ordering::Relaxed);
            assert_eq!(word, round << 8 | u64::from(asid), "a write is lost");
            frames.release(gone.pfn);
        }
        assert_eq!(frames.used(), 0);
    }
    println!("{ROUNDS} rounds, {copies:?} copies");
}
