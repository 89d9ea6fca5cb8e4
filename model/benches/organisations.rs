//! What each organisation costs on the host: lookup, insertion with removal, and random operations, beside a plain
//! `HashMap`, which holds no bytes that hardware could walk. `cargo bench -p hashwalk-model --bench organisations`
//!
//! The goal: 10 million random operations a minute on the line table, 6 µs each.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashwalk_model::organisation::cuckoo::{Cuckoo, Growth};
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::organisation::inverted::Inverted;
use hashwalk_model::organisation::line::LineTable;
use hashwalk_model::organisation::per_process::PerProcess;
use hashwalk_model::organisation::radix::{Radix, Reach};
use hashwalk_model::organisation::separate::Separate;
use hashwalk_model::organisation::tree::Tree;
use hashwalk_model::{Mapping, PageTable, Ram, TableError};
use hashwalk_spec::{Asid, Hash, PageSize, Pfn, Rights, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::HashMap;
use std::hint::black_box;

const KEY: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
/// 256 MiB of simulated memory, so that a look costs cache misses, as it would.
const FRAMES: u64 = 1 << 16;
/// A page for each frame, if all are mapped; half of them are.
const PAGES: u64 = 1 << 16;

type Make = fn(&mut Ram) -> Result<Box<dyn PageTable>, TableError>;

/// One place or bucket for each frame, and two places of the line table, which come by eights.
const ORGANISATIONS: [Make; 8] = [
    |ram| Ok(Box::new(Internal::new(ram, 16, Hash::Keyed, KEY)?)),
    |ram| Ok(Box::new(Separate::new(ram, 16, Hash::Keyed, KEY)?)),
    |ram| Ok(Box::new(Tree::new(ram, 16, Hash::Keyed, KEY)?)),
    |ram| Ok(Box::new(LineTable::new(ram, 14, Hash::Keyed, KEY)?)),
    |ram| Ok(Box::new(Cuckoo::new(ram, 3, 15, KEY, Growth::suitable(3))?)),
    |ram| Ok(Box::new(Inverted::new(ram, FRAMES, 16, Hash::Keyed, KEY)?)),
    |ram| Ok(Box::new(PerProcess::new(ram, 75, move |ram, _| Internal::new(ram, 7, Hash::Keyed, KEY))?)),
    |ram| Ok(Box::new(Radix::new(ram, Reach::Bits48)?)),
];

/// Runs of 16 pages in four address spaces.
fn mapping(page: u64) -> Mapping {
    let (asid, vpn) = (1 + (page >> 4 & 3) as u16, (page >> 6) * 0x1000 + (page & 15));
    let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(vpn), Pfn::truncate(page));
    Mapping::new(asid, vpn, PageSize::Small, pfn, Rights::ALL)
}

/// One random operation on a table: a page is looked up, entered if it has no mapping, or taken out.
fn operate(table: &mut dyn PageTable, ram: &mut Ram, random: u64) {
    let mapping = mapping(random >> 8 & (PAGES - 1));
    let Mapping { asid, vpn, size, .. } = mapping;
    if random & 1 == 0 {
        black_box(table.lookup(ram, asid, vpn).expect("whole"));
    } else if table.insert(ram, mapping).is_err() {
        table.remove(ram, asid, vpn, size).expect("it is mapped");
    }
}

fn costs(c: &mut Criterion) {
    for make in ORGANISATIONS {
        let mut ram = Ram::new(FRAMES);
        let mut table = make(&mut ram).expect("room");
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for page in (0..PAGES).filter(|_| random.next_u32() & 1 == 0) {
            table.insert(&mut ram, mapping(page)).expect("room");
        }
        let mut group = c.benchmark_group(table.name());
        group.throughput(Throughput::Elements(1));
        group.bench_function("lookup", |b| {
            b.iter(|| {
                let Mapping { asid, vpn, .. } = mapping(u64::from(random.next_u32()) & (PAGES - 1));
                table.lookup(&ram, asid, vpn)
            });
        });
        group.bench_function("insert or remove", |b| {
            b.iter(|| operate(&mut *table, &mut ram, random.next_u64() | 1));
        });
        group.bench_function("random operation", |b| {
            b.iter(|| operate(&mut *table, &mut ram, random.next_u64()));
        });
        group.finish();
    }

    let mut random = ChaCha8Rng::seed_from_u64(1);
    let key = |random: u64| {
        let mapping = mapping(random & (PAGES - 1));
        ((mapping.asid, mapping.vpn), mapping)
    };
    let mut map: HashMap<(Asid, Vpn), Mapping> = (0..PAGES).filter(|_| random.next_u32() & 1 == 0).map(key).collect();
    let mut group = c.benchmark_group("HashMap");
    group.throughput(Throughput::Elements(1));
    group.bench_function("lookup", |b| b.iter(|| map.get(&key(random.next_u64()).0).copied()));
    group.bench_function("insert or remove", |b| {
        b.iter(|| {
            let (key, mapping) = key(random.next_u64());
            if map.insert(key, mapping).is_some() {
                map.remove(&key);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, costs);
criterion_main!(benches);
