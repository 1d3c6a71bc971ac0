//! What is known about each page of the guest on the target. No I/O: `memory.rs` acts on what is said here.

use std::collections::HashMap;
use std::time::Instant;

use super::ACK_PAGES;
use crate::bitmap::Bitmap;
use crate::quiet::Quiet;

pub struct Book {
    /// Pages with data at the source.
    map: Bitmap,
    pub map_known: bool,
    /// Installed, or known to be zero.
    pub settled: Bitmap,
    zeroed: Bitmap,
    /// The present link, counted from 1. What threads of an earlier one still bring is in place, and the source does not know.
    link: u64,
    /// What the source knows to be in place: it was listed when the link began, or came over it.
    told: Bitmap,
    /// Blocks of `ACK_PAGES` in which something came since they were last looked at, and those that were acknowledged: over
    /// the present link. Of a link that is lost nobody knows what arrived.
    touched: Bitmap,
    acknowledged: Bitmap,
    /// Who waits for a page, the first one first.
    waiting: HashMap<u64, Vec<Waiter>>,
    quiet: Quiet,
    /// Pages have come ahead of the switch.
    pub ahead: bool,
    pub resumed: bool,
    pub complete: bool,
}

/// A thread of the VMM that stands until its page is in place.
#[derive(Clone, Copy, Debug)]
pub struct Waiter {
    pub thread: u32,
    pub since: Instant,
}

/// What has to be done about a fault that was just read.
#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    /// Nobody asked for the page yet.
    Ask,
    /// It is zero: fill it here.
    Zero,
    /// It came in between.
    Wake,
    /// It is on its way, or the map will tell.
    Wait,
}

impl Book {
    pub fn new(pages: u64) -> Self {
        let blocks = pages.div_ceil(ACK_PAGES);
        Self {
            map: Bitmap::new(pages),
            map_known: false,
            settled: Bitmap::new(pages),
            zeroed: Bitmap::new(pages),
            link: 0,
            told: Bitmap::new(pages),
            touched: Bitmap::new(blocks),
            acknowledged: Bitmap::new(blocks),
            waiting: HashMap::new(),
            quiet: Quiet::default(),
            ahead: false,
            resumed: false,
            complete: false,
        }
    }

    pub fn faulted(&mut self, page: u64, thread: u32) -> Need {
        if self.map_known && (!self.map.get(page) || self.zeroed.get(page)) {
            return Need::Zero;
        }
        if self.settled.get(page) {
            return Need::Wake;
        }
        let waiters = self.waiting.entry(page).or_default();
        let new = waiters.is_empty();
        // Told again after it was woken for nothing: it has waited all the time.
        if waiters.iter().all(|waiter| waiter.thread != thread) {
            let since = Instant::now();
            waiters.push(Waiter { thread, since });
        }
        if new && self.map_known {
            Need::Ask
        } else {
            Need::Wait
        }
    }

    /// Every page that is waited for and has data: to be asked for on a new link, or when the map is whole.
    pub fn waited_for(&self) -> Vec<u64> {
        let data = |page: &u64| self.map_known && self.map.get(*page);
        self.waiting.keys().copied().filter(data).collect()
    }

    /// A link is up, and is told what is in place now: a map that was cut short begins anew. Answers its number.
    pub fn linked(&mut self) -> u64 {
        if !self.map_known {
            self.map = Bitmap::new(self.map.len());
        }
        self.link += 1;
        self.told = self.settled.clone();
        self.touched = Bitmap::new(self.touched.len());
        self.acknowledged = Bitmap::new(self.touched.len());
        self.link
    }

    /// False: some of it lies outside the memory.
    pub fn map_piece(&mut self, first: u64, bits: &[u8]) -> bool {
        self.map_known || self.map.merge(first, bits)
    }

    /// The map is whole. Answers who waits for a page without data; `None`: pages were lost on the way, or pages went ahead
    /// that it does not hold.
    pub fn map_end(&mut self, data_pages: u64) -> Option<Vec<u64>> {
        if self.map.ones() != data_pages {
            return None;
        }
        if self.ahead {
            let mut lacking = self.settled.clone();
            lacking.subtract(&self.map);
            if lacking.ones() > 0 {
                return None;
            }
            self.told = self.settled.clone();
            for block in 0..self.touched.len() {
                self.touched.set(block);
            }
        }
        self.map_known = true;
        // What was found in place when this page server took over may hold more than the source has.
        self.settled.intersect(&self.map);
        let hole = |page: &u64| !self.map.get(*page);
        Some(self.waiting.keys().copied().filter(hole).collect())
    }

    /// These pages, which have come over either lane of that link, are in place.
    pub fn touch(&mut self, link: u64, first: u64, count: u64) {
        if link != self.link {
            return;
        }
        for page in first..first + count {
            self.told.set(page);
        }
        for block in first / ACK_PAGES..=(first + count.saturating_sub(1)) / ACK_PAGES {
            self.touched.set(block);
        }
    }

