//! The invariants of a line table, for tests.

use super::array::Array;
use super::format::{Group, Line};
use crate::organisation::common::{Census, check_mappings};
use crate::ram::Ram;
use std::collections::{HashMap, HashSet};

impl Array {
    /// Verifies that:
    ///
    /// - a line is all zeros, or well formed with at least one page, all of one home;
    /// - each stands in exactly one chain, which begins at their home;
    /// - a group stands in one dense line, or in mixed ones;
    /// - the mappings are legal, none overlap, and the counts are right.
    pub(super) fn check(&self, ram: &Ram, census: &Census) -> Result<(), String> {
        let lines: HashMap<u32, Line> = self.in_use(ram).map_err(|error| error.to_string())?.collect();
        let mut homes = HashSet::new();
        for (index, line) in &lines {
            let home = self.home_of(*index, line).map_err(|error| error.to_string())?;
            if line.mappings().any(|mapping| self.home(&Group::of_mapping(&mapping)) != home) {
                return Err(format!("line {index:#x} holds pages of several homes: {line:x?}"));
            }
            if line.pages() == 0 || again(line) != *line {
                return Err(format!("line {index:#x} is malformed: {line:x?}"));
            }
            homes.insert(home);
        }
        let (mut reached, mut dense, mut mixed) = (HashSet::new(), HashSet::new(), HashSet::new());
        for home in homes {
            for place in self.follow(ram, home) {
                let (index, line) = place.map_err(|error| error.to_string())?;
                if !lines.contains_key(&index) || self.home_of(index, &line) != Ok(home) || !reached.insert(index) {
                    return Err(format!("line {index:#x} is wrongly in the chain that begins at {home:#x}: {line:x?}"));
                }
                let groups: HashSet<Group> = line.mappings().map(|mapping| Group::of_mapping(&mapping)).collect();
                if line.is_dense() && !groups.iter().all(|group| dense.insert(*group)) {
                    return Err(format!("two dense lines hold the group of line {index:#x}"));
                }
                mixed.extend(groups.into_iter().filter(|_| !line.is_dense()));
            }
        }
        if let Some(group) = dense.intersection(&mixed).next() {
            return Err(format!("{group:?} stands in a dense line and in a mixed one"));
        }
        if reached.len() != lines.len() || self.used != lines.len() as u64 {
            return Err(format!("{} lines are used, {} reached, {} counted", lines.len(), reached.len(), self.used));
        }
        let mappings: Vec<_> = lines.values().flat_map(Line::mappings).collect();
        check_mappings(&mappings, census)
    }
}

/// The line made again from what it says: equal, unless a bit is set that must be zero.
fn again(line: &Line) -> Line {
    let mut made = match line.some_group() {
        Some(group) if line.is_dense() => Line::dense(&group),
        _ => Line::EMPTY,
    };
    let ptes = (0..line.words.len()).filter(|word| line.is_dense() || word % 2 == 0);
    let mut holes = Vec::new();
    for word in ptes {
        // A free entry is filled while the others are put in, and emptied in the end.
        match line.mapping(word) {
            Some(mapping) => _ = made.insert(&mapping),
            None if !line.is_dense() => {
                made.words[word] |= 1;
                holes.push(word);
            }
            None => {}
        }
    }
    holes.into_iter().for_each(|word| made.clear(word));
    made.with_link(line.link())
}
