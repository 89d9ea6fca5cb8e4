//! The contract between the golden model and the hardware: what docs/spec.md says, as types and constants.
//!
//! Nothing here behaves. Both sides build on these words and positions, so that they can disagree only in what they
//! do with them: the hash, the walk and the TLB's rules are written once in `hashwalk-model` and once, apart from it,
//! in `hashwalk-rtl`.

pub mod address;
pub mod config;
pub mod entry;
pub mod fault;
pub mod format;
pub mod inverted;
pub mod line;
pub mod link;
pub mod radix;
pub mod transaction;
pub mod tree;

pub use address::{Asid, PageSize, Pfn, PhysAddr, VirtAddr, Vpn};
pub use config::{Config, ConfigError, Hash, Marking, Settings};
pub use fault::Fault;
pub use format::Format;
pub use transaction::{Access, Answer, Invalidation, LateSource, Request, Rights, Search, Translation};
