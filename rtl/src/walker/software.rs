//! Software's turn: one miss at a time is put before it, and its answer weighed in the cycle after it came.
//!
//! ```text
//! cycle     0          1            r                    r + 1                  r + 2
//! slot      Ask        miss_valid   refill accepted      weighed: the offer     the answer
//! ```
//!
//! Who is asked about is chosen a cycle before, and software's answer is kept in registers, so that neither port has
//! anything but registers behind it.

use hashwalk_hdl::{Bundle, Signal, bundle, concat, lit, low, one_hot_mux, when};
use hashwalk_spec::Config;
use hashwalk_spec::fault::{FAULT_BITS, Fault};

use super::Offer;
use super::arbiter::Choice;
use super::slot::Slot;
use crate::page;
use crate::ports::{self, Mapping, Miss, Refill, Request, zeros};
use crate::verdict::Killed;

bundle! {
    /// Registers.
    pub struct Software {
        /// One-hot: whose miss it is asked about.
        pub asking: Signal,
        /// Whose turn it is to ask.
        pub turn: Option<Signal>,
        /// Its answer; `valid` until it is weighed.
        pub answer: Refill,
    }
}

impl Software {
    /// Nobody asks.
    #[must_use]
    pub fn silent(config: &Config) -> Software {
        let walks = config.walks();
        Software {
            asking: lit(walks, 0u32),
            turn: (walks > 1).then(|| lit(walks, 0u32)),
            answer: zeros(&ports::refill(config)),
        }
    }

    /// Whether the miss is before software, and not answered.
    #[must_use]
    pub fn asks(&self) -> Signal {
        self.asking.any() & !&self.answer.valid
    }

    /// Something of the slot that asks.
    #[must_use]
    pub fn of_asker<B: Bundle>(&self, slots: &[Slot], f: impl Fn(&Slot) -> B) -> B {
        one_hot_mux((0..).zip(slots).map(|(n, slot)| (self.asking.bit(n), f(slot))))
    }

    /// The miss port.
    #[must_use]
    pub fn miss(&self, asker: &Request) -> Miss {
        let Request { vpn, asid, access, user, .. } = asker.clone();
        Miss { valid: self.asks(), vpn, asid, access, user }
    }

    /// The registers in the next cycle: `weighed` if the answer leaves them, `choice` for who asks next.
    #[must_use]
    pub fn next(&self, refill: &Refill, weighed: &Signal, choice: Choice) -> Software {
        let accepted = (self.asks() & &refill.valid).named("refill_accepted");
        let free = self.asking.is_zero();
        let granted = concat(choice.granted.iter().rev());
        let answer = when(&accepted, refill.clone()).otherwise(self.answer.clone());
        Software {
            asking: when(&free, granted).otherwise(self.asking.gate(&!weighed)),
            turn: choice.turn.zip(self.turn.clone()).map(|(next, turn)| when(&free, next).otherwise(turn)),
            answer: Refill { valid: accepted | (&self.answer.valid & !weighed), ..answer },
        }
    }

    /// What its answer comes to for who asks: all but `valid` and `slot`.
    #[must_use]
    pub fn offer(&self, asker: &Request) -> Offer {
        let Refill { size, pfn, rights, global, fault, dirty, .. } = self.answer.clone();
        let vpn = page::base(&asker.vpn, &size);
        let same_page = self.answer.vpn.eq(&vpn);
        let same_space = (self.answer.asid.eq(&asker.asid) & !&global) | (&global & !self.answer.asid.any());
        let well_formed = (same_page & same_space & !size.all() & page::is_aligned(&pfn, &size)).named("well_formed");
        let none = fault.is_zero();
        let mapping = Mapping { vpn, asid: asker.asid.gate(&!&global), global, size, pfn, rights, dirty };
        let unmarked = page::lacks_dirty(&mapping, &asker.access, &asker.user);
        Offer {
            valid: low(),
            slot: self.asking.clone(),
            request: asker.clone(),
            fault: when(&!&none, fault)
                .or_when(&!&well_formed, lit(FAULT_BITS, Fault::Malformed.code()))
                .or_when(&unmarked, lit(FAULT_BITS, Fault::Unmarked.code()))
                .otherwise(page::denial(&mapping.rights, asker)),
            is_mapping: none & well_formed & !unmarked,
            mapping,
        }
    }

    /// Whether an invalidation has named what its answer, which comes to this offer, rests on.
    #[must_use]
    pub fn is_withdrawn(&self, config: &Config, offer: &Offer, killed: &Killed) -> Signal {
        let (private_killed, global_killed) = killed.of_size(&self.answer.size);
        let withdrawn = &offer.is_mapping & when(&self.answer.global, global_killed).otherwise(private_killed);
        if !config.marks().is_checked() {
            return withdrawn;
        }
        // A fault for a mapping's sake tells as much, though not of which size the mapping is. Without marks software hands
        // a mapping over that denies the access, but not where its A is clear.
        let is = |of: &Signal, fault: Fault| of.eq_value(u32::from(fault.code()));
        let rests_on_mapping = is(&offer.fault, Fault::Unmarked) | is(&self.answer.fault, Fault::Rights);
        withdrawn | (rests_on_mapping & (&killed.private | &killed.global).any())
    }
}
