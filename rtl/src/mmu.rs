//! The top of the hardware: one lookup a cycle, one miss at a time, and the order of invalidation.
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

use hashwalk_hdl::{Component, Module, Signal, bundle, lit, low, when};
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};
use hashwalk_spec::{Config, Format, PageSize};

use crate::page;
use crate::ports::{self, Answer, Control, Delivery, Invalidate, Lookup, MemoryIn, MemoryOut, Miss, Refill, Request};
use crate::tlb::{Found, Tlb, TlbInputs};
use crate::walker::cuckoo::CuckooWalker;
use crate::walker::{Walker, WalkerInputs, WalkerOutputs};

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
        /// The newest request.
        pub request: Request,
        /// The invalidation that takes effect in this cycle.
        pub invalidate: Invalidate,
        /// 1 bit: it took effect in the cycle before.
        pub invalidated: Signal,
        /// 1 bit: it took effect two cycles before.
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
            request: Request { vpn: vpn.clone(), asid: asid.clone(), access: lit(2, 0u32), user: low() },
            invalidate: Invalidate { valid: low(), kind: lit(2, 0u32), vpn, asid },
            invalidated: low(),
            done: low(),
        }
    }

    fn kernel(&self, m: &mut Module, i: MmuInputs, s: MmuState) -> (MmuOutputs, MmuState) {
        match self.config.format() {
            Format::Line | Format::Chained => self.around(&Walker::new(&self.config), m, i, s),
            Format::Cuckoo => self.around(&CuckooWalker::new(&self.config), m, i, s),
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
        let (found, delivery) = (&tlb.outputs.found, &walker.outputs.delivery);

        let hit = (&s.looked_up & &tlb.outputs.hit).named("hit");
        let miss = (&s.looked_up & !&tlb.outputs.hit).named("miss");
        let lookup_ready = !(&s.missing | &miss);
        let accept = (&i.lookup.valid & &lookup_ready).named("accept");
        let invalidate_ready = !&s.invalidate.valid;
        let accept_invalidate = (&i.invalidate.valid & &invalidate_ready).named("accept_invalidate");

        let succeeds = &delivery.valid & !delivery.fault.any();
        tlb.connect(TlbInputs {
            lookup_vpn: i.lookup.vpn.clone(),
            lookup_asid: i.lookup.asid.clone(),
            touch: s.looked_up.clone(),
            refill_valid: succeeds,
            refill: delivery.mapping.clone(),
            invalidate: s.invalidate.clone(),
        });
        walker.connect(WalkerInputs {
            start: miss.clone(),
            request: s.request.clone(),
            control: i.control,
            hold: s.invalidate.valid.clone(),
            concerned: concerns(&s.invalidate, &s.request).named("concerned"),
            memory: i.memory,
            refill: i.refill,
        });

        m.check("answers_apart", !(&hit & &delivery.valid));
        m.check("delivery_only_for_a_miss", !&delivery.valid | &s.missing);

        let outputs = MmuOutputs {
            lookup_ready,
            answer: answer(&s.request, &hit, found, delivery),
            invalidate_ready,
            invalidate_done: s.done.clone(),
            memory: walker.outputs.memory.clone(),
            miss: walker.outputs.miss.clone(),
            refill_ready: walker.outputs.refill_ready.clone(),
            idle: !(&s.looked_up | &s.missing),
            state: walker.outputs.state.clone(),
        };
        let next = MmuState {
            looked_up: accept.clone(),
            missing: (&s.missing | miss) & !&delivery.valid,
            request: when(&accept, i.lookup.request()).otherwise(s.request),
            invalidate: Invalidate { valid: accept_invalidate, ..i.invalidate },
            invalidated: s.invalidate.valid,
            done: s.invalidated,
        };
        (outputs, next)
    }
}

/// The answer of a hit or of a delivery; all zero but for `valid` where there is a fault.
fn answer(request: &Request, hit: &Signal, found: &Found, delivery: &Delivery) -> Answer {
    let allowed = page::allows(&found.rights, &request.access, &request.user);
    let denied = when(&allowed, lit(FAULT_BITS, NO_FAULT)).otherwise(lit(FAULT_BITS, Fault::Rights.code()));
    let fault = when(hit, denied).otherwise(delivery.fault.clone()).named("fault");
    let size = when(hit, found.size.clone()).otherwise(delivery.mapping.size.clone()).named("size");
    let pfn = when(hit, found.pfn.clone()).otherwise(delivery.mapping.pfn.clone()).named("first_pfn");
    Answer {
        valid: hit | &delivery.valid,
        pfn: page::frame(&pfn, &size, &request.vpn).gate(&!fault.any()),
        fault,
        hit: hit.clone(),
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
