//! Finding a program before it is started, so that a missing one has a clear message.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The executable file that `name` means: itself where it holds a slash, else the first one along `path`, a list of folders
/// as in the variable `PATH`.
pub(super) fn program(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    if name.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(|file| is_executable(file));
    }
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_along_the_path() {
        let find = |name: &str, path: &str| program(name.as_ref(), path.as_ref());
        assert_eq!(find("sh", "/nowhere:/bin"), Some("/bin/sh".into()));
        assert_eq!(find("/bin/sh", ""), Some("/bin/sh".into()));
        assert_eq!(find("sh", "/nowhere"), None);
        assert_eq!(find("", "/bin"), None, "a folder is no program");
        assert_eq!(find("/etc/passwd", ""), None, "not executable");
    }
}
