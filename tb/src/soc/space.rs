//! Address spaces: user programs in frames, their pages in the golden model's table, and the boot block that tells the kernel.
//!
//! ```text
//!  0x0001_0000 text   0x0010_0000 data, bss, heap        stack, 16 pages, below 0x7fff_f000
//!  plain              plain or copy-on-write, demand-zero  demand-zero
//! ```
//!
//! A page with bytes from the file has a frame. A demand-zero page stands in the table without rights, so that the
//! kernel, which only changes entries, can give it a frame at its first touch. A copy-on-write page stands there
//! without W.

use std::collections::{BTreeMap, HashMap};

use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{Asid, Config, Format, Hash, PageSize, Pfn, Rights, Search, Vpn};

use super::{Image, SocError};

/// Bytes of a page.
pub(super) const PAGE: u32 = 4096;
/// The address space of no process.
const NOBODY: Asid = Asid::MAX;
/// Where the stack begins.
const STACK_TOP: u32 = 0x7fff_f000;
/// Pages of the stack.
const STACK_PAGES: u32 = 16;
/// The window's first address.
const WINDOW: u32 = 0x8000_0000;
/// Bytes of the window that the kernel may fill.
const WINDOW_BYTES: u32 = 0xf000;
/// The boot block in the window.
const BOOT: u32 = 0xf000;
/// What the boot block begins with.
const MAGIC: u32 = 0x4857_5331;
/// Words of the boot block before the processes.
const PROCESS_WORD: usize = 20;
/// Before the regions.
const REGION_WORD: usize = 40;
/// All of them.
const BOOT_WORDS: usize = 1024;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The hardware.
    pub config: &'a Config,
    /// The kernel with its handler.
    pub kernel: &'a Image,
    /// The programs, one a process.
    pub programs: &'a [Image],
    /// Software refills the TLB.
    pub software: bool,
    /// The timer's period in cycles; 0 is none.
    pub timer: u32,
    /// Demand-zero pages behind the bss.
    pub heap_pages: u32,
    /// Pages of data begin without W.
    pub copy_on_write: bool,
    /// What the hash key grows from.
    pub seed: u64,
}

/// A process as it was laid out.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its address space.
    pub asid: Asid,
    /// Its pages.
    pub pages: BTreeMap<u32, Page>,
    entry: u32,
}

/// A page of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What the process may do there.
    pub rights: Rights,
    /// How it is backed at first.
    pub kind: Kind,
    bytes: Vec<u8>,
}

/// How a page is backed at first. The values are those of the boot block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By a frame of its own.
    Plain = 0,
    /// By nothing.
    DemandZero = 1,
    /// By a frame that is copied before it is written.
    CopyOnWrite = 2,
}

/// Memory before the first cycle.
pub struct Built {
    /// Memory with the table in it.
    pub os: Os,
    /// The window's words.
    pub window: Vec<(u32, u32)>,
    /// The processes.
    pub processes: Vec<Process>,
}

