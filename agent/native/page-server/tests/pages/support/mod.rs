//! Real parts for the tests: processes, RAM files on tmpfs, a VMM under the preload, a proxy, and peers that misbehave.

pub mod control;
pub mod dir;
pub mod pair;
pub mod peer;
pub mod process;
pub mod proxy;
pub mod ram;
pub mod sanitized;
pub mod session;
pub mod vmm;

use std::time::{Duration, Instant};

/// On a busy machine everything takes longer; what takes longer than this hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must become true; `what` says so when it does not.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
