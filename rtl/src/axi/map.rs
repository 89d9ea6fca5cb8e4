//! The register map: one table, from which both the hardware ([`super::registers`]) and docs/registers.md
//! ([`super::markdown`]) are made.

use hashwalk_spec::address::{ASID_BITS, PFN_BITS, VPN_BITS};
use hashwalk_spec::fault::FAULT_BITS;
use hashwalk_spec::transaction::ID_BITS;
use hashwalk_spec::{Config, Format, Hash, Marking};

use super::counter_list::counters;
use super::ports::REGISTER_BITS;
use crate::ports::{KEY_BITS, RIGHTS_BITS, SEARCHES, SIZE_BITS};

/// `HWLK`, the first letter in the highest byte.
pub const IDENTITY: u32 = 0x4857_4c4b;
/// The map's version: 15:8 changes with what breaks a driver, 7:0 with what is added.
pub const VERSION: u32 = 0x0102;
/// The first counter's address; each takes two registers.
pub const FIRST_COUNTER: u32 = 0x200;
/// Bits of the counts of things that are done.
pub const DONE_BITS: u32 = 16;

/// What software may do with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read what was fixed when the hardware was generated.
    Constant,
    /// Read what the hardware says.
    Status,
    /// Write, and read back.
    ReadWrite,
    /// Write; never read.
    WriteOnly,
    /// Write, which does something and is not kept.
    Command,
    /// Read a word of a counter.
    Counter,
}

/// When a write is refused with SLVERR, besides what holds for all registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A change of table is under way.
    WhileTableChanges,
    /// An invalidation of this window is not done.
    WhileInvalidating,
    /// A refill is not taken.
    WhileRefilling,
    /// A refill is not taken, no miss is reported, or the fault is a reserved code.
    NothingToRefill,
}

impl Refusal {
    /// In words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Refusal::WhileTableChanges => "while `TABLE_STATUS.busy` is set",
            Refusal::WhileInvalidating => "while `INVALIDATE_STATUS.busy` is set",
            Refusal::WhileRefilling => "while `REFILL_STATUS.busy` is set",
            Refusal::NothingToRefill => {
                "while `REFILL_STATUS.busy` is set, while `MISS_STATUS.valid` is clear, and with reserved fault codes"
            }
        }
    }
}

/// The configurations that have a register which others lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Those with the `keyed` hash; a radix tree has none.
    Keyed,
    /// Those that walk an inverted table.
    Inverted,
}

impl Only {
    /// Whether this configuration is one of them.
    #[must_use]
    pub fn holds(self, config: &Config) -> bool {
        match self {
            Only::Keyed => config.hash() == Hash::Keyed && config.format() != Format::Radix,
            Only::Inverted => config.format() == Format::Inverted,
        }
    }

    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Only::Keyed => "only with the `keyed` hash, and not in the format `radix`",
            Only::Inverted => "only in the format `inverted`",
        }
    }
}

/// Some bits of a register.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, unique in the register.
    pub name: &'static str,
    /// The lowest bit.
    pub low: u32,
    /// How many.
    pub bits: u32,
    /// In words.
    pub meaning: &'static str,
    /// Of a [`Access::Constant`] register: its value.
    pub constant: Option<fn(&Config) -> u32>,
}

/// A register.
#[derive(Clone, Debug)]
pub struct Register {
    /// Its name, unique in the map.
    pub name: String,
    /// Its address in the window: a multiple of 4.
    pub offset: u32,
    /// What software may do.
    pub access: Access,
    /// Its value after reset; that of a constant is the configuration's.
    pub reset: u32,
    /// Its fields, from bit 0 on; other bits read zero, and what is written to them is ignored.
    pub fields: Vec<Field>,
    /// When a write is refused.
    pub refused: Option<Refusal>,
    /// In which configurations alone it is there.
    pub only: Option<Only>,
    /// In words.
    pub meaning: String,
}

