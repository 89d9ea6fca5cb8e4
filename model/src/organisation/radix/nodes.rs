//! The nodes: the way to a page for changes, taking and giving nodes, and going through everything.

use super::word::{self, Kind, Word};
use super::{LEVELS, Radix, common};
use crate::mapping::Mapping;
use crate::ram::Ram;
use crate::table::TableError;
use hashwalk_spec::{Asid, PageSize, PhysAddr, Vpn};
use std::ops::Range;

/// A word on the way to a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) level: u32,
    pub(super) node: PhysAddr,
    pub(super) slot: PhysAddr,
    pub(super) word: Word,
}

/// Everything that the trees hold.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) mappings: Vec<Mapping>,
    pub(super) nodes: Vec<PhysAddr>,
    pub(super) node_bytes: u64,
    pub(super) empty_node: Option<PhysAddr>,
}

impl Radix {
    /// The words from the root towards the leaf of a page of `size`: down to its level, or to the first that leads to
    /// no node. Nothing if the address space has no tree.
    pub(super) fn path(&self, ram: &Ram, asid: Asid, vpn: Vpn, size: PageSize) -> Result<Vec<Step>, TableError> {
        let mut path = Vec::new();
        let Some(mut node) = self.root(ram, asid)? else { return Ok(path) };
        for level in (word::leaf_level(size)..=LEVELS).rev() {
            let slot = self.reach.slot(node, level, vpn);
            let word = Word(common::read_word(ram, slot)?);
            path.push(Step { level, node, slot, word });
            match word.kind(level)? {
                Kind::Node(below) => node = below,
                Kind::Empty | Kind::Leaf(_) => break,
            }
        }
        Ok(path)
    }

    /// The path to the leaf of a page that must be mapped, and its mapping.
    pub(super) fn find(
        &self,
        ram: &Ram,
        asid: Asid,
        vpn: Vpn,
        size: PageSize,
    ) -> Result<(Vec<Step>, Mapping), TableError> {
        common::refuse_misaligned(vpn, size)?;
        let path = if self.reach.covers(vpn) { self.path(ram, asid, vpn, size)? } else { Vec::new() };
        let leaf = path.last().filter(|step| step.word.kind(step.level) == Ok(Kind::Leaf(size)));
        let mapping = leaf.ok_or(TableError::NotMapped { asid, vpn, size })?.word.mapping(asid, size, vpn)?;
        Ok((path, mapping))
    }

    /// Takes an empty node for each of these levels, and room in the directory if the root is among them; all or
    /// nothing.
    pub(super) fn take_nodes(
        &mut self,
        ram: &mut Ram,
        levels: Range<u32>,
        asid: Asid,
    ) -> Result<Vec<PhysAddr>, TableError> {
        let root = levels.contains(&LEVELS);
        let mut nodes = Vec::new();
        let taken = levels.clone().try_for_each(|level| {
            nodes.push(self.frames.take(ram, self.reach.node_bytes(level))?);
            Ok(())
        });
        match taken.and_then(|()| if root { self.directory.reserve(ram, asid) } else { Ok(()) }) {
            Ok(()) => Ok(nodes),
            Err(error) => {
                let bytes = |level| self.reach.node_bytes(level);
                levels.zip(nodes).for_each(|(level, node)| self.frames.give_unused(ram, node, bytes(level)));
                Err(error.into())
            }
        }
    }

    pub(super) fn give_node(&mut self, ram: &mut Ram, level: u32, node: PhysAddr) {
        self.frames.give(ram, node, self.reach.node_bytes(level));
    }

    /// Whether the step's node holds nothing any more.
    pub(super) fn is_empty_node(&self, ram: &Ram, step: &Step) -> Result<bool, TableError> {
        let bytes = ram.memory.slice(step.node, self.reach.node_bytes(step.level))?;
        Ok(bytes.iter().all(|byte| *byte == 0))
    }

    /// Goes through all trees.
    pub(super) fn survey(&self, ram: &Ram) -> Result<Survey, TableError> {
        let mut survey = Survey::default();
        for (asid, _) in self.directory.entries(ram)? {
            if let Some(root) = self.root(ram, asid)? {
                self.survey_node(ram, &mut survey, asid, LEVELS, root, 0)?;
            }
        }
        Ok(survey)
    }

    /// Goes through a node whose first word is for the VPN `first`.
    fn survey_node(
        &self,
        ram: &Ram,
        survey: &mut Survey,
        asid: Asid,
        level: u32,
        node: PhysAddr,
        first: u64,
    ) -> Result<(), TableError> {
        let bytes = self.reach.node_bytes(level);
        let words = ram.memory.slice(node, bytes)?.as_chunks().0.iter().map(|word| Word(u64::from_le_bytes(*word)));
        survey.nodes.push(node);
        survey.node_bytes += bytes;
        let mut empty = true;
        for (index, word) in (0..).zip(words).filter(|(_, word)| *word != Word::EMPTY) {
            empty = false;
            let plain = first + (index << self.reach.bits_below(level));
            match word.kind(level)? {
                Kind::Empty => {}
                Kind::Leaf(size) => survey.mappings.push(word.mapping(asid, size, self.reach.extend(plain))?),
                Kind::Node(below) => self.survey_node(ram, survey, asid, level - 1, below, plain)?,
            }
        }
        if empty {
            survey.empty_node = Some(node);
        }
        Ok(())
    }
}
