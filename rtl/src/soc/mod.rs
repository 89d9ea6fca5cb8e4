//! A system on a chip around the MMU: what stands between it and a RISC-V core with a fetch and a data port (lowRISC Ibex).
//!
//! ```text
//!                              hashwalk_soc
//!   core                 ┌─ look ──► hashwalk_mmu ◄─────────────► memory: the table
//!    ├─ fetch ◄──► fetch ┤   answer, late ▲  │ miss, refill
//!    │              │    └────────────────┼──┴───────┐
//!    │              ├─ window             │ invalidate, table
//!    │              │    ┌────────────────┴──────┐   │
//!    ├─ data ◄───► data ─┤            registers, refill buffers ──► console, exit, timer
//!    │              │
//!    │              └─ memory ◄─────────────────────────────────► ram: lines, stores
//!    └─ core.sv, top.sv: Ibex itself, which is not ours
//! ```
//!
//! | module | holds |
//! | ------ | ----- |
//! | [`port`] | one of the core's ports: what an access waits for; the table of cycles |
//! | [`cache`] | lines of memory, direct-mapped, write-through |
//! | [`window`] | the memory of machine mode |
//! | [`memory`] | the way to memory of both ports |
//! | [`mod@registers`], [`refill`] | what machine mode reads and writes; the records of failed accesses; refills |
//! | [`ports`] | the bundles between them |
//!
//! The map and the registers are in docs/soc.md.
//!
//! **Lookups.** Each access in user mode is one lookup, under id 0 (fetch) or 1 (data). The MMU takes one a cycle: the data
//! port is first. It asks at most every other cycle, since it takes no access while it answers a store or looks one up, and a
//! load's successor is asked for in the cycle after the answer; so fetches wait for it, but not for long.
//!
//! **Software refill.** The MMU asks software for what misses; the refill buffers answer in the same cycle, with what software
//! has left for the page, or `not_present`. That fault goes the way of all faults: the access is answered with an error, the
//! core traps, and makes the access again when its handler returns.
//!
//! **Mode.** The core says of each access whether it is made in user mode; see `top.sv` for how that is known.
//!
//! The outputs from `lookup` on are what the MMU's ports are driven with and say, for a bench that looks on.

pub mod cache;
pub mod memory;
pub mod port;
pub mod ports;
pub mod refill;
pub mod registers;
pub mod window;

use hashwalk_hdl::{Component, Module, Signal, bundle, concat, lit, shape, when};
use hashwalk_spec::Config;
use hashwalk_spec::address::VPN_BITS;
use hashwalk_spec::transaction::ID_BITS;

use self::memory::{RamIn, RamOut, Way, WayInputs, ram_in};
use self::port::{DataInputs, FetchInputs, Port, PortInputs};
use self::ports::{Access, Response, access};
use self::registers::{RegisterInputs, Registers, Word};
use self::window::{Load, Window, WindowInputs, load};
use crate::mmu::{Mmu, MmuInputs, WalksOut};
use crate::ports::{Answer, Invalidate, LateAnswer, Lookup, MemoryIn, MemoryOut, Miss, Refill, memory_in};

