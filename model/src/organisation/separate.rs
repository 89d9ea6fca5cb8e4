//! Separate chaining: buckets that head linked lists of nodes.
//!
//! ```text
//!  buckets    0       1       2                     node A               node B
//!           +-------+-------+-------+             +---------------+    +---------------+
//!           | 0     |   ────┼───────┼───────────► | mapping, next ┼──► | mapping, 0    |
//!           +-------+-------+-------+             +---------------+    +---------------+
//! ```
//!
//! | a node's bits | hold |
//! | ------------- | ---- |
//! | 0 to 63 | the PTE, as in the contract: V, R, W, X, U, G, A, D, size, PFN |
//! | 64 to 127 | the page's first VPN |
//! | 128 to 191 | the ASID |
//! | 192 to 255 | the next node's physical address, 0 at the end |
//!
//! **Costs.** 8 bytes a bucket and 32 a mapping (33 with the headers of [`super::nodes`]). With a mappings to a bucket a
//! search that finds reads its bucket and 1 + a/2 nodes, one that does not the bucket and a nodes: one read more than
//! internal chaining, but no chain ever holds another bucket's entries, and the number of mappings has no bound but the
//! memory. A new node goes to the front: it is written first, then the bucket, so a walk under way misses nothing.
//! Growth links the nodes into twice as many buckets and copies none.
//!
//! Source: Knuth, *The Art of Computer Programming*, volume 3, section 6.4; the HP PA-RISC page table (Huck and Hays,
//! *Architectural Support for Translation Table Management*, ISCA 1993).

use super::buckets::{Buckets, pack, unpack};
use super::common::{
    Census, changed, check_mappings, look_up_chains, read_word, read_words, refuse_illegal, refuse_misaligned,
    refuse_overlap, write_word, write_words,
};
use super::nodes::Nodes;
use super::{Found, PageTable, Usage};
use crate::mapping::{Mapping, Pte};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, Hash, PageSize, PhysAddr, Vpn};
use std::collections::HashSet;

const NODE_BYTES: u64 = 32;
/// The position of the link in a node, in bytes.
const LINK: u64 = 24;

/// A hashed page table of linked lists.
#[derive(Clone, Debug)]
pub struct Separate {
    buckets: Buckets,
    nodes: Nodes,
    census: Census,
}

/// A node, and the word that links to it.
struct Place {
    node: u64,
    link: PhysAddr,
    mapping: Mapping,
    next: u64,
}

impl Separate {
    /// An empty table of `2^log2` buckets, 9 to 32.
    ///
    /// # Errors
    /// `log2` is out of range, or there are not enough free frames side by side.
    pub fn new(ram: &mut Ram, log2: u32, hash: Hash, key: u128) -> Result<Separate, TableError> {
        let buckets = Buckets::new(ram, log2, hash, key)?;
        Ok(Separate { buckets, nodes: Nodes::new(NODE_BYTES), census: Census::default() })
    }

    /// The list of bucket `index`, each node with the word that links to it.
    fn list<'a>(&'a self, ram: &'a Ram, index: u32) -> impl Iterator<Item = Result<Place, TableError>> + 'a {
        let broken = move |why| TableError::Broken { index, why };
        let mut link = Some(self.buckets.address(index));
        let mut left = self.census.total();
        let step = move |link: PhysAddr| -> Result<Option<Place>, TableError> {
            let node = read_word(ram, link)?;
            if node == 0 {
                return Ok(None);
            }
            left = left.checked_sub(1).ok_or(broken("its list has more nodes than the table"))?;
            let words: [u64; 4] = read_words(ram, PhysAddr::truncate(node))?;
            let mapping = unpack(&words).mapping().ok_or(broken("a node of its list is malformed"))?;
            Ok(Some(Place { node, link, mapping, next: words[3] }))
        };
        let mut step = step;
        std::iter::from_fn(move || {
            let place = step(link.take()?).transpose()?;
            if let Ok(place) = &place {
                link = Some(PhysAddr::truncate(place.node + LINK));
            }
            Some(place)
        })
    }

    fn find(&self, ram: &Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Place, TableError> {
        refuse_misaligned(vpn, size)?;
        for place in self.list(ram, self.buckets.index(asid, vpn)) {
            let place = place?;
            if (place.mapping.asid, place.mapping.vpn, place.mapping.size) == (asid, vpn, size) {
                return Ok(place);
            }
        }
        Err(TableError::NotMapped { asid, vpn, size })
    }

    fn places(&self, ram: &Ram) -> Result<Vec<(u32, Place)>, TableError> {
        let indices = self.buckets.in_use(ram)?.map(|(index, _)| index);
        indices.flat_map(|index| self.list(ram, index).map(move |place| place.map(|place| (index, place)))).collect()
    }
}

impl PageTable for Separate {
    fn name(&self) -> &'static str {
        "separate"
    }

    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        refuse_illegal(&mapping)?;
        refuse_overlap(self, &self.census, ram, &mapping)?;
        let index = self.buckets.index(mapping.asid, mapping.vpn);
        let first = self.buckets.first(ram, index)?;
        let node = self.nodes.take(ram)?;
        let [pte, vpn, asid] = pack(&mapping);
        write_words(ram, PhysAddr::truncate(node), &[pte, vpn, asid, first])?;
        self.buckets.set_first(ram, index, node)?;
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let place = self.find(ram, asid, vpn, size)?;
        write_word(ram, place.link, place.next)?;
        self.nodes.give(ram, place.node)?;
        self.census.subtract(&place.mapping);
        Ok(place.mapping)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let place = self.find(ram, asid, vpn, size)?;
        let [pte, ..] = pack(&changed(&place.mapping, change)?);
        write_word(ram, PhysAddr::truncate(place.node), pte)?;
        Ok(place.mapping)
    }

    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        look_up_chains(self.census.searches(asid, vpn), |search| {
            self.list(ram, self.buckets.index(search.asid, search.vpn)).map(|place| place.map(|place| place.mapping))
        })
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        Ok(self.places(ram)?.into_iter().map(|(_, place)| place.mapping).collect())
    }

    fn usage(&self, _ram: &Ram) -> Usage {
        let bytes = self.buckets.bytes() + self.nodes.bytes();
        Usage { bytes, mappings: self.census.total(), places: self.nodes.places() }
    }

    fn grow(&mut self, ram: &mut Ram) -> Result<(), TableError> {
        let places = self.places(ram)?;
        let larger = self.buckets.doubled(ram)?;
        // From the last to the first, each to the front: a new list keeps the old one's order.
        for (_, place) in places.iter().rev() {
            let index = larger.index(place.mapping.asid, place.mapping.vpn);
            let first = larger.first(ram, index)?;
            write_word(ram, PhysAddr::truncate(place.node + LINK), first)?;
            larger.set_first(ram, index, place.node)?;
        }
        std::mem::replace(&mut self.buckets, larger).give(ram);
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        let places = self.places(ram).map_err(|error| error.to_string())?;
        let mut nodes = HashSet::new();
        for (index, place) in &places {
            if !nodes.insert(place.node) {
                return Err(format!("node {:#x} is linked to twice", place.node));
            }
            if self.buckets.index(place.mapping.asid, place.mapping.vpn) != *index {
                return Err(format!("{:?} is in the wrong bucket {index:#x}", place.mapping));
            }
        }
        self.nodes.check(ram, &nodes)?;
        let mappings: Vec<Mapping> = places.into_iter().map(|(_, place)| place.mapping).collect();
        check_mappings(&mappings, &self.census)
    }
}
