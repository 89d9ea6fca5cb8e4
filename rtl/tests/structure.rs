//! Properties of the generated design that need no simulation.

use hashwalk_rtl::generate;
use hashwalk_spec::{Config, Format, Hash, Marking, Settings};

fn configurations() -> Vec<Config> {
    let odd = Settings {
        name: "odd".into(),
        tlb_entries: 5,
        bus_bits: 128,
        max_steps: 1,
        hash: Hash::Fold,
        ..Settings::default()
    };
    let mut all: Vec<Config> = Config::PRESETS.iter().map(|name| Config::preset(name).unwrap()).collect();
    all.push(Config::new(odd.clone()).unwrap());
    all.push(Config::new(Settings { hash: Hash::Asid, ..odd.clone() }).unwrap());
    all.push(Config::new(Settings { format: Format::Chained, ..odd.clone() }).unwrap());
    let chained = Settings { format: Format::Chained, sequence: true, ..odd.clone() };
    all.push(Config::new(Settings { marks: Marking::Update, ..chained }).unwrap());
    let marks = |marks| Settings { marks, l2_entries: 64, ..odd.clone() };
    all.extend([Marking::Fault, Marking::Update].map(|of| Config::new(marks(of)).unwrap()));
    all.push(Config::new(Settings { format: Format::Cuckoo, walks: 1, ..marks(Marking::Update) }).unwrap());
    for (ways, bus_bits, hash) in [(2, 64, Hash::Fold), (3, 256, Hash::Keyed), (4, 128, Hash::Asid)] {
        all.push(Config::new(Settings { format: Format::Cuckoo, ways, bus_bits, hash, ..odd.clone() }).unwrap());
    }
    let twice = Settings { hit_cycles: 2, ..odd.clone() };
    all.push(Config::new(Settings { hit_cycles: 2, ..Settings::default() }).unwrap());
    for format in [Format::Inverted, Format::Tree, Format::Radix, Format::Cuckoo, Format::Chained] {
        all.extend([&odd, &twice].map(|of| Config::new(Settings { format, max_steps: 16, ..of.clone() }).unwrap()));
    }
    all
}

#[test]
fn two_generations_are_identical() {
    for config in configurations() {
        let (first, second) = (generate(&config), generate(&config));
        // The top, the TLB, the walker, the delivery, the agreements, the hash of each way, the second level, the predictor.
        let options = [config.l2_sets() > 0, config.predictor_entries() > 0];
        let files = 5 + config.ways() + options.map(u32::from).iter().sum::<u32>();
        assert_eq!(first.files.len() as u32, files, "{}", config.name());
        for (a, b) in first.files.iter().zip(&second.files) {
            assert_eq!((&a.name, &a.text), (&b.name, &b.text));
        }
    }
}

/// docs/timing.md, "Ready and valid".
#[test]
fn no_input_reaches_an_output_within_a_cycle() {
    for config in configurations() {
        let design = generate(&config);
        for output in &design.outputs {
            for input in &design.inputs {
                let is_address = ["memory_request_address", "update_address"].contains(&output.name.as_str());
                let of_table = ["control_table_frame", "control_table_mask"].contains(&input.name.as_str());
                // Where a link is an address, nothing is added to it.
                let allowed = is_address && of_table && !config.format().links_by_address();
                assert_eq!(design.depends(&output.name, &input.name), allowed, "{} from {}", output.name, input.name);
            }
        }
    }
}

/// docs/spec.md, section 9.
#[test]
fn the_ports_are_those_of_the_contract() {
    let contract = include_str!("../../docs/spec.md");
    let section = contract.split("## 9. Ports").nth(1).unwrap().split("## 10.").next().unwrap();
    let marked = Settings { marks: Marking::Update, ..Settings::default() };
    for config in [Config::preset("default").unwrap(), Config::new(marked).unwrap()] {
        check_ports(section, &config);
    }
}

fn check_ports(section: &str, config: &Config) {
    let design = generate(config);
    let width = |written: &str| {
        let named = written.replace("bus width", &config.bus_bits().to_string());
        let named = named.replace("bits of a walk", &config.walk_id_bits().to_string());
        match named.strip_suffix(" x walks") {
            Some(each) => (each.parse::<u32>().unwrap() * config.walks()).to_string(),
            None => named,
        }
    };
    for port in design.inputs.iter().chain(&design.outputs).filter(|port| !["clock", "reset"].contains(&&*port.name)) {
        let row = section.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{}`", port.name)));
        let row = row.unwrap_or_else(|| panic!("docs/spec.md has no port {}", port.name));
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let position = columns[1].split(", ").position(|name| name == format!("`{}`", port.name)).unwrap();
        let of = |column: &str| {
            let parts: Vec<String> = column.split(", ").map(str::to_string).collect();
            parts.get(position).or(parts.last()).unwrap().clone()
        };
        assert_eq!(width(&of(columns[3])), port.width.to_string(), "{row}");
        let direction = if design.inputs.iter().any(|input| input.name == port.name) { "in" } else { "out" };
        assert_eq!(of(columns[2]), direction, "{row}");
    }
}
