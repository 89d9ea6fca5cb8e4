//! Running a scenario.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hashwalk_hdl::Design;
use hashwalk_model::mapping::{Marks, Pte};
use hashwalk_model::os::Os;
use hashwalk_model::walk::Walk;
use hashwalk_model::{Element, Entry, Mapping, PageTable, PhysicalMemory};
use hashwalk_sim::Dut;
use hashwalk_spec::{
    Access, Asid, Config, Format, Invalidation, PageSize, Pfn, PhysAddr, Request, Rights, Vpn, entry, line,
};
use std::ops::Range;
use std::path::Path;

use super::{Action, Coverage, Damage, Scenario};
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
    fn count(&mut self, what: &'static str) {
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
    Runner::new(machine, tally).run(scenario)?;
    Ok(())
}

/// Runs a scenario to its end and records what all ports of the design did, of which `dut` is an instance.
///
/// # Errors
/// As for [`run`]; the device is of another design.
pub fn record(dut: Dut, design: &Design, scenario: &Scenario, tally: &mut Tally) -> Result<Recording> {
    let mut machine = machine(dut, scenario)?;
    machine.record(design)?;
    let mut machine = Runner::new(machine, tally).run(scenario)?;
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

struct Runner<'a> {
    machine: Machine,
    tally: &'a mut Tally,
    /// What is asked and not yet accepted.
    drive: Drive,
    /// The cycle in which the last request was accepted, and how long the last one that missed took.
    accepted_at: u64,
    miss_cycles: u32,
    /// The entry that is corrupted, as it was.
    broken: Option<(PhysAddr, Element)>,
}

impl<'a> Runner<'a> {
    fn new(machine: Machine, tally: &'a mut Tally) -> Runner<'a> {
        Runner { machine, tally, drive: Drive::default(), accepted_at: 0, miss_cycles: 0, broken: None }
    }

    /// Does everything and hands the machine back, at rest.
    fn run(mut self, scenario: &Scenario) -> Result<Machine> {
        for (number, step) in scenario.steps.iter().enumerate() {
            self.step(step.wait, step.action).with_context(|| format!("in step {number}, {:?}", step.action))?;
        }
        self.come_to_rest().context("after the last step")?;
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
        for answered in events.into_answers() {
            if answered.level == 0 {
                self.miss_cycles = answered.cycles;
            }
            self.tally.answer(&answered);
            self.tally.coverage.count(self.machine.config().format(), &answered)?;
        }
        Ok(())
    }

    fn come_to_rest(&mut self) -> Result<()> {
        while self.drive.lookup.is_some() || self.drive.invalidate.is_some() {
            self.cycle()?;
        }
        while self.machine.is_waiting() || self.machine.is_invalidating() {
            self.cycle()?;
        }
        Ok(())
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
                let pfn = hashwalk_spec::Pfn::truncate(pfn.get() & !(size.pages() - 1));
                let mapping = Mapping { global, ..Mapping::new(asid, vpn.base(size), size, pfn, rights) };
                self.heal();
                self.change("map", |os| {
                    let (table, ram) = os.table_mut();
                    table.insert(ram, mapping).is_ok().then(Vec::new)
                });
            }
            Action::Unmap { asid, vpn } => {
                self.heal();
                if let Some(old) = self.mapped(asid, vpn) {
                    self.change("unmap", |os| {
                        let (table, ram) = os.table_mut();
                        table.remove(ram, old.asid, old.vpn, old.size).ok().map(|old| vec![old])
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
            Action::Corrupt { element, bit } => self.corrupt(element, bit),
            Action::Poison { element } => {
                let layout = *self.machine.os().walk_context().layout();
                let address = layout.address(u32::from(element) & layout.mask());
                self.unsettle(|machine| machine.set_poison(Poison::from([address])));
                self.tally.count("poison");
            }
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

    fn corrupt(&mut self, element: u8, bit: u16) {
        self.heal();
        let (context, memory) = (self.machine.os().walk_context(), self.machine.os().memory());
        let format = context.layout().format();
        let read = |address| memory.read_element(address, format).expect("elements lie in memory");
        let all = (0..=context.layout().mask()).map(|index| context.layout().address(index));
        let used: Vec<PhysAddr> = all.filter(|address| read(*address).iter().any(|byte| *byte != 0)).collect();
        if used.is_empty() {
            return;
        }
        let address = used[usize::from(element) % used.len()];
        let whole = read(address);
        let mut broken = whole;
        let bit = u64::from(bit) % (8 * format.element_bytes());
        broken[bit as usize / 8] ^= 1 << (bit % 8);
        self.write_element(address, &broken);
        self.broken = Some((address, whole));
        self.tally.count("corrupt");
    }

    fn break_home(&mut self, asid: Asid, vpn: Vpn, damage: Damage) {
        self.heal();
        let context = self.machine.os().walk_context();
        let request = Request { asid, vpn, access: Access::Read, user: false };
        // No search is enabled.
        let Some(home) = Walk::new(&context, request).probe_address() else { return };
        let (layout, format) = (context.layout(), context.layout().format());
        let index = (home.get() - layout.base().get()) / format.element_bytes();
        let next = match damage {
            Damage::Unreadable => {
                self.unsettle(|machine| machine.set_poison(Poison::from([home])));
                return self.tally.count("break");
            }
            Damage::LinkOutside => u32::MAX,
            Damage::LinkToItself => index as u32,
        };
        let whole = self.machine.os().memory().read_element(home, format).expect("elements lie in memory");
        let mut broken = whole;
        let (linked, next_bits): (u32, &[Range<u32>]) = match format {
            Format::Line => (line::LINKED, &line::NEXT),
            Format::Chained => (entry::LINKED, &[entry::NEXT]),
            Format::Cuckoo => {
                // There are no links, and an entry of the page itself that has one is malformed.
                let page = Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(0), Rights::ALL);
                broken[..Format::Cuckoo.element_bytes() as usize].copy_from_slice(&Entry::new(&page, None).to_bytes());
                (entry::LINKED, &[entry::NEXT])
            }
            Format::Inverted | Format::Tree | Format::Radix => unreachable!("no hardware walks them"),
        };
        let next_bits = next_bits.iter().cloned().flatten().zip((0..u32::BITS).map(|bit| next >> bit & 1 != 0));
        for (bit, set) in next_bits.chain([(linked, true)]) {
            let (byte, mask) = (&mut broken[bit as usize / 8], 1 << (bit % 8));
            *byte = if set { *byte | mask } else { *byte & !mask };
        }
        self.write_element(home, &broken);
        self.broken = Some((home, whole));
        self.tally.count("break");
    }

    fn heal(&mut self) {
        if let Some((address, whole)) = self.broken.take() {
            self.write_element(address, &whole);
        }
        self.unsettle(|machine| machine.set_poison(Poison::new()));
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
        self.machine.change(mappings);
        change(&mut self.machine);
        self.machine.change(mappings);
    }
}

/// Every well-formed mapping in the table, reachable or not.
fn mappings(os: &mut Os) -> Vec<Mapping> {
    os.table().mappings(os.ram()).expect("the table lies in memory")
}
