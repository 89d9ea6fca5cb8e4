//! The page walker: searches the hashed table in memory for one miss at a time, or asks software. This one follows chains,
//! of lines or of entries; [`cuckoo`] reads the ways of a cuckoo table, with the same ports and states.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `start` | in | a miss begins; only in `Idle` |
//! | `request_*` | in | the missed request, stable from `start` to `delivery_valid` |
//! | `control_*` | in | `software_refill` counts in the cycle of `start`, the rest while the walk runs |
//! | `hold`, `concerned` | in | an invalidation takes effect in this cycle; it may concern the walk |
//! | `cancel` | in | the request is answered from elsewhere: the walk ends, once a read that is out has come |
//! | `idle` | out | a walk may start |
//! | `memory_*` | both | one read at a time ([`cuckoo`]: one a way); beats are always taken |
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
//! A walk whose first probe finds the page, memory latency L, one beat:
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
//! **Cancel.** The second level of the TLB may answer while the walk reads. Then the walk ends as it restarts, but comes to
//! rest.
//!
//! Bounds: a walk ends after at most 6 searches of `max_steps` probes, unless it is restarted.
//!
//! Reset: `Idle`. A read that is out when reset begins must have been answered when it ends.

pub mod cuckoo;

use hashwalk_hdl::{
    Component, Module, Signal, any_of, bundle, case, concat, first_one, high, lit, low, shape, states, when,
};
use hashwalk_spec::address::{ASID_BITS, PAGE_OFFSET_BITS, PFN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};
use hashwalk_spec::{Config, Format, Hash, entry, line};

use crate::hash::{HashInputs, HashUnit};
use crate::line as line_judge;
use crate::page;
use crate::ports::{
    self, ADDRESS_BITS, Control, Delivery, Mapping, MemoryIn, MemoryOut, Miss, RIGHTS_BITS, Refill, Request, SEARCHES,
    SIZE_BITS,
};
use crate::verdict::{self, Candidate, Limits, Sought, Step};

/// Bits that count the beats that are still to come.
const BEAT_BITS: u32 = 3;
/// Bits of the number of beats on the memory port.
const BEATS_BITS: u32 = 4;

