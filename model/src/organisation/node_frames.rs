//! The frames that hold the nodes of a table, and when they go back.
//!
//! ```text
//!   free frames ──take──► in use ──give──► free frames           a table that nobody walks meanwhile
//!                           │
//!                           └─────give──► held ──release──► free frames
//! ```
//!
//! **Why some are held.** A walk of the hardware may have read the link to a node just before the node is taken out of
//! the table. If its frame were free at once, a page of some program could lie there when the walk comes to read it,
//! and the program would write its own mappings. So a table that is walked while it changes holds the frame until there
//! is no such walk any more (docs/spec.md, section 7), as an operating system defers the freeing of page tables to the
//! end of the shootdown.
//!
//! Source: Linux, `include/asm-generic/tlb.h`, which gathers the pages of freed page tables until TLBs are flushed.

use crate::frames::OutOfMemory;
use crate::ram::Ram;
use hashwalk_spec::PhysAddr;
use hashwalk_spec::address::FRAME_BYTES;
use std::collections::HashSet;

/// Frames of nodes. The set is no part of the table: the links say the same, in more time.
#[derive(Clone, Debug, Default)]
pub struct NodeFrames {
    /// The addresses of all frames, held ones too.
    frames: HashSet<u64>,
    holds: bool,
    /// What was given while frames are held: the address and the bytes of each.
    held: Vec<(PhysAddr, u64)>,
}

impl NodeFrames {
    /// From now on, what is given stays the table's until [`NodeFrames::release`].
    pub fn hold(&mut self) {
        self.holds = true;
    }

    /// Takes `bytes`, zeroed, a power of two of at least a frame.
    ///
    /// # Errors
    /// There are no such frames.
    pub fn take(&mut self, ram: &mut Ram, bytes: u64) -> Result<PhysAddr, OutOfMemory> {
        let node = ram.take(bytes)?;
        self.frames.extend(frames_of(node, bytes));
        Ok(node)
    }

    /// Gives back what was taken: at once, or at the next release.
    pub fn give(&mut self, ram: &mut Ram, node: PhysAddr, bytes: u64) {
        if self.holds {
            self.held.push((node, bytes));
        } else {
            self.give_unused(ram, node, bytes);
        }
    }

    /// Gives back at once what was taken and never linked to.
    pub fn give_unused(&mut self, ram: &mut Ram, node: PhysAddr, bytes: u64) {
        frames_of(node, bytes).for_each(|frame| _ = self.frames.remove(&frame));
        ram.give(node, bytes);
    }

    /// Gives back what is held.
    pub fn release(&mut self, ram: &mut Ram) {
        for (node, bytes) in std::mem::take(&mut self.held) {
            self.give_unused(ram, node, bytes);
        }
    }

    /// Whether the byte at `address` lies in one of the frames, held ones included.
    #[must_use]
    pub fn contain(&self, address: PhysAddr) -> bool {
        self.frames.contains(&(address.get() & !(FRAME_BYTES - 1)))
    }

    /// Bytes of the frames in use.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let held: u64 = self.held.iter().map(|(_, bytes)| bytes).sum();
        self.frames.len() as u64 * FRAME_BYTES - held
    }
}

fn frames_of(node: PhysAddr, bytes: u64) -> impl Iterator<Item = u64> {
    (node.get()..node.get() + bytes).step_by(FRAME_BYTES as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_frame_is_the_tables_until_it_is_released() {
        let mut ram = Ram::new(16);
        let mut frames = NodeFrames::default();
        let first = frames.take(&mut ram, FRAME_BYTES).unwrap();
        frames.give(&mut ram, first, FRAME_BYTES);
        assert_eq!((frames.contain(first), ram.frames.free()), (false, 15));

        frames.hold();
        let node = frames.take(&mut ram, 2 * FRAME_BYTES).unwrap();
        let last_byte = PhysAddr::truncate(node.get() + 2 * FRAME_BYTES - 1);
        assert_eq!((frames.contain(last_byte), frames.bytes()), (true, 2 * FRAME_BYTES));
        frames.give(&mut ram, node, 2 * FRAME_BYTES);
        assert_eq!((frames.contain(last_byte), frames.bytes(), ram.frames.free()), (true, 0, 13));
        frames.release(&mut ram);
        assert_eq!((frames.contain(last_byte), ram.frames.free()), (false, 15));

        let node = frames.take(&mut ram, FRAME_BYTES).unwrap();
        frames.give_unused(&mut ram, node, FRAME_BYTES);
        assert_eq!((frames.contain(node), ram.frames.free()), (false, 15));
    }
}
