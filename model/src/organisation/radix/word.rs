//! A word of a node: nothing, a leaf, or the way to a node of the next level.

use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::table::TableError;
use hashwalk_spec::entry::VALID;
use hashwalk_spec::{Asid, PageSize, PhysAddr, Vpn};

/// Bytes of a word.
pub(super) const BYTES: u64 = 8;

/// T: a node follows. The bit must be zero in the contract's word 0.
const NODE: u64 = 1 << 10;
/// Where a node lies.
const FRAME: u64 = 0x000f_ffff_ffff_f000;

/// The 64 bits of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Leaf(PageSize),
    Node(PhysAddr),
}

impl Word {
    pub(super) const EMPTY: Word = Word(0);

    /// The leaf of a mapping: word 0 of its entry. What the other words say, the place in the tree tells.
    pub(super) fn leaf(mapping: &Mapping) -> Word {
        Word(Entry::new(mapping, None).words()[0])
    }

    /// The way to a node.
    pub(super) fn node(address: PhysAddr) -> Word {
        Word(address.get() | NODE | 1 << VALID)
    }

    /// The node that the word leads to.
    pub(super) fn address(self) -> PhysAddr {
        PhysAddr::truncate(self.0 & FRAME)
    }

    /// What the word says in a node of `level`.
    pub(super) fn kind(self, level: u32) -> Result<Kind, TableError> {
        if self == Word::EMPTY {
            return Ok(Kind::Empty);
        }
        if self.0 & NODE != 0 {
            let well_formed = self == Word::node(self.address()) && level > 1;
            return if well_formed { Ok(Kind::Node(self.address())) } else { Err(broken("it leads to no node")) };
        }
        let size = PageSize::ALL.into_iter().find(|size| leaf_level(*size) == level);
        size.map(Kind::Leaf).ok_or(broken("the root holds a leaf"))
    }

    /// The mapping of a leaf, for the page that begins at `vpn`.
    pub(super) fn mapping(self, asid: Asid, vpn: Vpn) -> Result<Mapping, TableError> {
        let entry = Entry::from_words([self.0, vpn.get(), u64::from(asid.get()), 0]);
        entry.mapping().ok_or(broken("a leaf is malformed"))
    }
}

/// The level at which the leaf of a page of `size` stands.
pub(super) fn leaf_level(size: PageSize) -> u32 {
    size as u32 + 1
}

/// A tree has no indices that name a place alone, so 0 stands for all of them.
pub(super) fn broken(why: &'static str) -> TableError {
    TableError::Broken { index: 0, why }
}
