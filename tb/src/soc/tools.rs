//! Where Ibex and its compiler are: packages of `make soc-tools`.

use std::fs;
use std::path::{Path, PathBuf};

use hashwalk_sim::Toolchain;

use super::SocError;

/// Verilator, Ibex and the compiler for it.
#[derive(Clone, Debug)]
pub struct SocTools {
    pub(super) verilator: Toolchain,
    /// Ibex's repository.
    pub(super) ibex: PathBuf,
    /// The compiler.
    pub(super) zig: PathBuf,
}

impl SocTools {
    /// Finds them in the tools folder, beside Verilator.
    ///
    /// # Errors
    /// [`SocError::ToolsMissing`], or what is wrong with Verilator.
    pub fn locate() -> Result<SocTools, SocError> {
        let verilator = Toolchain::locate()?;
        let folder = verilator.tools_folder();
        let package = |name: &str| {
            package(&folder, name).ok_or(SocError::ToolsMissing { what: name.into(), folder: folder.clone() })
        };
        let ibex = package("pythondata_cpu_ibex/system_verilog/rtl/ibex_top.sv")?;
        let zig = package("ziglang/zig")?;
        let ibex = ibex.ancestors().nth(2).expect("the file lies below").to_owned();
        Ok(SocTools { verilator, ibex, zig })
    }
}

fn package(tools: &Path, name: &str) -> Option<PathBuf> {
    let pythons = fs::read_dir(tools.join("lib")).ok()?;
    pythons.flatten().map(|python| python.path().join("site-packages").join(name)).find(|path| path.is_file())
}
