//! Where a page may stand in the table, and the address of that place (docs/spec.md, sections 2 and 3).

use hashwalk_hdl::{Module, Signal, bundle, concat, lit, shape, when};
use hashwalk_spec::address::{ASID_BITS, PHYS_ADDR_BITS, VPN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::format::parts_log2;
use hashwalk_spec::link::LINK_LOG2;
use hashwalk_spec::{Config, Format, Hash};

use super::search::Search;
use super::slot::step_bits;
use crate::hash::{self, HashInputs, HashUnit};
use crate::ports::Control;
use crate::walk_cache::{PageOf, WalkCacheOutputs};
use crate::{line, link, page, radix};

bundle! {
    /// A search that begins, as it is kept until it is hashed: which it is may be known late, so nothing is made of it
    /// before.
    pub struct Beginning {
        /// 52 bits: the page that is asked for.
        pub vpn: Signal,
        /// 16 bits: by whom.
        pub asid: Signal,
        /// 2 bits: the page size that is looked for.
        pub size: Signal,
        /// 1 bit: it is looked for under ASID 0.
        pub global: Signal,
    }
}

/// The widths of a beginning.
#[must_use]
pub fn beginning() -> Beginning {
    let Search { size, global, .. } = Search::none();
    Beginning { vpn: shape(VPN_BITS), asid: shape(ASID_BITS), size, global }
}

impl Beginning {
    /// Of this search for a page.
    #[must_use]
    pub fn of(search: &Search, vpn: &Signal, asid: &Signal) -> Beginning {
        let Search { size, global, .. } = search.clone();
        Beginning { vpn: vpn.clone(), asid: asid.clone(), size, global }
    }

    /// The ASID that is looked under.
    fn space(&self) -> Signal {
        self.asid.gate(&!&self.global)
    }
}

/// log2 of the bytes of a word.
const WORD_LOG2: u32 = 3;

/// Where a search begins.
#[derive(Clone)]
pub struct Start {
    /// For each way the index of an element, of as many bits as [`bits`] says; where links are addresses, one place.
    pub index: Vec<Signal>,
    /// The probes that are saved: those of the levels of a radix tree of which the walk cache knows where they lead.
    pub steps: Signal,
}

/// Bits of an element's index or place. An index may be a hash that is not folded yet.
#[must_use]
pub fn bits(config: &Config) -> u32 {
    match config.format() {
        Format::Line | Format::Chained => hash::output_bits(config.hash()),
        Format::Cuckoo => INDEX_BITS,
        Format::Inverted | Format::Tree | Format::Radix => link::PLACE_BITS,
    }
}

/// Whether the hash takes two cycles: what begins in one is known in the next.
#[must_use]
pub fn is_staged(config: &Config) -> bool {
    config.has_two_hit_cycles() && config.format() != Format::Radix
}

/// Where a search begins, in each way.
#[must_use]
pub fn places(
    config: &Config,
    m: &mut Module,
    table: &Control,
    begins: &Beginning,
    known: Option<&WalkCacheOutputs>,
) -> Start {
    let steps = lit(step_bits(config), 0u32);
    let asid = begins.space();
    if config.format() == Format::Radix {
        m.ignore(begins.vpn.clone());
        m.ignore(begins.size.clone());
        let root = link::in_array(&table.table_frame, &asid.zext(INDEX_BITS), LINK_LOG2);
        let from_root = Start { index: vec![root.clone()], steps };
        return known.map_or(from_root, |known| Start {
            index: vec![when(&known.hit, known.place.clone()).otherwise(root)],
            steps: known.steps.clone(),
        });
    }
    let first = page::base(&begins.vpn, &begins.size);
    let hashed = if config.format() == Format::Line { line::group(&first, &begins.size) } else { first };
    if config.hash() == Hash::Asid {
        m.ignore(begins.vpn.clone());
        m.ignore(begins.size.clone());
    }
    let index = (0..config.ways())
        .map(|way| {
            let unit =
                m.instance(&format!("hash_{way}"), &HashUnit { hash: config.hash(), way, staged: is_staged(config) });
            unit.connect(HashInputs {
                key: table.hash_key.clone(),
                vpn: (config.hash() != Hash::Asid).then(|| hashed.clone()),
                asid: asid.clone(),
            });
            let index = in_table(config, table, &unit.outputs, way);
            let by_address = config.format().links_by_address();
            let place = if by_address { link::in_array(&table.table_frame, &index, LINK_LOG2) } else { index };
            place.named(format!("place_{way}"))
        })
        .collect();
    Start { index, steps }
}

/// What the walk cache is asked for.
#[must_use]
pub fn page_of(begins: &Beginning) -> PageOf {
    PageOf { vpn: begins.vpn.bits(0..radix::VPN_BITS), asid: begins.space() }
}

/// The index that a hash comes to in this table. In a table of lines or chained entries, where the hash takes a cycle,
/// it is folded and masked only where its [`address`] is made.
fn in_table(config: &Config, table: &Control, hash: &Signal, way: u32) -> Signal {
    let mask = &table.table_mask;
    if config.ways() == 1 {
        return if config.format().links_by_address() { hash::folded(hash) & mask } else { hash.clone() };
    }
    let parts = parts_log2(config.ways());
    // The mask is ones up to the array's highest index bit; the way's bits stand from there down.
    let top = (mask & !mask.shr(1)).named(format!("top_index_bit_{way}"));
    let of_way =
        (0..parts).filter(|n| way >> (parts - 1 - n) & 1 != 0).fold(lit(INDEX_BITS, 0u32), |bits, n| bits | top.shr(n));
    (hash::folded(hash) & mask.shr(parts)) | of_way
}

/// The address of a word of an element, by the element's [`placed`] index or its place.
#[must_use]
pub fn word_address(config: &Config, control: &Control, place: &Signal, number: &Signal) -> Signal {
    let element = address(config, control, place);
    let within = config.format().element_log2() - WORD_LOG2;
    concat([element.bits(config.format().element_log2()..PHYS_ADDR_BITS), number.bits(0..within), lit(WORD_LOG2, 0u32)])
}

/// The index of an element as it is in this table, or its place.
#[must_use]
pub fn placed(config: &Config, control: &Control, index: &Signal) -> Signal {
    if config.format().links_by_address() { index.clone() } else { hash::folded(index) & &control.table_mask }
}

/// The address of an element, by its index or its place ([`placed`]).
#[must_use]
pub fn address(config: &Config, control: &Control, place: &Signal) -> Signal {
    let element_log2 = config.format().element_log2();
    if config.format().links_by_address() {
        return link::element_of(place, element_log2);
    }
    concat([link::in_array(&control.table_frame, place, element_log2), lit(element_log2, 0u32)])
}
