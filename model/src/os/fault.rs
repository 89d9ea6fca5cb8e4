//! What the operating system makes of a fault.
//!
//! ```text
//!  hardware says         the table says
//!  bus_error       ───────────────────────────────────────► BusError
//!  anything else   ──┬─► broken ──────────────────────────► TableBroken
//!                    ├─► the access is allowed ───────────► AlreadyMapped: make it again
//!                    ├─► the entry denies it ─┬─ segment denies ──────────► ProtectionFault
//!                    │                        ├─ shared frame, a store ───► Copied: copy-on-write
//!                    │                        └─ the entry lags behind ───► Kept: rights as the segment has them
//!                    └─► nothing ─┬─ in no segment ───────► SegmentationFault   (but a stack grows)
//!                                 ├─ segment denies ──────► ProtectionFault
//!                                 ├─ being withdrawn ─────► Busy: make it again once that is released
//!                                 ├─ behind a file's end ─► BusError
//!                                 └─ else ────────────────► Mapped: from the swap device, the file, or zeros
//! ```
//!
//! The table is believed before the hardware: a fault may be the answer of a walk that raced a change, or of a mapping
//! that had fewer rights. Sources: docs/spec.md, sections 4 and 5; the seeds' third step, dynamic mapping, and their
//! five steps of a page fault.

use super::withdrawn::{Then, Withdrawn};
use super::{Os, OsError, Segment};
use crate::mapping::{Mapping, Pte, allows};
use crate::organisation::PageTable;
use crate::table::TableError;
use hashwalk_spec::{Access, Fault, PageSize, Pfn, Request, Rights};

/// How a fault was resolved.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a copied page must be shot down, and a process that may not go on must not"]
pub enum Resolution {
    /// A page fault: the page has a frame now. The access is to be made again.
    Mapped(Mapping),
    /// The table allows the access: it changed while the hardware looked. The access is to be made again.
    AlreadyMapped,
    /// A store to a frame that others share: the page has a copy. After the release the access is to be made again.
    Copied {
        /// The page as it is now.
        mapping: Mapping,
        /// The page as it was.
        withdrawn: Withdrawn,
    },
    /// The page had fewer rights than its segment, and nobody else needs its frame as it is: it has them now. After the
    /// release the access is to be made again.
    Kept {
        /// The page as it is now.
        mapping: Mapping,
        /// The page as it was.
        withdrawn: Withdrawn,
    },
    /// A store to a part of a huge page that others share: the huge page was split. After the release the access is to
    /// be made again.
    Split(Withdrawn),
    /// The page was withdrawn and is not yet released. After that the access is to be made again.
    Busy,
    /// The page is in no segment of the process, or there is no such process.
    SegmentationFault,
    /// The page is the process's, but this access is denied.
    ProtectionFault,
    /// The memory did not answer a read of the table, or the page lies behind the end of its file.
    BusError,
    /// The page's chain has an entry that is malformed, or more entries than a search may probe.
    TableBroken(Fault),
}

impl<T: PageTable> Os<T> {
    /// Handles the fault with which the hardware answered `request`.
    ///
    /// # Errors
    /// The page could not be given a frame: none is free ([`Os::reclaim`] makes some free), the table is full, or the
    /// search for 4 KiB pages is not enabled.
    pub fn handle_fault(&mut self, request: Request, fault: Fault) -> Result<Resolution, OsError> {
        if fault == Fault::BusError {
            return Ok(Resolution::BusError);
        }
        let found = match self.table.lookup(&self.ram, request.asid, request.vpn) {
            Ok(found) => found.mapping,
            Err(TableError::Bus(_)) => return Ok(Resolution::BusError),
            Err(_) => return Ok(Resolution::TableBroken(Fault::Malformed)),
        };
        let busy = |process: &super::Process| process.busy.contains(&request.vpn);
        if self.processes.get(request.asid).is_some_and(busy) {
            return Ok(Resolution::Busy);
        }
        match found {
            // The chain is longer than the hardware may follow, and it would answer the same again.
            Some(_) if fault == Fault::ChainTooLong => Ok(Resolution::TableBroken(fault)),
            Some(mapping) if allows(mapping.rights, request.access, request.user) => Ok(Resolution::AlreadyMapped),
            Some(mapping) => self.widen(mapping, request),
            None => self.touch(request),
        }
    }

    /// The segment in which the access is allowed, or how it ends without.
    fn segment_for(&mut self, request: Request) -> Result<Segment, Resolution> {
        let Request { asid, vpn, access, user } = request;
        let process = self.processes.get_mut(asid).ok_or(Resolution::SegmentationFault)?;
        let segment = match process.segments.of(vpn) {
            Some(segment) => Some(segment),
            None => process.segments.grow_stack(vpn),
        };
        match segment {
            None => Err(Resolution::SegmentationFault),
            Some(segment) if !allows(segment.rights, access, user) => Err(Resolution::ProtectionFault),
            Some(segment) => Ok(*segment),
        }
    }

