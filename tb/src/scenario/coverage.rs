//! Functional coverage: which kinds of answer were seen, and which of them cannot be.
//!
//! A bin is one format, level, outcome, size of the mapping that decided, whether an entry was torn that was read for it, and
//! one thing that an invalidation did to the request. An answer that several invalidations met counts in several bins. What
//! cannot happen is said in one table, [`impossible`], with the reason; that it happened all the same is an error of hardware
//! or bench. What happens so seldom that a bin may stay empty is said in another, [`seldom`].

use std::collections::HashMap;

use comfy_table::{CellAlignment, Table};
use hashwalk_spec::{Config, Fault, Format, Marking, PageSize};
use thiserror::Error;

use crate::machine::{Answered, Level, Phase};
use crate::report::plain_table;

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bin {
    /// The format of the table.
    pub format: Format,
    /// Who found the answer.
    pub level: Level,
    /// An entry that was read for it was torn.
    pub torn: bool,
    /// The fault; `None` is a translation.
    pub outcome: Option<Fault>,
    /// The size of the mapping that decided.
    pub size: Option<PageSize>,
    /// What an invalidation did to the request meanwhile.
    pub phase: Phase,
}

/// Hardware that was checked: what its answers can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The format that it walks.
    pub format: Format,
    /// Whether some of it has a second level of the TLB.
    pub has_l2: bool,
    /// Whether some of it makes several walks at a time, so that requests may share them.
    pub shares: bool,
    /// Whether some of it reads entries with sequence numbers, which may be torn.
    pub tears: bool,
    /// Whether some of it, which does not, ends walks of pages that lack A or D in a fault.
    pub faults_unmarked: bool,
}

impl Checked {
    /// What these configurations are, a format each.
    #[must_use]
    pub fn of(configs: &[Config]) -> Vec<Checked> {
        let of = |format| configs.iter().filter(move |config| config.format() == format);
        let present = Format::ALL.into_iter().filter(|format| of(*format).next().is_some());
        let checked = |format| Checked {
            format,
            has_l2: of(format).any(|config| config.l2_sets() > 0),
            shares: of(format).any(|config| config.walks() > 1),
            tears: of(format).any(Config::sequence),
            faults_unmarked: of(format).any(|config| config.marks() == Marking::Fault),
        };
        present.map(checked).collect()
    }
}

/// A bin was counted that nothing may fall into.
#[derive(Debug, Error)]
#[error("{bin} cannot happen: {reason}")]
pub struct Impossible {
    bin: Bin,
    reason: &'static str,
}

/// Why nothing may fall into this bin; `None` if something may.
#[must_use]
pub fn impossible(bin: &Bin) -> Option<&'static str> {
    let unmarked = bin.outcome == Some(Fault::Unmarked);
    let by_mapping = matches!(bin.outcome, None | Some(Fault::Rights | Fault::Unmarked));
    let restarted = !matches!(bin.phase, Phase::Undisturbed | Phase::Unrelated | Phase::NothingRead);
    let in_tlb = matches!(bin.level, Level::Tlb | Level::L2);
    let cuckoo = bin.format == Format::Cuckoo;
    let reasons = [
        (in_tlb && !by_mapping, "the TLB holds mappings, and no faults"),
        (in_tlb && unmarked, "a page of the TLB whose marks do not allow the access is looked at in the table"),
        (bin.level == Level::Shared && !by_mapping, "a walk that finds nothing is not shared"),
        (bin.level == Level::Shared && unmarked, "a page without the marks for the access is brought to nobody else"),
        (
            bin.torn && !matches!(bin.level, Level::Walk | Level::Software),
            "what decided was not read for the request itself",
        ),
        (cuckoo && bin.outcome == Some(Fault::ChainTooLong), "a cuckoo table has no chains"),
        (
            bin.format == Format::Radix && bin.outcome == Some(Fault::ChainTooLong),
            "a radix tree has so many levels and no more",
        ),
        (by_mapping && bin.size.is_none(), "without a mapping nothing is translated or denied"),
        (!by_mapping && bin.size.is_some(), "no mapping decides that none was found"),
        (bin.level == Level::Tlb && restarted, "a hit is answered in the next cycle and never restarted"),
        (
            bin.level == Level::L2 && bin.phase == Phase::Delivery,
            "there is one place for an answer: while it holds the second level's, it does not hold the walk's own",
        ),
        (
            bin.level == Level::Software && matches!(bin.phase, Phase::Request | Phase::Check),
            "no read is requested or judged where software serves the miss",
        ),
    ];
    reasons.into_iter().find_map(|(applies, reason)| applies.then_some(reason))
}

