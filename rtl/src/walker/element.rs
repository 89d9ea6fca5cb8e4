//! The element register: what memory sends for one walk at a time, until it is judged.
//!
//! ```text
//! cycle     t                        t + 1                          one beat
//! memory    last beat
//! element   its tags are compared    full; judged, and empty or filled again at its end
//! ```
//!
//! With two hit cycles a register stands behind the port ([`Beat`]), so that the comparison has a cycle for itself, and
//! what an element comes to is known a cycle before it leaves (`ruling.rs`):
//!
//! ```text
//! cycle     t            t + 1                   t + 2                     t + 3
//! memory    last beat
//! arrived                its tags are compared
//! element                                        full: what it comes to    what follows; empty or filled again at its end
//! ```
//!
//! The beats of a read come in one piece, so one register serves all walks. It is not ready for a beat while what it
//! holds is not judged.

use hashwalk_hdl::{Signal, bundle, concat, high, lit, low, one_hot_mux, one_hot_of, when};
use hashwalk_spec::{Config, Format};

use super::invalidation::named_of_size;
use super::search::Search;
use super::slot::Slot;
use crate::agreement::Agreement;
use crate::line::InLine;
use crate::ports::{self, Control, Invalidate, MemoryIn, Request, zeros};
use crate::radix;
use crate::verdict::{self, Arrival, Sought};

/// The probes of a search at most, where one read is out at a time: what is judged is known as it arrives. A radix tree has so
/// many levels and no more.
fn longest(config: &Config) -> Option<u32> {
    match config.format() {
        Format::Radix | Format::Cuckoo => None,
        _ => Some(config.max_steps()),
    }
}

/// Bits that count the beats that are still to come.
const BEAT_BITS: u32 = 3;

bundle! {
    /// A beat that memory has sent.
    pub struct Beat {
        /// 1 bit: there is one.
        pub valid: Signal,
        /// A bit for each walk: it is for that one. Of one walk everything is.
        pub slot: Signal,
        /// 64 to 512 bits.
        pub data: Signal,
        /// 1 bit: it could not be read.
        pub error: Signal,
        /// What that walk looks for in a line; only where that is kept, in the cycle after.
        pub sought: Option<InLine>,
    }

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
        /// 1 bit: it is not answered yet; only where there are several walks.
        pub alive: Option<Signal>,
        /// 1 bit: this is its first search.
        pub first: Signal,
        /// 1 bit: it must not probe further; only where one read is out at a time and chains have a longest length.
        pub last_step: Option<Signal>,
        /// The search that it makes after this one.
        pub next_search: Search,
        /// What this search looks for.
        pub sought: Sought,
        /// 1 bit: a mapping that it finds is withdrawn, if it is not global.
        pub private_killed: Signal,
        /// 1 bit: if it is global.
        pub global_killed: Signal,
        /// Where that stands in the element which is looked at, as far as its judge wants to know it.
        pub place: Option<Signal>,
        /// What the comparison of the tags with that has come to.
        pub tags: Signal,
    }
}

/// What else happens in a cycle.
pub struct Meanwhile<'a> {
    /// 1 bit: what is here leaves.
    pub fires: &'a Signal,
    /// A bit for each slot: its request is answered.
    pub answered: &'a Signal,
    /// An invalidation that takes effect.
    pub invalidate: &'a Invalidate,
    /// It and each slot's request.
    pub invalidated: &'a [Agreement],
}

impl Beat {
    /// What stands at the memory port.
    #[must_use]
    pub fn at_port(config: &Config, memory: &MemoryIn) -> Beat {
        Beat {
            valid: memory.response_valid.clone(),
            slot: match config.walks() {
                1 => high(),
                walks => concat((0..walks).rev().map(|n| memory.response_id.eq_value(n))),
            },
            data: memory.response_data.clone(),
            error: memory.response_error.clone(),
            sought: None,
        }
    }

