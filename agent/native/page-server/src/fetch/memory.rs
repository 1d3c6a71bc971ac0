//! The guest's memory on the target: what is there, what is waited for, and how a page gets in. A page that holds data
//! at the source is never anything else here: it is installed, or whoever touches it waits.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::bitmap::Bitmap;
use crate::conn::lock;
use crate::control::Events;
use crate::stats::Stats;
use crate::sys::uffd::{Filled, Uffd};

const PAGE: u64 = 4096;
/// A full file system may be made room in; until then the guest waits.
const NO_MEMORY_AGAIN: Duration = Duration::from_millis(100);
/// More would be a working set, not what devices touch.
const DEVICE_LOAD_MAX: usize = 4096;

/// The watched range, in the VMM's address space.
pub struct Armed {
    pub uffd: Uffd,
    pub base: u64,
}

pub struct Book {
    /// Pages with data at the source.
    map: Bitmap,
    pub map_known: bool,
    /// Installed, or known to be zero.
    pub settled: Bitmap,
    zeroed: Bitmap,
    /// Since when somebody waits for a page.
    waiting: HashMap<u64, Instant>,
    pub resumed: bool,
    pub complete: bool,
}

pub struct Memory {
    pub armed: OnceLock<Armed>,
    pub book: Mutex<Book>,
    pub stats: Mutex<Stats>,
    events: Events,
    pages: u64,
}

/// What has to be done about a fault that was just read.
#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    Ask,
    Nothing,
}

impl Memory {
    pub fn new(pages: u64, events: Events) -> Self {
        let book = Book {
            map: Bitmap::new(pages),
            map_known: false,
            settled: Bitmap::new(pages),
            zeroed: Bitmap::new(pages),
            waiting: HashMap::new(),
            resumed: false,
            complete: false,
        };
        Self {
            armed: OnceLock::new(),
            book: Mutex::new(book),
            stats: Mutex::default(),
            events,
            pages,
        }
    }

    /// A fault was read. Fills what is zero; the rest must be asked for.
    pub fn faulted(&self, page: u64) -> io::Result<Need> {
        let zero = {
            let mut book = lock(&self.book);
            if !book.resumed {
                let mut stats = lock(&self.stats);
                if stats.device_load_pages.len() < DEVICE_LOAD_MAX {
                    stats.device_load_pages.push(page);
                }
            }
            if !book.map_known {
                book.waiting.entry(page).or_insert_with(Instant::now);
                return Ok(Need::Nothing);
            }
            if book.map.get(page) && !book.zeroed.get(page) {
                if !book.settled.get(page) {
                    let new = !book.waiting.contains_key(&page);
                    book.waiting.entry(page).or_insert_with(Instant::now);
                    return Ok(if new { Need::Ask } else { Need::Nothing });
                }
                false
            } else {
                true
            }
        };
        if zero {
            self.fill_zero(page)
        } else {
            self.wake(page)
        }
        .map(|()| Need::Nothing)
    }

    /// Every page that is waited for and has data: to be asked for on a new link, or when the map is whole.
    pub fn waited_for(&self) -> Vec<u64> {
        let book = lock(&self.book);
        if !book.map_known {
            return vec![];
        }
        book.waiting
            .keys()
            .copied()
            .filter(|&page| book.map.get(page))
            .collect()
    }

    pub fn map_piece(&self, first: u64, bits: &[u8]) {
        let mut book = lock(&self.book);
        if !book.map_known {
            book.map.merge(first, bits);
        }
    }

