//! The bridge to C++: one abstract class and the function that loads its implementations.

#[cxx::bridge(namespace = "hashwalk")]
pub(crate) mod ffi {
    unsafe extern "C++" {
        include!("loader.h");

        /// An instance of a Verilated design (cxx/dut.h).
        type Dut;

        /// Loads a shared object and makes an instance.
        fn load(path: &CxxString, seed: u32) -> Result<UniquePtr<Dut>>;

        /// # Safety
        /// `inputs` must point at all input words, `outputs` at all output words, of this design.
        unsafe fn settle(self: Pin<&mut Dut>, inputs: *const u64, outputs: *mut u64) -> Result<()>;

        /// The rising clock edge.
        fn edge(self: Pin<&mut Dut>) -> Result<()>;

        /// # Safety
        /// As for `settle`.
        unsafe fn cycle(self: Pin<&mut Dut>, inputs: *const u64, outputs: *mut u64) -> Result<()>;

        /// The edge that was put off, if one was.
        fn finish(self: Pin<&mut Dut>) -> Result<()>;

        /// Starts a wave file.
        fn open_wave(self: Pin<&mut Dut>, path: &CxxString) -> Result<()>;

        /// Completes the wave file.
        fn close_wave(self: Pin<&mut Dut>) -> Result<()>;
    }
}

// SAFETY: an instance owns its model and its VerilatedContext and has no thread affinity: every call that can reach
// the runtime's thread-local context pointer sets it first (glue.rs, `enter`). Rust lets one thread at a time call.
unsafe impl Send for ffi::Dut {}
