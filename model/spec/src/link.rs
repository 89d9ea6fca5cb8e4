//! Bit positions of a word that holds an address: an anchor of an inverted table, a bucket of a table of trees, the
//! subtrees of a node (docs/spec.md, section 2). Ranges are half-open, within the word's 64 bits. A word of zeros leads
//! nowhere.

use std::ops::Range;

/// log2 of the bytes of a word.
pub const LINK_LOG2: u32 = 3;
/// The smallest array of anchors or buckets, as log2 of their number: one frame.
pub const MIN_LINKS_LOG2: u32 = 9;
/// Bits that must be zero above the address.
pub const ZERO_ABOVE: Range<u32> = 52..64;

/// Bits that must be zero below the address of something that is aligned to 2^`log2` bytes.
#[must_use]
pub const fn zero_below(log2: u32) -> Range<u32> {
    0..log2
}
