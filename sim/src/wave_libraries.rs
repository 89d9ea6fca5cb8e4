//! The C libraries that Verilator's FST writer needs, LZ4 and zlib, which a bare machine lacks. They are built by the
//! crates lz4-sys and libz-sys and embedded here, to be laid beside the Verilated runtime.

/// Headers: (name, content).
pub(crate) const HEADERS: [(&str, &[u8]); 3] = [
    ("lz4.h", include_bytes!(env!("HASHWALK_LZ4_HEADER"))),
    ("zlib.h", include_bytes!(env!("HASHWALK_ZLIB_HEADER"))),
    ("zconf.h", include_bytes!(env!("HASHWALK_ZCONF_HEADER"))),
];

/// Static archives: (name, content).
pub(crate) const ARCHIVES: [(&str, &[u8]); 2] = [
    ("liblz4.a", include_bytes!(env!("HASHWALK_LZ4_ARCHIVE"))),
    ("libz.a", include_bytes!(env!("HASHWALK_ZLIB_ARCHIVE"))),
];
