//! Both sides of a move around the real `Plan` and the real `Book`: what stands in for the kernel, the links and the
//! threads is a few queues, so that their steps can be taken in any order. Each does what `serve/` and `fetch/` do there.

use std::collections::{BTreeSet, VecDeque};

use crate::bitmap::Bitmap;
use crate::fetch::book::{Book, Need};
use crate::serve::plan::Plan;
use crate::session::Order;

/// What a page of the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    Data,
    /// Written, with zeros.
    Zero,
    Hole,
}

/// What travels to the target.
#[derive(Clone, Debug)]
pub enum Down {
    Map(u64, Vec<u8>),
    MapEnd(u64),
    Extent(u64, u64),
    Zeros(u64, u64),
}

/// What is told to a source about the order of its pages. Blocks may lie outside the memory, and be named twice.
#[derive(Clone, Debug)]
pub struct Wish {
    pub first: Vec<u64>,
    pub order: Order,
    pub hot: Vec<u64>,
}

pub struct Source {
    is: Vec<Is>,
    wish: Wish,
    plan: Plan,
    map_sent: bool,
    /// What the target has, or was sent over bulk of this link.
    sent: Bitmap,
}

impl Source {
    pub fn new(is: Vec<Is>, wish: Wish) -> Self {
        let mut map = Bitmap::new(is.len() as u64);
        for (page, _) in (0..).zip(&is).filter(|(_, is)| **is != Is::Hole) {
            map.set(page);
        }
        Self {
            sent: Bitmap::new(map.len()),
            plan: Plan::new(map, &wish.first, wish.order, wish.hot.clone()),
            map_sent: false,
            is,
            wish,
        }
    }

    /// Killed, started, and told again that the memory stands.
    pub fn restart(&mut self) {
        *self = Self::new(self.is.clone(), self.wish.clone());
    }

    pub fn linked(&mut self, settled: &Bitmap) {
        self.plan.resume(settled);
        self.map_sent = false;
        self.sent = settled.clone();
    }

    pub fn map(&mut self) -> Vec<Down> {
        if std::mem::replace(&mut self.map_sent, true) {
            return vec![];
        }
        let map = &self.plan.map;
        let mut pieces: Vec<Down> = (0..map.len())
            .step_by(64)
            .map(|first| Down::Map(first, map.bytes(first, 8)))
            .collect();
        pieces.push(Down::MapEnd(map.ones()));
        pieces
    }

    /// One turn of bulk.
    pub fn bulk(&mut self, max: u64) -> Vec<Down> {
        let map = self.map();
        if !map.is_empty() {
            return map;
        }
        let first = self.plan.next_first().map(|page| (page, 1));
        let Some((first, count)) = first.or_else(|| self.plan.next_run(max)) else {
            return vec![];
        };
        assert!((1..=max).contains(&count), "a turn of {count}");
        for page in first..first + count {
            assert!(self.sent.set(page), "page {page} goes out twice");
        }
        (first..first + count)
            .map(|page| self.sends(page))
            .collect()
    }

    pub fn answer(&mut self, page: u64) -> Down {
        self.plan.faulted(page);
        // Asked for again after a loss it goes twice; over bulk, after this, it may not.
        self.sent.set(page);
        self.sends(page)
    }

    fn sends(&self, page: u64) -> Down {
        match self.is[page as usize] {
            Is::Data => Down::Extent(page, 1),
            Is::Zero => Down::Zeros(page, 1),
            Is::Hole => panic!("page {page} is a hole: nobody may ask for it"),
        }
    }
}

/// What a thread of the target does next: between two of them, others do theirs.
#[derive(Clone, Debug)]
pub enum Step {
    Copy(u64),
    Zero(u64),
    Wake(u64),
    Ask(Vec<u64>),
    AskWaiting,
    Finish,
    Unregister,
}

pub struct Target {
    pub book: Book,
    is: Vec<Is>,
    /// In place, as the kernel has it.
    place: Vec<Option<Is>>,
    watched: bool,
    /// Threads of the guest that stand: where, and who.
    pub standing: BTreeSet<(u64, u32)>,
    /// Faults that were read and not dealt with yet.
    told: VecDeque<(u64, u32)>,
    /// Pages that this page server settled by installing them.
    installs: u64,
}

impl Target {
    pub fn new(is: &[Is]) -> Self {
        Self {
            book: Book::new(is.len() as u64),
            place: vec![None; is.len()],
            is: is.to_vec(),
            watched: true,
            standing: BTreeSet::new(),
            told: VecDeque::new(),
            installs: 0,
        }
    }

