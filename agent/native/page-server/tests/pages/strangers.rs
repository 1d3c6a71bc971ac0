//! Who is not the other side of this handoff gets nothing, and keeps nobody out.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use shoal_pages::frame::Lane;
use shoal_pages::session::{Role, Session};
use shoal_pages::tls;

use crate::support::control::Control;
use crate::support::dir::Dir;
use crate::support::pair::{Target, Wants};
use crate::support::peer::{Peer, Source, forged, hello};
use crate::support::process::Process;
use crate::support::ram::{self, Is};
use crate::support::session::SessionDir;
use crate::support::until;

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesClientCert for Fixed {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A target, the session of its source, and a directory with a certificate that nobody asked for.
fn scene() -> (Target, Session, SessionDir) {
    let target = Target::start(&Wants::default());
    let peer = &target.session.cert_sha256;
    let json = target.source.json("serve", peer, &target.ram, 4096);
    target.source.write(&json);
    let stranger = SessionDir::new(target.dir.at("stranger"));
    stranger.write(&json);
    let session = Session::load(&target.source.path, Role::Serve).expect("a session");
    (target, session, stranger)
}

/// The target refused it, says so once, and takes the right source after it.
fn refused(target: Target, mut peer: Peer, session: &Session) {
    peer.send(&hello(session, Lane::Urgent, 1));
    assert!(peer.is_ended());
    target.fetch.error("stranger");
    assert!(target.fetch.all(|line| line["event"] == "peer").is_empty());
    let mut pair = target.pair(&Wants::default());
    pair.freeze();
    pair.arrived();
}

#[test]
fn a_source_with_the_wrong_certificate_is_refused() {
    let (target, session, stranger) = scene();
    let wrong = Session::load(&stranger.path, Role::Serve).expect("a session");
    let config = tls::client(&wrong).expect("a configuration");
    let peer = Peer::client(target.port, config);
    refused(target, peer, &session);
}

#[test]
fn a_source_with_the_right_certificate_and_the_wrong_key_is_refused() {
    let (target, session, stranger) = scene();
    let mut config = (*tls::client(&session).expect("a configuration")).clone();
    let key = forged(&target.source.at("cert.der"), &stranger.at("key.der"));
    config.client_auth_cert_resolver = Arc::new(Fixed(key));
    let peer = Peer::client(target.port, Arc::new(config));
    refused(target, peer, &session);
}

#[test]
fn a_source_that_speaks_plainly_is_refused() {
    let (target, session, _) = scene();
    let tcp = TcpStream::connect(("127.0.0.1", target.port)).expect("it listens");
    refused(target, Peer::plain(tcp), &session);
}

#[test]
fn a_source_of_another_handoff_is_refused() {
    let (target, mut session, _) = scene();
    let config = tls::client(&session).expect("a configuration");
    session.handoff[0] ^= 1;
    let peer = Peer::client(target.port, config);
    refused(target, peer, &session);
}

/// A real source against a target whose TLS the test makes.
fn serve_refuses(forge: impl Fn(&mut rustls::ServerConfig, &SessionDir, &SessionDir)) {
    let dir = Dir::new();
    let [source, target, stranger] =
        ["serve", "fetch", "stranger"].map(|name| SessionDir::new(dir.at(name)));
    ram::make(&dir.at("ram"), 8, |_| Is::Data);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let mut json = source.json("serve", &target.cert_sha256, &dir.at("ram"), 8);
    json["port"] = listener.local_addr().expect("an address").port().into();
    source.write(&json);
    target.write(&target.json("fetch", &source.cert_sha256, &dir.at("ram"), 8));
    let session = Session::load(&target.path, Role::Fetch).expect("a session");
    let mut config = (*tls::server(&session).expect("a configuration")).clone();
    forge(&mut config, &target, &stranger);
    let mut serve = Process::pages("serve", &source.path);
    let mut control = Control::connect(&source.at("control.sock"));
    control.ask("stats"); // it is told what comes from here on
    let mut peer = Peer::server(&listener, Arc::new(config));
    assert!(peer.is_ended());
    assert_eq!(serve.end().code(), Some(1));
    let error = control.error("peer");
    assert_eq!(error["fatal"], true, "{error}");
    assert_eq!(
        serve.said().matches("the target is refused").count(),
        1,
        "{}",
        serve.said()
    );
}

#[test]
fn a_target_with_the_wrong_certificate_is_refused() {
    serve_refuses(|config, _, stranger| {
        let key = forged(&stranger.at("cert.der"), &stranger.at("key.der"));
        config.cert_resolver = Arc::new(Fixed(key));
    });
}

#[test]
fn a_target_with_the_right_certificate_and_the_wrong_key_is_refused() {
    serve_refuses(|config, target, stranger| {
        let key = forged(&target.at("cert.der"), &stranger.at("key.der"));
        config.cert_resolver = Arc::new(Fixed(key));
    });
}

/// Comes back again and again, 160 connections a second, each with the first byte of a handshake that never goes on.
fn besiege(port: u16, until: &AtomicBool) {
    let mut dawdlers: Vec<TcpStream> = vec![];
    // Nothing to read, and not ended either.
    let waits = |it: &TcpStream| {
        let _ = it.set_nonblocking(true);
        it.peek(&mut [0])
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    while !until.load(Ordering::Relaxed) {
        for _ in 0..8 {
            let dawdler = TcpStream::connect(("127.0.0.1", port));
            dawdlers.extend(dawdler.and_then(|mut it| it.write_all(&[22]).map(|()| it)));
        }
        dawdlers.retain(waits);
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn strangers_that_dawdle_do_not_keep_the_source_out_however_long_they_keep_it_up() {
    let (target, ..) = scene();
    let (port, is_over) = (target.port, Arc::new(AtomicBool::new(false)));
    let until = Arc::clone(&is_over);
    let siege = thread::spawn(move || besiege(port, &until));
    thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    let mut pair = target.pair(&Wants::default());
    pair.serve.peer(true);
    // Sooner than the time of those who came first is over, 5 s.
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    pair.freeze();
    pair.arrived();
    is_over.store(true, Ordering::Relaxed);
    siege.join().expect("it does not panic");
}

#[test]
fn lanes_without_their_other_half_do_not_pile_up() {
    let (target, session, _) = scene();
    let config = tls::client(&session).expect("a configuration");
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", target.process.child.id()));
    let open = || descriptors().expect("it lives").count();
    let before = open();
    let lone: Vec<Peer> = (0..12)
        .map(|back| {
            let mut peer = Peer::client(target.port, Arc::clone(&config));
            peer.send(&hello(&session, Lane::Urgent, 100 - back));
            peer
        })
        .collect();
    until("all but the newest are dropped", || open() <= before + 4);
    drop(lone);
    let mut link = Source::link(&target.source.path, target.port, 1);
    link.announce(0);
    target.fetch.event("complete");
}
