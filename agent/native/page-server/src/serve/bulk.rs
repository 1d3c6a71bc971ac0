//! What goes over bulk while a link is up: the map, the device-load set, the stream, and the pages that nobody asked for.

use std::io;
use std::sync::Mutex;
use std::time::Instant;

use super::lanes::is_zero;
use super::pace::Pace;
use super::stream::Piece;
use super::{Serve, State};
use crate::bitmap::Bitmap;
use crate::conn::{Conn, Pieces, lock};
use crate::frame::Frame;
use crate::link::Link;
use crate::packed::Packer;
use crate::scratch::Scratch;

/// One extent at most, as long as a frame can be. On links of several Gbit/s it is the CPU that ends here: with a quarter of it both
/// sides took a quarter more.
const EXTENT_BYTES: u64 = 1 << 20;

enum Job {
    Map,
    Stream(Piece),
    Run(u64, u64, Pieces),
    Ahead(u64, u64),
    PassOver,
    Stale(Bitmap),
}

/// What sending takes. Whoever holds it sends, from choosing what goes next until it is out: so nothing overtakes the map.
pub(super) struct Desk {
    pub(super) buffer: Scratch,
    pub(super) packer: Packer,
    pace: Pace,
    /// Sent in answer to faults, as far as the pace knows.
    urgent: u64,
}

impl Serve {
    pub(super) fn desk(&self) -> Mutex<Desk> {
        Mutex::new(Desk {
            buffer: Scratch::new(EXTENT_BYTES as usize),
            packer: Packer::default(),
            pace: Pace::new(self.session.bulk_bytes_per_second, Instant::now()),
            urgent: lock(&self.stats).urgent_bytes,
        })
    }

    /// Sends what is due, in order of urgency, until the link ends.
    pub(super) fn write_bulk(&self, link: &Link, desk: &Mutex<Desk>) -> io::Result<()> {
        let conn = &link.bulk;
        loop {
            let mut desk = lock(desk);
            let mut state = lock(&self.state);
            if conn.is_closed() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let now = Instant::now();
            if let Some(job) = self.due(&mut state, &mut desk, now) {
                drop(state);
                self.carry_out(conn, job, &mut desk)?;
                continue;
            }
            let pause = desk.pace.wait(now);
            // Under the lock of the state: a credit that comes from here on finds the desk free.
            drop(desk);
            if pause.is_zero() {
                drop(self.changed.wait(state).expect("no thread panics"));
            } else {
                let waited = self.changed.wait_timeout(state, pause);
                drop(waited.expect("no thread panics").0);
            }
        }
    }

    /// Who brought a credit sends what it is for: one thread is woken for each extent instead of two. If the writer is at the
    /// desk, it looks again before it leaves.
    pub(super) fn send_on(&self, conn: &Conn, desk: &Mutex<Desk>) -> io::Result<()> {
        let Ok(mut desk) = desk.try_lock() else {
            return Ok(());
        };
        loop {
            let now = Instant::now();
            let Some(job) = self.due(&mut lock(&self.state), &mut desk, now) else {
                if !desk.pace.wait(now).is_zero() {
                    self.changed.notify_all(); // the writer waits for the time to come
                }
                return Ok(());
            };
            self.carry_out(conn, job, &mut desk)?;
        }
    }

    fn carry_out(&self, conn: &Conn, job: Job, desk: &mut Desk) -> io::Result<()> {
        match job {
            Job::Map => self.send_map(conn)?,
            Job::Stream(Piece::Bytes(bytes)) => {
                conn.send(&Frame::Stream(&bytes))?;
                lock(&self.stats).stream_bytes += bytes.len() as u64;
            }
            Job::Stream(Piece::End) => {
                conn.send(&Frame::StreamEnd)?;
                lock(&self.state).switched = true;
            }
            Job::Run(first, count, pieces) => {
                let sent = self.send_run(conn, first, count, pieces, desk)?;
                desk.pace.spent(sent, Instant::now());
            }
            Job::Ahead(first, count) => {
                let sent = self.send_ahead(conn, first, count, desk)?;
                desk.pace.spent(sent, Instant::now());
            }
            Job::PassOver => self.pass_over(),
            Job::Stale(stale) => send_stale(conn, &stale)?,
        }
        Ok(())
    }

