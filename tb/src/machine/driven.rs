//! The inputs by which a bench drives the MMU.

use hashwalk_model::software::RefillEntry;
use hashwalk_model::walk::WalkContext;
use hashwalk_sim::{Dut, InPort, OutPort};
use hashwalk_spec::{Asid, Fault, Hash, Invalidation, Request, Vpn};

use crate::named_ports::ports;

ports! {
    /// The inputs that every configuration has.
    struct Always {
        software_refill: InPort = input("control_software_refill"),
        table_frame: InPort = input("control_table_frame"),
        search_enable: InPort = input("control_search_enable"),
        lookup_valid: InPort = input("lookup_valid"),
        lookup_id: InPort = input("lookup_id"),
        lookup_vpn: InPort = input("lookup_vpn"),
        lookup_asid: InPort = input("lookup_asid"),
        lookup_access: InPort = input("lookup_access"),
        lookup_user: InPort = input("lookup_user"),
        invalidate_valid: InPort = input("invalidate_valid"),
        invalidate_kind: InPort = input("invalidate_kind"),
        invalidate_vpn: InPort = input("invalidate_vpn"),
        invalidate_asid: InPort = input("invalidate_asid"),
        refill_valid: InPort = input("refill_valid"),
        refill_fault: InPort = input("refill_fault"),
        refill_vpn: InPort = input("refill_vpn"),
        refill_asid: InPort = input("refill_asid"),
        refill_pfn: InPort = input("refill_pfn"),
        refill_size: InPort = input("refill_size"),
        refill_rights: InPort = input("refill_rights"),
        refill_global: InPort = input("refill_global"),
    }
}

/// All inputs but the memory's, and what is looked at besides.
pub(super) struct Driven {
    pub(super) always: Always,
    table_mask: Option<InPort>,
    entries_frame: Option<InPort>,
    hash_key: Option<InPort>,
    refill_dirty: Option<InPort>,
    /// What only a bench looks at.
    pub(super) event_killed: OutPort,
}

impl Driven {
    /// Finds every port in the shared object.
    pub(super) fn new(dut: &Dut) -> Result<Driven, hashwalk_sim::Error> {
        Ok(Driven {
            always: Always::new(dut)?,
            // Those that not every format, hash or way of keeping marks has.
            table_mask: dut.input("control_table_mask").ok(),
            entries_frame: dut.input("control_entries_frame").ok(),
            hash_key: dut.input("control_hash_key").ok(),
            refill_dirty: dut.input("refill_dirty").ok(),
            event_killed: dut.output("event_killed")?,
        })
    }

    pub(super) fn set_controls(&self, dut: &mut Dut, context: &WalkContext) {
        let layout = context.layout();
        dut.set(self.always.table_frame, layout.frame().get());
        if let Some(port) = self.table_mask {
            dut.set(port, u64::from(layout.mask()));
        }
        if let Some(port) = self.entries_frame {
            dut.set(port, layout.entries_frame().get());
        }
        dut.set(self.always.search_enable, u64::from(context.search_enable()));
        if let (Hash::Keyed, Some(port)) = (layout.hash(), self.hash_key) {
            let key = layout.key();
            dut.set_wide(port, &[key as u64, (key >> 64) as u64]);
        }
    }

    /// A request with its id, or none.
    pub(super) fn drive_lookup(&self, dut: &mut Dut, lookup: Option<(Request, u8)>) {
        dut.set(self.always.lookup_valid, u64::from(lookup.is_some()));
        if let Some((request, id)) = lookup {
            dut.set(self.always.lookup_id, u64::from(id));
            dut.set(self.always.lookup_vpn, request.vpn.get());
            dut.set(self.always.lookup_asid, u64::from(request.asid.get()));
            dut.set(self.always.lookup_access, u64::from(request.access.code()));
            dut.set(self.always.lookup_user, u64::from(request.user));
        }
    }

    pub(super) fn drive_invalidate(&self, dut: &mut Dut, invalidate: Option<Invalidation>) {
        dut.set(self.always.invalidate_valid, u64::from(invalidate.is_some()));
        if let Some(invalidation) = invalidate {
            dut.set(self.always.invalidate_kind, u64::from(invalidation.code()));
            // What the kind does not name must be ignored, so it is driven with what would do harm.
            dut.set(self.always.invalidate_vpn, invalidation.vpn().map_or(Vpn::MAX.get(), Vpn::get));
            dut.set(self.always.invalidate_asid, u64::from(invalidation.asid().map_or(Asid::MAX.get(), Asid::get)));
        }
    }

    pub(super) fn drive_refill(&self, dut: &mut Dut, refill: &Result<RefillEntry, Fault>) {
        dut.set(self.always.refill_valid, 1);
        match refill {
            Err(fault) => dut.set(self.always.refill_fault, u64::from(fault.code())),
            Ok(entry) => {
                dut.set(self.always.refill_fault, 0);
                dut.set(self.always.refill_vpn, entry.vpn.get());
                dut.set(self.always.refill_asid, u64::from(entry.asid.get()));
                dut.set(self.always.refill_pfn, entry.pfn.get());
                dut.set(self.always.refill_size, u64::from(entry.size_code));
                dut.set(self.always.refill_rights, u64::from(entry.rights.bits()));
                dut.set(self.always.refill_global, u64::from(entry.global));
                if let Some(port) = self.refill_dirty {
                    dut.set(port, u64::from(entry.dirty));
                }
            }
        }
    }
}