bundle! {
    /// All input ports.
    pub struct SocInputs {
        /// The core's fetches.
        pub fetch: Access,
        /// Its loads and stores.
        pub data: Access,
        /// What else the core says.
        pub core: CoreEvents,
        /// The memory that holds the table.
        pub memory: MemoryIn,
        /// The same memory, for the core.
        pub ram: RamIn,
        /// What is loaded into the window while the core is in reset.
        pub load: Load,
    }

    /// What the core does.
    pub struct CoreEvents {
        /// 1 bit: fetches that were taken before this cycle are not used.
        pub branch: Signal,
        /// 1 bit: `branch`, to what runs in user mode.
        pub turns: Signal,
        /// 1 bit: the fetch that is asked for in this cycle is not used.
        pub discarded: Signal,
        /// 1 bit: FENCE.I.
        pub fence: Signal,
    }

    /// All output ports.
    pub struct SocOutputs {
        /// To the core.
        pub fetch: Response,
        /// To the core.
        pub data: Response,
        /// 1 bit, a level: the timer's interrupt.
        pub timer: Signal,
        /// The memory that holds the table.
        pub memory: MemoryOut,
        /// The same memory, for the core.
        pub ram: RamOut,
        /// A character is printed.
        pub console: Word,
        /// The simulation ends.
        pub exit: Word,
        /// What is asked of the MMU.
        pub lookup: Lookup,
        /// 1 bit.
        pub lookup_ready: Signal,
        /// To a request that has hit the first level.
        pub answer: Answer,
        /// To one that has missed it.
        pub late: LateAnswer,
        /// What is invalidated.
        pub invalidate: Invalidate,
        /// 1 bit.
        pub invalidate_ready: Signal,
        /// 1 bit.
        pub invalidate_done: Signal,
        /// What software is asked.
        pub miss: Miss,
        /// What it answers.
        pub refill: Refill,
        /// 1 bit.
        pub refill_ready: Signal,
        /// 1 bit.
        pub idle: Signal,
        /// The walks.
        pub walk: WalksOut,
    }
}

/// Frames of memory that there may be: 2 GiB, where the window begins.
pub const MOST_FRAMES: u64 = 1 << 19;

/// The system of a configuration, without its core.
pub struct Soc {
    config: Config,
}

impl Soc {
    /// The system for this configuration.
    ///
    /// # Panics
    /// Its memory has more frames than [`MOST_FRAMES`].
    #[must_use]
    pub fn new(config: &Config) -> Soc {
        assert!(config.frames() <= MOST_FRAMES, "the window begins at 2 GiB");
        Soc { config: config.clone() }
    }
}

impl Component for Soc {
    type Inputs = SocInputs;
    type Outputs = SocOutputs;
    type State = ();

    fn name(&self) -> String {
        "hashwalk_soc".into()
    }

    fn doc(&self) -> String {
        format!("Hashwalk MMU with what a RISC-V core needs around it, configuration `{}`.", self.config.name())
    }

    fn inputs(&self) -> SocInputs {
        SocInputs {
            fetch: access(false),
            data: access(true),
            core: CoreEvents { branch: shape(1), turns: shape(1), discarded: shape(1), fence: shape(1) },
            memory: memory_in(&self.config),
            ram: ram_in(),
            load: load(),
        }
    }

    fn reset(&self) {}

