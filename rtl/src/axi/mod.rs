//! The ports that a system on a chip takes: AXI4 for the table, AXI4-Lite for software, around the MMU.
//!
//! ```text
//!                                    hashwalk_axi
//!   lookup ────► change ─────────► hashwalk_mmu ────────────► answer, late
//!                  ▲  │ table,       ▲   │   ▲
//!                  │  │ invalidate   │   │   └── read ◄─────► m_axi_ar, m_axi_r
//!                  │  └──────────────┘   │
//!                                         └── compare_and_set ◄► m_axi_aw, m_axi_w, m_axi_b (and ar, r: share)
//!   s_axil ◄► lite ◄► registers ◄────────┤ miss
//!                        ▲               ▼ events, answers
//!                        └── counters ◄─ meter, fault_record
//! ```
//!
//! | module | holds |
//! | ------ | ----- |
//! | [`map`] | the registers: one table for the hardware and for docs/registers.md |
//! | [`mod@registers`] | what they do |
//! | [`lite`] | the handshakes of AXI4-Lite |
//! | [`change`] | the change of table at run time |
//! | [`read`] | the AXI4 read manager |
//! | [`counters`], [`counter_list`], [`meter`] | the performance counters, what they count, reads and cycles of walks |
//! | [`compare_and_set`], [`share`] | exclusive changes of a word of the table, where the walker sets A and D |
//! | [`fault_record`] | the first request that was answered with a fault |
//! | [`update`] | these and the reads without an MMU |
//! | [`stable`] | assertions: what is offered stays |
//! | [`markdown`] | docs/registers.md |
//! | [`ports`] | the channels |
//!
//! **Ports.** `lookup`, `answer` and `late` are those of docs/spec.md, section 9; everything else is behind the registers.
//! Every output is a function of registers alone, so no path leads from an input to an output within a cycle; but see
//! [`Axi`] of `m_axi_araddr`.
//!
//! **What memory must do.** The MMU takes the beats of a read for one moment (docs/spec.md, section 9). AXI alone promises
//! that of 8 bytes at most. So either the memory keeps bursts and stores apart, or the table is one of chained entries with
//! sequence numbers (`sequence`), or software changes an element that is in use by one store of 8 bytes at a time, so that each
//! mixture of before and after is an element that may be found. With `sequence` memory must give the words of a burst in the
//! order of their addresses, which a burst INCR on a bus of any width does if the memory reads it beat by beat.
//!
//! **Latency**: none is added to a lookup, an answer, or a read of the table.
//!
//! Reset: as each part's; one reset for this block and for the interconnect of the table, so that no read of before is
//! answered after.

pub mod change;
pub mod compare_and_set;
pub mod counter_list;
pub mod counters;
pub mod fault_record;
pub mod lite;
pub mod map;
pub mod markdown;
pub mod meter;
pub mod ports;
pub mod read;
pub mod registers;
pub mod share;
pub mod stable;
pub mod update;

use hashwalk_hdl::{Component, Instance, Module, Signal, bundle, concat, lit, low};
use hashwalk_spec::{Config, Marking};

use self::change::{ChangeInputs, TableChange};
use self::compare_and_set::{Change, CompareAndSet, CompareAndSetInputs, CompareAndSetOutputs, Outcome};
use self::counters::{CounterInputs, Counters, Events};
use self::fault_record::{Answered, FaultInputs, FaultKeeper};
use self::lite::{Lite, LiteInputs};
use self::meter::{Meter, MeterInputs};
use self::ports::{LiteIn, LiteOut, ManagerIn, ManagerOut, ReadIn, ReadOut, lite_in, read_in, write_in};
use self::read::{ReadInputs, ReadManager};
use self::registers::{ChangeStatus, MmuStatus, RegisterInputs, Registers};
use self::share::{Share, ShareInputs};
use self::stable::Stable;
use crate::mmu::{Mmu, MmuInputs};
use crate::ports::{Answer, Control, LateAnswer, Lookup, UpdateIn, UpdateOut, lookup};
use crate::radix;
use crate::walker::Event as Happening;

bundle! {
    /// All input ports.
    pub struct AxiInputs {
        /// A request.
        pub lookup: Lookup,
        /// The table's memory.
        pub m_axi: ManagerIn,
        /// Software.
        pub s_axil: LiteIn,
    }

    /// All output ports.
    pub struct AxiOutputs {
        /// 1 bit.
        pub lookup_ready: Signal,
        /// To a request that has hit the first level.
        pub answer: Answer,
        /// To one that has missed it.
        pub late: LateAnswer,
        /// The table's memory.
        pub m_axi: ManagerOut,
        /// Software.
        pub s_axil: LiteOut,
        /// 1 bit, a level: software is asked to serve a miss.
        pub miss_interrupt: Signal,
        /// 1 bit, a level: a fault is recorded.
        pub fault_interrupt: Signal,
    }
}

