//! The page walker: searches the hashed table in memory for one miss at a time, or asks software.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `start` | in | a miss begins; only in `Idle` |
//! | `request_*` | in | the missed request, stable from `start` to `delivery_valid` |
//! | `control_*` | in | `software_refill` counts in the cycle of `start`, the rest while the walk runs |
//! | `hold`, `concerned` | in | an invalidation takes effect in this cycle; it may concern the walk |
//! | `memory_*` | both | one read at a time; beats are always taken |
//! | `refill_*`, `miss_*` | both | software's turn; `refill_ready` does not depend on `refill_valid` |
//! | `delivery_*` | out | the walk's end, for one cycle; the TLB is written in it |
//!
//! ```text
//!            start, hardware             ready             last beat
//!   ┌──► Idle ───────────────► Request ────────► AwaitBeats ────────► Check ──┬──► Deliver ──► Idle
//!   │     │  (hashes)           ▲    ▲               │                │  │     │      ▲
//!   │     │                     │    │  restart      │                │  │     │      │ fault
//!   │     │                    Hash ◄┼───────────────┘  next search   │  │     │      │
//!   │     │                     ▲    └────────────────────────────────┼──┘ follow     │
//!   │     │                     └─────────────────────────────────────┘               │
//!   │     │ start, software                 refill                                    │
//!   │     └───────────────────► AwaitSoftware ──────────────────────► Check or ───────┘
//!   │                            ▲      │ refill after a restart
//!   │                            └── Report
//!   └── reset
//! ```
//!
//! A walk whose first entry matches, memory latency L, one beat:
//!
//! ```text
//! cycle     0        1        2         3 ..  L + 2   L + 3    L + 4
//! lookup    compare  miss
//! walker    Idle     Idle     Request   AwaitBeats    Check    Deliver
//!                    hash     accepted        data             answer, refill
//! ```
//!
//! Each further probe adds Request, L cycles and Check: L + 2. A further search adds its hash as well: L + 3.
//!
//! **Restart.** An invalidation that concerns the walk's page makes everything that it has read worthless. A read that
//! is out cannot be taken back: its data is waited for and not looked at (`stale`). Whatever meets the invalidation in
//! the same cycle loses against it: the last beat, the verdict, the delivery, software's answer.
//!
//! Bounds: a walk ends after at most 6 searches of `max_steps` probes, unless it is restarted.
//!
//! Reset: `Idle`. A read that is out when reset begins must have been answered when it ends.

use hashwalk_hdl::{
    Component, Module, Signal, any_of, bundle, case, concat, first_one, high, lit, low, shape, states, when,
};
use hashwalk_spec::address::PAGE_OFFSET_BITS;
use hashwalk_spec::entry::{ENTRY_BITS, ENTRY_BYTES_LOG2, INDEX_BITS};
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};
use hashwalk_spec::{Config, Hash};

use crate::hash::{HashInputs, HashUnit};
use crate::page;
use crate::ports::{
    self, ADDRESS_BITS, Control, Delivery, MemoryIn, MemoryOut, Miss, Refill, Request, SEARCHES, SIZE_BITS,
};
use crate::verdict::{self, Sought};

states! {
    /// What the walker waits for.
    pub enum Walk {
        /// A miss. The first search's home index is hashed meanwhile.
        Idle,
        /// Hashing the home index of a later search, or of a walk that starts again.
        Hash,
        /// Memory takes the request.
        Request,
        /// Memory sends the entry.
        AwaitBeats,
        /// The entry is judged.
        Check,
        /// The answer goes out, unless an invalidation takes effect in this cycle.
        Deliver,
        /// Software answers the miss.
        AwaitSoftware,
        /// Software's answer was dropped; the miss will be reported again.
        Report,
    }
}

