//! The target of a move around the real `Book`: what stands in for the kernel and the threads is a few queues, so that their
//! steps can be taken in any order. Each does what `fetch/` does there.

use std::collections::{BTreeSet, VecDeque};

use super::source_model::{Down, Is};
use crate::fetch::book::{Book, Need};

/// What a thread of the target does next: between two of them, others do theirs.
#[derive(Clone, Debug)]
pub enum Step {
    Copy(u64),
    Zero(u64),
    Wake(u64),
    Ask(Vec<u64>),
    AskWaiting,
    Touched(u64, u64),
    Acknowledge,
    Finish,
    Unregister,
}

/// What a step leads to: pages that are asked for, blocks that are acknowledged, and what the same thread does next.
#[derive(Default)]
pub struct Done {
    pub ask: Vec<u64>,
    pub whole: Vec<(u64, u64)>,
    pub next: Option<Step>,
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

    /// Killed and started: the kernel has what it had, and tells every fault again. What is in place is what the file holds.
    pub fn restart(&mut self) {
        self.book = Book::new(self.is.len() as u64);
        self.book.complete = !self.watched;
        for (page, _) in (0..).zip(&self.place).filter(|(_, place)| place.is_some()) {
            self.book.settled.set(page);
        }
        let is_data = |place: &&Option<Is>| **place == Some(Is::Data);
        self.installs = self.place.iter().filter(is_data).count() as u64;
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
    pub fn takes(&mut self, frame: Down, urgent: bool, link: u64) -> Option<Vec<Step>> {
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
                let copies = missing.map(Step::Copy);
                copies.chain([Step::Touched(first, count)]).collect()
            }
            Down::Zeros(first, count) => {
                assert!(self.book.announced(first, count), "{first} +{count}");
                let waited = self.book.zeros(first, count);
                self.book.touch(link, first, count);
                waited.into_iter().map(Step::Zero).collect()
            }
        };
        // By the thread that reads bulk alone.
        if !urgent {
            steps.push(Step::Acknowledge);
        }
        steps.push(Step::Finish);
        Some(steps)
    }

    /// Of a thread of that link.
    pub fn step(&mut self, step: Step, link: u64) -> Done {
        let mut done = Done::default();
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
            Step::Ask(pages) => done.ask = pages,
            Step::AskWaiting => done.ask = self.book.waited_for(),
            Step::Touched(first, count) => self.book.touch(link, first, count),
            Step::Acknowledge => done.whole = self.book.newly_whole(link),
            Step::Finish if self.book.is_whole() && !self.book.complete => {
                self.book.complete = true;
                done.next = Some(Step::Unregister);
            }
            Step::Finish => {}
            Step::Unregister => {
                self.watched = false;
                for page in 0..self.is.len() as u64 {
                    self.woken(page);
                }
            }
        }
        done
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
