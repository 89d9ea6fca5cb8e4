//! What the operating system makes of a fault.
//!
//! ```text
//!  hardware says         the table says (a golden walk)
//!  bus_error       ───────────────────────────────────────► BusError
//!  anything else   ──┬─► the access is allowed ───────────► AlreadyMapped: make it again
//!                    ├─► rights ──────────────────────────► ProtectionFault
//!                    ├─► malformed, chain_too_long ───────► TableBroken
//!                    ├─► bus_error ───────────────────────► BusError
//!                    └─► not_present ─┬─ in no segment ───► SegmentationFault
//!                                     ├─ segment denies ──► ProtectionFault
//!                                     └─ segment allows ──► Mapped: a page fault, served with a zeroed frame
//! ```
//!
//! The table is believed before the hardware: a fault may be the answer of a walk that raced a change, or of a mapping
//! that had fewer rights. Source: docs/spec.md, sections 4 and 5.

use super::{Os, OsError};
use crate::mapping::{Mapping, allows};
use crate::walk::walk;
use hashwalk_spec::{Fault, PageSize, Request};

/// How a fault was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A page fault: the page got a zeroed frame. The access is to be made again.
    Mapped(Mapping),
    /// The table allows the access: it changed while the hardware looked. The access is to be made again.
    AlreadyMapped,
    /// The page is in no segment of the process, or there is no such process.
    SegmentationFault,
    /// The page is the process's, but this access is denied.
    ProtectionFault,
    /// The memory did not answer a read of the table.
    BusError,
    /// The page's chain has an entry that is malformed, or more entries than a search may probe.
    TableBroken(Fault),
}

impl Os {
    /// Handles the fault with which the hardware answered `request`.
    ///
    /// # Errors
    /// A page fault could not be served: no frame is free, the table is full, or the search for 4 KiB pages is not
    /// enabled.
    pub fn handle_fault(&mut self, request: Request, fault: Fault) -> Result<Resolution, OsError> {
        if fault == Fault::BusError {
            return Ok(Resolution::BusError);
        }
        match walk(&self.memory, &self.walk_context, request).answer {
            Ok(_) => Ok(Resolution::AlreadyMapped),
            Err(Fault::NotPresent) => self.touch(request),
            Err(Fault::Rights) => Ok(Resolution::ProtectionFault),
            Err(Fault::BusError) => Ok(Resolution::BusError),
            Err(fault @ (Fault::Malformed | Fault::ChainTooLong)) => Ok(Resolution::TableBroken(fault)),
        }
    }

    /// The first touch of a page.
    fn touch(&mut self, request: Request) -> Result<Resolution, OsError> {
        let Request { asid, vpn, access, user } = request;
        let Some(segment) = self.processes.get(asid).and_then(|process| process.segment_of(vpn)) else {
            return Ok(Resolution::SegmentationFault);
        };
        if !allows(segment.rights, access, user) {
            return Ok(Resolution::ProtectionFault);
        }
        let rights = segment.rights;
        self.map_new(asid, vpn, PageSize::Small, rights, false).map(Resolution::Mapped)
    }
}
