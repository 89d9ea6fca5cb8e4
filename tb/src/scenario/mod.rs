//! Random scenarios: what software, the processor and memory do to the MMU, step by step.
//!
//! A scenario is a list of steps, each some cycles after the one before. It says all that a run depends on, so that it
//! can be written to a file and replayed. Steps do not wait for answers: the table changes, invalidations are made and
//! modes are switched while walks are under way, which is the point.

mod coverage;
mod damage;
mod runner;
mod strategy;
mod writer;

pub use coverage::{Bin, Checked, Coverage, Impossible, impossible, legal};
pub use runner::{Tally, record, run};
pub use strategy::scenarios;

use hashwalk_spec::{Asid, Invalidation, PageSize, Pfn, Request, Rights, Settings, Vpn};
use serde::{Deserialize, Serialize};

use crate::machine::MemoryTiming;

/// A scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The hardware and the size of the table.
    pub config: Settings,
    /// What the hash key grows from.
    pub seed: u64,
    /// `control_search_enable`, 6 bits.
    pub search_enable: u8,
    /// How memory behaves.
    pub memory: MemoryTiming,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Cycles to let pass first.
    pub wait: u8,
    /// What happens then.
    pub action: Action,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The processor asks for a translation, as soon as the port is free, whatever is still out.
    Access(Request),
    /// Software enters a mapping, if nothing is in its way.
    Map {
        /// The address space; global mappings go under ASID 0 whatever this says.
        asid: Asid,
        /// Any VPN in the page.
        vpn: Vpn,
        /// The page's size.
        size: PageSize,
        /// Any PFN in the frame.
        pfn: Pfn,
        /// What it allows.
        rights: Rights,
        /// Whether it is global.
        global: bool,
    },
    /// Software removes the mapping of a page, if there is one.
    Unmap {
        /// The address space.
        asid: Asid,
        /// Any VPN in the page.
        vpn: Vpn,
    },
    /// Software changes the rights of a page, if it is mapped.
    Protect {
        /// The address space.
        asid: Asid,
        /// Any VPN in the page.
        vpn: Vpn,
        /// The new rights.
        rights: Rights,
    },
    /// Software sets or clears the marks of a page, if it is mapped.
    Mark {
        /// The address space.
        asid: Asid,
        /// Any VPN in the page.
        vpn: Vpn,
        /// A from now on.
        accessed: bool,
        /// D from now on.
        dirty: bool,
    },
    /// Everything comes to rest.
    Settle,
    /// As many other pages are asked for as the first level of the TLB has slots, if these are few: only the second level
    /// holds what was there.
    Crowd,
    /// The newest request comes so close to its answer, if its walk takes as long as the last one did.
    Approach {
        /// Cycles that are left.
        cycles_left: u8,
    },
    /// Software invalidates, as soon as the port is free.
    Invalidate(Invalidation),
    /// Software takes over refilling, or gives it back.
    Refill {
        /// Whether software refills.
        software: bool,
    },
    /// One bit of an element in use flips, until the table is changed or healed.
    Corrupt {
        /// Counts the elements in use, around and around.
        element: u8,
        /// The bit, counted around and around too.
        bit: u16,
    },
    /// Reads of an element fail, until it is healed.
    Poison {
        /// The element's index, within the table's mask.
        element: u8,
    },
    /// The element in which the walk for a page begins is broken, until the table is changed or healed.
    Break {
        /// The address space.
        asid: Asid,
        /// The page.
        vpn: Vpn,
        /// How.
        damage: Damage,
    },
    /// What was corrupted or poisoned is whole again.
    Heal,
}

/// How an element can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Reads of it fail.
    Unreadable,
    /// Its chain goes on outside the table.
    LinkOutside,
    /// Its chain goes on at itself.
    LinkToItself,
    /// Its link is none: a bit is set that must be zero. Where links are indices it leads outside the table.
    LinkMalformed,
}
