//! The MMU's ports by name, and how the contract's types stand on them (docs/spec.md, section 9).

use hashwalk_model::software::RefillEntry;
use hashwalk_model::walk::WalkContext;
use hashwalk_sim::{Dut, InPort, OutPort};
use hashwalk_spec::{Access, Answer, Asid, Fault, Hash, Invalidation, Pfn, Request, Translation, Vpn};

macro_rules! ports {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $method:ident($port:literal)),* $(,)?) => {
        pub(super) struct Ports {
            $($(#[$doc])* pub(super) $name: $type,)*
            hash_key: Option<InPort>,
        }

        impl Ports {
            /// Finds every port in the shared object.
            pub(super) fn new(dut: &Dut) -> Result<Ports, hashwalk_sim::Error> {
                // Only the keyed hash has a key.
                Ok(Ports { $($name: dut.$method($port)?,)* hash_key: dut.input("control_hash_key").ok() })
            }
        }
    };
}

ports! {
    software_refill: InPort = input("control_software_refill"),
    table_frame: InPort = input("control_table_frame"),
    table_mask: InPort = input("control_table_mask"),
    search_enable: InPort = input("control_search_enable"),
    lookup_valid: InPort = input("lookup_valid"),
    lookup_vpn: InPort = input("lookup_vpn"),
    lookup_asid: InPort = input("lookup_asid"),
    lookup_access: InPort = input("lookup_access"),
    lookup_user: InPort = input("lookup_user"),
    lookup_ready: OutPort = output("lookup_ready"),
    answer_valid: OutPort = output("answer_valid"),
    answer_pfn: OutPort = output("answer_pfn"),
    answer_fault: OutPort = output("answer_fault"),
    answer_hit: OutPort = output("answer_hit"),
    invalidate_valid: InPort = input("invalidate_valid"),
    invalidate_kind: InPort = input("invalidate_kind"),
    invalidate_vpn: InPort = input("invalidate_vpn"),
    invalidate_asid: InPort = input("invalidate_asid"),
    invalidate_ready: OutPort = output("invalidate_ready"),
    invalidate_done: OutPort = output("invalidate_done"),
    memory_request_valid: OutPort = output("memory_request_valid"),
    memory_request_address: OutPort = output("memory_request_address"),
    memory_request_beats: OutPort = output("memory_request_beats"),
    memory_request_ready: InPort = input("memory_request_ready"),
    memory_response_valid: InPort = input("memory_response_valid"),
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
    state: OutPort = output("state"),
}

impl Ports {
    pub(super) fn set_controls(&self, dut: &mut Dut, context: &WalkContext) {
        let layout = context.layout();
        dut.set(self.table_frame, layout.frame().get());
        dut.set(self.table_mask, u64::from(layout.mask()));
        dut.set(self.search_enable, u64::from(context.search_enable()));
        if let (Hash::Keyed, Some(port)) = (layout.hash(), self.hash_key) {
            let key = layout.key();
            dut.set_wide(port, &[key as u64, (key >> 64) as u64]);
        }
    }

    pub(super) fn drive_lookup(&self, dut: &mut Dut, lookup: Option<Request>) {
        dut.set(self.lookup_valid, u64::from(lookup.is_some()));
        if let Some(request) = lookup {
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

    /// The answer on the port, or how it breaks the contract.
    pub(super) fn answer(&self, dut: &Dut) -> Result<Answer, String> {
        let (code, pfn) = (dut.get(self.answer_fault) as u8, dut.get(self.answer_pfn));
        match (code, Fault::from_code(code)) {
            (0, _) => Ok(Ok(Translation { pfn: Pfn::truncate(pfn) })),
            (_, Some(fault)) if pfn == 0 => Ok(Err(fault)),
            (_, Some(fault)) => Err(format!("answered {fault} with PFN {pfn:#x}")),
            (_, None) => Err(format!("answered with the reserved fault code {code}")),
        }
    }
}
