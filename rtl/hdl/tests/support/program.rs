//! Random programs over values, run twice: on `Signal`s, and on plain integers in a way that shares no code with them.

use hashwalk_hdl::*;
use proptest::prelude::*;

use super::fit;

states! {
    /// Five states do not fill three bits.
    pub enum Phase { One, Two, AwaitThree, Four, Five }
}

bundle! {
    /// Two fields, the second nested.
    pub struct Pair { pub left: Signal, pub rest: Vec<Signal> }
}

/// One operator on earlier values, which are chosen by `a`, `b` and `c`, with a constant derived from `k`.
#[derive(Clone, Debug)]
pub struct Step {
    pub code: Code,
    pub a: usize,
    pub b: usize,
    pub c: usize,
    pub k: u32,
    pub value: BigUint,
}

macro_rules! codes {
    ($($code:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Code { $($code),* }
        impl Code {
            pub const ALL: &[Code] = &[$(Code::$code),*];
        }
    };
}
codes! {
    Not And Or Xor Add Sub Mul Eq Ne Lt Le Gt Ge EqValue Gate Any All Parity IsZero Bit Bits Shl Shr Rotl Rotr ShlBy
    ShrBy Zext Sext Repeat Concat When OrWhen Priority AnyOf AllOf OneHot FirstOne Case Is Pack Named AndLiteral
    SubLiteral LtLiteral Carry Chain Sum Word LiteralWord
}

pub fn step() -> impl Strategy<Value = Step> {
    let code = proptest::sample::select(Code::ALL);
    let operand = || any::<u16>().prop_map(usize::from);
    (code, operand(), operand(), operand(), any::<u32>(), super::value()).prop_map(|(code, a, b, c, k, value)| Step {
        code,
        a,
        b,
        c,
        k,
        value,
    })
}

fn fitted(signal: &Signal, width: u32) -> Signal {
    if signal.width() >= width { signal.bits(0..width) } else { signal.zext(width) }
}

impl Step {
    /// Which earlier values this step reads.
    pub fn operands(&self, values: usize) -> [usize; 3] {
        [self.a, self.b, self.c].map(|i| i % values)
    }

    /// The largest useful growth of a value of `width` bits, to keep below 1,024.
    fn room(&self, width: u32) -> u32 {
        self.k % (1025 - width)
    }

    pub fn hardware(&self, values: &[Signal]) -> Signal {
        let [a, b, c] = self.operands(values.len()).map(|i| &values[i]);
        let (w, k) = (a.width(), self.k);
        let same_b = fitted(b, w);
        let same_c = fitted(c, w);
        let (bit_b, bit_c) = (b.bit(k % b.width()), c.bit(0));
        let literal = lit(w, fit(&self.value, w));
        match self.code {
            Code::Not => !a,
            Code::And => a & &same_b,
            Code::Or => a | same_b,
            Code::Xor => a.clone() ^ same_b,
            Code::Add => a + &same_b,
            Code::Sub => a - same_b,
            Code::Mul => a.clone() * &same_b,
            Code::Eq => a.eq(&same_b),
            Code::Ne => a.ne(&same_b),
            Code::Lt => a.lt(&same_b),
            Code::Le => a.le(&same_b),
            Code::Gt => a.gt(&same_b),
            Code::Ge => a.ge(&same_b),
            Code::EqValue => a.eq_value(fit(&self.value, w)),
            Code::Gate => a.gate(&bit_b),
            Code::Any => a.any(),
            Code::All => a.all(),
            Code::Parity => a.parity(),
            Code::IsZero => a.is_zero(),
            Code::Bit => a.bit(k % w),
            Code::Bits => a.bits(k % w..w),
            Code::Shl => a.shl(k % (w + 2)),
            Code::Shr => a.shr(k % (w + 2)),
            Code::Rotl => a.rotl(k % (2 * w)),
            Code::Rotr => a.rotr(k % (2 * w)),
            Code::ShlBy => a.shl_by(b),
            Code::ShrBy => a.shr_by(b),
            Code::Zext => a.zext(w + self.room(w)),
            Code::Sext => a.sext(w + self.room(w)),
            Code::Repeat => a.repeat(1 + k % (1024 / w).min(5)),
            Code::Concat if w + b.width() > 1024 => concat([b]),
            Code::Concat => concat([a, b]),
            Code::When => when(&bit_b, a.clone()).otherwise(same_c),
            Code::OrWhen => when(&bit_b, a.clone()).or_when(&bit_c, same_b).otherwise(same_c),
            Code::Priority => priority_select([(bit_b, a.clone()), (bit_c, same_c), (a.bit(0), !a)], literal),
            Code::AnyOf => any_of([&a.bit(0), &bit_b, &bit_c]),
            Code::AllOf => all_of([a.bit(0), bit_b, bit_c]),
            Code::OneHot => one_hot_mux([(bit_b, a.clone()), (bit_c, same_b), (a.bit(w - 1), same_c)]),
            Code::FirstOne => concat(first_one(&[a.bit(0), bit_b, bit_c, a.bit(w - 1)])),
            Code::Case => case(
                &fitted(b, Phase::WIDTH),
                [
                    (Phase::Two, a.clone()),
                    (Phase::One, !a),
                    (Phase::AwaitThree, same_b),
                    (Phase::Five, literal),
                    (Phase::Four, same_c),
                ],
            ),
            Code::Is => Phase::AwaitThree.is(&fitted(a, Phase::WIDTH)),
            Code::Pack if w < 3 => a.clone(),
            Code::Pack => {
                let shape = Pair { left: shape(1), rest: vec![shape(1), shape(w - 2)] };
                let pair = shape.unpack(a);
                Pair { left: pair.rest[0].clone(), rest: vec![pair.left, pair.rest[1].clone()] }.pack()
            }
            Code::Named => a.named("wire"),
            Code::AndLiteral => a & literal,
            Code::SubLiteral => literal - a,
            Code::LtLiteral => literal.lt(a),
            Code::Carry if w == 1024 => a.clone(),
            Code::Carry => (a.zext(w + 1) + same_b.zext(w + 1)).bit(w),
            Code::Chain => (0..12)
                .fold(a.clone(), |chain, i| when(&b.bit(i % b.width()), &same_c ^ lit(w, i & 1)).otherwise(chain)),
            Code::Sum => (0..12).fold(a.clone(), |sum, i| sum | same_b.rotl(i)),
            Code::Word => fitted(a, self.table_bits()).word(&fitted(b, self.index_bits()), self.word_bits()),
            Code::LiteralWord => lit(self.table_bits(), fit(&self.value, self.table_bits()))
                .word(&fitted(b, self.index_bits()), self.word_bits()),
        }
    }

    fn word_bits(&self) -> u32 {
        1 << (self.k % 4)
    }

    fn index_bits(&self) -> u32 {
        1 + self.k / 4 % 6
    }

    fn table_bits(&self) -> u32 {
        self.word_bits() << self.index_bits()
    }

    /// Width and value, from widths and values.
    pub fn reference(&self, values: &[(u32, BigUint)]) -> (u32, BigUint) {
        let [(w, a), (wb, b), (_, c)] = self.operands(values.len()).map(|i| values[i].clone());
        let k = u64::from(self.k);
        let one = || BigUint::from(1u32);
        let modulus = one() << w;
        let same_b = &b % &modulus;
        let same_c = &c % &modulus;
        let (bit_b, bit_c) = (b.bit(k % u64::from(wb)), c.bit(0));
        let literal = &self.value % &modulus;
        let inverted = &modulus - 1u32 - &a;
        let truth = |b: bool| (1, BigUint::from(b));
        let wrap = |v: BigUint| (w, v % &modulus);
        // More than 1,024 shifts everything out, whatever the exact amount.
        let amount = if b > 2000u32.into() { 2000 } else { b.to_u32_digits().first().copied().unwrap_or(0) };
        let rotate_left = |v: &BigUint, n: u32| {
            let n = n % w;
            ((v << n) | (v >> (w - n))) % &modulus
        };
        match self.code {
            Code::Not => (w, inverted),
            Code::And => (w, a & same_b),
            Code::Or => (w, a | same_b),
            Code::Xor => (w, a ^ same_b),
            Code::Add => wrap(a + same_b),
            Code::Sub => wrap(a + &modulus - same_b),
            Code::Mul => wrap(a * same_b),
            Code::Eq => truth(a == same_b),
            Code::Ne => truth(a != same_b),
            Code::Lt => truth(a < same_b),
            Code::Le => truth(a <= same_b),
            Code::Gt => truth(a > same_b),
            Code::Ge => truth(a >= same_b),
            Code::EqValue => truth(a == literal),
            Code::Gate => (w, if bit_b { a } else { BigUint::ZERO }),
            Code::Any => truth(a != BigUint::ZERO),
            Code::All => truth(inverted == BigUint::ZERO),
            Code::Parity => truth((0..u64::from(w)).filter(|&i| a.bit(i)).count() % 2 == 1),
            Code::IsZero => truth(a == BigUint::ZERO),
            Code::Bit => truth(a.bit(k % u64::from(w))),
            Code::Bits => (w - self.k % w, a >> (self.k % w)),
            Code::Shl => wrap(a << (self.k % (w + 2))),
            Code::Shr => (w, a >> (self.k % (w + 2))),
            Code::Rotl => (w, rotate_left(&a, self.k % (2 * w))),
            Code::Rotr => (w, rotate_left(&a, 2 * w - self.k % (2 * w))),
            Code::ShlBy => wrap(a << amount),
            Code::ShrBy => (w, a >> amount),
            Code::Zext => (w + self.room(w), a),
            Code::Sext => {
                let wide = w + self.room(w);
                let sign = if a.bit(u64::from(w) - 1) { (one() << wide) - &modulus } else { BigUint::ZERO };
                (wide, a + sign)
            }
            Code::Repeat => {
                let n = 1 + self.k % (1024 / w).min(5);
                (w * n, (0..n).map(|i| &a << (i * w)).sum())
            }
            Code::Concat if w + wb > 1024 => (wb, b),
            Code::Concat => (w + wb, a * (one() << wb) + b),
            Code::When => (w, if bit_b { a } else { same_c }),
            Code::OrWhen => (w, [a, same_b, same_c][if bit_b { 0 } else { 2 - usize::from(bit_c) }].clone()),
            Code::Priority => {
                let odd = a.bit(0);
                (
                    w,
                    if bit_b {
                        a
                    } else if bit_c {
                        same_c
                    } else if odd {
                        inverted
                    } else {
                        literal
                    },
                )
            }
            Code::AnyOf => truth(a.bit(0) || bit_b || bit_c),
            Code::AllOf => truth(a.bit(0) && bit_b && bit_c),
            Code::OneHot => {
                let top = a.bit(u64::from(w) - 1);
                let chosen = [(bit_b, a), (bit_c, same_b), (top, same_c)];
                (w, chosen.into_iter().filter(|(on, _)| *on).fold(BigUint::ZERO, |sum, (_, v)| sum | v))
            }
            Code::FirstOne => {
                let bits = [a.bit(0), bit_b, bit_c, a.bit(u64::from(w) - 1)];
                (4, bits.iter().position(|&bit| bit).map_or(BigUint::ZERO, |first| BigUint::from(8u32 >> first)))
            }
            Code::Case => match b.to_u32_digits().first().copied().unwrap_or(0) % 8 {
                0 => (w, inverted),
                1 => (w, a),
                2 => (w, same_b),
                4 => (w, literal),
                _ => (w, same_c),
            },
            Code::Is => truth(a.to_u32_digits().first().copied().unwrap_or(0) % 8 == 2),
            Code::Pack if w < 3 => (w, a),
            Code::Pack => {
                let (top, second) = (u64::from(w) - 1, u64::from(w) - 2);
                let (high, low) = (a.bit(top), a.bit(second));
                let mut swapped = a;
                swapped.set_bit(top, low);
                swapped.set_bit(second, high);
                (w, swapped)
            }
            Code::Named => (w, a),
            Code::AndLiteral => (w, a & literal),
            Code::SubLiteral => wrap(literal + &modulus - a),
            Code::LtLiteral => truth(literal < a),
            Code::Carry if w == 1024 => (w, a),
            Code::Carry => truth(a + same_b >= modulus),
            Code::Chain => {
                let last = (0..12u32).rev().find(|i| b.bit(u64::from(i % wb)));
                (w, last.map_or(a, |i| same_c ^ BigUint::from(i & 1)))
            }
            Code::Sum => (w, (0..12).fold(a, |sum, i| sum | rotate_left(&same_b, i))),
            Code::Word | Code::LiteralWord => {
                let table = if self.code == Code::Word { a } else { self.value.clone() };
                let index = (b % (one() << self.index_bits())).to_u32_digits().first().copied().unwrap_or(0);
                (self.word_bits(), (table >> (index * self.word_bits())) % (one() << self.word_bits()))
            }
        }
    }
}

/// A component that computes all steps, each from the inputs and all earlier steps.
///
/// Every value that no later step reads is an output.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub inputs: Vec<u32>,
    pub steps: Vec<Step>,
}

