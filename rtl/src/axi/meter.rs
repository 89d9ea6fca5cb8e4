//! How many reads each walk makes and how many cycles it takes, worked out from the MMU's ports.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `walk_state`, `walk_id` | in | what each walk does, and for which request |
//! | `read_valid`, `read_walk` | in | memory accepts a read of this walk |
//! | `late_*` | in | a late answer; with `late_source` 0 it is that of the walk for this id, whichever of its states shows |
//! | `ended`, `reads`, `cycles` | out | in the same cycle: a walk has come to its answer, with so many reads (up to 8) in so many cycles (up to 2048) |
//!
//! A walk is at work while it is neither Free nor in Drain, when its request is answered. Its cycles are those, the one of
//! the answer and restarts included. Reset: zero.

use hashwalk_hdl::{Component, Module, Signal, any_of, bundle, lit, one_hot_mux, shape, when};
use hashwalk_spec::transaction::ID_BITS;
use hashwalk_spec::{Config, LateSource};

use crate::walker::Walk;

/// Bits of the number of reads: it stops at 8.
pub const READS_BITS: u32 = 4;
/// Bits of the number of cycles: it stops at 2048.
pub const CYCLES_BITS: u32 = 12;

bundle! {
    /// Inputs.
    pub struct MeterInputs {
        /// 3 bits a walk.
        pub walk_state: Signal,
        /// 4 bits a walk.
        pub walk_id: Signal,
        /// 1 bit.
        pub read_valid: Signal,
        /// Which walk reads.
        pub read_walk: Signal,
        /// 1 bit.
        pub late_valid: Signal,
        /// 4 bits.
        pub late_id: Signal,
        /// 2 bits.
        pub late_source: Signal,
    }

    /// Outputs.
    pub struct MeterOutputs {
        /// 1 bit.
        pub ended: Signal,
        /// 4 bits.
        pub reads: Signal,
        /// 12 bits.
        pub cycles: Signal,
    }

    /// Registers.
    pub struct MeterState {
        /// One for each walk.
        pub walk: Vec<Measured>,
    }

    /// Of one walk, so far.
    pub struct Measured {
        /// 4 bits.
        pub reads: Signal,
        /// 12 bits: this cycle included.
        pub cycles: Signal,
    }
}

/// The meter of a configuration.
pub struct Meter {
    walks: u32,
    walk_bits: u32,
}

impl Meter {
    /// The meter for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Meter {
        Meter { walks: config.walks(), walk_bits: config.walk_id_bits() }
    }
}

impl Component for Meter {
    type Inputs = MeterInputs;
    type Outputs = MeterOutputs;
    type State = MeterState;

    fn name(&self) -> String {
        format!("hashwalk_axi_meter_{}", self.walks)
    }

    fn doc(&self) -> String {
        "Reads and cycles of each walk.".into()
    }

    fn inputs(&self) -> MeterInputs {
        MeterInputs {
            walk_state: shape(Walk::WIDTH * self.walks),
            walk_id: shape(ID_BITS * self.walks),
            read_valid: shape(1),
            read_walk: shape(self.walk_bits),
            late_valid: shape(1),
            late_id: shape(ID_BITS),
            late_source: shape(2),
        }
    }

    fn reset(&self) -> MeterState {
        let measured = Measured { reads: lit(READS_BITS, 0u32), cycles: lit(CYCLES_BITS, 1u32) };
        MeterState { walk: vec![measured; self.walks as usize] }
    }

    fn kernel(&self, m: &mut Module, i: MeterInputs, s: MeterState) -> (MeterOutputs, MeterState) {
        let by_walk = (&i.late_valid & i.late_source.eq_value(LateSource::Walk.code())).named("by_walk");
        let ends: Vec<Signal> = (0..self.walks)
            .map(|walk| {
                (&by_walk & at_work(&i, walk) & field(&i.walk_id, ID_BITS, walk).eq(&i.late_id))
                    .named(format!("ends_{walk}"))
            })
            .collect();
        let ended = any_of(&ends).named("any_ends");
        m.check("an_answer_by_a_walk_has_a_walk", !&by_walk | &ended);

        let next = s.walk.iter().zip(0u32..).map(|(now, walk)| {
            let over = !at_work(&i, walk) | &ends[walk as usize];
            let reads_now = &i.read_valid & i.read_walk.eq_value(walk) & !now.reads.bit(READS_BITS - 1);
            let counts = !now.cycles.bit(CYCLES_BITS - 1);
            Measured {
                reads: when(&over, lit(READS_BITS, 0u32)).otherwise(&now.reads + reads_now.zext(READS_BITS)),
                cycles: when(&over, lit(CYCLES_BITS, 1u32)).otherwise(&now.cycles + counts.zext(CYCLES_BITS)),
            }
        });
        let state = MeterState { walk: next.collect() };
        let Measured { reads, cycles } = one_hot_mux(ends.into_iter().zip(s.walk));
        (MeterOutputs { ended, reads, cycles }, state)
    }
}

/// Whether the walk's request waits for it.
fn at_work(i: &MeterInputs, walk: u32) -> Signal {
    let state = field(&i.walk_state, Walk::WIDTH, walk);
    !Walk::Free.is(&state) & !Walk::Drain.is(&state)
}

/// The part of a walk.
fn field(all: &Signal, bits: u32, walk: u32) -> Signal {
    all.bits(bits * walk..bits * (walk + 1))
}