impl Register {
    fn new(offset: u32, name: &str, access: Access, meaning: &str) -> Register {
        Register {
            name: name.into(),
            offset,
            access,
            reset: 0,
            fields: Vec::new(),
            refused: None,
            only: None,
            meaning: meaning.into(),
        }
    }

    fn field(mut self, name: &'static str, bits: u32, meaning: &'static str) -> Register {
        let low = self.fields.last().map_or(0, |field| field.low + field.bits);
        self.fields.push(Field { name, low, bits, meaning, constant: None });
        self
    }

    /// A field that begins at bit `low`.
    fn field_at(self, low: u32, name: &'static str, bits: u32, meaning: &'static str) -> Register {
        let mut register = self.field(name, bits, meaning);
        register.fields.last_mut().expect("just added").low = low;
        register
    }

    fn constant(
        self,
        low: u32,
        name: &'static str,
        bits: u32,
        value: fn(&Config) -> u32,
        of: &'static str,
    ) -> Register {
        let mut register = self.field_at(low, name, bits, of);
        register.fields.last_mut().expect("just added").constant = Some(value);
        register
    }

    fn refused(mut self, refusal: Refusal) -> Register {
        self.refused = Some(refusal);
        self
    }

    /// A register that is written, without fields, of so many bits.
    fn bits(self, bits: u32) -> Register {
        self.field("value", bits, "")
    }

    /// Bits up to the highest field's highest.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.fields.iter().map(|field| field.low + field.bits).max().unwrap_or(REGISTER_BITS)
    }

    /// Its value is kept: the bits of all its fields.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self.access, Access::ReadWrite | Access::WriteOnly)
    }

    /// The value of a constant.
    #[must_use]
    pub fn value(&self, config: &Config) -> u32 {
        self.fields.iter().filter_map(|field| Some(field.constant?(config) << field.low)).fold(0, |a, b| a | b)
    }
}

/// All registers, of every configuration, by address.
#[must_use]
pub fn all() -> Vec<Register> {
    let mut map = constants();
    map.extend(control());
    map.extend(table());
    map.extend(invalidation());
    map.extend(miss_and_refill());
    map.extend(fault());
    map.extend(performance());
    map
}

/// The registers of a configuration.
#[must_use]
pub fn of(config: &Config) -> Vec<Register> {
    all().into_iter().filter(|register| register.only.is_none_or(|only| only.holds(config))).collect()
}

fn constants() -> Vec<Register> {
    let constant = |offset, name, meaning| Register::new(offset, name, Access::Constant, meaning);
    vec![
        constant(0x000, "ID", "what this is").constant(0, "identity", 32, |_| IDENTITY, "`HWLK` in ASCII"),
        constant(0x004, "VERSION", "the version of this map")
            .constant(0, "minor", 8, |_| VERSION & 0xff, "grows with what is added")
            .constant(8, "major", 8, |_| VERSION >> 8, "grows with what breaks a driver"),
        constant(0x008, "TLB", "the TLB")
            .constant(0, "entries", 8, Config::tlb_entries, "entries of the first level")
            .constant(
                8,
                "l2_entries",
                16,
                |c| c.l2_sets() * c.l2_ways(),
                "entries of the second level, 0 if there is none",
            )
            .constant(24, "l2_ways", 4, |c| if c.l2_sets() == 0 { 0 } else { c.l2_ways() }, "its ways"),
        constant(0x00c, "WALKER", "the walker")
            .constant(
                0,
                "format",
                3,
                |c| format_code(c.format()),
                "0 `line`, 1 `chained`, 2 `cuckoo`, 3 `inverted`, 4 `tree`, 5 `radix`",
            )
            .constant(4, "hash", 2, |c| hash_code(c.hash()), "0 `keyed`, 1 `fold`, 2 `asid`")
            .constant(8, "ways", 4, Config::ways, "ways of a `cuckoo` table, else 1")
            .constant(12, "walks", 4, Config::walks, "walks that may be under way")
            .constant(16, "bus_bits", 12, Config::bus_bits, "bits of the memory port's data")
            .constant(
                28,
                "marks",
                2,
                |c| marks_code(c.marks()),
                "who keeps A and D: 0 `software`, 1 `fault`, 2 `update`",
            )
            .constant(30, "sequence", 1, |c| c.sequence().into(), "entries have sequence numbers"),
        constant(0x010, "MAX_STEPS", "the walker's bound").constant(
            0,
            "max_steps",
            16,
            Config::max_steps,
            "probes that a search may make",
        ),
    ]
}

