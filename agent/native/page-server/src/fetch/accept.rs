//! Takes connections: each proves itself by TLS and its hello, two of one attempt make a link.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::Fetch;
use crate::conn::{Conn, Reader, lock};
use crate::frame::{Hello, Lane};
use crate::link::{Link, expect_hello, tune};
use crate::sys::socket;
use rustls::ServerConfig;

/// Connections that have not proven themselves; the source makes two at a time. Halves that wait for their other one are
/// not among them (`HALVES_MAX`).
const PENDING_MAX: usize = 64;
/// Halves that wait for their other one: all but the newest are of attempts that the source gave up.
const HALVES_MAX: usize = 4;
/// What strangers do is told this often at most: they decide how often they come, not how long the log gets.
const STRANGER_EVERY: Duration = Duration::from_secs(1);

struct Half {
    hello: Hello,
    conn: Conn,
}

impl Half {
    /// Says nothing before it is greeted, as it should. One that ended does not.
    fn waits(&self) -> bool {
        matches!(socket::readable(self.conn.tcp(), Duration::ZERO), Ok(false))
    }
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
                        Err(error) => fetch.stranger(&error),
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
        // The source says no more than its hello until it got ours, so that this reader keeps nothing back.
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

    fn stranger(&self, error: &io::Error) {
        let mut told = lock(&self.stranger_told);
        if told.is_none_or(|at| at.elapsed() >= STRANGER_EVERY) {
            *told = Some(Instant::now());
            self.events.error("stranger", &error.to_string(), false);
        }
    }

    /// Keeps the half until its other one is there; then runs the link in this thread.
    fn pair(self: &Arc<Self>, half: Half, halves: &Mutex<Vec<Half>>) {
        let attempt = half.hello.attempt;
        let link = {
            let mut halves = lock(halves);
            // A source that died between its two connections left one; the next counts its attempts anew.
            halves.retain(|other| {
                let hello = &other.hello;
                let newer = (hello.attempt, hello.lane) != (attempt, half.hello.lane);
                hello.attempt >= attempt && newer && other.waits()
            });
            let other = halves
                .iter()
                .position(|other| other.hello.attempt == attempt);
            let Some(at) = other else {
                if halves.len() == HALVES_MAX {
                    halves.remove(0);
                }
                halves.push(half);
                return;
            };
            let other = halves.swap_remove(at);
            let (urgent, bulk) = if half.hello.lane == Lane::Urgent {
                (half, other)
            } else {
                (other, half)
            };
            Arc::new(Link {
                urgent: urgent.conn,
                bulk: bulk.conn,
            })
        };
        let result = self.run_link(attempt, &link);
        link.close();
        self.unlinked(&link);
        if let Err(error) = result {
            self.lost(&error);
        }
    }
}
