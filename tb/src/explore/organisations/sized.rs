//! How large an operating system would make each organisation for a number of pages it knows.
//!
//! | organisation | size for n pages, rounded up to a power of two | why |
//! | ------------ | ---------------------------------------------- | --- |
//! | internal | 4n/3 entries | at 75 % a hit reads 1.5 entries |
//! | separate, tree | n buckets, a frame of them at least | a page a bucket |
//! | line | 2n lines | see below |
//! | inverted | n frames, as many anchors, a frame of these at least | one entry a frame, whatever is mapped |
//! | per-process | as small as can be; doubled above 75 % (internal) or 10 % (line) | a process's size is not known before |
//! | cuckoo, 2, 3, 4 ways | 40 %, 75 %, 85 % of the places in use | what insertions bear |
//! | radix | as it is | a node covers 512 pages |
//!
//! A lookup of the line table reads one line unless another's stands at its home. Pages of programs lie side by side, so
//! that most lines are dense, and of these no two can share a home. What matters besides is which of them share one: a
//! program visits few pages most. Over 40 boots, `lines.rs` finds for a TLB miss on the worst of the shipped traces:
//!
//! | lines a page, rounded up to a power of two | 1/2 | 1 | 2 | 4 | 8 |
//! | ------------------------------------------ | --: | -: | -: | -: | -: |
//! | mean reads over all boots | 1.11 | 1.06 | 1.03 | 1.02 | 1.02 |
//! | boots whose mean is at most 1.05 | 12 % | 48 % | 82 % | 88 % | 92 % |
//!
//! Two lines a page, the rule here, keep the mean below 1.05 on each trace, by TLB miss and by page, at 190 bytes a mapping
//! or more; and one boot in six reads more than that. Twice as many lines buy little.

use anyhow::Result;
use hashwalk_model::organisation::buckets::MIN_BUCKETS_LOG2;
use hashwalk_model::organisation::cuckoo::{Cuckoo, Growth};
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::organisation::inverted::Inverted;
use hashwalk_model::organisation::line::{LineTable, MIN_LINES_LOG2};
use hashwalk_model::organisation::per_process::PerProcess;
use hashwalk_model::organisation::radix::{CachedRadix, Radix, Reach};
use hashwalk_model::organisation::separate::Separate;
use hashwalk_model::organisation::tree::Tree;
use hashwalk_model::{PageTable, Ram};
use hashwalk_spec::Hash;
use hashwalk_spec::entry::MIN_TABLE_LOG2;

use crate::explore::filled::Filled;

