//! How good a hash is: how evenly it spreads pages, how well it mixes bits, and what an attacker makes of it.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `spread.rs` | how many homes have 0, 1, 2, ... pages, and the distance from what chance alone would do |
//! | `avalanche.rs` | how often a flipped bit of the page flips each bit of the hash |
//! | `collide.rs` | pages chosen to share a home, by an attacker who knows the function but not the key |
//!
//! These are measurements, and no proof: a hash may pass all of them and yet be broken by someone cleverer than
//! `collide.rs`. Source: docs/spec.md, section 3.

mod avalanche;
mod collide;
mod spread;

pub use avalanche::{Avalanche, avalanche};
pub use collide::{Attack, VICTIM, colliding_pages, pages_at_home};
pub use spread::{Spread, poisson};