fn format_code(format: Format) -> u32 {
    match format {
        Format::Line => 0,
        Format::Chained => 1,
        Format::Cuckoo => 2,
        Format::Inverted => 3,
        Format::Tree => 4,
        Format::Radix => 5,
    }
}

fn marks_code(marks: Marking) -> u32 {
    match marks {
        Marking::Software => 0,
        Marking::Fault => 1,
        Marking::Update => 2,
    }
}

fn hash_code(hash: Hash) -> u32 {
    match hash {
        Hash::Keyed => 0,
        Hash::Fold => 1,
        Hash::Asid => 2,
    }
}

fn control() -> Vec<Register> {
    let mut status = Register::new(0x024, "STATUS", Access::Status, "everything that software may wait for")
        .field("idle", 1, "no lookup waits for an answer, and no read or update is out")
        .field("table_busy", 1, "as in `TABLE_STATUS`")
        .field("invalidate_busy", 1, "as in `INVALIDATE_STATUS`")
        .field("refill_busy", 1, "as in `REFILL_STATUS`")
        .field("miss_valid", 1, "as in `MISS_STATUS`")
        .field("fault_valid", 1, "as in `FAULT_STATUS`");
    status.reset = 1;
    let control = Register::new(0x020, "CONTROL", Access::ReadWrite, "modes; they may change at any time")
        .field("software_refill", 1, "misses that begin from now on go to software (docs/spec.md, section 8)")
        .field("miss_interrupt_enable", 1, "`miss_interrupt` is set while a miss is reported")
        .field("fault_interrupt_enable", 1, "`fault_interrupt` is set while a fault is recorded");
    vec![control, status]
}

fn table() -> Vec<Register> {
    let wanted = |offset, name: &str, meaning: &str, bits| {
        Register::new(offset, name, Access::ReadWrite, meaning).bits(bits).refused(Refusal::WhileTableChanges)
    };
    let mut map = vec![
        wanted(0x040, "TABLE_FRAME_LO", "the table's address / 4096, bits 31:0; counts from `TABLE_APPLY` on", 32),
        wanted(0x044, "TABLE_FRAME_HI", "bits 39:32", PFN_BITS - REGISTER_BITS),
        wanted(0x048, "TABLE_MASK", "its number of elements less one; counts from `TABLE_APPLY` on", 32),
        wanted(
            0x04c,
            "SEARCH_ENABLE",
            "bit i: search i is made (docs/spec.md, section 4); counts from `TABLE_APPLY` on",
            SEARCHES,
        ),
    ];
    for word in 0..KEY_BITS / REGISTER_BITS {
        let (low, high) = (word * REGISTER_BITS, word * REGISTER_BITS + REGISTER_BITS - 1);
        let meaning = format!("the hash's key, bits {high}:{low}; counts from `TABLE_APPLY` on; never read");
        let mut key = wanted(0x050 + 4 * word, &format!("KEY_{word}"), &meaning, REGISTER_BITS);
        (key.access, key.only) = (Access::WriteOnly, Some(Only::Keyed));
        map.push(key);
    }
    map.push(
        Register::new(
            0x060,
            "TABLE_APPLY",
            Access::Command,
            "the table, key and searches that were written come into force",
        )
        .field(
            "apply",
            1,
            "1: hold lookups back, answer those under way, change, invalidate everything, go on; 0: nothing",
        )
        .refused(Refusal::WhileTableChanges),
    );
    map.push(
        Register::new(0x064, "TABLE_STATUS", Access::Status, "how far the change is")
            .field("busy", 1, "a change is under way; lookups wait")
            .field_at(16, "done", DONE_BITS, "changes that are over, modulo 2^16"),
    );
    for (offset, name, meaning, bits) in [
        (
            0x068,
            "ENTRIES_FRAME_LO",
            "the address of the frames' entries / 4096, bits 31:0; counts from `TABLE_APPLY` on",
            32,
        ),
        (0x06c, "ENTRIES_FRAME_HI", "bits 39:32", PFN_BITS - REGISTER_BITS),
    ] {
        map.push(Register { only: Some(Only::Inverted), ..wanted(offset, name, meaning, bits) });
    }
    map
}

