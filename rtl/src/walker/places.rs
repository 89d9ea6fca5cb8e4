//! Where a page may stand in the table, and the address of that place (docs/spec.md, sections 2 and 3).

use hashwalk_hdl::{Module, Signal, concat, lit, when};
use hashwalk_spec::address::{ASID_BITS, PAGE_OFFSET_BITS, PHYS_ADDR_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::parts_log2;
use hashwalk_spec::{Config, Format};

use super::slot::step_bits;
use crate::hash::{self, HashInputs, HashUnit};
use crate::ports::Control;
use crate::verdict::Sought;
use crate::walk_cache::{PageOf, WalkCacheOutputs};
use crate::{line, link, radix};

/// log2 of the bytes of a word.
const WORD_LOG2: u32 = 3;

/// Where a search begins.
#[derive(Clone)]
pub struct Start {
    /// For each way the index of an element, 32 bits; where links are addresses, one place of 49 bits.
    pub index: Vec<Signal>,
    /// The probes that are saved: those of the levels of a radix tree of which the walk cache knows where they lead.
    pub steps: Signal,
}

/// Bits of an element's index or place.
#[must_use]
pub fn bits(config: &Config) -> u32 {
    if config.format().links_by_address() { link::PLACE_BITS } else { INDEX_BITS }
}

/// Bits that are kept between the halves of the hash.
#[must_use]
pub fn begun_bits(config: &Config) -> u32 {
    match config.format() {
        Format::Radix if config.walk_cache_entries() == 0 => ASID_BITS,
        Format::Radix => ASID_BITS + radix::VPN_BITS,
        _ => hash::begun_bits(config.hash()),
    }
}

/// The first half of the hash of what is sought, for each way; without ways there is one. A radix tree has no hash.
#[must_use]
pub fn begun(config: &Config, table: &Control, sought: &Sought) -> Vec<Signal> {
    let vpn = match config.format() {
        Format::Radix if config.walk_cache_entries() == 0 => return vec![sought.asid.clone()],
        Format::Radix => return vec![concat([&sought.vpn.bits(0..radix::VPN_BITS), &sought.asid])],
        Format::Line => line::group(&sought.vpn, &sought.size),
        _ => sought.vpn.clone(),
    };
    let of_way = |way| hash::begin(config.hash(), way, table.hash_key.as_ref(), &vpn, &sought.asid);
    (0..config.ways()).map(of_way).collect()
}

/// Where the search for what is hashed begins, in each way: the second half.
#[must_use]
pub fn places(
    config: &Config,
    m: &mut Module,
    table: &Control,
    begun: &[Signal],
    known: Option<&WalkCacheOutputs>,
) -> Start {
    let steps = lit(step_bits(config), 0u32);
    if config.format() == Format::Radix {
        let root = link::in_array(&table.table_frame, &begun[0].bits(0..ASID_BITS).zext(INDEX_BITS));
        let from_root = Start { index: vec![root.clone()], steps };
        return known.map_or(from_root, |known| Start {
            index: vec![when(&known.hit, known.place.clone()).otherwise(root)],
            steps: known.steps.clone(),
        });
    }
    let index = (0..)
        .zip(begun)
        .map(|(way, begun)| {
            let unit = m.instance(&format!("hash_{way}"), &HashUnit { hash: config.hash(), way });
            unit.connect(HashInputs { key: table.hash_key.clone(), begun: begun.clone() });
            let index = in_table(config, table, &unit.outputs, way);
            let by_address = config.format().links_by_address();
            let place = if by_address { link::in_array(&table.table_frame, &index) } else { index };
            place.named(format!("place_{way}"))
        })
        .collect();
    Start { index, steps }
}

/// What the walk cache is asked for: the page whose search begins.
#[must_use]
pub fn page_begun(begun: &[Signal]) -> PageOf {
    let vpn = begun[0].bits(ASID_BITS..ASID_BITS + radix::VPN_BITS);
    PageOf { vpn, asid: begun[0].bits(0..ASID_BITS) }
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

/// The address of an element, by its index or its place. The table is aligned to its size, so that the index can be put in by OR.
#[must_use]
pub fn address(config: &Config, table_frame: &Signal, index: &Signal) -> Signal {
    let element_log2 = config.format().element_log2();
    if config.format().links_by_address() {
        return link::element_of(index, element_log2);
    }
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
