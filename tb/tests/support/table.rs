//! Writing the page table by hand, entry by entry, and as software does. In a table of lines an entry stands alone in its line
//! (`memory.rs`), so that both formats have the same chains; only the homes of the line table's pages are others.

use hashwalk_model::hash::{HashFunction, hasher};
use hashwalk_spec::{Asid, Format, Invalidation, Vpn};

use super::bench::Bench;
use super::page::{Page, Words, page};

/// Where the table lies and how it is searched: the control registers.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub frame: u64,
    pub log2: u32,
    /// Bytes of an element, 32 or 64, as a power of two.
    pub element_log2: u32,
    pub key: u128,
    pub search_enable: u8,
}

impl Table {
    pub fn mask(&self) -> u32 {
        u32::MAX >> (32 - self.log2)
    }

    pub fn address(&self, index: u32) -> u64 {
        (self.frame << 12) + (u64::from(index) << self.element_log2)
    }
}

impl Bench {
    /// An empty table and an empty TLB, the device being idle.
    pub fn start_over(&mut self) {
        self.memory.clear();
        self.memory.errors.clear();
        self.next_free = self.table.mask();
        self.invalidate(Invalidation::All);
    }

    /// The home of a page of 4 KiB.
    pub fn home(&self, asid: u16, vpn: u64) -> u32 {
        self.home_of(page(asid, vpn, 0))
    }

    /// The home of a page: in a table of lines that of its group.
    pub fn home_of(&self, page: Page) -> u32 {
        let group = if self.config.format() == Format::Line { 8 * page.frames() } else { 1 };
        let vpn = Vpn::truncate(page.vpn & !(group - 1));
        let hash = hasher(self.config.hash(), self.table.key).hash(Asid::truncate(page.asid), vpn);
        hash & self.table.mask()
    }

    /// Writes the entry at an index.
    pub fn put(&mut self, index: u32, words: Words) {
        self.memory.put(self.table.address(index), words);
    }

    pub fn get(&self, index: u32) -> Words {
        self.memory.get(self.table.address(index))
    }

    /// An index whose entry is empty, from the top of the table down.
    pub fn free(&mut self) -> u32 {
        while self.get(self.next_free) != [0; 4] {
            self.next_free -= 1;
        }
        self.next_free -= 1;
        self.next_free + 1
    }

    /// The indices of a chain.
    pub fn chain(&self, home: u32) -> Vec<u32> {
        let mut chain = vec![home];
        while let link = self.get(chain[chain.len() - 1])[3]
            && link >> 32 & 1 == 1
        {
            chain.push(link as u32);
        }
        chain
    }

    /// Enters a page as software does: in its home, or else at the end of its home's chain. Returns its index.
    pub fn map(&mut self, page: Page) -> u32 {
        let home = self.home_of(page);
        let index = if self.get(home) == [0; 4] {
            home
        } else {
            let last = *self.chain(home).last().expect("a chain has a home");
            let free = self.free();
            let [pte, vpn, asid, _] = self.get(last);
            self.put(last, [pte, vpn, asid, 1 << 32 | u64::from(free)]);
            free
        };
        self.put(index, page.words(None));
        index
    }

    /// Enters a page behind this many entries that are not for it. Its home must be empty. Returns its index.
    pub fn bury(&mut self, page: Page, depth: u32) -> u32 {
        for decoy in 0..depth {
            // The same page of other address spaces: what differs is the ASID alone.
            let home = self.home_of(page);
            let index = if decoy == 0 { home } else { self.free() };
            self.link(home, index, Page { asid: 0x7000 + decoy as u16, global: false, ..page }.words(None));
        }
        self.map(page)
    }

    fn link(&mut self, home: u32, index: u32, words: Words) {
        if index != home {
            let last = *self.chain(home).last().expect("a chain has a home");
            let [pte, vpn, asid, _] = self.get(last);
            self.put(last, [pte, vpn, asid, 1 << 32 | u64::from(index)]);
        }
        self.put(index, words);
    }

    /// Writes another mapping, or none, in the place of one; its link stays.
    #[track_caller]
    pub fn replace(&mut self, old: Page, new: Option<Page>) {
        let [pte, vpn, asid, _] = old.words(None);
        let holds = |index: &u32| self.get(*index)[..3] == [pte, vpn, asid];
        let index = self.chain(self.home_of(old)).into_iter().find(holds).expect("the page is mapped");
        let link = self.get(index)[3];
        let [pte, vpn, asid, _] = new.map_or([0; 4], |new| new.words(None));
        self.put(index, [pte, vpn, asid, link]);
    }
}
