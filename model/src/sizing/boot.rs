//! The length of the contract's table, chosen at boot.
//!
//! ```text
//!  mappings = frames * mappings a frame            load a = mappings / entries
//!  entries  = frames * 2^k, the smallest k for which the target is met
//!
//!  a hit reads           1 + (e^2a - 1 - 2a) / 8a + a / 4 entries
//!  a miss reads          1 + (e^2a - 1 - 2a) / 4 entries
//!  a home is taken with  probability a: an entry stands in each slot equally often
//! ```
//!
//! The formulas are those of coalesced chaining without a cellar under a random hash: Knuth, *The Art of Computer
//! Programming*, volume 3, section 6.4; Vitter and Chen, *Design and Analysis of Coalesced Hashing* (1987).

use hashwalk_spec::address::PFN_BITS;
use hashwalk_spec::entry::{ENTRY_BYTES, INDEX_BITS, MIN_TABLE_LOG2};
use thiserror::Error;

/// Mappings a frame beyond which an expectation is taken for a mistake.
const MAX_SHARING: f64 = 1024.0;

/// How rare collisions must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CollisionTarget {
    /// Entries that a lookup which finds its page may read on average, more than 1.
    ReadsOfAHit(f64),
    /// The probability, above 0 and at most 1, with which a page's home is taken by another.
    HomeTaken(f64),
}

/// What is known at boot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// Frames of physical memory, a power of two.
    pub frames: u64,
    /// Pages that map a frame, on average over all frames: 1.0 if none is shared.
    pub mappings_per_frame: f64,
    /// How rare collisions must be.
    pub target: CollisionTarget,
}

/// The table that meets an expectation, and what to expect of it once it holds all mappings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableSize {
    /// log2 of its entries.
    pub log2: u32,
    /// Entries for each frame, a power of two.
    pub entries_per_frame: u64,
    /// Its size.
    pub bytes: u64,
    /// Mappings for each entry, 0 to 1.
    pub load: f64,
    /// Entries that a lookup reads which finds its page, on average.
    pub reads_of_a_hit: f64,
    /// Entries that a lookup reads which finds nothing, on average.
    pub reads_of_a_miss: f64,
}

/// Why no table can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum SizingError {
    /// A table is a power-of-two multiple of frames, and itself a power of two.
    #[error("{0} frames are no power of two from 1 to 2^{PFN_BITS}")]
    Frames(u64),
    /// No sensible sharing.
    #[error("{0} mappings a frame are out of range: above 0, at most {MAX_SHARING}")]
    Sharing(f64),
    /// Each lookup reads an entry.
    #[error("a hit cannot read {0} entries on average: more than 1 are needed")]
    Reads(f64),
    /// No probability.
    #[error("a home cannot be taken with probability {0}: above 0, at most 1")]
    HomeTaken(f64),
    /// The target asks for more than can be indexed.
    #[error("the target wants a table of 2^{log2} entries, and the largest has 2^{INDEX_BITS}")]
    TooLarge {
        /// log2 of the entries it wants.
        log2: u32,
    },
}

/// Entries read, on average, by a lookup that finds its page in a table of this load (0 to 1).
#[must_use]
pub fn reads_of_a_hit(load: f64) -> f64 {
    if load <= 0.0 { 1.0 } else { 1.0 + ((2.0 * load).exp() - 1.0 - 2.0 * load) / (8.0 * load) + load / 4.0 }
}

/// Entries read, on average, by a lookup that finds nothing in a table of this load (0 to 1).
#[must_use]
pub fn reads_of_a_miss(load: f64) -> f64 {
    1.0 + ((2.0 * load).exp() - 1.0 - 2.0 * load) / 4.0
}

impl Expectation {
    /// Mappings that the table will hold.
    #[must_use]
    pub fn mappings(&self) -> f64 {
        self.frames as f64 * self.mappings_per_frame
    }

