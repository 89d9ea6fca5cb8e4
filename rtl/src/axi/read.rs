//! The AXI4 read manager: the memory port of the MMU on the channels AR and R.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `walker_request_*` | in | a read of one element, stable until `walker_request_ready` |
//! | `walker_response_*` | out | its beats, lowest address first |
//! | `bus_ar*` | out | the same read; INCR, an element never crosses 4 KiB since it is aligned to its size |
//! | `bus_r*` | in | SLVERR and DECERR fail the read |
//!
//! **Latency** 0: nothing is registered here. What the MMU offers comes from its registers and stays until it is taken, so
//! AXI's rules are kept without a register, which would cost each probe of each walk a cycle. No VALID depends on a READY.
//!
//! **IDs.** With elements of one beat ARID is the walk's number: a memory may answer in any order. With elements of
//! several beats all reads have ID 0, since AXI lets the beats of different IDs be mixed, which the MMU does not take. Then
//! answers come in the order of the requests, and a queue remembers whose they are:
//!
//! ```text
//! AR taken ──► [ walk | walk | walk | ... ] ──► walk of the beats on R        RLAST taken: the next
//! ```
//!
//! The queue holds as many reads as all walks may have out, so it is never full when one is asked for.
//!
//! **Attributes**: normal non-cacheable non-bufferable memory (0b0010), so that a read sees what software has stored before
//! its invalidation; privileged, non-secure, data (0b011).
//!
//! Reset: the queue is empty. A read that is out must be answered before the reset ends, so one reset serves this block
//! and what stands between it and memory.

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, lit, low, priority_select, when};
use hashwalk_spec::Config;

use super::ports::{ID_BITS, ReadIn, ReadOut, memory_out, read_in};
use super::stable::Stable;
use crate::ports::{MemoryIn, MemoryOut};

/// AxCACHE: normal non-cacheable non-bufferable.
pub const CACHE: u8 = 0b0010;
/// AxPROT: privileged, non-secure, data.
pub const PROT: u8 = 0b011;
/// AxBURST: the address grows.
pub const INCR: u8 = 1;
/// Bits of the number of reads that a walk has out, at most 4.
const OUT_BITS: u32 = 3;
/// Bits of the number of a beat.
const BEAT_BITS: u32 = 3;

bundle! {
    /// Inputs.
    pub struct ReadInputs {
        /// What the MMU asks for.
        pub walker: MemoryOut,
        /// From the bus.
        pub bus: ReadIn,
    }

    /// Outputs.
    pub struct ReadOutputs {
        /// What the MMU is answered.
        pub walker: MemoryIn,
        /// To the bus.
        pub bus: ReadOut,
    }

    /// Registers.
    pub struct ReadState {
        /// Whose reads are out, where elements take several beats.
        pub queue: Option<Queue>,
        /// 3 bits a walk: its reads that are out, where they take one beat. For assertions only.
        pub out: Option<Vec<Signal>>,
    }

    /// The walks whose reads are out, the oldest first.
    pub struct Queue {
        /// As wide as a walk's number.
        pub walk: Vec<Signal>,
        /// How many count.
        pub count: Signal,
        /// 3 bits: beats of the oldest that have come. For assertions only.
        pub beat: Signal,
    }
}

/// The read manager of a configuration.
pub struct ReadManager {
    config: Config,
}

impl ReadManager {
    /// The read manager for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> ReadManager {
        ReadManager { config: config.clone() }
    }

    fn several_beats(&self) -> bool {
        self.config.beats() > 1
    }

    /// Reads that may be out at a time.
    fn depth(&self) -> u32 {
        self.config.walks() * self.config.ways()
    }

    fn count_bits(&self) -> u32 {
        u32::BITS - self.depth().leading_zeros()
    }
}

impl Component for ReadManager {
    type Inputs = ReadInputs;
    type Outputs = ReadOutputs;
    type State = ReadState;

    fn name(&self) -> String {
        format!("hashwalk_axi_read_{}_{}x{}", self.depth(), self.config.bus_bits(), self.config.beats())
    }

    fn doc(&self) -> String {
        let (bus, beats) = (self.config.bus_bits(), self.config.beats());
        format!("AXI4 read manager: {bus} bits, bursts of {beats}, at most {} reads out.", self.depth())
    }

    fn inputs(&self) -> ReadInputs {
        ReadInputs { walker: memory_out(&self.config), bus: read_in(self.config.bus_bits()) }
    }

    fn reset(&self) -> ReadState {
        let walk = lit(self.config.walk_id_bits(), 0u32);
        let queue = Queue {
            walk: vec![walk; self.depth() as usize],
            count: lit(self.count_bits(), 0u32),
            beat: lit(BEAT_BITS, 0u32),
        };
        let out = vec![lit(OUT_BITS, 0u32); self.config.walks() as usize];
        ReadState { queue: self.several_beats().then_some(queue), out: (!self.several_beats()).then_some(out) }
    }

