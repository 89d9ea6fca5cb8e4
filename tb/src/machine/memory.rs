//! The memory behind the MMU's port: as many reads at a time as the walks make, those of one id answered in order, with any
//! latency and any backpressure.
//!
//! A read takes all its words when it is accepted. Where entries have sequence numbers each word is taken at a moment of its
//! own, ascending with the addresses, until its beat; all of these that are by chance are drawn from the seed.

use std::collections::VecDeque;

use fastrand::Rng;
use hashwalk_model::memory::{BusError, Element};
use hashwalk_sim::Dut;
use hashwalk_spec::format::MAX_ELEMENT_BYTES;
use hashwalk_spec::{Config, PhysAddr};
use serde::{Deserialize, Serialize};

use super::ports::Ports;
use super::scoreboard::Reader;

/// How memory behaves. The same numbers give the same behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryTiming {
    /// Cycles from the acceptance of a read to its first beat, at least: 1 or more.
    pub latency: u32,
    /// And at most.
    pub latency_max: u32,
    /// Cycles in 100 in which a read is not accepted: 0 to 90.
    pub stall_percent: u8,
    /// Chances in 100 that a further beat is late by a cycle: 0 to 90.
    pub gap_percent: u8,
    /// Chances in 100 that the next read to be answered is any whose data have come, of whatever id, and not the oldest:
    /// 0 to 100.
    #[serde(default)]
    pub reorder_percent: u8,
    /// What the random choices grow from.
    pub seed: u64,
}

impl MemoryTiming {
    /// A memory that is always ready and answers after `latency` cycles, 1 or more.
    #[must_use]
    pub fn fixed(latency: u32) -> MemoryTiming {
        MemoryTiming { latency, latency_max: latency, stall_percent: 0, gap_percent: 0, reorder_percent: 0, seed: 0 }
    }

    /// Cycles that a read of `beats` beats hardly ever exceeds.
    #[must_use]
    pub fn worst_cycles(&self, beats: u32) -> u32 {
        let patience = |percent: u8| if percent == 0 { 0 } else { 2_000 / (100 - u32::from(percent)) };
        self.latency_max + patience(self.stall_percent) + beats * (1 + patience(self.gap_percent))
    }
}

/// A read on its way back.
struct Read {
    id: u32,
    address: PhysAddr,
    accepted: u64,
    words: [u64; MAX_ELEMENT_BYTES / 8],
    /// How many of the words are taken, the lowest first.
    taken: usize,
    /// The cycles in which they are, if their beats do not come before.
    moments: [u64; MAX_ELEMENT_BYTES / 8],
    error: bool,
    next_beat: u32,
    due: u64,
}

impl Read {
    /// Takes words from an element as it is now, up to the number `until`.
    fn take(&mut self, element: &Result<Element, BusError>, until: usize) {
        self.error |= element.is_err();
        // A failed read brings bits that must not be used: a valid entry for anybody.
        let bytes = element.as_ref().unwrap_or(&[0xff; MAX_ELEMENT_BYTES]);
        let words = self.words.iter_mut().zip(bytes.as_chunks::<8>().0);
        words.take(until).skip(self.taken).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
        self.taken = self.taken.max(until);
    }

    /// How many words are to be taken by this cycle.
    fn due_words(&self, now: u64, words: usize) -> usize {
        self.moments[..words].iter().take_while(|moment| **moment <= now).count()
    }

    /// The element that was given.
    fn element(&self, element_bytes: u64) -> Result<Element, BusError> {
        if self.error {
            return Err(BusError { address: self.address, bytes: element_bytes });
        }
        let mut element = [0; MAX_ELEMENT_BYTES];
        let bytes = element.as_chunks_mut::<8>().0.iter_mut().zip(&self.words).take(self.taken);
        bytes.for_each(|(bytes, word)| *bytes = word.to_le_bytes());
        Ok(element)
    }
}

