//! The inverted table: one entry for each frame of the machine, all address spaces in one table.
//!
//! ```text
//!   hash(ASID, VPN)        anchors              entries: entry i is frame i's
//!        │              +------------+         +-----------------------------+
//!        │              |  0         |       0 |                             |
//!        └────────────► |  address ──┼───┐   1 | (3, 0x5d) R-X           ──┐ |◄──┐
//!                       |  0         |   │   2 |                           │ |   │
//!                       +------------+   └─► 3 | (2, 0x3c) RW-   ──────────┼─┼───┘   found here: the PFN is 3
//!                                              +---------------------------┼-+
//!                                                                          │         frame 1 is mapped a second time:
//!                                              aliases (nodes)             ▼         its entry is taken, so the second
//!                                              +---------------------------------+   mapping is a node that names the
//!                                              | (5, 0x28) R-X, PFN 1            |   frame
//!                                              +---------------------------------+
//!
//!          63                                 12 11 10 9    8 7   6   5   4   3   2   1   0
//!  word 0 +-------------------------------------+--+--+------+---+---+---+---+---+---+---+---+
//!         | VPN (52)                            |0 |N | size | D | A | G | U | X | W | R | V |
//!         +------------+------------------------+--+--+------+---+---+---+---+---+---+---+---+
//!  word 1 | ASID (16)  | next (48): the address of what follows in the chain / 16, 0: none   |
//!         +------------+---------------------------------------------------------------------+
//!  word 2 | PFN (40), in bits 51:12: of an alias only, whose N is set and word 3 zero        |
//!         +----------------------------------------------------------------------------------+
//! ```
//!
//! **Where the frame number is.** Nowhere: the position of an entry is the PFN. The array is aligned to its whole size,
//! so the PFN is the exclusive or of two addresses, that of the entry and that of the array, and hardware needs no
//! adder. The array has a register of its own, for it stays where it is when the anchors grow. So an entry has 16
//! bytes, half of the contract's, and the table takes 1/256 of the memory that it describes however many processes
//! there are. In return it answers the other question too, who maps a frame, in one read ([`Inverted::mapping_of`]),
//! which a page-out wants.
//!
//! **Frames mapped twice.** One entry cannot say two things: a frame that is shared, or mapped at two pages of one
//! process, has its first mapping in its entry and each further one in an *alias*, a node of 32 bytes that names the
//! frame, in the same chains; N tells a walk which of the two it reads. When the first goes, the aliases stay aliases,
//! and the entry waits for the next mapping. What they cost is measured: [`Inverted::aliases`],
//! [`Inverted::alias_bytes`], [`Inverted::chain_reads`]; and [`Inverted::mapping_of`] does not know of them. With each
//! frame of 20,000 mapped twice, half of the mappings are aliases, and so is every second read behind the anchor. The
//! other answer is to have none: PowerPC shares at one global virtual address, which segments make the processes' own.
//!
//! **Huge pages** stand in the entry of their first frame, with their size; the entries of the other frames stay free.
//!
//! **Cost.** A search reads the anchor, then the entries of its chain up to the page's: with as many anchors as
//! mappings, 1 + 1.5 reads for a page that is found, 1 + 1 for one that is not. A frame beyond the table cannot be mapped
//! ([`TableError::BeyondFrames`]): device memory needs another way. The number of entries never changes;
//! [`super::PageTable::grow`] doubles the anchors, which shortens the chains.
//!
//! **Registers.** The places and sizes of both arrays, the hash key, the census, the head of the alias allocator.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `slot.rs` | an entry or an alias, packed |
//! | `chain.rs` | going along a chain, and changing its links |
//! | `operations.rs` | inserting, looking up, checking and the rest |
//!
//! A walk of the contract reads 32 bytes at a time: an alias, or the pair of entries or the four anchors around what it
//! looks for.
//!
//! Sources: docs/spec.md, sections 2 and 4; Houdek and Mitchell, *Translating a Large Virtual Address* (IBM System/38
//! Technical Developments, 1978), and Chang and Mergen, *801 Storage: Architecture and Programming* (1988), for the
//! inverted table with its anchors; Huck and Hays, *Architectural Support for Translation Table Management in Large
//! Address Space Machines* (ISCA 1993), which takes the frame number into the entry, and with it aliases, and saves the
//! anchor.

