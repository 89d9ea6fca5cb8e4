//! The text of a small design: its snapshot, that it is the same every time, that it is lint-clean; and dependencies.

mod support;

use std::path::Path;
use std::{env, fs};

use hashwalk_hdl::*;
use support::tools::{Cycle, icarus, lint, run_icarus, run_verilator};

states! {
    /// What the reader waits for.
    enum Reader { Idle, AwaitWord, Answer }
}

bundle! {
    /// A request and a write port.
    struct Inputs { request_valid: Signal, request_index: Signal, write: Write, scale: Signal }
    /// A word to store.
    struct Write { valid: Signal, index: Signal, word: Signal }
    /// The answer.
    struct Outputs { response_valid: Signal, response_word: Signal, busy: Signal, overflow: Signal }
    /// Registers.
    struct State { state: Signal, index: Signal, served: Signal, constant: Signal }
    /// What the scaler reads.
    struct Scale { word: Signal, by: Signal }
}

/// Shifts a word left; combinational.
struct Scaler {
    width: u32,
}

impl Component for Scaler {
    type Inputs = Scale;
    type Outputs = Signal;
    type State = ();
    fn name(&self) -> String {
        format!("scaler_{}", self.width)
    }
    fn inputs(&self) -> Scale {
        Scale { word: shape(self.width), by: shape(2) }
    }
    fn reset(&self) {}
    fn kernel(&self, m: &mut Module, i: Scale, (): ()) -> (Signal, ()) {
        m.cover("scaled", i.by.any());
        (i.word.shl_by(&i.by), ())
    }
}

/// Reads a word of a memory on request and scales it: every construct of the language once.
struct Lookup {
    depth: usize,
}

impl Component for Lookup {
    type Inputs = Inputs;
    type Outputs = Outputs;
    type State = State;
    fn name(&self) -> String {
        format!("lookup_{}", self.depth)
    }
    fn doc(&self) -> String {
        "Reads a word on request.\n\nLatency: two cycles.".into()
    }
    fn inputs(&self) -> Inputs {
        let write = Write { valid: shape(1), index: shape(4), word: shape(16) };
        Inputs { request_valid: shape(1), request_index: shape(4), write, scale: shape(2) }
    }
    fn reset(&self) -> State {
        State { state: Reader::Idle.signal(), index: lit(4, 0), served: lit(8, 0), constant: lit(16, 0x5a5a) }
    }
    fn kernel(&self, m: &mut Module, i: Inputs, s: State) -> (Outputs, State) {
        let words = m.memory("words", 16, self.depth).attribute("ram_style = \"block\"");
        let scaler = m.instance("scaler", &Scaler { width: 16 });
        let accept = (&i.request_valid & Reader::Idle.is(&s.state)).named("accept");
        words.connect(MemoryPorts {
            read_enable: Reader::AwaitWord.is(&s.state),
            read_address: s.index.clone(),
            write_enable: i.write.valid,
            write_address: i.write.index,
            write_data: i.write.word,
        });
        let mixed = &words.read_data ^ &s.constant;
        scaler.connect(Scale { word: mixed, by: i.scale });
        let answering = Reader::Answer.is(&s.state);
        let next_served = s.served.zext(9) + answering.zext(9);
        let next = case(
            &s.state,
            [
                (Reader::Idle, when(&accept, Reader::AwaitWord.signal()).otherwise(Reader::Idle.signal())),
                (Reader::AwaitWord, Reader::Answer.signal()),
                (Reader::Answer, Reader::Idle.signal()),
            ],
        );
        m.check("state_is_encoded", s.state.ne(&lit(2, 3)));
        m.assume("index_in_range", i.request_index.lt(&lit(4, self.depth - 1)));
        m.cover("served_many", s.served.eq_value(200));
        let outputs = Outputs {
            response_valid: answering,
            response_word: scaler.outputs,
            busy: !Reader::Idle.is(&s.state),
            overflow: next_served.bit(8),
        };
        let state = State {
            state: next,
            index: when(&accept, i.request_index).otherwise(s.index.clone()),
            served: next_served.bits(0..8),
            ..s.clone()
        };
        (outputs, state)
    }
}

#[test]
fn verilog_is_as_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for file in elaborate(&Lookup { depth: 12 }).files {
        let path = folder.join(&file.name);
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&path, &file.text).expect("a writable folder");
        }
        let reviewed = fs::read_to_string(&path).unwrap_or_default();
        let advice = "read the change, then run the test with UPDATE_SNAPSHOTS=1";
        assert_eq!(file.text, reviewed, "{} differs: {advice}", path.display());
    }
}

