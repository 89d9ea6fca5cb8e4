//! The performance counters, 64 bits each.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `events_*` | in | what happens in this cycle |
//! | `freeze` | in | nothing is counted |
//! | `clear` | in | all counters are zero in the next cycle |
//! | `select` | in | which counter is read, its place in [`counters`] |
//! | `value` | out | its value, in the same cycle |
//!
//! What happens in a cycle is counted at the end of the next one: a register between keeps the adders' carry chains out of
//! the MMU's paths. No two events are lost to each other; answers with `rights` may come on both ports in a cycle, and
//! count twice. Reset: zero.

use hashwalk_hdl::{Component, Module, Signal, bundle, high, lit, one_hot_mux, shape, when};
use hashwalk_spec::fault::FAULT_BITS;

use super::counter_list::{CYCLES_LOG2, Event, counters};
use super::meter::{CYCLES_BITS, READS_BITS};
use crate::radix;

/// Bits of a counter.
pub const COUNTER_BITS: u32 = 64;
/// Bits of the answers of one cycle: one may come on each of two ports.
const STEP_BITS: u32 = 2;

bundle! {
    /// What happens in a cycle.
    pub struct Events {
        /// 1 bit.
        pub lookup: Signal,
        /// 1 bit.
        pub answer_valid: Signal,
        /// 3 bits.
        pub answer_fault: Signal,
        /// 1 bit.
        pub late_valid: Signal,
        /// 3 bits.
        pub late_fault: Signal,
        /// 2 bits.
        pub late_source: Signal,
        /// 1 bit.
        pub read: Signal,
        /// 1 bit: a walk has come to its answer.
        pub walk_ended: Signal,
        /// 4 bits: with so many reads.
        pub walk_reads: Signal,
        /// 12 bits: in so many cycles.
        pub walk_cycles: Signal,
        /// 1 bit.
        pub killed: Signal,
        /// 1 bit.
        pub predicted: Signal,
        /// 1 bit.
        pub mispredicted: Signal,
        /// 1 bit.
        pub invalidated: Signal,
        /// 1 bit: an update is over.
        pub updated: Signal,
        /// 1 bit: it has set marks.
        pub update_swapped: Signal,
        /// 3 bits: so many probes are saved.
        pub saved: Signal,
    }

    /// Inputs.
    pub struct CounterInputs {
        /// What happens.
        pub events: Events,
        /// 1 bit.
        pub freeze: Signal,
        /// 1 bit.
        pub clear: Signal,
        /// Which counter.
        pub select: Signal,
    }

    /// Outputs.
    pub struct CounterOutputs {
        /// 64 bits.
        pub value: Signal,
    }

    /// Registers.
    pub struct CounterState {
        /// 1 to 3 bits each: what the cycle before adds.
        pub step: Vec<Signal>,
        /// 64 bits each.
        pub count: Vec<Signal>,
    }
}

/// Bits of the place of a counter.
#[must_use]
pub fn select_bits() -> u32 {
    u32::try_from(counters().len()).expect("a few counters").next_power_of_two().ilog2()
}

/// The counters.
pub struct Counters;

impl Component for Counters {
    type Inputs = CounterInputs;
    type Outputs = CounterOutputs;
    type State = CounterState;

    fn name(&self) -> String {
        "hashwalk_axi_counters".into()
    }

    fn doc(&self) -> String {
        "Performance counters.".into()
    }

    fn inputs(&self) -> CounterInputs {
        let events = Events {
            lookup: shape(1),
            answer_valid: shape(1),
            answer_fault: shape(FAULT_BITS),
            late_valid: shape(1),
            late_fault: shape(FAULT_BITS),
            late_source: shape(2),
            read: shape(1),
            walk_ended: shape(1),
            walk_reads: shape(READS_BITS),
            walk_cycles: shape(CYCLES_BITS),
            killed: shape(1),
            predicted: shape(1),
            mispredicted: shape(1),
            invalidated: shape(1),
            updated: shape(1),
            update_swapped: shape(1),
            saved: shape(radix::STEP_BITS),
        };
        CounterInputs { events, freeze: shape(1), clear: shape(1), select: shape(select_bits()) }
    }

    fn reset(&self) -> CounterState {
        let all = counters();
        let step = all.iter().map(|(_, event, _)| lit(step_bits(*event), 0u32)).collect();
        CounterState { step, count: vec![lit(COUNTER_BITS, 0u32); all.len()] }
    }

    fn kernel(&self, m: &mut Module, i: CounterInputs, s: CounterState) -> (CounterOutputs, CounterState) {
        let value = one_hot_mux((0u32..).zip(&s.count).map(|(place, count)| (i.select.eq_value(place), count.clone())));
        let count = s.count.iter().zip(&s.step).map(|(count, step)| {
            when(&i.clear, lit(COUNTER_BITS, 0u32))
                .or_when(&i.freeze, count.clone())
                .otherwise(count + step.zext(COUNTER_BITS))
        });
        // What tells 1 cycle from 7 nobody counts.
        let (first, _) = CYCLES_LOG2;
        m.ignore(i.events.walk_cycles.bits(0..first + 1));
        let step = counters().iter().map(|(_, event, _)| i.events.step(*event)).collect();
        (CounterOutputs { value }, CounterState { step, count: count.collect() })
    }
}

/// Bits of what a cycle adds to a counter.
fn step_bits(event: Event) -> u32 {
    match event {
        Event::Fault(_) => STEP_BITS,
        Event::Saved => radix::STEP_BITS,
        _ => 1,
    }
}

impl Events {
    /// What this cycle adds to a counter.
    fn step(&self, event: Event) -> Signal {
        match event {
            Event::Cycle => high(),
            Event::Lookup => self.lookup.clone(),
            Event::FirstLevel => self.answer_valid.clone(),
            Event::Late(source) => &self.late_valid & self.late_source.eq_value(source),
            Event::Fault(code) => {
                let first = &self.answer_valid & self.answer_fault.eq_value(code);
                let late = &self.late_valid & self.late_fault.eq_value(code);
                first.zext(STEP_BITS) + late.zext(STEP_BITS)
            }
            Event::Read => self.read.clone(),
            Event::WalkReads(from, to) => {
                let enough = self.walk_reads.ge(&lit(READS_BITS, from));
                let few = to.map_or_else(high, |to| self.walk_reads.le(&lit(READS_BITS, to)));
                &self.walk_ended & enough & few
            }
            Event::WalkCycles(log2) => {
                let (first, _) = CYCLES_LOG2;
                let highest = if log2 == first { high() } else { self.walk_cycles.bit(log2) };
                let none_above = match log2 + 1 {
                    CYCLES_BITS => high(),
                    above => self.walk_cycles.bits(above..CYCLES_BITS).is_zero(),
                };
                &self.walk_ended & highest & none_above
            }
            Event::Killed => self.killed.clone(),
            Event::Predicted => self.predicted.clone(),
            Event::Mispredicted => self.mispredicted.clone(),
            Event::Invalidation => self.invalidated.clone(),
            Event::Update(true) => &self.updated & &self.update_swapped,
            Event::Update(false) => &self.updated & !&self.update_swapped,
            Event::Saved => self.saved.clone(),
        }
    }
}
