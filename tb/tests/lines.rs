//! The line walker: its cycles, and what it makes of lines that were written by hand (docs/spec.md, section 2).

mod support;

use hashwalk::device::Device;
use hashwalk::machine::{Answered, Machine, MemoryTiming};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable, Walkable};
use hashwalk_spec::{
    Access, Answer, Asid, Config, Fault, Format, Hash, PageSize, Pfn, Request, Rights, Settings, Translation, Vpn,
};

/// Home = ASID, so that a line's place is known by hand.
fn by_asid() -> Config {
    support::named("line_asid")
}

fn machine(config: &Config, latency: u32) -> Machine {
    let dut = support::dut(config);
    Machine::new(dut, config, Os::new(config, 1), MemoryTiming::fixed(latency)).expect("a machine")
}

fn read(asid: u16, vpn: u64) -> Request {
    Request { asid: Asid::truncate(asid), vpn: Vpn::truncate(vpn), access: Access::Read, user: true }
}

fn pfn(pfn: u64) -> Answer {
    Ok(Translation { pfn: Pfn::truncate(pfn) })
}

#[track_caller]
fn ask(machine: &mut Machine, request: Request) -> Answered {
    machine.ask(request).expect("the hardware keeps the contract")
}

/// Writes line `index`.
fn put(machine: &mut Machine, index: u32, words: [u64; 8]) {
    let address = machine.os().walk_context().layout().address(index);
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    machine.change(|os| {
        os.memory_mut().write(address, &bytes).expect("lines lie in memory");
        Vec::new()
    });
}

/// The dense line of pages 8 to 15 of ASID 1: PFN 0x100 + page, RWXU, all present.
fn dense() -> [u64; 8] {
    let pte = |page: u64| (0x100 + 8 + page) << 12 | 0x1f;
    let mut words = std::array::from_fn(|page| pte(page as u64));
    words[0] |= 1 << 11;
    words[1] |= 1 << 52;
    // VPN[14:3] = 1.
    words[3] |= 1 << 52;
    words
}

/// Entry `e` of a mixed line: a 4 KiB page, RWXU.
fn entry(asid: u64, vpn: u64, pfn: u64) -> [u64; 2] {
    [asid >> 12 << 60 | pfn << 12 | 0x1f, (asid & 0xfff) << 52 | vpn]
}

#[test]
fn a_line_walk_takes_latency_plus_3_plus_beats_on_every_bus() {
    for bus_bits in [64, 128, 256, 512] {
        let name = format!("line_{bus_bits}");
        let config = Config::new(Settings { name, bus_bits, frames: 128, ..Settings::default() }).unwrap();
        let device = Device::build(&config, false).unwrap();
        for latency in [1, 10, 40, 100] {
            let mut os = Os::new(&config, 1);
            let page = |vpn| {
                Mapping::new(Asid::truncate(1), Vpn::truncate(vpn), PageSize::Small, Pfn::truncate(vpn), Rights::ALL)
            };
            let (table, ram) = os.table_mut();
            (0..8).for_each(|vpn| table.insert(ram, page(vpn)).unwrap());
            let dut = device.load().unwrap();
            let mut machine = Machine::new(dut, &config, os, MemoryTiming::fixed(latency)).unwrap();
            let answered = ask(&mut machine, read(1, 3));
            assert_eq!(answered.answer, pfn(3));
            assert_eq!((answered.cycles, answered.reads), (latency + 3 + 512 / bus_bits, 1), "{bus_bits} bits");
        }
    }
}

#[test]
fn each_further_line_takes_latency_plus_1_plus_beats() {
    let config = by_asid();
    for latency in [1, 10, 40, 100] {
        let mut machine = machine(&config, latency);
        let mut first = [0; 8];
        (first[0], first[2]) = (0x21 << 52 | 1 << 10, 0);
        put(&mut machine, 1, first);
        let mut second = dense();
        put(&mut machine, 0x21, second);
        let answered = ask(&mut machine, read(1, 11));
        assert_eq!((answered.answer, answered.reads), (pfn(0x10b), 2));
        assert_eq!(answered.cycles, latency + 3 + config.beats() + latency + 1 + config.beats());
        // Through three lines, and the last of them ends the chain.
        second[0] |= 1 << 10 | 0x22 << 52;
        put(&mut machine, 0x21, second);
        let answered = ask(&mut machine, read(1, 0x777));
        assert_eq!(answered.answer, Err(Fault::NotPresent));
    }
}

