//! What is counted: the rows of the register map from `CYCLES` on, in the order of their addresses.

/// What one counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A cycle.
    Cycle,
    /// A lookup is accepted.
    Lookup,
    /// An answer of the first level, also one that denies.
    FirstLevel,
    /// A late answer with this source.
    Late(u32),
    /// An answer with this fault, on either port.
    Fault(u32),
    /// A read is accepted by the memory.
    Read,
    /// A walk has ended that made from so many to so many reads.
    WalkReads(u32, Option<u32>),
    /// A walk has ended that took from 2^k to 2^(k+1) - 1 cycles; the first and the last are open.
    WalkCycles(u32),
    /// The MMU says that it makes a walk again.
    Killed,
    /// The MMU says that a walk has found a mapping in its first search.
    Predicted,
    /// The MMU says that a walk has found one in a later search.
    Mispredicted,
    /// An invalidation is done.
    Invalidation,
    /// An update is over, and has set marks if this is true.
    Update(bool),
    /// The MMU says how many probes the walk cache saves a search.
    Saved,
}

/// The first and the last power of two of the walks' cycles.
pub const CYCLES_LOG2: (u32, u32) = (2, 11);

/// All counters: name, what is counted, and in words.
#[must_use]
pub fn counters() -> Vec<(String, Event, String)> {
    let plain = [
        ("CYCLES", Event::Cycle, "cycles"),
        ("LOOKUPS", Event::Lookup, "lookups that were accepted"),
        ("FIRST_LEVEL", Event::FirstLevel, "answers of the first level, denied ones too"),
        ("SECOND_LEVEL", Event::Late(2), "late answers of the second level (`late_source` 2)"),
        ("SHARED", Event::Late(1), "late answers by the walk of another request (`late_source` 1)"),
        ("WALKS", Event::Late(0), "late answers by a walk, or by software (`late_source` 0)"),
        ("NOT_PRESENT", Event::Fault(1), "answers `not_present`"),
        ("RIGHTS", Event::Fault(2), "answers `rights`, of the first level too"),
        ("MALFORMED", Event::Fault(3), "answers `malformed`"),
        ("CHAIN_TOO_LONG", Event::Fault(4), "answers `chain_too_long`"),
        ("BUS_ERROR", Event::Fault(5), "answers `bus_error`"),
        ("READS", Event::Read, "reads of elements that the memory has accepted"),
        ("WALKS_OF_1", Event::WalkReads(1, Some(1)), "walks that came to their answer with 1 read"),
        ("WALKS_OF_2", Event::WalkReads(2, Some(2)), "walks with 2 reads"),
        ("WALKS_OF_3", Event::WalkReads(3, Some(3)), "walks with 3 reads"),
        ("WALKS_OF_4", Event::WalkReads(4, Some(7)), "walks with 4 to 7 reads"),
        ("WALKS_OF_8", Event::WalkReads(8, None), "walks with 8 reads and more"),
    ];
    let mut all: Vec<(String, Event, String)> =
        plain.into_iter().map(|(name, event, meaning)| (name.into(), event, meaning.into())).collect();
    let (first, last) = CYCLES_LOG2;
    for log2 in first..=last {
        let (from, to) = (1 << log2, (2 << log2) - 1);
        let meaning = match log2 {
            _ if log2 == first => format!("answers by a walk, or by software, that took up to {to} cycles"),
            _ if log2 == last => format!("{from} cycles and more"),
            _ => format!("{from} to {to} cycles"),
        };
        all.push((format!("WALK_CYCLES_{from}"), Event::WalkCycles(log2), meaning));
    }
    all.extend(
        [
            (
                "KILLED",
                Event::Killed,
                "walks that were made again, since what they had found, or were on the way to, was invalidated",
            ),
            ("PREDICTED", Event::Predicted, "walks that found a mapping in the first search that they made"),
            ("MISPREDICTED", Event::Mispredicted, "walks that found one in a later search"),
            ("INVALIDATIONS", Event::Invalidation, "invalidations that are done, those of a change of table too"),
            ("UNMARKED", Event::Fault(6), "answers `unmarked`"),
            ("UPDATES", Event::Update(true), "updates that have set A or D in the table"),
            (
                "UPDATES_IN_VAIN",
                Event::Update(false),
                "updates that have found another word in the table, or have failed",
            ),
            ("READS_SAVED", Event::Saved, "reads that the walk cache has saved the searches that have begun"),
        ]
        .map(|(name, event, meaning)| (name.into(), event, meaning.into())),
    );
    all
}
