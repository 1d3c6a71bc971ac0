//! Engine `warm`: what goes ahead of the switch travels packed where that pays, and is the same on the other side.

use serde_json::{Value, json};
use shoal_pages::frame::{Frame, Lane, PACKED};
use shoal_pages::session::Session;

use crate::hostile_target::{self, refused_for_its_credit};
use crate::support::peer::{Sink, hello};
use crate::support::proxy::BULK;
use crate::support::ram::{self, Is};
use crate::support::until;
use crate::support::vmm::Vmm;
use crate::warm::Scene;
use crate::watching::can_track;

fn text(_: u64) -> Is {
    Is::Text
}

/// Texts and noise in runs, with zeros and holes among them.
fn mixed(page: u64) -> Is {
    match (ram::usual(page), page / 32 % 3) {
        (Is::Data, 0 | 1) => Is::Text,
        (is, _) => is,
    }
}

const ALL: u64 = 4096 * ram::PAGE as u64;

/// As it goes ahead, and then switched.
fn moved(keys: Value) -> Scene {
    let mut scene = Scene::of(text, keys);
    assert_eq!(scene.warmed()["duePages"], 0);
    assert_eq!(scene.pair.serve.stat("dataBytes"), ALL);
    scene.switch();
    scene.pair.arrived();
    for key in ["packedExtents", "packedFromBytes", "packedBytes"] {
        let (sent, taken) = (scene.pair.serve.stat(key), scene.pair.fetch.stat(key));
        assert!(sent > 0 && sent == taken, "{key}: {sent} and {taken}");
    }
    scene
}

#[test]
fn a_guest_whose_memory_packs_goes_ahead_on_clearly_fewer_bytes_and_is_the_same() {
    if !can_track() {
        return;
    }
    let mut scene = moved(json!({ "compression": "on" }));
    let ahead = scene.pair.serve.stat("aheadBytes");
    assert!(ahead < ALL * 7 / 10, "{ahead} of {ALL}");
    assert_eq!(scene.pair.serve.stat("bulkBytes"), ahead);
    let wire = scene.pair.fetch.stat("wireBytes");
    assert!(wire < ALL * 7 / 10, "{wire} bytes for {ALL}");
}

#[test]
fn on_a_slow_link_pages_go_ahead_packed_by_themselves() {
    if !can_track() {
        return;
    }
    let mut scene = moved(json!({ "bulkBytesPerSecond": 4 << 20, "bulkWindowBytes": 0 }));
    let mut of = |key| scene.pair.serve.stat(key);
    let (from, to) = (of("packedFromBytes"), of("packedBytes"));
    // All but what the link is measured with. What is packed comes down to what texts do, and all else travels as it is.
    assert!(from > ALL * 7 / 8, "{from} of {ALL} packed");
    assert!(to < from * 6 / 10, "{to} for {from}");
    assert_eq!(of("aheadBytes"), ALL - from + to);
}

#[test]
fn without_compression_nothing_that_goes_ahead_is_packed() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::of(text, json!({ "compression": "off" }));
    scene.warmed();
    assert_eq!(scene.pair.serve.stat("aheadBytes"), ALL);
    scene.switch();
    scene.pair.arrived();
    assert_eq!(scene.pair.fetch.stat("packedExtents"), 0);
}

#[test]
fn packed_pages_of_a_guest_that_writes_survive_cuts_of_the_link() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::of(
        mixed,
        json!({ "compression": "on", "bulkBytesPerSecond": 8 << 20 }),
    );
    scene.writes(100, 400, 5);
    scene.pair.serve.ask("warm");
    for after in [300_000, 1 << 20] {
        scene.pair.proxy().cut_after(BULK, after);
        until("the link is cut", || scene.pair.proxy().is_cut(BULK));
    }
    scene.guest.ask("write 3000 9");
    scene.pair.serve.event("warmed");
    scene.switch();
    scene.pair.arrived();
    assert!(scene.pair.serve.stat("packedExtents") > 0);
}

/// A real source whose guest runs, and a target that the test plays.
fn told_to_go_ahead(
    answer: fn(&Session, Lane, u32) -> Frame<'static>,
) -> (hostile_target::Scene, Sink, Vmm) {
    let keys = json!({ "engine": "warm", "compression": "on" });
    let mut scene = hostile_target::Scene::of(&keys, text);
    let mut command = Vmm::command(&scene.ram, hostile_target::PAGES, None);
    let guest = Vmm::start(&mut command, &scene.ram.with_extension("log"));
    guest.mapped();
    let mut link = Sink::answered(&scene.target.path, &scene.listener, answer);
    link.bulk.send(&Frame::Resume { complete: false });
    scene.control.peer(true);
    scene.control.ask("warm");
    (scene, link, guest)
}

#[test]
fn a_target_of_the_version_before_is_sent_no_packed_page_ahead() {
    if !can_track() {
        return;
    }
    let older = |session: &Session, lane: Lane, attempt: u32| match hello(session, lane, attempt) {
        Frame::Hello(said) => Frame::Hello(shoal_pages::frame::Hello {
            features: PACKED,
            ..said
        }),
        other => other,
    };
    let (mut scene, mut link, _guest) = told_to_go_ahead(older);
    let mut plain = 0;
    while plain < 32 {
        match link.bulk.next().expect("the source goes on") {
            Frame::Ahead { data, .. } => plain += data.len() / ram::PAGE,
            other => panic!("{other:?} for a target that does not take it"),
        }
    }
    assert_eq!(scene.control.stat("packedExtents"), 0);
}

#[test]
fn credit_for_packed_pages_ahead_counts_bytes_as_they_travel() {
    if !can_track() {
        return;
    }
    let (mut scene, mut link, _guest) = told_to_go_ahead(hello);
    let (mut pages, mut travelled) = (0, 0);
    while pages < hostile_target::PAGES {
        let Frame::AheadPacked { count, block, .. } = link.bulk.next().expect("the source goes on")
        else {
            panic!("all of it packs");
        };
        pages += u64::from(count);
        let bytes = block.len() as u32;
        travelled += u64::from(bytes);
        if pages < hostile_target::PAGES {
            link.bulk.send(&Frame::Unpacked {
                bytes,
                nanoseconds: 1000,
            });
        }
    }
    until("it counts the last one", || {
        scene.control.stat("aheadBytes") == travelled
    });
    // The last one, as if it had come plain.
    link.bulk.send(&Frame::Unpacked {
        bytes: 1 << 20,
        nanoseconds: 1000,
    });
    refused_for_its_credit(&mut link.bulk, &scene.control);
}