    fn kernel(&self, m: &mut Module, i: ReadInputs, s: ReadState) -> (ReadOutputs, ReadState) {
        let request = &i.walker;
        let asked = (&request.request_valid & &i.bus.arready).named("asked");
        let beat = (&i.bus.rvalid & &request.response_ready).named("beat");
        let ended = (&beat & &i.bus.rlast).named("ended");
        let walk_bits = self.config.walk_id_bits();

        let (arid, response_id) = match &s.queue {
            Some(queue) => (lit(ID_BITS, 0u32), queue.walk[0].clone()),
            None => (request.request_id.zext(ID_BITS), i.bus.rid.bits(0..walk_bits)),
        };
        let bus = ReadOut {
            arvalid: request.request_valid.clone(),
            arid,
            araddr: request.request_address.clone(),
            arlen: lit(8, self.config.beats() - 1),
            arsize: lit(3, (self.config.bus_bits() / 8).ilog2()),
            arburst: lit(2, INCR),
            arlock: low(),
            arcache: lit(4, CACHE),
            arprot: lit(3, PROT),
            arqos: lit(4, 0u32),
            rready: request.response_ready.clone(),
        };
        // The other bit tells EXOKAY from OKAY, which only exclusive reads get.
        m.ignore(i.bus.rresp.bit(0));

        let whole = request.request_beats.eq_value(self.config.beats());
        m.check("beats_are_those_of_an_element", !&request.request_valid | whole);
        let ReadIn { rid, rdata, rresp, rlast, .. } = i.bus.clone();
        Stable::ours(m, "ar_stays", &bus.arvalid, &i.bus.arready, &concat([&bus.arid, &bus.araddr]));
        Stable::theirs(m, "r_stays", &i.bus.rvalid, &bus.rready, &concat([&rid, &rdata, &rresp, &rlast]));

        let next = match (&s.queue, &s.out) {
            (Some(queue), _) => {
                m.check("queue_has_room", !&asked | queue.count.lt(&lit(self.count_bits(), self.depth())));
                m.assume("beats_are_asked_for", !&i.bus.rvalid | (queue.count.any() & i.bus.rid.is_zero()));
                let last = queue.beat.eq_value(self.config.beats() - 1);
                m.assume("last_is_last", !&i.bus.rvalid | i.bus.rlast.eq(&last));
                ReadState { queue: Some(self.next_queue(queue, &asked, &request.request_id, &beat, &ended)), out: None }
            }
            (None, Some(out)) => {
                let theirs = |walk: usize| i.bus.rid.eq_value(walk);
                let awaited = out.iter().enumerate().map(|(walk, out)| (theirs(walk), out.any()));
                m.assume("beats_are_asked_for", !&i.bus.rvalid | priority_select(awaited, low()));
                m.assume("last_is_last", !&i.bus.rvalid | &i.bus.rlast);
                let counts = out.iter().enumerate().map(|(walk, out)| {
                    let more = (&asked & request.request_id.eq_value(walk)).zext(OUT_BITS);
                    out + more - (&ended & theirs(walk)).zext(OUT_BITS)
                });
                ReadState { queue: None, out: Some(counts.collect()) }
            }
            (None, None) => unreachable!("one of the two is there"),
        };
        let walker = MemoryIn {
            request_ready: i.bus.arready,
            response_valid: i.bus.rvalid,
            response_id,
            response_data: i.bus.rdata,
            response_error: i.bus.rresp.bit(1),
        };
        (ReadOutputs { walker, bus }, next)
    }
}

impl ReadManager {
    fn next_queue(&self, queue: &Queue, asked: &Signal, walk: &Signal, beat: &Signal, ended: &Signal) -> Queue {
        let bits = self.count_bits();
        let kept = (&queue.count - ended.zext(bits)).named("kept");
        let blank = lit(walk.width(), 0u32);
        let moved = (0..queue.walk.len()).map(|place| {
            let behind = queue.walk.get(place + 1).unwrap_or(&blank).clone();
            let here = when(ended, behind).otherwise(queue.walk[place].clone());
            when(&(asked & kept.eq_value(place)), walk.clone()).otherwise(here)
        });
        Queue {
            walk: moved.collect(),
            count: &kept + asked.zext(bits),
            beat: when(ended, lit(BEAT_BITS, 0u32))
                .or_when(beat, &queue.beat + lit(BEAT_BITS, 1u32))
                .otherwise(queue.beat.clone()),
        }
    }
}
