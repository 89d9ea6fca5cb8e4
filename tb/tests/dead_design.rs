//! A design that hangs is an error with the cycle and the state, not a hang of the bench.

use hashwalk::device::Device;
use hashwalk::machine::{Drive, Machine, MachineError, MemoryTiming};
use hashwalk_model::os::Os;
use hashwalk_spec::{Access, Asid, Config, Request, Vpn};

#[test]
fn a_walker_that_never_leaves_a_state_is_reported_with_that_state() {
    let config = Config::preset("tiny").unwrap();
    let mut design = hashwalk_rtl::generate(&config);
    let walker = design.files.iter_mut().find(|file| file.name.contains("walker")).unwrap();
    let (alive, dead) = ("wire beat_taken = ", "wire beat_taken = 1'b0 & ");
    assert!(walker.text.contains(alive), "the walker takes what memory sends in another way: adapt this test");
    walker.text = walker.text.replace(alive, dead);

    let device = Device::of(&config, &design, false).unwrap();
    let os = Os::new(&config, 1);
    let mut machine = Machine::new(device.load().unwrap(), &config, os, MemoryTiming::fixed(1)).unwrap();
    let mut lookup =
        Some(Request { asid: Asid::truncate(1), vpn: Vpn::truncate(5), access: Access::Read, user: false });
    let error = loop {
        match machine.cycle(Drive { lookup, invalidate: None }) {
            Ok(events) if events.lookup_accepted => lookup = None,
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let text = error.to_string();
    assert!(matches!(error, MachineError::NoProgress { .. }), "{text}");
    assert!(text.contains("cycle") && text.contains("walks: Read"), "{text}");
}
