//! Insertion by displacement.
//!
//! ```text
//!  X's places are taken by A and B        A's other place is taken by C        C's other place is free
//!
//!       X ──► [A] ──────────────────────────► [C] ──────────────────────────► [ ]        path: A's, C's, the free one
//!         └─► [B] ──► [D] ──► ...
//! ```
//!
//! Breadth first, so that as few entries as possible move; each place is looked at once, so the search ends and is the
//! same in every run.

use super::{Cuckoo, Place};
use crate::entry::Entry;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, Vpn};
use std::collections::HashSet;

/// Places that an insertion looks at before it gives up. With two ways, whose search is two single files, this bounds
/// the moves to half as many; with three they are at most 8, with four at most 6.
pub const EXAMINED: usize = 512;

impl Cuckoo {
    /// The places of the shortest sequence of moves that frees one of the page's places: that one first, then the place
    /// to which its entry goes, and so on to a free one. `None` if none is found.
    pub(super) fn path(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Option<Vec<Place>>, TableError> {
        // Each place with the position in this list of the one whose entry would move to it.
        let mut nodes: Vec<(Place, Option<usize>)> = self.places(asid, vpn).map(|place| (place, None)).collect();
        let mut seen: HashSet<Place> = nodes.iter().map(|(place, _)| *place).collect();
        let mut next = 0;
        while let Some(&(place, _)) = nodes.get(next) {
            let entry = self.read(ram, place)?;
            if entry.is_empty() {
                let mut path: Vec<Place> =
                    std::iter::successors(Some(next), |&node| nodes[node].1).map(|node| nodes[node].0).collect();
                path.reverse();
                return Ok(Some(path));
            }
            for other in self.places(entry.asid(), entry.vpn()) {
                if nodes.len() < EXAMINED && seen.insert(other) {
                    nodes.push((other, Some(next)));
                }
            }
            next += 1;
        }
        Ok(None)
    }

    /// Moves the entries along `path`, the last one first, and puts `entry` into the place that becomes free.
    pub(super) fn displace(&mut self, ram: &mut Ram, path: &[Place], entry: &Entry) -> Result<(), TableError> {
        for step in path.windows(2).rev() {
            let moved = self.read(ram, step[0])?;
            self.write(ram, step[1], &moved)?;
        }
        self.write(ram, path[0], entry)?;
        let moves = path.len() as u64 - 1;
        self.displacements.moves += moves;
        self.displacements.most = self.displacements.most.max(moves);
        Ok(())
    }
}
