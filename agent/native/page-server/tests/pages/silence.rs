//! Links that go silent: no byte gets through, and neither side is told. A network of the test's own, whose only
//! interface is taken down and up again.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::pair::{Pair, Wants};
use crate::support::{ram, until};

/// Everything that this thread starts from now on has this network.
fn own_network() {
    // SAFETY: a system call without memory effects; it changes this thread only.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0, "unshare");
    link(true);
}

/// In the network of the calling thread.
fn link(up: bool) {
    let word = if up { "up" } else { "down" };
    let status = Command::new("ip")
        .args(["link", "set", "lo", word])
        .status();
    assert!(status.expect("iproute2 is there").success(), "lo {word}");
}

fn slow() -> Pair {
    Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": 4 << 20 }),
        ..Wants::default()
    })
}

/// Seconds: below what a link may be silent for, and above it and every pause between two attempts. Longer ones by hand.
fn lengths() -> Vec<f64> {
    match std::env::var("SHOAL_SILENCE_SECONDS") {
        Ok(text) => vec![text.parse().expect("SHOAL_SILENCE_SECONDS is a number")],
        Err(_) => vec![0.1, 7.0],
    }
}

#[test]
fn a_link_that_is_silent_during_bulk_and_a_fault_for_a_moment_or_long_resumes_and_the_guest_waits()
{
    own_network();
    for seconds in lengths() {
        let mut pair = slow();
        pair.freeze();
        until("pages come", || pair.fetch.stat("pagesDone") > 50);
        link(false);
        pair.vmm.tell("read 3800");
        std::thread::sleep(Duration::from_secs_f64(seconds));
        assert_eq!(pair.vmm.answered("read 3800"), None, "the guest waits");
        link(true);
        let begun = Instant::now();
        let right = pair.right(3800, ram::usual);
        assert_eq!(pair.vmm.answer("read 3800"), right, "{seconds} s");
        println!("silent for {seconds} s: served after {:?}", begun.elapsed());
        pair.arrived();
    }
}

#[test]
fn a_link_that_falls_silent_again_while_it_is_made_anew_resumes() {
    own_network();
    let mut pair = slow();
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 50);
    pair.vmm.tell("read 2700");
    link(false);
    std::thread::sleep(Duration::from_millis(5500)); // both sides have given the first one up
    // Into the handshake, the greeting, the list of installed pages, and a little further each time.
    for ms in [3, 9, 27, 60] {
        link(true);
        std::thread::sleep(Duration::from_millis(ms));
        link(false);
        std::thread::sleep(Duration::from_millis(150));
        pair.vmm.tell(&format!("read {}", 2702 + ms));
    }
    link(true);
    for page in [2700, 2705, 2711, 2729, 2762] {
        let right = pair.right(page, ram::usual);
        assert_eq!(
            pair.vmm.answer(&format!("read {page}")),
            right,
            "page {page}"
        );
    }
    pair.arrived();
}
