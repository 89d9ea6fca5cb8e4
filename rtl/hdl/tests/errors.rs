//! Every mistake in a description is a panic that names the mistake and the Rust line.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hashwalk_hdl::*;

/// The message of the panic in `f`.
fn message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().expect("a message").to_string(),
    }
}

/// `f` panics with a message that starts with this file and its own line and holds all of `parts`.
#[track_caller]
fn fails_here(line: u32, parts: &[&str], f: impl FnOnce()) {
    let message = message(f);
    let place = format!("{}:{line}:", file!());
    assert!(message.starts_with(&place), "`{message}` does not start with `{place}`");
    for part in parts {
        assert!(message.contains(part), "`{message}` does not mention `{part}`");
    }
}

type Kernel = fn(&mut Module, Vec<Signal>) -> Vec<Signal>;

/// Inputs `in_0`, `in_1` of 8 and 1 bits, and a kernel without state.
struct Stateless(&'static str, Kernel);

impl Component for Stateless {
    type Inputs = Vec<Signal>;
    type Outputs = Vec<Signal>;
    type State = ();
    fn name(&self) -> String {
        self.0.into()
    }
    fn inputs(&self) -> Vec<Signal> {
        vec![shape(8), shape(1)]
    }
    fn reset(&self) {}
    fn kernel(&self, m: &mut Module, i: Vec<Signal>, (): ()) -> (Vec<Signal>, ()) {
        ((self.1)(m, i), ())
    }
}

const PASS: Stateless = Stateless("pass", |_, i| i);

#[test]
fn operators_name_widths_and_line() {
    let (a, b) = (shape(8), shape(9));
    fails_here(line!(), &["`+` on 8 bits and 9 bits"], || drop(&a + &b));
    fails_here(line!(), &["`&` on 8 bits and 9 bits"], || drop(a.clone() & &b));
    fails_here(line!(), &["`lt`", "9 bits and 8 bits"], || drop(b.lt(&a)));
    fails_here(line!(), &["1 bit wide, not 9 bits"], || drop(a.gate(&b)));
    fails_here(line!(), &["256", "8 bits"], || drop(a.eq_value(256)));
    fails_here(line!(), &["bits 3..9", "8 bits"], || drop(a.bits(3..9)));
    fails_here(line!(), &["9 bits to 8 bits"], || drop(b.zext(8)));
    fails_here(line!(), &["2048"], || drop(a.repeat(256)));
    fails_here(line!(), &["0 bits"], || drop(shape(0)));
    fails_here(line!(), &["the literal 4 does not fit 2 bits"], || drop(lit(2, 4)));
}

#[test]
fn choices_name_widths_and_line() {
    bundle! { struct Two { first: Signal, second: Signal } }
    let two = |width| Two { first: shape(1), second: shape(width) };
    fails_here(line!(), &["`second`", "3 bits and 4 bits"], || drop(when(&shape(1), two(3)).otherwise(two(4))));
    fails_here(line!(), &["condition", "2 bits"], || drop(when(&shape(2), shape(8))));
    let (short, long) = (vec![low(); 2], vec![low(); 3]);
    fails_here(line!(), &["2 and 3 signals"], || drop(when(&shape(1), short).otherwise(long)));
    fails_here(line!(), &["no choice"], || drop(one_hot_mux(Vec::<(Signal, Signal)>::new())));
    fails_here(line!(), &["4 bits", "5 bits"], || drop(two(4).unpack(&shape(4))));
}

#[test]
fn case_wants_each_state_once() {
    states! { enum Step { Start, Middle, End } }
    let state = shape(2);
    let arms = [(Step::Start, low()), (Step::End, low())];
    fails_here(line!(), &["Step", "no arm for Middle"], || drop(case(&state, arms)));
    let arms = [Step::Start, Step::Middle, Step::End, Step::Middle].map(|step| (step, low()));
    fails_here(line!(), &["Step", "2 arms for Middle"], || drop(case(&state, arms)));
}

#[test]
fn unread_input_is_named() {
    let message = message(|| drop(elaborate(&Stateless("deaf", |_, i| vec![!&i[0]]))));
    assert!(message.contains("`deaf`") && message.contains("the input `in_1`"), "{message}");
    assert!(message.contains(&format!("{}:4", file!())), "the shape's line: {message}");
    // Deliberately unread is fine.
    elaborate(&Stateless("deaf", |m, i| {
        m.ignore(&i[1]);
        vec![!&i[0]]
    }));
}

#[test]
fn unread_output_of_a_child_is_named() {
    let line = line!() + 2;
    let parent = Stateless("parent", |m, i| {
        let child = m.instance("ears", &PASS);
        child.connect(i);
        vec![child.outputs[0].clone()]
    });
    let message = message(|| drop(elaborate(&parent)));
    assert!(message.contains(&format!("{}:{line}:", file!())), "{message}");
    assert!(message.contains("the output `out_1` of the instance `ears`"), "{message}");
}

#[test]
fn instances_are_connected_once() {
    let never = message(|| drop(elaborate(&Stateless("parent", |m, _| m.instance("lost", &PASS).outputs))));
    assert!(never.contains("`lost` is never connected") && never.starts_with(file!()), "{never}");
    let twice = |m: &mut Module, i: Vec<Signal>| {
        let child = m.instance("found", &PASS);
        child.connect(i.clone());
        child.connect(i);
        child.outputs
    };
    let twice = message(|| drop(elaborate(&Stateless("parent", twice))));
    assert!(twice.contains("`found` is already connected") && twice.starts_with(file!()), "{twice}");
    let wide = |m: &mut Module, i: Vec<Signal>| {
        let child = m.instance("found", &PASS);
        child.connect(vec![i[0].clone(), i[0].clone()]);
        child.outputs
    };
    let wide = message(|| drop(elaborate(&Stateless("parent", wide))));
    assert!(wide.contains("`in_1` of `found` has 1 bits, not 8 bits") && wide.starts_with(file!()), "{wide}");
}

#[test]
fn combinational_loop_through_children_is_named() {
    let ring = Stateless("ring", |m, i| {
        let (first, second) = (m.instance("first", &PASS), m.instance("second", &PASS));
        let turned = (&first.outputs[0] + &i[0]).named("turned");
        second.connect(vec![turned, i[1].clone()]);
        first.connect(vec![second.outputs[0].clone(), second.outputs[1].clone()]);
        vec![first.outputs[1].clone(), second.outputs[0].clone()]
    });
    let message = message(|| drop(elaborate(&ring)));
    for part in ["combinational loop", "first.out_0", "first.in_0", "second.out_0", "second.in_0", "turned"] {
        assert!(message.contains(part), "`{message}` does not mention `{part}`");
    }
    // Only half of each child is on the ring.
    assert!(!message.contains("in_1"), "{message}");
}

#[test]
fn two_modules_of_one_name_are_refused() {
    let parent = Stateless("parent", |m, i| {
        let straight = m.instance("straight", &PASS);
        straight.connect(i);
        let turned = m.instance("turned", &Stateless("pass", |_, i| vec![!&i[0], !&i[1]]));
        turned.connect(straight.outputs);
        turned.outputs
    });
    let message = message(|| drop(elaborate(&parent)));
    assert!(message.contains("two different modules are named `pass`"), "{message}");
}

#[test]
fn shapes_and_reserved_names_are_refused() {
    let value = message(|| {
        drop(elaborate(&Stateless("hollow", |_, mut i| {
            i.push(shape(3));
            i
        })))
    });
    assert!(value.contains("`hollow`") && value.contains("a `shape` has no value"), "{value}");

    bundle! { struct Out { module: Signal } }
    struct Reserved;
    impl Component for Reserved {
        type Inputs = ();
        type Outputs = Out;
        type State = ();
        fn name(&self) -> String {
            "reserved".into()
        }
        fn inputs(&self) {}
        fn reset(&self) {}
        fn kernel(&self, _: &mut Module, (): (), (): ()) -> (Out, ()) {
            (Out { module: low() }, ())
        }
    }
    let reserved = message(|| drop(elaborate(&Reserved)));
    assert!(reserved.contains("`module`") && reserved.contains("taken or reserved"), "{reserved}");
}

#[test]
fn register_width_is_kept() {
    struct Grows;
    impl Component for Grows {
        type Inputs = ();
        type Outputs = Signal;
        type State = Signal;
        fn name(&self) -> String {
            "grows".into()
        }
        fn inputs(&self) {}
        fn reset(&self) -> Signal {
            lit(4, 0)
        }
        fn kernel(&self, _: &mut Module, (): (), s: Signal) -> (Signal, Signal) {
            (s.clone(), s.zext(5))
        }
    }
    let message = message(|| drop(elaborate(&Grows)));
    assert!(message.starts_with(file!()), "{message}");
    assert!(message.contains("`state` of 4 bits") && message.contains("5 bits"), "{message}");
}
