//! The hash unit: (ASID, VPN) to 32 bits, combinational (docs/spec.md, section 3).
//!
//! | port | dir | bits | |
//! | ---- | --- | ---: | - |
//! | `key` | in | 128 | only `keyed` |
//! | `vpn` | in | 52 | rounded to the page size; not for `asid` |
//! | `asid` | in | 16 | |
//! | `way` | in | 2 | only in a cuckoo table: the way whose hash is asked for |
//! | `out` | out | 32 | the hash |
//!
//! `keyed` is seven four-input tables deep: one to add the first round key, then a substitution and a mixing (with the
//! next key) for each of two rounds, a substitution, and the fold. The way's number goes into the first table, which has
//! two inputs to spare; the other functions are rotated by it.

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, lit, priority_select, shape};
use hashwalk_spec::Hash;
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::WAY_ROTATION;

use crate::ports::KEY_BITS;

const STATE_BITS: u32 = ASID_BITS + VPN_BITS;
const ROUNDS: u32 = 3;
/// Bits of a way's number.
pub const WAY_BITS: u32 = 2;
/// The substitution of PRESENT (Bogdanov et al., CHES 2007).
const SUBSTITUTION: [u32; 16] = [0xc, 5, 6, 0xb, 9, 0, 0xa, 0xd, 3, 0xe, 0xf, 8, 4, 7, 1, 2];

bundle! {
    /// What is hashed.
    pub struct HashInputs {
        /// 128 bits; only for `keyed`.
        pub key: Option<Signal>,
        /// 52 bits; not for `asid`.
        pub vpn: Option<Signal>,
        /// 16 bits.
        pub asid: Signal,
        /// 2 bits; only where there are ways.
        pub way: Option<Signal>,
    }
}

/// One of the hash functions as a circuit.
pub struct HashUnit {
    /// The function.
    pub hash: Hash,
    /// The ways of a cuckoo table, else 1.
    pub ways: u32,
}

impl Component for HashUnit {
    type Inputs = HashInputs;
    type Outputs = Signal;
    type State = ();

    fn name(&self) -> String {
        match self.ways {
            1 => format!("hashwalk_hash_{}", self.hash),
            ways => format!("hashwalk_hash_{}_{ways}", self.hash),
        }
    }

    fn doc(&self) -> String {
        let of_ways = if self.ways == 1 { String::new() } else { format!(" for each of {} ways", self.ways) };
        format!("The `{}` hash of (ASID, VPN){of_ways}, combinational.", self.hash)
    }

    fn inputs(&self) -> HashInputs {
        HashInputs {
            key: (self.hash == Hash::Keyed).then(|| shape(KEY_BITS)),
            vpn: (self.hash != Hash::Asid).then(|| shape(VPN_BITS)),
            asid: shape(ASID_BITS),
            way: (self.ways > 1).then(|| shape(WAY_BITS)),
        }
    }

    fn reset(&self) {}

    fn kernel(&self, _: &mut Module, i: HashInputs, (): ()) -> (Signal, ()) {
        let asid = i.asid.zext(INDEX_BITS);
        let hash = match (self.hash, i.key, i.vpn) {
            (Hash::Keyed, Some(key), Some(vpn)) => return (keyed(&key, &vpn, &i.asid, i.way.as_ref()), ()),
            (Hash::Fold, _, Some(vpn)) => {
                vpn.bits(0..INDEX_BITS) ^ vpn.bits(INDEX_BITS..VPN_BITS).zext(INDEX_BITS) ^ asid
            }
            _ => asid,
        };
        let rotated = |way| (i.way.as_ref().map(|number| number.eq_value(way)), hash.rotl(WAY_ROTATION * way));
        let of_ways = (1..self.ways).map(rotated).filter_map(|(is_way, hash)| is_way.map(|is_way| (is_way, hash)));
        (priority_select(of_ways, hash.clone()), ())
    }
}

