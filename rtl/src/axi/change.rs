//! The change of table at run time: no lookup is ever answered by a mix of two tables.
//!
//! The MMU's table, mask, key and searches may change only while it is idle and nobody asks it (docs/spec.md, section 9).
//! Software writes the new ones elsewhere and says `apply`; here the core's lookups are held back until the old ones are
//! answered, the registers change, everything is invalidated, and lookups go on.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `apply` | in | the change begins in the next cycle; only while `busy` is clear |
//! | `wanted_*` | in | the new table, stable while `busy` is set |
//! | `lookup_valid`, `mmu_lookup_ready` | in | what the core offers, what the MMU says |
//! | `mmu_lookup_valid`, `lookup_ready` | out | what the MMU sees, what the core is told; both `&` a register |
//! | `idle` | in | the MMU's |
//! | `software_*` | in | an invalidation of software's, stable until `software_taken`; `software_under_way` until it is done |
//! | `mmu_invalidate_*` | both | the MMU's port |
//! | `table_*` | out | what the MMU walks |
//! | `busy` | out | a change is under way |
//! | `changed` | out | for one cycle: it is over |
//!
//! ```text
//!         apply           shut, idle, none of software's     taken                done
//!  ┌─► Run ─────► Drain ───────────────────────────────► Sweep ───────► AwaitDone ─────┐
//!  │               │ ▲     (the registers change)                                      │
//!  │               └─┘ a lookup that was offered before is still taken; answers come   │
//!  └───────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! ```text
//! cycle        0       1        2                3           5 + S   6 + S
//! state        Run     Drain    Sweep            AwaitDone           Run
//! lookups      taken   held     held             held        held    taken
//! table        old     old      new              new         new     new
//! invalidate                    offered, taken               done
//! ```
//!
//! is the shortest way, of an idle MMU: S as in docs/timing.md. Drain lasts until each accepted lookup is answered, which
//! the memory's latency bounds or, with software's refills, software. A lookup that was offered and not taken when Drain
//! began may not be withdrawn from the MMU, so it is let in and answered from the old table; one that comes later waits at
//! the port. Software's own invalidations go on until Sweep begins, and those that come then wait until it is over.
//!
//! Reset: Run, with no table: every search is off, so a lookup is answered `not_present` and no memory is read.

use hashwalk_hdl::{Bundle, Component, Module, Signal, bundle, case, concat, lit, low, shape, states, when};
use hashwalk_spec::Config;
use hashwalk_spec::transaction::Invalidation;

use super::ports::{Table, table};
use super::stable::Stable;
use crate::ports::{self, Invalidate};

states! {
    /// What a change waits for.
    pub enum Change {
        /// Software to ask for one.
        Run,
        /// The lookups under the old table to be answered.
        Drain,
        /// The MMU to take the invalidation.
        Sweep,
        /// The invalidation to be done.
        AwaitDone,
    }
}

bundle! {
    /// Inputs.
    pub struct ChangeInputs {
        /// 1 bit.
        pub apply: Signal,
        /// The new table.
        pub wanted: Table,
        /// 1 bit: the core asks.
        pub lookup_valid: Signal,
        /// 1 bit.
        pub mmu_lookup_ready: Signal,
        /// 1 bit.
        pub idle: Signal,
        /// What software invalidates.
        pub software: Invalidate,
        /// 1 bit: it is offered, or taken and not done.
        pub software_under_way: Signal,
        /// 1 bit.
        pub mmu_invalidate_ready: Signal,
        /// 1 bit.
        pub mmu_invalidate_done: Signal,
    }

    /// Outputs.
    pub struct ChangeOutputs {
        /// 1 bit.
        pub mmu_lookup_valid: Signal,
        /// 1 bit.
        pub lookup_ready: Signal,
        /// To the MMU.
        pub mmu_invalidate: Invalidate,
        /// 1 bit: software's is taken.
        pub software_taken: Signal,
        /// 1 bit: software's is done.
        pub software_done: Signal,
        /// The table that is walked.
        pub table: Table,
        /// 1 bit.
        pub busy: Signal,
        /// 1 bit.
        pub changed: Signal,
    }

    /// Registers.
    pub struct ChangeState {
        /// 2 bits: [`Change`].
        pub phase: Signal,
        /// 1 bit: a lookup was offered to the MMU in the cycle before, and not taken.
        pub offered: Signal,
        /// The table that is walked.
        pub table: Table,
    }
}