    /// The map is whole: what waits for a page without data waits no longer. Answers the pages to ask for.
    pub fn map_end(&self, data_pages: u64) -> io::Result<Vec<u64>> {
        let holes: Vec<u64> = {
            let mut book = lock(&self.book);
            if book.map_known {
                return Ok(vec![]); // sent again over a new link
            }
            if book.map.ones() != data_pages {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the map has lost pages",
                ));
            }
            book.map_known = true;
            lock(&self.stats).data_pages = data_pages;
            book.waiting
                .keys()
                .copied()
                .filter(|&page| !book.map.get(page))
                .collect()
        };
        for page in holes {
            self.fill_zero(page)?;
        }
        Ok(self.waited_for())
    }

    /// Pages of data from `first` on. False: a peer that sends what it never announced.
    pub fn install(&self, first: u64, data: &[u8]) -> io::Result<bool> {
        let count = data.len() as u64 / PAGE;
        if !(data.len() as u64).is_multiple_of(PAGE)
            || first.checked_add(count).is_none_or(|end| end > self.pages)
        {
            return Ok(false);
        }
        let missing: Vec<bool> = {
            let book = lock(&self.book);
            if !book.map_known || (first..first + count).any(|page| !book.map.get(page)) {
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
        Ok(true)
    }

    /// Data pages that turned out to be zero.
    pub fn zeros(&self, first: u64, count: u64) -> io::Result<bool> {
        if first.checked_add(count).is_none_or(|end| end > self.pages) {
            return Ok(false);
        }
        let waiting: Vec<u64> = {
            let mut book = lock(&self.book);
            let mut waiting = vec![];
            for page in first..first + count {
                if book.map.get(page) && book.settled.set(page) {
                    book.zeroed.set(page);
                    if book.waiting.contains_key(&page) {
                        waiting.push(page);
                    }
                }
            }
            lock(&self.stats).pages_done = book.settled.ones();
            waiting
        };
        for page in waiting {
            self.fill_zero(page)?;
        }
        Ok(true)
    }

    /// True exactly once: every data page is in place, the watch has ended.
    pub fn finish(&self) -> io::Result<bool> {
        {
            let mut book = lock(&self.book);
            let all = book.map_known && book.settled.ones() == book.map.ones();
            if !all || book.complete || self.armed.get().is_none() {
                return Ok(false);
            }
            book.complete = true;
        }
        if let Some(armed) = self.armed.get() {
            // Wakes everyone; from here on a hole is what it is on tmpfs, zero.
            gone_is_fine(armed.uffd.unregister(armed.base, self.pages * PAGE))?;
        }
        Ok(true)
    }

    fn fill(&self, first: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(armed) = self.armed.get() else {
            return Ok(());
        };
        let mut at = 0;
        let mut told = false;
        while at < bytes.len() {
            let page = first + at as u64 / PAGE;
            match armed.uffd.copy(armed.base + page * PAGE, &bytes[at..])? {
                Filled::Bytes(done) => {
                    self.settle(page, done / PAGE);
                    at += done as usize;
                }
                Filled::Exists => {
                    self.wake(page)?;
                    self.settle(page, 1);
                    at += PAGE as usize;
                }
                Filled::Again => thread::yield_now(),
                Filled::NoMemory => {
                    if !told {
                        let what = "no memory for the pages of the guest: it waits until there is";
                        self.events.error("no-memory", what, false);
                        told = true;
                    }
                    thread::sleep(NO_MEMORY_AGAIN);
                }
                Filled::Gone => return Err(io::Error::other("the VMM is gone")),
            }
        }
        Ok(())
    }

    fn settle(&self, first: u64, count: u64) {
        let mut book = lock(&self.book);
        let mut stats = lock(&self.stats);
        for page in first..first + count {
            if book.settled.set(page) {
                stats.data_bytes += PAGE;
            }
            if let Some(since) = book.waiting.remove(&page) {
                stats.faults.add(since.elapsed().as_micros() as u64);
            }
        }
        stats.pages_done = book.settled.ones();
    }

    fn fill_zero(&self, page: u64) -> io::Result<()> {
        let Some(armed) = self.armed.get() else {
            return Ok(());
        };
        loop {
            match armed.uffd.zero(armed.base + page * PAGE, PAGE) {
                Ok(Filled::Bytes(_)) => break,
                Ok(Filled::Exists) => {
                    self.wake(page)?;
                    break;
                }
                Ok(Filled::Again) => thread::yield_now(),
                Ok(Filled::NoMemory) => thread::sleep(NO_MEMORY_AGAIN),
                Ok(Filled::Gone) => return Err(io::Error::other("the VMM is gone")),
                // The watch ended in between, which woke everyone.
                Err(_) if lock(&self.book).complete => break,
                Err(error) => return Err(error),
            }
        }
        lock(&self.book).waiting.remove(&page);
        lock(&self.stats).zero_faults += 1;
        Ok(())
    }

    fn wake(&self, page: u64) -> io::Result<()> {
        let Some(armed) = self.armed.get() else {
            return Ok(());
        };
        match armed.uffd.wake(armed.base + page * PAGE, PAGE) {
            Err(_) if lock(&self.book).complete => Ok(()),
            other => gone_is_fine(other),
        }
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other,
    }
}
