//! The plots of the matrix.

use anyhow::Result;

use super::{REFERENCE_LATENCY, Row};
use crate::explore::plot::{Axis, LinePlot, Series, Style};

/// The latency at which programs and handlers are compared: the reference, or the longest there is.
pub(super) fn reference(rows: &[Row]) -> u32 {
    let latencies = || rows.iter().map(|row| row.memory_latency);
    if latencies().any(|latency| latency == REFERENCE_LATENCY) {
        REFERENCE_LATENCY
    } else {
        latencies().max().unwrap_or(REFERENCE_LATENCY)
    }
}

/// What stands in a column, each once, in the order of the rows.
pub(super) fn distinct<'a, T: PartialEq>(rows: &'a [Row], column: impl Fn(&'a Row) -> T) -> Vec<T> {
    let mut found = Vec::new();
    for value in rows.iter().map(column) {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// The slowdown of programs over their misses, a line for each handler.
pub(super) fn slowdown(rows: &[Row]) -> Result<String> {
    let latency = reference(rows);
    let series = distinct(rows, |row| row.handler.as_str()).into_iter().enumerate().map(|(colour, handler)| {
        let of = rows.iter().filter(|row| row.handler == handler && row.memory_latency == latency);
        let mut points: Vec<(f64, f64)> = of.map(|row| (row.misses_per_thousand, row.ratio)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series { name: handler.into(), style: Style::Joined, colour, points }
    });
    LinePlot {
        title: format!("Cycles with software refill over cycles with hardware walks, latency {latency}"),
        x: Axis::log("misses per thousand instructions in user mode"),
        y: Axis::linear("cycles, software over hardware"),
        series: series.collect(),
    }
    .svg()
}

/// Cycles of a miss over the memory's latency: the handlers, and dashed the hardware, in the colour of its format's first.
pub(super) fn miss(rows: &[Row]) -> Result<String> {
    let latencies = distinct(rows, |row| row.memory_latency);
    let measured = |handler: &str| {
        let there = distinct(rows, |row| (row.handler.as_str(), row.memory_latency));
        latencies.iter().all(|&latency| there.contains(&(handler, latency)))
    };
    let handlers: Vec<_> =
        distinct(rows, |row| row.handler.as_str()).into_iter().filter(|handler| measured(handler)).collect();
    let format = |handler: &str| rows.iter().find(|row| row.handler == handler).map(|row| row.format.as_str());
    let (mut series, mut formats) = (Vec::new(), Vec::new());
    for (colour, handler) in handlers.into_iter().enumerate() {
        let points = |value: fn(&Row) -> (u64, f64)| {
            let mean = |latency: u32| mean(rows.iter().filter(|row| is(row, handler, latency)).map(value));
            let mut points: Vec<_> = latencies.iter().map(|&latency| (f64::from(latency), mean(latency))).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let software = points(|row| (row.misses, row.cycles_a_miss));
        let hardware = points(|row| (row.walks, row.cycles_a_walk));
        series.push(Series { name: handler.into(), style: Style::Joined, colour, points: software });
        if let Some(format) = format(handler).filter(|format| !formats.contains(format)) {
            formats.push(format);
            series.push(Series { name: format!("walks, {format}"), style: Style::Dashed, colour, points: hardware });
        }
    }
    LinePlot {
        title: "Cycles of a miss: served by the handler, and by the hardware (dashed)".into(),
        x: Axis::log("memory latency in cycles"),
        y: Axis::log("cycles of a miss"),
        series,
    }
    .svg()
}

fn is(row: &Row, handler: &str, latency: u32) -> bool {
    row.handler == handler && row.memory_latency == latency
}

/// The mean of values that stand for so many each.
pub(super) fn mean(values: impl Iterator<Item = (u64, f64)>) -> f64 {
    let (count, sum) =
        values.fold((0, 0.0), |(count, sum), (weight, value)| (count + weight, sum + weight as f64 * value));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
