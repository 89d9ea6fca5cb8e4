//! Who goes first: who was granted longest ago, so that nobody waits without end.
//!
//! ```text
//!            order, of each two who comes first       granted          order after it
//! asks ────► 0 < 1, 0 < 2, 1 < 2 ───────────────────► 0, or 1, or 2 ──► who was granted comes last
//! ```
//!
//! With the order of each two in a register (a matrix arbiter) a choice among four is two tables of four inputs; where one bit
//! for each says whose turn it is (round robin), three.

use hashwalk_hdl::{Signal, any_of, concat, lit, when};

/// A choice among those that ask, one-hot, and the order after it.
pub struct Choice {
    /// One bit for each that may ask; none where nobody asks.
    pub granted: Vec<Signal>,
    /// Of each two, the higher one the more significant, whether the higher one comes first.
    pub order: Option<Signal>,
}

impl Choice {
    /// The order in the next cycle, which this one is after if the choice counts.
    #[must_use]
    pub fn order_if(&self, counts: &Signal, order: &Option<Signal>) -> Option<Signal> {
        let next = self.order.as_ref().zip(order.as_ref());
        next.map(|(next, order)| when(counts, next.clone()).otherwise(order.clone()))
    }
}

/// The order after reset, lower ones first. Alone, one needs none.
#[must_use]
pub fn ascending(count: u32) -> Option<Signal> {
    (count > 1).then(|| lit(pair(0, count), 0u32))
}

/// Where the order has these two, the lower one first.
fn pair(lower: u32, higher: u32) -> u32 {
    higher * (higher - 1) / 2 + lower
}

/// Chooses the first of those that ask.
#[must_use]
pub fn longest_ago(asks: &[Signal], order: Option<&Signal>) -> Choice {
    let Some(order) = order else {
        return Choice { granted: asks.to_vec(), order: None };
    };
    let comes_before = |m: u32, n: u32| if m < n { !order.bit(pair(m, n)) } else { order.bit(pair(n, m)) };
    let count = asks.len() as u32;
    let granted: Vec<Signal> = (0..count)
        .map(|n| {
            let others = (0..count).filter(|m| *m != n);
            &asks[n as usize] & !any_of(others.map(|m| &asks[m as usize] & comes_before(m, n)))
        })
        .collect();
    let pairs = (0..count).rev().flat_map(|higher| (0..higher).rev().map(move |lower| (lower, higher)));
    let next = pairs.map(|(lower, higher)| {
        let kept = order.bit(pair(lower, higher));
        (kept | &granted[lower as usize]) & !&granted[higher as usize]
    });
    Choice { order: Some(concat(next)), granted }
}
