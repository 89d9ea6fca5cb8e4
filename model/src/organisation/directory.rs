//! A directory of address spaces: one word of memory for each ASID, for organisations with a table or a tree of its own
//! for each.
//!
//! ```text
//!  base ─►+--------+--------+--------+-- ... --+----------+
//!         | ASID 0 | ASID 1 | ASID 2 |         | 2^n - 1  |     8 bytes each: the address space's table or tree;
//!         +--------+--------+--------+-- ... --+----------+     0: it has none
//! ```
//!
//! It begins as one frame of 512 words, and doubles until it holds the largest ASID in use: 512 KiB at most. A lookup
//! does not read it (the hardware's walk of the format `radix` does): a context switch does, once, and leaves the
//! running address space's word and that of ASID 0 (the global mappings) in registers, as `CR3` and `satp` hold the
//! root of a tree. Source: the registers of both architectures' manuals; the array itself is plain.

use super::common::{read_word, write_word};
use crate::frames::OutOfMemory;
use crate::memory::BusError;
use crate::ram::Ram;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, PhysAddr};

const WORD_BYTES: u64 = 8;

/// Where the directory is and how many words it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    base: PhysAddr,
    bytes: u64,
}

impl Directory {
    /// An empty directory of one frame.
    ///
    /// # Errors
    /// No frame is free.
    pub fn new(ram: &mut Ram) -> Result<Directory, OutOfMemory> {
        Ok(Directory { base: ram.take(FRAME_BYTES)?, bytes: FRAME_BYTES })
    }

    /// Gives its frames back.
    pub fn release(self, ram: &mut Ram) {
        ram.give(self.base, self.bytes);
    }

    /// Where it begins.
    #[must_use]
    pub fn base(&self) -> PhysAddr {
        self.base
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The word of an address space, 0 if it has none.
    ///
    /// # Errors
    /// The directory lies outside the memory.
    pub fn get(&self, ram: &Ram, asid: Asid) -> Result<u64, BusError> {
        if self.holds(asid) { read_word(ram, self.address(asid)) } else { Ok(0) }
    }

    /// Makes the directory long enough for the ASID.
    ///
    /// # Errors
    /// There are not enough frames side by side; nothing has changed.
    pub fn reserve(&mut self, ram: &mut Ram, asid: Asid) -> Result<(), OutOfMemory> {
        if self.holds(asid) {
            return Ok(());
        }
        let bytes = ((u64::from(asid.get()) + 1) * WORD_BYTES).next_power_of_two();
        let base = ram.take(bytes)?;
        let words = ram.memory.slice(self.base, self.bytes).expect("the directory was taken from memory").to_vec();
        ram.memory.write(base, &words).expect("a run that was taken lies in memory");
        ram.memory.write(self.base, &vec![0; words.len()]).expect("the directory was taken from memory");
        ram.give(self.base, self.bytes);
        *self = Directory { base, bytes };
        Ok(())
    }

    /// Writes the word of an address space, for which there is room.
    ///
    /// # Errors
    /// The directory lies outside the memory.
    pub fn set(&self, ram: &mut Ram, asid: Asid, word: u64) -> Result<(), BusError> {
        debug_assert!(self.holds(asid));
        write_word(ram, self.address(asid), word)
    }

    /// Every address space that has a word, with it.
    ///
    /// # Errors
    /// The directory lies outside the memory.
    pub fn entries(&self, ram: &Ram) -> Result<Vec<(Asid, u64)>, BusError> {
        let words = ram.memory.slice(self.base, self.bytes)?.as_chunks().0;
        let words = words.iter().map(|bytes| u64::from_le_bytes(*bytes)).zip(0..=Asid::MAX.get());
        Ok(words.filter(|(word, _)| *word != 0).map(|(word, asid)| (Asid::truncate(asid), word)).collect())
    }

    fn holds(&self, asid: Asid) -> bool {
        u64::from(asid.get()) < self.bytes / WORD_BYTES
    }

    fn address(&self, asid: Asid) -> PhysAddr {
        PhysAddr::truncate(self.base.get() + u64::from(asid.get()) * WORD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_until_it_holds_the_asid_and_keeps_what_it_held() {
        let mut ram = Ram::new(256);
        let mut directory = Directory::new(&mut ram).unwrap();
        directory.set(&mut ram, Asid::truncate(511), 7).unwrap();
        assert_eq!(directory.get(&ram, Asid::MAX), Ok(0));
        directory.reserve(&mut ram, Asid::MAX).unwrap();
        directory.set(&mut ram, Asid::MAX, 9).unwrap();
        assert_eq!(directory.entries(&ram), Ok(vec![(Asid::truncate(511), 7), (Asid::MAX, 9)]));
        assert_eq!((directory.bytes(), ram.frames.free()), (512 << 10, 255 - 128));
        directory.release(&mut ram);
        assert_eq!(ram.frames.free(), 255);
    }
}
