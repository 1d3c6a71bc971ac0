//! The run ledger: what the vCPU itself says of its running, for checkers that believe no agent (sim-harness/chaos).
//!
//! On when `SHOAL_MICRO_LEDGER` names a directory; `SHOAL_MICRO_NODE` says where the guest is. One file per VM, to which
//! every process of that VM appends whole lines:
//! `node pid life what work bad time`, time by `CLOCK_MONOTONIC` in ns, which all processes of a machine share.
//! `go` comes before the first work after a stand, `stand` after the last, `beat` at most once a period in between, all
//! by the vCPU's own thread; `loaded` when another process' state was taken over. A life begins at a cold start and
//! travels with the state: who has another life has lost the memory of the one before.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

pub struct Ledger {
    file: Option<File>,
    node: String,
}

impl Ledger {
    /// Off when the environment names none; a directory that cannot be written is an error.
    pub fn from_env(vm: &str) -> Result<Self, String> {
        let node = std::env::var("SHOAL_MICRO_NODE").unwrap_or_else(|_| "-".to_owned());
        match std::env::var("SHOAL_MICRO_LEDGER") {
            Ok(dir) => Self::open(&Path::new(&dir).join(vm), node),
            Err(_) => Ok(Self { file: None, node }),
        }
    }

    fn open(path: &Path, node: String) -> Result<Self, String> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            file: Some(file),
            node,
        })
    }

    pub fn note(&self, what: &str, life: u64, work: u64, bad: u64) {
        let Some(mut file) = self.file.as_ref() else {
            return;
        };
        let (pid, time) = (std::process::id(), monotonic_ns());
        let line = format!(
            "{} {pid} {life:016x} {what} {work} {bad} {time}\n",
            self.node
        );
        // One write, so that lines of two processes never mix. A guest does not fail for its ledger; checkers miss what
        // is missing.
        let _ = file.write_all(line.as_bytes());
    }
}

fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec of this frame; the clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Of a cold start: no two starts of one machine have the same.
pub fn new_life() -> u64 {
    monotonic_ns() ^ u64::from(std::process::id()) << 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_in_order_of_time() {
        let path = std::env::temp_dir().join(format!("shoal-ledger-{}", std::process::id()));
        let ledger = Ledger::open(&path, "node1".to_owned()).unwrap();
        ledger.note("go", 7, 1, 0);
        ledger.note("stand", 7, 9, 2);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1][0], "node1");
        assert_eq!(lines[1][2..6], ["0000000000000007", "stand", "9", "2"]);
        let time = |at: usize| lines[at][6].parse::<u64>().unwrap();
        assert!(time(0) <= time(1));
    }

    #[test]
    fn two_starts_are_two_lives() {
        assert_ne!(new_life(), new_life());
    }
}
