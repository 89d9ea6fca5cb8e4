//! Removal.
//!
//! ```text
//!  chain        p ─► X ─► a ─► b ─► c        X is removed; p, if there is one, is the front chain's new tail
//!  front        p
//!  then a, b, c in turn:
//!    its home is the empty slot    it moves there, as the head of a chain of its own, and its slot is the empty one
//!    else                          it stays, linked behind the tail of the chain that holds its home
//! ```
//!
//! Every entry that followed X has its home at a slot of the chain before it, so by the time its turn comes that slot's
//! new chain is known: the front one if the slot is not among those that were dealt with. A moved entry stands at its
//! home and nothing links to it, so chains fall apart again when what coalesced them goes. A removal costs one hash for
//! each entry that followed X.

use super::chain::Found;
use super::change::{Change, Written};
use super::{ChainedTable, TableError};
use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::PhysicalMemory;
use crate::store::Store;
use hashwalk_spec::{Asid, PageSize, Vpn};
use std::collections::HashMap;

impl ChainedTable {
    /// Takes the mapping of the page out of the table and returns it. No other mapping is lost, and the slot that
    /// becomes free is empty.
    ///
    /// # Errors
    /// [`TableError::NotMapped`], or the chain is broken.
    pub fn remove(
        &self,
        memory: &mut PhysicalMemory,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<Mapping, TableError> {
        let (mapping, removal) = self.removal(memory, asid, vpn, size)?;
        self.make(memory, &removal)?;
        Ok(mapping)
    }

    /// The stores that take a mapping out of a table of entries with sequence numbers, to be made in their order, and the
    /// mapping. Those after the first move others or empty slots.
    ///
    /// # Errors
    /// As for [`ChainedTable::remove`].
    pub fn stores_of_remove(
        &self,
        memory: &PhysicalMemory,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Mapping, Vec<Store>), TableError> {
        let (mapping, removal) = self.removal(memory, asid, vpn, size)?;
        Ok((mapping, self.stores(memory, &removal)?))
    }

    /// Plans a removal. Reads only.
    fn removal(
        &self,
        memory: &PhysicalMemory,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Mapping, Change), TableError> {
        let found = self.find(memory, asid, vpn, size)?;
        let Relinked { placed: mut written, emptied, .. } = self.relink(memory, &found)?;
        let moved = written.iter().filter_map(|written| written.from);
        let withdrawn = std::iter::once(found.index).chain(moved).collect();
        written.extend(emptied.into_iter().map(|index| Written::at(index, Entry::EMPTY)));
        Ok((found.mapping, Change { withdrawn, written }))
    }

    /// Plans the chain without `found`. Reads only.
    fn relink(&self, memory: &PhysicalMemory, found: &Found) -> Result<Relinked, TableError> {
        let mut chains = Relinked { emptied: vec![found.index], ..Relinked::default() };
        if let Some((index, entry)) = found.previous {
            chains.begin(Written::at(index, entry));
            chains.front = Some(0);
        }
        let Some(first) = found.entry.link() else { return Ok(chains) };
        for place in self.chain(memory, first) {
            let (index, entry) = place?;
            if !entry.valid() {
                chains.emptied.push(index); // Only its link counted, and all links are made anew.
                continue;
            }
            let home = self.home(entry.asid(), entry.vpn());
            if let Some(empty) = chains.emptied.iter().position(|&emptied| emptied == home) {
                chains.emptied[empty] = index;
                chains.begin(Written { index: home, entry, from: Some(index) });
            } else if home == index {
                chains.begin(Written::at(index, entry)); // Never in a table of our making: it is a head already.
            } else {
                let why = "its chain does not begin at its home";
                chains.append(home, index, entry).ok_or(TableError::Broken { index, why })?;
            }
        }
        Ok(chains)
    }
}

/// The slots of the old chain as they will be.
#[derive(Default)]
struct Relinked {
    placed: Vec<Written>,
    /// For each new chain, its tail's position in `placed`.
    tails: Vec<usize>,
    /// The chain that ran through the removed entry's home, unless the entry stood at its home.
    front: Option<usize>,
    /// The new chain of each slot in `placed` but those before it in the front chain.
    chain_of: HashMap<u32, usize>,
    /// Slots that hold nothing any more.
    emptied: Vec<u32>,
}

impl Relinked {
    fn begin(&mut self, head: Written) {
        self.chain_of.insert(head.index, self.tails.len());
        self.tails.push(self.placed.len());
        self.placed.push(Written { entry: head.entry.with_link(None), ..head });
    }

    /// Links `entry` behind the chain that holds `home`; `None` if there is no such chain.
    fn append(&mut self, home: u32, index: u32, entry: Entry) -> Option<()> {
        let chain = self.chain_of.get(&home).copied().or(self.front)?;
        let tail = &mut self.placed[self.tails[chain]];
        tail.entry = tail.entry.with_link(Some(index));
        self.tails[chain] = self.placed.len();
        self.chain_of.insert(index, chain);
        self.placed.push(Written::at(index, entry.with_link(None)));
        Some(())
    }
}
