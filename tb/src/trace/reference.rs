//! One memory reference of a program and its split into pages.

use std::fmt;

/// Bytes of a page, the unit in which a trace is measured and split: 4 KiB, the smallest page of every configuration.
pub const PAGE_BYTES: u64 = 4096;

/// What a reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Reads an instruction.
    Fetch,
    /// Reads data.
    Load,
    /// Writes data.
    Store,
    /// Reads and then writes the same data in one instruction. One translation, with the right to write.
    Modify,
}

impl Kind {
    /// Whether data is read ([`Kind::Load`] and [`Kind::Modify`]).
    pub fn reads(self) -> bool {
        matches!(self, Kind::Load | Kind::Modify)
    }

    /// Whether data is written ([`Kind::Store`] and [`Kind::Modify`]): the access type that the MMU is asked with.
    pub fn writes(self) -> bool {
        matches!(self, Kind::Store | Kind::Modify)
    }

    /// Whether an instruction is read ([`Kind::Fetch`]).
    pub fn executes(self) -> bool {
        self == Kind::Fetch
    }

    /// The three characters that begin a line of this kind.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Kind::Fetch => "I  ",
            Kind::Load => " L ",
            Kind::Store => " S ",
            Kind::Modify => " M ",
        }
    }
}

/// One memory reference.
///
/// References from a [`Reader`](super::Reader) have 1 to 4096 bytes and end within the 64-bit address space, so
/// they touch one page or two. The methods expect the same of references made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// What it does.
    pub kind: Kind,
    /// Virtual address of the first byte.
    pub address: u64,
    /// Number of bytes, 1 to 4096.
    pub bytes: u16,
}

impl Reference {
    /// Virtual page number of the first byte: the address over [`PAGE_BYTES`], 52 bits.
    pub fn vpn(self) -> u64 {
        self.address / PAGE_BYTES
    }

    /// Whether the last byte lies in the page after that of the first one.
    pub fn crosses_page(self) -> bool {
        self.bytes_left_in_page() < u64::from(self.bytes)
    }

    /// The one or two pieces of this reference, in address order, each within one page: one translation each.
    ///
    /// A [`Kind::Modify`] stays one piece a page: the MMU is asked once, for a write.
    pub fn pages(self) -> impl Iterator<Item = Reference> + Clone {
        let (first, second) = if self.crosses_page() {
            // Fits in 16 bits: fewer bytes are left in the page than the reference has.
            let head = self.bytes_left_in_page() as u16;
            let rest = Reference { address: self.address + u64::from(head), bytes: self.bytes - head, ..self };
            (Reference { bytes: head, ..self }, Some(rest))
        } else {
            (self, None)
        };
        std::iter::once(first).chain(second)
    }

    fn bytes_left_in_page(self) -> u64 {
        PAGE_BYTES - self.address % PAGE_BYTES
    }
}

/// The line of a trace file, without its line end: `" L 1ffeffe7e,8"`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:08x},{}", self.kind.prefix(), self.address, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(kind: Kind, address: u64, bytes: u16) -> Vec<(u64, u16)> {
        Reference { kind, address, bytes }.pages().map(|piece| (piece.address, piece.bytes)).collect()
    }

    #[test]
    fn reference_within_a_page_is_one_piece() {
        assert_eq!(pieces(Kind::Load, 0x1ff8, 8), [(0x1ff8, 8)]);
        assert_eq!(pieces(Kind::Load, 0x1000, 4096), [(0x1000, 4096)]);
        assert_eq!(pieces(Kind::Load, u64::MAX, 1), [(u64::MAX, 1)]);
    }

    #[test]
    fn reference_across_a_boundary_is_two_pieces() {
        assert_eq!(pieces(Kind::Modify, 0x1fff, 2), [(0x1fff, 1), (0x2000, 1)]);
        assert_eq!(pieces(Kind::Store, 0x1001, 4096), [(0x1001, 4095), (0x2000, 1)]);
    }

    #[test]
    fn modify_reads_and_writes() {
        assert!(Kind::Modify.reads() && Kind::Modify.writes() && !Kind::Modify.executes());
        assert!(Kind::Fetch.executes() && !Kind::Fetch.reads());
    }
}
