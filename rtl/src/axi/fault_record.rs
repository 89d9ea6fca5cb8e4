//! The record of the first request that was answered with a fault: which it was, of which page, and why.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `accepted`, `asked_*` | in | the MMU accepts this request |
//! | `answer_*`, `late_*` | in | a request is answered |
//! | `clear` | in | software has read the record; nothing where there is none |
//! | `record_*` | out | from the cycle in which `valid` is set, until it is cleared |
//!
//! What was asked is kept by the request's id, which nobody else has until it is answered, and read when it fails:
//!
//! | cycle | what happens |
//! | ----: | ------------ |
//! | 0 | an answer has a fault, no record stands or it is cleared: what was asked under this id is read |
//! | 1 | it is there, and becomes the record |
//! | 2 | software sees the record |
//!
//! Of two that fail in one cycle the late one is recorded, which was asked earlier. Every other fault while a record stands,
//! or comes to stand, sets `more`. In the cycle of an answer its id may be given to a new request: the memory reads the old
//! word. Where a fault meets `clear`, it is the next record.
//!
//! Reset: no record.

use hashwalk_hdl::{Bundle, Component, MemoryPorts, Module, Signal, bundle, high, low, shape, when};
use hashwalk_spec::fault::FAULT_BITS;
use hashwalk_spec::transaction::ID_BITS;

use crate::ports::{Request, request, zeros};

bundle! {
    /// Inputs.
    pub struct FaultInputs {
        /// 1 bit.
        pub accepted: Signal,
        /// What is asked.
        pub asked: Request,
        /// On the port of first-level hits.
        pub answer: Answered,
        /// On the port of late answers.
        pub late: Answered,
        /// 1 bit.
        pub clear: Signal,
    }

    /// An answer, as far as it counts here.
    pub struct Answered {
        /// 1 bit.
        pub valid: Signal,
        /// 4 bits.
        pub id: Signal,
        /// 3 bits: 0 if it is no fault.
        pub fault: Signal,
    }

    /// Outputs.
    pub struct FaultOutputs {
        /// What software sees.
        pub record: FaultRecord,
    }

    /// The first fault since the record was cleared.
    pub struct FaultRecord {
        /// 1 bit: there is one; the rest but `more` counts.
        pub valid: Signal,
        /// 1 bit: others have come meanwhile.
        pub more: Signal,
        /// 3 bits.
        pub fault: Signal,
        /// What was asked.
        pub asked: Request,
    }

    /// Registers.
    pub struct FaultState {
        /// 1 bit: what was asked is being read.
        pub reads: Signal,
        /// Which fault it is; then the record.
        pub record: FaultRecord,
    }
}

/// The widths of a record.
#[must_use]
pub fn fault_record() -> FaultRecord {
    FaultRecord { valid: shape(1), more: shape(1), fault: shape(FAULT_BITS), asked: request() }
}

/// The record.
pub struct FaultKeeper;

impl Component for FaultKeeper {
    type Inputs = FaultInputs;
    type Outputs = FaultOutputs;
    type State = FaultState;

    fn name(&self) -> String {
        "hashwalk_axi_fault_record".into()
    }

    fn doc(&self) -> String {
        "The first request that was answered with a fault.".into()
    }

    fn inputs(&self) -> FaultInputs {
        let answered = || Answered { valid: shape(1), id: shape(ID_BITS), fault: shape(FAULT_BITS) };
        FaultInputs { accepted: shape(1), asked: request(), answer: answered(), late: answered(), clear: shape(1) }
    }

    fn reset(&self) -> FaultState {
        FaultState { reads: low(), record: zeros(&fault_record()) }
    }

    fn kernel(&self, m: &mut Module, i: FaultInputs, s: FaultState) -> (FaultOutputs, FaultState) {
        let fails = |answered: &Answered| &answered.valid & answered.fault.any();
        let late_fails = fails(&i.late).named("late_fails");
        let answer_fails = fails(&i.answer).named("answer_fails");
        let emptied = (&s.record.valid & &i.clear).named("emptied");
        let free = (!&s.reads & (!&s.record.valid | &emptied)).named("free");
        let takes = (&free & (&late_fails | &answer_fails)).named("takes");
        let failed = when(&late_fails, i.late.clone()).otherwise(i.answer.clone());
        let left_out = (&late_fails & &answer_fails) | ((&late_fails | &answer_fails) & !&free);

        let word = i.asked.pack();
        let asked = m.memory("asked", word.width(), 1 << ID_BITS);
        asked.connect(MemoryPorts {
            read_enable: takes.clone(),
            read_address: failed.id.clone(),
            write_enable: i.accepted.clone(),
            write_address: i.asked.id.clone(),
            write_data: word,
        });

        let now = &s.record;
        let next = FaultRecord {
            valid: when(&s.reads, high()).or_when(&emptied, low()).otherwise(now.valid.clone()),
            more: (&now.more & !&emptied) | left_out,
            fault: when(&takes, failed.fault).otherwise(now.fault.clone()),
            asked: when(&s.reads, request().unpack(&asked.read_data)).otherwise(now.asked.clone()),
        };
        m.check("no_record_while_one_is_read", !(&s.reads & &now.valid));
        (FaultOutputs { record: s.record }, FaultState { reads: takes, record: next })
    }
}
