//! A device that moves pages: how often it did, and for how long.

/// Cycles that a transfer of one page takes. The defaults are those of a fast disk under a CPU of 1 GHz: 100
/// microseconds to read, 50 to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Cycles to read a page.
    pub read_cycles: u64,
    /// Cycles to write a page.
    pub write_cycles: u64,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { read_cycles: 100_000, write_cycles: 50_000 }
    }
}

/// Transfers of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// Pages read.
    pub reads: u64,
    /// Pages written.
    pub writes: u64,
    latency: Latency,
}

impl Transfers {
    /// None so far, on a device with this latency.
    #[must_use]
    pub fn new(latency: Latency) -> Transfers {
        Transfers { reads: 0, writes: 0, latency }
    }

    /// The cycles that all transfers took, one after the other.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.reads * self.latency.read_cycles + self.writes * self.latency.write_cycles
    }
}

/// The bytes of one page.
pub type PageBytes = [u8; hashwalk_spec::address::FRAME_BYTES as usize];
