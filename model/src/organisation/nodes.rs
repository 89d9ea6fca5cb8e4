//! Nodes of one size from simulated frames: the small allocator under linked organisations.
//!
//! ```text
//!  partial ─► frame ◄─► frame ◄─► frame          frames in which a node is free; full ones stand in no list
//!
//!  a frame:   | header | node | free | node | free | ...
//!               │ free ───────────►│ ───────────►│ ─► 0       the frame's free nodes, linked through word 0
//! ```
//!
//! | the header's words | hold |
//! | ------------------ | ---- |
//! | 0, 1 | the next and the previous partial frame's address, or 0 |
//! | 2 | the first free node's address, or 0 |
//! | 3 | the nodes in use |
//!
//! **Costs.** One node of each frame is its header: 1 of 128 with nodes of 32 bytes, 1 of 64 with 64. Taking and giving
//! a node are a few words written, whatever the number of nodes; a frame's first node writes its whole free list. A frame
//! goes back to the free frames with its last node, or when no walk can be on its way to it any more
//! ([`super::node_frames`]).
//!
//! Source: the slab allocator (Bonwick, *The Slab Allocator: An Object-Caching Kernel Memory Allocator*, USENIX 1994).

use super::common::{read_word, read_words, write_word, write_words};
use super::node_frames::NodeFrames;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::PhysAddr;
use hashwalk_spec::address::FRAME_BYTES;
use std::collections::HashSet;

const NEXT: u64 = 0;
const PREVIOUS: u64 = 8;
const FREE: u64 = 16;
const USED: u64 = 24;

/// Where nodes are taken from and given back to. Address 0 stands for no node.
#[derive(Clone, Debug)]
pub struct Nodes {
    node_bytes: u64,
    /// The first frame in which a node is free, or 0.
    partial: u64,
    frames: NodeFrames,
}

impl Nodes {
    /// Nodes of 32 or 64 bytes, none taken yet.
    #[must_use]
    pub fn new(node_bytes: u64) -> Nodes {
        debug_assert!(node_bytes == 32 || node_bytes == 64);
        Nodes { node_bytes, partial: 0, frames: NodeFrames::default() }
    }

