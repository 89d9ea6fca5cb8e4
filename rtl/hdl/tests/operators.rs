//! Every operator, alone and nested, against plain integers: in the interpreter, in Verilator and in Icarus.

mod support;

use hashwalk_hdl::{BigUint, Interpreter, elaborate};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use support::program::{Code, Program, Step, step};
use support::tools::{Cycle, icarus, lint, run_icarus, run_verilator};
use support::{config, fit, value, width};

fn compare(program: &Program, vectors: &[Vec<BigUint>]) -> TestCaseResult {
    let design = elaborate(program);
    let cut = |vector: &Vec<BigUint>| vector.iter().zip(&program.inputs).map(|(v, &w)| fit(v, w)).collect();
    let cycles: Vec<Cycle> = vectors.iter().map(|vector| Cycle { reset: false, inputs: cut(vector) }).collect();
    let want: Vec<Vec<Option<BigUint>>> = cycles
        .iter()
        .map(|cycle| program.reference(&cycle.inputs).into_iter().map(|(_, value)| Some(value)).collect())
        .collect();
    let mut interpreter = Interpreter::new(program);
    for (cycle, want) in cycles.iter().zip(&want) {
        for (port, value) in design.inputs.iter().zip(&cycle.inputs) {
            interpreter.set(&port.name, value);
        }
        for (port, want) in design.outputs.iter().zip(want) {
            let got = Some(interpreter.get(&port.name));
            prop_assert_eq!(&got, want, "interpreter, {}:\n{}", port.name, design.files[0].text);
        }
    }
    // A random program may compute a constant in a roundabout way and then compare it.
    lint(&design, &["-Wno-UNSIGNED", "-Wno-CMPCONST"]);
    let mut traces = vec![("Verilator", run_verilator(&design, &cycles, &[]))];
    if icarus() {
        traces.push(("Icarus", run_icarus(&design, &cycles, &[])));
    }
    for (tool, trace) in traces {
        for ((cycle, got), want) in cycles.iter().zip(&trace).zip(&want) {
            for ((port, got), want) in design.outputs.iter().zip(got).zip(want) {
                let text = &design.files[0].text;
                prop_assert_eq!(got, want, "{}, {}, inputs {:x?}:\n{}", tool, port.name, cycle.inputs, text);
            }
        }
        prop_assert_eq!(trace.len(), cycles.len(), "{} stopped early", tool);
    }
    Ok(())
}

/// Three inputs of random widths for each of all operators.
fn all_operators() -> impl Strategy<Value = Program> {
    let one = |code: Code| (Just(code), proptest::collection::vec(width(), 3), any::<u32>(), value());
    let all: Vec<_> = Code::ALL.iter().map(|&code| one(code)).collect();
    all.prop_map(|operators| {
        let (mut inputs, mut steps) = (Vec::new(), Vec::new());
        for (i, (code, widths, k, value)) in operators.into_iter().enumerate() {
            inputs.extend(widths);
            // Operands are taken modulo the number of values so far, which is above every input.
            steps.push(Step { code, a: 3 * i, b: 3 * i + 1, c: 3 * i + 2, k, value });
        }
        Program { name: "operators".into(), inputs, steps }
    })
}

fn nested() -> impl Strategy<Value = Program> {
    let inputs = proptest::collection::vec(prop_oneof![width(), 1u32..9], 2..8);
    let steps = proptest::collection::vec(step(), 20..90);
    (inputs, steps).prop_map(|(inputs, steps)| Program { name: "nested".into(), inputs, steps })
}

fn vectors(inputs: usize, count: usize) -> impl Strategy<Value = Vec<Vec<BigUint>>> {
    proptest::collection::vec(proptest::collection::vec(value(), inputs), count)
}

proptest! {
    #![proptest_config(config(3))]

    #[test]
    fn each_operator_agrees(program in all_operators(), vectors in vectors(3 * Code::ALL.len(), 12)) {
        compare(&program, &vectors)?;
    }
}

proptest! {
    #![proptest_config(config(5))]

    #[test]
    fn nested_expressions_agree(program in nested(), vectors in vectors(8, 20)) {
        compare(&program, &vectors)?;
    }
}
