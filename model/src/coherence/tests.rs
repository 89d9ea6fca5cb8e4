//! Each rule by a hand-made sequence, and each with an answer that it forbids.

use super::*;
use crate::mapping::Marks;
use hashwalk_spec::{Access, Asid, PageSize, Pfn, Rights, Translation, Vpn};

const PAGE: u64 = 0x1234;

fn mapping(asid: u16, pfn: u64) -> Mapping {
    let (asid, vpn, pfn) = (Asid::truncate(asid), Vpn::truncate(PAGE), Pfn::truncate(pfn));
    Mapping::new(asid, vpn, PageSize::Small, pfn, Rights::ALL)
}

fn global(pfn: u64) -> Mapping {
    Mapping { global: true, ..mapping(0, pfn) }
}

/// A 2 MiB page of ASID 1 that holds [`PAGE`], which is its page 0x34.
fn large() -> Mapping {
    let vpn = Vpn::truncate(PAGE).base(PageSize::Large);
    Mapping { vpn, size: PageSize::Large, ..mapping(1, 0x400) }
}

fn request() -> Request {
    Request { asid: Asid::truncate(1), vpn: Vpn::truncate(PAGE), access: Access::Write, user: true }
}

fn finds(mapping: Mapping) -> WalkResult {
    WalkResult { answer: mapping.translate(&request()), mapping: Some(mapping), probes: 1 }
}

const NOTHING: WalkResult = WalkResult { answer: Err(Fault::NotPresent), mapping: None, probes: 1 };

fn frame(pfn: u64) -> Answer {
    Ok(Translation { pfn: Pfn::truncate(pfn) })
}

fn in_asid_1() -> Invalidation {
    Invalidation::AddressInAsid(Asid::truncate(1), Vpn::truncate(PAGE))
}

/// A coherence in which `withdrawn` left the table at 10.
fn after_withdrawal(withdrawn: Mapping) -> Coherence {
    let mut coherence = Coherence::new();
    coherence.table_changed(10, &[withdrawn]);
    coherence
}

/// Whether a request that is accepted and answered now, with nothing in the table, may be answered `got`.
fn fresh_request_allows(coherence: &mut Coherence, got: Answer) -> bool {
    coherence.request_accepted(100, 7, request(), NOTHING);
    coherence.judge(101, 7, got).is_ok()
}

/// Invalidates at 20, done at 30.
fn invalidate(coherence: &mut Coherence, invalidation: Invalidation) {
    let ticket = coherence.invalidation_accepted(20, invalidation);
    coherence.invalidation_done(ticket);
}

#[test]
fn the_tables_answer_is_legal_and_nothing_else() {
    let mut coherence = Coherence::new();
    for (got, legal) in [(frame(5), true), (frame(6), false), (Err(Fault::NotPresent), false)] {
        coherence.request_accepted(1, 1, request(), finds(mapping(1, 5)));
        assert_eq!(coherence.judge(2, 1, got).is_ok(), legal, "{got:?}");
    }
}

#[test]
fn a_request_is_answered_once() {
    let mut coherence = Coherence::new();
    coherence.request_accepted(1, 1, request(), NOTHING);
    assert_eq!(coherence.judge(2, 1, Err(Fault::NotPresent)), Ok(()));
    let mismatch = coherence.judge(3, 1, Err(Fault::NotPresent)).unwrap_err();
    assert_eq!(mismatch.why, Why::NoSuchRequest);
    assert_eq!(
        mismatch.to_string(),
        "at 3, request 1 was answered fault \"not present\"; no such request is outstanding"
    );
}

#[test]
fn every_observation_while_outstanding_is_legal() {
    for (got, legal) in [(frame(5), true), (frame(6), true), (frame(7), true), (frame(8), false)] {
        let mut coherence = Coherence::new();
        coherence.request_accepted(1, 1, request(), finds(mapping(1, 5)));
        coherence.table_changed(2, &[mapping(1, 5)]);
        coherence.request_observes(1, 2, finds(mapping(1, 6)));
        coherence.table_changed(3, &[mapping(1, 6)]);
        coherence.request_observes(1, 3, finds(mapping(1, 7)));
        assert_eq!(coherence.judge(4, 1, got).is_ok(), legal, "{got:?}");
    }
}

