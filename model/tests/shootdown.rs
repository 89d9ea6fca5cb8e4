//! Every state of the shootdown protocol: the sound one keeps all promises, and each that leaves something out breaks
//! one.

use hashwalk_model::shootdown::{Action, Page, Protocol, State};
use stateright::{Checker, HasDiscoveries, Model, Property};

const NOT_WITHDRAWN: &str = "no access through the old mapping after the last acknowledgement";
const NOT_FREED: &str = "no access to a freed frame";
const FREED_ONCE: &str = "no frame is freed twice";
const NOT_STUCK: &str = "every shootdown can go on until it has ended";
const ENDS: &str = "all shootdowns have ended";
const OLD_IN_USE: &str = "the old mapping is used after the entry is written";
const OLD_WALK: &str = "a walk in flight holds the old mapping when its CPU is asked";

/// A protocol on `CPUS` CPUs; `initiators` change a mapping, each on its CPU.
#[derive(Clone)]
struct Machine<const CPUS: usize, const PAGES: usize> {
    protocol: Protocol,
    initiators: Vec<(usize, Page)>,
}

impl<const CPUS: usize, const PAGES: usize> Model for Machine<CPUS, PAGES> {
    type State = State<CPUS, PAGES>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![State::new(&self.initiators)]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Action>) {
        state.actions(&self.protocol, actions);
    }

    fn next_state(&self, state: &Self::State, action: Action) -> Option<Self::State> {
        let next = state.after(action, &self.protocol);
        // What liveness rests on: a step leads nearer to the end, and nothing else leads away from it.
        if action.is_step() {
            assert!(next.progress() > state.progress(), "{action:?} makes no progress in {state:?}");
        } else {
            assert_eq!(next.progress(), state.progress(), "{action:?} is no step in {state:?}");
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOT_WITHDRAWN, |_, state: &Self::State| !state.uses_withdrawn()),
            Property::always(NOT_FREED, |_, state: &Self::State| !state.uses_freed()),
            Property::always(FREED_ONCE, |_, state: &Self::State| !state.frees_twice()),
            Property::always(NOT_STUCK, |machine: &Self, state: &Self::State| !state.is_stuck(&machine.protocol)),
            // So that the above is not true of nothing: these states are reached.
            Property::sometimes(ENDS, |machine: &Self, state: &Self::State| state.is_done(&machine.protocol)),
            Property::sometimes(OLD_IN_USE, |_, state: &Self::State| {
                state.cpus.iter().any(|cpu| cpu.access.is_some_and(|(page, frame)| frame != state.entries[page]))
            }),
            Property::sometimes(OLD_WALK, |_, state: &Self::State| {
                state.cpus.iter().any(|cpu| {
                    let stale = cpu.walk.is_some_and(|(page, frame)| frame != state.entries[page]);
                    stale && cpu.handling.is_some()
                })
            }),
        ]
    }
}