bundle! {
    /// Inputs.
    pub struct WalkerInputs {
        /// 1 bit.
        pub start: Signal,
        /// What missed.
        pub request: Request,
        /// Software's settings.
        pub control: Control,
        /// 1 bit: an invalidation takes effect in this cycle.
        pub hold: Signal,
        /// 1 bit: and it may concern what the request is answered from.
        pub concerned: Signal,
        /// The memory's side.
        pub memory: MemoryIn,
        /// Software's side.
        pub refill: Refill,
    }

    /// Outputs.
    pub struct WalkerOutputs {
        /// To the memory.
        pub memory: MemoryOut,
        /// To software.
        pub miss: Miss,
        /// 1 bit: software's answer is taken.
        pub refill_ready: Signal,
        /// The walk's end.
        pub delivery: Delivery,
        /// 3 bits: [`Walk`].
        pub state: Signal,
    }

    /// Which search is being made. It is decoded when it is chosen, a cycle before the hash needs it.
    pub struct Search {
        /// 1 bit: there is one.
        pub exists: Signal,
        /// 6 bits: the searches to be made after it.
        pub later: Signal,
        /// 1 bit: it looks under ASID 0.
        pub global: Signal,
        /// 2 bits: the page size that it looks for.
        pub size: Signal,
    }

    /// Registers.
    pub struct WalkerState {
        /// 3 bits: [`Walk`].
        pub walk: Signal,
        /// 1 bit: what was read or asked since the start counts for nothing.
        pub stale: Signal,
        /// 1 bit: `entry` is software's answer.
        pub software: Signal,
        /// The search that is being made, and those after it.
        pub search: Search,
        /// Probes already made in this search.
        pub steps: Signal,
        /// 32 bits: the entry that is probed.
        pub index: Signal,
        /// 256 bits: what was read of it; new beats come in at the top.
        pub entry: Signal,
        /// Beats still to come after the next one; none where an entry is one beat.
        pub beats: Option<Signal>,
        /// 1 bit: a beat could not be read.
        pub unreadable: Signal,
        /// 3 bits: the fault to deliver.
        pub fault: Signal,
    }
}

/// The walker of a configuration.
pub struct Walker {
    hash: Hash,
    max_steps: u32,
    config: Config,
}

impl Walker {
    /// The walker for this configuration's hash, step limit and bus.
    #[must_use]
    pub fn new(config: &Config) -> Walker {
        Walker { hash: config.hash(), max_steps: config.max_steps(), config: config.clone() }
    }

    fn step_bits(&self) -> u32 {
        (u32::BITS - (self.max_steps - 1).leading_zeros()).max(1)
    }

    fn beats(&self) -> u32 {
        self.config.beats()
    }
}

impl Component for Walker {
    type Inputs = WalkerInputs;
    type Outputs = WalkerOutputs;
    type State = WalkerState;

    fn name(&self) -> String {
        format!("hashwalk_walker_{}_{}_{}", self.hash, self.max_steps, self.config.bus_bits())
    }

    fn doc(&self) -> String {
        let (hash, steps, bus) = (self.hash, self.max_steps, self.config.bus_bits());
        format!("Page walker: {hash} hash, at most {steps} probes a search, {bus}-bit memory port.")
    }

    fn inputs(&self) -> WalkerInputs {
        WalkerInputs {
            start: shape(1),
            request: ports::request(),
            control: ports::control(&self.config),
            hold: shape(1),
            concerned: shape(1),
            memory: ports::memory_in(&self.config),
            refill: ports::refill(),
        }
    }

    fn reset(&self) -> WalkerState {
        WalkerState {
            walk: Walk::Idle.signal(),
            stale: low(),
            software: low(),
            search: Search { exists: low(), later: lit(SEARCHES, 0u32), global: low(), size: lit(SIZE_BITS, 0u32) },
            steps: lit(self.step_bits(), 0u32),
            index: lit(INDEX_BITS, 0u32),
            entry: lit(ENTRY_BITS, 0u32),
            beats: (self.beats() > 1).then(|| lit(2, 0u32)),
            unreadable: low(),
            fault: lit(FAULT_BITS, NO_FAULT),
        }
    }

