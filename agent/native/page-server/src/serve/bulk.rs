//! What goes over bulk while a link is up: the map, the device-load set, the stream, and the pages that nobody asked for.

use std::io;
use std::time::Instant;

use super::Serve;
use super::lanes::is_zero;
use super::pace::Pace;
use super::stream::Piece;
use super::window::Window;
use crate::conn::{Conn, lock};
use crate::frame::Frame;
use crate::link::Link;

/// One extent at most. Pages.
const EXTENT_PAGES: u64 = 64;

enum Job {
    Map,
    Stream(Piece),
    Run(u64, u64),
}

impl Serve {
    /// Sends what is due, in order of urgency, until the link ends.
    pub(super) fn write_bulk(&self, link: &Link) -> io::Result<()> {
        let conn = &link.bulk;
        let mut buffer = vec![0; (EXTENT_PAGES * self.session.page_bytes) as usize];
        let mut pace = Pace::new(self.session.bulk_bytes_per_second, Instant::now());
        loop {
            match self.next_job(conn, &pace)? {
                Job::Map => self.send_map(conn)?,
                Job::Stream(Piece::Bytes(bytes)) => {
                    conn.send(&Frame::Stream(&bytes))?;
                    lock(&self.stats).stream_bytes += bytes.len() as u64;
                }
                Job::Stream(Piece::End) => conn.send(&Frame::StreamEnd)?,
                Job::Run(first, count) => {
                    let sent = self.send_run(conn, first, count, &mut buffer)?;
                    pace.spent(sent, Instant::now());
                }
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
            let room = window.min(state.credit.max(0) as u64) / page_bytes;
            let room = room.min(EXTENT_PAGES);
            let run = state
                .plan
                .as_mut()
                .filter(|_| room > 0 && pause.is_zero())
                .and_then(|plan| plan.next_run(room));
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
        let map = match &lock(&self.state).plan {
            Some(plan) => plan.map.clone(),
            None => return Ok(()),
        };
        map.pieces(|first, bits| conn.send(&Frame::Map { first, bits }))?;
        conn.send(&Frame::MapEnd {
            data_pages: map.ones(),
        })
    }

    /// Bytes of page data that were sent: zero pages travel as a number, and cost no credit.
    fn send_run(&self, conn: &Conn, first: u64, count: u64, buffer: &mut [u8]) -> io::Result<u64> {
        let size = self.session.page_bytes as usize;
        let bytes = &mut buffer[..count as usize * size];
        self.read_pages(first, bytes)?;
        let zero: Vec<bool> = bytes.chunks_exact(size).map(is_zero).collect();
        let zeros = zero.iter().filter(|&&is| is).count() as u64;
        let data = (count - zeros) * self.session.page_bytes;
        {
            let mut state = lock(&self.state);
            state.credit += (zeros * self.session.page_bytes) as i64;
            if let Some(window) = &mut state.window {
                window.sent(data, Instant::now());
            }
        }
        let mut at = 0;
        for run in zero.chunk_by(|one, next| one == next) {
            let page = first + at as u64;
            conn.send(&if run[0] {
                Frame::Zeros {
                    first: page,
                    count: run.len() as u32,
                }
            } else {
                Frame::Extent {
                    first: page,
                    data: &bytes[at * size..(at + run.len()) * size],
                }
            })?;
            at += run.len();
        }
        let mut stats = lock(&self.stats);
        stats.data_bytes += data;
        stats.bulk_bytes += data;
        Ok(data)
    }
}