    /// The next thing to send, which then counts as sent. None: nothing is there, or may go yet; if it is for the pace, that
    /// is still so when asked for the same `now`. (Asked a moment later it may be over, and nobody would wait for it.)
    fn due(&self, state: &mut State, desk: &mut Desk, now: Instant) -> Option<Job> {
        let page_bytes = self.session.page_bytes;
        // They wait for no cap, but bulk makes room for them.
        let before = std::mem::replace(&mut desk.urgent, lock(&self.stats).urgent_bytes);
        if desk.urgent > before {
            desk.pace.spent(desk.urgent - before, now);
        }
        if let Some(stale) = state.stale_early.take() {
            return Some(Job::Stale(stale));
        }
        let map_due = !state.map_sent;
        if let Some(plan) = state.plan.as_mut() {
            if map_due {
                state.map_sent = true;
                return Some(Job::Map);
            }
            if let Some(page) = plan.next_first() {
                // Before everything, whatever the credit: what it took is paid back like any other.
                state.credit -= page_bytes as i64;
                return Some(Job::Run(page, 1, Pieces::Small));
            }
        }
        if let Some(piece) = state.stream.next() {
            self.changed.notify_all(); // there is room for more
            return Some(Job::Stream(piece));
        }
        if !desk.pace.wait(now).is_zero() {
            return None;
        }
        let credit = state.credit.max(0) as u64;
        // Ahead of the switch nobody can wait.
        let quiet = state.plan.is_none() || state.quiet.as_ref().is_some_and(|it| it.is_quiet(now));
        let window = state.window.as_mut();
        let window = window.map_or(0, |it| it.room(credit, quiet));
        let fits = state.packing.as_ref().map_or(window, |it| it.fit(window));
        // What does not pack after all must be granted as well.
        let room = fits.min(credit).min(desk.pace.most()).min(EXTENT_BYTES) / page_bytes;
        if room == 0 {
            return None;
        }
        let job = match state.ahead.as_mut().filter(|ahead| !ahead.warm) {
            Some(ahead) => match ahead.next_run(room) {
                Some((first, count)) => Job::Ahead(first, count),
                None => return Some(Job::PassOver),
            },
            None => {
                let (first, count) = state.plan.as_mut()?.next_run(room)?;
                let pieces = if quiet { Pieces::Large } else { Pieces::Small };
                Job::Run(first, count, pieces)
            }
        };
        if let Job::Run(_, count, _) | Job::Ahead(_, count) = job {
            state.credit -= (count * page_bytes) as i64;
        }
        Some(job)
    }

    fn send_map(&self, conn: &Conn) -> io::Result<()> {
        let (map, stale) = {
            let state = lock(&self.state);
            match &state.plan {
                Some(plan) => (plan.map.clone(), state.stale.clone()),
                None => return Ok(()),
            }
        };
        if let Some(stale) = stale {
            send_stale(conn, &stale)?;
        }
        map.pieces(|first, bits| conn.send(&Frame::Map { first, bits }))?;
        conn.send(&Frame::MapEnd {
            data_pages: map.ones(),
        })
    }

    /// Bytes of page data on the wire: zero pages travel as a number, and cost no credit.
    fn send_run(
        &self,
        conn: &Conn,
        first: u64,
        count: u64,
        pieces: Pieces,
        desk: &mut Desk,
    ) -> io::Result<u64> {
        let size = self.session.page_bytes as usize;
        let bytes = desk.buffer.first(count as usize * size);
        if !self.read_pages(first, bytes)? {
            return self.send_one_by_one(conn, first, count, pieces, desk);
        }
        let zero: Vec<bool> = bytes.chunks_exact(size).map(is_zero).collect();
        let (mut at, mut sent) = (0, 0);
        for run in zero.chunk_by(|one, next| one == next) {
            let page = first + at as u64;
            let pages = &bytes[at * size..(at + run.len()) * size];
            if run[0] {
                lock(&self.state).credit += pages.len() as i64;
                conn.send(&Frame::Zeros {
                    first: page,
                    count: run.len() as u32,
                })?;
            } else {
                sent += self.send_extent(conn, page, pages, pieces, &mut desk.packer)?;
            }
            at += run.len();
        }
        Ok(sent)
    }

    /// Some of them cannot be read: the others go. Whether it is they is tried again over the next link.
    fn send_one_by_one(
        &self,
        conn: &Conn,
        first: u64,
        count: u64,
        pieces: Pieces,
        desk: &mut Desk,
    ) -> io::Result<u64> {
        let size = self.session.page_bytes;
        if count == 1 {
            lock(&self.state).credit += size as i64;
            return Ok(0);
        }
        let sent = (first..first + count).map(|page| self.send_run(conn, page, 1, pieces, desk));
        sent.sum()
    }

    /// Packed where that pays. Bytes on the wire.
    fn send_extent(
        &self,
        conn: &Conn,
        first: u64,
        pages: &[u8],
        pieces: Pieces,
        packer: &mut Packer,
    ) -> io::Result<u64> {
        let block = self.pack(pages, packer);
        let plain = pages.len() as u64;
        let wire = block.map_or(plain, |block| block.len() as u64);
        {
            let mut state = lock(&self.state);
            state.credit += (plain - wire) as i64;
            if let Some(window) = &mut state.window {
                window.sent(wire, Instant::now());
            }
        }
        let frame = match block {
            Some(block) => Frame::Packed {
                first,
                count: (plain / self.session.page_bytes) as u32,
                block,
            },
            None => Frame::Extent { first, data: pages },
        };
        conn.send_in(&frame, pieces)?;
        let mut stats = lock(&self.stats);
        stats.data_bytes += plain;
        stats.bulk_bytes += wire;
        if block.is_some() {
            stats.packed(plain, wire);
        }
        Ok(wire)
    }

    /// As a block, where that pays.
    pub(super) fn pack<'a>(&self, pages: &[u8], packer: &'a mut Packer) -> Option<&'a [u8]> {
        let is_due = lock(&self.state).packing.as_mut()?.is_due(Instant::now());
        if !is_due {
            return None;
        }
        let begun = Instant::now();
        let block = packer.pack(pages);
        let (from, to, took) = (pages.len() as u64, block.len() as u64, begun.elapsed());
        let pays = lock(&self.state).packing.as_mut()?.tried(from, to, took);
        pays.then_some(block)
    }
}

fn send_stale(conn: &Conn, stale: &Bitmap) -> io::Result<()> {
    stale.pieces(|first, bits| conn.send(&Frame::Stale { first, bits }))
}
