//! A small direct-mapped cache of lines of memory, found by the offset in the page and compared by the frame.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `read`, `index` | in | read the line and the tag of `index`; they stand until the next read |
//! | `at`, `tag` | in | what is looked for: the index that was read last, and the frame |
//! | `hit`, `line` | out | in the cycle after the read, and until the next: it is there; its bytes |
//! | `write`, `line_new` | in | the line at `at` becomes that of `tag`; not together with `read` |
//! | `clear` | in | nothing is there any more from the next cycle on |
//!
//! As large as a page, so that the index is all offset: it is read while the MMU translates, and the frame is compared in the
//! cycle in which the translation comes. Every store goes on to memory (write-through), so nothing is ever written back.
//!
//! Latency: one cycle. Reset: empty.

use hashwalk_hdl::{Component, MemoryPorts, Module, Signal, bundle, lit, shape, when};

/// Bytes of a line: one read of memory.
pub const LINE_BYTES: u32 = 32;
/// Bits of a line.
pub const LINE_BITS: u32 = 8 * LINE_BYTES;
/// Lines of a page.
pub const LINES: u32 = 4096 / LINE_BYTES;
/// Bits of a line's number in its page.
pub const INDEX_BITS: u32 = LINES.ilog2();

bundle! {
    /// Inputs.
    pub struct CacheInputs {
        /// 1 bit.
        pub read: Signal,
        /// 7 bits.
        pub index: Signal,
        /// 7 bits.
        pub at: Signal,
        /// The frame.
        pub tag: Signal,
        /// 1 bit.
        pub write: Signal,
        /// 256 bits.
        pub line_new: Signal,
        /// 1 bit.
        pub clear: Signal,
    }

    /// Outputs.
    pub struct CacheOutputs {
        /// 1 bit.
        pub hit: Signal,
        /// 256 bits.
        pub line: Signal,
    }

    /// Registers.
    pub struct CacheState {
        /// Bit i: something stands at index i.
        pub used: Signal,
    }
}

/// A cache of lines of this many bits of frame numbers.
pub struct Cache {
    /// Bits of a frame's number.
    pub tag_bits: u32,
}

impl Component for Cache {
    type Inputs = CacheInputs;
    type Outputs = CacheOutputs;
    type State = CacheState;

    fn name(&self) -> String {
        "hashwalk_soc_cache".into()
    }

    fn doc(&self) -> String {
        format!("Direct-mapped cache: {LINES} lines of {LINE_BYTES} bytes, write-through.")
    }

    fn inputs(&self) -> CacheInputs {
        CacheInputs {
            read: shape(1),
            index: shape(INDEX_BITS),
            at: shape(INDEX_BITS),
            tag: shape(self.tag_bits),
            write: shape(1),
            line_new: shape(LINE_BITS),
            clear: shape(1),
        }
    }

    fn reset(&self) -> CacheState {
        CacheState { used: lit(LINES, 0u32) }
    }

    fn kernel(&self, m: &mut Module, i: CacheInputs, s: CacheState) -> (CacheOutputs, CacheState) {
        let ports = |data: &Signal| MemoryPorts {
            read_enable: i.read.clone(),
            read_address: i.index.clone(),
            write_enable: i.write.clone(),
            write_address: i.at.clone(),
            write_data: data.clone(),
        };
        let tags = m.memory("tags", self.tag_bits, LINES as usize);
        tags.connect(ports(&i.tag));
        let lines = m.memory("lines", LINE_BITS, LINES as usize);
        lines.connect(ports(&i.line_new));
        m.assume("no_read_meets_a_write", !(&i.read & &i.write));

        let hit = s.used.word(&i.at, 1) & tags.read_data.eq(&i.tag);
        let here = lit(LINES, 1u32).shl_by(&i.at);
        let used = when(&i.clear, lit(LINES, 0u32)).or_when(&i.write, &s.used | here).otherwise(s.used);
        (CacheOutputs { hit, line: lines.read_data }, CacheState { used })
    }
}
