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
/// There is one, but its descriptor cannot be taken; or it cannot be looked for.
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
            && let Some((base, watched)) = gone_is_none(mapping(pid, &ram))?
            && let Some(number) = gone_is_none(userfaultfd_of(pid))?
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

/// A process that ended meanwhile, or that others may not look into, is not the one.
fn gone_is_none<T>(found: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match found {
        Err(error)
            if error.raw_os_error() == Some(libc::ESRCH)
                || matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
        {
            Ok(None)
        }
        other => other,
    }
}

/// Where the process has the file mapped shared from its start on, and whether the kernel reports missing pages there
/// (`um` in the flags of smaps). Told by device and inode, like the preload does it: a path has other names (links), and is
/// written there with escapes.
fn mapping(pid: i32, ram: &fs::Metadata) -> io::Result<Option<(u64, bool)>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let (major, minor) = (libc::major(ram.dev()), libc::minor(ram.dev()));
    let (device, inode) = (format!("{major:02x}:{minor:02x}"), ram.ino().to_string());
    // `start-end rights offset device inode path`
    let is_ram = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        words.next().is_some_and(|rights| rights.ends_with('s'))
            && words.nth(1) == Some(&device)
            && words.next() == Some(&inode)
    };
    let start = |line: &str| u64::from_str_radix(line.split('-').next()?, 16).ok();
    let bases = maps.lines().filter(|line| is_ram(line)).filter_map(start);
    let Some(base) = bases.min() else {
        return Ok(None);
    };
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps"))?;
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
    Ok(Some((base, watched)))
}

fn userfaultfd_of(pid: i32) -> io::Result<Option<i32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))?;
    Ok(entries.flatten().find_map(|entry| {
        let link = fs::read_link(entry.path()).ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        (link.as_os_str() == "anon_inode:[userfaultfd]").then_some(number)
    }))
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