/// An element of which all words are taken since the read was accepted.
pub(super) struct Given {
    pub(super) accepted: u64,
    pub(super) address: PhysAddr,
    pub(super) element: Result<Element, BusError>,
}

pub(super) struct MemoryAgent {
    timing: MemoryTiming,
    rng: Rng,
    beats: u32,
    element_bytes: u64,
    /// Each word is of a moment of its own.
    word_by_word: bool,
    /// What was given so since somebody looked.
    given: Vec<Given>,
    walks: u32,
    /// Reads that one walk may have out.
    most_reads: usize,
    ready: bool,
    /// Those that were accepted and are not answered in full, the oldest first.
    reads: VecDeque<Read>,
    /// That of which beats are sent: all of them, before another's.
    sending: Option<usize>,
    responding: bool,
    /// The address and the id of a request that was not accepted in the last cycle.
    stalled: Option<(u64, u32)>,
}

impl MemoryAgent {
    pub(super) fn new(timing: MemoryTiming, config: &Config) -> MemoryAgent {
        MemoryAgent {
            timing,
            rng: Rng::with_seed(timing.seed),
            beats: config.beats(),
            element_bytes: config.format().element_bytes(),
            word_by_word: config.sequence(),
            given: Vec::new(),
            walks: config.walks(),
            most_reads: config.ways() as usize,
            ready: false,
            reads: VecDeque::new(),
            sending: None,
            responding: false,
            stalled: None,
        }
    }

    fn chance(&mut self, percent: u8) -> bool {
        percent > 0 && self.rng.u8(0..100) < percent
    }

    /// Whether a read was accepted and is not answered in full.
    pub(super) fn is_busy(&self) -> bool {
        !self.reads.is_empty()
    }

    /// The read that is answered next, if its data have come: the oldest, or by chance another that is its id's oldest.
    fn choose(&mut self, now: u64) -> Option<usize> {
        if self.reads.len() > 1 && self.chance(self.timing.reorder_percent) {
            let is_oldest = |at: usize| !self.reads.iter().take(at).any(|older| older.id == self.reads[at].id);
            let due = (0..self.reads.len()).filter(|at| self.reads[*at].due <= now && is_oldest(*at));
            return due.min_by_key(|at| hash(self.timing.seed ^ now, *at));
        }
        self.reads.front().filter(|read| read.due <= now).map(|_| 0)
    }

    /// Drives the port for the cycle `now`.
    pub(super) fn drive(&mut self, dut: &mut Dut, ports: &Ports, now: u64, reader: &Reader) {
        self.ready = !self.chance(self.timing.stall_percent);
        dut.set(ports.memory_request_ready, u64::from(self.ready));
        if self.sending.is_none() && !self.reads.is_empty() {
            self.sending = self.choose(now);
        }
        if self.word_by_word {
            self.take_words(now, reader);
        }
        let beat = self.sending.map(|at| &self.reads[at]).filter(|read| read.due <= now);
        let respond = beat.is_some();
        if let Some(read) = beat {
            let words = (self.element_bytes / 8 / u64::from(self.beats)) as usize;
            let start = read.next_beat as usize * words;
            dut.set(ports.memory_response_id, u64::from(read.id));
            dut.set_wide(ports.memory_response_data, &read.words[start..start + words]);
            dut.set(ports.memory_response_error, u64::from(read.error));
        }
        if respond || self.responding {
            dut.set(ports.memory_response_valid, u64::from(respond));
        }
        self.responding = respond;
    }

    /// Takes the words that are due, and those of the beat that is sent.
    fn take_words(&mut self, now: u64, reader: &Reader) {
        let words = self.element_bytes as usize / 8;
        let in_beat = words / self.beats as usize;
        for (at, read) in self.reads.iter_mut().enumerate() {
            let is_sent = self.sending == Some(at) && read.due <= now;
            let sent = if is_sent { (read.next_beat as usize + 1) * in_beat } else { 0 };
            let until = read.due_words(now, words).max(sent);
            if until > read.taken {
                read.take(&reader.read(read.address), until);
                if until == words {
                    let (accepted, address) = (read.accepted, read.address);
                    self.given.push(Given { accepted, address, element: read.element(self.element_bytes) });
                }
            }
        }
    }

