//! The top of the hardware: one lookup a cycle, two levels of TLB, one miss at a time, and the order of invalidation.
//!
//! Ports: docs/spec.md, section 9. Cycles: docs/timing.md.
//!
//! ```text
//! cycle     0            1                       2 ...
//! lookup    accepted     hit:  answer_valid
//!           compare      miss: lookup_ready falls, the walker starts ──► answer, lookup_ready rises one cycle later
//!
//! cycle     0            1                       2                       3
//! invalidate accepted    takes effect:           last answer of a        invalidate_done
//!                        slots drop, the walk    lookup accepted in 1
//!                        restarts
//! ```
//!
//! Backpressure: `lookup_ready` is low from a miss to the cycle after its answer; `invalidate_ready` is low in the cycle
//! after an acceptance, so that a waiting delivery is held up for one cycle at most. Both come from registers alone.
//!
//! What meets in one cycle: an invalidation that takes effect beats the delivery of a walk, which waits and is thrown
//! away if it is concerned; a lookup accepted in that cycle may still hit what is dropped at its end, and is answered
//! before `invalidate_done`; a lookup accepted later cannot. A hit and a delivery never meet, since no lookup is
//! accepted while a miss is out.
//!
//! Reset: nothing is pending, every slot of the TLB is unused.

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, high, lit, low, when};
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};
use hashwalk_spec::{Config, Format, PageSize};

use crate::l2::{L2, L2Inputs, L2Outputs};
use crate::page;
use crate::ports::{self, Answer, Control, Delivery, Invalidate, Lookup, MemoryIn, MemoryOut, Miss, Refill, Request};
use crate::tlb::{Found, Tlb, TlbInputs};
use crate::walker::cuckoo::CuckooWalker;
use crate::walker::{Found as WalkFound, Walker, WalkerInputs, WalkerOutputs};

bundle! {
    /// All input ports.
    pub struct MmuInputs {
        /// Software's settings.
        pub control: Control,
        /// A request.
        pub lookup: Lookup,
        /// An invalidation.
        pub invalidate: Invalidate,
        /// From memory.
        pub memory: MemoryIn,
        /// From software.
        pub refill: Refill,
    }

    /// All output ports.
    pub struct MmuOutputs {
        /// 1 bit.
        pub lookup_ready: Signal,
        /// The answer.
        pub answer: Answer,
        /// 1 bit.
        pub invalidate_ready: Signal,
        /// 1 bit.
        pub invalidate_done: Signal,
        /// To memory.
        pub memory: MemoryOut,
        /// To software.
        pub miss: Miss,
        /// 1 bit.
        pub refill_ready: Signal,
        /// 1 bit.
        pub idle: Signal,
        /// 3 bits.
        pub state: Signal,
    }

    /// Registers.
    pub struct MmuState {
        /// 1 bit: `request` was accepted in the cycle before.
        pub looked_up: Signal,
        /// 1 bit: `request` has missed and is not answered.
        pub missing: Signal,
        /// 1 bit: no walk has begun for it, and one must.
        pub unstarted: Signal,
        /// 1 bit: a walk has begun for it.
        pub started: Signal,
        /// The newest request.
        pub request: Request,
        /// The invalidation that takes effect in this cycle.
        pub invalidate: Invalidate,
        /// How far the one before has come; the second level counts for itself.
        pub invalidated: Option<Invalidated>,
    }

    /// An invalidation that has taken effect.
    pub struct Invalidated {
        /// 1 bit: in the cycle before.
        pub before: Signal,
        /// 1 bit: two cycles before.
        pub done: Signal,
    }
}

/// The MMU of a configuration.
pub struct Mmu {
    config: Config,
}

impl Mmu {
    /// The MMU for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Mmu {
        Mmu { config: config.clone() }
    }
}

impl Component for Mmu {
    type Inputs = MmuInputs;
    type Outputs = MmuOutputs;
    type State = MmuState;

    fn name(&self) -> String {
        "hashwalk_mmu".into()
    }

    fn doc(&self) -> String {
        let c = self.config.settings();
        format!(
            "Hashwalk MMU, configuration `{}`: {} TLB slots, {}-bit memory port, {} hash, {} probes a search.",
            c.name, c.tlb_entries, c.bus_bits, c.hash, c.max_steps
        )
    }