/// One organisation and its size.
pub struct Kind {
    /// Its name in tables.
    pub name: &'static str,
    /// Its size for so many pages, in words.
    pub describe: fn(u64) -> String,
    /// Makes one for so many pages, empty.
    pub make: fn(u64, u128) -> Result<Filled>,
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "internal",
        describe: |pages| format!("{} entries", 1u64 << entries_log2(pages)),
        make: |pages, key| boxed(pages, |ram| Internal::new(ram, entries_log2(pages), Hash::Keyed, key)),
    },
    Kind {
        name: "separate",
        describe: |pages| format!("{} buckets", 1u64 << buckets_log2(pages)),
        make: |pages, key| boxed(pages, |ram| Separate::new(ram, buckets_log2(pages), Hash::Keyed, key)),
    },
    Kind {
        name: "tree",
        describe: |pages| format!("{} buckets", 1u64 << buckets_log2(pages)),
        make: |pages, key| boxed(pages, |ram| Tree::new(ram, buckets_log2(pages), Hash::Keyed, key)),
    },
    Kind {
        name: "line",
        describe: |pages| format!("{} lines", 1u64 << lines_log2(pages)),
        make: |pages, key| boxed(pages, |ram| LineTable::new(ram, lines_log2(pages), Hash::Keyed, key)),
    },
    Kind {
        name: "inverted",
        describe: |pages| format!("{} anchors", 1u64 << buckets_log2(pages)),
        make: |pages, key| {
            let frames = pages.next_power_of_two();
            boxed(pages, |ram| Inverted::new(ram, frames, buckets_log2(pages), Hash::Keyed, key))
        },
    },
    Kind {
        name: "per-process, internal",
        describe: |_| "grown at 75 %".into(),
        make: |pages, key| {
            let make = move |ram: &mut Ram, _| Internal::new(ram, MIN_TABLE_LOG2, Hash::Keyed, key);
            boxed(pages, |ram| PerProcess::new(ram, 75, make))
        },
    },
    Kind {
        name: "per-process, line",
        describe: |_| "grown at 10 %".into(),
        make: |pages, key| {
            let make = move |ram: &mut Ram, _| LineTable::new(ram, MIN_LINES_LOG2, Hash::Keyed, key);
            boxed(pages, |ram| PerProcess::new(ram, 10, make))
        },
    },
    Kind {
        name: "cuckoo, 2 ways",
        describe: |pages| format!("2 × {}", 1u64 << way_log2(pages, 2, 40)),
        make: |pages, key| cuckoo(pages, key, 2, 40),
    },
    Kind {
        name: "cuckoo, 3 ways",
        describe: |pages| format!("3 × {}", 1u64 << way_log2(pages, 3, 75)),
        make: |pages, key| cuckoo(pages, key, 3, 75),
    },
    Kind {
        name: "cuckoo, 4 ways",
        describe: |pages| format!("4 × {}", 1u64 << way_log2(pages, 4, 85)),
        make: |pages, key| cuckoo(pages, key, 4, 85),
    },
    Kind {
        name: "radix",
        describe: |_| "4 levels".into(),
        make: |pages, _| boxed(pages, |ram| Radix::new(ram, Reach::Bits48)),
    },
    Kind {
        name: "radix, walk cache",
        describe: |_| "16 links a level".into(),
        make: |pages, _| boxed(pages, |ram| Ok(CachedRadix::new(Radix::new(ram, Reach::Bits48)?, 16))),
    },
];

/// A table in a memory that surely holds it: eight frames for each page, and some.
fn boxed<T: PageTable + 'static>(
    pages: u64,
    make: impl FnOnce(&mut Ram) -> Result<T, hashwalk_model::TableError>,
) -> Result<Filled> {
    Ok(Filled::new((8 * pages + 1024).next_power_of_two(), |ram| Ok(Box::new(make(ram)?) as Box<dyn PageTable>))?)
}

fn cuckoo(pages: u64, key: u128, ways: u32, percent: u64) -> Result<Filled> {
    boxed(pages, |ram| Cuckoo::new(ram, ways, way_log2(pages, ways, percent), key, Growth::suitable(ways)))
}

fn log2_of(places: u64) -> u32 {
    places.max(1).next_power_of_two().ilog2()
}

fn entries_log2(pages: u64) -> u32 {
    log2_of((pages * 4).div_ceil(3)).max(MIN_TABLE_LOG2)
}

fn buckets_log2(pages: u64) -> u32 {
    log2_of(pages).max(MIN_BUCKETS_LOG2)
}

fn lines_log2(pages: u64) -> u32 {
    log2_of(pages * LINES_A_PAGE).max(MIN_LINES_LOG2)
}

/// Lines of a line table for each page, before rounding up: see the table above.
pub const LINES_A_PAGE: u64 = 2;

fn way_log2(pages: u64, ways: u32, percent: u64) -> u32 {
    log2_of((pages * 100).div_ceil(percent * u64::from(ways))).max(MIN_TABLE_LOG2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_worked_by_hand() {
        // 690 pages: 920 entries, 690 buckets, 1380 lines; 863 of 2 ways, 307 of 3, 203 of 4 places.
        let sizes = (entries_log2(690), buckets_log2(690), lines_log2(690));
        assert_eq!(sizes, (10, 10, 11));
        assert_eq!([(2, 40), (3, 75), (4, 85)].map(|(ways, percent)| way_log2(690, ways, percent)), [10, 9, 8]);
        assert_eq!((entries_log2(1), buckets_log2(1), lines_log2(1)), (7, 9, 6));
    }
}