    fn kernel(&self, m: &mut Module, i: SocInputs, (): ()) -> (SocOutputs, ()) {
        let mmu = m.instance("mmu", &Mmu::new(&self.config));
        let fetch = m.instance("fetch", &Port::new(&self.config, false));
        let data = m.instance("data", &Port::new(&self.config, true));
        let window = m.instance("window", &Window);
        let way = m.instance("way", &Way);
        let registers = m.instance("registers", &Registers::new(&self.config));
        let (of_mmu, of_fetch, of_data) = (&mmu.outputs, &fetch.outputs, &data.outputs);
        let to = of_data.data.as_ref().expect("the data port stores");
        let of_registers = &registers.outputs;

        let data_looks = &of_data.look;
        let store = i.data.store.as_ref().expect("the data port stores");
        let write = concat([&lit(1, 0u32), &store.write]);
        let lookup = Lookup {
            // Only together with the MMU's ready, so that what is offered is taken and no offer is ever changed or withdrawn.
            valid: (data_looks | &of_fetch.look) & &of_mmu.lookup_ready,
            id: data_looks.zext(ID_BITS),
            vpn: when(data_looks, i.data.addr.bits(12..32)).otherwise(i.fetch.addr.bits(12..32)).zext(VPN_BITS),
            asid: of_registers.asid.clone(),
            access: when(data_looks, write).otherwise(lit(2, 2u32)),
            user: lit(1, 1u32),
        };
        mmu.connect(MmuInputs {
            control: of_registers.control.clone(),
            lookup: lookup.clone(),
            invalidate: of_registers.invalidate.clone(),
            memory: i.memory,
            refill: of_registers.refill.clone(),
            update: None,
        });
        let offset = |addr: &Signal| addr.bits(2..16);
        window.connect(WindowInputs {
            fetch_read: of_fetch.response.gnt.clone(),
            fetch_word: offset(&i.fetch.addr),
            data_read: of_data.response.gnt.clone(),
            data_word: offset(&i.data.addr),
            write: to.window_write.clone(),
            store_word: to.window_word.clone(),
            store_strobe: to.write.strobe.clone(),
            store_data: to.write.data.clone(),
            load: i.load,
        });
        way.connect(WayInputs {
            write: to.write.clone(),
            data: of_data.read.clone(),
            fetch: of_fetch.read.clone(),
            ram: i.ram,
        });
        fetch.connect(PortInputs {
            core: i.fetch,
            for_fetch: Some(FetchInputs { discarded: i.core.discarded, branch: i.core.branch, clear: i.core.fence }),
            for_data: None,
            may_look: &of_mmu.lookup_ready & !data_looks,
            answer: of_mmu.answer.clone(),
            late: of_mmu.late.clone(),
            window_data: window.outputs.fetch_data.clone(),
            line: way.outputs.fetch_line.clone(),
        });
        data.connect(PortInputs {
            core: i.data,
            for_fetch: None,
            for_data: Some(DataInputs {
                register_data: of_registers.data.clone(),
                register_waits: of_registers.waits.clone(),
                write_ready: way.outputs.write_ready.clone(),
            }),
            may_look: of_mmu.lookup_ready.clone(),
            answer: of_mmu.answer.clone(),
            late: of_mmu.late.clone(),
            window_data: window.outputs.data_data.clone(),
            line: way.outputs.data_line.clone(),
        });
        registers.connect(RegisterInputs {
            access: to.register.clone(),
            fetch_failed: of_fetch.failed.clone(),
            data_failed: of_data.failed.clone(),
            fetch_turns: i.core.turns,
            miss: of_mmu.miss.clone(),
            invalidate_ready: of_mmu.invalidate_ready.clone(),
            invalidate_done: of_mmu.invalidate_done.clone(),
            stores_done: way.outputs.stores_done.clone(),
        });
        m.ignore(&of_mmu.event.predicted);
        m.ignore(&of_mmu.event.mispredicted);
        m.ignore(&of_mmu.event.killed);
        of_mmu.event.saved.iter().for_each(|saved| m.ignore(saved));

        let outputs = SocOutputs {
            fetch: of_fetch.response.clone(),
            data: of_data.response.clone(),
            timer: of_registers.timer.clone(),
            memory: of_mmu.memory.clone(),
            ram: way.outputs.ram.clone(),
            console: of_registers.console.clone(),
            exit: of_registers.exit.clone(),
            lookup,
            lookup_ready: of_mmu.lookup_ready.clone(),
            answer: of_mmu.answer.clone(),
            late: of_mmu.late.clone(),
            invalidate: of_registers.invalidate.clone(),
            invalidate_ready: of_mmu.invalidate_ready.clone(),
            invalidate_done: of_mmu.invalidate_done.clone(),
            miss: of_mmu.miss.clone(),
            refill: of_registers.refill.clone(),
            refill_ready: of_mmu.refill_ready.clone(),
            idle: of_mmu.idle.clone(),
            walk: of_mmu.walk.clone(),
        };
        (outputs, ())
    }
}

/// What is written by hand: the top with Ibex in it, and the primitives that Ibex wants. Each with its file's name.
pub const SYSTEM_VERILOG: [(&str, &str); 3] = [
    ("ibex.vlt", include_str!("ibex.vlt")),
    ("primitives.sv", include_str!("primitives.sv")),
    ("top.sv", include_str!("top.sv")),
];
