//! The bundles that cross module boundaries, with the widths of docs/spec.md, section 9.

use hashwalk_hdl::{Bundle, Signal, bundle, lit, shape};
use hashwalk_spec::address::{ASID_BITS, PFN_BITS, PHYS_ADDR_BITS, VPN_BITS};
use hashwalk_spec::entry::INDEX_BITS;
use hashwalk_spec::fault::FAULT_BITS;
use hashwalk_spec::transaction::ID_BITS;
use hashwalk_spec::{Config, Format, Hash, Marking};

/// Bits of a page size's code.
pub const SIZE_BITS: u32 = 2;
/// Bits of the rights R, W, X, U.
pub const RIGHTS_BITS: u32 = 4;
/// Bits of the `keyed` hash's key.
pub const KEY_BITS: u32 = 128;
/// Bits of the mask of enabled searches.
pub const SEARCHES: u32 = 6;

bundle! {
    /// What is asked: a page of an address space, and how it is accessed.
    pub struct Request {
        /// 4 bits: the requester's name for it.
        pub id: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 2 bits: read, write, fetch.
        pub access: Signal,
        /// 1 bit: user mode.
        pub user: Signal,
    }

    /// A well-formed translation of one page, as the TLB keeps it.
    pub struct Mapping {
        /// 52 bits: the page's first VPN.
        pub vpn: Signal,
        /// 16 bits: that of the request for which it was found; it counts only if the mapping is not global.
        pub asid: Signal,
        /// 1 bit.
        pub global: Signal,
        /// 2 bits: never the reserved code.
        pub size: Signal,
        /// 40 bits: the page's first frame.
        pub pfn: Signal,
        /// 4 bits: R, W, X, U from the lowest.
        pub rights: Signal,
        /// 1 bit: D is set, so that writes may be answered; only where the hardware looks at it.
        pub dirty: Option<Signal>,
    }

    /// An invalidation in the cycle in which it takes effect.
    pub struct Invalidate {
        /// 1 bit.
        pub valid: Signal,
        /// 2 bits: all, ASID, address, address in ASID.
        pub kind: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
    }

    /// Registers that software writes; all but `software_refill` change only while the MMU is idle.
    pub struct Control {
        /// 1 bit: misses go to software.
        pub software_refill: Signal,
        /// 40 bits: the table's first frame.
        pub table_frame: Signal,
        /// 32 bits: the number of entries less one.
        pub table_mask: Signal,
        /// 40 bits: the first frame of the frames' entries; only of an inverted table.
        pub entries_frame: Option<Signal>,
        /// 128 bits; only with the `keyed` hash.
        pub hash_key: Option<Signal>,
        /// 6 bits: search i is made if bit i is set.
        pub search_enable: Signal,
    }

    /// The port on which translations are asked for.
    pub struct Lookup {
        /// 1 bit.
        pub valid: Signal,
        /// 4 bits: the requester's name for the request.
        pub id: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 2 bits.
        pub access: Signal,
        /// 1 bit.
        pub user: Signal,
    }

    /// The answer to the request that was accepted in the cycle before, which has hit the first level.
    pub struct Answer {
        /// 1 bit.
        pub valid: Signal,
        /// 4 bits.
        pub id: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 3 bits.
        pub fault: Signal,
    }

    /// The answer to a request that has missed the first level.
    pub struct LateAnswer {
        /// 1 bit.
        pub valid: Signal,
        /// 4 bits.
        pub id: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 3 bits.
        pub fault: Signal,
        /// 2 bits: [`hashwalk_spec::LateSource`].
        pub source: Signal,
    }

    /// The memory port, into the hardware.
    pub struct MemoryIn {
        /// 1 bit.
        pub request_ready: Signal,
        /// 1 bit: a beat of data.
        pub response_valid: Signal,
        /// The id of the read that it belongs to.
        pub response_id: Signal,
        /// Bus width.
        pub response_data: Signal,
        /// 1 bit: the beat could not be read.
        pub response_error: Signal,
    }

    /// The memory port, out of the hardware.
    pub struct MemoryOut {
        /// 1 bit.
        pub request_valid: Signal,
        /// 52 bits: a multiple of the element's bytes.
        pub request_address: Signal,
        /// 4 bits: beats of the read, a constant.
        pub request_beats: Signal,
        /// Which walk asks.
        pub request_id: Signal,
        /// 1 bit: a beat of data is taken.
        pub response_ready: Signal,
    }

    /// Software's answer to a miss.
    pub struct Refill {
        /// 1 bit.
        pub valid: Signal,
        /// 3 bits: 0, or the fault to answer with in place of the mapping.
        pub fault: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 40 bits.
        pub pfn: Signal,
        /// 2 bits; any code.
        pub size: Signal,
        /// 4 bits.
        pub rights: Signal,
        /// 1 bit.
        pub global: Signal,
        /// 1 bit: D; only where the hardware looks at it.
        pub dirty: Option<Signal>,
    }

    /// A word of the table that shall be changed, if it still is what was read.
    pub struct UpdateOut {
        /// 1 bit.
        pub valid: Signal,
        /// 52 bits: a multiple of 8.
        pub address: Signal,
        /// 64 bits: what must stand there.
        pub expected: Signal,
        /// 64 bits: what shall.
        pub desired: Signal,
    }

    /// Memory's side of that.
    pub struct UpdateIn {
        /// 1 bit: the change is accepted.
        pub ready: Signal,
        /// 1 bit, for one cycle: it is over, and the other two count.
        pub done: Signal,
        /// 1 bit: the word was what was expected, and is what was desired.
        pub swapped: Signal,
        /// 1 bit: the word could not be changed.
        pub error: Signal,
    }

    /// A miss that software is asked to serve.
    pub struct Miss {
        /// 1 bit.
        pub valid: Signal,
        /// 52 bits.
        pub vpn: Signal,
        /// 16 bits.
        pub asid: Signal,
        /// 2 bits.
        pub access: Signal,
        /// 1 bit.
        pub user: Signal,
    }

    /// What a walk, the second level or software has found for a request.
    pub struct Outcome {
        /// 3 bits: 0, or the fault that answers the request.
        pub fault: Signal,
        /// 1 bit: there is a well-formed mapping, even if it denies the access.
        pub is_mapping: Signal,
        /// The mapping, if there is one.
        pub mapping: Mapping,
        /// 1 bit: the second level gave it.
        pub from_l2: Signal,
        /// 1 bit: the second level may keep it.
        pub keep: Signal,
    }
}

