//! The links that a walk cache may have kept: those that walks have read, until an invalidation that names what they lead to
//! is done (docs/spec.md, section 7).

use std::collections::HashMap;

use hashwalk_model::walk::KnownNode;
use hashwalk_spec::{Asid, Invalidation, Vpn, radix};

/// All of them, by their trees, levels and what chooses the node, and when each was read last.
#[derive(Default)]
pub(super) struct Known {
    nodes: HashMap<(Asid, u32, u64), Vec<(KnownNode, u64)>>,
}

/// The bits of a VPN that choose the node of a level, but not a word of it.
fn prefix(vpn: Vpn, level: u32) -> u64 {
    let tree = (1 << radix::index(radix::LEVELS).end) - 1;
    (vpn.get() & tree) >> radix::index(level).end
}

impl Known {
    /// The nodes on the way to a page in this tree.
    pub(super) fn on_the_way(&self, asid: Asid, vpn: Vpn) -> impl Iterator<Item = KnownNode> {
        let at = move |level| self.nodes.get(&(asid, level, prefix(vpn, level)));
        (1..radix::LEVELS).filter_map(at).flatten().map(|(node, _)| *node)
    }

    /// A walk has read the link to this node.
    pub(super) fn learn(&mut self, node: KnownNode, now: u64) {
        let there = self.nodes.entry((node.asid, node.level, prefix(node.vpn, node.level))).or_default();
        there.retain(|(known, _)| known.node != node.node);
        there.push((node, now));
    }

    /// The invalidation, accepted at `accepted`, is done.
    pub(super) fn forget(&mut self, accepted: u64, invalidation: Invalidation) {
        let names = |node: &KnownNode| match invalidation {
            Invalidation::All => true,
            Invalidation::Asid(asid) => node.asid == asid,
            Invalidation::Address(vpn) => node.is_on_the_way_to(node.asid, vpn),
            Invalidation::AddressInAsid(asid, vpn) => node.is_on_the_way_to(asid, vpn),
        };
        self.nodes.retain(|_, there| {
            there.retain(|(node, read_at)| !(names(node) && *read_at <= accepted));
            !there.is_empty()
        });
    }
}
