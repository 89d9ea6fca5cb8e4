//! The array of lines and its chains.
//!
//! ```text
//!  index   h                      f              home(B) = h, but h holds a line of a chain that begins elsewhere:
//!        +-------+              +-------+
//!        | X   ──┼─► y          |       |        before     p ─► X ─► y
//!        +-------+              +-------+
//!        +-------+              +-------+
//!        | B     |              | X   ──┼─► y    after      p ─► X ─► y, X at the first free line f; B at its home
//!        +-------+              +-------+
//! ```
//!
//! So chains never coalesce: a chain holds the pages of one home, and begins there. It is changed as a whole: what it
//! will hold is packed anew, and its lines are written over it, the first at its home.

use super::format::{Group, Line, WORDS};
use super::{MAX_LINES_LOG2, MIN_LINES_LOG2};
use crate::hash::{HashFunction, Hasher, hasher};
use crate::layout::Layout;
use crate::organisation::common::{read_words, write_word, write_words};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Format, Hash, PhysAddr};

/// Where the lines lie, and the hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
    pub(super) layout: Layout,
    pub(super) hasher: Hasher,
    /// Lines that hold something.
    pub(super) used: u64,
}

/// The lines of one home, from its home on; none if it holds nothing.
pub(super) struct Chain {
    pub(super) home: u32,
    pub(super) lines: Vec<(u32, Line)>,
    /// The line of another chain that stands at the home.
    foreign: Option<Line>,
}

