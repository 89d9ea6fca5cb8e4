//! What the element that memory has sent comes to in this cycle: what follows for its walk, and which search begins.

use hashwalk_hdl::{Signal, lit, low, one_hot_of, when};
use hashwalk_spec::Config;

use super::WalkerState;
use super::bundles::{Offer, WalkerInputs};
use super::ruling::Ruling;
use super::search::Search;
use super::slot::{Slot, Walk};
use crate::verdict::{self, Judged, Limits, Scales};

/// One element in one cycle.
pub struct Judgement {
    /// 1 bit each, one for each slot: it is this one's.
    pub speaks: Vec<Signal>,
    /// Probes that its search has made.
    pub steps: Signal,
    /// What a PTE is weighed against.
    pub scales: Scales,
    /// What it comes to, as far as it counts in this cycle.
    pub ruling: Ruling,
    /// The same, which counts in the next cycle with two hit cycles.
    pub ruling_now: Ruling,
    /// The search after its own.
    pub next_search: Search,
    /// 1 bit: its walk waits for it.
    pub listens: Signal,
    /// 1 bit: it does, and the element leaves, so that it counts.
    pub judged: Signal,
    /// 1 bit: the search goes on along the chain.
    pub follows: Signal,
    /// 1 bit: the walk is made again.
    pub restarts: Signal,
    /// 1 bit: its marks are set first.
    pub lacks_marks: Signal,
    /// 1 bit: the next search begins.
    pub next_begins: Signal,
    /// 1 bit: it decides what becomes of the walk, or of this search.
    pub decides: Signal,
    /// 1 bit: the search has found nothing, which may be known before it counts.
    pub fails: Signal,
    /// 1 bit: no search follows, unless the walk is made again; it may be known as early.
    pub starts_over: Signal,
    /// 3 bits: the walk's state after it.
    pub becomes: Signal,
    /// 1 bit: a well-formed mapping is found.
    pub finds: Signal,
}

impl Judgement {
    /// Of the element that is there; `fires`, 1 bit: it leaves in this cycle.
    pub fn of(config: &Config, i: &WalkerInputs, s: &WalkerState, fires: &Signal) -> Judgement {
        let speaks = s.element.waits();
        let listens = s.element.is_awaited(config, &s.slot);
        let steps = one_hot_of(&speaks, &s.slot, |slot| slot.steps.clone());
        let scales = Scales {
            sought: s.element.sought.clone(),
            request: s.element.request.clone(),
            private_killed: s.element.private_killed.clone(),
            global_killed: s.element.global_killed.clone(),
        };
        let element = Judged {
            bits: &s.element.bits,
            tags: &s.element.tags,
            scales: &scales,
            place: s.element.place.as_ref().unwrap_or(&s.element.tags),
            steps: &steps,
            vpn: &s.element.request.vpn,
            control: &i.control,
        };
        let step = verdict::judge(config, &element);
        let is_stale = |slot: &Slot| slot.stale.clone().unwrap_or_else(low);
        let stale = one_hot_of(&speaks, &s.slot, is_stale).named("stale");
        let last_step = s.element.last_step.clone().unwrap_or_else(low);
        let next_search = s.element.next_search.clone();
        // After the last way the search is over; ways before it decide nothing if they do not match.
        let goes_past = if config.ways() > 1 { steps.ne(&lit(steps.width(), config.ways() - 1)) } else { low() };
        let verdict = verdict::conclude(
            &step,
            &Limits {
                last_step,
                stale,
                unreadable: s.element.unreadable.clone(),
                last_search: !&next_search.exists & !&goes_past,
            },
            config.marks(),
        );
        let ruling_now = Ruling::of(config, step, verdict);
        let ruling = s.ruling.as_ref().unwrap_or(&ruling_now).clone();
        let verdict = &ruling.verdict;
        // Nobody is answered in this cycle: the delivery takes an outcome, and has none.
        let judged = (fires & &listens).named("judged");
        let follows = (&judged & &verdict.follow).named("follows");
        let restarts = (&judged & &verdict.restart).named("restarts");
        let lacks_marks = &judged & &verdict.lacks_marks;
        let next_begins = (&judged & &verdict.fails & !&goes_past).named("next_begins");
        // Of a walk that is answered nothing counts, so that whatever comes decides.
        let decides = if config.ways() > 1 { &judged & !(&goes_past & &verdict.fails) } else { fires.clone() };
        let decides = decides.named("decides");
        // Which search comes next is known before it counts: until then nothing asks for it, and nothing else is
        // judged.
        let is_ruled = if s.ruling.is_some() { &s.may_judge } else { &s.element.full };
        let speaks_up = (is_ruled & &listens).named("speaks_up");
        let fails = &speaks_up & &verdict.fails & !&goes_past;
        let starts_over = (&speaks_up & &verdict.is_last).named("starts_over");
        let becomes = when(&verdict.ends_walk, Walk::Deliver.signal())
            .or_when(&verdict.follow, Walk::Request.signal())
            .or_when(&(&verdict.lacks_marks & &listens), Walk::Check.signal())
            .otherwise(Walk::Wait.signal());
        let finds = (&judged & &verdict.finds & !&verdict.restart).named("finds");
        Judgement {
            speaks,
            steps,
            scales,
            ruling,
            ruling_now,
            next_search,
            listens,
            judged,
            follows,
            restarts,
            lacks_marks,
            next_begins,
            decides,
            fails,
            starts_over,
            becomes,
            finds,
        }
    }

    /// The end of its walk, if it comes to one. Whether the turn is open is known late: it is asked last.
    pub fn offer(&self, s: &WalkerState) -> Offer {
        let verdict = &self.ruling.verdict;
        Offer {
            valid: &s.may_judge & &self.listens & &verdict.ends_walk,
            slot: s.element.slot.clone(),
            request: s.element.request.clone(),
            fault: verdict.fault.clone(),
            is_mapping: verdict.is_mapping.clone(),
            is_granted: verdict.is_granted.clone(),
            mapping: self.ruling.mapping(&self.scales),
        }
    }
}
