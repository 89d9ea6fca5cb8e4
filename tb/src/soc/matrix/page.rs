//! The page of the matrix in Markdown: what was measured, and what that shows. Every number in it comes from the rows.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use hashwalk_spec::Config;

use super::plots::{distinct, mean, reference};
use super::prediction::{FITTED_TO, predictions};
use super::row::Row;
use crate::report::grouped;

/// A slowdown that is called good enough.
const GOOD_ENOUGH: f64 = 1.1;

/// The page.
pub(super) fn page(rows: &[Row], command: &str, config: &Config) -> String {
    let figures = Figures { rows, latency: reference(rows) };
    let sections = [
        intro(command, config),
        figures.shows(),
        figures.enough(),
        figures.programs(),
        figures.handlers(),
        figures.all(),
        figures.predicted(config.beats()),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n"
}

fn intro(command: &str, config: &Config) -> Vec<String> {
    let settings = config.settings();
    vec![
        "# Hardware walks and software refill, measured".into(),
        wrapped(
            "Written by `make refill`, with the same bytes each time; not to be edited. The numbers of every run are in \
             [refill.csv](refill.csv).",
        ),
        format!("```\n{command} --output docs\n```"),
        wrapped(&format!(
            "lowRISC's Ibex (RV32IMC, in order) executes programs on the MMU ([soc.md](soc.md)): {} TLB entries and {}, a bus of \
             {} bits where the format allows it, {} walks at a time, no predictor, no walk cache, {} MiB. Once the hardware walks \
             the table; once the processor does, in a handler that it executes. Both see the same table and the same memory, whose \
             reads take the given latency; every translation that is used is judged by the golden model, and every program prints \
             the same both times.",
            settings.tlb_entries,
            if settings.l2_entries == 0 { "no second level".into() } else { format!("{} behind", settings.l2_entries) },
            settings.bus_bits,
            settings.walks,
            settings.frames / 256,
        )),
        wrapped(
            "A *walk* is the hardware's, from the lookup to its answer. A *miss* is software's, from the trap to the answer to the \
             access that is made again; a miss that becomes a page fault is counted apart, and is no part of these. *Time in \
             refill* is the share of all cycles in which an access waits for a walk, or the handler runs. Misses per thousand \
             instructions are walks of the hardware over instructions in user mode.",
        ),
        "![Slowdown over misses](refill.svg)\n\n![Cycles of a miss over latency](refill-miss.svg)".into(),
    ]
}

struct Figures<'a> {
    rows: &'a [Row],
    latency: u32,
}

