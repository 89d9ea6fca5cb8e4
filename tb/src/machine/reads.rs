//! What was read for a request, to judge an answer that no single moment of the table explains.
//!
//! A walk reads its elements one after another, and the table may change between them: a chain grows behind the walk, or
//! breaks before it. Then the walk ends in what none of the golden walks ends in, each of which sees the table as it
//! stands at one moment. Such an answer is right if the golden walk, given what was read, ends in it too. Nor need hardware
//! begin with the first search: in a table that is broken, or whose chains are too long, the order counts. Of a cuckoo
//! table's ways more may be read than the walk needs: what it does not wait for it does not see. And a walk cache may know
//! a link that the table does not hold any more, until it is invalidated.

use hashwalk_model::Mapping;
use hashwalk_model::coherence::drops;
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::walk::{KnownNode, Progress, Walk, WalkContext};
use hashwalk_spec::{Answer, Asid, Invalidation, PhysAddr, Request, Search};

/// One read, by hardware or by software.
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) at: u64,
    pub(super) address: PhysAddr,
    pub(super) element: Result<Element, BusError>,
}

/// Which walks the hardware may make.
#[derive(Clone, Copy)]
pub(super) struct Possible<'a> {
    pub(super) context: &'a WalkContext,
    /// Nodes of radix trees to which it may have kept links.
    pub(super) known: &'a [KnownNode],
}

impl Possible<'_> {
    /// The walk in the order of the contract, those that begin with another search that is enabled, and those that begin at
    /// nodes that are known.
    pub(super) fn walks(&self, request: Request) -> impl Iterator<Item = Walk> + use<> {
        let context = *self.context;
        let others = (0..Search::ALL.len()).filter_map(move |first| Walk::beginning_with(&context, request, first));
        let at = |asid: Asid| -> Vec<Option<KnownNode>> {
            let on_the_way = self.known.iter().filter(|node| node.is_on_the_way_to(asid, request.vpn));
            std::iter::once(None).chain(on_the_way.copied().map(Some)).collect()
        };
        let (own, global) = (at(request.asid), at(Asid::GLOBAL));
        let pairs = own.into_iter().flat_map(move |own| global.clone().into_iter().map(move |global| [own, global]));
        pairs.map(move |known| Walk::beginning_at(&context, request, known)).chain(others)
    }

    /// Whether a walk that begins somewhere in `reads`, with any search, ends in `answer`, and no invalidation that was
    /// `done`, each with the cycle of its acceptance, covers the mapping and came after it was read; where links are addresses,
    /// after the first read of its search, which may have led to what was taken out since.
    pub(super) fn explain(
        &self,
        request: Request,
        reads: &[Read],
        done: &[(u64, Invalidation)],
        answer: Answer,
    ) -> bool {
        let by_address = self.context.layout().format().links_by_address();
        let ends_so = |mut walk: Walk, reads: &[Read]| {
            let mut since = None;
            for read in reads {
                if walk.probe_address() == Some(read.address) {
                    let goes_on = by_address && walk.search_probes() > 0;
                    since = since.filter(|_| goes_on).or(Some(read.at));
                    walk.step(read.element);
                }
            }
            let since = since.unwrap_or(0);
            let Progress::Done(result) = walk.progress() else { return false };
            let is_stale = |mapping| {
                done.iter().any(|(accepted, invalidation)| *accepted >= since && drops(*invalidation, &mapping))
            };
            result.answer == answer && !result.mapping.is_some_and(is_stale)
        };
        // The walk may have been made again, and not with the same search first.
        (0..reads.len()).rev().any(|start| self.walks(request).any(|walk| ends_so(walk, &reads[start..])))
            || (reads.is_empty() && ends_so(Walk::new(self.context, request), reads))
    }

    /// Whether a walk for the request, given what was read for it so far, comes to the element at `address` next.
    pub(super) fn lead_to(&self, request: Request, reads: &[Read], address: PhysAddr) -> bool {
        (0..=reads.len()).rev().any(|start| {
            self.walks(request).any(|mut walk| {
                for read in &reads[start..] {
                    if walk.probe_address() == Some(read.address) {
                        walk.step(read.element);
                    }
                }
                walk.probe_address() == Some(address)
            })
        })
    }

    /// The mapping that decided: that of the last walk in `reads` which ends in `answer`.
    pub(super) fn deciding(&self, request: Request, reads: &[Read], answer: Answer) -> Option<Mapping> {
        let walk_from = |start: usize, walk: Walk| {
            // Ways that were asked for before an earlier one decided are left over.
            let (walk, _) = follow(walk, &reads[start..])?;
            match walk.progress() {
                Progress::Done(result) if result.answer == answer => result.mapping,
                _ => None,
            }
        };
        (0..reads.len()).rev().find_map(|start| self.walks(request).find_map(|walk| walk_from(start, walk)))
    }

    /// The nodes to which the last of `reads` has the link.
    pub(super) fn learnt(&self, request: Request, reads: &[Read]) -> Vec<KnownNode> {
        let learnt = |start: usize, walk: Walk| {
            let (walk, left) = follow(walk, &reads[start..])?;
            walk.known_node().filter(|_| left == 0)
        };
        (0..reads.len()).flat_map(|start| self.walks(request).filter_map(move |walk| learnt(start, walk))).collect()
    }
}

/// The walk after these reads, if they are its own, and how many of them it did not need.
fn follow(mut walk: Walk, reads: &[Read]) -> Option<(Walk, usize)> {
    for (done, read) in reads.iter().enumerate() {
        match walk.progress() {
            Progress::Probe(address) if address == read.address => _ = walk.step(read.element),
            Progress::Probe(_) => return None,
            Progress::Done(_) => return Some((walk, reads.len() - done)),
        }
    }
    Some((walk, 0))
}
