//! The same of a design in which something else drives the MMU: these are outputs, to be looked at.

use hashwalk_sim::{Dut, OutPort};
use hashwalk_spec::{Access, Asid, Fault, Invalidation, Request, Vpn};

use super::ports::Ports;
use crate::named_ports::ports;

ports! {
    /// What the MMU is driven with.
    struct Inside {
        lookup_valid: OutPort = output("lookup_valid"),
        lookup_id: OutPort = output("lookup_id"),
        lookup_vpn: OutPort = output("lookup_vpn"),
        lookup_asid: OutPort = output("lookup_asid"),
        lookup_access: OutPort = output("lookup_access"),
        lookup_user: OutPort = output("lookup_user"),
        invalidate_valid: OutPort = output("invalidate_valid"),
        invalidate_kind: OutPort = output("invalidate_kind"),
        invalidate_vpn: OutPort = output("invalidate_vpn"),
        invalidate_asid: OutPort = output("invalidate_asid"),
        refill_valid: OutPort = output("refill_valid"),
        refill_fault: OutPort = output("refill_fault"),
    }
}

impl Inside {
    /// The request that is accepted in this cycle, with its id.
    pub(super) fn accepted(&self, dut: &Dut, ports: &Ports) -> Option<(Request, u8)> {
        let is_accepted = dut.get(self.lookup_valid) != 0 && dut.get(ports.lookup_ready) != 0;
        is_accepted.then(|| {
            let request = Request {
                vpn: Vpn::truncate(dut.get(self.lookup_vpn)),
                asid: Asid::truncate(dut.get(self.lookup_asid) as u16),
                access: Access::from_code(dut.get(self.lookup_access) as u8).unwrap_or(Access::Read),
                user: dut.get(self.lookup_user) != 0,
            };
            (request, dut.get(self.lookup_id) as u8)
        })
    }

    /// What is invalidated, if anything is asked for.
    pub(super) fn invalidate(&self, dut: &Dut) -> Option<Invalidation> {
        let vpn = Vpn::truncate(dut.get(self.invalidate_vpn));
        let asid = Asid::truncate(dut.get(self.invalidate_asid) as u16);
        (dut.get(self.invalidate_valid) != 0).then(|| match dut.get(self.invalidate_kind) {
            0 => Invalidation::All,
            1 => Invalidation::Asid(asid),
            2 => Invalidation::Address(vpn),
            _ => Invalidation::AddressInAsid(asid, vpn),
        })
    }

    /// The miss that software refuses to serve in this cycle.
    pub(super) fn refused(&self, dut: &Dut, ports: &Ports) -> Option<Request> {
        let is_refused = dut.get(self.refill_valid) != 0
            && dut.get(ports.refill_ready) != 0
            && dut.get(self.refill_fault) == u64::from(Fault::NotPresent.code());
        ports.missed(dut).filter(|_| is_refused)
    }
}
