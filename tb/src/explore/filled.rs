//! Tables full of pages, and what looking them up reads. Each answer is compared with a plain map: figures of a table
//! that is wrong are worth nothing.

use std::collections::HashMap;

use anyhow::Result;
use hashwalk_model::{Mapping, PageTable, Ram, TableError};
use hashwalk_spec::{Asid, PageSize, Pfn, Rights, Vpn};
use thiserror::Error;

/// A page table has not said what was entered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the organisation {organisation} says {found:?} of page {vpn} of {asid}, and {expected:?} was entered")]
pub struct Disagreement {
    /// Its name.
    pub organisation: &'static str,
    /// The address space.
    pub asid: Asid,
    /// The page that was looked up.
    pub vpn: Vpn,
    /// What the table says.
    pub found: Option<Mapping>,
    /// What was entered.
    pub expected: Option<Mapping>,
}

/// A page table, or why it cannot be made.
pub type Made = Result<Box<dyn PageTable>, TableError>;

/// A page table in a memory of its own, and a plain map of what was entered.
pub struct Filled {
    /// The memory.
    pub ram: Ram,
    /// The table.
    pub table: Box<dyn PageTable>,
    map: HashMap<(Asid, Vpn), Mapping>,
}

/// Reads of many lookups.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reads {
    /// The mean.
    pub mean: f64,
    /// 99 in 100 read no more.
    pub p99: u32,
    /// The most.
    pub max: u32,
}

impl Reads {
    /// The figures of these lookups, all 0 if there were none.
    #[must_use]
    pub fn of(mut reads: Vec<u32>) -> Reads {
        reads.sort_unstable();
        let Some(&max) = reads.last() else { return Reads::default() };
        let sum: u64 = reads.iter().copied().map(u64::from).sum();
        let p99 = reads[(reads.len() * 99).div_ceil(100) - 1];
        Reads { mean: sum as f64 / reads.len() as f64, p99, max }
    }
}

/// A mapping of a small page.
#[must_use]
pub fn small(asid: Asid, vpn: Vpn, pfn: u64) -> Mapping {
    Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(pfn), Rights::R.with(Rights::U))
}

impl Filled {
    /// An empty table in a memory of `frames`.
    ///
    /// # Errors
    /// The table cannot be made.
    pub fn new(frames: u64, make: impl FnOnce(&mut Ram) -> Made) -> Result<Filled, TableError> {
        let mut ram = Ram::new(frames);
        let table = make(&mut ram)?;
        Ok(Filled { ram, table, map: HashMap::new() })
    }

    /// Enters a mapping.
    ///
    /// # Errors
    /// The table refuses it.
    pub fn insert(&mut self, mapping: Mapping) -> Result<(), TableError> {
        self.table.insert(&mut self.ram, mapping)?;
        self.map.insert((mapping.asid, mapping.vpn), mapping);
        Ok(())
    }

    /// Looks a page up and returns the reads that it took.
    ///
    /// # Errors
    /// The table is broken, or says something else than was entered.
    pub fn look_up(&self, asid: Asid, vpn: Vpn) -> Result<u32> {
        let found = self.table.lookup(&self.ram, asid, vpn)?;
        // Larger pages stand in the map under their first VPN.
        let of_size = |size: PageSize| self.map.get(&(asid, vpn.base(size))).filter(|mapping| mapping.size == size);
        let expected = PageSize::ALL.into_iter().find_map(of_size).copied();
        if found.mapping != expected {
            let organisation = self.table.name();
            return Err(Disagreement { organisation, asid, vpn, found: found.mapping, expected }.into());
        }
        Ok(found.reads)
    }

    /// Looks pages up, one after the other.
    ///
    /// # Errors
    /// As [`Filled::look_up`].
    pub fn reads(&self, pages: impl IntoIterator<Item = (Asid, Vpn)>) -> Result<Reads> {
        Ok(Reads::of(pages.into_iter().map(|(asid, vpn)| self.look_up(asid, vpn)).collect::<Result<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashwalk_model::organisation::internal::Internal;
    use hashwalk_spec::Hash;

    #[test]
    fn a_lookup_that_disagrees_is_an_error() {
        let make = |ram: &mut Ram| Ok(Box::new(Internal::new(ram, 7, Hash::Fold, 0)?) as Box<dyn PageTable>);
        let mut filled = Filled::new(4, make).unwrap();
        let (asid, vpn) = (Asid::truncate(1), Vpn::truncate(0x1a));
        filled.insert(small(asid, vpn, 3)).unwrap();
        assert_eq!(filled.look_up(asid, vpn).unwrap(), 1);
        assert_eq!(filled.reads([(asid, vpn), (asid, Vpn::truncate(5))]).unwrap(), Reads { mean: 1.0, p99: 1, max: 1 });
        // Taken out behind the map's back.
        let entered = filled.table.remove(&mut filled.ram, asid, vpn, PageSize::Small).unwrap();
        let error = filled.look_up(asid, vpn).unwrap_err();
        let said = Disagreement { organisation: "internal", asid, vpn, found: None, expected: Some(entered) };
        assert_eq!(error.downcast_ref(), Some(&said));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(Reads::of((1..=200).rev().collect()), Reads { mean: 100.5, p99: 198, max: 200 });
        assert_eq!(Reads::of(vec![]), Reads::default());
    }
}
