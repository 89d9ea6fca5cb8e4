//! Page-out: which frames leave memory when none is free.
//!
//! ```text
//!              ┌───┐ A=1: a second chance, A is cleared          the clock: the hand goes around all frames
//!         ┌─┐  │hand ─► ┌─┐
//!         └─┘  └───┘    └─┘ A=0, D=0: dropped; the swap device, the file, or zeros have it
//!           ┌─┐        ┌─┐
//!           └─┘  ┌─┐   └─┘  A=0, D=1: written out
//!                └─┘
//! ```
//!
//! A frame leaves only when every page that leads to it was not accessed since the hand was here last; it is written
//! once, however many pages share it. Huge pages are split first. All pages of a frame are withdrawn before it is
//! written, since a store through a TLB may still come until the last acknowledgement.
//!
//! A is cleared in the table and not in TLBs, so a page that stays in a TLB looks unused and may go: the fault brings it
//! back. That costs an access, never data. Source: the seeds' page-out and swap; F. J. Corbató, *A Paging Experiment
//! with the Multics System* (1968), for the clock.

use super::owners::Page;
use super::withdrawn::{Then, Victim, Withdrawn};
use super::{Os, OsError};
use crate::mapping::{Mapping, Marks, Pte};
use crate::organisation::PageTable;
use crate::table::TableError;
use hashwalk_spec::{PageSize, Pfn};

/// What the hand found at a frame.
enum Look {
    /// Nothing that can leave.
    Fixed,
    /// A huge page, which was split: look again. Its mapping is withdrawn.
    Split(Mapping),
    /// All of its mappings were withdrawn.
    Victim(Victim, Vec<Mapping>),
}

impl<T: PageTable> Os<T> {
    /// Withdraws pages so that up to `wanted` frames are free after the release. There are fewer, or none, if what is
    /// left cannot leave: it is in use by someone unknown, or the swap device is full.
    ///
    /// # Errors
    /// The table is broken.
    pub fn reclaim(&mut self, wanted: usize) -> Result<Withdrawn, OsError> {
        let (mut mappings, mut victims) = (Vec::new(), Vec::<Victim>::new());
        // Once around to clear A, once more to find it clear.
        let mut looks = 2 * self.ram.memory.frames();
        while victims.len() < wanted && looks > 0 {
            let new_slots = victims.iter().filter(|victim| victim.needs_new_slot).count() as u64;
            match self.look(new_slots < self.swap.free())? {
                Look::Split(huge) => {
                    mappings.push(huge);
                    continue;
                }
                Look::Victim(victim, withdrawn) => {
                    victims.push(victim);
                    mappings.extend(withdrawn);
                }
                Look::Fixed => {}
            }
            looks -= 1;
            self.hand = Pfn::truncate((self.hand.get() + 1) % self.ram.memory.frames());
        }
        Ok(Withdrawn::new(mappings, Then::PageOut(victims)))
    }

    /// Looks at the frame under the hand.
    fn look(&mut self, swap_has_room: bool) -> Result<Look, OsError> {
        let pfn = self.hand;
        let pages: Vec<Page> = self.owners.of(pfn).to_vec();
        let cached = self.files.page_in(pfn).is_some();
        if pages.is_empty() && !cached {
            return Ok(Look::Fixed);
        }
        let counted = pages.len() + usize::from(cached);
        let mapped_by_others = self.ram.frames.references(pfn) != Some(counted as u32);
        if mapped_by_others || pages.iter().any(|(asid, ..)| self.processes.get(*asid).is_none()) {
            return Ok(Look::Fixed);
        }
        let mut marks = Marks::NONE;
        for page in &pages {
            marks = marks.with(self.clear_accessed(*page)?);
        }
        if marks.contains(Marks::A) {
            return Ok(Look::Fixed);
        }
        if let Some((asid, vpn, size)) = pages.iter().find(|(_, _, size)| *size != PageSize::Small) {
            return Ok(match self.split(*asid, *vpn, *size) {
                Ok(withdrawn) => Look::Split(withdrawn.mappings[0]),
                // No room for 512 entries: the huge page stays.
                Err(_) => Look::Fixed,
            });
        }
        let dirty = marks.contains(Marks::D);
        let needs_new_slot = dirty && !cached && !pages.iter().any(|page| self.has_slot_alone(*page));
        if needs_new_slot && !swap_has_room {
            return Ok(Look::Fixed);
        }
        let mappings = self.withdraw(&pages)?;
        Ok(Look::Victim(Victim { pfn, pages, dirty, needs_new_slot }, mappings))
    }

    /// Whether the page has a slot that nobody else needs: what it held before the page was stored to again.
    fn has_slot_alone(&self, (asid, vpn, _): Page) -> bool {
        let slot = self.processes.get(asid).and_then(|process| process.swapped.get(&vpn));
        slot.is_some_and(|slot| self.swap.users(*slot) == 1)
    }

    /// Clears A and returns the marks as they were.
    fn clear_accessed(&mut self, (asid, vpn, size): Page) -> Result<Marks, TableError> {
        let change = |pte: Pte| Pte { marks: pte.marks.without(Marks::A), ..pte };
        Ok(self.table.update(&mut self.ram, asid, vpn, size, &change)?.marks)
    }

    /// Takes pages out of the table, all or none, and marks them busy.
    pub(super) fn withdraw(&mut self, pages: &[Page]) -> Result<Vec<Mapping>, OsError> {
        let mut mappings = Vec::new();
        for page in pages {
            match self.take_out(*page) {
                Ok(mapping) => mappings.push(mapping),
                Err(error) => {
                    self.put_back(&mappings);
                    return Err(error.into());
                }
            }
        }
        for (asid, vpn, _) in pages {
            if let Some(process) = self.processes.get_mut(*asid) {
                process.busy.insert(*vpn);
            }
        }
        Ok(mappings)
    }

    /// No TLB leads to the frame any more: its content goes where it must, and the frame is free.
    pub(super) fn page_out(&mut self, victim: &Victim) -> Result<(), OsError> {
        let bytes = self.page_bytes(victim.pfn)?;
        let page_of_file = self.files.page_in(victim.pfn).is_some();
        if page_of_file && victim.dirty {
            self.files.mark_dirty(victim.pfn);
        }
        let mut alive = Vec::new();
        for (asid, vpn, _) in &victim.pages {
            if let Some(process) = self.processes.get_mut(*asid)
                && process.busy.remove(vpn)
            {
                alive.push((*asid, *vpn));
            }
        }
        if victim.dirty && !page_of_file && !alive.is_empty() {
            // What they held before is given up first: one of those slots may be the one that is free.
            for (asid, vpn) in &alive {
                self.put_slots(*asid, vpn.get(), vpn.get() + 1);
            }
            let users = alive.len() as u32;
            let slot = self.swap.write(&bytes, users).expect("a slot was free when the page was withdrawn");
            for (asid, vpn) in &alive {
                self.processes.get_mut(*asid).expect("it is alive").swapped.insert(*vpn, slot);
            }
        }
        for _ in &victim.pages {
            self.ram.frames.drop_hold(victim.pfn);
        }
        // Someone may have mapped the file's page again meanwhile.
        if page_of_file && self.owners.of(victim.pfn).is_empty() {
            self.files.evict(victim.pfn, &bytes);
            self.ram.frames.drop_hold(victim.pfn);
        }
        self.counts.page_outs += 1;
        Ok(())
    }
}
