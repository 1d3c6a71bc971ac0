//! Guest RAM: the RAM file, mapped shared and once (the preload library watches that mapping and allows no second).
//!
//! Page 0 is the guest's header, written whenever a migration stops the guest and read by the side that loads: the one
//! page that "devices" touch before the guest runs, as a ring of virtio would be. The pattern's pages follow it.
//! Migration reads and writes the file, not the mapping, so that it never meets a userfaultfd.

use shoal_workload::pattern::PAGE_BYTES;
use shoal_workload::pool::{Dirty, Pool};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// "SHOALRAM": the header's first word.
const MAGIC: u64 = u64::from_le_bytes(*b"SHOALRAM");

/// What the header page says of the moment when a migration last stopped the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Migrations so far.
    pub moves: u64,
    pub work: u64,
    pub random: u64,
}

pub struct Memory {
    base: *mut u8,
    bytes: usize,
    file: File,
    /// Pages of the pool that were written since the migration took them.
    dirty: Arc<Dirty>,
}

// SAFETY: the header is written and read only by the thread that migrates, while the guest is held; everything behind
// it belongs to the one pool in use.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps the file; makes it or makes it longer if need be, as QEMU does.
    pub fn map(path: &str, mib: usize) -> Result<Self, String> {
        let text = |error: io::Error| format!("{path}: {error}");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(text)?;
        let bytes = mib << 20;
        let found = file.metadata().map_err(text)?.len();
        if found > bytes as u64 {
            return Err(format!(
                "{path} has {found} bytes, more than the guest's {bytes}"
            ));
        }
        file.set_len(bytes as u64).map_err(text)?;
        // SAFETY: a fresh shared mapping of the whole file, address chosen by the kernel; never unmapped.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(format!("{path}: mmap: {}", io::Error::last_os_error()));
        }
        let dirty = Arc::new(Dirty::new(bytes / PAGE_BYTES));
        Ok(Self {
            base: base.cast(),
            bytes,
            file,
            dirty,
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that a pool may take.
    pub fn pool_bytes(&self) -> usize {
        self.bytes - PAGE_BYTES
    }

    /// The pool over all pages behind the header, of which `filled` hold the pattern.
    ///
    /// # Safety
    /// The caller uses no pool of an earlier call any more, and gives a `filled` within `Pool::capacity_of`.
    pub unsafe fn pool(&self, seed: u64, filled: usize) -> Pool {
        // SAFETY: page aligned and mapped for the life of the process; the only writer is the one pool in use.
        unsafe {
            Pool::over(
                self.base.add(PAGE_BYTES),
                self.pool_bytes(),
                seed,
                filled,
                Some(self.dirty.clone()),
            )
        }
    }

    /// Which of the pool's pages were written. Page `i` of the pool is page `i + 1` of the file.
    pub fn dirty(&self) -> &Dirty {
        &self.dirty
    }

    /// Writes the header page. The guest must be held.
    pub fn write_header(&self, header: &Header) {
        let words = [MAGIC, header.moves, header.work, header.random];
        // SAFETY: page 0 is mapped and aligned, and only this thread uses it (see `Send`).
        unsafe { self.base.cast::<[u64; 4]>().write_volatile(words) };
    }

    /// Reads the header through the mapping: on the target of post-copy this waits for the page. None = no header.
    pub fn read_header(&self) -> Option<Header> {
        // SAFETY: as in `write_header`.
        let [magic, moves, work, random] = unsafe { self.base.cast::<[u64; 4]>().read_volatile() };
        (magic == MAGIC).then_some(Header {
            moves,
            work,
            random,
        })
    }

    /// One page of the file, as it is now (half written, maybe, when the guest runs).
    pub fn copy_out(&self, page: usize, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, (page * PAGE_BYTES) as u64)
    }

    /// Puts a page that came over the stream.
    pub fn copy_in(&self, page: usize, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, (page * PAGE_BYTES) as u64)
    }
}
