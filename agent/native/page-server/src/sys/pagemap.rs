//! Which pages of another process were written since the last look: `PAGEMAP_SCAN` (Linux 6.7; linux/fs.h, kernel
//! documentation admin-guide/mm/pagemap.rst). It takes the right to trace that process.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::check;
use super::process::page_bytes;

/// `_IOWR('f', 16, struct pm_scan_arg)`
const PAGEMAP_SCAN: u64 = 0xc060_6610;
const PM_SCAN_WP_MATCHING: u64 = 1;
/// Fails where writes would wait for an answer instead of being noted.
const PM_SCAN_CHECK_WPASYNC: u64 = 2;
const PAGE_IS_WRITTEN: u64 = 2;
/// Taken from the kernel per call.
const REGIONS: usize = 512;

/// `struct pm_scan_arg`
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

pub struct Pagemap(File);

impl Pagemap {
    pub fn open(pid: i32) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/pagemap")).map(Self)
    }

    /// Whether this kernel has the call at all: a scan of nothing.
    pub fn known(&self) -> bool {
        let mut arg = Scan {
            size: size_of::<Scan>() as u64,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Scan::default()
        };
        // SAFETY: `arg` is the structure this ioctl takes; the range is empty.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), PAGEMAP_SCAN as _, &raw mut arg) };
        check(i64::from(result)).is_ok()
    }

    /// Runs of pages, by number from `start` on, that were written since the last call for them or, at the first, are
    /// there at all. `start` and `len` in bytes, whole pages of one mapping under `Uffd::track_writes`.
    ///
    /// # Errors
    /// `Unsupported` (`ENOTTY`) on older kernels; `PermissionDenied` (`EPERM`): writes are not tracked there.
    pub fn written(&self, start: u64, len: u64) -> io::Result<Vec<(u64, u64)>> {
        let (page, mut runs) = (page_bytes(), Vec::new());
        let mut regions = [Region::default(); REGIONS];
        let mut at = start;
        while at < start + len {
            let mut arg = Scan {
                size: size_of::<Scan>() as u64,
                flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
                start: at,
                end: start + len,
                vec: regions.as_mut_ptr() as u64,
                vec_len: REGIONS as u64,
                category_mask: PAGE_IS_WRITTEN,
                return_mask: PAGE_IS_WRITTEN,
                ..Scan::default()
            };
            // SAFETY: `arg` is the structure this ioctl takes; the kernel writes at most `vec_len` regions behind `vec`,
            // which live through the call. Of the other process only write protection changes, which it does not notice.
            let found = check(i64::from(unsafe {
                libc::ioctl(self.0.as_raw_fd(), PAGEMAP_SCAN as _, &raw mut arg)
            }))?;
            for region in &regions[..found as usize] {
                runs.push(((region.start - start) / page, (region.end - start) / page));
            }
            at = arg.walk_end.max(at + page);
        }
        Ok(runs)
    }
}
