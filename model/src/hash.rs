//! The hash functions: from (ASID, first VPN of the page) to the 32 bits whose low bits are the home index.
//!
//! ```text
//!  keyed   x = ASID:VPN ─►(+)─► S ─► M ─►(+)─► S ─► M ─►(+)─► S ─► fold 68 bits into 32
//!                         K_0            K_1            K_2
//!  fold    VPN[31:0] ^ VPN[51:32] ^ ASID
//!  asid    ASID
//! ```
//!
//! In a cuckoo table each way has a hash of its own: K_0 differs between them, and `fold` and `asid` are rotated.
//!
//! S replaces 17 nibbles, here two at a time from a table of 256 bytes that stays in the host's first cache; M is two
//! rotations within 68 bits. A keyed hash costs about 27 table reads, the other two next to nothing.
//! Source: docs/spec.md, section 3.

use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::format::{WAY_KEY, WAY_ROTATION};
use hashwalk_spec::{Asid, Hash, Vpn};

/// A function from a page to the place where the search for it begins.
pub trait HashFunction {
    /// All 32 bits of the hash. `vpn` is the first VPN of the page that is searched for; the page size is no part of
    /// the key.
    #[inline]
    fn hash(&self, asid: Asid, vpn: Vpn) -> u32 {
        self.hash_of_way(0, asid, vpn)
    }

    /// The same for one way of a cuckoo table; that of way 0 is [`HashFunction::hash`].
    fn hash_of_way(&self, way: u32, asid: Asid, vpn: Vpn) -> u32;
}

/// Bits of the keyed hash's state: an ASID above a VPN.
const STATE_BITS: u32 = 68;
const STATE_MASK: u128 = (1 << STATE_BITS) - 1;

/// The contract's substitution, nibble by nibble.
const SUBSTITUTE_NIBBLE: [u8; 16] = [0xC, 5, 6, 0xB, 9, 0, 0xA, 0xD, 3, 0xE, 0xF, 8, 4, 7, 1, 2];

/// The substitution of the two nibbles of a byte at once.
static SUBSTITUTE_BYTE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = SUBSTITUTE_NIBBLE[byte >> 4] << 4 | SUBSTITUTE_NIBBLE[byte & 15];
        byte += 1;
    }
    table
};

/// S: replaces each of the state's 17 nibbles.
fn substitute(x: u128) -> u128 {
    let low = (x as u64).to_le_bytes().map(|byte| SUBSTITUTE_BYTE[usize::from(byte)]);
    let top = SUBSTITUTE_NIBBLE[(x >> 64) as usize & 15];
    u128::from(top) << 64 | u128::from(u64::from_le_bytes(low))
}

/// M: the state, xor itself rotated left by 6, xor itself rotated left by 59.
fn mix(x: u128) -> u128 {
    let rotated = |by: u32| (x << by | x >> (STATE_BITS - by)) & STATE_MASK;
    x ^ rotated(6) ^ rotated(59)
}

/// `keyed`: three rounds under a key of 128 bits, the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    round_keys: [u128; 3],
}

impl Keyed {
    /// The function under `key`, whose round keys are worked out here, once.
    #[must_use]
    pub fn new(key: u128) -> Keyed {
        Keyed { round_keys: [0, 60, 120].map(|by| key.rotate_right(by) & STATE_MASK) }
    }
}

impl HashFunction for Keyed {
    #[inline]
    fn hash_of_way(&self, way: u32, asid: Asid, vpn: Vpn) -> u32 {
        let [k0, k1, k2] = self.round_keys;
        let x = u128::from(asid.get()) << VPN_BITS | u128::from(vpn.get());
        let x = mix(substitute(x ^ k0 ^ (WAY_KEY * u128::from(way))));
        let x = mix(substitute(x ^ k1));
        let x = substitute(x ^ k2);
        x as u32 ^ (x >> 32) as u32 ^ (x >> 64) as u32
    }
}

/// `fold`: a plain xor, easy to work by hand and easy to attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold;

