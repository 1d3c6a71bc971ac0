//! Takes connections: each proves itself by TLS and its hello, two of one attempt make a link.

use std::io;
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::Fetch;
use crate::conn::{Conn, Reader, lock};
use crate::frame::{Hello, Lane};
use crate::link::{Link, expect_hello, tune};
use crate::sys::socket;
use rustls::ServerConfig;

/// Connections that have not proven themselves yet, each in a thread of its own; the source makes two at a time. Halves that
/// wait for their other one are not among them (`HALVES_MAX`).
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

/// Those that have not proven themselves, the oldest first. Whoever keeps coming shortens the time of their own: the one that
/// goes is the oldest of the address that has the most of them.
#[derive(Default)]
struct Pending {
    next: u64,
    from: Vec<(u64, IpAddr, TcpStream)>,
}

impl Pending {
    /// Makes room for one more. Answers its number.
    fn enter(&mut self, from: IpAddr, tcp: TcpStream) -> u64 {
        if self.from.len() >= PENDING_MAX {
            let of = |address: IpAddr| self.from.iter().filter(|it| it.1 == address).count();
            let most = self.from.iter().map(|it| of(it.1)).max();
            let at = self.from.iter().position(|it| Some(of(it.1)) == most);
            // Its thread notices, and ends.
            let _ = self.from.remove(at.unwrap_or(0)).2.shutdown(Shutdown::Both);
        }
        self.next += 1;
        self.from.push((self.next, from, tcp));
        self.next
    }

    fn leave(&mut self, number: u64) {
        self.from.retain(|it| it.0 != number);
    }
}

impl Fetch {
    /// Never returns.
    pub(super) fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        config: Option<&Arc<ServerConfig>>,
    ) -> ! {
        let halves: Arc<Mutex<Vec<Half>>> = Arc::default();
        let pending: Arc<Mutex<Pending>> = Arc::default();
        loop {
            let accepted = listener.accept();
            let Ok((tcp, from, twin)) =
                accepted.and_then(|(tcp, from)| tcp.try_clone().map(|twin| (tcp, from, twin)))
            else {
                thread::sleep(Duration::from_millis(10)); // out of descriptors: others may close theirs
                continue;
            };
            let number = lock(&pending).enter(from.ip(), twin);
            let (fetch, halves, its) =
                (Arc::clone(self), Arc::clone(&halves), Arc::clone(&pending));
            let config = config.cloned();
            let spawned = thread::Builder::new()
                .name("lane".to_owned())
                .spawn(move || {
                    let greeted = fetch.greet(tcp, config.as_ref());
                    lock(&its).leave(number);
                    match greeted {
                        Ok(half) => fetch.pair(half, &halves),
                        // Strangers knock on every port; that is no reason to stop.
                        Err(error) => fetch.stranger(&error),
                    }
                });
            if spawned.is_err() {
                lock(&pending).leave(number); // no thread for it: dropped, which closes it
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_too_many_wait_the_oldest_of_the_address_that_has_the_most_goes() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let connect = || {
            let _client = TcpStream::connect(address).expect("it listens");
            listener.accept().expect("it connected").0
        };
        let mut pending = Pending::default();
        let [source, other, many] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        pending.enter(source, connect());
        pending.enter(other, connect());
        for _ in 0..200 {
            pending.enter(many, connect());
        }
        let last = pending.enter(source, connect());
        assert_eq!(pending.from.len(), PENDING_MAX);
        let numbers = |from| {
            let its = pending.from.iter().filter(|it| it.1 == from);
            its.map(|it| it.0).collect::<Vec<_>>()
        };
        assert_eq!((numbers(source), numbers(other)), (vec![1, last], vec![2]));
        assert_eq!(numbers(many)[0], 142, "the newest of them are left");
    }
}
