//! Running a scenario.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hashwalk_hdl::Design;
use hashwalk_model::mapping::{Marks, Pte};
use hashwalk_model::os::Os;
use hashwalk_model::{Element, Mapping, PageTable, PhysicalMemory, Store, TableError, Walkable};
use hashwalk_sim::Dut;
use hashwalk_spec::{Access, Asid, Config, Format, Invalidation, PageSize, Pfn, PhysAddr, Request, Rights, Vpn};
use std::path::Path;

use super::writer::Writer;
use super::{Action, Coverage, Scenario};
use crate::machine::{Answered, Drive, Machine, Poison, Recording};

/// How often what happened, so that one can see that it did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The answers, and what software did.
    pub times: BTreeMap<&'static str, u64>,
    /// How the answers came about.
    pub coverage: Coverage,
}

impl Tally {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.times.entry(what).or_default() += 1;
    }

    fn answer(&mut self, answered: &Answered) {
        self.count(match answered.level {
            _ if answered.shared => "answers of others' walks",
            0 => "walks",
            1 => "hits",
            _ => "hits of level 2",
        });
        self.count(match answered.answer {
            Ok(_) => "translations",
            Err(hashwalk_spec::Fault::NotPresent) => "not present",
            Err(hashwalk_spec::Fault::Rights) => "rights",
            Err(hashwalk_spec::Fault::Malformed) => "malformed",
            Err(hashwalk_spec::Fault::ChainTooLong) => "chain too long",
            Err(hashwalk_spec::Fault::BusError) => "bus error",
            Err(hashwalk_spec::Fault::Unmarked) => "unmarked",
        });
    }
}

/// Runs a scenario to its end, when everything has come to rest.
///
/// # Errors
/// The hardware broke the contract; the scenario's configuration is not legal; the wave cannot be written.
pub fn run(dut: Dut, scenario: &Scenario, wave: Option<&Path>, tally: &mut Tally) -> Result<()> {
    let mut machine = machine(dut, scenario)?;
    if let Some(path) = wave {
        machine.open_wave(path)?;
    }
    Runner::new(machine, scenario.seed, tally).run(scenario)?;
    Ok(())
}

/// Runs a scenario to its end and records what all ports of the design did, of which `dut` is an instance.
///
/// # Errors
/// As for [`run`]; the device is of another design.
pub fn record(dut: Dut, design: &Design, scenario: &Scenario, tally: &mut Tally) -> Result<Recording> {
    let mut machine = machine(dut, scenario)?;
    machine.record(design)?;
    let mut machine = Runner::new(machine, scenario.seed, tally).run(scenario)?;
    machine.recorded().context("nothing was recorded")
}

fn machine(dut: Dut, scenario: &Scenario) -> Result<Machine> {
    let config = Config::new(scenario.config.clone())?;
    let mut os = Os::new(&config, scenario.seed);
    os.set_search_enable(scenario.search_enable);
    let mut machine = Machine::new(dut, &config, os, scenario.memory)?;
    machine.watch();
    Ok(machine)
}

/// The address space of the pages of [`Action::Crowd`].
const CROWD: Asid = Asid::truncate(0x3333);
/// The most slots of a first level that are crowded.
const MAX_CROWD: u64 = 8;

pub(super) struct Runner<'a> {
    pub(super) machine: Machine,
    pub(super) tally: &'a mut Tally,
    /// What is asked and not yet accepted.
    drive: Drive,
    /// The cycle in which the last request was accepted, and how long the last one that missed took.
    accepted_at: u64,
    miss_cycles: u32,
    /// The element that is broken: where, as it was, and as it was made.
    broken: Option<(PhysAddr, Element, Element)>,
    /// An element cannot be read.
    poisoned: bool,
    /// A change of the table that is made store by store.
    writer: Writer,
}

