//! The element register: what memory sends for one walk at a time, until it is judged.
//!
//! ```text
//! cycle     t              t + 1                          one beat
//! memory    last beat
//! element                  full; judged, and empty or filled again at its end
//! ```
//!
//! The beats of a read come in one piece, so one register serves all walks. It is not ready for a beat while what it
//! holds is not judged.

use hashwalk_hdl::{Signal, bundle, concat, high, lit, low, one_hot_mux, when};
use hashwalk_spec::Config;

use super::search::Search;
use super::slot::Slot;
use crate::ports::{self, MemoryIn, Request};

/// Bits that count the beats that are still to come.
const BEAT_BITS: u32 = 3;

bundle! {
    /// Registers.
    pub struct Element {
        /// 256 or 512 bits; new beats come in at the top.
        pub bits: Signal,
        /// 1 bit: all of it is there.
        pub full: Signal,
        /// 1 bit: a beat could not be read.
        pub unreadable: Signal,
        /// Beats still to come after the next one; none where an element is one beat.
        pub beats: Option<Signal>,
        /// One-hot: whose walk it is for.
        pub slot: Signal,
        /// That walk's request.
        pub request: Request,
        /// And its search.
        pub search: Search,
    }
}

impl Element {
    /// Nothing has come.
    #[must_use]
    pub fn empty(config: &Config) -> Element {
        Element {
            bits: lit(config.element_bits(), 0u32),
            full: low(),
            unreadable: low(),
            beats: (config.beats() > 1).then(|| lit(BEAT_BITS, config.beats() - 1)),
            slot: lit(config.walks(), 0u32),
            request: ports::zeros(&ports::request()),
            search: Search::none(),
        }
    }

    /// The register in the next cycle.
    #[must_use]
    pub fn next(&self, config: &Config, memory: &MemoryIn, fires: &Signal, slots: &[Slot]) -> Element {
        let taken = (&memory.response_valid & (!&self.full | fires)).named("beat_taken");
        let last = &taken & self.beats.as_ref().map_or_else(high, Signal::is_zero);
        let speaks: Vec<Signal> = (0..config.walks()).map(|n| memory.response_id.eq_value(n)).collect();
        let of_speaker =
            speaks.iter().cloned().zip(slots.iter().map(|slot| (slot.request.clone(), slot.search.clone())));
        let (requests, searches): (Vec<_>, Vec<_>) =
            of_speaker.map(|(speaks, (r, s))| ((speaks.clone(), r), (speaks, s))).unzip();
        let first_beat = self.beats.as_ref().map_or_else(high, |beats| beats.eq_value(config.beats() - 1));
        let before = &self.unreadable & !first_beat;
        Element {
            bits: when(&taken, self.shifted(&memory.response_data)).otherwise(self.bits.clone()),
            full: &last | (&self.full & !fires),
            unreadable: when(&taken, before | &memory.response_error).otherwise(self.unreadable.clone()),
            beats: self.beats.as_ref().map(|beats| {
                when(&last, lit(BEAT_BITS, config.beats() - 1))
                    .or_when(&taken, beats - lit(BEAT_BITS, 1u32))
                    .otherwise(beats.clone())
            }),
            slot: when(&taken, concat(speaks.iter().rev())).otherwise(self.slot.clone()),
            request: when(&taken, one_hot_mux(requests)).otherwise(self.request.clone()),
            search: when(&taken, one_hot_mux(searches)).otherwise(self.search.clone()),
        }
    }

    /// The register after one more beat.
    fn shifted(&self, beat: &Signal) -> Signal {
        let (bus, all) = (beat.width(), self.bits.width());
        if bus == all { beat.clone() } else { concat([beat, &self.bits.bits(bus..all)]) }
    }
}