impl Lookup {
    /// The request without its handshake.
    #[must_use]
    pub fn request(&self) -> Request {
        let Lookup { id, vpn, asid, access, user, .. } = self.clone();
        Request { id, vpn, asid, access, user }
    }
}

/// The widths of a request.
#[must_use]
pub fn request() -> Request {
    Request { id: shape(ID_BITS), vpn: shape(VPN_BITS), asid: shape(ASID_BITS), access: shape(2), user: shape(1) }
}

/// The widths of a mapping.
#[must_use]
pub fn mapping(config: &Config) -> Mapping {
    Mapping { dirty: config.marks().is_checked().then(|| shape(1)), ..unmarked_mapping() }
}

/// The widths of a mapping where software keeps the marks.
#[must_use]
pub fn unmarked_mapping() -> Mapping {
    Mapping {
        vpn: shape(VPN_BITS),
        asid: shape(ASID_BITS),
        global: shape(1),
        size: shape(SIZE_BITS),
        pfn: shape(PFN_BITS),
        rights: shape(RIGHTS_BITS),
        dirty: None,
    }
}

/// The widths of the answer to a hit.
#[must_use]
pub fn answer() -> Answer {
    Answer { valid: shape(1), id: shape(ID_BITS), pfn: shape(PFN_BITS), fault: shape(FAULT_BITS) }
}

/// The widths of a late answer.
#[must_use]
pub fn late_answer() -> LateAnswer {
    let Answer { valid, id, pfn, fault } = answer();
    LateAnswer { valid, id, pfn, fault, source: shape(2) }
}

/// The widths of a miss.
#[must_use]
pub fn miss() -> Miss {
    let Request { vpn, asid, access, user, .. } = request();
    Miss { valid: shape(1), vpn, asid, access, user }
}

/// The widths of an invalidation.
#[must_use]
pub fn invalidate() -> Invalidate {
    Invalidate { valid: shape(1), kind: shape(2), vpn: shape(VPN_BITS), asid: shape(ASID_BITS) }
}

/// The widths of the lookup port.
#[must_use]
pub fn lookup() -> Lookup {
    let Request { id, vpn, asid, access, user } = request();
    Lookup { valid: shape(1), id, vpn, asid, access, user }
}

/// The widths of the control registers.
#[must_use]
pub fn control(config: &Config) -> Control {
    Control {
        software_refill: shape(1),
        table_frame: shape(PFN_BITS),
        table_mask: shape(INDEX_BITS),
        entries_frame: (config.format() == Format::Inverted).then(|| shape(PFN_BITS)),
        hash_key: (config.hash() == Hash::Keyed && config.format() != Format::Radix).then(|| shape(KEY_BITS)),
        search_enable: shape(SEARCHES),
    }
}

/// The widths of the memory port's inputs.
#[must_use]
pub fn memory_in(config: &Config) -> MemoryIn {
    MemoryIn {
        request_ready: shape(1),
        response_valid: shape(1),
        response_id: shape(config.walk_id_bits()),
        response_data: shape(config.bus_bits()),
        response_error: shape(1),
    }
}

/// The widths of software's answer.
#[must_use]
pub fn refill(config: &Config) -> Refill {
    let Mapping { vpn, asid, global, size, pfn, rights, dirty } = mapping(config);
    Refill { valid: shape(1), fault: shape(FAULT_BITS), vpn, asid, pfn, size, rights, global, dirty }
}

/// The widths of memory's side of a change; only where the hardware makes any.
#[must_use]
pub fn update_in(config: &Config) -> Option<UpdateIn> {
    let update = UpdateIn { ready: shape(1), done: shape(1), swapped: shape(1), error: shape(1) };
    (config.marks() == Marking::Update).then_some(update)
}

/// The width of a physical address on the memory port.
pub const ADDRESS_BITS: u32 = PHYS_ADDR_BITS;

/// The widths of an outcome.
#[must_use]
pub fn outcome(config: &Config) -> Outcome {
    let mapping = mapping(config);
    Outcome { fault: shape(FAULT_BITS), is_mapping: shape(1), mapping, from_l2: shape(1), keep: shape(1) }
}

/// The same bundle of zeros: what a register holds that counts for nothing yet.
#[must_use]
pub fn zeros<B: Bundle>(shape: &B) -> B {
    shape.map("", &mut |_, leaf| lit(leaf.width(), 0u32))
}
