//! A page server that has the right key and means harm: every frame in every bent form, on either connection, at every stage
//! of a link, each over a link of its own. `tests/pages/hostile.rs` sets it on the real ones and looks at what becomes of them.
//! usage: hostile source|target SESSION_DIRECTORY PORT LINKS [SEED]
//! As a source it connects to PORT, as a target it listens there. LINKS: so many cases, drawn by SEED; there are
//! about two thousand. In a session of engine `warm` those that only it knows come first.

mod cases;

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use shoal_pages::frame::{Frame, HEADER_BYTES, Hello, Lane, encode};
use shoal_pages::session::{Role, Session};
use shoal_pages::tls;

use cases::{Case, Chance, LANES, Stage, cases};

/// Type of the frame that brings pages of a running guest.
const AHEAD: u8 = 19;
/// Whoever is busy answers in this time; who does not holds on to a link that is over.
const PATIENCE: Duration = Duration::from_secs(20);

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

struct Conn {
    wire: Box<dyn Wire>,
    tcp: TcpStream,
}

impl Conn {
    fn client(port: u16, config: &Arc<ClientConfig>) -> Result<Self, Error> {
        let name = ServerName::try_from("shoal").map_err(Error::other)?;
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(Error::other)?;
        let tcp = TcpStream::connect(("127.0.0.1", port))?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        // Nothing that was said waits for an acknowledgement while its neighbour ends.
        tcp.set_nodelay(true)?;
        let twin = tcp.try_clone()?;
        Ok(Self {
            wire: Box::new(StreamOwned::new(tls, tcp)),
            tcp: twin,
        })
    }

    fn server(listener: &TcpListener, config: &Arc<ServerConfig>) -> Result<Self, Error> {
        let tls = ServerConnection::new(Arc::clone(config)).map_err(Error::other)?;
        let tcp = accept(listener)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        // Nothing that was said waits for an acknowledgement while its neighbour ends.
        tcp.set_nodelay(true)?;
        let twin = tcp.try_clone()?;
        Ok(Self {
            wire: Box::new(StreamOwned::new(tls, tcp)),
            tcp: twin,
        })
    }

    /// Whoever refuses what came before may have closed already.
    fn say(&mut self, bytes: &[u8]) {
        let _ = self.wire.write_all(bytes).and_then(|()| self.wire.flush());
    }

    fn send(&mut self, frame: &Frame<'_>) {
        let (head, data) = encode(frame);
        self.say(&[&head, data].concat());
    }

    /// One frame of the other side, as type and payload.
    fn hear(&mut self) -> Result<(u8, Vec<u8>), Error> {
        let mut head = [0; HEADER_BYTES];
        self.wire.read_exact(&mut head)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let mut payload = vec![0; length as usize];
        self.wire.read_exact(&mut payload)?;
        Ok((head[4], payload))
    }
}

