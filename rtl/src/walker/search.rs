//! Which searches a walk makes, and in what order (docs/spec.md, section 4).

use hashwalk_hdl::{Signal, any_of, bundle, concat, first_one, lit, when};
use hashwalk_spec::Format;

use crate::page;
use crate::ports::{SEARCHES, SIZE_BITS};
use crate::predictor::{Guess, Guessed};
use crate::radix;
use crate::verdict::Sought;

/// The searches under the request's own ASID: the lowest bits of the mask.
const OWN: u32 = SEARCHES / 2;

bundle! {
    /// The search that is being made, and those after it.
    pub struct Search {
        /// 1 bit: there is one.
        pub exists: Signal,
        /// 6 bits: the searches to be made after it.
        pub later: Signal,
        /// 1 bit: it looks under ASID 0.
        pub global: Signal,
        /// 2 bits: the page size that it looks for.
        pub size: Signal,
    }
}

impl Search {
    /// The widths, with zeros: no search.
    #[must_use]
    pub fn none() -> Search {
        let bit = lit(1, 0u32);
        Search { exists: bit.clone(), later: lit(SEARCHES, 0u32), global: bit, size: lit(SIZE_BITS, 0u32) }
    }

    /// The first search of a walk, of those that are enabled in the mask. Under ASID 0 the global searches would repeat the
    /// others, and are left out; where that leaves none, what the search looks for does not count, so that only `exists` and
    /// `later` wait for the ASID. A page that a radix tree does not reach is not searched for.
    #[must_use]
    pub fn of_walk(format: Format, enabled: &Signal, vpn: &Signal, asid: &Signal) -> Search {
        let search = Search::first(format, enabled).under(asid);
        if format != Format::Radix {
            return search;
        }
        let reached = radix::reaches(vpn);
        Search { exists: search.exists & &reached, later: search.later.gate(&reached), ..search }
    }

    /// The searches that are made under this ASID.
    fn under(self, asid: &Signal) -> Search {
        let space = asid.any();
        let Search { exists, later, global, size } = self;
        Search { exists: exists & (!&global | &space), later: Search::made(&later, &space), global, size }
    }

    /// The same, but with the search that is guessed first, if the guess counts: then it is one that is enabled, if any is.
    #[must_use]
    pub fn of_guess(enabled: &Signal, asid: &Signal, guessed: &Guessed) -> Search {
        let Guessed { counts, guess } = guessed.clone();
        let is_guessed: Vec<Signal> = (0..SEARCHES)
            .map(|n| guess.size.eq_value(n % OWN) & if n < OWN { !&guess.global } else { guess.global.clone() })
            .collect();
        let is_guessed = concat(is_guessed.iter().rev());
        let Guess { global, size } = guess;
        let later = Search::made(&(enabled & !is_guessed), &asid.any());
        let first = Search::first(Format::Line, enabled).under(asid);
        let exists = first.exists.clone();
        when(&counts, Search { exists, later, global, size }).otherwise(first)
    }

    /// Those of the searches that are made; `space` is set if the ASID is not 0.
    fn made(searches: &Signal, space: &Signal) -> Signal {
        concat([searches.bits(OWN..SEARCHES).gate(space), searches.bits(0..OWN)])
    }

    /// The first of the searches that are set in the mask. A radix tree is searched once for pages of all sizes.
    #[must_use]
    pub fn first(format: Format, mask: &Signal) -> Search {
        if format == Format::Radix {
            let (own, global) = (mask.bits(0..OWN).any(), mask.bits(OWN..SEARCHES));
            return Search {
                exists: mask.any(),
                later: concat([global.gate(&own), lit(OWN, 0u32)]),
                global: !own,
                size: lit(SIZE_BITS, 0u32),
            };
        }
        let first = first_one(&(0..SEARCHES).map(|n| mask.bit(n)).collect::<Vec<_>>());
        Search {
            exists: mask.any(),
            later: mask & !concat(first.iter().rev()),
            global: any_of(&first[3..6]),
            size: concat([&first[2] | &first[5], &first[1] | &first[4]]),
        }
    }

    /// What this search looks for.
    #[must_use]
    pub fn sought(&self, vpn: &Signal, asid: &Signal) -> Sought {
        let Search { global, size, .. } = self.clone();
        let vpn = page::base(vpn, &size);
        Sought { vpn, asid: when(&global, lit(asid.width(), 0u32)).otherwise(asid.clone()), size, global }
    }
}
