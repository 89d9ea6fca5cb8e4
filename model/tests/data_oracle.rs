//! Every load returns the last store: random programs on two CPUs, over every organisation, against plain bytes.
//!
//! ```text
//!  VPN   0x400  code   2 pages   file 0, R X         0x1000 heap   544 pages   zeros, R W, holds one aligned 2 MiB run
//!        0x402  data   2 pages   file 0, private     top    stack  1 to 8      zeros, grows
//!        0x3000 + 16 k  4 pages of file 1, shared, at another place in each process; the fourth lies behind its end
//! ```

mod support;

use hashwalk_model::os::{Latency, OsError, Platform, Program, TOP_VPN};
use hashwalk_model::system::address_of;
use hashwalk_model::{Os, PageTable, Ram, Segment, Signal, System, Tagging};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Hash, Rights, Vpn};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::organisations;

const PAGE: usize = FRAME_BYTES as usize;
const HEAP: u64 = 0x1000;
const HEAP_PAGES: u64 = 544;
const STACK_PAGES: u64 = 8;
const SHARED_PAGES: u64 = 4;
const RW: Rights = Rights::R.with(Rights::W).with(Rights::U);
const LAST_ASID: u16 = 5;

/// A page that a step names.
#[derive(Clone, Copy, Debug)]
enum Area {
    Code(u64),
    Data(u64),
    Heap(u64),
    Stack(u64),
    Shared(u64),
    Nowhere,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Store { cpu: usize, area: Area, offset: usize, value: u8, bytes: usize },
    Load { cpu: usize, area: Area, offset: usize, bytes: usize },
    Fetch { cpu: usize, area: Area },
    Switch { cpu: usize, process: prop::sample::Index },
    Fork { cpu: usize },
    Load1 { cpu: usize },
    Exit { process: prop::sample::Index },
    Unmap { cpu: usize, first: u64, pages: u64 },
    Protect { cpu: usize, first: u64, pages: u64, write: bool },
    Promote { cpu: usize },
    Split { cpu: usize },
    Reclaim { wanted: usize },
}

/// What a process should see.
#[derive(Clone)]
struct Expected {
    /// Private pages that were stored to.
    private: BTreeMap<Vpn, Box<[u8; PAGE]>>,
    /// What may be done with each page of the heap; `None` where it was unmapped.
    heap: Vec<Option<Rights>>,
    stack_lowest: u64,
    shared_at: u64,
}

struct World {
    system: System<Box<dyn PageTable>>,
    program: Program,
    /// File 0: code and data. File 1: shared.
    files: [Vec<u8>; 2],
    processes: BTreeMap<Asid, Expected>,
    name: &'static str,
    born: u64,
}

impl World {
    fn new(make: support::Make, frames: u64, swap_pages: u64, tagging: Tagging) -> World {
        let mut ram = Ram::new(frames);
        let table = make(&mut ram, Hash::Keyed).unwrap();
        let name = table.name();
        let last_asid = Asid::truncate(LAST_ASID);
        let platform = Platform {
            swap_pages,
            swap_latency: Latency::default(),
            file_latency: Latency::default(),
            last_asid,
            table_grows: true,
        };
        let mut os = Os::with_table(ram, table, platform);
        let files = [4 * PAGE, 3 * PAGE].map(|bytes| (0..bytes).map(|i| (i / 7 + i / PAGE) as u8).collect());
        let [file, _] = files.each_ref().map(|bytes: &Vec<u8>| os.create_file(bytes));
        let program = Program { file, code_pages: 2, data_pages: 2, heap_pages: 1, stack_pages: STACK_PAGES };
        let system = System::new(os, 2, 8, tagging);
        World { system, program, files, processes: BTreeMap::new(), name, born: 0 }
    }

    fn begin(&mut self) -> Option<Asid> {
        let loaded = match self.system.load_program(&self.program, b"arguments") {
            Ok(loaded) => loaded,
            Err(OsError::NoAsidLeft { retired: 0 }) => {
                assert_eq!(self.processes.len(), usize::from(LAST_ASID));
                return None;
            }
            Err(OsError::OutOfMemory(_)) => return None,
            Err(error) => panic!("{}: {error}", self.name),
        };
        assert!(!self.processes.contains_key(&loaded.asid), "{}: an ASID is given out twice", self.name);
        self.born += 1;
        let shared_at = 0x3000 + 16 * (self.born % 64);
        let file = hashwalk_model::os::FileId(1);
        let shared = Segment::new(Vpn::truncate(shared_at), SHARED_PAGES, RW).of_file(file, 0).shared();
        let heap = Segment::new(Vpn::truncate(HEAP), HEAP_PAGES, RW);
        self.system.os_mut().mmap(loaded.asid, shared).unwrap();
        self.system.os_mut().mmap(loaded.asid, heap).unwrap();
        let mut private = BTreeMap::new();
        let mut top = Box::new([0; PAGE]);
        let offset = loaded.arguments.offset() as usize;
        top[offset..offset + 9].copy_from_slice(b"arguments");
        private.insert(TOP_VPN, top);
        let heap = vec![Some(RW); HEAP_PAGES as usize];
        self.processes.insert(loaded.asid, Expected { private, heap, stack_lowest: TOP_VPN.get(), shared_at });
        Some(loaded.asid)
    }

