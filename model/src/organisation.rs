//! Page-table organisations: every way of the field to keep mappings, behind one trait.
//!
//! | module | structure | reads of a lookup |
//! | ------ | --------- | ----------------- |
//! | `internal` | the contract's table: coalesced chains in one array | 1 and what stands before it in its chain |
//! | `separate` | buckets that head linked lists of nodes | 1 for the bucket, 1 for each node |
//! | `tree` | buckets that head balanced binary trees (`frame_tree`) | 1 for the bucket, log2 of the bucket's entries |
//! | `line` | 64-byte lines of 8 consecutive pages under one tag, chained | 1 in nearly every case |
//! | `inverted` | one entry a frame, found through a hash anchor table | 1 for the anchor, 1 for each entry |
//! | `per_process` | a table of its own for each address space | as the table that it is made of |
//! | `cuckoo` | d ways, one place in each | at most d |
//! | `radix` | a tree of 4 levels, the baseline | 4, less what a walk cache knows |
//!
//! All of them lie byte for byte in [`Ram`], so that hardware can walk them; what a struct here holds beside is what a
//! CPU's registers would hold (where the table is, how large, the key) and counts that could be recomputed. Nodes come
//! from the simulated frames.
//!
//! A change that fails has changed nothing.

pub mod buckets;
pub mod common;
pub mod cuckoo;
pub mod directory;
pub mod internal;
pub mod inverted;
pub mod line;
pub mod node_frames;
pub mod nodes;
pub mod per_process;
pub mod radix;
pub mod separate;
pub mod tree;

use crate::layout::Layout;
use crate::mapping::{Mapping, Pte};
use crate::ram::Ram;
use crate::store::Store;
use crate::table::TableError;
use hashwalk_spec::{Asid, Config, Format, PageSize, PhysAddr, Rights, Vpn};
use std::fmt::Debug;

/// What a lookup found, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The mapping of the page, of whatever size; global mappings are found from every address space.
    pub mapping: Option<Mapping>,
    /// Reads of memory that hardware would make, one after the other or at once: an entry, a node, a bucket, a line.
    pub reads: u32,
}

/// What a table takes and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of physical memory taken, nodes and empty places included.
    pub bytes: u64,
    /// Mappings held.
    pub mappings: u64,
    /// Places for mappings in the memory that is taken.
    pub places: u64,
}

impl Usage {
    /// Mappings for each place, 0 to 1.
    #[must_use]
    pub fn load(&self) -> f64 {
        if self.places == 0 { 0.0 } else { self.mappings as f64 / self.places as f64 }
    }
}

/// A page table: a map from (ASID, page) to a frame, rights and marks, for pages of three sizes.
///
/// Mappings do not overlap within an address space, and no global mapping (they stand under ASID 0) overlaps any other,
/// as in the contract. [`TableError`] tells why a change is refused; nothing has changed then.
pub trait PageTable {
    /// The name in reports, one word.
    fn name(&self) -> &'static str;

    /// Enters a mapping.
    ///
    /// # Errors
    /// It is misaligned, overlaps another one, is global outside ASID 0, or there is no room.
    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError>;

    /// Takes out the mapping of the page of `size` that begins at `vpn`, under exactly this ASID, and returns it.
    ///
    /// # Errors
    /// There is none.
    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError>;

    /// Changes frame, rights and marks of the page of `size` that begins at `vpn` under exactly this ASID, in one store
    /// of one word, and returns the mapping as it was. Only an inverted table, where the frame is the place, needs more
    /// than a store to change the frame.
    ///
    /// # Errors
    /// There is none, or `change` gives it a frame that a page of its size cannot begin at, or that the organisation
    /// does not know.
    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError>;

    /// Gives a mapping other rights and returns it as it was.
    ///
    /// # Errors
    /// There is none.
    fn protect(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        rights: Rights,
    ) -> Result<Mapping, TableError> {
        self.update(ram, asid, vpn, size, &|pte| Pte { rights, ..pte })
    }

    /// Takes out every mapping under exactly this ASID, and returns them: the address space ends. Under ASID 0 the
    /// global mappings go too.
    ///
    /// # Errors
    /// The structure is broken or lies outside the memory. What had been taken out by then is put back, as far as what
    /// is broken lets it.
    fn remove_all(&mut self, ram: &mut Ram, asid: Asid) -> Result<Vec<Mapping>, TableError> {
        let mut mappings = self.mappings(ram)?;
        mappings.retain(|mapping| mapping.asid == asid);
        for (taken, mapping) in mappings.iter().enumerate() {
            if let Err(error) = self.remove(ram, asid, mapping.vpn, mapping.size) {
                // What is broken may keep one of them out; it must not keep out the others.
                mappings[..taken].iter().for_each(|mapping| _ = self.insert(ram, *mapping));
                return Err(error);
            }
        }
        Ok(mappings)
    }