/// What has to come together for a bin that may stay empty in some ten thousand scenarios; `None` if nothing special has.
#[must_use]
pub fn seldom(bin: &Bin) -> Option<&'static str> {
    let ends_broken = matches!(bin.outcome, Some(Fault::Malformed | Fault::ChainTooLong | Fault::BusError));
    let at_an_end = matches!(bin.phase, Phase::NothingRead | Phase::Delivery);
    let by_itself = matches!(bin.level, Level::Walk | Level::Software);
    let reasons = [
        (
            bin.level == Level::L2 && !matches!(bin.phase, Phase::Undisturbed | Phase::Unrelated),
            "the second level's answer stands for one cycle, and what is invalidated in it concerns the request, but does \
             not name the page",
        ),
        (
            bin.level == Level::Shared && matches!(bin.phase, Phase::Check | Phase::Delivery),
            "the request's own walk has found a page that is named in that cycle, and another's is there before it is made \
             again",
        ),
        (
            bin.torn && at_an_end,
            "an entry is read in the few cycles in which it is torn, and the invalidation comes in the few before the first \
             read, or in the one of the answer",
        ),
        (
            bin.torn && ends_broken && bin.phase != Phase::Undisturbed,
            "the table is torn and broken within one walk, and an invalidation comes besides",
        ),
        (
            ends_broken && by_itself && at_an_end,
            "the table is broken on the request's way, and the invalidation comes in the few cycles before the first read, \
             or in the one of the answer",
        ),
    ];
    reasons.into_iter().find_map(|(applies, reason)| applies.then_some(reason))
}

/// How often each bin was counted.
#[derive(Clone, Debug, Default)]
pub struct Coverage(HashMap<Bin, u64>);

impl Coverage {
    /// Counts an answer whose origin was watched.
    ///
    /// # Errors
    /// It cannot have come about so.
    pub fn count(&mut self, config: &Config, answered: &Answered) -> Result<(), Impossible> {
        let Some(origin) = &answered.origin else { return Ok(()) };
        // Where the hardware sets marks only software answers so, for its own reasons.
        if answered.answer == Err(Fault::Unmarked) && config.marks() == Marking::Update {
            return Ok(());
        }
        let format = config.format();
        for &phase in &origin.phases {
            let outcome = answered.answer.err();
            let bin = Bin { format, level: origin.level, torn: origin.torn, outcome, size: origin.size, phase };
            if let Some(reason) = impossible(&bin) {
                return Err(Impossible { bin, reason });
            }
            *self.0.entry(bin).or_default() += 1;
        }
        Ok(())
    }

    /// How often a bin was counted.
    #[must_use]
    pub fn times(&self, bin: &Bin) -> u64 {
        self.0.get(bin).copied().unwrap_or_default()
    }

    /// The legal bins of this hardware that were never counted.
    #[must_use]
    pub fn empty(&self, checked: &[Checked]) -> Vec<Bin> {
        legal(checked).filter(|bin| self.times(bin) == 0).collect()
    }

