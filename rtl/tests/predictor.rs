//! What the page-size predictor learns, and of which pages it says it again.

use hashwalk_hdl::Interpreter;
use hashwalk_rtl::predictor::Predictor;
use hashwalk_spec::{Config, Settings};

/// Pages in 2 MiB.
const LARGE: u64 = 1 << 9;

struct Bench(Interpreter);

impl Bench {
    fn new() -> Bench {
        let settings = Settings { predictor_entries: 64, ..Settings::default() };
        let config = Config::new(settings).unwrap();
        Bench(Interpreter::new(&Predictor::new(&config).expect("it has one")))
    }

    /// A walk has found this page by a search for pages of a size, global or not.
    fn learn(&mut self, vpn: u64, global: u64, size: u64) {
        for (name, value) in [("learn", 1), ("found_vpn", vpn), ("found_global", global), ("found_size", size)] {
            self.0.set(name, value);
        }
        self.0.tick();
        self.0.set("learn", 0);
    }

    /// The guess for a page: whether global, and the size.
    fn guess(&mut self, vpn: u64) -> (u64, u64) {
        self.0.set("lookup_vpn", vpn);
        ["guess_global", "guess_size"].map(|name| self.0.get(name).iter_u64_digits().next().unwrap_or(0)).into()
    }
}

#[test]
fn what_was_found_is_the_guess_two_cycles_later_for_the_pages_beside_it() {
    let mut bench = Bench::new();
    // Row and column of the entry differ.
    let vpn = 5 * LARGE + 17;
    for (global, size) in [(0, 1), (1, 0), (0, 2)] {
        let before = bench.guess(vpn);
        bench.learn(vpn, global, size);
        assert_eq!(bench.guess(vpn), before, "it is written a cycle later");
        bench.0.tick();
        assert_eq!(bench.guess(vpn), (global, size));
        assert_eq!(bench.guess(5 * LARGE), (global, size), "the first page of the 2 MiB");
        assert_eq!(bench.guess(6 * LARGE - 1), (global, size), "the last one");
    }
}

#[test]
fn what_is_found_in_2_mib_says_nothing_of_the_others_around_them() {
    let mut bench = Bench::new();
    bench.learn(5 * LARGE, 1, 2);
    bench.0.tick();
    for other in (0..64).filter(|region| *region != 5) {
        assert_eq!(bench.guess(other * LARGE), (0, 0), "region {other}");
    }
}
