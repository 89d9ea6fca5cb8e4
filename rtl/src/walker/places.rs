//! Where a page may stand in the table, and the address of that place (docs/spec.md, sections 2 and 3).

use hashwalk_hdl::{Module, Signal, concat, lit};
use hashwalk_spec::address::{PAGE_OFFSET_BITS, PHYS_ADDR_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::parts_log2;
use hashwalk_spec::{Config, Format, Hash};

use crate::hash::{HashInputs, HashUnit};
use crate::line;
use crate::ports::Control;
use crate::verdict::Sought;

/// The VPN that is hashed for what is sought: that of the page, or of its group.
#[must_use]
pub fn hashed_vpn(config: &Config, sought: &Sought) -> Signal {
    match config.format() {
        Format::Line => line::group(&sought.vpn, &sought.size),
        _ => sought.vpn.clone(),
    }
}

/// The home index of what is hashed, or its place in each way.
#[must_use]
pub fn places(config: &Config, m: &mut Module, table: &Control, vpn: &Signal, asid: &Signal) -> Vec<Signal> {
    (0..config.ways())
        .map(|way| {
            let unit = m.instance(&format!("hash_{way}"), &HashUnit { hash: config.hash(), way });
            unit.connect(HashInputs {
                key: table.hash_key.clone(),
                vpn: (config.hash() != Hash::Asid).then(|| vpn.clone()),
                asid: asid.clone(),
            });
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
