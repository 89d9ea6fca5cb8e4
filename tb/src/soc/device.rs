//! The Verilated system: our hardware, and Ibex from its package.

use std::time::Duration;

use hashwalk_hdl::Port;
use hashwalk_rtl::soc::MOST_FRAMES;
use hashwalk_rtl::{generate_soc, soc};
use hashwalk_sim::{Cache, Dut, Library, Model, Options, SourceFile, Sources};
use hashwalk_spec::{Config, Marking};
use indicatif::ProgressBar;

use super::{SocError, SocTools};

/// A Verilated system, of which any number can be made.
pub struct SocDevice {
    model: Model,
}

/// What only the top has, besides what it hands through.
const TOP_OUTPUTS: [(&str, u32); 9] = [
    ("core_valid", 1),
    ("core_pc", 32),
    ("core_user", 1),
    ("core_retired", 1),
    ("trap_valid", 1),
    ("trap_cause", 6),
    ("trap_value", 32),
    ("fetch_error", 1),
    ("data_error", 1),
];

/// Whether there is a system of this configuration.
///
/// # Errors
/// What of it is in the way.
pub fn can_have_core(config: &Config) -> Result<(), SocError> {
    if config.marks() != Marking::Software {
        return Err(SocError::Marks(config.marks()));
    }
    if config.has_two_hit_cycles() {
        return Err(SocError::HitCycles);
    }
    if config.frames() > MOST_FRAMES {
        return Err(SocError::Frames(config.frames()));
    }
    Ok(())
}

impl SocDevice {
    /// Verilates the system, unless that was done before, and says so while it takes.
    ///
    /// # Errors
    /// A tool fails, or the cache cannot be written.
    pub fn build(config: &Config, tools: &SocTools, trace: bool) -> Result<SocDevice, SocError> {
        can_have_core(config)?;
        if config.sequence() {
            return Err(SocError::Sequence);
        }
        let options = Options { trace, checks: true };
        let spinner = ProgressBar::new_spinner();
        let model =
            Model::build_in(&Cache::usual(), &tools.verilator, sources(config, tools), options, &mut |message| {
                spinner.enable_steady_tick(Duration::from_millis(100));
                spinner.set_message(format!("{}: {message}", config.name()));
            });
        spinner.finish_and_clear();
        Ok(SocDevice { model: model? })
    }

    /// A new system, as after power-on.
    ///
    /// # Errors
    /// The shared object cannot be loaded.
    pub fn load(&self) -> Result<Dut, SocError> {
        Ok(Dut::load(&self.model)?)
    }
}

fn sources(config: &Config, tools: &SocTools) -> Sources {
    let design = generate_soc(config);
    let is_handed_through = |port: &&Port| {
        let of_core = ["fetch_", "data_", "core_", "timer"];
        !of_core.iter().any(|prefix| port.name.starts_with(prefix))
    };
    let port = |(name, width): (&str, u32)| Port { name: name.into(), width };
    let own = soc::SYSTEM_VERILOG.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    Sources {
        top: "hashwalk_soc_top".into(),
        files: own.into_iter().chain(design.files.iter().cloned()).collect(),
        library: ibex(config, tools),
        inputs: std::iter::once(port(("run", 1)))
            .chain(design.inputs.iter().filter(is_handed_through).cloned())
            .collect(),
        outputs: design
            .outputs
            .iter()
            .filter(is_handed_through)
            .cloned()
            .chain(TOP_OUTPUTS.into_iter().map(port))
            .collect(),
        has_clock: true,
        has_reset: true,
    }
}

fn ibex(config: &Config, tools: &SocTools) -> Library {
    let primitives = tools.ibex.join("vendor/lowrisc_ip/ip/prim/rtl");
    let cores = tools.ibex.join("rtl");
    // Packages that Ibex's modules name, also in parts that are left out here.
    let packages = ["ram_1p", "secded", "util", "cipher", "mubi", "count"];
    let mut files: Vec<_> = packages.iter().map(|name| primitives.join(format!("prim_{name}_pkg.sv"))).collect();
    files.push(cores.join("ibex_pkg.sv"));
    let define = |name: &str, value: u32| (name.to_owned(), value.to_string());
    Library {
        files,
        folders: vec![cores, primitives, tools.ibex.join("vendor/lowrisc_ip/dv/sv/dv_utils")],
        defines: vec![
            define("SYNTHESIS", 1),
            define("HASHWALK_BUS_BITS", config.bus_bits()),
            define("HASHWALK_WALKS", config.walks()),
            define("HASHWALK_WALK_ID_BITS", config.walk_id_bits()),
        ],
    }
}
