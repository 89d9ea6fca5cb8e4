//! The requests that wait for their answers, by the ids that the machine has given them.

use hashwalk_model::mapping::Marks;
use hashwalk_model::walk::{KnownNode, WalkResult};
use hashwalk_spec::{Invalidation, Request};

use super::reads::Read;

/// A request that was accepted and is not answered.
pub(super) struct Waiting {
    pub(super) request: Request,
    pub(super) accepted_at: u64,
    /// What was read for it, by hardware or software.
    pub(super) reads: Vec<Read>,
    /// The nodes at which a walk for it may have begun, since a walk cache may have known them.
    pub(super) known: Vec<KnownNode>,
    /// The invalidations accepted since, with the cycle.
    pub(super) invalidations: Vec<(u64, Invalidation)>,
    /// The marks that the page has had at some moment since its acceptance.
    pub(super) seen: Marks,
    /// The last cycle by which it must be answered if nothing restarts its walk.
    pub(super) deadline: u64,
    /// Software has refused to serve it, so that its answer says nothing of the table.
    pub(super) refused: bool,
}

impl Waiting {
    /// The table holds this for it now.
    pub(super) fn see(&mut self, result: &WalkResult) {
        self.seen = self.seen.with(result.mapping.map_or(Marks::NONE, |mapping| mapping.marks));
    }
}

/// The names that a request can have.
pub(super) const IDS: usize = 16;

/// All of them.
pub(super) struct Requests {
    slots: [Option<Waiting>; IDS],
    /// Bit i: id i is taken.
    taken: u16,
    /// How many were ever accepted: where the search for a free id begins.
    accepted: u32,
    /// The id of the request that stands on the port.
    offered: Option<u8>,
    /// Whether a hit takes two cycles.
    reads_slots_apart: bool,
    /// The id of the request whose slot is read, where that takes a cycle of its own: it was accepted last.
    being_read: Option<u8>,
    /// The id of the request that is answered in this cycle if it has hit.
    pub(super) looked_up: Option<u8>,
}

impl Requests {
    /// None yet, before hardware that answers a hit after so many cycles, 1 or 2.
    pub(super) fn new(hit_cycles: u32) -> Requests {
        Requests {
            slots: [const { None }; IDS],
            taken: 0,
            accepted: 0,
            offered: None,
            reads_slots_apart: hit_cycles > 1,
            being_read: None,
            looked_up: None,
        }
    }

    /// A cycle is over in which the hardware was ready for a lookup, or was not: then what is being read stays where it is.
    pub(super) fn look_up(&mut self, ready: bool) {
        self.looked_up = if ready { self.being_read.take() } else { None };
    }

    /// The id of the request that was accepted last, if that is being looked up.
    pub(super) fn newest(&self) -> Option<u8> {
        self.being_read.or(self.looked_up)
    }

    pub(super) fn count(&self) -> u32 {
        self.taken.count_ones()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// The id of the request on the port, which stays until it is accepted; `None` if all are taken. Seven ids on from
    /// request to request, so that all 16 are used, also where one request is out at a time.
    pub(super) fn offer(&mut self) -> Option<u8> {
        if self.offered.is_none() && self.taken != u16::MAX {
            let start = (7 * self.accepted) % IDS as u32;
            let distance = (!self.taken).rotate_right(start).trailing_zeros();
            self.offered = Some(((start + distance) % IDS as u32) as u8);
        }
        self.offered
    }

    /// Nothing stands on the port.
    pub(super) fn offer_nothing(&mut self) {
        self.offered = None;
    }

    /// What stood on the port was accepted; returns its id.
    pub(super) fn accept(&mut self, waiting: Waiting) -> u8 {
        let id = self.offered.take().expect("only what stands on the port is accepted");
        self.accept_as(id, waiting);
        id
    }

    /// A request was accepted under an id that others have given it.
    pub(super) fn accept_as(&mut self, id: u8, waiting: Waiting) {
        self.slots[usize::from(id)] = Some(waiting);
        self.taken |= 1 << id;
        self.accepted = self.accepted.wrapping_add(1);
        let stage = if self.reads_slots_apart { &mut self.being_read } else { &mut self.looked_up };
        *stage = Some(id);
    }

    pub(super) fn get(&self, id: u8) -> Option<&Waiting> {
        self.slots.get(usize::from(id))?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u8) -> Option<&mut Waiting> {
        self.slots.get_mut(usize::from(id))?.as_mut()
    }

    /// The request is answered.
    pub(super) fn take(&mut self, id: u8) -> Option<Waiting> {
        self.taken &= !(1 << id);
        self.slots.get_mut(usize::from(id))?.take()
    }

    /// Their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = u8> + use<> {
        let mut left = self.taken;
        std::iter::from_fn(move || {
            let id = (left != 0).then(|| left.trailing_zeros() as u8)?;
            left &= left - 1;
            Some(id)
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &Waiting)> {
        self.ids().filter_map(|id| Some((id, self.get(id)?)))
    }

    pub(super) fn each(&mut self, mut change: impl FnMut(&mut Waiting)) {
        for id in self.ids() {
            if let Some(waiting) = self.get_mut(id) {
                change(waiting);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashwalk_spec::{Access, Asid, Vpn};

    fn waiting() -> Waiting {
        let request = Request { asid: Asid::truncate(1), vpn: Vpn::truncate(2), access: Access::Read, user: false };
        Waiting {
            request,
            accepted_at: 0,
            reads: Vec::new(),
            known: Vec::new(),
            invalidations: Vec::new(),
            seen: Marks::NONE,
            deadline: 0,
            refused: false,
        }
    }

    #[test]
    fn one_request_at_a_time_goes_through_all_ids() {
        let mut requests = Requests::new(1);
        let mut used = 0u16;
        for _ in 0..16 {
            requests.offer();
            let id = requests.accept(waiting());
            used |= 1 << id;
            assert!(requests.take(id).is_some() && requests.is_empty());
        }
        assert_eq!(used, u16::MAX);
    }

    #[test]
    fn no_two_requests_have_one_id_and_an_offer_stays() {
        let mut requests = Requests::new(1);
        for count in 1..=16 {
            let offered = requests.offer();
            if let Some(other) = requests.ids().next() {
                requests.take(other);
                assert_eq!(requests.offer(), offered, "although another id is free now");
                requests.offer_nothing();
                requests.offered = Some(other);
                requests.accept(waiting());
            }
            requests.offer();
            requests.accept(waiting());
            assert_eq!(requests.count(), count);
        }
        assert_eq!(requests.offer(), None);
    }
}
