//! One connection: frames in, frames out, under TLS. Any thread may write; one reads. The lock of the TLS state is
//! never held while a socket blocks, so that a full bulk connection can still read the credit that unblocks it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustls::Connection;

use crate::frame::{self, Frame};

mod reader;

pub use reader::Reader;

/// A peer that does not finish its handshake in this time is none.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// How much is handed to the kernel at a time. What it makes one packet of (GSO) cannot be overtaken by an urgent page, priority
/// class or not; each packet costs a system call, and a way through every qdisc, bridge and filter there is.
#[derive(Clone, Copy)]
pub enum Pieces {
    /// 0.13 ms of 1 Gbit/s.
    Small,
    /// The most that is one packet: the source takes a tenth less CPU (1 Gbit/s, a busy neighbour).
    Large,
}

impl Pieces {
    fn bytes(self) -> usize {
        match self {
            Self::Small => 16 << 10,
            Self::Large => 64 << 10,
        }
    }
}

pub struct Conn {
    tcp: TcpStream,
    tls: Option<Mutex<Connection>>,
    /// Held over encrypting and writing: records must leave in the order in which they were made.
    out: Mutex<Vec<u8>>,
    pub sent: AtomicU64,
    pub received: AtomicU64,
    closed: AtomicBool,
}

/// A poisoned lock means a thread panicked: so does whoever comes next.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no thread panics while it holds a lock")
}

impl Conn {
    /// Does the handshake; `None` = plain, for benches.
    pub fn open(tcp: TcpStream, tls: Option<Connection>) -> io::Result<Self> {
        let tls = match tls {
            None => None,
            Some(mut tls) => {
                tls.set_buffer_limit(None);
                let mut hurried = Hurried {
                    tcp: &tcp,
                    until: Instant::now() + HANDSHAKE_MAX,
                };
                while tls.is_handshaking() || tls.wants_write() {
                    tls.complete_io(&mut hurried)?;
                }
                Some(Mutex::new(tls))
            }
        };
        tcp.set_read_timeout(None)?;
        tcp.set_write_timeout(None)?;
        Ok(Self {
            tcp,
            tls,
            out: Mutex::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        })
    }

    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub fn send(&self, frame: &Frame<'_>) -> io::Result<()> {
        self.send_in(frame, Pieces::Small)
    }

    pub fn send_in(&self, frame: &Frame<'_>, pieces: Pieces) -> io::Result<()> {
        let (head, data) = frame::encode(frame);
        let mut out = lock(&self.out);
        match &self.tls {
            None => {
                out.extend_from_slice(&head);
                out.extend_from_slice(data);
            }
            Some(tls) => {
                let mut tls = lock(tls);
                // Refused when the reader found a record that does not decrypt: a broken link for the writer as well.
                let mut writer = tls.writer();
                let taken = writer
                    .write_all(&head)
                    .and_then(|()| writer.write_all(data));
                taken.map_err(|error| {
                    io::Error::new(io::ErrorKind::ConnectionAborted, error.to_string())
                })?;
                while tls.wants_write() {
                    tls.write_tls(&mut *out)?;
                }
            }
        }
        self.sent.fetch_add(out.len() as u64, Ordering::Relaxed);
        let result = out
            .chunks(pieces.bytes())
            .try_for_each(|some| (&self.tcp).write_all(some));
        out.clear();
        if result.is_err() {
            self.close(); // a frame was cut short: nothing that follows could be understood
        }
        result
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Ends both directions; readers and writers of either side notice.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = self.tcp.shutdown(Shutdown::Both);
    }
}

/// Ends a handshake that takes too long as a whole. A time limit of a socket alone is one for each read: a stranger who
/// sends a byte now and then would hold its thread for ever.
struct Hurried<'a> {
    tcp: &'a TcpStream,
    until: Instant,
}

impl Hurried<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the handshake took too long",
            ))
        } else {
            Ok(Some(left))
        }
    }
}

impl Read for Hurried<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(self.left()?)?;
        self.tcp.read(buffer)
    }
}

impl Write for Hurried<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(self.left()?)?;
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
