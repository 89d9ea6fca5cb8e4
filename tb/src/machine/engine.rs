//! What the hardware's walker does where the contract leaves it free.

use hashwalk_spec::Config;

/// Whether the walker makes one walk at a time, whatever the configuration says, and takes no request meanwhile.
pub const ONE_WALK_AT_A_TIME: bool = false;

/// The walks that this hardware may have under way.
#[must_use]
pub fn walks(config: &Config) -> u32 {
    if ONE_WALK_AT_A_TIME { 1 } else { config.walks() }
}