fn invalidation() -> Vec<Register> {
    let operand = |offset, name, meaning, bits| {
        Register::new(offset, name, Access::ReadWrite, meaning).bits(bits).refused(Refusal::WhileInvalidating)
    };
    vec![
        operand(0x080, "INVALIDATE_VPN_LO", "what is invalidated: VPN, bits 31:0", 32),
        operand(0x084, "INVALIDATE_VPN_HI", "VPN, bits 51:32", VPN_BITS - REGISTER_BITS),
        operand(0x088, "INVALIDATE_ASID", "its ASID", ASID_BITS),
        Register::new(0x08c, "INVALIDATE_GO", Access::Command, "an invalidation begins (docs/spec.md, section 7)")
            .field("kind", 2, "0 all, 1 ASID, 2 address, 3 address in ASID")
            .refused(Refusal::WhileInvalidating),
        Register::new(0x090, "INVALIDATE_STATUS", Access::Status, "how far it is")
            .field("busy", 1, "it is not done")
            .field_at(16, "done", DONE_BITS, "invalidations of this window that are done, modulo 2^16"),
    ]
}

fn miss_and_refill() -> Vec<Register> {
    let miss = |offset, name, meaning| Register::new(offset, name, Access::Status, meaning);
    let operand = |offset, name, meaning| {
        Register::new(offset, name, Access::ReadWrite, meaning).refused(Refusal::WhileRefilling)
    };
    vec![
        miss(0x0a0, "MISS_STATUS", "the miss that software is asked to serve; stable until the refill is taken")
            .field("valid", 1, "there is one; the rest counts")
            .field("access", 2, "0 read, 1 write, 2 fetch")
            .field("user", 1, "user mode")
            .field_at(16, "asid", ASID_BITS, "its ASID"),
        miss(0x0a4, "MISS_VPN_LO", "its VPN, bits 31:0").bits(32),
        miss(0x0a8, "MISS_VPN_HI", "its VPN, bits 51:32").bits(VPN_BITS - REGISTER_BITS),
        operand(0x0c0, "REFILL_VPN_LO", "the page's first VPN, bits 31:0").bits(32),
        operand(0x0c4, "REFILL_VPN_HI", "bits 51:32").bits(VPN_BITS - REGISTER_BITS),
        operand(0x0c8, "REFILL_ASID", "its ASID").bits(ASID_BITS),
        operand(0x0cc, "REFILL_PFN_LO", "the page's first PFN, bits 31:0").bits(32),
        operand(0x0d0, "REFILL_PFN_HI", "bits 39:32").bits(PFN_BITS - REGISTER_BITS),
        operand(0x0d4, "REFILL_ATTRIBUTES", "the rest of it")
            .field("size", SIZE_BITS, "the page size's code")
            .field("rights", RIGHTS_BITS, "R, W, X, U from the lowest")
            .field("global", 1, "G"),
        Register::new(
            0x0d8,
            "REFILL_GO",
            Access::Command,
            "the miss is answered; the MMU checks the entry as any other",
        )
        .field(
            "fault",
            FAULT_BITS,
            "0: with the entry above; 1 to 5, or 6 where the hardware looks at A and D: with this fault",
        )
        .field("dirty", 1, "the entry's D; not looked at where the hardware does not look at D")
        .refused(Refusal::NothingToRefill),
        miss(0x0dc, "REFILL_STATUS", "how far the refill is").field("busy", 1, "it is not taken").field_at(
            16,
            "done",
            DONE_BITS,
            "refills that were taken, modulo 2^16",
        ),
    ]
}

