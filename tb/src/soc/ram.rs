//! The core's memory port: lines after the memory's latency, stores at once.

use std::collections::VecDeque;

use hashwalk_model::PhysicalMemory;
use hashwalk_sim::{Dut, InPort, OutPort};
use hashwalk_spec::PhysAddr;

use crate::named_ports::ports;

/// Words of 64 bits in a line.
const LINE_WORDS: usize = 4;

ports! {
    /// Its signals.
    struct Ports {
        request_ready: InPort = input("ram_request_ready"),
        response_valid: InPort = input("ram_response_valid"),
        response_id: InPort = input("ram_response_id"),
        response_data: InPort = input("ram_response_data"),
        request_valid: OutPort = output("ram_request_valid"),
        request_write: OutPort = output("ram_request_write"),
        request_id: OutPort = output("ram_request_id"),
        request_address: OutPort = output("ram_request_address"),
        request_strobe: OutPort = output("ram_request_strobe"),
        request_data: OutPort = output("ram_request_data"),
    }
}

/// The port.
pub(super) struct Ram {
    ports: Ports,
    latency: u64,
    /// Reads on their way back, the oldest first, with the cycle in which they come.
    reads: VecDeque<(u64, u64, [u64; LINE_WORDS])>,
    responding: bool,
    /// Lines read so far.
    pub(super) lines: u64,
}

/// A store that memory takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    /// The word.
    pub(super) address: PhysAddr,
    strobe: u8,
    data: [u8; 4],
}

impl Store {
    /// Writes it.
    pub(super) fn write(&self, memory: &mut PhysicalMemory) {
        for byte in (0..4).filter(|byte| self.strobe >> byte & 1 != 0) {
            let address = PhysAddr::truncate(self.address.get() + byte as u64);
            // The hardware answers stores beyond the end with an error and lets none through.
            memory.write(address, &self.data[byte..=byte]).expect("the hardware knows where memory ends");
        }
    }
}

impl Ram {
    /// The port of a design; `latency` cycles, 1 or more, from the acceptance of a read to its line.
    pub(super) fn new(dut: &Dut, latency: u32) -> Result<Ram, hashwalk_sim::Error> {
        Ok(Ram {
            ports: Ports::new(dut)?,
            latency: latency.into(),
            reads: VecDeque::new(),
            responding: false,
            lines: 0,
        })
    }

    /// Drives the port for the cycle `now`.
    pub(super) fn drive(&mut self, dut: &mut Dut, now: u64) {
        let due = self.reads.pop_front_if(|(due, ..)| *due <= now);
        if due.is_some() || self.responding {
            dut.set(self.ports.response_valid, u64::from(due.is_some()));
        }
        self.responding = due.is_some();
        if let Some((_, id, line)) = due {
            dut.set(self.ports.response_id, id);
            dut.set_wide(self.ports.response_data, &line);
        }
        if now == 0 {
            dut.set(self.ports.request_ready, 1);
        }
    }

    /// Looks at the port at the end of the cycle `now`; returns the store that was taken.
    pub(super) fn observe(&mut self, dut: &Dut, now: u64, memory: &PhysicalMemory) -> Option<Store> {
        if dut.get(self.ports.request_valid) == 0 {
            return None;
        }
        let address = PhysAddr::truncate(dut.get(self.ports.request_address));
        if dut.get(self.ports.request_write) != 0 {
            let data = (dut.get(self.ports.request_data) as u32).to_le_bytes();
            return Some(Store { address, strobe: dut.get(self.ports.request_strobe) as u8, data });
        }
        let mut line = [0; LINE_WORDS];
        let bytes = memory.slice(address, 8 * LINE_WORDS as u64).expect("the hardware knows where memory ends");
        for (word, bytes) in line.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        self.lines += 1;
        self.reads.push_back((now + self.latency, dut.get(self.ports.request_id), line));
        None
    }
}
