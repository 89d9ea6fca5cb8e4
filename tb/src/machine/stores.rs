//! Entries that are changed store by store and read word by word: docs/spec.md, section 2, sequence numbers.
//!
//! What a walk was given of an entry is known when its last word is taken; answers are judged by that as ever. Besides, no
//! answer may come from a mapping that stood in no version of the table, such as one that is made of two.

use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::os::Os;
use hashwalk_model::walk::walk;
use hashwalk_model::{Entry, Mapping, PageTable, Store};
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Access, Answer, Fault, Request};

use super::memory::Given;
use super::scoreboard::Scoreboard;
use super::{Events, MachineError};

impl Scoreboard {
    /// Software makes a store. What the table holds before, but walks do not find from now on, counts as withdrawn.
    pub(super) fn store(&mut self, store: &Store) {
        let is_torn = |os: &Os| {
            let bytes = os.memory().read_entry(store.entry()).expect("the table lies in memory");
            is_torn(&bytes)
        };
        let was_torn = is_torn(&self.os);
        let held = held(&self.os);
        self.change(|os| {
            store.make(os.memory_mut()).expect("the table lies in memory");
            // Of an entry that was torn and still is nobody sees a difference.
            let is_seen = !(was_torn && is_torn(os));
            held.into_iter().filter(|mapping| is_seen && !is_found(os, mapping)).collect()
        });
    }

    /// From now on it is known which mappings the table has held, where entries have sequence numbers.
    pub(super) fn remember_versions(&mut self) {
        if self.config.sequence() {
            self.versions = Some(held(&self.os).into_iter().map(Mapping::unmarked).collect());
        }
    }

    /// The table has changed.
    pub(super) fn note_versions(&mut self) {
        if let Some(versions) = &mut self.versions {
            versions.extend(held(&self.os).into_iter().map(Mapping::unmarked));
        }
    }

    /// An answer that rests on a mapping rests on one that the table has held.
    pub(super) fn judge_version(&self, request: &Request, answer: Answer) -> Result<(), MachineError> {
        let Some(versions) = &self.versions else { return Ok(()) };
        let by_mapping = !answer.is_err_and(|fault| fault != Fault::Rights);
        let gives =
            |mapping: &Mapping| mapping.covers(request.asid, request.vpn) && mapping.translate(request) == answer;
        if by_mapping && !versions.iter().any(gives) {
            return Err(
                self.protocol(format!("answered {request:?} with {answer:?}, which no version of the table gives"))
            );
        }
        Ok(())
    }

    /// What memory has given word by word is known now.
    pub(super) fn observe_given(&mut self, events: &mut Events) {
        for Given { accepted, address, element } in self.memory.take_given() {
            events.torn += u32::from(brings_torn(&element));
            self.requests.each(|waiting| {
                let mut reads = waiting.reads.iter_mut();
                if let Some(read) = reads.find(|read| (read.at, read.address) == (accepted, address)) {
                    read.element = element;
                }
            });
        }
    }
}

/// Whether an entry was read whose words are of two versions. Only where entries have sequence numbers.
pub(super) fn brings_torn(element: &Result<Element, BusError>) -> bool {
    element.as_ref().ok().and_then(|element| element.first_chunk()).is_some_and(is_torn)
}

fn is_torn(entry: &[u8; ENTRY_BYTES as usize]) -> bool {
    Entry::from_bytes(entry).sequence().is_none()
}

fn held(os: &Os) -> Vec<Mapping> {
    os.table().mappings(os.ram()).expect("the table lies in memory")
}

/// Whether a walk of the mapping's own address space comes to it.
fn is_found(os: &Os, mapping: &Mapping) -> bool {
    let Mapping { asid, vpn, .. } = *mapping;
    let request = Request { asid, vpn, access: Access::Read, user: false };
    walk(os.memory(), &os.walk_context(), request).mapping == Some(*mapping)
}
