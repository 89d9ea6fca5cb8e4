//! A word of the table is changed if it is still what was read: an AXI4 manager for exclusive accesses. By it
//! the walker sets the accessed and dirty bits, where it does.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `update_valid`, `update_ready` | in, out | a change is asked for; one at a time |
//! | `update_address` | in | of 8 bytes, a multiple of 8 |
//! | `update_expected`, `update_desired` | in | what must stand there, what shall |
//! | `result_done` | out | for one cycle: the change is over |
//! | `result_swapped` | out | the word was what was expected, and is what was desired |
//! | `result_error` | out | it could not be read or written, or not exclusively; it may be either |
//! | `result_seen` | out | what was read last, with neither of the two |
//! | `read_*`, `write_*` | both | AXI4, one beat of 8 bytes on the wide bus, ID 8 |
//!
//! ```text
//!         valid        AR taken         EXOKAY            equal         AW and W taken           EXOKAY
//!  Rest ────────► Read ───────► AwaitData ────► Compare ────────► Write ──────────────► AwaitAnswer ────► Done ─► Rest
//!                  ▲                │             │ not equal                              │  │             ▲
//!                  │                └─────────────┴────────────────────────────────────────┼──┴─────────────┤
//!                  │                  any other answer: error                              │  error, or the │
//!                  └───────────────────────────────────────────────────────────────────────┘  16th OKAY     │
//!                                     OKAY: somebody wrote meanwhile, so again                              │
//! ```
//!
//! **A read that is answered OKAY** comes from a memory that knows no exclusive accesses, and would take the exclusive write
//! for a plain one (IHI 0022, exclusive accesses). So nothing is written, and the change ends in an error.
//!
//! Bounds: 16 reads and 16 writes. No VALID depends on a READY: AW and W are offered together and taken in any order.
//! RREADY and BREADY are always set.
//!
//! Reset: Rest. An access that is out must be answered before the reset ends.

use hashwalk_hdl::{Component, Module, Signal, bundle, case, concat, high, lit, low, shape, states, when};

use super::ports::{EXOKAY, ID_BITS, OKAY, ReadIn, ReadOut, WriteIn, WriteOut, read_in, write_in};
use super::read::{CACHE, INCR, PROT};
use super::stable::Stable;
use crate::ports::ADDRESS_BITS;

/// The ID of its reads and writes.
pub const UPDATE_ID: u32 = 8;
/// Bits of a word.
pub const WORD_BITS: u32 = 64;
/// log2 of the bytes of a word.
const WORD_LOG2: u32 = 3;
/// Bits of the number of tries: the last of 16 is all ones.
const TRY_BITS: u32 = 4;

states! {
    /// What a change waits for.
    pub enum Update {
        /// Somebody to ask.
        Rest,
        /// AR to be taken.
        Read,
        /// R.
        AwaitData,
        /// Nothing: the word is compared.
        Compare,
        /// AW and W to be taken.
        Write,
        /// B.
        AwaitAnswer,
        /// Nothing: the result stands.
        Done,
    }
}

bundle! {
    /// What is asked for.
    pub struct Change {
        /// 1 bit.
        pub valid: Signal,
        /// 52 bits.
        pub address: Signal,
        /// 64 bits.
        pub expected: Signal,
        /// 64 bits.
        pub desired: Signal,
    }

    /// How it went.
    pub struct Outcome {
        /// 1 bit.
        pub done: Signal,
        /// 1 bit.
        pub swapped: Signal,
        /// 1 bit.
        pub error: Signal,
        /// 64 bits.
        pub seen: Signal,
    }

    /// Inputs.
    pub struct CompareAndSetInputs {
        /// From who asks.
        pub update: Change,
        /// From the bus.
        pub read: ReadIn,
        /// From the bus.
        pub write: WriteIn,
    }

    /// Outputs.
    pub struct CompareAndSetOutputs {
        /// 1 bit.
        pub update_ready: Signal,
        /// To who asked.
        pub result: Outcome,
        /// To the bus.
        pub read: ReadOut,
        /// To the bus.
        pub write: WriteOut,
    }

    /// Registers.
    pub struct CompareAndSetState {
        /// 3 bits: [`Update`].
        pub phase: Signal,
        /// 49 bits: the address without its low 3.
        pub word: Signal,
        /// 64 bits.
        pub expected: Signal,
        /// 64 bits.
        pub desired: Signal,
        /// 64 bits.
        pub seen: Signal,
        /// 4 bits: tries that somebody's write has come into.
        pub tries: Signal,
        /// 1 bit: AW was taken.
        pub addressed: Signal,
        /// 1 bit: W was taken.
        pub sent: Signal,
        /// 1 bit.
        pub swapped: Signal,
        /// 1 bit.
        pub error: Signal,
    }
}

