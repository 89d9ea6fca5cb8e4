//! The operating system: demand paging, the kinds of fault, isolation, sharing, and what is not reused too early.

use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::os::Platform;
use hashwalk_model::{Mapping, Os, OsError, PhysicalMemory, Ram, Resolution, Segment, TableError, Walkable, walk};
use hashwalk_spec::{
    Access, Asid, Config, Fault, Hash, Invalidation, PageSize, Pfn, Request, Rights, Search, Translation, Vpn,
};

const RWU: Rights = Rights::R.with(Rights::W).with(Rights::U);
const HEAP: Segment = Segment::new(Vpn::truncate(0x1000), 0x100, RWU);
const CODE: Segment = Segment::new(Vpn::truncate(0x400), 4, Rights::R.with(Rights::X).with(Rights::U));

/// Memory with a chained table of an entry a frame.
fn boot(frames: u64) -> Os<Internal> {
    let mut ram = Ram::new(frames);
    let table = Internal::new(&mut ram, frames.ilog2(), Hash::Keyed, 0x1234_5678).unwrap();
    Os::with_table(ram, table, Platform::default())
}

fn request(asid: Asid, vpn: u64, access: Access) -> Request {
    Request { asid, vpn: Vpn::truncate(vpn), access, user: true }
}

/// Touches the page as a program would: walk, and if need be fault and walk again.
fn touch(os: &mut Os<Internal>, asid: Asid, vpn: u64) -> Pfn {
    let request = request(asid, vpn, Access::Read);
    if let Err(fault) = walk(os.memory(), &os.walk_context(), request).answer {
        assert!(matches!(os.handle_fault(request, fault), Ok(Resolution::Mapped(_))));
    }
    walk(os.memory(), &os.walk_context(), request).answer.unwrap().pfn
}

fn frame_bytes(memory: &PhysicalMemory, frame: Pfn) -> &[u8] {
    memory.slice(frame.address(), 4096).unwrap()
}

fn unmap_and_release(os: &mut Os<Internal>, asid: Asid, vpn: u64) {
    let withdrawn = os.unmap(asid, Vpn::truncate(vpn), PageSize::Small).unwrap();
    os.release(withdrawn).unwrap();
}

#[test]
fn first_touch_gives_a_zeroed_frame_even_if_it_was_dirty() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP]).unwrap();
    let frame = touch(&mut os, asid, 0x1000);
    os.memory_mut().write(frame.address(), &[0xff; 4096]).unwrap();
    unmap_and_release(&mut os, asid, 0x1000);
    assert_eq!(touch(&mut os, asid, 0x1001), frame, "the lowest free frame is used again");
    assert_eq!(frame_bytes(os.memory(), frame), [0; 4096]);
}

#[test]
fn each_kind_of_fault_is_told_apart() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP, CODE]).unwrap();
    let mut handle = |request, fault| os.handle_fault(request, fault).unwrap();
    let missing = Fault::NotPresent;
    assert_eq!(handle(request(asid, 0xfff, Access::Read), missing), Resolution::SegmentationFault);
    assert_eq!(handle(request(asid, 0x1100, Access::Read), missing), Resolution::SegmentationFault);
    assert_eq!(handle(request(Asid::truncate(9), 0x1000, Access::Read), missing), Resolution::SegmentationFault);
    assert_eq!(handle(request(asid, 0x400, Access::Write), missing), Resolution::ProtectionFault);
    let Resolution::Mapped(mapping) = handle(request(asid, 0x403, Access::Execute), missing) else { panic!() };
    assert_eq!((mapping.vpn.get(), mapping.rights), (0x403, CODE.rights));
    assert_eq!(handle(request(asid, 0x403, Access::Execute), missing), Resolution::AlreadyMapped);
    assert_eq!(handle(request(asid, 0x403, Access::Write), Fault::Rights), Resolution::ProtectionFault);
    assert_eq!(handle(request(asid, 0x403, Access::Read), Fault::Rights), Resolution::AlreadyMapped);
    assert_eq!(handle(request(asid, 0x403, Access::Read), Fault::BusError), Resolution::BusError);
}

