//! Tables that are broken on purpose, so that one can see that neither the walker nor a handler hangs or trusts them.

use clap::ValueEnum;
use hashwalk_model::os::Os;
use hashwalk_spec::entry::{GLOBAL, LINKED, NEXT, VALID};
use hashwalk_spec::{Format, PhysAddr, Vpn};

use super::space::{Built, PAGE};
use super::{Image, SocError};

/// What is broken in the entry of a page, in a table of chained entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Damage {
    /// It is a process's and says G: `malformed`
    Malformed,
    /// It holds no page, and its chain leads to itself: `chain_too_long`
    EndlessChain,
}

/// The symbol of the page that is meant; a program without it means its first page of code.
const SYMBOL: &str = "damaged";
/// Words of an entry.
const WORDS: usize = 4;

impl Damage {
    /// Breaks the entry of the page that the first process means.
    ///
    /// # Errors
    /// [`SocError::Damage`]: the table is of another format.
    pub(super) fn apply(self, built: &mut Built, program: &Image, format: Format) -> Result<(), SocError> {
        if format != Format::Chained {
            return Err(SocError::Damage(format));
        }
        let process = built.processes.first().expect("a program has a process");
        let asid = u64::from(process.asid.get());
        let address = program.symbols.get(SYMBOL).copied().unwrap_or(program.entry);
        let vpn = Vpn::truncate(u64::from(address / PAGE));
        let (address, index) = entry_of(&built.os, asid, vpn).expect("each page of a process has an entry");
        let mut words = read(&built.os, address);
        match self {
            Damage::Malformed => words[0] |= 1 << GLOBAL,
            Damage::EndlessChain => (words[0], words[3]) = (0, 1 << (LINKED - NEXT.start) | index),
        }
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        built.os.memory_mut().write(address, &bytes).expect("the table lies in memory");
        Ok(())
    }
}

/// Where the entry of a page stands, and at which index.
fn entry_of(os: &Os, asid: u64, vpn: Vpn) -> Option<(PhysAddr, u64)> {
    let context = os.walk_context();
    let layout = context.layout();
    let base = layout.frame().address().get();
    let entries =
        (0..=u64::from(layout.mask())).map(|index| (PhysAddr::truncate(base + 8 * WORDS as u64 * index), index));
    entries.into_iter().find(|(address, _)| {
        let words = read(os, *address);
        words[0] >> VALID & 1 != 0 && words[1] == vpn.get() && words[2] & 0xffff == asid
    })
}

fn read(os: &Os, address: PhysAddr) -> [u64; WORDS] {
    let bytes = os.memory().slice(address, 8 * WORDS as u64).expect("the table lies in memory");
    std::array::from_fn(|at| u64::from_le_bytes(bytes[8 * at..8 * at + 8].try_into().expect("eight bytes")))
}