/// What sets marks, and shares the read channel with the reads of the table.
struct Update {
    compare_and_set: Instance<CompareAndSet>,
    share: Instance<Share>,
}

impl Update {
    fn new(m: &mut Module, bus_bits: u32) -> Update {
        let compare_and_set = m.instance("compare_and_set", &CompareAndSet { bus_bits });
        Update { compare_and_set, share: m.instance("share", &Share { bus_bits }) }
    }

    /// What the MMU is answered.
    fn answer(&self) -> UpdateIn {
        let CompareAndSetOutputs { update_ready, result, .. } = &self.compare_and_set.outputs;
        let Outcome { done, swapped, error, .. } = result.clone();
        UpdateIn { ready: update_ready.clone(), done, swapped, error }
    }

    /// The bus as the reads of the table see it.
    fn for_table(&self) -> ReadIn {
        self.share.outputs.table.clone()
    }

    /// Connects both, and gives what goes out to the bus.
    fn connect(self, m: &mut Module, asked: &UpdateOut, table: ReadOut, bus: ManagerIn) -> ManagerOut {
        let UpdateOut { valid, address, expected, desired } = asked.clone();
        m.ignore(self.compare_and_set.outputs.result.seen.clone());
        let (of_update, of_share) = (self.compare_and_set.outputs.clone(), self.share.outputs.clone());
        self.compare_and_set.connect(CompareAndSetInputs {
            update: Change { valid, address, expected, desired },
            read: of_share.update,
            write: bus.write.expect("where marks are set the bus is written"),
        });
        self.share.connect(ShareInputs { table, update: of_update.read, bus: bus.read });
        ManagerOut { read: of_share.bus, write: Some(of_update.write) }
    }
}

/// The MMU of a configuration behind AXI. `m_axi_araddr` holds the table's frame, a register here.
pub struct Axi {
    config: Config,
}

impl Axi {
    /// The block for this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Axi {
        Axi { config: config.clone() }
    }

    fn bus(&self) -> ManagerIn {
        let write = (self.config.marks() == Marking::Update).then(write_in);
        ManagerIn { read: read_in(self.config.bus_bits()), write }
    }
}

impl Component for Axi {
    type Inputs = AxiInputs;
    type Outputs = AxiOutputs;
    type State = ();

    fn name(&self) -> String {
        "hashwalk_axi".into()
    }

    fn doc(&self) -> String {
        format!("Hashwalk MMU behind AXI4 and AXI4-Lite, configuration `{}`.", self.config.name())
    }

    fn inputs(&self) -> AxiInputs {
        AxiInputs { lookup: lookup(), m_axi: self.bus(), s_axil: lite_in() }
    }

    fn reset(&self) {}

