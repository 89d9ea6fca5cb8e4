//! [`Design`]: the Verilog of a component and all below it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::flat::Flat;
use crate::module::Library;
use crate::{Component, component, depends};

/// One Verilog file with one module, named for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// For example `tlb_32.v`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A port of the top module, other than `clock` and `reset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The Verilog name.
    pub name: String,
    /// The width in bits.
    pub width: u32,
}

/// The Verilog of a component and all below it, and the top's ports.
#[derive(Clone, Debug)]
pub struct Design {
    /// The top module's name.
    pub top: String,
    /// All modules, children before parents.
    pub files: Vec<SourceFile>,
    /// The top's inputs in declaration order.
    pub inputs: Vec<Port>,
    /// The top's outputs in declaration order.
    pub outputs: Vec<Port>,
    /// The top has a port `clock`.
    pub has_clock: bool,
    /// The top has a port `reset`.
    pub has_reset: bool,
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

/// Elaborates a component into Verilog.
///
/// # Panics
/// With the Rust line, on every error in the hardware's description: widths that differ, a child or memory that is not
/// connected, an input, register or child's output that nobody reads, a combinational loop, two modules of one name.
#[track_caller]
pub fn elaborate<C: Component>(component: &C) -> Design {
    let library = Library::default();
    let (netlist, _) = component::build(component, &library);
    let dependencies = depends::dependencies(&Flat::new(&netlist));
    let ports = |ports: &[(String, crate::Signal)]| {
        ports.iter().map(|(name, signal)| Port { name: name.clone(), width: signal.width() }).collect()
    };
    Design {
        top: netlist.name.clone(),
        files: library.into_files(),
        inputs: ports(&netlist.inputs),
        outputs: ports(&netlist.outputs),
        has_clock: netlist.clocked(),
        has_reset: netlist.resettable(),
        dependencies,
    }
}

impl Design {
    /// Does the output depend on the input within the same cycle, also through children?
    ///
    /// # Panics
    /// When there is no such output or input.
    #[track_caller]
    pub fn depends(&self, output: &str, input: &str) -> bool {
        assert!(self.inputs.iter().any(|port| port.name == input), "`{}` has no input `{input}`", self.top);
        let inputs = self.dependencies.get(output);
        inputs.unwrap_or_else(|| panic!("`{}` has no output `{output}`", self.top)).contains(input)
    }

    /// Writes all files to a directory, which is created if need be, and returns their paths.
    ///
    /// # Errors
    /// When the directory or a file cannot be written.
    pub fn write_to(&self, directory: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
        fs::create_dir_all(&directory)?;
        self.files
            .iter()
            .map(|file| {
                let path = directory.as_ref().join(&file.name);
                fs::write(&path, &file.text)?;
                Ok(path)
            })
            .collect()
    }
}
