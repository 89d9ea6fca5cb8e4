//! A walk's slot: what it remembers, and what becomes of it in a cycle.
//!
//! ```text
//!                       hashed                  accepted               judged: the end
//!   Free ──► Wait ─────────────► Request ────────────────► Read ─────────────────────► Deliver ──► Free
//!    │        ▲ ▲                   ▲                       │ │                           │   answered
//!    │        │ └───────────────────┼─── next search, ──────┘ │ follow                    │
//!    │        │                     └─────── restart ─────────┘                           │
//!    │        └─────────────────────────────────── the mapping was invalidated ───────────┤
//!    │                                             Check ◄─┘ marks are to be set: an update, and then Deliver or Wait
//!    └──► Ask ◄─────────────────────────────────────────────── (software's too) ──────────┘
//! ```
//!
//! A request whose answer comes from elsewhere (the second level, another walk) leaves its slot from any state. What it
//! has asked for and cannot take back, a read that is out, a request that stands at the port, a question to software,
//! keeps the slot (`Drain`) until it has come.

use hashwalk_hdl::{Signal, any_of, bundle, high, lit, low, one_hot_mux, states, when};
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::line::WORDS;
use hashwalk_spec::{Config, Format};

use super::marking::Unmarked;
use super::places::{self, Start};
use super::search::Search;
use crate::line::{self, InLine};
use crate::ports::{self, Control, Request};
use crate::radix;
use crate::verdict::{Killed, Sought};

/// Bits of a way's number.
pub const WAY_BITS: u32 = 2;

states! {
    /// What a walk does, as `walk_state` shows it.
    pub enum Walk {
        /// Nothing.
        Free,
        /// It waits for the hash unit, or for another walk that may bring its page.
        Wait,
        /// It waits until memory takes its request.
        Request,
        /// Memory has its request, for a read or to set marks. Or it would have had it, but the second level found the page in
        /// that cycle: no read is out, and if that came to nothing it asks again.
        Read,
        /// What memory has sent is judged.
        Check,
        /// Its answer goes out, unless an invalidation takes effect in this cycle.
        Deliver,
        /// Software is asked, or is to be asked.
        Ask,
        /// Its request is answered; what it has asked for is waited for.
        Drain,
    }
}

bundle! {
    /// A link by index that was followed.
    pub struct Followed {
        /// 1 bit: there is one.
        pub exists: Signal,
        /// 32 bits: where it leads.
        pub next: Signal,
    }

    /// The registers of a walk.
    pub struct Slot {
        /// 3 bits: [`Walk`], but neither `Free` nor `Drain`; `Check` while marks are set. It counts only while `alive`.
        pub state: Signal,
        /// 1 bit: nothing is.
        pub free: Signal,
        /// 1 bit: the request waits for an answer. In a slot that is not free it falls where the request is answered.
        pub alive: Signal,
        /// 1 bit: it does, and asks memory, its state being `Request`, unless `taken` is set. In a cuckoo table it
        /// pauses for a cycle where memory was ready, but the second level found its page.
        pub asks: Signal,
        /// 1 bit: memory took its last request in the cycle before. Which is known too late for it to stop asking at once.
        pub taken: Signal,
        /// 1 bit: software answers this miss.
        pub software: Signal,
        /// Whose walk this is.
        pub request: Request,
        /// A bit for each walk: this one waits for what that one brings. None where there is but one walk.
        pub behind: Option<Signal>,
        /// 1 bit: there is one.
        pub behind_any: Option<Signal>,
        /// The search that is being made, and those after it.
        pub search: Search,
        /// 1 bit: it is the first one of the walk.
        pub first: Signal,
        /// 52 bits: the VPN that it looks for.
        pub sought_vpn: Signal,
        /// 16 bits: the ASID that it looks under.
        pub sought_asid: Signal,
        /// 8 bits, one-hot: the word of a dense line that is the page's which it looked for in the cycle before; no
        /// read is answered in the cycle in which it is asked for. Only where elements are lines.
        pub own_word: Option<Signal>,
        /// Probes already made in this search; in a cuckoo table the ways that were judged.
        pub steps: Signal,
        /// For each way the index of an element ([`places::bits`]): where the page may stand; without ways, the element that
        /// is probed first. Where links are addresses, the place of what is looked at.
        pub index: Vec<Signal>,
        /// Where the chain has led, in place of that; none where links are addresses, or there are none.
        pub link: Option<Followed>,
        /// 2 bits: the way that is asked for next; only in a cuckoo table.
        pub way: Option<Signal>,
        /// Reads that memory has taken and that were not judged.
        pub out: Signal,
        /// What invalidations have named since the read was taken.
        pub killed: Killed,
        /// 1 bit: an invalidation has named what the search has read a link to, so that it may stand in the table no more; only
        /// where links are addresses.
        pub stale: Option<Signal>,
        /// The word whose marks are set; only where the hardware sets any.
        pub unmarked: Option<Unmarked>,
    }
}

