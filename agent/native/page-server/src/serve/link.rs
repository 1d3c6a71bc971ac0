//! Connects to the target, again and again until every page is there.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};

use super::Serve;
use super::packing::Packing;
use super::release::LACKS;
use super::window::Window;
use crate::bitmap::Bitmap;
use crate::conn::{Conn, HANDSHAKE_MAX, Reader, lock};
use crate::frame::{Frame, Lane, PACKED, PACKED_AHEAD};
use crate::link::{Link, cause, expect_hello, hello, tune, wrong};
use crate::quiet::Quiet;
use crate::session::{Role, Session};
use crate::sys::socket;
use crate::tls;

/// Between attempts: short at first, since faults wait; then as long as a person would wait between two looks.
const AGAIN_FIRST: Duration = Duration::from_millis(20);
const AGAIN_MAX: Duration = Duration::from_secs(1);

impl Serve {
    /// Where the target listens is known now: it is in the session.
    pub(super) fn connect_now(&self) -> Result<Value, (&'static str, String)> {
        let fault = |what: String| ("session", what);
        let session = Session::load(&self.session.dir, Role::Serve).map_err(fault)?;
        if session.port == 0 {
            return Err(fault(
                "port is 0: the target listens nowhere yet".to_owned(),
            ));
        }
        // Told twice: it is known already.
        let _ = self.peer.set(session);
        let _state = lock(&self.state);
        self.changed.notify_all();
        Ok(json!({}))
    }

    /// Waits until it is known where the target listens.
    fn peer(&self) -> &Session {
        let mut state = lock(&self.state);
        loop {
            if let Some(peer) = self.peer.get() {
                return peer;
            }
            state = self.changed.wait(state).expect("no thread panics");
        }
    }

    pub(super) fn keep_linked(&self) -> Result<(), String> {
        let peer = self.peer();
        let config = if peer.tls {
            Some(tls::client(peer)?)
        } else {
            None
        };
        let mut again = AGAIN_FIRST;
        loop {
            let begun = Instant::now();
            let (mut was_up, mut broke_rules) = (false, false);
            if let Err(error) = self.link(config.as_ref(), &mut was_up) {
                broke_rules = error.kind() == io::ErrorKind::InvalidData;
                if broke_rules {
                    self.refused(&error);
                }
                let detail = error.to_string();
                self.events
                    .standing(json!({ "event": "peer", "up": false, "detail": detail }));
            }
            if lock(&self.state).complete {
                // Nothing more to send: wait to be told to quit.
                loop {
                    thread::park();
                }
            }
            // A link that flaps is worth every attempt; whoever breaks the rules is not.
            again = if begun.elapsed() > AGAIN_MAX || (was_up && !broke_rules) {
                AGAIN_FIRST
            } else {
                (again * 2).min(AGAIN_MAX)
            };
            thread::sleep(again);
        }
    }

    /// The peer breaks the rules. At first it may be anyone, and the handoff is given up. Once there was a link, pages may
    /// be missing on the target: whoever answers there now, the right one may be back at the next attempt.
    fn refused(&self, error: &io::Error) {
        let message = format!("the target is refused: {error}");
        if lock(&self.state).was_linked {
            self.events.error("peer", &message, false);
        } else {
            self.fatal("peer", &message);
        }
    }

    /// One link from its first byte to its last.
    fn link(&self, config: Option<&Arc<ClientConfig>>, was_up: &mut bool) -> io::Result<()> {
        let attempt = {
            let mut state = lock(&self.state);
            state.attempt += 1;
            state.attempt
        };
        let link = Arc::new(Link {
            urgent: self.connect(Lane::Urgent, attempt, config)?,
            bulk: self.connect(Lane::Bulk, attempt, config)?,
        });
        let mut urgent = Reader::new(&link.urgent);
        let mut bulk = Reader::new(&link.bulk);
        let (complete, features) = self.greeted(&mut urgent, &mut bulk, attempt)?;
        {
            let mut state = lock(&self.state);
            // Not by the attempt: some may never have come so far, and one that was started again begins at the first.
            if state.was_linked || state.was_frozen {
                lock(&self.stats).reconnects += 1;
            }
            state.was_linked = true;
            state.link = Some(Arc::clone(&link));
            state.map_sent = false;
            state.credit = self.first_credit() as i64;
            let fixed = u64::from(self.session.bulk_window_bytes);
            state.window = Some(Window::new(fixed, Instant::now()));
            state.quiet = Some(Quiet::new(Instant::now()));
            let takes = features & PACKED != 0;
            state.packs_ahead = features & PACKED_AHEAD != 0;
            let (wanted, cap) = (self.session.compression, self.session.bulk_bytes_per_second);
            state.packing = Packing::new(wanted, takes, cap, Instant::now());
        }
        let peer = self.peer();
        let detail = format!("{}:{}", peer.host, peer.port);
        self.events
            .standing(json!({ "event": "peer", "up": true, "detail": detail }));
        *was_up = true;
        if complete {
            self.completed();
        }
        let result = self.run_lanes(&link, urgent, bulk);
        self.unlinked(&link);
        result
    }