fn fault() -> Vec<Register> {
    let record = |offset, name, meaning| Register::new(offset, name, Access::Status, meaning);
    vec![
        record(0x0e0, "FAULT_STATUS", "the first request answered with a fault since `FAULT_CLEAR`; stable until then")
            .field("valid", 1, "there is one; the rest counts")
            .field("more", 1, "others were answered with faults after it, or in the same cycle")
            .field("access", 2, "0 read, 1 write, 2 fetch")
            .field("user", 1, "user mode")
            .field("fault", FAULT_BITS, "docs/spec.md, section 5")
            .field("id", ID_BITS, "the requester's name for it")
            .field_at(16, "asid", ASID_BITS, "its ASID"),
        record(0x0e4, "FAULT_VPN_LO", "its VPN, bits 31:0").bits(32),
        record(0x0e8, "FAULT_VPN_HI", "its VPN, bits 51:32").bits(VPN_BITS - REGISTER_BITS),
        Register::new(0x0ec, "FAULT_CLEAR", Access::Command, "the next fault is recorded").field(
            "clear",
            1,
            "1: there is no record; 0: nothing",
        ),
    ]
}

fn performance() -> Vec<Register> {
    let mut map = vec![
        Register::new(0x100, "COUNTER_FREEZE", Access::ReadWrite, "the counters stand still").field(
            "freeze",
            1,
            "1: nothing is counted",
        ),
        Register::new(0x104, "COUNTER_CLEAR", Access::Command, "the counters are zero").field(
            "clear",
            1,
            "1: all at once; 0: nothing",
        ),
    ];
    for (place, (name, _, meaning)) in (0u32..).zip(counters()) {
        let offset = FIRST_COUNTER + 8 * place;
        map.push(Register::new(offset, &format!("{name}_LO"), Access::Counter, &meaning).bits(32));
        let high = "its high word, as it was when the low word was read";
        map.push(Register::new(offset + 4, &format!("{name}_HI"), Access::Counter, high).bits(32));
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axi::ports::WINDOW_BITS;

    #[test]
    fn registers_lie_in_order_within_the_window_and_their_fields_side_by_side() {
        let map = all();
        assert!(map.is_sorted_by(|a, b| a.offset < b.offset));
        for register in &map {
            assert!(register.offset.is_multiple_of(4) && register.offset < 1 << WINDOW_BITS, "{}", register.name);
            assert!(!register.fields.is_empty() && register.width() <= REGISTER_BITS, "{}", register.name);
            let ends = register.fields.iter().map(|field| field.low + field.bits);
            assert!(register.fields.iter().skip(1).zip(ends).all(|(next, end)| next.low >= end), "{}", register.name);
        }
    }

    #[test]
    fn what_is_stored_has_no_gaps() {
        for register in all().iter().filter(|register| register.is_stored()) {
            let bits: u32 = register.fields.iter().map(|field| field.bits).sum();
            assert_eq!(bits, register.width(), "{}", register.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<String> = all().into_iter().map(|register| register.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_constants_of_the_default_configuration() {
        let config = Config::preset("default").unwrap();
        let value = |name: &str| of(&config).iter().find(|register| register.name == name).unwrap().value(&config);
        assert_eq!(value("ID"), 0x4857_4c4b);
        assert_eq!(value("TLB"), 0x0404_0020);
        assert_eq!(value("WALKER"), 512 << 16 | 4 << 12 | 1 << 8);
        assert_eq!(value("MAX_STEPS"), 64);
    }
}
