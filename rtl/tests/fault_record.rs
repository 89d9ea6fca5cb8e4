//! The record of the first fault against what it should keep, worked out from all that was asked and answered.

use hashwalk_hdl::Interpreter;
use hashwalk_rtl::axi::fault_record::FaultKeeper;

/// What is asked: VPN, ASID, access, user.
type Asked = (u64, u32, u32, u32);

/// The hardware, and what was asked last under each id.
struct Bench {
    keeper: Interpreter,
    asked: [Asked; 16],
}

/// What happens in a cycle.
#[derive(Clone, Copy, Default)]
struct Cycle {
    accepted: Option<(usize, Asked)>,
    /// Id and fault.
    answer: Option<(usize, u32)>,
    late: Option<(usize, u32)>,
    clear: bool,
}

/// A record as software sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Record {
    more: bool,
    id: usize,
    fault: u32,
    asked: Asked,
}

impl Bench {
    fn new() -> Bench {
        Bench { keeper: Interpreter::new(&FaultKeeper), asked: [(0, 0, 0, 0); 16] }
    }

    fn tick(&mut self, cycle: Cycle) {
        let keeper = &mut self.keeper;
        let (id, (vpn, asid, access, user)) = cycle.accepted.unwrap_or_default();
        keeper.set("accepted", u32::from(cycle.accepted.is_some()));
        keeper.set("asked_id", id);
        keeper.set("asked_vpn", vpn);
        keeper.set("asked_asid", asid);
        keeper.set("asked_access", access);
        keeper.set("asked_user", user);
        for (port, said) in [("answer", cycle.answer), ("late", cycle.late)] {
            // What is not valid does not count.
            let (id, fault) = said.unwrap_or((9, 3));
            keeper.set(&format!("{port}_valid"), u32::from(said.is_some()));
            keeper.set(&format!("{port}_id"), id);
            keeper.set(&format!("{port}_fault"), fault);
        }
        keeper.set("clear", u32::from(cycle.clear));
        keeper.tick();
        if let Some((id, asked)) = cycle.accepted {
            self.asked[id] = asked;
        }
    }

    fn record(&mut self) -> Option<Record> {
        let mut get = |name: &str| self.keeper.get(name).iter_u64_digits().next().unwrap_or(0);
        let asked = (
            get("record_asked_vpn"),
            get("record_asked_asid") as u32,
            get("record_asked_access") as u32,
            get("record_asked_user") as u32,
        );
        let record = Record {
            more: get("record_more") == 1,
            id: get("record_asked_id") as usize,
            fault: get("record_fault") as u32,
            asked,
        };
        (get("record_valid") == 1).then_some(record)
    }
}

const FIRST: Asked = (0x8_0000_1234_5678, 0xbeef, 1, 1);
const SECOND: Asked = (0x7_ffff_edcb_a987, 0x1234, 2, 0);

/// A bench of which ids 3 and 5 have asked.
fn asked() -> Bench {
    let mut bench = Bench::new();
    for accepted in [(3, FIRST), (5, SECOND)] {
        bench.tick(Cycle { accepted: Some(accepted), ..Cycle::default() });
    }
    bench
}

fn first(more: bool) -> Option<Record> {
    Some(Record { more, id: 3, fault: 2, asked: FIRST })
}

fn second(more: bool) -> Option<Record> {
    Some(Record { more, id: 5, fault: 4, asked: SECOND })
}

#[test]
fn the_first_fault_stands_two_cycles_after_its_answer_until_it_is_cleared() {
    let mut bench = asked();
    bench.tick(Cycle { answer: Some((5, 0)), late: Some((3, 0)), ..Cycle::default() });
    bench.tick(Cycle { answer: Some((3, 2)), ..Cycle::default() });
    assert_eq!(bench.record(), None);
    bench.tick(Cycle::default());
    assert_eq!(bench.record(), first(false));
    bench.tick(Cycle { late: Some((5, 4)), ..Cycle::default() });
    bench.tick(Cycle::default());
    assert_eq!(bench.record(), first(true));
    bench.tick(Cycle { clear: true, ..Cycle::default() });
    assert_eq!(bench.record(), None);
    bench.tick(Cycle::default());
    assert_eq!(bench.record(), None);
}