impl<'a> Runner<'a> {
    fn new(machine: Machine, seed: u64, tally: &'a mut Tally) -> Runner<'a> {
        Runner {
            machine,
            tally,
            drive: Drive::default(),
            accepted_at: 0,
            miss_cycles: 0,
            broken: None,
            poisoned: false,
            writer: Writer::new(seed),
        }
    }

    /// Does everything and hands the machine back, at rest.
    fn run(mut self, scenario: &Scenario) -> Result<Machine> {
        for (number, step) in scenario.steps.iter().enumerate() {
            self.step(step.wait, step.action).with_context(|| format!("in step {number}, {:?}", step.action))?;
        }
        self.come_to_rest().context("after the last step")?;
        self.machine.finish().context("after the last step")?;
        Ok(self.machine)
    }

    fn cycle(&mut self) -> Result<()> {
        let now = self.machine.now();
        let events = self.machine.cycle(self.drive)?;
        if events.lookup_accepted {
            self.accepted_at = now;
            self.drive.lookup = None;
        }
        if events.invalidate_accepted {
            self.drive.invalidate = None;
        }
        if let Some(store) = self.writer.next(now) {
            self.machine.store(&store);
        }
        if events.torn > 0 {
            *self.tally.times.entry("torn entries").or_default() += u64::from(events.torn);
        }
        if let Some(swapped) = events.updated {
            self.tally.count(if swapped { "updates" } else { "updates in vain" });
        }
        for answered in events.into_answers() {
            if answered.level == 0 {
                self.miss_cycles = answered.cycles;
            }
            self.tally.answer(&answered);
            self.tally.coverage.count(self.machine.config(), &answered)?;
        }
        Ok(())
    }

    fn come_to_rest(&mut self) -> Result<()> {
        while self.drive.lookup.is_some() || self.drive.invalidate.is_some() {
            self.cycle()?;
        }
        while self.machine.is_waiting() || self.machine.is_invalidating() || self.writer.is_busy() {
            self.cycle()?;
        }
        Ok(())
    }

    /// The table is whole, so that software may change it: the change before is made to its end, and what was broken is
    /// healed. Where walks read word by word, none of them reads on both sides of what breaks the rules of such changes.
    fn finish_changes(&mut self) -> Result<()> {
        while self.writer.is_busy() {
            self.cycle()?;
        }
        if self.broken.is_some() && self.machine.config().sequence() {
            self.heal();
            self.finish_reads()?;
        }
        Ok(())
    }

    fn finish_reads(&mut self) -> Result<()> {
        while self.machine.config().sequence() && self.machine.is_reading() {
            self.cycle()?;
        }
        Ok(())
    }

    /// Changes the table by stores, if it is one that is changed so: the first one at once, the others in later cycles.
    fn change_by_stores(
        &mut self,
        what: &'static str,
        change: impl FnOnce(&mut Os) -> Result<(Vec<Mapping>, Vec<Store>), TableError>,
    ) {
        let mut stores = Vec::new();
        self.change(what, |os| {
            let (withdrawn, left) = change(os).ok()?;
            stores = left;
            Some(withdrawn)
        });
        if let Some(first) = self.writer.begin(stores, self.machine.now()) {
            self.machine.store(&first);
        }
    }

    /// Asks for pages of an address space that nobody else uses.
    fn crowd(&mut self) -> Result<()> {
        let slots = u64::from(self.machine.config().tlb_entries());
        if slots > MAX_CROWD {
            return Ok(());
        }
        self.heal();
        self.come_to_rest()?;
        for n in 0..slots {
            let (asid, vpn) = (CROWD, Vpn::truncate(n));
            let page = Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(n), Rights::ALL);
            if self.mapped(asid, vpn).is_none() {
                self.change("map", |os| {
                    let (table, ram) = os.table_mut();
                    table.insert(ram, page).is_ok().then(Vec::new)
                });
            }
            self.come_to_rest()?;
            self.drive.lookup = Some(Request { asid, vpn, access: Access::Read, user: false });
        }
        self.come_to_rest()
    }

    fn step(&mut self, wait: u8, action: Action) -> Result<()> {
        for _ in 0..wait {
            self.cycle()?;
        }
        let changes_table = match action {
            Action::Map { .. } | Action::Unmap { .. } | Action::Protect { .. } | Action::Mark { .. } => true,
            Action::Corrupt { .. } | Action::Poison { .. } | Action::Break { .. } | Action::Heal => true,
            Action::Access(_) | Action::Invalidate(_) | Action::Refill { .. } => false,
            Action::Settle | Action::Crowd | Action::Approach { .. } => false,
        };
        if changes_table {
            self.finish_changes()?;
        }
        match action {
            Action::Access(request) => {
                while self.drive.lookup.is_some() {
                    self.cycle()?;
                }
                self.drive.lookup = Some(request);
            }
            Action::Invalidate(invalidation) => {
                while self.drive.invalidate.is_some() {
                    self.cycle()?;
                }
                self.drive.invalidate = Some(invalidation);
                self.tally.count(match invalidation {
                    Invalidation::All => "invalidate all",
                    Invalidation::Asid(_) => "invalidate asid",
                    Invalidation::Address(_) => "invalidate address",
                    Invalidation::AddressInAsid(..) => "invalidate address in asid",
                });
            }
            Action::Settle => self.come_to_rest()?,
            Action::Crowd => self.crowd()?,
            Action::Approach { cycles_left } => {
                while self.drive.lookup.is_some() {
                    self.cycle()?;
                }
                let until = self.accepted_at + u64::from(self.miss_cycles.saturating_sub(cycles_left.into()));
                while self.machine.is_waiting() && self.machine.now() < until {
                    self.cycle()?;
                }
            }
            Action::Refill { software } => self.machine.set_software_refill(software),
            Action::Map { asid, vpn, size, pfn, rights, global } => {
                let asid = if global { Asid::GLOBAL } else { asid };
                let pfn = Pfn::truncate(self.known_frame(pfn).get() & !(size.pages() - 1));
                let mapping = Mapping { global, ..Mapping::new(asid, vpn.base(size), size, pfn, rights) };
                self.heal();
                self.change_by_stores("map", |os| {
                    let (table, ram) = os.table_mut();
                    Ok((Vec::new(), table.insert_by_stores(ram, mapping)?))
                });
            }
            Action::Unmap { asid, vpn } => {
                self.heal();
                if let Some(old) = self.mapped(asid, vpn) {
                    self.change_by_stores("unmap", |os| {
                        let (table, ram) = os.table_mut();
                        let (old, stores) = table.remove_by_stores(ram, old.asid, old.vpn, old.size)?;
                        // If there are stores they withdraw it.
                        Ok((if stores.is_empty() { vec![old] } else { Vec::new() }, stores))
                    });
                }
            }
            Action::Protect { asid, vpn, rights } => {
                self.heal();
                if let Some(old) = self.mapped(asid, vpn) {
                    self.change("protect", |os| {
                        let (table, ram) = os.table_mut();
                        table.protect(ram, old.asid, old.vpn, old.size, rights).ok().map(|old| vec![old])
                    });
                }
            }
            Action::Mark { asid, vpn, accessed, dirty } => {
                self.heal();
                let mark = |set, mark| if set { mark } else { Marks::NONE };
                let marks = mark(accessed, Marks::A).with(mark(dirty, Marks::D));
                if let Some(old) = self.mapped(asid, vpn) {
                    self.change("mark", |os| {
                        let (table, ram) = os.table_mut();
                        let mark = |pte| Pte { marks, ..pte };
                        table.update(ram, old.asid, old.vpn, old.size, &mark).ok().map(|old| vec![old])
                    });
                }
            }
            Action::Corrupt { element, bit } => {
                self.finish_reads()?;
                self.corrupt(element, bit);
            }
            Action::Poison { element } => self.poison(element),
            Action::Break { asid, vpn, damage } => self.break_home(asid, vpn, damage),
            Action::Heal => self.heal(),
        }
        Ok(())
    }

