//! Which search finds a page first: a guess from what the walks nearby have found.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_vpn` | in | whatever is looked up in this cycle |
//! | `guess_*` | out | the search that its walk had best begin with, in the same cycle |
//! | `enabled` | in | the searches that are made |
//! | `counts` | out | the guess is one of them |
//! | `learn`, `found_*` | in | a walk has found a page for `found_vpn` with this search |
//!
//! A small table, untagged: each 2 MiB of the address space has an entry, which it shares with others, of every address
//! space. An operating system gives a region pages of one size, so that what a walk found last beside a page is the best
//! guess for it; if the guess is wrong, the walk makes the other searches in their order, and nothing is lost but reads.
//!
//! Whatever it guesses is enabled, so that nobody needs to look: when the enabled searches change, every entry becomes the
//! first of them, and in the cycle of the change no guess counts. Nobody walks then (docs/spec.md, section 9).
//!
//! Reset: no search is enabled.

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, lit, low, one_hot_mux, shape, when};
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{Config, Format, PageSize};

use crate::ports::{SEARCHES, SIZE_BITS, zeros};
use crate::walker::search::Search;

bundle! {
    /// Inputs.
    pub struct PredictorInputs {
        /// 52 bits.
        pub lookup_vpn: Signal,
        /// 6 bits.
        pub enabled: Signal,
        /// 1 bit.
        pub learn: Signal,
        /// 52 bits.
        pub found_vpn: Signal,
        /// What has found it.
        pub found: Guess,
    }

    /// The registers.
    pub struct PredictorState {
        /// The table.
        pub entry: Vec<Guess>,
        /// The searches that were enabled in the cycle before.
        pub enabled: Signal,
        /// 1 bit: what follows is written in this cycle.
        pub learns: Signal,
        /// Where.
        pub place: Signal,
        /// What.
        pub found: Guess,
    }

    /// What a walk begins with in place of the first search that is enabled.
    pub struct Guessed {
        /// 1 bit: if it does.
        pub counts: Signal,
        /// The search.
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

impl Guessed {
    /// The widths.
    #[must_use]
    pub fn shape() -> Guessed {
        Guessed { counts: shape(1), guess: Guess::shape() }
    }

    /// The same for a request of this ASID: under ASID 0 no search for global mappings is made.
    #[must_use]
    pub fn under(self, asid: &Signal) -> Guessed {
        Guessed { counts: self.counts & (!&self.guess.global | asid.any()), ..self }
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

    /// Where the entry of the 2 MiB stands that hold the page: its column, which is there at once, and its row.
    fn place(&self, vpn: &Signal) -> (Signal, Signal) {
        let (low, bits) = (PageSize::Large.vpn_offset_bits(), self.entries.ilog2());
        let (row_at, columns) = (low + bits / 2, bits / 2);
        let rows = bits - columns;
        (vpn.bits(low..row_at), vpn.bits(row_at..row_at + rows) ^ vpn.bits(row_at + rows..row_at + 2 * rows))
    }
}

impl Component for Predictor {
    type Inputs = PredictorInputs;
    type Outputs = Guessed;
    type State = PredictorState;

    fn name(&self) -> String {
        format!("hashwalk_predictor_{}", self.entries)
    }

    fn doc(&self) -> String {
        format!("Page-size predictor of {} entries.", self.entries)
    }

    fn inputs(&self) -> PredictorInputs {
        PredictorInputs {
            lookup_vpn: shape(VPN_BITS),
            enabled: shape(SEARCHES),
            learn: shape(1),
            found_vpn: shape(VPN_BITS),
            found: Guess::shape(),
        }
    }

    fn reset(&self) -> PredictorState {
        let private = zeros(&Guess::shape());
        PredictorState {
            entry: vec![private.clone(); self.entries as usize],
            enabled: lit(SEARCHES, 0u32),
            learns: low(),
            place: lit(self.entries.ilog2(), 0u32),
            found: private,
        }
    }

    fn kernel(&self, m: &mut Module, i: PredictorInputs, s: PredictorState) -> (Guessed, PredictorState) {
        let (column, row) = self.place(&i.lookup_vpn);
        let of_row =
            |row: &[Guess]| one_hot_mux((0u32..).zip(row).map(|(n, entry)| (column.eq_value(n), entry.clone())));
        let rows = s.entry.chunks(1 << column.width()).map(of_row);
        let guess = one_hot_mux((0u32..).zip(rows).map(|(n, entry)| (row.eq_value(n), entry)));
        let (column, row) = self.place(&i.found_vpn);
        m.ignore(i.lookup_vpn);
        m.ignore(i.found_vpn);
        let counts = s.enabled.eq(&i.enabled).named("counts");
        let Search { global, size, .. } = Search::first(Format::Line, &i.enabled);
        let first = Guess { global, size };
        // Whether something is learnt is known late: it is written a cycle later.
        let entries = (0u32..).zip(s.entry).map(|(n, entry)| {
            when(&!&counts, first.clone()).or_when(&(&s.learns & s.place.eq_value(n)), s.found.clone()).otherwise(entry)
        });
        let next = PredictorState {
            entry: entries.collect(),
            enabled: i.enabled,
            learns: i.learn,
            place: concat([row, column]),
            found: i.found,
        };
        (Guessed { counts, guess }, next)
    }
}