    /// All legal bins of this hardware with their counts, and a summary with the empty ones.
    #[must_use]
    pub fn report(&self, checked: &[Checked]) -> String {
        let mut table = plain_table();
        let phases = Phase::ALL.map(phase_name);
        table.set_header(["format", "found by", "outcome", "page"].into_iter().chain(phases));
        for row in bins(checked).filter(|bin| bin.phase == Phase::Undisturbed && impossible(bin).is_none()) {
            let cell = |phase| {
                let bin = Bin { phase, ..row };
                if impossible(&bin).is_some() { "-".into() } else { self.times(&bin).to_string() }
            };
            let head = [row.format.to_string(), finder_name(&row), outcome_name(row.outcome), size_name(row.size)];
            table.add_row(head.into_iter().chain(Phase::ALL.map(cell)));
        }
        align_right(&mut table);
        let empty = self.empty(checked);
        let unexplained = empty.iter().filter(|bin| seldom(bin).is_none()).count();
        let mut text = format!(
            "{table}\n{} legal bins, {} empty, {unexplained} of them for no known reason",
            legal(checked).count(),
            empty.len()
        );
        for bin in empty {
            let reason = seldom(&bin).unwrap_or("more scenarios should fill it");
            text.push_str(&format!("\n  empty: {bin}: {reason}"));
        }
        text
    }
}

fn align_right(table: &mut Table) {
    for column in 4..4 + Phase::ALL.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Every bin of this hardware, legal or not.
fn bins(checked: &[Checked]) -> impl Iterator<Item = Bin> {
    let mut all = Vec::new();
    for &Checked { format, has_l2, shares, tears, faults_unmarked } in checked {
        let levels = [Level::Tlb, Level::L2, Level::Walk, Level::Shared, Level::Software];
        let is_there = |level: &Level| match level {
            Level::L2 => has_l2,
            Level::Shared => shares,
            Level::Tlb | Level::Walk | Level::Software => true,
        };
        let finders = levels.into_iter().filter(is_there).flat_map(|level| [(level, false), (level, true)]);
        for (level, torn) in finders.filter(|(_, torn)| tears || !torn) {
            let is_there = |fault: &Fault| *fault != Fault::Unmarked || (faults_unmarked && !torn);
            for outcome in std::iter::once(None).chain(Fault::ALL.into_iter().filter(is_there).map(Some)) {
                for size in PageSize::ALL.map(Some).into_iter().chain([None]) {
                    all.extend(Phase::ALL.map(|phase| Bin { format, level, torn, outcome, size, phase }));
                }
            }
        }
    }
    all.into_iter()
}

/// Every bin of this hardware that something may fall into.
pub fn legal(checked: &[Checked]) -> impl Iterator<Item = Bin> {
    bins(checked).filter(|bin| impossible(bin).is_none())
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Tlb => "TLB",
        Level::L2 => "second level",
        Level::Walk => "walk",
        Level::Shared => "another's walk",
        Level::Software => "software",
    }
}

fn finder_name(bin: &Bin) -> String {
    format!("{}{}", level_name(bin.level), if bin.torn { " after a torn entry" } else { "" })
}

fn outcome_name(outcome: Option<Fault>) -> String {
    outcome.map_or("translation".into(), |fault| fault.to_string())
}

fn size_name(size: Option<PageSize>) -> String {
    size.map_or("none".into(), |size| size.to_string())
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Undisturbed => "undisturbed",
        Phase::Unrelated => "unrelated",
        Phase::NothingRead => "nothing read",
        Phase::Request => "request",
        Phase::Data => "data",
        Phase::Check => "check",
        Phase::Delivery => "delivery",
    }
}

