//! A machine in which the design itself drives the MMU: a processor asks, its software invalidates and refills. The bench gives
//! it memory, looks on, and judges every answer.

use hashwalk_model::Mapping;
use hashwalk_model::os::Os;
use hashwalk_sim::Dut;
use hashwalk_spec::Config;

use super::inside::Inside;
use super::scoreboard::{Asked, Scoreboard};
use super::{Events, MachineError, MemoryTiming};

/// The machine.
pub struct Observed {
    board: Scoreboard,
    inside: Inside,
}

impl Observed {
    /// Looks at a Verilated design with an MMU of `config` in it, before the table of an operating system, and resets it.
    ///
    /// # Errors
    /// The shared object lacks a port, or reset failed.
    pub fn new(dut: Dut, config: &Config, os: Os, timing: MemoryTiming) -> Result<Observed, MachineError> {
        let mut observed = Observed { inside: Inside::new(&dut)?, board: Scoreboard::new(dut, config, os, timing)? };
        observed.board.dut.reset(2)?;
        Ok(observed)
    }

    /// The design, whose other ports are the caller's.
    #[must_use]
    pub fn dut(&self) -> &Dut {
        &self.board.dut
    }

    /// The design, to be driven in the cycle to come.
    pub fn dut_mut(&mut self) -> &mut Dut {
        &mut self.board.dut
    }

    /// The operating system, as it set the table up.
    #[must_use]
    pub fn os(&self) -> &Os {
        &self.board.os
    }

    /// The memory, to be written where the table is not.
    pub fn memory_mut(&mut self) -> &mut hashwalk_model::PhysicalMemory {
        self.board.os.memory_mut()
    }

    /// Changes the table. `change` returns the mappings that it withdrew: removed, replaced, or with other rights.
    pub fn change(&mut self, change: impl FnOnce(&mut Os) -> Vec<Mapping>) {
        self.board.change(change);
    }

    /// Whether a request of id 0, and one of id 1, was accepted before the last cycle and waits.
    #[must_use]
    pub fn waits(&self) -> [bool; 2] {
        let fresh = self.board.requests.looked_up;
        [0, 1].map(|id| fresh != Some(id) && self.board.requests.get(id).is_some())
    }

    /// The cycles simulated so far.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.board.now
    }

    /// Simulates one cycle, and looks at the MMU's ports.
    ///
    /// # Errors
    /// The hardware answered what the golden model does not allow, broke the rules of a port or its own assertions,
    /// or makes no progress.
    pub fn cycle(&mut self) -> Result<Events, MachineError> {
        let board = &mut self.board;
        board.drive_memory();
        board.dut.cycle()?;
        if let Some(refused) = self.inside.refused(&board.dut, &board.ports) {
            // Of equal requests it is not known for which one software is asked.
            board.requests.each(|waiting| waiting.refused |= waiting.request == refused);
        }
        let asked = Asked {
            lookup: self.inside.accepted(&board.dut, &board.ports).map(|(request, id)| (request, Some(id))),
            invalidate: self.inside.invalidate(&board.dut),
        };
        board.observe(&asked, None)
    }
}
