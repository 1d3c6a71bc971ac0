//! What goes over the two connections while a link is up.

use std::io::{self, IoSliceMut, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::Serve;
use crate::conn::{Conn, Reader, lock};
use crate::frame::Frame;
use crate::link::{Link, wrong};
use crate::sys::{file, process};

/// One extent at most. Pages.
const EXTENT_PAGES: u64 = 64;
/// How long a link may be idle before its end is looked for, when nothing wakes the writer.
const LOOK: Duration = Duration::from_millis(500);

enum Job {
    Map,
    Stream(Vec<u8>),
    StreamEnd,
    Run(u64, u64),
}

impl Serve {
    /// Answers each fault at once, in a thread that does nothing else.
    pub(super) fn serve_faults(&self, urgent: &mut Reader<'_>) -> io::Result<()> {
        process::prefer_this_thread();
        let conn = urgent.conn();
        let mut page_bytes = vec![0; self.session.page_bytes as usize];
        loop {
            let page = match urgent.next()? {
                Frame::Fault { page } if page < self.session.pages() => page,
                _ => return Err(wrong("the target asked for something that is no page")),
            };
            let data = {
                let mut state = lock(&self.state);
                let plan = state
                    .plan
                    .as_mut()
                    .ok_or_else(|| wrong("a fault before the memory was frozen"))?;
                plan.faulted(page);
                plan.map.get(page)
            };
            self.changed.notify_all();
            if data {
                self.read_pages(page, &mut page_bytes)?;
            }
            if data && !is_zero(&page_bytes) {
                conn.send(&Frame::Page {
                    page,
                    data: &page_bytes,
                })?;
                lock(&self.stats).data_bytes += page_bytes.len() as u64;
            } else {
                conn.send(&Frame::PageZero { page })?;
            }
        }
    }

    pub(super) fn read_bulk(&self, bulk: &mut Reader<'_>) -> io::Result<()> {
        loop {
            match bulk.next()? {
                Frame::Stream(bytes) => {
                    let vmm = lock(&self.state)
                        .vmm
                        .as_ref()
                        .and_then(|vmm| vmm.try_clone().ok());
                    if let Some(mut vmm) = vmm {
                        // A VMM that is gone is the agent's to notice.
                        let _ = vmm.write_all(bytes);
                    }
                }
                Frame::StreamEnd => {
                    if let Some(vmm) = &lock(&self.state).vmm {
                        let _ = vmm.shutdown(Shutdown::Write);
                    }
                }
                Frame::Credit { bytes } => {
                    lock(&self.state).credit += i64::from(bytes);
                    self.changed.notify_all();
                }
                Frame::Ack { .. } => {}
                Frame::Complete => {
                    let link = lock(&self.state).link.clone();
                    if let Some(link) = link {
                        self.completed(&link)?;
                    }
                }
                _ => return Err(wrong("the target sent a frame that only a source sends")),
            }
        }
    }

    pub(super) fn completed(&self, link: &Link) -> io::Result<()> {
        link.bulk.send(&Frame::CompleteAck)?;
        lock(&self.state).complete = true;
        self.changed.notify_all();
        self.events
            .standing(json!({ "event": "complete", "stats": self.stats_json() }));
        Ok(())
    }

    /// Sends what is due, in order of urgency, until the link ends.
    pub(super) fn write_bulk(&self, link: &Link) -> io::Result<()> {
        let conn = &link.bulk;
        let mut buffer = vec![0; (EXTENT_PAGES * self.session.page_bytes) as usize];
        loop {
            match self.next_job(conn)? {
                Job::Map => self.send_map(conn)?,
                Job::Stream(bytes) => {
                    conn.send(&Frame::Stream(&bytes))?;
                    lock(&self.stats).stream_bytes += bytes.len() as u64;
                }
                Job::StreamEnd => conn.send(&Frame::StreamEnd)?,
                Job::Run(first, count) => {
                    let sent = self.send_run(conn, first, count, &mut buffer)?;
                    let spent = (count * self.session.page_bytes) as i64 - sent as i64;
                    lock(&self.state).credit += spent; // zero pages cost no credit
                    if self.session.bulk_bytes_per_second > 0 {
                        let seconds = sent as f64 / self.session.bulk_bytes_per_second as f64;
                        thread::sleep(Duration::from_secs_f64(seconds));
                    }
                }
            }
        }
    }

    fn next_job(&self, conn: &Conn) -> io::Result<Job> {
        let page_bytes = self.session.page_bytes;
        let mut state = lock(&self.state);
        loop {
            let ours = state
                .link
                .as_ref()
                .is_some_and(|link| std::ptr::eq(&raw const link.bulk, conn));
            if !ours || conn.is_closed() {
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
            if let Some(bytes) = state.stream.pop_front() {
                state.stream_ahead -= bytes.len();
                self.changed.notify_all();
                return Ok(Job::Stream(bytes));
            }
            if state.stream_ended && !state.stream_end_sent {
                state.stream_end_sent = true;
                return Ok(Job::StreamEnd);
            }
            let room = (state.credit.max(0) as u64 / page_bytes).min(EXTENT_PAGES);
            let run = state
                .plan
                .as_mut()
                .filter(|_| room > 0)
                .and_then(|plan| plan.next_run(room));
            if let Some((first, count)) = run {
                state.credit -= (count * page_bytes) as i64;
                return Ok(Job::Run(first, count));
            }
            state = self
                .changed
                .wait_timeout(state, LOOK)
                .expect("no thread panics")
                .0;
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

    /// Bytes of page data that were sent: zero pages travel as a number.
    fn send_run(
        &self,
        conn: &Conn,
        first: u64,
        count: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let size = self.session.page_bytes as usize;
        let bytes = &mut buffer[..count as usize * size];
        self.read_pages(first, bytes)?;
        let pages: Vec<&[u8]> = bytes.chunks_exact(size).collect();
        let (mut at, mut sent) = (0, 0);
        while at < pages.len() {
            let zero = is_zero(pages[at]);
            let run = pages[at..]
                .iter()
                .take_while(|page| is_zero(page) == zero)
                .count();
            let page = first + at as u64;
            if zero {
                conn.send(&Frame::Zeros {
                    first: page,
                    count: run as u32,
                })?;
            } else {
                conn.send(&Frame::Extent {
                    first: page,
                    data: &bytes[at * size..(at + run) * size],
                })?;
                sent += run * size;
            }
            at += run;
        }
        lock(&self.stats).data_bytes += sent as u64;
        Ok(sent)
    }

    fn read_pages(&self, first: u64, bytes: &mut [u8]) -> io::Result<()> {
        let ram = self
            .ram
            .as_ref()
            .ok_or_else(|| wrong("pre-copy has no pages"))?;
        file::read_exact_vectored(
            ram,
            &mut [IoSliceMut::new(bytes)],
            first * self.session.page_bytes,
        )
    }
}

/// Word by word; the compiler makes vectors of it.
fn is_zero(page: &[u8]) -> bool {
    page.chunks_exact(64)
        .all(|line| line.iter().fold(0, |all, &byte| all | byte) == 0)
}
