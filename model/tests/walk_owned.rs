//! What walks read of every format: the table's own elements and no more, as often as the contract says; and that they
//! end over broken bytes.

use hashwalk_model::organisation::of_config;
use hashwalk_model::{
    Mapping, Os, PageTable, Progress, Ram, Resolution, Segment, Walk, WalkContext, WalkResult, Walkable, walk,
};
use hashwalk_spec::{
    Access, Asid, Config, Fault, Format, Hash, PageSize, Pfn, PhysAddr, Request, Rights, Search, Settings, Vpn,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const FRAMES: u64 = 1024;
const MAX_STEPS: u32 = 9;

fn table(format: Format, hash: Hash) -> (Ram, Box<dyn Walkable>) {
    let settings = Settings { format, hash, bus_bits: 64, frames: FRAMES, ..Settings::default() };
    let mut ram = Ram::new(FRAMES);
    let table = of_config(&Config::new(settings).unwrap(), &mut ram, 7).unwrap();
    (ram, table)
}

fn page(asid: u16, vpn: u64) -> Mapping {
    Mapping::new(Asid::truncate(asid), Vpn::truncate(vpn), PageSize::Small, Pfn::truncate(vpn % FRAMES), Rights::R)
}

fn read(asid: u16, vpn: u64) -> Request {
    Request { asid: Asid::truncate(asid), vpn: Vpn::truncate(vpn), access: Access::Read, user: false }
}

/// Some pages of ASIDs 1 to 3, a global one and huge ones.
fn some_pages() -> Vec<Mapping> {
    let global = Mapping { global: true, ..page(0, 0x1005) };
    let large = Mapping { size: PageSize::Large, pfn: Pfn::truncate(512), ..page(1, 0x2200) };
    let small = (0..120).map(|number| page(1 + (number % 3) as u16, number / 3));
    small.chain([global, large]).collect()
}

/// The elements that a walk reads, and how it ends.
fn elements(ram: &Ram, context: &WalkContext, request: Request) -> (Vec<PhysAddr>, WalkResult) {
    let mut walk = Walk::new(context, request);
    let mut elements = Vec::new();
    loop {
        match walk.progress() {
            Progress::Probe(address) => {
                elements.push(address);
                walk.step(ram.memory.read_element(address, context.layout().format()));
            }
            Progress::Done(result) => return (elements, result),
        }
    }
}

#[test]
fn walks_read_aligned_elements_that_the_table_owns() {
    for format in Format::ALL {
        let (mut ram, mut table) = table(format, Hash::Keyed);
        some_pages().iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
        for grown in [false, true] {
            let context = WalkContext::new(*table.layout(), Search::ENABLE_ALL, 100);
            for request in (1..4).flat_map(|asid| (0..64).map(move |vpn| read(asid, vpn))) {
                let (read, result) = elements(&ram, &context, request);
                assert_eq!(read.len() as u32, result.probes);
                for element in read {
                    assert!(element.get().is_multiple_of(format.element_bytes()), "{format}: {element}");
                    assert!(table.owns(element), "{format}, grown {grown}: {element}");
                }
            }
            let nobodys = (0..FRAMES).map(|frame| PhysAddr::truncate(frame * 4096)).filter(|frame| !table.owns(*frame));
            assert!(nobodys.count() > FRAMES as usize / 2, "{format}");
            table.grow(&mut ram).unwrap();
        }
    }
}

#[test]
fn what_was_taken_out_is_the_tables_until_it_is_released() {
    for format in [Format::Inverted, Format::Tree, Format::Radix] {
        let (mut ram, mut table) = table(format, Hash::Keyed);
        let free = ram.frames.free();
        // The second is an alias in an inverted table, and stands in a node in the others too.
        let pages = [page(1, 5), Mapping { pfn: Pfn::truncate(5), ..page(2, 7) }];
        pages.iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
        let context = WalkContext::new(*table.layout(), Search::ENABLE_SMALL_ONLY, 100);
        let (read, result) = elements(&ram, &context, read(2, 7));
        let last = *read.last().unwrap();
        assert_eq!(result.mapping, Some(pages[1]));
        pages.iter().for_each(|page| _ = table.remove(&mut ram, page.asid, page.vpn, page.size).unwrap());
        assert!(table.owns(last) && ram.frames.free() < free, "{format}");
        table.check(&ram).unwrap();
        table.release_nodes(&mut ram);
        assert!(!table.owns(last) && ram.frames.free() == free, "{format}");
    }
}

#[test]
fn the_operating_system_runs_over_every_format() {
    for format in Format::ALL {
        let settings = Settings { format, bus_bits: 64, frames: FRAMES, ..Settings::default() };
        let mut os = Os::new(&Config::new(settings).unwrap(), 3);
        let heap = Segment::new(Vpn::truncate(0x1000), 0x100, Rights::R.with(Rights::W));
        let asids = [0; 3].map(|_| os.spawn(&[heap]).unwrap());
        for round in 0..3 {
            for (asid, vpn) in asids.iter().flat_map(|asid| (0..30).map(move |number| (*asid, 0x1000 + 3 * number))) {
                let request = read(asid.get(), vpn);
                if let Err(fault) = walk(os.memory(), &os.walk_context(), request).answer {
                    assert!(
                        matches!(os.handle_fault(request, fault), Ok(Resolution::Mapped(_))),
                        "{format}: {fault:?}"
                    );
                }
                let (elements, result) = elements(os.ram(), &os.walk_context(), request);
                assert!(result.answer.is_ok() && elements.iter().all(|element| os.table().owns(*element)), "{format}");
                // Half of the pages go again, with the nodes that they leave empty.
                if vpn % 2 == round % 2 {
                    let withdrawn = os.unmap(asid, Vpn::truncate(vpn), PageSize::Small).unwrap();
                    os.release(withdrawn).unwrap();
                    assert_eq!(walk(os.memory(), &os.walk_context(), request).answer, Err(Fault::NotPresent));
                }
            }
            os.table().check(os.ram()).unwrap();
            let (table, ram) = os.table_mut();
            table.release_nodes(ram);
        }
    }
}

/// The reads of docs/spec.md, section 4: of a page's own chain or tree alone, all others being empty.
#[test]
fn each_format_reads_as_often_as_the_contract_says() {
    let probes = |format, pages: &[Mapping], request| {
        let (mut ram, mut table) = table(format, Hash::Asid);
        pages.iter().for_each(|page| table.insert(&mut ram, *page).unwrap());
        let (read, result) = elements(&ram, &WalkContext::new(*table.layout(), 0b111, 100), request);
        (read.len(), result.mapping.is_some())
    };
    let pages: Vec<Mapping> = (0..15).map(|vpn| page(1, vpn)).collect();
    // A chain of 15 behind the anchor: the last that came stands first.
    assert_eq!(probes(Format::Inverted, &pages, read(1, 14)), (2, true));
    assert_eq!(probes(Format::Inverted, &pages, read(1, 0)), (16, true));
    assert_eq!(probes(Format::Inverted, &pages, read(1, 99)), (48, false));
    // A tree of four levels, whose root is the middle.
    assert_eq!(probes(Format::Tree, &pages, read(1, 7)), (2, true));
    assert_eq!(probes(Format::Tree, &pages, read(1, 0)), (5, true));
    assert_eq!(probes(Format::Tree, &pages, read(1, 99)), (15, false));
    // The directory and four levels, for all sizes at once.
    assert_eq!(probes(Format::Radix, &pages, read(1, 0)), (5, true));
    assert_eq!(probes(Format::Radix, &pages, read(1, 99)), (5, false));
    assert_eq!(probes(Format::Radix, &pages, read(2, 0)), (1, false));
}

#[test]
fn a_walk_over_broken_bytes_ends() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut below = move |bound: u64| random.next_u64() % bound;
    for format in Format::ALL {
        let mut broken = [0; 8];
        for _ in 0..40 {
            let (mut ram, mut table) = table(format, Hash::Asid);
            some_pages().iter().for_each(|page| _ = table.insert(&mut ram, *page));
            let context = WalkContext::new(*table.layout(), Search::ENABLE_ALL, MAX_STEPS);
            for _ in 0..60 {
                let request = read(below(4) as u16, below(64));
                let (read, result) = elements(&ram, &context, request);
                let most = if format == Format::Radix { 10 } else { 6 * MAX_STEPS };
                assert!(result.probes <= most, "{format}: {result:?}");
                let code = result.answer.map_or_else(Fault::code, |_| 0);
                assert!(code <= 5, "{format}: {result:?}");
                broken[usize::from(code)] += 1;
                // Something that a walk reads is broken: a bit, a word, or the way back to what was read before.
                let word = read[below(read.len() as u64) as usize].get() + 8 * below(format.element_bytes() / 8);
                let Ok(mut bytes) = ram.memory.slice(PhysAddr::truncate(word), 8).map(<[u8]>::to_vec) else { continue };
                // The address of the element that is read, or as a word of a radix tree that leads there.
                let here = word & !63 | if below(2) == 0 { 0 } else { 0x401 };
                match below(3) {
                    0 => bytes[below(8) as usize] ^= 1 << below(8),
                    1 => bytes = below(u64::MAX).to_le_bytes().to_vec(),
                    _ => bytes = here.to_le_bytes().to_vec(),
                }
                ram.memory.write(PhysAddr::truncate(word), &bytes).unwrap();
            }
        }
        let kinds = broken.iter().filter(|count| **count > 0).count();
        assert!(kinds >= 3, "{format}: {broken:?}");
    }
}

#[test]
fn a_table_outside_the_memory_is_a_bus_error_in_every_format() {
    for format in Format::ALL {
        let (mut ram, table) = table(format, Hash::Fold);
        ram.memory = hashwalk_model::PhysicalMemory::new(1);
        let result = walk(&ram.memory, &WalkContext::new(*table.layout(), 1, 4), read(1, 5));
        assert_eq!((result.answer, result.probes), (Err(Fault::BusError), 1), "{format}");
    }
}