    /// A page that the table does not have: its first touch, or it was paged out.
    fn touch(&mut self, request: Request) -> Result<Resolution, OsError> {
        let segment = match self.segment_for(request) {
            Ok(segment) => segment,
            Err(resolution) => return Ok(resolution),
        };
        let Request { asid, vpn, .. } = request;
        let swapped = self.processes.get(asid).and_then(|process| process.swapped.get(&vpn).copied());
        let mapping = match (swapped, segment.file_page(vpn)) {
            (Some(slot), _) => {
                let mapping = self.map_new(asid, vpn, PageSize::Small, segment.rights, false)?;
                let bytes = self.swap.read(slot);
                self.ram.memory.write(mapping.pfn.address(), &bytes)?;
                mapping
            }
            (None, Some(page)) => {
                let Some(pfn) = self.cached_frame(page)? else { return Ok(Resolution::BusError) };
                let rights = if segment.shared { segment.rights } else { without_w(segment.rights) };
                let mapping = Mapping::new(asid, vpn, PageSize::Small, pfn, rights);
                self.map(mapping)?;
                mapping
            }
            (None, None) => self.map_new(asid, vpn, PageSize::Small, segment.rights, false)?,
        };
        self.counts.page_faults += 1;
        Ok(Resolution::Mapped(mapping))
    }

    /// The frame that holds a page of a file, read if it must be; `None` behind the file's end.
    fn cached_frame(&mut self, page: (super::FileId, u64)) -> Result<Option<Pfn>, OsError> {
        if let Some(frame) = self.files.frame_of(page) {
            return Ok(Some(frame));
        }
        let frame = self.ram.frames.find(PageSize::Small)?;
        let Some(bytes) = self.files.read(page.0, page.1) else { return Ok(None) };
        self.ram.frames.hold(frame);
        self.ram.memory.write(frame.address(), &bytes)?;
        self.files.cache(page, frame);
        Ok(Some(frame))
    }

    /// A page whose entry denies what its segment allows.
    fn widen(&mut self, mapping: Mapping, request: Request) -> Result<Resolution, OsError> {
        if mapping.global {
            return Ok(Resolution::ProtectionFault);
        }
        let segment = match self.segment_for(request) {
            Ok(segment) => segment,
            // Mapped by hand, outside of all segments.
            Err(Resolution::SegmentationFault) => return Ok(Resolution::ProtectionFault),
            Err(resolution) => return Ok(resolution),
        };
        let alone = segment.shared || self.is_alone(&mapping);
        match (request.access, alone, mapping.size) {
            (Access::Write, false, PageSize::Small) => self.copy_on_write(mapping, segment.rights),
            (Access::Write, false, _) => Ok(Resolution::Split(self.split(mapping.asid, mapping.vpn, mapping.size)?)),
            _ => {
                let rights = if alone { segment.rights } else { without_w(segment.rights) };
                let withdrawn = self.protect(mapping.asid, mapping.vpn, mapping.size, rights)?;
                Ok(Resolution::Kept { mapping: Mapping { rights, ..mapping }, withdrawn })
            }
        }
    }

    /// Whether no other mapping and no file needs the page's frames.
    pub(super) fn is_alone(&self, mapping: &Mapping) -> bool {
        let frames = crate::frames::frames_from(mapping.pfn, mapping.size.pages());
        let mut counts = frames.map(|frame| self.ram.frames.references(frame));
        counts.all(|count| count == Some(1))
    }

    /// Steps 3 and 4 of copy-on-write: the copy and the update in one store. The shootdown and the release are the
    /// caller's, as the trap was; the lock is that nobody else is in the operating system (see [`crate::concurrent`]).
    fn copy_on_write(&mut self, shared: Mapping, rights: Rights) -> Result<Resolution, OsError> {
        let private = self.ram.frames.find(PageSize::Small)?;
        self.ram.frames.hold(private);
        let Mapping { asid, vpn, size, .. } = shared;
        let copied = self.copy_frames(shared.pfn, private, 1);
        let change = |pte: Pte| Pte { pfn: private, rights, ..pte };
        let updated = copied.and_then(|()| Ok(self.table.update(&mut self.ram, asid, vpn, size, &change)?));
        let old = match updated {
            Ok(old) => old,
            Err(error) => {
                self.ram.frames.drop_hold(private);
                return Err(error);
            }
        };
        let mapping = Mapping { pfn: private, rights, ..old };
        self.owners.remove(&old);
        self.owners.add(&mapping);
        self.counts.copies += 1;
        Ok(Resolution::Copied { mapping, withdrawn: Withdrawn::new(vec![old], Then::Free) })
    }
}

/// The rights without that to store.
pub(super) fn without_w(rights: Rights) -> Rights {
    Rights::from_bits(rights.bits() & !Rights::W.bits())
}
