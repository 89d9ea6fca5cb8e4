//! One AXI4 read channel for the reads of the table and for those of the compare-and-set.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `table_*`, `update_*` | both | the two managers; both take what they have asked for |
//! | `bus_*` | both | AXI4 |
//!
//! The compare-and-set, which is rare, goes first, but what was offered stays until it is taken. R goes by RID: 8 is the
//! compare-and-set. Its one beat may come between two of a burst of the table, which the burst's own manager does not see.
//! RREADY is that of the table's manager, since the other one is always ready; so it depends on no RID.
//!
//! Latency 0. Reset: nothing was offered.

use hashwalk_hdl::{Component, Module, Signal, bundle, low, shape, when};

use super::compare_and_set::UPDATE_ID;
use super::ports::{ID_BITS, ReadIn, ReadOut, read_in};
use super::stable::Stable;
use crate::ports::ADDRESS_BITS;

bundle! {
    /// Inputs.
    pub struct ShareInputs {
        /// From the reads of the table.
        pub table: ReadOut,
        /// From the compare-and-set.
        pub update: ReadOut,
        /// From the bus.
        pub bus: ReadIn,
    }

    /// Outputs.
    pub struct ShareOutputs {
        /// To the reads of the table.
        pub table: ReadIn,
        /// To the compare-and-set.
        pub update: ReadIn,
        /// To the bus.
        pub bus: ReadOut,
    }

    /// Registers.
    pub struct ShareState {
        /// 1 bit: a read of the table was offered in the cycle before, and not taken.
        pub table_waits: Signal,
    }
}

/// The sharing of a bus of so many bits.
pub struct Share {
    /// 64, 128, 256 or 512.
    pub bus_bits: u32,
}

impl Component for Share {
    type Inputs = ShareInputs;
    type Outputs = ShareOutputs;
    type State = ShareState;

    fn name(&self) -> String {
        format!("hashwalk_axi_share_{}", self.bus_bits)
    }

    fn doc(&self) -> String {
        "One AXI4 read channel for two managers.".into()
    }

    fn inputs(&self) -> ShareInputs {
        ShareInputs { table: read_out(), update: read_out(), bus: read_in(self.bus_bits) }
    }

    fn reset(&self) -> ShareState {
        ShareState { table_waits: low() }
    }

    fn kernel(&self, m: &mut Module, i: ShareInputs, s: ShareState) -> (ShareOutputs, ShareState) {
        let update = (&i.update.arvalid & !&s.table_waits).named("update_goes");
        let ours = i.bus.rid.eq_value(UPDATE_ID).named("for_update");
        let chosen = when(&update, i.update.clone()).otherwise(i.table.clone());
        let bus = ReadOut { rready: i.table.rready.clone(), ..chosen };
        m.check("update_takes_its_data", &i.update.rready);
        let payload = vec![bus.arid.clone(), bus.araddr.clone(), bus.arlen.clone(), bus.arlock.clone()];
        Stable::ours(m, "ar_stays", &bus.arvalid, &i.bus.arready, &payload);

        let next = ShareState { table_waits: &i.table.arvalid & !&update & !&i.bus.arready };
        let table = ReadIn { arready: &i.bus.arready & !&update, rvalid: &i.bus.rvalid & !&ours, ..i.bus.clone() };
        // The table's manager may hold R back; then the beat is not taken.
        let taken = &i.bus.rvalid & &ours & &i.table.rready;
        let update = ReadIn { arready: &i.bus.arready & update, rvalid: taken, ..i.bus };
        (ShareOutputs { table, update, bus }, next)
    }
}

/// The widths of a manager's AR and R.
fn read_out() -> ReadOut {
    ReadOut {
        arvalid: shape(1),
        arid: shape(ID_BITS),
        araddr: shape(ADDRESS_BITS),
        arlen: shape(8),
        arsize: shape(3),
        arburst: shape(2),
        arlock: shape(1),
        arcache: shape(4),
        arprot: shape(3),
        arqos: shape(4),
        rready: shape(1),
    }
}