    fn kernel(&self, m: &mut Module, i: WalkerInputs, s: WalkerState) -> (WalkerOutputs, WalkerState) {
        let search = &s.search;
        let home = self.home_index(m, &i, search);
        // Under ASID 0 the global searches would repeat the others, which come first.
        let no_search = (!&search.exists | (&search.global & !i.request.asid.any())).named("no_search");
        let verdict = verdict::judge(
            &s.entry,
            &Sought {
                request: i.request.clone(),
                global: &search.global & !&s.software,
                size: search.size.clone(),
                software: s.software.clone(),
                last_step: s.steps.eq_value(self.max_steps - 1),
                table_mask: i.control.table_mask.clone(),
                unreadable: s.unreadable.clone(),
            },
        );

        // In Idle, Hash and Report nothing has been read or asked yet.
        let waiting = !Walk::Idle.is(&s.walk) & !Walk::Hash.is(&s.walk) & !Walk::Report.is(&s.walk);
        let restart = (waiting & &i.concerned).named("restart");
        let worthless = (&restart | &s.stale).named("worthless");
        let last_beat = (&i.memory.response_valid & is_zero(&s.beats)).named("last_beat");
        let answered = Walk::AwaitSoftware.is(&s.walk) & &i.refill.valid;
        let still_out = Walk::Request.is(&s.walk)
            | (Walk::AwaitBeats.is(&s.walk) & !&last_beat)
            | (Walk::AwaitSoftware.is(&s.walk) & !&i.refill.valid);
        let deliver = (Walk::Deliver.is(&s.walk) & !&i.hold).named("deliver");

        let again = when(&s.software, Walk::Report.signal()).otherwise(Walk::Hash.signal());
        let here = s.walk.clone();
        let walk = case(
            &s.walk,
            [
                (
                    Walk::Idle,
                    when(&(&i.start & &i.control.software_refill), Walk::AwaitSoftware.signal())
                        .or_when(&(&i.start & &no_search), Walk::Deliver.signal())
                        .or_when(&i.start, Walk::Request.signal())
                        .otherwise(here.clone()),
                ),
                (Walk::Hash, when(&no_search, Walk::Deliver.signal()).otherwise(Walk::Request.signal())),
                (Walk::Request, when(&i.memory.request_ready, Walk::AwaitBeats.signal()).otherwise(here.clone())),
                (
                    Walk::AwaitBeats,
                    when(&(&last_beat & &worthless), Walk::Hash.signal())
                        .or_when(&last_beat, Walk::Check.signal())
                        .otherwise(here.clone()),
                ),
                (
                    Walk::Check,
                    when(&restart, again.clone())
                        .or_when(&verdict.ends_walk, Walk::Deliver.signal())
                        .or_when(&verdict.follow, Walk::Request.signal())
                        .otherwise(Walk::Hash.signal()),
                ),
                (Walk::Deliver, when(&restart, again).or_when(&deliver, Walk::Idle.signal()).otherwise(here.clone())),
                (
                    Walk::AwaitSoftware,
                    when(&(&answered & &worthless), Walk::Report.signal())
                        .or_when(&(&answered & i.refill.fault.any()), Walk::Deliver.signal())
                        .or_when(&answered, Walk::Check.signal())
                        .otherwise(here),
                ),
                (Walk::Report, Walk::AwaitSoftware.signal()),
            ],
        )
        .named("walk_next");

        let idle = Walk::Idle.is(&s.walk);
        let begin = (Walk::Idle.is(&s.walk) | Walk::Hash.is(&s.walk)).named("begin_search");
        let check = Walk::Check.is(&s.walk);
        let out_of_searches = (&no_search & &begin).named("out_of_searches");
        let not_present = lit(FAULT_BITS, Fault::NotPresent.code());
        let next = WalkerState {
            // Kept while a read or software's answer is out, and gone with it.
            stale: &worthless & &still_out,
            software: when(&idle, i.control.software_refill.clone()).otherwise(s.software.clone()),
            search: when(&(&idle | &worthless), Search::first(&i.control.search_enable))
                .or_when(&(&check & !&verdict.follow), Search::first(&search.later))
                .otherwise(search.clone()),
            steps: when(&begin, lit(self.step_bits(), 0u32))
                .or_when(&(&check & &verdict.follow), &s.steps + lit(self.step_bits(), 1u32))
                .otherwise(s.steps.clone()),
            index: when(&begin, home).or_when(&check, verdict.next).otherwise(s.index.clone()),
            entry: when(&answered, verdict::entry(&i.refill.mapping()))
                .or_when(&i.memory.response_valid, self.shift_in(&s.entry, &i.memory.response_data))
                .otherwise(s.entry.clone()),
            beats: s.beats.as_ref().map(|beats| {
                when(&Walk::Request.is(&s.walk), lit(2, self.beats() - 1))
                    .or_when(&i.memory.response_valid, beats - lit(2, 1u32))
                    .otherwise(beats.clone())
            }),
            unreadable: when(&(Walk::Request.is(&s.walk) | &idle), low())
                .or_when(&i.memory.response_valid, &s.unreadable | &i.memory.response_error)
                .otherwise(s.unreadable.clone()),
            fault: when(&out_of_searches, not_present)
                .or_when(&answered, i.refill.fault.clone())
                .or_when(&check, verdict.fault)
                .otherwise(s.fault.clone()),
            walk,
        };

        m.assume("start_only_when_idle", !&i.start | &idle);
        m.check("only_a_held_walk_is_concerned", !&i.concerned | &i.hold);
        m.assume("beat_only_when_awaited", !&i.memory.response_valid | Walk::AwaitBeats.is(&s.walk));
        m.check("worthless_walk_delivers_nothing", !(&deliver & &worthless));
        m.cover("restart_in_last_beat", &restart & &last_beat & Walk::AwaitBeats.is(&s.walk));
        m.cover("restart_in_delivery", &restart & Walk::Deliver.is(&s.walk));

        let outputs = WalkerOutputs {
            memory: MemoryOut {
                request_valid: Walk::Request.is(&s.walk),
                request_address: address(&i.control.table_frame, &s.index),
                request_beats: lit(3, self.beats()),
            },
            miss: Miss {
                valid: Walk::AwaitSoftware.is(&s.walk),
                vpn: i.request.vpn,
                asid: i.request.asid,
                access: i.request.access,
                user: i.request.user,
            },
            refill_ready: Walk::AwaitSoftware.is(&s.walk),
            delivery: Delivery { valid: deliver, fault: s.fault.clone(), mapping: verdict::mapping(&s.entry) },
            state: s.walk.clone(),
        };
        (outputs, next)
    }
}

