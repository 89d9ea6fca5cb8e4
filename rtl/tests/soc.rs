//! Properties of the system on a chip that need neither a processor nor a Verilog simulator: its cycles, its records, its
//! refills.

use hashwalk_hdl::Interpreter;
use hashwalk_rtl::generate_soc;
use hashwalk_rtl::soc::port::Port;
use hashwalk_rtl::soc::refill::Buffers;
use hashwalk_rtl::soc::registers::{Registers, offset};
use hashwalk_spec::{Config, Fault, Format, Settings};

const FRAMES: u64 = 4096;

fn config() -> Config {
    Config::new(Settings { name: "soc".into(), frames: FRAMES, ..Settings::default() }).unwrap()
}

#[test]
fn two_generations_are_identical_in_every_format() {
    for format in [Format::Line, Format::Chained, Format::Cuckoo, Format::Inverted, Format::Tree, Format::Radix] {
        let config = Config::new(Settings { format, bus_bits: 64, ..config().settings().clone() }).unwrap();
        assert_eq!(generate_soc(&config).files, generate_soc(&config).files, "{format}");
    }
}

/// An answer may take the next request with it, so it must not depend on it.
#[test]
fn no_request_of_the_core_reaches_an_answer_or_memory_within_a_cycle() {
    let design = generate_soc(&config());
    let asks = |name: &str| name.starts_with("fetch_") || name.starts_with("data_");
    let is_answer = |name: &str| {
        let ends = ["_rvalid", "_rdata", "_err"];
        (asks(name) && ends.iter().any(|end| name.ends_with(end)))
            || ["memory_", "ram_"].iter().any(|of| name.starts_with(of))
    };
    for output in design.outputs.iter().filter(|port| is_answer(&port.name)) {
        for input in design.inputs.iter().filter(|port| asks(&port.name)) {
            assert!(!design.depends(&output.name, &input.name), "{} from {}", output.name, input.name);
        }
    }
}

/// The fetch port, and what it is told.
struct Fetch(Interpreter);

impl Fetch {
    fn new() -> Fetch {
        let mut port = Fetch(Interpreter::new(&Port::new(&config(), false)));
        port.0.set("may_look", 1);
        port
    }

    /// A fetch in user mode is taken.
    fn take(&mut self, address: u64) {
        self.0.set("core_req", 1);
        self.0.set("core_addr", address);
        self.0.set("core_user", 1);
        assert_eq!(self.get("response_gnt"), 1, "{address:#x} is taken");
        self.tick();
        self.0.set("core_req", 0);
    }

    fn get(&mut self, name: &str) -> u64 {
        self.0.get(name).iter_u64_digits().next().unwrap_or(0)
    }

    fn tick(&mut self) {
        self.0.tick();
    }

    /// What the MMU says in this cycle to the lookup of the cycle before.
    fn hit(&mut self, pfn: u64, fault: u64) {
        self.0.set("answer_valid", 1);
        self.0.set("answer_pfn", pfn);
        self.0.set("answer_fault", fault);
    }

    fn say_nothing(&mut self) {
        for port in ["answer_valid", "late_valid", "line_valid", "line_ready", "for_fetch_branch", "for_fetch_clear"] {
            self.0.set(port, 0);
        }
    }

    /// A fetch that hits the TLB and is not in the cache, to its end: the line's words are `word`, `word` + 1, ...
    fn fill(&mut self, address: u64, pfn: u64, word: u32) {
        self.take(address);
        self.hit(pfn, 0);
        assert_eq!(self.get("response_rvalid"), 0, "nothing is in the cache");
        self.tick();
        self.say_nothing();
        assert_eq!((self.get("read_valid"), self.get("read_address")), (1, pfn << 12 | address & 0xfe0));
        self.0.set("line_ready", 1);
        self.tick();
        self.say_nothing();
        let line = (0..8).rev().fold(hashwalk_hdl::BigUint::from(0u32), |line, i| (line << 32) + (word + i));
        self.0.set("line_valid", 1);
        self.0.set("line_data", line);
        let want = u64::from(word) + (address >> 2 & 7);
        assert_eq!((self.get("response_rvalid"), self.get("response_rdata")), (1, want));
        self.tick();
        self.say_nothing();
    }
}

#[test]
fn fetch_that_hits_is_answered_in_the_next_cycle_and_the_next_one_is_taken() {
    let mut port = Fetch::new();
    port.fill(0x1_0004, 7, 100);
    port.take(0x1_0008);
    port.hit(7, 0);
    assert_eq!((port.get("response_rvalid"), port.get("response_rdata"), port.get("response_err")), (1, 102, 0));
    port.take(0x1_000c);
    assert_eq!((port.get("response_rvalid"), port.get("response_rdata")), (1, 103), "in the cycle after");
}

#[test]
fn the_same_offset_in_another_frame_is_not_in_the_cache() {
    let mut port = Fetch::new();
    port.fill(0x1_0004, 7, 100);
    port.take(0x1_0004);
    port.hit(6, 0);
    assert_eq!(port.get("response_rvalid"), 0);
}

