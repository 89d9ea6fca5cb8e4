//! How far the pages of requests agree, with one another and with what is invalidated.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `lookup_*`, `accept` | in | the request at the port is kept at the end of the cycle, if there is one |
//! | `passes` | in | only with two hit cycles: the one being read becomes the newest at the end of the cycle |
//! | `reading_*`, `newest_*`, `slot_n_*` | in | the requests that are under way |
//! | `free` | in | slots that hold the newest request at the end of the cycle, whether it has missed or not |
//! | `invalidate_*` | in | what may be invalidated: it takes effect in the next cycle |
//! | `of_newest_n`, `of_reading_n` | out | the newest request, and the one being read, with that of slot n |
//! | `of_slots_n` | out | each two slots, [`pair`] |
//! | `invalidated_n` | out | what takes effect in this cycle with the request of slot n, the last with the newest |
//!
//! A comparison of 68 bits takes half a cycle, and whoever wants to know it has something to do with it: who waits for
//! a page that a walk brings, which walk a miss follows, what an invalidation names. So it is made when a request comes
//! in, and when an invalidation is accepted, and kept beside the requests as they go on. Sizes and G, which are known
//! last, choose among the parts ([`Agreement::same_page`]).
//!
//! ```text
//! cycle      t                                 t + 1                      later
//! lookup     compared with all that there are  newest: `of_newest`        its slot: `of_slots`
//! invalidate compared with all that there are  effect: `invalidated`
//! ```
//!
//! Reset: nothing is known, and nobody asks.

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, shape, when};
use hashwalk_spec::Config;
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};

use crate::page::{self, HIGH, MIDDLE, UPPER};
use crate::ports::{Request, zeros};

bundle! {
    /// How two pages agree; each is 1 bit but for `high`.
    pub struct Agreement {
        /// In the VPN's bits above those within a 1 GiB page; with two hit cycles 2 bits, for the upper half of them
        /// and the lower.
        pub high: Signal,
        /// In those within a 1 GiB page, above a 2 MiB page.
        pub middle: Signal,
        /// In those within a 2 MiB page.
        pub low: Signal,
        /// In the ASID.
        pub space: Signal,
    }

    /// A page of an address space.
    pub struct Place {
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
    }

    /// Inputs.
    pub struct AgreementsInputs {
        /// At the port.
        pub lookup: Place,
        /// 1 bit.
        pub accept: Signal,
        /// Only with two hit cycles.
        pub reading: Option<Place>,
        /// 1 bit.
        pub passes: Option<Signal>,
        /// The newest request.
        pub newest: Place,
        /// Those of the walks.
        pub slot: Vec<Place>,
        /// A bit for each slot.
        pub free: Signal,
        /// To be invalidated.
        pub invalidate: Place,
    }

    /// Outputs, all of them registers.
    pub struct AgreementsOutputs {
        /// The newest request with each slot's.
        pub of_newest: Vec<Agreement>,
        /// The one being read with each slot's; none where there is none.
        pub of_reading: Vec<Agreement>,
        /// Each two slots.
        pub of_slots: Vec<Agreement>,
        /// What takes effect with each slot's, and with the newest.
        pub invalidated: Vec<Agreement>,
    }

    /// Registers.
    pub struct AgreementsState {
        /// What others want to know.
        pub known: AgreementsOutputs,
        /// The request being read with the newest.
        pub before: Option<Agreement>,
    }
}

impl Agreement {
    /// The widths.
    #[must_use]
    pub fn widths(config: &Config) -> Agreement {
        let high = if config.has_two_hit_cycles() { 2 } else { 1 };
        Agreement { high: shape(high), middle: shape(1), low: shape(1), space: shape(1) }
    }

    fn of(a: &Place, b: &Place, config: &Config) -> Agreement {
        let same = |from: u32, to: u32| a.vpn.bits(from..to).eq(&b.vpn.bits(from..to));
        Agreement {
            high: match config.has_two_hit_cycles() {
                false => same(HIGH, VPN_BITS),
                true => concat([same(UPPER, VPN_BITS), same(HIGH, UPPER)]),
            },
            middle: same(MIDDLE, HIGH),
            low: same(0, MIDDLE),
            space: a.asid.eq(&b.asid),
        }
    }

    /// Whether both lie in one page of this size. `size` is a 2-bit code.
    #[must_use]
    pub fn same_page(&self, size: &Signal) -> Signal {
        self.high.all() & (&self.middle | page::is_huge(size)) & (&self.low | page::is_large(size))
    }

    /// Whether they are one 4 KiB page of one address space.
    #[must_use]
    pub fn is_full(&self) -> Signal {
        self.high.all() & &self.middle & &self.low & &self.space
    }
}

impl Place {
    /// Where a request goes.
    #[must_use]
    pub fn of(request: &Request) -> Place {
        Place { vpn: request.vpn.clone(), asid: request.asid.clone() }
    }

