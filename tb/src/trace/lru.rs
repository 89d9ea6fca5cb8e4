//! A fully associative TLB with true LRU replacement: the yardstick for a trace's locality, not a model of our hardware.

/// The pages that such a TLB holds, most recently used first.
#[derive(Clone, Debug)]
pub struct Lru {
    pages: Vec<u64>,
    entries: usize,
    lookups: u64,
    misses: u64,
}

impl Lru {
    /// An empty TLB with this many entries, at least 1.
    ///
    /// # Panics
    ///
    /// With 0 entries.
    pub fn new(entries: usize) -> Self {
        assert!(entries > 0, "a TLB needs an entry");
        Lru { pages: Vec::with_capacity(entries), entries, lookups: 0, misses: 0 }
    }

    /// Looks a page up, brings it in where it is missing, and returns whether it was there.
    pub fn lookup(&mut self, vpn: u64) -> bool {
        self.lookups += 1;
        let position = self.pages.iter().position(|&page| page == vpn);
        let moved = match position {
            Some(position) => position,
            None => {
                self.misses += 1;
                if self.pages.len() < self.entries {
                    self.pages.push(vpn);
                }
                self.pages.len() - 1
            }
        };
        self.pages[..=moved].rotate_right(1);
        self.pages[0] = vpn;
        position.is_some()
    }

    /// Lookups so far.
    pub fn lookups(&self) -> u64 {
        self.lookups
    }

    /// Lookups so far that found nothing, the first ones of each page among them.
    pub fn misses(&self) -> u64 {
        self.misses
    }

    /// Misses over lookups, from 0 to 1; 0 before the first lookup.
    pub fn miss_rate(&self) -> f64 {
        self.misses as f64 / self.lookups.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_recently_used_page_is_replaced() {
        let mut lru = Lru::new(2);
        let hits = [1, 2, 1, 3, 1, 2, 3].map(|vpn| lru.lookup(vpn));
        assert_eq!(hits, [false, false, true, false, true, false, false]);
        assert_eq!((lru.lookups(), lru.misses()), (7, 5));
    }
}
