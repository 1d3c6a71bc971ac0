//! Links that are lost: the guest waits, nothing else happens to it.

use std::time::Duration;

use serde_json::json;

use crate::support::pair::{Pair, Wants};
use crate::support::proxy::{BULK, TO_SOURCE, TO_TARGET, URGENT};
use crate::support::ram::{self, Is};
use crate::support::until;

fn through_a_proxy(bytes_per_second: u64) -> Pair {
    Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": bytes_per_second }),
        proxy: true,
        ..Wants::default()
    })
}

#[test]
fn a_link_that_is_cut_in_the_middle_of_bulk_resumes() {
    let mut pair = through_a_proxy(0);
    pair.proxy().cut_after(BULK, 3 << 20);
    pair.freeze();
    pair.arrived();
    assert_eq!(pair.serve.stat("reconnects"), 1);
    let sent = pair.serve.stat("dataBytes");
    let data = pair.fetch.stat("dataBytes");
    assert!(
        sent < data + (1 << 20),
        "what had arrived was not sent again: {sent} for {data}"
    );
}

#[test]
fn a_link_that_is_cut_in_the_middle_of_an_urgent_fault_resumes() {
    let mut pair = through_a_proxy(4 << 20);
    pair.freeze();
    until("the map is there", || pair.fetch.stat("dataPages") > 0);
    pair.proxy().hold(URGENT, true);
    let before = pair.proxy().sent(URGENT);
    pair.vmm.tell("read 2700");
    until("the page is on its way", || {
        pair.proxy().sent(URGENT) > before + 4096
    });
    assert_eq!(pair.vmm.answered("read 2700"), None);
    pair.proxy().cut();
    pair.proxy().hold(URGENT, false);
    assert_eq!(pair.vmm.answer("read 2700"), pair.right(2700, ram::usual));
    let done = pair.fetch.stat("pagesDone");
    assert!(done < 1500, "asked for again, not come by bulk: {done}");
    pair.arrived();
}

#[test]
fn a_link_that_is_cut_again_during_the_reconnect_resumes() {
    let mut pair = through_a_proxy(8 << 20);
    pair.freeze();
    until("bulk runs", || pair.fetch.stat("pagesDone") > 100);
    pair.proxy().refuse(true);
    pair.proxy().cut();
    pair.vmm.tell("read 2700");
    let tried = pair.proxy().attempts();
    until("it is tried again", || pair.proxy().attempts() > tried + 2);
    assert_eq!(pair.vmm.answered("read 2700"), None, "the guest waits");
    // In the handshake of either lane, then behind it.
    for (lane, bytes) in [(URGENT, 100), (BULK, 100), (URGENT, 600), (BULK, 1100)] {
        pair.proxy().cut_after(lane, bytes);
        pair.proxy().refuse(false);
        until("it is cut again", || pair.proxy().is_cut(lane));
    }
    assert_eq!(pair.vmm.answer("read 2700"), pair.right(2700, ram::usual));
    pair.arrived();
}

/// The record of a page is some bytes longer than the page.
const HALF_A_PAGE: u64 = 2000;

#[test]
fn a_link_that_is_cut_or_falls_silent_in_the_middle_of_an_urgent_page_resumes_and_the_guest_waits()
{
    // Below what a link may be silent for, and above it.
    for silent in [None, Some(0.1), Some(7.0)] {
        let mut pair = through_a_proxy(1 << 20);
        pair.freeze();
        until("the map is there", || pair.fetch.stat("dataPages") > 0);
        match silent {
            None => pair.proxy().cut_after(URGENT, HALF_A_PAGE),
            Some(_) => pair.proxy().mute_after(URGENT, HALF_A_PAGE),
        }
        pair.vmm.tell("read 2700");
        until("half the page has come", || match silent {
            None => pair.proxy().is_cut(URGENT),
            Some(_) => pair.proxy().is_mute(),
        });
        if let Some(seconds) = silent {
            std::thread::sleep(Duration::from_secs_f64(seconds));
            assert_eq!(pair.vmm.answered("read 2700"), None, "the guest waits");
            pair.proxy().unmute();
        }
        assert_eq!(pair.vmm.answer("read 2700"), pair.right(2700, ram::usual));
        let done = pair.fetch.stat("pagesDone");
        assert!(done < 2000, "it did not come by bulk: {done}");
        // A longer silence ends it by what the kernel of the proxy has no room for any more, which is its own matter.
        if silent != Some(7.0) {
            let lost = u64::from(silent.is_none());
            assert_eq!(pair.serve.stat("reconnects"), lost, "{silent:?} s");
        }
        pair.arrived();
    }
}

