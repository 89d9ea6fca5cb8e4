//! The swap device: pages that memory has no room for.
//!
//! ```text
//!  slot     0        1        2        3
//!         +--------+--------+--------+--------+
//!         | page   | page   | free   | page   |      users: how many pages of processes have this content
//!         | 1 user | 3 users|        | 1 user |      (more than one after a fork)
//!         +--------+--------+--------+--------+
//! ```
//!
//! A page that was read keeps its slot, so that it leaves memory again without a write as long as its D is clear. One that
//! was stored to gives it up when it is written again. Source: the seeds' swap space.

use super::device::{Latency, PageBytes, Transfers};

/// A place on the swap device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// The swap device.
#[derive(Clone, Debug, Default)]
pub struct Swap {
    slots: Vec<Option<Page>>,
    free: Vec<Slot>,
    capacity: u64,
    transfers: Transfers,
}

#[derive(Clone, Debug)]
struct Page {
    bytes: Box<PageBytes>,
    users: u32,
}

impl Swap {
    /// An empty device of `capacity` pages with this latency.
    #[must_use]
    pub fn new(capacity: u64, latency: Latency) -> Swap {
        Swap { capacity: capacity.min(u64::from(u32::MAX)), transfers: Transfers::new(latency), ..Swap::default() }
    }

    /// What the device did.
    #[must_use]
    pub fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Slots that are free.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.capacity - self.used()
    }

    /// Slots that are in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        (self.slots.len() - self.free.len()) as u64
    }

    /// Pages of processes that have the content of this slot, 0 if it is free.
    #[must_use]
    pub fn users(&self, slot: Slot) -> u32 {
        self.slots[slot.0 as usize].as_ref().map_or(0, |page| page.users)
    }

    /// Writes a page that `users` pages of processes share, at least 1; `None` if every slot is in use.
    pub(super) fn write(&mut self, bytes: &PageBytes, users: u32) -> Option<Slot> {
        if self.free() == 0 {
            return None;
        }
        let page = Some(Page { bytes: Box::new(*bytes), users });
        self.transfers.writes += 1;
        Some(match self.free.pop() {
            Some(slot) => {
                self.slots[slot.0 as usize] = page;
                slot
            }
            None => {
                self.slots.push(page);
                Slot(self.slots.len() as u32 - 1)
            }
        })
    }

    /// Reads a page. The slot stays in use: as long as the page is not stored to, it need not be written again.
    pub(super) fn read(&mut self, slot: Slot) -> PageBytes {
        self.transfers.reads += 1;
        *self.slots[slot.0 as usize].as_ref().expect("a slot is read only while it has users").bytes
    }

    /// One more page has the content of this slot.
    pub(super) fn share(&mut self, slot: Slot) {
        self.slots[slot.0 as usize].as_mut().expect("a slot is shared only while it has users").users += 1;
    }

    /// One page less has the content of this slot; without any it is free.
    pub(super) fn put(&mut self, slot: Slot) {
        let place = &mut self.slots[slot.0 as usize];
        let page = place.as_mut().expect("a slot is given up only while it has users");
        page.users -= 1;
        if page.users == 0 {
            *place = None;
            self.free.push(slot);
        }
    }
}
