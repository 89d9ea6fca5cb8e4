//! The hardware of Hashwalk: a TLB and a page walker for hashed page tables, generated from a [`Config`].
//!
//! ```text
//!                      hashwalk_mmu
//!   lookup ────┬─────────────┬──────────────────────────────────────────► answer: hits, in the next cycle or the second
//!              ▼             ▼ guess: which search first
//!        hashwalk_tlb   hashwalk_predictor
//!          ▲   │ miss                                 ┌────────────────► late: all others, in any order
//!          │   ▼                                      │
//!          │  hashwalk_walker ── offer ─────► hashwalk_delivery ──┐
//!          │    │  ▲    ▲ └─► miss, refill (software) ▲           │ refill
//!          │    ▼  │    └────────────┐                │ offer     │
//!          │  hash │                 │            hashwalk_l2 ◄───┤ fill
//!          │       ▼                 │                ▲           │
//!          │     memory          invalidate ──────────┘           │
//!          └──────────────────────────────────────────────────────┘
//! ```
//!
//! The contract is docs/spec.md, the cycles are docs/timing.md. One module a file:
//!
//! | module | holds |
//! | ------ | ----- |
//! | [`mmu`] | the top: the lookup pipeline, the order of invalidation, the ports |
//! | [`reading`] | the second cycle of a lookup, where a hit is given two |
//! | [`tlb`] | the first level: the translations, their lookup, refill and removal |
//! | [`l2`] | the second level, in block RAM |
//! | [`replacement`] | the tree of pseudo-LRU bits |
//! | [`agreement`] | which requests are for one page, and which an invalidation names |
//! | [`walker`] | walks under way: their slots, the hash, the memory port, the judge, software's turn |
//! | [`predictor`] | which search a walk begins with |
//! | [`delivery`] | the answers of all that have missed |
//! | [`verdict`] | what one element means for one search |
//! | [`mod@entry`], [`mod@line`], [`inverted`], [`tree`], [`radix`] | what is said of it in one format |
//! | [`walk_cache`] | links of radix trees, so that walks begin lower |
//! | [`link`] | links that are physical addresses |
//! | [`hash`] | the three hash functions |
//! | [`page`] | comparing, rounding and composing page numbers |
//! | [`ports`] | the bundles that cross module boundaries |
//! | [`axi`] | the MMU behind AXI4 and AXI4-Lite, with registers and counters |
//! | [`soc`] | the MMU and what a RISC-V core needs around it |

pub mod agreement;
pub mod axi;
pub mod delivery;
pub mod entry;
pub mod hash;
pub mod inverted;
pub mod l2;
pub mod line;
pub mod link;
pub mod mmu;
pub mod page;
pub mod ports;
pub mod predictor;
pub mod radix;
pub mod reading;
pub mod replacement;
pub mod soc;
pub mod tlb;
pub mod tree;
pub mod verdict;
pub mod walk_cache;
pub mod walker;

use hashwalk_hdl::{Design, elaborate};
use hashwalk_spec::Config;

/// Generates the hardware of a configuration. The same configuration gives the same bytes.
#[must_use]
pub fn generate(config: &Config) -> Design {
    elaborate(&mmu::Mmu::new(config))
}

/// Generates the hardware of a configuration behind AXI4 and AXI4-Lite.
#[must_use]
pub fn generate_axi(config: &Config) -> Design {
    elaborate(&axi::Axi::new(config))
}

/// Generates the reads and the compare-and-set of the table on AXI4, without an MMU.
#[must_use]
pub fn generate_update(config: &Config) -> Design {
    elaborate(&axi::update::UpdateTop::new(config))
}

/// Generates the hardware of a configuration with what a RISC-V core needs around it, without the core.
///
/// # Panics
/// The configuration's memory is larger than 2 GiB, its hits take two cycles, or its hardware looks at A and D.
#[must_use]
pub fn generate_soc(config: &Config) -> Design {
    elaborate(&soc::Soc::new(config))
}
