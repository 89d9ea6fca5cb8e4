//! The page table as memory that many CPUs share: writers lock a bucket, readers lock nothing and retry.
//!
//! ```text
//!              heads, one a bucket                     overflow, any bucket's
//!  hash ──►  +------+----------+-----------------+      +-----------------+
//!  & mask    | lock | sequence | entry, 32 bytes | ──►  | entry, 32 bytes | ──► ...
//!            +------+----------+-----------------+      +-----------------+
//!  writer    lock ─ sequence odd ─ withdraw, data, publish ─ sequence even ─ unlock
//!  reader    sequence even? ─ read the chain ─ sequence unchanged? ─ else once more
//! ```
//!
//! An entry is the contract's 32 bytes, as four atomic words, linked by its own L and `next`; but a chain belongs to
//! one bucket. The coalesced chains of [`crate::table`] run through several homes, so that no lock of one home protects
//! them, and a slot there is another chain's link at once. Here a bucket's lock covers all that its pages need, and
//! only the pool of free overflow entries is common; it has a lock of its own, taken after a bucket's and held for a
//! few stores. Entries that are reused for another bucket are no danger to a reader: it can follow a dead link only if
//! its own bucket's sequence has moved on since, and then it retries.
//!
//! The lock and the sequence are two words, where many a seqlock has one: a copy-on-write handler holds the lock while
//! it copies 4 KiB and waits for other CPUs, and all that time the old entry is good to read. The sequence is odd for a
//! few stores only.
//!
//! **Order of stores.** A change of frame or rights is one store of word 0, which holds both and V. A new entry is
//! written from word 1 to 3 and published by word 0, last; a removed one is withdrawn by word 0, first. So even what
//! reads an entry without the sequence (in one moment, as the hardware does) sees the old mapping, none, or the new
//! one.
//!
//! **Memory order**, in one argument. Every store to an entry is a release, every load an acquire. A reader that saw a
//! store of some change has therefore also seen, before, that the sequence was made odd, and its second look at the
//! sequence finds it odd or beyond. A reader that saw the sequence even has seen every store that came before that. The
//! reasons stand at each access. `tests/concurrent_loom.rs` runs small cases in every interleaving, the larger of them
//! with at most three preemptions, and runs them with single steps left out ([`Step`]), where they must fail.
//!
//! A reader does up to [`Platform::READ_ATTEMPTS`] attempts and then takes the lock. Code that may not wait for a lock,
//! such as a refill handler that cannot answer a shootdown, uses [`SharedTable::try_lookup`]. Whoever waits for a
//! bucket's lock must go on answering shootdowns, since its holder may be waiting for that ([`crate::shootdown`]).
//!
//! Limits: pages of 4 KiB under one ASID. A huge page and the small ones inside it hash to different buckets, so that
//! keeping them apart takes several locks at once; and the table does not grow.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `platform.rs` | the atomics, real or `loom`'s, and the steps that tests leave out |
//! | `slot.rs`, `pool.rs` | an entry in shared memory; the free overflow entries |
//! | `lock.rs` | the lock of one word |
//! | `bucket.rs` | what the holder of a bucket's lock may do |
//! | `frames.rs`, `copy_on_write.rs` | frames with counts of their sharers; the six steps |
//!
//! Costs: a lookup that finds its page at home makes two loads of the sequence and four of the entry, and no store, so
//! that readers share the cache lines. A change makes four stores besides those to the entry.
//! Sources: the seed on hashed page tables, the six steps of copy-on-write; H.-J. Boehm, "Can seqlocks get along with
//! programming language memory models?", MSPC 2012, whose variant with acquire loads of the data this is; docs/spec.md,
//! sections 2 and 7.

#![forbid(unsafe_code)]

mod bucket;
mod copy_on_write;
mod frames;
mod lock;
mod platform;
mod pool;
mod slot;

pub use bucket::BucketGuard;
pub use copy_on_write::{Copied, copy_on_write};
pub use frames::SharedFrames;
pub use platform::{Platform, Std, Step, Word};

use crate::hash::{HashFunction, Hasher};
use crate::mapping::Mapping;
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Vpn};
use lock::Lock;
use pool::Pool;
use slot::Slot;
use std::sync::atomic::Ordering;
use thiserror::Error;

