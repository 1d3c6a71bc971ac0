//! The process itself: page size, CPU used, priority of the threads on the fault path.

/// Size of a page on this machine, bytes.
pub fn page_bytes() -> u64 {
    // SAFETY: sysconf has no memory effects; the page size is always known.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

/// User + system CPU time of this process so far, milliseconds.
pub fn cpu_ms() -> u64 {
    // SAFETY: rusage is plain data, zero is a valid value, and getrusage fills the one it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let ms = |time: libc::timeval| time.tv_sec as u64 * 1000 + time.tv_usec as u64 / 1000;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

/// Lets the calling thread go before busy neighbours: a fault is a few microseconds of work that a guest waits for.
/// Without the right to do so nothing changes.
pub fn prefer_this_thread() {
    // SAFETY: acts on the calling thread only (0), touches no memory.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, -15);
    }
}

/// Effective user of this process.
pub fn uid() -> u32 {
    // SAFETY: cannot fail, touches no memory.
    unsafe { libc::geteuid() }
}

/// New files and sockets are for the owner only.
pub fn private_umask() {
    // SAFETY: cannot fail, touches no memory.
    unsafe {
        libc::umask(0o077);
    }
}