    /// The shortest table that meets the expectation: a power-of-two multiple of frames, with room for all mappings.
    ///
    /// # Errors
    /// A figure is out of its range, or the table would be longer than 2^32 entries.
    pub fn size(&self) -> Result<TableSize, SizingError> {
        if !self.frames.is_power_of_two() || self.frames > 1 << PFN_BITS {
            return Err(SizingError::Frames(self.frames));
        }
        let sharing = self.mappings_per_frame;
        if !(sharing > 0.0 && sharing <= MAX_SHARING) {
            return Err(SizingError::Sharing(sharing));
        }
        match self.target {
            CollisionTarget::ReadsOfAHit(reads) if reads.is_nan() || reads <= 1.0 => {
                return Err(SizingError::Reads(reads));
            }
            CollisionTarget::HomeTaken(share) if !(share > 0.0 && share <= 1.0) => {
                return Err(SizingError::HomeTaken(share));
            }
            _ => {}
        }
        let load = |log2: u32| self.mappings() / (log2 as f64).exp2();
        let met = |log2: u32| {
            load(log2) <= 1.0
                && match self.target {
                    CollisionTarget::ReadsOfAHit(reads) => reads_of_a_hit(load(log2)) <= reads,
                    CollisionTarget::HomeTaken(share) => load(log2) <= share,
                }
        };
        let shortest = self.frames.ilog2().max(MIN_TABLE_LOG2);
        // The load halves with each step, so a target above 1 is met in the end, if only where a float's 1 is.
        let log2 = (shortest..u64::BITS * 2).find(|&log2| met(log2)).unwrap_or(u64::BITS * 2);
        if log2 > INDEX_BITS {
            return Err(SizingError::TooLarge { log2 });
        }
        Ok(TableSize {
            log2,
            entries_per_frame: (1 << log2) / self.frames,
            bytes: ENTRY_BYTES << log2,
            load: load(log2),
            reads_of_a_hit: reads_of_a_hit(load(log2)),
            reads_of_a_miss: reads_of_a_miss(load(log2)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(frames: u64, mappings_per_frame: f64, target: CollisionTarget) -> Result<TableSize, SizingError> {
        Expectation { frames, mappings_per_frame, target }.size()
    }

    #[test]
    fn the_formulas_at_loads_worked_by_hand() {
        // e^2 = 7.389056: 1 + 4.389056 / 8 + 1/4 and 1 + 4.389056 / 4. e = 2.718282: 1 + 0.718282 / 4 + 1/8.
        assert!((reads_of_a_hit(1.0) - 1.798_632).abs() < 1e-6);
        assert!((reads_of_a_miss(1.0) - 2.097_264).abs() < 1e-6);
        assert!((reads_of_a_hit(0.5) - 1.304_570).abs() < 1e-6);
        assert!((reads_of_a_miss(0.5) - 1.179_570).abs() < 1e-6);
        assert_eq!((reads_of_a_hit(0.0), reads_of_a_miss(0.0)), (1.0, 1.0));
    }

    #[test]
    fn the_table_is_the_shortest_multiple_of_frames_that_meets_the_target() {
        // 2^16 frames, each mapped once: load 1, 1/2, 1/4 with 1, 2, 4 entries a frame.
        let entries = |target| size(1 << 16, 1.0, target).unwrap().entries_per_frame;
        assert_eq!(entries(CollisionTarget::ReadsOfAHit(1.8)), 1);
        assert_eq!(entries(CollisionTarget::ReadsOfAHit(1.79)), 2);
        assert_eq!(entries(CollisionTarget::HomeTaken(0.5)), 2);
        assert_eq!(entries(CollisionTarget::HomeTaken(0.49)), 4);
        // 3 mappings a frame need 4 entries a frame whatever the target: load 3/4.
        let shared = size(1 << 16, 3.0, CollisionTarget::ReadsOfAHit(100.0)).unwrap();
        assert_eq!((shared.log2, shared.entries_per_frame, shared.bytes), (18, 4, 8 << 20));
        assert_eq!(shared.load, 0.75);
        // No table is shorter than 128 entries.
        assert_eq!(size(16, 1.0, CollisionTarget::HomeTaken(1.0)).unwrap().log2, 7);
    }

    #[test]
    fn figures_out_of_range_are_refused() {
        let loose = CollisionTarget::HomeTaken(1.0);
        assert_eq!(size(3, 1.0, loose), Err(SizingError::Frames(3)));
        assert_eq!(size(0, 1.0, loose), Err(SizingError::Frames(0)));
        assert_eq!(size(1, 0.0, loose), Err(SizingError::Sharing(0.0)));
        assert!(matches!(size(1, f64::NAN, loose), Err(SizingError::Sharing(_))));
        assert_eq!(size(1, 1.0, CollisionTarget::ReadsOfAHit(1.0)), Err(SizingError::Reads(1.0)));
        assert_eq!(size(1, 1.0, CollisionTarget::HomeTaken(1.1)), Err(SizingError::HomeTaken(1.1)));
        assert_eq!(size(1 << 32, 1.0, CollisionTarget::HomeTaken(0.5)), Err(SizingError::TooLarge { log2: 33 }));
    }
}