#[test]
fn a_link_that_is_cut_in_the_middle_of_the_list_of_installed_pages_resumes() {
    const PAGES: u64 = 1 << 16;
    /// Its bits alone.
    const LIST_BYTES: u64 = PAGES / 8;
    let mut pair = Pair::start(&Wants {
        pages: PAGES,
        is: |page| if page % 16 == 0 { Is::Data } else { Is::Hole },
        keys: json!({ "bulkBytesPerSecond": 4 << 20 }),
        proxy: true,
        ..Wants::default()
    });
    // Handshake and greeting, and that nothing is in place.
    let greeting = pair.proxy().sent_on(TO_SOURCE, BULK);
    pair.freeze();
    until("bulk runs", || pair.fetch.stat("pagesDone") > 500);
    pair.proxy().refuse(true);
    pair.proxy().cut();
    let middle = greeting + LIST_BYTES / 2;
    pair.proxy().cut_after_on(TO_SOURCE, BULK, middle);
    pair.proxy().refuse(false);
    until("it is cut", || pair.proxy().is_cut_on(TO_SOURCE, BULK));
    let linked = |line: &serde_json::Value| line["event"] == "peer" && line["up"] == true;
    assert_eq!(pair.serve.all(linked).len(), 1, "the list had not ended");
    pair.fetch.event("complete");
    pair.serve.event("complete");
    ram::assert_same(&pair.source_ram, &pair.target_ram);
    let (data, sent) = (pair.fetch.stat("dataBytes"), pair.serve.stat("dataBytes"));
    assert!(
        sent < data + (1 << 20),
        "what had arrived was not sent again: {sent} for {data}"
    );
}

#[test]
fn many_cuts_under_many_faults_lose_no_page() {
    let mut pair = through_a_proxy(4 << 20);
    pair.freeze();
    let pages: Vec<u64> = (0..300).map(|n| n * 1009 % 4096).collect();
    for (n, page) in pages.iter().enumerate() {
        pair.vmm.tell(&format!("read {page}"));
        if n % 12 == 0 {
            pair.proxy().cut();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    for page in pages {
        assert_eq!(
            pair.vmm.answer(&format!("read {page}")),
            pair.right(page, ram::usual),
            "page {page}"
        );
    }
    pair.arrived();
    assert!(pair.serve.stat("reconnects") > 3);
    assert_eq!(pair.serve.errors("peer"), Vec::<serde_json::Value>::new());
}

#[test]
fn bits_that_are_turned_on_the_way_cost_a_link_and_no_more() {
    for way in [TO_TARGET, TO_SOURCE] {
        let mut pair = through_a_proxy(4 << 20);
        pair.freeze();
        until("bulk runs", || pair.fetch.stat("pagesDone") > 100);
        pair.proxy().flip_bits(way);
        pair.arrived();
        let peers = [&pair.serve, &pair.fetch].map(|side| side.all(|line| line["event"] == "peer"));
        let told = pair.serve.errors("peer");
        assert!(told.is_empty(), "nobody's fault: {told:?} {peers:?}");
        assert_eq!(pair.serve.stat("reconnects"), 1, "way {way}: {peers:?}");
        assert!(pair.serve_process.is_alive());
    }
}

#[test]
fn a_link_that_is_lost_is_looked_for_again_at_once() {
    let mut pair = through_a_proxy(1 << 20);
    pair.freeze();
    let mut slowest = Duration::ZERO;
    for _ in 0..12 {
        let (before, begun) = (pair.fetch.stat("reconnects"), std::time::Instant::now());
        pair.proxy().cut();
        until("it is linked again", || {
            pair.fetch.stat("reconnects") > before
        });
        slowest = slowest.max(begun.elapsed());
        std::thread::sleep(Duration::from_millis(30));
    }
    assert!(slowest < Duration::from_millis(700), "{slowest:?}");
}
