//! One of the core's two ports: translation, cache, window, registers, memory. One access at a time.
//!
//! | port | dir | when |
//! | ---- | --- | ---- |
//! | `core_*`, `response_*` | both | the core's protocol: `gnt` takes the access, `rvalid` answers, in order |
//! | `discarded` | in | fetch only: the core has branched away from what it asks for in this cycle |
//! | `branch` | in | fetch only: it branches, so that what was taken before this cycle is not used |
//! | `may_look` | in | the MMU takes a lookup of this port in this cycle |
//! | `look` | out | a translated access would be taken, so the MMU is asked |
//! | `answer_*`, `late_*` | in | the MMU's answers |
//! | `window_data` | in | what the window holds at the access of the cycle before |
//! | `register_*` | both | data only: an access of a register, in the cycle after its `gnt` |
//! | `read_*`, `line_*` | both | a line of memory |
//! | `write_*`, `write_ready` | both | data only: a store to memory |
//! | `clear` | in | the cache forgets everything |
//! | `failed_*` | out | a translated access is answered with an error |
//!
//! ```text
//! cycle       0           1                                2           3             4              2 + L
//! hit         gnt, look   answer, compare: rvalid
//! next                    gnt, look                        rvalid
//! cache miss  gnt, look   answer, compare                  read taken                               line: rvalid
//! TLB miss    gnt, look   no answer                        ...         late, compare: rvalid
//! store       gnt, look   answer: write taken, rvalid      gnt
//! window      gnt         rvalid
//! error       gnt, look   answer with a fault: rvalid, err
//! ```
//!
//! ```text
//!           gnt           TLB miss            late
//!  ┌► Rest ─────► Look ─────────────► Translate ─┐
//!  │               ├─────────────────────────────┴─ cache miss ─► Request ─► AwaitLine ─┐
//!  │               ├─────────────────────────────── write waits ► Store ────────────────┤
//!  │               ├─ register waits ─► Command ────────────────────────────────────────┤
//!  └───────────────┴────────────────────────── rvalid, unless the next is taken ◄───────┘
//! ```
//!
//! **Which memory.** In user mode every access is translated, whatever its number. In machine mode a data access is physical:
//! the window, the registers, memory; a fetch reaches the window alone. Everything else is an error, and so is a frame beyond
//! the end of memory.
//!
//! **Backpressure.** An access is taken at rest, or in the cycle in which the one before is answered from the cache or the
//! window. A fetch that the core branches away from after it was taken holds the port until it is answered, a walk of its own
//! included. One that it branches away from before that, while it waits, is taken and answered with an error, without a lookup.
//!
//! Reset: at rest.

use hashwalk_hdl::{
    Component, Module, Signal, any_of, bundle, case, concat, lit, low, one_hot_mux, shape, states, when,
};
use hashwalk_spec::Config;
use hashwalk_spec::address::PFN_BITS;
use hashwalk_spec::fault::{FAULT_BITS, Fault};
use hashwalk_spec::transaction::ID_BITS;

use super::cache::{Cache, CacheInputs, INDEX_BITS, LINE_BITS, LINE_BYTES};
use super::ports::{Access, Failed, LineData, LineRead, MemoryStore, Response, Store, access, line_data};
use super::window::merge;
use crate::ports::{self, Answer, LateAnswer};

states! {
    /// What an access waits for.
    pub enum Wait {
        /// There is none.
        Rest,
        /// The MMU's answer to a hit, or the window; it was taken in the cycle before.
        Look,
        /// The MMU's late answer.
        Translate,
        /// Memory to take the read of a line.
        Request,
        /// The line.
        AwaitLine,
        /// Memory to take the store.
        Store,
        /// The register to be done.
        Command,
    }
}

