//! Real threads: processes that share all their frames store to the same pages at once, through the table of
//! [`hashwalk_model::concurrent`] and frames of 4 KiB.
//!
//! Every process has two threads, which store to words of their own in every page; all begin at once. In the end each
//! page of each process must hold the words of its own two threads and otherwise the parent's.
//!
//! How many copies that takes is the scheduler's to decide, between one for each process but one (the last keeps the
//! frame) and one for each (all copy at once, and the shared frame is free). So only these bounds are reported.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Result, ensure};
use hashwalk_model::concurrent::{ConcurrentError, Copied, SharedFrames, SharedTable, Std, copy_on_write};
use hashwalk_model::{Mapping, hasher};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Hash, PageSize, Pfn, Rights, Vpn};
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::output::Figures;
use crate::explore::watched::LostStore;
use crate::report::grouped;

const WORDS: usize = FRAME_BYTES as usize / 8;
const THREADS_A_PROCESS: u64 = 2;
const FIRST_VPN: u64 = 0x1_0000;

/// Processes that store at once.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The parent and its children.
    pub processes: u64,
    /// Threads of all of them.
    pub threads: u64,
    /// Rounds of fork and store.
    pub rounds: u64,
    /// Pages of each process.
    pub pages: u64,
    /// Words stored and found again.
    pub stores: u64,
    /// Words compared: what was stored, and what the parent had where nobody of the process stored.
    pub words_compared: u64,
    /// Copies, at least.
    pub copies_at_least: u64,
    /// Copies, at most.
    pub copies_at_most: u64,
}

/// A table, the sharers of frames, and what is in the frames.
struct Memory {
    table: SharedTable<Std>,
    frames: SharedFrames<Std>,
    // Relaxed accesses: only the table and the counts of sharers order them, as they do for real memory.
    words: Vec<AtomicU64>,
}

impl Memory {
    fn word(&self, frame: Pfn, word: usize) -> &AtomicU64 {
        &self.words[frame.get() as usize * WORDS + word]
    }

    /// Makes the page writable and stores a word; says whether that took a copy.
    fn store(&self, page: (Asid, Vpn), word: usize, value: u64) -> Result<bool, ConcurrentError> {
        let copy = |from: Pfn, to: Pfn| {
            let one =
                |word| self.word(to, word).store(self.word(from, word).load(Ordering::Relaxed), Ordering::Relaxed);
            (0..WORDS).for_each(one);
        };
        // Threads look every page up in the table, so there is no TLB to shoot down.
        let copied = copy_on_write(&self.table, &self.frames, page, copy, || ())?;
        let (Copied::Private(frame) | Copied::Kept(frame) | Copied::Already(frame)) = copied;
        self.word(frame, word).store(value, Ordering::Relaxed);
        Ok(matches!(copied, Copied::Private(_)))
    }
}

/// Runs 1 to 4 processes of two threads.
///
/// # Errors
/// A store is lost or seen by another process, or copies are out of their bounds.
pub fn measure(context: &Context) -> Result<Vec<Row>> {
    (1..=4).map(|processes| store_at_once(context, processes)).collect()
}

fn store_at_once(context: &Context, processes: u64) -> Result<Row> {
    let (rounds, pages) = (context.size(20, 2), context.size(64, 16));
    let frames = ((processes + 1) * pages + 1) as usize;
    let mut copies = 0;
    for round in 1..=rounds {
        let memory = Memory {
            table: SharedTable::new(pages.ilog2(), (processes * pages) as u32, hasher(Hash::Keyed, context.key()))?,
            frames: SharedFrames::new(frames),
            words: (0..frames * WORDS).map(|_| AtomicU64::new(0)).collect(),
        };
        let parents = |page: u64, word: usize| round << 32 | page << 16 | word as u64;
        for page in 0..pages {
            let frame = memory.frames.allocate()?;
            (0..WORDS).for_each(|word| memory.word(frame, word).store(parents(page, word), Ordering::Relaxed));
            for asid in 1..=processes {
                if asid > 1 {
                    memory.frames.share(frame);
                }
                let (asid, vpn) = (Asid::truncate(asid as u16), Vpn::truncate(FIRST_VPN + page));
                let read_only = Rights::R.with(Rights::U);
                memory.table.insert(&Mapping::new(asid, vpn, PageSize::Small, frame, read_only))?;
            }
        }
        let threads = processes * THREADS_A_PROCESS;
        let start = Barrier::new(threads as usize);
        let taken: Result<Vec<u64>, ConcurrentError> = thread::scope(|scope| {
            let spawn = |thread: u64| {
                let (memory, start) = (&memory, &start);
                scope.spawn(move || {
                    start.wait();
                    let asid = Asid::truncate((thread / THREADS_A_PROCESS + 1) as u16);
                    let mut copies = 0;
                    for page in 0..pages {
                        let at = (asid, Vpn::truncate(FIRST_VPN + page));
                        copies += u64::from(memory.store(at, thread as usize, value(thread, round, page))?);
                    }
                    Ok(copies)
                })
            };
            let threads: Vec<_> = (0..threads).map(spawn).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread ends with a result")).collect()
        });
        copies += taken?.into_iter().sum::<u64>();
        for asid in 1..=processes {
            for page in 0..pages {
                let (asid, vpn) = (Asid::truncate(asid as u16), Vpn::truncate(FIRST_VPN + page));
                let frame = memory.table.lookup(asid, vpn).map(|mapping| mapping.pfn).unwrap_or_default();
                for word in 0..WORDS {
                    let of_own = word as u64 / THREADS_A_PROCESS + 1 == u64::from(asid.get());
                    let stored = if of_own { value(word as u64, round, page) } else { parents(page, word) };
                    let found = memory.word(frame, word).load(Ordering::Relaxed);
                    if found != stored {
                        return Err(LostStore { asid, vpn, stored, found }.into());
                    }
                }
            }
        }
        // Every page has a frame of its own now, and nothing else is in use.
        ensure!(memory.frames.used() as u64 == processes * pages, "frames are lost: {}", memory.frames.used());
    }
    let (copies_at_least, copies_at_most) = ((processes - 1) * pages * rounds, processes * pages * rounds);
    ensure!((copies_at_least..=copies_at_most).contains(&copies), "{copies} copies of {copies_at_most} pages");
    let threads = processes * THREADS_A_PROCESS;
    let stores = threads * pages * rounds;
    let words_compared = copies_at_most * WORDS as u64;
    Ok(Row { processes, threads, rounds, pages, stores, words_compared, copies_at_least, copies_at_most })
}

/// What a thread stores.
fn value(thread: u64, round: u64, page: u64) -> u64 {
    1 << 63 | thread << 48 | round << 32 | page
}

/// The rows as a table.
#[must_use]
pub fn figures(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "Real threads, two a process, that store to shared pages at once: copies depend on the scheduler, within bounds",
        ["processes", "threads", "pages", "rounds", "stores", "words compared", "copies"],
    );
    for row in rows {
        figures.row([
            row.processes.to_string(),
            row.threads.to_string(),
            row.pages.to_string(),
            row.rounds.to_string(),
            grouped(row.stores),
            grouped(row.words_compared),
            format!("{} to {}", grouped(row.copies_at_least), grouped(row.copies_at_most)),
        ]);
    }
    figures
}
