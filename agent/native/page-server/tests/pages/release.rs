//! Early release: source memory that the target has for certain is given back while the rest still comes.

use serde_json::json;
use shoal_pages::frame::Frame;

use crate::hostile_target::{PAGES, Scene};
use crate::restarts::again;
use crate::support::pair::{Pair, Wants};
use crate::support::peer::Sink;
use crate::support::ram::{self, PAGE};
use crate::support::until;

/// Three seconds of a move, in eight blocks of 2 MiB.
fn slow() -> Pair {
    Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": 4 << 20 }),
        proxy: true,
        ..Wants::default()
    })
}

/// Pages that are holes at the source by now and were data: each must be in place at the target.
fn given_back(pair: &Pair, right: &[u8]) -> usize {
    // The source first: what is a hole there now was in place at the target before.
    let source = std::fs::read(&pair.source_ram).expect("a RAM file");
    let target = std::fs::read(&pair.target_ram).expect("a RAM file");
    let mut given = 0;
    for at in (0..right.len()).step_by(PAGE) {
        let was = &right[at..at + PAGE];
        if was != &source[at..at + PAGE] {
            assert!(source[at..at + PAGE].iter().all(|&byte| byte == 0));
            assert_eq!(was, &target[at..at + PAGE], "page {}", at / PAGE);
            given += 1;
        }
    }
    given
}

fn arrived(pair: &mut Pair, right: &[u8]) {
    pair.fetch.event("complete");
    pair.serve.event("complete");
    ram::assert_is(right, &pair.target_ram, "the target");
    assert_eq!(
        pair.vmm.ask("sum"),
        ram::hash(right),
        "as the guest sees it"
    );
}

fn is_complete(pair: &Pair) -> bool {
    let complete = |line: &serde_json::Value| line["event"] == "complete";
    !pair.fetch.all(complete).is_empty()
}

#[test]
fn source_memory_shrinks_during_the_move_and_what_is_given_back_is_at_the_target() {
    let mut pair = slow();
    pair.fetch.ask("resumed");
    let right = std::fs::read(&pair.source_ram).expect("a RAM file");
    let before = ram::held(&pair.source_ram);
    let refused = pair.serve.ask("release");
    assert_eq!(
        (&refused["ok"], &refused["code"]),
        (&json!(false), &json!("ram"))
    );
    pair.freeze();
    until("a block has come", || pair.fetch.stat("pagesDone") > 700);
    assert_eq!(
        ram::held(&pair.source_ram),
        before,
        "only if it is asked for"
    );
    for _ in 0..2 {
        assert_eq!(pair.serve.ask("release")["ok"], true);
    }
    let mut seen = 0;
    until("a good part of it is given back", || {
        seen = seen.max(given_back(&pair, &right));
        seen > 700
    });
    assert!(!is_complete(&pair) && ram::held(&pair.source_ram) < before - 700);
    assert_eq!(
        pair.fetch.stat("releasedBytes"),
        0,
        "a target has nothing to give back"
    );
    arrived(&mut pair, &right);
    until("all that is given back is counted, and no more", || {
        let given = before - ram::held(&pair.source_ram);
        pair.serve.stat("releasedBytes") == given * PAGE as u64
    });
    assert_eq!(
        pair.serve.errors("release"),
        Vec::<serde_json::Value>::new()
    );
}

#[test]
fn a_link_that_is_cut_again_and_again_gives_back_nothing_that_is_not_at_the_target() {
    let mut pair = slow();
    let right = std::fs::read(&pair.source_ram).expect("a RAM file");
    pair.freeze();
    pair.fetch.ask("resumed");
    assert_eq!(pair.serve.ask("release")["ok"], true);
    let (mut seen, mut cuts) = (0, 0);
    until("everything is in place", || {
        if cuts < 12 {
            pair.vmm.tell(&format!("read {}", cuts * 331 % 4096));
            pair.proxy().cut();
            cuts += 1;
        }
        std::thread::sleep(std::time::Duration::from_millis(60));
        seen = seen.max(given_back(&pair, &right));
        is_complete(&pair)
    });
    arrived(&mut pair, &right);
    assert!(seen > 0 && pair.serve.stat("reconnects") > 5);
    assert_eq!(pair.serve.errors("peer"), Vec::<serde_json::Value>::new());
}

/// Takes all pages over a link and acknowledges them.
pub fn take_all(scene: &mut Scene) -> Sink {
    let mut link = scene.link();
    scene.control.ask("freeze");
    link.bulk.send(&Frame::Credit { bytes: u32::MAX });
    let mut pages = 0;
    while pages < PAGES {
        match link.bulk.next().expect("the source goes on") {
            Frame::Extent { data, .. } => pages += (data.len() / PAGE) as u64,
            Frame::Zeros { count, .. } => pages += u64::from(count),
            _ => {}
        }
    }
    link
}

#[test]
fn a_target_that_acknowledges_what_was_never_sent_is_refused_and_nothing_is_given_back() {
    let mut scene = Scene::start(&json!({ "bulkWindowBytes": 65_536 }));
    let mut link = scene.link();
    scene.control.ask("freeze");
    scene.control.ask("release");
    let count = PAGES as u32;
    link.bulk.send(&Frame::Ack { first: 0, count });
    let error = scene.control.error("peer");
    let message = error["message"].as_str().expect("a sentence");
    assert!(message.contains("cannot have"), "{message}");
    assert_eq!(ram::held(&scene.ram), PAGES);
}

#[test]
fn a_target_that_lost_what_it_had_acknowledged_is_told_so_and_never_gets_zeros_for_it() {
    let mut scene = Scene::start(&json!(null));
    let mut link = take_all(&mut scene);
    scene.control.ask("release");
    let data = (PAGES - 4) * PAGE as u64; // and four pages of zeros
    let count = PAGES as u32;
    link.bulk.send(&Frame::Ack { first: 0, count });
    until("it is given back", || ram::held(&scene.ram) == 0);
    // A fault that was under way meanwhile is not answered: the page is there. One of zeros is said to be one.
    for page in [3, 7] {
        link.urgent.send(&Frame::Fault { page });
    }
    let answer = link.urgent.next().expect("the source goes on");
    assert_eq!(answer, Frame::PageZero { page: 7 });
    drop(link);
    for _ in 0..2 {
        let mut again = scene.link();
        again.urgent.send(&Frame::Fault { page: 3 });
        assert!(again.urgent.is_ended(), "no page, and no word of zeros");
    }
    let error = scene.control.error("peer");
    let message = error["message"].as_str().expect("a sentence");
    assert!(message.contains("lacks pages"), "{message}");
    assert_eq!(error["fatal"], false);
    assert!(scene.process.is_alive());
    // Another page server knows it too, whether the link or the word of its agent comes first.
    for links_first in [true, false] {
        scene.process.kill();
        (scene.process, scene.control) = again(&scene.source, "serve", None);
        if links_first {
            let _link = scene.link();
            let answer = scene.control.ask("freeze");
            let message = answer["message"].as_str().expect("a sentence");
            assert!(message.contains("lacks pages"), "{message}");
        } else {
            assert_eq!(scene.control.ask("freeze")["dataBytes"], json!(data));
            let mut link = Sink::link(&scene.target.path, &scene.listener);
            link.urgent.send(&Frame::Fault { page: 3 });
            assert!(link.bulk.is_ended() && link.urgent.is_ended());
            scene.control.error("peer");
        }
    }
}
