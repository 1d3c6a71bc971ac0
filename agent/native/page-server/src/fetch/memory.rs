//! The guest's memory on the target: what is there, what is waited for, and how a page gets in. A page that holds data
//! at the source is never anything else here: it is installed, or whoever touches it waits.

use std::io;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::book::{Book, Need};
use crate::conn::lock;
use crate::control::Events;
use crate::link::wrong;
use crate::stats::Stats;
use crate::sys::uffd::{Filled, Uffd};

pub const PAGE: u64 = 4096;
/// A full file system may be made room in; until then the guest waits.
const NO_MEMORY_AGAIN: Duration = Duration::from_millis(100);
/// The address space is being changed (EAGAIN of ioctl_userfaultfd(2)); spinning could keep the one who changes it off
/// the CPU.
const CHANGING_AGAIN: Duration = Duration::from_micros(50);
/// More would be a working set, not what devices touch.
const DEVICE_LOAD_MAX: usize = 4096;

/// The watched range, in the VMM's address space.
pub struct Armed {
    pub uffd: Uffd,
    pub base: u64,
}

pub struct Memory {
    pub armed: OnceLock<Armed>,
    pub book: Mutex<Book>,
    pub stats: Mutex<Stats>,
    events: Events,
    pub(super) pages: u64,
}

impl Memory {
    pub fn new(pages: u64, events: Events) -> Self {
        Self {
            armed: OnceLock::new(),
            book: Mutex::new(Book::new(pages)),
            stats: Mutex::default(),
            events,
            pages,
        }
    }

    /// A fault was read. True: the page has to be asked for.
    pub fn faulted(&self, page: u64, thread: u32) -> io::Result<bool> {
        let need = {
            let mut book = lock(&self.book);
            let mut stats = lock(&self.stats);
            if book.resumed {
                stats.faulted(page);
            } else if stats.device_load_pages.len() < DEVICE_LOAD_MAX {
                stats.device_load_pages.push(page);
            }
            book.faulted(page, thread)
        };
        match need {
            Need::Ask => return Ok(true),
            Need::Wait => {}
            Need::Zero => self.fill_zero(page)?,
            Need::Wake => self.wake(page)?,
        }
        Ok(false)
    }

    /// The map is whole: what waits for a page without data waits no longer. Answers the pages to ask for.
    pub fn map_end(&self, data_pages: u64) -> io::Result<Vec<u64>> {
        if lock(&self.book).map_known {
            return Ok(vec![]); // sent again over a new link, which was asked already
        }
        let holes = lock(&self.book)
            .map_end(data_pages)
            .ok_or_else(|| wrong("the map has lost pages"))?;
        lock(&self.stats).data_pages = data_pages;
        for page in holes {
            self.fill_zero(page)?;
        }
        Ok(lock(&self.book).waited_for())
    }

    /// Whether so many bytes from a page on are whole pages of this memory.
    pub(super) fn holds(&self, first: u64, bytes: u64) -> bool {
        let end = first.checked_add(bytes / PAGE);
        bytes.is_multiple_of(PAGE) && end.is_some_and(|end| end <= self.pages)
    }

    pub(super) fn armed(&self) -> io::Result<&Armed> {
        self.armed.get().ok_or_else(too_early)
    }

    /// Pages of data from `first` on, over the link of that number. False: a peer that sends what it never announced.
    pub fn install(&self, link: u64, first: u64, data: &[u8]) -> io::Result<bool> {
        let count = data.len() as u64 / PAGE;
        if !self.holds(first, data.len() as u64) {
            return Ok(false);
        }
        let missing: Vec<bool> = {
            let book = lock(&self.book);
            if !book.announced(first, count) {
                return Ok(false);
            }
            (first..first + count)
                .map(|page| !book.settled.get(page))
                .collect()
        };
        let mut at = 0;
        while at < missing.len() {
            let run = missing[at..]
                .iter()
                .take_while(|&&is| is == missing[at])
                .count();
            if missing[at] {
                let bytes = &data[at * PAGE as usize..(at + run) * PAGE as usize];
                self.fill(first + at as u64, bytes)?;
            }
            at += run;
        }
        lock(&self.book).touch(link, first, count);
        Ok(true)
    }