fn keyed(key: &Signal, vpn: &Signal, asid: &Signal, way: Option<&Signal>) -> Signal {
    let mut x = concat([asid, vpn]);
    for round in 0..ROUNDS {
        let round_key = key.rotr(60 * round).bits(0..STATE_BITS);
        let round_key = match way {
            Some(way) if round == 0 => round_key ^ way.repeat(STATE_BITS / WAY_BITS),
            _ => round_key,
        };
        x = substitute(&(x ^ round_key).named(format!("keyed_{round}")));
        if round + 1 < ROUNDS {
            x = &x ^ &x.rotl(6) ^ x.rotl(59);
        }
    }
    let x = x.named("substituted");
    x.bits(0..32) ^ x.bits(32..64) ^ x.bits(64..68).zext(32)
}

fn substitute(x: &Signal) -> Signal {
    let table = SUBSTITUTION.iter().rev().fold(0u64, |table, &nibble| table << 4 | u64::from(nibble));
    let table = lit(64, table).named("substitution_table");
    let nibbles = (0..STATE_BITS / 4).rev().map(|n| table.word(&x.bits(4 * n..4 * n + 4), 4));
    concat(nibbles.collect::<Vec<_>>()).named("substitution")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashwalk_hdl::{Bundle, Interpreter};

    /// Hand-worked in docs/spec.md, section 10.
    #[test]
    fn known_answers() {
        let cases: [(Hash, u128, u32, u64, u32); 5] = [
            (Hash::Keyed, 0, 0x0000, 0x0000000000000, 0x0000_0006),
            (Hash::Keyed, 0, 0x0001, 0x000000000001a, 0x95a8_c5d7),
            (Hash::Keyed, 0x0123456789abcdeffedcba9876543210, 0xbeef, 0x8000012345678, 0x66fa_2faf),
            (Hash::Fold, 0, 0x0005, 0x8000012345678, 0x123c_567d),
            (Hash::Asid, 0, 0x0005, 0x8000012345678, 0x0000_0005),
        ];
        for (hash, key, asid, vpn, want) in cases {
            let unit = HashUnit { hash, ways: 1 };
            let mut simulation = Interpreter::new(&unit);
            simulation.set("asid", asid);
            if hash == Hash::Keyed {
                simulation.set("key", key);
            }
            if hash != Hash::Asid {
                simulation.set("vpn", vpn);
            }
            assert_eq!(simulation.get("out"), want.into(), "{hash}");
        }
    }

    /// Hand-worked in docs/spec.md, section 10.
    #[test]
    fn known_answers_of_ways() {
        let cases: [(Hash, [u32; 4]); 3] = [
            (Hash::Keyed, [0x66fa_2faf, 0xa9ed_f587, 0x1491_be44, 0x2320_50f2]),
            (Hash::Fold, [0x123c_e897, 0xe744_b891, 0x25c4_8f3a, 0x2479_d12e]),
            (Hash::Asid, [0xbeef, 0x05f7_7800, 0xbbc0_002f, 0x0001_7dde]),
        ];
        for (hash, want) in cases {
            let mut simulation = Interpreter::new(&HashUnit { hash, ways: 4 });
            simulation.set("asid", 0xbeefu32);
            if hash == Hash::Keyed {
                simulation.set("key", 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210u128);
            }
            if hash != Hash::Asid {
                simulation.set("vpn", 0x8_0000_1234_5678u64);
            }
            for (way, want) in (0u32..).zip(want) {
                simulation.set("way", way);
                assert_eq!(simulation.get("out"), want.into(), "{hash}, way {way}");
            }
        }
    }

    #[test]
    fn ports_are_only_those_that_the_function_reads() {
        let names =
            |hash| HashUnit { hash, ways: 1 }.inputs().leaves().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(Hash::Keyed), ["key", "vpn", "asid"]);
        assert_eq!(names(Hash::Fold), ["vpn", "asid"]);
        assert_eq!(names(Hash::Asid), ["asid"]);
    }
}
