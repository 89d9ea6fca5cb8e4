//! Memory as the test wants it: sparse over all 52 bits of address, with exact latency, waits, gaps and errors.

use std::collections::{HashMap, HashSet, VecDeque};

use hashwalk_spec::{Config, Format};

use super::page::{Words, line};

/// When a read takes its data. The first two are legal for all hardware; the first shows hardware that trusts old data, the
/// second hardware that mixes old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    AtAcceptance,
    AtFirstBeat,
    /// So many words at the acceptance, the others at the first beat: legal where entries have sequence numbers.
    Split(usize),
}

impl Sample {
    /// How many words are taken at the acceptance.
    fn early(self) -> usize {
        match self {
            Sample::AtAcceptance => 4,
            Sample::AtFirstBeat => 0,
            Sample::Split(words) => words,
        }
    }
}

pub struct Memory {
    /// A read accepted in cycle t has its first beat in `t + latency`.
    pub latency: u64,
    /// Cycles that each request waits to be accepted.
    pub wait: u64,
    /// Cycles between the beats of a read.
    pub gap: u64,
    pub sample: Sample,
    beats: usize,
    /// What is read are lines.
    has_lines: bool,
    /// Reads that one walk may have out.
    most_reads: usize,
    entries: HashMap<u64, Words>,
    /// Address and beat of what cannot be read.
    pub errors: HashSet<(u64, usize)>,
    waited: u64,
    /// Beats that were taken.
    taken: u32,
    /// Those that were accepted and are not answered in full, the oldest first.
    reads: VecDeque<Read>,
}

struct Read {
    walk: u8,
    address: u64,
    /// The words that were taken when it was accepted.
    early: Vec<u64>,
    data: Option<Words>,
    beat: usize,
    due: u64,
}

/// One beat as it stands on the port.
pub struct Beat {
    pub walk: u8,
    pub words: Vec<u64>,
    pub error: bool,
}

impl Memory {
    /// Memory for this configuration, which has as many reads out for a walk as it has ways.
    pub fn new(config: &Config) -> Memory {
        Memory {
            latency: 1,
            wait: 0,
            gap: 0,
            sample: Sample::AtAcceptance,
            beats: config.beats() as usize,
            has_lines: config.format() == Format::Line,
            most_reads: config.ways() as usize,
            entries: HashMap::new(),
            errors: HashSet::new(),
            waited: 0,
            taken: 0,
            reads: VecDeque::new(),
        }
    }

    /// The entry at this address; what was never written is zero.
    pub fn get(&self, address: u64) -> Words {
        self.entries.get(&address).copied().unwrap_or_default()
    }

    pub fn put(&mut self, address: u64, words: Words) {
        self.entries.insert(address, words);
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether a read was accepted and is not answered in full.
    pub fn is_busy(&self) -> bool {
        !self.reads.is_empty()
    }

    fn is_full(&self, walk: u8) -> bool {
        self.reads.iter().filter(|read| read.walk == walk).count() == self.most_reads
    }

    pub fn is_ready(&self) -> bool {
        self.waited >= self.wait
    }

    /// The beat of this cycle, which stays until it is taken. Reads are answered in their order.
    pub fn beat(&mut self, now: u64) -> Option<Beat> {
        let read = self.reads.front_mut().filter(|read| read.due <= now)?;
        let data = *read.data.get_or_insert_with(|| {
            let mut data = self.entries.get(&read.address).copied().unwrap_or_default();
            data[..read.early.len()].copy_from_slice(&read.early);
            data
        });
        let element = if self.has_lines { line(data).to_vec() } else { data.to_vec() };
        let words = element.len() / self.beats;
        Some(Beat {
            walk: read.walk,
            words: element[read.beat * words..][..words].to_vec(),
            error: self.errors.contains(&(read.address, read.beat)),
        })
    }

    /// The beat of this cycle is taken.
    pub fn take_beat(&mut self, now: u64) {
        self.taken += 1;
        let read = self.reads.front_mut().expect("a beat stands on the port");
        read.beat += 1;
        read.due = now + 1 + self.gap;
        if read.beat == self.beats {
            self.reads.pop_front();
        }
    }

    /// How many beats were ever taken.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// A request stands on the port in this cycle; returns whether it is accepted.
    pub fn request(&mut self, now: u64, address: u64, walk: u8) -> bool {
        if !self.is_ready() {
            self.waited += 1;
            return false;
        }
        assert!(!self.is_full(walk), "cycle {now}: walk {walk} reads {address:#x} while too many of its reads are out");
        let early = self.get(address)[..self.sample.early()].to_vec();
        self.waited = 0;
        self.reads.push_back(Read { walk, address, early, data: None, beat: 0, due: now + self.latency });
        true
    }

    /// A request that was waiting is gone, by reset.
    pub fn forget_request(&mut self) {
        self.waited = 0;
    }
}