/// `listener` does not block.
fn accept(listener: &TcpListener) -> Result<TcpStream, Error> {
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((tcp, _)) => {
                tcp.set_nonblocking(false)?;
                return Ok(tcp);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if begun.elapsed() > PATIENCE => {
                return Err(Error::other("the source does not come back"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Has no more to say, and reads what comes until the other side ends the link as well. `attacked` first: were the end of its
/// neighbour seen before, that would be what the link ended for, not what was said here.
fn end(mut conns: Vec<Conn>, attacked: usize) -> Result<(), Error> {
    conns.swap(0, attacked);
    for mut conn in conns {
        let _ = conn.tcp.shutdown(Shutdown::Write); // it may be closed already
        let mut buffer = vec![0; 1 << 16];
        loop {
            match conn.wire.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(Error::other(
                        "the other side holds on to a link that is over",
                    ));
                }
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

struct Peer {
    session: Session,
    attempt: u32,
}

impl Peer {
    fn hello(&self, lane: Lane) -> Frame<'static> {
        Frame::Hello(Hello {
            lane,
            features: 0,
            attempt: self.attempt,
            handoff: self.session.handoff,
            page_bytes: 4096,
            ram_bytes: self.session.ram_bytes,
        })
    }

    fn attack_target(
        &mut self,
        case: &Case,
        port: u16,
        config: &Arc<ClientConfig>,
    ) -> Result<(), Error> {
        self.attempt += 1;
        let mut conns = vec![];
        for lane in LANES {
            let mut conn = Conn::client(port, config)?;
            if case.stage == Stage::Hello && case.lane == lane {
                conn.say(&case.bytes);
                // Its other half is kept until the next attempt.
                return end(vec![conn], 0);
            }
            conn.send(&self.hello(lane));
            conns.push(conn);
        }
        // It keeps nothing back for who speaks before its hello; who is refused hears none.
        let heard = conns.iter_mut().try_for_each(|conn| conn.hear().map(drop));
        if heard.is_err() {
            return Err(Error::other("the target does not greet its own source"));
        }
        // Now it knows of no page; then of two.
        if case.stage == Stage::Linked {
            conns[1].send(&Frame::Map {
                first: 0,
                bits: &[3],
            });
            conns[1].send(&Frame::MapEnd { data_pages: 2 });
        }
        conns[case.place()].say(&case.bytes);
        end(conns, case.place())
    }

    /// `None`: a link without harm.
    fn attack_source(
        &mut self,
        case: Option<&Case>,
        listener: &TcpListener,
        config: &Arc<ServerConfig>,
    ) -> Result<(), Error> {
        let mut conns = vec![];
        for _ in LANES {
            let mut conn = Conn::server(listener, config)?;
            let (_, hello) = conn.hear()?;
            self.attempt = u32::from_le_bytes([hello[8], hello[9], hello[10], hello[11]]);
            conns.push(conn);
        }
        let at = |stage| case.filter(|case| case.stage == stage);
        for (conn, lane) in conns.iter_mut().zip(LANES) {
            match at(Stage::Hello).filter(|case| case.lane == lane) {
                Some(case) => conn.say(&case.bytes),
                None => conn.send(&self.hello(lane)),
            }
        }
        let mut say = |case: &Case| conns[case.place()].say(&case.bytes);
        match at(Stage::Greeted) {
            Some(case) => say(case),
            None => conns[1].send(&Frame::Resume { complete: false }),
        }
        if at(Stage::Ahead).is_some() {
            while conns[1].hear()?.0 != AHEAD {}
        }
        if let Some(case) = at(Stage::Linked).or(at(Stage::Ahead)) {
            conns[case.place()].say(&case.bytes);
        }
        // Without harm the last word went over bulk: an end there cannot overtake it.
        end(conns, case.map_or(1, Case::place))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (role, dir, port, links) = match args.as_slice() {
        [role, dir, port, links, ..] if role == "source" => (Role::Serve, dir, port, links),
        [role, dir, port, links, ..] if role == "target" => (Role::Fetch, dir, port, links),
        _ => return Err("usage: hostile source|target SESSION_DIRECTORY PORT LINKS [SEED]".into()),
    };
    let (port, links): (u16, usize) = (port.parse()?, links.parse()?);
    let mut chance = Chance(args.get(4).map_or(Ok(20), |seed| seed.parse())?);
    let mut peer = Peer {
        session: Session::load(Path::new(dir), role)?,
        attempt: 0,
    };
    let cases = cases(&peer.session, &mut chance);
    let chosen = &cases[..links.min(cases.len())];
    if role == Role::Serve {
        let config = tls::client(&peer.session)?;
        for (at, case) in chosen.iter().enumerate() {
            let over = peer.attack_target(case, port, &config);
            over.map_err(|error| case.told(at, &error))?;
        }
    } else {
        let config = tls::server(&peer.session)?;
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        // Before there was a link, a breach would end the source; after one, another costs it a pause.
        peer.attack_source(None, &listener, &config)?;
        for (at, case) in chosen.iter().enumerate() {
            let over = peer.attack_source(Some(case), &listener, &config);
            let over = over.and_then(|()| peer.attack_source(None, &listener, &config));
            over.map_err(|error| case.told(at, &error))?;
        }
    }
    println!("{} links of {}", chosen.len(), cases.len());
    Ok(())
}