    /// Data pages that turned out to be zero.
    pub fn zeros(&self, link: u64, first: u64, count: u64) -> io::Result<bool> {
        if first.checked_add(count).is_none_or(|end| end > self.pages) {
            return Ok(false);
        }
        let waited = {
            let mut book = lock(&self.book);
            if !book.announced(first, count) {
                return Ok(false);
            }
            let waited = book.zeros(first, count);
            book.touch(link, first, count);
            lock(&self.stats).pages_done = book.settled.ones();
            waited
        };
        for page in waited {
            self.fill_zero(page)?;
        }
        Ok(true)
    }

    /// True exactly once: every data page is in place, the watch has ended.
    pub fn finish(&self) -> io::Result<bool> {
        {
            let mut book = lock(&self.book);
            if !book.is_whole() || book.complete || self.armed.get().is_none() {
                return Ok(false);
            }
            book.complete = true;
        }
        if let Some(armed) = self.armed.get() {
            // Wakes everyone; from here on a hole is what it is on tmpfs, zero.
            gone_is_fine(armed.uffd.unregister(armed.base, self.pages * PAGE)).map_err(broken)?;
        }
        Ok(true)
    }

    fn fill(&self, first: u64, bytes: &[u8]) -> io::Result<()> {
        let armed = self.armed()?;
        let mut at = 0;
        let mut told = false;
        while at < bytes.len() {
            let page = first + at as u64 / PAGE;
            match armed.uffd.copy(armed.base + page * PAGE, &bytes[at..]) {
                Ok(Filled::Bytes(done)) => {
                    self.settle(page, done / PAGE);
                    at += done as usize;
                }
                Ok(Filled::Exists) => {
                    self.wake(page)?;
                    self.settle(page, 1);
                    at += PAGE as usize;
                }
                Ok(other) => self.wait_for(&other, &mut told)?,
                // The other lane brought the same page, it was the last one, and the watch has ended.
                Err(_) if lock(&self.book).complete => return Ok(()),
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(())
    }

    /// After an install that has to be tried again, if it makes sense to.
    pub(super) fn wait_for(&self, filled: &Filled, told: &mut bool) -> io::Result<()> {
        match filled {
            Filled::Gone => return Err(broken(io::Error::other("the VMM is gone"))),
            Filled::NoMemory => {
                if !*told {
                    let what = "no memory for the pages of the guest: it waits until there is";
                    self.events.error("no-memory", what, false);
                    *told = true;
                }
                thread::sleep(NO_MEMORY_AGAIN);
            }
            _ => thread::sleep(CHANGING_AGAIN),
        }
        Ok(())
    }

    pub(super) fn settle(&self, first: u64, count: u64) {
        let mut book = lock(&self.book);
        let mut stats = lock(&self.stats);
        for page in first..first + count {
            if book.settled.set(page) {
                stats.data_bytes += PAGE;
            }
            stats.waited(&book.filled(page));
        }
        stats.pages_done = book.settled.ones();
    }

    fn fill_zero(&self, page: u64) -> io::Result<()> {
        let armed = self.armed()?;
        let mut told = false;
        loop {
            match armed.uffd.zero(armed.base + page * PAGE, PAGE) {
                Ok(Filled::Bytes(_)) => break,
                Ok(Filled::Exists) => {
                    self.wake(page)?;
                    break;
                }
                Ok(other) => self.wait_for(&other, &mut told)?,
                // The watch ended in between, which woke everyone.
                Err(_) if lock(&self.book).complete => break,
                Err(error) => return Err(broken(error)),
            }
        }
        let waiters = lock(&self.book).filled(page);
        let mut stats = lock(&self.stats);
        stats.blocked(&waiters);
        stats.zero_faults += 1;
        Ok(())
    }

    pub(super) fn wake(&self, page: u64) -> io::Result<()> {
        let armed = self.armed()?;
        match armed.uffd.wake(armed.base + page * PAGE, PAGE) {
            Err(_) if lock(&self.book).complete => Ok(()),
            other => gone_is_fine(other).map_err(broken),
        }
    }
}

/// An agent lets the source go on only when the VMM has registered.
fn too_early() -> io::Error {
    wrong("pages came before the VMM had registered its memory")
}

/// Of the memory, not of the link: of this kind nothing else is, and no next link would help.
pub(super) fn broken(error: io::Error) -> io::Error {
    io::Error::other(format!("the guest's memory cannot be filled: {error}"))
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other,
    }
}
