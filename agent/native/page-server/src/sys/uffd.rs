//! The userfaultfd of another process. Every ioctl acts on the address space the descriptor was made in, not on ours;
//! `UFFDIO_COPY` reads its source from ours. Numbers and structures: linux/userfaultfd.h; results: ioctl_userfaultfd(2).

use std::fs::read_link;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::check;

const UFFDIO_REGISTER: u64 = 0xc020_aa00;
const UFFDIO_UNREGISTER: u64 = 0x8010_aa01;
const UFFDIO_WAKE: u64 = 0x8010_aa02;
const UFFDIO_COPY: u64 = 0xc028_aa03;
const UFFDIO_ZEROPAGE: u64 = 0xc020_aa04;
const UFFDIO_REGISTER_MODE_WP: u64 = 1 << 1;
const UFFD_EVENT_PAGEFAULT: u8 = 0x12;
const MESSAGE_BYTES: usize = 32;
const BATCH: usize = 32;

#[repr(C)]
struct Range {
    start: u64,
    len: u64,
}

#[repr(C)]
struct Register {
    range: Range,
    mode: u64,
    ioctls: u64,
}

#[repr(C)]
struct Copy {
    dst: u64,
    src: u64,
    len: u64,
    mode: u64,
    copy: i64,
}

#[repr(C)]
struct Zeropage {
    range: Range,
    mode: u64,
    zeropage: i64,
}

/// What an install came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Filled {
    /// This many bytes are in place and their waiters woken. Less than asked: something stood in the way behind them.
    Bytes(u64),
    /// The first page is there already. Its waiters are NOT woken by this.
    Exists,
    /// An event is unread or the address space changes: try again.
    Again,
    /// The file system or the cgroup is full. Whoever waits goes on waiting.
    NoMemory,
    /// The process that owns the memory is gone.
    Gone,
}

/// Who waits where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub address: u64,
    /// Its id in the VMM's own process namespace; 0 when the kernel does not tell.
    pub thread: u32,
}

/// A userfaultfd received from the preload.
pub struct Uffd(OwnedFd);

impl Uffd {
    /// # Errors
    /// `InvalidInput` when the descriptor is something else.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let link = read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
        if link.as_os_str() == "anon_inode:[userfaultfd]" {
            Ok(Self(fd))
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the descriptor is no userfaultfd",
            ))
        }
    }

    /// Appends faults that wait to be read. An empty result: none now.
    pub fn read_faults(&self, faults: &mut Vec<Fault>) -> io::Result<()> {
        let mut messages = [0u8; MESSAGE_BYTES * BATCH];
        // SAFETY: the buffer is live and its length is given.
        let got = unsafe {
            libc::read(
                self.0.as_raw_fd(),
                messages.as_mut_ptr().cast(),
                messages.len(),
            )
        };
        let got = match check(got as i64) {
            Ok(got) => got as usize,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        for message in messages[..got].chunks_exact(MESSAGE_BYTES) {
            if message[0] == UFFD_EVENT_PAGEFAULT {
                // struct uffd_msg: flags at 8, address at 16, thread (with UFFD_FEATURE_THREAD_ID) at 24.
                let mut address = [0u8; 8];
                address.copy_from_slice(&message[16..24]);
                let mut thread = [0u8; 4];
                thread.copy_from_slice(&message[24..28]);
                faults.push(Fault {
                    address: u64::from_ne_bytes(address),
                    thread: u32::from_ne_bytes(thread),
                });
            }
        }
        Ok(())
    }

    /// Installs `bytes` (whole pages) at `dst` and wakes who waits there.
    pub fn copy(&self, dst: u64, bytes: &[u8]) -> io::Result<Filled> {
        let mut arg = Copy {
            dst,
            src: bytes.as_ptr() as u64,
            len: bytes.len() as u64,
            mode: 0,
            copy: 0,
        };
        // SAFETY: `arg` is the structure this ioctl takes; the kernel reads `bytes`, which is borrowed, and writes only
        // into the other address space, at pages that are missing there.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), UFFDIO_COPY as _, &raw mut arg) };
        outcome(result, arg.copy, arg.len)
    }

    /// Installs zero pages. On tmpfs each is a real page.
    pub fn zero(&self, dst: u64, len: u64) -> io::Result<Filled> {
        let mut arg = Zeropage {
            range: Range { start: dst, len },
            mode: 0,
            zeropage: 0,
        };
        // SAFETY: `arg` is the structure this ioctl takes; only missing pages of the other address space change.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), UFFDIO_ZEROPAGE as _, &raw mut arg) };
        outcome(result, arg.zeropage, len)
    }

    /// Lets everyone who waits in the range try again.
    pub fn wake(&self, start: u64, len: u64) -> io::Result<()> {
        self.range(UFFDIO_WAKE, start, len)
    }

    /// From now on the kernel notes who writes where (`Pagemap::written`), and nobody waits for it. The descriptor must have
    /// been made with `UFFD_FEATURE_WP_ASYNC`: without, whoever writes would wait for us.
    ///
    /// # Errors
    /// `InvalidInput`: the kernel or the descriptor cannot; `ResourceBusy`: another userfaultfd has the range.
    pub fn track_writes(&self, start: u64, len: u64) -> io::Result<()> {
        let mut arg = Register {
            range: Range { start, len },
            mode: UFFDIO_REGISTER_MODE_WP,
            ioctls: 0,
        };
        // SAFETY: `arg` is the structure this ioctl takes; no page of the other address space changes.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), UFFDIO_REGISTER as _, &raw mut arg) };
        check(result as i64).map(|_| ())
    }

    /// Ends the watch over the range: what is missing is zero from now on. Wakes everyone.
    pub fn unregister(&self, start: u64, len: u64) -> io::Result<()> {
        self.range(UFFDIO_UNREGISTER, start, len)
    }

    fn range(&self, request: u64, start: u64, len: u64) -> io::Result<()> {
        let mut arg = Range { start, len };
        // SAFETY: `arg` is the structure both ioctls take; they write nothing to our memory.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, &raw mut arg) };
        check(result as i64).map(|_| ())
    }
}

impl AsFd for Uffd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn outcome(result: i32, done: i64, len: u64) -> io::Result<Filled> {
    let error = match check(result as i64) {
        Ok(_) => return Ok(Filled::Bytes(len)),
        Err(error) => error,
    };
    if done > 0 {
        return Ok(Filled::Bytes(done as u64));
    }
    match error.raw_os_error() {
        Some(libc::EEXIST) => Ok(Filled::Exists),
        Some(libc::EAGAIN | libc::EINTR) => Ok(Filled::Again),
        Some(libc::ENOMEM) => Ok(Filled::NoMemory),
        Some(libc::ESRCH | libc::ENOSPC) => Ok(Filled::Gone),
        _ => Err(error),
    }
}
