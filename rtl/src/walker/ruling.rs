//! What an element comes to, and with two hit cycles a register for it.
//!
//! ```text
//! hit_cycles   cycle t          t + 1                          t + 2
//! 1            element: full    judged, and what follows
//! 2            element: full    judged: what it comes to       what follows; the element leaves
//! ```
//!
//! The element stays until its ruling has had its effect, so the register follows it in every cycle, and what an
//! invalidation has named of it meanwhile is in the ruling of the cycle after: in that one nothing follows.

use hashwalk_hdl::{Signal, bundle, shape};
use hashwalk_spec::Config;
use hashwalk_spec::entry::INDEX_BITS;

use super::marking::Unmarked;
use crate::link::PLACE_BITS;
use crate::ports::{self, Mapping, zeros};
use crate::verdict::{Scales, Step, Verdict};

bundle! {
    /// What an element comes to.
    pub struct Ruling {
        /// What follows for the walk.
        pub verdict: Verdict,
        /// 1 bit: G of the PTE that was found, if one was.
        pub global: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 1 bit: D, where the hardware looks at it.
        pub dirty: Option<Signal>,
        /// The word whose marks are to be set; only where the hardware sets any.
        pub unmarked: Option<Unmarked>,
    }
}

impl Ruling {
    /// Of this step and what follows from it.
    #[must_use]
    pub fn of(config: &Config, step: Step, verdict: Verdict) -> Ruling {
        let found = step.found;
        Ruling {
            verdict,
            dirty: config.marks().is_checked().then(|| found.word.dirty()),
            unmarked: Unmarked::none(config).map(|kept| kept.found(&found.word)),
            global: found.global,
            rights: found.rights,
            pfn: found.pfn,
        }
    }

    /// The register after reset; `None` where what an element comes to counts in the cycle in which that is found out.
    #[must_use]
    pub fn none(config: &Config) -> Option<Ruling> {
        let Mapping { global, rights, pfn, dirty, .. } = ports::mapping(config);
        let next = shape(if config.format().links_by_address() { PLACE_BITS } else { INDEX_BITS });
        let again = config.sequence().then(|| shape(1));
        let verdict = Verdict::widths(next, again);
        let none = Ruling { verdict, global, rights, pfn, dirty, unmarked: Unmarked::none(config) };
        config.has_two_hit_cycles().then(|| zeros(&none))
    }

    /// The mapping that was found.
    #[must_use]
    pub fn mapping(&self, scales: &Scales) -> Mapping {
        let Ruling { global, rights, pfn, dirty, .. } = self.clone();
        let Scales { sought, request, .. } = scales.clone();
        Mapping { vpn: sought.vpn, asid: request.asid, global, size: sought.size, pfn, rights, dirty }
    }
}
