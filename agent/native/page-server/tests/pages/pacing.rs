//! How much is sent, and when.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::json;
use shoal_pages::frame::Frame;

use crate::hostile_target::{PAGES, Scene};
use crate::support::pair::{Pair, Wants};
use crate::support::peer::Peer;
use crate::support::ram::{Is, PAGE};
use crate::support::{ram, until};

/// Bytes of extents and zero pages among the next frames, until so many pages are accounted for.
fn take(bulk: &mut Peer, pages: u64) -> (u64, u64) {
    let (mut bytes, mut zeros) = (0, 0);
    while bytes / PAGE as u64 + zeros < pages {
        match bulk.next().expect("the source goes on") {
            Frame::Extent { data, .. } => bytes += data.len() as u64,
            Frame::Zeros { count, .. } => zeros += u64::from(count),
            Frame::Map { .. } | Frame::MapEnd { .. } => {}
            other => panic!("{other:?} among pages"),
        }
    }
    (bytes, zeros)
}

#[test]
fn no_more_is_sent_than_the_target_granted() {
    let window = 65_536;
    let mut scene = Scene::start(&json!({ "bulkWindowBytes": window }));
    let mut link = scene.link();
    scene.control.ask("freeze");
    // A zero page costs none: what was set aside for it is left, a page, which is no whole extent (8 of them).
    let first = window - PAGE as u64;
    assert_eq!(take(&mut link.bulk, 16), (first, 1));
    std::thread::sleep(Duration::from_millis(300));
    let sent = scene.control.stat("dataBytes");
    assert_eq!(sent, first, "nothing without credit");
    link.bulk.send(&Frame::Credit {
        bytes: 3 * PAGE as u32,
    });
    std::thread::sleep(Duration::from_millis(300));
    let sent = scene.control.stat("dataBytes");
    assert_eq!(sent, first, "no piece of an extent");
    link.bulk.send(&Frame::Credit {
        bytes: 4 * PAGE as u32,
    });
    assert_eq!(take(&mut link.bulk, 8), (8 * PAGE as u64, 0));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(scene.control.stat("dataBytes"), first + 8 * PAGE as u64);
    link.bulk.send(&Frame::Credit { bytes: u32::MAX });
    let rest = take(&mut link.bulk, PAGES - 24);
    assert_eq!(rest, ((PAGES - 24 - 3) * PAGE as u64, 3));
}

#[test]
fn bulk_keeps_to_its_cap() {
    let (cap, slack) = (4 << 20, 1 << 20);
    let mut pair = Pair::start(&Wants {
        pages: 2048,
        is: |_| Is::Data,
        keys: json!({ "bulkBytesPerSecond": cap }),
        ..Wants::default()
    });
    let begun = Instant::now();
    pair.freeze();
    let mut done = 0;
    until("everything is sent", || {
        done = pair.serve.stat("dataBytes");
        let allowed = (begun.elapsed().as_secs_f64() * cap as f64) as u64 + slack;
        assert!(done <= allowed, "{done} bytes after {:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(50));
        done == 2048 * PAGE as u64
    });
    pair.arrived();
}

#[test]
fn a_quarter_of_a_second_of_the_cap_goes_at_once_and_no_more() {
    let cap = 65_536;
    let mut scene = Scene::start(&json!({ "bulkBytesPerSecond": cap }));
    let mut link = scene.link();
    scene.control.ask("freeze");
    for _ in 0..3 {
        let (sent, _) = take(&mut link.bulk, 1);
        assert!(sent <= cap / 4, "{sent} bytes at once");
    }
}

#[test]
fn pages_that_are_waited_for_count_in_the_cap_of_bulk() {
    let (cap, slack) = (2 << 20, 640 << 10);
    let mut pair = Pair::start(&Wants {
        pages: 1536,
        is: |_| Is::Data,
        keys: json!({ "bulkBytesPerSecond": cap, "order": "sequential" }),
        ..Wants::default()
    });
    let begun = Instant::now();
    pair.freeze();
    let mut page = 1535;
    until("everything is sent", || {
        // Half the cap, about, is asked for.
        for _ in 0..8 {
            pair.vmm.read(page);
            page = page.saturating_sub(1).max(800);
            std::thread::sleep(Duration::from_millis(3));
        }
        let sent = pair.serve.stat("dataBytes");
        let allowed = (begun.elapsed().as_secs_f64() * cap as f64) as u64 + slack;
        assert!(sent <= allowed, "{sent} bytes after {:?}", begun.elapsed());
        sent >= 1536 * PAGE as u64
    });
    assert!(pair.serve.stat("urgentBytes") > 1 << 18);
    pair.arrived();
}

#[test]
fn a_cap_of_bulk_holds_up_neither_the_stream_nor_the_end_of_a_link() {
    // A page, which is the least that goes at once, is four seconds of it.
    let mut scene = Scene::start(&json!({ "bulkBytesPerSecond": 1024 }));
    let mut link = scene.link();
    scene.control.ask("freeze");
    while take(&mut link.bulk, 1).0 == 0 {}
    let begun = Instant::now();
    let mut vmm = UnixStream::connect(scene.source.at("stream.sock")).expect("it listens");
    vmm.write_all(b"devices").expect("it reads");
    assert!(matches!(link.bulk.next(), Ok(Frame::Stream(b"devices"))));
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    drop(link);
    let mut again = scene.link();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    again.urgent.send(&Frame::Fault { page: 200 });
    match again.urgent.next() {
        Ok(Frame::Page { page: 200, data }) => assert_eq!(data, ram::page(200)),
        other => panic!("{other:?} for a fault"),
    }
}

/// The time to come may come while somebody looks at the clock: credits here come about when the next extent may go.
#[test]
fn a_capped_move_comes_to_its_end_however_its_credits_and_its_cap_meet() {
    for cap_mib in (24..=80).step_by(8) {
        let mut pair = Pair::start(&Wants {
            pages: 4096,
            is: |_| Is::Data,
            keys: json!({ "bulkBytesPerSecond": cap_mib << 20, "bulkWindowBytes": PAGE }),
            ..Wants::default()
        });
        pair.freeze();
        pair.arrived();
    }
}
