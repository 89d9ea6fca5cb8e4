//! Links by physical address (docs/spec.md, sections 2 and 4). All combinational.
//!
//! What a link leads to is kept as a *place*: an address of 52 bits in words of 8 bytes, 49 bits. Its upper bits name the
//! element that is read, its lowest what counts of that.

use hashwalk_hdl::{Signal, bundle, concat, lit, low, one_hot_mux};
use hashwalk_spec::address::{PAGE_OFFSET_BITS, PHYS_ADDR_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::link::{LINK_LOG2, ZERO_ABOVE, zero_below};

/// Bits of a place.
pub const PLACE_BITS: u32 = PHYS_ADDR_BITS - LINK_LOG2;

bundle! {
    /// Where a search goes on.
    pub struct Link {
        /// 1 bit: it goes on.
        pub exists: Signal,
        /// 49 bits: there.
        pub place: Signal,
        /// 1 bit: but a bit is set that must be zero.
        pub malformed: Signal,
    }
}

impl Link {
    /// The search goes no further.
    #[must_use]
    pub fn none() -> Link {
        Link { exists: low(), place: lit(PLACE_BITS, 0u32), malformed: low() }
    }
}

/// A word that is the address of something aligned to 2^`log2` bytes, or 0.
#[must_use]
pub fn of_word(word: &Signal, log2: u32) -> Link {
    let malformed = word.bits(ZERO_ABOVE).any() | word.bits(zero_below(log2)).any();
    Link { exists: word.any(), place: word.bits(LINK_LOG2..PHYS_ADDR_BITS), malformed }
}

/// The word of an element that a place names, whose lowest bits these are.
#[must_use]
pub fn word_at(element: &Signal, place: &Signal) -> Signal {
    let words = element.width() / u64::BITS;
    let number = place.bits(0..words.ilog2());
    one_hot_mux((0..words).map(|n| (number.eq_value(n), element.bits(u64::BITS * n..u64::BITS * (n + 1)))))
}

/// Where something of 2^`log2` bytes stands in the array, in units of as many bytes: of a word, its place. The array is aligned
/// to its size, so that the index can be put in by OR.
#[must_use]
pub fn in_array(table_frame: &Signal, index: &Signal, log2: u32) -> Signal {
    let within = PAGE_OFFSET_BITS - log2;
    let above = INDEX_BITS - within;
    let number = concat([
        table_frame.bits(above..table_frame.width()),
        table_frame.bits(0..above) | index.bits(within..INDEX_BITS),
        index.bits(0..within),
    ]);
    debug_assert_eq!(number.width(), PHYS_ADDR_BITS - log2);
    number
}

/// The address of the element of 2^`element_log2` bytes around a place.
#[must_use]
pub fn element_of(place: &Signal, element_log2: u32) -> Signal {
    concat([place.bits(element_log2 - LINK_LOG2..PLACE_BITS), lit(element_log2, 0u32)])
}
