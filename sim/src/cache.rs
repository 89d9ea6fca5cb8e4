//! The cache of compiled designs: a folder of shared objects named by what they were made from.
//!
//! An entry is made in a temporary folder of the cache and renamed into place when complete, so whatever has an entry's
//! name is whole. A lock file for each name keeps two builders from doing the same work.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::error::{Result, io};
use crate::toolchain::{absolute, workspace};

/// A folder for compiled designs.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The usual cache: `$HASHWALK_CACHE`, or else `verilated` in `$CARGO_TARGET_DIR`, or else in the workspace's `target`.
    pub fn usual() -> Cache {
        let target = || env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
        let folder = env::var_os("HASHWALK_CACHE").map_or_else(|| target().join("verilated"), PathBuf::from);
        Cache::at(folder)
    }

    /// A cache in this folder, which is created when first written.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: absolute(folder.into()) }
    }

    /// Returns the entry `name`, made by `make` if it does not exist yet. `make` gets an empty folder to work in and
    /// returns the path there of the file or folder that becomes the entry.
    pub(crate) fn entry(&self, name: &str, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<PathBuf> {
        let entry = self.folder.join(name);
        if entry.exists() {
            return Ok(entry);
        }
        fs::create_dir_all(&self.folder).map_err(io("create", &self.folder))?;
        let lock_path = self.folder.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).map_err(io("create", &lock_path))?;
        lock.lock().map_err(io("lock", &lock_path))?; // until `lock` is dropped
        if !entry.exists() {
            let work =
                TempDir::with_prefix_in("making-", &self.folder).map_err(io("create a folder in", &self.folder))?;
            let made = make(work.path())?;
            fs::rename(&made, &entry).map_err(io("move a new entry to", &entry))?;
        }
        Ok(entry)
    }
}

/// A digest over pieces; moving text from one piece to the next changes it.
pub(crate) fn digest<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_le_bytes());
        hash.update(piece);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_making_leaves_no_entry_and_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let missing = cache.entry("a", |work| Ok(work.join("missing")));
        assert!(missing.is_err());
        let make = |work: &Path| {
            let path = work.join("file");
            fs::write(&path, "whole").map_err(io("write", &path))?;
            Ok(path)
        };
        assert_eq!(fs::read_to_string(cache.entry("a", make).unwrap()).unwrap(), "whole");
        let again = cache.entry("a", |_| panic!("made twice")).unwrap();
        assert_eq!(fs::read_to_string(again).unwrap(), "whole");
    }

    #[test]
    fn digest_sees_where_a_piece_ends() {
        assert_ne!(digest([b"ab".as_slice(), b"c"]), digest([b"a".as_slice(), b"bc"]));
    }
}
