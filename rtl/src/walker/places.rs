//! Where a page may stand in the table, and the address of that place (docs/spec.md, sections 2 and 3).

use hashwalk_hdl::{Module, Signal, concat, lit};
use hashwalk_spec::address::{PAGE_OFFSET_BITS, PHYS_ADDR_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::parts_log2;
use hashwalk_spec::{Config, Format};

use crate::hash::{self, HashInputs, HashUnit};
use crate::line;
use crate::ports::Control;
use crate::verdict::Sought;

/// log2 of the bytes of a word.
const WORD_LOG2: u32 = 3;

/// The first half of the hash of what is sought, for each way; without ways there is one.
#[must_use]
pub fn begun(config: &Config, table: &Control, sought: &Sought) -> Vec<Signal> {
    let vpn = match config.format() {
        Format::Line => line::group(&sought.vpn, &sought.size),
        _ => sought.vpn.clone(),
    };
    let of_way = |way| hash::begin(config.hash(), way, table.hash_key.as_ref(), &vpn, &sought.asid);
    (0..config.ways()).map(of_way).collect()
}

/// The home index of what is hashed, or its place in each way: the second half.
#[must_use]
pub fn places(config: &Config, m: &mut Module, table: &Control, begun: &[Signal]) -> Vec<Signal> {
    (0..)
        .zip(begun)
        .map(|(way, begun)| {
            let unit = m.instance(&format!("hash_{way}"), &HashUnit { hash: config.hash(), way });
            unit.connect(HashInputs { key: table.hash_key.clone(), begun: begun.clone() });
            in_table(config, table, &unit.outputs, way).named(format!("place_{way}"))
        })
        .collect()
}

/// The index that a hash comes to in this table.
fn in_table(config: &Config, table: &Control, hash: &Signal, way: u32) -> Signal {
    let mask = &table.table_mask;
    if config.ways() == 1 {
        return hash & mask;
    }
    let parts = parts_log2(config.ways());
    // The mask is ones up to the array's highest index bit; the way's bits stand from there down.
    let top = (mask & !mask.shr(1)).named(format!("top_index_bit_{way}"));
    let of_way =
        (0..parts).filter(|n| way >> (parts - 1 - n) & 1 != 0).fold(lit(INDEX_BITS, 0u32), |bits, n| bits | top.shr(n));
    (hash & mask.shr(parts)) | of_way
}

/// The address of a word of an element.
#[must_use]
pub fn word_address(config: &Config, control: &Control, index: &Signal, number: &Signal) -> Signal {
    let element = address(config, &control.table_frame, index);
    let within = config.format().element_log2() - WORD_LOG2;
    concat([element.bits(config.format().element_log2()..PHYS_ADDR_BITS), number.bits(0..within), lit(WORD_LOG2, 0u32)])
}

/// The address of an element. The table is aligned to its size, so that the index can be put in by OR.
#[must_use]
pub fn address(config: &Config, table_frame: &Signal, index: &Signal) -> Signal {
    let element_log2 = config.format().element_log2();
    let within = PAGE_OFFSET_BITS - element_log2;
    let above = INDEX_BITS - within;
    let address = concat([
        table_frame.bits(above..table_frame.width()),
        table_frame.bits(0..above) | index.bits(within..INDEX_BITS),
        index.bits(0..within),
        lit(element_log2, 0u32),
    ]);
    debug_assert_eq!(address.width(), PHYS_ADDR_BITS);
    address
}
