//! The element register: what memory sends for one walk at a time, until it is judged.
//!
//! ```text
//! cycle     t                        t + 1                          one beat
//! memory    last beat
//! element   its tags are compared    full; judged, and empty or filled again at its end
//! ```
//!
//! The beats of a read come in one piece, so one register serves all walks. It is not ready for a beat while what it
//! holds is not judged.

use hashwalk_hdl::{Signal, bundle, concat, high, lit, low, one_hot_of, when};
use hashwalk_spec::{Config, Format};

use super::slot::Slot;
use crate::ports::{self, Control, MemoryIn, Request, SEARCHES, zeros};
use crate::radix;
use crate::verdict::{self, Arrival, Sought};

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
        /// 1 bit: this is its first search.
        pub first: Signal,
        /// The searches that it has still to make after this one, 6 bits.
        pub later: Signal,
        /// What this search looks for.
        pub sought: Sought,
        /// Where that stands in the element which is looked at, as far as its judge wants to know it.
        pub place: Option<Signal>,
        /// What the comparison of the tags with that has come to.
        pub tags: Signal,
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
            request: zeros(&ports::request()),
            first: low(),
            later: lit(SEARCHES, 0u32),
            sought: zeros(&Slot::free(config).sought()),
            place: verdict::kept_place_bits(config.format()).map(|bits| lit(bits, 0u32)),
            tags: lit(verdict::tag_bits(config), 0u32),
        }
    }

    /// The register in the next cycle.
    #[must_use]
    pub fn next(
        &self,
        config: &Config,
        memory: &MemoryIn,
        control: &Control,
        fires: &Signal,
        slots: &[Slot],
    ) -> Element {
        let taken = (&memory.response_valid & (!&self.full | fires)).named("beat_taken");
        let last = &taken & self.beats.as_ref().map_or_else(high, Signal::is_zero);
        let speaks: Vec<Signal> = (0..config.walks()).map(|n| memory.response_id.eq_value(n)).collect();
        let request = one_hot_of(&speaks, slots, |slot| slot.request.clone());
        let later = one_hot_of(&speaks, slots, |slot| slot.search.later.clone());
        let first = one_hot_of(&speaks, slots, |slot| slot.first.clone());
        let sought = one_hot_of(&speaks, slots, Slot::sought);
        let bits = when(&taken, self.shifted(&memory.response_data)).otherwise(self.bits.clone());
        let place = one_hot_of(&speaks, slots, |slot| slot.index[0].clone());
        let steps = one_hot_of(&speaks, slots, |slot| slot.steps.clone());
        let arrival = Arrival {
            bits: &self.shifted(&memory.response_data),
            sought: &sought,
            request: &request,
            table_mask: &control.table_mask,
            place: &place,
            steps: &steps,
            first: steps.is_zero(),
            enabled: &control.search_enable,
        };
        let tags = verdict::tags(config, &arrival);
        // Only in a radix tree what is sought depends on how far the walk has come.
        let sought = if config.format() == Format::Radix { radix::sought_at(&sought, &steps) } else { sought };
        let first_beat = self.beats.as_ref().map_or_else(high, |beats| beats.eq_value(config.beats() - 1));
        let before = &self.unreadable & !first_beat;
        Element {
            bits,
            full: &last | (&self.full & !fires),
            unreadable: when(&taken, before | &memory.response_error).otherwise(self.unreadable.clone()),
            beats: self.beats.as_ref().map(|beats| {
                when(&last, lit(BEAT_BITS, config.beats() - 1))
                    .or_when(&taken, beats - lit(BEAT_BITS, 1u32))
                    .otherwise(beats.clone())
            }),
            slot: when(&taken, concat(speaks.iter().rev())).otherwise(self.slot.clone()),
            request: when(&taken, request).otherwise(self.request.clone()),
            first: when(&taken, first).otherwise(self.first.clone()),
            later: when(&taken, later).otherwise(self.later.clone()),
            sought: when(&taken, sought).otherwise(self.sought.clone()),
            place: self.place.as_ref().map(|kept| when(&taken, place.bits(0..kept.width())).otherwise(kept.clone())),
            tags: when(&taken, tags).otherwise(self.tags.clone()),
        }
    }

    /// The register after one more beat.
    fn shifted(&self, beat: &Signal) -> Signal {
        let (bus, all) = (beat.width(), self.bits.width());
        if bus == all { beat.clone() } else { concat([beat, &self.bits.bits(bus..all)]) }
    }
}
