//! The VMM's migration stream and its return path.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use serde_json::json;
use shoal_pages::frame::Frame;

use crate::hostile_target::Scene;
use crate::support::pair::{Pair, Wants};
use crate::support::proxy::BULK;
use crate::support::ram::page;
use crate::support::{PATIENCE, until};

fn patient(socket: UnixStream) -> UnixStream {
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    socket
}

/// A linked pair and the VMMs' ends: the source's is connected, the target's listens.
fn scene(proxy: bool) -> (Pair, UnixStream, UnixListener) {
    let pair = Pair::start(&Wants {
        pages: 64,
        keys: json!({ "bulkWindowBytes": 65_536 }),
        proxy,
        ..Wants::default()
    });
    let listener = UnixListener::bind(pair.target.at("stream.sock")).expect("a socket");
    let source = UnixStream::connect(pair.source.at("stream.sock")).expect("it listens");
    (pair, patient(source), listener)
}

fn bytes(pages: u64) -> Vec<u8> {
    (0..pages).flat_map(page).collect()
}

fn rest(socket: &mut UnixStream) -> Vec<u8> {
    let mut all = vec![];
    match socket.read_to_end(&mut all) {
        Ok(_) => {}
        // Ended with bytes of ours unread: over all the same.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the stream does not end: {error}"),
    }
    all
}

#[test]
fn stream_and_return_path_travel_both_ways_to_their_ends() {
    let (mut pair, mut source, listener) = scene(false);
    let sent = bytes(700);
    let writer = {
        let (mut source, sent) = (source.try_clone().expect("a descriptor"), sent.clone());
        std::thread::spawn(move || {
            source.write_all(&sent).expect("the stream is taken");
            source.shutdown(Shutdown::Write).expect("a socket");
        })
    };
    let mut target = patient(listener.accept().expect("the page server connects").0);
    target
        .write_all(b"return path, early")
        .expect("it is taken");
    assert!(rest(&mut target) == sent, "the stream is what was sent");
    writer.join().expect("no panic");
    target.write_all(b"; late").expect("it is taken");
    drop(target);
    assert_eq!(rest(&mut source), b"return path, early; late");
    assert_eq!(pair.fetch.stat("streamBytes"), sent.len() as u64);
    assert_eq!(pair.serve.stat("streamBytes"), sent.len() as u64);
    pair.freeze();
    pair.arrived();
}

#[test]
fn a_cut_before_the_end_of_the_stream_ends_it_on_both_sides() {
    let (mut pair, mut source, listener) = scene(true);
    source.write_all(&bytes(3)).expect("the stream is taken");
    let mut target = patient(listener.accept().expect("the page server connects").0);
    target.read_exact(&mut [0; 4096]).expect("the stream comes");
    pair.proxy().cut();
    assert!(rest(&mut target).len() <= 2 * 4096);
    assert_eq!(rest(&mut source), b"");
    // The handoff is given up; the memory could still go on.
    pair.freeze();
    pair.arrived();
}

#[test]
fn a_cut_before_the_end_of_the_return_path_ends_it_at_the_source() {
    let (pair, mut source, listener) = scene(true);
    source.write_all(b"whole").expect("the stream is taken");
    source.shutdown(Shutdown::Write).expect("a socket");
    let mut target = patient(listener.accept().expect("the page server connects").0);
    assert_eq!(rest(&mut target), b"whole");
    pair.proxy().cut();
    // The target's VMM has everything and may go on; the source's must not wait for its word for ever.
    assert_eq!(rest(&mut source), b"");
}

#[test]
fn a_stream_that_broke_is_not_continued_over_the_next_link() {
    let scene = Scene::start(&json!({}));
    let mut link = scene.link();
    let mut vmm = UnixStream::connect(scene.source.at("stream.sock")).expect("it listens");
    vmm.write_all(b"first half").expect("the stream is taken");
    assert!(matches!(link.bulk.next(), Ok(Frame::Stream(b"first half"))));
    drop(link);
    let _ = vmm.write_all(b"second half");
    let mut again = scene.link();
    std::thread::sleep(Duration::from_millis(700));
    drop(scene);
    let next = again.bulk.next();
    assert!(next.is_err(), "{next:?} of a stream that is given up");
}

#[test]
fn a_stream_that_the_targets_vmm_gives_up_ends_at_the_source_and_both_may_begin_another() {
    let pair = Pair::start(&Wants {
        keys: json!({ "engine": "qemu-postcopy" }),
        ..Wants::default()
    });
    let listener = UnixListener::bind(pair.target.at("stream.sock")).expect("a socket");
    let mut source =
        patient(UnixStream::connect(pair.source.at("stream.sock")).expect("it listens"));
    source.write_all(b"pages").expect("the stream is taken");
    let mut target = patient(listener.accept().expect("the page server connects").0);
    target.read_exact(&mut [0; 5]).expect("the stream comes");
    drop(target);
    let mut written = 0;
    until("the source's VMM is told", || {
        written += 1;
        source.write_all(&[0; 4096]).is_err()
    });
    assert!(written > 1, "its end alone could be that of a whole stream");
    pair.serve.peer(true);
    let mut source =
        patient(UnixStream::connect(pair.source.at("stream.sock")).expect("it listens"));
    source
        .write_all(b"the rest")
        .expect("another stream is taken");
    source.shutdown(Shutdown::Write).expect("a socket");
    let mut target = patient(listener.accept().expect("the page server connects").0);
    assert_eq!(rest(&mut target), b"the rest");
}

#[test]
fn precopy_sends_its_whole_stream_through_the_link() {
    let (pair, mut source, listener) = scene(true);
    let before = pair.proxy().sent(BULK);
    let sent = bytes(4000);
    let writer = {
        let sent = sent.clone();
        std::thread::spawn(move || {
            source.write_all(&sent).expect("the stream is taken");
            source.shutdown(Shutdown::Write).expect("a socket");
            rest(&mut source)
        })
    };
    let mut target = patient(listener.accept().expect("the page server connects").0);
    assert!(rest(&mut target) == sent);
    drop(target);
    assert_eq!(writer.join().expect("no panic"), b"");
    assert!(pair.proxy().sent(BULK) - before > sent.len() as u64);
}
