//! A page of the source that cannot be read, as after a fault of its memory: no other page waits for that.

use std::fs::File;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use serde_json::json;
use shoal_pages::frame::Frame;

use crate::hostile_target::{PAGES, Scene};
use crate::restarts::again;
use crate::support::peer::Sink;
use crate::support::ram::PAGE;
use crate::support::until;

/// Pages from here on are lost in these tests.
const READABLE: u64 = 200;

/// Reading behind the end of a file fails like reading a page that is broken.
fn lose(scene: &Scene) {
    let file = File::options().write(true).open(&scene.ram);
    let file = file.expect("a RAM file");
    file.set_len(READABLE * PAGE as u64).expect("it is shorter");
}

/// The pages that can be read come, and no other.
fn sends_the_rest(scene: &mut Scene, link: &mut Sink) {
    for page in [PAGES - 1, 3] {
        link.urgent.send(&Frame::Fault { page });
    }
    assert!(
        matches!(link.urgent.next(), Ok(Frame::Page { page: 3, .. })),
        "and no answer for the one that is lost"
    );
    link.bulk.send(&Frame::Credit { bytes: u32::MAX });
    let mut came = 1;
    while came < READABLE {
        let (first, count) = match link.bulk.next().expect("the source goes on") {
            Frame::Extent { first, data } => (first, (data.len() / PAGE) as u64),
            Frame::Zeros { first, count } => (first, u64::from(count)),
            _ => continue,
        };
        assert!(first + count <= READABLE, "page {first} cannot be read");
        came += count;
    }
    let errors = scene.control.errors("ram");
    assert!(!errors.is_empty() && errors.iter().all(|error| error["fatal"] == false));
    assert!(scene.process.is_alive());
}

#[test]
fn a_page_that_cannot_be_read_any_more_holds_up_no_other_page() {
    let mut scene = Scene::start(&json!({ "bulkWindowBytes": 4096 }));
    let mut link = scene.link();
    scene.control.ask("freeze");
    let stream = UnixStream::connect(scene.source.at("stream.sock")).expect("it listens");
    stream.shutdown(Shutdown::Write).expect("a socket");
    while link.bulk.next().expect("the source goes on") != Frame::StreamEnd {}
    lose(&scene);
    // All but the one extent that went already.
    drop(link);
    let mut link = scene.link();
    sends_the_rest(&mut scene, &mut link);
    let lost = (PAGES - READABLE) as usize;
    until("all are told", || scene.control.errors("ram").len() == lost);
    drop(link);
    let mut link = scene.link();
    sends_the_rest(&mut scene, &mut link);
    assert_eq!(scene.control.errors("ram").len(), lost, "each is told once");
}

#[test]
fn a_page_server_that_was_started_again_gives_up_no_page_for_another_that_it_cannot_read() {
    let mut scene = Scene::start(&json!(null));
    let first = scene.link();
    scene.control.ask("freeze");
    scene.process.kill();
    drop(first);
    (scene.process, scene.control) = again(&scene.source, "serve", None);
    scene.control.ask("freeze");
    lose(&scene);
    let mut link = scene.link();
    sends_the_rest(&mut scene, &mut link);
}

#[test]
fn a_page_that_cannot_be_read_before_the_state_has_gone_ends_the_move_while_the_guest_can_stay() {
    let mut scene = Scene::start(&json!(null));
    scene.control.ask("freeze");
    lose(&scene);
    let mut link = scene.link();
    link.urgent.send(&Frame::Fault { page: PAGES - 1 });
    assert_eq!(scene.process.end().code(), Some(1));
    until("it is told", || !scene.control.errors("ram").is_empty());
    assert_eq!(scene.control.error("ram")["fatal"], true);
}
