//! What software in machine mode reads and writes: the simulation's console and end, the timer, the MMU's settings, the
//! records of failed accesses, refills, invalidations.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `access_*` | in | for one cycle; a store of any size writes the whole register |
//! | `data`, `waits` | out | what is read, in the same cycle; an invalidation is not done |
//! | `control_*`, `asid` | out | to the MMU |
//! | `fetch_failed_*`, `data_failed_*` | in | a translated access is answered with an error |
//! | `fetch_turns` | in | a branch to user mode |
//! | `miss_*`, `refill_*` | both | the MMU asks software, and is answered in the same cycle (`refill.rs`) |
//! | `invalidate_*` | both | the MMU's port |
//! | `stores_done` | in | no store is on its way to memory |
//! | `console_*`, `exit_*` | out | for one cycle |
//! | `timer` | out | a level |
//!
//! Addresses and bits are those of docs/soc.md. Reset: all zero, hardware walks.

use hashwalk_hdl::{
    Component, Module, Signal, any_of, bundle, case, concat, lit, low, one_hot_mux, shape, states, when,
};
use hashwalk_spec::Config;
use hashwalk_spec::address::{ASID_BITS, PFN_BITS, VPN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::fault::FAULT_BITS;

use super::port::RegisterAccess;
use super::ports::{Failed, failed};
use super::refill::{Buffer, Buffers, BuffersInputs};
use crate::ports::{self, Control, Invalidate, KEY_BITS, Miss, Refill, SEARCHES};

/// Offsets of the registers.
pub mod offset {
    /// w: the low byte is printed.
    pub const CONSOLE: u32 = 0x00;
    /// w: the simulation ends with this code.
    pub const EXIT: u32 = 0x04;
    /// r: cycles, the low 32 bits.
    pub const MTIME: u32 = 0x08;
    /// rw.
    pub const MTIMECMP: u32 = 0x0c;
    /// rw.
    pub const TIMER_ENABLE: u32 = 0x10;
    /// rw: of user mode.
    pub const ASID: u32 = 0x20;
    /// rw: bit 0, software refill.
    pub const MODE: u32 = 0x24;
    /// rw.
    pub const TABLE_FRAME: u32 = 0x28;
    /// rw.
    pub const TABLE_MASK: u32 = 0x2c;
    /// rw.
    pub const ENTRIES_FRAME: u32 = 0x30;
    /// rw.
    pub const SEARCH_ENABLE: u32 = 0x34;
    /// rw: four words, the lowest first.
    pub const KEY: u32 = 0x40;
    /// r: the page of the record.
    pub const FETCH_VPN: u32 = 0x50;
    /// r: what the record says besides; empties it.
    pub const FETCH_INFO: u32 = 0x54;
    /// r: the page of the record.
    pub const DATA_VPN: u32 = 0x58;
    /// r: what the record says besides; empties it.
    pub const DATA_INFO: u32 = 0x5c;
    /// w: the low word of a PTE.
    pub const REFILL_FETCH: u32 = 0x60;
    /// w: the low word of a PTE.
    pub const REFILL_DATA: u32 = 0x64;
    /// rw.
    pub const INVALIDATE_VPN: u32 = 0x70;
    /// w: ASID and kind; completes when it is done.
    pub const INVALIDATE: u32 = 0x74;
}
use offset::*;

states! {
    /// What an invalidation waits for.
    pub enum Invalidation {
        /// There is none.
        Rest,
        /// Stores before it to be in memory.
        Drain,
        /// The MMU to take it.
        Offer,
        /// It to be done.
        AwaitDone,
    }
}

bundle! {
    /// Inputs.
    pub struct RegisterInputs {
        /// From the data port.
        pub access: RegisterAccess,
        /// From the fetch port.
        pub fetch_failed: Failed,
        /// From the data port.
        pub data_failed: Failed,
        /// 1 bit.
        pub fetch_turns: Signal,
        /// From the MMU.
        pub miss: Miss,
        /// 1 bit.
        pub invalidate_ready: Signal,
        /// 1 bit.
        pub invalidate_done: Signal,
        /// 1 bit.
        pub stores_done: Signal,
    }

    /// Outputs.
    pub struct RegisterOutputs {
        /// 32 bits.
        pub data: Signal,
        /// 1 bit.
        pub waits: Signal,
        /// To the MMU.
        pub control: Control,
        /// 16 bits.
        pub asid: Signal,
        /// To the MMU.
        pub refill: Refill,
        /// To the MMU.
        pub invalidate: Invalidate,
        /// To the simulation.
        pub console: Word,
        /// To the simulation.
        pub exit: Word,
        /// 1 bit.
        pub timer: Signal,
    }

    /// What the simulation is told.
    pub struct Word {
        /// 1 bit.
        pub valid: Signal,
        /// 32 bits, or 8.
        pub data: Signal,
    }

    /// Registers.
    pub struct RegisterState {
        /// 32 bits.
        pub time: Signal,
        /// 32 bits.
        pub compare: Signal,
        /// 1 bit.
        pub timer_enable: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// What the MMU is set to.
        pub table: TableState,
        /// Of fetches.
        pub fetch: Record,
        /// Of data accesses.
        pub data: Record,
        /// 2 bits: [`Invalidation`].
        pub invalidation: Signal,
        /// 32 bits.
        pub invalidate_vpn: Signal,
        /// 2 bits.
        pub invalidate_kind: Signal,
        /// 16 bits.
        pub invalidate_asid: Signal,
    }

    /// What the MMU is set to.
    pub struct TableState {
        /// 1 bit.
        pub software: Signal,
        /// 32 bits.
        pub frame: Signal,
        /// 32 bits.
        pub mask: Signal,
        /// 32 bits.
        pub entries: Option<Signal>,
        /// 6 bits.
        pub search_enable: Signal,
        /// 128 bits.
        pub key: Option<Signal>,
    }

    /// The first access that failed since it was read.
    pub struct Record {
        /// 1 bit.
        pub valid: Signal,
        /// 20 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 2 bits.
        pub access: Signal,
        /// 3 bits.
        pub fault: Signal,
    }
}

/// The registers of a configuration.
pub struct Registers {
    config: Config,
}

impl Registers {
    /// The registers for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Registers {
        Registers { config: config.clone() }
    }
}

