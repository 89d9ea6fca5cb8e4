//! A rule of AXI, as an assertion: what is offered stays offered, and the same, until it is taken.
//!
//! | port | dir | meaning |
//! | ---- | --- | ------- |
//! | `valid`, `ready`, `payload` | in | one channel; the payload's bits side by side |
//!
//! Its registers are read by assertions alone, so that synthesis leaves nothing of it. Reset: nothing is offered.

use hashwalk_hdl::{Bundle, Component, Module, Signal, bundle, lit, low, shape};

bundle! {
    /// Inputs.
    pub struct StableInputs {
        /// 1 bit.
        pub valid: Signal,
        /// 1 bit.
        pub ready: Signal,
        /// The channel's payload.
        pub payload: Signal,
    }

    /// Registers.
    pub struct StableState {
        /// 1 bit: something was offered in the cycle before, and not taken.
        pub waiting: Signal,
        /// What it was.
        pub payload: Signal,
    }
}

/// The rule for a channel whose payload has `bits` bits.
pub struct Stable {
    bits: u32,
    /// The hardware keeps the rule; else the environment is to.
    ours: bool,
}

impl Stable {
    /// Watches a channel that this hardware offers on.
    pub fn ours(m: &mut Module, name: &str, valid: &Signal, ready: &Signal, payload: &impl Bundle) {
        Stable::watch(m, name, valid, ready, &payload.pack(), true);
    }

    /// Watches a channel that the other side offers on.
    pub fn theirs(m: &mut Module, name: &str, valid: &Signal, ready: &Signal, payload: &impl Bundle) {
        Stable::watch(m, name, valid, ready, &payload.pack(), false);
    }

    fn watch(m: &mut Module, name: &str, valid: &Signal, ready: &Signal, payload: &Signal, ours: bool) {
        let rule = m.instance(name, &Stable { bits: payload.width(), ours });
        rule.connect(StableInputs { valid: valid.clone(), ready: ready.clone(), payload: payload.clone() });
    }
}

impl Component for Stable {
    type Inputs = StableInputs;
    type Outputs = ();
    type State = StableState;

    fn name(&self) -> String {
        format!("hashwalk_axi_stable_{}_{}", if self.ours { "ours" } else { "theirs" }, self.bits)
    }

    fn doc(&self) -> String {
        "What is offered on a channel stays until it is taken. Assertions only.".into()
    }

    fn inputs(&self) -> StableInputs {
        StableInputs { valid: shape(1), ready: shape(1), payload: shape(self.bits) }
    }

    fn reset(&self) -> StableState {
        StableState { waiting: low(), payload: lit(self.bits, 0u32) }
    }

    fn kernel(&self, m: &mut Module, i: StableInputs, s: StableState) -> ((), StableState) {
        let same = &i.valid & i.payload.eq(&s.payload);
        let kept = !&s.waiting | same;
        if self.ours {
            m.check("offer_stays", kept);
        } else {
            m.assume("offer_stays", kept);
        }
        ((), StableState { waiting: &i.valid & !&i.ready, payload: i.payload })
    }
}
