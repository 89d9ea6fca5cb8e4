//! The MMU's ports by name, and how the contract's types stand on them (docs/spec.md, section 9).

use hashwalk_model::software::RefillEntry;
use hashwalk_model::walk::WalkContext;
use hashwalk_sim::{Dut, InPort, OutPort};
use hashwalk_spec::{Access, Answer, Asid, Fault, Hash, Invalidation, LateSource, Pfn, Request, Translation, Vpn};

macro_rules! ports {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $method:ident($port:literal)),* $(,)?) => {
        pub(super) struct Ports {
            $($(#[$doc])* pub(super) $name: $type,)*
            table_mask: Option<InPort>,
            entries_frame: Option<InPort>,
            hash_key: Option<InPort>,
            refill_dirty: Option<InPort>,
        }

        impl Ports {
            /// Finds every port in the shared object.
            pub(super) fn new(dut: &Dut) -> Result<Ports, hashwalk_sim::Error> {
                Ok(Ports {
                    $($name: dut.$method($port)?,)*
                    // Those that not every format, hash or way of keeping marks has.
                    table_mask: dut.input("control_table_mask").ok(),
                    entries_frame: dut.input("control_entries_frame").ok(),
                    hash_key: dut.input("control_hash_key").ok(),
                    refill_dirty: dut.input("refill_dirty").ok(),
                })
            }
        }
    };
}

ports! {
    software_refill: InPort = input("control_software_refill"),
    table_frame: InPort = input("control_table_frame"),
    search_enable: InPort = input("control_search_enable"),
    lookup_valid: InPort = input("lookup_valid"),
    lookup_id: InPort = input("lookup_id"),
    lookup_vpn: InPort = input("lookup_vpn"),
    lookup_asid: InPort = input("lookup_asid"),
    lookup_access: InPort = input("lookup_access"),
    lookup_user: InPort = input("lookup_user"),
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
    invalidate_valid: InPort = input("invalidate_valid"),
    invalidate_kind: InPort = input("invalidate_kind"),
    invalidate_vpn: InPort = input("invalidate_vpn"),
    invalidate_asid: InPort = input("invalidate_asid"),
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
    refill_valid: InPort = input("refill_valid"),
    refill_fault: InPort = input("refill_fault"),
    refill_vpn: InPort = input("refill_vpn"),
    refill_asid: InPort = input("refill_asid"),
    refill_pfn: InPort = input("refill_pfn"),
    refill_size: InPort = input("refill_size"),
    refill_rights: InPort = input("refill_rights"),
    refill_global: InPort = input("refill_global"),
    refill_ready: OutPort = output("refill_ready"),
    idle: OutPort = output("idle"),
    event_killed: OutPort = output("event_killed"),
    walk_state: OutPort = output("walk_state"),
    walk_id: OutPort = output("walk_id"),
}

impl Ports {
    pub(super) fn set_controls(&self, dut: &mut Dut, context: &WalkContext) {
        let layout = context.layout();
        dut.set(self.table_frame, layout.frame().get());
        if let Some(port) = self.table_mask {
            dut.set(port, u64::from(layout.mask()));
        }
        if let Some(port) = self.entries_frame {
            dut.set(port, layout.entries_frame().get());
        }
        dut.set(self.search_enable, u64::from(context.search_enable()));
        if let (Hash::Keyed, Some(port)) = (layout.hash(), self.hash_key) {
            let key = layout.key();
            dut.set_wide(port, &[key as u64, (key >> 64) as u64]);
        }
    }

    /// A request with its id, or none.
    pub(super) fn drive_lookup(&self, dut: &mut Dut, lookup: Option<(Request, u8)>) {
        dut.set(self.lookup_valid, u64::from(lookup.is_some()));
        if let Some((request, id)) = lookup {
            dut.set(self.lookup_id, u64::from(id));
            dut.set(self.lookup_vpn, request.vpn.get());
            dut.set(self.lookup_asid, u64::from(request.asid.get()));
            dut.set(self.lookup_access, u64::from(request.access.code()));
            dut.set(self.lookup_user, u64::from(request.user));
        }
    }

    pub(super) fn drive_invalidate(&self, dut: &mut Dut, invalidate: Option<Invalidation>) {
        dut.set(self.invalidate_valid, u64::from(invalidate.is_some()));
        if let Some(invalidation) = invalidate {
            dut.set(self.invalidate_kind, u64::from(invalidation.code()));
            // What the kind does not name must be ignored, so it is driven with what would do harm.
            dut.set(self.invalidate_vpn, invalidation.vpn().map_or(Vpn::MAX.get(), Vpn::get));
            dut.set(self.invalidate_asid, u64::from(invalidation.asid().map_or(Asid::MAX.get(), Asid::get)));
        }
    }

    pub(super) fn drive_refill(&self, dut: &mut Dut, refill: &Result<RefillEntry, Fault>) {
        dut.set(self.refill_valid, 1);
        match refill {
            Err(fault) => dut.set(self.refill_fault, u64::from(fault.code())),
            Ok(entry) => {
                dut.set(self.refill_fault, 0);
                dut.set(self.refill_vpn, entry.vpn.get());
                dut.set(self.refill_asid, u64::from(entry.asid.get()));
                dut.set(self.refill_pfn, entry.pfn.get());
                dut.set(self.refill_size, u64::from(entry.size_code));
                dut.set(self.refill_rights, u64::from(entry.rights.bits()));
                dut.set(self.refill_global, u64::from(entry.global));
                if let Some(port) = self.refill_dirty {
                    dut.set(port, u64::from(entry.dirty));
                }
            }
        }
    }

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
