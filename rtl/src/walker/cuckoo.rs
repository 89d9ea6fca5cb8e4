//! The page walker of cuckoo tables: a page can stand in one place of each way, and all of them are read at once.
//!
//! Ports, searches, software's turn and restarts are those of the walker of chains ([`super`]). Only the middle differs:
//! the reads of all ways are asked for in consecutive cycles, and judged in the order of the ways as their data comes.
//!
//! | state | leaves for | when |
//! | ----- | ---------- | ---- |
//! | `Idle`, `Hash` | `Request` | a search begins; its place in way 0 is hashed |
//! | | `Deliver` | there is no search to make |
//! | `Request` | `Request` | memory accepts a way's read; the place in the next way is hashed |
//! | | `AwaitBeats` | memory accepts the last way's read |
//! | | `Deliver` | the entry of an earlier way decides, and no request stands |
//! | | `Hash` | a restart, and no request stands |
//! | `AwaitBeats` | `Deliver` | an entry decides, or it was the last one and no search follows |
//! | | `Hash` | it was the last one and a search follows, or a restart |
//! | any of these | `Idle` | the walk is cancelled, and no request stands |
//! | `AwaitSoftware`, `Check`, `Report`, `Deliver` | | as in the walker of chains, but `Check` is for software's answer alone |
//!
//! A walk that finds the page in way 2, memory latency L, one beat:
//!
//! ```text
//! cycle     0        1      2         3        4         ..  L + 2   L + 3   L + 4   L + 5   L + 6
//! request                   way 0     way 1    way 2
//! data                                                       way 0   way 1   way 2
//! judged                                                             way 0   way 1   way 2
//! walker    Idle     Idle   Request   Request  Request   AwaitBeats ..               ..      Deliver
//! ```
//!
//! **Reads that are not needed any more.** A walk ends with the first entry that decides it, although reads of later ways
//! are out. They cannot be taken back, and memory answers in order, so it is enough to count: `out` reads are out, and the
//! oldest `skip` of them are nobody's. Each search that ends, and each restart, makes all that is out nobody's. At most as
//! many reads are out as there are ways, whosever they are. A request that stands at the port and was not accepted must
//! stay there: the search is over (`over`), and goes on to Deliver or Hash when memory has taken it.
//!
//! Bounds: a walk makes at most 6 searches of as many reads as there are ways, unless it is restarted. There are no chains,
//! so nothing can be too long.
//!
//! Reset: `Idle`. Reads that are out when reset begins must have been answered when it ends.

use hashwalk_hdl::{Component, Module, Signal, any_of, bundle, case, high, lit, low, when};
use hashwalk_spec::address::PFN_BITS;
use hashwalk_spec::entry::{ENTRY_BITS, INDEX_BITS};
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};
use hashwalk_spec::format::parts_log2;
use hashwalk_spec::{Config, Hash, entry};

use super::{
    BEAT_BITS, BEATS_BITS, Found, Search, Walk, WalkerInputs, WalkerOutputs, address, inputs, is_stray, is_zero, miss,
    no_search, shift_in,
};
use crate::hash::{HashInputs, HashUnit, WAY_BITS};
use crate::page;
use crate::ports::{Control, Delivery, MemoryOut, RIGHTS_BITS, SEARCHES, SIZE_BITS};
use crate::verdict::{self, Sought};

/// Bits that count reads.
const READS_BITS: u32 = 3;

bundle! {
    /// Registers.
    pub struct CuckooState {
        /// 3 bits: [`Walk`].
        pub walk: Signal,
        /// 1 bit: the request that stands, or software's answer, counts for nothing.
        pub stale: Signal,
        /// 1 bit: nobody waits for the walk any more; only its request still stands.
        pub cancelled: Signal,
        /// 1 bit: software answers this miss.
        pub software: Signal,
        /// 1 bit: software's answer is not for the missed page, or not well formed.
        pub stray_answer: Signal,
        /// The search that is being made, and those after it.
        pub search: Search,
        /// 2 bits: the way whose place is hashed in this cycle, the one after that whose read is asked for.
        pub way: Signal,
        /// 32 bits: the entry that is asked for.
        pub index: Signal,
        /// 3 bits: reads that were accepted and not answered in full.
        pub out: Signal,
        /// 3 bits: the oldest of them that are nobody's.
        pub skip: Signal,
        /// Beats still to come after the next one; none where an entry is one beat.
        pub beats: Option<Signal>,
        /// 256 bits: what was read; new beats come in at the top.
        pub element: Signal,
        /// 1 bit: a beat of it could not be read.
        pub unreadable: Signal,
        /// 1 bit: `element` is an entry of this search, to be judged in this cycle.
        pub arrived: Signal,
        /// 2 bits: the way whose entry is judged next.
        pub judged: Signal,
        /// 1 bit: the search has ended, but its last request stands still.
        pub over: Signal,
        /// The page that was found.
        pub found: Found,
        /// 3 bits: the fault to deliver.
        pub fault: Signal,
    }
}

