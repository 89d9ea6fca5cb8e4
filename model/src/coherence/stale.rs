//! The mappings that are no longer in the table but that a TLB may still hold.

use super::Why;
use crate::mapping::Mapping;
use hashwalk_spec::{Answer, Asid, Invalidation, PageSize, Request, Vpn};
use std::collections::{HashMap, VecDeque};

/// Mappings that were forgotten last, kept to explain a mismatch.
const FORGOTTEN_KEPT: usize = 256;

/// Whether `invalidation` drops `mapping` from a TLB (docs/spec.md, section 7).
#[must_use]
pub fn drops(invalidation: Invalidation, mapping: &Mapping) -> bool {
    let own = |asid| !mapping.global && mapping.asid == asid;
    match invalidation {
        Invalidation::All => true,
        Invalidation::Asid(asid) => own(asid),
        Invalidation::Address(vpn) => mapping.holds(vpn),
        Invalidation::AddressInAsid(asid, vpn) => own(asid) && mapping.holds(vpn),
    }
}

#[derive(Clone, Copy, Debug)]
struct Stale {
    mapping: Mapping,
    withdrawn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Forgotten {
    stale: Stale,
    invalidation: Invalidation,
    accepted: u64,
}

/// Withdrawn mappings by their page; a page may have had several.
#[derive(Clone, Debug, Default)]
pub(super) struct StaleMappings {
    by_page: HashMap<(Asid, Vpn, PageSize), Vec<Stale>>,
    forgotten: VecDeque<Forgotten>,
}

impl StaleMappings {
    /// `mapping` was withdrawn at `now`. If it was before, only the last time counts: an earlier invalidation does not
    /// reach what was put back since.
    pub(super) fn add(&mut self, now: u64, mapping: Mapping) {
        let mapping = mapping.unmarked();
        let of_page = self.by_page.entry((mapping.asid, mapping.vpn, mapping.size)).or_default();
        match of_page.iter_mut().find(|stale| stale.mapping == mapping) {
            Some(stale) => stale.withdrawn = now,
            None => of_page.push(Stale { mapping, withdrawn: now }),
        }
    }

    /// Forgets what `invalidation` covers and was withdrawn at or before `accepted`.
    pub(super) fn forget(&mut self, accepted: u64, invalidation: Invalidation) {
        let forgotten = &mut self.forgotten;
        self.by_page.retain(|_, of_page| {
            of_page.retain(|stale| {
                let dropped = stale.withdrawn <= accepted && drops(invalidation, &stale.mapping);
                if dropped {
                    forgotten.truncate(FORGOTTEN_KEPT - 1);
                    forgotten.push_front(Forgotten { stale: *stale, invalidation, accepted });
                }
                !dropped
            });
            !of_page.is_empty()
        });
    }

    /// The stale mappings that may answer `request`.
    pub(super) fn covering(&self, request: &Request) -> impl Iterator<Item = &Mapping> {
        let Request { asid, vpn, .. } = *request;
        let spaces = if self.by_page.is_empty() { [].as_slice() } else { &[false, true] };
        spaces
            .iter()
            .flat_map(move |global| {
                let space = if *global { Asid::GLOBAL } else { asid };
                PageSize::ALL.into_iter().filter_map(move |size| self.by_page.get(&(space, vpn.base(size), size)))
            })
            .flatten()
            .map(|stale| &stale.mapping)
            .filter(move |mapping| mapping.covers(asid, vpn))
    }

    /// Why `got` is not legal for `request`, as far as it is known.
    pub(super) fn why_not(&self, request: &Request, got: Answer) -> Why {
        let rests_on = |forgotten: &&Forgotten| {
            let mapping = &forgotten.stale.mapping;
            mapping.covers(request.asid, request.vpn) && mapping.translate(request) == got
        };
        match self.forgotten.iter().find(rests_on) {
            Some(&Forgotten { stale: Stale { mapping, withdrawn }, invalidation, accepted }) => {
                Why::Invalidated { mapping, withdrawn, invalidation, accepted }
            }
            None => Why::NeverHeld,
        }
    }
}