    /// Looks a page up as a walk does, for all sizes, in the address space and then among the global mappings.
    ///
    /// # Errors
    /// The structure is broken or lies outside the memory.
    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError>;

    /// All mappings, in any order.
    ///
    /// # Errors
    /// The structure is broken or lies outside the memory.
    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError>;

    /// What it takes and holds now.
    fn usage(&self, ram: &Ram) -> Usage;

    /// Makes room for about twice as many mappings. An organisation that grows by itself, or cannot, does nothing.
    ///
    /// # Errors
    /// There are not enough free frames.
    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError>;

    /// Checks every link and every invariant of the structure, for tests.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self, ram: &Ram) -> Result<(), String>;
}

/// A page table that hardware can walk from what registers say of it: one array, or one that leads to nodes.
pub trait Walkable: PageTable + Debug {
    /// Its format, place and hash.
    fn layout(&self) -> &Layout;

    /// Whether an element is part of the table, so that hardware may read it: in its arrays, or in a frame of its
    /// nodes. A frame whose nodes were taken out is part of it until it is released. It costs a look into a set.
    fn owns(&self, element: PhysAddr) -> bool {
        self.layout().contains(element)
    }

    /// Gives back the frames of nodes that were taken out of the table, which a walk under way might still read. To be
    /// called when no walk is under way that began before the last change: the hardware is idle, or an invalidation of
    /// all that was accepted after that change is done (docs/spec.md, section 7). A table without nodes does nothing.
    fn release_nodes(&mut self, _ram: &mut Ram) {}

    /// As [`PageTable::insert`], but where entries have sequence numbers nothing is written yet: what is returned are the
    /// stores that are to be made, in their order, before the next change. Elsewhere nothing is left to be done.
    ///
    /// # Errors
    /// As for [`PageTable::insert`].
    fn insert_by_stores(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<Vec<Store>, TableError> {
        self.insert(ram, mapping).map(|()| Vec::new())
    }

    /// As [`PageTable::remove`], with the stores that are still to be made as of [`Walkable::insert_by_stores`].
    ///
    /// # Errors
    /// As for [`PageTable::remove`].
    fn remove_by_stores(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Mapping, Vec<Store>), TableError> {
        Ok((self.remove(ram, asid, vpn, size)?, Vec::new()))
    }
}

/// The table of a configuration's format and size, empty, its array at the top of memory if it is longer than a frame.
/// It may be walked while it changes: see [`Walkable::release_nodes`].
///
/// # Errors
/// The memory has no room for it.
pub fn of_config(config: &Config, ram: &mut Ram, key: u128) -> Result<Box<dyn Walkable>, TableError> {
    let (log2, hash) = (config.table_log2(), config.hash());
    Ok(match config.format() {
        Format::Line => Box::new(line::LineTable::new(ram, log2, hash, key)?),
        Format::Chained => {
            let table = internal::Internal::new(ram, log2, hash, key)?;
            Box::new(if config.sequence() { table.with_sequence() } else { table })
        }
        Format::Cuckoo => Box::new(cuckoo::CuckooArray::new(ram, config.ways(), log2, hash, key)?),
        Format::Inverted => Box::new(inverted::Inverted::new(ram, config.frames(), log2, hash, key)?.hold_nodes()),
        Format::Tree => Box::new(tree::Tree::new(ram, log2, hash, key)?.hold_nodes()),
        Format::Radix => Box::new(radix::RadixTable::new(ram)?),
    })
}

impl<T: Walkable + ?Sized> Walkable for Box<T> {
    fn layout(&self) -> &Layout {
        (**self).layout()
    }

    fn owns(&self, element: PhysAddr) -> bool {
        (**self).owns(element)
    }

    fn release_nodes(&mut self, ram: &mut Ram) {
        (**self).release_nodes(ram);
    }

    fn insert_by_stores(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<Vec<Store>, TableError> {
        (**self).insert_by_stores(ram, mapping)
    }

    fn remove_by_stores(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Mapping, Vec<Store>), TableError> {
        (**self).remove_by_stores(ram, asid, vpn, size)
    }
}

impl<T: PageTable + ?Sized> PageTable for Box<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        (**self).insert(ram, mapping)
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        (**self).remove(ram, asid, vpn, size)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        (**self).update(ram, asid, vpn, size, change)
    }

    fn remove_all(&mut self, ram: &mut Ram, asid: Asid) -> Result<Vec<Mapping>, TableError> {
        (**self).remove_all(ram, asid)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        (**self).lookup(ram, asid, vpn)
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        (**self).mappings(ram)
    }

    fn usage(&self, ram: &Ram) -> Usage {
        (**self).usage(ram)
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        (**self).grow(ram)
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        (**self).check(ram)
    }
}
