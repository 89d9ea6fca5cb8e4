//! A word of a node, or of the directory: nothing, a leaf, or the way to a node of the next level.

use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::table::TableError;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::entry::VALID;
use hashwalk_spec::radix::{NODE, WORD_LOG2};
use hashwalk_spec::{Asid, PageSize, PhysAddr, Vpn};

/// Bytes of a word.
pub(super) const BYTES: u64 = 1 << WORD_LOG2;

/// Where a node lies.
const FRAME: u64 = PhysAddr::MAX.get() & !(FRAME_BYTES - 1);

/// The 64 bits of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

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
        Word(address.get() | 1 << NODE | 1 << VALID)
    }

    /// V: the word says something.
    pub(crate) fn valid(self) -> bool {
        self.0 >> VALID & 1 != 0
    }

    /// T: a node follows.
    pub(crate) fn leads_on(self) -> bool {
        self.0 >> NODE & 1 != 0
    }

    /// The node that the word leads to.
    pub(super) fn address(self) -> PhysAddr {
        PhysAddr::truncate(self.0 & FRAME)
    }

    /// The node that a word with V and T leads to from `level`; `None` if it is malformed.
    pub(crate) fn node_below(self, level: u32) -> Option<PhysAddr> {
        (level > 1 && self == Word::node(self.address())).then(|| self.address())
    }

    /// What the word says in a node of `level`; the directory is one above the roots.
    pub(super) fn kind(self, level: u32) -> Result<Kind, TableError> {
        if self == Word::EMPTY {
            return Ok(Kind::Empty);
        }
        if self.leads_on() {
            return self.node_below(level).map(Kind::Node).ok_or(broken("it leads to no node"));
        }
        size_at(level).map(Kind::Leaf).ok_or(broken("a leaf stands too high"))
    }

    /// The mapping of a leaf at the level of `size`, for the page that begins at `vpn`; `None` if it is malformed.
    pub(crate) fn well_formed(self, asid: Asid, size: PageSize, vpn: Vpn) -> Option<Mapping> {
        let entry = Entry::from_words([self.0, vpn.get(), u64::from(asid.get()), 0]);
        entry.mapping().filter(|mapping| mapping.size == size)
    }

    /// The mapping of a leaf at the level of `size`, for the page that begins at `vpn`.
    pub(super) fn mapping(self, asid: Asid, size: PageSize, vpn: Vpn) -> Result<Mapping, TableError> {
        self.well_formed(asid, size, vpn).ok_or(broken("a leaf is malformed"))
    }
}

/// The level at which the leaf of a page of `size` stands.
pub(super) fn leaf_level(size: PageSize) -> u32 {
    size as u32 + 1
}

/// The size of the page whose leaf stands at `level`.
pub(crate) fn size_at(level: u32) -> Option<PageSize> {
    PageSize::ALL.into_iter().find(|size| leaf_level(*size) == level)
}

/// A tree has no indices that name a place alone, so 0 stands for all of them.
pub(super) fn broken(why: &'static str) -> TableError {
    TableError::Broken { index: 0, why }
}
