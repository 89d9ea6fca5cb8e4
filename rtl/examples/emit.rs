//! The Verilog of one top, with nothing but this crate: what `make test-axi` simulates.
//!
//! ```text
//! cargo run -p hashwalk-rtl --example emit -- --top axi --config default -o target/axi/verilog
//! ```

use std::error::Error;
use std::path::Path;

use hashwalk_hdl::Design;
use hashwalk_rtl::{generate, generate_axi, generate_soc, generate_update};
use hashwalk_spec::Config;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |option: &str| {
        let place = arguments.iter().position(|argument| argument == option);
        place.and_then(|place| arguments.get(place + 1)).ok_or(format!("{option} is missing"))
    };
    let config = Config::load(value("--config")?)?;
    let design: Design = match value("--top")?.as_str() {
        "mmu" => generate(&config),
        "axi" => generate_axi(&config),
        "update" => generate_update(&config),
        "soc" => generate_soc(&config),
        top => return Err(format!("there is no top {top}: mmu, axi, update, soc").into()),
    };
    let folder = Path::new(value("-o")?);
    design.write_to(folder)?;
    let names: String = design.files.iter().map(|file| format!("{}\n", file.name)).collect();
    std::fs::write(folder.join("files.f"), names)?;
    Ok(())
}
