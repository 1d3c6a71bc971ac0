//! Which edges of the code were taken, for `npm run fuzz -- --native`: LLVM's SanitizerCoverage (inline 8-bit counters), which
//! a stable compiler can put in. Every part of the program reports the same array of counters before `main`.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Called by the constructors that the compiler makes.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    START.store(start, Ordering::Relaxed);
    BYTES.store(end as usize - start as usize, Ordering::Relaxed);
}

/// Takes every counter that is not zero and zeroes it.
pub fn take(mut edge: impl FnMut(usize, u8)) {
    let start = START.load(Ordering::Relaxed);
    for at in 0..BYTES.load(Ordering::Relaxed) {
        // SAFETY: within the array that the compiler reported, which lives as long as the program; other threads may count
        // in it meanwhile, and no more than a count is lost.
        let count = unsafe { start.add(at).replace(0) };
        if count > 0 {
            edge(at, count);
        }
    }
}
