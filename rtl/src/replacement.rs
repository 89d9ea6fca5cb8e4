//! Tree pseudo-LRU over any number of slots from 2 on.
//!
//! The slots are split in halves, and the halves in halves, down to single slots; each split has one bit, which points
//! to the half that was not used last. The victim is found by following the bits from the root.
//!
//! ```text
//!            bit 0                5 slots: 4 bits, slot 4 is reached through fewer splits than slot 0
//!          /       \
//!       bit 1      bit 3
//!      /    \      /   \
//!   bit 2    2    3     4
//!   /  \
//!  0    1
//! ```

use hashwalk_hdl::{Signal, high, mask};

/// The victim, one-hot over `slots`; `bits` holds `slots - 1` bits.
#[must_use]
pub fn victim(bits: &Signal, slots: usize) -> Vec<Signal> {
    let mut selects = vec![high(); slots];
    visit(slots, &mut |bit, left, right| {
        let points_right = bits.bit(bit);
        left.into_iter().for_each(|slot| selects[slot] = &selects[slot] & !&points_right);
        right.into_iter().for_each(|slot| selects[slot] = &selects[slot] & &points_right);
    });
    selects
}

/// The bits after the slot of `used`, one-hot or none, was used.
#[must_use]
pub fn touched(bits: &Signal, used: &Signal) -> Signal {
    let (mut left_used, mut right_used) = (Vec::new(), Vec::new());
    let any = |half: Half| used.bits(half.start as u32..half.end as u32).any();
    visit(used.width() as usize, &mut |_, left, right| {
        left_used.push(any(left));
        right_used.push(any(right));
    });
    // Away from the half that was used: right is 1.
    (bits & !mask(&right_used)) | mask(&left_used)
}

type Half = std::ops::Range<usize>;

/// Calls `f` with each split: its bit's number and its two halves.
fn visit(slots: usize, f: &mut dyn FnMut(u32, Half, Half)) {
    fn split(all: Half, bit: &mut u32, f: &mut dyn FnMut(u32, Half, Half)) {
        if all.len() < 2 {
            return;
        }
        let middle = all.start + all.len().div_ceil(2);
        let (left, right) = (all.start..middle, middle..all.end);
        f(*bit, left.clone(), right.clone());
        *bit += 1;
        split(left, bit, f);
        split(right, bit, f);
    }
    split(0..slots, &mut 0, f);
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashwalk_hdl::{Component, Interpreter, Module, lit, shape};

    struct Tree(usize);

    impl Component for Tree {
        type Inputs = Signal;
        type Outputs = Signal;
        type State = Signal;

        fn name(&self) -> String {
            format!("tree_{}", self.0)
        }

        fn inputs(&self) -> Signal {
            shape(self.0 as u32)
        }

        fn reset(&self) -> Signal {
            lit(self.0 as u32 - 1, 0u32)
        }

        fn kernel(&self, _: &mut Module, used: Signal, bits: Signal) -> (Signal, Signal) {
            (mask(&victim(&bits, self.0)), touched(&bits, &used))
        }
    }

    /// Worked by hand on the picture above.
    #[test]
    fn the_victim_of_five_slots_follows_the_bits_away_from_the_last_use() {
        let mut tree = Interpreter::new(&Tree(5));
        let mut use_slot = |used: u32, want: u32| {
            tree.set("in", used);
            tree.tick();
            assert_eq!(tree.get("out"), want.into(), "after using {used:#b}");
        };
        use_slot(0b00000, 0b00001); // nothing used: all bits point left
        use_slot(0b00001, 0b01000); // root points right, bit 3 still left: slot 3
        use_slot(0b01000, 0b00100); // root left, bit 1 right: slot 2
        use_slot(0b00100, 0b10000); // root right, bit 3 right: slot 4
        use_slot(0b10000, 0b00010); // root left, bit 1 left, bit 2 right: slot 1
    }

    #[test]
    fn every_slot_is_a_victim_before_one_is_again() {
        for slots in [4usize, 8, 32, 64] {
            let mut tree = Interpreter::new(&Tree(slots));
            let mut seen = vec![false; slots];
            for _ in 0..slots {
                let victim = tree.get("out");
                let slot = victim.trailing_zeros().expect("one victim") as usize;
                assert_eq!(victim.count_ones(), 1);
                assert!(!std::mem::replace(&mut seen[slot], true), "{slot} of {slots} twice");
                tree.set("in", victim);
                tree.tick();
            }
        }
    }
}
