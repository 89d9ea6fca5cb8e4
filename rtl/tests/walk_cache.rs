//! What the walk cache saves, as the MMU says it for counters, on a radix tree of few words.

use std::collections::{HashMap, VecDeque};

use hashwalk_hdl::Interpreter;
use hashwalk_rtl::mmu::Mmu;
use hashwalk_spec::{Config, Format, Settings};

/// Where the directory stands, and the nodes from there on.
const DIRECTORY: u64 = 0x10_0000;
const NODES: u64 = 0x100_0000;
/// V and T; V and all rights.
const NODE: u64 = 1 << 10 | 1;
const LEAF: u64 = 0b1_1111;
const GLOBAL: u64 = 1 << 5;

/// The MMU over a memory that answers at once.
struct Bench {
    mmu: Interpreter,
    words: HashMap<u64, u64>,
    beats: VecDeque<u64>,
    nodes: u64,
}

impl Bench {
    fn new() -> Bench {
        let settings =
            Settings { format: Format::Radix, bus_bits: 64, tlb_entries: 4, l2_entries: 0, ..Settings::default() };
        let mut mmu = Interpreter::new(&Mmu::new(&Config::new(settings).unwrap()));
        mmu.set("control_table_frame", DIRECTORY >> 12);
        mmu.set("control_search_enable", 0b00_1001u32);
        mmu.set("memory_request_ready", 1u32);
        Bench { mmu, words: HashMap::new(), beats: VecDeque::new(), nodes: 0 }
    }

    fn get(&mut self, name: &str) -> u64 {
        self.mmu.get(name).iter_u64_digits().next().unwrap_or(0)
    }

    /// A page of an address space, with the nodes that lead to it.
    fn map(&mut self, asid: u64, vpn: u64) {
        let mut at = DIRECTORY + 8 * asid;
        for level in (1..=4).rev() {
            self.nodes += 1;
            let node = *self.words.entry(at).or_insert((NODES + (self.nodes << 12)) | NODE);
            at = (node >> 12 << 12) + 8 * (vpn >> (9 * (level - 1)) & 511);
        }
        self.words.insert(at, LEAF | if asid == 0 { GLOBAL } else { 0 });
    }

    /// A cycle; returns whether a read was taken, and the probes that are saved.
    fn cycle(&mut self) -> (u64, u64) {
        let beat = self.beats.front().copied();
        self.mmu.set("memory_response_valid", u32::from(beat.is_some()));
        self.mmu.set("memory_response_data", beat.unwrap_or(0));
        let (asked, address) = (self.get("memory_request_valid"), self.get("memory_request_address"));
        if self.get("memory_response_ready") == 1 {
            self.beats.pop_front();
        }
        if asked == 1 {
            let words = (0..4).map(|word| self.words.get(&(address + 8 * word)).copied().unwrap_or(0));
            self.beats.extend(words);
        }
        let saved = self.get("event_saved");
        self.mmu.tick();
        self.mmu.set("lookup_valid", 0u32);
        (asked, saved)
    }

    fn ask(&mut self, asid: u64, vpn: u64) {
        for (name, value) in [("lookup_valid", 1), ("lookup_asid", asid), ("lookup_vpn", vpn)] {
            self.mmu.set(name, value);
        }
    }

    /// The reads that a request comes to, and those that the walk cache saves it.
    fn reads(&mut self, asid: u64, vpn: u64) -> (u64, u64) {
        self.ask(asid, vpn);
        let cycles = (0..80).map(|_| self.cycle());
        cycles.fold((0, 0), |(reads, saved), (read, more)| (reads + read, saved + more))
    }
}

#[test]
fn each_search_says_once_what_it_is_saved() {
    let mut bench = Bench::new();
    let pages = [(0x1000, (5, 0)), (0x1001, (1, 4)), (0x1200, (2, 3)), (0x4_1000, (3, 2)), (0x800_1000, (5, 0))];
    pages.iter().for_each(|(vpn, _)| bench.map(5, *vpn));
    for (vpn, expected) in pages {
        assert_eq!(bench.reads(5, vpn), expected, "{vpn:#x}");
    }
}

/// Of an address space without a tree of its own.
#[test]
fn a_walks_second_search_is_saved_what_the_global_tree_is_known_for() {
    let mut bench = Bench::new();
    [0x1000, 0x1001].into_iter().for_each(|vpn| bench.map(0, vpn));
    assert_eq!(bench.reads(6, 0x1000), (1 + 5, 0));
    assert_eq!(bench.reads(6, 0x1001), (1 + 1, 4));
}

#[test]
fn a_miss_that_begins_no_search_is_saved_nothing() {
    let mut bench = Bench::new();
    (0x1000..0x1003).for_each(|vpn| bench.map(5, vpn));
    bench.reads(5, 0x1000);
    // The second one waits behind the first.
    bench.ask(5, 0x1001);
    let first = bench.cycle();
    let (reads, saved) = bench.reads(5, 0x1001);
    assert_eq!((first, reads, saved), ((0, 0), 1, 4));
    bench.mmu.set("control_software_refill", 1u32);
    assert_eq!(bench.reads(5, 0x1002), (0, 0));
}
