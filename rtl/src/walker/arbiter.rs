//! Who goes first: round robin, so that nobody waits without end.

use hashwalk_hdl::{Signal, any_of, concat, low, when};

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
    // Who comes before whom is known before anybody asks.
    let comes_before = |m: u32, n: u32| {
        let (of_m, of_n) = (turn.bit(m), turn.bit(n));
        if m < n { of_m | !of_n } else { of_m & !of_n }
    };
    let count = asks.len() as u32;
    let granted: Vec<Signal> = (0..count)
        .map(|n| {
            let others = (0..count).filter(|m| *m != n);
            &asks[n as usize] & !any_of(others.map(|m| &asks[m as usize] & comes_before(m, n)))
        })
        .collect();
    let behind = (0..asks.len()).rev().map(|n| if n == 0 { low() } else { any_of(&granted[..n]) });
    Choice { turn: Some(when(&any_of(asks), concat(behind)).otherwise(turn.clone())), granted }
}