states! {
    /// What the walker waits for.
    pub enum Walk {
        /// A miss. The first search's home index is hashed meanwhile.
        Free,
        /// Hashing the home index of a later search, or of a walk that starts again.
        Wait,
        /// Memory takes the request.
        Request,
        /// Memory sends the element.
        Read,
        /// The element, or software's answer, is judged.
        Check,
        /// The answer goes out, unless an invalidation takes effect in this cycle.
        Deliver,
        /// Software answers the miss.
        Ask,
        /// Software's answer was dropped; the miss will be reported again.
        Drain,
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
        /// 1 bit: the request is answered from elsewhere in this cycle.
        pub cancel: Signal,
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
        /// 1 bit: a walk may start.
        pub idle: Signal,
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

    /// What a walk, or software, has found for the missed page.
    pub struct Found {
        /// 2 bits.
        pub size: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 1 bit.
        pub global: Signal,
    }

    /// Registers.
    pub struct WalkerState {
        /// 3 bits: [`Walk`].
        pub walk: Signal,
        /// 1 bit: what was read or asked since the start counts for nothing.
        pub stale: Signal,
        /// 1 bit: nobody waits for the walk any more; only its read is still out.
        pub cancelled: Signal,
        /// 1 bit: software answers this miss.
        pub software: Signal,
        /// 1 bit: software's answer is not for the missed page, or not well formed.
        pub stray_answer: Signal,
        /// The search that is being made, and those after it.
        pub search: Search,
        /// Probes already made in this search.
        pub steps: Signal,
        /// 32 bits: the element that is probed.
        pub index: Signal,
        /// 256 or 512 bits: what was read of it; new beats come in at the top.
        pub element: Signal,
        /// The page that was found.
        pub found: Found,
        /// Beats still to come after the next one; none where an element is one beat.
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
        let format = self.config.format();
        format!("hashwalk_walker_{format}_{}_{}_{}", self.hash, self.max_steps, self.config.bus_bits())
    }

    fn doc(&self) -> String {
        let (format, hash) = (self.config.format(), self.hash);
        let (steps, bus) = (self.max_steps, self.config.bus_bits());
        format!("Page walker: {format} table, {hash} hash, at most {steps} probes a search, {bus}-bit memory port.")
    }

    fn inputs(&self) -> WalkerInputs {
        inputs(&self.config)
    }

    fn reset(&self) -> WalkerState {
        WalkerState {
            walk: Walk::Free.signal(),
            stale: low(),
            cancelled: low(),
            software: low(),
            stray_answer: low(),
            search: Search { exists: low(), later: lit(SEARCHES, 0u32), global: low(), size: lit(SIZE_BITS, 0u32) },
            steps: lit(self.step_bits(), 0u32),
            index: lit(INDEX_BITS, 0u32),
            element: lit(self.config.element_bits(), 0u32),
            found: Found {
                size: lit(SIZE_BITS, 0u32),
                pfn: lit(PFN_BITS, 0u32),
                rights: lit(RIGHTS_BITS, 0u32),
                global: low(),
            },
            beats: (self.beats() > 1).then(|| lit(BEAT_BITS, 0u32)),
            unreadable: low(),
            fault: lit(FAULT_BITS, NO_FAULT),
        }
    }

    fn kernel(&self, m: &mut Module, i: WalkerInputs, s: WalkerState) -> (WalkerOutputs, WalkerState) {
        let search = &s.search;
        let sought = Sought {
            vpn: page::base(&i.request.vpn, &search.size).named("sought_vpn"),
            asid: i.request.asid.gate(&!&search.global).named("sought_asid"),
            size: search.size.clone(),
            global: search.global.clone(),
        };
        let home = self.home_index(m, &i.control, &sought);
        let no_search = no_search(search, &i.request).named("no_search");
        let step = self.judge(&s.element, &sought);
        let verdict = verdict::conclude(
            &step,
            &sought,
            &i.request,
            &Limits {
                last_step: s.steps.eq_value(self.max_steps - 1),
                table_mask: i.control.table_mask.clone(),
                unreadable: s.unreadable.clone(),
            },
        );

        // In Idle, Hash and Report nothing has been read or asked yet.
        let waiting = !Walk::Free.is(&s.walk) & !Walk::Wait.is(&s.walk) & !Walk::Drain.is(&s.walk);
        let restart = (waiting & &i.concerned).named("restart");
        let cancelled = (&i.cancel | &s.cancelled).named("cancelled_now");
        let worthless = (&restart | &s.stale | &cancelled).named("worthless");
        let last_beat = (&i.memory.response_valid & is_zero(&s.beats)).named("last_beat");
        let answered = Walk::Ask.is(&s.walk) & &i.refill.valid;
        let still_out = Walk::Request.is(&s.walk)
            | (Walk::Read.is(&s.walk) & !&last_beat)
            | (Walk::Ask.is(&s.walk) & !&i.refill.valid);
        let deliver = (Walk::Deliver.is(&s.walk) & !&i.hold & !&i.cancel).named("deliver");

        let again = when(&s.software, Walk::Drain.signal()).otherwise(Walk::Wait.signal());
        let here = s.walk.clone();
        let walk = case(
            &s.walk,
            [
                (
                    Walk::Free,
                    when(&(&i.start & &i.control.software_refill), Walk::Ask.signal())
                        .or_when(&(&i.start & &no_search), Walk::Deliver.signal())
                        .or_when(&i.start, Walk::Request.signal())
                        .otherwise(here.clone()),
                ),
                (
                    Walk::Wait,
                    when(&i.cancel, Walk::Free.signal())
                        .or_when(&no_search, Walk::Deliver.signal())
                        .otherwise(Walk::Request.signal()),
                ),
                (Walk::Request, when(&i.memory.request_ready, Walk::Read.signal()).otherwise(here.clone())),
                (
                    Walk::Read,
                    when(&(&last_beat & &cancelled), Walk::Free.signal())
                        .or_when(&(&last_beat & &worthless), Walk::Wait.signal())
                        .or_when(&last_beat, Walk::Check.signal())
                        .otherwise(here.clone()),
                ),
                (
                    Walk::Check,
                    when(&i.cancel, Walk::Free.signal())
                        .or_when(&restart, again.clone())
                        .or_when(&(&verdict.ends_walk | &s.software), Walk::Deliver.signal())
                        .or_when(&verdict.follow, Walk::Request.signal())
                        .otherwise(Walk::Wait.signal()),
                ),
                (
                    Walk::Deliver,
                    when(&(&deliver | &i.cancel), Walk::Free.signal()).or_when(&restart, again).otherwise(here.clone()),
                ),
                (
                    Walk::Ask,
                    when(&(&answered & &worthless), Walk::Drain.signal())
                        .or_when(&(&answered & i.refill.fault.any()), Walk::Deliver.signal())
                        .or_when(&answered, Walk::Check.signal())
                        .otherwise(here),
                ),
                (Walk::Drain, Walk::Ask.signal()),
            ],
        )
        .named("walk_next");

        let idle = Walk::Free.is(&s.walk);
        let begin = (Walk::Free.is(&s.walk) | Walk::Wait.is(&s.walk)).named("begin_search");
        let check = Walk::Check.is(&s.walk);
        let out_of_searches = (&no_search & &begin).named("out_of_searches");
        let not_present = lit(FAULT_BITS, Fault::NotPresent.code());
        let next = WalkerState {
            // Kept while a read or software's answer is out, and gone with it.
            stale: &worthless & &still_out,
            cancelled: cancelled & &still_out,
            software: when(&idle, i.control.software_refill.clone()).otherwise(s.software.clone()),
            search: when(&(&idle | &worthless), Search::first(&i.control.search_enable))
                .or_when(&(&check & !&verdict.follow), Search::first(&search.later))
                .otherwise(search.clone()),
            steps: when(&begin, lit(self.step_bits(), 0u32))
                .or_when(&(&check & &verdict.follow), &s.steps + lit(self.step_bits(), 1u32))
                .otherwise(s.steps.clone()),
            index: when(&begin, home).or_when(&check, verdict.next).otherwise(s.index.clone()),
            element: when(&i.memory.response_valid, shift_in(&s.element, &i.memory.response_data))
                .otherwise(s.element.clone()),
            found: when(&answered, Found::by_software(&i.refill))
                .or_when(&(&check & !&s.software), Found::by_walk(&step.found, &sought))
                .otherwise(s.found.clone()),
            stray_answer: when(&answered, is_stray(&i.refill, &i.request)).otherwise(s.stray_answer.clone()),
            beats: s.beats.as_ref().map(|beats| {
                when(&Walk::Request.is(&s.walk), lit(BEAT_BITS, self.beats() - 1))
                    .or_when(&i.memory.response_valid, beats - lit(BEAT_BITS, 1u32))
                    .otherwise(beats.clone())
            }),
            unreadable: when(&(Walk::Request.is(&s.walk) | &idle), low())
                .or_when(&i.memory.response_valid, &s.unreadable | &i.memory.response_error)
                .otherwise(s.unreadable.clone()),
            fault: when(&out_of_searches, not_present)
                .or_when(&answered, i.refill.fault.clone())
                .or_when(&(&check & &s.software), s.found.fault(&s.stray_answer, &i.request))
                .or_when(&check, verdict.fault)
                .otherwise(s.fault.clone()),
            walk,
        };

        // A and D, which software keeps.
        for word in 0..self.config.format().ptes() {
            m.ignore(s.element.bits(line::in_word(word, entry::ACCESSED..entry::DIRTY + 1)));
        }
        // One walk, so the answer is its own.
        m.ignore(&i.memory.response_id);
        m.assume("start_only_when_idle", !&i.start | &idle);
        m.check("only_a_held_walk_is_concerned", !&i.concerned | &i.hold);
        m.assume("beat_only_when_awaited", !&i.memory.response_valid | Walk::Read.is(&s.walk));
        m.assume("cancel_only_a_walk", !&i.cancel | !Walk::Ask.is(&s.walk));
        m.check("worthless_walk_delivers_nothing", !(&deliver & &worthless));
        m.cover("restart_in_last_beat", &restart & &last_beat & Walk::Read.is(&s.walk));
        m.cover("restart_in_delivery", &restart & Walk::Deliver.is(&s.walk));

        let outputs = WalkerOutputs {
            memory: MemoryOut {
                request_valid: Walk::Request.is(&s.walk),
                request_address: address(&i.control.table_frame, &s.index, self.config.format()),
                request_beats: lit(BEATS_BITS, self.beats()),
                request_id: lit(self.config.walk_id_bits(), 0u32),
                response_ready: high(),
            },
            idle,
            delivery: Delivery { valid: deliver, fault: s.fault.clone(), mapping: s.found.mapping(&i.request) },
            miss: miss(Walk::Ask.is(&s.walk), i.request),
            refill_ready: Walk::Ask.is(&s.walk),
            state: s.walk.clone(),
        };
        (outputs, next)
    }
}

impl Walker {
    /// What the element means in this format.
    fn judge(&self, element: &Signal, sought: &Sought) -> Step {
        match self.config.format() {
            Format::Line => line_judge::judge(element, sought),
            Format::Chained | Format::Cuckoo => verdict::judge_entry(element, sought),
        }
    }

    /// The home index of the current search.
    fn home_index(&self, m: &mut Module, table: &Control, sought: &Sought) -> Signal {
        let vpn = match self.config.format() {
            Format::Line => line_judge::group(&sought.vpn, &sought.size),
            Format::Chained | Format::Cuckoo => sought.vpn.clone(),
        };
        let unit = m.instance("hash", &HashUnit { hash: self.hash, ways: 1 });
        unit.connect(HashInputs {
            key: table.hash_key.clone(),
            vpn: (self.hash != Hash::Asid).then_some(vpn),
            asid: sought.asid.clone(),
            way: None,
        });
        (&unit.outputs & &table.table_mask).named("home_index")
    }
}

/// The widths of a walker's inputs.
fn inputs(config: &Config) -> WalkerInputs {
    WalkerInputs {
        start: shape(1),
        request: ports::request(),
        control: ports::control(config),
        hold: shape(1),
        concerned: shape(1),
        cancel: shape(1),
        memory: ports::memory_in(config),
        refill: ports::refill(),
    }
}

/// Whether there is no such search to be made. Under ASID 0 the global searches would repeat the others, which come first.
fn no_search(search: &Search, request: &Request) -> Signal {
    !&search.exists | (&search.global & !request.asid.any())
}

/// The element register after one more beat.
fn shift_in(element: &Signal, beat: &Signal) -> Signal {
    let bus = beat.width();
    if bus == element.width() { beat.clone() } else { concat([beat, &element.bits(bus..element.width())]) }
}

/// The request as software is asked for it.
fn miss(valid: Signal, request: Request) -> Miss {
    let Request { vpn, asid, access, user } = request;
    Miss { valid, vpn, asid, access, user }
}

impl Found {
    fn by_walk(found: &Candidate, sought: &Sought) -> Found {
        let Candidate { pfn, rights, global, .. } = found.clone();
        Found { size: sought.size.clone(), pfn, rights, global }
    }

    fn by_software(refill: &Refill) -> Found {
        let Refill { size, pfn, rights, global, .. } = refill.clone();
        Found { size, pfn, rights, global }
    }

    /// The fault that software's answer ends in, 0 if there is none.
    fn fault(&self, stray: &Signal, request: &Request) -> Signal {
        let Found { size, pfn, rights, global } = self.clone();
        let found = Candidate { valid: high(), global, rights, pfn, stray_bits: stray.clone() };
        // That it is global only under ASID 0 was looked at when it came.
        let asid = lit(ASID_BITS, 0u32);
        verdict::fault_of(&found, &Sought { vpn: request.vpn.clone(), asid, size, global: low() }, request)
    }

    /// The mapping of the requested page.
    #[must_use]
    pub fn mapping(&self, request: &Request) -> Mapping {
        let Found { size, pfn, rights, global } = self.clone();
        let (vpn, asid) = (page::base(&request.vpn, &size), request.asid.gate(&!&global));
        Mapping { vpn, asid, global, size, pfn, rights }
    }
}

/// Whether software's answer is not for the missed page, or not well formed; its PFN is looked at a cycle later.
fn is_stray(refill: &Refill, request: &Request) -> Signal {
    let same_page = refill.vpn.eq(&page::base(&request.vpn, &refill.size));
    let same_space = (refill.asid.eq(&request.asid) & !&refill.global) | (&refill.global & !refill.asid.any());
    !same_page | !same_space | refill.size.all()
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

/// The address of an element. The table is aligned to its size, so that the index can be put in by OR.
fn address(table_frame: &Signal, index: &Signal, format: Format) -> Signal {
    let within = PAGE_OFFSET_BITS - format.element_log2();
    let above = INDEX_BITS - within;
    let address = concat([
        table_frame.bits(above..table_frame.width()),
        table_frame.bits(0..above) | index.bits(within..INDEX_BITS),
        index.bits(0..within),
        lit(format.element_log2(), 0u32),
    ]);
    debug_assert_eq!(address.width(), ADDRESS_BITS);
    address
}

/// Whether no further beat follows the next one.
fn is_zero(beats: &Option<Signal>) -> Signal {
    beats.as_ref().map_or_else(high, Signal::is_zero)
}