#[test]
fn a_broken_entry_is_reported_until_it_is_mended() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP]).unwrap();
    touch(&mut os, asid, 0x1000);
    let index = os.table().chained().index_of(os.memory(), asid, Vpn::truncate(0x1000), PageSize::Small).unwrap();
    let address = os.table().chained().layout().address(index);
    let good = os.memory().read_entry(address).unwrap();
    let mut bad = good;
    bad[7] = 0x80;
    os.memory_mut().write_entry(address, &bad).unwrap();
    let request = request(asid, 0x1000, Access::Read);
    assert_eq!(os.handle_fault(request, Fault::Malformed), Ok(Resolution::TableBroken(Fault::Malformed)));
    let broken = TableError::Broken { index, why: "its entry is malformed" };
    assert_eq!(os.unmap(asid, request.vpn, PageSize::Small).unwrap_err(), OsError::Table(broken));
    os.memory_mut().write_entry(address, &good).unwrap();
    assert_eq!(os.handle_fault(request, Fault::Malformed), Ok(Resolution::AlreadyMapped));
}

#[test]
fn processes_are_isolated_and_may_share_a_frame_at_different_pages() {
    let mut os = boot(1024);
    let (a, b) = (os.spawn(&[HEAP]).unwrap(), os.spawn(&[HEAP]).unwrap());
    let (frame_a, frame_b) = (touch(&mut os, a, 0x1000), touch(&mut os, b, 0x1000));
    assert_ne!(frame_a, frame_b);
    let vpn = Vpn::truncate(0x1080);
    let shared = Mapping::new(b, vpn, PageSize::Small, frame_a, RWU);
    os.map(shared).unwrap();
    assert_eq!(touch(&mut os, b, 0x1080), frame_a);
    assert_eq!(os.frames().references(frame_a), Some(2));
    os.memory_mut().write(frame_a.address(), b"kept").unwrap();
    unmap_and_release(&mut os, a, 0x1000);
    assert_eq!(os.frames().references(frame_a), Some(1));
    assert_eq!(&frame_bytes(os.memory(), frame_a)[..4], b"kept");
    assert_ne!(touch(&mut os, a, 0x1000), frame_a, "a frame that b still holds is not given out");
}

#[test]
fn a_frame_is_not_reused_before_its_withdrawal_is_released() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP]).unwrap();
    let frame = touch(&mut os, asid, 0x1000);
    let withdrawn = os.unmap(asid, Vpn::truncate(0x1000), PageSize::Small).unwrap();
    assert_eq!(withdrawn.invalidations(), [Invalidation::AddressInAsid(asid, Vpn::truncate(0x1000))]);
    assert_ne!(touch(&mut os, asid, 0x1000), frame);
    os.release(withdrawn).unwrap();
    assert_eq!(touch(&mut os, asid, 0x1001), frame);
}

#[test]
fn exit_frees_every_page_at_once_and_the_asid_after_a_flush() {
    let mut os = boot(1024);
    let free = os.frames().free();
    let (a, b) = (os.spawn(&[HEAP]).unwrap(), os.spawn(&[HEAP]).unwrap());
    for vpn in 0x1000..0x1040 {
        touch(&mut os, a, vpn);
    }
    touch(&mut os, b, 0x1000);
    os.exit(a).unwrap();
    assert_eq!(os.table().chained().len(os.memory()), Ok(1));
    os.table().chained().check(os.memory()).unwrap();
    assert_eq!(os.frames().free(), free - 1);
    let c = os.spawn(&[]).unwrap();
    assert_eq!((a.get(), c.get()), (1, 3), "a TLB may still hold pages of ASID 1");
    let flush = os.recycle_asids();
    assert_eq!(flush.invalidations(), [Invalidation::All]);
    assert_eq!(os.spawn(&[]).unwrap().get(), 4);
    os.release(flush).unwrap();
    assert_eq!((os.spawn(&[]), os.asid_generation()), (Ok(a), 1));
}

