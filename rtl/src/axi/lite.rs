//! The AXI4-Lite subordinate: the handshakes of the register window, apart from what the registers are.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `bus_*` | both | AXI4-Lite, 32 bits of data, 12 of address |
//! | `access_*` | out | one write, one read, each for one cycle |
//! | `answer_*` | in | in the same cycle |
//!
//! Address and data of a write may come in either order or together. Each channel into the hardware has a register for
//! one transfer, and its READY says that it is empty: no READY depends on a VALID.
//!
//! ```text
//! cycle     0         1                    2                        write:  awready, wready high again in 2
//! AW, W     taken     access_write_valid   B offered, until taken   the next write is made once B is taken
//! AR        taken     access_read_valid    R offered, until taken
//! ```
//!
//! SLVERR, and no access at all, is the answer to an address that is no multiple of 4 and to a write that does not have all
//! four strobes set: a register is written whole, so that no reader and no command sees half of it. SLVERR is as well what
//! the registers refuse. A read and a write may be made in the same cycle; the read sees what was there before.
//!
//! AWPROT and ARPROT are not looked at. The window programs where the page table lies: it must be mapped for the operating
//! system alone, and whoever can reach it can map anything.
//!
//! Reset: nothing is held, nothing offered.

use hashwalk_hdl::{Component, Module, Signal, bundle, high, lit, low, when};

use super::ports::{
    LiteIn, LiteOut, OKAY, REGISTER_BITS, RegisterAccess, RegisterAnswer, SLVERR, WINDOW_BITS, lite_in, register_answer,
};
use super::stable::Stable;

bundle! {
    /// Inputs.
    pub struct LiteInputs {
        /// From the bus.
        pub bus: LiteIn,
        /// From the registers.
        pub answer: RegisterAnswer,
    }

    /// Outputs.
    pub struct LiteOutputs {
        /// To the bus.
        pub bus: LiteOut,
        /// To the registers.
        pub access: RegisterAccess,
    }

    /// Registers.
    pub struct LiteState {
        /// A write's address.
        pub aw: Address,
        /// A write's data.
        pub w: Data,
        /// 1 bit: a write is answered.
        pub b_valid: Signal,
        /// 1 bit: with SLVERR.
        pub b_error: Signal,
        /// A read's address.
        pub ar: Address,
        /// 1 bit: a read is answered.
        pub r_valid: Signal,
        /// 1 bit: with SLVERR.
        pub r_error: Signal,
        /// 32 bits.
        pub r_data: Signal,
    }

    /// A transfer on AW or AR.
    pub struct Address {
        /// 1 bit: one is held.
        pub held: Signal,
        /// 12 bits.
        pub addr: Signal,
    }

    /// A transfer on W.
    pub struct Data {
        /// 1 bit: one is held.
        pub held: Signal,
        /// 1 bit: all strobes are set.
        pub whole: Signal,
        /// 32 bits.
        pub data: Signal,
    }
}

/// The subordinate.
pub struct Lite;

impl Component for Lite {
    type Inputs = LiteInputs;
    type Outputs = LiteOutputs;
    type State = LiteState;

    fn name(&self) -> String {
        "hashwalk_axi_lite".into()
    }

    fn doc(&self) -> String {
        "AXI4-Lite subordinate of the register window.".into()
    }

    fn inputs(&self) -> LiteInputs {
        LiteInputs { bus: lite_in(), answer: register_answer() }
    }

    fn reset(&self) -> LiteState {
        let address = Address { held: low(), addr: lit(WINDOW_BITS, 0u32) };
        LiteState {
            aw: address.clone(),
            w: Data { held: low(), whole: low(), data: lit(REGISTER_BITS, 0u32) },
            b_valid: low(),
            b_error: low(),
            ar: address,
            r_valid: low(),
            r_error: low(),
            r_data: lit(REGISTER_BITS, 0u32),
        }
    }

    fn kernel(&self, m: &mut Module, i: LiteInputs, s: LiteState) -> (LiteOutputs, LiteState) {
        let write = (&s.aw.held & &s.w.held & !&s.b_valid).named("write");
        let read = (&s.ar.held & !&s.r_valid).named("read");
        let write_legal = (s.aw.aligned() & &s.w.whole).named("write_legal");
        let read_legal = s.ar.aligned().named("read_legal");

        let access = RegisterAccess {
            write_valid: &write & &write_legal,
            write_word: s.aw.word(),
            write_data: s.w.data.clone(),
            read_valid: &read & &read_legal,
            read_word: s.ar.word(),
        };
        let response = |error: &Signal| when(error, lit(2, SLVERR)).otherwise(lit(2, OKAY));
        let bus = LiteOut {
            awready: !&s.aw.held,
            wready: !&s.w.held,
            bvalid: s.b_valid.clone(),
            bresp: response(&s.b_error),
            arready: !&s.ar.held,
            rvalid: s.r_valid.clone(),
            rdata: s.r_data.clone(),
            rresp: response(&s.r_error),
        };
        m.ignore(&i.bus.awprot);
        m.ignore(&i.bus.arprot);
        Stable::theirs(m, "aw_stays", &i.bus.awvalid, &bus.awready, &i.bus.awaddr);
        Stable::theirs(m, "w_stays", &i.bus.wvalid, &bus.wready, &vec![i.bus.wdata.clone(), i.bus.wstrb.clone()]);
        Stable::theirs(m, "ar_stays", &i.bus.arvalid, &bus.arready, &i.bus.araddr);
        Stable::ours(m, "b_stays", &bus.bvalid, &i.bus.bready, &bus.bresp);
        Stable::ours(m, "r_stays", &bus.rvalid, &i.bus.rready, &vec![bus.rdata.clone(), bus.rresp.clone()]);
        m.check("one_answer_a_write", !(&write & &s.b_valid));
        m.check("one_answer_a_read", !(&read & &s.r_valid));
        m.cover("write_waits_for_its_answer", &s.aw.held & &s.w.held & &s.b_valid);

        let next = LiteState {
            aw: s.aw.next(&write, &i.bus.awvalid, &i.bus.awaddr),
            w: Data {
                held: when(&s.w.held, !&write).otherwise(i.bus.wvalid),
                whole: when(&s.w.held, s.w.whole.clone()).otherwise(i.bus.wstrb.all()),
                data: when(&s.w.held, s.w.data).otherwise(i.bus.wdata),
            },
            b_valid: when(&write, high()).otherwise(&s.b_valid & !&i.bus.bready),
            b_error: when(&write, !write_legal | &i.answer.write_error).otherwise(s.b_error),
            ar: s.ar.next(&read, &i.bus.arvalid, &i.bus.araddr),
            r_valid: when(&read, high()).otherwise(&s.r_valid & !&i.bus.rready),
            r_error: when(&read, !&read_legal | &i.answer.read_error).otherwise(s.r_error),
            r_data: when(&read, i.answer.read_data.gate(&read_legal)).otherwise(s.r_data),
        };
        (LiteOutputs { bus, access }, next)
    }
}

impl Address {
    fn aligned(&self) -> Signal {
        self.addr.bits(0..2).is_zero()
    }

    fn word(&self) -> Signal {
        self.addr.bits(2..WINDOW_BITS)
    }

    /// It is empty after the access, and takes the next transfer when it is empty.
    fn next(&self, accessed: &Signal, valid: &Signal, addr: &Signal) -> Address {
        Address {
            held: when(&self.held, !accessed).otherwise(valid.clone()),
            addr: when(&self.held, self.addr.clone()).otherwise(addr.clone()),
        }
    }
}
