//! Everything `unsafe` of the page server: thin, checked wrappers of Linux calls that std does not have.

#[cfg(all(test, shoal_coverage))]
pub mod coverage;
pub mod file;
pub mod pagemap;
pub mod probe;
pub mod process;
pub mod reclaim;
pub mod socket;
pub mod uffd;

use std::io;

/// `-1` becomes the error in `errno`.
fn check(result: i64) -> io::Result<i64> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