/// The change of table of a configuration.
pub struct TableChange {
    config: Config,
}

impl TableChange {
    /// The change of table for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> TableChange {
        TableChange { config: config.clone() }
    }
}

impl Component for TableChange {
    type Inputs = ChangeInputs;
    type Outputs = ChangeOutputs;
    type State = ChangeState;

    fn name(&self) -> String {
        "hashwalk_axi_change".into()
    }

    fn doc(&self) -> String {
        "Change of table: holds lookups back, waits for those under way, invalidates everything.".into()
    }

    fn inputs(&self) -> ChangeInputs {
        ChangeInputs {
            apply: shape(1),
            wanted: table(&self.config),
            lookup_valid: shape(1),
            mmu_lookup_ready: shape(1),
            idle: shape(1),
            software: ports::invalidate(),
            software_under_way: shape(1),
            mmu_invalidate_ready: shape(1),
            mmu_invalidate_done: shape(1),
        }
    }

    fn reset(&self) -> ChangeState {
        let none = table(&self.config).map("", &mut |_, leaf| lit(leaf.width(), 0u32));
        ChangeState { phase: Change::Run.signal(), offered: low(), table: none }
    }

    fn kernel(&self, m: &mut Module, i: ChangeInputs, s: ChangeState) -> (ChangeOutputs, ChangeState) {
        let is = |state: Change| state.is(&s.phase);
        let open = (is(Change::Run) | &s.offered).named("open");
        let mmu_lookup_valid = (&i.lookup_valid & &open).named("offer");
        let swap = (is(Change::Drain) & !&open & &i.idle & !&i.software_under_way).named("swap");

        let of_software = (is(Change::Run) | is(Change::Drain)).named("of_software");
        let Invalidate { kind, vpn, asid, .. } = i.software.clone();
        let mmu_invalidate = Invalidate {
            valid: when(&of_software, i.software.valid.clone()).otherwise(is(Change::Sweep)),
            kind: when(&of_software, kind).otherwise(lit(2, Invalidation::All.code())),
            vpn,
            asid,
        };
        let changed = (is(Change::AwaitDone) & &i.mmu_invalidate_done).named("over");
        let here = s.phase.clone();
        let phase = case(
            &s.phase,
            [
                (Change::Run, when(&i.apply, Change::Drain.signal()).otherwise(here.clone())),
                (Change::Drain, when(&swap, Change::Sweep.signal()).otherwise(here.clone())),
                (Change::Sweep, when(&i.mmu_invalidate_ready, Change::AwaitDone.signal()).otherwise(here.clone())),
                (Change::AwaitDone, when(&changed, Change::Run.signal()).otherwise(here)),
            ],
        );
        let Invalidate { valid, kind, vpn, asid } = &mmu_invalidate;
        Stable::ours(m, "invalidation_stays", valid, &i.mmu_invalidate_ready, &concat([kind, vpn, asid]));
        m.assume("one_change_at_a_time", !&i.apply | is(Change::Run));
        m.check("table_changes_while_nobody_asks", !&swap | !(&mmu_lookup_valid | !&i.idle));
        m.check("idle_until_lookups_go_on", of_software.clone() | &i.idle);
        m.cover("a_waiting_lookup_is_let_in", is(Change::Drain) & &s.offered);

        let next = ChangeState {
            offered: &mmu_lookup_valid & !&i.mmu_lookup_ready,
            table: when(&swap, i.wanted).otherwise(s.table.clone()),
            phase: phase.named("phase_next"),
        };
        let outputs = ChangeOutputs {
            lookup_ready: &i.mmu_lookup_ready & &open,
            mmu_lookup_valid,
            mmu_invalidate,
            software_taken: &i.software.valid & &of_software & &i.mmu_invalidate_ready,
            software_done: of_software & i.mmu_invalidate_done,
            table: s.table,
            busy: !is(Change::Run),
            changed,
        };
        (outputs, next)
    }
}