mod chain;
mod operations;
mod slot;
#[cfg(test)]
mod tests;

use super::Walkable;
use super::buckets::Buckets;
use super::common::{Census, read_words, write_words};
use super::nodes::Nodes;
use crate::layout::Layout;
use crate::mapping::Mapping;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Format, Hash, Pfn, PhysAddr};
use slot::{ENTRY_BYTES, NODE_BYTES};

pub(crate) use slot::Slot;

/// An inverted table with its anchors and aliases.
#[derive(Clone, Debug)]
pub struct Inverted {
    base: PhysAddr,
    frames: u64,
    anchors: Buckets,
    layout: Layout,
    aliases: Nodes,
    alias_count: u64,
    census: Census,
}

/// The reads that looking up each mapping once makes behind the anchors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainReads {
    /// Mappings that were looked up.
    pub mappings: u64,
    /// Reads of frames' entries.
    pub entries: u64,
    /// Reads of aliases: what sharing frames costs.
    pub aliases: u64,
}

impl Inverted {
    /// An empty table for a machine of `frames` frames, found through `2^log2` anchors, 9 to 32. `key` counts only for
    /// the keyed hash.
    ///
    /// # Errors
    /// There is no frame, `log2` is out of range, or there are not enough free frames side by side; none is taken then.
    pub fn new(ram: &mut Ram, frames: u64, log2: u32, hash: Hash, key: u128) -> Result<Inverted, TableError> {
        if frames == 0 || frames > Pfn::MAX.get() + 1 {
            return Err(TableError::Shape { why: "an inverted table is for 1 to 2^40 frames" });
        }
        let anchors = Buckets::new(ram, log2, hash, key)?;
        match ram.take(table_bytes(frames)) {
            Ok(base) => Ok(Inverted {
                base,
                frames,
                layout: anchors.layout(Format::Inverted).with_entries(base),
                anchors,
                aliases: Nodes::new(NODE_BYTES),
                alias_count: 0,
                census: Census::default(),
            }),
            Err(error) => {
                anchors.give(ram);
                Err(error.into())
            }
        }
    }

    /// The same table for hardware that walks it while it changes: frames of aliases go back at
    /// [`Walkable::release_nodes`] only.
    #[must_use]
    pub fn hold_nodes(mut self) -> Inverted {
        self.aliases.frames_mut().hold();
        self
    }

    /// The frames that the table is for.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Mappings of frames whose entry another mapping had.
    #[must_use]
    pub fn aliases(&self) -> u64 {
        self.alias_count
    }

    /// Bytes of the frames that hold aliases.
    #[must_use]
    pub fn alias_bytes(&self) -> u64 {
        self.aliases.bytes()
    }

    /// The mapping that stands in the entry of a frame, in one read. It is not all: the frame may have aliases, and may
    /// lie within a huge page, which stands in the entry of its first frame.
    ///
    /// # Errors
    /// The entry is malformed, or the table lies outside the memory.
    pub fn mapping_of(&self, ram: &Ram, frame: Pfn) -> Result<Option<Mapping>, TableError> {
        if frame.get() >= self.frames {
            return Ok(None);
        }
        let address = self.entry_address(frame);
        let slot = self.read(ram, address)?;
        let broken = malformed(frame.get() as u32);
        if slot.is_empty() { Ok(None) } else { self.mapping_at(address, &slot).map(Some).ok_or(broken) }
    }

    /// What looking up each mapping once reads behind the anchors, and how much of it are aliases.
    ///
    /// # Errors
    /// A chain is broken.
    pub fn chain_reads(&self, ram: &Ram) -> Result<ChainReads, TableError> {
        let mut reads = ChainReads::default();
        for (index, _) in self.anchors.in_use(ram)? {
            let (mut entries, mut aliases) = (0, 0);
            for place in self.chain(ram, index) {
                let is_entry = self.frame_of(place?.address).is_some();
                entries += u64::from(is_entry);
                aliases += u64::from(!is_entry);
                reads.mappings += 1;
                reads.entries += entries;
                reads.aliases += aliases;
            }
        }
        Ok(reads)
    }

