//! Frames off one connection.

use std::io::{self, BufRead, Read};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::Connection;

use super::{Conn, lock};
use crate::frame::{self, Frame, HEADER_BYTES};
use crate::scratch::Scratch;
use crate::sys::socket;

const READ_BYTES: usize = 128 << 10;

/// Takes frames off one connection.
pub struct Reader<'a> {
    conn: &'a Conn,
    raw: Scratch,
    plain: Vec<u8>,
    start: usize,
}

impl<'a> Reader<'a> {
    pub fn new(conn: &'a Conn) -> Self {
        let mut reader = Self {
            conn,
            raw: Scratch::new(READ_BYTES),
            plain: Vec::new(),
            start: 0,
        };
        // What came in one piece with the end of the handshake is decrypted already; no byte will announce it.
        if let Some(tls) = &conn.tls {
            let mut tls = lock(tls);
            if let Ok(state) = tls.process_new_packets() {
                let taken = take(&mut tls, state.plaintext_bytes_to_read(), &mut reader.plain);
                if taken.is_err() {
                    reader.plain.clear();
                }
            }
        }
        reader
    }

    pub fn conn(&self) -> &'a Conn {
        self.conn
    }

    /// The next frame; blocks. A peer that breaks the rules is an error like a broken link.
    pub fn next(&mut self) -> io::Result<Frame<'_>> {
        let head = self.need(HEADER_BYTES)?;
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&self.plain[head..head + HEADER_BYTES]);
        let (length, kind) = frame::header(&header).map_err(invalid)?;
        let at = self.need(HEADER_BYTES + length)?;
        self.start += HEADER_BYTES + length;
        frame::decode(
            kind,
            &self.plain[at + HEADER_BYTES..at + HEADER_BYTES + length],
        )
        .map_err(invalid)
    }

    /// Waits until `next` need not: for each part of a frame so long, and no longer than the peer keeps `other` up.
    pub fn wait(&mut self, other: &Conn, each: Duration) -> io::Result<()> {
        while !self.has_frame() {
            if !socket::readable_beside(&self.conn.tcp, &other.tcp, each)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // What was taken is let go of here: a frame that is there whole is never waited for in `need`.
            self.plain.drain(..self.start);
            self.start = 0;
            self.fill()?;
        }
        Ok(())
    }

    /// Or what is none, which `next` tells.
    fn has_frame(&self) -> bool {
        let there = &self.plain[self.start..];
        there.first_chunk().is_some_and(|header| {
            frame::header(header).map_or(true, |(length, _)| there.len() >= HEADER_BYTES + length)
        })
    }

    /// Where the next `count` bytes start, once they are there.
    fn need(&mut self, count: usize) -> io::Result<usize> {
        while self.plain.len() - self.start < count {
            self.plain.drain(..self.start);
            self.start = 0;
            self.fill()?;
        }
        Ok(self.start)
    }

    fn fill(&mut self) -> io::Result<()> {
        let room = self.raw.first(READ_BYTES);
        let got = match (&self.conn.tcp).read(room) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        self.conn.received.fetch_add(got as u64, Ordering::Relaxed);
        let mut raw = &room[..got];
        let Some(tls) = &self.conn.tls else {
            self.plain.extend_from_slice(raw);
            return Ok(());
        };
        let mut tls = lock(tls);
        while !raw.is_empty() {
            tls.read_tls(&mut raw)?;
            let state = tls.process_new_packets().map_err(broken)?;
            take(&mut tls, state.plaintext_bytes_to_read(), &mut self.plain)?;
            if state.peer_has_closed() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

/// So much of what is decrypted, without clearing room for it first.
fn take(tls: &mut Connection, bytes: usize, plain: &mut Vec<u8>) -> io::Result<()> {
    let until = plain.len() + bytes;
    let mut reader = tls.reader();
    while plain.len() < until {
        let some = reader.fill_buf()?;
        let count = some.len().min(until - plain.len());
        plain.extend_from_slice(&some[..count]);
        reader.consume(count);
    }
    Ok(())
}

/// An alert is the peer's word, which no next link would change. Anything else, like a record that does not decrypt, came
/// about on the way: the next link may do better.
fn broken(error: rustls::Error) -> io::Error {
    match error {
        rustls::Error::AlertReceived(_) => invalid(error),
        _ => io::Error::new(io::ErrorKind::ConnectionAborted, error.to_string()),
    }
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
