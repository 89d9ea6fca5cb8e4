//! Compiles and links software for Ibex. What was compiled is kept under a name made from everything that went into it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::io;
use super::{Handler, Image, Manifest, Program, SocError, SocTools};

/// Flags for everything. The code stands where it is linked to, and nothing of a C library is there.
const FLAGS: [&str; 17] = [
    "cc",
    "-target",
    "riscv32-freestanding-none",
    "-mcpu=generic_rv32+m+c+zicsr+zifencei",
    "-mabi=ilp32",
    "-O2",
    "-ffreestanding",
    "-fno-pic",
    "-fno-sanitize=all",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-nostdlib",
    "-static",
    "-Wall",
    "-Wl,--build-id=none",
    "-Wl,-z,norelro",
];

/// The compiler, and where it puts things.
pub struct Compiler {
    zig: PathBuf,
    folder: PathBuf,
}

impl Compiler {
    /// The usual place: `soc` in the target folder.
    #[must_use]
    pub fn new(tools: &SocTools) -> Compiler {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a workspace");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
        Compiler { zig: tools.zig.clone(), folder: target.join("soc") }
    }

    /// The kernel with a handler in it.
    ///
    /// # Errors
    /// [`SocError::Compiler`], or a file cannot be read or written.
    pub fn kernel(&self, manifest: &Manifest, handler: &Handler) -> Result<Image, SocError> {
        let kernel = &manifest.kernel;
        let sources: Vec<&String> = kernel.sources.iter().chain(&handler.sources).collect();
        let flags: Vec<&String> = kernel.flags.iter().chain(&handler.flags).collect();
        self.link(&manifest.folder, &format!("kernel-{}", handler.name), &kernel.script, &sources, &flags)
    }

    /// The processes of a program.
    ///
    /// # Errors
    /// As for [`Compiler::kernel`].
    pub fn program(&self, manifest: &Manifest, program: &Program) -> Result<Vec<Image>, SocError> {
        let flags: Vec<&String> = program.flags.iter().collect();
        let process = |sources: &Vec<String>| {
            let sources: Vec<&String> = sources.iter().collect();
            self.link(&manifest.folder, &program.name, &program.script, &sources, &flags)
        };
        program.processes.iter().map(process).collect()
    }

    fn link(
        &self,
        base: &Path,
        name: &str,
        script: &str,
        sources: &[&String],
        flags: &[&String],
    ) -> Result<Image, SocError> {
        let mut arguments: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        for folder in ["kernel", "handlers", "programs"] {
            arguments.push(format!("-I{}", base.join(folder).display()));
        }
        arguments.push(format!("-Wl,-T,{}", base.join(script).display()));
        arguments.extend(flags.iter().map(|flag| (*flag).clone()));
        arguments.extend(sources.iter().map(|source| base.join(source).display().to_string()));

        let path = self.folder.join(format!("{name}-{:016x}.elf", self.key(base, &arguments)?));
        if !path.exists() {
            fs::create_dir_all(&self.folder).map_err(io("create", &self.folder))?;
            let work = tempfile::tempdir_in(&self.folder).map_err(io("create a folder in", &self.folder))?;
            let made = work.path().join("made.elf");
            let mut command = Command::new(&self.zig);
            command.env("ZIG_GLOBAL_CACHE_DIR", self.folder.join("zig"));
            command.env("ZIG_LOCAL_CACHE_DIR", self.folder.join("zig"));
            command.args(&arguments).arg("-o").arg(&made);
            let output = command.output().map_err(io("run", &self.zig))?;
            if !output.status.success() {
                let log = String::from_utf8_lossy(&output.stderr);
                let log = log.lines().take(30).collect::<Vec<_>>().join("\n");
                return Err(SocError::Compiler { what: name.into(), log });
            }
            fs::rename(&made, &path).map_err(io("move a program to", &path))?;
        }
        let bytes = fs::read(&path).map_err(io("read", &path))?;
        Image::parse(name, &bytes)
    }

    /// Everything that decides what is made: the flags, the compiler, and the text of every source and header.
    fn key(&self, base: &Path, arguments: &[String]) -> Result<u64, SocError> {
        let mut hash = DefaultHasher::new();
        (arguments, &self.zig).hash(&mut hash);
        for folder in ["kernel", "handlers", "programs"] {
            let folder = base.join(folder);
            let entries = fs::read_dir(&folder).map_err(io("list", &folder))?;
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths.iter().filter(|path| path.is_file()) {
                (path, fs::read(path).map_err(io("read", path))?).hash(&mut hash);
            }
        }
        Ok(hash.finish())
    }
}
