//! Who goes first: round robin, so that nobody waits without end.

use hashwalk_hdl::{Signal, any_of, concat, first_one, low, when};

/// A choice among those that ask, one-hot, and the turn after it.
pub struct Choice {
    /// One bit for each that may ask; none where nobody asks.
    pub granted: Vec<Signal>,
    /// Set for those behind the one that is granted: they come first the next time.
    pub turn: Option<Signal>,
}

/// Chooses the first that asks from the turn on, else the first of all. Alone, one needs no turn.
#[must_use]
pub fn round_robin(asks: &[Signal], turn: Option<&Signal>) -> Choice {
    let Some(turn) = turn else {
        return Choice { granted: asks.to_vec(), turn: None };
    };
    let in_turn: Vec<Signal> = (0..).zip(asks).map(|(n, asks)| asks & turn.bit(n)).collect();
    let any_in_turn = any_of(&in_turn);
    let granted: Vec<Signal> = first_one(&in_turn)
        .into_iter()
        .zip(first_one(asks))
        .map(|(in_turn, first)| in_turn | (first & !&any_in_turn))
        .collect();
    let behind = (0..asks.len()).rev().map(|n| if n == 0 { low() } else { any_of(&granted[..n]) });
    Choice { turn: Some(when(&any_of(asks), concat(behind)).otherwise(turn.clone())), granted }
}
