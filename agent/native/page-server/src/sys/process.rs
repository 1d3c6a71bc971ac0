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

/// The least that the kernel takes. It is no limit, only what the scheduler goes by when the thread wakes: with the usual
/// slice of some milliseconds whoever runs is let run to the next tick first, 4 ms with HZ=250.
const SLICE_NS: u64 = 100_000;

/// sched_setattr(2), first version.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// Of a thread, against others that want its core. Its value is how nice it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// A fault is a few microseconds of work that a guest waits for.
    First = -15,
    /// A guest that wants the core as well gets three quarters of it: memory that nobody waits for can come a little later. With
    /// less than the other quarter a link of 1 Gbit/s would not be filled beside a guest that always wants the core, and the VM
    /// would depend on both nodes for longer.
    Behind = 5,
}

/// The calling thread has this rank from now on, and runs at once when it is its turn. What the process has no right to (who may
/// not go first cannot come back from behind either), or the kernel does not know (slices: Linux 6.12, sched-eevdf.rst), changes
/// nothing.
pub fn take_rank(rank: Rank) {
    let nice = rank as i32;
    // SAFETY: all three act on the calling thread only (0); `attr` is live and says its own size, and nothing else is touched.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, nice);
        let attr = SchedAttr {
            size: size_of::<SchedAttr>() as u32,
            policy: libc::SCHED_OTHER as u32,
            flags: 0,
            nice: libc::getpriority(libc::PRIO_PROCESS, 0),
            priority: 0,
            runtime: SLICE_NS,
            deadline: 0,
            period: 0,
        };
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0);
    }
}

/// More than what is under way at a time, and little beside what a VM takes.
const KEPT_BYTES: libc::c_int = 4 << 20;

/// What is freed stays with the process, up to so much. By default (mallopt(3)) all above 128 KiB goes back to the kernel with
/// each extent that is out, and for the next one every page of it faults and is zeroed again.
pub fn keep_freed_memory() {
    // SAFETY: sets a number of the allocator, before other threads run; a refusal leaves the default.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_the_fault_path_asks_for_the_shortest_slice_and_others_keep_theirs() {
        let slice = || {
            let mut attr = [0u64; size_of::<SchedAttr>() / 8];
            // SAFETY: `attr` is as large as is said, and only that is written.
            let result = unsafe {
                let bytes = size_of_val(&attr) as u32;
                libc::syscall(libc::SYS_sched_getattr, 0, attr.as_mut_ptr(), bytes, 0)
            };
            assert_eq!(result, 0);
            attr[3] // the runtime; 0 before Linux 6.12, which knows no slices
        };
        let usual = slice();
        let preferred = std::thread::spawn(move || {
            take_rank(Rank::First);
            slice()
        });
        let preferred = preferred.join().expect("it does not panic");
        assert_eq!(preferred, if usual == 0 { 0 } else { SLICE_NS });
        assert_eq!(slice(), usual);
    }
}