/// What happens to a slot in a cycle; each is 1 bit.
pub struct Happens {
    /// A new miss takes it.
    pub allocated: Signal,
    /// Its index comes from the hash unit.
    pub hashed: Signal,
    /// That there is no search to be made is on its way to the answer.
    pub nothing_sought: Signal,
    /// Its request has stood at the memory port in the cycle before, and was not taken.
    pub standing: Signal,
    /// And memory takes it, if it is made.
    pub accepted: Signal,
    /// What memory has sent for it leaves the element register.
    pub checked: Signal,
    /// And decides what becomes of the walk, or of this search.
    pub decides: Signal,
    /// It goes on along the chain.
    pub follows: Signal,
    /// But with the entry that was torn, and not the next one; only where entries have sequence numbers.
    pub again: Option<Signal>,
    /// This search has found nothing, and the next begins.
    pub fails: Signal,
    /// No search follows this one, unless it is the first, of the walk made again.
    pub starts_over: Signal,
    /// And finds a mapping that lacks marks, which are set first.
    pub lacks_marks: Signal,
    /// It has an update to wait for in the next cycle.
    pub owes_update: Signal,
    /// The update is done, and the walk ends.
    pub is_marked: Signal,
    /// The update was made for nothing: the walk is made again.
    pub is_marked_in_vain: Signal,
    /// Software is being asked.
    pub asked: Signal,
    /// And knows it, so that what it finds may be named.
    pub shown: Signal,
    /// And has answered.
    pub told: Signal,
    /// And the answer counts for nothing.
    pub told_in_vain: Signal,
    /// Its request is answered.
    pub answered: Signal,
    /// What it delivers is withdrawn.
    pub withdrawn: Signal,
    /// The second level has its page and answers in the next cycle: its request is not made, and nothing else happens.
    pub overtaken: Signal,
}

/// What a slot is given.
pub struct Given {
    /// The slot as the new miss has it.
    pub allocation: Slot,
    /// Where the page may stand.
    pub start: Start,
    /// 3 bits: the state after what decides.
    pub becomes: Signal,
    /// Where the chain goes on.
    pub next: Signal,
    /// The search after this one.
    pub next_search: Search,
    /// The first search.
    pub first_search: Search,
    /// What the invalidation that takes effect in this cycle names.
    pub named: Killed,
    /// That it names what the search may have read a link to.
    pub names_path: Signal,
    /// The word whose marks are to be set; only where the hardware sets any.
    pub unmarked: Option<Unmarked>,
}

