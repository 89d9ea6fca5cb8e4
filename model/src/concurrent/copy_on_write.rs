//! Copy-on-write, in the six steps of the seed.
//!
//! ```text
//!  1 trap      a write met a page without W: the caller
//!  2 lock      of the page's bucket
//!  3 copy      shared frame ─► private frame            (left out if nobody else shares the frame any more)
//!  4 update    frame and rights, in one store
//!  5 shootdown every CPU has dropped the old mapping; only then is the shared frame given up
//!  6 release   of the lock
//! ```
//!
//! Parent and child have different ASIDs and so mostly different buckets: the lock keeps apart the threads of one
//! process, and the frame's count of sharers decides between processes. If both copy at once, the frame has no sharer
//! in the end and is free; if one has given it up before the other looks, the other keeps it. A sharer counts until its
//! shootdown has ended, so that who finds itself alone may write at once: nobody still reads the frame through an old
//! mapping.

use super::platform::{Platform, Step};
use super::{ConcurrentError, SharedFrames, SharedTable};
use hashwalk_spec::{Asid, Pfn, Rights, Vpn};

/// How a page became writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// It has a new frame, a copy.
    Private(Pfn),
    /// Nobody else had its frame, which it keeps.
    Kept(Pfn),
    /// Another thread of the process was quicker; the page is writable. The access is made again.
    Already(Pfn),
}

/// Makes a page writable that is mapped without W because it shares its frame. `copy(from, to)` copies a frame;
/// `shootdown` returns once no CPU holds the page's old mapping, and answers other CPUs' shootdowns meanwhile. Whether
/// the process may write there at all is the caller's to know.
///
/// # Errors
/// [`ConcurrentError::NotMapped`], [`ConcurrentError::OutOfFrames`]
pub fn copy_on_write<P: Platform>(
    table: &SharedTable<P>,
    frames: &SharedFrames<P>,
    (asid, vpn): (Asid, Vpn),
    copy: impl FnOnce(Pfn, Pfn),
    shootdown: impl FnOnce(),
) -> Result<Copied, ConcurrentError> {
    let mut bucket = table.lock(asid, vpn);
    let shared = bucket.get(asid, vpn).ok_or(ConcurrentError::NotMapped { asid, vpn })?;
    if shared.rights.contains(Rights::W) {
        return Ok(Copied::Already(shared.pfn));
    }
    let rights = shared.rights.with(Rights::W);
    if frames.sharers(shared.pfn) == 1 {
        bucket.update(asid, vpn, shared.pfn, rights)?;
        // Safe without, since rights only grow; but a TLB that holds the old ones would fault once more.
        shootdown();
        return Ok(Copied::Kept(shared.pfn));
    }
    if P::leaves_out(Step::LockAcrossCopy) {
        drop(bucket);
        bucket = table.lock(asid, vpn);
    }
    let private = frames.allocate()?;
    if P::leaves_out(Step::ReleaseLast) {
        frames.release(shared.pfn);
    }
    copy(shared.pfn, private);
    bucket.update(asid, vpn, private, rights)?;
    shootdown();
    if !P::leaves_out(Step::ReleaseLast) {
        frames.release(shared.pfn);
    }
    Ok(Copied::Private(private))
}
