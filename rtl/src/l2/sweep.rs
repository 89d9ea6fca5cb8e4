//! The clearing of the second level's sets, after reset and for an invalidation.
//!
//! ```text
//! cycle      t             t + 1         t + 2
//! a set      is read       is compared   is cleared, where it agrees
//! ```
//!
//! With two hit cycles what is read stands in a register for a cycle before it is compared, and the set is cleared in
//! t + 3.

use hashwalk_hdl::{Signal, bundle, high, lit, low, when};
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};

use super::sets::Sets;
use super::word::{HALVES, Kept, Likeness, Wanted};
use crate::ports::{self, Invalidate, Request, zeros};

bundle! {
    /// The clearing of sets.
    pub struct Sweep {
        /// 1 bit: a set is read in this cycle.
        pub reads: Signal,
        /// 1 bit: a set was read in the cycle before.
        pub comes: Signal,
        /// 1 bit: that cycle lies one more before; only with two hit cycles.
        pub arrived: Option<Signal>,
        /// 1 bit: the set that was read before is cleared in this cycle.
        pub clears: Signal,
        /// Which set is read; by address 0 for that of the 4 KiB page, 1 for the others.
        pub step: Signal,
        /// The sets that were read in the cycle before, in the lower and in the upper ways.
        pub set_read: Vec<Signal>,
        /// Those of `arrived`.
        pub set_arrived: Option<Vec<Signal>>,
        /// Those that are cleared.
        pub set: Vec<Signal>,
        /// 1 bit: an invalidation began it, not reset.
        pub asked: Signal,
        /// 1 bit: it ended in the cycle before.
        pub swept: Signal,
        /// What is cleared.
        pub what: What,
    }

    /// What an invalidation names.
    pub struct What {
        /// 2 bits: all, ASID, address, address in ASID.
        pub kind: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
    }
}

impl Sweep {
    /// The one after reset, of all 2^`bits` sets; `is_late` where a register stands behind block RAM.
    #[must_use]
    pub fn of_all(bits: u32, is_late: bool) -> Sweep {
        let set = lit(bits, 0u32);
        Sweep {
            reads: high(),
            comes: low(),
            arrived: is_late.then(low),
            clears: low(),
            step: set.clone(),
            set_read: vec![set.clone(); 2],
            set_arrived: is_late.then(|| vec![set.clone(); 2]),
            set: vec![set; 2],
            asked: low(),
            swept: low(),
            // Kind 0: all.
            what: What { kind: lit(2, 0u32), vpn: lit(VPN_BITS, 0u32), asid: lit(ASID_BITS, 0u32) },
        }
    }

    /// The sets that the sweep reads in the lower and the upper ways; `sets` are those of the page that it is of.
    #[must_use]
    pub fn sets(&self, sets: &Sets) -> Vec<Signal> {
        let of_half = |half: usize| {
            when(&self.what.kind.bit(1), sets.in_half(half, &self.step.bit(0)))
                .otherwise(self.step.clone())
                .named(format!("step_set_{}", HALVES[half].code()))
        };
        (0..HALVES.len()).map(of_half).collect()
    }

    /// In the next cycle; `step_sets` are the sets that are read in this one.
    #[must_use]
    pub fn next(&self, invalidate: &Invalidate, step_sets: Vec<Signal>) -> Sweep {
        let last = when(&self.what.kind.bit(1), self.step.bit(0)).otherwise(self.step.all());
        let bits = self.step.width();
        let Invalidate { kind, vpn, asid, .. } = invalidate.clone();
        Sweep {
            reads: &invalidate.valid | (&self.reads & !last),
            comes: self.reads.clone(),
            arrived: self.arrived.as_ref().map(|_| self.comes.clone()),
            clears: self.arrived.as_ref().unwrap_or(&self.comes).clone(),
            step: when(&self.reads, &self.step + lit(bits, 1u32)).otherwise(lit(bits, 0u32)),
            set_read: step_sets,
            set: self.set_arrived.as_ref().unwrap_or(&self.set_read).clone(),
            set_arrived: self.set_arrived.as_ref().map(|_| self.set_read.clone()),
            asked: when(&invalidate.valid, high()).otherwise(self.asked.clone()),
            swept: &self.clears & !self.arrived.as_ref().unwrap_or(&self.comes) & &self.asked,
            what: when(&invalidate.valid, What { kind, vpn, asid }).otherwise(self.what.clone()),
        }
    }

    /// What the words of the set that is read in this cycle are compared with.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let What { vpn, asid, .. } = self.what.clone();
        Wanted::of(&Request { vpn, asid, ..zeros(&ports::request()) }, self.step.bit(0))
    }

    /// Whether what it clears is in this place.
    #[must_use]
    pub fn drops(&self, kept: &Kept, likeness: &Likeness) -> Signal {
        let kind = &self.what.kind;
        (!kind.bit(1) | likeness.is_page()) & (!kind.bit(0) | (&likeness.space & !&kept.global))
    }
}