#[test]
fn fence_empties_the_cache_and_spoils_the_line_that_is_on_its_way() {
    let mut port = Fetch::new();
    port.fill(0x1_0004, 7, 100);
    port.0.set("for_fetch_clear", 1);
    port.tick();
    port.say_nothing();
    port.take(0x1_0004);
    port.hit(7, 0);
    assert_eq!(port.get("response_rvalid"), 0, "it is empty");
    port.tick();
    port.say_nothing();
    port.0.set("line_ready", 1);
    port.tick();
    port.say_nothing();
    port.0.set("for_fetch_clear", 1);
    port.tick();
    port.say_nothing();
    port.0.set("line_valid", 1);
    assert_eq!(port.get("response_rvalid"), 1, "it is answered");
    port.tick();
    port.say_nothing();
    port.take(0x1_0004);
    port.hit(7, 0);
    assert_eq!(port.get("response_rvalid"), 0, "and not kept");
}

#[test]
fn fault_and_frame_beyond_memory_are_errors_that_are_recorded() {
    for (pfn, fault, want) in [(0, Fault::Rights.code(), Fault::Rights), (FRAMES, 0, Fault::BusError)] {
        let mut port = Fetch::new();
        port.take(0x1234_5004);
        port.hit(pfn, fault.into());
        assert_eq!((port.get("response_rvalid"), port.get("response_err")), (1, 1));
        assert_eq!((port.get("failed_valid"), port.get("failed_vpn")), (1, 0x1_2345));
        assert_eq!((port.get("failed_fault"), port.get("failed_access")), (want.code().into(), 2));
    }
}

#[test]
fn fetch_that_the_core_branches_away_from_leaves_no_record() {
    for in_the_cycle_of_the_answer in [false, true] {
        let mut port = Fetch::new();
        port.take(0x1_0000);
        port.0.set("for_fetch_branch", 1);
        if in_the_cycle_of_the_answer {
            port.hit(0, Fault::NotPresent.code().into());
        } else {
            port.tick();
            port.say_nothing();
            port.0.set("late_valid", 1);
            port.0.set("late_fault", u64::from(Fault::NotPresent.code()));
        }
        assert_eq!((port.get("response_err"), port.get("failed_valid")), (1, 0), "{in_the_cycle_of_the_answer}");
    }
}

#[test]
fn fetch_that_the_core_has_branched_away_from_is_not_looked_up() {
    let mut port = Fetch::new();
    port.0.set("may_look", 0);
    for (name, value) in [("core_req", 1), ("core_addr", 0x1_0000), ("core_user", 1), ("for_fetch_discarded", 1)] {
        port.0.set(name, value);
    }
    assert_eq!((port.get("look"), port.get("response_gnt")), (0, 1));
    port.tick();
    assert_eq!((port.get("response_rvalid"), port.get("response_err"), port.get("failed_valid")), (1, 1, 0));
}

#[test]
fn fetch_in_machine_mode_reaches_the_window_alone() {
    for (address, err) in [(0x8000_0080_u32, 0), (0x8001_0000, 1), (0x0000_1000, 1), (0x9000_0000, 1)] {
        let mut port = Fetch::new();
        port.0.set("may_look", 0);
        port.0.set("core_req", 1);
        port.0.set("core_addr", address);
        assert_eq!((port.get("look"), port.get("response_gnt")), (0, 1), "without the MMU");
        port.tick();
        port.0.set("window_data", 0x1234);
        assert_eq!((port.get("response_rvalid"), port.get("response_err")), (1, err), "{address:#x}");
        assert_eq!(port.get("failed_valid"), 0);
    }
}

/// The registers as software sees them.
struct Software(Interpreter);

impl Software {
    fn access(&mut self, offset: u32, write: Option<u32>) -> u64 {
        self.0.set("access_valid", 1);
        self.0.set("access_offset", offset);
        self.0.set("access_write", u32::from(write.is_some()));
        self.0.set("access_data", write.unwrap_or(0));
        let read = self.0.get("data").iter_u64_digits().next().unwrap_or(0);
        self.0.tick();
        self.0.set("access_valid", 0);
        read
    }

    fn fail(&mut self, port: &str, vpn: u64, access: u64, fault: Fault) {
        let set =
            |software: &mut Software, name: &str, value: u64| software.0.set(&format!("{port}_failed_{name}"), value);
        for (name, value) in [("valid", 1), ("vpn", vpn), ("access", access), ("fault", fault.code().into())] {
            set(self, name, value);
        }
        self.0.tick();
        set(self, "valid", 0);
    }
}

fn software() -> Software {
    let mut software = Software(Interpreter::new(&Registers::new(&config())));
    software.access(offset::ASID, Some(0xbeef));
    software
}

