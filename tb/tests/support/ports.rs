//! The ports by name. What is not valid is driven with bits that would do harm if they were looked at.

use hashwalk_rtl::walker::Walk;
use hashwalk_sim::{Dut, InPort, OutPort};
use hashwalk_spec::{Asid, Invalidation, Vpn};

use super::Table;
use super::memory::Beat;
use super::page::{Lookup, Page, Refill};

macro_rules! ports {
    (in $($input:ident)*; out $($output:ident)*;) => {
        pub struct Ports {
            $(pub $input: InPort,)*
            $(pub $output: OutPort,)*
            control_hash_key: Option<InPort>,
        }

        impl Ports {
            pub fn new(dut: &Dut) -> Ports {
                Ports {
                    $($input: dut.input(stringify!($input)).expect("an input"),)*
                    $($output: dut.output(stringify!($output)).expect("an output"),)*
                    control_hash_key: dut.input("control_hash_key").ok(),
                }
            }
        }
    };
}

ports! {
    in reset control_software_refill control_table_frame control_table_mask control_search_enable
        lookup_valid lookup_id lookup_vpn lookup_asid lookup_access lookup_user
        invalidate_valid invalidate_kind invalidate_vpn invalidate_asid
        memory_request_ready memory_response_valid memory_response_id memory_response_data memory_response_error
        refill_valid refill_fault refill_vpn refill_asid refill_pfn refill_size refill_rights refill_global;
    out lookup_ready answer_valid answer_id answer_pfn answer_fault
        late_valid late_id late_pfn late_fault late_source invalidate_ready invalidate_done
        memory_request_valid memory_request_address memory_request_beats memory_request_id memory_response_ready
        miss_valid miss_vpn miss_asid miss_access miss_user refill_ready idle walk_state walk_id event_predicted event_mispredicted;
}

impl Ports {
    pub fn drive(&self, dut: &mut Dut, reset: bool, software: bool, table: &Table) {
        dut.set(self.reset, reset.into());
        dut.set(self.control_software_refill, software.into());
        dut.set(self.control_table_frame, table.frame);
        dut.set(self.control_table_mask, table.mask().into());
        dut.set(self.control_search_enable, table.search_enable.into());
        if let Some(port) = self.control_hash_key {
            dut.set_wide(port, &[table.key as u64, (table.key >> 64) as u64]);
        }
    }

    pub fn drive_lookup(&self, dut: &mut Dut, lookup: Option<Lookup>, id: u8) {
        dut.set(self.lookup_valid, lookup.is_some().into());
        dut.set(self.lookup_id, id.into());
        if let Some(Lookup { asid, vpn, access, user }) = lookup {
            dut.set(self.lookup_vpn, vpn);
            dut.set(self.lookup_asid, asid.into());
            dut.set(self.lookup_access, access.into());
            dut.set(self.lookup_user, user.into());
        }
    }

    pub fn drive_invalidate(&self, dut: &mut Dut, invalidate: Option<Invalidation>) {
        let kind = invalidate.map_or(0, Invalidation::code);
        dut.set(self.invalidate_valid, invalidate.is_some().into());
        dut.set(self.invalidate_kind, kind.into());
        dut.set(self.invalidate_vpn, invalidate.and_then(Invalidation::vpn).unwrap_or(Vpn::MAX).get());
        dut.set(self.invalidate_asid, invalidate.and_then(Invalidation::asid).unwrap_or(Asid::MAX).get().into());
    }

    pub fn drive_refill(&self, dut: &mut Dut, refill: Option<Refill>) {
        dut.set(self.refill_valid, refill.is_some().into());
        let fault = match refill {
            Some(Refill::Fault(fault)) => fault.code(),
            _ => 0,
        };
        dut.set(self.refill_fault, fault.into());
        if let Some(Refill::Entry(Page { asid, vpn, pfn, size, rights, global })) = refill {
            dut.set(self.refill_vpn, vpn);
            dut.set(self.refill_asid, asid.into());
            dut.set(self.refill_pfn, pfn);
            dut.set(self.refill_size, size.into());
            dut.set(self.refill_rights, rights.into());
            dut.set(self.refill_global, global.into());
        }
    }

    pub fn drive_memory(&self, dut: &mut Dut, ready: bool, beat: Option<Beat>) {
        dut.set(self.memory_request_ready, ready.into());
        dut.set(self.memory_response_valid, beat.is_some().into());
        dut.set(self.memory_response_id, beat.as_ref().map_or(0, |beat| beat.walk.into()));
        dut.set(self.memory_response_error, beat.as_ref().is_none_or(|beat| beat.error).into());
        let words = self.memory_response_data.width() as usize / 64;
        dut.set_wide(self.memory_response_data, &beat.map_or(vec![u64::MAX; words], |beat| beat.words));
    }

    /// Id, fault code, PFN of a hit.
    pub fn hit(&self, dut: &Dut) -> Option<(u8, u8, u64)> {
        let answer = || (dut.get(self.answer_id) as u8, dut.get(self.answer_fault) as u8, dut.get(self.answer_pfn));
        (dut.get(self.answer_valid) != 0).then(answer)
    }

    /// The same of a late answer.
    pub fn late(&self, dut: &Dut) -> Option<(u8, u8, u64)> {
        let answer = || (dut.get(self.late_id) as u8, dut.get(self.late_fault) as u8, dut.get(self.late_pfn));
        (dut.get(self.late_valid) != 0).then(answer)
    }

    /// The address of a read that stands on the port, and its walk.
    pub fn request(&self, dut: &Dut) -> Option<(u64, u8)> {
        let request = || (dut.get(self.memory_request_address), dut.get(self.memory_request_id) as u8);
        (dut.get(self.memory_request_valid) != 0).then(request)
    }

    /// The state of a walk and the request that it is made for.
    pub fn walk(&self, dut: &Dut, walk: u8) -> (Walk, u8) {
        let state = (dut.get(self.walk_state) >> (3 * walk) & 7) as usize;
        (Walk::ALL[state], (dut.get(self.walk_id) >> (4 * walk) & 15) as u8)
    }

    pub fn miss(&self, dut: &Dut) -> Option<Lookup> {
        (dut.get(self.miss_valid) != 0).then(|| Lookup {
            asid: dut.get(self.miss_asid) as u16,
            vpn: dut.get(self.miss_vpn),
            access: dut.get(self.miss_access) as u8,
            user: dut.get(self.miss_user) != 0,
        })
    }
}