impl<'a> Figures<'a> {
    fn names(&self) -> Vec<&'a str> {
        distinct(self.rows, |row| row.handler.as_str())
    }

    fn latencies(&self) -> Vec<u32> {
        let mut latencies = distinct(self.rows, |row| row.memory_latency);
        latencies.sort_unstable();
        latencies
    }

    fn of(&self, handler: &str, latency: u32) -> impl Iterator<Item = &'a Row> + use<'a, '_> {
        let handler = handler.to_owned();
        self.rows.iter().filter(move |row| row.handler == handler && row.memory_latency == latency)
    }

    /// Cycles of a miss over all programs.
    fn miss(&self, handler: &str, latency: u32) -> f64 {
        mean(self.of(handler, latency).map(|row| (row.misses, row.cycles_a_miss)))
    }

    fn part(&self, handler: &str, part: fn(&Row) -> f64) -> f64 {
        mean(self.of(handler, self.latency).map(|row| (row.misses, part(row))))
    }

    /// Cycles of a walk over all programs.
    fn walk(&self, handler: &str, latency: u32) -> f64 {
        mean(self.of(handler, latency).map(|row| (row.walks, row.cycles_a_walk)))
    }

    /// Misses per thousand instructions at which software takes [`GOOD_ENOUGH`] times the cycles of hardware: of the program
    /// that bears the fewest, and of the one that bears the most.
    fn bearable(&self, handler: &str, latency: u32) -> (f64, f64) {
        let limits = self.of(handler, latency).map(|row| {
            let busy = row.hardware_cycles as f64 * (1.0 - row.hardware_share) / row.user_instructions as f64;
            let more = row.cycles_a_miss + BEFORE_TRAP - GOOD_ENOUGH * row.cycles_a_walk;
            1000.0 * (GOOD_ENOUGH - 1.0) * busy / more
        });
        limits.fold((f64::INFINITY, 0.0), |(low, high), limit| (low.min(limit), high.max(limit)))
    }

    fn shows(&self) -> Vec<String> {
        let Some(&base) = self.names().first() else { return Vec::new() };
        let (latencies, latency) = (self.latencies(), self.latency);
        let by_ratio = |a: &&Row, b: &&Row| a.ratio.total_cmp(&b.ratio);
        let Some((least, most)) = self.of(base, latency).min_by(by_ratio).zip(self.of(base, latency).max_by(by_ratio))
        else {
            return Vec::new();
        };
        let (miss, walk) = (self.miss(base, latency), self.walk(base, latency));
        let mut found = vec![
            "## What it shows".to_owned(),
            wrapped(&format!(
                "**Software refill costs what the misses say.** At a latency of {latency} cycles under `{base}`, {} ({:.1} misses \
                 per thousand instructions) takes {:.2} times the cycles of hardware walks, {} ({:.1}) {:.2} times. A miss costs \
                 software {miss:.0} cycles, a walk {walk:.0}: {:.1} times.",
                least.program,
                least.misses_per_thousand,
                least.ratio,
                most.program,
                most.misses_per_thousand,
                most.ratio,
                miss / walk,
            )),
        ];
        let (hash, loads) = (self.part(base, |row| row.hash), self.part(base, |row| row.loads));
        let mut text = format!(
            "**It is instructions that cost, not memory.** Of {miss:.0} cycles the hash takes {hash:.0} ({:.0} %), the loads and what \
             is done with them {loads:.0} ({:.0} %), and all else {:.0}.",
            100.0 * hash / miss,
            100.0 * loads / miss,
            miss - hash - loads,
        );
        let (low, high) = (latencies[0], latencies[latencies.len() - 1]);
        if low < high {
            let (miss, walk) = ([low, high].map(|at| self.miss(base, at)), [low, high].map(|at| self.walk(base, at)));
            text += &format!(
                " From latency {low} to {high} a miss goes from {:.0} to {:.0} cycles, a walk from {:.0} to {:.0}: the slower memory \
                 is, the less it matters who walks ({:.1} times the cycles at {low}, {:.1} at {high}). The handler's loads go through \
                 the processor's cache, which holds most of a table as small as these: of {} cycles more a load a miss feels {:.0}. \
                 The walker reads memory each time. With a large table software would feel most of the latency, too.",
                miss[0],
                miss[1],
                walk[0],
                walk[1],
                miss[0] / walk[0],
                miss[1] / walk[1],
                high - low,
                miss[1] - miss[0],
            );
        }
        found.push(wrapped(&text));
        let fold = format!("{base}_fold");
        if self.of(&fold, latency).next().is_some() {
            found.push(wrapped(&format!(
                "**The hash decides.** It is made for hardware, where it takes a cycle or two. With a hash of two instructions \
                 (`{fold}`, whose tables an attacker can fill) a miss takes {:.0} cycles instead of {miss:.0}.",
                self.miss(&fold, latency),
            )));
        }
        let mut formats = Vec::new();
        for name in self.names() {
            let format = self.of(name, latency).map(|row| row.format.as_str()).next().unwrap_or_default();
            if !formats.iter().any(|(_, known, _)| *known == format) {
                formats.push((name, format, self.miss(name, latency)));
            }
        }
        if formats.len() > 1 {
            formats.sort_by(|a, b| a.2.total_cmp(&b.2));
            let list = formats.iter().map(|(name, format, miss)| {
                let walk = self.walk(name, latency);
                format!("{format} {miss:.0} against {walk:.0} ({name})")
            });
            found.push(wrapped(&format!(
                "**Formats.** Cycles of a miss in software against those of a walk, at {latency}: {}. Handlers in C save more \
                 registers and let their compiler choose: they are no measure of the format alone.",
                list.collect::<Vec<_>>().join(", "),
            )));
        }
        found
    }

    fn enough(&self) -> Vec<String> {
        let latencies = self.latencies();
        let header = std::iter::once("handler".to_owned()).chain(latencies.iter().map(|l| format!("latency {l}")));
        let rows = self.names().into_iter().map(|name| {
            let cell = |&latency: &u32| match self.of(name, latency).next() {
                Some(_) => {
                    let (low, high) = self.bearable(name, latency);
                    format!("{low:.1} to {high:.1}")
                }
                None => "–".into(),
            };
            std::iter::once(name.to_owned()).chain(latencies.iter().map(cell)).collect()
        });
        let table = markdown(header.collect(), rows.collect(), 1);
        let limits: Vec<(f64, f64)> = self.names().iter().map(|name| self.bearable(name, self.latency)).collect();
        let low = limits.iter().map(|limit| limit.0).fold(f64::INFINITY, f64::min);
        let high = limits.iter().map(|limit| limit.1).fold(0.0, f64::max);
        let near = match self.rows.iter().filter(|row| row.ratio <= GOOD_ENOUGH).count() {
            0 => "none stays".into(),
            1 => "1 stays".into(),
            count => format!("{count} stay"),
        };
        vec![
            "## When software refill is good enough".into(),
            wrapped(&format!(
                "Say that a tenth more cycles is bearable. With b cycles for an instruction without its misses, m misses for each, w \
                 cycles a walk and s cycles a miss (with {BEFORE_TRAP} more before the trap), software takes (b + m s) / (b + m w) \
                 times the cycles of hardware; that is {GOOD_ENOUGH} at the m below, per thousand instructions. The b of a program \
                 is what it waits for caches, above all: the one that waits least bears fewest misses, and stands first. It is a \
                 calculation from what was measured, without page faults. Of the {} measured rows {near} within it.",
                self.rows.len(),
            )),
            table,
            wrapped(&format!(
                "So at a latency of {} software is good enough for programs of less than {low:.1} to {high:.1} misses per thousand \
                 instructions, by program and handler: those whose pages the TLB holds nearly all. A larger TLB, a second level or \
                 huge pages bring a program there; with more misses than that the walker pays, the more the faster memory is. A \
                 format of many reads (radix) narrows the gap because its walks are slow, not because its handler is fast.",
                self.latency,
            )),
        ]
    }

    fn programs(&self) -> Vec<String> {
        let Some(&base) = self.names().first() else { return Vec::new() };
        let latencies = self.latencies();
        let header = ["program".to_owned(), "misses per thousand".into()]
            .into_iter()
            .chain(latencies.iter().map(|latency| format!("latency {latency}")));
        let rows = distinct(self.rows, |row| row.program.as_str()).into_iter().map(|program| {
            let at = |latency: u32| self.of(base, latency).find(|row| row.program == program);
            let misses = at(self.latency).map_or_else(|| "–".into(), |row| format!("{:.2}", row.misses_per_thousand));
            let ratios = latencies
                .iter()
                .map(|&latency| at(latency).map_or_else(|| "–".into(), |row| format!("{:.2}", row.ratio)));
            [program.to_owned(), misses].into_iter().chain(ratios).collect()
        });
        vec![
            format!("## Programs under `{base}`: cycles with software over cycles with hardware"),
            markdown(header.collect(), rows.collect(), 1),
        ]
    }

    fn handlers(&self) -> Vec<String> {
        let header = [
            "handler",
            "format",
            "hash",
            "reads a walk",
            "cycles a walk",
            "cycles a miss",
            "trap",
            "entry",
            "hash",
            "loads",
            "refill",
            "return",
            "replay",
        ];
        let parts: [fn(&Row) -> f64; 7] = [
            |row| row.trap,
            |row| row.entry,
            |row| row.hash,
            |row| row.loads,
            |row| row.refill,
            |row| row.returning,
            |row| row.replay,
        ];
        let rows = self.names().into_iter().filter_map(|name| {
            let first = self.of(name, self.latency).next()?;
            let reads = mean(self.of(name, self.latency).map(|row| (row.walks, row.reads_a_walk)));
            let mut row = vec![name.to_owned(), first.format.clone(), first.table_hash.clone(), format!("{reads:.2}")];
            row.push(format!("{:.1}", self.walk(name, self.latency)));
            row.push(format!("{:.1}", self.miss(name, self.latency)));
            row.extend(parts.map(|part| format!("{:.1}", self.part(name, part))));
            Some(row)
        });
        vec![
            format!("## Handlers at latency {}, over all programs", self.latency),
            markdown(header.map(String::from).to_vec(), rows.collect(), 3),
            wrapped(
                "`*_asm` are by hand in assembly, the others in C; `*_exact` look at every bit of an entry; `*_fold` walk tables \
                 under a hash of two instructions. All are in `tb/soc/handlers`.",
            ),
        ]
    }

    fn all(&self) -> Vec<String> {
        let header = [
            "program",
            "handler",
            "cycles, hardware",
            "cycles, software",
            "ratio",
            "cycles a walk",
            "reads a walk",
            "cycles a miss",
            "in refill, hardware",
            "in refill, software",
        ];
        let here = self.rows.iter().filter(|row| row.memory_latency == self.latency);
        let rows = here.map(|row| {
            vec![
                row.program.clone(),
                row.handler.clone(),
                grouped(row.hardware_cycles),
                grouped(row.software_cycles),
                format!("{:.2}", row.ratio),
                format!("{:.1}", row.cycles_a_walk),
                format!("{:.2}", row.reads_a_walk),
                format!("{:.1}", row.cycles_a_miss),
                format!("{:.1} %", 100.0 * row.hardware_share),
                format!("{:.1} %", 100.0 * row.software_share),
            ]
        });
        vec![
            format!("## Every program and handler at latency {}", self.latency),
            markdown(header.map(String::from).to_vec(), rows.collect(), 2),
            wrapped(
                "Cycles with hardware walks are those of the first handler's kernel for all handlers of a format and hash; the \
                 kernels differ in a lookup that only page faults use. The other latencies are in refill.csv.",
            ),
        ]
    }

    fn predicted(&self, beats: u32) -> Vec<String> {
        let predictions = predictions(self.rows, beats);
        if predictions.is_empty() {
            return Vec::new();
        }
        let worst = predictions.iter().map(|p| (p.modelled / p.measured - 1.0).abs()).fold(0.0, f64::max);
        let header = ["latency", "measured", "modelled", "difference"].map(String::from).to_vec();
        let rows = predictions.iter().map(|p| {
            vec![
                p.latency.to_string(),
                format!("{:.1}", p.measured),
                format!("{:.1}", p.modelled),
                format!("{:+.1} %", (1000.0 * (p.modelled / p.measured - 1.0)).round() / 10.0 + 0.0),
            ]
        });
        vec![
            "## The modelled handler of `hashwalk run`".into(),
            wrapped(&format!(
                "`hashwalk run --refill software` has no processor: the parts of its handler are numbers, fitted to `{FITTED_TO}` at \
                 latency {} as measured here (docs/timing.md). Cycles of a miss that they give at each latency, within {:.0} %:",
                super::REFERENCE_LATENCY,
                (100.0 * worst).ceil(),
            )),
            markdown(header, rows.collect(), 0),
            wrapped(
                "The model waits for memory in each read of an element, as a processor does whose cache does not hold the table; \
                 this one's cache mostly does. So it is too short where memory is fast, and too long where it is slow.",
            ),
        ]
    }
}

/// Cycles from a lookup that software is to serve to the trap (docs/soc.md).
const BEFORE_TRAP: f64 = 7.0;

/// A table; columns from `numbers` on are numbers.
fn markdown(header: Vec<String>, rows: Vec<Vec<String>>, numbers: usize) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(header);
    rows.into_iter().for_each(|row| _ = table.add_row(row));
    table.column_iter_mut().skip(numbers).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

/// The text in lines of the documents' width.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 130 {
            lines.push(word.into());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.join("\n")
}
