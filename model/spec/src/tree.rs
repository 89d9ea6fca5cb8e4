//! Bit positions of a node of a table of trees, 64 bytes (docs/spec.md, section 2). Ranges are half-open, within the
//! node's 512 bits. Words 0 to 2 are those of an entry of the format `chained`: the PTE, the VPN, the ASID.

use std::ops::Range;

/// log2 of the bytes of a node: an element. Its address is a multiple of them.
pub const NODE_LOG2: u32 = 6;

/// The address of the subtree of smaller keys, a word as in [`mod@crate::link`].
pub const LEFT: Range<u32> = 192..256;
/// The address of the subtree of larger keys, a word as in [`mod@crate::link`].
pub const RIGHT: Range<u32> = 256..320;
/// What software keeps of the tree's height, and bits without a use: no walk looks at them.
pub const SOFTWARE: Range<u32> = 320..512;
