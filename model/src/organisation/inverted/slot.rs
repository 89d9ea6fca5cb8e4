//! An entry or an alias, packed and unpacked.

use crate::entry::Entry;
use crate::mapping::Mapping;
use hashwalk_spec::address::{PAGE_OFFSET_BITS, VPN_BITS};
use hashwalk_spec::{Asid, Pfn, PhysAddr, Vpn};

/// Bytes of a frame's entry: words 0 and 1.
pub(super) const ENTRY_BYTES: u64 = 16;
/// Bytes of an alias: words 2 and 3 too.
pub(super) const NODE_BYTES: u64 = 32;

/// Links are multiples of an entry, so that 48 bits reach all 52 of an address.
const LINK_UNIT_BITS: u32 = 4;
const LINK_BITS: u32 = 48;
const LINK: u64 = (1 << LINK_BITS) - 1;
/// Of the contract's word 0, what is not the PFN: here the VPN takes its place.
const FLAGS: u64 = (1 << PAGE_OFFSET_BITS) - 1;

/// What stands in an entry, or in an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) words: [u64; 2],
    /// Word 2, which an entry does not have.
    pub(super) alias: u64,
}

impl Slot {
    pub(super) const EMPTY: Slot = Slot { words: [0; 2], alias: 0 };

    /// The end of a chain that holds `mapping`; an alias names the mapping's frame, an entry is it.
    pub(super) fn new(mapping: &Mapping, is_alias: bool) -> Slot {
        let [pte, ..] = Entry::new(mapping, None).words();
        let words = [pte & FLAGS | mapping.vpn.get() << PAGE_OFFSET_BITS, u64::from(mapping.asid.get()) << LINK_BITS];
        Slot { words, alias: if is_alias { mapping.pfn.address().get() } else { 0 } }
    }

    /// The same, going on at `next`; address 0 ends the chain.
    pub(super) fn with_next(mut self, next: PhysAddr) -> Slot {
        self.words[1] = self.words[1] & !LINK | next.get() >> LINK_UNIT_BITS;
        self
    }

    /// Where the chain goes on, or 0.
    pub(super) fn next(&self) -> PhysAddr {
        PhysAddr::truncate((self.words[1] & LINK) << LINK_UNIT_BITS)
    }

    /// The frame that an alias names.
    pub(super) fn alias_of(&self) -> Pfn {
        Pfn::truncate(self.alias >> PAGE_OFFSET_BITS)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words == [0; 2]
    }

    /// The mapping of `frame` that it holds, if it is well formed.
    pub(super) fn mapping(&self, frame: Pfn) -> Option<Mapping> {
        let vpn = Vpn::truncate(self.words[0] >> (u64::BITS - VPN_BITS));
        let asid = Asid::truncate((self.words[1] >> LINK_BITS) as u16);
        let pte = self.words[0] & FLAGS | frame.address().get();
        Entry::from_words([pte, vpn.get(), u64::from(asid.get()), 0]).mapping()
    }
}