/// The walker of a configuration with a cuckoo table.
pub struct CuckooWalker {
    config: Config,
}

impl CuckooWalker {
    /// The walker for this configuration's hash, ways and bus.
    #[must_use]
    pub fn new(config: &Config) -> CuckooWalker {
        CuckooWalker { config: config.clone() }
    }
}

impl Component for CuckooWalker {
    type Inputs = WalkerInputs;
    type Outputs = WalkerOutputs;
    type State = CuckooState;

    fn name(&self) -> String {
        let c = &self.config;
        format!("hashwalk_walker_cuckoo_{}_{}_{}", c.ways(), c.hash(), c.bus_bits())
    }

    fn doc(&self) -> String {
        let c = &self.config;
        let (ways, hash, bus) = (c.ways(), c.hash(), c.bus_bits());
        format!("Page walker: cuckoo table of {ways} ways, {hash} hash, {bus}-bit memory port.")
    }

    fn inputs(&self) -> WalkerInputs {
        inputs(&self.config)
    }

    fn reset(&self) -> CuckooState {
        CuckooState {
            walk: Walk::Free.signal(),
            stale: low(),
            cancelled: low(),
            software: low(),
            stray_answer: low(),
            search: Search { exists: low(), later: lit(SEARCHES, 0u32), global: low(), size: lit(SIZE_BITS, 0u32) },
            way: lit(WAY_BITS, 0u32),
            index: lit(INDEX_BITS, 0u32),
            out: lit(READS_BITS, 0u32),
            skip: lit(READS_BITS, 0u32),
            beats: (self.config.beats() > 1).then(|| lit(BEAT_BITS, self.config.beats() - 1)),
            element: lit(ENTRY_BITS, 0u32),
            unreadable: low(),
            arrived: low(),
            judged: lit(WAY_BITS, 0u32),
            over: low(),
            found: Found {
                size: lit(SIZE_BITS, 0u32),
                pfn: lit(PFN_BITS, 0u32),
                rights: lit(RIGHTS_BITS, 0u32),
                global: low(),
            },
            fault: lit(FAULT_BITS, NO_FAULT),
        }
    }

