//! The channels of AXI4 and AXI4-Lite, with the names of Arm IHI 0022, and what crosses the modules of this folder.

use hashwalk_hdl::{Bundle, Signal, bundle, shape};
use hashwalk_spec::Config;

use crate::ports::{self, ADDRESS_BITS};

/// Bits of ARID, RID, AWID and BID, in every configuration: 0 to 7 are walks, 8 is the compare-and-set.
pub const ID_BITS: u32 = 4;
/// Bits of an address in the register window.
pub const WINDOW_BITS: u32 = 12;
/// Bits of the number of a register.
pub const WORD_BITS: u32 = WINDOW_BITS - 2;
/// Bits of a register.
pub const REGISTER_BITS: u32 = 32;

/// xRESP: what was asked was done.
pub const OKAY: u8 = 0;
/// xRESP: what was asked was done, and nobody wrote between the exclusive read and this exclusive write.
pub const EXOKAY: u8 = 1;
/// xRESP: there is something at the address, and it refused.
pub const SLVERR: u8 = 2;

bundle! {
    /// AR and R, out of the hardware.
    pub struct ReadOut {
        /// 1 bit.
        pub arvalid: Signal,
        /// 4 bits.
        pub arid: Signal,
        /// 52 bits.
        pub araddr: Signal,
        /// 8 bits: beats less one.
        pub arlen: Signal,
        /// 3 bits: log2 of the bytes of a beat.
        pub arsize: Signal,
        /// 2 bits: always INCR.
        pub arburst: Signal,
        /// 1 bit: exclusive.
        pub arlock: Signal,
        /// 4 bits.
        pub arcache: Signal,
        /// 3 bits.
        pub arprot: Signal,
        /// 4 bits.
        pub arqos: Signal,
        /// 1 bit.
        pub rready: Signal,
    }

    /// AR and R, into the hardware.
    pub struct ReadIn {
        /// 1 bit.
        pub arready: Signal,
        /// 1 bit.
        pub rvalid: Signal,
        /// 4 bits.
        pub rid: Signal,
        /// Bus width.
        pub rdata: Signal,
        /// 2 bits.
        pub rresp: Signal,
        /// 1 bit.
        pub rlast: Signal,
    }

    /// AW, W and B, out of the hardware.
    pub struct WriteOut {
        /// 1 bit.
        pub awvalid: Signal,
        /// 4 bits.
        pub awid: Signal,
        /// 52 bits.
        pub awaddr: Signal,
        /// 8 bits: beats less one.
        pub awlen: Signal,
        /// 3 bits: log2 of the bytes of a beat.
        pub awsize: Signal,
        /// 2 bits: always INCR.
        pub awburst: Signal,
        /// 1 bit: exclusive.
        pub awlock: Signal,
        /// 4 bits.
        pub awcache: Signal,
        /// 3 bits.
        pub awprot: Signal,
        /// 4 bits.
        pub awqos: Signal,
        /// 1 bit.
        pub wvalid: Signal,
        /// Bus width.
        pub wdata: Signal,
        /// A bit a byte of the bus.
        pub wstrb: Signal,
        /// 1 bit.
        pub wlast: Signal,
        /// 1 bit.
        pub bready: Signal,
    }

    /// AW, W and B, into the hardware.
    pub struct WriteIn {
        /// 1 bit.
        pub awready: Signal,
        /// 1 bit.
        pub wready: Signal,
        /// 1 bit.
        pub bvalid: Signal,
        /// 4 bits.
        pub bid: Signal,
        /// 2 bits.
        pub bresp: Signal,
    }

    /// AXI4-Lite, into the hardware.
    pub struct LiteIn {
        /// 1 bit.
        pub awvalid: Signal,
        /// 12 bits.
        pub awaddr: Signal,
        /// 3 bits: not looked at.
        pub awprot: Signal,
        /// 1 bit.
        pub wvalid: Signal,
        /// 32 bits.
        pub wdata: Signal,
        /// 4 bits.
        pub wstrb: Signal,
        /// 1 bit.
        pub bready: Signal,
        /// 1 bit.
        pub arvalid: Signal,
        /// 12 bits.
        pub araddr: Signal,
        /// 3 bits: not looked at.
        pub arprot: Signal,
        /// 1 bit.
        pub rready: Signal,
    }

    /// AXI4-Lite, out of the hardware.
    pub struct LiteOut {
        /// 1 bit.
        pub awready: Signal,
        /// 1 bit.
        pub wready: Signal,
        /// 1 bit.
        pub bvalid: Signal,
        /// 2 bits.
        pub bresp: Signal,
        /// 1 bit.
        pub arready: Signal,
        /// 1 bit.
        pub rvalid: Signal,
        /// 32 bits.
        pub rdata: Signal,
        /// 2 bits.
        pub rresp: Signal,
    }

    /// One access to a register, taken and answered in the cycle in which it stands.
    pub struct RegisterAccess {
        /// 1 bit: a whole word is written.
        pub write_valid: Signal,
        /// 10 bits: which.
        pub write_word: Signal,
        /// 32 bits.
        pub write_data: Signal,
        /// 1 bit: a word is read.
        pub read_valid: Signal,
        /// 10 bits: which.
        pub read_word: Signal,
    }

    /// The answer in the same cycle.
    pub struct RegisterAnswer {
        /// 1 bit: nothing was written.
        pub write_error: Signal,
        /// 32 bits: zero where there is nothing to read.
        pub read_data: Signal,
        /// 1 bit: there is nothing to read.
        pub read_error: Signal,
    }

    /// Which table is walked, under which key, and how.
    pub struct Table {
        /// 40 bits.
        pub frame: Signal,
        /// 32 bits.
        pub mask: Signal,
        /// 40 bits: where the frames' entries begin; only of an inverted table.
        pub entries: Option<Signal>,
        /// 128 bits; only with the `keyed` hash.
        pub key: Option<Signal>,
        /// 6 bits.
        pub search_enable: Signal,
    }
}