#[test]
fn exit_of_a_broken_table_changes_nothing() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP]).unwrap();
    for vpn in 0x1000..0x1008 {
        touch(&mut os, asid, vpn);
    }
    let vpn = Vpn::truncate(0x1004);
    let index = os.table().chained().index_of(os.memory(), asid, vpn, PageSize::Small).unwrap();
    let home = os.table().chained().layout().address(index);
    // A link out of the table, behind a page that stands at its home.
    os.memory_mut().write(hashwalk_spec::PhysAddr::truncate(home.get() + 24), &[0xff, 0xff, 0xff, 0xff, 1]).unwrap();
    let table_bytes = |os: &Os<Internal>| {
        let layout = os.table().chained().layout();
        os.memory().slice(layout.base(), layout.bytes()).unwrap().to_vec()
    };
    let before = table_bytes(&os);
    assert!(matches!(os.exit(asid), Err(OsError::Table(TableError::Broken { .. }))));
    assert!(table_bytes(&os) == before && os.process(asid).is_some());
}

#[test]
fn protect_withdraws_the_old_rights() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP]).unwrap();
    let frame = touch(&mut os, asid, 0x1000);
    let read_only = Rights::R.with(Rights::U);
    let vpn = Vpn::truncate(0x1000);
    let withdrawn = os.protect(asid, vpn, PageSize::Small, read_only).unwrap();
    assert_eq!(withdrawn.mappings()[0].rights, RWU);
    os.release(withdrawn).unwrap();
    assert_eq!(os.frames().references(frame), Some(1), "the page is still mapped");
    let write = request(asid, 0x1000, Access::Write);
    assert_eq!(walk(os.memory(), &os.walk_context(), write).answer, Err(Fault::Rights));
    let unchanged = os.protect(asid, vpn, PageSize::Small, read_only).unwrap();
    assert!(unchanged.mappings().is_empty());
}

#[test]
fn huge_and_global_pages_are_mapped_and_overlaps_refused() {
    let mut os = boot(4096);
    let asid = os.spawn(&[HEAP]).unwrap();
    let large = os.map_new(asid, Vpn::truncate(0x200), PageSize::Large, RWU, false).unwrap();
    assert!(large.pfn.is_aligned(PageSize::Large));
    assert_eq!(touch(&mut os, asid, 0x2ff).get(), large.pfn.get() + 0xff);
    let global = os.map_new(Asid::GLOBAL, Vpn::truncate(0x9000), PageSize::Small, RWU, true).unwrap();
    assert_eq!(touch(&mut os, asid, 0x9000), global.pfn);
    let refused = os.map_new(asid, Vpn::truncate(0x9000), PageSize::Small, RWU, false).unwrap_err();
    assert_eq!(refused, OsError::Table(TableError::Overlap { existing: global }));
    let withdrawn = os.unmap(Asid::GLOBAL, global.vpn, PageSize::Small).unwrap();
    assert_eq!(withdrawn.invalidations(), [Invalidation::Address(global.vpn)]);
    os.release(withdrawn).unwrap();
    // A device beyond the memory: 1 GiB at PFN 0x40000.
    let device = Pfn::truncate(0x40000);
    let vpn = Vpn::truncate(0x8_0000);
    os.map(Mapping::new(asid, vpn, PageSize::Huge, device, RWU)).unwrap();
    let inside = request(asid, 0x8_1234, Access::Read);
    let translation = Translation { pfn: Pfn::truncate(0x41234) };
    assert_eq!(walk(os.memory(), &os.walk_context(), inside).answer, Ok(translation));
}

