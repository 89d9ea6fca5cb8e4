//! The seed's program: 500 MB in 50 MB of frames. It writes every byte, and reads every byte back.

use anyhow::Result;
use hashwalk_model::Tagging;
use hashwalk_model::os::Platform;
use hashwalk_model::system::address_of;
use hashwalk_spec::Vpn;
use hashwalk_spec::address::FRAME_BYTES;
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::output::Figures;
use crate::explore::watched::{LostStore, Machine, READ_CYCLES, Watched};
use crate::report::grouped;

const MB: u64 = 1 << 20;
const FIRST_VPN: u64 = 0x1_0000;
/// The parts of the work that the progress bar tells apart.
const PARTS: u64 = 26;

/// What it took.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Bytes of the program, in MB of 2^20.
    pub program_mb: u64,
    /// Bytes of the frames.
    pub memory_mb: u64,
    /// Bytes written and compared.
    pub bytes_verified: u64,
    /// Page faults.
    pub faults: u64,
    /// Pages that the swap device read.
    pub pages_read: u64,
    /// Pages that the swap device wrote.
    pub pages_written: u64,
    /// Cycles with the swap device under way.
    pub waiting_cycles: u64,
    /// These, of all cycles. A word of 8 bytes is an access.
    pub waiting_share: f64,
}

/// Runs it; a quick run, a fiftieth of it in a fiftieth of the memory.
///
/// # Errors
/// The program cannot go on, or reads something else than it wrote.
pub fn measure(context: &Context, done: usize, of: usize) -> Result<Row> {
    let (program_mb, memory_mb) = context.size((500, 50), (10, 1));
    let (pages, frames) = (program_mb * MB / FRAME_BYTES, memory_mb * MB / FRAME_BYTES);
    let platform = Platform { swap_pages: pages, table_grows: true, ..Platform::default() };
    let machine = Machine { frames, mappings: frames, cpus: 1, tagging: Tagging::Asid, platform };
    let mut watched = Watched::new(&machine, context.key())?;
    let asid = watched.spawn(0, &[(Vpn::truncate(FIRST_VPN), pages)])?;
    let left = (of - done) as u64;
    let progress = |step: u64| {
        if step.is_multiple_of(2 * pages / PARTS) {
            context.progress(done + (left * step / (2 * pages)) as usize, of);
        }
    };
    for page in 0..pages {
        progress(page);
        watched.system.store(0, address_of(Vpn::truncate(FIRST_VPN + page), 0), &content(page))?;
    }
    let mut bytes = [0; FRAME_BYTES as usize];
    for page in 0..pages {
        progress(pages + page);
        let vpn = Vpn::truncate(FIRST_VPN + page);
        watched.system.load(0, address_of(vpn, 0), &mut bytes)?;
        let (stored, words) = (content(page), |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes")));
        let differs = bytes.chunks_exact(8).zip(stored.chunks_exact(8)).find(|(found, stored)| found != stored);
        if let Some((found, stored)) = differs {
            return Err(LostStore { asid, vpn, stored: words(stored), found: words(found) }.into());
        }
    }
    let (traffic, swap) = (watched.system.traffic(), watched.system.os().swap().transfers());
    let working_cycles = 2 * pages * FRAME_BYTES / 8 + traffic.walk_reads * READ_CYCLES;
    Ok(Row {
        program_mb,
        memory_mb,
        bytes_verified: pages * FRAME_BYTES,
        faults: traffic.faults,
        pages_read: swap.reads,
        pages_written: swap.writes,
        waiting_cycles: swap.cycles(),
        waiting_share: swap.cycles() as f64 / (swap.cycles() + working_cycles) as f64,
    })
}

/// A page of bytes that no other page has.
fn content(page: u64) -> [u8; FRAME_BYTES as usize] {
    let mut bytes = [0; FRAME_BYTES as usize];
    let mut word = page.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for chunk in bytes.chunks_exact_mut(8) {
        word = word.rotate_left(13).wrapping_mul(5).wrapping_add(page);
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

impl Row {
    /// The row as a table.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::new(
            "A program that writes every byte and reads it back, a word at a time",
            ["program", "memory", "bytes verified", "faults", "pages written", "read", "waiting"],
        );
        figures.row([
            format!("{} MB", self.program_mb),
            format!("{} MB", self.memory_mb),
            grouped(self.bytes_verified),
            grouped(self.faults),
            grouped(self.pages_written),
            grouped(self.pages_read),
            format!("{:.2} %", 100.0 * self.waiting_share),
        ]);
        figures
    }
}
