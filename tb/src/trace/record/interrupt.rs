//! Ctrl-C during a recording: the program is stopped, and the recording ends as an error that cleans up.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use shared_child::SharedChild;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::{SigId, flag, low_level};

const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Watches for the signals as long as it lives; afterwards they end this process again.
pub(super) struct Interrupt {
    caught: Arc<AtomicBool>,
    child: Arc<OnceLock<Arc<SharedChild>>>,
    flags: Vec<SigId>,
    signals: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Recordings under way, and whether there are none: then a signal does what it does by default. A handler once installed
/// cannot be taken out again, so without this a process would be deaf after its first recording.
static ACTIVE: Mutex<u32> = Mutex::new(0);
static IDLE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

impl Interrupt {
    /// Begins to watch. From now on a signal no longer ends this process.
    pub(super) fn watch() -> io::Result<Self> {
        static DEFAULTS: LazyLock<Result<(), io::ErrorKind>> = LazyLock::new(|| {
            SIGNALS.into_iter().try_for_each(|signal| {
                let registered = flag::register_conditional_default(signal, IDLE.clone());
                registered.map(|_| ()).map_err(|error| error.kind())
            })
        });
        (*DEFAULTS)?;
        let caught = Arc::new(AtomicBool::new(false));
        let child = Arc::new(OnceLock::<Arc<SharedChild>>::new());
        let flags = SIGNALS.into_iter().map(|signal| flag::register(signal, caught.clone()));
        let flags = flags.collect::<io::Result<_>>()?;
        let mut signals = Signals::new(SIGNALS)?;
        let handle = signals.handle();
        count(1);
        let thread = std::thread::spawn({
            let child = child.clone();
            move || signals.forever().filter_map(|_| child.get().cloned()).for_each(|child| stop(&child))
        });
        Ok(Interrupt { caught, child, flags, signals: handle, thread: Some(thread) })
    }

    /// Names the process to stop, at once if a signal came already.
    pub(super) fn stops(&self, child: Arc<SharedChild>) {
        let child = self.child.get_or_init(|| child);
        if self.caught() {
            stop(child);
        }
    }

    /// Whether a signal came.
    pub(super) fn caught(&self) -> bool {
        self.caught.load(Ordering::SeqCst)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        count(-1);
        self.signals.close();
        if let Some(thread) = self.thread.take() {
            // It cannot have failed in a way that matters here.
            let _ = thread.join();
        }
        for flag in self.flags.drain(..) {
            low_level::unregister(flag);
        }
    }
}

fn count(change: i32) {
    let mut active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner);
    *active = active.saturating_add_signed(change);
    IDLE.store(*active == 0, Ordering::SeqCst);
}

fn stop(child: &SharedChild) {
    // It fails only for a process that has ended already.
    let _ = child.kill();
}