impl Slot {
    /// A slot after reset.
    #[must_use]
    pub fn free(config: &Config) -> Slot {
        let is_cuckoo = config.ways() > 1;
        Slot {
            state: Walk::Wait.signal(),
            free: high(),
            alive: low(),
            asks: low(),
            taken: low(),
            software: low(),
            request: ports::zeros(&ports::request()),
            behind: (config.walks() > 1).then(|| lit(config.walks(), 0u32)),
            behind_any: (config.walks() > 1).then(low),
            search: Search::none(),
            first: high(),
            sought_vpn: lit(VPN_BITS, 0u32),
            sought_asid: lit(ASID_BITS, 0u32),
            own_word: (config.format() == Format::Line).then(|| lit(WORDS, 0u32)),
            steps: lit(step_bits(config), 0u32),
            index: vec![lit(places::bits(config), 0u32); config.ways() as usize],
            link: matches!(config.format(), Format::Line | Format::Chained)
                .then(|| Followed { exists: low(), next: lit(INDEX_BITS, 0u32) }),
            way: is_cuckoo.then(|| lit(WAY_BITS, 0u32)),
            out: lit(if is_cuckoo { 3 } else { 1 }, 0u32),
            killed: Killed::none(),
            stale: config.format().links_by_address().then(low),
            unmarked: Unmarked::none(config),
        }
    }

    /// Whether it is in this state and its request is not answered.
    #[must_use]
    pub fn is(&self, state: Walk) -> Signal {
        state.is(&self.state) & &self.alive
    }

    /// Whether its request is answered, and what it has asked for is still to come.
    #[must_use]
    pub fn is_dead(&self) -> Signal {
        !(&self.free | &self.alive)
    }

    /// Whether memory's answers still mean something to it.
    #[must_use]
    pub fn listens(&self) -> Signal {
        self.is(Walk::Request) | self.is(Walk::Read)
    }

    /// Whether its mapping was found and waits for marks.
    #[must_use]
    pub fn is_being_marked(&self) -> Signal {
        self.unmarked.as_ref().map_or_else(low, |_| Walk::Check.is(&self.state))
    }

    /// What it looks for.
    #[must_use]
    pub fn sought(&self) -> Sought {
        let Search { size, global, .. } = self.search.clone();
        Sought { vpn: self.sought_vpn.clone(), asid: self.sought_asid.clone(), size, global }
    }

    /// The size of a page that it finds in what it reads. In a radix tree alone that depends on how far it has come.
    #[must_use]
    pub fn size_judged(&self, config: &Config) -> Signal {
        if config.format() == Format::Radix { radix::size_at(&self.steps) } else { self.search.size.clone() }
    }

    /// The same as a line shows it; only where elements are lines.
    #[must_use]
    pub fn in_line(&self) -> Option<InLine> {
        self.own_word.as_ref().map(|own_word| InLine {
            vpn: self.sought_vpn.clone(),
            asid: self.sought_asid.clone(),
            group: line::group(&self.sought_vpn, &self.search.size),
            own_word: own_word.clone(),
        })
    }

    /// The index that is asked for next.
    #[must_use]
    pub fn index_asked(&self) -> Signal {
        match &self.way {
            None => self.index[0].clone(),
            Some(way) => one_hot_mux((0u32..).zip(&self.index).map(|(n, index)| (way.eq_value(n), index.clone()))),
        }
    }

    /// The place that is asked for next.
    #[must_use]
    pub fn place_asked(&self, config: &Config, control: &Control) -> Signal {
        self.place_of(config, control, &self.index_asked())
    }

    /// The place at which marks are to be set: the one that was judged last.
    #[must_use]
    pub fn place_found(&self, config: &Config, control: &Control) -> Signal {
        let (first, width) = (&self.index[0], self.steps.width());
        let of_way = |way: u32| self.steps.eq_value((way + 1) % (1 << width));
        let index = match self.index.len() {
            1 => first.clone(),
            _ => one_hot_mux((0u32..).zip(&self.index).map(|(way, index)| (of_way(way), index.clone()))),
        };
        self.place_of(config, control, &index)
    }

