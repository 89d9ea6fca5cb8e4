//! Tables of any bytes of the formats whose links are addresses, and what is walked for in them.

use hashwalk_model::PhysicalMemory;
use hashwalk_spec::{Access, Asid, Hash, PhysAddr, Request, Vpn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

pub const ARRAY: u64 = 0x1000;
/// Of an inverted table: 256 entries, then 128 aliases.
pub const ENTRIES: u64 = 0x2000;
pub const NODES: std::ops::Range<u64> = 0x2000..0x8000;
pub const ARRAY_LENGTH: u64 = 512;

pub struct Image(Vec<u64>);

impl Image {
    /// The aligned words around `address`, and which of them begins there.
    pub fn element(&self, address: u64, bytes: u64) -> Option<(&[u64], usize)> {
        let first = (address / bytes * bytes / 8) as usize;
        let words = self.0.get(first..first + bytes as usize / 8)?;
        Some((words, (address % bytes / 8) as usize))
    }

    pub fn memory(&self) -> PhysicalMemory {
        let mut memory = PhysicalMemory::new(self.0.len() as u64 / 512);
        let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.write(PhysAddr::truncate(0), &bytes).unwrap();
        memory
    }
}

/// What is walked for, and with which registers.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub hash: Hash,
    pub enable: u8,
    pub max_steps: u32,
    pub request: Request,
}

/// Draws of what stands in a table.
pub struct Draw(pub ChaCha8Rng);

impl Draw {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// One bit of the word now and then.
    pub fn flip(&mut self) -> u64 {
        if self.below(20) == 0 { 1 << self.below(64) } else { 0 }
    }

    pub fn asid(&mut self) -> u16 {
        self.below(3) as u16
    }

    pub fn vpn(&mut self) -> u64 {
        self.below(2) << 18 | self.below(2) << 9 | self.below(2)
    }

    pub fn size(&mut self) -> u64 {
        [0, 0, 0, 0, 1, 1, 2, 3][self.below(8) as usize]
    }

    /// V nearly always, R, W, X, U, G in one of four, A, D, and a size.
    pub fn flags(&mut self, size: u64) -> u64 {
        let global = if self.below(4) == 0 { 1 << 5 } else { 0 };
        self.below(256) & !0x21 | global | u64::from(self.below(8) != 0) | size << 8
    }

    /// Where a node stands, a multiple of `bytes`; nowhere, or beyond the memory, now and then.
    pub fn node(&mut self, bytes: u64) -> u64 {
        match self.below(12) {
            0 => 0,
            1 => self.below(1 << 52) / bytes * bytes,
            _ => NODES.start + self.below((NODES.end - NODES.start) / bytes) * bytes,
        }
    }

    pub fn case(&mut self, wide: bool) -> Case {
        let far = if wide && self.below(4) == 0 { self.below(1 << 17) << 35 } else { 0 };
        let request = Request {
            asid: Asid::truncate(self.asid()),
            vpn: Vpn::truncate(self.vpn() | far),
            access: Access::from_code(self.below(3) as u8).unwrap(),
            user: self.below(4) == 0,
        };
        let hash = [Hash::Keyed, Hash::Fold, Hash::Asid][self.below(3) as usize];
        Case { hash, enable: self.below(64) as u8, max_steps: 1 + self.below(12) as u32, request }
    }

    pub fn inverted(&mut self) -> Image {
        let mut words = vec![0; NODES.end as usize / 8];
        (0..ARRAY_LENGTH).for_each(|index| words[(ARRAY / 8 + index) as usize] = self.node(16) ^ self.flip());
        for slot in words[NODES.start as usize / 8..].as_chunks_mut::<4>().0 {
            let is_alias = self.below(2) == 0;
            for half in 0..if is_alias { 1 } else { 2 } {
                let size = self.size();
                let vpn = self.vpn() >> (9 * size) << (9 * size);
                slot[2 * half] = self.flags(size) | vpn << 12 | u64::from(is_alias) << 10 ^ self.flip();
                slot[2 * half + 1] = (u64::from(self.asid()) << 48 | self.node(16) >> 4) ^ self.flip();
            }
            if is_alias {
                (slot[2], slot[3]) = (self.below(8) << 30 ^ self.flip(), self.flip());
            }
        }
        Image(words)
    }

    pub fn tree(&mut self) -> Image {
        let mut words = vec![0; NODES.end as usize / 8];
        (0..ARRAY_LENGTH).for_each(|index| words[(ARRAY / 8 + index) as usize] = self.node(64) ^ self.flip());
        for node in words[NODES.start as usize / 8..].as_chunks_mut::<8>().0 {
            let size = self.size();
            node[0] = self.flags(size) | self.below(8) << 30 ^ self.flip();
            node[1] = self.vpn() >> (9 * size) << (9 * size) ^ self.flip();
            node[2] = u64::from(self.asid()) ^ self.flip();
            (node[3], node[4]) = (self.node(64) ^ self.flip(), self.node(64) ^ self.flip());
            node[5..].fill_with(|| self.below(u64::MAX));
        }
        Image(words)
    }

    /// The directory's words mostly lead to frame 2, whose words to frame 3, and so on: a frame for each level. Leaves
    /// mostly have the size of their level.
    pub fn radix(&mut self) -> Image {
        let mut words = vec![0; NODES.end as usize / 8];
        for (number, word) in (0..).zip(&mut words) {
            let below = (number / 512_u64).max(1) + 1;
            let is_leaf = below > 3 && self.below(3) == 0;
            *word = match self.below(20) {
                0 => 0,
                1 => self.below(u64::MAX),
                2 => self.node(4096) | 0x401,
                _ if below >= 6 || is_leaf => {
                    let size = if self.below(8) == 0 { self.size() } else { 6_u64.saturating_sub(below) };
                    self.flags(size) | self.below(8) << 30 ^ self.flip()
                }
                _ => below << 12 | 0x401 ^ self.flip(),
            };
        }
        Image(words)
    }
}
