//! The text of single expressions: literals, operators, and long ones over several lines.

use crate::Signal;
use crate::node::Op;

/// Expressions longer than this are split into wires or lines.
pub(crate) const LONGEST: usize = 100;

/// The text of a node that has no wire (yet).
pub(crate) struct Text {
    /// On one line, when that fits.
    pub(crate) line: Option<String>,
    /// Over several lines: a chain of muxes or of one bitwise operator, or a concatenation.
    pub(crate) block: Vec<String>,
    pub(crate) op: Op,
}

impl Text {
    pub(crate) fn line(op: &Op, line: String) -> Text {
        Text { line: Some(line), block: Vec::new(), op: op.clone() }
    }

    /// Within another expression; `None` when it is too long for that.
    pub(crate) fn nested(&self) -> Option<String> {
        let line = self.line.as_ref()?;
        // These bind at least as tightly as a name.
        let closed = matches!(self.op, Op::Slice(_) | Op::Concat | Op::Repeat(_) | Op::Word);
        Some(if closed { line.clone() } else { format!("({line})") })
    }

    pub(crate) fn statement(self, head: &str, tail: &str) -> Vec<String> {
        match self.line {
            Some(line) => vec![format!("{head} {line}{tail}")],
            None => {
                let mut lines = vec![head.to_string()];
                lines.extend(self.block.iter().map(|line| format!("    {line}")));
                lines.last_mut().expect("a block has lines").push_str(tail);
                lines
            }
        }
    }
}

pub(crate) fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}

pub(crate) fn literal(signal: &Signal) -> Option<String> {
    match &signal.0.op {
        Op::Literal(value) if signal.width() == 1 => Some(format!("1'b{value:b}")),
        Op::Literal(value) => Some(format!("{}'h{value:x}", signal.width())),
        Op::State(_, name) => Some(name.clone()),
        _ => None,
    }
}

pub(crate) fn slice(name: &str, low: u32, high: u32) -> String {
    if high == low + 1 { format!("{name}[{low}]") } else { format!("{name}[{}:{low}]", high - 1) }
}

pub(crate) fn word(name: &str, index: &str, width: u32) -> String {
    match width.trailing_zeros() {
        0 => format!("{name}[{index}]"),
        zeros => format!("{name}[{{{index}, {zeros}'h0}} +: {width}]"),
    }
}

/// Comma-separated parts over lines of a readable length.
pub(crate) fn wrap(parts: Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.len() + part.len() + 2 <= LONGEST => line.push_str(&format!(", {part}")),
            Some(line) => {
                line.push(',');
                lines.push(part);
            }
            None => lines.push(part),
        }
    }
    lines
}

pub(crate) fn symbol(op: &Op) -> &'static str {
    match op {
        Op::And => "&",
        Op::Or => "|",
        Op::Xor => "^",
        Op::Add => "+",
        Op::Sub => "-",
        Op::Mul => "*",
        Op::Eq => "==",
        Op::Ne => "!=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::ShiftLeft => "<<",
        Op::ShiftRight => ">>",
        Op::Not => "~",
        Op::Any => "|",
        Op::All => "&",
        Op::Parity => "^",
        _ => unreachable!("written by its own function"),
    }
}

pub(crate) fn line(op: &Op, width: u32, o: &[String]) -> String {
    match op {
        Op::Slice(low) => slice(&o[0], *low, low + width),
        Op::Repeat(n) => format!("{{{n}{{{}}}}}", o[0]),
        Op::Not | Op::Any | Op::All | Op::Parity => format!("{}{}", symbol(op), o[0]),
        _ => format!("{} {} {}", o[0], symbol(op), o[1]),
    }
}
