//! Breaking the table on purpose: what [`super::Action`]s of damage do to an element.

use hashwalk_model::walk::{Progress, Walk};
use hashwalk_model::{Element, Entry, Mapping, Walkable};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{
    Access, Asid, Format, PageSize, Pfn, PhysAddr, Request, Rights, Vpn, entry, inverted, line, radix, tree,
};
use std::ops::Range;

use super::Damage;
use super::runner::Runner;

const ENTRY_BYTES: u64 = 1 << inverted::ENTRY_LOG2;
/// A link that leads to no memory.
const NOWHERE: u64 = 1 << 51;

impl Runner<'_> {
    /// A bit of an element in use flips.
    pub(super) fn corrupt(&mut self, element: u8, bit: u16) {
        self.heal();
        let used: Vec<PhysAddr> = self.elements().into_iter().filter(|address| self.is_used(*address)).collect();
        if used.is_empty() {
            return;
        }
        let address = used[usize::from(element) % used.len()];
        let whole = self.element(address);
        let mut broken = whole;
        let bit = u64::from(bit) % (8 * self.machine.config().format().element_bytes());
        broken[bit as usize / 8] ^= 1 << (bit % 8);
        self.break_element(address, &whole, &broken);
        self.tally.count("corrupt");
    }

    /// An element of the array cannot be read or, where the array leads elsewhere, one of those in use.
    pub(super) fn poison(&mut self, element: u8) {
        let layout = *self.machine.os().walk_context().layout();
        let address = if layout.format().links_by_address() {
            let used: Vec<PhysAddr> = self.elements().into_iter().filter(|address| self.is_used(*address)).collect();
            used.get(usize::from(element) % used.len().max(1)).copied().unwrap_or(layout.base())
        } else {
            layout.address(u32::from(element) & layout.mask())
        };
        self.make_unreadable(address);
        self.tally.count("poison");
    }

    /// What the walk for a page reads first is broken.
    pub(super) fn break_home(&mut self, asid: Asid, vpn: Vpn, damage: Damage) {
        self.heal();
        let context = self.machine.os().walk_context();
        let request = Request { asid, vpn, access: Access::Read, user: false };
        let walk = Walk::new(&context, request);
        // No search is enabled.
        let Progress::Probe(home) = walk.progress() else { return };
        let layout = context.layout();
        if damage == Damage::Unreadable {
            self.make_unreadable(home);
            return self.tally.count("break");
        }
        let at = walk.place().get() - home.get();
        let outside = damage != Damage::LinkToItself;
        let malformed = damage == Damage::LinkMalformed;
        let whole = self.element(home);
        let mut broken = whole;
        let index = if outside {
            u32::MAX
        } else {
            ((home.get() - layout.base().get()) / layout.format().element_bytes()) as u32
        };
        match layout.format() {
            Format::Line => set_link(&mut broken, line::LINKED, &line::NEXT, index),
            Format::Chained => set_link(&mut broken, entry::LINKED, &[entry::NEXT], index),
            Format::Cuckoo => {
                // There are no links, and an entry of the page itself that has one is malformed.
                let page = Mapping::new(asid, vpn, PageSize::Small, Pfn::truncate(0), Rights::ALL);
                broken[..Format::Cuckoo.element_bytes() as usize].copy_from_slice(&Entry::new(&page, None).to_bytes());
                set_link(&mut broken, entry::LINKED, &[entry::NEXT], index);
            }
            Format::Inverted | Format::Tree if outside => set_word(&mut broken, at, NOWHERE | u64::from(malformed)),
            Format::Inverted => {
                // The half without the anchor is an entry that goes on at itself.
                let half = if at < ENTRY_BYTES { ENTRY_BYTES } else { 0 };
                set_word(&mut broken, at, home.get() + half);
                set_word(&mut broken, half + 8, (home.get() + half) / ENTRY_BYTES);
            }
            Format::Tree => {
                // The buckets are a node, and whatever is sought stands on either side of it in itself.
                let sides = [tree::LEFT, tree::RIGHT].map(|bits| u64::from(bits.start / 8));
                sides.into_iter().chain([at]).for_each(|at| set_word(&mut broken, at, home.get()));
            }
            Format::Radix => {
                let frame = if outside { NOWHERE } else { home.get() & !(FRAME_BYTES - 1) };
                let stray = u64::from(malformed) << radix::ZERO_IN_NODE[0].start;
                set_word(&mut broken, at, frame | stray | 1 << radix::NODE | 1 << entry::VALID);
            }
        }
        self.break_element(home, &whole, &broken);
        self.tally.count("break");
    }

    /// The elements of the table: those of its array and, where that leads elsewhere, of the frames of its nodes.
    fn elements(&self) -> Vec<PhysAddr> {
        let os = self.machine.os();
        let (layout, element_bytes) = (os.table().layout(), self.machine.config().format().element_bytes() as usize);
        if !layout.format().links_by_address() {
            return (0..=layout.mask()).map(|index| layout.address(index)).collect();
        }
        let frames = (0..os.memory().frames()).map(|frame| Pfn::truncate(frame).address());
        let owned = frames.filter(|frame| os.table().owns(*frame));
        owned
            .flat_map(|frame| (frame.get()..frame.get() + FRAME_BYTES).step_by(element_bytes))
            .map(PhysAddr::truncate)
            .collect()
    }

    fn is_used(&self, address: PhysAddr) -> bool {
        let bytes = self.machine.os().memory().slice(address, self.machine.config().format().element_bytes());
        bytes.expect("elements lie in memory").iter().any(|byte| *byte != 0)
    }

    pub(super) fn element(&self, address: PhysAddr) -> Element {
        let os = self.machine.os();
        os.memory().read_element(address, self.machine.config().format()).expect("elements lie in memory")
    }
}

/// Sets the bit that says that a chain goes on, and the index at which it does.
fn set_link(element: &mut Element, linked: u32, next_bits: &[Range<u32>], next: u32) {
    let next_bits = next_bits.iter().cloned().flatten().zip((0..u32::BITS).map(|bit| next >> bit & 1 != 0));
    for (bit, set) in next_bits.chain([(linked, true)]) {
        let (byte, mask) = (&mut element[bit as usize / 8], 1 << (bit % 8));
        *byte = if set { *byte | mask } else { *byte & !mask };
    }
}

/// Writes the word that stands `at` bytes from the beginning.
fn set_word(element: &mut Element, at: u64, word: u64) {
    let at = at as usize;
    element[at..at + 8].copy_from_slice(&word.to_le_bytes());
}