    /// Runs that have become whole: all their data is in place, and the source has sent it or was told so. Each is answered
    /// once for each link.
    pub fn newly_whole(&mut self, link: u64) -> Vec<(u64, u64)> {
        let mut whole = vec![];
        if link != self.link {
            return whole;
        }
        while let Some(block) = self.touched.next(0) {
            self.touched.clear(block);
            let first = block * ACK_PAGES;
            let end = (first + ACK_PAGES).min(self.map.len());
            let has_all = self.map_known && self.told.covers(&self.map, first, end);
            if has_all && self.acknowledged.set(block) {
                whole.push((first, end - first));
            }
        }
        whole
    }

    /// Whether every page of a run is one that the source announced.
    pub fn announced(&self, first: u64, count: u64) -> bool {
        self.map_known && self.map.run(first, count) == count
    }

    /// Pages of the run that turned out to be zero. Answers those that somebody waits for.
    pub fn zeros(&mut self, first: u64, count: u64) -> Vec<u64> {
        let mut waited = vec![];
        for page in first..first + count {
            if self.settled.set(page) {
                self.zeroed.set(page);
                if self.waiting.contains_key(&page) {
                    waited.push(page);
                }
            }
        }
        waited
    }

    /// The page is in place. Answers who waited for it.
    pub fn filled(&mut self, page: u64) -> Vec<Waiter> {
        let Some(waiters) = self.waiting.remove(&page) else {
            return vec![];
        };
        self.quiet.faulted(Instant::now());
        waiters
    }

    /// Nobody waits for a page, nor did a moment ago.
    pub fn is_quiet(&self, now: Instant) -> bool {
        self.waiting.is_empty() && self.quiet.is_quiet(now)
    }

    /// Every data page is in place.
    pub fn is_whole(&self) -> bool {
        self.map_known && self.settled.ones() == self.map.ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two blocks and a bit; data in the first and the last.
    fn known() -> Book {
        let mut book = Book::new(2 * ACK_PAGES + 8);
        assert!(book.map_piece(0, &[3]) && book.map_piece(2 * ACK_PAGES, &[1]));
        assert_eq!(book.map_end(3), Some(vec![]));
        book
    }

    #[test]
    fn a_block_is_told_once_when_the_last_of_its_data_is_in_place_or_known_to_be_zero() {
        let mut book = known();
        let link = book.linked();
        book.settled.set(0);
        book.touch(link, 0, 1);
        assert_eq!(book.newly_whole(link), []);
        book.zeros(1, 1);
        book.touch(link, 1, 1);
        book.settled.set(2 * ACK_PAGES);
        book.touch(link, ACK_PAGES - 1, ACK_PAGES + 2); // over all three, as a run might
        let whole = [(0, ACK_PAGES), (ACK_PAGES, ACK_PAGES), (2 * ACK_PAGES, 8)];
        assert_eq!(book.newly_whole(link), whole);
        book.touch(link, 0, 2);
        assert_eq!(book.newly_whole(link), []);
    }

    fn comes(book: &mut Book, link: u64, page: u64) {
        book.settled.set(page);
        book.touch(link, page, 1);
    }

    #[test]
    fn a_block_that_a_thread_of_the_link_before_made_whole_is_told_over_the_present_one() {
        let mut book = known();
        let old = book.linked();
        comes(&mut book, old, 0);
        let new = book.linked();
        comes(&mut book, old, 1);
        assert_eq!(book.newly_whole(old), [], "nobody would hear it");
        comes(&mut book, new, 0);
        assert_eq!(
            book.newly_whole(new),
            [],
            "the source is still to send page 1"
        );
        comes(&mut book, new, 1);
        assert_eq!(book.newly_whole(new), [(0, ACK_PAGES)]);
        assert_eq!(book.newly_whole(new), []);
        let newest = book.linked();
        comes(&mut book, newest, 1);
        assert_eq!(book.newly_whole(newest), [(0, ACK_PAGES)], "lost, perhaps");
    }

    #[test]
    fn pages_that_were_found_in_place_count_once_the_map_says_that_they_are_data() {
        let mut book = Book::new(ACK_PAGES);
        // The guest wrote to a hole as well.
        for page in [0, 7] {
            book.settled.set(page);
        }
        book.linked();
        assert_eq!(book.faulted(0, 1), Need::Wake);
        assert!(book.map_piece(0, &[5]) && !book.is_whole());
        assert_eq!(book.map_end(2), Some(vec![]));
        assert_eq!((book.settled.ones(), book.is_whole()), (1, false));
        assert_eq!(book.faulted(2, 1), Need::Ask);
    }
}
