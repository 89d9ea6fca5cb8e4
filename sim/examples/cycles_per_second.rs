//! Prints how many clock cycles a second a design of some 4,400 flip-flops simulates at, in each way to drive it:
//! `cargo run --release -p hashwalk-sim --example cycles_per_second [CYCLES]`.

use std::error::Error;
use std::time::Instant;

use hashwalk_sim::{Cache, Dut, Library, Model, Options, Port, SourceFile, Sources, Toolchain};

fn main() -> Result<(), Box<dyn Error>> {
    let cycles = std::env::args().nth(1).map_or(Ok(2_000_000), |cycles| cycles.parse())?;
    let plain = Options { checks: false, trace: false };
    let checked = Options { checks: true, ..plain };
    let traced = Options { trace: true, ..plain };
    let toolchain = Toolchain::locate()?;
    let row = |way: &str, options, settle_too| -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        let model = Model::build_in(&Cache::usual(), &toolchain, tlb(), options, &mut |step| eprintln!("{step}"))?;
        let build_seconds = start.elapsed().as_secs_f64();
        let mut dut = Dut::load(&model)?;
        let start = Instant::now();
        let sum = run(&mut dut, cycles, settle_too)?;
        let rate = cycles as f64 / start.elapsed().as_secs_f64() / 1e6;
        println!("{way:<28} {rate:6.2} million cycles/s   (build {build_seconds:.2} s, checksum {sum:016x})");
        Ok(())
    };
    row("cycle()", plain, false)?;
    row("settle(), then cycle()", plain, true)?;
    row("cycle(), checks on", checked, false)?;
    row("cycle(), waves possible", traced, false)
}

/// One lookup a cycle, a refill in sixteen, a flush in 256, a new line every cycle.
fn run(dut: &mut Dut, cycles: u64, settle_too: bool) -> hashwalk_sim::Result<u64> {
    let [lookup_valid, lookup_vpn, lookup_asid] = inputs(dut, ["lookup_valid", "lookup_vpn", "lookup_asid"])?;
    let [refill_valid, refill_vpn, refill_asid] = inputs(dut, ["refill_valid", "refill_vpn", "refill_asid"])?;
    let [refill_pfn, flush, line] = inputs(dut, ["refill_pfn", "flush", "line"])?;
    let (hit, pfn, slots) = (dut.output("hit")?, dut.output("pfn")?, dut.output("slots_hit")?);
    let mixed = dut.output("line_mixed")?;
    dut.reset(2)?;
    dut.set(lookup_asid, 1);
    dut.set(refill_asid, 1);
    let (mut state, mut sum) = (1_u64, 0_u64);
    for cycle in 0..cycles {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        dut.set(lookup_valid, state & 1);
        dut.set(lookup_vpn, cycle.wrapping_sub(state >> 1 & 127) & 0x7ff_ffff);
        dut.set(refill_valid, u64::from(state >> 40 & 15 == 0));
        dut.set(refill_vpn, cycle & 0x7ff_ffff);
        dut.set(refill_pfn, state >> 40);
        dut.set(flush, u64::from(state >> 50 & 255 == 0));
        dut.set_wide(line, &[state; 8]);
        if settle_too {
            dut.settle()?;
        }
        dut.cycle()?;
        let outputs = dut.get(hit) + dut.get(pfn) + dut.get(slots) + dut.get_wide(mixed)[3];
        sum = sum.wrapping_mul(31).wrapping_add(outputs);
    }
    Ok(sum)
}

fn inputs<const N: usize>(dut: &Dut, names: [&str; N]) -> hashwalk_sim::Result<[hashwalk_sim::InPort; N]> {
    let ports = names.iter().map(|name| dut.input(name)).collect::<hashwalk_sim::Result<Vec<_>>>()?;
    Ok(ports.try_into().expect("as many ports as names"))
}

fn tlb() -> Sources {
    let ports = |ports: &[(&str, u32)]| ports.iter().map(|&(name, width)| Port { name: name.into(), width }).collect();
    Sources {
        top: "tlb".into(),
        files: vec![SourceFile { name: "tlb.v".into(), text: include_str!("tlb.v").into() }],
        library: Library::default(),
        inputs: ports(&[
            ("lookup_valid", 1),
            ("lookup_vpn", 27),
            ("lookup_asid", 16),
            ("refill_valid", 1),
            ("refill_vpn", 27),
            ("refill_asid", 16),
            ("refill_pfn", 24),
            ("flush", 1),
            ("line", 512),
        ]),
        outputs: ports(&[("lookup_ready", 1), ("hit", 1), ("pfn", 24), ("slots_hit", 8), ("line_mixed", 512)]),
        has_clock: true,
        has_reset: true,
    }
}
