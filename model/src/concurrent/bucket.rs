//! A bucket whose lock is held: the only place from which entries are changed.

use super::platform::{Platform, Step, Word};
use super::{Bucket, ConcurrentError, SharedTable};
use crate::entry::Entry;
use crate::mapping::{Mapping, Pte};
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Vpn};
use std::sync::atomic::Ordering;

/// A held bucket lock, given back when it is dropped. Readers go on meanwhile. Only one may be held by a thread, and
/// only pages of this bucket may be named: others panic.
#[derive(Debug)]
pub struct BucketGuard<'a, P: Platform> {
    table: &'a SharedTable<P>,
    home: u32,
}

/// An entry in a chain, and the one that links to it.
struct Place {
    before: Option<u32>,
    index: u32,
    entry: Entry,
}

impl<'a, P: Platform> BucketGuard<'a, P> {
    pub(super) fn new(table: &'a SharedTable<P>, home: u32) -> BucketGuard<'a, P> {
        let guard = BucketGuard { table, home };
        if !P::leaves_out(Step::BucketLock) {
            guard.bucket().lock.take();
        }
        guard
    }

    /// The page's mapping. It stays until this guard changes it or is dropped.
    #[must_use]
    pub fn get(&self, asid: Asid, vpn: Vpn) -> Option<Mapping> {
        self.find(asid, vpn)?.entry.mapping()
    }

    /// As [`SharedTable::insert`].
    ///
    /// # Errors
    /// As there.
    pub fn insert(&mut self, mapping: &Mapping) -> Result<(), ConcurrentError> {
        if mapping.size != PageSize::Small || mapping.global {
            return Err(ConcurrentError::Unsupported(*mapping));
        }
        if let Some(existing) = self.get(mapping.asid, mapping.vpn) {
            return Err(ConcurrentError::AlreadyMapped { existing });
        }
        let head = self.read(self.home);
        if !head.valid() {
            self.change(|| self.table.slots[self.home as usize].publish(&Entry::new(mapping, head.link())));
            return Ok(());
        }
        let index = self.table.pool.take(&self.table.slots).ok_or(ConcurrentError::Full)?;
        self.change(|| {
            // Whole before it is linked. It goes behind the head, where no walk over the chain is needed.
            self.table.slots[index as usize].publish(&Entry::new(mapping, head.link()));
            self.table.slots[self.home as usize].relink(Some(index));
        });
        Ok(())
    }

    /// As [`SharedTable::remove`].
    ///
    /// # Errors
    /// As there.
    pub fn remove(&mut self, asid: Asid, vpn: Vpn) -> Result<Mapping, ConcurrentError> {
        let (place, mapping) = self.mapped(asid, vpn)?;
        let slots = &self.table.slots;
        self.change(|| {
            slots[place.index as usize].withdraw();
            if let Some(before) = place.before {
                slots[before as usize].relink(place.entry.link());
            }
        });
        // A head stays where it is, withdrawn, and links on. An overflow entry is free once no chain leads to it.
        if place.before.is_some() {
            self.table.pool.put(slots, place.index);
        }
        Ok(mapping)
    }

    /// As [`SharedTable::protect`].
    ///
    /// # Errors
    /// As there.
    pub fn protect(&mut self, asid: Asid, vpn: Vpn, rights: Rights) -> Result<Mapping, ConcurrentError> {
        let (_, mapping) = self.mapped(asid, vpn)?;
        self.update(asid, vpn, mapping.pfn, rights)
    }

    /// As [`SharedTable::update`].
    ///
    /// # Errors
    /// As there.
    pub fn update(&mut self, asid: Asid, vpn: Vpn, pfn: Pfn, rights: Rights) -> Result<Mapping, ConcurrentError> {
        let (place, mapping) = self.mapped(asid, vpn)?;
        let updated = place.entry.with_pte(Pte { pfn, rights, ..mapping.pte() });
        self.change(|| self.table.slots[place.index as usize].replace(&updated));
        Ok(mapping)
    }

    /// Makes the sequence odd, changes entries, makes it even.
    fn change(&self, stores: impl FnOnce()) {
        let sequence = &self.bucket().sequence;
        // Only the holder of the lock writes it, and the lock's acquire has brought the last value: relaxed.
        let even = sequence.load(Ordering::Relaxed);
        if !P::leaves_out(Step::SequenceOdd) {
            // Relaxed: each of the stores to entries that follow is a release, and carries this one with it.
            sequence.store(even + 1, Ordering::Relaxed);
        }
        if P::leaves_out(Step::SequenceEvenLast) {
            sequence.store(even + 2, Ordering::Release);
            return stores();
        }
        stores();
        if !P::leaves_out(Step::SequenceOdd) {
            // Release: a reader that sees it even again sees the change whole.
            sequence.store(even + 2, Ordering::Release);
        }
    }

    fn mapped(&self, asid: Asid, vpn: Vpn) -> Result<(Place, Mapping), ConcurrentError> {
        self.find(asid, vpn)
            .and_then(|place| place.entry.mapping().map(|mapping| (place, mapping)))
            .ok_or(ConcurrentError::NotMapped { asid, vpn })
    }

    fn find(&self, asid: Asid, vpn: Vpn) -> Option<Place> {
        assert_eq!(self.table.home(asid, vpn), self.home, "the guard is of another bucket");
        let mut before = None;
        let mut next = Some(self.home);
        while let Some(index) = next {
            let entry = self.read(index);
            if entry.matches(asid, vpn, PageSize::Small, false) {
                return Some(Place { before, index, entry });
            }
            (before, next) = (Some(index), entry.link());
        }
        None
    }

    fn read(&self, index: u32) -> Entry {
        self.table.slots[index as usize].read()
    }

    fn bucket(&self) -> &'a Bucket<P> {
        &self.table.buckets[self.home as usize]
    }
}

impl<P: Platform> Drop for BucketGuard<'_, P> {
    fn drop(&mut self) {
        if !P::leaves_out(Step::BucketLock) {
            self.bucket().lock.give_back();
        }
    }
}
