//! Which pages a program touches, in which order.

use anyhow::Result;
use hashwalk_spec::Vpn;

use crate::explore::context::{Context, Workload};

/// Page after page, again and again: the worst for any replacement that looks back.
pub const SWEEP: &str = "sweep";
/// Any page, each as likely.
pub const RANDOM: &str = "random";
/// 90 of 100 accesses in a tenth of the pages, which is another tenth after a while.
pub const LOCAL: &str = "local";

const FIRST_VPN: u64 = 0x1_0000;
/// Accesses for each page of the program.
const ACCESSES_A_PAGE: usize = 4;
/// How often the working set of [`LOCAL`] is another one.
const MOVES: usize = 4;

/// A program's accesses.
pub struct Pattern {
    /// Its name.
    pub name: String,
    /// Its pages, ascending.
    pub pages: Vec<Vpn>,
    /// Its accesses, as places in `pages`.
    pub accesses: Vec<u32>,
    /// Accesses beside these, which the TLB answers.
    pub hits: u64,
}

/// Three that are made up, and the programs of the traces.
///
/// # Errors
/// A trace cannot be read.
pub fn all(context: &Context) -> Result<Vec<Pattern>> {
    let pages = context.size(8192, 512);
    let accesses = ACCESSES_A_PAGE * pages;
    let mut random = context.random(7);
    let sweep = (0..accesses).map(|i| (i % pages) as u32).collect();
    let anywhere = (0..accesses).map(|_| random.usize(..pages) as u32).collect();
    let mut first = 0;
    let local = (0..accesses).map(|i| {
        if i % (accesses / MOVES) == 0 {
            first = random.usize(..pages);
        }
        let page = if random.u8(..10) < 9 { first + random.usize(..pages / 10) } else { random.usize(..pages) };
        (page % pages) as u32
    });
    let local = local.collect();
    let made_up = [(SWEEP, sweep), (RANDOM, anywhere), (LOCAL, local)].map(|(name, accesses)| Pattern {
        name: name.into(),
        pages: (0..pages as u64).map(|page| Vpn::truncate(FIRST_VPN + page)).collect(),
        accesses,
        hits: 0,
    });
    let limit = context.size(200_000, 5_000);
    Ok(made_up.into_iter().chain(context.workloads()?.iter().map(|workload| of_trace(workload, limit))).collect())
}

/// The TLB misses of a program, at most so many; what the TLB answered between them is only counted.
fn of_trace(workload: &Workload, limit: usize) -> Pattern {
    let misses = &workload.misses[..workload.misses.len().min(limit)];
    let place = |vpn: &Vpn| workload.pages.binary_search(vpn).expect("the footprint has every page") as u32;
    let translations = workload.translations * misses.len() as u64 / workload.misses.len().max(1) as u64;
    Pattern {
        name: workload.name.clone(),
        pages: workload.pages.clone(),
        accesses: misses.iter().map(place).collect(),
        hits: translations - misses.len() as u64,
    }
}
