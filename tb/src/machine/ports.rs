//! The MMU's ports by name, and how the contract's types stand on them (docs/spec.md, section 9): what it says, and its
//! memory. What drives it is in `driven.rs` or, where that is the design itself, in `inside.rs`.

use hashwalk_sim::{Dut, InPort, OutPort};
use hashwalk_spec::{Access, Answer, Asid, Fault, LateSource, Pfn, Request, Translation, Vpn};

use crate::named_ports::ports;

ports! {
    /// What every machine has: what the MMU says, and its memory.
    struct Ports {
        lookup_ready: OutPort = output("lookup_ready"),
        answer_valid: OutPort = output("answer_valid"),
        answer_id: OutPort = output("answer_id"),
        answer_pfn: OutPort = output("answer_pfn"),
        answer_fault: OutPort = output("answer_fault"),
        late_valid: OutPort = output("late_valid"),
        late_id: OutPort = output("late_id"),
        late_pfn: OutPort = output("late_pfn"),
        late_fault: OutPort = output("late_fault"),
        late_source: OutPort = output("late_source"),
        invalidate_ready: OutPort = output("invalidate_ready"),
        invalidate_done: OutPort = output("invalidate_done"),
        memory_request_valid: OutPort = output("memory_request_valid"),
        memory_request_address: OutPort = output("memory_request_address"),
        memory_request_beats: OutPort = output("memory_request_beats"),
        memory_request_id: OutPort = output("memory_request_id"),
        memory_request_ready: InPort = input("memory_request_ready"),
        memory_response_valid: InPort = input("memory_response_valid"),
        memory_response_ready: OutPort = output("memory_response_ready"),
        memory_response_id: InPort = input("memory_response_id"),
        memory_response_data: InPort = input("memory_response_data"),
        memory_response_error: InPort = input("memory_response_error"),
        miss_valid: OutPort = output("miss_valid"),
        miss_vpn: OutPort = output("miss_vpn"),
        miss_asid: OutPort = output("miss_asid"),
        miss_access: OutPort = output("miss_access"),
        miss_user: OutPort = output("miss_user"),
        refill_ready: OutPort = output("refill_ready"),
        idle: OutPort = output("idle"),
        walk_state: OutPort = output("walk_state"),
        walk_id: OutPort = output("walk_id"),
    }
}

impl Ports {
    /// What software is asked for.
    pub(super) fn missed(&self, dut: &Dut) -> Option<Request> {
        (dut.get(self.miss_valid) != 0).then(|| Request {
            vpn: Vpn::truncate(dut.get(self.miss_vpn)),
            asid: Asid::truncate(dut.get(self.miss_asid) as u16),
            access: Access::from_code(dut.get(self.miss_access) as u8).unwrap_or(Access::Read),
            user: dut.get(self.miss_user) != 0,
        })
    }

    /// The id and the answer on the port of hits, or how it breaks the contract.
    pub(super) fn hit(&self, dut: &Dut) -> Result<(u8, Answer), String> {
        Ok((dut.get(self.answer_id) as u8, answer(dut.get(self.answer_fault) as u8, dut.get(self.answer_pfn))?))
    }

    /// The id, the answer and its source on the port of late answers, or how it breaks the contract.
    pub(super) fn late(&self, dut: &Dut) -> Result<(u8, Answer, LateSource), String> {
        let code = dut.get(self.late_source) as u8;
        let source = LateSource::from_code(code).ok_or_else(|| format!("answered from the reserved source {code}"))?;
        let answer = answer(dut.get(self.late_fault) as u8, dut.get(self.late_pfn))?;
        Ok((dut.get(self.late_id) as u8, answer, source))
    }
}

fn answer(code: u8, pfn: u64) -> Result<Answer, String> {
    match (code, Fault::from_code(code)) {
        (0, _) => Ok(Ok(Translation { pfn: Pfn::truncate(pfn) })),
        (_, Some(fault)) if pfn == 0 => Ok(Err(fault)),
        (_, Some(fault)) => Err(format!("answered {fault} with PFN {pfn:#x}")),
        (_, None) => Err(format!("answered with the reserved fault code {code}")),
    }
}