    fn widths() -> Place {
        Place { vpn: shape(VPN_BITS), asid: shape(ASID_BITS) }
    }
}

/// The place of two different slots in `of_slots`: of slots 0 and 1, 0 and 2, 1 and 2, 0 and 3, and so on.
#[must_use]
pub fn pair(a: usize, b: usize) -> usize {
    let (first, second) = (a.min(b), a.max(b));
    second * (second - 1) / 2 + first
}

/// The widths of what is known.
#[must_use]
pub fn widths(config: &Config) -> AgreementsOutputs {
    let walks = config.walks() as usize;
    let of = |count: usize| vec![Agreement::widths(config); count];
    AgreementsOutputs {
        of_newest: of(walks),
        of_reading: of(if config.has_two_hit_cycles() { walks } else { 0 }),
        of_slots: of(walks * (walks - 1) / 2),
        invalidated: of(walks + 1),
    }
}

/// The agreements of a configuration's requests.
pub struct Agreements {
    config: Config,
    walks: usize,
}

impl Agreements {
    /// For its walks and hit cycles.
    #[must_use]
    pub fn new(config: &Config) -> Agreements {
        Agreements { config: config.clone(), walks: config.walks() as usize }
    }
}

impl Component for Agreements {
    type Inputs = AgreementsInputs;
    type Outputs = AgreementsOutputs;
    type State = AgreementsState;

    fn name(&self) -> String {
        format!("hashwalk_agreements_{}", self.walks)
    }

    fn doc(&self) -> String {
        format!("How the pages of requests agree, with one another and with what is invalidated, {} walks.", self.walks)
    }

    fn inputs(&self) -> AgreementsInputs {
        AgreementsInputs {
            lookup: Place::widths(),
            accept: shape(1),
            reading: self.config.has_two_hit_cycles().then(Place::widths),
            passes: self.config.has_two_hit_cycles().then(|| shape(1)),
            newest: Place::widths(),
            slot: vec![Place::widths(); self.walks],
            free: shape(self.walks as u32),
            invalidate: Place::widths(),
        }
    }

    fn reset(&self) -> AgreementsState {
        AgreementsState {
            known: zeros(&widths(&self.config)),
            before: self.config.has_two_hit_cycles().then(|| zeros(&Agreement::widths(&self.config))),
        }
    }

    fn kernel(&self, _: &mut Module, i: AgreementsInputs, s: AgreementsState) -> (AgreementsOutputs, AgreementsState) {
        let (accept, known) = (&i.accept, &s.known);
        let agreement = |a: &Place, b: &Place| Agreement::of(a, b, &self.config);
        let free = |n: usize| i.free.bit(n as u32);
        // With what stands in the slots at the end of the cycle.
        let with_slots = |with_newest: &Agreement, with_slot: &dyn Fn(usize) -> Agreement| -> Vec<Agreement> {
            (0..self.walks).map(|n| when(&free(n), with_newest.clone()).otherwise(with_slot(n))).collect()
        };
        let of_lookup = with_slots(&agreement(&i.lookup, &i.newest), &|n| agreement(&i.lookup, &i.slot[n]));
        let taken = |taken: &Signal, new: Vec<Agreement>, old: &[Agreement]| -> Vec<Agreement> {
            new.into_iter().zip(old).map(|(new, old)| when(taken, new).otherwise(old.clone())).collect()
        };

        let stages = i.reading.as_ref().zip(i.passes.as_ref()).zip(s.before.as_ref());
        let (of_newest, of_reading, before) = match stages {
            None => (taken(accept, of_lookup, &known.of_newest), Vec::new(), None),
            Some(((reading, passes), before)) => {
                let here = with_slots(before, &|n| known.of_reading[n].clone());
                let with_before =
                    when(passes, agreement(&i.lookup, reading)).otherwise(agreement(&i.lookup, &i.newest));
                (
                    taken(passes, here.clone(), &known.of_newest),
                    taken(accept, of_lookup, &here),
                    Some(when(accept, with_before).otherwise(before.clone())),
                )
            }
        };

        let of_slots = (0..self.walks).flat_map(|second| (0..second).map(move |first| (first, second)));
        let of_slots = of_slots.map(|(first, second)| {
            when(&free(first), known.of_newest[second].clone())
                .or_when(&free(second), known.of_newest[first].clone())
                .otherwise(known.of_slots[pair(first, second)].clone())
        });

        // A request that is accepted in this cycle is not looked up before the effect.
        let of_invalidate = |place: &Place| agreement(&i.invalidate, place);
        let with_newest = of_invalidate(&i.newest);
        let mut invalidated = with_slots(&with_newest, &|n| of_invalidate(&i.slot[n]));
        invalidated.push(with_newest);

        let next = AgreementsState {
            known: AgreementsOutputs { of_newest, of_reading, of_slots: of_slots.collect(), invalidated },
            before,
        };
        (s.known, next)
    }
}
