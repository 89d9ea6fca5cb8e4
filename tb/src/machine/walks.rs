//! What the walks are doing, as the ports for benches say it (docs/spec.md, section 9).

use hashwalk_rtl::walker::Walk as State;
use hashwalk_sim::Dut;
use hashwalk_spec::Config;

use super::ports::Ports;

/// All walks in one cycle.
#[derive(Clone, Copy)]
pub(super) struct Walks {
    states: u64,
    ids: u64,
    count: u32,
}

impl Walks {
    pub(super) fn read(dut: &Dut, ports: &Ports, config: &Config) -> Walks {
        Walks { states: dut.get(ports.walk_state), ids: dut.get(ports.walk_id), count: config.walks() }
    }

    /// What a walk does; a code that is none counts as nothing.
    pub(super) fn state(&self, walk: u32) -> State {
        State::ALL.get((self.states >> (3 * walk) & 7) as usize).copied().unwrap_or(State::Free)
    }

    /// The request that a walk is made for, if it is made for any.
    pub(super) fn id(&self, walk: u32) -> Option<u8> {
        (self.state(walk) != State::Free).then_some((self.ids >> (4 * walk) & 15) as u8)
    }

    pub(super) fn states(&self) -> impl Iterator<Item = State> + use<> {
        let walks = *self;
        (0..walks.count).map(move |walk| walks.state(walk))
    }

    /// What is done for a request; `None` if no walk is made for it.
    pub(super) fn of_request(&self, id: u8) -> Option<State> {
        (0..self.count).find(|walk| self.id(*walk) == Some(id)).map(|walk| self.state(walk))
    }

    /// The requests that software is asked for.
    pub(super) fn asking(&self) -> impl Iterator<Item = u8> + use<> {
        let walks = *self;
        (0..walks.count).filter(move |walk| walks.state(*walk) == State::Ask).filter_map(move |walk| walks.id(walk))
    }

    /// The names of all states, for people.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.states().map(|state| State::NAMES[state as usize]).collect();
        names.join(", ")
    }
}