#[test]
fn of_two_in_a_cycle_the_late_one_is_kept() {
    let mut bench = asked();
    bench.tick(Cycle { answer: Some((3, 2)), late: Some((5, 4)), ..Cycle::default() });
    bench.tick(Cycle::default());
    assert_eq!(bench.record(), second(true));
}

#[test]
fn a_fault_that_meets_the_clearing_is_the_next_record() {
    let mut bench = asked();
    bench.tick(Cycle { late: Some((3, 2)), ..Cycle::default() });
    bench.tick(Cycle { answer: Some((3, 1)), ..Cycle::default() });
    assert_eq!(bench.record(), first(true));
    bench.tick(Cycle { clear: true, late: Some((5, 4)), ..Cycle::default() });
    assert_eq!(bench.record(), None);
    bench.tick(Cycle::default());
    assert_eq!(bench.record(), second(false));
}

#[test]
fn nothing_is_cleared_before_it_can_be_seen() {
    let mut bench = asked();
    bench.tick(Cycle { clear: true, answer: Some((3, 2)), late: Some((5, 4)), ..Cycle::default() });
    bench.tick(Cycle { clear: true, ..Cycle::default() });
    assert_eq!(bench.record(), second(true));
}

#[test]
fn the_id_of_an_answer_may_be_given_away_in_its_cycle() {
    let mut bench = asked();
    bench.tick(Cycle { late: Some((3, 2)), accepted: Some((3, SECOND)), ..Cycle::default() });
    bench.tick(Cycle { accepted: Some((3, (1, 1, 0, 0))), ..Cycle::default() });
    assert_eq!(bench.record(), first(false));
}

/// All faults of a long random stream, of which the first of each record is kept, and no other is lost without `more`.
#[test]
fn a_random_stream_leaves_the_records_that_it_should() {
    let mut bench = Bench::new();
    // Only who has asked is answered.
    for id in 0..16 {
        bench.tick(Cycle { accepted: Some((id, FIRST)), ..Cycle::default() });
    }
    let mut seed = 1u64;
    let mut draw = move |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % bound
    };
    // What software should see, in this cycle and two later.
    let (mut seen, mut coming): (Option<Record>, Option<Record>) = (None, None);
    let (mut records, mut with_more) = (0, 0);
    for _ in 0..20_000 {
        let mut answered =
            || (draw(4) == 0).then(|| (draw(16) as usize, if draw(2) == 0 { 0 } else { draw(6) as u32 }));
        let (answer, late) = (answered(), answered());
        let accepted = (draw(2) == 0)
            .then(|| (draw(16) as usize, (draw(1 << 31) << 21, draw(1 << 16) as u32, draw(3) as u32, draw(2) as u32)));
        let cycle = Cycle { accepted, answer, late, clear: draw(8) == 0 };

        let faults: Vec<Record> = [late, answer]
            .into_iter()
            .flatten()
            .filter(|&(_, fault)| fault != 0)
            .map(|(id, fault)| Record { more: false, id, fault, asked: bench.asked[id] })
            .collect();
        bench.tick(cycle);

        let arrived = coming.take();
        if cycle.clear {
            seen = None;
        }
        let mut unrecorded = faults.len();
        if seen.is_none() && arrived.is_none() && !faults.is_empty() {
            coming = Some(Record { more: faults.len() > 1, ..faults[0] });
            unrecorded = 0;
        }
        if let Some(record) = arrived {
            (seen, records) = (Some(record), records + 1);
        }
        if let Some(record) = seen.as_mut().filter(|_| unrecorded > 0) {
            record.more = true;
            with_more += 1;
        }
        assert_eq!(bench.record(), seen);
    }
    assert!(records > 1000 && with_more > 1000, "{records} records, {with_more} faults besides");
}