    fn vpn(&self, asid: Asid, area: Area) -> Vpn {
        Vpn::truncate(match area {
            Area::Code(page) => 0x400 + page % 2,
            Area::Data(page) => 0x402 + page % 2,
            Area::Heap(page) => HEAP + page % HEAP_PAGES,
            Area::Stack(page) => TOP_VPN.get() - page % STACK_PAGES,
            Area::Shared(page) => self.processes[&asid].shared_at + page % SHARED_PAGES,
            Area::Nowhere => 0x7777,
        })
    }

    /// How an access to the page ends: with the rights that it has, or a signal.
    fn rights(&mut self, asid: Asid, vpn: Vpn) -> Result<Rights, Signal> {
        let process = self.processes.get_mut(&asid).unwrap();
        let page = vpn.get();
        match page {
            0x400..0x402 => Ok(Rights::R.with(Rights::X).with(Rights::U)),
            0x402..0x404 => Ok(RW),
            0x404 => Ok(RW),
            HEAP.. if page < HEAP + HEAP_PAGES => process.heap[(page - HEAP) as usize].ok_or(Signal::SegmentationFault),
            _ if page > TOP_VPN.get() - STACK_PAGES && page <= TOP_VPN.get() => {
                process.stack_lowest = process.stack_lowest.min(page);
                Ok(RW)
            }
            _ if (process.shared_at..process.shared_at + 3).contains(&page) => Ok(RW),
            _ if page == process.shared_at + 3 => Err(Signal::BusError),
            _ => Err(Signal::SegmentationFault),
        }
    }

    /// The bytes of a page as they should be.
    fn page(&self, asid: Asid, vpn: Vpn) -> [u8; PAGE] {
        let process = &self.processes[&asid];
        let of_file = |file: usize, page: u64| *self.files[file][page as usize * PAGE..].first_chunk().unwrap();
        match vpn.get() {
            page if (process.shared_at..process.shared_at + 3).contains(&page) => of_file(1, page - process.shared_at),
            page @ 0x400..0x404 if !process.private.contains_key(&vpn) => of_file(0, page - 0x400),
            _ => process.private.get(&vpn).map_or([0; PAGE], |page| **page),
        }
    }

    fn set(&mut self, asid: Asid, vpn: Vpn, offset: usize, value: u8) {
        let mut page = self.page(asid, vpn);
        page[offset] = value;
        let process = self.processes.get_mut(&asid).unwrap();
        if (process.shared_at..process.shared_at + 3).contains(&vpn.get()) {
            let at = (vpn.get() - process.shared_at) as usize * PAGE + offset;
            self.files[1][at] = value;
        } else {
            process.private.insert(vpn, Box::new(page));
        }
    }

