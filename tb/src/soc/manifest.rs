//! What software there is: `tb/soc/software.toml`.

use std::path::{Path, PathBuf};

use hashwalk_spec::{Config, Format, Hash};
use serde::Deserialize;

use super::SocError;
use super::error::io;

/// All of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What every handler is linked with.
    pub kernel: Kernel,
    /// TLB-miss handlers.
    #[serde(rename = "handler")]
    pub handlers: Vec<Handler>,
    /// User programs.
    #[serde(rename = "program")]
    pub programs: Vec<Program>,
    /// Where the sources are.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// The kernel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The linker script.
    pub script: String,
    /// The sources.
    pub sources: Vec<String>,
    /// Further flags.
    #[serde(default)]
    pub flags: Vec<String>,
}

/// A handler.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// Its name.
    pub name: String,
    /// In a line.
    pub about: String,
    /// The format of the tables that it walks.
    pub format: Format,
    /// The hash function of these tables.
    #[serde(default = "keyed")]
    pub hash: Hash,
    /// The sources.
    pub sources: Vec<String>,
    /// Further flags.
    #[serde(default)]
    pub flags: Vec<String>,
}

fn keyed() -> Hash {
    Hash::Keyed
}

/// A program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// In a line.
    pub about: String,
    /// The linker script.
    pub script: String,
    /// Further flags.
    #[serde(default)]
    pub flags: Vec<String>,
    /// The period of the timer in cycles; 0 is none.
    #[serde(default)]
    pub timer: u32,
    /// Demand-zero pages behind the bss.
    #[serde(default)]
    pub heap_pages: u32,
    /// The sources of each process, one or two.
    pub processes: Vec<Vec<String>>,
    /// Pages of data begin without the right to write.
    #[serde(default)]
    pub copy_on_write: bool,
}

impl Manifest {
    /// The software that comes with Hashwalk.
    ///
    /// # Errors
    /// As for [`Manifest::read`].
    pub fn shipped() -> Result<Manifest, SocError> {
        Manifest::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("soc"))
    }

    /// The software in a folder.
    ///
    /// # Errors
    /// The list cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Manifest, SocError> {
        let path = folder.join("software.toml");
        let text = std::fs::read_to_string(&path).map_err(io("read", &path))?;
        let manifest: Result<Manifest, _> = toml::from_str(&text);
        let wrong = |reason| SocError::Manifest { path, reason };
        let manifest = match manifest {
            Ok(manifest) if manifest.handlers.is_empty() => return Err(wrong("it has no handler".into())),
            Ok(manifest) => manifest,
            Err(error) => return Err(wrong(error.to_string())),
        };
        Ok(Manifest { folder: folder.to_owned(), ..manifest })
    }

    /// The program of this name.
    ///
    /// # Errors
    /// [`SocError::Unknown`].
    pub fn program(&self, name: &str) -> Result<&Program, SocError> {
        let known = || self.programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = self.programs.iter().find(|program| program.name == name);
        found.ok_or_else(|| SocError::Unknown { kind: "program", name: name.into(), known: known() })
    }

    /// The handler of this name.
    ///
    /// # Errors
    /// [`SocError::Unknown`].
    pub fn handler(&self, name: &str) -> Result<&Handler, SocError> {
        let known = || self.handlers.iter().map(|handler| handler.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = self.handlers.iter().find(|handler| handler.name == name);
        found.ok_or_else(|| SocError::Unknown { kind: "handler", name: name.into(), known: known() })
    }

    /// The first handler for the tables of a configuration.
    ///
    /// # Errors
    /// [`SocError::NoHandler`].
    pub fn handler_for(&self, config: &Config) -> Result<&Handler, SocError> {
        let (format, hash) = (config.format(), config.hash());
        let walks = |handler: &&Handler| handler.format == format && (handler.hash == hash || format == Format::Radix);
        self.handlers.iter().find(walks).ok_or(SocError::NoHandler { format, hash })
    }
}
