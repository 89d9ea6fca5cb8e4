//! [`Module`]: what a kernel may ask for beyond expressions.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use crate::check::{Check, CheckKind};
use crate::design::SourceFile;
use crate::instance::InstanceCell;
use crate::memory::MemoryCell;
use crate::names::is_identifier;
use crate::netlist::Netlist;
use crate::ops::one_bit;
use crate::{Component, Instance, Memory, Signal};

/// The Verilog written so far; shared by all modules of one design.
#[derive(Clone, Default)]
pub(crate) struct Library(Rc<RefCell<Vec<SourceFile>>>);

impl Library {
    /// Adds a module's text, once for all its instances.
    pub(crate) fn add(&self, netlist: &Netlist, text: String) {
        let mut files = self.0.borrow_mut();
        let name = format!("{}.v", netlist.name);
        match files.iter().find(|file| file.name == name) {
            Some(file) => assert!(
                file.text == text,
                "{}: two different modules are named `{}`; a name must tell all parameters",
                netlist.at,
                netlist.name
            ),
            None => files.push(SourceFile { name, text }),
        }
    }

    pub(crate) fn into_files(self) -> Vec<SourceFile> {
        self.0.take()
    }
}

/// The module under construction, for everything that is more than an expression.
pub struct Module {
    pub(crate) context: u64,
    library: Library,
    pub(crate) instances: Vec<Rc<InstanceCell>>,
    pub(crate) memories: Vec<Rc<MemoryCell>>,
    pub(crate) checks: Vec<Check>,
    pub(crate) ignored: Vec<Signal>,
}

impl Module {
    pub(crate) fn new(context: u64, library: Library) -> Module {
        let (instances, memories, checks, ignored) = Default::default();
        Module { context, library, instances, memories, checks, ignored }
    }

    /// A child. Its outputs can be used at once; [`Instance::connect`] must follow once.
    #[track_caller]
    pub fn instance<C: Component>(&mut self, name: &str, component: &C) -> Instance<C> {
        let at = Location::caller();
        assert!(is_identifier(name), "{at}: `{name}` is not a Verilog instance name");
        assert!(self.instances.iter().all(|cell| cell.name != name), "{at}: there is already an instance `{name}`");
        let (child, outputs) = crate::component::build(component, &self.library);
        let (instance, cell) = Instance::new(at, self.context, name, child, &outputs);
        self.instances.push(cell);
        instance
    }

    /// A memory of `depth` words, read synchronously: [`Memory::read_data`] is valid in the cycle after the address,
    /// and is the old word when the same address is written. It has no reset. [`Memory::connect`] must follow once.
    #[track_caller]
    pub fn memory(&mut self, name: &str, width: u32, depth: usize) -> Memory {
        let at = Location::caller();
        assert!(is_identifier(name), "{at}: `{name}` is not a Verilog memory name");
        assert!(self.memories.iter().all(|cell| cell.name != name), "{at}: there is already a memory `{name}`");
        let (memory, cell) = Memory::new(at, self.context, name, width, depth);
        self.memories.push(cell);
        memory
    }

    /// Asserts that the 1-bit `condition` holds at every clock edge outside reset.
    ///
    /// Checks take effect where the Verilog macro `HASHWALK_CHECKS` is defined (for Verilator, with `--assert`). With
    /// `FORMAL` as well, which Yosys defines, they are labelled and carry no message.
    #[track_caller]
    pub fn check(&mut self, name: &str, condition: impl Borrow<Signal>) {
        self.add_check(CheckKind::Assert, name, condition.borrow());
    }

    /// States that the environment makes the 1-bit `condition` hold at every clock edge outside reset. A simulation
    /// asserts it; a proof takes it for granted.
    #[track_caller]
    pub fn assume(&mut self, name: &str, condition: impl Borrow<Signal>) {
        self.add_check(CheckKind::Assume, name, condition.borrow());
    }

    /// Asks that the 1-bit `condition` holds at some clock edge outside reset.
    #[track_caller]
    pub fn cover(&mut self, name: &str, condition: impl Borrow<Signal>) {
        self.add_check(CheckKind::Cover, name, condition.borrow());
    }

    #[track_caller]
    fn add_check(&mut self, kind: CheckKind, name: &str, condition: &Signal) {
        let at = Location::caller();
        one_bit(at, "a check's condition", condition);
        assert!(is_identifier(name), "{at}: `{name}` is not a Verilog name for a check");
        assert!(self.checks.iter().all(|check| check.name != name), "{at}: there is already a check `{name}`");
        self.checks.push(Check { kind, name: name.into(), condition: condition.clone(), at });
    }

    /// States that nobody needs `signal`, which would otherwise be reported as an unused input, register or output of
    /// an instance.
    pub fn ignore(&mut self, signal: impl Borrow<Signal>) {
        self.ignored.push(signal.borrow().clone());
    }
}