bundle! {
    /// Inputs.
    pub struct PortInputs {
        /// From the core.
        pub core: Access,
        /// Of a port for fetches.
        pub for_fetch: Option<FetchInputs>,
        /// Of a port for data.
        pub for_data: Option<DataInputs>,
        /// 1 bit.
        pub may_look: Signal,
        /// From the MMU.
        pub answer: Answer,
        /// From the MMU.
        pub late: LateAnswer,
        /// 32 bits.
        pub window_data: Signal,
        /// From memory.
        pub line: LineData,
    }

    /// What only fetches have.
    pub struct FetchInputs {
        /// 1 bit.
        pub discarded: Signal,
        /// 1 bit.
        pub branch: Signal,
        /// 1 bit.
        pub clear: Signal,
    }

    /// What only data accesses have.
    pub struct DataInputs {
        /// 32 bits: the register that is read.
        pub register_data: Signal,
        /// 1 bit: the access of a register takes longer.
        pub register_waits: Signal,
        /// 1 bit: the store is taken.
        pub write_ready: Signal,
    }

    /// Outputs.
    pub struct PortOutputs {
        /// To the core.
        pub response: Response,
        /// 1 bit.
        pub look: Signal,
        /// To memory.
        pub read: LineRead,
        /// Of a port for data.
        pub data: Option<DataOutputs>,
        /// To the records.
        pub failed: Failed,
    }

    /// What only data accesses have.
    pub struct DataOutputs {
        /// To memory.
        pub write: MemoryStore,
        /// 1 bit: the window is written.
        pub window_write: Signal,
        /// 14 bits: this word of it.
        pub window_word: Signal,
        /// A register is accessed.
        pub register: RegisterAccess,
    }

    /// An access of a register.
    pub struct RegisterAccess {
        /// 1 bit: for one cycle.
        pub valid: Signal,
        /// 8 bits: the register.
        pub offset: Signal,
        /// 1 bit.
        pub write: Signal,
        /// 32 bits.
        pub data: Signal,
    }

    /// Registers.
    pub struct PortState {
        /// 3 bits: [`Wait`].
        pub wait: Signal,
        /// 32 bits.
        pub addr: Signal,
        /// 1 bit.
        pub user: Signal,
        /// What is stored.
        pub store: Option<Store>,
        /// The frame, once it is known.
        pub frame: Signal,
        /// 1 bit: the core does not want it any more; fetches only.
        pub unwanted: Option<Signal>,
        /// 1 bit: the line that comes is not kept; fetches only.
        pub spoilt: Option<Signal>,
    }
}

/// A port of the core.
pub struct Port {
    /// It is the port for data.
    pub data: bool,
    /// Bits of the number of a frame that exists.
    pub frame_bits: u32,
}

impl Port {
    /// The port for this configuration's memory.
    #[must_use]
    pub fn new(config: &Config, data: bool) -> Port {
        Port { data, frame_bits: config.frames().ilog2() }
    }
}

impl Component for Port {
    type Inputs = PortInputs;
    type Outputs = PortOutputs;
    type State = PortState;

    fn name(&self) -> String {
        format!("hashwalk_soc_{}", if self.data { "data" } else { "fetch" })
    }

    fn doc(&self) -> String {
        "A port of the core: translation, cache, window, memory.".into()
    }

    fn inputs(&self) -> PortInputs {
        PortInputs {
            core: access(self.data),
            for_fetch: (!self.data).then(|| FetchInputs { discarded: shape(1), branch: shape(1), clear: shape(1) }),
            for_data: self.data.then(|| DataInputs {
                register_data: shape(32),
                register_waits: shape(1),
                write_ready: shape(1),
            }),
            may_look: shape(1),
            answer: ports::answer(),
            late: ports::late_answer(),
            window_data: shape(32),
            line: line_data(),
        }
    }

    fn reset(&self) -> PortState {
        let store = Store { write: low(), strobe: lit(4, 0u32), data: lit(32, 0u32) };
        PortState {
            wait: Wait::Rest.signal(),
            addr: lit(32, 0u32),
            user: low(),
            store: self.data.then_some(store),
            frame: lit(self.frame_bits, 0u32),
            unwanted: (!self.data).then(low),
            spoilt: (!self.data).then(low),
        }
    }

