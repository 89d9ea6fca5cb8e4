//! Physical memory: the bytes that the page table and every frame live in.
//!
//! ```text
//!  address 0                                    frames * 4096
//!  +---------+---------+---------+-- ... --+---------+
//!  | frame 0 | frame 1 | frame 2 |         | last    |   reads and writes beyond it are bus errors
//!  +---------+---------+---------+-- ... --+---------+
//! ```
//!
//! One image serves all: the operating system writes it, the golden walk reads it at once, and a test bench answers the
//! hardware's memory port from it. An access costs a bounds check and a copy; the host gives a page of real memory when
//! it is first written. Source: docs/spec.md, sections 1 and 2.

use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::format::MAX_ELEMENT_BYTES;
use hashwalk_spec::{Format, Pfn, PhysAddr};
use thiserror::Error;

/// An access to addresses that no memory answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no memory answers {bytes} bytes at physical address {address}")]
pub struct BusError {
    /// The access's first byte.
    pub address: PhysAddr,
    /// The access's length in bytes.
    pub bytes: u64,
}

/// What one probe reads: the bytes of an entry or of a line, and zeros behind those of an entry.
pub type Element = [u8; MAX_ELEMENT_BYTES];

/// The memory's bytes, from physical address 0 on.
#[derive(Clone)]
pub struct PhysicalMemory {
    bytes: Vec<u8>,
}

impl PhysicalMemory {
    /// Memory of `frames` frames of 4 KiB, all zero.
    ///
    /// # Panics
    /// The host cannot address that many bytes.
    #[must_use]
    pub fn new(frames: u64) -> PhysicalMemory {
        let bytes = frames.checked_mul(FRAME_BYTES).and_then(|bytes| usize::try_from(bytes).ok());
        PhysicalMemory { bytes: vec![0; bytes.expect("the host can address the simulated memory")] }
    }

    /// The number of frames of 4 KiB.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.bytes.len() as u64 / FRAME_BYTES
    }

    /// The `bytes` bytes from `address` on.
    ///
    /// # Errors
    /// [`BusError`] if any of them lies beyond the memory.
    #[inline]
    pub fn slice(&self, address: PhysAddr, bytes: u64) -> Result<&[u8], BusError> {
        let first = address.get();
        // No overflow: an address has 52 bits, and a length that overflows cannot be within the memory.
        self.bytes.get(first as usize..first.wrapping_add(bytes) as usize).ok_or(BusError { address, bytes })
    }

    fn slice_mut(&mut self, address: PhysAddr, bytes: u64) -> Result<&mut [u8], BusError> {
        let first = address.get();
        self.bytes.get_mut(first as usize..first.wrapping_add(bytes) as usize).ok_or(BusError { address, bytes })
    }

    /// Fills `into` from `address` on.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory; `into` is unchanged.
    pub fn read(&self, address: PhysAddr, into: &mut [u8]) -> Result<(), BusError> {
        into.copy_from_slice(self.slice(address, into.len() as u64)?);
        Ok(())
    }

    /// Writes `from` from `address` on.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory; nothing is written.
    pub fn write(&mut self, address: PhysAddr, from: &[u8]) -> Result<(), BusError> {
        self.slice_mut(address, from.len() as u64)?.copy_from_slice(from);
        Ok(())
    }

    /// The entry of 32 bytes at `address`.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory.
    #[inline]
    pub fn read_entry(&self, address: PhysAddr) -> Result<[u8; ENTRY_BYTES as usize], BusError> {
        let bytes = self.slice(address, ENTRY_BYTES)?.first_chunk().copied();
        bytes.ok_or(BusError { address, bytes: ENTRY_BYTES })
    }

    /// The word of 8 bytes at `address`.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory.
    #[inline]
    pub fn read_word(&self, address: PhysAddr) -> Result<u64, BusError> {
        let bytes = self.slice(address, 8)?.first_chunk().copied();
        bytes.map(u64::from_le_bytes).ok_or(BusError { address, bytes: 8 })
    }

    /// The element of a table at `address`: as many bytes as its format has, then zeros.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory.
    #[inline]
    pub fn read_element(&self, address: PhysAddr, format: Format) -> Result<Element, BusError> {
        let mut element = [0; MAX_ELEMENT_BYTES];
        let bytes = self.slice(address, format.element_bytes())?;
        element[..bytes.len()].copy_from_slice(bytes);
        Ok(element)
    }

    /// Writes the entry of 32 bytes at `address`.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory; nothing is written.
    pub fn write_entry(&mut self, address: PhysAddr, entry: &[u8; ENTRY_BYTES as usize]) -> Result<(), BusError> {
        self.write(address, entry)
    }

    /// Zeroes `frames` frames from `first` on.
    ///
    /// # Errors
    /// [`BusError`] if a byte lies beyond the memory; nothing is written.
    pub fn zero_frames(&mut self, first: Pfn, frames: u64) -> Result<(), BusError> {
        let bytes = frames.saturating_mul(FRAME_BYTES);
        self.slice_mut(first.address(), bytes)?.fill(0);
        Ok(())
    }
}

impl std::fmt::Debug for PhysicalMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PhysicalMemory({} frames)", self.frames())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(value: u64) -> PhysAddr {
        PhysAddr::truncate(value)
    }

    #[test]
    fn memory_is_zero_until_written() {
        let mut memory = PhysicalMemory::new(2);
        let mut word = [0xff; 4];
        memory.read(address(0x1ffc), &mut word).unwrap();
        assert_eq!(word, [0; 4]);
        memory.write(address(0x1ffc), &[1, 2, 3, 4]).unwrap();
        memory.read(address(0x1ffc), &mut word).unwrap();
        assert_eq!(word, [1, 2, 3, 4]);
        memory.zero_frames(Pfn::truncate(1), 1).unwrap();
        memory.read(address(0x1ffc), &mut word).unwrap();
        assert_eq!(word, [0; 4]);
    }

    #[test]
    fn an_access_beyond_the_end_is_a_bus_error_and_changes_nothing() {
        let mut memory = PhysicalMemory::new(1);
        let error = BusError { address: address(0xffe), bytes: 4 };
        assert_eq!(memory.write(address(0xffe), &[1; 4]), Err(error));
        assert_eq!(memory.slice(address(0xffe), 2), Ok([0, 0].as_slice()));
        assert!(memory.read_entry(PhysAddr::MAX).is_err());
        assert!(memory.slice(address(64), u64::MAX).is_err());
        assert_eq!(error.to_string(), "no memory answers 4 bytes at physical address 0xffe");
    }
}
