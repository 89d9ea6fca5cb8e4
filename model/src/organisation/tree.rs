//! External chaining with trees: buckets that head balanced binary trees, the seed's `*frame_tree`.
//!
//! ```text
//!  buckets     0        1         2                        nodes, ordered by (ASID, VPN)
//!           +--------+---------+--------+                       (2, 0x40)
//!           | NULL   | 0x52340 ┼────────┼──────────────►       /         \
//!           +--------+---------+--------+              (1, 0x77)         (2, 0x913)
//! ```
//!
//! | a node's bits | hold |
//! | ------------- | ---- |
//! | 0 to 63 | the PTE, as in the contract: V, R, W, X, U, G, A, D, size, PFN |
//! | 64 to 127 | the page's first VPN |
//! | 128 to 191 | the ASID |
//! | 192 to 255 | left: the address of the subtree of smaller keys, 0 for none |
//! | 256 to 319 | right: the address of the subtree of larger keys, 0 for none |
//! | 320 to 383 | height: nodes on the longest way down from here |
//! | 384 to 511 | zero |
//!
//! A walk of the contract reads the node, 64 bytes, at once, and the bucket as one word of an element of 64 bytes.
//!
//! **Why AVL.** A tree pays where the hash fails: a bucket of n entries costs a walk at most 1.44 log2 n reads, whoever
//! chose the pages, so hardware can set its limit of steps once and for all. A treap gives that on average only, and only
//! while its priorities are secret; red-black trees may be 2 log2 n deep; the height needs no bit that the 64 bytes of a
//! line lack. A walk compares 68 bits and goes left or right: a node is one read.
//!
//! **Costs.** 8 bytes a bucket and 64 a mapping (65 with the headers of [`super::nodes`]), twice those of a list. A walk
//! reads its bucket and then about log2 of the bucket's entries. A rotation moves nodes under a walk that is under way,
//! which can miss its page then; such a walk is made again by the operating system (docs/spec.md, section 4). Growth
//! hangs the nodes into twice as many buckets and copies none.
//!
//! Source: docs/spec.md, sections 2 and 4; the seed's external chaining layout; Adelson-Velsky and Landis, *An
//! algorithm for the organization of information* (1962).

mod avl;

use super::buckets::{Buckets, pack};
use super::common::{Census, changed, check_mappings, refuse_illegal, refuse_misaligned, refuse_overlap, write_word};
use super::nodes::Nodes;
use super::{Found, PageTable, Usage, Walkable};
use crate::layout::Layout;
use crate::mapping::{Mapping, Pte};
use crate::ram::Ram;
use crate::table::TableError;
use avl::{Avl, Key, MAX_DEPTH, NODE_BYTES, Node};
use hashwalk_spec::{Asid, Format, Hash, PageSize, PhysAddr, Vpn};
use std::collections::HashSet;

/// A hashed page table of balanced trees.
#[derive(Clone, Debug)]
pub struct Tree {
    buckets: Buckets,
    layout: Layout,
    nodes: Nodes,
    census: Census,
}

