//! The RAM file, read without ever mapping it: a mapped read of a hole would allocate a page.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;

use super::check;
use crate::bitmap::Bitmap;

/// Next offset at or after `from` that is data (`SEEK_DATA`) or a hole (`SEEK_HOLE`); `None` behind the last data.
fn seek(file: &File, from: u64, whence: i32) -> io::Result<Option<u64>> {
    // SAFETY: lseek touches no memory of ours; the descriptor is open as long as `file` is borrowed.
    let at = unsafe { libc::lseek(file.as_raw_fd(), from as i64, whence) };
    match check(at) {
        Ok(at) => Ok(Some(at as u64)),
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The next data extent `[start, end)` at or after `from`, in bytes.
fn next_data(file: &File, from: u64) -> io::Result<Option<(u64, u64)>> {
    let Some(start) = seek(file, from, libc::SEEK_DATA)? else {
        return Ok(None);
    };
    let end = seek(file, start, libc::SEEK_HOLE)?.unwrap_or(start);
    Ok(Some((start, end)))
}

/// Pages with data of a file of so many pages, and in how many extents they lie.
pub fn data_pages(file: &File, pages: u64, page_bytes: u64) -> io::Result<(Bitmap, u64)> {
    let mut map = Bitmap::new(pages);
    let (mut at, mut extents) = (0, 0);
    while let Some((start, end)) = next_data(file, at)? {
        (start / page_bytes..end.div_ceil(page_bytes)).for_each(|page| {
            map.set(page);
        });
        extents += 1;
        at = end.max(start + page_bytes);
    }
    Ok((map, extents))
}

/// Gives the memory of a range back: it is a hole from now on, and the file as long as before (fallocate(2)).
pub fn punch(file: &File, at: u64, bytes: u64) -> io::Result<()> {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: fallocate touches no memory of ours; the descriptor is open as long as `file` is borrowed.
    let result = unsafe { libc::fallocate(file.as_raw_fd(), mode, at as i64, bytes as i64) };
    check(i64::from(result)).map(drop)
}

/// `preadv(2)` until the slices are full: one call in practice, several after a short read.
///
/// # Errors
/// `UnexpectedEof` when the file ends inside.
pub fn read_exact_vectored(
    file: &File,
    mut slices: &mut [IoSliceMut<'_>],
    mut offset: u64,
) -> io::Result<()> {
    while !slices.is_empty() {
        let count = slices.len().min(1024) as i32;
        // SAFETY: IoSliceMut is guaranteed to be layout-compatible with iovec, and borrows its memory mutably.
        let got = unsafe {
            libc::preadv(
                file.as_raw_fd(),
                slices.as_mut_ptr().cast::<libc::iovec>(),
                count,
                offset as i64,
            )
        };
        match check(got as i64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                offset += read as u64;
                IoSliceMut::advance_slices(&mut slices, read as usize);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
