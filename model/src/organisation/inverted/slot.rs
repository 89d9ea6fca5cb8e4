//! An entry or an alias, packed and unpacked.

use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::Element;
use crate::organisation::common::SearchFor;
use hashwalk_spec::address::{PAGE_OFFSET_BITS, VPN_BITS};
use hashwalk_spec::inverted::{ALIAS_LOG2, ASID, ENTRY_LOG2, NAMES_FRAME};
use hashwalk_spec::{Format, Pfn, PhysAddr};

/// Bytes of a frame's entry: words 0 and 1.
pub(super) const ENTRY_BYTES: u64 = 1 << ENTRY_LOG2;
/// Bytes of an alias: words 2 and 3 too.
pub(super) const NODE_BYTES: u64 = 1 << ALIAS_LOG2;

/// Where the ASID begins in word 1; the link is below.
const LINK_BITS: u32 = ASID.start - u64::BITS;
const LINK: u64 = (1 << LINK_BITS) - 1;
/// Of the contract's word 0, what is not the PFN: here the VPN takes its place.
const FLAGS: u64 = (1 << PAGE_OFFSET_BITS) - 1;
const ALIAS: u64 = 1 << NAMES_FRAME;
/// Of an alias's word 2, where the frame is.
const FRAME: u64 = PhysAddr::MAX.get() & !FLAGS;

/// What stands in an entry, or in an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(super) words: [u64; 2],
    /// Words 2 and 3, which an entry does not have.
    pub(super) alias: [u64; 2],
}

impl Slot {
    pub(super) const EMPTY: Slot = Slot { words: [0; 2], alias: [0; 2] };

    /// The end of a chain that holds `mapping`; an alias names the mapping's frame, an entry is it.
    pub(super) fn new(mapping: &Mapping, is_alias: bool) -> Slot {
        let [pte, ..] = Entry::new(mapping, None).words();
        let flags = pte & FLAGS | if is_alias { ALIAS } else { 0 };
        let words = [flags | mapping.vpn.get() << PAGE_OFFSET_BITS, u64::from(mapping.asid.get()) << LINK_BITS];
        Slot { words, alias: [if is_alias { mapping.pfn.address().get() } else { 0 }, 0] }
    }

    /// What stands at `address` in the element that was read there.
    pub(crate) fn in_element(element: &Element, address: PhysAddr) -> Slot {
        let words = [0, 1, 2, 3].map(|word| word_of(element, word));
        if is_element(address) {
            Slot { words: [words[0], words[1]], alias: [words[2], words[3]] }
        } else {
            Slot { words: [words[2], words[3]], alias: [0; 2] }
        }
    }

    /// The same, going on at `next`; address 0 ends the chain.
    pub(super) fn with_next(mut self, next: PhysAddr) -> Slot {
        self.words[1] = self.words[1] & !LINK | next.get() >> ENTRY_LOG2;
        self
    }

    /// Where the chain goes on, or 0.
    pub(crate) fn next(&self) -> PhysAddr {
        PhysAddr::truncate((self.words[1] & LINK) << ENTRY_LOG2)
    }

    /// N: it is an alias.
    pub(super) fn names_frame(&self) -> bool {
        self.words[0] & ALIAS != 0
    }

    /// The frame of what stands at `address`, in a table whose entries begin at `entries`; `None` if it is malformed:
    /// an alias that is no element or has bits that must be zero, or an entry too far from the first.
    pub(crate) fn frame(&self, address: PhysAddr, entries: PhysAddr) -> Option<Pfn> {
        if self.names_frame() {
            let [frame, zero] = self.alias;
            let well_formed = is_element(address) && frame & !FRAME == 0 && zero == 0;
            return well_formed.then(|| Pfn::truncate(frame >> PAGE_OFFSET_BITS));
        }
        // The array is aligned to its size, so this is the difference.
        Pfn::new((address.get() ^ entries.get()) >> ENTRY_LOG2)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words == [0; 2]
    }

    /// Whether this is what a search looks for (docs/spec.md, section 4).
    pub(crate) fn matches(&self, search: &SearchFor) -> bool {
        self.with_frame(Pfn::truncate(0)).matches(search.asid, search.vpn, search.size, search.must_be_global)
    }

    /// The mapping of `frame` that it holds, if it is well formed.
    pub(crate) fn mapping(&self, frame: Pfn) -> Option<Mapping> {
        self.with_frame(frame).mapping()
    }

    /// The contract's entry of the format `chained` that says the same.
    fn with_frame(&self, frame: Pfn) -> Entry {
        let vpn = self.words[0] >> (u64::BITS - VPN_BITS);
        let pte = self.words[0] & FLAGS & !ALIAS | frame.address().get();
        Entry::from_words([pte, vpn, self.words[1] >> LINK_BITS, 0])
    }
}

fn word_of(element: &Element, index: usize) -> u64 {
    u64::from_le_bytes(element.as_chunks::<8>().0[index])
}

/// Whether an element begins here, as each alias does; an entry may be the second half of one.
fn is_element(address: PhysAddr) -> bool {
    Format::Inverted.element_of(address) == address
}
