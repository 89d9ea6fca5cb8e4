//! Chain lengths against the Poisson law: a random function leaves `e^-a a^k / k!` of the homes with k pages, where a is
//! the number of pages for each home.

use crate::hash::HashFunction;
use hashwalk_spec::{Asid, Vpn};

/// The share of homes that chance gives `pages` pages, with `load` pages for each home.
#[must_use]
pub fn poisson(load: f64, pages: usize) -> f64 {
    (1..=pages).fold((-load).exp(), |share, k| share * load / k as f64)
}

/// How many homes have how many pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    homes_with: Vec<u64>,
}

impl Spread {
    /// Counts the pages of each of the `2^log2` homes.
    ///
    /// # Panics
    /// `log2` is above 32.
    pub fn of(hash: &impl HashFunction, pages: impl IntoIterator<Item = (Asid, Vpn)>, log2: u32) -> Spread {
        assert!(log2 <= u32::BITS, "a hash has 32 bits");
        let mut pages_at = vec![0usize; 1 << log2];
        for (asid, vpn) in pages {
            pages_at[hash.hash(asid, vpn) as usize & ((1 << log2) - 1)] += 1;
        }
        let mut homes_with = vec![0; pages_at.iter().max().map_or(0, |most| *most) + 1];
        pages_at.iter().for_each(|&pages| homes_with[pages] += 1);
        Spread { homes_with }
    }

    /// Homes with 0, 1, 2, ... pages; the last of these counts is that of the fullest.
    #[must_use]
    pub fn homes_with(&self) -> &[u64] {
        &self.homes_with
    }

    /// All homes.
    #[must_use]
    pub fn homes(&self) -> u64 {
        self.homes_with.iter().sum()
    }

    /// All pages.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.homes_with.iter().zip(0..).map(|(homes, pages)| homes * pages).sum()
    }

    /// Pages for each home.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.pages() as f64 / self.homes() as f64
    }

    /// The pages of the fullest home.
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.homes_with.len() as u64 - 1
    }

    /// Steps to find a page, on average over the pages, if each home had a list of its own.
    #[must_use]
    pub fn mean_steps(&self) -> f64 {
        let steps: u64 = self.homes_with.iter().zip(0..).map(|(homes, k): (_, u64)| homes * (k * (k + 1) / 2)).sum();
        steps as f64 / self.pages().max(1) as f64
    }

    /// The total variation distance from Poisson: the share of homes, 0 to 1, that would have to change their number of
    /// pages. A random function comes near 0; with 4096 homes, below 0.03.
    #[must_use]
    pub fn distance(&self) -> f64 {
        let (load, homes) = (self.load(), self.homes() as f64);
        let mut expected_so_far = 0.0;
        let mut difference = 0.0;
        for (pages, &count) in self.homes_with.iter().enumerate() {
            let expected = poisson(load, pages);
            expected_so_far += expected;
            difference += (count as f64 / homes - expected).abs();
        }
        // Fuller homes than any that was seen have their share of the law, too.
        (difference + (1.0 - expected_so_far).max(0.0)) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{AsidOnly, Fold};

    fn pages(asid: u16, vpns: impl Iterator<Item = u64>) -> impl Iterator<Item = (Asid, Vpn)> {
        vpns.map(move |vpn| (Asid::truncate(asid), Vpn::truncate(vpn)))
    }

    #[test]
    fn counts_and_distances_worked_by_hand() {
        // Pages 0 to 3 in 8 homes by fold: 4 homes of one page, 4 empty ones.
        let even = Spread::of(&Fold, pages(0, 0..4), 3);
        assert_eq!((even.homes_with(), even.load(), even.longest(), even.mean_steps()), (&[4, 4][..], 0.5, 1, 1.0));
        // Poisson with 1/2: 0.606531, 0.303265, rest 0.090204. (0.106531 + 0.196735 + 0.090204) / 2.
        assert!((even.distance() - 0.196_735).abs() < 1e-6);
        // By ASID all four share a home: 1 + 2 + 3 + 4 steps.
        let one = Spread::of(&AsidOnly, pages(5, 0..4), 3);
        assert_eq!((one.homes_with(), one.longest(), one.mean_steps()), (&[7, 0, 0, 0, 1][..], 4, 2.5));
    }

    #[test]
    fn poisson_with_one_page_a_home() {
        // 1 / (e k!)
        for (pages, share) in [0.367_879, 0.367_879, 0.183_940, 0.061_313].into_iter().enumerate() {
            assert!((poisson(1.0, pages) - share).abs() < 1e-6);
        }
    }
}