impl Component for Registers {
    type Inputs = RegisterInputs;
    type Outputs = RegisterOutputs;
    type State = RegisterState;

    fn name(&self) -> String {
        "hashwalk_soc_registers".into()
    }

    fn doc(&self) -> String {
        "The registers of machine mode.".into()
    }

    fn inputs(&self) -> RegisterInputs {
        let access = RegisterAccess { valid: shape(1), offset: shape(8), write: shape(1), data: shape(32) };
        RegisterInputs {
            access,
            fetch_failed: failed(),
            data_failed: failed(),
            fetch_turns: shape(1),
            miss: ports::miss(),
            invalidate_ready: shape(1),
            invalidate_done: shape(1),
            stores_done: shape(1),
        }
    }

    fn reset(&self) -> RegisterState {
        let word = || lit(32, 0u32);
        let record = || Record {
            valid: low(),
            vpn: lit(20, 0u32),
            asid: lit(ASID_BITS, 0u32),
            access: lit(2, 0u32),
            fault: lit(FAULT_BITS, 0u32),
        };
        let control = ports::control(&self.config);
        RegisterState {
            time: word(),
            compare: word(),
            timer_enable: low(),
            asid: lit(ASID_BITS, 0u32),
            table: TableState {
                software: low(),
                frame: word(),
                mask: word(),
                entries: control.entries_frame.map(|_| word()),
                search_enable: lit(SEARCHES, 0u32),
                key: control.hash_key.map(|_| lit(KEY_BITS, 0u32)),
            },
            fetch: record(),
            data: record(),
            invalidation: Invalidation::Rest.signal(),
            invalidate_vpn: word(),
            invalidate_kind: lit(2, 0u32),
            invalidate_asid: lit(ASID_BITS, 0u32),
        }
    }