impl Tree {
    /// An empty table of `2^log2` buckets, 9 to 32.
    ///
    /// # Errors
    /// `log2` is out of range, or there are not enough free frames side by side.
    pub fn new(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<Tree, TableError> {
        let buckets = Buckets::new(ram, log2, hash, key)?;
        let layout = buckets.layout(Format::Tree);
        Ok(Tree { buckets, layout, nodes: Nodes::new(NODE_BYTES), census: Census::default() })
    }

    /// The same table for hardware that walks it while it changes: frames of nodes go back at
    /// [`Walkable::release_nodes`] only.
    #[must_use]
    pub fn hold_nodes(mut self) -> Tree {
        self.nodes.frames_mut().hold();
        self
    }

    /// The node with `key`, and the reads that it took: the bucket and each node on the way.
    #[inline]
    fn walk(&self, ram: &Ram, key: Key) -> Result<(Option<Node>, u32), TableError> {
        let bucket = self.buckets.index(key.0, key.1);
        let (mut next, mut reads) = (self.buckets.first(ram, bucket)?, 1);
        while next != 0 {
            if reads > MAX_DEPTH {
                return Err(TableError::Broken { index: bucket, why: "its tree is too deep" });
            }
            let node = Node::read(ram, bucket, next)?;
            reads += 1;
            next = match key.cmp(&node.key()) {
                std::cmp::Ordering::Less => node.left,
                std::cmp::Ordering::Equal => return Ok((Some(node), reads)),
                std::cmp::Ordering::Greater => node.right,
            };
        }
        Ok((None, reads))
    }

    fn find(&self, ram: &Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Node, TableError> {
        refuse_misaligned(vpn, size)?;
        let (node, _) = self.walk(ram, (asid, vpn))?;
        node.filter(|node| node.mapping.size == size).ok_or(TableError::NotMapped { asid, vpn, size })
    }

    /// Every node with its bucket.
    fn all_nodes(&self, ram: &Ram) -> Result<Vec<(u32, Node)>, TableError> {
        let mut all = Vec::new();
        for (bucket, root) in self.buckets.in_use(ram)? {
            let mut left = vec![root];
            while let Some(address) = left.pop() {
                if all.len() as u64 == self.census.total() {
                    return Err(TableError::Broken { index: bucket, why: "the trees have more nodes than the table" });
                }
                let node = Node::read(ram, bucket, address)?;
                left.extend([node.left, node.right].into_iter().filter(|address| *address != 0));
                all.push((bucket, node));
            }
        }
        Ok(all)
    }

    /// Checks the order and the heights below `address`, whose keys must lie between `low` and `high`.
    fn check_below(&self, ram: &Ram, bucket: u32, address: u64, bounds: [Option<Key>; 2]) -> Result<u64, String> {
        if address == 0 {
            return Ok(0);
        }
        let node = Node::read(ram, bucket, address).map_err(|error| error.to_string())?;
        let [low, high] = bounds;
        let key = node.key();
        if low.is_some_and(|low| key <= low) || high.is_some_and(|high| key >= high) {
            return Err(format!("{:?} stands in the wrong subtree", node.mapping));
        }
        if self.buckets.index(key.0, key.1) != bucket {
            return Err(format!("{:?} is in the wrong bucket {bucket:#x}", node.mapping));
        }
        let left = self.check_below(ram, bucket, node.left, [low, Some(key)])?;
        let right = self.check_below(ram, bucket, node.right, [Some(key), high])?;
        if left.abs_diff(right) > 1 || node.height != 1 + left.max(right) {
            return Err(format!("node {address:#x} of height {} has subtrees of {left} and {right}", node.height));
        }
        Ok(node.height)
    }
}

impl Walkable for Tree {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn owns(&self, element: PhysAddr) -> bool {
        self.layout.contains(element) || self.nodes.frames().contain(element)
    }

    fn release_nodes(&mut self, ram: &mut Ram) {
        self.nodes.frames_mut().release(ram);
    }
}

impl PageTable for Tree {
    fn name(&self) -> &'static str {
        "tree"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        refuse_illegal(&mapping)?;
        refuse_overlap(self, &self.census, ram, &mapping)?;
        let bucket = self.buckets.index(mapping.asid, mapping.vpn);
        let root = self.buckets.first(ram, bucket)?;
        let leaf = Node::leaf(self.nodes.take(ram)?, mapping);
        let new_root = Avl { ram, bucket }.insert(root, &leaf)?;
        self.buckets.set_first(ram, bucket, new_root)?;
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let node = self.find(ram, asid, vpn, size)?;
        let bucket = self.buckets.index(asid, vpn);
        let root = self.buckets.first(ram, bucket)?;
        let new_root = Avl { ram, bucket }.remove(root, (asid, vpn))?;
        self.buckets.set_first(ram, bucket, new_root)?;
        self.nodes.give(ram, node.address)?;
        self.census.subtract(&node.mapping);
        Ok(node.mapping)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let node = self.find(ram, asid, vpn, size)?;
        let [pte, ..] = pack(&changed(&node.mapping, change)?);
        write_word(ram, PhysAddr::truncate(node.address), pte)?;
        Ok(node.mapping)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let mut reads = 0;
        for search in self.census.searches(asid, vpn) {
            let (node, its_reads) = self.walk(ram, (search.asid, search.vpn))?;
            reads += its_reads;
            let mapping = node.map(|node| node.mapping).filter(|mapping| search.matches(mapping));
            if mapping.is_some() {
                return Ok(Found { mapping, reads });
            }
        }
        Ok(Found { mapping: None, reads })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        Ok(self.all_nodes(ram)?.into_iter().map(|(_, node)| node.mapping).collect())
    }

    fn usage(&self, _ram: &Ram) -> Usage {
        let bytes = self.buckets.bytes() + self.nodes.bytes();
        Usage { bytes, mappings: self.census.total(), places: self.nodes.places() }
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let nodes = self.all_nodes(ram)?;
        let larger = self.buckets.doubled(ram)?;
        for (_, node) in nodes {
            let bucket = larger.index(node.mapping.asid, node.mapping.vpn);
            let root = larger.first(ram, bucket)?;
            let new_root = Avl { ram, bucket }.insert(root, &Node::leaf(node.address, node.mapping))?;
            larger.set_first(ram, bucket, new_root)?;
        }
        self.layout = larger.layout(Format::Tree);
        std::mem::replace(&mut self.buckets, larger).give(ram);
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        let nodes = self.all_nodes(ram).map_err(|error| error.to_string())?;
        for (bucket, root) in self.buckets.in_use(ram).map_err(|error| error.to_string())? {
            self.check_below(ram, bucket, root, [None, None])?;
        }
        let addresses: HashSet<u64> = nodes.iter().map(|(_, node)| node.address).collect();
        if addresses.len() != nodes.len() {
            return Err("a node is linked to twice".to_owned());
        }
        self.nodes.check(ram, &addresses)?;
        let mappings: Vec<Mapping> = nodes.into_iter().map(|(_, node)| node.mapping).collect();
        check_mappings(&mappings, &self.census)
    }
}