/// Lays everything out.
///
/// # Errors
/// [`SocError::Space`]: it does not fit.
pub fn build(setup: &Setup) -> Result<Built, SocError> {
    let mut os = Os::new(setup.config, setup.seed);
    os.set_search_enable(Search::ENABLE_SMALL_ONLY);
    let processes: Vec<Process> = setup
        .programs
        .iter()
        .zip(1..)
        .map(|(image, asid)| Process { asid: Asid::truncate(asid), pages: pages_of(image, setup), entry: image.entry })
        .collect();
    if setup.config.format() == Format::Inverted {
        // Demand-zero pages name frame 0. None may stand in that frame's own entry, which could name no other frame, so a page
        // of nobody's does.
        put(&mut os, Mapping::new(NOBODY, Vpn::truncate(0), PageSize::Small, Pfn::truncate(0), Rights::NONE))?;
    }
    // A page that two processes may both only read is shared.
    let mut shared: HashMap<(u32, Vec<u8>), Pfn> = HashMap::new();
    for process in &processes {
        for (&vpn, page) in &process.pages {
            let own = || SocError::Space(format!("page {vpn:#x} of {} does not fit", process.asid));
            let keeps = page.kind == Kind::CopyOnWrite || !page.rights.contains(Rights::W);
            let (pfn, rights) = match page.kind {
                Kind::DemandZero => (Pfn::truncate(0), Rights::U),
                _ => {
                    let before = shared.get(&(vpn, page.bytes.clone())).copied().filter(|_| keeps);
                    let pfn = match before {
                        Some(pfn) => pfn,
                        None => take_frame(&mut os, &page.bytes).ok_or_else(own)?,
                    };
                    if keeps {
                        shared.insert((vpn, page.bytes.clone()), pfn);
                    }
                    let read_only = Rights::from_bits(page.rights.bits() & !Rights::W.bits());
                    let now = if page.kind == Kind::CopyOnWrite { read_only } else { page.rights };
                    (pfn, now.with(Rights::U))
                }
            };
            let mapping = Mapping::new(process.asid, Vpn::truncate(vpn.into()), PageSize::Small, pfn, rights);
            put(&mut os, mapping)?;
        }
    }
    let mut window = kernel_words(setup.kernel)?;
    let boot = boot_block(setup, &os, &processes)?;
    window.extend(boot.into_iter().zip(BOOT / 4..).map(|(word, at)| (at, word)));
    Ok(Built { os, window, processes })
}

fn put(os: &mut Os, mapping: Mapping) -> Result<(), SocError> {
    let (table, ram) = os.table_mut();
    table.insert(ram, mapping).map_err(|error| SocError::Space(format!("page {}: {error}", mapping.vpn)))
}

/// A free frame with these bytes and zeros.
fn take_frame(os: &mut Os, bytes: &[u8]) -> Option<Pfn> {
    let (_, ram) = os.table_mut();
    let pfn = ram.frames.find(PageSize::Small).ok()?;
    ram.frames.hold(pfn);
    ram.memory.zero_frames(pfn, 1).ok()?;
    ram.memory.write(pfn.address(), bytes).ok()?;
    Some(pfn)
}

