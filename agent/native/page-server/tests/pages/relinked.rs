//! A link that takes the place of another: what the old one's threads still have in hand changes nothing.

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::{Value, json};
use shoal_pages::frame::Frame;

use crate::support::control::Control;
use crate::support::pair::Target;
use crate::support::peer::Source;
use crate::support::{PATIENCE, until};

/// Under QEMU's own post-copy, whose stream goes on over another link.
fn target() -> Target {
    Target::for_played_source("qemu-postcopy")
}

/// What the VMM reads from the next stream: so many bytes of it.
fn takes(vmm: &UnixListener, count: usize) -> Vec<u8> {
    vmm.set_nonblocking(true).expect("a socket");
    let mut accepted = None;
    until("a stream begins", || {
        accepted = vmm.accept().ok();
        accepted.is_some()
    });
    let mut stream = accepted.expect("accepted just now").0;
    stream.set_nonblocking(false).expect("a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("what was sent");
    bytes
}

#[test]
fn a_link_whose_place_was_taken_neither_tells_that_the_link_is_lost_nor_begins_a_stream() {
    let target = target();
    let mut old = Source::link(&target.source.path, target.port, 1);
    // Its thread waits for a VMM that does not listen yet.
    old.bulk.send(&Frame::Stream(b"old"));
    old.bulk.send(&Frame::StreamEnd);
    target.fetch.peer(true);
    let mut new = Source::link(&target.source.path, target.port, 2);
    assert!(old.bulk.is_ended());
    std::thread::sleep(Duration::from_millis(300));
    let vmm = UnixListener::bind(target.session.at("stream.sock")).expect("a socket");
    std::thread::sleep(Duration::from_millis(300));
    new.bulk.send(&Frame::Stream(b"new"));
    assert_eq!(takes(&vmm, 3), b"new", "and no stream before it");
    // Told to whoever asks now.
    let agent = Control::connect(&target.session.at("control.sock"));
    let peer = agent.event("peer");
    assert_eq!(peer["up"], true, "{peer}");
    let told: Vec<Value> = target.fetch.all(|line| line["event"] == "peer");
    assert_eq!(told.last().map(|line| &line["up"]), Some(&json!(true)));
}

#[test]
fn a_stream_that_begins_anew_over_the_next_link_reaches_the_vmm_also_when_the_one_before_was_whole()
{
    let target = target();
    let vmm = UnixListener::bind(target.session.at("stream.sock")).expect("a socket");
    for (attempt, bytes) in [(1, b"first"), (2, b"again"), (3, b"third")] {
        let mut link = Source::link(&target.source.path, target.port, attempt);
        link.bulk.send(&Frame::Stream(bytes));
        link.bulk.send(&Frame::StreamEnd);
        assert_eq!(takes(&vmm, bytes.len()), bytes);
    }
}

#[test]
fn a_first_link_after_attempts_that_were_refused_is_no_reconnect_and_the_next_one_is() {
    let mut target = target();
    let old = Source::link(&target.source.path, target.port, 5);
    target.fetch.peer(true);
    assert_eq!(target.fetch.stat("reconnects"), 0);
    drop(old);
    let _new = Source::link(&target.source.path, target.port, 6);
    let fetch = &mut target.fetch;
    until("it is counted", || fetch.stat("reconnects") == 1);
}
