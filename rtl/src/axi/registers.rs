//! The registers: what software writes, what it is told, and the commands. The addresses and bits are those of the
//! [`map`].
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `access_*`, `answer_*` | in, out | one write and one read in a cycle, answered in it |
//! | `mmu_*` | both | misses, refills, whether it is idle |
//! | `change_*` | both | the change of table ([`super::change`]) and software's invalidations |
//! | `counter_*` | both | the counters ([`super::counters`]) |
//! | `fault_*` | both | the record of the first fault ([`super::fault_record`]) |
//! | `miss_interrupt`, `fault_interrupt` | out | levels: a miss is reported, a fault recorded, and the interrupt is enabled |
//!
//! ```text
//!               GO             taken              done                        GO              taken
//! invalidation Rest ─► Offered ─────► AwaitDone ──────► Rest       refill     Rest ─► Offered ──────► Rest
//! ```
//!
//! What was offered to the MMU may not change until it is taken, and so writes to it are refused meanwhile. A refill is
//! refused where no miss is reported, so that it cannot be taken for the answer to a later one.
//!
//! Reset: every register is zero, nothing is offered.

use hashwalk_hdl::{
    Bundle, Component, Module, Signal, any_of, bundle, case, concat, join, lit, low, one_hot_mux, shape, states, when,
};
use hashwalk_spec::Config;
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::fault::{FAULT_BITS, Fault};

use super::counters::{COUNTER_BITS, select_bits};
use super::fault_record::{FaultRecord, fault_record};
use super::map::{self, Access, DONE_BITS, FIRST_COUNTER, Only, Refusal, Register};
use super::ports::{REGISTER_BITS, RegisterAccess, RegisterAnswer, Table, WORD_BITS, register_access};
use super::stable::Stable;
use crate::ports::{self, Invalidate, Miss, Refill};

states! {
    /// An invalidation of software's.
    pub enum Invalidation {
        /// There is none.
        Rest,
        /// It is offered.
        Offered,
        /// It was taken.
        AwaitDone,
    }
}

bundle! {
    /// Inputs.
    pub struct RegisterInputs {
        /// From the bus.
        pub access: RegisterAccess,
        /// What the MMU says.
        pub mmu: MmuStatus,
        /// What the change of table says.
        pub change: ChangeStatus,
        /// 64 bits: the counter that is selected.
        pub counter_value: Signal,
        /// The first fault.
        pub fault: FaultRecord,
    }

    /// Of the MMU.
    pub struct MmuStatus {
        /// 1 bit.
        pub idle: Signal,
        /// The miss that is reported.
        pub miss: Miss,
        /// 1 bit.
        pub refill_ready: Signal,
    }

    /// Of the change of table.
    pub struct ChangeStatus {
        /// 1 bit.
        pub busy: Signal,
        /// 1 bit.
        pub changed: Signal,
        /// 1 bit: software's invalidation is taken.
        pub software_taken: Signal,
        /// 1 bit: it is done.
        pub software_done: Signal,
    }

    /// Outputs.
    pub struct RegisterOutputs {
        /// To the bus.
        pub answer: RegisterAnswer,
        /// 1 bit.
        pub software_refill: Signal,
        /// To the MMU.
        pub refill: Refill,
        /// The table that software wants.
        pub wanted: Table,
        /// 1 bit: it comes into force.
        pub apply: Signal,
        /// What software invalidates.
        pub invalidate: Invalidate,
        /// 1 bit: it is offered, or not done.
        pub invalidate_under_way: Signal,
        /// To the counters.
        pub counter: CounterControl,
        /// 1 bit: the record of the first fault is cleared.
        pub fault_clear: Signal,
        /// 1 bit.
        pub miss_interrupt: Signal,
        /// 1 bit.
        pub fault_interrupt: Signal,
    }

    /// Of the counters.
    pub struct CounterControl {
        /// 1 bit.
        pub freeze: Signal,
        /// 1 bit.
        pub clear: Signal,
        /// Which one is read.
        pub select: Signal,
    }

    /// Registers.
    pub struct RegisterState {
        /// What software has written.
        pub written: Written,
        /// 2 bits: [`Invalidation`].
        pub invalidation: Signal,
        /// 2 bits.
        pub invalidate_kind: Signal,
        /// 1 bit: a refill is offered.
        pub refilling: Signal,
        /// 3 bits.
        pub refill_fault: Signal,
        /// 1 bit: its D; only where the hardware looks at it.
        pub refill_dirty: Option<Signal>,
        /// 32 bits: the high word of the counter whose low word was read last.
        pub counter_high: Signal,
        /// How often things were done.
        pub done: Done,
    }

    /// Modulo 2^16.
    pub struct Done {
        /// 16 bits.
        pub changes: Signal,
        /// 16 bits.
        pub invalidations: Signal,
        /// 16 bits.
        pub refills: Signal,
    }
}

