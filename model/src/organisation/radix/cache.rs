//! The walk cache: where the nodes of recent walks are, so that the next walk begins low in the tree.
//!
//! ```text
//!  walk ends at     key: ASID and the VPN bits above the node's      gives               a walk that hits reads
//!  level 1          (ASID, VPN[35:9])                                a level-1 node      1 word
//!  level 2          (ASID, VPN[35:18])                               a level-2 node      2 (1 for a 2 MiB page)
//!  level 3          (ASID, VPN[35:27])                               a level-3 node      3 (1 for a 1 GiB page)
//! ```
//!
//! One small fully associative array a level, least recently used goes first; the lowest level that hits wins. Only
//! links to nodes are kept, never leaves (the TLB does that) and never that something is absent, so an insertion needs
//! no invalidation. A removal does: it may have freed a node, whose frame soon holds something else.

use super::{LEVELS, Radix, Reach};
use crate::mapping::{Mapping, Pte};
use crate::organisation::{Found, PageTable, Usage};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, PhysAddr, Vpn};
use std::cell::RefCell;

/// Links to nodes of levels 1 to 3, some for each level.
#[derive(Clone, Debug)]
pub struct WalkCache {
    entries: usize,
    /// Of level 1, 2, 3; the most recently used first.
    levels: [Vec<Link>; LEVELS as usize - 1],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    asid: Asid,
    /// The VPN without the bits that the node and those below it tell apart.
    prefix: u64,
    node: PhysAddr,
}

impl WalkCache {
    /// An empty cache of this many entries for each of the three levels; with 0 it never hits.
    #[must_use]
    pub fn new(entries: usize) -> WalkCache {
        WalkCache { entries, levels: std::array::from_fn(|_| Vec::with_capacity(entries)) }
    }

    /// Drops all links that lead towards the page: to be done after each removal.
    pub fn invalidate(&mut self, reach: Reach, asid: Asid, vpn: Vpn) {
        for (level, links) in (1..).zip(&mut self.levels) {
            let prefix = prefix(reach, level, vpn);
            links.retain(|link| (link.asid, link.prefix) != (asid, prefix));
        }
    }

    /// Drops all links of an address space.
    pub fn invalidate_asid(&mut self, asid: Asid) {
        self.levels.iter_mut().for_each(|links| links.retain(|link| link.asid != asid));
    }

    /// Drops everything.
    pub fn invalidate_all(&mut self) {
        self.levels.iter_mut().for_each(Vec::clear);
    }

    /// The lowest node on the way to the page that the cache knows, and its level.
    pub(super) fn lowest(&mut self, reach: Reach, asid: Asid, vpn: Vpn) -> Option<(u32, PhysAddr)> {
        (1..).zip(&mut self.levels).find_map(|(level, links)| {
            let prefix = prefix(reach, level, vpn);
            let hit = links.iter().position(|link| (link.asid, link.prefix) == (asid, prefix))?;
            links[..=hit].rotate_right(1);
            Some((level, links[0].node))
        })
    }

    /// Keeps the way to a node that a walk has found.
    pub(super) fn learn(&mut self, reach: Reach, asid: Asid, vpn: Vpn, level: u32, node: PhysAddr) {
        let links = &mut self.levels[level as usize - 1];
        links.insert(0, Link { asid, prefix: prefix(reach, level, vpn), node });
        links.truncate(self.entries);
    }
}

fn prefix(reach: Reach, level: u32, vpn: Vpn) -> u64 {
    vpn.get() >> reach.bits_below(level + 1)
}

/// A tree with a walk cache in front of its lookups, which its removals invalidate: the same table to the eye of
/// [`PageTable`], at fewer reads. A lookup changes the cache, as it does in a machine; the cell holds it.
#[derive(Clone, Debug)]
pub struct CachedRadix {
    table: Radix,
    cache: RefCell<WalkCache>,
}

impl CachedRadix {
    /// The tree with an empty cache of `entries` links a level.
    #[must_use]
    pub fn new(table: Radix, entries: usize) -> CachedRadix {
        CachedRadix { table, cache: RefCell::new(WalkCache::new(entries)) }
    }

    /// The tree without the cache.
    #[must_use]
    pub fn table(&self) -> &Radix {
        &self.table
    }
}

impl PageTable for CachedRadix {
    fn name(&self) -> &'static str {
        "radix-cached"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        self.table.insert(ram, mapping)
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let removed = self.table.remove(ram, asid, vpn, size)?;
        self.cache.get_mut().invalidate(self.table.reach, asid, vpn);
        Ok(removed)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        // The cache knows no leaves.
        self.table.update(ram, asid, vpn, size, change)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        self.table.lookup_cached(ram, &mut self.cache.borrow_mut(), asid, vpn)
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        self.table.mappings(ram)
    }

    fn usage(&self, ram: &Ram) -> Usage {
        self.table.usage(ram)
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        self.table.grow(ram)
    }

    /// Checks the tree, and that each cached link leads to where a walk would.
    fn check(&self, ram: &Ram) -> Result<(), String> {
        self.table.check(ram)?;
        let cache = self.cache.borrow();
        for (level, links) in (1..).zip(&cache.levels) {
            for link in links {
                let reach = self.table.reach;
                let vpn = Vpn::truncate(link.prefix << reach.bits_below(level + 1));
                let path = self.table.path(ram, link.asid, vpn, PageSize::Small).map_err(|error| error.to_string())?;
                if !path.iter().any(|step| step.level == level && step.node == link.node) {
                    return Err(format!("the walk cache holds a stale link to level {level}: {link:?}"));
                }
            }
        }
        Ok(())
    }
}
