//! The setting of marks: A, and D of a write, by an atomic compare-and-set of the PTE's word before the answer goes out.
//!
//! ```text
//! cycle       c         c + 1          ...   c + 1 + U     c + 2 + U     c + 3 + U
//! element     judged
//! slot                  Check                              Check         Deliver
//! update      -         valid, taken         done          back
//! answer                                                   offered       answer
//! ```
//!
//! Each slot remembers the word that it has found unmarked, so that the judge never waits for an update: data of reads are
//! taken whatever becomes of updates, as where both share a bus they must. One update is under way at a time, the slots
//! take turns. If the word was not what had been read, or an invalidation has named the mapping, the walk is made again from
//! its first search; so a mapping that was withdrawn is never put back, and nothing that software has changed is lost.
//!
//! A request that is answered from elsewhere keeps its slot until its update is over.
//!
//! Reset: no update is asked for. One that is out must be over when the reset ends.

use hashwalk_hdl::{Module, Signal, any_of, bundle, concat, lit, low, mask, one_hot_mux, one_hot_of, when};
use hashwalk_spec::{Access, Config, Format, Marking, entry};

use super::arbiter::{ascending, longest_ago};
use super::places;
use super::slot::{Slot, Walk};
use crate::ports::{Control, Mapping, UpdateIn, UpdateOut};
use crate::verdict::{WORD_BITS, WORD_NUMBER_BITS, Word};

bundle! {
    /// The word that a slot has found.
    pub struct Unmarked {
        /// 64 bits.
        pub bits: Signal,
        /// 3 bits: its number within the element; none where it is the first.
        pub number: Option<Signal>,
    }

    /// Registers.
    pub struct Updating {
        /// One-hot: the update that stands at the port and was not taken.
        pub standing: Signal,
        /// One-hot: the one that memory has taken.
        pub out: Signal,
        /// One-hot: the one that was over in the cycle before, or later if its walk could not go on yet.
        pub back: Signal,
        /// 1 bit: that one has set the marks.
        pub swapped: Signal,
        /// 1 bit: that one could not be made.
        pub error: Signal,
        /// Who comes first.
        pub order: Option<Signal>,
    }
}

impl Unmarked {
    /// Nothing was found; `None` where the hardware sets no marks.
    #[must_use]
    pub fn none(config: &Config) -> Option<Unmarked> {
        let number = (config.format() == Format::Line).then(|| lit(WORD_NUMBER_BITS, 0u32));
        (config.marks() == Marking::Update).then(|| Unmarked { bits: lit(WORD_BITS, 0u32), number })
    }

    /// This word, in the shape of `self`.
    #[must_use]
    pub fn found(&self, word: &Word) -> Unmarked {
        let number = self.number.as_ref().map(|_| word.number.clone());
        Unmarked { bits: word.bits.clone(), number }
    }

    fn number(&self) -> Signal {
        self.number.clone().unwrap_or_else(|| lit(WORD_NUMBER_BITS, 0u32))
    }
}

/// What the port does in a cycle.
pub struct Progress {
    /// To memory.
    pub port: UpdateOut,
    /// A bit for each slot: it has an update to wait for in the next cycle.
    pub owed: Vec<Signal>,
    /// One-hot: whose update is back.
    pub back: Signal,
    /// 1 bit: its walk waits for it.
    pub lives: Signal,
    /// 1 bit: its walk is over, if it goes on.
    pub ends: Signal,
    /// 1 bit: it could not be made.
    pub error: Signal,
    /// 1 bit: an invalidation has named its mapping.
    pub killed: Signal,
    next: Updating,
}

impl Updating {
    /// Nobody asks; `None` where the hardware sets no marks.
    #[must_use]
    pub fn none(config: &Config) -> Option<Updating> {
        let none = lit(config.walks(), 0u32);
        (config.marks() == Marking::Update).then(|| Updating {
            standing: none.clone(),
            out: none.clone(),
            back: none.clone(),
            swapped: low(),
            error: low(),
            order: ascending(config.walks()),
        })
    }

