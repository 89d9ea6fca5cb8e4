//! What the tests share: the simulators, and random programs with an evaluation of their own.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod program;
pub mod tools;

use hashwalk_hdl::BigUint;
use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::RngSeed;

/// Widths at which generators and simulators change their representation, and any other.
pub fn width() -> impl Strategy<Value = u32> {
    let corners = [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1024].map(|width| Just(width).boxed());
    prop_oneof![3 => Union::new(corners), 1 => 1u32..=1024]
}

/// Values of any width: the corners as well as random bits. [`fit`] cuts them to a width.
pub fn value() -> impl Strategy<Value = BigUint> {
    let random = || proptest::collection::vec(any::<u32>(), 32).prop_map(BigUint::new);
    prop_oneof![
        6 => random(),
        1 => Just(BigUint::ZERO),
        1 => Just((BigUint::from(1u32) << 1024) - 1u32),
        2 => (0u32..1024).prop_map(|n| BigUint::from(1u32) << n),
        3 => (0u32..70).prop_map(BigUint::from),
    ]
}

pub fn fit(value: &BigUint, width: u32) -> BigUint {
    value % (BigUint::from(1u32) << width)
}

/// `cases` cases from a seed: `HASHWALK_SEED`, or one that is the same every day. `PROPTEST_CASES` asks for more cases.
pub fn config(cases: u32) -> ProptestConfig {
    let seed = std::env::var("HASHWALK_SEED").map_or(1, |seed| seed.parse().expect("HASHWALK_SEED is a number"));
    println!("replay: HASHWALK_SEED={seed} cargo test -p hashwalk-hdl");
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { cases };
    // A module compiles for seconds, so a failure may be shrunk only a little.
    ProptestConfig { cases, max_shrink_iters: 24, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..default }
}
