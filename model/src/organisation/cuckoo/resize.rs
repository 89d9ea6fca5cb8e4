//! When ways double, and how far at a time.
//!
//! ```text
//!  load above the threshold ─► the smallest way begins to double ─► a few slots with each insertion ─► done
//!  an entry finds no place  ─► what is being doubled goes on until it finds one, then the next way, each at most once
//! ```
//!
//! One way at a time: the table grows by a d-th, and no more memory is asked for at once than the smallest way has.

use super::{Cuckoo, Growth, Place};
use crate::mapping::Mapping;
use crate::ram::Ram;
use crate::table::TableError;

/// Slots that each insertion rehashes while a way is being doubled. A way of 2^n entries is done after 2^(n-2)
/// insertions; at a load of 0.4 the next one is due after 0.4 · 2^n.
pub const SLOTS_AN_INSERTION: u64 = 4;

/// Slots that are rehashed between two tries of an insertion that finds no place.
const SLOTS_A_TRY: u64 = 64;

impl Cuckoo {
    /// What each insertion adds to the resize: it begins one if the load asks for it, or takes it a few slots on.
    pub(super) fn resize_further(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let places: u64 = self.ways.iter().map(super::Way::places).sum();
        match (self.resizing(), self.growth) {
            (Some((way, _)), _) => Ok(self.ways[way].advance(ram, SLOTS_AN_INSERTION)?),
            (None, Growth::AtLoad(percent)) if self.census.total() * 100 > places * u64::from(percent) => {
                // Without frames the table stays as it is: the mapping has its place, and later ones may find theirs.
                match self.begin_smallest(ram) {
                    Ok(_) | Err(TableError::OutOfMemory(_) | TableError::Full { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            (None, _) => Ok(()),
        }
    }

    /// Doubles ways until there is a path for the mapping. If there is none after each way's turn, or no memory, all is
    /// undone, byte by byte.
    pub(super) fn make_room(&mut self, ram: &mut Ram, mapping: &Mapping) -> Result<Vec<Place>, TableError> {
        let mut done: Vec<(usize, Option<u64>)> = Vec::new();
        let error = loop {
            let (way, from) = match self.resizing() {
                Some((way, from)) => (way, Some(from)),
                None if self.growth == Growth::Never || done.len() > self.ways.len() => break self.full(),
                None => match self.begin_smallest(ram) {
                    Ok(way) => (way, None),
                    Err(error) => break error,
                },
            };
            done.push((way, from));
            while self.ways[way].rehashed().is_some() {
                self.ways[way].advance(ram, SLOTS_A_TRY)?;
                if let Some(path) = self.path(ram, mapping.asid, mapping.vpn)? {
                    return Ok(path);
                }
            }
        };
        for (way, from) in done.into_iter().rev() {
            self.ways[way].retreat(ram, from)?;
        }
        Err(error)
    }

    /// Finishes what is being doubled, then doubles every way.
    pub(super) fn double_all(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let mut runs = Vec::new();
        for way in &self.ways {
            let run = way.doubling_bytes().ok_or(self.full()).and_then(|bytes| Ok((ram.take(bytes)?, bytes)));
            match run {
                Ok(run) => runs.push(run),
                Err(error) => {
                    runs.into_iter().for_each(|(run, bytes)| ram.give(run, bytes));
                    return Err(error);
                }
            }
        }
        for (way, (run, _)) in self.ways.iter_mut().zip(runs) {
            way.advance(ram, u64::MAX)?;
            way.begin(run);
            way.advance(ram, u64::MAX)?;
        }
        Ok(())
    }

    /// Begins to double the smallest way, the first of several, and tells which it is.
    fn begin_smallest(&mut self, ram: &mut Ram) -> Result<usize, TableError> {
        let sizes = self.ways.iter().map(super::Way::places).enumerate();
        let (index, _) = sizes.min_by_key(|(_, places)| *places).expect("a table has ways");
        let bytes = self.ways[index].doubling_bytes().ok_or(self.full())?;
        self.ways[index].begin(ram.take(bytes)?);
        Ok(index)
    }

    fn full(&self) -> TableError {
        TableError::Full { entries: self.ways.iter().map(super::Way::places).sum() }
    }
}
