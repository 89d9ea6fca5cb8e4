//! The hash functions: how evenly they spread pages, how well they mix bits, and how they bear an attacker.

mod attack;
mod spread;

use anyhow::Result;
use hashwalk_model::hash_quality::avalanche;
use hashwalk_spec::Hash;
use serde::Serialize;

use super::Study;
use super::context::Context;
use super::output::{Figures, Outcome, csv};
use crate::report::grouped;

pub const STUDY: Study = Study { name: "hash", title: "Hash functions: spread, avalanche and attack", run };

/// The functions, in the order of the tables.
const HASHES: [Hash; 3] = [Hash::Keyed, Hash::Fold, Hash::Asid];

#[derive(Clone, Debug, Serialize)]
struct AvalancheRow {
    hash: String,
    samples: u32,
    mean: f64,
    min: f64,
    max: f64,
}

fn run(context: &Context) -> Result<Outcome> {
    let spreads = spread::measure(context)?;
    let samples = context.size(1 << 14, 1 << 9);
    let mut avalanches = Vec::new();
    for hash in HASHES {
        let matrix = avalanche(hash, samples, context.random(3).u64(..));
        let (mean, min, max) = (matrix.mean(), matrix.min(), matrix.max());
        avalanches.push(AvalancheRow { hash: hash.to_string(), samples, mean, min, max });
    }
    let attacks = attack::attacks(context)?;
    let collapse = attack::collapse(context)?;

    let pages = attacks.iter().map(|row| row.pages).max().unwrap_or(0);
    let worst = |hash: &str| {
        let rows = attacks.iter().filter(|row| row.pages == pages && row.hash == hash && row.attack != attack::LEAKED);
        rows.map(|row| row.reads_max).max().unwrap_or(0)
    };
    let finding = format!(
        "keyed stays within {:.1} % of chance on every set of pages (fold strays up to {:.1} %, asid {:.1} %); {} pages of an \
         attacker make a walk read up to {} entries with fold, {} with asid, {} with keyed, unless he knows \
         nearly all of the key",
        100.0 * spread::farthest(&spreads, "keyed"),
        100.0 * spread::farthest(&spreads, "fold"),
        100.0 * spread::farthest(&spreads, "asid"),
        grouped(pages as u64),
        grouped(u64::from(worst("fold"))),
        grouped(u64::from(worst("asid"))),
        worst("keyed"),
    );
    let mut mixing = Figures::new(
        "Avalanche: with which probability a flipped bit of (ASID, VPN) flips a bit of the hash",
        ["hash", "mean", "least", "most"],
    );
    for row in &avalanches {
        mixing.row([
            row.hash.clone(),
            format!("{:.3}", row.mean),
            format!("{:.3}", row.min),
            format!("{:.3}", row.max),
        ]);
    }
    let mut plots = spread::plots(&spreads)?;
    plots.push(("hash-attack.svg".into(), attack::plot(&attacks).svg()?));
    plots.push(("hash-collapse.svg".into(), attack::collapse_plot(&collapse).svg()?));
    Ok(Outcome {
        finding,
        figures: vec![
            spread::figures(&spreads),
            mixing,
            attack::figures(&attacks),
            attack::collapse_figures(&collapse),
        ],
        csv: vec![
            ("hash-spread.csv".into(), csv(&spread::rows(&spreads))?),
            ("hash-avalanche.csv".into(), csv(&avalanches)?),
            ("hash-attack.csv".into(), csv(&attacks)?),
            ("hash-collapse.csv".into(), csv(&collapse)?),
        ],
        plots,
    })
}
