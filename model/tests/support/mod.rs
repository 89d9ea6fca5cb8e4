//! The organisations that tests go through.

#![allow(dead_code, reason = "each test file uses its own part")]

use hashwalk_model::organisation::cuckoo::{Cuckoo, CuckooArray, Growth};
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::organisation::inverted::Inverted;
use hashwalk_model::organisation::line::LineTable;
use hashwalk_model::organisation::per_process::PerProcess;
use hashwalk_model::organisation::radix::{CachedRadix, Radix, Reach};
use hashwalk_model::organisation::separate::Separate;
use hashwalk_model::organisation::tree::Tree;
use hashwalk_model::{PageTable, Ram, TableError};
use hashwalk_spec::Hash;

/// The key under which they hash.
pub const KEY: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;

/// Makes an empty table.
pub type Make = fn(&mut Ram, Hash) -> Result<Box<dyn PageTable>, TableError>;

/// An empty table of each organisation, with a line for each. They are small, so that chains form.
pub fn organisations() -> Vec<Make> {
    vec![
        |ram, hash| Ok(Box::new(Internal::new(ram, 7, hash, KEY)?)),
        |ram, hash| Ok(Box::new(Internal::new(ram, 7, hash, KEY)?.with_sequence())),
        |ram, hash| Ok(Box::new(Separate::new(ram, 9, hash, KEY)?)),
        |ram, hash| Ok(Box::new(Tree::new(ram, 9, hash, KEY)?)),
        |ram, hash| Ok(Box::new(LineTable::new(ram, 6, hash, KEY)?)),
        |ram, _| Ok(Box::new(Cuckoo::new(ram, 2, 7, KEY, Growth::suitable(2))?)),
        |ram, _| Ok(Box::new(Cuckoo::new(ram, 3, 7, KEY, Growth::suitable(3))?)),
        |ram, _| Ok(Box::new(Cuckoo::new(ram, 4, 7, KEY, Growth::OnFailure)?)),
        |ram, _| Ok(Box::new(CuckooArray::new(ram, 3, 8, Hash::Keyed, KEY)?)),
        |ram, _| Ok(Box::new(CuckooArray::new(ram, 4, 8, Hash::Keyed, KEY)?)),
        |ram, hash| Ok(Box::new(Inverted::new(ram, 2048, 9, hash, KEY)?)),
        |ram, hash| Ok(Box::new(PerProcess::new(ram, 75, move |ram, _| Internal::new(ram, 7, hash, KEY))?)),
        |ram, _| Ok(Box::new(Radix::new(ram, Reach::Bits48)?)),
        |ram, _| Ok(Box::new(CachedRadix::new(Radix::new(ram, Reach::Bits48)?, 4))),
    ]
}