/// What software has written: the registers of the map that are kept, by their names.
#[derive(Clone, Debug)]
pub struct Written(Vec<(String, Signal)>);

impl Bundle for Written {
    fn map(&self, prefix: &str, f: &mut dyn FnMut(&str, &Signal) -> Signal) -> Written {
        Written(self.0.iter().map(|(name, leaf)| (name.clone(), f(&join(prefix, name), leaf))).collect())
    }
}

impl Written {
    /// The register `name` of the map.
    fn get(&self, name: &str) -> &Signal {
        let found = self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        &found.unwrap_or_else(|| panic!("the map keeps no register {name}")).1
    }

    /// Registers side by side, the last one in the highest bits.
    fn join<const N: usize>(&self, names: [&str; N]) -> Signal {
        concat(names.iter().rev().map(|name| self.get(name)))
    }
}

/// The registers of a configuration.
pub struct Registers {
    config: Config,
    map: Vec<Register>,
}

impl Registers {
    /// The registers for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Registers {
        Registers { config: config.clone(), map: map::of(config) }
    }

    fn stored(&self) -> impl Iterator<Item = &Register> {
        self.map.iter().filter(|register| register.is_stored())
    }
}

impl Component for Registers {
    type Inputs = RegisterInputs;
    type Outputs = RegisterOutputs;
    type State = RegisterState;

    fn name(&self) -> String {
        "hashwalk_axi_registers".into()
    }

    fn doc(&self) -> String {
        "The register window (docs/registers.md).".into()
    }

    fn inputs(&self) -> RegisterInputs {
        RegisterInputs {
            access: register_access(),
            mmu: MmuStatus { idle: shape(1), miss: ports::miss(), refill_ready: shape(1) },
            change: ChangeStatus {
                busy: shape(1),
                changed: shape(1),
                software_taken: shape(1),
                software_done: shape(1),
            },
            counter_value: shape(COUNTER_BITS),
            fault: fault_record(),
        }
    }

    fn reset(&self) -> RegisterState {
        let written =
            self.stored().map(|register| (register.name.to_lowercase(), lit(register.width(), register.reset)));
        let none = lit(DONE_BITS, 0u32);
        RegisterState {
            written: Written(written.collect()),
            invalidation: Invalidation::Rest.signal(),
            invalidate_kind: lit(2, 0u32),
            refilling: low(),
            refill_fault: lit(FAULT_BITS, 0u32),
            refill_dirty: self.config.marks().is_checked().then(low),
            counter_high: lit(REGISTER_BITS, 0u32),
            done: Done { changes: none.clone(), invalidations: none.clone(), refills: none },
        }
    }

