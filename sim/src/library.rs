//! SystemVerilog that others wrote and that lies elsewhere: named by its folders, not copied.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Result, io};

/// Files and folders that Verilator reads beside the design's own files.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Files that are read first, in this order: packages.
    pub files: Vec<PathBuf>,
    /// Folders in which included files are looked for, and modules by their names.
    pub folders: Vec<PathBuf>,
    /// Macros and their values.
    pub defines: Vec<(String, String)>,
}

impl Library {
    /// Whether the design is all there is.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty()
    }

    /// Verilator's arguments for it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let defines = self.defines.iter().map(|(name, value)| format!("+define+{name}={value}"));
        let folders = self.folders.iter().map(|folder| format!("-I{}", folder.display()));
        let files = self.files.iter().map(|file| file.display().to_string());
        defines.chain(folders).chain(files).collect()
    }

    /// Everything that decides what it means, for the cache's key: the arguments and the text of every file that may be read.
    pub(crate) fn texts(&self) -> Result<Vec<Vec<u8>>> {
        let mut paths = self.files.clone();
        for folder in &self.folders {
            let entries = fs::read_dir(folder).map_err(io("list", folder))?;
            let mut found: Vec<PathBuf> =
                entries.flatten().map(|entry| entry.path()).filter(|path| is_source(path)).collect();
            found.sort();
            paths.extend(found);
        }
        let mut texts: Vec<Vec<u8>> = self.arguments().into_iter().map(String::into_bytes).collect();
        for path in paths {
            texts.push(fs::read(&path).map_err(io("read", &path))?);
        }
        Ok(texts)
    }
}

fn is_source(path: &Path) -> bool {
    ["sv", "svh", "v", "vh"].iter().any(|extension| path.extension() == Some(OsStr::new(extension)))
}