    fn kernel(&self, m: &mut Module, i: AxiInputs, (): ()) -> (AxiOutputs, ()) {
        let mmu = m.instance("mmu", &Mmu::new(&self.config));
        let read = m.instance("read", &ReadManager::new(&self.config));
        let lite = m.instance("lite", &Lite);
        let registers = m.instance("registers", &Registers::new(&self.config));
        let change = m.instance("change", &TableChange::new(&self.config));
        let meter = m.instance("meter", &Meter::new(&self.config));
        let counters = m.instance("counters", &Counters);
        let faults = m.instance("faults", &FaultKeeper);
        let update = (self.config.marks() == Marking::Update).then(|| Update::new(m, self.config.bus_bits()));
        let over = update.as_ref().map(Update::answer);
        let (of_mmu, of_registers, of_change) = (&mmu.outputs, &registers.outputs, &change.outputs);

        let table = of_change.table.clone();
        let control = Control {
            software_refill: of_registers.software_refill.clone(),
            table_frame: table.frame,
            table_mask: table.mask,
            entries_frame: table.entries,
            hash_key: table.key,
            search_enable: table.search_enable,
        };
        let asked = concat([&i.lookup.id, &i.lookup.vpn, &i.lookup.asid, &i.lookup.access, &i.lookup.user]);
        Stable::theirs(m, "core_lookup_stays", &i.lookup.valid, &of_change.lookup_ready, &asked);
        Stable::ours(m, "mmu_lookup_stays", &of_change.mmu_lookup_valid, &of_mmu.lookup_ready, &asked);
        mmu.connect(MmuInputs {
            control,
            lookup: Lookup { valid: of_change.mmu_lookup_valid.clone(), ..i.lookup.clone() },
            invalidate: of_change.mmu_invalidate.clone(),
            memory: read.outputs.walker.clone(),
            refill: of_registers.refill.clone(),
            update: over.clone(),
        });
        let from_bus = update.as_ref().map_or_else(|| i.m_axi.read.clone(), Update::for_table);
        read.connect(ReadInputs { walker: of_mmu.memory.clone(), bus: from_bus });
        let to_table = read.outputs.bus.clone();
        let to_memory = match (update, &of_mmu.update) {
            (Some(update), Some(asked)) => update.connect(m, asked, to_table, i.m_axi),
            _ => ManagerOut { read: to_table, write: None },
        };
        lite.connect(LiteInputs { bus: i.s_axil, answer: of_registers.answer.clone() });
        registers.connect(RegisterInputs {
            access: lite.outputs.access.clone(),
            mmu: MmuStatus {
                idle: of_mmu.idle.clone(),
                miss: of_mmu.miss.clone(),
                refill_ready: of_mmu.refill_ready.clone(),
            },
            change: ChangeStatus {
                busy: of_change.busy.clone(),
                changed: of_change.changed.clone(),
                software_taken: of_change.software_taken.clone(),
                software_done: of_change.software_done.clone(),
            },
            counter_value: counters.outputs.value.clone(),
            fault: faults.outputs.record.clone(),
        });
        change.connect(ChangeInputs {
            apply: of_registers.apply.clone(),
            wanted: of_registers.wanted.clone(),
            lookup_valid: i.lookup.valid.clone(),
            mmu_lookup_ready: of_mmu.lookup_ready.clone(),
            idle: of_mmu.idle.clone(),
            software: of_registers.invalidate.clone(),
            software_under_way: of_registers.invalidate_under_way.clone(),
            mmu_invalidate_ready: of_mmu.invalidate_ready.clone(),
            mmu_invalidate_done: of_mmu.invalidate_done.clone(),
        });

        let accepted = (&of_change.mmu_lookup_valid & &of_mmu.lookup_ready).named("accepted");
        let (memory, answer, late) = (&of_mmu.memory, &of_mmu.answer, &of_mmu.late);
        let asked = (&memory.request_valid & &read.outputs.walker.request_ready).named("read_asked");
        meter.connect(MeterInputs {
            walk_state: of_mmu.walk.state.clone(),
            walk_id: of_mmu.walk.id.clone(),
            read_valid: asked.clone(),
            read_walk: memory.request_id.clone(),
            late_valid: late.valid.clone(),
            late_id: late.id.clone(),
            late_source: late.source.clone(),
        });
        let Happening { predicted, mispredicted, killed, saved } = of_mmu.event.clone();
        let (updated, update_swapped) = over.map_or_else(|| (low(), low()), |over| (over.done, over.swapped));
        let events = Events {
            lookup: accepted.clone(),
            answer_valid: answer.valid.clone(),
            answer_fault: answer.fault.clone(),
            late_valid: late.valid.clone(),
            late_fault: late.fault.clone(),
            late_source: late.source.clone(),
            read: asked,
            walk_ended: meter.outputs.ended.clone(),
            walk_reads: meter.outputs.reads.clone(),
            walk_cycles: meter.outputs.cycles.clone(),
            killed,
            predicted,
            mispredicted,
            invalidated: of_mmu.invalidate_done.clone(),
            updated,
            update_swapped,
            saved: saved.unwrap_or_else(|| lit(radix::STEP_BITS, 0u32)),
        };
        let control = of_registers.counter.clone();
        counters.connect(CounterInputs {
            events,
            freeze: control.freeze,
            clear: control.clear,
            select: control.select,
        });

        faults.connect(FaultInputs {
            accepted,
            asked: i.lookup.request(),
            answer: Answered { valid: answer.valid.clone(), id: answer.id.clone(), fault: answer.fault.clone() },
            late: Answered { valid: late.valid.clone(), id: late.id.clone(), fault: late.fault.clone() },
            clear: of_registers.fault_clear.clone(),
        });

        let outputs = AxiOutputs {
            lookup_ready: of_change.lookup_ready.clone(),
            answer: of_mmu.answer.clone(),
            late: of_mmu.late.clone(),
            m_axi: to_memory,
            s_axil: lite.outputs.bus.clone(),
            miss_interrupt: of_registers.miss_interrupt.clone(),
            fault_interrupt: of_registers.fault_interrupt.clone(),
        };
        (outputs, ())
    }
}
