//! Properties of the hardware behind AXI that need no Verilog simulator.

use std::path::Path;

use hashwalk_rtl::axi::markdown;
use hashwalk_rtl::generate_axi;
use hashwalk_spec::{Config, Format, Hash, Settings};

fn configurations() -> Vec<Config> {
    let odd = Settings { name: "odd".into(), tlb_entries: 5, bus_bits: 128, hash: Hash::Fold, ..Settings::default() };
    let mut all: Vec<Config> = Config::PRESETS.iter().map(|name| Config::preset(name).unwrap()).collect();
    all.push(Config::new(odd.clone()).unwrap());
    all.push(Config::new(Settings { format: Format::Chained, bus_bits: 64, ..odd.clone() }).unwrap());
    all.push(Config::new(Settings { format: Format::Cuckoo, bus_bits: 256, ..odd }).unwrap());
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