    /// Changes the table; `change` returns what it withdrew, or `None` if it was refused.
    fn change(&mut self, what: &'static str, change: impl FnOnce(&mut Os) -> Option<Vec<Mapping>>) {
        let mut done = false;
        self.machine.change(|os| {
            let withdrawn = change(os);
            done = withdrawn.is_some();
            withdrawn.unwrap_or_default()
        });
        if done {
            self.tally.count(what);
        }
    }

    /// The mapping of a page in the address space itself.
    fn mapped(&self, asid: Asid, vpn: Vpn) -> Option<Mapping> {
        let os = self.machine.os();
        os.table().lookup(os.ram(), asid, vpn).ok()?.mapping.filter(|mapping| mapping.asid == asid)
    }

    /// The frame itself or, in an inverted table, which knows no others, one of the machine's.
    fn known_frame(&self, pfn: Pfn) -> Pfn {
        let os = self.machine.os();
        match self.machine.config().format() {
            Format::Inverted => Pfn::truncate(pfn.get() % os.memory().frames()),
            _ => pfn,
        }
    }

    /// What was broken is whole again. Marks that the hardware has set in it meanwhile stay.
    pub(super) fn heal(&mut self) {
        if let Some((address, mut healed, broken)) = self.broken.take() {
            let now = self.element(address);
            for ((healed, now), broken) in healed.iter_mut().zip(now).zip(broken) {
                *healed |= now & !broken;
            }
            self.write_element(address, &healed);
        }
        if std::mem::take(&mut self.poisoned) {
            self.unsettle(|machine| machine.set_poison(Poison::new()));
        }
    }

    /// Reads of the element fail, until it is healed.
    pub(super) fn make_unreadable(&mut self, address: PhysAddr) {
        self.unsettle(|machine| machine.set_poison(Poison::from([address])));
        self.poisoned = true;
    }

    /// The element is as `broken` says, until it is healed.
    pub(super) fn break_element(&mut self, address: PhysAddr, whole: &Element, broken: &Element) {
        self.write_element(address, broken);
        self.broken = Some((address, *whole, *broken));
    }

    fn write_element(&mut self, address: PhysAddr, element: &Element) {
        let bytes = self.machine.os().walk_context().layout().format().element_bytes() as usize;
        let write = |memory: &mut PhysicalMemory| memory.write(address, &element[..bytes]).expect("it lies in memory");
        self.unsettle(|machine| {
            machine.change(|os| {
                write(os.memory_mut());
                Vec::new()
            });
        });
    }

    /// A change after which any mapping may be lost to walks, or may be found for the first time: all of them, before
    /// and after, count as withdrawn until they are invalidated.
    fn unsettle(&mut self, change: impl FnOnce(&mut Machine)) {
        let withdraw_all = |machine: &mut Machine| {
            let brought = machine.brought();
            machine.change(|os| mappings(os).into_iter().chain(brought).collect());
        };
        withdraw_all(&mut self.machine);
        change(&mut self.machine);
        withdraw_all(&mut self.machine);
    }
}

/// Every well-formed mapping in the table, reachable or not. Where links are addresses, what lies behind a broken one cannot
/// be found: what counts of it was brought.
fn mappings(os: &mut Os) -> Vec<Mapping> {
    let mappings = os.table().mappings(os.ram());
    if os.table().layout().format().links_by_address() {
        return mappings.unwrap_or_default();
    }
    mappings.expect("the table lies in memory")
}
