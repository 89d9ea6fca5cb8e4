//! Phases of a miss handler: the ranges of its code between the symbols `phase_<name>_<anything>`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Image;

/// The phases of a handler.
#[derive(Clone, Debug, Default)]
pub struct Phases {
    /// Where a range begins, and its phase's number; `None` behind the last.
    starts: BTreeMap<u32, Option<usize>>,
    names: Vec<String>,
}

/// Cycles of a phase, over all misses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseCycles {
    /// Its name.
    pub phase: String,
    /// Its cycles.
    pub cycles: u64,
}

/// From the trap to the first instruction of the handler.
pub(super) const TRAP: usize = 0;
/// From the return to the answer to the access that is made again.
pub(super) const REPLAY: usize = 1;

impl Phases {
    /// Reads them from the symbols of a kernel.
    #[must_use]
    pub fn of(kernel: &Image) -> Phases {
        let mut phases = Phases { starts: BTreeMap::new(), names: vec!["trap".into(), "replay".into()] };
        for (symbol, &address) in &kernel.symbols {
            let Some(rest) = symbol.strip_prefix("phase_") else { continue };
            let name = rest.split('_').next().unwrap_or(rest);
            let phase = (name != "end").then(|| match phases.names.iter().position(|known| known == name) {
                Some(known) => known,
                None => {
                    phases.names.push(name.into());
                    phases.names.len() - 1
                }
            });
            // Where one ends and the next begins, the next counts.
            let there = phases.starts.entry(address).or_insert(phase);
            *there = there.or(phase);
        }
        phases
    }

    /// How many there are, with those that are in no code.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// The phase of an instruction.
    pub(super) fn at(&self, pc: u32) -> Option<usize> {
        self.starts.range(..=pc).next_back().and_then(|(_, phase)| *phase)
    }

    /// Cycles under their names, in the order of a miss.
    pub(super) fn named(&self, cycles: &[u64]) -> Vec<PhaseCycles> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        let start = |phase: usize| self.starts.iter().find(|(_, at)| **at == Some(phase)).map_or(0, |(at, _)| *at);
        order.sort_by_key(|&phase| match phase {
            TRAP => 0,
            REPLAY => u64::MAX,
            phase => 1 + u64::from(start(phase)),
        });
        order.into_iter().map(|at| PhaseCycles { phase: self.names[at].clone(), cycles: cycles[at] }).collect()
    }
}
