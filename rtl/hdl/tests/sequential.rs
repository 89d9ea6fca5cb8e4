//! Registers, memories and children, cycle by cycle, against plain integers: in the interpreter, Verilator and Icarus.

mod support;

use hashwalk_hdl::*;
use proptest::prelude::*;
use support::program::{Program, step};
use support::tools::{Cycle, Trace, icarus, lint, run_icarus, run_verilator};
use support::{config, fit, value};

const MEMORY_WIDTH: u32 = 33;
const MEMORY_DEPTH: usize = 4;
/// The last input of the machine drives the memory: read and write enable, then a part of each address.
const CONTROL_WIDTH: u32 = 6;

fn fitted(signal: &Signal, width: u32) -> Signal {
    if signal.width() >= width { signal.bits(0..width) } else { signal.zext(width) }
}

/// The results of a program, in registers.
#[derive(Clone, Debug)]
struct Child {
    program: Program,
    widths: Vec<u32>,
}

impl Component for Child {
    type Inputs = Vec<Signal>;
    type Outputs = Vec<Signal>;
    type State = Vec<Signal>;

    fn name(&self) -> String {
        "child".into()
    }
    fn inputs(&self) -> Vec<Signal> {
        self.program.inputs()
    }
    fn reset(&self) -> Vec<Signal> {
        self.widths.iter().map(|&width| lit(width, 1)).collect()
    }
    fn kernel(&self, m: &mut Module, i: Vec<Signal>, s: Vec<Signal>) -> (Vec<Signal>, Vec<Signal>) {
        i.iter().for_each(|input| m.ignore(input));
        (s, self.program.hardware(&i))
    }
}

/// Registers, a memory and two children, the inputs of all of them from one program over the outputs of all of them.
///
/// The last input keeps the memory busy, and idle before the first reset, when its address is unknown.
#[derive(Clone, Debug)]
struct Machine {
    inputs: Vec<u32>,
    registers: Vec<u32>,
    child: Child,
    program: Program,
}

impl Machine {
    /// The children read each other's outputs and the memory's; all come before the program's own results.
    fn sources(&self) -> usize {
        self.program.inputs.len()
    }
}

impl Component for Machine {
    type Inputs = Vec<Signal>;
    type Outputs = Vec<Signal>;
    type State = Vec<Signal>;

    fn name(&self) -> String {
        "machine".into()
    }
    fn inputs(&self) -> Vec<Signal> {
        self.inputs.iter().chain([&CONTROL_WIDTH]).map(|&width| shape(width)).collect()
    }
    fn reset(&self) -> Vec<Signal> {
        self.registers.iter().map(|&width| lit(width, (BigUint::from(1u32) << width) - 1u32)).collect()
    }
    fn kernel(&self, m: &mut Module, mut i: Vec<Signal>, s: Vec<Signal>) -> (Vec<Signal>, Vec<Signal>) {
        let control = i.pop().expect("the last input");
        let memory = m.memory("ram", MEMORY_WIDTH, MEMORY_DEPTH).attribute("ram_style = \"block\"");
        let children = [m.instance("first", &self.child), m.instance("second", &self.child)];
        let mixed = fitted(&i[0], MEMORY_WIDTH);
        let mut sources = [i, s.clone(), vec![memory.read_data.clone()]].concat();
        children.iter().for_each(|child| sources.extend(child.outputs.iter().cloned()));
        sources.iter().for_each(|source| m.ignore(source));
        let results = self.program.hardware(&sources);
        let pick = |n: usize, width: u32| fitted(&results[n % results.len()], width);

        memory.connect(MemoryPorts {
            read_enable: control.bit(0),
            read_address: pick(1, 2) ^ control.bits(2..4),
            write_enable: control.bit(1),
            write_address: pick(3, 2) ^ control.bits(4..6),
            write_data: pick(4, MEMORY_WIDTH) ^ &mixed,
        });
        for (n, child) in children.iter().enumerate() {
            let ports = self.child.program.inputs.iter().enumerate();
            child.connect(ports.map(|(port, &width)| pick(5 + 7 * n + port, width)).collect());
        }
        m.cover("seen", results[0].any());
        m.check("tautology", results[0].any() | results[0].is_zero());
        // The first register shows that one returned as it came keeps its value.
        let mut next = s;
        for (n, register) in next.iter_mut().enumerate().skip(1) {
            *register = pick(20 + n, register.width());
        }
        ([results, vec![memory.read_data]].concat(), next)
    }
}

