//! The chains behind the anchors: what stands in them, and their links.

use super::{Inverted, Slot, malformed};
use crate::mapping::Mapping;
use crate::organisation::common::{self, write_word};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, PhysAddr, Vpn};

/// Something in a chain: where it is, and where the link to it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) address: PhysAddr,
    /// The entry or alias before it; `None` if the anchor links to it.
    pub(super) previous: Option<PhysAddr>,
    pub(super) slot: Slot,
    pub(super) mapping: Mapping,
}

impl Inverted {
    /// The chain of an anchor.
    pub(super) fn chain<'a>(
        &'a self,
        ram: &'a Ram,
        index: u32,
    ) -> impl Iterator<Item = Result<Place, TableError>> + 'a {
        let mut left = self.census.total();
        let mut previous = None;
        let mut first = Some(self.anchors.first(ram, index));
        let mut next = move || -> Result<Option<Place>, TableError> {
            let address = match (first.take(), previous) {
                (Some(first), _) => PhysAddr::truncate(first?),
                (None, Some(Place { slot, .. })) => slot.next(),
                (None, None) => return Ok(None),
            };
            if address.get() == 0 {
                return Ok(None);
            }
            left = left.checked_sub(1).ok_or(circle(index))?;
            let slot = self.read(ram, address)?;
            let mapping = self.mapping_at(address, &slot).ok_or(malformed(index))?;
            let place = Place { address, previous: previous.map(|place: Place| place.address), slot, mapping };
            previous = Some(place);
            Ok(Some(place))
        };
        let mut failed = false;
        std::iter::from_fn(move || {
            let item = if failed { None } else { next().transpose() };
            failed = matches!(item, Some(Err(_)));
            item
        })
    }

    pub(super) fn find(&self, ram: &Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Place, TableError> {
        common::refuse_misaligned(vpn, size)?;
        for place in self.chain(ram, self.anchors.index(asid, vpn)) {
            let place = place?;
            if (place.mapping.asid, place.mapping.vpn, place.mapping.size) == (asid, vpn, size) {
                return Ok(place);
            }
        }
        Err(TableError::NotMapped { asid, vpn, size })
    }

    /// Every entry and alias in use, by its anchor.
    pub(super) fn places(&self, ram: &Ram) -> Result<Vec<(u32, Place)>, TableError> {
        let anchors = self.anchors.in_use(ram)?.map(|(index, _)| index);
        anchors.flat_map(|index| self.chain(ram, index).map(move |place| place.map(|place| (index, place)))).collect()
    }

    /// Lets whatever links to `place` go on at `next` instead.
    pub(super) fn relink(&self, ram: &mut Ram, index: u32, place: &Place, next: PhysAddr) -> Result<(), TableError> {
        match place.previous {
            None => Ok(self.anchors.set_first(ram, index, next.get())?),
            Some(previous) => {
                let slot = self.read(ram, previous)?.with_next(next);
                Ok(write_word(ram, PhysAddr::truncate(previous.get() + 8), slot.words[1])?)
            }
        }
    }
}

pub(super) fn circle(index: u32) -> TableError {
    TableError::Broken { index, why: "its chain has more entries than there are mappings" }
}
