//! Pages that travel packed: the same on the other side, over whatever links, and on fewer bytes.

use std::time::Duration;

use serde_json::{Value, json};
use shoal_pages::frame::{Frame, Lane};
use shoal_pages::packed::unpack;
use shoal_pages::session::Session;

use crate::hostile_target::{PAGES, Scene};
use crate::restarts::again;
use crate::support::pair::{Pair, Wants};
use crate::support::peer::{Sink, hello};
use crate::support::proxy::BULK;
use crate::support::ram::{self, Is};
use crate::support::until;

/// Texts, noise, zeros and holes, in runs of all lengths.
fn mixed(page: u64) -> Is {
    match (ram::usual(page), page / 32 % 3) {
        (Is::Data, 0 | 1) => Is::Text,
        (is, _) => is,
    }
}

fn text(_: u64) -> Is {
    Is::Text
}

fn moving(is: fn(u64) -> Is, keys: Value) -> Pair {
    Pair::start(&Wants {
        is,
        keys,
        proxy: true,
        ..Wants::default()
    })
}

/// What was packed is the same on both sides, and so much of it was saved that it is worth it.
fn assert_packed(pair: &mut Pair) {
    let mut of = |key| (pair.serve.stat(key), pair.fetch.stat(key));
    let (from, to) = (of("packedFromBytes"), of("packedBytes"));
    assert!(from.1 > 1 << 16, "{from:?}");
    assert!(to.1 < from.1 * 6 / 10, "{to:?} of {from:?}");
    // What was on its way when a link was cut was sent for nothing.
    assert!(from.0 >= from.1 && to.0 >= to.1, "{from:?} {to:?}");
    assert!(of("packedExtents").1 > 0);
}

#[test]
fn memory_that_travels_packed_is_the_same_and_costs_fewer_bytes() {
    // The least window that there is, and one that adapts: credit that got lost would stop either.
    for window in [4096, 0] {
        let mut pair = moving(
            mixed,
            json!({ "compression": "on", "bulkWindowBytes": window }),
        );
        pair.freeze();
        pair.arrived();
        assert_packed(&mut pair);
        let (data, wire) = (pair.fetch.stat("dataBytes"), pair.fetch.stat("wireBytes"));
        assert!(wire < data * 9 / 10, "{wire} bytes for {data}");
    }
}

#[test]
fn what_does_not_pack_goes_as_it_is() {
    for compression in ["on", "auto"] {
        let mut pair = moving(ram::usual, json!({ "compression": compression }));
        pair.freeze();
        pair.arrived();
        assert_eq!(pair.serve.stat("packedExtents"), 0, "{compression}");
    }
}

#[test]
fn on_a_slow_link_pages_that_pack_are_packed_by_themselves() {
    let mut pair = moving(
        text,
        json!({ "bulkBytesPerSecond": 4 << 20, "bulkWindowBytes": 0 }),
    );
    pair.freeze();
    pair.arrived();
    assert_packed(&mut pair);
    assert_eq!(pair.serve.stat("dataBytes"), PAGES_OF_A_PAIR * 4096);
}

/// `Wants::default().pages`
const PAGES_OF_A_PAIR: u64 = 4096;

