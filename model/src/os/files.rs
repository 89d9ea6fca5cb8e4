//! Files: what programs are loaded from and what is shared, and the frames that hold pages of them.
//!
//! ```text
//!  file 2   | page 0 | page 1 | page 2 |      the device, with a latency
//!               │                 │
//!  frames     0x21              0x35          the page cache: each page at most once, for everyone who maps it
//! ```
//!
//! A page that many processes map, privately or shared, is one frame. Private stores get a copy (copy-on-write), shared
//! ones stay in the frame and reach the file when the frame is taken back. A page costs one read of the device however
//! many map it. Source: the seeds' lazy loading, and the note on sharing frames.

use super::device::{Latency, PageBytes, Transfers};
use hashwalk_spec::Pfn;
use hashwalk_spec::address::FRAME_BYTES;
use std::collections::{BTreeMap, BTreeSet};

/// A file, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// All files and the page cache.
#[derive(Clone, Debug, Default)]
pub struct Files {
    contents: Vec<Vec<u8>>,
    transfers: Transfers,
    cached: BTreeMap<(FileId, u64), Pfn>,
    /// The reverse of `cached`.
    page_in: BTreeMap<Pfn, (FileId, u64)>,
    /// Cached pages that were stored to through a mapping that is gone.
    dirty: BTreeSet<Pfn>,
}

impl Files {
    /// No file yet, on a device with this latency.
    #[must_use]
    pub fn new(latency: Latency) -> Files {
        Files { transfers: Transfers::new(latency), ..Files::default() }
    }

    /// Makes a file of these bytes. Its last page is filled up with zeros.
    pub fn create(&mut self, bytes: &[u8]) -> FileId {
        self.contents.push(bytes.to_vec());
        FileId(self.contents.len() as u32 - 1)
    }

    /// What the device did.
    #[must_use]
    pub fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// The bytes of a file as the device holds them: stores to shared pages arrive when their frame is taken back.
    #[must_use]
    pub fn bytes(&self, file: FileId) -> Option<&[u8]> {
        self.contents.get(file.0 as usize).map(Vec::as_slice)
    }

    /// Reads a page from the device; `None` behind the file's end, or if there is no such file.
    pub(super) fn read(&mut self, file: FileId, page: u64) -> Option<PageBytes> {
        let bytes = self.contents.get(file.0 as usize)?;
        let first = usize::try_from(page.checked_mul(FRAME_BYTES)?).ok()?;
        let rest = bytes.get(first..).filter(|rest| !rest.is_empty())?;
        let here = rest.len().min(FRAME_BYTES as usize);
        let mut read = [0; FRAME_BYTES as usize];
        read[..here].copy_from_slice(&rest[..here]);
        self.transfers.reads += 1;
        Some(read)
    }

    /// Writes a page to the device, but for what lies behind the file's end.
    pub(super) fn write(&mut self, (file, page): (FileId, u64), bytes: &PageBytes) {
        let first = (page * FRAME_BYTES) as usize;
        let contents = &mut self.contents[file.0 as usize];
        let here = contents.len().saturating_sub(first).min(bytes.len());
        contents[first..first + here].copy_from_slice(&bytes[..here]);
        self.transfers.writes += 1;
    }

    /// The frame that holds a page of a file.
    pub(super) fn frame_of(&self, page: (FileId, u64)) -> Option<Pfn> {
        self.cached.get(&page).copied()
    }

    /// The page that a frame holds.
    #[must_use]
    pub fn page_in(&self, frame: Pfn) -> Option<(FileId, u64)> {
        self.page_in.get(&frame).copied()
    }

    /// Notes that a frame holds a page.
    pub(super) fn cache(&mut self, page: (FileId, u64), frame: Pfn) {
        self.cached.insert(page, frame);
        self.page_in.insert(frame, page);
    }

    /// Notes that the page in the frame differs from the device's.
    pub(super) fn mark_dirty(&mut self, frame: Pfn) {
        if self.page_in.contains_key(&frame) {
            self.dirty.insert(frame);
        }
    }

    /// Forgets what the frame holds, after writing it to the device if it differs.
    pub(super) fn evict(&mut self, frame: Pfn, bytes: &PageBytes) {
        if let Some(page) = self.page_in.remove(&frame) {
            self.cached.remove(&page);
            if self.dirty.remove(&frame) {
                self.write(page, bytes);
            }
        }
    }

    /// The frames of the page cache.
    pub(super) fn frames(&self) -> impl Iterator<Item = Pfn> {
        self.page_in.keys().copied()
    }
}
