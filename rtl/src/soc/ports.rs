//! The bundles that cross module boundaries in the system on a chip.

use hashwalk_hdl::{Signal, bundle, shape};

use super::cache::LINE_BITS;

bundle! {
    /// One of the core's two ports, from the core.
    pub struct Access {
        /// 1 bit.
        pub req: Signal,
        /// 32 bits: a multiple of 4.
        pub addr: Signal,
        /// 1 bit: in user mode, so translated.
        pub user: Signal,
        /// What is stored; only on the data port.
        pub store: Option<Store>,
    }

    /// What is stored, if anything is.
    pub struct Store {
        /// 1 bit.
        pub write: Signal,
        /// 4 bits: one a byte.
        pub strobe: Signal,
        /// 32 bits.
        pub data: Signal,
    }

    /// One of the core's two ports, to the core.
    pub struct Response {
        /// 1 bit: the access is taken.
        pub gnt: Signal,
        /// 1 bit: the oldest access that was taken and not answered is answered.
        pub rvalid: Signal,
        /// 32 bits.
        pub rdata: Signal,
        /// 1 bit: it has failed.
        pub err: Signal,
    }

    /// A translated access that is answered with an error.
    pub struct Failed {
        /// 1 bit.
        pub valid: Signal,
        /// 20 bits.
        pub vpn: Signal,
        /// 2 bits.
        pub access: Signal,
        /// 3 bits.
        pub fault: Signal,
    }

    /// A read of a line of memory, to memory.
    pub struct LineRead {
        /// 1 bit.
        pub valid: Signal,
        /// 32 bits: a multiple of a line.
        pub address: Signal,
    }

    /// Its answer.
    pub struct LineData {
        /// 1 bit: the read is taken.
        pub ready: Signal,
        /// 1 bit.
        pub valid: Signal,
        /// 256 bits.
        pub data: Signal,
    }

    /// A store to memory.
    pub struct MemoryStore {
        /// 1 bit.
        pub valid: Signal,
        /// 32 bits: a multiple of 4.
        pub address: Signal,
        /// 4 bits.
        pub strobe: Signal,
        /// 32 bits.
        pub data: Signal,
    }
}

/// The widths of a port of the core.
#[must_use]
pub fn access(stores: bool) -> Access {
    let store = Store { write: shape(1), strobe: shape(4), data: shape(32) };
    Access { req: shape(1), addr: shape(32), user: shape(1), store: stores.then_some(store) }
}

/// The widths of a failed access.
#[must_use]
pub fn failed() -> Failed {
    Failed { valid: shape(1), vpn: shape(20), access: shape(2), fault: shape(3) }
}

/// The widths of a read's answer.
#[must_use]
pub fn line_data() -> LineData {
    LineData { ready: shape(1), valid: shape(1), data: shape(LINE_BITS) }
}
