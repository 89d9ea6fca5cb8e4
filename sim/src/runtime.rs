//! The Verilated runtime as objects: the same for every design, so compiled once for each set of tools.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, digest};
use crate::compile::{COMMON_FLAGS, Unit, compile, verilated_macros};
use crate::error::{Result, io};
use crate::toolchain::Toolchain;
use crate::wave_libraries::{ARCHIVES, HEADERS};

/// Headers and sources of ours that are compiled at run time.
const DUT_H: &str = include_str!("../cxx/dut.h");
const DESIGN_CC: &str = include_str!("../cxx/design.cc");
const RUNTIME_H: &str = include_str!("../cxx/runtime.h");
const RUNTIME_CC: &str = include_str!("../cxx/runtime.cc");

/// What runs every cycle is in headers and in the design's own C++; this only has to compile soon.
const RUNTIME_FLAGS: [&str; 1] = ["-O1"];

/// A folder in the cache with everything that a design's own C++ is compiled and linked with.
pub(crate) struct Runtime {
    folder: PathBuf,
    trace: bool,
}

impl Runtime {
    /// Identifies what [`Runtime::ready`] makes.
    pub fn key(toolchain: &Toolchain, trace: bool) -> String {
        let flags = [COMMON_FLAGS.join(" "), RUNTIME_FLAGS.join(" "), verilated_macros(trace).join(" ")].concat();
        let ours = [&toolchain.identity, &flags, DUT_H, DESIGN_CC, RUNTIME_H, RUNTIME_CC];
        let libraries = HEADERS.iter().chain(&ARCHIVES).filter(|_| trace).map(|(_, content)| *content);
        digest(ours.into_iter().map(str::as_bytes).chain(libraries))
    }

    /// Returns the runtime, compiling it if this is the first use of these tools.
    ///
    /// # Errors
    /// When a file cannot be written or the compiler fails.
    pub fn ready(toolchain: &Toolchain, cache: &Cache, trace: bool, notify: &mut dyn FnMut(&str)) -> Result<Runtime> {
        let name = format!("runtime-{}", Runtime::key(toolchain, trace));
        let folder = cache.entry(&name, |work| {
            notify("compiling the Verilated runtime (once)");
            let folder = work.join("runtime");
            Runtime { folder: folder.clone(), trace }.make(toolchain)?;
            Ok(folder)
        })?;
        Ok(Runtime { folder, trace })
    }

    fn make(&self, toolchain: &Toolchain) -> Result<()> {
        fs::create_dir(&self.folder).map_err(io("create", &self.folder))?;
        let ours = [("dut.h", DUT_H), ("design.cc", DESIGN_CC), ("runtime.h", RUNTIME_H), ("runtime.cc", RUNTIME_CC)];
        let ours = ours.map(|(name, text)| (name, text.as_bytes()));
        let libraries = HEADERS.iter().chain(&ARCHIVES).filter(|_| self.trace).copied();
        for (name, content) in ours.into_iter().chain(libraries) {
            let path = self.folder.join(name);
            fs::write(&path, content).map_err(io("write", &path))?;
        }
        let sources = toolchain.runtime_sources();
        let verilated = |name: &str| self.unit(&sources.join(format!("{name}.cpp")), name);
        // The longest first.
        let mut units = vec![verilated("verilated")];
        units.extend(self.trace.then(|| verilated("verilated_fst_c")));
        units.push(self.unit(&self.folder.join("runtime.cc"), "runtime"));
        units.push(verilated("verilated_threads"));
        compile(toolchain, &units, &self.flags(toolchain))
    }

    fn unit(&self, source: &Path, name: &str) -> Unit {
        let object = self.folder.join(format!("{name}.o"));
        Unit { source: source.to_owned(), object, flags: RUNTIME_FLAGS.to_vec() }
    }

    /// The flags with which units of the runtime and of designs are compiled.
    pub fn flags(&self, toolchain: &Toolchain) -> Vec<String> {
        let mut flags = verilated_macros(self.trace);
        flags.push(format!("-I{}", self.folder.display()));
        flags.push(format!("-I{}", toolchain.runtime_sources().display()));
        flags.push("-include".to_owned());
        flags.push(self.folder.join("runtime.h").display().to_string());
        flags
    }

    /// The C++ class that wraps a design.
    pub fn design_source(&self) -> PathBuf {
        self.folder.join("design.cc")
    }

    /// What a design is linked with, in order.
    pub fn link_inputs(&self) -> Vec<PathBuf> {
        let objects = ["verilated.o", "runtime.o", "verilated_threads.o"];
        let waves = ["verilated_fst_c.o", "liblz4.a", "libz.a"];
        objects.into_iter().chain(waves.into_iter().filter(|_| self.trace)).map(|name| self.folder.join(name)).collect()
    }
}
