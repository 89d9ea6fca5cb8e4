//! What a run cost: cycles, instructions, translations, misses and where their cycles went.

use std::collections::BTreeMap;

use hashwalk_spec::{Access, Fault};
use serde::Serialize;

use super::phases::{PhaseCycles, Phases, REPLAY, TRAP};
use super::system::Seen;
use crate::machine::{Answered, Events};

/// The counts of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Cycles from the end of reset.
    pub cycles: u64,
    /// Instructions that have retired.
    pub instructions: u64,
    /// Of these, in user mode.
    pub user_instructions: u64,
    /// Translations that were asked for.
    pub lookups: u64,
    /// Of these, answered by the first level of the TLB.
    pub hits: u64,
    /// Of these, answered by the second level.
    pub l2_hits: u64,
    /// Of these, answered by a walk of the hardware, with a translation or a fault.
    pub walks: u64,
    /// Reads of the table by the hardware.
    pub table_reads: u64,
    /// Cycles from these lookups to their answers.
    pub walk_cycles: u64,
    /// Cycles in which an access waits for a walk.
    pub waiting_cycles: u64,
    /// Lines that the core's caches have read.
    pub lines: u64,
    /// Traps, by their causes; interrupts have bit 31 set.
    pub traps: BTreeMap<u32, u64>,
    /// Misses that software has served.
    pub software: SoftwareMisses,
}

/// Misses that software has served, from the trap to the answer to the access that is made again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SoftwareMisses {
    /// How many.
    pub misses: u64,
    /// Their cycles.
    pub cycles: u64,
    /// The same, by the phases of the handler.
    pub phases: Vec<PhaseCycles>,
    /// Cycles of the shortest and of the longest.
    pub shortest: u64,
    /// The longest.
    pub longest: u64,
    /// Traps on misses in which the kernel left the handler: page faults, above all.
    pub left: u64,
    /// Cycles of these.
    pub left_cycles: u64,
}

/// A miss that software is serving.
struct Open {
    is_fetch: bool,
    vpn: u64,
    cycles: u64,
    phase: usize,
    phases: Vec<u64>,
    /// Other code than the handler's has run.
    left: bool,
    /// The core has been in machine mode.
    entered: bool,
}

/// Counts while a system runs.
pub(super) struct Counter {
    pub(super) counts: Counts,
    phases: Phases,
    phase_cycles: Vec<u64>,
    open: Option<Open>,
    /// The fault that the last failed access of each port was answered with: fetches, data.
    failed: [Option<Fault>; 2],
    waiting: [bool; 2],
}

impl Counter {
    pub(super) fn new(phases: Phases) -> Counter {
        let phase_cycles = vec![0; phases.count()];
        Counter { counts: Counts::default(), phases, phase_cycles, open: None, failed: [None; 2], waiting: [false; 2] }
    }

    /// A cycle.
    pub(super) fn observe(&mut self, seen: &Seen, events: &Events) {
        let counts = &mut self.counts;
        counts.cycles += 1;
        counts.instructions += u64::from(seen.retired);
        counts.user_instructions += u64::from(seen.retired && seen.user);
        counts.lookups += u64::from(events.lookup_accepted);
        counts.waiting_cycles += u64::from(self.waiting.contains(&true));
        for answered in events.hit.iter().chain(&events.late) {
            self.answered(answered);
        }
        if let Some(open) = &mut self.open {
            open.cycles += 1;
            if seen.valid && !seen.user {
                open.entered = true;
                match self.phases.at(seen.pc) {
                    Some(phase) => open.phase = phase,
                    // The vector, before the handler's first instruction.
                    None if open.phase == TRAP => {}
                    None => open.left = true,
                }
            } else if open.entered && seen.user {
                // One that has gone past the handler was served by the kernel.
                open.left |= open.phase == TRAP;
                open.phase = REPLAY;
            }
            open.phases[open.phase] += 1;
        }
        for answered in events.hit.iter().chain(&events.late) {
            let ends = |open: &mut Open| {
                let request = &answered.request;
                open.entered
                    && answered.answer.is_ok()
                    && request.vpn.get() == open.vpn
                    && (request.access == Access::Execute) == open.is_fetch
            };
            if let Some(open) = self.open.take_if(ends) {
                self.close(open);
            }
        }
        if let Some(cause) = seen.trap {
            *self.counts.traps.entry(cause).or_default() += 1;
            self.trapped(cause, seen);
        }
    }

    fn answered(&mut self, answered: &Answered) {
        let port = usize::from(answered.request.access != Access::Execute);
        let counts = &mut self.counts;
        self.failed[port] = answered.answer.err();
        match answered.level {
            1 => counts.hits += 1,
            2 => counts.l2_hits += 1,
            _ if answered.reads > 0 => {
                counts.walks += 1;
                counts.table_reads += u64::from(answered.reads);
                counts.walk_cycles += u64::from(answered.cycles);
            }
            _ => {}
        }
    }

    /// Whether an access of each port waits for a late answer, from now on.
    pub(super) fn set_waiting(&mut self, waiting: [bool; 2]) {
        self.waiting = waiting;
    }

    fn trapped(&mut self, cause: u32, seen: &Seen) {
        let is_fetch = cause == 1;
        let is_access = [1, 5, 7].contains(&cause);
        if !seen.user {
            if let Some(open) = &mut self.open {
                open.left = true;
            }
            return;
        }
        if let Some(open) = self.open.take() {
            // It was interrupted before the access was made again, or the access missed again.
            self.close(Open { left: true, ..open });
        }
        if is_access && self.failed[usize::from(!is_fetch)] == Some(Fault::NotPresent) {
            self.open = Some(Open {
                is_fetch,
                vpn: u64::from(seen.value >> 12),
                cycles: 0,
                phase: TRAP,
                phases: vec![0; self.phases.count()],
                left: false,
                entered: false,
            });
        }
    }

    fn close(&mut self, open: Open) {
        let software = &mut self.counts.software;
        if open.left {
            software.left += 1;
            software.left_cycles += open.cycles;
            return;
        }
        software.misses += 1;
        software.cycles += open.cycles;
        software.shortest = if software.misses == 1 { open.cycles } else { software.shortest.min(open.cycles) };
        software.longest = software.longest.max(open.cycles);
        for (sum, cycles) in self.phase_cycles.iter_mut().zip(open.phases) {
            *sum += cycles;
        }
    }

    /// The counts at the end.
    pub(super) fn finish(mut self, lines: u64) -> Counts {
        self.counts.lines = lines;
        self.counts.software.phases = self.phases.named(&self.phase_cycles);
        self.counts
    }
}
