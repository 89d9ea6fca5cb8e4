//! What an invalidation names of a walk (docs/spec.md, section 7).

use hashwalk_hdl::{Signal, any_of, lit, mask};
use hashwalk_spec::radix::{INDEX_BITS, LEVELS};
use hashwalk_spec::{Config, Format};

use super::slot::Slot;
use crate::agreement::Agreement;
use crate::ports::{Invalidate, SIZE_BITS};
use crate::radix;
use crate::verdict::{Killed, SIZES};

/// Which mappings of a request's page an invalidation names, by their sizes; `agreement` is that of the two.
#[must_use]
pub fn named(invalidate: &Invalidate, agreement: &Agreement) -> Killed {
    let of = |size: u32| named_of_size(invalidate, agreement, &lit(SIZE_BITS, size));
    let (private, global): (Vec<Signal>, Vec<Signal>) = (0..SIZES).map(of).unzip();
    Killed { private: mask(&private), global: mask(&global) }
}

/// Whether it names mappings of this size: (those that are not global, global ones).
#[must_use]
pub fn named_of_size(invalidate: &Invalidate, agreement: &Agreement, size: &Signal) -> (Signal, Signal) {
    let kind = &invalidate.kind;
    let page = &invalidate.valid & (agreement.same_page(size) | !kind.bit(1));
    (&page & (!kind.bit(0) | &agreement.space), page & !kind.bit(0))
}

/// Whether an invalidation names what a search may have read a link to: of a radix tree the node that is read, or a node
/// below; of the others the page that it looks for, which may have been taken out as it was, and stand there still. `named`: what it
/// names of the page, of any size (docs/spec.md, section 7).
#[must_use]
pub fn names_path(config: &Config, invalidate: &Invalidate, slot: &Slot, named: &Killed) -> Signal {
    if config.format() != Format::Radix {
        return (&named.private | &named.global).any();
    }
    let (kind, valid) = (&invalidate.kind, &invalidate.valid);
    let in_space = !kind.bit(0) | invalidate.asid.eq(&slot.sought_asid);
    // The node of a level below the root holds what agrees above the bits of that level.
    let differs = |level: u32| {
        let above = INDEX_BITS * level..radix::VPN_BITS;
        radix::is_at(level, &slot.steps) & invalidate.vpn.bits(above.clone()).ne(&slot.sought_vpn.bits(above))
    };
    let elsewhere = any_of((1..LEVELS).map(differs));
    valid & in_space & (!kind.bit(1) | !elsewhere)
}