/// All channels of an AXI4 manager, out of the hardware, under one prefix.
#[derive(Clone, Debug)]
pub struct ManagerOut {
    /// AR and R.
    pub read: ReadOut,
    /// AW, W and B; only where something is written.
    pub write: Option<WriteOut>,
}

/// All channels of an AXI4 manager, into the hardware, under one prefix.
#[derive(Clone, Debug)]
pub struct ManagerIn {
    /// AR and R.
    pub read: ReadIn,
    /// AW, W and B; only where something is written.
    pub write: Option<WriteIn>,
}

impl Bundle for ManagerOut {
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> ManagerOut {
        ManagerOut { read: self.read.map(prefix, f), write: Bundle::map(&self.write, prefix, f) }
    }
}

impl Bundle for ManagerIn {
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> ManagerIn {
        ManagerIn { read: self.read.map(prefix, f), write: Bundle::map(&self.write, prefix, f) }
    }
}

/// The widths of AR and R into the hardware.
#[must_use]
pub fn read_in(bus_bits: u32) -> ReadIn {
    ReadIn {
        arready: shape(1),
        rvalid: shape(1),
        rid: shape(ID_BITS),
        rdata: shape(bus_bits),
        rresp: shape(2),
        rlast: shape(1),
    }
}

/// The widths of AW, W and B into the hardware.
#[must_use]
pub fn write_in() -> WriteIn {
    WriteIn { awready: shape(1), wready: shape(1), bvalid: shape(1), bid: shape(ID_BITS), bresp: shape(2) }
}

/// The widths of AXI4-Lite into the hardware.
#[must_use]
pub fn lite_in() -> LiteIn {
    LiteIn {
        awvalid: shape(1),
        awaddr: shape(WINDOW_BITS),
        awprot: shape(3),
        wvalid: shape(1),
        wdata: shape(REGISTER_BITS),
        wstrb: shape(REGISTER_BITS / 8),
        bready: shape(1),
        arvalid: shape(1),
        araddr: shape(WINDOW_BITS),
        arprot: shape(3),
        rready: shape(1),
    }
}

/// The widths of an access to a register.
#[must_use]
pub fn register_access() -> RegisterAccess {
    RegisterAccess {
        write_valid: shape(1),
        write_word: shape(WORD_BITS),
        write_data: shape(REGISTER_BITS),
        read_valid: shape(1),
        read_word: shape(WORD_BITS),
    }
}

/// The widths of an answer to it.
#[must_use]
pub fn register_answer() -> RegisterAnswer {
    RegisterAnswer { write_error: shape(1), read_data: shape(REGISTER_BITS), read_error: shape(1) }
}

/// The widths of a table's registers.
#[must_use]
pub fn table(config: &Config) -> Table {
    let ports::Control {
        table_frame: frame,
        table_mask: mask,
        entries_frame: entries,
        hash_key: key,
        search_enable,
        ..
    } = ports::control(config);
    Table { frame, mask, entries, key, search_enable }
}

/// The widths of the memory port's outputs, for who stands between it and a bus.
#[must_use]
pub fn memory_out(config: &Config) -> ports::MemoryOut {
    ports::MemoryOut {
        request_valid: shape(1),
        request_address: shape(ADDRESS_BITS),
        request_beats: shape(4),
        request_id: shape(config.walk_id_bits()),
        response_ready: shape(1),
    }
}