    /// Killed and started: the kernel has what it had, and tells every fault again.
    pub fn restart(&mut self) {
        self.book = Book::new(self.is.len() as u64);
        self.book.complete = !self.watched;
        self.installs = 0;
        self.told.clear();
        for page in 0..self.is.len() as u64 {
            self.woken(page);
        }
    }

    /// A thread of the guest reads a page.
    pub fn touch(&mut self, page: u64, thread: u32) {
        if self.standing.iter().any(|&(_, who)| who == thread) {
            return;
        }
        let right = self.is[page as usize];
        match self.place[page as usize] {
            Some(is) => assert_eq!(is == Is::Data, right == Is::Data, "page {page}"),
            None if self.watched => {
                self.standing.insert((page, thread));
                self.told.push_back((page, thread));
            }
            None => assert_ne!(right, Is::Data, "page {page} reads as zero"),
        }
    }

    fn woken(&mut self, page: u64) {
        let all = self.standing.range((page, 0)..=(page, u32::MAX));
        let all: Vec<(u64, u32)> = all.copied().collect();
        for (page, thread) in all {
            self.standing.remove(&(page, thread));
            self.touch(page, thread);
        }
    }

    fn fill(&mut self, page: u64, with: Is) {
        if self.watched {
            self.place[page as usize].get_or_insert(with);
            self.woken(page);
        }
    }

    /// Of the thread that reads faults.
    pub fn fault(&mut self) -> Vec<Step> {
        let Some((page, thread)) = self.told.pop_front() else {
            return vec![];
        };
        match self.book.faulted(page, thread) {
            Need::Ask => {
                assert!(!self.book.settled.get(page), "page {page} is there");
                vec![Step::Ask(vec![page])]
            }
            Need::Zero => vec![Step::Zero(page)],
            Need::Wake => vec![Step::Wake(page)],
            Need::Wait => vec![],
        }
    }

    /// Of a thread that reads a lane. `None`: it ends the link.
    pub fn takes(&mut self, frame: Down) -> Option<Vec<Step>> {
        let mut steps = match frame {
            Down::Map(first, bits) => {
                assert!(self.book.map_piece(first, &bits), "within the memory");
                vec![]
            }
            Down::MapEnd(_) if self.book.map_known => vec![],
            Down::MapEnd(pages) => {
                let holes = self.book.map_end(pages)?;
                let zeros = holes.into_iter().map(Step::Zero);
                zeros.chain([Step::AskWaiting]).collect()
            }
            Down::Extent(first, count) => {
                assert!(self.book.announced(first, count), "{first} +{count}");
                let missing = (first..first + count).filter(|&page| !self.book.settled.get(page));
                missing.map(Step::Copy).collect()
            }
            Down::Zeros(first, count) => {
                assert!(self.book.announced(first, count), "{first} +{count}");
                let waited = self.book.zeros(first, count);
                waited.into_iter().map(Step::Zero).collect()
            }
        };
        steps.push(Step::Finish);
        Some(steps)
    }

    /// One step. Answers what has to be asked for, and what the same thread does next.
    pub fn step(&mut self, step: Step) -> (Vec<u64>, Option<Step>) {
        match step {
            Step::Copy(page) => {
                self.fill(page, Is::Data);
                self.installs += u64::from(self.book.settled.set(page));
                self.book.filled(page);
            }
            Step::Zero(page) => {
                self.fill(page, Is::Zero);
                self.book.filled(page);
            }
            Step::Wake(page) => self.woken(page),
            Step::Ask(pages) => return (pages, None),
            Step::AskWaiting => return (self.book.waited_for(), None),
            Step::Finish if self.book.is_whole() && !self.book.complete => {
                self.book.complete = true;
                return (vec![], Some(Step::Unregister));
            }
            Step::Finish => {}
            Step::Unregister => {
                self.watched = false;
                for page in 0..self.is.len() as u64 {
                    self.woken(page);
                }
            }
        }
        (vec![], None)
    }

    /// Everything arrived: each page as at the source, and each data page installed once.
    pub fn assert_whole(&self) {
        assert!(
            self.book.complete && !self.watched,
            "it never came to its end"
        );
        assert_eq!(self.standing, BTreeSet::new(), "who still waits");
        let data = self.is.iter().filter(|&&is| is == Is::Data).count() as u64;
        if self.book.map_known {
            assert_eq!(self.installs, data);
        }
        for (page, (place, is)) in self.place.iter().zip(&self.is).enumerate() {
            let reads = place.unwrap_or(Is::Zero) == Is::Data;
            assert_eq!(reads, *is == Is::Data, "page {page}");
        }
    }
}