/// Why a shared table, or what works on it, refuses an operation. The table is then unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConcurrentError {
    /// The head of the bucket and every overflow entry are in use.
    #[error("the bucket is full and no overflow entry is free")]
    Full,
    /// This page has a mapping.
    #[error("the page is mapped already: {existing:?}")]
    AlreadyMapped {
        /// The mapping that stands there.
        existing: Mapping,
    },
    /// The page has no mapping.
    #[error("address space {asid} maps no page at VPN {vpn}")]
    NotMapped {
        /// The address space.
        asid: Asid,
        /// The page.
        vpn: Vpn,
    },
    /// Only pages of 4 KiB, seen by one address space, are held.
    #[error("only 4 KiB pages that are not global can be shared between threads, not {0:?}")]
    Unsupported(Mapping),
    /// No frame is free for the copy.
    #[error("no frame is free for a private copy")]
    OutOfFrames,
    /// The number of entries is out of range.
    #[error("2^{buckets_log2} buckets and {overflow} overflow entries are more than 32-bit links reach")]
    Size {
        /// log2 of the number of buckets.
        buckets_log2: u32,
        /// Overflow entries.
        overflow: u32,
    },
}

/// Every attempt of a reader met a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("every attempt to read the bucket met a writer")]
pub struct Contended;

/// What a bucket has besides its first entry.
#[derive(Debug)]
struct Bucket<P: Platform> {
    lock: Lock<P>,
    /// Even at rest, odd while the bucket's entries are being changed; it only grows.
    sequence: P::Word,
}

/// A hashed page table that any number of threads read and change at once.
#[derive(Debug)]
pub struct SharedTable<P: Platform = Std> {
    buckets: Box<[Bucket<P>]>,
    /// The heads, one a bucket, and behind them the overflow entries: what a link's index counts.
    slots: Box<[Slot<P>]>,
    pool: Pool<P>,
    hasher: Hasher,
}

impl<P: Platform> SharedTable<P> {
    /// An empty table of `2^buckets_log2` buckets and `overflow` entries for collisions.
    ///
    /// # Errors
    /// [`ConcurrentError::Size`] if the entries are more than 2^31.
    pub fn new(buckets_log2: u32, overflow: u32, hasher: Hasher) -> Result<SharedTable<P>, ConcurrentError> {
        if buckets_log2 >= INDEX_BITS - 1 || overflow > 1 << (INDEX_BITS - 2) {
            return Err(ConcurrentError::Size { buckets_log2, overflow });
        }
        let heads = 1 << buckets_log2;
        let slots: Box<[Slot<P>]> = (0..heads + overflow).map(|_| Slot::default()).collect();
        let pool = Pool::new(&slots, heads);
        let bucket = |_| Bucket { lock: Lock::default(), sequence: P::Word::new(0) };
        Ok(SharedTable { buckets: (0..heads).map(bucket).collect(), slots, pool, hasher })
    }

    /// Maps a page that has no mapping.
    ///
    /// # Errors
    /// [`ConcurrentError::AlreadyMapped`], [`ConcurrentError::Unsupported`], [`ConcurrentError::Full`].
    pub fn insert(&self, mapping: &Mapping) -> Result<(), ConcurrentError> {
        self.lock(mapping.asid, mapping.vpn).insert(mapping)
    }

    /// Withdraws a page's mapping and returns it.
    ///
    /// # Errors
    /// [`ConcurrentError::NotMapped`]
    pub fn remove(&self, asid: Asid, vpn: Vpn) -> Result<Mapping, ConcurrentError> {
        self.lock(asid, vpn).remove(asid, vpn)
    }

    /// Gives a page other rights and returns the mapping that it had.
    ///
    /// # Errors
    /// [`ConcurrentError::NotMapped`]
    pub fn protect(&self, asid: Asid, vpn: Vpn, rights: Rights) -> Result<Mapping, ConcurrentError> {
        self.lock(asid, vpn).protect(asid, vpn, rights)
    }

    /// Gives a page another frame and other rights in one store, and returns the mapping that it had. The marks stay.
    ///
    /// # Errors
    /// [`ConcurrentError::NotMapped`]
    pub fn update(&self, asid: Asid, vpn: Vpn, pfn: Pfn, rights: Rights) -> Result<Mapping, ConcurrentError> {
        self.lock(asid, vpn).update(asid, vpn, pfn, rights)
    }

