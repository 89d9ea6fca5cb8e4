//! The avalanche matrix: with which probability a flipped bit of (ASID, VPN) flips each bit of the hash. A random
//! function has 1/2 everywhere; 0 and 1 are bits that an attacker can reckon with.

use crate::hash::{HashFunction, hasher};
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::{Asid, Hash, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Bits of the key of a page: an ASID above a VPN.
const PAGE_BITS: usize = 68;
const HASH_BITS: usize = 32;
/// Pages that are looked at under one hash key, before another is drawn.
const PAGES_A_KEY: u32 = 64;

/// The matrix: `flips[i][j]` is the probability that bit j of the hash flips with bit i of (ASID, VPN), the ASID above.
#[derive(Clone, Debug, PartialEq)]
pub struct Avalanche {
    /// The probabilities.
    pub flips: Vec<[f64; HASH_BITS]>,
}

impl Avalanche {
    fn all(&self) -> impl Iterator<Item = f64> {
        self.flips.iter().flatten().copied()
    }

    /// The mean of all pairs of bits.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.all().sum::<f64>() / (PAGE_BITS * HASH_BITS) as f64
    }

    /// The pair that flips together least often.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.all().fold(1.0, f64::min)
    }

    /// The pair that flips together most often.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.all().fold(0.0, f64::max)
    }
}

/// Measures a function at so many pages, drawn from the seed, each with all 68 of its bits flipped in turn. Keys are drawn
/// as well, one for 64 pages; two figures of one probability differ by about `1 / sqrt(samples)`.
#[must_use]
pub fn avalanche(hash: Hash, samples: u32, seed: u64) -> Avalanche {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut wide = || u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    let mut counts = vec![[0u32; HASH_BITS]; PAGE_BITS];
    let mut function = hasher(hash, 0);
    for sample in 0..samples {
        if sample % PAGES_A_KEY == 0 {
            function = hasher(hash, wide());
        }
        let page = wide() & ((1 << PAGE_BITS) - 1);
        let of = |page: u128| {
            function.hash(Asid::truncate((page >> VPN_BITS) as u16), Vpn::truncate(page as u64 & Vpn::MAX.get()))
        };
        let before = of(page);
        for (bit, flips) in counts.iter_mut().enumerate() {
            let changed = before ^ of(page ^ 1 << bit);
            flips.iter_mut().enumerate().for_each(|(j, count)| *count += changed >> j & 1);
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(samples.max(1));
    Avalanche { flips: counts.into_iter().map(|row| row.map(share)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xor_flips_one_bit_for_each_and_always() {
        let fold = avalanche(Hash::Fold, 4, 1);
        // Each of the 68 bits goes to one of the 32: VPN bit 32 to bit 0, ASID bit 15 (67) to bit 15.
        assert_eq!((fold.min(), fold.max(), fold.mean()), (0.0, 1.0, 1.0 / 32.0));
        assert_eq!((fold.flips[32][0], fold.flips[67][15], fold.flips[67][14]), (1.0, 1.0, 0.0));
        // Of the ASID alone 16 bits arrive.
        assert_eq!(avalanche(Hash::Asid, 4, 1).mean(), 16.0 / (68.0 * 32.0));
    }

    #[test]
    fn the_keyed_hash_flips_half() {
        let keyed = avalanche(Hash::Keyed, 1024, 1);
        // The contract's 0.37 to 0.63, widened by four deviations of this many samples.
        assert!(keyed.min() > 0.30 && keyed.max() < 0.70, "{} {}", keyed.min(), keyed.max());
        assert!((keyed.mean() - 0.5).abs() < 0.012, "{}", keyed.mean());
    }
}
