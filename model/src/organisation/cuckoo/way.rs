//! One way: an array of entries in a list of runs, that can double in place while it is in use.
//!
//! ```text
//!  runs     0: 2^a entries   1: 2^a entries   2: 2^(a+1) entries   ...      the run of an index: 0 if it is below 2^a,
//!  indices  0 ..             2^a ..           2^(a+1) ..                    else (its highest set bit) - a + 1
//! ```
//!
//! Rehashing slot i looks at one more bit of its entry's hash: the entry stays, or goes to i + 2^n. Nothing has gone
//! there before, since only an entry whose n low bits are i could, and these stood in slot i until now.

use crate::entry::Entry;
use crate::frames::OutOfMemory;
use crate::hash::{HashFunction, Hasher, Keyed};
use crate::memory::BusError;
use crate::organisation::common::write_word;
use crate::ram::Ram;
use hashwalk_spec::entry::{ENTRY_BYTES, ENTRY_BYTES_LOG2, INDEX_BITS};
use hashwalk_spec::{Asid, PhysAddr, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The keys of the ways: 16 bytes each of the ChaCha8 stream under `key` (and zeros), so that no way's hash tells
/// anything of another's.
pub(super) fn keys(key: u128) -> impl Iterator<Item = u128> {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&key.to_le_bytes());
    let mut stream = ChaCha8Rng::from_seed(seed);
    std::iter::repeat_with(move || {
        let mut key = [0; 16];
        stream.fill_bytes(&mut key);
        u128::from_le_bytes(key)
    })
}

/// Where a way's hash comes from.
#[derive(Clone, Copy, Debug)]
enum WayHash {
    /// A key of its own.
    Own(Keyed),
    /// The contract: all ways share a hash, whose halves are put together otherwise for each.
    Shared(Hasher, u32),
}

impl WayHash {
    #[inline]
    fn hash(&self, asid: Asid, vpn: Vpn) -> u64 {
        u64::from(match self {
            WayHash::Own(keyed) => keyed.hash(asid, vpn),
            WayHash::Shared(hasher, way) => hasher.hash_of_way(*way, asid, vpn),
        })
    }
}

/// One way of the table.
#[derive(Clone, Debug)]
pub(super) struct Way {
    hasher: WayHash,
    /// Where the runs begin. The last one is the upper half of a way that is being doubled.
    runs: Vec<PhysAddr>,
    first_log2: u32,
    /// log2 of the number of entries, without an unfinished doubling.
    log2: u32,
    /// In an unfinished doubling, the slots below this one are rehashed.
    rehashed: Option<u64>,
}

impl Way {
    /// An empty way of 2^`log2` entries.
    pub(super) fn new(ram: &mut Ram, log2: u32, key: u128) -> Result<Way, OutOfMemory> {
        let run = ram.take(ENTRY_BYTES << log2)?;
        Ok(Way::of_run(run, log2, WayHash::Own(Keyed::new(key))))
    }

    /// An empty way of 2^`log2` entries from `base` on, which is not its own to give back. `way` is its number.
    pub(super) fn within(base: PhysAddr, log2: u32, hasher: Hasher, way: u32) -> Way {
        Way::of_run(base, log2, WayHash::Shared(hasher, way))
    }

    fn of_run(run: PhysAddr, log2: u32, hasher: WayHash) -> Way {
        Way { hasher, runs: vec![run], first_log2: log2, log2, rehashed: None }
    }

    /// Gives all frames back.
    pub(super) fn release(self, ram: &mut Ram) {
        for (index, run) in self.runs.iter().enumerate() {
            ram.give(*run, self.run_bytes(index));
        }
    }

    /// The slot of a page's entry.
    #[inline]
    pub(super) fn home(&self, asid: Asid, vpn: Vpn) -> u64 {
        let hash = self.hasher.hash(asid, vpn);
        let before = low_bits(hash, self.log2);
        match self.rehashed {
            Some(rehashed) if before < rehashed => low_bits(hash, self.log2 + 1),
            _ => before,
        }
    }

    /// All slots, those of an unfinished doubling included.
    pub(super) fn places(&self) -> u64 {
        1 << (self.log2 + u32::from(self.rehashed.is_some()))
    }

    /// How many slots are rehashed, if the way is being doubled.
    pub(super) fn rehashed(&self) -> Option<u64> {
        self.rehashed
    }

    /// Bytes of the longest run.
    pub(super) fn longest_run(&self) -> u64 {
        self.run_bytes(self.runs.len() - 1)
    }

