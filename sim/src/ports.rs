//! How ports are packed into 64-bit words, and the handles by which a bench reaches them.

use hashwalk_hdl::Port;

use crate::sources::Sources;

/// An input of one design, from [`crate::Dut::input`]. Only good for instances of the same model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InPort(pub(crate) Slot);

/// An output of one design, from [`crate::Dut::output`]. Only good for instances of the same model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutPort(pub(crate) Slot);

impl InPort {
    /// The width in bits.
    pub fn width(self) -> u32 {
        self.0.width
    }
}

impl OutPort {
    /// The width in bits.
    pub fn width(self) -> u32 {
        self.0.width
    }
}

/// Where a port lies: from the word `first`, `width` bits, lowest word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub first: u32,
    pub width: u32,
}

impl Slot {
    /// The words that the port takes.
    pub fn words(self) -> std::ops::Range<usize> {
        let first = self.first as usize;
        first..first + self.width.div_ceil(64) as usize
    }

    /// The bits of the highest word that exist.
    pub fn top_mask(self) -> u64 {
        u64::MAX >> (63 - (self.width - 1) % 64)
    }

    /// Panics if the highest word has other bits.
    #[inline]
    #[track_caller]
    pub fn check(self, top: u64) {
        assert!(top & !self.top_mask() == 0, "0x{top:x} does not fit a port of {} bits", self.width);
    }
}

/// The ports of one direction, in order.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub ports: Vec<(String, Slot)>,
    /// The words that all ports take together.
    pub words: usize,
}

impl Layout {
    fn new<'a>(ports: impl IntoIterator<Item = (&'a str, u32)>) -> Layout {
        let mut layout = Layout { ports: Vec::new(), words: 0 };
        for (name, width) in ports {
            let slot = Slot { first: layout.words as u32, width };
            layout.words = slot.words().end;
            layout.ports.push((name.to_owned(), slot));
        }
        layout
    }

    /// The inputs: `reset` first, if there is one, then the others.
    pub fn inputs(sources: &Sources) -> Layout {
        let reset = sources.has_reset.then_some(("reset", 1));
        Layout::new(reset.into_iter().chain(sources.inputs.iter().map(pair)))
    }

    /// The outputs.
    pub fn outputs(sources: &Sources) -> Layout {
        Layout::new(sources.outputs.iter().map(pair))
    }

    /// The port of this name.
    pub fn find(&self, name: &str) -> Option<Slot> {
        self.ports.iter().find(|(known, _)| known == name).map(|&(_, slot)| slot)
    }

    /// All names, for messages.
    pub fn names(&self) -> String {
        if self.ports.is_empty() {
            return "none".to_owned();
        }
        self.ports.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Every port with its value in hexadecimal, one a line.
    pub fn describe(&self, words: &[u64]) -> String {
        let line = |(name, slot): &(String, Slot)| {
            let digits = slot.width.div_ceil(4) as usize;
            let value: String = words[slot.words()].iter().rev().map(|word| format!("{word:016x}")).collect();
            format!("  {name} = 0x{}\n", &value[value.len() - digits..])
        };
        self.ports.iter().map(line).collect()
    }
}

fn pair(port: &Port) -> (&str, u32) {
    (&port.name, port.width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_ports_take_whole_words() {
        let layout = Layout::new([("a", 1), ("b", 65), ("c", 64), ("d", 3)]);
        let firsts: Vec<u32> = layout.ports.iter().map(|(_, slot)| slot.first).collect();
        assert_eq!((firsts, layout.words), (vec![0, 1, 3, 4], 5));
    }

    #[test]
    fn top_mask_keeps_the_bits_of_the_last_word() {
        let mask = |width| Slot { first: 0, width }.top_mask();
        assert_eq!([mask(1), mask(27), mask(64), mask(65)], [1, 0x7ff_ffff, u64::MAX, 1]);
    }

    #[test]
    fn values_are_described_with_as_many_digits_as_the_width_has() {
        let layout = Layout::new([("a", 5), ("b", 65)]);
        assert_eq!(layout.describe(&[0x1f, 0xabc, 1]), "  a = 0x1f\n  b = 0x10000000000000abc\n");
    }
}
