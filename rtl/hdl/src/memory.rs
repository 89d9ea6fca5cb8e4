//! [`Memory`]: a RAM with one read port and one write port.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use crate::node::{LeafKind, Place};
use crate::simplify::index_width;
use crate::{Bundle, Signal};

crate::bundle! {
    /// The inputs of a [`Memory`].
    pub struct MemoryPorts {
        /// Read in this cycle; otherwise the read data stay as they are.
        pub read_enable: Signal,
        /// Which word to read; below the depth whenever `read_enable` is 1. As wide as `depth - 1` needs, at least 1.
        pub read_address: Signal,
        /// Write in this cycle.
        pub write_enable: Signal,
        /// Which word to write; below the depth whenever `write_enable` is 1.
        pub write_address: Signal,
        /// The word to write.
        pub write_data: Signal,
    }
}

pub(crate) struct MemoryCell {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) depth: usize,
    pub(crate) attribute: RefCell<Option<String>>,
    pub(crate) ports: RefCell<Option<MemoryPorts>>,
    pub(crate) read_data: Signal,
    pub(crate) at: Place,
}

impl MemoryCell {
    pub(crate) fn connected(&self) -> Vec<(String, Signal)> {
        self.ports.borrow().as_ref().expect("checked at elaboration").leaves()
    }
}

/// A memory whose ports are still to be connected.
pub struct Memory {
    /// The word read by the last cycle whose `read_enable` was 1.
    pub read_data: Signal,
    cell: Rc<MemoryCell>,
}

impl Memory {
    pub(crate) fn new(at: Place, context: u64, name: &str, width: u32, depth: usize) -> (Memory, Rc<MemoryCell>) {
        assert!(depth >= 2, "{at}: the memory `{name}` of {depth} words needs no address; use a register");
        let read_data = Signal::leaf(at, width, context, LeafKind::MemoryRead, &format!("{name}_read_data"));
        let (attribute, ports) = Default::default();
        let name = name.into();
        let cell = Rc::new(MemoryCell { name, width, depth, attribute, ports, read_data: read_data.clone(), at });
        (Memory { read_data, cell: cell.clone() }, cell)
    }

    /// The width of both addresses.
    pub fn address_width(&self) -> u32 {
        index_width(self.cell.depth)
    }

    /// Writes `(* attribute *)` before the memory, for example `ram_style = "block"`.
    #[must_use = "the memory is still to be connected"]
    pub fn attribute(self, attribute: &str) -> Memory {
        self.cell.attribute.replace(Some(attribute.into()));
        self
    }

    /// Connects the ports.
    ///
    /// # Panics
    /// When the memory is already connected or a width differs.
    #[track_caller]
    pub fn connect(&self, ports: MemoryPorts) {
        let (at, cell) = (Location::caller(), &self.cell);
        let address = self.address_width();
        for ((port, signal), want) in ports.leaves().iter().zip([1, address, 1, address, cell.width]) {
            let got = signal.width();
            assert!(want == got, "{at}: `{port}` of the memory `{}` has {want} bits, not {got} bits", cell.name);
        }
        let old = cell.ports.replace(Some(ports));
        assert!(old.is_none(), "{at}: the memory `{}` is already connected", cell.name);
    }
}