    fn kernel(&self, m: &mut Module, i: RegisterInputs, s: RegisterState) -> (RegisterOutputs, RegisterState) {
        let buffers = m.instance("buffers", &Buffers);
        let data = &i.access.data;
        m.ignore(i.access.offset.bits(0..2));
        let here = |offset: u32| i.access.offset.bits(2..8).eq_value(offset / 4);
        let writes = (&i.access.valid & &i.access.write).named("writes");
        let write = |offset: u32| &writes & here(offset);
        let reads = |offset: u32| &i.access.valid & !&i.access.write & here(offset);
        let kept = |offset: u32, old: &Signal| when(&write(offset), data.bits(0..old.width())).otherwise(old.clone());

        // Invalidations.
        let is = |state: Invalidation| state.is(&s.invalidation);
        let rest = is(Invalidation::Rest);
        let done = (is(Invalidation::AwaitDone) & &i.invalidate_done).named("done");
        let begins = write(INVALIDATE).named("begins");
        let stay = s.invalidation.clone();
        let invalidation = case(
            &s.invalidation,
            [
                (Invalidation::Rest, when(&begins, Invalidation::Drain.signal()).otherwise(stay.clone())),
                (Invalidation::Drain, when(&i.stores_done, Invalidation::Offer.signal()).otherwise(stay.clone())),
                (
                    Invalidation::Offer,
                    when(&i.invalidate_ready, Invalidation::AwaitDone.signal()).otherwise(stay.clone()),
                ),
                (Invalidation::AwaitDone, when(&done, Invalidation::Rest.signal()).otherwise(stay)),
            ],
        );

        // Refills.
        let filled = |record: &Record| Buffer::of_pte(data, &record.vpn, &record.asid);
        buffers.connect(BuffersInputs {
            write_fetch: write(REFILL_FETCH),
            write_data: write(REFILL_DATA),
            fetch: filled(&s.fetch),
            data: filled(&s.data),
            clear: begins.clone(),
            miss: i.miss,
        });

        // What is read.
        let timer = (&s.timer_enable & !(&s.time - &s.compare).bit(31)).named("timer_due");
        let table = &s.table;
        let mut words = vec![
            (MTIME, s.time.clone()),
            (MTIMECMP, s.compare.clone()),
            (TIMER_ENABLE, s.timer_enable.zext(32)),
            (ASID, s.asid.zext(32)),
            (MODE, table.software.zext(32)),
            (TABLE_FRAME, table.frame.clone()),
            (TABLE_MASK, table.mask.clone()),
            (SEARCH_ENABLE, table.search_enable.zext(32)),
            (FETCH_VPN, s.fetch.vpn.zext(32)),
            (FETCH_INFO, s.fetch.info()),
            (DATA_VPN, s.data.vpn.zext(32)),
            (DATA_INFO, s.data.info()),
            (INVALIDATE_VPN, s.invalidate_vpn.clone()),
        ];
        words.extend(table.entries.iter().map(|entries| (ENTRIES_FRAME, entries.clone())));
        if let Some(key) = &table.key {
            words.extend((0..4).map(|word| (KEY + 4 * word, key.bits(32 * word..32 * word + 32))));
        }
        let read = one_hot_mux(words.into_iter().map(|(offset, word)| (here(offset), word)));

        let control = Control {
            software_refill: table.software.clone(),
            table_frame: table.frame.zext(PFN_BITS),
            table_mask: table.mask.clone(),
            entries_frame: table.entries.as_ref().map(|entries| entries.zext(PFN_BITS)),
            hash_key: table.key.clone(),
            search_enable: table.search_enable.clone(),
        };
        debug_assert_eq!(control.table_mask.width(), INDEX_BITS);
        let outputs = RegisterOutputs {
            data: read.named("read_data"),
            waits: any_of([&begins, &is(Invalidation::Drain), &is(Invalidation::Offer)])
                | (is(Invalidation::AwaitDone) & !&done),
            control,
            asid: s.asid.clone(),
            refill: buffers.outputs.refill.clone(),
            invalidate: Invalidate {
                valid: is(Invalidation::Offer),
                kind: s.invalidate_kind.clone(),
                vpn: s.invalidate_vpn.zext(VPN_BITS),
                asid: s.invalidate_asid.clone(),
            },
            console: Word { valid: write(CONSOLE), data: data.bits(0..8) },
            exit: Word { valid: write(EXIT), data: data.clone() },
            timer,
        };
        m.check("one_invalidation_at_a_time", !&begins | rest);
        let key = s
            .table
            .key
            .as_ref()
            .map(|key| concat((0..4).rev().map(|word| kept(KEY + 4 * word, &key.bits(32 * word..32 * word + 32)))));
        let next = RegisterState {
            time: &s.time + lit(32, 1u32),
            compare: kept(MTIMECMP, &s.compare),
            timer_enable: kept(TIMER_ENABLE, &s.timer_enable),
            asid: kept(ASID, &s.asid),
            table: TableState {
                software: kept(MODE, &s.table.software),
                frame: kept(TABLE_FRAME, &s.table.frame),
                mask: kept(TABLE_MASK, &s.table.mask),
                entries: s.table.entries.as_ref().map(|entries| kept(ENTRIES_FRAME, entries)),
                search_enable: kept(SEARCH_ENABLE, &s.table.search_enable),
                key,
            },
            fetch: s.fetch.next(&i.fetch_failed, &s.asid, &(reads(FETCH_INFO) | &i.fetch_turns)),
            data: s.data.next(&i.data_failed, &s.asid, &reads(DATA_INFO)),
            invalidation: invalidation.named("invalidation_next"),
            invalidate_vpn: kept(INVALIDATE_VPN, &s.invalidate_vpn),
            invalidate_kind: when(&begins, data.bits(16..18)).otherwise(s.invalidate_kind),
            invalidate_asid: when(&begins, data.bits(0..ASID_BITS)).otherwise(s.invalidate_asid),
        };
        (outputs, next)
    }
}

impl Record {
    /// Everything but the page.
    fn info(&self) -> Signal {
        let zeros = |bits| lit(bits, 0u32);
        concat([&self.valid, &zeros(8), &self.fault, &zeros(2), &self.access, &self.asid])
    }

    /// The first failure is kept until it is `emptied`; what it was about is kept until the next.
    fn next(&self, failed: &Failed, asid: &Signal, emptied: &Signal) -> Record {
        let takes = &failed.valid & (!&self.valid | emptied);
        let new = Record {
            valid: lit(1, 1u32),
            vpn: failed.vpn.clone(),
            asid: asid.clone(),
            access: failed.access.clone(),
            fault: failed.fault.clone(),
        };
        let old = Record { valid: &self.valid & !emptied, ..self.clone() };
        when(&takes, new).otherwise(old)
    }
}
