//! An attacker who wants long chains: one process that may map any page, knows the function and not the key.
//!
//! | attack | how pages are chosen | works against |
//! | ------ | -------------------- | ------------- |
//! | algebra | solve `VPN[31:0] ^ VPN[51:32] = constant`; for `asid`, take any | `fold`, `asid` |
//! | search | try pages one by one under the known function, keep those that meet | any function without a key |
//! | guess | search under a guessed key, hope that they meet under the real one, too | nothing, if keys are drawn |
//! | random | any pages | nothing: it is what chance does |
//!
//! **What this shows, and what not.** `fold` and `asid` are lost: collisions cost no work, and all 32 bits agree,
//! so that a longer table does not help. Pages that meet under one key are spread as by chance
//! under another that was drawn apart from it. Not so under one that differs in few bits: pages close to each other meet
//! under both, up to all of them for one of the bits 115:108, of which docs/spec.md says that they enter after the first
//! round, and for some of K_0's that meet only what all these pages have alike. So no part of a key may leak, and whoever
//! could tell a guess that is nearly right from a wrong one might find the rest piece by piece.
//!
//! That the others spread is no proof of safety: the keyed hash is three rounds, made for speed. An attacker
//! who sees which of his own pages collide (by timing his TLB misses) and asks very often might learn differences that
//! meet with more than chance under every key, or the key itself; such differential attacks with many queries are out of
//! the scope of these measurements. What bounds the damage then is the walk's limit of steps, a new key, and an
//! organisation that stays short under any hash (`tree`, `cuckoo`).

use crate::hash::{HashFunction, hasher};
use hashwalk_spec::{Asid, Hash, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The home that the attacker wants to fill, in tables of any length.
pub const VICTIM: u32 = 0x2a;

/// How the attacker chooses pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Solves the function. Of a keyed one, he can only search under a key that he guesses.
    Informed {
        /// The key that he guesses.
        guessed_key: u128,
    },
    /// Takes any pages.
    Random {
        /// What they are drawn from.
        seed: u64,
    },
}

/// `count` pages of an address space, chosen to share a home of a table of `2^log2` entries.
///
/// Against `fold` and `asid` all 32 bits of their hashes agree, and up to 2^20 pages can be had. Against `keyed` the work
/// is `count * 2^log2` hashes, and the pages share home [`VICTIM`] under the guessed key.
#[must_use]
pub fn colliding_pages(hash: Hash, attack: Attack, asid: Asid, count: usize, log2: u32) -> Vec<Vpn> {
    match (attack, hash) {
        (Attack::Random { seed }, _) => {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            (0..count).map(|_| Vpn::truncate(random.next_u64() & Vpn::MAX.get())).collect()
        }
        // VPN[51:32] counts, and VPN[31:0] undoes what it does to the hash.
        (Attack::Informed { .. }, Hash::Fold) => {
            let wanted = u64::from(VICTIM ^ u32::from(asid.get()));
            (0..count as u64).map(|high| Vpn::truncate(high << 32 | (high ^ wanted))).collect()
        }
        (Attack::Informed { .. }, Hash::Asid) => (0..count as u64).map(Vpn::truncate).collect(),
        (Attack::Informed { guessed_key }, Hash::Keyed) => {
            pages_at_home(&hasher(hash, guessed_key), asid, VICTIM, log2).take(count).collect()
        }
    }
}

/// The pages of an address space with this home in a table of `2^log2` entries, found by trying all, in ascending order.
/// It needs no insight into the function, and about `2^log2` tries a page.
pub fn pages_at_home(function: &impl HashFunction, asid: Asid, home: u32, log2: u32) -> impl Iterator<Item = Vpn> {
    let mask = ((1u64 << log2) - 1) as u32;
    let at_home = move |vpn: &Vpn| (function.hash(asid, *vpn) ^ home) & mask == 0;
    (0..=Vpn::MAX.get()).map(Vpn::truncate).filter(at_home)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Fold;
    use crate::hash_quality::Spread;
    use std::collections::BTreeSet;

    const ASID: Asid = Asid::truncate(5);
    const INFORMED: Attack = Attack::Informed { guessed_key: 0 };

    fn longest(hash: Hash, key: u128, vpns: &[Vpn]) -> u64 {
        assert_eq!(vpns.iter().collect::<BTreeSet<_>>().len(), vpns.len(), "a page twice");
        Spread::of(&hasher(hash, key), vpns.iter().map(|vpn| (ASID, *vpn)), 10).longest()
    }

    #[test]
    fn algebra_gives_full_collisions_of_fold() {
        let vpns = colliding_pages(Hash::Fold, INFORMED, ASID, 1000, 10);
        // ASID 5 and home 0x2a: 0x2f, then 1 above and 0x2e below.
        assert_eq!(vpns[..2], [Vpn::truncate(0x2f), Vpn::truncate(0x1_0000_002e)]);
        assert!(vpns.iter().all(|vpn| Fold.hash(ASID, *vpn) == VICTIM));
        assert_eq!(longest(Hash::Fold, 0, &vpns), 1000);
        assert_eq!(longest(Hash::Asid, 0, &colliding_pages(Hash::Asid, INFORMED, ASID, 1000, 10)), 1000);
    }

    #[test]
    fn a_search_without_insight_finds_collisions_where_there_is_no_key() {
        // Every 1024th page, from 0x2f on.
        let vpns: Vec<Vpn> = pages_at_home(&Fold, ASID, VICTIM, 10).take(3).collect();
        assert_eq!(vpns, [0x2f, 0x42f, 0x82f].map(Vpn::truncate));
        assert_eq!(longest(Hash::Fold, 0, &vpns), 3);
    }

    #[test]
    fn a_guessed_key_does_not_help_under_another() {
        let vpns = colliding_pages(Hash::Keyed, INFORMED, ASID, 256, 10);
        assert_eq!(longest(Hash::Keyed, 0, &vpns), 256, "under the guessed key they meet");
        // Under others, drawn apart from it, 256 pages leave a fullest home of 3 or 4.
        for key in [0xfedc_ba98_7654_3210_0f1e_2d3c_4b5a_6978, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let fullest = longest(Hash::Keyed, key, &vpns);
            assert!(fullest <= 8, "key {key:#x}: {fullest}");
        }
        assert!(longest(Hash::Keyed, 1, &vpns) <= 8, "bit 0 meets what the pages differ in");
    }

    #[test]
    fn a_guess_wrong_in_a_late_bit_of_the_key_keeps_the_pages_together() {
        let vpns = colliding_pages(Hash::Keyed, INFORMED, ASID, 256, 10);
        for bit in 108..116 {
            assert_eq!(longest(Hash::Keyed, 1 << bit, &vpns), 256, "bit {bit}");
        }
    }
}
