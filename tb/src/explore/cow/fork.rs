//! A process with resident pages forks; the child stores to a part of them, and then the parent to all.

use anyhow::Result;
use hashwalk_model::Tagging;
use hashwalk_model::os::Platform;
use hashwalk_spec::Vpn;
use hashwalk_spec::address::FRAME_BYTES;
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};
use crate::explore::watched::{Machine, Watched};
use crate::report::grouped;

const FIRST_VPN: u64 = 0x1_0000;
/// How much of its pages the child stores to.
const STORED_PERCENT: [u64; 8] = [0, 1, 5, 10, 25, 50, 75, 100];

/// One fork.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Pages of the parent, all in memory.
    pub resident_pages: u64,
    /// The part of them that the child stores to.
    pub stored_percent: u64,
    /// How many those are.
    pub stored_pages: u64,
    /// Frames that the fork itself took.
    pub fork_frames: u64,
    /// Frames in use besides the parent's, once the child has stored.
    pub child_frames: u64,
    /// Faults of the child's stores.
    pub child_faults: u64,
    /// Pages copied for them.
    pub child_copies: u64,
    /// Their bytes.
    pub child_copied_bytes: u64,
    /// What a fork would copy that copies everything.
    pub eager_bytes: u64,
    /// Faults of the parent, which then stores to every page.
    pub parent_faults: u64,
    /// Pages copied for them.
    pub parent_copies: u64,
    /// Pages that it got back without a copy: the child had left them.
    pub parent_kept: u64,
}

/// Forks once for each part.
///
/// # Errors
/// A process cannot go on, or reads what another has stored.
pub fn measure(context: &Context) -> Result<Vec<Row>> {
    STORED_PERCENT.into_iter().map(|percent| fork(context, percent)).collect()
}

fn fork(context: &Context, stored_percent: u64) -> Result<Row> {
    let pages: u64 = context.size(2048, 128);
    // Room for both processes, so that nothing is paged out.
    let frames = 2 * pages + 1;
    let machine =
        Machine { frames, mappings: 2 * pages, cpus: 2, tagging: Tagging::Asid, platform: Platform::default() };
    let mut watched = Watched::new(&machine, context.key())?;
    let mut vpns: Vec<Vpn> = (0..pages).map(|page| Vpn::truncate(FIRST_VPN + page)).collect();
    watched.spawn(0, &[(vpns[0], pages)])?;
    vpns.iter().try_for_each(|vpn| watched.store(0, *vpn))?;
    let used = |watched: &Watched| frames - watched.system.os().frames().free();
    let copies = |watched: &Watched| watched.system.os().counts().copies;

    let child = watched.fork(0)?;
    let fork_frames = used(&watched) - pages;
    watched.system.switch(1, child)?;
    context.random(9).shuffle(&mut vpns);
    let stored_pages = pages * stored_percent / 100;
    let of_child =
        watched.count(|watched| vpns[..stored_pages as usize].iter().try_for_each(|vpn| watched.store(1, *vpn)))?;
    let (child_copies, child_frames) = (copies(&watched), used(&watched) - pages);
    vpns.iter().try_for_each(|vpn| [0, 1].into_iter().try_for_each(|cpu| watched.load(cpu, *vpn)))?;

    let of_parent = watched.count(|watched| vpns.iter().try_for_each(|vpn| watched.store(0, *vpn)))?;
    let parent_copies = copies(&watched) - child_copies;
    vpns.iter().try_for_each(|vpn| [0, 1].into_iter().try_for_each(|cpu| watched.load(cpu, *vpn)))?;
    Ok(Row {
        resident_pages: pages,
        stored_percent,
        stored_pages,
        fork_frames,
        child_frames,
        child_faults: of_child.faults,
        child_copies,
        child_copied_bytes: child_copies * FRAME_BYTES,
        eager_bytes: pages * FRAME_BYTES,
        parent_faults: of_parent.faults,
        parent_copies,
        parent_kept: of_parent.faults - parent_copies,
    })
}

/// The rows as a table.
#[must_use]
pub fn figures(rows: &[Row]) -> Figures {
    let pages = rows.first().map_or(0, |row| row.resident_pages);
    let caption =
        format!("A fork of {} resident pages: the child stores to a part, then the parent to all", grouped(pages));
    let header =
        ["child stores to", "faults", "frames copied", "KiB copied", "eager KiB", "parent: faults", "copied", "kept"];
    let mut figures = Figures::new(caption, header);
    for row in rows {
        figures.row([
            format!("{} %, {} pages", row.stored_percent, grouped(row.stored_pages)),
            grouped(row.child_faults),
            grouped(row.child_copies),
            grouped(row.child_copied_bytes >> 10),
            grouped(row.eager_bytes >> 10),
            grouped(row.parent_faults),
            grouped(row.parent_copies),
            grouped(row.parent_kept),
        ]);
    }
    figures
}

/// Frames copied over the part that is stored to.
#[must_use]
pub fn plot(rows: &[Row]) -> LinePlot {
    let series = |name: &str, style, colour, frames: fn(&Row) -> u64| Series {
        name: name.into(),
        style,
        colour,
        points: rows.iter().map(|row| (row.stored_percent as f64, frames(row) as f64)).collect(),
    };
    LinePlot {
        title: "Frames that a fork copies".into(),
        x: Axis::linear("pages that the child stores to, in %"),
        y: Axis::linear("frames copied"),
        series: vec![
            series("copy-on-write", Style::Joined, 0, |row| row.child_copies),
            series("and the parent, to all pages", Style::Joined, 2, |row| row.child_copies + row.parent_copies),
            series("eager", Style::Line, 1, |row| row.resident_pages),
        ],
    }
}
