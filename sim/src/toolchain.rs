//! Where Verilator and the C++ compiler are.

use std::env;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

/// The file that `make tools` writes last into the tools folder: without it the folder is half made.
const STAMP: &str = "sim-requirements.txt";

/// Verilator and the C++ compiler, found and tried.
#[derive(Clone, Debug)]
pub struct Toolchain {
    tools: PathBuf,
    /// Verilator's package folder, with `bin/` and `include/`.
    pub(crate) verilator_root: PathBuf,
    /// The command of the C++ compiler, with arguments if it has any, as in `ccache g++`.
    compiler: String,
    /// What both say of themselves, the compiler by its predefined macros: part of every cache key.
    pub(crate) identity: String,
}

impl Toolchain {
    /// Finds Verilator in the folder that `make tools` fills: `$HASHWALK_TOOLS`, or else `.tools` in the current folder
    /// or above, or else `.tools` in the workspace this was built from. The compiler is `$CXX`, or else `g++`.
    ///
    /// # Errors
    /// [`Error::VerilatorMissing`], [`Error::VerilatorBroken`] or [`Error::CompilerMissing`], each saying what to do.
    pub fn locate() -> Result<Toolchain> {
        let compiler = env::var("CXX").ok().filter(|command| !command.trim().is_empty());
        Toolchain::locate_in(&tool_folders(), compiler.as_deref().unwrap_or("g++"))
    }

    /// Like [`Toolchain::locate`], with the folders to search and the compiler's command given.
    ///
    /// # Errors
    /// As for [`Toolchain::locate`].
    pub fn locate_in(folders: &[PathBuf], compiler: &str) -> Result<Toolchain> {
        let found = folders.iter().cloned().map(absolute).find_map(|tools| Some((verilator_in(&tools)?, tools)));
        let (verilator_root, tools) = found.ok_or_else(|| {
            let searched: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            Error::VerilatorMissing { searched: searched.join(", ") }
        })?;
        let mut toolchain = Toolchain { tools, verilator_root, compiler: compiler.to_owned(), identity: String::new() };
        let verilator =
            output(toolchain.verilator().arg("--version")).map_err(|reason| Error::VerilatorBroken { reason })?;
        let macros = output(toolchain.compiler().args(["-dM", "-E", "-x", "c++", "/dev/null"]))
            .map_err(|reason| Error::CompilerMissing { command: compiler.to_owned(), reason })?;
        toolchain.identity = verilator + &macros;
        Ok(toolchain)
    }

    /// The tools folder in which Verilator was found.
    pub fn tools_folder(&self) -> PathBuf {
        self.tools.clone()
    }

    /// A command for Verilator itself. Its usual front is a Perl script; this way Perl is not needed.
    pub(crate) fn verilator(&self) -> Command {
        let mut command = Command::new(self.verilator_root.join("bin/verilator_bin"));
        command.env("VERILATOR_ROOT", &self.verilator_root);
        command
    }

    /// A command for the C++ compiler.
    pub(crate) fn compiler(&self) -> Command {
        let mut words = self.compiler.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }

    /// Verilator's headers and the sources of its runtime.
    pub(crate) fn runtime_sources(&self) -> PathBuf {
        self.verilator_root.join("include")
    }
}

fn tool_folders() -> Vec<PathBuf> {
    if let Some(folder) = env::var_os("HASHWALK_TOOLS") {
        return vec![folder.into()];
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Ok(current) = env::current_dir() {
        let above = current.ancestors().map(|folder| folder.join(".tools"));
        folders.extend(above.filter(|folder| folder.is_dir()).take(1));
    }
    folders.push(workspace().join(".tools"));
    folders.dedup();
    folders
}

/// The workspace that this crate was built from.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a workspace")
}

/// The same path from any folder: Verilator is run in another one.
pub(crate) fn absolute(path: PathBuf) -> PathBuf {
    path::absolute(&path).unwrap_or(path)
}

fn verilator_in(tools: &Path) -> Option<PathBuf> {
    if !tools.join(STAMP).is_file() {
        return None;
    }
    let pythons = fs::read_dir(tools.join("lib")).ok()?;
    let packages = pythons.flatten().map(|python| python.path().join("site-packages/verilator"));
    packages.into_iter().find(|root| root.join("bin/verilator_bin").is_file())
}

/// Runs a command to its end and returns its standard output, or in one line why there is none.
fn output(command: &mut Command) -> std::result::Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().next().map_or_else(|| output.status.to_string(), str::to_owned))
}
