//! What is Verilated: Verilog text and the top module's ports.

use hashwalk_hdl::{Design, Port, SourceFile};

use crate::library::Library;

/// Verilog of a design, whether generated or written by hand.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The top module's name.
    pub top: String,
    /// All files.
    pub files: Vec<SourceFile>,
    /// What they use that lies elsewhere.
    pub library: Library,
    /// The top's inputs other than `clock` and `reset`.
    pub inputs: Vec<Port>,
    /// The top's outputs.
    pub outputs: Vec<Port>,
    /// The top has a 1-bit input `clock`; all its state changes on the rising edge.
    pub has_clock: bool,
    /// The top has a 1-bit input `reset`, active high.
    pub has_reset: bool,
}

impl From<&Design> for Sources {
    fn from(design: &Design) -> Sources {
        Sources {
            top: design.top.clone(),
            files: design.files.clone(),
            library: Library::default(),
            inputs: design.inputs.clone(),
            outputs: design.outputs.clone(),
            has_clock: design.has_clock,
            has_reset: design.has_reset,
        }
    }
}

impl From<&Sources> for Sources {
    fn from(sources: &Sources) -> Sources {
        sources.clone()
    }
}
