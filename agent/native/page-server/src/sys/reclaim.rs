//! The userfaultfd of a VMM that had handed it to a page server which is dead: the VMM keeps its own (the preload), and
//! `pidfd_getfd(2)` takes a duplicate. What the VMM has mapped, and where, is in /proc (proc(5)); it needs the right to
//! trace the VMM: root, or the same user where `kernel.yama.ptrace_scope` allows it.

use std::fs;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::check;

pub struct Found {
    pub pid: i32,
    pub fd: OwnedFd,
    /// Start of the mapping in the VMM's address space.
    pub base: u64,
    /// Missing pages are still reported; if not, every page was in place before.
    pub watched: bool,
}

/// The VMM of that user which has the RAM file mapped under a userfaultfd. None: there is none (yet).
///
/// # Errors
/// There is one, but its descriptor cannot be taken.
pub fn find(ram_file: &Path, uid: u32) -> io::Result<Option<Found>> {
    let Ok(ram) = fs::metadata(ram_file) else {
        return Ok(None);
    };
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        if entry.metadata().is_ok_and(|process| process.uid() == uid)
            && let Some((base, watched)) = mapping(pid, ram.ino(), ram_file)
            && let Some(number) = userfaultfd_of(pid)
        {
            let fd = duplicate(pid, number)?;
            return Ok(Some(Found {
                pid,
                fd,
                base,
                watched,
            }));
        }
    }
    Ok(None)
}

/// Where the process has the file mapped shared from its start on, and whether the kernel reports missing pages there
/// (`um` in the flags of smaps).
fn mapping(pid: i32, inode: u64, path: &Path) -> Option<(u64, bool)> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    // `start-end rights offset device inode path`
    let is_ram = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        words.len() == 6
            && words[1].ends_with('s')
            && words[4] == inode.to_string()
            && Path::new(words[5]) == path
    };
    let start = |line: &str| u64::from_str_radix(line.split('-').next()?, 16).ok();
    let base = maps
        .lines()
        .filter(|line| is_ram(line))
        .filter_map(start)
        .min()?;
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).ok()?;
    let mut inside = false;
    let watched = smaps.lines().any(|line| {
        if line.contains('-') && start(line).is_some() {
            inside = is_ram(line);
        }
        inside
            && line
                .strip_prefix("VmFlags:")
                .is_some_and(|flags| flags.split_ascii_whitespace().any(|flag| flag == "um"))
    });
    Some((base, watched))
}

fn userfaultfd_of(pid: i32) -> Option<i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    entries.flatten().find_map(|entry| {
        let link = fs::read_link(entry.path()).ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        (link.as_os_str() == "anon_inode:[userfaultfd]").then_some(number)
    })
}

fn duplicate(pid: i32, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: two system calls on numbers; each answers a descriptor of ours or -1, which `check` takes out.
    unsafe {
        let process =
            OwnedFd::from_raw_fd(check(libc::syscall(libc::SYS_pidfd_open, pid, 0))? as i32);
        let got = libc::syscall(
            libc::SYS_pidfd_getfd,
            std::os::fd::AsRawFd::as_raw_fd(&process),
            number,
            0,
        );
        Ok(OwnedFd::from_raw_fd(check(got)? as i32))
    }
}
