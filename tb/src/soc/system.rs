//! A system on a chip, cycle by cycle.

use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_sim::{Dut, OutPort};
use hashwalk_spec::Config;

use super::counts::{Counter, Counts};
use super::ram::{Ram, Store};
use super::space::Built;
use super::{Phases, SocDevice, SocError};
use crate::machine::{MemoryTiming, Observed};
use crate::named_ports::ports;

/// How long a run may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Cycles in all.
    pub cycles: u64,
    /// Cycles without a retired instruction.
    pub idle: u64,
}

impl Limits {
    /// This many cycles in all, and as much patience with an instruction as a memory of this latency needs.
    #[must_use]
    pub fn new(cycles: u64, memory_latency: u32) -> Limits {
        Limits { cycles, idle: 100_000 + 1_000 * u64::from(memory_latency) }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct End {
    /// What software wrote to EXIT.
    pub code: u32,
    /// What it printed.
    pub console: String,
    /// What it cost.
    pub counts: Counts,
}

/// Traps in machine mode, with no return between, that are taken for a loop.
const TRAPS: u32 = 100;

/// What the core does in a cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// An instruction stands in the decoder.
    pub(super) valid: bool,
    /// Its program counter, or that of the last one.
    pub(super) pc: u32,
    /// In user mode.
    pub(super) user: bool,
    /// An instruction retires.
    pub(super) retired: bool,
    /// A trap is taken: its cause, as in MCAUSE.
    pub(super) trap: Option<u32>,
    /// Its MTVAL.
    pub(super) value: u32,
}

ports! {
    /// What the system says besides what its MMU does.
    struct Ports {
        console_valid: OutPort = output("console_valid"),
        console_data: OutPort = output("console_data"),
        exit_valid: OutPort = output("exit_valid"),
        exit_data: OutPort = output("exit_data"),
        valid: OutPort = output("core_valid"),
        pc: OutPort = output("core_pc"),
        user: OutPort = output("core_user"),
        retired: OutPort = output("core_retired"),
        trap_valid: OutPort = output("trap_valid"),
        trap_cause: OutPort = output("trap_cause"),
        trap_value: OutPort = output("trap_value"),
    }
}

impl Ports {
    fn see(&self, dut: &Dut) -> Seen {
        let cause = dut.get(self.trap_cause) as u32;
        Seen {
            valid: dut.get(self.valid) != 0,
            pc: dut.get(self.pc) as u32,
            user: dut.get(self.user) != 0,
            retired: dut.get(self.retired) != 0,
            trap: (dut.get(self.trap_valid) != 0).then_some(cause & 31 | (cause >> 5) << 31),
            value: dut.get(self.trap_value) as u32,
        }
    }
}

/// The system.
pub struct System {
    machine: Observed,
    ram: Ram,
    ports: Ports,
    counter: Counter,
    console: Vec<u8>,
    /// The last cycle in which an instruction retired.
    retired_at: u64,
    /// Traps in machine mode since user mode ran last.
    traps: u32,
    seen: Seen,
    /// What the table held before the core's next store into it.
    mappings: Option<Vec<Mapping>>,
}

impl System {
    /// Loads memory and the window, and lets the core begin.
    ///
    /// # Errors
    /// The shared object cannot be loaded, or the design failed.
    pub fn new(
        device: &SocDevice,
        config: &Config,
        built: Built,
        phases: Phases,
        memory_latency: u32,
    ) -> Result<System, SocError> {
        let Built { os, window, .. } = built;
        let mut machine = Observed::new(device.load()?, config, os, MemoryTiming::fixed(memory_latency))?;
        let dut = machine.dut_mut();
        let (valid, word, data) = (dut.input("load_valid")?, dut.input("load_word")?, dut.input("load_data")?);
        dut.set(valid, 1);
        for (at, value) in window {
            dut.set(word, at.into());
            dut.set(data, value.into());
            dut.cycle()?;
        }
        dut.set(valid, 0);
        let run = dut.input("run")?;
        dut.set(run, 1);
        let dut = machine.dut();
        let (ports, ram) = (Ports::new(dut)?, Ram::new(dut, memory_latency)?);
        let seen = ports.see(dut);
        let (counter, console) = (Counter::new(phases), Vec::new());
        Ok(System { machine, ram, ports, counter, console, retired_at: 0, traps: 0, seen, mappings: None })
    }