#[test]
fn first_failure_is_kept_until_it_is_read_and_its_page_longer() {
    let mut software = software();
    software.fail("data", 0x12345, 1, Fault::Rights);
    software.fail("data", 0x54321, 0, Fault::NotPresent);
    assert_eq!(software.access(offset::DATA_VPN, None), 0x12345);
    assert_eq!(software.access(offset::DATA_INFO, None), 1 << 31 | 2 << 20 | 1 << 16 | 0xbeef);
    assert_eq!(software.access(offset::DATA_INFO, None) >> 31, 0, "it is empty");
    assert_eq!(software.access(offset::DATA_VPN, None), 0x12345, "its page stays known");
    software.fail("data", 0x54321, 0, Fault::NotPresent);
    assert_eq!(software.access(offset::DATA_VPN, None), 0x54321);
    assert_eq!(software.access(offset::FETCH_INFO, None) >> 31, 0, "the other port has its own");
}

#[test]
fn branch_to_user_mode_empties_the_record_of_fetches() {
    let mut software = software();
    software.fail("fetch", 1, 2, Fault::NotPresent);
    software.0.set("fetch_turns", 1);
    software.0.tick();
    software.0.set("fetch_turns", 0);
    assert_eq!(software.access(offset::FETCH_INFO, None) >> 31, 0);
    software.fail("fetch", 2, 2, Fault::NotPresent);
    assert_eq!(software.access(offset::FETCH_INFO, None), 1 << 31 | 1 << 20 | 2 << 16 | 0xbeef);
}

#[test]
fn invalidation_waits_for_stores_and_for_the_mmu() {
    let mut software = software();
    software.access(offset::INVALIDATE_VPN, Some(0x345));
    software.access(offset::INVALIDATE, Some(3 << 16 | 7));
    let seen = |software: &mut Software| {
        let get = |software: &mut Software, name: &str| software.0.get(name).iter_u64_digits().next().unwrap_or(0);
        (get(software, "waits"), get(software, "invalidate_valid"))
    };
    software.0.tick();
    assert_eq!(seen(&mut software), (1, 0), "a store is on its way");
    software.0.set("stores_done", 1);
    software.0.tick();
    assert_eq!(seen(&mut software), (1, 1));
    let get = |software: &mut Software, name: &str| software.0.get(name).iter_u64_digits().next().unwrap_or(0);
    assert_eq!(["kind", "vpn", "asid"].map(|of| get(&mut software, &format!("invalidate_{of}"))), [3, 0x345, 7]);
    software.0.set("invalidate_ready", 1);
    software.0.tick();
    assert_eq!(seen(&mut software), (1, 0));
    software.0.set("invalidate_done", 1);
    assert_eq!(seen(&mut software), (0, 0), "the store is answered in the cycle in which it is done");
}

/// A miss of this page, and what it is answered with: the PFN, or the fault.
fn miss(buffers: &mut Interpreter, vpn: u64, access: u64) -> Result<u64, u64> {
    for (port, value) in [("valid", 1), ("vpn", vpn), ("asid", 5), ("access", access)] {
        buffers.set(&format!("miss_{port}"), value);
    }
    let get = |buffers: &mut Interpreter, name: &str| buffers.get(name).iter_u64_digits().next().unwrap_or(0);
    assert_eq!(get(buffers, "refill_valid"), 1, "at once");
    let fault = get(buffers, "refill_fault");
    let answer = if fault == 0 { Ok(get(buffers, "refill_pfn")) } else { Err(fault) };
    buffers.tick();
    buffers.set("miss_valid", 0);
    answer
}

fn put(buffers: &mut Interpreter, port: &str, vpn: u64, pfn: u64) {
    for (name, value) in [("valid", 1), ("mapping_vpn", vpn), ("mapping_asid", 5), ("mapping_pfn", pfn)] {
        buffers.set(&format!("{port}_{name}"), value);
    }
    buffers.set(&format!("write_{port}"), 1);
    buffers.tick();
    buffers.set(&format!("write_{port}"), 0);
}

#[test]
fn entry_answers_one_miss_of_its_page_and_port() {
    let mut buffers = Interpreter::new(&Buffers);
    let not_present = Err(Fault::NotPresent.code().into());
    assert_eq!(miss(&mut buffers, 0x10, 0), not_present);
    put(&mut buffers, "data", 0x10, 0x77);
    assert_eq!(miss(&mut buffers, 0x11, 0), not_present, "of another page");
    assert_eq!(miss(&mut buffers, 0x10, 2), not_present, "of the other port");
    assert_eq!(miss(&mut buffers, 0x10, 1), Ok(0x77));
    assert_eq!(miss(&mut buffers, 0x10, 1), not_present, "once");
}

#[test]
fn invalidation_empties_both_buffers() {
    let mut buffers = Interpreter::new(&Buffers);
    put(&mut buffers, "data", 0x10, 0x77);
    put(&mut buffers, "fetch", 0x10, 0x77);
    buffers.set("clear", 1);
    buffers.tick();
    buffers.set("clear", 0);
    for access in 0..3 {
        assert_eq!(miss(&mut buffers, 0x10, access), Err(Fault::NotPresent.code().into()));
    }
}
