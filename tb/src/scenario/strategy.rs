//! How scenarios are drawn: a small world in which everything meets.

use hashwalk_spec::{Access, Asid, Config, Format, Invalidation, PageSize, Pfn, Request, Rights, Search, Vpn};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Action, Damage, Scenario, Step};
use crate::machine::MemoryTiming;

/// Few address spaces, so that they share pages and chains: two neighbours, the global one, and the last.
fn asid() -> impl Strategy<Value = Asid> {
    prop_oneof![6 => Just(1), 3 => Just(2), 2 => Just(0), 1 => Just(0xffff)].prop_map(Asid::truncate)
}

/// Pages that are asked for again and again: neighbours on both sides of the border of a 2 MiB page.
const BUSY: [u64; 4] = [0x1ff, 0x200, 0x201, 0x3ff];

/// Pages around the borders of 2 MiB and 1 GiB pages, at both ends and in the middle of the address space.
const REMOTE: [u64; 12] = [
    0x0,
    0x1,
    0x3_ffff,
    0x4_0000,
    0x4_0001,
    0x4_0200,
    0x8_0000,
    0x7_ffff_ffff_ffff,
    0x8_0000_0000_0000,
    0x8_0000_0000_01ff,
    0xf_ffff_ffff_fe00,
    0xf_ffff_ffff_ffff,
];

fn vpn() -> impl Strategy<Value = Vpn> {
    prop_oneof![4 => select(&BUSY[..]), 1 => select(&REMOTE[..])].prop_map(Vpn::truncate)
}

fn size() -> impl Strategy<Value = PageSize> {
    prop_oneof![12 => Just(PageSize::Small), 3 => Just(PageSize::Large), 1 => Just(PageSize::Huge)]
}

fn rights() -> impl Strategy<Value = Rights> {
    prop_oneof![4 => Just(Rights::ALL), 1 => (0..16u8).prop_map(Rights::from_bits)]
}

fn request() -> impl Strategy<Value = Request> {
    let access = prop_oneof![4 => Just(Access::Read), 2 => Just(Access::Write), 1 => Just(Access::Execute)];
    (asid(), vpn(), access, any::<bool>()).prop_map(|(asid, vpn, access, user)| Request { asid, vpn, access, user })
}

fn map() -> impl Strategy<Value = Action> {
    (asid(), vpn(), size(), 0..=Pfn::MAX.get(), rights(), prop::bool::weighted(0.2)).prop_map(
        |(asid, vpn, size, pfn, rights, global)| Action::Map {
            asid,
            vpn,
            size,
            pfn: Pfn::truncate(pfn),
            rights,
            global,
        },
    )
}