#[test]
fn a_walk_that_raced_a_change_may_miss() {
    for fault in Fault::ALL {
        let mut coherence = Coherence::new();
        coherence.request_accepted(1, 1, request(), finds(mapping(1, 5)));
        coherence.table_changed(2, &[]);
        let legal = matches!(fault, Fault::NotPresent | Fault::ChainTooLong);
        assert_eq!(coherence.judge(4, 1, Err(fault)).is_ok(), legal, "{fault}");
        coherence.request_accepted(5, 2, request(), finds(mapping(1, 5)));
        assert!(coherence.judge(6, 2, Err(fault)).is_err(), "{fault} without a change");
    }
}

#[test]
fn marks_are_nothing_that_a_tlb_holds() {
    let plain = mapping(1, 5);
    let marked = Mapping { marks: Marks::A.with(Marks::D), ..plain };
    let mut coherence = Coherence::new();
    coherence.request_accepted(1, 0, request(), finds(plain));
    coherence.request_observes(0, 2, finds(marked));
    assert!(coherence.outstanding[0].older.is_empty());
    // Withdrawn without marks and, after the invalidation's acceptance, once more with them: the last time counts.
    let mut coherence = after_withdrawal(plain);
    coherence.table_changed(25, &[marked]);
    invalidate(&mut coherence, in_asid_1());
    assert!(fresh_request_allows(&mut coherence, frame(5)));
    let all = coherence.invalidation_accepted(30, Invalidation::All);
    coherence.invalidation_done(all);
    assert!(!fresh_request_allows(&mut coherence, frame(5)));
}

#[test]
fn a_withdrawn_mapping_is_legal_until_it_is_invalidated() {
    let mut coherence = after_withdrawal(mapping(1, 5));
    assert!(fresh_request_allows(&mut coherence, frame(5)));
    let ticket = coherence.invalidation_accepted(20, in_asid_1());
    assert!(fresh_request_allows(&mut coherence, frame(5)), "the invalidation is accepted but not done");
    coherence.invalidation_done(ticket);
    coherence.request_accepted(40, 9, request(), NOTHING);
    let mismatch = coherence.judge(41, 9, frame(5)).unwrap_err();
    let why = Why::Invalidated { mapping: mapping(1, 5), withdrawn: 10, invalidation: in_asid_1(), accepted: 20 };
    assert_eq!((mismatch.wanted, mismatch.why), (vec![Err(Fault::NotPresent)], why));
}

#[test]
fn a_stale_mapping_is_checked_for_rights() {
    let read_only = Mapping { rights: Rights::R.with(Rights::U), ..mapping(1, 5) };
    let mut coherence = after_withdrawal(read_only);
    assert!(fresh_request_allows(&mut coherence, Err(Fault::Rights)));
    assert!(!fresh_request_allows(&mut coherence, frame(5)), "the request writes");
}

#[test]
fn a_stale_mapping_answers_its_own_address_space_unless_it_is_global() {
    assert!(!fresh_request_allows(&mut after_withdrawal(mapping(2, 5)), frame(5)));
    assert!(!fresh_request_allows(&mut after_withdrawal(mapping(0, 5)), frame(5)));
    assert!(fresh_request_allows(&mut after_withdrawal(global(5)), frame(5)));
    assert!(fresh_request_allows(&mut after_withdrawal(large()), frame(0x434)));
}

#[test]
fn each_kind_of_invalidation_forgets_what_it_drops() {
    let (asid_1, asid_2) = (Asid::truncate(1), Asid::truncate(2));
    let (page, in_same_large, elsewhere) = (Vpn::truncate(PAGE), Vpn::truncate(PAGE + 1), Vpn::truncate(PAGE + 0x200));
    // (invalidation, the own small page is kept, the global one, the own large one)
    let table = [
        (Invalidation::All, false, false, false),
        (Invalidation::Asid(asid_1), false, true, false),
        (Invalidation::Asid(asid_2), true, true, true),
        (Invalidation::Asid(Asid::GLOBAL), true, true, true),
        (Invalidation::Address(page), false, false, false),
        (Invalidation::Address(in_same_large), true, true, false),
        (Invalidation::Address(elsewhere), true, true, true),
        (Invalidation::AddressInAsid(asid_1, page), false, true, false),
        (Invalidation::AddressInAsid(asid_1, in_same_large), true, true, false),
        (Invalidation::AddressInAsid(asid_2, page), true, true, true),
        (Invalidation::AddressInAsid(asid_1, elsewhere), true, true, true),
    ];
    for (invalidation, small, of_all, of_2_mib) in table {
        for (withdrawn, kept) in [(mapping(1, 5), small), (global(5), of_all), (large(), of_2_mib)] {
            let mut coherence = after_withdrawal(withdrawn);
            invalidate(&mut coherence, invalidation);
            let stale_answer = withdrawn.translate(&request());
            assert_eq!(fresh_request_allows(&mut coherence, stale_answer), kept, "{invalidation:?} of {withdrawn:?}");
        }
    }
}