    fn entry_address(&self, frame: Pfn) -> PhysAddr {
        PhysAddr::truncate(self.base.get() + frame.get() * ENTRY_BYTES)
    }

    /// The frame whose entry stands at `address`; `None` for an alias.
    fn frame_of(&self, address: PhysAddr) -> Option<Pfn> {
        let index = address.get().checked_sub(self.base.get())? / ENTRY_BYTES;
        (index < self.frames).then(|| Pfn::truncate(index))
    }

    /// The mapping of what stands at `address`, if it is well formed.
    fn mapping_at(&self, address: PhysAddr, slot: &Slot) -> Option<Mapping> {
        let is_alias = self.frame_of(address).is_none();
        let frame = (slot.names_frame() == is_alias).then(|| slot.frame(address, self.base)).flatten()?;
        slot.mapping(frame)
    }

    /// An entry, or an alias with the words that name its frame.
    fn read(&self, ram: &Ram, address: PhysAddr) -> Result<Slot, TableError> {
        let words = read_words(ram, address)?;
        let alias = if self.frame_of(address).is_some() { [0; 2] } else { read_words(ram, address_after(address))? };
        Ok(Slot { words, alias })
    }

    fn write(&self, ram: &mut Ram, address: PhysAddr, slot: &Slot) -> Result<(), TableError> {
        if self.frame_of(address).is_none() {
            write_words(ram, address_after(address), &slot.alias)?;
        }
        Ok(write_words(ram, address, &slot.words)?)
    }

    /// Checks that the machine has the mapping's frames.
    fn refuse_beyond(&self, mapping: &Mapping) -> Result<(), TableError> {
        let Mapping { pfn, size, .. } = *mapping;
        if pfn.get() + size.pages() > self.frames {
            return Err(TableError::BeyondFrames { pfn, size, frames: self.frames });
        }
        Ok(())
    }

    /// A place for a mapping of this frame: its entry, or if that is taken, a new alias.
    fn take_place(&mut self, ram: &mut Ram, frame: Pfn) -> Result<PhysAddr, TableError> {
        let own = self.entry_address(frame);
        if self.read(ram, own)?.is_empty() {
            return Ok(own);
        }
        let alias = self.aliases.take(ram)?;
        self.alias_count += 1;
        Ok(PhysAddr::truncate(alias))
    }

    /// Frees a place to which nothing links.
    fn give_place(&mut self, ram: &mut Ram, address: PhysAddr) -> Result<(), TableError> {
        if self.frame_of(address).is_some() {
            return self.write(ram, address, &Slot::EMPTY);
        }
        self.aliases.give(ram, address.get())?;
        self.alias_count -= 1;
        Ok(())
    }

    /// What stands at `address` to hold `mapping`.
    fn slot(&self, mapping: &Mapping, address: PhysAddr) -> Slot {
        Slot::new(mapping, self.frame_of(address).is_none())
    }
}

impl Walkable for Inverted {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn owns(&self, element: PhysAddr) -> bool {
        let in_entries = || element.get().checked_sub(self.base.get()).is_some_and(|at| at < table_bytes(self.frames));
        self.layout.contains(element) || in_entries() || self.aliases.frames().contain(element)
    }

    fn release_nodes(&mut self, ram: &mut Ram) {
        self.aliases.frames_mut().release(ram);
    }
}

/// What is taken for the entries of so many frames.
fn table_bytes(frames: u64) -> u64 {
    (frames * ENTRY_BYTES).next_power_of_two().max(FRAME_BYTES)
}

/// Where an alias's words 2 and 3 are.
fn address_after(address: PhysAddr) -> PhysAddr {
    PhysAddr::truncate(address.get() + ENTRY_BYTES)
}

fn malformed(index: u32) -> TableError {
    TableError::Broken { index, why: "an entry of its chain is malformed" }
}