    /// The same, with what the walk looks for, if elements are lines.
    #[must_use]
    pub fn with_sought(self, slots: &[Slot]) -> Beat {
        let sought = slots[0].in_line().map(|_| {
            one_hot_of(&self.slot.each_bit(), slots, |slot| slot.in_line().expect("all slots are of one format"))
        });
        Beat { sought, ..self }
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
            slot: lit(config.walks(), u32::from(config.walks() == 1)),
            request: zeros(&ports::request()),
            alive: (config.walks() > 1).then(low),
            first: low(),
            last_step: longest(config).map(|_| low()),
            next_search: Search::none(),
            sought: zeros(&Slot::free(config).sought()),
            private_killed: low(),
            global_killed: low(),
            place: verdict::kept_place_bits(config.format()).map(|bits| lit(bits, 0u32)),
            tags: lit(verdict::tag_bits(config), 0u32),
        }
    }

    /// The register in the next cycle.
    #[must_use]
    pub fn next(
        &self,
        config: &Config,
        beat: &Beat,
        control: &Control,
        meanwhile: &Meanwhile,
        slots: &[Slot],
    ) -> Element {
        let &Meanwhile { fires, answered, invalidate, invalidated } = meanwhile;
        let taken = (&beat.valid & (!&self.full | fires)).named("beat_taken");
        let last = &taken & self.beats.as_ref().map_or_else(high, Signal::is_zero);
        let speaks = beat.slot.each_bit();
        let request = one_hot_of(&speaks, slots, |slot| slot.request.clone());
        let alive = one_hot_of(&speaks, slots, |slot| slot.alive.clone());
        let speaker = beat.slot.clone();
        // Whose it is is known late: what can be said of each walk is said before.
        let next_search = one_hot_of(&speaks, slots, |slot| Search::first(config.format(), &slot.search.later));
        let first = one_hot_of(&speaks, slots, |slot| slot.first.clone());
        let sought = one_hot_of(&speaks, slots, Slot::sought);
        let asid_any = one_hot_of(&speaks, slots, |slot| slot.sought_asid.any());
        let bits = when(&taken, self.shifted(&beat.data)).otherwise(self.bits.clone());
        let place = one_hot_of(&speaks, slots, |slot| slot.index[0].clone());
        let steps = one_hot_of(&speaks, slots, |slot| slot.steps.clone());
        let in_line: Vec<(Signal, InLine)> = match &beat.sought {
            Some(sought) => vec![(high(), sought.clone())],
            None => speaks.iter().zip(slots).filter_map(|(it, slot)| Some((it.clone(), slot.in_line()?))).collect(),
        };
        let arrival = Arrival {
            bits: &self.shifted(&beat.data),
            sought: &sought,
            asid_any: &asid_any,
            request: &request,
            table_mask: &control.table_mask,
            place: &place,
            steps: &steps,
            first: steps.is_zero(),
            enabled: &control.search_enable,
            in_line: &in_line,
        };
        let tags = verdict::tags(config, &arrival);
        let sought = if config.format() == Format::Radix { radix::sought_at(&sought, &steps) } else { sought };
        // What an invalidation that takes effect in this cycle names of the walk that speaks, and of the one that waits here.
        let waits = self.waits();
        let killed_of = |slot: &Slot, agreement: &Agreement, size: &Signal| {
            let (private, global) = slot.killed.of_size(size);
            let (private_named, global_named) = named_of_size(invalidate, agreement, size);
            (private | private_named, global | global_named)
        };
        let of_each = slots.iter().zip(invalidated).map(|(slot, it)| killed_of(slot, it, &slot.size_judged(config)));
        let (private_killed, global_killed): (Vec<Signal>, Vec<Signal>) = of_each.unzip();
        let [private_killed, global_killed] =
            [private_killed, global_killed].map(|killed| one_hot_mux(speaks.iter().cloned().zip(killed)));
        let of_waiting = one_hot_of(&waits, invalidated, Agreement::clone);
        let (private_since, global_since) = named_of_size(invalidate, &of_waiting, &self.sought.size);
        let first_beat = self.beats.as_ref().map_or_else(high, |beats| beats.eq_value(config.beats() - 1));
        let before = &self.unreadable & !first_beat;
        Element {
            bits,
            full: &last | (&self.full & !fires),
            unreadable: when(&taken, before | &beat.error).otherwise(self.unreadable.clone()),
            beats: self.beats.as_ref().map(|beats| {
                when(&last, lit(BEAT_BITS, config.beats() - 1))
                    .or_when(&taken, beats - lit(BEAT_BITS, 1u32))
                    .otherwise(beats.clone())
            }),
            slot: when(&taken, speaker.clone()).otherwise(self.slot.clone()),
            request: when(&taken, request).otherwise(self.request.clone()),
            alive: self.alive.as_ref().map(|kept| {
                when(&taken, alive & !(&speaker & answered).any()).otherwise(kept & !(&self.slot & answered).any())
            }),
            first: when(&taken, first).otherwise(self.first.clone()),
            last_step: self
                .last_step
                .as_ref()
                .zip(longest(config))
                .map(|(kept, most)| when(&taken, steps.eq_value(most - 1)).otherwise(kept.clone())),
            next_search: when(&taken, next_search).otherwise(self.next_search.clone()),
            private_killed: when(&taken, private_killed).otherwise(&self.private_killed | private_since),
            global_killed: when(&taken, global_killed).otherwise(&self.global_killed | global_since),
            sought: when(&taken, sought).otherwise(self.sought.clone()),
            place: self.place.as_ref().map(|kept| when(&taken, place.bits(0..kept.width())).otherwise(kept.clone())),
            tags: when(&taken, tags).otherwise(self.tags.clone()),
        }
    }

    /// Whether its walk has not been answered, as far as is known at the beginning of the cycle, and waits for it. In a cuckoo
    /// table one may have decided before it.
    #[must_use]
    pub fn is_awaited(&self, config: &Config, slots: &[Slot]) -> Signal {
        match &self.alive {
            _ if config.ways() > 1 => one_hot_of(&self.waits(), slots, Slot::listens),
            Some(alive) => alive.clone(),
            None => slots[0].alive.clone(),
        }
    }

    /// A bit for each walk: what is here is for it.
    pub fn waits(&self) -> Vec<Signal> {
        self.slot.each_bit()
    }

    /// The register after one more beat.
    fn shifted(&self, beat: &Signal) -> Signal {
        let (bus, all) = (beat.width(), self.bits.width());
        if bus == all { beat.clone() } else { concat([beat, &self.bits.bits(bus..all)]) }
    }
}
