//! Reading ahead: items are made by another thread while those before them are used.

use std::panic;
use std::sync::mpsc::{IntoIter, sync_channel};
use std::thread::{self, JoinHandle};

/// Items that go from thread to thread at once.
const BATCH: usize = 4096;
/// Batches that may wait to be used.
const WAITING: usize = 4;

/// The items of `source` in their order, made in a thread of their own, which stays a bounded number of items ahead and
/// ends with the source or when nobody wants more.
pub(crate) fn ahead<T: Send + 'static>(source: impl Iterator<Item = T> + Send + 'static) -> impl Iterator<Item = T> {
    let (sender, batches) = sync_channel(WAITING);
    let maker = thread::spawn(move || {
        let mut source = source.fuse();
        loop {
            let batch: Vec<T> = source.by_ref().take(BATCH).collect();
            if batch.is_empty() || sender.send(batch).is_err() {
                return;
            }
        }
    });
    let batches: IntoIter<Vec<T>> = batches.into_iter();
    let mut maker = Some(maker);
    let end = std::iter::from_fn(move || match maker.take().map(JoinHandle::join) {
        // A panic there is one here, and no end of the source.
        Some(Err(reason)) => panic::resume_unwind(reason),
        _ => None,
    });
    batches.flatten().chain(end)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_item_comes_once_and_in_order() {
        for count in [0, 1, BATCH, 10 * BATCH + 1] {
            assert!(ahead(0..count).eq(0..count), "{count}");
        }
    }

    #[test]
    #[should_panic(expected = "the source is broken")]
    fn panic_of_the_source_is_no_end() {
        ahead((0..).map(|n| if n < BATCH + 1 { n } else { panic!("the source is broken") })).for_each(drop);
    }

    #[test]
    fn source_without_end_stops_when_nobody_wants_more() {
        // The source holds this until its thread ends.
        let (held, until_dropped) = channel::<()>();
        let endless = std::iter::repeat_with(move || {
            let _ = &held;
            0u64
        });
        drop(ahead(endless));
        assert_eq!(until_dropped.recv_timeout(Duration::from_secs(60)), Err(RecvTimeoutError::Disconnected));
    }
}