/// The manager on a bus of so many bits.
pub struct CompareAndSet {
    /// 64, 128, 256 or 512.
    pub bus_bits: u32,
}

impl CompareAndSet {
    /// Words on the bus.
    fn lanes(&self) -> u32 {
        self.bus_bits / WORD_BITS
    }
}

impl Component for CompareAndSet {
    type Inputs = CompareAndSetInputs;
    type Outputs = CompareAndSetOutputs;
    type State = CompareAndSetState;

    fn name(&self) -> String {
        format!("hashwalk_axi_compare_and_set_{}", self.bus_bits)
    }

    fn doc(&self) -> String {
        "Compare and set of 8 bytes by exclusive accesses.".into()
    }

    fn inputs(&self) -> CompareAndSetInputs {
        CompareAndSetInputs { update: change(), read: read_in(self.bus_bits), write: write_in() }
    }

    fn reset(&self) -> CompareAndSetState {
        CompareAndSetState {
            phase: Update::Rest.signal(),
            word: lit(ADDRESS_BITS - WORD_LOG2, 0u32),
            expected: lit(WORD_BITS, 0u32),
            desired: lit(WORD_BITS, 0u32),
            seen: lit(WORD_BITS, 0u32),
            tries: lit(TRY_BITS, 0u32),
            addressed: low(),
            sent: low(),
            swapped: low(),
            error: low(),
        }
    }

    fn kernel(
        &self,
        m: &mut Module,
        i: CompareAndSetInputs,
        s: CompareAndSetState,
    ) -> (CompareAndSetOutputs, CompareAndSetState) {
        let is = |phase: Update| phase.is(&s.phase);
        let read = self.read(&s, is(Update::Read));
        let write = self.write(&s, is(Update::Write));

        let exclusive = i.read.rresp.eq_value(EXOKAY).named("exclusive");
        let same = s.seen.eq(&s.expected).named("same");
        let written = ((&s.addressed | &i.write.awready) & (&s.sent | &i.write.wready)).named("written");
        let swapped = i.write.bresp.eq_value(EXOKAY).named("exclusive_write");
        let again = (i.write.bresp.eq_value(OKAY) & !s.tries.all()).named("again");
        let start = is(Update::Rest);
        let read_ends = (is(Update::AwaitData) & &i.read.rvalid).named("read_ends");
        let write_ends = (is(Update::AwaitAnswer) & &i.write.bvalid).named("write_ends");

        let here = s.phase.clone();
        let phase = case(
            &s.phase,
            [
                (Update::Rest, when(&i.update.valid, Update::Read.signal()).otherwise(here.clone())),
                (Update::Read, when(&i.read.arready, Update::AwaitData.signal()).otherwise(here.clone())),
                (
                    Update::AwaitData,
                    when(&(&read_ends & &exclusive), Update::Compare.signal())
                        .or_when(&read_ends, Update::Done.signal())
                        .otherwise(here.clone()),
                ),
                (Update::Compare, when(&same, Update::Write.signal()).otherwise(Update::Done.signal())),
                (Update::Write, when(&written, Update::AwaitAnswer.signal()).otherwise(here.clone())),
                (
                    Update::AwaitAnswer,
                    when(&(&write_ends & &again), Update::Read.signal())
                        .or_when(&write_ends, Update::Done.signal())
                        .otherwise(here),
                ),
                (Update::Done, Update::Rest.signal()),
            ],
        );

        self.rules(m, &i, &s, &read, &write);
        m.cover("somebody_wrote_meanwhile", &write_ends & &again);
        let writing = is(Update::Write);
        let next = CompareAndSetState {
            phase: phase.named("phase_next"),
            word: when(&start, i.update.address.bits(WORD_LOG2..ADDRESS_BITS)).otherwise(s.word.clone()),
            expected: when(&start, i.update.expected).otherwise(s.expected.clone()),
            desired: when(&start, i.update.desired).otherwise(s.desired.clone()),
            seen: when(&read_ends, self.lane(&i.read.rdata, &s.word)).otherwise(s.seen.clone()),
            tries: when(&start, lit(TRY_BITS, 0u32))
                .or_when(&write_ends, &s.tries + lit(TRY_BITS, 1u32))
                .otherwise(s.tries.clone()),
            addressed: &writing & (&s.addressed | &i.write.awready) & !&written,
            sent: &writing & (&s.sent | &i.write.wready) & !&written,
            swapped: when(&start, low()).or_when(&write_ends, swapped.clone()).otherwise(s.swapped.clone()),
            error: when(&start, low())
                .or_when(&read_ends, !exclusive)
                .or_when(&write_ends, !&swapped & !&again)
                .otherwise(s.error.clone()),
        };
        let result = Outcome { done: is(Update::Done), swapped: s.swapped, error: s.error, seen: s.seen };
        (CompareAndSetOutputs { update_ready: start, result, read, write }, next)
    }
}