    pub(super) fn read(&self, ram: &Ram, slot: u64) -> Result<Entry, BusError> {
        Ok(Entry::from_bytes(&ram.memory.read_entry(self.address(slot))?))
    }

    pub(super) fn write(&self, ram: &mut Ram, slot: u64, entry: &Entry) -> Result<(), BusError> {
        ram.memory.write_entry(self.address(slot), &entry.to_bytes())
    }

    /// Writes word 0 of an entry whose other words stand there already.
    pub(super) fn write_pte(&self, ram: &mut Ram, slot: u64, entry: &Entry) -> Result<(), BusError> {
        write_word(ram, self.address(slot), entry.words()[0])
    }

    /// Every slot that is not empty.
    pub(super) fn entries<'a>(&self, ram: &'a Ram) -> Result<impl Iterator<Item = (u64, Entry)> + use<'a>, BusError> {
        let runs = self.runs.iter().enumerate().map(|(index, run)| ram.memory.slice(*run, self.run_bytes(index)));
        let runs = runs.collect::<Result<Vec<&[u8]>, BusError>>()?;
        let entries = runs.into_iter().flat_map(|run| run.as_chunks().0).map(Entry::from_bytes);
        Ok((0..).zip(entries).filter(|(_, entry)| !entry.is_empty()))
    }

    /// Bytes of the run that a doubling needs; `None` if the way has as many entries as the hash can tell apart.
    pub(super) fn doubling_bytes(&self) -> Option<u64> {
        let places = self.places();
        (places < 1 << INDEX_BITS).then_some(places * ENTRY_BYTES)
    }

    /// Begins to double into `run`, which is zeroed and as long as the way.
    pub(super) fn begin(&mut self, run: PhysAddr) {
        debug_assert!(self.rehashed.is_none());
        self.runs.push(run);
        self.rehashed = Some(0);
    }

    /// Rehashes up to `slots` slots. It does nothing if the way is not being doubled.
    pub(super) fn advance(&mut self, ram: &mut Ram, slots: u64) -> Result<(), BusError> {
        for _ in 0..slots {
            let Some(slot) = self.rehashed else { break };
            let upper = slot + (1 << self.log2);
            let entry = self.read(ram, slot)?;
            let home = low_bits(self.hasher.hash(entry.asid(), entry.vpn()), self.log2 + 1);
            let goes = !entry.is_empty() && home == upper;
            // Written above, then the pointer, then emptied below: a walk finds it with the old pointer and the new.
            if goes {
                self.write(ram, upper, &entry)?;
            }
            self.rehashed = Some(slot + 1);
            if goes {
                self.write(ram, slot, &Entry::EMPTY)?;
            }
            if slot + 1 == 1 << self.log2 {
                self.log2 += 1;
                self.rehashed = None;
            }
        }
        Ok(())
    }

    /// Undoes [`Way::advance`] back to the pointer `to`, or to before [`Way::begin`]. Nothing may have been inserted
    /// since.
    pub(super) fn retreat(&mut self, ram: &mut Ram, to: Option<u64>) -> Result<(), BusError> {
        let mut rehashed = self.rehashed.unwrap_or_else(|| {
            self.log2 -= 1;
            1 << self.log2
        });
        while rehashed > to.unwrap_or(0) {
            rehashed -= 1;
            self.rehashed = Some(rehashed);
            let upper = rehashed + (1 << self.log2);
            let entry = self.read(ram, upper)?;
            if !entry.is_empty() {
                self.write(ram, rehashed, &entry)?;
                self.write(ram, upper, &Entry::EMPTY)?;
            }
        }
        self.rehashed = to;
        if to.is_none() {
            let bytes = self.longest_run();
            ram.give(self.runs.pop().expect("a way that was being doubled has two runs"), bytes);
        }
        Ok(())
    }

    #[inline]
    fn address(&self, slot: u64) -> PhysAddr {
        let above = slot >> self.first_log2;
        let run = (u64::BITS - above.leading_zeros()) as usize;
        let within = if run == 0 { slot } else { slot - (1 << (self.first_log2 + run as u32 - 1)) };
        PhysAddr::truncate(self.runs[run].get() + (within << ENTRY_BYTES_LOG2))
    }

    fn run_bytes(&self, run: usize) -> u64 {
        ENTRY_BYTES << (self.first_log2 + (run as u32).saturating_sub(1))
    }
}

fn low_bits(hash: u64, bits: u32) -> u64 {
    hash & ((1 << bits) - 1)
}