fn pages_of(image: &Image, setup: &Setup) -> BTreeMap<u32, Page> {
    let mut pages: BTreeMap<u32, Page> = BTreeMap::new();
    let mut put = |vpn: u32, rights: Rights, offset: usize, bytes: &[u8]| {
        let page = pages.entry(vpn).or_insert(Page { rights: Rights::NONE, kind: Kind::DemandZero, bytes: Vec::new() });
        page.rights = page.rights.with(rights);
        if !bytes.is_empty() {
            page.kind = Kind::Plain;
            page.bytes.resize(page.bytes.len().max(offset + bytes.len()), 0);
            page.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    };
    let mut end = 0;
    for part in image.parts.iter().filter(|part| part.length > 0) {
        let last = part.address + (part.length - 1);
        end = end.max(last / PAGE + 1);
        for vpn in part.address / PAGE..=last / PAGE {
            let first = (vpn * PAGE).max(part.address);
            let from = ((first - part.address) as usize).min(part.bytes.len());
            let to = (u64::from(vpn + 1) * u64::from(PAGE) - u64::from(part.address)) as usize;
            put(vpn, part.rights, (first % PAGE) as usize, &part.bytes[from..to.min(part.bytes.len())]);
        }
    }
    let data = Rights::R.with(Rights::W);
    let stack = STACK_TOP / PAGE - STACK_PAGES..STACK_TOP / PAGE;
    (end..end + setup.heap_pages).chain(stack).for_each(|vpn| put(vpn, data, 0, &[]));
    for page in pages.values_mut() {
        if setup.copy_on_write && page.kind == Kind::Plain && page.rights.contains(Rights::W) {
            page.kind = Kind::CopyOnWrite;
        }
    }
    pages
}

/// The kernel's words by their numbers in the window.
fn kernel_words(kernel: &Image) -> Result<Vec<(u32, u32)>, SocError> {
    let mut words: BTreeMap<u32, [u8; 4]> = BTreeMap::new();
    for part in &kernel.parts {
        let begin = part.address.wrapping_sub(WINDOW);
        if begin.checked_add(part.length).is_none_or(|end| end > WINDOW_BYTES) {
            return Err(SocError::Image {
                what: kernel.name.clone(),
                reason: "it does not fit into the window".into(),
            });
        }
        for (byte, at) in part.bytes.iter().zip(begin..) {
            words.entry(at / 4).or_default()[at as usize % 4] = *byte;
        }
    }
    Ok(words.into_iter().map(|(at, bytes)| (at, u32::from_le_bytes(bytes))).collect())
}

fn boot_block(setup: &Setup, os: &Os, processes: &[Process]) -> Result<Vec<u32>, SocError> {
    let context = os.walk_context();
    let layout = context.layout();
    let format = match setup.config.format() {
        Format::Line => 0,
        Format::Chained => 1,
        Format::Cuckoo => 2,
        Format::Inverted => 3,
        Format::Tree => 4,
        Format::Radix => 5,
    };
    let hash = match setup.config.hash() {
        Hash::Keyed => 0,
        Hash::Fold => 1,
        Hash::Asid => 2,
    };
    let (first_free, free) = free_frames(os);
    let mut words = vec![0; REGION_WORD];
    words[0] = MAGIC;
    words[1] = u32::from(setup.software);
    words[2] = layout.frame().get() as u32;
    words[3] = layout.mask();
    words[4] = if setup.config.format() == Format::Inverted { layout.entries_frame().get() as u32 } else { 0 };
    words[5] = u32::from(context.search_enable());
    if setup.config.hash() == Hash::Keyed && setup.config.format() != Format::Radix {
        let key = layout.key().to_le_bytes();
        for (word, bytes) in words[6..10].iter_mut().zip(key.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        }
    }
    words[10] = setup.config.max_steps();
    words[11] = format;
    words[12] = setup.config.ways();
    words[13] = hash;
    words[14] = first_free;
    words[15] = free;
    words[16] = setup.timer;
    words[17] = processes.len() as u32;
    let mut regions = 0;
    for (index, process) in processes.iter().enumerate() {
        let own = regions_of(process);
        let at = PROCESS_WORD + 8 * index;
        words[at..at + 5].copy_from_slice(&[
            u32::from(process.asid.get()),
            process.entry,
            STACK_TOP,
            own.len() as u32,
            regions,
        ]);
        regions += own.len() as u32;
        words.extend(own.into_iter().flatten());
    }
    if words.len() > BOOT_WORDS || processes.len() > 2 {
        return Err(SocError::Space("the boot block is too small for these processes".into()));
    }
    Ok(words)
}

/// Runs of pages of the same rights and kind.
fn regions_of(process: &Process) -> Vec<[u32; 4]> {
    let mut regions: Vec<[u32; 4]> = Vec::new();
    for (&vpn, page) in &process.pages {
        let (rights, kind) = (u32::from(page.rights.with(Rights::U).bits()), page.kind as u32);
        match regions.last_mut() {
            Some([first, pages, same, like]) if *first + *pages == vpn && (*same, *like) == (rights, kind) => {
                *pages += 1
            }
            _ => regions.push([vpn, 1, rights, kind]),
        }
    }
    regions
}

/// The longest run of free frames.
fn free_frames(os: &Os) -> (u32, u32) {
    let is_free = |frame: &u64| os.frames().references(Pfn::truncate(*frame)) == Some(0);
    let (mut best, mut first) = ((0, 0), 0);
    for frame in 0..os.memory().frames() {
        if !is_free(&frame) {
            first = frame + 1;
        } else if frame + 1 - first > u64::from(best.1) {
            best = (first as u32, (frame + 1 - first) as u32);
        }
    }
    best
}
