//! Page servers that are killed at any moment, one or both: what the guest reads then, or waits for, is right, page by page.

use std::time::Duration;

use serde_json::json;

use crate::restarts::{again, port_of};
use crate::support::pair::{Pair, Wants};
use crate::support::{ram, until};

const PAGES: u64 = 2048;
/// Pages that the guest writes over meanwhile, all of them data at the source: an older one must never come back.
const WRITTEN: [u64; 4] = [0, 700, 1100, 1600];

/// Xorshift: which moments a seed stands for stays what it is.
struct Moments(u64);

impl Moments {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// More of them by hand (`SHOAL_KILL_SEEDS=100`).
fn seeds(first: u64) -> std::ops::Range<u64> {
    let count = std::env::var("SHOAL_KILL_SEEDS").map_or(6, |text| {
        text.parse().expect("SHOAL_KILL_SEEDS is a number")
    });
    first..first + count
}

/// Who dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Source,
    Target,
    Both,
}

/// Freezes the source, and lets it give memory back if that is what is tested.
fn freeze(pair: &mut Pair, releases: bool) {
    pair.freeze();
    if releases {
        pair.fetch.ask("resumed");
        assert_eq!(pair.serve.ask("release")["ok"], true);
    }
}

fn kill_and_restart(pair: &mut Pair, who: Who, port: u16, pause: Duration, releases: bool) {
    if who != Who::Source {
        pair.fetch_process.kill();
    }
    if who != Who::Target {
        pair.serve_process.kill();
    }
    // Both sides may be dead for a while: the preload in the VMM alone has the descriptor.
    std::thread::sleep(pause);
    if who != Who::Source {
        (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", Some(port));
    }
    if who != Who::Target {
        (pair.serve_process, pair.serve) = again(&pair.source, "serve", None);
        freeze(pair, releases);
    }
}

fn survives(seed: u64, who: impl Fn(&mut Moments) -> Who, releases: bool) {
    // A block of 2 MiB must have come before any memory is given back.
    let (rate, most_ms) = if releases {
        (5 << 20, 450)
    } else {
        (8 << 20, 60)
    };
    let mut moments = Moments(0x9e37_79b9_7f4a_7c15 ^ (seed + 1));
    let mut pair = Pair::start(&Wants {
        pages: PAGES,
        keys: json!({ "bulkBytesPerSecond": rate }),
        ..Wants::default()
    });
    let mut right = std::fs::read(&pair.source_ram).expect("a RAM file");
    let port = port_of(&pair);
    freeze(&mut pair, releases);
    let mut asked = vec![];
    for round in 0..3 {
        for _ in 0..moments.below(12) {
            let page = moments.below(PAGES);
            if !WRITTEN.contains(&page) {
                pair.vmm.tell(&format!("read {page}"));
                asked.push(page);
            }
        }
        if let Some(page) = WRITTEN.get(round) {
            pair.vmm.tell(&format!("write {page} 119"));
        }
        std::thread::sleep(Duration::from_millis(moments.below(most_ms)));
        let (who, pause) = (who(&mut moments), moments.below(40));
        kill_and_restart(&mut pair, who, port, Duration::from_millis(pause), releases);
    }
    pair.vmm.ask(&format!("write {} 119", WRITTEN[3]));
    for page in asked {
        let (read, right) = (
            pair.vmm.answer(&format!("read {page}")),
            pair.right(page, ram::usual),
        );
        assert_eq!(read, right, "seed {seed}: page {page} as the guest read it");
    }
    pair.fetch.event("complete");
    pair.serve.event("complete");
    for page in WRITTEN {
        pair.vmm.answer(&format!("write {page} 119"));
    }
    for page in WRITTEN.map(|page| page as usize * ram::PAGE) {
        right[page..page + ram::PAGE].fill(119);
    }
    ram::assert_is(&right, &pair.target_ram, &format!("seed {seed}"));
    assert_eq!(pair.vmm.ask("sum"), ram::hash(&right), "seed {seed}");
}

#[test]
fn a_page_server_of_the_target_that_is_killed_at_any_moment_leaves_the_memory_identical() {
    seeds(0).for_each(|seed| survives(seed, |_| Who::Target, false));
}

#[test]
fn a_page_server_of_the_source_that_is_killed_at_any_moment_leaves_the_memory_identical() {
    seeds(10_000).for_each(|seed| survives(seed, |_| Who::Source, false));
}

#[test]
fn page_servers_that_are_killed_both_at_once_or_in_turns_leave_the_memory_identical() {
    seeds(20_000).for_each(|seed| survives(seed, any, false));
}

fn any(moments: &mut Moments) -> Who {
    match moments.below(4) {
        0 => Who::Source,
        1 => Who::Target,
        _ => Who::Both,
    }
}

#[test]
fn page_servers_that_are_killed_while_source_memory_is_given_back_leave_the_memory_identical() {
    seeds(30_000).for_each(|seed| survives(seed, any, true));
}

#[test]
fn a_guest_whose_page_servers_are_both_dead_waits_for_each_missing_page_and_reads_no_zero() {
    let mut pair = Pair::start(&Wants {
        pages: PAGES,
        keys: json!({ "bulkBytesPerSecond": 1 << 20 }),
        ..Wants::default()
    });
    let port = port_of(&pair);
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 50);
    pair.serve_process.kill();
    pair.fetch_process.kill();
    let missing: Vec<u64> = (1100..1500).step_by(40).collect();
    for page in &missing {
        pair.vmm.tell(&format!("read {page}"));
    }
    std::thread::sleep(Duration::from_millis(700));
    for page in &missing {
        assert_eq!(
            pair.vmm.answered(&format!("read {page}")),
            None,
            "page {page}"
        );
    }
    kill_and_restart(&mut pair, Who::Both, port, Duration::ZERO, false);
    for page in &missing {
        let right = pair.right(*page, ram::usual);
        assert_eq!(
            pair.vmm.answer(&format!("read {page}")),
            right,
            "page {page}"
        );
    }
    pair.arrived();
}