impl Walker {
    /// The home index of the current search.
    fn home_index(&self, m: &mut Module, i: &WalkerInputs, search: &Search) -> Signal {
        let table = &i.control;
        let unit = m.instance("hash", &HashUnit(self.hash));
        unit.connect(HashInputs {
            key: table.hash_key.clone(),
            vpn: (self.hash != Hash::Asid).then(|| page::base(&i.request.vpn, &search.size)),
            asid: i.request.asid.gate(&!&search.global),
        });
        (&unit.outputs & &table.table_mask).named("home_index")
    }

    /// The entry register after one more beat.
    fn shift_in(&self, entry: &Signal, beat: &Signal) -> Signal {
        let bus = self.config.bus_bits();
        if bus == ENTRY_BITS { beat.clone() } else { concat([beat, &entry.bits(bus..ENTRY_BITS)]) }
    }
}

impl Search {
    /// The first of the searches that are set in the mask.
    fn first(mask: &Signal) -> Search {
        let first = first_one(&(0..SEARCHES).map(|n| mask.bit(n)).collect::<Vec<_>>());
        Search {
            exists: mask.any(),
            later: mask & !concat(first.iter().rev()),
            global: any_of(&first[3..6]),
            size: concat([&first[2] | &first[5], &first[1] | &first[4]]),
        }
    }
}

/// The address of an entry. The table is aligned to its size, so that the index can be put in by OR.
fn address(table_frame: &Signal, index: &Signal) -> Signal {
    let within = PAGE_OFFSET_BITS - ENTRY_BYTES_LOG2;
    let above = INDEX_BITS - within;
    let address = concat([
        table_frame.bits(above..table_frame.width()),
        table_frame.bits(0..above) | index.bits(within..INDEX_BITS),
        index.bits(0..within),
        lit(ENTRY_BYTES_LOG2, 0u32),
    ]);
    debug_assert_eq!(address.width(), ADDRESS_BITS);
    address
}

/// Whether no further beat follows the next one.
fn is_zero(beats: &Option<Signal>) -> Signal {
    beats.as_ref().map_or_else(high, Signal::is_zero)
}
