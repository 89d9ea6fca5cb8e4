//! Software's turn: one miss at a time is put before it, and its answer weighed in the cycle after it came.
//!
//! ```text
//! cycle     0          1            r                    r + 1                  r + 2
//! slot      Ask        miss_valid   refill accepted      weighed: the offer     the answer
//! ```
//!
//! With two hit cycles the request of who is asked about is fetched in a cycle of its own (`asked`), and an answer
//! weighed a cycle later, when it is known whether an invalidation has named what it rests on (`in_vain`): one that
//! counts for nothing need not wait for the delivery.
//!
//! Who is asked about is chosen a cycle before, and software's answer is kept in registers, so that neither port has
//! anything but registers behind it. Whether the answer is well formed, and allows the access, is found out as it
//! is accepted.

use std::ops::Range;

use hashwalk_hdl::{Bundle, Signal, bundle, concat, lit, low, mask, one_hot_of, when};
use hashwalk_spec::Config;
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::fault::{FAULT_BITS, Fault};

use super::Offer;
use super::arbiter::{Choice, ascending};
use super::slot::Slot;
use crate::page;
use crate::ports::{self, Mapping, Miss, Refill, Request, zeros};
use crate::verdict::Killed;

/// The parts of a page in which software's answer is compared with what it was asked.
fn parts(config: &Config) -> &'static [Range<u32>] {
    const HALVES: [Range<u32>; 2] = [page::HIGH..VPN_BITS, 0..page::HIGH];
    const QUARTERS: [Range<u32>; 4] = [40..VPN_BITS, page::HIGH..40, page::MIDDLE..page::HIGH, 0..page::MIDDLE];
    if config.has_two_hit_cycles() { &QUARTERS } else { &HALVES }
}

bundle! {
    /// Registers.
    pub struct Software {
        /// One-hot: whose miss it is asked about.
        pub asking: Signal,
        /// That one's request, known a cycle later; only with two hit cycles.
        pub asked: Option<Asked>,
        /// Who asks first.
        pub order: Option<Signal>,
        /// What it has answered.
        pub answer: Told,
        /// What invalidations have named of the page since it was asked.
        pub killed: Killed,
        /// 1 bit: it has answered in vain, for an invalidation has named what the answer rests on; only with two hit
        /// cycles, where it is weighed a cycle later.
        pub in_vain: Option<Signal>,
    }

    /// What software is asked.
    pub struct Asked {
        /// 1 bit: it is.
        pub valid: Signal,
        /// For what.
        pub request: Request,
    }

    /// Software's answer.
    pub struct Told {
        /// 1 bit: until it is weighed.
        pub valid: Signal,
        /// 3 bits: the fault that is to be answered, or 0.
        pub fault: Signal,
        /// All bits are set where the mapping is one that answers the request: the comparison is long. One for each of
        /// [`parts`] and one for the rest.
        pub well_formed: Signal,
        /// 1 bit: its rights deny the access.
        pub denied: Signal,
        /// 2 bits.
        pub size: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 1 bit.
        pub global: Signal,
        /// 1 bit: D, where the hardware looks at it.
        pub dirty: Option<Signal>,
    }
}

/// What happens to a question in a cycle.
pub struct Heard<'a> {
    /// What invalidations have named of its page up to the end of the cycle.
    pub killed: Killed,
    /// 1 bit: they have named what the answer rests on, up to the cycle before.
    pub withdrawn: Signal,
    /// 1 bit: the answer leaves the registers.
    pub weighed: &'a Signal,
    /// Who asks next.
    pub choice: Choice,
}

impl Software {
    /// Nobody asks.
    #[must_use]
    pub fn silent(config: &Config) -> Software {
        let walks = config.walks();
        let Refill { valid, fault, size, pfn, rights, global, dirty, .. } = zeros(&ports::refill(config));
        Software {
            asking: lit(walks, 0u32),
            asked: config.has_two_hit_cycles().then(|| Asked { valid: low(), request: zeros(&ports::request()) }),
            order: ascending(walks),
            answer: Told {
                valid,
                fault,
                well_formed: lit(1 + parts(config).len() as u32, 0u32),
                denied: low(),
                size,
                pfn,
                rights,
                global,
                dirty,
            },
            killed: Killed::none(),
            in_vain: config.has_two_hit_cycles().then(low),
        }
    }

    /// Whether the miss is before software, and not answered.
    #[must_use]
    pub fn asks(&self) -> Signal {
        let is_asked = self.asked.as_ref().map_or_else(|| self.asking.any(), |asked| asked.valid.clone());
        is_asked & !&self.answer.valid
    }

    /// Whether it has been told of this slot's miss.
    #[must_use]
    pub fn is_shown(&self, slot: u32) -> Signal {
        let asking = self.asking.bit(slot);
        self.asked.as_ref().map_or_else(|| asking.clone(), |asked| &asking & &asked.valid)
    }