impl std::fmt::Display for Bin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (finder, outcome, size) = (finder_name(self), outcome_name(self.outcome), size_name(self.size));
        write!(f, "{}, {finder}, {outcome}, page {size}, invalidation {}", self.format, phase_name(self.phase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::default_configs;
    use crate::machine::Origin;
    use hashwalk_spec::{Access, Asid, Pfn, Request, Translation, Vpn};

    const LINE: Checked =
        Checked { format: Format::Line, has_l2: true, shares: false, tears: false, faults_unmarked: false };

    /// Lines have 6 kinds of hit in 3 phases, 6 of the second level in 6, 10 of walk in 7, 10 of software refill in 5.
    /// Cuckoo tables have 9 kinds of walk in 7, and 9 of software refill in 5. Where walks are shared, 6 kinds in 7. Where
    /// entries may be torn, those of walk and of software refill once more. Where pages may lack marks, 3 of walk in 7 and 3 of
    /// software refill in 5.
    #[test]
    fn legal_bins_are_as_many_as_by_hand() {
        assert_eq!(legal(&[LINE]).count(), 6 * 3 + 6 * 6 + 10 * 7 + 10 * 5);
        let cuckoo = Checked { format: Format::Cuckoo, ..LINE };
        assert_eq!(legal(&[cuckoo]).count(), 6 * 3 + 6 * 6 + 9 * 7 + 9 * 5);
        assert_eq!(legal(&[Checked { shares: true, ..LINE }]).count(), legal(&[LINE]).count() + 6 * 7);
        let chained = Checked { format: Format::Chained, ..LINE };
        assert_eq!(legal(&[Checked { tears: true, ..chained }]).count(), legal(&[chained]).count() + 10 * 7 + 10 * 5);
        let marked = Checked { faults_unmarked: true, ..LINE };
        assert_eq!(legal(&[marked]).count(), legal(&[LINE]).count() + 3 * 7 + 3 * 5);
        assert_eq!(bins(&Checked::of(&default_configs())).count(), (6 * 7 + 6) * 5 * 4 * 7);
    }

    fn line() -> Config {
        Config::preset("default").expect("a preset of lines")
    }

    fn answered(level: Level, phases: &[Phase]) -> Answered {
        let request = Request { asid: Asid::truncate(1), vpn: Vpn::truncate(2), access: Access::Read, user: false };
        let origin = Some(Origin { level, torn: false, size: Some(PageSize::Small), phases: phases.to_vec() });
        let answer = Ok(Translation { pfn: Pfn::truncate(3) });
        let in_tlb = u8::from(level == Level::Tlb);
        Answered { id: 0, request, answer, level: in_tlb, shared: false, cycles: 1, reads: 0, origin }
    }

    #[test]
    fn an_answer_counts_once_for_each_phase() {
        let mut coverage = Coverage::default();
        coverage.count(&line(), &answered(Level::Walk, &[Phase::Unrelated, Phase::Check])).unwrap();
        let size = Some(PageSize::Small);
        let bin = |phase| Bin { format: Format::Line, level: Level::Walk, torn: false, outcome: None, size, phase };
        assert_eq!([Phase::Unrelated, Phase::Check, Phase::Data].map(|phase| coverage.times(&bin(phase))), [1, 1, 0]);
        assert_eq!(coverage.empty(&[LINE]).len(), 172);
        assert!(coverage.report(&[LINE]).contains("174 legal bins, 172 empty, "));
    }

    #[test]
    fn no_bin_is_excused_in_which_no_invalidation_meets_the_request() {
        let checked = Checked::of(&default_configs());
        let calm = |bin: &Bin| matches!(bin.phase, Phase::Undisturbed | Phase::Unrelated) && !bin.torn;
        assert_eq!(legal(&checked).filter(calm).find_map(|bin| seldom(&bin)), None);
        assert!(legal(&checked).filter(|bin| seldom(bin).is_none()).count() > legal(&checked).count() / 2);
    }

    #[test]
    fn an_impossible_bin_is_an_error() {
        let error = Coverage::default().count(&line(), &answered(Level::Tlb, &[Phase::Check])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line, TLB, translation, page 4 KiB, invalidation check cannot happen: a hit is answered in the next cycle \
             and never restarted"
        );
    }
}