    fn run_lanes(
        &self,
        link: &Link,
        mut urgent: Reader<'_>,
        mut bulk: Reader<'_>,
    ) -> io::Result<()> {
        let desk = &self.desk();
        thread::scope(|scope| {
            let closing = |result: io::Result<()>| {
                link.close();
                // Under the lock: a writer that just found the link open does not wait yet, and would miss it.
                let _state = lock(&self.state);
                self.changed.notify_all();
                result
            };
            let faults = scope.spawn(move || closing(self.serve_faults(&mut urgent)));
            let back = scope.spawn(move || closing(self.read_bulk(&mut bulk, desk)));
            let sent = closing(self.write_bulk(link, desk));
            let joined =
                [faults.join(), back.join()].map(|joined| joined.expect("a lane does not panic"));
            cause(joined.into_iter().chain([sent]))
        })
    }

    fn connect(
        &self,
        lane: Lane,
        attempt: u32,
        config: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Conn> {
        use std::net::ToSocketAddrs;
        let peer = self.peer();
        let address = (peer.host.as_str(), peer.port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        let tcp = TcpStream::connect_timeout(&address, HANDSHAKE_MAX)?;
        socket::prepare(&tcp)?;
        let tls = match config {
            None => None,
            Some(config) => {
                let name = ServerName::try_from("shoal").map_err(io::Error::other)?;
                let connection = rustls::ClientConnection::new(Arc::clone(config), name)
                    .map_err(io::Error::other)?;
                Some(rustls::Connection::from(connection))
            }
        };
        let conn = Conn::open(tcp, tls)?;
        tune(&conn, lane)?;
        conn.send(&Frame::Hello(hello(&self.session, lane, attempt)))?;
        Ok(conn)
    }

    /// The target's side of the greeting. True: it has everything; and what it takes. One that accepts and then says nothing is
    /// given up, and one that has ended either connection at once: guests wait for the next link.
    fn greeted<'a>(
        &self,
        urgent: &mut Reader<'a>,
        bulk: &mut Reader<'a>,
        attempt: u32,
    ) -> io::Result<(bool, u8)> {
        let (urgent_conn, bulk_conn) = (urgent.conn(), bulk.conn());
        let mut features = 0;
        for (reader, other, lane) in [
            (urgent, bulk_conn, Lane::Urgent),
            (&mut *bulk, urgent_conn, Lane::Bulk),
        ] {
            reader.wait(other, HANDSHAKE_MAX)?;
            let said = expect_hello(reader, &self.session)?;
            if (said.lane, said.attempt) != (lane, attempt) {
                return Err(wrong("the target answered for another connection"));
            }
            features = said.features;
        }
        Ok((self.resume(bulk, urgent_conn)?, features))
    }

    /// What the target has already. True: everything.
    fn resume(&self, bulk: &mut Reader<'_>, urgent: &Conn) -> io::Result<bool> {
        let mut settled = Bitmap::new(self.session.pages());
        let mut has_map = false;
        let mut left = self.session.pages().div_ceil(8);
        loop {
            bulk.wait(urgent, HANDSHAKE_MAX)?;
            match bulk.next()? {
                Frame::Installed { first, bits } => {
                    has_map = true;
                    left = left
                        .checked_sub(bits.len() as u64)
                        .ok_or_else(|| wrong("what it has is more than the memory"))?;
                    if !settled.merge(first, bits) {
                        return Err(wrong("what it has lies outside the memory"));
                    }
                }
                Frame::Resume { complete } => {
                    let mut guard = lock(&self.state);
                    let state = &mut *guard;
                    if let (Some(plan), Some(release)) = (&mut state.plan, &mut state.release) {
                        if complete {
                            settled = plan.map.clone(); // pages of zeros as well, which a file need not hold
                        }
                        if !release.resume(&plan.map, &settled) {
                            return Err(wrong(LACKS));
                        }
                        plan.resume(&settled);
                    }
                    state.settled = Some(settled);
                    state.was_frozen = has_map;
                    return Ok(complete);
                }
                _ => return Err(wrong("the target did not say what it has")),
            }
        }
    }

    fn unlinked(&self, link: &Link) {
        let mut state = lock(&self.state);
        state.link = None;
        state.settled = None;
        state.was_frozen = false;
        lock(&self.stats).wire_bytes += link.wire_bytes();
        state.stream.broke();
        if let Some(ahead) = &mut state.ahead {
            ahead.unlinked();
        }
        state.stale_early = None;
        self.changed.notify_all();
    }
}