#[test]
fn a_mapping_that_no_search_finds_is_refused() {
    let mut os = boot(1024);
    let asid = os.spawn(&[HEAP]).unwrap();
    os.set_search_enable(Search::ENABLE_SMALL_ONLY);
    let refused = os.map_new(asid, Vpn::truncate(0x200), PageSize::Large, RWU, false).unwrap_err();
    assert_eq!(refused.to_string(), "the searches for pages of 2 MiB are not enabled");
    let refused = os.map_new(Asid::GLOBAL, Vpn::truncate(1), PageSize::Small, RWU, true).unwrap_err();
    assert_eq!(refused.to_string(), "the searches for global pages of 4 KiB are not enabled");
    touch(&mut os, asid, 0x1000);
}

#[test]
fn out_of_memory_names_what_is_needed() {
    let mut os = boot(128);
    // 128 frames: one reserved, one for the table of 128 entries.
    assert_eq!(os.frames().free(), 126);
    let asid = os.spawn(&[HEAP]).unwrap();
    let refused = os.map_new(asid, Vpn::truncate(0x200), PageSize::Large, RWU, false).unwrap_err();
    assert_eq!(refused.to_string(), "out of memory: 512 contiguous frames are needed, and 126 are free in all");
    for vpn in 0x1000..0x1000 + 126 {
        touch(&mut os, asid, vpn);
    }
    let refused = os.handle_fault(request(asid, 0x10ff, Access::Read), Fault::NotPresent).unwrap_err();
    assert_eq!(refused.to_string(), "out of memory: 1 contiguous frames are needed, and 0 are free in all");
    os.table().chained().check(os.memory()).unwrap();
}

#[test]
fn strangers_are_refused() {
    let mut os = boot(1024);
    let (a, b) = (os.spawn(&[CODE, HEAP]).unwrap(), os.spawn(&[]).unwrap());
    let stranger = Asid::truncate(77);
    assert_eq!(os.exit(stranger), Err(OsError::NoSuchProcess(stranger)));
    assert_eq!(os.exit(Asid::GLOBAL), Err(OsError::NoSuchProcess(Asid::GLOBAL)));
    assert_eq!(os.processes().map(|process| process.asid()).collect::<Vec<_>>(), [a, b]);
    assert_eq!(os.process(a).unwrap().segments(), [CODE, HEAP]);
    assert!(os.spawn(&[HEAP, HEAP]).is_err());
}

#[test]
fn every_asid_can_be_given_out_once() {
    let mut os = boot(128);
    for expected in 1..=u16::MAX {
        assert_eq!(os.spawn(&[]).map(Asid::get), Ok(expected));
        if expected == 300 {
            break;
        }
    }
    os.exit(Asid::truncate(17)).unwrap();
    let flush = os.recycle_asids();
    os.release(flush).unwrap();
    assert_eq!(os.spawn(&[]).map(Asid::get), Ok(17));
    assert_eq!(os.spawn(&[]).map(Asid::get), Ok(301));
}

#[test]
fn a_boot_is_replayed_by_its_seed() {
    let key = |seed| Os::new(&Config::preset("tiny").unwrap(), seed).table().layout().key();
    assert_eq!(key(1), key(1));
    assert_ne!(key(1), key(2));
    // The ChaCha8 stream under a key of zeros, as its first test vector has it: 3e 00 ef 2f 89 5f 40 d6 ...
    assert_eq!(key(0).to_le_bytes()[..8], [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]);
}

#[test]
fn the_table_lies_at_the_top_of_memory_in_every_preset() {
    for name in Config::PRESETS {
        let config = Config::preset(name).unwrap();
        let os = Os::new(&config, 3);
        let layout = os.table().layout();
        assert_eq!(layout.base().get() + layout.bytes(), config.frames() * 4096, "{name}");
        assert_eq!(os.frames().free(), config.frames() - 1 - layout.bytes() / 4096, "{name}");
    }
}
