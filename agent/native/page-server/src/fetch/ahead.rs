//! Engine `warm` on the target: pages come while the guest still runs at the source, newer states of them over older ones,
//! and at the switch it is said which of them are stale. No guest runs on this memory yet.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::Fetch;
use super::memory::{Memory, PAGE, broken};
use crate::bitmap::Bitmap;
use crate::conn::lock;
use crate::link::Link;
use crate::sys::file;
use crate::sys::uffd::Filled;

impl Fetch {
    /// Pages of the running guest.
    pub(super) fn ahead(&self, link: &Arc<Link>, first: u64, data: &[u8]) -> io::Result<bool> {
        self.before_the_switch(link, |ram| self.memory.ahead(ram, first, data))
    }

    /// Pages that went ahead and were written since.
    pub(super) fn stale(&self, link: &Arc<Link>, first: u64, bits: &[u8]) -> io::Result<bool> {
        self.before_the_switch(link, |ram| self.memory.stale(ram, first, bits))
    }

    /// False: not in this session. A link that was given up may still have one of its frames in hand: it must not come
    /// behind what the next link brings.
    fn before_the_switch(
        &self,
        link: &Arc<Link>,
        write: impl FnOnce(&File) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let mut ram = lock(&self.ahead);
        if !self.is_current(link) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if !self.session.warm {
            return Ok(false);
        }
        write(self.writable(&mut ram)?)
    }

    /// The VMM makes the file: it is there by the time that anything is sent.
    fn writable<'a>(&self, ram: &'a mut Option<File>) -> io::Result<&'a File> {
        if ram.is_none() {
            let file = File::options().write(true).open(&self.session.ram_file);
            *ram = Some(file.map_err(broken)?);
        }
        ram.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Nothing of an earlier link is written from here on.
    pub(super) fn ahead_of_earlier_links_is_over(&self) {
        drop(lock(&self.ahead));
    }
}

impl Memory {
    /// False: a peer that sends what it may not.
    pub(crate) fn ahead(&self, ram: &File, first: u64, data: &[u8]) -> io::Result<bool> {
        let count = data.len() as u64 / PAGE;
        {
            let mut book = lock(&self.book);
            // The guest runs here, or has: what it wrote is newer than all that can come.
            let is_over = book.map_known || book.resumed;
            if !self.holds(first, data.len() as u64) || is_over {
                return Ok(false);
            }
            book.ahead = true;
        }
        let mut at = 0;
        while at < count {
            let page = first + at;
            let bytes = &data[(at * PAGE) as usize..];
            at += if lock(&self.book).settled.get(page) {
                // It is there, so that this allocates nothing: no huge page either, which would fill what is missing beside it.
                ram.write_all_at(&bytes[..PAGE as usize], page * PAGE)
                    .map_err(broken)?;
                lock(&self.stats).data_bytes += PAGE;
                1
            } else {
                self.fill_ahead(ram, page, bytes)?
            };
        }
        Ok(true)
    }

    /// Installs from a missing page on what can be in one go. Answers how many pages.
    fn fill_ahead(&self, ram: &File, page: u64, bytes: &[u8]) -> io::Result<u64> {
        let missing = {
            let book = lock(&self.book);
            let most = bytes.len() as u64 / PAGE;
            (0..most)
                .take_while(|i| !book.settled.get(page + i))
                .count() as u64
        };
        let mut told = false;
        loop {
            let armed = self.armed()?;
            let filled = armed.uffd.copy(
                armed.base + page * PAGE,
                &bytes[..(missing * PAGE) as usize],
            );
            match filled.map_err(broken)? {
                Filled::Bytes(done) => {
                    self.settle(page, done / PAGE);
                    return Ok(done / PAGE);
                }
                // The VMM has touched it itself, whose threads wait for nothing else.
                Filled::Exists => {
                    ram.write_all_at(&bytes[..PAGE as usize], page * PAGE)
                        .map_err(broken)?;
                    self.wake(page)?;
                    self.settle(page, 1);
                    return Ok(1);
                }
                other => self.wait_for(&other, &mut told)?,
            }
        }
    }

    pub(crate) fn stale(&self, ram: &File, first: u64, bits: &[u8]) -> io::Result<bool> {
        let mut stale = Bitmap::new(self.pages);
        if !stale.merge(first, bits) {
            return Ok(false);
        }
        let mut book = lock(&self.book);
        // Said again over a new link, or to one that took over when the guest ran already: what is there is newer than all.
        if book.map_known || book.resumed || !book.ahead {
            return Ok(true);
        }
        let mut at = 0;
        while let Some(start) = stale.next(at) {
            let count = stale.run(start, self.pages);
            (start..start + count).for_each(|page| {
                book.settled.clear(page);
            });
            file::punch(ram, start * PAGE, count * PAGE).map_err(broken)?;
            at = start + count;
        }
        lock(&self.stats).pages_done = book.settled.ones();
        Ok(true)
    }
}
