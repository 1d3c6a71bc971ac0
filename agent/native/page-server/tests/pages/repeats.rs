//! What comes a second time: a page, a page of a memory that is whole, a connection that somebody has recorded.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shoal_pages::frame::Frame;

use crate::support::pair::{Target, Wants};
use crate::support::peer::Source;
use crate::support::ram::{self, PAGE};
use crate::support::until;

fn target() -> Target {
    let target = Target::start(&Wants {
        pages: 8,
        ..Wants::default()
    });
    let peer = &target.session.cert_sha256;
    let json = target.source.json("serve", peer, &target.ram, 8);
    target.source.write(&json);
    target
}

fn extent(link: &mut Source, first: u64, of: u8) {
    let data = [of; PAGE];
    link.bulk.send(&Frame::Extent { first, data: &data });
}

#[test]
fn a_page_that_comes_again_changes_nothing_be_the_memory_whole_or_not() {
    let mut target = target();
    let mut link = Source::link(&target.source.path, target.port, 1);
    link.announce(3);
    extent(&mut link, 0, 0x11);
    extent(&mut link, 0, 0x22);
    assert_eq!(target.vmm.read(0), ram::hash(&[0x11; PAGE]));
    let data = [0x33; PAGE];
    link.urgent.send(&Frame::Page {
        page: 0,
        data: &data,
    });
    link.urgent.send(&Frame::PageZero { page: 0 });
    until("both lanes are read", || {
        target.fetch.stat("urgentBytes") == PAGE as u64 && target.fetch.stat("pagesDone") == 1
    });
    assert_eq!(target.vmm.read(0), ram::hash(&[0x11; PAGE]));
    extent(&mut link, 1, 0x44);
    target.fetch.event("complete");
    extent(&mut link, 1, 0x55);
    link.bulk.send(&Frame::Zeros { first: 0, count: 2 });
    // The credit for it comes when it has been dealt with.
    let mut credit = 0;
    while credit < 4 * PAGE as u64 {
        if let Frame::Credit { bytes } = link.bulk.next().expect("the link holds") {
            credit += u64::from(bytes);
        }
    }
    assert_eq!(target.vmm.read(0), ram::hash(&[0x11; PAGE]));
    assert_eq!(target.vmm.read(1), ram::hash(&[0x44; PAGE]));
    assert!(target.process.is_alive());
}

/// Passes two connections on and keeps what the source said on each.
fn recorder(to: u16) -> (u16, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let kept: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let all = Arc::clone(&kept);
    std::thread::spawn(move || {
        for source in listener.incoming().flatten().take(2) {
            let target = TcpStream::connect(("127.0.0.1", to)).expect("it listens");
            let at = {
                let mut all = all.lock().expect("recordings");
                all.push(vec![]);
                all.len() - 1
            };
            let twin = |socket: &TcpStream| socket.try_clone().expect("a descriptor");
            let (mut back, mut answers) = (twin(&source), twin(&target));
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let all = Arc::clone(&all);
            std::thread::spawn(move || {
                let (mut source, mut target, mut buffer) = (source, target, vec![0; 16 << 10]);
                while let Ok(got @ 1..) = source.read(&mut buffer) {
                    all.lock().expect("recordings")[at].extend_from_slice(&buffer[..got]);
                    if target.write_all(&buffer[..got]).is_err() {
                        break;
                    }
                }
                let _ = target.shutdown(Shutdown::Both);
            });
        }
    });
    (port, kept)
}

#[test]
fn a_connection_that_was_recorded_and_is_played_again_is_a_stranger_and_writes_nothing() {
    let mut target = target();
    let (port, kept) = recorder(target.port);
    let mut link = Source::link(&target.source.path, port, 1);
    link.announce(3);
    extent(&mut link, 0, 0x11);
    assert_eq!(target.vmm.read(0), ram::hash(&[0x11; PAGE]));
    drop(link);
    target.fetch.peer(false);
    let before = ram::held(&target.ram);
    let recordings = std::mem::take(&mut *kept.lock().expect("recordings"));
    assert!(recordings.iter().all(|bytes| bytes.len() > 500));
    for bytes in &recordings {
        let mut again = TcpStream::connect(("127.0.0.1", target.port)).expect("it listens");
        again
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        let _ = again.write_all(bytes);
        let ended = again.read_to_end(&mut vec![]);
        assert!(
            !matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "it is turned away"
        );
    }
    target.fetch.error("stranger");
    assert_eq!(ram::held(&target.ram), before);
    // The right source is let in again, and the rest comes.
    let mut link = Source::link(&target.source.path, target.port, 2);
    extent(&mut link, 1, 0x44);
    target.fetch.event("complete");
    assert_eq!(target.vmm.read(1), ram::hash(&[0x44; PAGE]));
}
