//! The memory side of a walker that reads and changes the table, for itself: reads of elements and compare-and-set on one
//! AXI4 port. A top of its own, by which the two are tested together without an MMU.
//!
//! ```text
//!  memory ◄──► read ──────────────┐
//!                               share ◄──► m_axi: AR, R
//!  update ◄──► compare_and_set ───┤
//!                                 └──────► m_axi: AW, W, B
//! ```

use hashwalk_hdl::{Component, Module, Signal, bundle};
use hashwalk_spec::Config;

use super::compare_and_set::{Change, CompareAndSet, CompareAndSetInputs, Outcome, change};
use super::ports::{ManagerIn, ManagerOut, memory_out, read_in, write_in};
use super::read::{ReadInputs, ReadManager};
use super::share::{Share, ShareInputs};
use crate::ports::{MemoryIn, MemoryOut};

bundle! {
    /// All input ports.
    pub struct UpdateInputs {
        /// The walker's reads, the MMU's memory port.
        pub memory: MemoryOut,
        /// A change.
        pub update: Change,
        /// The table's memory.
        pub m_axi: ManagerIn,
    }

    /// All output ports.
    pub struct UpdateOutputs {
        /// To the walker.
        pub memory: MemoryIn,
        /// 1 bit.
        pub update_ready: Signal,
        /// How the change went.
        pub result: Outcome,
        /// The table's memory.
        pub m_axi: ManagerOut,
    }
}

/// The memory side of a configuration.
pub struct UpdateTop {
    config: Config,
}

impl UpdateTop {
    /// The memory side for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> UpdateTop {
        UpdateTop { config: config.clone() }
    }
}

impl Component for UpdateTop {
    type Inputs = UpdateInputs;
    type Outputs = UpdateOutputs;
    type State = ();

    fn name(&self) -> String {
        "hashwalk_update".into()
    }

    fn doc(&self) -> String {
        format!("Reads and compare-and-set of the table on AXI4, configuration `{}`.", self.config.name())
    }

    fn inputs(&self) -> UpdateInputs {
        let bus_bits = self.config.bus_bits();
        UpdateInputs {
            memory: memory_out(&self.config),
            update: change(),
            m_axi: ManagerIn { read: read_in(bus_bits), write: Some(write_in()) },
        }
    }

    fn reset(&self) {}

    fn kernel(&self, m: &mut Module, i: UpdateInputs, (): ()) -> (UpdateOutputs, ()) {
        let bus_bits = self.config.bus_bits();
        let read = m.instance("read", &ReadManager::new(&self.config));
        let compare_and_set = m.instance("compare_and_set", &CompareAndSet { bus_bits });
        let share = m.instance("share", &Share { bus_bits });
        read.connect(ReadInputs { walker: i.memory, bus: share.outputs.table.clone() });
        compare_and_set.connect(CompareAndSetInputs {
            update: i.update,
            read: share.outputs.update.clone(),
            write: i.m_axi.write.expect("this top writes"),
        });
        share.connect(ShareInputs {
            table: read.outputs.bus.clone(),
            update: compare_and_set.outputs.read.clone(),
            bus: i.m_axi.read,
        });
        let outputs = UpdateOutputs {
            memory: read.outputs.walker.clone(),
            update_ready: compare_and_set.outputs.update_ready.clone(),
            result: compare_and_set.outputs.result.clone(),
            m_axi: ManagerOut { read: share.outputs.bus.clone(), write: Some(compare_and_set.outputs.write.clone()) },
        };
        (outputs, ())
    }
}