    fn kernel(&self, m: &mut Module, i: RegisterInputs, s: RegisterState) -> (RegisterOutputs, RegisterState) {
        let invalidating = (!Invalidation::Rest.is(&s.invalidation)).named("invalidating");
        let data = &i.access.write_data;
        let fault = data.bits(0..FAULT_BITS);
        let last = if self.config.marks().is_checked() { Fault::Unmarked } else { Fault::BusError };
        let reserved = fault.gt(&lit(FAULT_BITS, last.code())).named("reserved_fault");
        let refused = |refusal: Option<Refusal>| match refusal {
            None => low(),
            Some(Refusal::WhileTableChanges) => i.change.busy.clone(),
            Some(Refusal::WhileInvalidating) => invalidating.clone(),
            Some(Refusal::WhileRefilling) => s.refilling.clone(),
            Some(Refusal::NothingToRefill) => &s.refilling | !&i.mmu.miss.valid | &reserved,
        };

        // What is written, by name.
        let writes: Vec<(&str, Signal)> = self
            .map
            .iter()
            .filter(|register| register.is_stored() || register.access == Access::Command)
            .map(|register| {
                let here = i.access.write_word.eq_value(register.offset / 4);
                let write = &i.access.write_valid & here & !refused(register.refused);
                (register.name.as_str(), write.named(format!("write_{}", register.name.to_lowercase())))
            })
            .collect();
        let write = |name: &str| &writes.iter().find(|(own, _)| *own == name).expect("the map has it").1;

        // What is read.
        let (read_data, read_exists, low_word) = self.read(&i, &s, &invalidating);

        let go = write("INVALIDATE_GO");
        let invalidation = case(
            &s.invalidation,
            [
                (Invalidation::Rest, when(go, Invalidation::Offered.signal()).otherwise(s.invalidation.clone())),
                (
                    Invalidation::Offered,
                    when(&i.change.software_taken, Invalidation::AwaitDone.signal()).otherwise(s.invalidation.clone()),
                ),
                (
                    Invalidation::AwaitDone,
                    when(&i.change.software_done, Invalidation::Rest.signal()).otherwise(s.invalidation.clone()),
                ),
            ],
        );
        let taken = (&s.refilling & &i.mmu.refill_ready).named("refill_taken");
        let written = s.written.0.iter().zip(self.stored()).map(|((name, now), register)| {
            let next = when(write(&register.name), data.bits(0..now.width())).otherwise(now.clone());
            (name.clone(), next)
        });
        let counted = |count: &Signal, event: &Signal| count + event.zext(DONE_BITS);
        let next = RegisterState {
            written: Written(written.collect()),
            invalidation: invalidation.named("invalidation_next"),
            invalidate_kind: when(go, data.bits(0..2)).otherwise(s.invalidate_kind.clone()),
            refilling: write("REFILL_GO") | (&s.refilling & !&i.mmu.refill_ready),
            refill_fault: when(write("REFILL_GO"), fault).otherwise(s.refill_fault.clone()),
            refill_dirty: (s.refill_dirty.as_ref())
                .map(|dirty| when(write("REFILL_GO"), data.bit(FAULT_BITS)).otherwise(dirty.clone())),
            counter_high: when(&low_word, i.counter_value.bits(REGISTER_BITS..COUNTER_BITS))
                .otherwise(s.counter_high.clone()),
            done: Done {
                changes: counted(&s.done.changes, &i.change.changed),
                invalidations: counted(&s.done.invalidations, &(&invalidating & &i.change.software_done)),
                refills: counted(&s.done.refills, &taken),
            },
        };
        let refill = self.refill(&s);
        let Refill { fault, vpn, asid, pfn, size, rights, global, .. } = &refill;
        let payload = concat([fault, vpn, asid, pfn, size, rights, global]);
        Stable::ours(m, "refill_stays", &refill.valid, &i.mmu.refill_ready, &payload);
        m.check("refill_answers_a_miss", !&s.refilling | &i.mmu.miss.valid);
        m.check("done_is_asked_for", !&i.change.software_done | Invalidation::AwaitDone.is(&s.invalidation));

        let on = |name: &str| write(name) & data.bit(0);
        let control = s.written.get("CONTROL");
        let outputs = RegisterOutputs {
            answer: RegisterAnswer {
                write_error: !any_of(writes.iter().map(|(_, write)| write)),
                read_data,
                read_error: !read_exists,
            },
            software_refill: control.bit(0),
            refill,
            wanted: Table {
                frame: s.written.join(["TABLE_FRAME_LO", "TABLE_FRAME_HI"]),
                mask: s.written.get("TABLE_MASK").clone(),
                entries: Only::Inverted
                    .holds(&self.config)
                    .then(|| s.written.join(["ENTRIES_FRAME_LO", "ENTRIES_FRAME_HI"])),
                key: Only::Keyed.holds(&self.config).then(|| s.written.join(["KEY_0", "KEY_1", "KEY_2", "KEY_3"])),
                search_enable: s.written.get("SEARCH_ENABLE").clone(),
            },
            apply: on("TABLE_APPLY"),
            invalidate: Invalidate {
                valid: Invalidation::Offered.is(&s.invalidation),
                kind: s.invalidate_kind.clone(),
                vpn: s.written.join(["INVALIDATE_VPN_LO", "INVALIDATE_VPN_HI"]),
                asid: s.written.get("INVALIDATE_ASID").clone(),
            },
            invalidate_under_way: invalidating,
            counter: CounterControl {
                freeze: s.written.get("COUNTER_FREEZE").clone(),
                clear: on("COUNTER_CLEAR"),
                select: self.selected(&i.access.read_word),
            },
            fault_clear: on("FAULT_CLEAR"),
            miss_interrupt: &i.mmu.miss.valid & control.bit(1),
            fault_interrupt: &i.fault.valid & control.bit(2),
        };
        (outputs, next)
    }
}