/// Visits every state; all properties hold, and each of the three situations is met.
fn keeps_all<const CPUS: usize, const PAGES: usize>(initiators: &[(usize, Page)]) {
    let machine = Machine::<CPUS, PAGES> { protocol: Protocol::SOUND, initiators: initiators.to_vec() };
    let checker = machine.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!(
        "{CPUS} CPUs, {PAGES} page(s), initiators {initiators:?}: {} states, {} transitions, depth {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
    for name in [NOT_WITHDRAWN, NOT_FREED, FREED_ONCE, NOT_STUCK] {
        if let Some(path) = checker.discovery(name) {
            let steps = path.into_vec().into_iter();
            let steps: Vec<_> =
                steps.filter_map(|(state, action)| Some(state.describe(action?, &Protocol::SOUND))).collect();
            panic!("broken: {name}\n{}", steps.join("\n"));
        }
    }
    checker.assert_properties();
}

/// Finds a shortest way to break `property`, and prints it; panics with what was broken instead, if nothing or another.
fn breaks<const CPUS: usize, const PAGES: usize>(protocol: Protocol, initiators: &[(usize, Page)], property: &str) {
    let machine = Machine::<CPUS, PAGES> { protocol, initiators: initiators.to_vec() };
    let name = [NOT_WITHDRAWN, NOT_FREED, FREED_ONCE, NOT_STUCK].into_iter().find(|&name| name == property);
    let name = name.expect("a property's name");
    // The search ends somewhat behind its find, which may not be a shortest one: so depth by depth.
    let path =
        (2..64).find_map(|depth| machine.clone().checker().target_max_depth(depth).spawn_bfs().join().discovery(name));
    let path = path.unwrap_or_else(|| panic!("with {}, still: {name}", protocol.name));
    println!("{}; broken: {name}", protocol.name);
    for (state, action) in path.into_vec() {
        if let Some(action) = action {
            println!("    {}", state.describe(action, &protocol));
        }
    }
}

#[test]
fn one_shootdown_between_two_cpus_keeps_all_promises() {
    keeps_all::<2, 1>(&[(0, 0)]);
}

#[test]
fn one_shootdown_among_three_cpus_keeps_all_promises() {
    keeps_all::<3, 1>(&[(0, 0)]);
}

#[test]
fn two_cpus_that_change_one_page_keep_all_promises() {
    keeps_all::<2, 1>(&[(0, 0), (1, 0)]);
}

#[test]
fn two_cpus_that_change_two_pages_keep_all_promises() {
    keeps_all::<2, 2>(&[(0, 0), (1, 1)]);
}

#[test]
fn two_of_three_cpus_that_change_one_page_keep_all_promises() {
    keeps_all::<3, 1>(&[(0, 0), (1, 0)]);
}

#[test]
fn three_cpus_that_change_one_page_keep_all_promises() {
    keeps_all::<3, 1>(&[(0, 0), (1, 0), (2, 0)]);
}

#[test]
fn a_frame_freed_without_waiting_is_still_used() {
    breaks::<2, 1>(Protocol::NO_WAITING, &[(0, 0)], NOT_FREED);
    breaks::<3, 1>(Protocol::NO_WAITING, &[(0, 0)], NOT_FREED);
}

#[test]
fn a_frame_freed_before_the_acknowledgements_is_still_used() {
    breaks::<2, 1>(Protocol::FREE_EARLY, &[(0, 0)], NOT_FREED);
    breaks::<3, 1>(Protocol::FREE_EARLY, &[(0, 0)], NOT_FREED);
}

#[test]
fn an_acknowledgement_before_the_invalidation_is_worth_nothing() {
    breaks::<2, 1>(Protocol::ACKNOWLEDGE_FIRST, &[(0, 0)], NOT_WITHDRAWN);
    breaks::<3, 1>(Protocol::ACKNOWLEDGE_FIRST, &[(0, 0)], NOT_WITHDRAWN);
}

#[test]
fn a_walk_that_survives_the_invalidation_refills_the_old_mapping() {
    breaks::<2, 1>(Protocol::WALK_SURVIVES, &[(0, 0)], NOT_WITHDRAWN);
    breaks::<3, 1>(Protocol::WALK_SURVIVES, &[(0, 0)], NOT_FREED);
}

#[test]
fn an_access_that_survives_the_invalidation_reaches_the_old_frame() {
    breaks::<2, 1>(Protocol::ACCESS_SURVIVES, &[(0, 0)], NOT_WITHDRAWN);
    breaks::<3, 1>(Protocol::ACCESS_SURVIVES, &[(0, 0)], NOT_FREED);
}

#[test]
fn an_invalidation_before_the_write_is_undone_by_a_walk() {
    breaks::<2, 1>(Protocol::INVALIDATE_FIRST, &[(0, 0)], NOT_WITHDRAWN);
    breaks::<3, 1>(Protocol::INVALIDATE_FIRST, &[(0, 0)], NOT_FREED);
}

#[test]
fn a_cpu_that_is_not_asked_keeps_the_old_mapping() {
    breaks::<2, 1>(Protocol::NO_REQUEST, &[(0, 0)], NOT_FREED);
    breaks::<2, 1>(Protocol::OWN_TLB_KEPT, &[(0, 0)], NOT_WITHDRAWN);
}

#[test]
fn two_copies_without_the_lock_free_one_frame_twice() {
    breaks::<2, 1>(Protocol::NO_LOCK, &[(0, 0), (1, 0)], FREED_ONCE);
}

#[test]
fn a_cpu_that_waits_for_the_lock_and_answers_nobody_is_waited_for_for_ever() {
    breaks::<2, 1>(Protocol::DEAF_AT_LOCK, &[(0, 0), (1, 0)], NOT_STUCK);
}

#[test]
fn two_cpus_that_wait_for_each_other_and_answer_nobody_wait_for_ever() {
    breaks::<2, 2>(Protocol::DEAF_AT_WAITING, &[(0, 0), (1, 1)], NOT_STUCK);
}