impl Array {
    /// An empty array of `2^log2` lines.
    pub(super) fn new(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<Array, TableError> {
        let (min, max) = (MIN_LINES_LOG2, MAX_LINES_LOG2);
        let out_of_range = TableError::Size { log2, min, max };
        if !(min..=max).contains(&log2) {
            return Err(out_of_range);
        }
        let base = ram.take(Format::Line.element_bytes() << log2)?;
        let layout = Layout::new(Format::Line, base, log2, hash, key).map_err(|_| out_of_range)?;
        Ok(Array { layout, hasher: hasher(hash, key), used: 0 })
    }

    pub(super) fn lines(&self) -> u64 {
        self.layout.elements()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.layout.bytes()
    }

    #[inline]
    pub(super) fn home(&self, group: &Group) -> u32 {
        self.hasher.hash(group.asid, group.first) & self.mask()
    }

    #[inline]
    fn mask(&self) -> u32 {
        self.layout.mask()
    }

    #[inline]
    fn address(&self, index: u32) -> PhysAddr {
        self.layout.address(index)
    }

    #[inline]
    pub(super) fn read(&self, ram: &Ram, index: u32) -> Result<Line, TableError> {
        Ok(Line { words: read_words::<WORDS>(ram, self.address(index))? })
    }

    pub(super) fn write(&self, ram: &mut Ram, index: u32, line: &Line) -> Result<(), TableError> {
        Ok(write_words(ram, self.address(index), &line.words)?)
    }

    /// Writes one word of a line whose other words stand there already.
    pub(super) fn write_word(&self, ram: &mut Ram, index: u32, word: usize, line: &Line) -> Result<(), TableError> {
        let address = PhysAddr::truncate(self.address(index).get() + 8 * word as u64);
        Ok(write_word(ram, address, line.words[word])?)
    }

    /// The lines from `first` to the end of the chain.
    #[inline]
    pub(super) fn follow<'a>(
        &'a self,
        ram: &'a Ram,
        first: u32,
    ) -> impl Iterator<Item = Result<(u32, Line), TableError>> + 'a {
        let mut next = Some(first);
        let mut steps_left = self.lines();
        std::iter::from_fn(move || {
            let index = next.take()?;
            if index > self.mask() {
                return Some(Err(TableError::Broken { index, why: "a link leads to it, which leaves the table" }));
            }
            if steps_left == 0 {
                return Some(Err(TableError::Broken { index, why: "its chain runs in a circle" }));
            }
            steps_left -= 1;
            let line = self.read(ram, index);
            if let Ok(line) = &line {
                next = line.link();
            }
            Some(line.map(|line| (index, line)))
        })
    }

    /// The chain that begins at `home`.
    pub(super) fn chain(&self, ram: &Ram, home: u32) -> Result<Chain, TableError> {
        let mut chain = Chain { home, lines: Vec::new(), foreign: None };
        let first = self.read(ram, home)?;
        if first.is_empty() {
            return Ok(chain);
        }
        if self.home_of(home, &first)? != home {
            chain.foreign = Some(first);
            return Ok(chain);
        }
        chain.lines = self.follow(ram, home).collect::<Result<_, _>>()?;
        Ok(chain)
    }

    /// The home of the line that stands at `index`.
    pub(super) fn home_of(&self, index: u32, line: &Line) -> Result<u32, TableError> {
        let broken = TableError::Broken { index, why: "its line is malformed" };
        Ok(self.home(&line.some_group().ok_or(broken)?))
    }

    /// Lets the chain be `lines`, in this order.
    pub(super) fn replace(&mut self, ram: &mut Ram, chain: &Chain, lines: &[Line]) -> Result<(), TableError> {
        let mut indices: Vec<u32> = chain.lines.iter().map(|(index, _)| *index).collect();
        let moved_to = match &chain.foreign {
            Some(_) => Some(self.free_lines(ram, chain.home).next().ok_or(self.full())?),
            None => None,
        };
        if indices.is_empty() {
            indices.push(chain.home);
        }
        let missing = lines.len().saturating_sub(indices.len());
        let free = self.free_lines(ram, chain.home).filter(|index| *index != chain.home && Some(*index) != moved_to);
        indices.extend(free.take(missing));
        if indices.len() < lines.len() {
            return Err(self.full());
        }
        if let (Some(line), Some(index)) = (&chain.foreign, moved_to) {
            self.move_away(ram, chain.home, line, index)?;
        }
        // From the last to the first, so that no link leads to a line that is not yet written.
        for (position, line) in lines.iter().enumerate().rev() {
            let next = (position + 1 < lines.len()).then(|| indices[position + 1]);
            self.write(ram, indices[position], &line.with_link(next))?;
        }
        for (index, _) in chain.lines.iter().skip(lines.len()) {
            self.write(ram, *index, &Line::EMPTY)?;
        }
        self.used = self.used + lines.len() as u64 - chain.lines.len() as u64;
        Ok(())
    }

    /// Moves the line at `from`, which does not stand at its home, to `to`.
    fn move_away(&self, ram: &mut Ram, from: u32, line: &Line, to: u32) -> Result<(), TableError> {
        let mut before = None;
        for place in self.follow(ram, self.home_of(from, line)?) {
            let (index, line) = place?;
            if line.link() == Some(from) {
                before = Some((index, line));
                break;
            }
        }
        let why = "its line is in no chain";
        let (before, its_line) = before.ok_or(TableError::Broken { index: from, why })?;
        self.write(ram, to, line)?;
        self.write(ram, before, &its_line.with_link(Some(to)))
    }

    /// The free lines, from the one after `home` on and around.
    fn free_lines<'a>(&'a self, ram: &'a Ram, home: u32) -> impl Iterator<Item = u32> + 'a {
        let others = (1..=self.mask()).map(move |distance| home.wrapping_add(distance) & self.mask());
        others.filter(move |index| self.read(ram, *index).is_ok_and(|line| line.is_empty()))
    }

    fn full(&self) -> TableError {
        TableError::Full { entries: self.lines() }
    }

    /// Every line that is not empty, with its index.
    pub(super) fn in_use<'a>(&self, ram: &'a Ram) -> Result<impl Iterator<Item = (u32, Line)> + use<'a>, TableError> {
        let lines = ram.memory.slice(self.layout.base(), self.bytes())?.as_chunks().0.iter().map(Line::from_bytes);
        Ok((0..=u32::MAX).zip(lines).filter(|(_, line)| !line.is_empty()))
    }
}