    fn kernel(&self, m: &mut Module, i: WalkerInputs, s: CuckooState) -> (WalkerOutputs, CuckooState) {
        let last_way = self.config.ways() - 1;
        // Behind the last way; of four ways that is way 0 again.
        let behind_last = lit(WAY_BITS, self.config.ways() % (1 << WAY_BITS));
        let one = lit(WAY_BITS, 1u32);
        let is = |state: Walk| state.is(&s.walk);
        let search = &s.search;
        let sought = Sought {
            vpn: page::base(&i.request.vpn, &search.size).named("sought_vpn"),
            asid: i.request.asid.gate(&!&search.global).named("sought_asid"),
            size: search.size.clone(),
            global: search.global.clone(),
        };
        let no_search = no_search(search, &i.request).named("no_search");
        let idle = is(Walk::Free);
        let begin = (is(Walk::Free) | is(Walk::Wait)).named("begin_search");
        let asking = is(Walk::Request);

        // The port. What is out bounds what may be asked for; it only falls while a request stands.
        let request_valid = (&asking & !s.out.eq_value(self.config.ways())).named("request_valid");
        let accepted = (&request_valid & &i.memory.request_ready).named("accepted");
        let last_beat = (&i.memory.response_valid & is_zero(&s.beats)).named("last_beat");
        let place = self.place(m, &i.control, &sought, &s.way);

        // The entry that came in the cycle before.
        let step = verdict::judge_entry(&s.element, &sought);
        let mut candidate = step.found;
        candidate.stray_bits = any_of([candidate.stray_bits, s.element.bits(entry::LINK_WORD).any()]);
        let found_fault = verdict::fault_of(&candidate, &sought, &i.request);
        let decides = (&s.arrived & (&s.unreadable | &step.is_match)).named("decides");
        let nothing = (&s.arrived & !&decides & s.judged.eq_value(last_way)).named("found_nothing");
        let later = Search::first(&search.later);
        let another = &nothing & !super::no_search(&later, &i.request);
        let ends = (&decides | &nothing).named("search_ends");

        // In Idle, Hash and Report nothing has been read or asked yet.
        let waiting = !is(Walk::Free) & !is(Walk::Wait) & !is(Walk::Drain);
        let restart = (waiting & &i.concerned).named("restart");
        let cancelled = (&i.cancel | &s.cancelled).named("cancelled_now");
        let worthless = (&restart | &s.stale | &cancelled).named("worthless");
        let answered = is(Walk::Ask) & &i.refill.valid;
        // A request that memory has not taken keeps its place; one that waits for room was not made yet.
        let stands = (&request_valid & !&i.memory.request_ready).named("request_stands");
        let over = (&ends | &s.over | &worthless).named("search_over");
        // The last entry is judged when no request stands any more, so only a restart goes on from one that does.
        let goes_on = (&another | &worthless).named("goes_on");
        let deliver = (is(Walk::Deliver) & !&i.hold & !&i.cancel).named("deliver");

        let again = when(&s.software, Walk::Drain.signal()).otherwise(Walk::Wait.signal());
        let after_search = when(&cancelled, Walk::Free.signal())
            .or_when(&goes_on, Walk::Wait.signal())
            .otherwise(Walk::Deliver.signal());
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
                (
                    Walk::Request,
                    when(&(&over & !&stands), after_search.clone())
                        .or_when(&(&accepted & s.way.eq(&behind_last)), Walk::Read.signal())
                        .otherwise(here.clone()),
                ),
                (Walk::Read, when(&over, after_search).otherwise(here.clone())),
                (
                    Walk::Check,
                    when(&i.cancel, Walk::Free.signal())
                        .or_when(&restart, again.clone())
                        .otherwise(Walk::Deliver.signal()),
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

        let still_out = stands.clone() | (is(Walk::Ask) & !&i.refill.valid);
        let reading = ((&asking | is(Walk::Read)) & !&over).named("reading");
        let count = |signal: &Signal| signal.zext(READS_BITS);
        let out = (&s.out + count(&accepted) - count(&last_beat)).named("out_next");
        let out_of_searches = ((&no_search & &begin) | (&nothing & !&another)).named("out_of_searches");
        let code = |fault: Fault| lit(FAULT_BITS, fault.code());
        let next = CuckooState {
            // Kept while a request that stands or software's answer is waited for, and gone with it.
            stale: &worthless & still_out,
            cancelled: cancelled & &stands,
            software: when(&idle, i.control.software_refill.clone()).otherwise(s.software.clone()),
            search: when(&(&idle | &worthless), Search::first(&i.control.search_enable))
                .or_when(&nothing, later)
                .otherwise(search.clone()),
            // Known before the cycle begins: an adder before the hash would double the walker's size.
            way: (&s.way + (&begin | &accepted).zext(WAY_BITS)).gate(&Walk::Request.is(&walk)),
            // A request that stands keeps its address.
            index: when(&(&begin | &accepted), place).otherwise(s.index.clone()),
            skip: when(&reading, &s.skip - count(&(&last_beat & s.skip.any()))).otherwise(out.clone()),
            beats: s.beats.as_ref().map(|beats| {
                when(&last_beat, lit(BEAT_BITS, self.config.beats() - 1))
                    .or_when(&i.memory.response_valid, beats - lit(BEAT_BITS, 1u32))
                    .otherwise(beats.clone())
            }),
            element: when(&i.memory.response_valid, shift_in(&s.element, &i.memory.response_data))
                .otherwise(s.element.clone()),
            unreadable: self.unreadable(&i, &s),
            arrived: &reading & &last_beat & s.skip.is_zero(),
            judged: when(&begin, lit(WAY_BITS, 0u32)).or_when(&s.arrived, &s.judged + one).otherwise(s.judged.clone()),
            over: &over & &stands,
            found: when(&answered, Found::by_software(&i.refill))
                .or_when(&decides, Found::by_walk(&candidate, &sought))
                .otherwise(s.found.clone()),
            stray_answer: when(&answered, is_stray(&i.refill, &i.request)).otherwise(s.stray_answer.clone()),
            fault: when(&out_of_searches, code(Fault::NotPresent))
                .or_when(&answered, i.refill.fault.clone())
                .or_when(&is(Walk::Check), s.found.fault(&s.stray_answer, &i.request))
                .or_when(&(&decides & &s.unreadable), code(Fault::BusError))
                .or_when(&decides, found_fault)
                .otherwise(s.fault.clone()),
            out,
            walk,
        };

        // A and D, which software keeps.
        m.ignore(s.element.bits(entry::ACCESSED..entry::DIRTY + 1));
        m.assume("cancel_only_a_walk", !&i.cancel | !is(Walk::Ask));
        // One walk, so the answer is its own.
        m.ignore(&i.memory.response_id);
        m.assume("start_only_when_idle", !&i.start | &idle);
        m.check("only_a_held_walk_is_concerned", !&i.concerned | &i.hold);
        m.assume("beat_only_when_awaited", !&i.memory.response_valid | s.out.any());
        m.check("no_more_reads_out_than_ways", s.out.le(&lit(READS_BITS, self.config.ways())));
        m.check("nobodys_reads_are_out", s.skip.le(&s.out));
        m.check("entries_are_judged_while_their_search_lasts", !&s.arrived | &asking | is(Walk::Read));
        m.check("worthless_walk_delivers_nothing", !(&deliver & &worthless));
        m.check("nothing_is_found_only_after_all_requests", !(&nothing & &asking));
        m.cover("match_while_later_ways_are_out", &decides & s.out.any());
        m.cover("search_over_while_a_request_stands", &ends & &stands);
        m.cover("restart_in_last_beat", &restart & &last_beat & is(Walk::Read));
        m.cover("restart_in_delivery", &restart & is(Walk::Deliver));

        let outputs = WalkerOutputs {
            memory: MemoryOut {
                request_valid,
                request_address: address(&i.control.table_frame, &s.index, self.config.format()),
                request_beats: lit(BEATS_BITS, self.config.beats()),
                request_id: lit(self.config.walk_id_bits(), 0u32),
                response_ready: high(),
            },
            idle,
            delivery: Delivery { valid: deliver, fault: s.fault.clone(), mapping: s.found.mapping(&i.request) },
            miss: miss(is(Walk::Ask), i.request),
            refill_ready: is(Walk::Ask),
            state: s.walk.clone(),
        };
        (outputs, next)
    }
}

impl CuckooWalker {
    /// The index of the sought page's place in a way: the way's part of the array, and the low bits of its hash within.
    fn place(&self, m: &mut Module, table: &Control, sought: &Sought, way: &Signal) -> Signal {
        let unit = m.instance("hash", &HashUnit { hash: self.config.hash(), ways: self.config.ways() });
        unit.connect(HashInputs {
            key: table.hash_key.clone(),
            vpn: (self.config.hash() != Hash::Asid).then(|| sought.vpn.clone()),
            asid: sought.asid.clone(),
            way: Some(way.clone()),
        });
        let mask = &table.table_mask;
        let parts = parts_log2(self.config.ways());
        // The mask is ones up to the array's highest index bit; the way's bits stand from there down.
        let top = (mask & !mask.shr(1)).named("top_index_bit");
        let of_way = (0..parts).fold(lit(INDEX_BITS, 0u32), |bits, n| bits | top.shr(n).gate(&way.bit(parts - 1 - n)));
        ((&unit.outputs & mask.shr(parts)) | of_way).named("place")
    }

    /// Whether a beat of the entry that comes in, or has come, could not be read.
    fn unreadable(&self, i: &WalkerInputs, s: &CuckooState) -> Signal {
        let first_beat = s.beats.as_ref().map(|beats| beats.eq_value(self.config.beats() - 1));
        let before = first_beat.map_or_else(low, |first| &s.unreadable & !first);
        when(&i.memory.response_valid, before | &i.memory.response_error).otherwise(s.unreadable.clone())
    }
}
