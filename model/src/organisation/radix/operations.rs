//! The operations that all organisations have.

use super::word::{self, Word};
use super::{LEVELS, Radix, Reach};
use crate::mapping::{Mapping, Pte};
use crate::organisation::common::{self, write_word};
use crate::organisation::{Found, PageTable, Usage};
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, Vpn};

impl PageTable for Radix {
    fn name(&self) -> &'static str {
        match self.reach {
            Reach::Bits48 => "radix",
            Reach::Bits64 => "radix64",
        }
    }

    /// Beside the trait's reasons, [`TableError::BeyondReach`] refuses a VPN that the tree cannot hold.
    fn insert(&mut self, ram: &mut Ram, mapping: Mapping) -> Result<(), TableError> {
        common::refuse_illegal(&mapping)?;
        let Mapping { asid, vpn, size, .. } = mapping;
        if !self.reach.covers(vpn) {
            return Err(TableError::BeyondReach { vpn, bits: self.reach.vpn_bits() });
        }
        common::refuse_overlap(self, &self.census, ram, &mapping)?;
        let path = self.path(ram, asid, vpn, size)?;
        let leaf = Word::leaf(&mapping);
        let lowest = match path.last() {
            None => LEVELS + 1,
            Some(step) if step.word != Word::EMPTY => return Err(word::broken("a leaf stands where a node should")),
            Some(step) => step.level,
        };
        let leaf_level = word::leaf_level(size);
        let nodes = self.take_nodes(ram, leaf_level..lowest, asid)?;
        // From the leaf upwards, the link from what stands already last: a walk under way finds all or nothing.
        let mut word = leaf;
        for (level, node) in (leaf_level..lowest).zip(nodes) {
            write_word(ram, self.reach.slot(node, level, vpn), word.0)?;
            word = Word::node(node);
        }
        match path.last() {
            Some(step) => write_word(ram, step.slot, word.0)?,
            None => self.directory.set(ram, asid, word.0)?,
        }
        self.census.add(&mapping);
        Ok(())
    }

    fn remove(&mut self, ram: &mut Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Mapping, TableError> {
        let (path, mapping) = self.find(ram, asid, vpn, size)?;
        for step in path.iter().rev() {
            write_word(ram, step.slot, Word::EMPTY.0)?;
            if !self.is_empty_node(ram, step)? {
                break;
            }
            if step.level == LEVELS {
                self.directory.set(ram, asid, 0)?;
            }
            // The link to it is cleared in the next turn; nothing takes the frames before that.
            self.give_node(ram, step.level, step.node);
        }
        self.census.subtract(&mapping);
        Ok(mapping)
    }

    fn update(
        &mut self,
        ram: &mut Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
        change: &dyn Fn(Pte) -> Pte,
    ) -> Result<Mapping, TableError> {
        let (path, mapping) = self.find(ram, asid, vpn, size)?;
        let step = path.last().expect("a page that was found has a path");
        write_word(ram, step.slot, Word::leaf(&common::changed(&mapping, change)?).0)?;
        Ok(mapping)
    }

    /// The reads are those of a machine without a walk cache.
    fn lookup(&self, ram: &Ram, asid: Asid, vpn: Vpn) -> Result<Found, TableError> {
        self.lookup_with(ram, None, asid, vpn)
    }

    fn mappings(&self, ram: &Ram) -> Result<Vec<Mapping>, TableError> {
        Ok(self.survey(ram)?.mappings)
    }

    /// Every word of a node counts as a place, since any may have to stand for one page.
    fn usage(&self, _ram: &Ram) -> Usage {
        let bytes = self.directory.bytes() + self.frames.bytes();
        Usage { bytes, mappings: self.census.total(), places: self.frames.bytes() / word::BYTES }
    }

    /// A tree grows by itself.
    fn grow(&mut self, _ram: &mut Ram) -> Result<(), TableError> {
        Ok(())
    }

    fn check(&self, ram: &Ram) -> Result<(), String> {
        let survey = self.survey(ram).map_err(|error| error.to_string())?;
        if survey.node_bytes != self.frames.bytes() {
            return Err(format!("the nodes take {} bytes, not {}", survey.node_bytes, self.frames.bytes()));
        }
        let mut nodes = survey.nodes;
        nodes.sort_unstable();
        if let Some(pair) = nodes.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("the node at {} is linked to twice", pair[0]));
        }
        match survey.empty_node {
            Some(node) => Err(format!("the node at {node} holds nothing and was not freed")),
            None => common::check_mappings(&survey.mappings, &self.census),
        }
    }
}
