//! Properties of the hardware behind AXI that need no Verilog simulator.

use std::path::Path;

use hashwalk_hdl::{Interpreter, Port};
use hashwalk_rtl::axi::counter_list::{Event, counters};
use hashwalk_rtl::axi::counters::Counters;
use hashwalk_rtl::axi::markdown;
use hashwalk_rtl::axi::read::ReadManager;
use hashwalk_rtl::{generate_axi, generate_update};
use hashwalk_spec::{Config, Format, Hash, Marking, Settings};

fn configurations() -> Vec<Config> {
    let odd = Settings { name: "odd".into(), tlb_entries: 5, bus_bits: 128, hash: Hash::Fold, ..Settings::default() };
    let mut all: Vec<Config> = Config::PRESETS.iter().map(|name| Config::preset(name).unwrap()).collect();
    all.push(Config::new(odd.clone()).unwrap());
    all.push(Config::new(Settings { format: Format::Chained, bus_bits: 64, ..odd.clone() }).unwrap());
    all.push(Config::new(Settings { format: Format::Cuckoo, bus_bits: 256, ..odd.clone() }).unwrap());
    all.push(Config::new(Settings { marks: Marking::Update, ..odd.clone() }).unwrap());
    all.push(Config::new(Settings { marks: Marking::Fault, ..odd }).unwrap());
    all
}

#[test]
fn two_generations_are_identical() {
    for config in configurations() {
        assert_eq!(generate_axi(&config).files, generate_axi(&config).files);
    }
}

/// No VALID depends on a READY, and no READY on a VALID.
#[test]
fn no_input_reaches_an_output_within_a_cycle() {
    for config in configurations() {
        let design = generate_axi(&config);
        for output in &design.outputs {
            for input in &design.inputs {
                assert!(!design.depends(&output.name, &input.name), "{} from {}", output.name, input.name);
            }
        }
        let design = generate_update(&config);
        let named = |ports: &[Port], end: &str| -> Vec<String> {
            ports.iter().map(|port| port.name.clone()).filter(|name| name.ends_with(end)).collect()
        };
        for (ends, starts) in [("valid", "ready"), ("ready", "valid")] {
            for output in named(&design.outputs, ends).iter().filter(|name| name.starts_with("m_axi")) {
                for input in named(&design.inputs, starts).iter().filter(|name| name.starts_with("m_axi")) {
                    assert!(!design.depends(output, input), "{output} from {input}");
                }
            }
        }
    }
}

#[test]
fn the_page_of_registers_is_that_of_the_map() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/registers.md");
    let made = markdown::page();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "docs/registers.md is not that of the map: UPDATE_SNAPSHOTS=1 cargo test -p hashwalk-rtl --test axi"
    );
}

/// A reproducible stream of numbers.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

/// One read that is out: whose it is, its address, and how many of its beats have come.
struct Out {
    walk: usize,
    address: u64,
    beat: u32,
}

