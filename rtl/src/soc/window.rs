//! The window: 64 KiB of memory beside the core, for what runs in machine mode. Read in one cycle by both ports of the core.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `fetch_read`, `fetch_word` | in | read this word for `fetch_data` |
//! | `data_read`, `data_word` | in | read this word for `data_data` |
//! | `write`, `store_*` | in | the bytes of `strobe` of the word that `data_word` named last; not together with `data_read` |
//! | `load_*` | in | a whole word, while the core is in reset |
//! | `fetch_data`, `data_data` | out | from the cycle after the read until the next |
//!
//! There are two copies, one a reader, which are written together. Reset: none; what runs was loaded.

use hashwalk_hdl::{Component, MemoryPorts, Module, Signal, bundle, concat, shape, when};

/// Bits of a word's number.
pub const WORD_BITS: u32 = 14;

bundle! {
    /// Inputs.
    pub struct WindowInputs {
        /// 1 bit.
        pub fetch_read: Signal,
        /// 14 bits.
        pub fetch_word: Signal,
        /// 1 bit.
        pub data_read: Signal,
        /// 14 bits.
        pub data_word: Signal,
        /// 1 bit.
        pub write: Signal,
        /// 14 bits: the word that was read for the data port last.
        pub store_word: Signal,
        /// 4 bits.
        pub store_strobe: Signal,
        /// 32 bits.
        pub store_data: Signal,
        /// What the loader writes.
        pub load: Load,
    }

    /// A word that is loaded.
    pub struct Load {
        /// 1 bit.
        pub valid: Signal,
        /// 14 bits.
        pub word: Signal,
        /// 32 bits.
        pub data: Signal,
    }

    /// Outputs.
    pub struct WindowOutputs {
        /// 32 bits.
        pub fetch_data: Signal,
        /// 32 bits.
        pub data_data: Signal,
    }
}

/// The window.
pub struct Window;

/// The widths of what is loaded.
#[must_use]
pub fn load() -> Load {
    Load { valid: shape(1), word: shape(WORD_BITS), data: shape(32) }
}

impl Component for Window {
    type Inputs = WindowInputs;
    type Outputs = WindowOutputs;
    type State = ();

    fn name(&self) -> String {
        "hashwalk_soc_window".into()
    }

    fn doc(&self) -> String {
        "64 KiB of tightly coupled memory with a port for fetches and one for data.".into()
    }

    fn inputs(&self) -> WindowInputs {
        WindowInputs {
            fetch_read: shape(1),
            fetch_word: shape(WORD_BITS),
            data_read: shape(1),
            data_word: shape(WORD_BITS),
            write: shape(1),
            store_word: shape(WORD_BITS),
            store_strobe: shape(4),
            store_data: shape(32),
            load: load(),
        }
    }

    fn reset(&self) {}

    fn kernel(&self, m: &mut Module, i: WindowInputs, (): ()) -> (WindowOutputs, ()) {
        let [for_fetch, for_data] = ["for_fetch", "for_data"].map(|name| m.memory(name, 32, 1 << WORD_BITS));
        let stored = merge(&for_data.read_data, &i.store_data, &i.store_strobe);
        let readers = [(&for_fetch, i.fetch_read, i.fetch_word), (&for_data, i.data_read.clone(), i.data_word)];
        for (memory, read_enable, read_address) in readers {
            memory.connect(MemoryPorts {
                read_enable,
                read_address,
                write_enable: &i.write | &i.load.valid,
                write_address: when(&i.load.valid, i.load.word.clone()).otherwise(i.store_word.clone()),
                write_data: when(&i.load.valid, i.load.data.clone()).otherwise(stored.clone()),
            });
        }
        m.assume("no_read_for_data_meets_a_write", !(&i.data_read & &i.write));
        (WindowOutputs { fetch_data: for_fetch.read_data, data_data: for_data.read_data }, ())
    }
}

/// A word with the bytes of `strobe` replaced.
#[must_use]
pub fn merge(old: &Signal, new: &Signal, strobe: &Signal) -> Signal {
    let byte = |i: u32| when(&strobe.bit(i), new.bits(8 * i..8 * i + 8)).otherwise(old.bits(8 * i..8 * i + 8));
    concat((0..old.width() / 8).rev().map(byte))
}
