//! Small hand-written Verilog through the whole path: Verilate, cache, load, drive, fail, record.

mod building;
mod driving;
mod failing;
mod waves;

use hashwalk_sim::{Cache, Dut, Library, Model, Options, Port, SourceFile, Sources, Toolchain};

const CHECKED: Options = Options { checks: true, trace: false };

fn toolchain() -> Toolchain {
    Toolchain::locate().unwrap()
}

fn sources(top: &str, text: &str, inputs: &[(&str, u32)], outputs: &[(&str, u32)]) -> Sources {
    let ports = |ports: &[(&str, u32)]| ports.iter().map(|&(name, width)| Port { name: name.into(), width }).collect();
    Sources {
        top: top.to_owned(),
        files: vec![SourceFile { name: format!("{top}.v"), text: text.to_owned() }],
        library: Library::default(),
        inputs: ports(inputs),
        outputs: ports(outputs),
        has_clock: text.contains("input wire clock"),
        has_reset: text.contains("input wire reset"),
    }
}

fn totaliser() -> Sources {
    let outputs = [("total", 100), ("next__low", 8)];
    sources("totaliser", include_str!("../verilog/totaliser.v"), &[("enable", 1), ("addend", 100)], &outputs)
}

fn handshake() -> Sources {
    sources("handshake", include_str!("../verilog/handshake.v"), &[("start", 1), ("finish", 1)], &[("busy", 1)])
}

fn stops() -> Sources {
    sources("stops", include_str!("../verilog/stops.v"), &[("how", 3)], &[])
}

fn parity() -> Sources {
    sources("parity", include_str!("../verilog/parity.v"), &[("value", 65)], &[("odd", 1)])
}

fn build(sources: Sources, options: Options) -> Model {
    Model::build(&toolchain(), &sources, options).unwrap()
}

/// Builds and returns what the builder told of its work.
fn build_telling(sources: &Sources) -> (Model, Vec<String>) {
    let mut told = Vec::new();
    let mut notify = |step: &str| told.push(step.to_owned());
    let model = Model::build_in(&Cache::usual(), &toolchain(), sources, CHECKED, &mut notify).unwrap();
    (model, told)
}

fn load(sources: Sources) -> Dut {
    Dut::load(&build(sources, CHECKED)).unwrap()
}
