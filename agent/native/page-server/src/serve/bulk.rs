//! What goes over bulk while a link is up: the map, the device-load set, the stream, and the pages that nobody asked for.

use std::io;
use std::time::Instant;

use super::Serve;
use super::lanes::is_zero;
use super::pace::Pace;
use super::stream::Piece;
use super::window::Window;
use crate::bitmap::Bitmap;
use crate::conn::{Conn, lock};
use crate::frame::Frame;
use crate::link::Link;
use crate::packed::Packer;

/// One extent at most. Pages.
const EXTENT_PAGES: u64 = 64;

enum Job {
    Map,
    Stream(Piece),
    Run(u64, u64),
    Ahead(u64, u64),
    PassOver,
    Stale(Bitmap),
}

impl Serve {
    /// Sends what is due, in order of urgency, until the link ends.
    pub(super) fn write_bulk(&self, link: &Link) -> io::Result<()> {
        let conn = &link.bulk;
        let mut buffer = vec![0; (EXTENT_PAGES * self.session.page_bytes) as usize];
        let mut packer = Packer::default();
        let mut pace = Pace::new(self.session.bulk_bytes_per_second, Instant::now());
        let mut urgent = lock(&self.stats).urgent_bytes;
        loop {
            // They wait for no cap, but bulk makes room for them.
            let before = std::mem::replace(&mut urgent, lock(&self.stats).urgent_bytes);
            if urgent > before {
                pace.spent(urgent - before, Instant::now());
            }
            match self.next_job(conn, &pace)? {
                Job::Map => self.send_map(conn)?,
                Job::Stream(Piece::Bytes(bytes)) => {
                    conn.send(&Frame::Stream(&bytes))?;
                    lock(&self.stats).stream_bytes += bytes.len() as u64;
                }
                Job::Stream(Piece::End) => conn.send(&Frame::StreamEnd)?,
                Job::Run(first, count) => {
                    let sent = self.send_run(conn, first, count, &mut buffer, &mut packer)?;
                    pace.spent(sent, Instant::now());
                }
                Job::Ahead(first, count) => {
                    let sent = self.send_ahead(conn, first, count, &mut buffer)?;
                    pace.spent(sent, Instant::now());
                }
                Job::PassOver => self.pass_over(),
                Job::Stale(stale) => send_stale(conn, &stale)?,
            }
        }
    }

    fn next_job(&self, conn: &Conn, pace: &Pace) -> io::Result<Job> {
        let page_bytes = self.session.page_bytes;
        let mut state = lock(&self.state);
        loop {
            if conn.is_closed() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if let Some(stale) = state.stale_early.take() {
                return Ok(Job::Stale(stale));
            }
            let map_due = !state.map_sent;
            if let Some(plan) = state.plan.as_mut() {
                if map_due {
                    state.map_sent = true;
                    return Ok(Job::Map);
                }
                if let Some(page) = plan.next_first() {
                    // Before everything, whatever the credit: what it took is paid back like any other.
                    state.credit -= page_bytes as i64;
                    return Ok(Job::Run(page, 1));
                }
            }
            if let Some(piece) = state.stream.next() {
                self.changed.notify_all(); // there is room for more
                return Ok(Job::Stream(piece));
            }
            let pause = pace.wait(Instant::now());
            let window = state.window.as_mut().map_or(0, Window::room);
            let fits = state.packing.as_ref().map_or(window, |it| it.fit(window));
            // What does not pack after all must be granted as well.
            let room = fits.min(state.credit.max(0) as u64) / page_bytes;
            let room = room.min(EXTENT_PAGES);
            let goes = room > 0 && pause.is_zero();
            if let Some(ahead) = state.ahead.as_mut().filter(|ahead| goes && !ahead.warm) {
                let Some((first, count)) = ahead.next_run(room) else {
                    return Ok(Job::PassOver);
                };
                state.credit -= (count * page_bytes) as i64;
                return Ok(Job::Ahead(first, count));
            }
            let plan = state.plan.as_mut().filter(|_| goes);
            let run = plan.and_then(|plan| plan.next_run(room));
            if let Some((first, count)) = run {
                state.credit -= (count * page_bytes) as i64;
                return Ok(Job::Run(first, count));
            }
            state = if pause.is_zero() {
                self.changed.wait(state).expect("no thread panics")
            } else {
                let waited = self.changed.wait_timeout(state, pause);
                waited.expect("no thread panics").0
            };
        }
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

    /// What really goes out of a run, for which all of it was set aside.
    pub(super) fn spend(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.credit -= bytes as i64;
        if let Some(window) = &mut state.window {
            window.sent(bytes, Instant::now());
        }
    }

    /// Bytes of page data on the wire: zero pages travel as a number, and cost no credit.
    fn send_run(
        &self,
        conn: &Conn,
        first: u64,
        count: u64,
        buffer: &mut [u8],
        packer: &mut Packer,
    ) -> io::Result<u64> {
        let size = self.session.page_bytes as usize;
        let bytes = &mut buffer[..count as usize * size];
        self.read_pages(first, bytes)?;
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
                sent += self.send_extent(conn, page, pages, packer)?;
            }
            at += run.len();
        }
        Ok(sent)
    }

    /// Packed where that pays. Bytes on the wire.
    fn send_extent(
        &self,
        conn: &Conn,
        first: u64,
        pages: &[u8],
        packer: &mut Packer,
    ) -> io::Result<u64> {
        let due = match &mut lock(&self.state).packing {
            Some(packing) => packing.is_due(Instant::now()),
            None => false,
        };
        let begun = Instant::now();
        let block = due.then(|| packer.pack(pages));
        let now = Instant::now();
        let plain = pages.len() as u64;
        let (block, wire) = {
            let mut state = lock(&self.state);
            let block = block.filter(|block| {
                let packing = state.packing.as_mut();
                packing.is_some_and(|it| it.tried(plain, block.len() as u64, now - begun))
            });
            let wire = block.map_or(plain, |block| block.len() as u64);
            state.credit += (plain - wire) as i64;
            if let Some(window) = &mut state.window {
                window.sent(wire, now);
            }
            (block, wire)
        };
        conn.send(&match block {
            Some(block) => Frame::Packed {
                first,
                count: (plain / self.session.page_bytes) as u32,
                block,
            },
            None => Frame::Extent { first, data: pages },
        })?;
        let mut stats = lock(&self.stats);
        stats.data_bytes += plain;
        stats.bulk_bytes += wire;
        if block.is_some() {
            stats.packed(plain, wire);
        }
        Ok(wire)
    }
}

fn send_stale(conn: &Conn, stale: &Bitmap) -> io::Result<()> {
    stale.pieces(|first, bits| conn.send(&Frame::Stale { first, bits }))
}