fn invalidation() -> impl Strategy<Value = Invalidation> {
    prop_oneof![
        1 => Just(Invalidation::All),
        2 => asid().prop_map(Invalidation::Asid),
        3 => vpn().prop_map(Invalidation::Address),
        3 => (asid(), vpn()).prop_map(|(asid, vpn)| Invalidation::AddressInAsid(asid, vpn)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        60 => request().prop_map(Action::Access),
        16 => map(),
        8 => (asid(), vpn()).prop_map(|(asid, vpn)| Action::Unmap { asid, vpn }),
        6 => (asid(), vpn(), rights()).prop_map(|(asid, vpn, rights)| Action::Protect { asid, vpn, rights }),
        6 => (asid(), vpn(), any::<(bool, bool)>())
            .prop_map(|(asid, vpn, (accessed, dirty))| Action::Mark { asid, vpn, accessed, dirty }),
        12 => invalidation().prop_map(Action::Invalidate),
        3 => any::<bool>().prop_map(|software| Action::Refill { software }),
        2 => any::<(u8, u16)>().prop_map(|(element, bit)| Action::Corrupt { element, bit }),
        1 => any::<u8>().prop_map(|element| Action::Poison { element }),
        1 => Just(Action::Heal),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly back to back or within a walk; sometimes long enough for everything to come to rest.
    let wait = prop_oneof![6 => Just(0u8), 6 => 1..12u8, 1 => 12..=255u8];
    (wait, action()).prop_map(|(wait, action)| Step { wait, action })
}

/// A page of one size is mapped, asked for, perhaps changed or broken while its walk runs, and invalidated in a cycle of it
/// that is chosen: what single steps meet in hardly any run.
fn race() -> impl Strategy<Value = Vec<Step>> {
    let software = prop_oneof![4 => Just(None), 2 => Just(Some(false)), 3 => Just(Some(true))];
    let rights = prop_oneof![2 => Just(Rights::ALL), 1 => Just(Rights::from_bits(0))];
    let page = (request(), 0..=Pfn::MAX.get(), size_of_race(), rights, prop::bool::weighted(0.1));
    let mapped = prop::bool::weighted(0.8);
    (software, page, mapped, change(), moment(), invalidation_of_race()).prop_map(
        |(software, (request, pfn, size, rights, global), mapped, change, moment, invalidation)| {
            let Request { asid, vpn, .. } = request;
            let pfn = Pfn::truncate(pfn);
            let page = [Action::Unmap { asid, vpn }, Action::Map { asid, vpn, size, pfn, rights, global }];
            // The TLB must not hold it.
            let forget = Action::Invalidate(Invalidation::Address(vpn));
            let mut actions: Vec<Action> = software.map(|software| Action::Refill { software }).into_iter().collect();
            actions.extend(page.into_iter().take(1 + usize::from(mapped)));
            actions.extend([forget, Action::Settle]);
            if let Moment::BeforeAnswer(_) = moment {
                // How long does its walk take?
                actions.extend([Action::Access(request), Action::Settle, forget, Action::Settle]);
            }
            actions.push(Action::Access(request));
            let mut steps: Vec<Step> = actions.into_iter().map(|action| Step { wait: 0, action }).collect();
            let (wait, approach) = match moment {
                Moment::AfterRequest(cycles) => (cycles, None),
                Moment::BeforeAnswer(cycles_left) => (0, Some(Action::Approach { cycles_left })),
            };
            let withdraws = matches!(change, Some(Change::Break(_))).then_some(Action::Unmap { asid, vpn });
            let first = steps.len();
            let change = change.map(|change| change.of(asid, vpn));
            let invalidate = Action::Invalidate(invalidation.of(request));
            let actions = approach.into_iter().chain(withdraws).chain(change).chain([invalidate]);
            steps.extend(actions.map(|action| Step { wait: 0, action }));
            steps[first].wait = wait;
            steps
        },
    )
}

/// When a race changes and invalidates the page.
#[derive(Clone, Copy, Debug)]
enum Moment {
    AfterRequest(u8),
    BeforeAnswer(u8),
}

/// A walk is judged and delivered in its last two cycles, and an invalidation takes effect in the cycle after the one in
/// which it is accepted.
fn moment() -> impl Strategy<Value = Moment> {
    let before_answer = prop_oneof![4 => Just(1u8), 4 => Just(2u8), 1 => 0..8u8];
    prop_oneof![
        1 => Just(Moment::AfterRequest(0)),
        2 => (0..20u8).prop_map(Moment::AfterRequest),
        1 => (20..130u8).prop_map(Moment::AfterRequest),
        4 => before_answer.prop_map(Moment::BeforeAnswer),
    ]
}

fn size_of_race() -> impl Strategy<Value = PageSize> {
    prop_oneof![2 => Just(PageSize::Small), 3 => Just(PageSize::Large), 4 => Just(PageSize::Huge)]
}

/// The invalidation of a race, which knows the page.
#[derive(Clone, Copy, Debug)]
enum OfRace {
    All,
    Asid,
    Address,
    AddressInAsid,
    AnotherPage,
}

impl OfRace {
    fn of(self, request: Request) -> Invalidation {
        match self {
            OfRace::All => Invalidation::All,
            OfRace::Asid => Invalidation::Asid(request.asid),
            OfRace::Address => Invalidation::Address(request.vpn),
            OfRace::AddressInAsid => Invalidation::AddressInAsid(request.asid, request.vpn),
            OfRace::AnotherPage => Invalidation::Address(Vpn::truncate(!request.vpn.get())),
        }
    }
}

fn invalidation_of_race() -> impl Strategy<Value = OfRace> {
    use OfRace::{Address, AddressInAsid, All, AnotherPage, Asid};
    select(&[All, Asid, Address, Address, AddressInAsid, AddressInAsid, AddressInAsid, AnotherPage][..])
}

/// What is done to the page of a race while its walk runs; before it is broken it is withdrawn.
#[derive(Clone, Copy, Debug)]
enum Change {
    Unmap,
    Protect(Rights),
    /// Its D is cleared, and its A is set or cleared.
    Mark(bool),
    /// Where its walk begins is broken.
    Break(Damage),
}

impl Change {
    fn of(self, asid: Asid, vpn: Vpn) -> Action {
        match self {
            Change::Unmap => Action::Unmap { asid, vpn },
            Change::Protect(rights) => Action::Protect { asid, vpn, rights },
            Change::Mark(accessed) => Action::Mark { asid, vpn, accessed, dirty: false },
            Change::Break(damage) => Action::Break { asid, vpn, damage },
        }
    }
}

fn change() -> impl Strategy<Value = Option<Change>> {
    let unmap = || Just(Some(Change::Unmap));
    let mark = any::<bool>().prop_map(|accessed| Some(Change::Mark(accessed)));
    prop_oneof![4 => Just(None), 2 => unmap(), 1 => rights_change(), 1 => mark, 4 => damage()]
}

fn rights_change() -> impl Strategy<Value = Option<Change>> {
    rights().prop_map(|rights| Some(Change::Protect(rights)))
}

fn damage() -> impl Strategy<Value = Option<Change>> {
    use Damage::{LinkMalformed, LinkOutside, LinkToItself, Unreadable};
    select(&[Unreadable, LinkOutside, LinkToItself, LinkMalformed][..]).prop_map(|damage| Some(Change::Break(damage)))
}

/// A page that is brought in, given up by the first level of the TLB, and asked for again, perhaps behind others that are
/// walked for, while another page may be invalidated.
fn revisit() -> impl Strategy<Value = Vec<Step>> {
    // It is brought in by a read, which may not be denied, and asked for in a way that may.
    let rights = select(&[Rights::ALL, Rights::R, Rights::R][..]);
    // The second level answers within a few cycles. A neighbour may lie in another small page, in another 2 MiB page, or, if
    // the page is global, in it.
    let neighbour = prop_oneof![Just(0u64), Just(1), Just(0x200), Just(1 << 20)];
    let by_space = prop::bool::weighted(0.7);
    let wait = prop_oneof![6 => 1..5u8, 1 => 0..6u8, 2 => 6..30u8];
    let meanwhile = prop::option::weighted(0.9, (wait, neighbour, by_space));
    let page = (request(), size_of_race(), rights, prop::bool::weighted(0.7));
    let others = prop_oneof![2 => Just(0u64), 1 => 1..6u64];
    (page, any::<bool>(), others, meanwhile).prop_map(
        |((request, size, rights, global), software, others, meanwhile)| {
            let Request { asid, vpn, .. } = request;
            let actions = [
                Action::Refill { software },
                Action::Unmap { asid, vpn },
                Action::Map { asid, vpn, size, pfn: Pfn::MAX, rights, global },
                Action::Invalidate(Invalidation::Address(vpn)),
                Action::Settle,
                Action::Access(Request { access: Access::Read, user: false, ..request }),
                Action::Crowd,
            ];
            let of_another = |n: u64| Request { vpn: Vpn::truncate(vpn.get() ^ n << FAR_LOG2), ..request };
            let asks = (1..=others).map(of_another).chain([request]).map(Action::Access);
            let mut steps: Vec<Step> = actions.into_iter().chain(asks).map(|action| Step { wait: 0, action }).collect();
            steps.extend(meanwhile.map(|(wait, distance, by_space)| {
                let vpn = Vpn::truncate(vpn.get() ^ distance);
                let invalidation =
                    if by_space { Invalidation::AddressInAsid(asid, vpn) } else { Invalidation::Address(vpn) };
                Step { wait, action: Action::Invalidate(invalidation) }
            }));
            steps.push(Step { wait: 0, action: Action::Settle });
            steps
        },
    )
}

/// A page is asked for while its entry is emptied or filled store by store, so that walks find it torn. Perhaps it is entered
/// anew at once, or changed again, and it is invalidated about then.
fn tear() -> impl Strategy<Value = Vec<Step>> {
    let rights = || prop_oneof![2 => Just(Rights::ALL), 1 => Just(Rights::from_bits(0))];
    // Software reads after its trap and its hash.
    let refill = prop_oneof![3 => (Just(false), 0..16u8), 2 => (Just(true), 40..120u8)];
    let page = (request(), size_of_race(), rights(), prop::bool::weighted(0.1));
    let then = (prop::option::of(rights()), change());
    let later = prop_oneof![3 => 0..24u8, 1 => 24..90u8];
    let invalidation = prop::option::weighted(0.8, (0..3usize, later, invalidation_of_race()));
    (refill, page, prop::bool::weighted(0.3), then, invalidation).prop_map(
        |((software, wait), (request, size, rights, global), is_filled, (anew, then), invalidation)| {
            let Request { asid, vpn, .. } = request;
            let map = |rights| Action::Map { asid, vpn, size, pfn: Pfn::MAX, rights, global };
            let (unmap, forget) = (Action::Unmap { asid, vpn }, Action::Invalidate(Invalidation::Address(vpn)));
            let (before, change) = if is_filled { (None, map(rights)) } else { (Some(map(rights)), unmap) };
            let now = |action| Step { wait: 0, action };
            let mut steps: Vec<Step> = [Action::Refill { software }, unmap].map(now).into();
            steps.extend(before.into_iter().chain([forget, Action::Settle, Action::Access(request)]).map(now));
            steps.push(Step { wait, action: change });
            let mut then: Vec<Step> =
                anew.map(map).into_iter().chain(then.map(|then| then.of(asid, vpn))).map(now).collect();
            if let Some((place, wait, of)) = invalidation {
                then.insert(place.min(then.len()), Step { wait, action: Action::Invalidate(of.of(request)) });
            }
            steps.extend(then);
            steps.extend(invalidation.is_none().then_some(now(Action::Settle)));
            steps
        },
    )
}

/// log2 of the distance, in pages, of those that nobody has mapped: no page of 1 GiB and no neighbour reaches them.
const FAR_LOG2: u32 = 40;

/// The same page again and again, so that an invalidation meets a hit of it.
fn burst() -> impl Strategy<Value = Vec<Step>> {
    // It is brought in by a read, which may not be denied, and asked for in a way that may.
    let rights = rights().prop_map(|rights| Rights::from_bits(rights.bits() | 1));
    let invalidation = select(&[OfRace::Address, OfRace::AddressInAsid, OfRace::AnotherPage][..]);
    (request(), size_of_race(), rights, any::<bool>(), invalidation).prop_map(
        |(request, size, rights, software, invalidation)| {
            let Request { asid, vpn, .. } = request;
            let access = Action::Access(request);
            let actions = [
                Action::Refill { software },
                Action::Unmap { asid, vpn },
                Action::Map { asid, vpn, size, pfn: Pfn::MAX, rights, global: false },
                Action::Access(Request { access: Access::Read, user: false, ..request }),
                Action::Settle,
                access,
                access,
                access,
                Action::Invalidate(invalidation.of(request)),
                access,
            ];
            actions.map(|action| Step { wait: 0, action }).into()
        },
    )
}

/// Whose walks are under way at a time.
#[derive(Clone, Copy, Debug)]
enum Flight {
    /// Pages whose walks share nothing.
    Distinct,
    /// One page, over and over.
    OnePage,
    /// Pages side by side, which one huge page may hold.
    Siblings,
    /// One page of several address spaces.
    Spaces,
}

/// Several requests at once, with hits among them; while they are out a page is changed and invalidated.
fn flight() -> impl Strategy<Value = Vec<Step>> {
    let kind = select(&[Flight::Distinct, Flight::OnePage, Flight::Siblings, Flight::Spaces][..]);
    let change = prop_oneof![3 => Just(None), 2 => Just(Some(Change::Unmap)), 1 => rights_change(), 1 => damage()];
    let software = prop_oneof![6 => Just(false), 1 => Just(true)];
    let rights = select(&[Rights::ALL, Rights::ALL, Rights::R][..]);
    let page = (request(), size_of_race(), rights, any::<bool>());
    let asks = prop::collection::vec((0..3u8, 0..8u64, any::<bool>()), 2..=10);
    let invalidations = prop::collection::vec((0..12u8, invalidation_of_race()), 0..=3);
    (software, kind, page, asks, (0..40u8, 0..=10usize), change, invalidations).prop_map(
        |(software, kind, (request, size, rights, global), asks, (wait, place), change, invalidations)| {
            let Request { asid, vpn, .. } = request;
            let map = |asid, vpn, size| Action::Map { asid, vpn, size, pfn: Pfn::MAX, rights, global };
            let hot = Request { vpn: Vpn::truncate(HOT), access: Access::Read, user: false, ..request };
            let of = |n: u64| match kind {
                Flight::Distinct => Request { vpn: Vpn::truncate(vpn.get() ^ n << 18), ..request },
                Flight::OnePage => Request { access: Access::ALL[n as usize % 3], user: n & 4 != 0, ..request },
                Flight::Siblings => Request { vpn: Vpn::truncate(vpn.get() ^ n), ..request },
                Flight::Spaces => Request { asid: Asid::truncate(asid.get() ^ (n & 3) as u16), ..request },
            };
            let mut actions = vec![Action::Heal, Action::Refill { software }];
            actions.extend([
                Action::Unmap { asid, vpn },
                map(asid, vpn, size),
                map(hot.asid, hot.vpn, PageSize::Small),
            ]);
            if let Flight::Distinct = kind {
                actions.extend((1..8).map(|n| map(asid, of(n).vpn, size)));
            }
            actions.extend([
                Action::Invalidate(Invalidation::All),
                Action::Settle,
                Action::Access(hot),
                Action::Settle,
            ]);
            let mut steps: Vec<Step> = actions.into_iter().map(|action| Step { wait: 0, action }).collect();
            let first = steps.len();
            for (wait, n, is_hit) in asks {
                let step = |request| Step { wait: wait / 2, action: Action::Access(request) };
                steps.push(step(of(n)));
                steps.extend(is_hit.then(|| step(hot)));
            }
            let change = change.map(|change| change.of(asid, vpn));
            let invalidates = invalidations
                .into_iter()
                .map(|(wait, invalidation)| Step { wait, action: Action::Invalidate(invalidation.of(request)) });
            let meanwhile = change.map(|action| Step { wait: 0, action }).into_iter().chain(invalidates);
            let place = (first + 1 + place).min(steps.len());
            steps.splice(place..place, meanwhile);
            if let Some(step) = steps.get_mut(place) {
                step.wait = wait;
            }
            steps
        },
    )
}

/// A page of the flights that no other one shares a huge page with.
const HOT: u64 = 0x123_4567;

fn memory() -> impl Strategy<Value = MemoryTiming> {
    let percent = || prop_oneof![2 => Just(0u8), 1 => 1..=80u8];
    let more = prop_oneof![2 => Just(0u32), 1 => 0..=12u32];
    let reorder = prop_oneof![1 => Just(0u8), 1 => 1..=100u8];
    let latency = prop_oneof![1 => Just(1u32), 2 => 1..=8u32];
    (latency, more, percent(), percent(), reorder, any::<u64>()).prop_map(
        |(latency, more, stall, gap, reorder, seed)| MemoryTiming {
            latency,
            latency_max: latency + more,
            stall_percent: stall,
            gap_percent: gap,
            reorder_percent: reorder,
            seed,
        },
    )
}

/// The smallest memory whose table has all sizes of pages: an inverted one has entries for the frames of the machine alone.
fn frames(format: Format) -> u64 {
    if format == Format::Inverted { PageSize::Huge.pages() } else { format.min_frames() }
}

/// How often hardware with a second level is chosen, where other hardware is chosen once: there is more to meet.
const WEIGHT_OF_L2: usize = 3;

/// Scenarios on any of these configurations, with tables as short as they can be so that chains form.
pub fn scenarios(configs: &[&Config]) -> impl Strategy<Value = Scenario> + use<> {
    let configs: Vec<_> = configs
        .iter()
        .flat_map(|config| {
            let settings = hashwalk_spec::Settings {
                frames: frames(config.format()),
                entries_per_frame: 1,
                ..config.settings().clone()
            };
            std::iter::repeat_n(settings, if config.l2_sets() > 0 { WEIGHT_OF_L2 } else { 1 })
        })
        .collect();
    let search_enable = prop_oneof![8 => Just(Search::ENABLE_ALL), 2 => 0..=Search::ENABLE_ALL];
    // A table that holds something to begin with.
    let setup = prop::collection::vec(map().prop_map(|action| Step { wait: 0, action }), 0..12);
    let alone = step().prop_map(|step| vec![step]);
    let group = prop_oneof![32 => alone, 6 => race(), 1 => burst(), 12 => revisit(), 6 => flight()];
    // Besides, where entries can be torn.
    let groups = prop::collection::vec((group, prop::option::weighted(0.3, tear())), 1..70);
    (select(configs), any::<u64>(), search_enable, memory(), setup, groups).prop_map(
        |(config, seed, search_enable, memory, setup, groups)| {
            let besides = |tear: Option<Vec<Step>>| tear.filter(|_| config.sequence).unwrap_or_default();
            let groups = groups.into_iter().flat_map(|(group, tear)| group.into_iter().chain(besides(tear)));
            let steps = setup.into_iter().chain(groups).collect();
            Scenario { config, seed, search_enable, memory, steps }
        },
    )
}