    /// The request of who asks.
    #[must_use]
    pub fn asker(&self, slots: &[Slot]) -> Request {
        match &self.asked {
            None => self.of_asker(slots, |slot| slot.request.clone()),
            Some(asked) => asked.request.clone(),
        }
    }

    /// Something of the slot that asks.
    #[must_use]
    pub fn of_asker<B: Bundle>(&self, slots: &[Slot], f: impl Fn(&Slot) -> B) -> B {
        one_hot_of(&self.asking.each_bit(), slots, f)
    }

    /// The miss port.
    #[must_use]
    pub fn miss(&self, asker: &Request) -> Miss {
        let Request { vpn, asid, access, user, .. } = asker.clone();
        Miss { valid: self.asks(), vpn, asid, access, user }
    }

    /// The registers in the next cycle; `answer` is what the refill port says of the question.
    #[must_use]
    pub fn next(&self, slots: &[Slot], answer: Told, happens: Heard) -> Software {
        let Heard { killed, withdrawn, weighed, choice } = happens;
        let accepted = (self.asks() & &answer.valid).named("refill_accepted");
        let free = self.asking.is_zero();
        let granted = mask(&choice.granted);
        let stays = &self.answer.valid & !weighed;
        let answer = when(&accepted, answer).otherwise(self.answer.clone());
        Software {
            asking: when(&free, granted).otherwise(self.asking.gate(&!weighed)),
            asked: self.asked.as_ref().map(|_| Asked {
                valid: self.asking.any() & !weighed,
                request: self.of_asker(slots, |slot| slot.request.clone()),
            }),
            order: choice.order_if(&free, &self.order),
            answer: Told { valid: accepted | &stays, ..answer },
            killed,
            in_vain: self.in_vain.as_ref().map(|_| stays & withdrawn),
        }
    }

    /// What its answer comes to for who asks: all but `valid` and `slot`.
    #[must_use]
    pub fn offer(&self, asker: &Request) -> Offer {
        let Told { fault, well_formed, denied, size, pfn, rights, global, dirty, .. } = self.answer.clone();
        let well_formed = well_formed.all();
        let vpn = page::base(&asker.vpn, &size);
        let none = fault.is_zero();
        let mapping = Mapping { vpn, asid: asker.asid.clone(), global, size, pfn, rights, dirty };
        let unmarked = page::lacks_dirty(&mapping, &asker.access, &asker.user);
        let is_mapping = &none & &well_formed & !&unmarked;
        Offer {
            valid: low(),
            slot: self.asking.clone(),
            request: asker.clone(),
            fault: when(&!&none, fault)
                .or_when(&!&well_formed, lit(FAULT_BITS, Fault::Malformed.code()))
                .or_when(&unmarked, lit(FAULT_BITS, Fault::Unmarked.code()))
                .otherwise(lit(FAULT_BITS, Fault::Rights.code()).gate(&denied)),
            is_granted: &is_mapping & !denied,
            is_mapping,
            mapping,
        }
    }

    /// Whether an invalidation has named what its answer, which comes to this offer, rests on.
    #[must_use]
    pub fn is_withdrawn(&self, config: &Config, offer: &Offer) -> Signal {
        let (private_killed, global_killed) = self.killed.of_size(&self.answer.size);
        let withdrawn = &offer.is_mapping & when(&self.answer.global, global_killed).otherwise(private_killed);
        if !config.marks().is_checked() {
            return withdrawn;
        }
        // A fault for a mapping's sake tells as much, though not of which size the mapping is. Without marks software
        // hands a mapping over that denies the access, but not where its A is clear.
        let is = |of: &Signal, fault: Fault| of.eq_value(u32::from(fault.code()));
        let rests_on_mapping = is(&offer.fault, Fault::Unmarked) | is(&self.answer.fault, Fault::Rights);
        withdrawn | (rests_on_mapping & (&self.killed.private | &self.killed.global).any())
    }
}

impl Told {
    /// This answer to the request of who asks.
    #[must_use]
    pub fn of(config: &Config, refill: &Refill, asker: &Request) -> Told {
        let Refill { valid, fault, vpn, asid, size, pfn, rights, global, dirty } = refill.clone();
        let base = page::base(&asker.vpn, &size);
        let same = parts(config).iter().map(|part| vpn.bits(part.clone()).eq(&base.bits(part.clone())));
        let same_space = (asid.eq(&asker.asid) & !&global) | (&global & !asid.any());
        let is_size = !size.all() & page::is_aligned(&pfn, &size);
        let well_formed = concat(same.chain([same_space & is_size]));
        let well_formed = well_formed.named("well_formed");
        let denied = !page::allows(&rights, &asker.access, &asker.user);
        Told { valid, fault, well_formed, denied, size, pfn, rights, global, dirty }
    }
}
