//! Records on a disk: each is one page of the pattern, numbered, appended and synced before the next.
//!
//! After any number of moves the file must hold 1, 2, 3 … without a gap, up to at least what was reported as synced.

use crate::pattern::{self, PAGE_BYTES, PAGE_WORDS};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pause between two records: a steady but light writer (50 records, 200 KiB a second).
const PAUSE: Duration = Duration::from_millis(20);
const SEED: u64 = 0x5eed_d15c;

/// What became of the records in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Whole records, numbered 1 to this without a gap.
    pub good: u64,
    /// Bytes behind them that are no right record (a torn last one, or damage).
    pub rest_bytes: u64,
}

/// Reads all records of `file` from its start.
pub fn check(file: &mut impl Read) -> io::Result<Found> {
    let mut bytes = Vec::new();
    let mut good = 0;
    loop {
        bytes.clear();
        let read = file
            .by_ref()
            .take(PAGE_BYTES as u64)
            .read_to_end(&mut bytes)?;
        if read < PAGE_BYTES || !is_record(&bytes, good + 1) {
            let rest_bytes = read as u64 + io::copy(file, &mut io::sink())?;
            return Ok(Found { good, rest_bytes });
        }
        good += 1;
    }
}

fn is_record(bytes: &[u8], number: u64) -> bool {
    let mut page = [0; PAGE_WORDS];
    for (word, eight) in page.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(eight.try_into().expect("chunks of eight"));
    }
    pattern::check(&page, SEED, number, 1)
}

/// The bytes of record `number`.
pub fn record(number: u64) -> Vec<u8> {
    let mut page = [0; PAGE_WORDS];
    pattern::write(&mut page, SEED, number, 1);
    page.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A disk being written to.
pub struct Disk {
    device: String,
    mounted_here: Option<PathBuf>,
    synced: Arc<AtomicU64>,
    failed: Arc<Mutex<Option<String>>>,
    stop: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl Disk {
    /// Mounts `device` (ext4) unless it is, reads what is there, and goes on writing behind it.
    pub fn start(device: &str) -> Result<Self, String> {
        let (directory, mounted_here) = mount(device)?;
        let path = directory.join("records");
        let text = |error: io::Error| format!("{}: {error}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(text)?;
        let found = check(&mut file).map_err(text)?;
        if found.rest_bytes >= PAGE_BYTES as u64 {
            return Err(format!(
                "{}: damaged behind record {}",
                path.display(),
                found.good
            ));
        }
        file.set_len(found.good * PAGE_BYTES as u64).map_err(text)?;
        let mut disk = Self {
            device: device.to_owned(),
            mounted_here,
            synced: Arc::new(AtomicU64::new(found.good)),
            failed: Arc::default(),
            stop: Arc::default(),
            writer: None,
        };
        let (synced, failed, stop) = (disk.synced.clone(), disk.failed.clone(), disk.stop.clone());
        disk.writer = Some(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let next = synced.load(Ordering::Relaxed) + 1;
                if let Err(error) = file.write_all(&record(next)).and_then(|()| file.sync_all()) {
                    *failed.lock().unwrap() = Some(format!("record {next}: {error}"));
                    return;
                }
                synced.store(next, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        }));
        Ok(disk)
    }

    pub fn device(&self) -> &str {
        &self.device
    }

    /// Number of the last record known to be on the disk, or what went wrong.
    pub fn synced(&self) -> Result<u64, String> {
        match self.failed.lock().unwrap().clone() {
            Some(sentence) => Err(sentence),
            None => Ok(self.synced.load(Ordering::Relaxed)),
        }
    }

    /// Ends the writing, unmounts what `start` mounted, and says the last synced record.
    pub fn stop(mut self) -> Result<u64, String> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            writer
                .join()
                .map_err(|_| "the writer panicked".to_owned())?;
        }
        if let Some(directory) = &self.mounted_here {
            let path = c_path(directory)?;
            // SAFETY: umount takes a C string, which lives through the call.
            if unsafe { libc::umount(path.as_ptr()) } != 0 {
                return Err(format!(
                    "umount {}: {}",
                    directory.display(),
                    io::Error::last_os_error()
                ));
            }
        }
        self.synced()
    }
}

/// Reads the records of a disk (one that is being written to included).
pub fn check_device(device: &str) -> Result<Found, String> {
    let (directory, mounted_here) = mount(device)?;
    let path = directory.join("records");
    let found = File::open(&path).and_then(|mut file| check(&mut file));
    if let Some(directory) = mounted_here {
        let path = c_path(&directory)?;
        // SAFETY: as in `stop`.
        unsafe { libc::umount(path.as_ptr()) };
    }
    found.map_err(|error| format!("{}: {error}", path.display()))
}

fn c_path(path: &Path) -> Result<CString, String> {
    CString::new(path.to_string_lossy().as_bytes())
        .map_err(|_| "a zero byte in the path".to_owned())
}

/// Where `device` is mounted; mounts it under /mnt (ext4) when it is nowhere yet: then the second part is Some.
fn mount(device: &str) -> Result<(PathBuf, Option<PathBuf>), String> {
    let mounts = std::fs::read_to_string("/proc/mounts")
        .map_err(|error| format!("/proc/mounts: {error}"))?;
    let mut fields = mounts.lines().map(|line| line.split(' '));
    if let Some(at) =
        fields.find_map(|mut line| (line.next() == Some(device)).then(|| line.next()).flatten())
    {
        return Ok((PathBuf::from(at), None));
    }
    let name = Path::new(device)
        .file_name()
        .ok_or("the device has no name")?;
    let directory = Path::new("/mnt").join(name);
    std::fs::create_dir_all(&directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    let (source, target) = (c_path(Path::new(device))?, c_path(&directory)?);
    // SAFETY: all arguments are C strings that live through the call; ext4 takes a null data pointer.
    let done = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            c"ext4".as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    match done {
        0 => Ok((directory.clone(), Some(directory))),
        _ => Err(format!("mount {device}: {}", io::Error::last_os_error())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        numbers.into_iter().flat_map(record).collect()
    }

    #[test]
    fn records_in_order_are_all_good() {
        assert_eq!(
            check(&mut &records(1..=5)[..]).unwrap(),
            Found {
                good: 5,
                rest_bytes: 0
            }
        );
        assert_eq!(
            check(&mut &[][..]).unwrap(),
            Found {
                good: 0,
                rest_bytes: 0
            }
        );
    }

    #[test]
    fn a_missing_or_repeated_record_is_seen() {
        let page = PAGE_BYTES as u64;
        assert_eq!(
            check(&mut &records([1, 2, 4])[..]).unwrap(),
            Found {
                good: 2,
                rest_bytes: page
            }
        );
        assert_eq!(
            check(&mut &records([1, 2, 2, 3])[..]).unwrap(),
            Found {
                good: 2,
                rest_bytes: 2 * page
            }
        );
    }

    #[test]
    fn a_torn_last_record_is_told_apart() {
        let mut bytes = records(1..=3);
        bytes.truncate(bytes.len() - 100);
        let rest_bytes = PAGE_BYTES as u64 - 100;
        assert_eq!(
            check(&mut &bytes[..]).unwrap(),
            Found {
                good: 2,
                rest_bytes
            }
        );
    }
}