    /// Bytes of the frames that hold nodes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.frames.bytes()
    }

    /// The frames that hold nodes.
    #[must_use]
    pub fn frames(&self) -> &NodeFrames {
        &self.frames
    }

    /// The frames, to hold or release them.
    pub fn frames_mut(&mut self) -> &mut NodeFrames {
        &mut self.frames
    }

    /// The nodes that these frames can hold.
    #[must_use]
    pub fn places(&self) -> u64 {
        self.bytes() / FRAME_BYTES * (FRAME_BYTES / self.node_bytes - 1)
    }

    /// Takes a node, aligned to its size, with whatever bytes it has.
    ///
    /// # Errors
    /// No frame is free; nothing has changed.
    pub fn take(&mut self, ram: &mut Ram) -> Result<u64, TableError> {
        if self.partial == 0 {
            self.partial = self.new_frame(ram)?;
        }
        let frame = self.partial;
        let [next, _, node, used] = read_words(ram, at(frame))?;
        let next_free = read_word(ram, at(node))?;
        write_word(ram, at(frame + FREE), next_free)?;
        write_word(ram, at(frame + USED), used + 1)?;
        if next_free == 0 {
            self.partial = next;
            if next != 0 {
                write_word(ram, at(next + PREVIOUS), 0)?;
            }
        }
        Ok(node)
    }

    fn new_frame(&mut self, ram: &mut Ram) -> Result<u64, TableError> {
        let frame = self.frames.take(ram, FRAME_BYTES)?.get();
        let nodes: Vec<u64> = (frame..frame + FRAME_BYTES).step_by(self.node_bytes as usize).skip(1).collect();
        write_words(ram, at(frame), &[0, 0, nodes[0], 0])?;
        for pair in nodes.windows(2) {
            write_word(ram, at(pair[0]), pair[1])?;
        }
        Ok(frame)
    }

    /// Gives a node back that [`Nodes::take`] gave.
    ///
    /// # Errors
    /// The lists lie outside the memory.
    pub fn give(&mut self, ram: &mut Ram, node: u64) -> Result<(), TableError> {
        let frame = node & !(FRAME_BYTES - 1);
        let [next, previous, free, used] = read_words(ram, at(frame))?;
        if used == 1 {
            self.unlink(ram, frame, [next, previous])?;
            self.frames.give(ram, at(frame), FRAME_BYTES);
            return Ok(());
        }
        write_word(ram, at(node), free)?;
        write_word(ram, at(frame + FREE), node)?;
        write_word(ram, at(frame + USED), used - 1)?;
        if free == 0 {
            // It was full and so in no list.
            write_word(ram, at(frame + NEXT), self.partial)?;
            write_word(ram, at(frame + PREVIOUS), 0)?;
            if self.partial != 0 {
                write_word(ram, at(self.partial + PREVIOUS), frame)?;
            }
            self.partial = frame;
        }
        Ok(())
    }

    fn unlink(&mut self, ram: &mut Ram, frame: u64, [next, previous]: [u64; 2]) -> Result<(), TableError> {
        if next != 0 {
            write_word(ram, at(next + PREVIOUS), previous)?;
        }
        if previous != 0 {
            write_word(ram, at(previous + NEXT), next)?;
        } else if self.partial == frame {
            self.partial = next;
        }
        Ok(())
    }

    /// Checks that exactly the nodes `used` are taken, and every list.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, ram: &Ram, used: &HashSet<u64>) -> Result<(), String> {
        let mut frames: HashSet<u64> = used.iter().map(|node| node & !(FRAME_BYTES - 1)).collect();
        let read = |frame: u64| read_words::<4>(ram, at(frame)).map_err(|error| error.to_string());
        for frame in &frames {
            self.check_frame(ram, *frame, used)?;
        }
        let (mut frame, mut before) = (self.partial, 0);
        while frame != 0 {
            let [next, previous, free, _] = read(frame)?;
            if previous != before || free == 0 || !frames.remove(&frame) {
                return Err(format!("the frame at {frame:#x} is wrongly in the list of partial frames"));
            }
            (before, frame) = (frame, next);
        }
        // What is left is in no list: these frames must be full.
        for frame in frames {
            if read(frame)?[2] != 0 {
                return Err(format!("the frame at {frame:#x} has free nodes, but is not in the list"));
            }
        }
        let in_use = used.iter().map(|node| node & !(FRAME_BYTES - 1)).collect::<HashSet<u64>>().len() as u64;
        let taken = self.bytes() / FRAME_BYTES;
        if in_use == taken { Ok(()) } else { Err(format!("{taken} frames taken, {in_use} in use")) }
    }

    fn check_frame(&self, ram: &Ram, frame: u64, used: &HashSet<u64>) -> Result<(), String> {
        let text = |error: crate::memory::BusError| error.to_string();
        let [_, _, mut free, count] = read_words::<4>(ram, at(frame)).map_err(text)?;
        let mut seen = HashSet::new();
        while free != 0 {
            let legal = free & !(FRAME_BYTES - 1) == frame && free != frame && free % self.node_bytes == 0;
            if !legal || used.contains(&free) || !seen.insert(free) {
                return Err(format!("node {free:#x} is wrongly in the free list of the frame at {frame:#x}"));
            }
            free = read_word(ram, at(free)).map_err(text)?;
        }
        let taken = used.iter().filter(|node| *node & !(FRAME_BYTES - 1) == frame).count() as u64;
        let free = seen.len() as u64;
        if taken == count && taken + free + 1 == FRAME_BYTES / self.node_bytes {
            return Ok(());
        }
        Err(format!("the frame at {frame:#x} counts {count} nodes; {taken} are linked, {free} free"))
    }
}

fn at(address: u64) -> PhysAddr {
    PhysAddr::truncate(address)
}
