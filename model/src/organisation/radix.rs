//! The radix tree of four levels, the baseline: what x86-64 and RISC-V's Sv48 walk.
//!
//! ```text
//!  VPN, 36 bits of it, sign-extended      35     27 26     18 17      9 8       0
//!                                        +---------+---------+---------+---------+
//!                                        | level 4 | level 3 | level 2 | level 1 |
//!                                        +---------+---------+---------+---------+
//!                                             │         │         │         │
//!  directory        root                      ▼         │         │         │
//!  ASID ─► word ──► +------+-- ... --+    +------+      ▼         │         │
//!                   |      |         |    | node ├─► +------+     ▼         │
//!                   +------+-- ... --+    +------+   | node ├─► +------+    ▼
//!                                                    | 1GiB |   | node ├─► +------+
//!                                                    +------+   | 2MiB |   | 4KiB |     a leaf at level 3, 2 or 1
//!                                                               +------+   +------+     maps 1 GiB, 2 MiB, 4 KiB
//!
//!         63      52 51                                12 11  10  9    8 7   6   5   4   3   2   1   0
//!        +----------+------------------------------------+---+---+------+---+---+---+---+---+---+---+---+
//!  leaf  | zero     | PFN of the page (40)               | 0 | 0 | size | D | A | G | U | X | W | R | V |  the contract's word 0
//!  node  | zero     | PFN of the node's first frame (40) | 0 | T | zero                             | V |  T: a table follows
//!        +----------+------------------------------------+---+---+----------------------------------+---+
//! ```
//!
//! A word of the directory is one that leads to a node, or zero.
//!
//! **Reach.** A VPN has 52 bits, and four levels of 9 are 36. The default, [`Reach::Bits48`], is what the two
//! architectures do: an address is legal if bits 63 to 47 agree, so that the tree covers the lowest and the highest 128
//! TiB; all programs of today lie there. A VPN beyond it cannot be mapped ([`TableError::BeyondReach`]) and is not found,
//! without a read. A fifth and a sixth level would cover the rest at a read each and it would be the baseline of
//! nothing; levels 1 and 2 must keep 9 bits for the page sizes. [`Reach::Bits64`] keeps four levels and pays in memory:
//! nodes of 17 bits, 1 MiB each, at levels 4 and 3.
//!
//! **Cost.** A lookup reads one word a level: 4 for 4 KiB, 3 for 2 MiB, 2 for 1 GiB, fewer if a level is absent; each
//! read needs the answer of the one before it. If the address space does not map the page, the tree of ASID 0 is walked
//! for a global mapping, unless there are none; x86-64 saves that walk by hanging shared subtrees into every root, which
//! the contract's global pages, free to stand beside private ones, do not allow. An address space takes a root, and
//! three more nodes for its first small page: 16 KiB. A node that holds nothing any more is freed, up to the root.
//!
//! A [`WalkCache`] saves the upper levels: 1 read if it knows the page's level-1 node. With 16 links a level, the pages
//! of four address spaces, 10,000 each, cost 1.002 reads a lookup one after the other, and 1.8 in any order, where they
//! lie side by side; where they are scattered over 2^35 pages it helps nothing, and each takes two nodes, 8 KiB, of its
//! own.
//!
//! **Registers.** The directory's place; the words of the running address space and of ASID 0 (see
//! [`super::directory`]); the census; the walk cache. The hardware that walks a [`RadixTable`] has the directory's
//! place alone, and reads a word of it first: one read more than is counted here.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `word.rs` | the 8-byte words of a node |
//! | `operations.rs` | inserting, looking up, checking and the rest |
//! | `nodes.rs` | the walk for the tree's own use, and going through a whole tree |
//! | `cache.rs` | the walk cache, and a table with one built in |
//! | `walked.rs` | the table that the hardware walks |
//!
//! Sources: docs/spec.md, sections 2 and 4; Intel 64 Architectures Software Developer's Manual, volume 3, 4-level
//! paging and paging-structure caches; The RISC-V Instruction Set Manual, volume II, Sv48; Barr, Cox and Rixner,
//! *Translation Caching: Skip, Don't Walk (the Page Table)* (ISCA 2010).

mod cache;
mod nodes;
mod operations;
#[cfg(test)]
mod tests;
mod walked;
mod word;

pub use cache::{CachedRadix, WalkCache};
pub use walked::RadixTable;
pub(crate) use word::{Word, size_at};

use super::Found;
use super::common::{self, Census, read_word};
use super::directory::Directory;
use super::node_frames::NodeFrames;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::radix::INDEX_BITS;
use hashwalk_spec::{Asid, PhysAddr, Vpn};
use word::Kind;

/// Levels of the tree; the root is at this one, the leaves of small pages at level 1.
pub const LEVELS: u32 = hashwalk_spec::radix::LEVELS;
/// The level of the directory, which leads to the roots.
const DIRECTORY: u32 = LEVELS + 1;

