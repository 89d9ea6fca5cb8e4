//! docs/registers.md, from the map.

use std::fmt::Write as _;

use hashwalk_spec::Config;

use super::map::{self, Access, Register};

const HEAD: &str = "\
# The registers

A window of 4 KiB on an AXI4-Lite port with 32 bits of data. This page is made from the table from which the hardware is
made (`rtl/src/axi/map.rs`); a test compares them, and `UPDATE_SNAPSHOTS=1 cargo test -p hashwalk-rtl --test axi` writes it
anew. [spec.md](spec.md) says what the values mean, and `rtl/src/axi` when things happen.

**Who may reach it.** The window says where the page table lies: whoever writes it can map anything. It must be mapped for
the operating system alone. AWPROT and ARPROT are not looked at.

**What is refused** with SLVERR, and then nothing happens: an address that is not below or no multiple of 4; a write without
all four strobes; a write to what can only be read; a read of what can only be written, which brings zeros; and what stands
under \"refused\". Bits without a name read zero, and what is written to them is ignored.

**A change of table** is: write `TABLE_FRAME_LO` to `KEY_3`, write 1 to `TABLE_APPLY`, wait until `TABLE_STATUS.busy` is
clear. Lookups that were accepted before are answered from the old table, all others from the new one. It waits for the
memory to answer what is out, and while misses go to software, for software to serve those that are reported. After reset
no table is in force: each lookup is answered `not_present`, and memory is not read.

**The key** cannot be read back, and a change of table takes all of it at once. Draw all 128 bits anew for each table.

**The record of the first fault** is for whoever looks for the reason later: each fault is answered to its requester as well.
Read `FAULT_STATUS`, and if it is valid the VPN, then write 1 to `FAULT_CLEAR`. It stands from two cycles after the answer on,
and no other takes its place; `more` says that others went by, and the counters how many. A request that is answered with a
fault while the record is cleared is the next one.

**Counters** have 64 bits. Read the low word first: that keeps the high word of the same moment, which the read of the high
word gives. One register keeps the high word of all of them, so two readers that do not agree take turns.

| access | software may |
| ------ | ------------ |
| RO | read |
| RW | write, and read back what was written |
| WO | write; a read is refused |
| command | write, which does something and keeps nothing; a read is refused |
";

/// The page.
#[must_use]
pub fn page() -> String {
    let default = Config::preset("default").expect("there is one");
    let mut text = String::from(HEAD);
    text.push_str(
        "\n| address | name | access | after reset | meaning |\n| ------: | ---- | ------ | ----------: | ------- |\n",
    );
    for register in map::all() {
        let Register { name, offset, meaning, only, .. } = &register;
        let only = only.map(|only| format!("; {}", only.text())).unwrap_or_default();
        let reset = reset(&register, &default);
        let _ =
            writeln!(text, "| 0x{offset:03x} | `{name}` | {} | {reset} | {meaning}{only} |", access(register.access));
    }
    text.push_str("\nConstants are shown as they are in the configuration `default`.\n\n## Fields\n\n");
    text.push_str("| register | bits | field | meaning |\n| -------- | ---: | ----- | ------- |\n");
    for register in map::all().iter().filter(|register| register.access != Access::Counter) {
        for field in &register.fields {
            let bits = if field.bits == 1 {
                field.low.to_string()
            } else {
                format!("{}:{}", field.low + field.bits - 1, field.low)
            };
            let meaning = if field.meaning.is_empty() { "see above" } else { field.meaning };
            let _ = writeln!(text, "| `{}` | {bits} | `{}` | {meaning} |", register.name, field.name);
        }
    }
    text.push_str("\n## Writes that are refused\n\n| register | refused |\n| -------- | ------- |\n");
    for register in map::all() {
        if let Some(refusal) = register.refused {
            let _ = writeln!(text, "| `{}` | {} |", register.name, refusal.describe());
        }
    }
    text
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Constant | Access::Status | Access::Counter => "RO",
        Access::ReadWrite => "RW",
        Access::WriteOnly => "WO",
        Access::Command => "command",
    }
}

fn reset(register: &Register, config: &Config) -> String {
    match register.access {
        Access::Constant => format!("0x{:08x}", register.value(config)),
        Access::Command => "–".into(),
        _ => format!("0x{:x}", register.reset),
    }
}