#[test]
fn packed_pages_survive_cuts_of_the_link_under_faults() {
    let mut pair = moving(
        mixed,
        json!({ "compression": "on", "bulkBytesPerSecond": 4 << 20 }),
    );
    pair.proxy().cut_after(BULK, 300_000);
    pair.freeze();
    let pages: Vec<u64> = (0..200).map(|n| n * 1009 % 4096).collect();
    for (n, page) in pages.iter().enumerate() {
        pair.vmm.tell(&format!("read {page}"));
        if n % 20 == 19 {
            pair.proxy().cut();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    for page in pages {
        let right = pair.right(page, mixed);
        assert_eq!(pair.vmm.answer(&format!("read {page}")), right, "{page}");
    }
    pair.arrived();
    assert_packed(&mut pair);
    assert!(pair.serve.stat("reconnects") > 2);
    assert_eq!(pair.serve.errors("peer"), Vec::<Value>::new());
}

#[test]
fn packed_pages_survive_the_death_of_either_page_server() {
    let mut pair = moving(
        mixed,
        json!({ "compression": "on", "bulkBytesPerSecond": 4 << 20 }),
    );
    let port = pair.fetch.event("listening")["port"]
        .as_u64()
        .map(|port| port as u16);
    pair.freeze();
    until("packed pages come", || {
        pair.fetch.stat("packedExtents") > 10
    });
    pair.vmm.ask("write 7 9");
    let written = pair.vmm.read(7);
    pair.fetch_process.kill();
    pair.vmm.tell("read 2700");
    (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", port);
    until("more come", || pair.fetch.stat("packedExtents") > 10);
    pair.serve_process.kill();
    (pair.serve_process, pair.serve) = again(&pair.source, "serve", None);
    pair.serve.peer(true);
    pair.freeze();
    assert_eq!(pair.vmm.answer("read 2700"), pair.right(2700, mixed));
    pair.fetch.event("complete");
    assert!(pair.serve.stat("packedExtents") > 0);
    assert_eq!(pair.vmm.read(7), written, "what the guest wrote stays");
    for page in (0..4096).filter(|&page| page != 7) {
        assert_eq!(pair.vmm.read(page), pair.right(page, mixed), "page {page}");
    }
}

#[test]
fn a_target_of_another_version_that_takes_no_packed_pages_is_sent_none() {
    let mut scene = Scene::start(&json!({ "compression": "on", "order": "sequential" }));
    let older = |session: &Session, lane: Lane, attempt: u32| match hello(session, lane, attempt) {
        Frame::Hello(said) => Frame::Hello(shoal_pages::frame::Hello {
            features: 0,
            ..said
        }),
        other => other,
    };
    let mut link = Sink::answered(&scene.target.path, &scene.listener, older);
    link.bulk.send(&Frame::Resume { complete: false });
    scene.control.ask("freeze");
    let mut plain = 0;
    while plain < 32 {
        match link.bulk.next().expect("the source goes on") {
            Frame::Extent { data, .. } => plain += data.len() / ram::PAGE,
            Frame::Packed { .. } => panic!("packed pages for a target that takes none"),
            _ => {}
        }
    }
    assert_eq!(scene.control.stat("packedExtents"), 0);
}

#[test]
fn credit_counts_what_travels_and_no_more_is_sent_than_was_granted() {
    let window = 65_536;
    let mut scene = Scene::of(
        &json!({ "compression": "on", "order": "sequential", "bulkWindowBytes": window }),
        text,
    );
    let mut link = scene.link();
    scene.control.ask("freeze");
    let (mut granted, mut travelled, mut pages) = (window, 0, 0u64);
    let mut owed = vec![];
    while pages < PAGES {
        let (first, count, block) = match link.bulk.next().expect("the source goes on") {
            Frame::Packed {
                first,
                count,
                block,
            } => (first, count, block),
            Frame::Map { .. } | Frame::MapEnd { .. } => continue,
            other => panic!("{other:?}: all of it packs"),
        };
        let mut out = vec![0; count as usize * ram::PAGE];
        assert!(unpack(block, &mut out));
        assert_eq!(out[..ram::PAGE], ram::bytes(first, Is::Text)[..]);
        pages += u64::from(count);
        travelled += block.len() as u64;
        assert!(travelled <= granted, "{travelled} of {granted}");
        owed.push(block.len() as u32);
        // With less than half a window left it may send nothing before more is granted, and has the time to do it nevertheless.
        if granted - travelled < window / 2 {
            std::thread::sleep(Duration::from_millis(20));
            let sent = scene.control.stat("packedBytes");
            assert!(sent <= granted, "{sent} sent of {granted}");
            for bytes in owed.drain(..) {
                granted += u64::from(bytes);
                link.bulk.send(&Frame::Unpacked {
                    bytes,
                    nanoseconds: u32::MAX,
                });
            }
        }
    }
    // It counts what it has sent, so that the last block may be here first.
    until("it counts the last one", || {
        scene.control.stat("packedBytes") >= travelled
    });
    assert_eq!(scene.control.stat("packedBytes"), travelled);
}