/// Which part of the address space the tree covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Addresses of 48 bits, sign-extended: 9 bits a level, nodes of 4 KiB.
    #[default]
    Bits48,
    /// All addresses: 17 bits at the two upper levels, nodes of 1 MiB there.
    Bits64,
}

impl Reach {
    /// Bits of the VPN that index a node of `level`.
    fn index_bits(self, level: u32) -> u32 {
        match self {
            Reach::Bits64 if level > 2 => 17,
            _ => INDEX_BITS,
        }
    }

    /// Bits of the VPN below those that index a node of `level`.
    fn bits_below(self, level: u32) -> u32 {
        (1..level).map(|below| self.index_bits(below)).sum()
    }

    /// Bits of the VPN that the tree tells apart.
    fn vpn_bits(self) -> u32 {
        self.bits_below(LEVELS + 1)
    }

    /// Whether the VPN is one that the tree can map: its upper bits repeat the highest that is indexed.
    #[must_use]
    pub fn covers(self, vpn: Vpn) -> bool {
        self.extend(vpn.get()) == vpn
    }

    /// The VPN whose indexed bits are `plain`.
    fn extend(self, plain: u64) -> Vpn {
        let unused = u64::BITS - self.vpn_bits();
        Vpn::truncate(((plain << unused) as i64 >> unused) as u64)
    }

    fn node_bytes(self, level: u32) -> u64 {
        word::BYTES << self.index_bits(level)
    }

    /// The address of the word for `vpn` in a node of `level`.
    pub(crate) fn slot(self, node: PhysAddr, level: u32, vpn: Vpn) -> PhysAddr {
        let index = (vpn.get() >> self.bits_below(level)) & ((1 << self.index_bits(level)) - 1);
        PhysAddr::truncate(node.get() + index * word::BYTES)
    }
}

/// A tree for each address space.
#[derive(Clone, Debug)]
pub struct Radix {
    reach: Reach,
    directory: Directory,
    census: Census,
    frames: NodeFrames,
}

impl Radix {
    /// No tree yet: a directory of one frame.
    ///
    /// # Errors
    /// No frame is free.
    pub fn new(ram: &mut Ram, reach: Reach) -> Result<Radix, TableError> {
        Ok(Radix { reach, directory: Directory::new(ram)?, census: Census::default(), frames: NodeFrames::default() })
    }

    /// Which part of the address space the trees cover.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The root of an address space's tree.
    fn root(&self, ram: &Ram, asid: Asid) -> Result<Option<PhysAddr>, TableError> {
        Ok(match Word(self.directory.get(ram, asid)?).kind(DIRECTORY)? {
            Kind::Node(root) => Some(root),
            Kind::Empty | Kind::Leaf(_) => None,
        })
    }

    /// Looks a page up as [`super::PageTable::lookup`] does, with a walk cache that shortens the walks and learns from them.
    ///
    /// # Errors
    /// A tree is broken or lies outside the memory, or the cache is of another table or was not invalidated.
    pub fn lookup_cached(&self, ram: &Ram, cache: &mut WalkCache, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        self.lookup_with(ram, Some(cache), asid, vpn)
    }

    fn lookup_with(
        &self,
        ram: &Ram,
        mut cache: Option<&mut WalkCache>,
        asid: Asid,
        vpn: Vpn,
    ) -> Result<Found, TableError> {
        let own = self.walk(ram, cache.as_deref_mut(), asid, vpn)?;
        let search_globals = self.census.searches(asid, vpn).any(|search| search.must_be_global);
        if own.mapping.is_some() || !search_globals {
            return Ok(own);
        }
        let shared = self.walk(ram, cache, Asid::GLOBAL, vpn)?;
        let mapping = shared.mapping.filter(|mapping| mapping.global);
        Ok(Found { mapping, reads: own.reads + shared.reads })
    }

    /// One walk, from the root or from the lowest node that the cache knows.
    fn walk(&self, ram: &Ram, mut cache: Option<&mut WalkCache>, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        let root = self.root(ram, asid)?.filter(|_| self.reach.covers(vpn));
        let Some(root) = root else { return Ok(Found { mapping: None, reads: 0 }) };
        let known = cache.as_deref_mut().and_then(|cache| cache.lowest(self.reach, asid, vpn));
        let (mut level, mut node) = known.unwrap_or((LEVELS, root));
        for reads in 1..=LEVELS {
            let word = Word(read_word(ram, self.reach.slot(node, level, vpn))?);
            match word.kind(level)? {
                Kind::Empty => return Ok(Found { mapping: None, reads }),
                Kind::Leaf(size) => {
                    return Ok(Found { mapping: Some(word.mapping(asid, size, vpn.base(size))?), reads });
                }
                Kind::Node(below) => {
                    (level, node) = (level - 1, below);
                    if let Some(cache) = cache.as_deref_mut() {
                        cache.learn(self.reach, asid, vpn, level, node);
                    }
                }
            }
        }
        unreachable!("a word of level 1 leads to no node")
    }
}
