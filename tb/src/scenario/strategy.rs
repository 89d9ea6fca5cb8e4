//! How scenarios are drawn: a small world in which everything meets.

use hashwalk_spec::{Access, Asid, Config, Invalidation, PageSize, Pfn, Request, Rights, Search, Vpn};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Action, Scenario, Step};
use crate::machine::MemoryTiming;

/// Few address spaces, so that they share pages and chains: two neighbours, the global one, and the last.
fn asid() -> impl Strategy<Value = Asid> {
    prop_oneof![6 => Just(1), 3 => Just(2), 2 => Just(0), 1 => Just(0xffff)].prop_map(Asid::truncate)
}

/// Pages that are asked for again and again: neighbours on both sides of the border of a 2 MiB page.
const BUSY: [u64; 4] = [0x1ff, 0x200, 0x201, 0x3ff];

/// Pages around the borders of 2 MiB and 1 GiB pages, at both ends and in the middle of the address space.
const REMOTE: [u64; 12] = [
    0x0,
    0x1,
    0x3_ffff,
    0x4_0000,
    0x4_0001,
    0x4_0200,
    0x8_0000,
    0x7_ffff_ffff_ffff,
    0x8_0000_0000_0000,
    0x8_0000_0000_01ff,
    0xf_ffff_ffff_fe00,
    0xf_ffff_ffff_ffff,
];

fn vpn() -> impl Strategy<Value = Vpn> {
    prop_oneof![4 => select(&BUSY[..]), 1 => select(&REMOTE[..])].prop_map(Vpn::truncate)
}

fn size() -> impl Strategy<Value = PageSize> {
    prop_oneof![12 => Just(PageSize::Small), 3 => Just(PageSize::Large), 1 => Just(PageSize::Huge)]
}

fn rights() -> impl Strategy<Value = Rights> {
    prop_oneof![4 => Just(Rights::ALL), 1 => (0..16u8).prop_map(Rights::from_bits)]
}

fn request() -> impl Strategy<Value = Request> {
    let access = prop_oneof![4 => Just(Access::Read), 2 => Just(Access::Write), 1 => Just(Access::Execute)];
    (asid(), vpn(), access, any::<bool>()).prop_map(|(asid, vpn, access, user)| Request { asid, vpn, access, user })
}

fn map() -> impl Strategy<Value = Action> {
    (asid(), vpn(), size(), 0..=Pfn::MAX.get(), rights(), prop::bool::weighted(0.2)).prop_map(
        |(asid, vpn, size, pfn, rights, global)| Action::Map {
            asid,
            vpn,
            size,
            pfn: Pfn::truncate(pfn),
            rights,
            global,
        },
    )
}

fn invalidation() -> impl Strategy<Value = Invalidation> {
    prop_oneof![
        1 => Just(Invalidation::All),
        2 => asid().prop_map(Invalidation::Asid),
        3 => vpn().prop_map(Invalidation::Address),
        3 => (asid(), vpn()).prop_map(|(asid, vpn)| Invalidation::AddressInAsid(asid, vpn)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        60 => request().prop_map(Action::Access),
        16 => map(),
        8 => (asid(), vpn()).prop_map(|(asid, vpn)| Action::Unmap { asid, vpn }),
        6 => (asid(), vpn(), rights()).prop_map(|(asid, vpn, rights)| Action::Protect { asid, vpn, rights }),
        12 => invalidation().prop_map(Action::Invalidate),
        3 => any::<bool>().prop_map(|software| Action::Refill { software }),
        2 => any::<(u8, u16)>().prop_map(|(element, bit)| Action::Corrupt { element, bit }),
        1 => any::<u8>().prop_map(|element| Action::Poison { element }),
        1 => Just(Action::Heal),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly back to back or within a walk; sometimes long enough for everything to come to rest.
    let wait = prop_oneof![6 => Just(0u8), 6 => 1..12u8, 1 => 12..=255u8];
    (wait, action()).prop_map(|(wait, action)| Step { wait, action })
}

fn memory() -> impl Strategy<Value = MemoryTiming> {
    let percent = || prop_oneof![2 => Just(0u8), 1 => 1..=80u8];
    (1..=8u32, 0..=12u32, percent(), percent(), any::<u64>()).prop_map(|(latency, more, stall, gap, seed)| {
        MemoryTiming { latency, latency_max: latency + more, stall_percent: stall, gap_percent: gap, seed }
    })
}

/// Scenarios on any of these configurations, with tables of 128 entries so that chains form.
pub fn scenarios(configs: &[&Config]) -> impl Strategy<Value = Scenario> + use<> {
    let configs: Vec<_> = configs
        .iter()
        .map(|config| hashwalk_spec::Settings { frames: 128, entries_per_frame: 1, ..config.settings().clone() })
        .collect();
    let search_enable = prop_oneof![8 => Just(Search::ENABLE_ALL), 2 => 0..=Search::ENABLE_ALL];
    // A table that holds something to begin with.
    let setup = prop::collection::vec(map().prop_map(|action| Step { wait: 0, action }), 0..12);
    let steps = (setup, prop::collection::vec(step(), 1..80)).prop_map(|(setup, steps)| [setup, steps].concat());
    (select(configs), any::<u64>(), search_enable, memory(), steps).prop_map(
        |(config, seed, search_enable, memory, steps)| Scenario { config, seed, search_enable, memory, steps },
    )
}