#[test]
fn what_is_withdrawn_after_the_acceptance_is_not_forgotten() {
    for (withdrawn, kept) in [(19, false), (20, false), (21, true)] {
        let mut coherence = Coherence::new();
        let ticket = coherence.invalidation_accepted(20, Invalidation::All);
        coherence.table_changed(withdrawn, &[mapping(1, 5)]);
        coherence.invalidation_done(ticket);
        assert_eq!(fresh_request_allows(&mut coherence, frame(5)), kept, "withdrawn at {withdrawn}");
    }
}

#[test]
fn a_mapping_that_was_put_back_and_withdrawn_again_counts_from_the_last_time() {
    let mut coherence = after_withdrawal(mapping(1, 5));
    let ticket = coherence.invalidation_accepted(20, Invalidation::All);
    coherence.table_changed(21, &[]);
    coherence.table_changed(22, &[mapping(1, 5)]);
    coherence.invalidation_done(ticket);
    assert!(fresh_request_allows(&mut coherence, frame(5)));
}

#[test]
fn an_outstanding_request_loses_what_was_invalidated() {
    // (the change, the acceptance, whether the old frame is still legal)
    for (changed, accepted, legal) in [(5, 6, false), (5, 5, false), (5, 4, true)] {
        let mut coherence = Coherence::new();
        coherence.request_accepted(1, 1, request(), finds(mapping(1, 5)));
        let ticket = coherence.invalidation_accepted(accepted, in_asid_1());
        coherence.table_changed(changed, &[mapping(1, 5)]);
        coherence.request_observes(1, changed, finds(mapping(1, 6)));
        coherence.invalidation_done(ticket);
        assert_eq!(coherence.clone().judge(9, 1, frame(5)).is_ok(), legal, "{changed} {accepted}");
        assert_eq!(coherence.judge(9, 1, frame(6)), Ok(()));
    }
}

#[test]
fn an_invalidation_elsewhere_leaves_an_outstanding_request_its_observations() {
    let mut coherence = Coherence::new();
    coherence.request_accepted(1, 1, request(), finds(mapping(1, 5)));
    coherence.table_changed(2, &[mapping(1, 5)]);
    coherence.request_observes(1, 2, NOTHING);
    let ticket = coherence.invalidation_accepted(3, Invalidation::Asid(Asid::truncate(2)));
    coherence.invalidation_done(ticket);
    assert_eq!(coherence.judge(9, 1, frame(5)), Ok(()));
}

#[test]
fn what_the_table_holds_now_is_never_forgotten() {
    let mut coherence = Coherence::new();
    coherence.request_accepted(1, 1, request(), finds(mapping(1, 5)));
    coherence.table_changed(2, &[mapping(1, 5)]);
    coherence.request_observes(1, 2, NOTHING);
    coherence.table_changed(3, &[]);
    coherence.request_observes(1, 3, finds(mapping(1, 5)));
    invalidate(&mut coherence, Invalidation::All);
    assert_eq!(coherence.judge(40, 1, frame(5)), Ok(()));
}

#[test]
fn a_reset_empties_everything() {
    let mut coherence = after_withdrawal(mapping(1, 5));
    coherence.request_accepted(11, 1, request(), NOTHING);
    assert_eq!(coherence.outstanding().count(), 1);
    coherence.reset();
    assert_eq!(coherence.outstanding().count(), 0);
    assert!(!fresh_request_allows(&mut coherence, frame(5)));
}

#[test]
fn a_mismatch_says_what_would_have_been_legal() {
    let mut coherence = after_withdrawal(mapping(1, 5));
    coherence.request_accepted(11, 1, request(), finds(mapping(1, 6)));
    let mismatch = coherence.judge(12, 1, frame(7)).unwrap_err();
    assert_eq!(mismatch.wanted, [frame(5), frame(6)]);
    assert_eq!(
        mismatch.to_string(),
        "at 12, request 1 (user Write of 0x1:0x1234, accepted at 11) was answered PFN 0x7; legal: PFN 0x5 or PFN 0x6; the \
         table never held it while the request was outstanding, and no stale mapping gives it"
    );
}
