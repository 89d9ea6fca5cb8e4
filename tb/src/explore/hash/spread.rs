//! Pages a home, counted, beside what chance would do.

use anyhow::{Result, bail};
use hashwalk_model::hash_quality::{Spread, poisson};
use hashwalk_model::hasher;
use hashwalk_spec::{Asid, Vpn};
use serde::Serialize;

use super::HASHES;
use crate::explore::context::Context;
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};

const PROCESSES: u16 = 64;
/// Homes with more pages than this share a bar.
const LONGEST_BAR: usize = 8;

/// One set of pages under one function.
pub struct Counted {
    pages: String,
    file: &'static str,
    hash: String,
    spread: Spread,
}

/// One number of pages a home.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pages: String,
    hash: String,
    pages_a_home: usize,
    homes: u64,
    share: f64,
    poisson: f64,
}

/// Counts three sets of pages under each function, with about as many homes as pages.
pub fn measure(context: &Context) -> Result<Vec<Counted>> {
    let Some(largest) = context.workloads()?.iter().max_by_key(|workload| workload.pages.len()) else {
        bail!("there is no trace");
    };
    let asids = || (1..=PROCESSES).map(Asid::truncate);
    let vpn = Vpn::truncate;
    let mut random = context.random(4);
    let sets = [
        (
            "sequential",
            "64 pages side by side in each of 64 processes".into(),
            product(asids(), (0x400..0x440).map(vpn)),
        ),
        (
            "random",
            "4,096 random pages of 64 processes".into(),
            (0..4096).map(|_| (Asid::truncate(random.u16(1..=PROCESSES)), vpn(random.u64(..1 << 52)))).collect(),
        ),
        (
            "trace",
            format!("the {} pages of {} in each of 64 processes", largest.pages.len(), largest.name),
            product(asids(), largest.pages.iter().copied()),
        ),
    ];
    let mut counted = Vec::new();
    for (file, name, pages) in sets {
        let log2 = pages.len().next_power_of_two().ilog2();
        for hash in HASHES {
            let spread = Spread::of(&hasher(hash, context.key()), pages.iter().copied(), log2);
            counted.push(Counted { pages: name.clone(), file, hash: hash.to_string(), spread });
        }
    }
    Ok(counted)
}

fn product(asids: impl Iterator<Item = Asid>, vpns: impl Iterator<Item = Vpn> + Clone) -> Vec<(Asid, Vpn)> {
    asids.flat_map(|asid| vpns.clone().map(move |vpn| (asid, vpn))).collect()
}

/// The greatest distance of a function from chance.
pub fn farthest(counted: &[Counted], hash: &str) -> f64 {
    counted.iter().filter(|one| one.hash == hash).map(|one| one.spread.distance()).fold(0.0, f64::max)
}

/// Every count.
pub fn rows(counted: &[Counted]) -> Vec<Row> {
    let rows = counted.iter().flat_map(|one| {
        let (load, all) = (one.spread.load(), one.spread.homes() as f64);
        let counts = one.spread.homes_with().iter().enumerate();
        counts.filter(|(pages, homes)| **homes > 0 || *pages <= LONGEST_BAR).map(move |(pages_a_home, &homes)| Row {
            pages: one.pages.clone(),
            hash: one.hash.clone(),
            pages_a_home,
            homes,
            share: homes as f64 / all,
            poisson: poisson(load, pages_a_home),
        })
    });
    rows.collect()
}

pub fn figures(counted: &[Counted]) -> Figures {
    let mut figures = Figures::new(
        "Spread: distance from Poisson is the share of homes with another number of pages than chance gives",
        ["pages", "hash", "pages a home", "distance", "fullest home", "mean steps"],
    );
    for one in counted {
        figures.row([
            one.pages.clone(),
            one.hash.clone(),
            format!("{:.3}", one.spread.load()),
            format!("{:.1} %", 100.0 * one.spread.distance()),
            one.spread.longest().to_string(),
            format!("{:.2}", one.spread.mean_steps()),
        ]);
    }
    figures
}

/// A plot for each set of pages.
pub fn plots(counted: &[Counted]) -> Result<Vec<(String, String)>> {
    let mut plots = Vec::new();
    for set in counted.chunks(HASHES.len()) {
        let mut series: Vec<Series> = set
            .iter()
            .enumerate()
            .map(|(colour, one)| Series {
                name: one.hash.clone(),
                style: Style::Bars,
                colour,
                points: (0..=LONGEST_BAR).map(|pages| (pages as f64, share(&one.spread, pages))).collect(),
            })
            .collect();
        let load = set[0].spread.load();
        let chance = (0..=LONGEST_BAR).map(|pages| (pages as f64, poisson(load, pages))).collect();
        series.push(Series { name: "Poisson: chance".into(), style: Style::Points, colour: 7, points: chance });
        let plot = LinePlot {
            title: format!("Homes by their pages: {}", set[0].pages),
            x: Axis::linear("pages of a home (the last: 8 and more)"),
            y: Axis::linear("share of homes"),
            series,
        };
        plots.push((format!("hash-spread-{}.svg", set[0].file), plot.svg()?));
    }
    Ok(plots)
}

/// The share of homes with so many pages; the last bar has all that are fuller, too.
fn share(spread: &Spread, pages: usize) -> f64 {
    let counts = spread.homes_with();
    let homes: u64 = match pages {
        LONGEST_BAR => counts.iter().skip(LONGEST_BAR).sum(),
        pages => counts.get(pages).copied().unwrap_or(0),
    };
    homes as f64 / spread.homes() as f64
}
