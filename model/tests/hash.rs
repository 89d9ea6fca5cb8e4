//! How evenly the hashes spread pages (docs/spec.md, section 3).

use hashwalk_model::{HashFunction, hasher};
use hashwalk_spec::{Asid, Hash, Vpn};
use std::collections::HashSet;

const KEY: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
const SLOTS: usize = 1 << 12;

/// The pages that an operating system would make: (name, keys), as many keys as slots.
fn workloads() -> Vec<(&'static str, Vec<(u16, u64)>)> {
    let n = SLOTS as u64;
    vec![
        ("sequential", (0..n).map(|i| (1, 0x7_ffff_0000 + i)).collect()),
        ("every 16th page", (0..n).map(|i| (1, 16 * i)).collect()),
        ("every 2 MiB", (0..n).map(|i| (3, i << 9)).collect()),
        ("every 1 GiB", (0..n).map(|i| (3, i << 18)).collect()),
        ("the same 16 pages in 256 address spaces", (0..n).map(|i| (1 + (i / 16) as u16, 0x400 + i % 16)).collect()),
        ("one page in 4096 address spaces", (0..n).map(|i| (i as u16, 0x400)).collect()),
    ]
}

/// How many slots are home to 0, 1, 2, ... of the keys.
fn occupancy(hash: Hash, keys: &[(u16, u64)]) -> Vec<usize> {
    let hasher = hasher(hash, KEY);
    let mut pages_of = vec![0usize; SLOTS];
    for &(asid, vpn) in keys {
        pages_of[hasher.hash(Asid::truncate(asid), Vpn::truncate(vpn)) as usize % SLOTS] += 1;
    }
    let mut slots_with = vec![0; pages_of.iter().max().unwrap() + 1];
    pages_of.iter().for_each(|&pages| slots_with[pages] += 1);
    slots_with
}

#[test]
fn keyed_hash_fills_slots_like_a_random_function() {
    for (name, keys) in workloads() {
        let slots_with = occupancy(Hash::Keyed, &keys);
        // One key to a slot on average: Poisson, 1 / (e k!).
        let mut poisson = SLOTS as f64 / std::f64::consts::E;
        for pages in 0..5 {
            let found = slots_with.get(pages).copied().unwrap_or(0) as f64;
            let tolerance = 5.0 * poisson.sqrt();
            assert!((found - poisson).abs() < tolerance, "{name}: {found} slots have {pages} pages, not {poisson:.0}");
            poisson /= (pages + 1) as f64;
        }
        assert!(slots_with.len() <= 10, "{name}: a slot is home to {} pages", slots_with.len() - 1);
    }
}

#[test]
fn another_key_moves_the_pages() {
    let homes = |key| {
        let hasher = hasher(Hash::Keyed, key);
        (0..64).map(|vpn| hasher.hash(Asid::truncate(1), Vpn::truncate(vpn)) as usize % SLOTS).collect::<Vec<_>>()
    };
    // The low 68 bits of the key go through every round. Those above are first added after the first or the second, so
    // that one of them alone reaches a few bits of the hash.
    for bit in 0..68 {
        let same = homes(KEY).into_iter().zip(homes(KEY ^ 1 << bit)).filter(|(a, b)| a == b).count();
        assert!(same <= 8, "key bit {bit} leaves {same} of 64 pages where they are");
    }
}

#[test]
fn a_flipped_bit_of_the_page_flips_half_of_the_hash() {
    const SAMPLES: u64 = 2048;
    let hasher = hasher(Hash::Keyed, KEY);
    let hash = |x: u128| hasher.hash(Asid::truncate((x >> 52) as u16), Vpn::truncate(x as u64 & Vpn::MAX.get()));
    let mut all_flips = 0;
    for input_bit in 0..68 {
        let mut flips = [0u64; 32];
        for sample in 0..SAMPLES {
            let x = (u128::from(sample) * 0x9_e377_9b97_f4a7_c15f) & ((1 << 68) - 1);
            let changed = hash(x) ^ hash(x ^ 1 << input_bit);
            flips.iter_mut().enumerate().for_each(|(bit, flips)| *flips += u64::from(changed >> bit & 1));
        }
        for (bit, flips) in flips.into_iter().enumerate() {
            let share = flips as f64 / SAMPLES as f64;
            // The contract's 0.37 to 0.63, widened by four deviations of this many samples.
            assert!((0.32..0.68).contains(&share), "bit {input_bit} flips hash bit {bit} with {share}");
            all_flips += flips;
        }
    }
    let mean = all_flips as f64 / (68 * 32 * SAMPLES) as f64;
    assert!((0.488..0.512).contains(&mean), "{mean}");
}

#[test]
fn asid_hash_puts_a_process_into_one_chain() {
    let homes: HashSet<u32> = workloads()[0]
        .1
        .iter()
        .map(|&(asid, vpn)| hasher(Hash::Asid, 0).hash(Asid::truncate(asid), Vpn::truncate(vpn)))
        .collect();
    assert_eq!(homes, HashSet::from([1]));
}

#[test]
fn fold_hash_is_even_for_sequential_pages_and_collapses_for_strided_ones() {
    let workloads = workloads();
    assert_eq!(occupancy(Hash::Fold, &workloads[0].1), [0, SLOTS]);
    let strided = occupancy(Hash::Fold, &workloads[2].1);
    assert_eq!(strided.len() - 1, SLOTS / 8, "2 MiB pages share 8 homes");
}
