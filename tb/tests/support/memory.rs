//! Memory as the test wants it: sparse over all 52 bits of address, with exact latency, waits, gaps and errors.

use std::collections::{HashMap, HashSet, VecDeque};

use super::page::Words;

/// When a read takes its data. Both are legal; the first shows hardware that trusts old data, the second hardware that
/// mixes old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    AtAcceptance,
    AtFirstBeat,
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
    most_reads: usize,
    entries: HashMap<u64, Words>,
    /// Address and beat of what cannot be read.
    pub errors: HashSet<(u64, usize)>,
    waited: u64,
    /// Those that were accepted and are not answered in full, the oldest first.
    reads: VecDeque<Read>,
}

struct Read {
    address: u64,
    data: Option<Words>,
    beat: usize,
    due: u64,
}

/// One beat as it stands on the port.
pub struct Beat {
    pub words: Vec<u64>,
    pub error: bool,
}

impl Memory {
    /// Memory that is asked for so many reads at once.
    pub fn new(beats: u32, most_reads: u32) -> Memory {
        Memory {
            latency: 1,
            wait: 0,
            gap: 0,
            sample: Sample::AtAcceptance,
            beats: beats as usize,
            most_reads: most_reads as usize,
            entries: HashMap::new(),
            errors: HashSet::new(),
            waited: 0,
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

    /// Whether no further read may be asked for.
    pub fn is_full(&self) -> bool {
        self.reads.len() == self.most_reads
    }

    pub fn is_ready(&self) -> bool {
        self.waited >= self.wait
    }

    /// The beat of this cycle.
    pub fn beat(&mut self, now: u64) -> Option<Beat> {
        let read = self.reads.front_mut().filter(|read| read.due <= now)?;
        let data = *read.data.get_or_insert_with(|| self.entries.get(&read.address).copied().unwrap_or_default());
        let words = data.len() / self.beats;
        let beat = Beat {
            words: data[read.beat * words..][..words].to_vec(),
            error: self.errors.contains(&(read.address, read.beat)),
        };
        read.beat += 1;
        read.due = now + 1 + self.gap;
        if read.beat == self.beats {
            self.reads.pop_front();
        }
        Some(beat)
    }

    /// A request stands on the port in this cycle; returns whether it is accepted.
    pub fn request(&mut self, now: u64, address: u64) -> bool {
        if !self.is_ready() {
            self.waited += 1;
            return false;
        }
        assert!(!self.is_full(), "cycle {now}: {address:#x} is read while {} reads are out", self.reads.len());
        let data = (self.sample == Sample::AtAcceptance).then(|| self.get(address));
        self.waited = 0;
        self.reads.push_back(Read { address, data, beat: 0, due: now + self.latency });
        true
    }

    /// A request that was waiting is gone, by reset.
    pub fn forget_request(&mut self) {
        self.waited = 0;
    }
}