    /// The page's mapping at some moment during the call. Waits for the bucket's lock after [`Platform::READ_ATTEMPTS`]
    /// attempts.
    #[must_use]
    pub fn lookup(&self, asid: Asid, vpn: Vpn) -> Option<Mapping> {
        self.try_lookup(asid, vpn).unwrap_or_else(|Contended| self.lock(asid, vpn).get(asid, vpn))
    }

    /// The page's mapping at some moment during the call, found without waiting for anyone.
    ///
    /// # Errors
    /// [`Contended`]
    pub fn try_lookup(&self, asid: Asid, vpn: Vpn) -> Result<Option<Mapping>, Contended> {
        let home = self.home(asid, vpn);
        let sequence = &self.buckets[home as usize].sequence;
        for _ in 0..P::READ_ATTEMPTS {
            // Acquire, of the release that made it even: all stores of the changes counted so far are seen below.
            let before = sequence.load(Ordering::Acquire);
            if before.is_multiple_of(2)
                && let Some(found) = self.search(home, asid, vpn)
            {
                // Relaxed is enough: this load stays behind the acquire loads of the entries, and whichever of these
                // saw a store of a later change has brought that change's odd sequence with it.
                let after = sequence.load(Ordering::Relaxed);
                if before == after || P::leaves_out(Step::SequenceCheck) {
                    return Ok(found);
                }
            }
            P::pause();
        }
        Err(Contended)
    }

    /// Waits for the lock of the bucket that holds this page, and of others.
    #[must_use]
    pub fn lock(&self, asid: Asid, vpn: Vpn) -> BucketGuard<'_, P> {
        BucketGuard::new(self, self.home(asid, vpn))
    }

    /// Every mapping, in the order of the entries; nobody else has the table, so it is a moment's picture.
    pub fn mappings(&mut self) -> impl Iterator<Item = Mapping> {
        self.slots.iter().filter_map(|slot| slot.read().mapping())
    }

    /// Checks that every mapping stands in the chain of its bucket, once, and that every overflow entry is in one chain
    /// or in the pool.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&mut self) -> Result<(), String> {
        let mut seen = vec![false; self.slots.len()];
        let mut visit = |index: u32| {
            let seen = &mut seen[index as usize];
            if std::mem::replace(seen, true) { Err(format!("entry {index} is reached twice")) } else { Ok(()) }
        };
        for home in 0..self.buckets.len() as u32 {
            let mut pages = Vec::new();
            let mut next = Some(home);
            while let Some(index) = next {
                visit(index)?;
                let entry = self.slots[index as usize].read();
                if let Some(mapping) = entry.mapping() {
                    let page = (mapping.asid, mapping.vpn);
                    if self.home(page.0, page.1) != home || pages.contains(&page) {
                        return Err(format!("{mapping:?} does not belong into bucket {home}, or stands in it twice"));
                    }
                    pages.push(page);
                } else if index != home {
                    return Err(format!("overflow entry {index} of bucket {home} is empty"));
                }
                next = entry.link();
            }
        }
        for index in self.pool.free(&self.slots) {
            visit(index)?;
        }
        seen.iter().position(|seen| !seen).map_or(Ok(()), |lost| Err(format!("entry {lost} is in no chain")))
    }

    fn home(&self, asid: Asid, vpn: Vpn) -> u32 {
        self.hasher.hash(asid, vpn) & (self.buckets.len() as u32 - 1)
    }

    /// Follows the chain. The outer `None`: it does not end, because entries moved to other chains meanwhile.
    fn search(&self, home: u32, asid: Asid, vpn: Vpn) -> Option<Option<Mapping>> {
        let mut index = home;
        // A chain has its head and overflow entries, so one that is longer is none.
        for _ in self.buckets.len()..=self.slots.len() {
            let entry = self.slots[index as usize].read();
            if entry.matches(asid, vpn, PageSize::Small, false) {
                return Some(entry.mapping());
            }
            let Some(next) = entry.link() else {
                return Some(None);
            };
            index = next;
        }
        None
    }
}
