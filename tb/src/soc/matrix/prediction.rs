//! The modelled handler of `hashwalk run` beside the measured one that it is fitted to.

use super::plots::{distinct, mean};
use super::row::Row;
use crate::machine::HandlerCost;

/// The handler that [`HandlerCost::IBEX`] is fitted to.
pub(super) const FITTED_TO: &str = "line_asm";

/// A latency, and the cycles of a miss there.
pub(super) struct Prediction {
    pub(super) latency: u32,
    pub(super) measured: f64,
    pub(super) modelled: f64,
}

/// At each latency; none if the handler was not measured. `beats` are those of an element on the bus.
pub(super) fn predictions(rows: &[Row], beats: u32) -> Vec<Prediction> {
    let of = |latency: u32| rows.iter().filter(move |row| row.handler == FITTED_TO && row.memory_latency == latency);
    let latencies = distinct(rows, |row| row.memory_latency).into_iter();
    let prediction = |latency: u32| {
        let reads = mean(of(latency).map(|row| (row.walks, row.reads_a_walk)));
        let measured = mean(of(latency).map(|row| (row.misses, row.cycles_a_miss)));
        let modelled = HandlerCost::IBEX.after_trap(reads, latency + beats - 1);
        Prediction { latency, measured, modelled }
    };
    latencies.filter(|&latency| of(latency).next().is_some()).map(prediction).collect()
}
