//! Memory traces of real programs: reading, recording and measuring them.
//!
//! A trace is a text file in the format of valgrind's tool *lackey* (`--trace-mem=yes`), one reference a line, plain or
//! compressed with zstd:
//!
//! ```text
//! ==hashwalk== command: md5sum /etc/passwd
//! I  0401ab73,5          fetch of 5 bytes at 0x0401ab73
//!  S 1fff000668,8        store
//!  L 1ffeffe7e,8         load
//!  M 0421e040,4          modify: a load and a store by one instruction
//! ```
//!
//! (The remarks at the right are not part of the format.) Addresses are virtual, hexadecimal and without a prefix, sizes are
//! decimal bytes. Blank lines and lines that begin with `==`, `--` or `**` (valgrind's own messages) are skipped.
//!
//! | file | holds |
//! | --- | --- |
//! | `reference` | [`Reference`] and [`Kind`]: one access, and how it splits into pages |
//! | `line`, `lines`, `source` | text to reference; bytes to lines; file to bytes (zstd or plain) |
//! | `reader`, `error` | [`Reader`], the iterator over a trace, and [`TraceError`] |
//! | `ahead` | reading in a thread of its own |
//! | `header` | the recording command, kept at the top of a trace |
//! | `summary`, `footprint`, `lru` | what a trace touches and how well a small TLB does on it |
//! | `record` | [`record()`]: a program under valgrind into a trace file |
//!
//! ```no_run
//! # fn main() -> Result<(), hashwalk::trace::TraceError> {
//! for reference in hashwalk::trace::Reader::open("tb/traces/gzip.zst")? {
//!     for piece in reference?.pages() {
//!         println!("{:?} of page {:#x}", piece.kind, piece.vpn());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod ahead;
mod error;
mod footprint;
mod header;
mod line;
mod lines;
mod lru;
mod reader;
mod record;
mod reference;
mod source;
mod summary;

pub(crate) use ahead::ahead;
pub use error::TraceError;
pub use footprint::{Footprint, PageRights, Segment};
pub use header::header;
pub use lru::Lru;
pub use reader::Reader;
pub use record::{Progress, RecordError, RecordOptions, Recording, record};
pub use reference::{Kind, PAGE_BYTES, Reference};
pub use summary::{Summary, survey};