    /// The cycles in which the words of a read are taken that is accepted now.
    fn moments(&mut self, now: u64, latency: u32) -> [u64; MAX_ELEMENT_BYTES / 8] {
        let mut moments = [now; MAX_ELEMENT_BYTES / 8];
        if self.word_by_word {
            let (rng, span) = (&mut self.rng, latency + self.beats);
            moments.fill_with(|| now + u64::from(rng.u32(0..span)));
            moments[..self.element_bytes as usize / 8].sort_unstable();
        }
        moments
    }

    /// What was given word by word since this was asked last.
    pub(super) fn take_given(&mut self) -> Vec<Given> {
        std::mem::take(&mut self.given)
    }

    /// Looks at the port at the end of the cycle `now`; returns the address and the walk of a read that was accepted, or
    /// how the hardware broke the port's rules.
    pub(super) fn observe(
        &mut self,
        dut: &Dut,
        ports: &Ports,
        now: u64,
        read: impl FnOnce(PhysAddr) -> Result<Element, BusError>,
    ) -> Result<Option<(PhysAddr, u32)>, String> {
        if self.responding && dut.get(ports.memory_response_ready) != 0 {
            let late = self.chance(self.timing.gap_percent);
            let at = self.sending.expect("a beat was sent");
            let current = &mut self.reads[at];
            current.next_beat += 1;
            current.due = now + 1 + u64::from(late);
            if current.next_beat == self.beats {
                self.reads.remove(at);
                self.sending = None;
            }
        }
        if dut.get(ports.memory_request_valid) == 0 {
            return if self.stalled.take().is_some() { Err("withdrew a stalled read".into()) } else { Ok(None) };
        }
        let (address, id) = (dut.get(ports.memory_request_address), dut.get(ports.memory_request_id) as u32);
        if self.stalled.is_some_and(|stalled| stalled != (address, id)) {
            return Err(format!("changed a stalled read to {address:#x} of walk {id}"));
        }
        self.stalled = (!self.ready).then_some((address, id));
        if !self.ready {
            return Ok(None);
        }
        if id >= self.walks {
            return Err(format!("read {address:#x} for walk {id}, which does not exist"));
        }
        if self.reads.iter().filter(|read| read.id == id).count() == self.most_reads {
            return Err(format!("read {address:#x} while {} reads of walk {id} were out", self.most_reads));
        }
        let beats = dut.get(ports.memory_request_beats);
        if !address.is_multiple_of(self.element_bytes) || beats != u64::from(self.beats) {
            return Err(format!("read {address:#x}, not one whole element"));
        }
        let address = PhysAddr::truncate(address);
        let latency = self.rng.u32(self.timing.latency..=self.timing.latency_max);
        let moments = self.moments(now, latency);
        let mut accepted = Read {
            id,
            address,
            accepted: now,
            words: [0; MAX_ELEMENT_BYTES / 8],
            taken: 0,
            moments,
            error: false,
            next_beat: 0,
            due: now + u64::from(latency),
        };
        let words = accepted.due_words(now, self.element_bytes as usize / 8);
        let element = read(address);
        if words > 0 {
            accepted.take(&element, words);
        }
        if self.word_by_word && words == self.element_bytes as usize / 8 {
            self.given.push(Given { accepted: now, address, element });
        }
        self.reads.push_back(accepted);
        Ok(Some((address, id)))
    }
}

/// A number that looks random, for choices of which there may be many in a cycle.
fn hash(seed: u64, n: usize) -> u64 {
    Rng::with_seed(seed.wrapping_add(n as u64)).u64(..)
}
