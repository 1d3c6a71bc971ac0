//! Takes connections: each proves itself by TLS and its hello, two of one attempt make a link.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::json;

use super::Fetch;
use crate::conn::{Conn, Reader, lock};
use crate::frame::{Frame, Hello, Lane};
use crate::link::{Link, expect_hello, hello, tune};
use crate::sys::socket;

/// Connections that wait for their other half or have not proven themselves; the source makes two at a time.
const PENDING_MAX: usize = 16;

struct Half {
    hello: Hello,
    conn: Conn,
}

impl Fetch {
    /// Never returns but for a listener that broke.
    pub(super) fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        config: Option<&Arc<ServerConfig>>,
    ) {
        let halves: Arc<Mutex<Vec<Half>>> = Arc::default();
        let pending = Arc::new(());
        for tcp in listener.incoming() {
            let Ok(tcp) = tcp else {
                thread::sleep(Duration::from_millis(10)); // out of descriptors: others may close theirs
                continue;
            };
            if Arc::strong_count(&pending) > PENDING_MAX {
                continue; // dropped: closes it
            }
            let (fetch, halves, ticket) =
                (Arc::clone(self), Arc::clone(&halves), Arc::clone(&pending));
            let config = config.cloned();
            let spawned = thread::Builder::new()
                .name("lane".to_owned())
                .spawn(move || {
                    match fetch.greet(tcp, config.as_ref()) {
                        Ok(half) => {
                            drop(ticket);
                            fetch.pair(half, &halves);
                        }
                        // Strangers knock on every port; that is no reason to stop.
                        Err(error) => fetch.events.error("stranger", &error.to_string(), false),
                    }
                });
            drop(spawned);
        }
    }

    fn greet(&self, tcp: TcpStream, config: Option<&Arc<ServerConfig>>) -> io::Result<Half> {
        socket::prepare(&tcp)?;
        let tls = match config {
            None => None,
            Some(config) => {
                let connection =
                    rustls::ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Some(rustls::Connection::from(connection))
            }
        };
        let conn = Conn::open(tcp, tls)?;
        conn.tcp()
            .set_read_timeout(Some(crate::conn::HANDSHAKE_MAX))?;
        let said = {
            let mut reader = Reader::new(&conn);
            expect_hello(&mut reader, &self.session)?
        };
        conn.tcp().set_read_timeout(None)?;
        tune(&conn, said.lane)?;
        Ok(Half { hello: said, conn })
    }

    /// Keeps the half until its other one is there; then runs the link in this thread.
    fn pair(self: &Arc<Self>, half: Half, halves: &Mutex<Vec<Half>>) {
        let link = {
            let mut halves = lock(halves);
            let attempt = half.hello.attempt;
            halves.retain(|other| other.hello.attempt >= attempt);
            let other = halves.iter().position(|other| {
                other.hello.attempt == attempt && other.hello.lane != half.hello.lane
            });
            let Some(at) = other else {
                halves.push(half);
                return;
            };
            let other = halves.swap_remove(at);
            let (urgent, bulk) = if half.hello.lane == Lane::Urgent {
                (half, other)
            } else {
                (other, half)
            };
            (
                attempt,
                Arc::new(Link {
                    urgent: urgent.conn,
                    bulk: bulk.conn,
                }),
            )
        };
        let (attempt, link) = link;
        let result = self.run_link(attempt, &link);
        link.close();
        self.unlinked(&link);
        if let Err(error) = result {
            if error.kind() == io::ErrorKind::Other {
                self.fatal("memory", &error.to_string());
            }
            self.events
                .standing(json!({ "event": "peer", "up": false, "detail": error.to_string() }));
        }
    }

    fn run_link(self: &Arc<Self>, attempt: u32, link: &Arc<Link>) -> io::Result<()> {
        // The source has given up the old one, or it would not have made a new one.
        if let Some(old) = lock(&self.link).replace(Arc::clone(link)) {
            old.close();
        }
        for (conn, lane) in [(&link.urgent, Lane::Urgent), (&link.bulk, Lane::Bulk)] {
            conn.send(&Frame::Hello(hello(&self.session, lane, attempt)))?;
        }
        let (settled, complete) = {
            let book = lock(&self.memory.book);
            (book.map_known.then(|| book.settled.clone()), book.complete)
        };
        if let Some(settled) = settled {
            settled.pieces(|first, bits| link.bulk.send(&Frame::Installed { first, bits }))?;
        }
        link.bulk.send(&Frame::Resume { complete })?;
        if attempt > 1 {
            lock(&self.memory.stats).reconnects += 1;
        }
        let detail = link
            .bulk
            .tcp()
            .peer_addr()
            .map_or_else(|_| String::new(), |address| address.to_string());
        self.events
            .standing(json!({ "event": "peer", "up": true, "detail": detail }));
        let waited_for = lock(&self.memory.book).waited_for();
        self.ask(&waited_for);
        thread::scope(|scope| {
            let urgent = scope.spawn(|| {
                let result = self.read_urgent(&link.urgent);
                link.close();
                result
            });
            let bulk = self.read_bulk(link);
            link.close();
            let urgent = urgent.join().expect("a lane does not panic");
            bulk.and(urgent)
        })
    }

    fn unlinked(&self, link: &Arc<Link>) {
        lock(&self.memory.stats).wire_bytes += link.wire_bytes();
        let mut current = lock(&self.link);
        if current.as_ref().is_some_and(|now| Arc::ptr_eq(now, link)) {
            *current = None;
        }
        drop(current);
        let mut stream = lock(&self.stream);
        if !stream.ended
            && let Some(vmm) = stream.vmm.take()
        {
            let _ = vmm.shutdown(std::net::Shutdown::Both);
        }
    }
}
