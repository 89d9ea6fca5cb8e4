//! Machines whose table is written by hand, for formats whose links are addresses.

use hashwalk::device::Device;
use hashwalk::machine::{Answered, Drive, Machine, MemoryTiming};
use hashwalk_model::hash::{HashFunction, hasher};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{
    Access, Answer, Asid, Config, Fault, Format, Invalidation, PageSize, Pfn, PhysAddr, Request, Rights, Settings,
    Translation, Vpn,
};

/// This format on every bus that can be, a device each.
pub fn on_every_bus(format: Format) -> Vec<(Config, Device)> {
    let buses = [64, 128, 256, 512].into_iter().filter(|bus| *bus <= 8 * format.element_bytes() as u32);
    let config = |bus_bits| Settings {
        name: format!("{format}_{bus_bits}"),
        format,
        bus_bits,
        l2_entries: 0,
        predictor_entries: 0,
        frames: 1024,
        ..Settings::default()
    };
    let build = |settings| {
        let config = Config::new(settings).expect("a legal configuration");
        let device = Device::build(&config, false).expect("the design is Verilated");
        (config, device)
    };
    buses.map(config).map(build).collect()
}

/// An idle machine with every search enabled.
pub fn machine(config: &Config, device: &Device, latency: u32) -> Machine {
    let dut = device.load().expect("the device is loaded");
    Machine::new(dut, config, Os::new(config, 1), MemoryTiming::fixed(latency)).expect("a machine")
}

/// A machine of the configuration of `hashwalk check` with this name.
pub fn named(name: &str, latency: u32) -> Machine {
    let config = super::named(name);
    Machine::new(super::dut(&config), &config, Os::new(&config, 1), MemoryTiming::fixed(latency)).expect("a machine")
}

pub fn read(asid: u16, vpn: u64) -> Request {
    Request { asid: Asid::truncate(asid), vpn: Vpn::truncate(vpn), access: Access::Read, user: false }
}

pub fn pfn(pfn: u64) -> Answer {
    Ok(Translation { pfn: Pfn::truncate(pfn) })
}

/// A page that allows everything.
pub fn page(asid: u16, vpn: u64, size: PageSize, pfn: u64) -> Mapping {
    Mapping::new(Asid::truncate(asid), Vpn::truncate(vpn), size, Pfn::truncate(pfn), Rights::ALL)
}

#[track_caller]
pub fn ask(machine: &mut Machine, request: Request) -> Answered {
    machine.ask(request).expect("the hardware keeps the contract")
}

#[track_caller]
pub fn invalidate(machine: &mut Machine, invalidation: Invalidation) {
    machine.invalidate(invalidation).expect("the hardware keeps the contract");
}

#[track_caller]
pub fn map(machine: &mut Machine, mapping: Mapping) {
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        table.insert(ram, mapping).expect("there is room");
        Vec::new()
    });
}

#[track_caller]
pub fn unmap(machine: &mut Machine, mapping: Mapping) {
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        vec![table.remove(ram, mapping.asid, mapping.vpn, mapping.size).expect("it is mapped")]
    });
}

/// Writes words from an address on.
pub fn put(machine: &mut Machine, address: u64, words: &[u64]) {
    put_withdrawing(machine, address, words, Vec::new());
}

fn put_withdrawing(machine: &mut Machine, address: u64, words: &[u64], withdrawn: Vec<Mapping>) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    machine.change(|os| {
        os.memory_mut().write(PhysAddr::truncate(address), &bytes).expect("it lies in memory");
        withdrawn
    });
}

/// The address of the anchor or bucket of a page, worked from docs/spec.md, sections 2 and 3.
pub fn home(machine: &Machine, asid: u16, vpn: u64) -> u64 {
    let layout = *machine.os().walk_context().layout();
    let hash = hasher(layout.hash(), layout.key()).hash_of_way(0, Asid::truncate(asid), Vpn::truncate(vpn));
    layout.base().get() + 8 * (u64::from(hash) % layout.elements())
}

/// One of each kind that names this page.
pub fn of_page(asid: u16, vpn: u64) -> [Invalidation; 4] {
    let (asid, vpn) = (Asid::truncate(asid), Vpn::truncate(vpn));
    [Invalidation::All, Invalidation::Asid(asid), Invalidation::Address(vpn), Invalidation::AddressInAsid(asid, vpn)]
}

/// A frame that neither the table nor anybody else uses.
pub const SPARE: u64 = 0x1_0000;

/// A node is taken out of the table while a walk is on its way to it, its words as they were, and its memory is used for
/// something else as soon as the invalidation is done.
pub struct Reuse<'a> {
    pub request: Request,
    pub withdrawn: Mapping,
    /// Where the link to the node stands.
    pub link: u64,
    pub invalidation: Invalidation,
    pub node: u64,
    /// What that is; none if the memory stays as it is.
    pub now_there: &'a [u64],
}

impl Reuse<'_> {
    /// The node is taken out so many cycles after the request was presented. What stood there is an answer until the
    /// invalidation is done, what stands there then is none.
    #[track_caller]
    pub fn meets(&self, machine: &mut Machine, moment: u64) {
        let (mut lookup, mut asked, mut answers, mut is_done) = (Some(self.request), None, Vec::new(), false);
        let start = machine.now();
        while machine.now() < start + 150 {
            if machine.now() == start + moment {
                put_withdrawing(machine, self.link, &[0], vec![self.withdrawn]);
                asked = Some(self.invalidation);
            }
            let events = machine.cycle(Drive { lookup, invalidate: asked }).expect("the hardware keeps the contract");
            lookup = lookup.filter(|_| !events.lookup_accepted);
            asked = asked.filter(|_| !events.invalidate_accepted);
            if events.invalidate_done {
                put(machine, self.node, self.now_there);
                is_done = true;
            }
            answers.extend(events.into_answers().map(|answered| (answered.answer, is_done)));
        }
        let old = pfn(self.withdrawn.pfn.get());
        let is_legal =
            |(answer, is_done): (Answer, bool)| answer == Err(Fault::NotPresent) || (answer == old && !is_done);
        assert!(answers.len() == 1 && is_legal(answers[0]), "{answers:?} at {moment}, {:?}", self.invalidation);
        assert_eq!(ask(machine, self.request).answer, Err(Fault::NotPresent), "at {moment}");
    }
}
