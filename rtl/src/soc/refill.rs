//! The refill buffers: what software has found for the page of its last trap waits here for the access to be made again.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `write_fetch`, `write_data` | in | the buffer of this port becomes `fetch`, or `data`; empty if that is not valid |
//! | `clear` | in | both become empty: an invalidation begins |
//! | `miss_*` | in | the MMU asks software for a page |
//! | `refill_*` | out | in the same cycle: the buffer's entry if it is of the page, else `not_present` |
//!
//! So a miss ends at once, with an entry or an error, and the error makes the core trap. An entry is given once: the access
//! that is made again takes it into the TLB. Reset: empty.

use hashwalk_hdl::{Component, Module, Signal, bundle, lit, shape, when};
use hashwalk_spec::address::{PFN_BITS, VPN_BITS};
use hashwalk_spec::fault::{FAULT_BITS, Fault, NO_FAULT};

use crate::page;
use crate::ports::{self, Mapping, Miss, Refill, Request, zeros};

bundle! {
    /// Inputs.
    pub struct BuffersInputs {
        /// 1 bit.
        pub write_fetch: Signal,
        /// 1 bit.
        pub write_data: Signal,
        /// What fetches get.
        pub fetch: Buffer,
        /// What data accesses get.
        pub data: Buffer,
        /// 1 bit.
        pub clear: Signal,
        /// From the MMU.
        pub miss: Miss,
    }

    /// An entry, if there is one.
    pub struct Buffer {
        /// 1 bit.
        pub valid: Signal,
        /// The entry.
        pub mapping: Mapping,
    }

    /// Outputs.
    pub struct BuffersOutputs {
        /// To the MMU.
        pub refill: Refill,
    }

    /// Registers.
    pub struct BuffersState {
        /// Of fetches.
        pub fetch: Buffer,
        /// Of data accesses.
        pub data: Buffer,
    }
}

/// Both buffers.
pub struct Buffers;

impl Component for Buffers {
    type Inputs = BuffersInputs;
    type Outputs = BuffersOutputs;
    type State = BuffersState;

    fn name(&self) -> String {
        "hashwalk_soc_refill".into()
    }

    fn doc(&self) -> String {
        "Refill buffers: they answer the MMU's questions to software at once.".into()
    }

    fn inputs(&self) -> BuffersInputs {
        BuffersInputs {
            write_fetch: shape(1),
            write_data: shape(1),
            fetch: Buffer::shape(),
            data: Buffer::shape(),
            clear: shape(1),
            miss: ports::miss(),
        }
    }

    fn reset(&self) -> BuffersState {
        let empty = zeros(&Buffer::shape());
        BuffersState { fetch: empty.clone(), data: empty }
    }

    fn kernel(&self, m: &mut Module, i: BuffersInputs, s: BuffersState) -> (BuffersOutputs, BuffersState) {
        let Miss { valid, vpn, asid, access, user } = i.miss;
        let of_fetch = access.eq_value(2u32).named("of_fetch");
        let request = Request { id: lit(4, 0u32), vpn, asid, access, user };
        let buffer = when(&of_fetch, s.fetch.clone()).otherwise(s.data.clone());
        let gives = (&buffer.valid & page::covers(&buffer.mapping, &request)).named("gives");
        m.cover("gives_an_entry", &valid & &gives);
        m.ignore(&request.user);

        let next = |old: Buffer, new: Buffer, write: &Signal, mine: Signal| {
            let given = &valid & &gives & mine;
            let left = Buffer { valid: &old.valid & !given, ..old };
            let kept = when(write, new).otherwise(left);
            Buffer { valid: &kept.valid & !&i.clear, ..kept }
        };
        let fault = lit(FAULT_BITS, Fault::NotPresent.code());
        let Mapping { vpn, asid, global, size, pfn, rights, dirty } = buffer.mapping.clone();
        let refill = Refill {
            valid: valid.clone(),
            fault: when(&gives, lit(FAULT_BITS, NO_FAULT)).otherwise(fault),
            vpn,
            asid,
            pfn,
            size,
            rights,
            global,
            dirty,
        };
        let state = BuffersState {
            fetch: next(s.fetch, i.fetch, &i.write_fetch, of_fetch.clone()),
            data: next(s.data, i.data, &i.write_data, !of_fetch),
        };
        (BuffersOutputs { refill }, state)
    }
}

impl Buffer {
    /// The widths.
    fn shape() -> Buffer {
        Buffer { valid: shape(1), mapping: ports::unmarked_mapping() }
    }

    /// What the low word of a PTE says of this page of an address space (docs/spec.md, section 2); the page is rounded down
    /// to the size.
    #[must_use]
    pub fn of_pte(word: &Signal, vpn: &Signal, asid: &Signal) -> Buffer {
        let size = word.bits(8..10);
        let global = word.bit(5);
        Buffer {
            valid: word.bit(0),
            mapping: Mapping {
                vpn: page::base(&vpn.zext(VPN_BITS), &size),
                asid: asid.gate(&!&global),
                global,
                pfn: word.bits(12..32).zext(PFN_BITS),
                rights: word.bits(1..5),
                size,
                dirty: None,
            },
        }
    }
}
