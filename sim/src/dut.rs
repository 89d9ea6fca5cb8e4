//! [`Dut`]: an instance of a model that a test bench drives.

use std::path::Path;

use cxx::{UniquePtr, let_cxx_string};

use crate::bridge::ffi;
use crate::error::{Error, Failure, Result, io};
use crate::model::Model;
use crate::ports::{InPort, Layout, OutPort, Slot};

/// An instance of a Verilated design.
///
/// A clock cycle *t* has three parts: the bench drives the inputs of *t*, combinational logic settles so that every
/// output of *t* can be read (also those that depend on inputs of *t*, such as a ready), and the clock rises.
///
/// - [`Dut::cycle`] does the last two in one call: set inputs, `cycle`, read what the outputs were in that cycle. This
///   is what a flip-flop in the bench would have sampled, and the fastest way.
/// - A bench that chooses an input of *t* by an output of *t* calls [`Dut::settle`] first, reads, sets more, and then
///   calls `cycle` or [`Dut::tick`].
///
/// Outputs keep the values of the last settling until the next one: after `cycle` they still are those of cycle *t*.
///
/// When a check in the design fails, a call returns [`Error::Failed`] with the cycle of the check, and so does every
/// later one: the state of a stopped evaluation means nothing. It is the call that raises the clock, or else, since
/// that is faster, the next one that settles: an instance of a model without waves raises the clock of a cycle together
/// with the inputs of the next. At the end of a run [`Dut::finish`] asks for the checks of its last cycle. Instances do
/// not share anything and can be sent to other threads.
pub struct Dut {
    raw: UniquePtr<ffi::Dut>,
    model: Model,
    inputs: Box<[u64]>,
    outputs: Box<[u64]>,
    reset: Option<Slot>,
    /// The outputs belong to the inputs and the state.
    settled: bool,
    cycles: u64,
    failure: Option<Failure>,
}

impl Dut {
    /// Loads a new instance. All inputs are 0; registers and memories hold arbitrary bits until reset.
    ///
    /// # Errors
    /// When the dynamic linker rejects the object.
    pub fn load(model: &Model) -> Result<Dut> {
        Dut::load_seeded(model, 0)
    }

    /// Like [`Dut::load`]; the seed chooses the arbitrary bits. A design that is reset properly behaves the same for
    /// all.
    ///
    /// # Errors
    /// As for [`Dut::load`].
    pub fn load_seeded(model: &Model, seed: u64) -> Result<Dut> {
        let shape = &model.shape;
        // Verilator takes 1 to 2^31 - 1; 0 would ask the system for randomness.
        let seed = (seed % 0x7fff_fffe) as u32 + 1;
        let_cxx_string!(path = shape.library.as_os_str().as_encoded_bytes());
        let raw = ffi::load(&path, seed)
            .map_err(|error| Error::Load { path: shape.library.clone(), reason: error.what().to_owned() })?;
        Ok(Dut {
            raw,
            model: model.clone(),
            inputs: vec![0; shape.inputs.words].into(),
            outputs: vec![0; shape.outputs.words].into(),
            reset: shape.inputs.find("reset").filter(|slot| slot.width == 1),
            settled: false,
            cycles: 0,
            failure: None,
        })
    }

    /// The input of this name (also `reset`; the clock is driven by [`Dut::tick`] and [`Dut::cycle`]).
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub fn input(&self, name: &str) -> Result<InPort> {
        self.find(&self.model.shape.inputs, "input", name).map(InPort)
    }

    /// The output of this name.
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub fn output(&self, name: &str) -> Result<OutPort> {
        self.find(&self.model.shape.outputs, "output", name).map(OutPort)
    }

    fn find(&self, layout: &Layout, direction: &'static str, name: &str) -> Result<Slot> {
        layout.find(name).ok_or_else(|| Error::NoSuchPort {
            top: self.model.top().to_owned(),
            direction,
            name: name.to_owned(),
            known: layout.names(),
        })
    }

    /// Sets an input of at most 64 bits, until it is set again.
    ///
    /// # Panics
    /// When the value does not fit the port, or the port is wider.
    #[inline]
    #[track_caller]
    pub fn set(&mut self, port: InPort, value: u64) {
        let slot = port.0;
        assert!(slot.width <= 64, "a port of {} bits is set with set_wide", slot.width);
        slot.check(value);
        self.inputs[slot.first as usize] = value;
        self.settled = false;
    }

    /// Sets an input of any width from its words, lowest first.
    ///
    /// # Panics
    /// When there are not exactly as many words as the width takes, or the highest does not fit.
    #[inline]
    #[track_caller]
    pub fn set_wide(&mut self, port: InPort, words: &[u64]) {
        let slot = port.0;
        let range = slot.words();
        assert!(words.len() == range.len(), "{} words for a port of {} bits", words.len(), slot.width);
        slot.check(words[range.len() - 1]);
        self.inputs[range].copy_from_slice(words);
        self.settled = false;
    }

    /// The value at which an input stands, words lowest first.
    pub fn input_words(&self, port: InPort) -> &[u64] {
        &self.inputs[port.0.words()]
    }

    /// The value of an output of at most 64 bits at the last settling.
    ///
    /// # Panics
    /// When the port is wider.
    #[inline]
    #[track_caller]
    pub fn get(&self, port: OutPort) -> u64 {
        assert!(port.0.width <= 64, "a port of {} bits is read with get_wide", port.0.width);
        self.outputs[port.0.first as usize]
    }

