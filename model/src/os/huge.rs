//! Huge pages: 512 small ones become one, and one becomes 512.
//!
//! ```text
//!  promote   512 pages, some touched, some not ─► withdrawn ─► copied side by side ─► one entry of 2 MiB
//!  split     one entry of 2 MiB ─► 512 entries for the same frames; nothing is copied
//! ```
//!
//! The copy of a promotion waits for the shootdown: until then a CPU may store to the small pages through its TLB, and
//! such a store would be lost. Meanwhile an entry without rights keeps the huge page's place in the table.
//!
//! A promotion copies 2 MiB, and turns 512 entries into one that a TLB holds in one slot; a split copies nothing and takes
//! 512 entries. Source: the seeds' huge pages.

use super::withdrawn::{Then, Withdrawn};
use super::{Os, OsError};
use crate::mapping::{Mapping, Marks, Pte};
use crate::organisation::PageTable;
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Vpn};

impl<T: PageTable> Os<T> {
    /// Makes one 2 MiB page of the 512 pages that begin at `vpn`. They must lie in one private segment of zeros; which
    /// of them were touched does not matter. Until the release, an access to them is [`super::Resolution::Busy`].
    ///
    /// # Errors
    /// No such process; the pages are no candidates, or are withdrawn; there are not 512 free frames side by side; the
    /// search for 2 MiB pages is not enabled.
    pub fn promote(&mut self, asid: Asid, vpn: Vpn) -> Result<Withdrawn, OsError> {
        let not_promotable = |why| Err(OsError::NotPromotable { vpn, why });
        let (first, end) = page_at(vpn, PageSize::Large);
        let process = self.processes.require(asid)?;
        if process.is_busy(first, end) {
            return Err(OsError::Busy(asid));
        }
        let segment = process.segment_of(vpn).copied();
        let Some(segment) = segment.filter(|segment| vpn.get() == first && segment.end() >= end) else {
            return not_promotable("they do not begin at a multiple of 512, or do not lie in one segment");
        };
        if segment.file_page(vpn).is_some() {
            return not_promotable("a file stands behind them");
        }
        let small = self.mappings_of(asid)?;
        let small: Vec<Mapping> = small.into_iter().filter(|m| (first..end).contains(&m.vpn.get())).collect();
        if small.iter().any(|mapping| mapping.size != PageSize::Small) {
            return not_promotable("they are one already");
        }
        let pages: Vec<_> = small.iter().map(super::owners::page_of).collect();
        let small = self.withdraw(&pages)?;
        let placeholder = self.map_new(asid, vpn, PageSize::Large, Rights::NONE, false);
        let process = self.processes.require(asid)?;
        let huge = match placeholder {
            Ok(huge) => huge,
            Err(error) => {
                process.busy.retain(|page| !(first..end).contains(&page.get()));
                self.put_back(&small);
                return Err(error);
            }
        };
        process.busy.extend((first..end).map(Vpn::truncate));
        Ok(Withdrawn::new(small, Then::Promote { asid, vpn, pfn: huge.pfn }))
    }

    /// No TLB leads to the small pages any more: their contents move into the huge one.
    pub(super) fn fill_promoted(&mut self, small: &[Mapping], asid: Asid, vpn: Vpn, pfn: Pfn) -> Result<(), OsError> {
        let (first, end) = page_at(vpn, PageSize::Large);
        let place = |page: Vpn| Pfn::truncate(pfn.get() + (page.get() - first));
        // A process that has ended meanwhile took its huge page with it.
        let process = self.processes.get_mut(asid).filter(|process| process.busy.contains(&vpn));
        if let Some(process) = process {
            process.busy.retain(|page| !(first..end).contains(&page.get()));
            let rights = process.segment_of(vpn).map_or(Rights::NONE, |segment| segment.rights);
            let swapped: Vec<_> = process.swapped.range(vpn..).map(|(page, slot)| (*page, *slot)).collect();
            let within = swapped.into_iter().take_while(|(page, _)| page.get() < end);
            for (page, slot) in within.filter(|(page, _)| small.iter().all(|small| small.vpn != *page)) {
                let bytes = self.swap.read(slot);
                self.ram.memory.write(place(page).address(), &bytes)?;
            }
            for mapping in small {
                self.copy_frames(mapping.pfn, place(mapping.vpn), 1)?;
            }
            // The content is nowhere else from now on.
            self.put_slots(asid, first, end);
            let change = |pte: Pte| Pte { rights, marks: Marks::A.with(Marks::D), ..pte };
            self.table.update(&mut self.ram, asid, vpn, PageSize::Large, &change)?;
            self.counts.promotions += 1;
        }
        small.iter().for_each(|mapping| self.drop_hold(mapping));
        Ok(())
    }

    /// Makes 512 pages of one huge page: 4 KiB pages of a 2 MiB one, 2 MiB pages of a 1 GiB one. They keep its frames,
    /// rights and marks.
    ///
    /// # Errors
    /// There is no such huge page, it is busy, or the table has no room for 512 entries.
    pub fn split(&mut self, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Withdrawn, OsError> {
        let (first, end) = page_at(vpn, size);
        if self.processes.get(asid).is_some_and(|process| process.is_busy(first, end)) {
            return Err(OsError::Busy(asid));
        }
        let smaller = match size {
            PageSize::Small => return Err(OsError::NotPromotable { vpn, why: "they are the smallest there are" }),
            PageSize::Large => PageSize::Small,
            PageSize::Huge => PageSize::Large,
        };
        let huge = self.take_out((asid, vpn, size))?;
        let mut parts = Vec::new();
        for offset in (0..size.pages()).step_by(smaller.pages() as usize) {
            let part = Mapping {
                vpn: Vpn::truncate(vpn.get() + offset),
                pfn: Pfn::truncate(huge.pfn.get() + offset),
                size: smaller,
                ..huge
            };
            if let Err(error) = self.enter(part) {
                for part in &parts {
                    let taken_out = self.take_out(super::owners::page_of(part))?;
                    self.drop_hold(&taken_out);
                }
                self.put_back(&[huge]);
                return Err(error);
            }
            parts.push(part);
        }
        // Each frame was counted once more by its part.
        self.drop_hold(&huge);
        self.counts.splits += 1;
        Ok(Withdrawn::new(vec![huge], Then::Keep))
    }
}

/// The page that holds a VPN, in pages of this size.
fn page_at(vpn: Vpn, size: PageSize) -> (u64, u64) {
    let first = vpn.base(size).get();
    (first, first + size.pages())
}
