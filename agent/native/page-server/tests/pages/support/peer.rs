//! A page server played by the test, frame by frame, so that it can misbehave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, ServerConnection, StreamOwned};
use shoal_pages::frame::{self, Frame, HEADER_BYTES, Hello, Lane, PACKED, PACKED_AHEAD};
use shoal_pages::session::{Role, Session};
use shoal_pages::tls;

use super::{PATIENCE, until};

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// One connection.
pub struct Peer {
    wire: Box<dyn Wire>,
    payload: Vec<u8>,
}

impl Peer {
    fn patient(tcp: TcpStream) -> TcpStream {
        tcp.set_read_timeout(Some(PATIENCE)).expect("a socket");
        tcp
    }

    pub fn plain(tcp: TcpStream) -> Self {
        Self {
            wire: Box::new(Self::patient(tcp)),
            payload: vec![],
        }
    }

    /// Like a source whose session is in `dir`.
    pub fn client(port: u16, config: Arc<rustls::ClientConfig>) -> Self {
        let tcp = Self::patient(TcpStream::connect(("127.0.0.1", port)).expect("it listens"));
        let name = ServerName::try_from("shoal").expect("a name");
        let tls = ClientConnection::new(config, name).expect("a configuration");
        Self {
            wire: Box::new(StreamOwned::new(tls, tcp)),
            payload: vec![],
        }
    }

    /// Like a target, for the next connection.
    pub fn server(listener: &TcpListener, config: Arc<rustls::ServerConfig>) -> Self {
        listener.set_nonblocking(true).expect("a socket");
        let mut accepted = None;
        until("the source connects", || {
            accepted = listener.accept().ok();
            accepted.is_some()
        });
        let tcp = Self::patient(accepted.expect("accepted just now").0);
        tcp.set_nonblocking(false).expect("a socket");
        let tls = ServerConnection::new(config).expect("a configuration");
        Self {
            wire: Box::new(StreamOwned::new(tls, tcp)),
            payload: vec![],
        }
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        // The other side may have ended the link already: that is what most tests are about.
        let _ = self.wire.write_all(bytes).and_then(|()| self.wire.flush());
    }

    pub fn send(&mut self, frame: &Frame<'_>) {
        let (mut bytes, data) = frame::encode(frame);
        bytes.extend_from_slice(data);
        self.raw(&bytes);
    }

    /// The next frame; an error when the other side ends the connection.
    pub fn next(&mut self) -> std::io::Result<Frame<'_>> {
        let mut head = [0; HEADER_BYTES];
        self.wire.read_exact(&mut head)?;
        let (length, kind) = frame::header(&head).expect("an honest header");
        self.payload.resize(length, 0);
        self.wire.read_exact(&mut self.payload)?;
        Ok(frame::decode(kind, &self.payload).expect("an honest frame"))
    }

    /// Reads what comes until the other side ends the connection. False: it just says nothing more.
    pub fn is_ended(&mut self) -> bool {
        loop {
            if let Err(error) = self.next() {
                return error.kind() != std::io::ErrorKind::WouldBlock;
            }
        }
    }
}

pub fn hello(session: &Session, lane: Lane, attempt: u32) -> Frame<'static> {
    Frame::Hello(Hello {
        lane,
        features: PACKED | PACKED_AHEAD,
        attempt,
        handoff: session.handoff,
        page_bytes: 4096,
        ram_bytes: session.ram_bytes,
    })
}

/// Both lanes of a link with a real target, greeted.
pub struct Source {
    pub urgent: Peer,
    pub bulk: Peer,
}

impl Source {
    pub fn link(dir: &Path, port: u16, attempt: u32) -> Self {
        let session = Session::load(dir, Role::Serve).expect("a session");
        let config = tls::client(&session).expect("a configuration");
        let lane = |lane| {
            let mut peer = Peer::client(port, Arc::clone(&config));
            peer.send(&hello(&session, lane, attempt));
            peer
        };
        let mut link = Self {
            urgent: lane(Lane::Urgent),
            bulk: lane(Lane::Bulk),
        };
        for peer in [&mut link.urgent, &mut link.bulk] {
            assert!(matches!(peer.next(), Ok(Frame::Hello(_))));
        }
        while !matches!(link.bulk.next(), Ok(Frame::Resume { .. })) {}
        link
    }

    /// Announces these pages, all within the first eight.
    pub fn announce(&mut self, bits: u8) {
        self.bulk.send(&Frame::Map {
            first: 0,
            bits: &[bits],
        });
        self.bulk.send(&Frame::MapEnd {
            data_pages: u64::from(bits.count_ones()),
        });
    }
}

/// Both lanes of a link with a real source, greeted.
pub struct Sink {
    pub urgent: Peer,
    pub bulk: Peer,
}

impl Sink {
    /// Both lanes are up, nothing is in place yet.
    pub fn link(dir: &Path, listener: &TcpListener) -> Self {
        let mut link = Self::greeted(dir, listener);
        link.bulk.send(&Frame::Resume { complete: false });
        link
    }

    /// Up to where the target says what it has.
    pub fn greeted(dir: &Path, listener: &TcpListener) -> Self {
        Self::answered(dir, listener, hello)
    }

    pub fn answered(
        dir: &Path,
        listener: &TcpListener,
        answer: fn(&Session, Lane, u32) -> Frame<'static>,
    ) -> Self {
        let session = Session::load(dir, Role::Fetch).expect("a session");
        let config = tls::server(&session).expect("a configuration");
        let lane = |lane| {
            let mut peer = Peer::server(listener, Arc::clone(&config));
            let attempt = match peer.next() {
                Ok(Frame::Hello(said)) if said.lane == lane => said.attempt,
                other => panic!("{other:?} is no hello of {lane:?}"),
            };
            peer.send(&answer(&session, lane, attempt));
            peer
        };
        Self {
            urgent: lane(Lane::Urgent),
            bulk: lane(Lane::Bulk),
        }
    }
}

/// The certificate of one directory with the key of another.
pub fn forged(cert: &Path, key: &Path) -> Arc<CertifiedKey> {
    let read = |path: &Path| std::fs::read(path).expect("a file");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(read(key)));
    let key = rustls::crypto::ring::sign::any_ecdsa_type(&key).expect("a key");
    Arc::new(CertifiedKey::new(
        vec![CertificateDer::from(read(cert))],
        key,
    ))
}