/// Eight walks read at once, and memory answers in any order that AXI allows: each beat comes to the walk that asked for
/// it, and each walk's beats in one piece.
fn every_walk_gets_its_own_beats(config: &Config) {
    let (walks, beats) = (config.walks() as usize, config.beats());
    let mut draw = Draw(7);
    let mut manager = Interpreter::new(&ReadManager::new(config));
    let mut asking: Option<(usize, u64)> = None;
    let mut free: Vec<usize> = (0..walks).collect();
    let mut out: Vec<Out> = Vec::new();
    let (mut offered, mut served, mut reordered) = (None, 0, 0);
    manager.set("walker_request_beats", beats);
    manager.set("walker_response_ready", 1u32);
    for cycle in 0..4000u64 {
        if asking.is_none() && !free.is_empty() && draw.below(2) == 0 {
            asking = Some((free.swap_remove(draw.below(free.len())), cycle * 64));
        }
        manager.set("walker_request_valid", u32::from(asking.is_some()));
        let (walk, address) = asking.unwrap_or_default();
        manager.set("walker_request_id", walk);
        manager.set("walker_request_address", address);
        let ready = draw.below(3) > 0;
        manager.set("bus_arready", u32::from(ready));

        // A read of several beats goes on; else any read whose ID has no older one.
        if offered.is_none() && !out.is_empty() && draw.below(3) > 0 {
            let place = if beats > 1 { 0 } else { draw.below(out.len()) };
            reordered += usize::from(place > 0);
            offered = Some(place);
        }
        manager.set("bus_rvalid", u32::from(offered.is_some()));
        if let Some(read) = offered.map(|place: usize| &out[place]) {
            let id = if beats > 1 { 0 } else { read.walk };
            manager.set("bus_rid", id);
            manager.set("bus_rdata", read.address + u64::from(read.beat));
            manager.set("bus_rlast", u32::from(read.beat == beats - 1));
            manager.set("bus_rresp", if read.address % 192 == 0 { 2u32 } else { 0 });
            assert_eq!(manager.get("walker_response_valid"), 1u32.into());
            assert_eq!(manager.get("walker_response_id"), read.walk.into());
            assert_eq!(manager.get("walker_response_data"), (read.address + u64::from(read.beat)).into());
            assert_eq!(manager.get("walker_response_error"), u32::from(read.address % 192 == 0).into());
        }
        assert_eq!(manager.get("bus_arvalid"), u32::from(asking.is_some()).into());
        assert_eq!(manager.get("bus_araddr"), address.into());
        manager.tick();
        if let Some(place) = offered.take() {
            out[place].beat += 1;
            if out[place].beat == beats {
                free.push(out.remove(place).walk);
                served += 1;
            }
        }
        if let Some((walk, address)) = asking.filter(|_| ready) {
            out.push(Out { walk, address, beat: 0 });
            asking = None;
        }
    }
    assert!(served > 300 && (beats > 1 || reordered > 100), "{served} reads, {reordered} out of order");
}

#[test]
fn beats_come_to_the_walk_that_asked_for_them() {
    for (walks, bus_bits) in [(8, 512), (8, 64), (3, 256), (1, 128)] {
        let settings = Settings { name: "reads".into(), walks, bus_bits, ..Settings::default() };
        every_walk_gets_its_own_beats(&Config::new(settings).unwrap());
    }
}

/// The values of the counters of these events, while the inputs of each line stand for a cycle.
fn counted(cycles: &[&[(&str, u32)]], events: &[Event]) -> Vec<u64> {
    let mut bench = Interpreter::new(&Counters);
    for inputs in cycles {
        inputs.iter().for_each(|(name, value)| bench.set(name, *value));
        bench.tick();
        inputs.iter().for_each(|(name, _)| bench.set(name, 0u32));
    }
    // What a cycle adds stands in the counter after the next one.
    bench.tick();
    let mut value = |event| {
        let place = counters().iter().position(|(_, counted, _)| *counted == event).unwrap();
        bench.set("select", place as u32);
        bench.get("value").iter_u64_digits().next().unwrap_or(0)
    };
    events.iter().map(|event| value(*event)).collect()
}

#[test]
fn updates_count_by_what_they_have_come_to() {
    let done: &[(&str, u32)] = &[("events_updated", 1), ("events_update_swapped", 1)];
    let in_vain: &[(&str, u32)] = &[("events_updated", 1)];
    // Whether an update has set marks counts only when it is over.
    let other: &[(&str, u32)] = &[("events_update_swapped", 1)];
    let events = [Event::Update(true), Event::Update(false)];
    assert_eq!(counted(&[done, in_vain, &[], other, done, done, other], &events), [3, 1]);
}

#[test]
fn all_reads_that_are_saved_in_a_cycle_count() {
    let saved = |reads: u32| [("events_saved", reads)];
    let cycles = [saved(4), saved(0), saved(3), saved(2), saved(4)];
    assert_eq!(counted(&cycles.each_ref().map(|cycle| cycle.as_slice()), &[Event::Saved]), [13]);
}