    fn kernel(&self, m: &mut Module, i: PortInputs, s: PortState) -> (PortOutputs, PortState) {
        let cache = m.instance("cache", &Cache { tag_bits: self.frame_bits });
        let is = |wait: Wait| wait.is(&s.wait);
        let write = s.store.as_ref().map_or_else(low, |store| store.write.clone());
        let load = !&write;
        let looks = is(Wait::Look);

        // What the access is to.
        let physical = (&looks & !&s.user).named("physical");
        let in_window = (&physical & s.addr.bits(16..32).eq_value(0x8000u32)).named("in_window");
        let in_registers = match self.data {
            true => (&physical & s.addr.bits(8..32).eq_value(0x90_0000u32)).named("in_registers"),
            false => low(),
        };
        let own_number = s.addr.bits(12..32);
        let in_memory = match self.data {
            true => (&physical & own_number.bits(self.frame_bits..20).is_zero()).named("in_memory"),
            false => low(),
        };

        // What the MMU says.
        let mine = lit(ID_BITS, u32::from(self.data));
        let hit = (&looks & &s.user & &i.answer.valid & i.answer.id.eq(&mine)).named("hit");
        let late = (is(Wait::Translate) & &i.late.valid & i.late.id.eq(&mine)).named("late_comes");
        m.ignore(&i.late.source);
        let found = (&hit | &late).named("found");
        let pfn = when(&late, i.late.pfn.clone()).otherwise(i.answer.pfn.clone());
        let beyond = pfn.bits(self.frame_bits..PFN_BITS).any();
        let table_fault = when(&late, i.late.fault.clone()).otherwise(i.answer.fault.clone());
        let fault = when(&beyond, lit(FAULT_BITS, Fault::BusError.code())).otherwise(table_fault).named("fault");
        let denied = (&found & fault.any()).named("denied");
        let allowed = (&found & !fault.any()).named("allowed");

        // The frame is known in this cycle or before.
        let reached = (&allowed | &in_memory).named("reached");
        let frame = when(&found, pfn.bits(0..self.frame_bits))
            .or_when(&in_memory, own_number.bits(0..self.frame_bits))
            .otherwise(s.frame.clone())
            .named("frame_now");
        let cached = &cache.outputs.hit;
        let from_cache = (&reached & &load & cached).named("from_cache");
        let to_memory = (&reached & &load & !cached).named("to_memory");
        let stores = ((&reached & &write) | is(Wait::Store)).named("stores");
        let write_ready = i.for_data.as_ref().map_or_else(low, |data| data.write_ready.clone());
        let stored = (&stores & write_ready).named("stored");
        let line_comes = (is(Wait::AwaitLine) & &i.line.valid).named("line_comes");

        // The answer.
        let register_waits = i.for_data.as_ref().map_or_else(low, |data| data.register_waits.clone());
        let commands = &in_registers | is(Wait::Command);
        let commanded = (&commands & !&register_waits).named("commanded");
        let nowhere = (&physical & !(&in_window | &in_registers | &in_memory)).named("nowhere");
        let err = (&denied | &nowhere).named("error");
        let rvalid = any_of([&from_cache, &stored, &line_comes, &in_window, &commanded, &err]);
        let which = s.addr.bits(2..LINE_BYTES.ilog2());
        let register_data = i.for_data.as_ref().map_or_else(|| lit(32, 0u32), |data| data.register_data.clone());
        let rdata = one_hot_mux([
            (from_cache.clone(), cache.outputs.line.word(&which, 32)),
            (line_comes.clone(), i.line.data.word(&which, 32)),
            (in_window.clone(), i.window_data.clone()),
            (commands, register_data),
        ]);

        // The next access.
        let again = (&from_cache | (&in_window & &load) | &err).named("again");
        let open = (is(Wait::Rest) | again).named("open");
        let translates = match &i.for_fetch {
            Some(fetch) => &i.core.user & !&fetch.discarded,
            None => i.core.user.clone(),
        };
        let look = (&i.core.req & &translates & &open).named("look_up");
        let gnt = (&i.core.req & &open & (&i.may_look | !&translates)).named("take");

        // A line that comes is kept, and a store changes the one that is there.
        let clear = i.for_fetch.as_ref().map_or_else(low, |fetch| fetch.clear.clone());
        let spoilt = s.spoilt.as_ref().map_or_else(low, |spoilt| spoilt | &clear);
        let fills = &line_comes & !&spoilt;
        let changed = s.store.as_ref().map(|store| changed_line(&cache.outputs.line, store, &which));
        cache.connect(CacheInputs {
            read: gnt.clone(),
            index: i.core.addr.bits(LINE_BYTES.ilog2()..12),
            at: s.addr.bits(LINE_BYTES.ilog2()..12),
            tag: frame.clone(),
            write: fills | (&stored & cached),
            line_new: match changed {
                Some(changed) => when(&line_comes, i.line.data.clone()).otherwise(changed),
                None => i.line.data.clone(),
            },
            clear: clear.clone(),
        });
        debug_assert_eq!(INDEX_BITS + LINE_BYTES.ilog2(), 12);

        let stay = s.wait.clone();
        let reach = |otherwise: Signal| {
            when(&(&reached & &write), Wait::Store.signal())
                .or_when(&to_memory, Wait::Request.signal())
                .otherwise(otherwise)
        };
        let waiting = case(
            &s.wait,
            [
                (Wait::Rest, stay.clone()),
                (Wait::Look, reach(when(&in_registers, Wait::Command.signal()).otherwise(Wait::Translate.signal()))),
                (Wait::Translate, reach(stay.clone())),
                (Wait::Request, when(&i.line.ready, Wait::AwaitLine.signal()).otherwise(stay.clone())),
                (Wait::AwaitLine, stay.clone()),
                (Wait::Store, stay.clone()),
                (Wait::Command, stay),
            ],
        );
        let wait = when(&gnt, Wait::Look.signal()).or_when(&rvalid, Wait::Rest.signal()).otherwise(waiting);
        m.check("late_comes_to_one_who_waits", !(&i.late.valid & i.late.id.eq(&mine)) | is(Wait::Translate));
        m.check("line_comes_to_one_who_waits", !&i.line.valid | is(Wait::AwaitLine));
        m.check("offset_of_a_word", !&i.core.req | i.core.addr.bits(0..2).is_zero());

        let unwanted = s.unwanted.as_ref().zip(i.for_fetch.as_ref()).map(|(unwanted, fetch)| unwanted | &fetch.branch);
        let failed = Failed {
            valid: match &unwanted {
                Some(unwanted) => &denied & !unwanted,
                None => denied.clone(),
            },
            vpn: own_number.clone(),
            access: match self.data {
                true => concat([low(), write.clone()]),
                false => lit(2, 2u32),
            },
            fault,
        };
        let address = concat([frame.zext(20), s.addr.bits(0..12)]).named("address_now");
        let data = s.store.as_ref().map(|store| DataOutputs {
            write: MemoryStore {
                valid: stores,
                address: address.clone(),
                strobe: store.strobe.clone(),
                data: store.data.clone(),
            },
            window_write: &in_window & &write,
            window_word: s.addr.bits(2..16),
            register: RegisterAccess {
                valid: in_registers.clone(),
                offset: s.addr.bits(0..8),
                write: write.clone(),
                data: store.data.clone(),
            },
        });
        let next = PortState {
            wait: wait.named("wait_next"),
            addr: when(&gnt, i.core.addr.clone()).otherwise(s.addr.clone()),
            user: when(&gnt, translates).otherwise(s.user.clone()),
            store: s.store.map(|old| when(&gnt, i.core.store.expect("the data port stores")).otherwise(old)),
            frame: when(&reached, frame).otherwise(s.frame),
            unwanted: unwanted.map(|old| !&gnt & old),
            spoilt: s.spoilt.map(|old| when(&gnt, low()).otherwise(old | clear)),
        };
        let line_address = concat([address.bits(LINE_BYTES.ilog2()..32), lit(LINE_BYTES.ilog2(), 0u32)]);
        let outputs = PortOutputs {
            response: Response { gnt, rvalid, rdata, err },
            look,
            read: LineRead { valid: is(Wait::Request), address: line_address },
            data,
            failed,
        };
        (outputs, next)
    }
}

/// The line after the store.
fn changed_line(line: &Signal, store: &Store, which: &Signal) -> Signal {
    let words = LINE_BITS / 32;
    let word = |i: u32| {
        let old = line.bits(32 * i..32 * i + 32);
        when(&which.eq_value(i), merge(&old, &store.data, &store.strobe)).otherwise(old)
    };
    concat((0..words).rev().map(word))
}
