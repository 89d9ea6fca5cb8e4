//! [`Instance`]: a child of a module.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use crate::netlist::Netlist;
use crate::node::{LeafKind, Place};
use crate::{Bundle, Component, Signal};

pub(crate) struct InstanceCell {
    pub(crate) name: String,
    pub(crate) child: Netlist,
    /// Port names and the leaves by which the parent reads them.
    pub(crate) outputs: Vec<(String, Signal)>,
    pub(crate) inputs: RefCell<Option<Vec<(String, Signal)>>>,
    pub(crate) at: Place,
}

/// A child module whose outputs are known and whose inputs are still to be connected.
///
/// That the inputs come later lets children be wired in a ring.
pub struct Instance<C: Component> {
    /// The child's outputs.
    pub outputs: C::Outputs,
    cell: Rc<InstanceCell>,
}

impl<C: Component> Instance<C> {
    pub(crate) fn new(
        at: Place,
        context: u64,
        name: &str,
        child: Netlist,
        outputs: &C::Outputs,
    ) -> (Instance<C>, Rc<InstanceCell>) {
        let mut leaves = Vec::new();
        let mut ports = child.outputs.iter().map(|(port, _)| port);
        let outputs = outputs.map("", &mut |_, signal| {
            let port = ports.next().expect("one port a leaf");
            let wire = format!("{name}_{port}");
            let leaf = Signal::leaf(at, signal.width(), context, LeafKind::InstanceOutput, &wire);
            leaves.push((port.clone(), leaf.clone()));
            leaf
        });
        let inputs = RefCell::new(None);
        let cell = Rc::new(InstanceCell { name: name.into(), child, outputs: leaves, inputs, at });
        (Instance { outputs, cell: cell.clone() }, cell)
    }

    /// Connects the child's inputs.
    ///
    /// # Panics
    /// When the instance is already connected or a width differs.
    #[track_caller]
    pub fn connect(&self, inputs: C::Inputs) {
        let (at, cell) = (Location::caller(), &self.cell);
        let given = inputs.leaves();
        let ports = &cell.child.inputs;
        assert!(
            given.len() == ports.len(),
            "{at}: the instance `{}` has {} inputs, not {}",
            cell.name,
            ports.len(),
            given.len()
        );
        let connected = given.into_iter().zip(ports).map(|((_, signal), (port, shape))| {
            let (want, got) = (shape.width(), signal.width());
            assert!(want == got, "{at}: the input `{port}` of `{}` has {want} bits, not {got} bits", cell.name);
            (port.clone(), signal)
        });
        let old = cell.inputs.replace(Some(connected.collect()));
        assert!(old.is_none(), "{at}: the instance `{}` is already connected", cell.name);
    }
}
