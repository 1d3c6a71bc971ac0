//! A VMM as the page server sees one, for the tests, which start it under the preload: it maps its RAM file shared,
//! asks for huge pages like QEMU, and touches memory on command. One command a line on stdin, each in a thread of its
//! own, so that one that waits for a page holds up no other; answers on stdout as they come.

use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread;

const PAGE: usize = 4096;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = Path::new(&arguments[0]);
    let bytes: usize = arguments[1].parse().expect("RAM bytes");
    if let Some(room) = arguments.get(2) {
        own_tmpfs(path, room);
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("the RAM file opens");
    file.set_len(bytes as u64)
        .expect("the RAM file gets its size");
    let base = first_mapping(file.as_raw_fd(), bytes);
    // SAFETY: the range was mapped just now.
    let advised = unsafe { libc::madvise(base as *mut _, bytes, libc::MADV_HUGEPAGE) };
    say(&format!("mapped {advised}"));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let file = file.try_clone().expect("a descriptor");
        let path = path.to_owned();
        thread::spawn(move || {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<usize>().expect("a number");
            let answer = match words[0] {
                "read" => hash(base + number(1) * PAGE, PAGE),
                "sum" => hash(base, bytes),
                "write" => write(base + number(1) * PAGE, number(2) as u8),
                "over-and-over" => loop {
                    (number(1)..number(2)).for_each(|page| {
                        write(base + page * PAGE, number(3) as u8);
                    });
                },
                "again" => map(file.as_raw_fd(), bytes, libc::MAP_SHARED, 0) as u64,
                "private" => map(file.as_raw_fd(), bytes, libc::MAP_PRIVATE, 0) as u64,
                "unmap" => unmap(base, bytes),
                "fork" => fork_and_read(base + number(1) * PAGE),
                "exec" => descriptors_of_a_child(),
                "room" => room(&path, words[1], libc::MS_REMOUNT),
                "smaps" => u64::from(is_nohuge(base)),
                other => panic!("no command {other}"),
            };
            say(&format!("{line} {answer}"));
        });
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .expect("the test reads");
}

/// In one piece like QEMU, unless the test wants the pieces that a guest may see: both halves, or the upper one first.
fn first_mapping(fd: i32, bytes: usize) -> usize {
    let half = bytes / 2;
    let piece = |offset| map(fd, half, libc::MAP_SHARED, offset);
    match std::env::var("VMM_PIECES").as_deref() {
        Ok("lower-first") => [piece(0), piece(half)][0],
        Ok("upper-first") => [piece(half), piece(0)][1],
        _ => map(fd, bytes, libc::MAP_SHARED, 0),
    }
}

fn map(fd: i32, bytes: usize, kind: i32, offset: usize) -> usize {
    // SAFETY: a new mapping at an address that the kernel chooses.
    let at = unsafe {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let offset = offset as libc::off_t;
        libc::mmap(std::ptr::null_mut(), bytes, rights, kind, fd, offset)
    };
    assert_ne!(at, libc::MAP_FAILED);
    at as usize
}

fn unmap(base: usize, bytes: usize) -> u64 {
    // SAFETY: the test touches none of it afterwards.
    unsafe { libc::munmap(base as *mut _, bytes) as u64 }
}

/// What became of a child that reads there: the signal that ended it, or 0.
fn fork_and_read(at: usize) -> u64 {
    let mut status = 0;
    // SAFETY: the child reads one byte, of this mapping or of none, and ends without a word to anything it shares.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            std::ptr::read_volatile(at as *const u8);
            libc::_exit(0);
        }
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
    }
    if libc::WIFSIGNALED(status) {
        libc::WTERMSIG(status) as u64
    } else {
        0
    }
}

/// How many userfaultfds a program has that this one starts.
fn descriptors_of_a_child() -> u64 {
    let mut list = std::process::Command::new("/bin/ls");
    let output = list
        .args(["-l", "/proc/self/fd"])
        .output()
        .expect("ls runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.matches("userfaultfd").count() as u64
}

/// FNV-1a of memory that other threads may be writing, which makes the sum any of the possible ones.
fn hash(start: usize, bytes: usize) -> u64 {
    (start..start + bytes).fold(0xcbf2_9ce4_8422_2325, |sum, at| {
        // SAFETY: within the mapping, which lives as long as the process.
        let byte = unsafe { std::ptr::read_volatile(at as *const u8) };
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn write(start: usize, value: u8) -> u64 {
    for at in start..start + PAGE {
        // SAFETY: within the mapping, which lives as long as the process.
        unsafe { std::ptr::write_volatile(at as *mut u8, value) };
    }
    0
}

/// Puts a tmpfs of its own, seen by this process only and gone with it, under the RAM file.
fn own_tmpfs(path: &Path, size: &str) {
    // SAFETY: changes the mount namespace of this process, which has one thread yet.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0, "unshare");
    mount(None, Path::new("/"), "", libc::MS_REC | libc::MS_PRIVATE);
    room(path, size, 0);
}

fn room(path: &Path, size: &str, flags: u64) -> u64 {
    let dir = path.parent().expect("the RAM file lies in a directory");
    mount(Some("tmpfs"), dir, &format!("size={size}"), flags);
    0
}

fn mount(kind: Option<&str>, at: &Path, options: &str, flags: u64) {
    let text = |text: &str| std::ffi::CString::new(text).expect("no zero byte");
    let (kind, at) = (text(kind.unwrap_or("none")), text(&at.to_string_lossy()));
    let options = text(options);
    // SAFETY: every pointer is a string that lives through the call.
    let result = unsafe {
        libc::mount(
            kind.as_ptr(),
            at.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        )
    };
    assert_eq!(result, 0, "mount: {}", std::io::Error::last_os_error());
}

/// Whether the mapping refuses huge pages (`nh` in `VmFlags`, proc_pid_smaps(5)).
fn is_nohuge(base: usize) -> bool {
    let smaps = std::fs::read_to_string("/proc/self/smaps").expect("smaps");
    let own = smaps
        .split(&format!("{base:x}-"))
        .nth(1)
        .expect("own mapping");
    let flags = own.lines().find(|line| line.starts_with("VmFlags"));
    flags.is_some_and(|flags| flags.split(' ').any(|flag| flag == "nh"))
}
