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

use super::{ChainedTable, TableError, chain::Found};
use crate::entry::Entry;
use crate::mapping::Mapping;
use crate::memory::PhysicalMemory;
use hashwalk_spec::{Asid, PageSize, Vpn};
use std::collections::HashMap;

impl ChainedTable {
    /// Takes the mapping of the page out of the table and returns it. No other mapping is lost, and the slot that
    /// becomes free is all zeros.
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
        let found = self.find(memory, asid, vpn, size)?;
        let relinked = self.relink(memory, &found)?;
        for (index, entry) in &relinked.placed {
            self.write(memory, *index, entry)?;
        }
        for index in relinked.emptied {
            self.write(memory, index, &Entry::EMPTY)?;
        }
        Ok(found.mapping)
    }

    /// Plans the chain without `found`. Reads only.
    fn relink(&self, memory: &PhysicalMemory, found: &Found) -> Result<Relinked, TableError> {
        let mut chains = Relinked { emptied: vec![found.index], ..Relinked::default() };
        if let Some((index, entry)) = found.previous {
            chains.begin(index, entry);
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
                chains.begin(home, entry);
            } else if home == index {
                chains.begin(index, entry); // Never in a table of our making: it is a head already.
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
    placed: Vec<(u32, Entry)>,
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
    fn begin(&mut self, index: u32, entry: Entry) {
        self.chain_of.insert(index, self.tails.len());
        self.tails.push(self.placed.len());
        self.placed.push((index, entry.with_link(None)));
    }

    /// Links `entry` behind the chain that holds `home`; `None` if there is no such chain.
    fn append(&mut self, home: u32, index: u32, entry: Entry) -> Option<()> {
        let chain = self.chain_of.get(&home).copied().or(self.front)?;
        let (_, tail_entry) = &mut self.placed[self.tails[chain]];
        *tail_entry = tail_entry.with_link(Some(index));
        self.tails[chain] = self.placed.len();
        self.chain_of.insert(index, chain);
        self.placed.push((index, entry.with_link(None)));
        Some(())
    }
}