    fn inputs(&self) -> MmuInputs {
        MmuInputs {
            control: ports::control(&self.config),
            lookup: ports::lookup(),
            invalidate: ports::invalidate(),
            memory: ports::memory_in(&self.config),
            refill: ports::refill(),
        }
    }

    fn reset(&self) -> MmuState {
        let (vpn, asid) = (lit(VPN_BITS, 0u32), lit(ASID_BITS, 0u32));
        MmuState {
            looked_up: low(),
            missing: low(),
            unstarted: low(),
            started: low(),
            request: Request { vpn: vpn.clone(), asid: asid.clone(), access: lit(2, 0u32), user: low() },
            invalidate: Invalidate { valid: low(), kind: lit(2, 0u32), vpn, asid },
            invalidated: (self.config.l2_sets() == 0).then(|| Invalidated { before: low(), done: low() }),
        }
    }

    fn kernel(&self, m: &mut Module, i: MmuInputs, s: MmuState) -> (MmuOutputs, MmuState) {
        match self.config.format() {
            Format::Line | Format::Chained => self.around(&Walker::new(&self.config), m, i, s),
            Format::Cuckoo => self.around(&CuckooWalker::new(&self.config), m, i, s),
            Format::Inverted | Format::Tree | Format::Radix => unreachable!("they have no hardware walker"),
        }
    }
}

impl Mmu {
    /// The MMU with this walker.
    fn around<W: Component<Inputs = WalkerInputs, Outputs = WalkerOutputs>>(
        &self,
        walker: &W,
        m: &mut Module,
        i: MmuInputs,
        s: MmuState,
    ) -> (MmuOutputs, MmuState) {
        let tlb = m.instance("tlb", &Tlb { slots: self.config.tlb_entries() });
        let walker = m.instance("walker", walker);
        let l2 = L2::new(&self.config).map(|l2| m.instance("l2", &l2));
        let l2_outputs = l2.as_ref().map(|l2| &l2.outputs);
        let of_l2 = |output: fn(&L2Outputs) -> &Signal| l2_outputs.map_or_else(low, |l2| output(l2).clone());
        let found = &tlb.outputs.found;

        let hit = (&s.looked_up & &tlb.outputs.hit).named("hit");
        let miss = (&s.looked_up & !&tlb.outputs.hit).named("miss");
        let lookup_ready = !(&s.missing | &miss);
        let accept = (&i.lookup.valid & &lookup_ready).named("accept");
        let invalidate_ready = !(&s.invalidate.valid | of_l2(|l2| &l2.sweeping));
        let accept_invalidate = (&i.invalidate.valid & &invalidate_ready).named("accept_invalidate");

        // A walk starts with the miss, beside the second level's look at the larger sizes; software is asked after it.
        let wait_for_l2 = of_l2(|l2| &l2.looking) & (&i.control.software_refill | of_l2(|l2| &l2.found_valid));
        let to_start = ((&miss & !of_l2(|l2| &l2.small_hit)) | &s.unstarted).named("to_start");
        let start = (&to_start & &walker.outputs.idle & !wait_for_l2).named("start");

        let by_walk = &walker.outputs.delivery;
        let from_l2 = (of_l2(|l2| &l2.found_valid) & !&s.invalidate.valid).named("from_l2");
        let delivery = match l2_outputs {
            None => by_walk.clone(),
            Some(l2) => when(&from_l2, l2_delivery(&l2.found, &s.request)).otherwise(by_walk.clone()),
        };
        let answered = (&from_l2 | &by_walk.valid).named("answered");
        let succeeds = (&answered & !delivery.fault.any()).named("succeeds");
        tlb.connect(TlbInputs {
            lookup_vpn: i.lookup.vpn.clone(),
            lookup_asid: i.lookup.asid.clone(),
            touch: s.looked_up.clone(),
            refill_valid: succeeds,
            refill: delivery.mapping.clone(),
            invalidate: s.invalidate.clone(),
        });
        walker.connect(WalkerInputs {
            start: start.clone(),
            request: s.request.clone(),
            control: i.control,
            hold: s.invalidate.valid.clone(),
            concerned: concerns(&s.invalidate, &s.request).named("concerned"),
            cancel: from_l2.clone(),
            memory: i.memory,
            refill: i.refill,
        });
        if let Some(l2) = &l2 {
            l2.connect(L2Inputs {
                lookup_accepted: accept.clone(),
                lookup_vpn: i.lookup.vpn.clone(),
                request_vpn: s.request.vpn.clone(),
                request_asid: s.request.asid.clone(),
                miss: miss.clone(),
                answered: answered.clone(),
                fill_valid: &by_walk.valid & !by_walk.fault.any(),
                fill: by_walk.mapping.clone(),
                invalidate: s.invalidate.clone(),
            });
        }

        m.check("answers_apart", !(&hit & &answered));
        m.check("delivery_only_for_a_miss", !&answered | &s.missing);
        m.check("one_delivery", !(&from_l2 & &by_walk.valid));

        let outputs = MmuOutputs {
            lookup_ready,
            answer: answer(&s.request, &hit, found, &answered, &delivery, &from_l2),
            invalidate_ready,
            invalidate_done: match &s.invalidated {
                Some(invalidated) => invalidated.done.clone(),
                None => of_l2(|l2| &l2.swept),
            },
            memory: walker.outputs.memory.clone(),
            miss: walker.outputs.miss.clone(),
            refill_ready: walker.outputs.refill_ready.clone(),
            idle: !(&s.looked_up | &s.missing | !&walker.outputs.idle),
            state: walker.outputs.state.clone(),
        };
        // A page that the second level has found and must not use, since an invalidation came, is walked for after all.
        let next = MmuState {
            looked_up: accept.clone(),
            missing: (&s.missing | &miss) & !&answered,
            unstarted: (&s.missing | &miss) & !&answered & !&start & (&to_start | !&s.started),
            started: (&s.started | &start) & !&answered,
            request: when(&accept, i.lookup.request()).otherwise(s.request),
            invalidate: Invalidate { valid: accept_invalidate, ..i.invalidate },
            invalidated: s
                .invalidated
                .map(|Invalidated { before, .. }| Invalidated { before: s.invalidate.valid, done: before }),
        };
        (outputs, next)
    }
}

