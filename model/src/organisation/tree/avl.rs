//! The balanced tree of one bucket: nodes in memory, and the changes that keep them balanced.
//!
//! ```text
//!        y                x           a rotation: a < x < b < y < c before and after;
//!       / \              / \          the subtrees' heights differ by at most 1 at every node
//!      x   c    ◄──►    a   y
//!     / \                  / \
//!    a   b                b   c
//! ```
//!
//! Every change goes down from the root and mends the heights on the way up: at most 1.44 log2 n nodes are read, and
//! two rotations made by an insertion. Source: Adelson-Velsky and Landis (1962).

use crate::mapping::Mapping;
use crate::organisation::buckets::{pack, unpack};
use crate::organisation::common::{read_word, read_words, write_words};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::tree::NODE_LOG2;
use hashwalk_spec::{Asid, PhysAddr, Vpn};

/// Bytes of a node.
pub(super) const NODE_BYTES: u64 = 1 << NODE_LOG2;
/// No legal tree is deeper: it would hold more nodes than there are pages in memory.
pub(super) const MAX_DEPTH: u32 = 64;

/// What a tree is ordered by: the hardware compares 68 bits.
pub(super) type Key = (Asid, Vpn);

/// A node, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) address: u64,
    pub(super) mapping: Mapping,
    /// Addresses of the subtrees of smaller and larger keys, or 0.
    pub(super) left: u64,
    pub(super) right: u64,
    /// Nodes on the longest way down, this one included.
    pub(super) height: u64,
}

impl Node {
    /// A node without subtrees.
    pub(super) fn leaf(address: u64, mapping: Mapping) -> Node {
        Node { address, mapping, left: 0, right: 0, height: 1 }
    }

    /// The node at `address`, in a tree of bucket `bucket`.
    #[inline]
    pub(super) fn read(ram: &Ram, bucket: u32, address: u64) -> Result<Node, TableError> {
        let words: [u64; 6] = read_words(ram, PhysAddr::truncate(address))?;
        let malformed = TableError::Broken { index: bucket, why: "a node of its tree is malformed" };
        let mapping = unpack(&words).mapping().ok_or(malformed)?;
        Ok(Node { address, mapping, left: words[3], right: words[4], height: words[5] })
    }

    pub(super) fn write(&self, ram: &mut Ram) -> Result<(), TableError> {
        let [pte, vpn, asid] = pack(&self.mapping);
        let words = [pte, vpn, asid, self.left, self.right, self.height, 0, 0];
        Ok(write_words(ram, PhysAddr::truncate(self.address), &words)?)
    }

    pub(super) fn key(&self) -> Key {
        (self.mapping.asid, self.mapping.vpn)
    }
}

/// The changes to the tree of one bucket. Each takes the address of a root, 0 for an empty tree, and returns that of the
/// new one.
pub(super) struct Avl<'a> {
    pub(super) ram: &'a mut Ram,
    pub(super) bucket: u32,
}

impl Avl<'_> {
    /// Puts `leaf` in.
    pub(super) fn insert(&mut self, root: u64, leaf: &Node) -> Result<u64, TableError> {
        if root == 0 {
            leaf.write(self.ram)?;
            return Ok(leaf.address);
        }
        let old = self.read(root)?;
        let mut node = old;
        if leaf.key() < node.key() {
            node.left = self.insert(node.left, leaf)?;
        } else {
            node.right = self.insert(node.right, leaf)?;
        }
        self.balance(node, &old)
    }

    /// Takes the node with `key` out, which must be there; its bytes stay as they are.
    pub(super) fn remove(&mut self, root: u64, key: Key) -> Result<u64, TableError> {
        let old = self.read(root)?;
        let mut node = old;
        if key < node.key() {
            node.left = self.remove(node.left, key)?;
        } else if key > node.key() {
            node.right = self.remove(node.right, key)?;
        } else if node.left == 0 || node.right == 0 {
            return Ok(node.left | node.right);
        } else {
            // The next larger node takes its place.
            let (rest, mut next) = self.take_smallest(node.right)?;
            (next.left, next.right) = (node.left, rest);
            return self.balance(next, &old);
        }
        self.balance(node, &old)
    }

    fn take_smallest(&mut self, root: u64) -> Result<(u64, Node), TableError> {
        let old = self.read(root)?;
        if old.left == 0 {
            return Ok((old.right, old));
        }
        let (left, smallest) = self.take_smallest(old.left)?;
        Ok((self.balance(Node { left, ..old }, &old)?, smallest))
    }

    /// Writes `node` and, if its subtrees' heights differ by 2, turns it down to the lower side. `old` is what stands in
    /// memory at its place in the tree.
    fn balance(&mut self, mut node: Node, old: &Node) -> Result<u64, TableError> {
        let (left, right) = (self.height(node.left)?, self.height(node.right)?);
        if left > right + 1 {
            let mut child = self.read(node.left)?;
            if self.height(child.left)? < self.height(child.right)? {
                let inner = self.read(child.right)?;
                child = self.turn_left(child, inner)?;
            }
            return Ok(self.turn_right(node, child)?.address);
        }
        if right > left + 1 {
            let mut child = self.read(node.right)?;
            if self.height(child.right)? < self.height(child.left)? {
                let inner = self.read(child.left)?;
                child = self.turn_right(child, inner)?;
            }
            return Ok(self.turn_left(node, child)?.address);
        }
        node.height = 1 + left.max(right);
        if node != *old {
            node.write(self.ram)?;
        }
        Ok(node.address)
    }

    /// `left`, the left child, goes up and `node` becomes its right one.
    fn turn_right(&mut self, mut node: Node, mut left: Node) -> Result<Node, TableError> {
        (node.left, left.right) = (left.right, node.address);
        self.settle(&mut node)?;
        self.settle(&mut left)?;
        Ok(left)
    }

    /// `right`, the right child, goes up and `node` becomes its left one.
    fn turn_left(&mut self, mut node: Node, mut right: Node) -> Result<Node, TableError> {
        (node.right, right.left) = (right.left, node.address);
        self.settle(&mut node)?;
        self.settle(&mut right)?;
        Ok(right)
    }

    fn settle(&mut self, node: &mut Node) -> Result<(), TableError> {
        node.height = 1 + self.height(node.left)?.max(self.height(node.right)?);
        node.write(self.ram)
    }

    fn height(&self, address: u64) -> Result<u64, TableError> {
        Ok(if address == 0 { 0 } else { read_word(self.ram, PhysAddr::truncate(address + 40))? })
    }

    fn read(&self, address: u64) -> Result<Node, TableError> {
        Node::read(self.ram, self.bucket, address)
    }
}