#[test]
fn the_known_answers_of_the_contract_are_found() {
    let mut machine = machine(&by_asid(), 2);
    // docs/spec.md, section 10: page 5 of the group at 0x8000012345678 of ASID 0xbeef, on to line 0x89.
    let words = [
        0xbef0_0000_0000_0800,
        0xeef0_0000_0000_0100,
        0x0000_0000_0000_0000,
        0xacf0_0000_0000_0000,
        0x0000_0000_0000_0000,
        0x4680_0000_abcd_e017,
        0x0000_0000_0000_0000,
        0x0020_0000_0000_0000,
    ];
    let mask = machine.os().walk_context().layout().mask();
    put(&mut machine, 0xbeef & mask, words);
    assert_eq!(ask(&mut machine, read(0xbeef, 0x8_0000_1234_567d)).answer, pfn(0xa_bcde));
    assert_eq!(ask(&mut machine, read(0xbeef, 0x8_0000_1234_567c)).answer, Err(Fault::NotPresent));
    let denied = Request { access: Access::Execute, ..read(0xbeef, 0x8_0000_1234_567d) };
    assert_eq!(ask(&mut machine, denied).answer, Err(Fault::Rights));
    // A mixed line: the 2 MiB page 0x200 of ASID 5, PFN 0x400, and page 0x8000012345678, PFN 0x10, RX.
    let words = [0x0040_0107, 0x0050_0000_0000_0200, 0x100cb, 0x0058_0000_1234_5678, 0, 0, 0, 0];
    put(&mut machine, 5, words);
    let supervisor = |vpn| Request { user: false, ..read(5, vpn) };
    assert_eq!(ask(&mut machine, supervisor(0x2ff)).answer, pfn(0x4ff));
    assert_eq!(ask(&mut machine, supervisor(0x8_0000_1234_5678)).answer, pfn(0x10));
}

/// XiangShan 3588: one bad PTE of a line suppressed its neighbours.
#[test]
fn a_bad_pte_does_not_harm_its_neighbours() {
    for page in 0..8 {
        let mut machine = machine(&by_asid(), 1);
        let mut words = dense();
        // A bit that must be zero, where the word has one; else global under ASID 1.
        words[page] |= if page == 0 { 1 << 5 } else { 1 << 9 };
        put(&mut machine, 1, words);
        for other in 0..8 {
            let want = if other == page as u64 { Err(Fault::Malformed) } else { pfn(0x108 + other) };
            assert_eq!(ask(&mut machine, read(1, 8 + other)).answer, want, "page {other}, bad is {page}");
        }
    }
}

#[test]
fn every_bit_of_a_dense_tag_counts() {
    let tag_bits = (0..512).filter(|bit| {
        let (word, bit) = (bit / 64, bit % 64);
        let top = if word % 2 == 0 { 60 } else { 52 };
        bit >= top || (word == 1 && bit == 8) || (word == 0 && (8..10).contains(&bit))
    });
    let mut machine = machine(&by_asid(), 1);
    for bit in tag_bits {
        let mut words = dense();
        words[bit / 64] ^= 1 << (bit % 64);
        put(&mut machine, 1, words);
        assert_eq!(ask(&mut machine, read(1, 12)).answer, Err(Fault::NotPresent), "bit {bit}");
    }
    put(&mut machine, 1, dense());
    assert_eq!(ask(&mut machine, read(1, 12)).answer, pfn(0x10c));
}

#[test]
fn the_lowest_of_two_equal_entries_counts() {
    let mut machine = machine(&by_asid(), 1);
    let [first, second] = [entry(1, 0x77, 0x100), entry(1, 0x77, 0x200)];
    put(&mut machine, 1, [[0, 0], first, second, [0, 0]].concat().try_into().unwrap());
    assert_eq!(ask(&mut machine, read(1, 0x77)).answer, pfn(0x100));
}

#[test]
fn links_that_leave_the_table_or_bite_their_tail_end_the_walk() {
    let config = by_asid();
    let mut machine = machine(&config, 1);
    let lines = machine.os().walk_context().layout().elements();
    let linked = |next: u64| {
        let mut words = [0; 8];
        (0..4).for_each(|byte| words[2 * byte] = (next >> (8 * byte) & 0xff) << 52);
        words[0] |= 1 << 10;
        words
    };
    for next in [lines, 0xffff_ffff, 1 << 31] {
        put(&mut machine, 1, linked(next));
        assert_eq!(ask(&mut machine, read(1, 9)).answer, Err(Fault::Malformed), "{next:#x}");
    }
    for (from, to) in [(1, 1), (1, 2), (2, 1)] {
        put(&mut machine, from, linked(to));
        let answered = ask(&mut machine, read(1, 9));
        assert_eq!(answered.answer, Err(Fault::ChainTooLong));
        assert_eq!(answered.reads, config.max_steps());
        put(&mut machine, 2, linked(1));
    }
}

#[test]
fn a_global_page_in_a_dense_line_is_seen_from_every_address_space() {
    let mut machine = machine(&by_asid(), 1);
    let mut words = dense();
    words[1] &= !(0xfff << 52);
    words[4] |= 1 << 5;
    put(&mut machine, 0, words);
    assert_eq!(ask(&mut machine, read(7, 12)).answer, pfn(0x10c));
    assert_eq!(ask(&mut machine, read(7, 13)).answer, Err(Fault::NotPresent), "its neighbour has no G");
    assert_eq!(ask(&mut machine, read(0, 13)).answer, pfn(0x10d), "but ASID 0 sees it");
}

#[test]
fn lines_are_the_default_and_hash_by_groups() {
    let config = Config::preset("default").unwrap();
    assert_eq!((config.format(), config.hash(), config.bus_bits()), (Format::Line, Hash::Keyed, 512));
    let os = Os::new(&config, 1);
    assert_eq!(os.table().layout().bytes(), 32 * config.frames());
}
