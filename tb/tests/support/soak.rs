//! A long random run with the scoreboard: one table, three address spaces, memory that stalls, an operating system that
//! changes mappings under way.

use fastrand::Rng;
use hashwalk::machine::{Drive, Machine, MachineError};
use hashwalk_model::mapping::{Marks, Pte};
use hashwalk_model::os::Os;
use hashwalk_model::walk::walk;
use hashwalk_model::{Mapping, PageTable, Walkable};
use hashwalk_spec::{Access, Asid, Config, Fault, Format, Invalidation, PageSize, Pfn, Request, Rights, Settings, Vpn};

const SPACES: u16 = 3;
/// Pages that share huge pages and chains and, over all spaces, fill a TLB of 32 more than twice.
const PAGES: u64 = 24;

fn vpn(n: u64) -> Vpn {
    Vpn::truncate(0x1_0000 + 37 * n)
}

/// Any page; a few are asked for most.
fn page(rng: &mut Rng) -> (Asid, Vpn) {
    let n = if rng.u8(0..4) > 0 { rng.u64(0..2) } else { rng.u64(0..PAGES) };
    (Asid::truncate(rng.u16(0..SPACES)), vpn(n))
}

fn request(rng: &mut Rng) -> Request {
    let (asid, vpn) = page(rng);
    Request { asid, vpn, access: Access::ALL[rng.usize(0..3)], user: rng.bool() }
}

fn invalidation(rng: &mut Rng) -> Invalidation {
    let (asid, vpn) = page(rng);
    match rng.u8(0..16) {
        0 => Invalidation::All,
        1..4 => Invalidation::Asid(asid),
        4..9 => Invalidation::Address(vpn),
        _ => Invalidation::AddressInAsid(asid, vpn),
    }
}

/// Enters, withdraws or protects a mapping; returns what it withdrew.
fn change(os: &mut Os, rng: &mut Rng) -> Vec<Mapping> {
    let (asid, vpn) = page(rng);
    let old = os.table().lookup(os.ram(), asid, vpn).expect("the table is whole").mapping.filter(|m| m.asid == asid);
    let frames = match os.table().layout().format() {
        Format::Inverted => os.memory().frames(),
        _ => Pfn::MAX.get() + 1,
    };
    let (table, ram) = os.table_mut();
    let rights = Rights::from_bits(if rng.u8(0..3) == 0 { rng.u8(0..16) } else { 15 });
    match old {
        Some(_) if rng.bool() => vec![],
        Some(old) if rng.bool() => {
            table.protect(ram, old.asid, old.vpn, old.size, rights).expect("it is mapped");
            vec![old]
        }
        Some(old) => {
            table.remove(ram, old.asid, old.vpn, old.size).expect("it is mapped");
            vec![old]
        }
        None => {
            let size = PageSize::ALL[[0, 0, 0, 0, 0, 0, 1, 1, 2][rng.usize(0..9)]];
            let pfn = Pfn::truncate(rng.u64(0..frames) & !(size.pages() - 1));
            let global = asid == Asid::GLOBAL && rng.bool();
            let mapping = Mapping { global, ..Mapping::new(asid, vpn.base(size), size, pfn, rights) };
            // Refused if it overlaps another, or the table is full; taken back if it makes a chain too long, since what
            // then cannot be found any more is not withdrawn from a TLB that holds it.
            if table.insert(ram, mapping).is_ok() && has_chain_too_long(os) {
                let (table, ram) = os.table_mut();
                table.remove(ram, mapping.asid, mapping.vpn, mapping.size).expect("it was just inserted");
            }
            vec![]
        }
    }
}

/// Sets the marks that the request has found missing, if its page is still mapped. That withdraws nothing.
fn mark(os: &mut Os, request: Request) {
    let found = os.table().lookup(os.ram(), request.asid, request.vpn).expect("the table is whole").mapping;
    let (table, ram) = os.table_mut();
    let set = |pte: Pte| Pte { marks: pte.marks.with(Marks::of(request.access)), ..pte };
    if let Some(old) = found {
        table.update(ram, old.asid, old.vpn, old.size, &set).expect("it is mapped");
    }
}

fn has_chain_too_long(os: &Os) -> bool {
    let spaces = (0..SPACES).map(Asid::truncate);
    spaces.flat_map(|asid| (0..PAGES).map(move |n| (asid, vpn(n)))).any(|(asid, vpn)| {
        let request = Request { asid, vpn, access: Access::Read, user: false };
        walk(os.memory(), &os.walk_context(), request).answer == Err(Fault::ChainTooLong)
    })
}

/// What happened.
#[derive(Debug, Default)]
pub struct Counts {
    pub hits: u32,
    pub walks: u32,
    pub not_present: u32,
    pub rights: u32,
    pub invalidations: u32,
    pub reads: u32,
}

/// The configuration with as short a table as can be, so that chains form. An inverted one has entries for the frames of
/// the machine alone, and pages of 1 GiB want many.
pub fn with_small_table(config: &Config) -> Config {
    let format = config.format();
    let frames = if format == Format::Inverted { PageSize::Huge.pages() } else { format.min_frames() };
    let settings = Settings { frames, entries_per_frame: 1, ..config.settings().clone() };
    Config::new(settings).expect("a legal configuration")
}

/// Runs a machine of such a configuration for this many cycles, and until everything has come to rest.
pub fn soak(machine: &mut Machine, seed: u64, cycles: u64) -> Result<Counts, MachineError> {
    let mut rng = Rng::with_seed(seed);
    // Software looks into one way after the other and begins anew with each invalidation; it must come to an end at times.
    let ways = machine.config().ways() as u8;
    let invalidations_in_256 = if machine.config().format() == Format::Cuckoo { (3 / ways).max(1) } else { 3 };
    let (mut drive, mut counts) = (Drive::default(), Counts::default());
    while machine.now() < cycles || drive.lookup.is_some() || machine.is_waiting() {
        let ends = machine.now() >= cycles;
        if drive.lookup.is_none() && !ends && rng.u8(0..8) > 0 {
            drive.lookup = Some(request(&mut rng));
        }
        if drive.invalidate.is_none() && rng.u8(..) < invalidations_in_256 {
            drive.invalidate = Some(invalidation(&mut rng));
        }
        if rng.u8(..) < 2 {
            machine.change(|os| change(os, &mut rng));
        }
        if rng.u16(0..2_000) == 0 {
            machine.set_software_refill(rng.u8(0..4) == 0);
        }
        let events = machine.cycle(drive)?;
        if events.lookup_accepted {
            drive.lookup = None;
        }
        if events.invalidate_accepted {
            drive.invalidate = None;
            counts.invalidations += 1;
        }
        for answered in events.into_answers() {
            *if answered.level > 0 { &mut counts.hits } else { &mut counts.walks } += 1;
            counts.not_present += u32::from(answered.answer == Err(Fault::NotPresent));
            counts.rights += u32::from(answered.answer == Err(Fault::Rights));
            counts.reads += answered.reads;
            if answered.answer == Err(Fault::Unmarked) {
                machine.change(|os| {
                    mark(os, answered.request);
                    Vec::new()
                });
            }
        }
    }
    machine.finish()?;
    Ok(counts)
}