    /// Runs one step; `None` if nobody is there to make it.
    fn step(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Store { cpu, area, offset, value, bytes } => {
                let (asid, vpn) = self.place(cpu, area)?;
                let data: Vec<u8> = (0..bytes).map(|i| value.wrapping_add(i as u8)).collect();
                let stored = self.system.store(cpu, address_of(vpn, offset as u64), &data);
                let mut want = Ok(());
                for (i, byte) in data.iter().enumerate() {
                    let page = Vpn::truncate(vpn.get() + ((offset + i) / PAGE) as u64);
                    want = self.rights(asid, page).and_then(|rights| match rights.contains(Rights::W) {
                        true => Ok(()),
                        false => Err(Signal::ProtectionFault),
                    });
                    if want.is_err() {
                        break;
                    }
                    self.set(asid, page, (offset + i) % PAGE, *byte);
                }
                assert_eq!(stored, want, "{}: {step:?}", self.name);
            }
            Step::Load { cpu, area, offset, bytes } => {
                let (asid, vpn) = self.place(cpu, area)?;
                let mut read = vec![0; bytes];
                let loaded = self.system.load(cpu, address_of(vpn, offset as u64), &mut read);
                let mut want = vec![0; bytes];
                let mut outcome = Ok(());
                for (i, byte) in want.iter_mut().enumerate() {
                    let page = Vpn::truncate(vpn.get() + ((offset + i) / PAGE) as u64);
                    outcome = self.rights(asid, page).map(|_| ());
                    if outcome.is_err() {
                        break;
                    }
                    *byte = self.page(asid, page)[(offset + i) % PAGE];
                }
                assert_eq!((loaded, read), (outcome, want), "{}: {step:?}", self.name);
            }
            Step::Fetch { cpu, area } => {
                let (asid, vpn) = self.place(cpu, area)?;
                let mut read = [0; 4];
                let fetched = self.system.fetch(cpu, address_of(vpn, 8), &mut read);
                let want = match self.rights(asid, vpn) {
                    Ok(rights) if rights.contains(Rights::X) => Ok(()),
                    // What its segment denies is not even looked for in the file.
                    Ok(_) | Err(Signal::BusError) => Err(Signal::ProtectionFault),
                    Err(signal) => Err(signal),
                };
                assert_eq!(fetched, want, "{}: {step:?}", self.name);
                if fetched.is_ok() {
                    assert_eq!(read, self.page(asid, vpn)[8..12], "{}: {step:?}", self.name);
                }
            }
            Step::Switch { cpu, process } => {
                let asid = self.nth(process)?;
                self.system.switch(cpu, asid).unwrap();
            }
            Step::Fork { cpu } => {
                let parent = self.current(cpu)?;
                match self.system.fork(cpu) {
                    Ok(child) => {
                        let copy = self.processes[&parent].clone();
                        assert!(self.processes.insert(child, copy).is_none(), "{}: ASID {child}", self.name);
                    }
                    Err(OsError::NoAsidLeft { retired: 0 } | OsError::OutOfMemory(_)) => {}
                    Err(error) => panic!("{}: {error}", self.name),
                }
            }
            Step::Load1 { cpu } => {
                let asid = self.begin()?;
                self.system.switch(cpu, asid).unwrap();
            }
            Step::Exit { process } => {
                let asid = self.nth(process)?;
                self.system.exit(asid).unwrap();
                self.processes.remove(&asid);
            }
            Step::Unmap { cpu, first, pages } => {
                let asid = self.current(cpu)?;
                let pages = pages.min(HEAP_PAGES - first);
                match self.system.munmap(asid, Vpn::truncate(HEAP + first), pages) {
                    Ok(()) => {
                        let process = self.processes.get_mut(&asid).unwrap();
                        process.heap[first as usize..(first + pages) as usize].fill(None);
                        process.private.retain(|vpn, _| !(HEAP + first..HEAP + first + pages).contains(&vpn.get()));
                    }
                    Err(OsError::OutOfMemory(_)) => {}
                    Err(error) => panic!("{}: {error}", self.name),
                }
            }
            Step::Protect { cpu, first, pages, write } => {
                let asid = self.current(cpu)?;
                let pages = pages.min(HEAP_PAGES - first);
                let rights = if write { RW } else { Rights::R.with(Rights::U) };
                match self.system.mprotect(asid, Vpn::truncate(HEAP + first), pages, rights) {
                    Ok(()) => {
                        let heap = &mut self.processes.get_mut(&asid).unwrap().heap;
                        let run = heap[first as usize..(first + pages) as usize].iter_mut();
                        run.flatten().for_each(|had| *had = rights);
                    }
                    Err(OsError::OutOfMemory(_)) => {}
                    Err(error) => panic!("{}: {error}", self.name),
                }
            }
            Step::Promote { cpu } => {
                let asid = self.current(cpu)?;
                match self.system.change(|os| os.promote(asid, Vpn::truncate(HEAP))) {
                    Ok(()) | Err(OsError::OutOfMemory(_) | OsError::NotPromotable { .. }) => {}
                    Err(error) => panic!("{}: {error}", self.name),
                }
            }
            Step::Split { cpu } => {
                let asid = self.current(cpu)?;
                let size = hashwalk_spec::PageSize::Large;
                match self.system.change(|os| os.split(asid, Vpn::truncate(HEAP), size)) {
                    Ok(()) | Err(OsError::OutOfMemory(_) | OsError::Table(_)) => {}
                    Err(error) => panic!("{}: {error}", self.name),
                }
            }
            Step::Reclaim { wanted } => {
                self.system.reclaim(wanted).unwrap();
            }
        }
        Some(())
    }

    fn current(&self, cpu: usize) -> Option<Asid> {
        Some(self.system.current(cpu)).filter(|asid| *asid != Asid::GLOBAL)
    }

    fn place(&self, cpu: usize, area: Area) -> Option<(Asid, Vpn)> {
        let asid = self.current(cpu)?;
        Some((asid, self.vpn(asid, area)))
    }

    fn nth(&self, index: prop::sample::Index) -> Option<Asid> {
        (!self.processes.is_empty()).then(|| *self.processes.keys().nth(index.index(self.processes.len())).unwrap())
    }

    fn check(&self, step: &dyn std::fmt::Debug) {
        if let Err(wrong) = self.system.os().check() {
            panic!("{} after {step:?}: {wrong}", self.name);
        }
    }

    /// Reads every page of every process that may be read.
    fn compare(&mut self) {
        let asids: Vec<Asid> = self.processes.keys().copied().collect();
        for asid in asids {
            self.system.switch(0, asid).unwrap();
            let process = &self.processes[&asid];
            let stack = process.stack_lowest..TOP_VPN.get() + 1;
            let shared = process.shared_at..process.shared_at + 3;
            let pages = (0x400..0x405).chain(HEAP..HEAP + HEAP_PAGES).chain(stack).chain(shared);
            for vpn in pages.map(Vpn::truncate) {
                if self.rights(asid, vpn).is_err() {
                    continue;
                }
                let mut read = [0; PAGE];
                self.system.load(0, address_of(vpn, 0), &mut read).unwrap();
                assert!(read == self.page(asid, vpn), "{}: page {vpn} of {asid} differs", self.name);
            }
        }
        self.check(&"the end");
    }
}

