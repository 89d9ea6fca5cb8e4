//! What page sizes do to the number of entries, and to the memory that a TLB covers.
//!
//! | 512 MiB mapped with | entries | reach of 32 TLB entries |
//! | ------------------- | ------: | ----------------------: |
//! | 4 KiB pages | 131,072 | 128 KiB |
//! | 2 MiB pages | 256 | 64 MiB |
//! | 1 GiB pages | 1 | 32 GiB |

use hashwalk_spec::PageSize;
use hashwalk_spec::address::FRAME_BYTES;

/// Pages of this size that cover so many bytes, and so entries of the table.
#[must_use]
pub fn entries_to_map(bytes: u64, size: PageSize) -> u64 {
    bytes.div_ceil(size.pages() * FRAME_BYTES)
}

/// Bytes that so many TLB entries translate, all of pages of this size.
#[must_use]
pub fn tlb_reach_bytes(tlb_entries: u64, size: PageSize) -> u64 {
    tlb_entries * size.pages() * FRAME_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_above() {
        let figures = PageSize::ALL.map(|size| (entries_to_map(512 << 20, size), tlb_reach_bytes(32, size)));
        assert_eq!(figures, [(131_072, 128 << 10), (256, 64 << 20), (1, 32 << 30)]);
        assert_eq!(entries_to_map(4097, PageSize::Small), 2);
    }
}
