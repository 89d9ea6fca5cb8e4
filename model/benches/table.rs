//! What the model costs: a hash, a golden walk, a table operation. `cargo bench -p hashwalk-model`
//!
//! The goals, from the pace of a co-simulation: a keyed hash under 40 ns, a walk of one probe under 150 ns.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hashwalk_model::hash::{HashFunction, hasher};
use hashwalk_model::{ChainedTable, Coherence, Layout, Mapping, PhysicalMemory, WalkContext, walk};
use hashwalk_spec::{Access, Asid, Format, Hash, PageSize, Pfn, PhysAddr, Request, Rights, Search, Vpn};
use std::hint::black_box;

const KEY: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
const TABLE_LOG2: u32 = 16;
/// Half of the table's entries.
const PAGES: u64 = 1 << 15;

fn mapping(page: u64) -> Mapping {
    let (asid, vpn) = (Asid::truncate(1 + page as u16 % 4), Vpn::truncate(0x5_5555_5000 + page));
    Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(page), Rights::ALL)
}

fn request(page: u64) -> Request {
    let Mapping { asid, vpn, .. } = mapping(page);
    Request { asid, vpn, access: Access::Read, user: true }
}

fn half_full() -> (PhysicalMemory, ChainedTable, WalkContext) {
    let layout = Layout::new(Format::Chained, PhysAddr::truncate(0), TABLE_LOG2, Hash::Keyed, KEY).expect("legal");
    let mut memory = PhysicalMemory::new(1 << 10);
    let table = ChainedTable::new(layout);
    for page in 0..PAGES {
        table.insert(&mut memory, mapping(page)).expect("room");
    }
    (memory, table, WalkContext::new(layout, Search::ENABLE_SMALL_ONLY, 64))
}

fn costs(c: &mut Criterion) {
    for hash in [Hash::Keyed, Hash::Fold] {
        let (hasher, mut page) = (hasher(hash, KEY), 0);
        c.bench_function(&format!("hash {hash}"), |b| {
            b.iter(|| {
                page += 1;
                hasher.hash(Asid::truncate(1), Vpn::truncate(black_box(page)))
            });
        });
    }

    let (mut memory, table, context) = half_full();
    let at_home = |page: &u64| walk(&memory, &context, request(*page)).probes == 1;
    let one_probe = (0..PAGES).find(at_home).expect("most pages stand at their home");
    c.bench_function("walk of one probe", |b| b.iter(|| walk(&memory, &context, black_box(request(one_probe)))));
    let mut page = 0;
    c.bench_function("walk of each page in turn, half full", |b| {
        b.iter(|| {
            page = (page + 1) % PAGES;
            walk(&memory, &context, request(page))
        });
    });
    let six_searches = WalkContext::new(*table.layout(), Search::ENABLE_ALL, 64);
    c.bench_function("walk of six searches, not present", |b| {
        b.iter(|| walk(&memory, &six_searches, black_box(request(PAGES))));
    });
    c.bench_function("lookup", |b| {
        let Mapping { asid, vpn, size, .. } = mapping(one_probe);
        b.iter(|| table.lookup(&memory, black_box(asid), vpn, size));
    });
    c.bench_function("insert and remove, half full", |b| {
        let new = mapping(PAGES);
        b.iter(|| {
            table.insert(&mut memory, black_box(new)).expect("room");
            table.remove(&mut memory, new.asid, new.vpn, new.size).expect("just inserted")
        });
    });
    c.bench_function("fill half of a table, 32768 insertions", |b| {
        b.iter_batched(|| (), |()| half_full(), BatchSize::PerIteration);
    });

    let found = walk(&memory, &context, request(one_probe));
    c.bench_function("coherence, accept and judge", |b| {
        let mut coherence = Coherence::new();
        b.iter(|| {
            coherence.request_accepted(1, 2, request(one_probe), black_box(found));
            coherence.judge(3, 2, black_box(found.answer))
        });
    });
}

criterion_group!(benches, costs);
criterion_main!(benches);