    /// The port in this cycle. `may_ask`: a bit for each slot.
    #[must_use]
    pub fn progress(
        &self,
        config: &Config,
        m: &mut Module,
        control: &Control,
        update: &UpdateIn,
        slots: &[Slot],
        may_ask: &[Signal],
    ) -> Progress {
        let is_free = (self.out.is_zero() & self.back.is_zero()).named("update_is_free");
        let waits: Vec<Signal> = slots.iter().map(|slot| slot.is(Walk::Check)).collect();
        let asks: Vec<Signal> = waits.iter().zip(may_ask).map(|(waits, may)| waits & may & &is_free).collect();
        let choice = longest_ago(&asks, self.order.as_ref());
        let stands = self.standing.any();
        let presents: Vec<Signal> = (0u32..)
            .zip(&choice.granted)
            .map(|(n, granted)| {
                when(&stands, self.standing.bit(n)).otherwise(granted.clone()).named(format!("updates_{n}"))
            })
            .collect();
        let valid = any_of(&presents).named("update_asked");
        let accepted = (&valid & &update.ready).named("update_accepted");
        let over = (&update.done & self.out.any()).named("update_over");

        let lives = (mask(&waits) & &self.back).any().named("update_is_awaited");
        let of_back =
            |f: &dyn Fn(&Slot) -> Signal| one_hot_mux((0u32..).zip(slots).map(|(n, slot)| (self.back.bit(n), f(slot))));
        let killed = of_back(&|slot| {
            let (private, global) = slot.killed.of_size(&slot.search.size);
            when(&slot.word().bit(entry::GLOBAL), global).otherwise(private)
        });
        let presented = |f: &dyn Fn(&Slot) -> Signal| one_hot_of(&presents, slots, f);
        let expected = presented(&Slot::word);
        m.assume("an_update_that_is_over_was_out", !&update.done | self.out.any());
        m.check("an_update_sets_something", !&valid | !expected.eq(&presented(&Slot::marked)));
        m.cover("update_in_vain", &over & !&update.swapped);
        let owed = (0u32..).zip(&presents).map(|(n, presents)| presents | (self.out.bit(n) & !&over)).collect();
        let presents_bits = mask(&presents);
        Progress {
            port: UpdateOut {
                valid,
                address: presented(&|slot| {
                    places::word_address(config, control, &slot.place_found(config, control), &slot.number())
                }),
                expected,
                desired: presented(&Slot::marked),
            },
            owed,
            back: self.back.clone(),
            ends: &self.error | (&self.swapped & !&killed),
            error: self.error.clone(),
            killed,
            next: Updating {
                standing: presents_bits.gate(&!&accepted),
                out: when(&accepted, presents_bits).otherwise(self.out.gate(&!&over)),
                back: when(&over, self.out.clone()).otherwise(self.back.gate(&lives)),
                swapped: when(&over, update.swapped.clone()).otherwise(self.swapped.clone()),
                error: when(&over, update.error.clone()).otherwise(self.error.clone()),
                order: choice.order_if(&accepted, &self.order),
            },
            lives,
        }
    }
}

impl Progress {
    /// The registers in the next cycle, if the walk whose update is back goes on in this one or not.
    #[must_use]
    pub fn next(self, goes_on: &Signal) -> Updating {
        Updating { back: self.next.back.gate(&!goes_on), ..self.next }
    }
}

impl Slot {
    /// The word that it has found.
    fn word(&self) -> Signal {
        self.unmarked.as_ref().map_or_else(|| lit(WORD_BITS, 0u32), |unmarked| unmarked.bits.clone())
    }

    fn number(&self) -> Signal {
        self.unmarked.as_ref().map_or_else(|| lit(WORD_NUMBER_BITS, 0u32), Unmarked::number)
    }

    /// That word with A, and D if it is a write.
    fn marked(&self) -> Signal {
        let word = self.word();
        let is_write = self.request.access.eq_value(u32::from(Access::Write.code()));
        let dirty = word.bit(entry::DIRTY) | is_write;
        let (low_bits, high_bits) = (word.bits(0..entry::ACCESSED), word.bits(entry::DIRTY + 1..WORD_BITS));
        concat([high_bits, dirty, lit(1, 1u32), low_bits])
    }

    /// The mapping of that word, once it is marked.
    #[must_use]
    pub fn marked_mapping(&self) -> Mapping {
        let (word, sought) = (self.marked(), self.sought());
        let global = word.bit(entry::GLOBAL);
        Mapping {
            vpn: sought.vpn,
            asid: self.request.asid.clone(),
            global,
            size: sought.size,
            pfn: word.bits(entry::PFN),
            rights: word.bits(entry::RIGHTS),
            dirty: Some(word.bit(entry::DIRTY)),
        }
    }
}