impl Registers {
    /// The word that is read, whether there is one, and whether a counter's low word is read in this cycle.
    fn read(&self, i: &RegisterInputs, s: &RegisterState, invalidating: &Signal) -> (Signal, Signal, Signal) {
        let here = |register: &Register| i.access.read_word.eq_value(register.offset / 4);
        let of_access = |access: Access| self.map.iter().filter(move |register| register.access == access);
        let counter = any_of(of_access(Access::Counter).map(here)).named("reads_counter");
        let high_word = i.access.read_word.bit(0);
        let word = when(&high_word, s.counter_high.clone()).otherwise(i.counter_value.bits(0..REGISTER_BITS));

        let mut words: Vec<(Signal, Signal)> = vec![(counter.clone(), word)];
        for register in of_access(Access::Constant) {
            words.push((here(register), lit(REGISTER_BITS, register.value(&self.config))));
        }
        for register in of_access(Access::ReadWrite) {
            words.push((here(register), s.written.get(&register.name).zext(REGISTER_BITS)));
        }
        for register in of_access(Access::Status) {
            words.push((here(register), status(register, i, s, invalidating)));
        }
        let exists = any_of(words.iter().map(|(here, _)| here)).named("read_exists");
        (one_hot_mux(words).named("read_data"), exists, &i.access.read_valid & counter & !high_word)
    }

    /// The counter whose address it is.
    fn selected(&self, word: &Signal) -> Signal {
        debug_assert_eq!(FIRST_COUNTER >> (select_bits() + 3) << (select_bits() + 3), FIRST_COUNTER);
        debug_assert!(select_bits() + 1 < WORD_BITS);
        word.bits(1..1 + select_bits())
    }

    fn refill(&self, s: &RegisterState) -> Refill {
        let attributes = s.written.get("REFILL_ATTRIBUTES");
        let register = self.map.iter().find(|register| register.name == "REFILL_ATTRIBUTES").expect("it is in the map");
        let part = |name: &str| {
            let field = register.fields.iter().find(|field| field.name == name).expect("it has this field");
            attributes.bits(field.low..field.low + field.bits)
        };
        Refill {
            valid: s.refilling.clone(),
            fault: s.refill_fault.clone(),
            vpn: s.written.join(["REFILL_VPN_LO", "REFILL_VPN_HI"]),
            asid: s.written.get("REFILL_ASID").clone(),
            pfn: s.written.join(["REFILL_PFN_LO", "REFILL_PFN_HI"]),
            size: part("size"),
            rights: part("rights"),
            global: part("global"),
            dirty: s.refill_dirty.clone(),
        }
    }
}

/// What a status register says.
fn status(register: &Register, i: &RegisterInputs, s: &RegisterState, invalidating: &Signal) -> Signal {
    let miss = &i.mmu.miss;
    let value = |field: &str| match (register.name.as_str(), field) {
        ("STATUS", "idle") => i.mmu.idle.clone(),
        ("STATUS", "table_busy") | ("TABLE_STATUS", "busy") => i.change.busy.clone(),
        ("STATUS", "invalidate_busy") | ("INVALIDATE_STATUS", "busy") => invalidating.clone(),
        ("STATUS", "refill_busy") | ("REFILL_STATUS", "busy") => s.refilling.clone(),
        ("STATUS", "miss_valid") | ("MISS_STATUS", "valid") => miss.valid.clone(),
        ("TABLE_STATUS", "done") => s.done.changes.clone(),
        ("INVALIDATE_STATUS", "done") => s.done.invalidations.clone(),
        ("REFILL_STATUS", "done") => s.done.refills.clone(),
        ("MISS_STATUS", "access") => miss.access.clone(),
        ("MISS_STATUS", "user") => miss.user.clone(),
        ("MISS_STATUS", "asid") => miss.asid.clone(),
        ("STATUS", "fault_valid") | ("FAULT_STATUS", "valid") => i.fault.valid.clone(),
        ("FAULT_STATUS", "more") => i.fault.more.clone(),
        ("FAULT_STATUS", "access") => i.fault.asked.access.clone(),
        ("FAULT_STATUS", "user") => i.fault.asked.user.clone(),
        ("FAULT_STATUS", "fault") => i.fault.fault.clone(),
        ("FAULT_STATUS", "id") => i.fault.asked.id.clone(),
        ("FAULT_STATUS", "asid") => i.fault.asked.asid.clone(),
        ("FAULT_VPN_LO", _) => i.fault.asked.vpn.bits(0..REGISTER_BITS),
        ("FAULT_VPN_HI", _) => i.fault.asked.vpn.bits(REGISTER_BITS..VPN_BITS),
        ("MISS_VPN_LO", _) => miss.vpn.bits(0..REGISTER_BITS),
        ("MISS_VPN_HI", _) => miss.vpn.bits(REGISTER_BITS..VPN_BITS),
        (register, field) => panic!("the hardware does not say what {register}.{field} is"),
    };
    let mut word: Option<Signal> = None;
    for field in &register.fields {
        let part = value(field.name);
        assert_eq!(part.width(), field.bits, "{}.{}", register.name, field.name);
        word = Some(match word {
            None => part,
            Some(below) => concat([part, below.zext(field.low)]),
        });
    }
    word.expect("a register has fields").zext(REGISTER_BITS)
}