/// The answer of a page that the second level has found.
fn l2_delivery(found: &WalkFound, request: &Request) -> Delivery {
    let allowed = page::allows(&found.rights, &request.access, &request.user);
    let fault = when(&allowed, lit(FAULT_BITS, NO_FAULT)).otherwise(lit(FAULT_BITS, Fault::Rights.code()));
    Delivery { valid: high(), fault, mapping: found.mapping(request) }
}

/// The answer of a hit or of a delivery; all zero but for `valid` and `hit` where there is a fault.
fn answer(
    request: &Request,
    hit: &Signal,
    found: &Found,
    answered: &Signal,
    delivery: &Delivery,
    from_l2: &Signal,
) -> Answer {
    let allowed = page::allows(&found.rights, &request.access, &request.user);
    let denied = when(&allowed, lit(FAULT_BITS, NO_FAULT)).otherwise(lit(FAULT_BITS, Fault::Rights.code()));
    let fault = when(hit, denied).otherwise(delivery.fault.clone()).named("fault");
    let size = when(hit, found.size.clone()).otherwise(delivery.mapping.size.clone()).named("size");
    let pfn = when(hit, found.pfn.clone()).otherwise(delivery.mapping.pfn.clone()).named("first_pfn");
    Answer {
        valid: hit | answered,
        pfn: page::frame(&pfn, &size, &request.vpn).gate(&!fault.any()),
        fault,
        // Level 1 and level 2 are codes 1 and 2.
        hit: concat([from_l2, hit]),
    }
}

/// Whether an invalidation may concern what the request is answered from. The page's size is not known while its walk
/// runs, so any address in the same GiB counts.
fn concerns(invalidate: &Invalidate, request: &Request) -> Signal {
    let largest = lit(ports::SIZE_BITS, PageSize::Huge.code());
    let same_page = page::overlap(&invalidate.vpn, &largest, &request.vpn, &largest);
    let same_asid = invalidate.asid.eq(&request.asid);
    let kind = &invalidate.kind;
    &invalidate.valid & (!kind.bit(1) | same_page) & (!kind.bit(0) | same_asid)
}
