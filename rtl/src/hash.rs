//! The hash unit: (ASID, VPN) to 32 bits (docs/spec.md, section 3), combinational or with one register.
//!
//! | port | dir | bits | |
//! | ---- | --- | ---: | - |
//! | `key` | in | 128 | only `keyed` |
//! | `vpn` | in | 52 | rounded to the page size; not for `asid` |
//! | `asid` | in | 16 | |
//! | `out` | out | 32, or 68 for `keyed` | the hash, for `keyed` before it is [`folded`] |
//!
//! `keyed` is seven four-input tables deep: one to add the first round key, then a substitution and a mixing (with the
//! next key) for each of two rounds, a substitution, and the fold, which may wait for the next cycle. In a cuckoo table
//! each way has a unit of its own.
//!
//! With `staged` the unit takes a page a cycle and has its hash in the next. For `keyed` the register stands where the
//! key is added for the second time: three tables lie before it, three behind it. Whose hash it is, who uses it
//! remembers; it has no reset value that counts.

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
        /// 52 bits; not for `asid`.
        pub vpn: Option<Signal>,
        /// 16 bits.
        pub asid: Signal,
    }

    /// The register of a unit that is staged.
    pub struct HashState {
        /// 68 bits for `keyed`: what is substituted in the second round; else the hash, 32 bits.
        pub half: Option<Signal>,
    }
}

/// One of the hash functions as a circuit.
pub struct HashUnit {
    /// The function.
    pub hash: Hash,
    /// The way of a cuckoo table, 0 to 3; else 0.
    pub way: u32,
    /// Whether the hash comes a cycle later.
    pub staged: bool,
}

impl Component for HashUnit {
    type Inputs = HashInputs;
    type Outputs = Signal;
    type State = HashState;

    fn name(&self) -> String {
        let staged = if self.staged { "_staged" } else { "" };
        match self.way {
            0 => format!("hashwalk_hash_{}{staged}", self.hash),
            way => format!("hashwalk_hash_{}_way_{way}{staged}", self.hash),
        }
    }

    fn doc(&self) -> String {
        let when = if self.staged { "in the next cycle" } else { "combinational" };
        format!("The `{}` hash of (ASID, VPN) for way {}, {when}.", self.hash, self.way)
    }

    fn inputs(&self) -> HashInputs {
        HashInputs {
            key: (self.hash == Hash::Keyed).then(|| shape(KEY_BITS)),
            vpn: (self.hash != Hash::Asid).then(|| shape(VPN_BITS)),
            asid: shape(ASID_BITS),
        }
    }

    fn reset(&self) -> HashState {
        HashState { half: self.staged.then(|| lit(output_bits(self.hash), 0u32)) }
    }

    fn kernel(&self, _: &mut Module, i: HashInputs, s: HashState) -> (Signal, HashState) {
        let asid = i.asid.zext(INDEX_BITS);
        let mut next = None;
        let mut stage = |made: Signal| match &s.half {
            None => made,
            Some(half) => {
                next = Some(made);
                half.clone()
            }
        };
        let out = match (self.hash, i.key, i.vpn) {
            (Hash::Keyed, Some(key), Some(vpn)) => keyed(&key, &vpn, &i.asid, self.way, stage),
            (Hash::Fold, _, Some(vpn)) => {
                let fold = vpn.bits(0..INDEX_BITS) ^ vpn.bits(INDEX_BITS..VPN_BITS).zext(INDEX_BITS) ^ asid;
                stage(fold.rotl(WAY_ROTATION * self.way % INDEX_BITS))
            }
            _ => stage(asid.rotl(WAY_ROTATION * self.way % INDEX_BITS)),
        };
        (out, HashState { half: next })
    }
}

/// All but the fold. `half_way` may register what it is given.
fn keyed(key: &Signal, vpn: &Signal, asid: &Signal, way: u32, mut half_way: impl FnMut(Signal) -> Signal) -> Signal {
    let mut x = concat([asid, vpn]);
    for round in 0..ROUNDS {
        let round_key = key.rotr(60 * round).bits(0..STATE_BITS);
        let round_key = match way {
            1.. if round == 0 => round_key ^ lit(STATE_BITS, WAY_KEY * u128::from(way)),
            _ => round_key,
        };
        x = (x ^ round_key).named(format!("keyed_{round}"));
        if round == 1 {
            x = half_way(x);
        }
        x = substitute(&x);
        if round + 1 < ROUNDS {
            x = &x ^ &x.rotl(6) ^ x.rotl(59);
        }
    }
    x.named("substituted")
}

/// Bits of what the unit makes of a page.
#[must_use]
pub fn output_bits(hash: Hash) -> u32 {
    if hash == Hash::Keyed { STATE_BITS } else { INDEX_BITS }
}

/// The hash, 32 bits, of what the unit has made. A number of 32 bits in front of zeros is its own.
#[must_use]
pub fn folded(made: &Signal) -> Signal {
    let part = |from: u32| made.bits(from..made.width().min(from + INDEX_BITS)).zext(INDEX_BITS);
    (0..made.width()).step_by(INDEX_BITS as usize).map(part).reduce(|sum, part| sum ^ part).expect("a hash has bits")
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

    /// The unit's output folded, apart from the circuit that does it.
    fn folded_output(simulation: &mut Interpreter) -> u32 {
        simulation.get("out").iter_u32_digits().fold(0, |sum, part| sum ^ part)
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
        for ((hash, key, asid, vpn, want), staged) in cases.into_iter().flat_map(|case| [(case, false), (case, true)]) {
            let unit = HashUnit { hash, way: 0, staged };
            let mut simulation = Interpreter::new(&unit);
            simulation.set("asid", asid);
            if hash == Hash::Keyed {
                simulation.set("key", key);
            }
            if hash != Hash::Asid {
                simulation.set("vpn", vpn);
            }
            if staged {
                simulation.tick();
            }
            assert_eq!(folded_output(&mut simulation), want, "{hash}, staged: {staged}");
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
            for (way, want) in (0u32..).zip(want) {
                let mut simulation = Interpreter::new(&HashUnit { hash, way, staged: false });
                simulation.set("asid", 0xbeefu32);
                if hash == Hash::Keyed {
                    simulation.set("key", 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210u128);
                }
                if hash != Hash::Asid {
                    simulation.set("vpn", 0x8_0000_1234_5678u64);
                }
                assert_eq!(folded_output(&mut simulation), want, "{hash}, way {way}");
            }
        }
    }

    #[test]
    fn ports_are_only_those_that_the_function_reads() {
        let names = |hash| {
            HashUnit { hash, way: 0, staged: false }
                .inputs()
                .leaves()
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Hash::Keyed), ["key", "vpn", "asid"]);
        assert_eq!(names(Hash::Fold), ["vpn", "asid"]);
        assert_eq!(names(Hash::Asid), ["asid"]);
    }
}
