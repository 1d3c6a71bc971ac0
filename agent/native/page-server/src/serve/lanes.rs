//! Answers to the target: a page for each fault, and what comes over bulk from it.

use std::io::{self, IoSliceMut};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::json;

use super::bulk::Desk;
use super::{Serve, State};
use crate::conn::{Conn, Reader, lock};
use crate::frame::Frame;
use crate::link::wrong;
use crate::scratch::Scratch;
use crate::sys::{file, process};

impl Serve {
    /// Answers each fault at once, in a thread that does nothing else.
    pub(super) fn serve_faults(&self, urgent: &mut Reader<'_>) -> io::Result<()> {
        process::take_rank(process::Rank::First);
        let conn = urgent.conn();
        let size = self.session.page_bytes as usize;
        let mut scratch = Scratch::new(size);
        loop {
            let page = match urgent.next()? {
                Frame::Fault { page } if page < self.session.pages() => page,
                _ => return Err(wrong("the target asked for something that is no page")),
            };
            let data = {
                let mut state = self.frozen(conn)?;
                let is_given = state.release.as_ref().is_some_and(|it| it.has_given(page));
                if is_given && state.plan.as_ref().is_some_and(|it| it.map.get(page)) {
                    continue; // it came by bulk while the fault was under way, and was acknowledged
                }
                if let Some(quiet) = &mut state.quiet {
                    quiet.faulted(Instant::now());
                }
                let plan = state.plan.as_mut().ok_or_else(too_early)?;
                plan.faulted(page);
                plan.map.get(page)
            };
            let page_bytes = scratch.first(size);
            if data && !self.read_pages(page, page_bytes)? {
                continue; // whoever touches it waits, as for any page that is nowhere
            }
            if data && !is_zero(page_bytes) {
                conn.send(&Frame::Page {
                    page,
                    data: page_bytes,
                })?;
                let mut stats = lock(&self.stats);
                stats.data_bytes += page_bytes.len() as u64;
                stats.urgent_bytes += page_bytes.len() as u64;
            } else {
                conn.send(&Frame::PageZero { page })?;
            }
        }
    }

    /// A target that knows the map asks for pages of a memory that stands: this page server was started again, and is not
    /// told yet. Its faults wait for that.
    fn frozen(&self, conn: &Conn) -> io::Result<MutexGuard<'_, State>> {
        let mut state = lock(&self.state);
        while state.plan.is_none() {
            if conn.is_closed() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if !state.was_frozen {
                return Err(too_early());
            }
            state = self.changed.wait(state).expect("no thread panics");
        }
        Ok(state)
    }

    pub(super) fn read_bulk(&self, bulk: &mut Reader<'_>, desk: &Mutex<Desk>) -> io::Result<()> {
        let conn = bulk.conn();
        loop {
            match bulk.next()? {
                Frame::Stream(bytes) => self.to_vmm(bytes),
                Frame::StreamEnd => self.end_return_path(),
                Frame::Credit { bytes } => {
                    self.credited_ahead(bytes)?;
                    self.credited(bytes, None);
                    self.send_on(conn, desk)?;
                }
                Frame::Unpacked { bytes, nanoseconds } => {
                    self.credited_ahead(bytes)?;
                    let took = Duration::from_nanos(nanoseconds.into());
                    self.credited(bytes, Some(took));
                    self.send_on(conn, desk)?;
                }
                Frame::Ack { first, count } => {
                    let mut guard = lock(&self.state);
                    let state = &mut *guard;
                    if let (Some(plan), Some(release)) = (&state.plan, &mut state.release)
                        && !release.acknowledged(plan, first, u64::from(count))
                    {
                        return Err(wrong("the target acknowledged what it cannot have"));
                    }
                    if state.releases {
                        self.due.notify_one();
                    }
                }
                Frame::Complete => {
                    let state = lock(&self.state);
                    if state.plan.is_none() && !state.was_frozen {
                        return Err(wrong("an end before the memory was frozen"));
                    }
                    drop(state);
                    self.completed();
                }
                _ => return Err(wrong("the target sent a frame that only a source sends")),
            }
        }
    }

    /// `unpacking`: they were packed, and it took so long.
    fn credited(&self, bytes: u32, unpacking: Option<Duration>) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        state.credit = state.credit.saturating_add(i64::from(bytes));
        if let Some(window) = &mut state.window {
            window.credited(u64::from(bytes), now);
        }
        match (&mut state.packing, unpacking) {
            (Some(packing), Some(took)) => packing.unpacked(u64::from(bytes), took, now),
            (Some(packing), None) => packing.credited(u64::from(bytes), now),
            (None, _) => {}
        }
    }

    pub(super) fn completed(&self) {
        lock(&self.state).complete = true;
        self.changed.notify_all();
        self.events
            .standing(json!({ "event": "complete", "stats": self.stats_json() }));
    }

    /// False: they cannot be read all. While the guest may still run here, that ends the move. Behind the switch it is lost
    /// memory, and what can be read must still go: it is told once for each page, and whoever touches one waits.
    pub(super) fn read_pages(&self, first: u64, bytes: &mut [u8]) -> io::Result<bool> {
        let ram = self
            .ram
            .as_ref()
            .ok_or_else(|| wrong("pre-copy has no pages"))?;
        let at = first * self.session.page_bytes;
        let pages = bytes.len() as u64 / self.session.page_bytes;
        let Err(error) = file::read_exact_vectored(ram, &mut [IoSliceMut::new(bytes)], at) else {
            return Ok(true);
        };
        let what = format!("{}: {error}", self.session.ram_file.display());
        let is_news = {
            let mut guard = lock(&self.state);
            let switched = guard.switched;
            let Some(lost) = guard.lost.as_mut().filter(|_| switched) else {
                self.fatal("ram", &what);
            };
            pages == 1 && lost.set(first)
        };
        if is_news {
            let what = format!("{what}: page {first} is lost, whoever touches it waits");
            self.events.error("ram", &what, false);
        }
        Ok(false)
    }
}

fn too_early() -> io::Error {
    wrong("a fault before the memory was frozen")
}

/// Word by word; the compiler makes vectors of it.
pub(super) fn is_zero(page: &[u8]) -> bool {
    page.chunks_exact(64)
        .all(|line| line.iter().fold(0, |all, &byte| all | byte) == 0)
}