#[test]
fn text_is_the_same_every_time() {
    let files = elaborate(&Lookup { depth: 12 }).files;
    // Other nodes in between must not change names or order.
    let _unrelated: Vec<Signal> = (0..1000).map(|i| lit(32, i)).collect();
    assert_eq!(files, elaborate(&Lookup { depth: 12 }).files);
    let elsewhere = std::thread::spawn(|| elaborate(&Lookup { depth: 12 }).files).join().expect("no panic");
    assert_eq!(files, elsewhere);
}

#[test]
fn children_come_first_and_are_shared() {
    let design = elaborate(&Lookup { depth: 12 });
    let names: Vec<&str> = design.files.iter().map(|file| &file.name[..]).collect();
    assert_eq!(names, ["scaler_16.v", "lookup_12.v"]);
    assert_eq!(design.top, "lookup_12");
    assert!(design.has_clock && design.has_reset);
    assert_eq!(design.inputs[3], Port { name: "write_index".into(), width: 4 });
}

#[test]
fn lint_is_clean() {
    lint(&elaborate(&Lookup { depth: 12 }), &[]);
}

#[test]
fn dependencies_go_through_children_and_stop_at_registers() {
    let design = elaborate(&Lookup { depth: 12 });
    assert!(design.depends("response_word", "scale"));
    assert!(!design.depends("response_word", "write_word"));
    assert!(!design.depends("response_valid", "request_valid"));
    assert!(!design.depends("busy", "scale"));
}

#[test]
fn read_before_write_and_scale() {
    let mut lookup = Interpreter::new(&Lookup { depth: 12 });
    lookup.set("write_valid", 1);
    lookup.set("write_index", 7);
    lookup.set("write_word", 0x5a5b);
    lookup.set("request_valid", 1);
    lookup.set("request_index", 7);
    lookup.tick();
    // This cycle reads word 7 while it is written again: the answer is the first word.
    lookup.set("write_word", 0);
    lookup.set("scale", 3);
    assert_eq!(lookup.get("state"), Reader::AwaitWord.code().into());
    lookup.tick();
    assert_eq!(lookup.get("response_valid"), 1u32.into());
    assert_eq!(lookup.get("response_word"), 8u32.into());
    lookup.tick();
    assert_eq!(lookup.get("served"), 1u32.into());
    assert_eq!(lookup.get("constant"), 0x5a5au32.into());
    assert!(lookup.covered("scaler.scaled"));
    lookup.reset();
    assert_eq!(lookup.get("served"), 0u32.into());
}

#[test]
#[should_panic(expected = "`index_in_range`")]
fn interpreter_reports_a_broken_assumption() {
    let mut lookup = Interpreter::new(&Lookup { depth: 12 });
    lookup.set("request_index", 15);
    lookup.tick();
}

/// Asserts that its input is 0.
struct Touchy;

impl Component for Touchy {
    type Inputs = Signal;
    type Outputs = Signal;
    type State = ();
    fn name(&self) -> String {
        "touchy".into()
    }
    fn inputs(&self) -> Signal {
        shape(1)
    }
    fn reset(&self) {}
    fn kernel(&self, m: &mut Module, i: Signal, (): ()) -> (Signal, ()) {
        m.check("untouched", !&i);
        (i, ())
    }
}

#[test]
fn simulators_stop_at_a_failed_check_but_not_in_reset() {
    let design = elaborate(&Touchy);
    let cycle = |reset, value: u32| Cycle { reset, inputs: vec![value.into()] };
    let good = [cycle(true, 1), cycle(false, 0), cycle(false, 0)];
    let bad = [cycle(true, 1), cycle(false, 0), cycle(false, 1), cycle(false, 0)];
    type Run = fn(&Design, &[Cycle], &[&str]) -> support::tools::Trace;
    let mut tools: Vec<Run> = vec![run_verilator];
    if icarus() {
        tools.push(run_icarus);
    }
    for run in tools {
        assert_eq!(run(&design, &good, &[]).len(), 3);
        let failure = std::panic::catch_unwind(|| run(&design, &bad, &[])).expect_err("the check fails");
        let message = failure.downcast_ref::<String>().expect("a message");
        assert!(message.contains("touchy: untouched (rtl/hdl/tests/design.rs:"), "{message}");
    }
}

#[test]
fn long_chains_neither_recurse_nor_grow_lines() {
    struct Long;
    impl Component for Long {
        type Inputs = Signal;
        type Outputs = Signal;
        type State = ();
        fn name(&self) -> String {
            "long".into()
        }
        fn inputs(&self) -> Signal {
            shape(8)
        }
        fn reset(&self) {}
        fn kernel(&self, _: &mut Module, i: Signal, (): ()) -> (Signal, ()) {
            ((0..50_000u32).fold(i, |sum, n| &sum + &sum.rotl(1 + n % 7)), ())
        }
    }
    let design = elaborate(&Long);
    assert!(design.depends("out", "in"));
    assert!(design.files[0].text.lines().all(|line| line.len() < 150));
}