fn area() -> impl Strategy<Value = Area> {
    prop_oneof![
        1 => (0..2u64).prop_map(Area::Code),
        2 => (0..2u64).prop_map(Area::Data),
        6 => (0..6u64).prop_map(Area::Heap),
        3 => (0..HEAP_PAGES).prop_map(Area::Heap),
        2 => (0..STACK_PAGES).prop_map(Area::Stack),
        3 => (0..SHARED_PAGES).prop_map(Area::Shared),
        1 => Just(Area::Nowhere),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let cpu = || 0..2usize;
    let offset = || prop_oneof![Just(0usize), 0..PAGE - 16, Just(PAGE - 4)];
    let index = any::<prop::sample::Index>;
    let run = || (cpu(), prop_oneof![0..8u64, 0..HEAP_PAGES], prop_oneof![1..8u64, 1..HEAP_PAGES]);
    prop_oneof![
        20 => (cpu(), area(), offset(), any::<u8>(), 1..9usize)
            .prop_map(|(cpu, area, offset, value, bytes)| Step::Store { cpu, area, offset, value, bytes }),
        20 => (cpu(), area(), offset(), 1..9usize)
            .prop_map(|(cpu, area, offset, bytes)| Step::Load { cpu, area, offset, bytes }),
        2 => (cpu(), area()).prop_map(|(cpu, area)| Step::Fetch { cpu, area }),
        6 => (cpu(), index()).prop_map(|(cpu, process)| Step::Switch { cpu, process }),
        3 => cpu().prop_map(|cpu| Step::Fork { cpu }),
        2 => cpu().prop_map(|cpu| Step::Load1 { cpu }),
        2 => index().prop_map(|process| Step::Exit { process }),
        1 => run().prop_map(|(cpu, first, pages)| Step::Unmap { cpu, first, pages }),
        2 => (run(), any::<bool>())
            .prop_map(|((cpu, first, pages), write)| Step::Protect { cpu, first, pages, write }),
        2 => cpu().prop_map(|cpu| Step::Promote { cpu }),
        1 => cpu().prop_map(|cpu| Step::Split { cpu }),
        3 => (1..40usize).prop_map(|wanted| Step::Reclaim { wanted }),
    ]
}

fn run(steps: &[Step], frames: u64, swap_pages: u64, tagging: Tagging) {
    for make in organisations() {
        let mut world = World::new(make, frames, swap_pages, tagging);
        let asid = world.begin().expect("there is room for one");
        world.system.switch(0, asid).unwrap();
        for step in steps {
            world.step(*step);
            world.check(step);
        }
        world.compare();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn loads_return_the_last_store_when_memory_is_short(
        steps in prop::collection::vec(step(), 1..150),
        tagged in any::<bool>(),
    ) {
        run(&steps, 160, 4096, if tagged { Tagging::Asid } else { Tagging::None });
    }

    #[test]
    fn loads_return_the_last_store_with_huge_pages(steps in prop::collection::vec(step(), 1..100)) {
        run(&steps, 2048, 8192, Tagging::Asid);
    }
}