    /// Writes a wave of all that follows.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn open_wave(&mut self, path: &std::path::Path) -> Result<(), SocError> {
        Ok(self.machine.dut_mut().open_wave(path)?)
    }

    /// What was printed so far.
    #[must_use]
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&self.console).into_owned()
    }

    /// Runs until software ends it; `printed` gets each byte of the console.
    ///
    /// # Errors
    /// The hardware answered what the golden model does not allow; the core hangs, traps in a circle, or takes too long.
    pub fn run(mut self, limits: Limits, mut printed: impl FnMut(u8)) -> Result<End, SocError> {
        loop {
            if let Some(code) = self.cycle(&mut printed)? {
                let console = self.console();
                return Ok(End { code, console, counts: self.counter.finish(self.ram.lines) });
            }
            let now = self.machine.now();
            let Seen { pc, value, .. } = self.seen;
            if now - self.retired_at > limits.idle {
                let state = self.last_words();
                return Err(SocError::Stuck { cycle: now, waited: limits.idle, pc, state });
            }
            if self.traps >= TRAPS {
                let cause = self.seen.trap.unwrap_or_default();
                return Err(SocError::TrapLoop { cycle: now, traps: self.traps, cause, pc, value });
            }
            if now >= limits.cycles {
                return Err(SocError::TooLong { cycles: limits.cycles, pc });
            }
        }
    }

    /// Where things stand, for a message.
    fn last_words(&self) -> String {
        let mode = if self.seen.user { "user" } else { "machine" };
        let console = self.console();
        let last = console.lines().next_back().unwrap_or("nothing");
        format!("{mode} mode, last printed: {last}")
    }

    fn cycle(&mut self, printed: &mut impl FnMut(u8)) -> Result<Option<u32>, SocError> {
        let now = self.machine.now();
        self.ram.drive(self.machine.dut_mut(), now);
        let events = self.machine.cycle()?;
        let dut = self.machine.dut();
        let store = self.ram.observe(dut, now, self.machine.os().memory());
        self.seen = self.ports.see(dut);
        let printed_byte = (dut.get(self.ports.console_valid) != 0).then(|| dut.get(self.ports.console_data) as u8);
        let code = (dut.get(self.ports.exit_valid) != 0).then(|| dut.get(self.ports.exit_data) as u32);
        self.counter.observe(&self.seen, &events);
        self.counter.set_waiting(self.machine.waits());
        if let Some(byte) = printed_byte {
            self.console.push(byte);
            printed(byte);
        }
        if let Some(store) = store {
            self.store(store);
        }
        if self.seen.retired {
            self.retired_at = now;
        }
        if self.seen.user {
            self.traps = 0;
        } else if self.seen.trap.is_some() {
            self.traps += 1;
        }
        Ok(code)
    }

    /// A store of the core. In the table it is a change: what walks found before and do not find any more is withdrawn.
    fn store(&mut self, store: Store) {
        if !self.machine.os().table().owns(store.address) {
            store.write(self.machine.memory_mut());
            return;
        }
        let known = &mut self.mappings;
        self.machine.change(|os| {
            let before = known.take().unwrap_or_else(|| mappings(os));
            store.write(os.memory_mut());
            let after = mappings(os);
            let withdrawn = before.into_iter().filter(|old| !after.contains(old)).collect();
            *known = Some(after);
            withdrawn
        });
    }
}

/// What walks find, without marks; of a table that is broken what can be found out.
fn mappings(os: &Os) -> Vec<Mapping> {
    let all = os.table().mappings(os.ram()).unwrap_or_default();
    all.into_iter().map(Mapping::unmarked).collect()
}