    /// The value of an output of any width at the last settling, words lowest first.
    #[inline]
    pub fn get_wide(&self, port: OutPort) -> &[u64] {
        &self.outputs[port.0.words()]
    }

    /// Lets combinational logic settle, so that outputs can be read in the middle of a cycle. Costs nothing when no
    /// input was set since the last time.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn settle(&mut self) -> Result<()> {
        self.alive()?;
        if !self.settled {
            // SAFETY: both buffers have the word counts of this model's layouts (`load_seeded`), from which its C++ was
            // generated.
            let result = unsafe { self.raw.pin_mut().settle(self.inputs.as_ptr(), self.outputs.as_mut_ptr()) };
            result.map_err(|error| self.fail(&error))?;
            self.settled = true;
        }
        Ok(())
    }

    /// Raises the clock, after settling if an input was set since the last time.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn tick(&mut self) -> Result<()> {
        if !self.settled {
            return self.cycle();
        }
        self.alive()?;
        self.raw.pin_mut().edge().map_err(|error| self.fail(&error))?;
        self.settled = false;
        self.cycles += 1;
        Ok(())
    }

    /// One whole clock cycle: settles, reads the outputs, raises the clock.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn cycle(&mut self) -> Result<()> {
        if self.settled {
            return self.tick();
        }
        self.alive()?;
        // SAFETY: as in `settle`.
        let result = unsafe { self.raw.pin_mut().cycle(self.inputs.as_ptr(), self.outputs.as_mut_ptr()) };
        result.map_err(|error| self.fail(&error))?;
        self.cycles += 1;
        Ok(())
    }

    /// Completes the last cycle, so that none of its checks is left out. More cycles can follow.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn finish(&mut self) -> Result<()> {
        self.alive()?;
        self.raw.pin_mut().finish().map_err(|error| self.fail(&error))
    }

    /// Runs `cycles` cycles with `reset` high and leaves it low. A design without reset only runs the cycles.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn reset(&mut self, cycles: u64) -> Result<()> {
        self.drive_reset(1);
        for _ in 0..cycles {
            self.cycle()?;
        }
        self.drive_reset(0);
        Ok(())
    }

    fn drive_reset(&mut self, level: u64) {
        if let Some(reset) = self.reset {
            self.set(InPort(reset), level);
        }
    }

    /// Runs cycles until `reached` holds for the outputs of one, at most `bound_cycles` of them. Returns how many it
    /// ran.
    ///
    /// # Errors
    /// [`Error::NoProgress`], which says what was waited for and lists all ports; [`Error::Failed`].
    pub fn run_until(
        &mut self,
        bound_cycles: u64,
        waiting_for: &str,
        mut reached: impl FnMut(&Dut) -> bool,
    ) -> Result<u64> {
        for waited in 1..=bound_cycles {
            self.cycle()?;
            if reached(self) {
                return Ok(waited);
            }
        }
        Err(self.no_progress(bound_cycles, waiting_for))
    }

    /// The error of a wait that was given up after `waited` cycles, for benches with loops of their own.
    pub fn no_progress(&self, waited: u64, waiting_for: &str) -> Error {
        Error::NoProgress {
            cycle: self.cycles,
            waited,
            waiting_for: waiting_for.to_owned(),
            state: self.describe_ports(),
        }
    }

    /// Every port with its value in hexadecimal, one a line, inputs first.
    pub fn describe_ports(&self) -> String {
        let shape = &self.model.shape;
        shape.inputs.describe(&self.inputs) + &shape.outputs.describe(&self.outputs)
    }

    /// The clock edges since the load, those of the reset included.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// The model of which this is an instance.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Starts a wave file in FST format, 10 ns a cycle; the clock is low in the first half of a cycle. A wave file that
    /// is open is completed.
    ///
    /// # Errors
    /// [`Error::Wave`] when the model was built without [`crate::Options::trace`]; an error of the file system.
    pub fn open_wave(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.close_wave()?;
        // The FST writer does not say why a file cannot be made, so that is found out first.
        std::fs::File::create(path).map_err(io("create", path))?;
        let_cxx_string!(name = path.as_os_str().as_encoded_bytes());
        self.raw.pin_mut().open_wave(&name).map_err(|error| {
            let _ = std::fs::remove_file(path); // the empty file from above
            wave_error(path, &error)
        })
    }

    /// Completes the wave file, if one is open. Dropping the instance does so too.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn close_wave(&mut self) -> Result<()> {
        self.raw.pin_mut().close_wave().map_err(|error| wave_error(Path::new(""), &error))
    }

    fn alive(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(failure) => Err(failure.clone().into()),
        }
    }

    #[cold]
    fn fail(&mut self, exception: &cxx::Exception) -> Error {
        let cycle = if self.model.shape.puts_edges_off { self.cycles.saturating_sub(1) } else { self.cycles };
        let failure = Failure::parse(exception.what(), cycle);
        self.failure = Some(failure.clone());
        failure.into()
    }
}

impl std::fmt::Debug for Dut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dut").field("top", &self.model.top()).field("cycles", &self.cycles).finish_non_exhaustive()
    }
}

fn wave_error(path: &Path, exception: &cxx::Exception) -> Error {
    Error::Wave { path: path.to_owned(), reason: exception.what().to_owned() }
}