    /// A link leads into the table, or was not followed.
    fn place_of(&self, config: &Config, control: &Control, index: &Signal) -> Signal {
        let hashed = places::placed(config, control, index);
        match &self.link {
            None => hashed,
            Some(link) => when(&link.exists, link.next.clone()).otherwise(hashed),
        }
    }

    /// Whether it asks memory.
    #[must_use]
    pub fn asks_memory(&self) -> Signal {
        &self.asks & !&self.taken
    }

    /// Whether it waits for another walk.
    #[must_use]
    pub fn is_behind(&self) -> Signal {
        self.behind_any.clone().unwrap_or_else(low)
    }

    /// The slot in the next cycle.
    #[must_use]
    pub fn next(&self, config: &Config, alive: &Signal, h: &Happens, g: &Given) -> Slot {
        let count = |bit: &Signal| bit.zext(self.out.width());
        let accepted = (&h.accepted & !&h.overtaken).named("accepted");
        let out = &self.out + count(&accepted) - count(&h.checked);
        // Of several reads the last is out, and none that is judged in this cycle decides.
        let is_last = |way: &Signal| way.eq_value(config.ways() - 1) & !(&h.checked & &h.decides);
        let is_last = self.way.as_ref().map_or_else(high, is_last) & self.is(Walk::Request);
        // That it was overtaken is known last. Of one read at a time it shows a cycle later: none is out.
        let is_read = &is_last & if self.way.is_some() { &accepted } else { &h.accepted };
        let is_unread = if self.way.is_none() && config.l2_sets() > 0 {
            (self.is(Walk::Read) & self.out.is_zero()).named("unread")
        } else {
            low()
        };
        let begins = (&h.hashed & self.is(Walk::Wait)).named("begins");
        let again = when(&self.software, Walk::Ask.signal()).otherwise(Walk::Wait.signal());

        // Whether there is a miss, whether an outcome is withdrawn and what a judgement comes to are known late, and last
        // whether its read is taken. Nobody is answered while one is withdrawn or judged.
        // What software has told in vain it is asked for again, and a walk that was marked in vain was not software's.
        let starts_again = any_of([&(&h.withdrawn & self.is(Walk::Deliver)), &h.told_in_vain, &h.is_marked_in_vain])
            .named("starts_again");
        let judged = when(&h.decides, g.becomes.clone()).otherwise(self.state.clone());
        let state = when(&is_read, Walk::Read.signal())
            .or_when(&self.free, g.allocation.state.clone())
            .or_when(&h.checked, judged)
            .or_when(&starts_again, again)
            .or_when(&any_of([&h.is_marked, &h.told, &h.nothing_sought]), Walk::Deliver.signal())
            .or_when(&(&begins | &is_unread), Walk::Request.signal())
            .otherwise(self.state.clone());
        // Only of several reads one is judged while another is asked for.
        let goes_on_asking = self.way.as_ref().map_or_else(high, |_| !&h.decides) & self.is(Walk::Request);
        let still_asks = any_of([&begins, &is_unread, &goes_on_asking]) & !&h.answered;
        let asks = any_of([h.follows.clone(), still_asks, &h.allocated & Walk::Request.is(&g.allocation.state)]);
        // What stands cannot be taken back. Who is answered in this cycle presents nothing new at the memory port.
        let stands = &h.standing | (&h.asked & !&h.told) | &h.owes_update;
        let owes = (self.out.any() | &stands).named("owes");
        let still_owes = (&self.out - count(&high())).any() | stands;
        let over = (&h.answered | !&self.alive).named("over");
        let leaves = when(&h.checked, !&self.alive & !still_owes).otherwise(over & !owes);
        let free = when(&self.free, !&h.allocated).otherwise(leaves);
        let alive_next = &h.allocated | (&self.alive & !&h.answered);

        // Whether what it delivers is withdrawn is known late: a search that is over is prepared to be made again.
        let starts_over = &h.starts_over | self.is(Walk::Deliver);
        let search = when(&starts_over, g.first_search.clone())
            .or_when(&h.fails, g.next_search.clone())
            .otherwise(self.search.clone());
        let sought = |search: &Search| search.sought(&self.request.vpn, &self.request.asid);
        let sought = when(&starts_over, sought(&g.first_search))
            .or_when(&h.fails, sought(&g.next_search))
            .otherwise(self.sought());
        let probed = (&h.checked & self.listens()).named("probed");
        let steps = when(&begins, g.start.steps.clone())
            .or_when(&probed, &self.steps + lit(self.steps.width(), 1u32))
            .otherwise(self.steps.clone());
        let moves_on = h.again.as_ref().map_or_else(|| h.follows.clone(), |again| &h.follows & !again);
        let index = (self.index.iter().zip(&g.start.index))
            .map(|(kept, hashed)| match &self.link {
                Some(_) => when(&begins, hashed.clone()).otherwise(kept.clone()),
                None => {
                    let next = g.next.zext(kept.width());
                    when(&begins, hashed.clone()).or_when(&moves_on, next).otherwise(kept.clone())
                }
            })
            .collect();
        let link = self.link.as_ref().map(|link| Followed {
            exists: (&link.exists | &moves_on) & !&begins,
            next: when(&moves_on, g.next.clone()).otherwise(link.next.clone()),
        });
        // What was read before the invalidation took effect may be what it names.
        let is_exposed = (self.out.any() | &h.shown | self.is_being_marked()).named("exposed");
        let Killed { private, global } = self.killed.with(&g.named);
        let killed = Killed { private: private.gate(&is_exposed), global: global.gate(&is_exposed) };
        let is_over = &h.decides & !&h.follows;
        let has_read = (self.steps.any() | self.out.any()).named("has_read");
        let stale = self.stale.as_ref().map(|stale| (stale | (has_read & &g.names_path)) & self.listens() & !is_over);
        let behind = self.behind.as_ref().map(|behind| behind & alive);
        let going_on = Slot {
            state,
            free,
            alive: alive_next,
            asks,
            taken: is_last & &h.accepted,
            software: self.software.clone(),
            request: self.request.clone(),
            behind_any: behind.as_ref().map(Signal::any),
            behind,
            search,
            first: starts_over.clone() | (&self.first & !&h.fails),
            sought_vpn: sought.vpn,
            sought_asid: sought.asid,
            own_word: None,
            steps,
            index,
            link,
            way: self.way.as_ref().map(|way| {
                when(&begins, lit(WAY_BITS, 0u32)).or_when(&accepted, way + lit(WAY_BITS, 1u32)).otherwise(way.clone())
            }),
            out,
            killed,
            stale,
            unmarked: (self.unmarked.as_ref().zip(g.unmarked.as_ref()))
                .map(|(kept, found)| when(&h.lacks_marks, found.clone()).otherwise(kept.clone())),
        };
        // A slot that is free always holds what it would begin with.
        let allocation = Slot { own_word: None, ..g.allocation.clone() };
        Slot {
            state: going_on.state.clone(),
            free: going_on.free.clone(),
            alive: going_on.alive.clone(),
            asks: going_on.asks.clone(),
            taken: going_on.taken.clone(),
            link: going_on.link.clone().map(|link| Followed { exists: link.exists & !&self.free, ..link }),
            own_word: self.own_word.as_ref().map(|_| line::own_word(&self.sought_vpn, &self.search.size)),
            ..when(&self.free, allocation).otherwise(going_on)
        }
    }
}

/// Bits that count the probes of a search.
#[must_use]
pub fn step_bits(config: &Config) -> u32 {
    if config.format() == Format::Radix {
        return radix::STEP_BITS;
    }
    let most = if config.ways() > 1 { config.ways() } else { config.max_steps() };
    (u32::BITS - (most - 1).leading_zeros()).max(1)
}