impl HashFunction for Fold {
    #[inline]
    fn hash_of_way(&self, way: u32, asid: Asid, vpn: Vpn) -> u32 {
        let hash = vpn.get() as u32 ^ (vpn.get() >> 32) as u32 ^ u32::from(asid.get());
        hash.rotate_left(WAY_ROTATION * way)
    }
}

/// `asid`: every page of a process shares a chain, the bad example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsidOnly;

impl HashFunction for AsidOnly {
    #[inline]
    fn hash_of_way(&self, way: u32, asid: Asid, _vpn: Vpn) -> u32 {
        u32::from(asid.get()).rotate_left(WAY_ROTATION * way)
    }
}

/// Any of the three, by value: a walk's context is copied often, and a match costs less than a pointer chase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hasher {
    /// [`Hash::Keyed`].
    Keyed(Keyed),
    /// [`Hash::Fold`].
    Fold(Fold),
    /// [`Hash::Asid`].
    Asid(AsidOnly),
}

/// The function that `hash` names. `key` counts only for [`Hash::Keyed`].
#[must_use]
pub fn hasher(hash: Hash, key: u128) -> Hasher {
    match hash {
        Hash::Keyed => Hasher::Keyed(Keyed::new(key)),
        Hash::Fold => Hasher::Fold(Fold),
        Hash::Asid => Hasher::Asid(AsidOnly),
    }
}

impl HashFunction for Hasher {
    #[inline]
    fn hash_of_way(&self, way: u32, asid: Asid, vpn: Vpn) -> u32 {
        match self {
            Hasher::Keyed(function) => function.hash_of_way(way, asid, vpn),
            Hasher::Fold(function) => function.hash_of_way(way, asid, vpn),
            Hasher::Asid(function) => function.hash_of_way(way, asid, vpn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(hasher: Hasher, asid: u16, vpn: u64) -> u32 {
        hasher.hash(Asid::truncate(asid), Vpn::truncate(vpn))
    }

    #[test]
    fn the_known_answers_of_the_contract() {
        assert_eq!(hash_of(hasher(Hash::Keyed, 0), 0, 0), 0x0000_0006);
        assert_eq!(hash_of(hasher(Hash::Keyed, 0), 1, 0x1a), 0x95a8_c5d7);
        let key = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
        assert_eq!(hash_of(hasher(Hash::Keyed, key), 0xbeef, 0x8_0000_1234_5678), 0x66fa_2faf);
        let of_ways = |hash, key, asid, vpn| {
            [0, 1, 2, 3].map(|way| hasher(hash, key).hash_of_way(way, Asid::truncate(asid), Vpn::truncate(vpn)))
        };
        assert_eq!(
            of_ways(Hash::Keyed, key, 0xbeef, 0x8_0000_1234_5678),
            [0x66fa_2faf, 0xa9ed_f587, 0x1491_be44, 0x2320_50f2]
        );
        assert_eq!(of_ways(Hash::Fold, 0, 5, 0x8_0000_1234_5678), [0x123c_567d, 0xe2b3_e891, 0x9f44_8f15, 0x2478_acfa]);
        assert_eq!(of_ways(Hash::Asid, 0, 5, 0), [5, 0x2800, 0x140_0000, 10]);
        assert_eq!(hash_of(hasher(Hash::Fold, 0), 5, 0x8_0000_1234_5678), 0x123c_567d);
        assert_eq!(hash_of(hasher(Hash::Asid, 0), 5, 0x8_0000_1234_5678), 5);
    }

    #[test]
    fn the_steps_between_are_the_contracts() {
        let key = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
        let round_keys = [0xf_fedc_ba98_7654_3210, 0x0_1234_5678_9abc_deff, 0xe_dcba_9876_5432_1001];
        assert_eq!(Keyed::new(key).round_keys, round_keys);
        assert_eq!(substitute(0x4_1024_ba98_6460_6468), 0x9_5c69_8fe3_a9ac_a9a3);
        assert_eq!(mix(0x9_5c69_8fe3_a9ac_a9a3), 0x3_5aa4_43ce_3352_1712);
    }
}