impl Program {
    fn is_read(&self, value: usize) -> bool {
        let steps = self.steps.iter().enumerate();
        steps
            .skip((value + 1).saturating_sub(self.inputs.len()))
            .any(|(i, step)| step.operands(self.inputs.len() + i).contains(&value))
    }

    /// Positions of the outputs among inputs and steps.
    pub fn outputs(&self) -> Vec<usize> {
        (self.inputs.len()..self.inputs.len() + self.steps.len()).filter(|&value| !self.is_read(value)).collect()
    }

    pub fn hardware(&self, inputs: &[Signal]) -> Vec<Signal> {
        let mut values = inputs.to_vec();
        for step in &self.steps {
            values.push(step.hardware(&values));
        }
        self.outputs().into_iter().map(|i| values[i].clone()).collect()
    }

    pub fn reference(&self, inputs: &[BigUint]) -> Vec<(u32, BigUint)> {
        let mut values: Vec<_> = self.inputs.iter().copied().zip(inputs.iter().cloned()).collect();
        for step in &self.steps {
            values.push(step.reference(&values));
        }
        self.outputs().into_iter().map(|i| values[i].clone()).collect()
    }
}

impl Component for Program {
    type Inputs = Vec<Signal>;
    type Outputs = Vec<Signal>;
    type State = ();

    fn name(&self) -> String {
        self.name.clone()
    }

    fn inputs(&self) -> Vec<Signal> {
        self.inputs.iter().map(|&width| shape(width)).collect()
    }

    fn reset(&self) {}

    fn kernel(&self, m: &mut Module, i: Vec<Signal>, (): ()) -> (Vec<Signal>, ()) {
        i.iter().for_each(|input| m.ignore(input));
        (self.hardware(&i), ())
    }
}