/// The machine on plain integers.
fn reference(machine: &Machine, cycles: &[Cycle]) -> Trace {
    let ones = |&width: &u32| (BigUint::from(1u32) << width) - 1u32;
    let reset_registers: Vec<BigUint> = machine.registers.iter().map(ones).collect();
    let reset_child = vec![BigUint::from(1u32); machine.child.widths.len()];
    let mut registers = reset_registers.clone();
    let mut children = [reset_child.clone(), reset_child.clone()];
    let mut words = vec![BigUint::ZERO; MEMORY_DEPTH];
    let mut read_data = BigUint::ZERO;
    let mut trace = Vec::new();
    for cycle in cycles {
        let (control, inputs) = cycle.inputs.split_last().expect("the last input");
        let sources = [inputs, &registers, std::slice::from_ref(&read_data), &children[0], &children[1]];
        let sources: Vec<BigUint> = sources.into_iter().flatten().cloned().collect();
        assert_eq!(sources.len(), machine.sources());
        let results: Vec<BigUint> = machine.program.reference(&sources).into_iter().map(|(_, value)| value).collect();
        let pick = |n: usize, width: u32| fit(&results[n % results.len()], width);
        let index = |n: usize, low: u32| usize::try_from(pick(n, 2) ^ fit(&(control >> low), 2)).expect("two bits");
        let shown = read_data.clone();

        if control.bit(0) {
            read_data = words[index(1, 2)].clone();
        }
        if control.bit(1) {
            words[index(3, 4)] = pick(4, MEMORY_WIDTH) ^ fit(&inputs[0], MEMORY_WIDTH);
        }
        for (n, child) in children.iter_mut().enumerate() {
            let ports = machine.child.program.inputs.iter().enumerate();
            let inputs: Vec<BigUint> = ports.map(|(port, &width)| pick(5 + 7 * n + port, width)).collect();
            let next = machine.child.program.reference(&inputs).into_iter().map(|(_, value)| value).collect();
            *child = if cycle.reset { reset_child.clone() } else { next };
        }
        for (n, register) in registers.iter_mut().enumerate().skip(1) {
            *register = pick(20 + n, machine.registers[n]);
        }
        if cycle.reset {
            registers = reset_registers.clone();
        }
        trace.push(results.into_iter().chain([shown]).map(Some).collect());
    }
    trace
}

fn interpret(machine: &Machine, design: &Design, cycles: &[Cycle]) -> Trace {
    let mut interpreter = Interpreter::new(machine);
    let step = |cycle: &Cycle| {
        design.inputs.iter().zip(&cycle.inputs).for_each(|(port, value)| interpreter.set(&port.name, value));
        let outputs = design.outputs.iter().map(|port| Some(interpreter.get(&port.name))).collect();
        if cycle.reset {
            interpreter.reset()
        } else {
            interpreter.tick()
        }
        outputs
    };
    cycles.iter().map(step).collect()
}

fn machine() -> impl Strategy<Value = Machine> {
    let widths = |count| proptest::collection::vec(prop_oneof![1u32..40, Just(64), Just(65)], count);
    let steps = |count| proptest::collection::vec(step(), count);
    (widths(1..4), widths(2..5), widths(1..4), steps(4..10), steps(15..40)).prop_map(
        |(inputs, registers, child_inputs, child_steps, steps)| {
            let program = Program { name: "child".into(), inputs: child_inputs, steps: child_steps };
            let zeros = vec![BigUint::ZERO; program.inputs.len()];
            let widths: Vec<u32> = program.reference(&zeros).into_iter().map(|(width, _)| width).collect();
            let sources = [&inputs[..], &registers, &[MEMORY_WIDTH], &widths, &widths].concat();
            let child = Child { program, widths };
            let program = Program { name: "machine".into(), inputs: sources, steps };
            Machine { inputs, registers, child, program }
        },
    )
}

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn state_memories_and_children_agree(
        machine in machine(),
        values in proptest::collection::vec((proptest::collection::vec(value(), 4), 0..30u32, 0u32..64), 80),
    ) {
        let cycle = |(n, (values, dice, control)): (usize, (Vec<BigUint>, u32, u32))| {
            let inputs = values.iter().zip(&machine.inputs).map(|(v, &w)| fit(v, w));
            Cycle { reset: n < 2 || dice == 0, inputs: inputs.chain([if n == 0 { BigUint::ZERO } else { control.into() }]).collect() }
        };
        let cycles: Vec<Cycle> = values.into_iter().enumerate().map(cycle).collect();
        let design = elaborate(&machine);
        let text: Vec<&str> = design.files.iter().map(|file| &file.text[..]).collect();
        let text = text.join("\n");
        lint(&design, &["-Wno-UNSIGNED", "-Wno-CMPCONST"]);
        let want = reference(&machine, &cycles);
        let memories = ["ram[0]", "ram[1]", "ram[2]", "ram[3]", "ram_read_data"];
        prop_assert_eq!(&interpret(&machine, &design, &cycles), &want, "interpreter:\n{}", text);
        let got = run_verilator(&design, &cycles, &memories);
        // The interpreter and the reference start as after a reset; the simulators know nothing in the first cycle.
        prop_assert_eq!(&got[1..], &want[1..], "Verilator:\n{}", text);
        if icarus() {
            let got = run_icarus(&design, &cycles, &memories);
            prop_assert_eq!(&got[1..], &want[1..], "Icarus:\n{}", text);
        }
    }
}
