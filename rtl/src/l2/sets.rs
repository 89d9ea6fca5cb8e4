//! The sets of the second level in which a page may stand.
//!
//! A set's number is the digits of the page's number, added without carry: two tables of four inputs in a row, and the way
//! from there to block RAM is long. With two hit cycles they are worked out as a request or an invalidation comes in, and
//! kept beside it.
//!
//! ```text
//! cycle      t                   t + 1               t + 2              later
//! lookup     at the port         being read          the newest         in its slot
//! kept       ──► reading         ──► newest          ──► slot
//! ```

use hashwalk_hdl::{Signal, bundle, lit, one_hot_of, when};
use hashwalk_spec::PageSize;
use hashwalk_spec::address::VPN_BITS;

use super::word::HALVES;
use crate::ports::zeros;

bundle! {
    /// The sets in which a page may stand.
    pub struct Sets {
        /// As a 4 KiB page.
        pub small: Signal,
        /// As a page of the size that stands in the lower ways, and in the upper ones.
        pub large: Vec<Signal>,
    }

    /// Those of all that may be read in a cycle.
    pub struct KeptSets {
        /// Of the request being read.
        pub reading: Sets,
        /// Of the newest.
        pub newest: Sets,
        /// Of those in the slots; of a slot that is free, of the newest.
        pub slot: Vec<Sets>,
        /// In each half of the ways the one that is read in this cycle, of those that are due.
        pub due: Vec<Signal>,
        /// Of what is swept.
        pub swept: Sets,
        /// The set to which the mapping belongs that may be written next.
        pub fill: Signal,
    }
}

/// What happens to requests in a cycle.
pub struct Moving<'a> {
    /// Of what stands at the port.
    pub lookup: Sets,
    /// 1 bit: it is accepted.
    pub accept: &'a Signal,
    /// 1 bit: the request being read becomes the newest.
    pub takes: &'a Signal,
    /// A bit for each slot: the newest may move there.
    pub room: &'a Signal,
}

impl Sets {
    /// Of the page that holds `vpn`, where there are 2^`bits` sets.
    #[must_use]
    pub fn of(vpn: &Signal, bits: u32) -> Sets {
        let of_size = |size| of_size(vpn, size, bits);
        Sets { small: of_size(PageSize::Small), large: HALVES.map(of_size).to_vec() }
    }

    /// Those of a half of the ways: of a 4 KiB page, or of the half's size.
    #[must_use]
    pub fn in_half(&self, half: usize, large: &Signal) -> Signal {
        when(large, self.large[half].clone()).otherwise(self.small.clone())
    }
}

impl KeptSets {
    /// After reset, for this many slots and 2^`bits` sets.
    #[must_use]
    pub fn none(walks: u32, bits: u32) -> KeptSets {
        let none = zeros(&Sets::of(&lit(VPN_BITS, 0u32), bits));
        let slot = vec![none.clone(); walks as usize];
        KeptSets {
            reading: none.clone(),
            newest: none.clone(),
            slot,
            due: vec![lit(bits, 0u32); HALVES.len()],
            swept: none,
            fill: lit(bits, 0u32),
        }
    }

    /// In the next cycle, but for the last three, which others know more of.
    #[must_use]
    pub fn moved(&self, moving: Moving) -> KeptSets {
        let Moving { lookup, accept, takes, room } = moving;
        let of_slot = |(n, kept): (u32, &Sets)| when(&room.bit(n), self.newest.clone()).otherwise(kept.clone());
        KeptSets {
            reading: when(accept, lookup).otherwise(self.reading.clone()),
            newest: when(takes, self.reading.clone()).otherwise(self.newest.clone()),
            slot: (0..).zip(&self.slot).map(of_slot).collect(),
            ..self.clone()
        }
    }

    /// Of the slot that is chosen.
    #[must_use]
    pub fn of_slot(&self, chosen: &[Signal]) -> Sets {
        one_hot_of(chosen, &self.slot, Sets::clone)
    }
}

/// The set of the page of `size` that holds `vpn`.
#[must_use]
pub fn of_size(vpn: &Signal, size: PageSize, bits: u32) -> Signal {
    let digits = (size.vpn_offset_bits()..VPN_BITS).step_by(bits as usize);
    let digits = digits.map(|from| vpn.bits(from..VPN_BITS.min(from + bits)).zext(bits));
    digits.reduce(|a, b| a ^ b).expect("a page number has digits")
}
