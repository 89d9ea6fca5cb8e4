//! The hash of (ASID, VPN), in two halves with a register between them (docs/spec.md, section 3).
//!
//! | half | from | to |
//! | ---- | ---- | -- |
//! | [`begin`] | key (128), ASID (16), VPN (52), rounded to the page or its group | what is registered |
//! | [`HashUnit`] | the register and the key | the hash, 32 bits |
//!
//! `keyed` is seven four-input tables deep. The first half adds the first round key and substitutes, which is two; the
//! second mixes and adds the next key, substitutes, mixes and adds the last, substitutes, and folds. Of the other two
//! hashes the first half puts ASID and VPN side by side, and the second does the rest. In a cuckoo table each way has both
//! halves of its own.

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, lit, shape};
use hashwalk_spec::Hash;
use hashwalk_spec::address::{ASID_BITS, VPN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::{WAY_KEY, WAY_ROTATION};

use crate::ports::KEY_BITS;

const STATE_BITS: u32 = ASID_BITS + VPN_BITS;
const ROUNDS: u32 = 3;
/// The substitution of PRESENT (Bogdanov et al., CHES 2007).
const SUBSTITUTION: [u32; 16] = [0xc, 5, 6, 0xb, 9, 0, 0xa, 0xd, 3, 0xe, 0xf, 8, 4, 7, 1, 2];

bundle! {
    /// What is hashed.
    pub struct HashInputs {
        /// 128 bits; only for `keyed`.
        pub key: Option<Signal>,
        /// 68 bits, or 16 for `asid`: what [`begin`] has given.
        pub begun: Signal,
    }
}

/// The second half of one of the hash functions as a circuit.
pub struct HashUnit {
    /// The function.
    pub hash: Hash,
    /// The way of a cuckoo table, 0 to 3; else 0.
    pub way: u32,
}

/// Bits that are kept between the halves.
#[must_use]
pub fn begun_bits(hash: Hash) -> u32 {
    if hash == Hash::Asid { ASID_BITS } else { STATE_BITS }
}

/// The first half, for a way of a cuckoo table, else for way 0.
#[must_use]
pub fn begin(hash: Hash, way: u32, key: Option<&Signal>, vpn: &Signal, asid: &Signal) -> Signal {
    match (hash, key) {
        (Hash::Asid, _) => asid.clone(),
        (Hash::Keyed, Some(key)) => {
            let first_key = key.bits(0..STATE_BITS) ^ lit(STATE_BITS, WAY_KEY * u128::from(way));
            substitute(&(concat([asid, vpn]) ^ first_key))
        }
        _ => concat([asid, vpn]),
    }
}

impl Component for HashUnit {
    type Inputs = HashInputs;
    type Outputs = Signal;
    type State = ();

    fn name(&self) -> String {
        match self.way {
            0 => format!("hashwalk_hash_{}", self.hash),
            way => format!("hashwalk_hash_{}_way_{way}", self.hash),
        }
    }

    fn doc(&self) -> String {
        format!("The second half of the `{}` hash of (ASID, VPN) for way {}, combinational.", self.hash, self.way)
    }

    fn inputs(&self) -> HashInputs {
        HashInputs { key: (self.hash == Hash::Keyed).then(|| shape(KEY_BITS)), begun: shape(begun_bits(self.hash)) }
    }

    fn reset(&self) {}

    fn kernel(&self, _: &mut Module, i: HashInputs, (): ()) -> (Signal, ()) {
        let hash = match (self.hash, i.key) {
            (Hash::Keyed, Some(key)) => return (rest_of_keyed(&key, &i.begun), ()),
            (Hash::Asid, _) => i.begun.zext(INDEX_BITS),
            _ => {
                let (vpn, asid) = (i.begun.bits(0..VPN_BITS), i.begun.bits(VPN_BITS..STATE_BITS));
                vpn.bits(0..INDEX_BITS) ^ vpn.bits(INDEX_BITS..VPN_BITS).zext(INDEX_BITS) ^ asid.zext(INDEX_BITS)
            }
        };
        (hash.rotl(WAY_ROTATION * self.way % INDEX_BITS), ())
    }
}

fn rest_of_keyed(key: &Signal, begun: &Signal) -> Signal {
    let rounds = 1..ROUNDS;
    let x = rounds.fold(begun.clone(), |x, round| {
        let round_key = key.rotr(60 * round).bits(0..STATE_BITS);
        let mixed = &x ^ &x.rotl(6) ^ x.rotl(59) ^ round_key;
        substitute(&mixed.named(format!("keyed_{round}")))
    });
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

    bundle! {
        /// Both halves.
        struct WholeInputs {
            key: Signal,
            vpn: Signal,
            asid: Signal,
        }
    }

    /// Both halves without the register.
    struct Whole(Hash, u32);

    impl Component for Whole {
        type Inputs = WholeInputs;
        type Outputs = Signal;
        type State = ();

        fn name(&self) -> String {
            "whole".into()
        }

        fn inputs(&self) -> WholeInputs {
            WholeInputs { key: shape(KEY_BITS), vpn: shape(VPN_BITS), asid: shape(ASID_BITS) }
        }

        fn reset(&self) {}

        fn kernel(&self, m: &mut Module, i: WholeInputs, (): ()) -> (Signal, ()) {
            let Whole(hash, way) = *self;
            let unit = m.instance("unit", &HashUnit { hash, way });
            let key = (hash == Hash::Keyed).then(|| i.key.clone());
            let begun = begin(hash, way, Some(&i.key), &i.vpn, &i.asid);
            unit.connect(HashInputs { key, begun });
            m.ignore(i.key);
            m.ignore(i.vpn);
            (unit.outputs.clone(), ())
        }
    }

    fn hash(hash: Hash, way: u32, key: u128, asid: u32, vpn: u64) -> u32 {
        let mut simulation = Interpreter::new(&Whole(hash, way));
        simulation.set("key", key);
        simulation.set("asid", asid);
        simulation.set("vpn", vpn);
        u32::try_from(simulation.get("out")).expect("a hash has 32 bits")
    }

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
        for (function, key, asid, vpn, want) in cases {
            assert_eq!(hash(function, 0, key, asid, vpn), want, "{function}");
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
        for (function, want) in cases {
            for (way, want) in (0..).zip(want) {
                let got = hash(function, way, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210, 0xbeef, 0x8_0000_1234_5678);
                assert_eq!(got, want, "{function}, way {way}");
            }
        }
    }

    #[test]
    fn ports_are_only_those_that_the_function_reads() {
        let names =
            |hash| HashUnit { hash, way: 0 }.inputs().leaves().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(Hash::Keyed), ["key", "begun"]);
        assert_eq!(names(Hash::Fold), ["begun"]);
        assert_eq!(names(Hash::Asid), ["begun"]);
    }
}
