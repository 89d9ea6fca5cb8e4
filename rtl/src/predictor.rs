//! Which search finds a page first: a guess from what the walks nearby have found.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_vpn` | in | whatever is looked up in this cycle |
//! | `guess_*` | out | the search that its walk had best begin with, in the same cycle |
//! | `learn`, `found_*` | in | a walk has found a page for `found_vpn` with this search |
//!
//! A small table, untagged: each 2 MiB of the address space has an entry, which it shares with others, of every address
//! space. An operating system gives a region pages of one size, so that what a walk found last beside a page is the best
//! guess for it; if the guess is wrong, the walk makes the other searches in their order, and nothing is lost but reads.
//!
//! Reset: 4 KiB pages, private.

use hashwalk_hdl::{Component, Module, Signal, bundle, lit, low, one_hot_mux, shape, when};
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{Config, PageSize};

use crate::ports::{SIZE_BITS, zeros};

bundle! {
    /// Inputs.
    pub struct PredictorInputs {
        /// 52 bits.
        pub lookup_vpn: Signal,
        /// 1 bit.
        pub learn: Signal,
        /// 52 bits.
        pub found_vpn: Signal,
        /// What has found it.
        pub found: Guess,
    }

    /// Outputs.
    pub struct PredictorOutputs {
        /// What to begin with.
        pub guess: Guess,
    }

    /// A search.
    pub struct Guess {
        /// 1 bit: for global mappings.
        pub global: Signal,
        /// 2 bits: of this page size.
        pub size: Signal,
    }
}

impl Guess {
    /// The widths.
    #[must_use]
    pub fn shape() -> Guess {
        Guess { global: shape(1), size: shape(SIZE_BITS) }
    }
}

/// A predictor of this many entries, a power of two from 8 to 64.
pub struct Predictor {
    entries: u32,
}

impl Predictor {
    /// The predictor of a configuration; `None` if it has none.
    #[must_use]
    pub fn new(config: &Config) -> Option<Predictor> {
        let entries = config.predictor_entries();
        (entries > 0).then_some(Predictor { entries })
    }

    /// The entry of the 2 MiB that hold the page.
    fn index(&self, vpn: &Signal) -> Signal {
        let (low, bits) = (PageSize::Large.vpn_offset_bits(), self.entries.ilog2());
        vpn.bits(low..low + bits) ^ vpn.bits(low + bits..low + 2 * bits)
    }
}

impl Component for Predictor {
    type Inputs = PredictorInputs;
    type Outputs = PredictorOutputs;
    type State = Vec<Guess>;

    fn name(&self) -> String {
        format!("hashwalk_predictor_{}", self.entries)
    }

    fn doc(&self) -> String {
        format!("Page-size predictor of {} entries.", self.entries)
    }

    fn inputs(&self) -> PredictorInputs {
        PredictorInputs {
            lookup_vpn: shape(VPN_BITS),
            learn: shape(1),
            found_vpn: shape(VPN_BITS),
            found: Guess::shape(),
        }
    }

    fn reset(&self) -> Vec<Guess> {
        vec![zeros(&Guess { global: low(), size: lit(SIZE_BITS, 0u32) }); self.entries as usize]
    }

    fn kernel(&self, m: &mut Module, i: PredictorInputs, s: Vec<Guess>) -> (PredictorOutputs, Vec<Guess>) {
        let (asked, learnt) = (self.index(&i.lookup_vpn).named("asked"), self.index(&i.found_vpn).named("learnt"));
        let guess = one_hot_mux((0u32..).zip(&s).map(|(n, entry)| (asked.eq_value(n), entry.clone())));
        m.ignore(i.lookup_vpn);
        m.ignore(i.found_vpn);
        let next = (0u32..)
            .zip(s)
            .map(|(n, entry)| when(&(&i.learn & learnt.eq_value(n)), i.found.clone()).otherwise(entry))
            .collect();
        (PredictorOutputs { guess }, next)
    }
}
