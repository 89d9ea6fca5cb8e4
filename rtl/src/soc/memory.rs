//! The way to memory of the core's two ports: a store that is on its way, then reads of data, then of instructions.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `write_*`, `write_ready` | both | a store; it is kept here, and the core goes on |
//! | `data_*`, `fetch_*` | in | reads of a line |
//! | `data_line_*`, `fetch_line_*` | out | a read is taken; its line comes |
//! | `ram_request_*` | out, in | what memory is asked for; another request may take its place until it is taken |
//! | `ram_response_*` | in | a line, under the id of its read; stores are not answered |
//! | `stores_done` | out | memory has taken every store |
//!
//! Memory makes what it takes in this order, so that a read never overtakes a store. A store costs the core no time of memory's
//! unless the one before waits still.
//!
//! Reset: nothing is on its way.

use hashwalk_hdl::{Component, Module, Signal, bundle, high, lit, low, shape, when};

use super::cache::LINE_BITS;
use super::ports::{LineData, LineRead, MemoryStore};

bundle! {
    /// Inputs.
    pub struct WayInputs {
        /// A store.
        pub write: MemoryStore,
        /// A read of data.
        pub data: LineRead,
        /// A read of instructions.
        pub fetch: LineRead,
        /// From memory.
        pub ram: RamIn,
    }

    /// Outputs.
    pub struct WayOutputs {
        /// 1 bit.
        pub write_ready: Signal,
        /// To the data port.
        pub data_line: LineData,
        /// To the fetch port.
        pub fetch_line: LineData,
        /// To memory.
        pub ram: RamOut,
        /// 1 bit.
        pub stores_done: Signal,
    }

    /// From the core's memory.
    pub struct RamIn {
        /// 1 bit.
        pub request_ready: Signal,
        /// 1 bit.
        pub response_valid: Signal,
        /// 1 bit: 0 fetch, 1 data.
        pub response_id: Signal,
        /// 256 bits.
        pub response_data: Signal,
    }

    /// To the core's memory.
    pub struct RamOut {
        /// 1 bit.
        pub request_valid: Signal,
        /// 1 bit: a store.
        pub request_write: Signal,
        /// 1 bit: 0 fetch, 1 data.
        pub request_id: Signal,
        /// 32 bits: a multiple of a line, of a store of 4.
        pub request_address: Signal,
        /// 4 bits: the bytes that are stored.
        pub request_strobe: Signal,
        /// 32 bits.
        pub request_data: Signal,
    }

    /// Registers.
    pub struct WayState {
        /// The store that is on its way.
        pub store: MemoryStore,
    }
}

/// The way to memory.
pub struct Way;

/// The widths of what memory says.
#[must_use]
pub fn ram_in() -> RamIn {
    RamIn { request_ready: shape(1), response_valid: shape(1), response_id: shape(1), response_data: shape(LINE_BITS) }
}

impl Component for Way {
    type Inputs = WayInputs;
    type Outputs = WayOutputs;
    type State = WayState;

    fn name(&self) -> String {
        "hashwalk_soc_memory".into()
    }

    fn doc(&self) -> String {
        "The core's way to memory.".into()
    }

    fn inputs(&self) -> WayInputs {
        let read = || LineRead { valid: shape(1), address: shape(32) };
        let write = MemoryStore { valid: shape(1), address: shape(32), strobe: shape(4), data: shape(32) };
        WayInputs { write, data: read(), fetch: read(), ram: ram_in() }
    }

    fn reset(&self) -> WayState {
        let store = MemoryStore { valid: low(), address: lit(32, 0u32), strobe: lit(4, 0u32), data: lit(32, 0u32) };
        WayState { store }
    }

    fn kernel(&self, _: &mut Module, i: WayInputs, s: WayState) -> (WayOutputs, WayState) {
        let ready = &i.ram.request_ready;
        let storing = &s.store.valid;
        let reads_data = (!storing & &i.data.valid).named("reads_data");
        let reads_fetch = (!storing & !&i.data.valid & &i.fetch.valid).named("reads_fetch");
        let ram = RamOut {
            request_valid: storing | &reads_data | &reads_fetch,
            request_write: storing.clone(),
            request_id: storing | &reads_data,
            request_address: when(storing, s.store.address.clone())
                .or_when(&reads_data, i.data.address)
                .otherwise(i.fetch.address),
            request_strobe: s.store.strobe.clone(),
            request_data: s.store.data.clone(),
        };
        let line = |reads: Signal, mine: Signal| LineData {
            ready: reads & ready,
            valid: &i.ram.response_valid & mine,
            data: i.ram.response_data.clone(),
        };
        let write_ready = !storing | ready;
        let outputs = WayOutputs {
            data_line: line(reads_data, i.ram.response_id.clone()),
            fetch_line: line(reads_fetch, !&i.ram.response_id),
            ram,
            stores_done: !storing,
            write_ready: write_ready.clone(),
        };
        let taken = &i.write.valid & &write_ready;
        let left = MemoryStore { valid: storing & !ready, ..s.store.clone() };
        let next = WayState { store: when(&taken, MemoryStore { valid: high(), ..i.write }).otherwise(left) };
        (outputs, next)
    }
}