impl CompareAndSet {
    fn read(&self, s: &CompareAndSetState, valid: Signal) -> ReadOut {
        ReadOut {
            arvalid: valid,
            arid: lit(ID_BITS, UPDATE_ID),
            araddr: address(&s.word),
            arlen: lit(8, 0u32),
            arsize: lit(3, WORD_LOG2),
            arburst: lit(2, INCR),
            arlock: high(),
            arcache: lit(4, CACHE),
            arprot: lit(3, PROT),
            arqos: lit(4, 0u32),
            rready: high(),
        }
    }

    fn write(&self, s: &CompareAndSetState, writing: Signal) -> WriteOut {
        let strobes = (0..self.lanes()).rev().map(|lane| self.is_lane(&s.word, lane).repeat(WORD_BITS / 8));
        WriteOut {
            awvalid: &writing & !&s.addressed,
            awid: lit(ID_BITS, UPDATE_ID),
            awaddr: address(&s.word),
            awlen: lit(8, 0u32),
            awsize: lit(3, WORD_LOG2),
            awburst: lit(2, INCR),
            awlock: high(),
            awcache: lit(4, CACHE),
            awprot: lit(3, PROT),
            awqos: lit(4, 0u32),
            wvalid: &writing & !&s.sent,
            wdata: s.desired.repeat(self.lanes()),
            wstrb: concat(strobes),
            wlast: high(),
            bready: high(),
        }
    }

    /// Whether the word stands in this lane of the bus.
    fn is_lane(&self, word: &Signal, lane: u32) -> Signal {
        match self.lanes().ilog2() {
            0 => high(),
            bits => word.bits(0..bits).eq_value(lane),
        }
    }

    /// The word in its lane of the bus.
    fn lane(&self, data: &Signal, word: &Signal) -> Signal {
        match self.lanes().ilog2() {
            0 => data.clone(),
            bits => data.word(&word.bits(0..bits), WORD_BITS),
        }
    }

    fn rules(&self, m: &mut Module, i: &CompareAndSetInputs, s: &CompareAndSetState, read: &ReadOut, write: &WriteOut) {
        let is = |phase: Update| phase.is(&s.phase);
        let Change { valid, address, expected, desired } = &i.update;
        Stable::theirs(m, "update_stays", valid, &is(Update::Rest), &concat([address, expected, desired]));
        Stable::ours(m, "ar_stays", &read.arvalid, &i.read.arready, &read.araddr);
        Stable::ours(m, "aw_stays", &write.awvalid, &i.write.awready, &write.awaddr);
        Stable::ours(m, "w_stays", &write.wvalid, &i.write.wready, &concat([&write.wdata, &write.wstrb]));
        m.assume("update_is_aligned", !valid | address.bits(0..WORD_LOG2).is_zero());
        let ours = i.read.rid.eq_value(UPDATE_ID) & &i.read.rlast & is(Update::AwaitData);
        m.assume("data_are_asked_for", !&i.read.rvalid | ours);
        let ours = i.write.bid.eq_value(UPDATE_ID) & is(Update::AwaitAnswer);
        m.assume("answer_is_asked_for", !&i.write.bvalid | ours);
    }
}

/// The address of a word.
fn address(word: &Signal) -> Signal {
    concat([word, &lit(WORD_LOG2, 0u32)])
}

/// The widths of a change.
#[must_use]
pub fn change() -> Change {
    Change { valid: shape(1), address: shape(ADDRESS_BITS), expected: shape(WORD_BITS), desired: shape(WORD_BITS) }
}
