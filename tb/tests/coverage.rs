//! What coverage says of an answer, against the cycles of docs/timing.md, counted by hand.

mod support;

use hashwalk::machine::{Answered, Drive, Level, Machine, MemoryTiming, Origin, Phase};
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, PageTable, Walkable};
use hashwalk_spec::{Access, Asid, Fault, Invalidation, PageSize, Pfn, Request, Rights, Vpn};

const LATENCY: u32 = 4;
const PAGE: u64 = 0x4_0200;

fn request(vpn: u64) -> Request {
    Request { asid: Asid::truncate(1), vpn: Vpn::truncate(vpn), access: Access::Read, user: false }
}

/// Lines of one beat and no second level, with one page of this size in its table.
fn machine(size: PageSize, rights: Rights) -> Machine {
    machine_of("line", size, rights)
}

fn machine_of(name: &str, size: PageSize, rights: Rights) -> Machine {
    let config = support::named(name);
    let timing = MemoryTiming::fixed(LATENCY);
    let mut machine = Machine::new(support::dut(&config), &config, Os::new(&config, 1), timing).expect("a machine");
    machine.watch();
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        let page = Mapping::new(Asid::truncate(1), Vpn::truncate(PAGE).base(size), size, Pfn::truncate(0), rights);
        table.insert(ram, page).expect("the table is empty");
        vec![]
    });
    machine
}

/// Asks, and invalidates in the n-th cycle from the request's on.
fn ask(machine: &mut Machine, request: Request, invalidate: Option<(u64, Invalidation)>) -> Answered {
    for cycle in 0..1_000 {
        let lookup = (cycle == 0).then_some(request);
        let invalidate = invalidate.and_then(|(at, invalidation)| (at == cycle).then_some(invalidation));
        let events = machine.cycle(Drive { lookup, invalidate }).expect("the hardware keeps the contract");
        assert!(cycle > 0 || events.lookup_accepted);
        if let Some(answered) = events.into_answers().next() {
            return answered;
        }
    }
    panic!("no answer");
}

/// The page's removal is made as far as it leaves its entry torn, and to its end once that was read.
fn ask_while_torn(software: bool) -> Answered {
    let mut machine = machine_of("sequence", PageSize::Small, Rights::ALL);
    machine.set_software_refill(software);
    let mut stores = Vec::new();
    machine.change(|os| {
        let (table, ram) = os.table_mut();
        let asid = Asid::truncate(1);
        stores = table.remove_by_stores(ram, asid, Vpn::truncate(PAGE), PageSize::Small).expect("it is mapped").1;
        vec![]
    });
    let (torn, rest) = stores.split_at(2);
    torn.iter().for_each(|store| machine.store(store));
    for cycle in 0..1_000 {
        let lookup = (cycle == 0).then_some(request(PAGE));
        let events = machine.cycle(Drive { lookup, invalidate: None }).expect("the hardware keeps the contract");
        if cycle == 80 {
            rest.iter().for_each(|store| machine.store(store));
        }
        if let Some(answered) = events.into_answers().next() {
            return answered;
        }
    }
    panic!("no answer");
}

#[test]
fn an_answer_after_a_torn_entry_is_told_from_others() {
    for (software, level) in [(false, Level::Walk), (true, Level::Software)] {
        let answered = ask_while_torn(software);
        assert_eq!(answered.answer, Err(Fault::NotPresent));
        let want = Origin { level, torn: true, size: None, phases: vec![Phase::Undisturbed] };
        assert_eq!(answered.origin, Some(want), "after {} reads", answered.reads);
    }
    let mut whole = machine_of("sequence", PageSize::Small, Rights::ALL);
    assert_eq!(origin(ask(&mut whole, request(PAGE), None)).0, Level::Walk);
}

fn origin(answered: Answered) -> (Level, Option<PageSize>, Vec<Phase>) {
    let Origin { level, torn, size, phases } = answered.origin.expect("it is watched");
    assert!(!torn, "nothing was changed store by store");
    (level, size, phases)
}

/// A 4 KiB page: accepted in 0, requested in 2, its data awaited from 3 to L + 2, judged in L + 3, answered in L + 4. An
/// invalidation takes effect in the cycle after its acceptance.
#[test]
fn an_invalidation_is_counted_where_it_takes_effect() {
    let last = u64::from(LATENCY) + 3;
    for accepted in 0..=last {
        let want = match accepted {
            0 => Phase::NothingRead,
            1 => Phase::Request,
            _ if accepted < last - 1 => Phase::Data,
            _ if accepted < last => Phase::Check,
            _ => Phase::Delivery,
        };
        let mut machine = machine(PageSize::Small, Rights::ALL);
        let walked = ask(&mut machine, request(PAGE), Some((accepted, Invalidation::All)));
        assert_eq!(origin(walked), (Level::Walk, Some(PageSize::Small), vec![want]), "accepted in {accepted}");
    }
}

#[test]
fn an_invalidation_of_another_page_or_space_is_unrelated() {
    let another = Asid::truncate(2);
    for invalidation in [
        Invalidation::Address(Vpn::truncate(PAGE + (1 << 18))),
        Invalidation::Asid(another),
        Invalidation::AddressInAsid(another, Vpn::truncate(PAGE)),
    ] {
        let mut machine = machine(PageSize::Small, Rights::ALL);
        let walked = ask(&mut machine, request(PAGE), Some((4, invalidation)));
        assert_eq!(origin(walked), (Level::Walk, Some(PageSize::Small), vec![Phase::Unrelated]), "{invalidation:?}");
    }
}

#[test]
fn hits_and_walks_know_the_page_that_decided() {
    let undisturbed = vec![Phase::Undisturbed];
    for size in PageSize::ALL {
        let mut allowed = machine(size, Rights::ALL);
        let walked = ask(&mut allowed, request(PAGE), None);
        assert_eq!(origin(walked), (Level::Walk, Some(size), undisturbed.clone()));
        let hit = ask(&mut allowed, request(PAGE), None);
        assert_eq!(origin(hit), (Level::Tlb, Some(size), undisturbed.clone()));

        let mut denied = machine(size, Rights::from_bits(0));
        let walked = ask(&mut denied, request(PAGE), None);
        assert_eq!(walked.answer, Err(Fault::Rights));
        assert_eq!(origin(walked), (Level::Walk, Some(size), undisturbed.clone()));
        let missing = ask(&mut denied, request(PAGE + (1 << 18)), None);
        assert_eq!(origin(missing), (Level::Walk, None, undisturbed.clone()));
    }
}

#[test]
fn a_miss_that_software_serves_is_counted_as_its_own() {
    let mut machine = machine(PageSize::Large, Rights::ALL);
    machine.set_software_refill(true);
    let served = ask(&mut machine, request(PAGE), Some((10, Invalidation::All)));
    assert_eq!(origin(served), (Level::Software, Some(PageSize::Large), vec![Phase::Data]));
}
