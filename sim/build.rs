//! Compiles the cxx bridge, and tells the crate where the C++ libraries of the FST writer lie.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    cxx_build::bridge("src/bridge.rs").file("cxx/loader.cc").include("cxx").std("c++17").compile("hashwalk-sim-bridge");
    println!("cargo::rerun-if-changed=src/bridge.rs");
    println!("cargo::rerun-if-changed=cxx");

    // The crates lz4-sys and libz-sys compile the C libraries; wave_libraries.rs embeds the results, so that a
    // binary does not depend on this build's folders.
    hand_on("LZ4_HEADER", &folder("DEP_LZ4_INCLUDE").join("lz4.h"));
    hand_on("LZ4_ARCHIVE", &archive(&folder("DEP_LZ4_ROOT"), "liblz4.a"));
    let zlib = folder("DEP_Z_INCLUDE");
    hand_on("ZLIB_HEADER", &zlib.join("zlib.h"));
    hand_on("ZCONF_HEADER", &zlib.join("zconf.h"));
    hand_on("ZLIB_ARCHIVE", &archive(&folder("DEP_Z_ROOT"), "libz.a"));
}

fn folder(variable: &str) -> PathBuf {
    PathBuf::from(env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set by its crate")))
}

fn archive(root: &Path, name: &str) -> PathBuf {
    let places = [root.join(name), root.join("lib").join(name), root.join("build").join(name)];
    let found = places.iter().find(|place| place.is_file());
    found.unwrap_or_else(|| panic!("{name} is in none of {places:?}")).clone()
}

fn hand_on(name: &str, path: &Path) {
    assert!(path.is_file(), "{} does not exist", path.display());
    println!("cargo::rustc-env=HASHWALK_{name}={}", path.display());
}
