//! What this kernel lets this process do, tried out: for `shoal doctor`. Numbers: linux/userfaultfd.h, linux/fs.h.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::check;
use super::pagemap::Pagemap;

/// `_IOWR(0xAA, 0x3F, struct uffdio_api)`
const UFFDIO_API: u64 = 0xc018_aa3f;
/// `_IO(0xAA, 0x00)` on `/dev/userfaultfd` (Linux 6.1).
const USERFAULTFD_IOC_NEW: u64 = 0xaa00;
const UFFD_API: u64 = 0xaa;
const UFFD_USER_MODE_ONLY: i32 = 1;
const MISSING_SHMEM: u64 = 1 << 5;
const THREAD_ID: u64 = 1 << 8;
const WP_HUGETLBFS_SHMEM: u64 = 1 << 12;
const WP_UNPOPULATED: u64 = 1 << 13;
const WP_ASYNC: u64 = 1 << 15;
/// Those that the preload asks for (preload/uffd.c).
const TO_FILL: u64 = MISSING_SHMEM | THREAD_ID;
const TO_TRACK: u64 = WP_HUGETLBFS_SHMEM | WP_UNPOPULATED | WP_ASYNC;

/// `struct uffdio_api`
#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

pub struct Findings {
    /// A userfaultfd for faults of the kernel too, by `/dev/userfaultfd`; or why not.
    pub device: io::Result<()>,
    /// The same by the system call.
    pub call: io::Result<()>,
    /// Missing pages of tmpfs can be filled, whoever has the right.
    pub fills: bool,
    /// Writes can be noted without anyone waiting, and looked up.
    pub tracks: bool,
}

pub fn look() -> Findings {
    let (device, call) = (by_device(), by_call(0));
    let features = [&device, &call]
        .into_iter()
        .flatten()
        .map(features)
        .next()
        // What the kernel knows needs no right to be asked.
        .unwrap_or_else(|| by_call(UFFD_USER_MODE_ONLY).as_ref().map_or(0, features));
    Findings {
        fills: features & TO_FILL == TO_FILL,
        tracks: features & TO_TRACK == TO_TRACK && scans(),
        device: device.map(drop),
        call: call.map(drop),
    }
}

fn by_device() -> io::Result<OwnedFd> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/userfaultfd")?;
    // SAFETY: this ioctl takes flags by value and gives a descriptor.
    let result = unsafe {
        libc::ioctl(
            device.as_raw_fd(),
            USERFAULTFD_IOC_NEW as _,
            libc::O_CLOEXEC,
        )
    };
    owned(i64::from(result))
}

fn by_call(flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: this call takes flags by value and gives a descriptor.
    owned(unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | flags) })
}

fn owned(result: i64) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the kernel has just given it, to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// All that the kernel knows; 0 when it does not answer. Asked for none, it tells of all (`ioctl_userfaultfd(2)`).
fn features(fd: &OwnedFd) -> u64 {
    let mut api = Api {
        api: UFFD_API,
        features: 0,
        ioctls: 0,
    };
    // SAFETY: `api` is the structure this ioctl takes.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), UFFDIO_API as _, &raw mut api) };
    if result == 0 { api.features } else { 0 }
}

fn scans() -> bool {
    Pagemap::open(std::process::id() as i32).is_ok_and(|pagemap| pagemap.known())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_made_a_userfaultfd_is_told_what_it_can() {
        let found = look();
        let is_root = super::super::process::uid() == 0;
        assert!(!is_root || found.call.is_ok(), "root may");
        assert!(found.fills, "every kernel that Shoal runs on");
        // Both came with Linux 6.7.
        let version = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel");
        let mut numbers = version
            .split(['.', '-'])
            .map_while(|word| word.parse::<u32>().ok());
        let can = (numbers.next(), numbers.next()) >= (Some(6), Some(7));
        assert_eq!(found.tracks, can, "{version}");
    }
}
