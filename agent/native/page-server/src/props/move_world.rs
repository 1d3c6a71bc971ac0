//! Both sides of a move and the links between them, event by event.

use std::collections::VecDeque;

use super::move_model::{Done, Step, Target};
use super::source_model::{Down, Is, Source, Wish};
use crate::bitmap::Bitmap;

#[derive(Clone, Debug)]
pub enum Event {
    Touch(u64, u32),
    /// The source sends up to so many pages.
    Bulk(u64),
    /// It answers a fault.
    Answer,
    /// A thread of the target goes on: the one that reads faults, or the so-manieth of those with a lane.
    Faults,
    Lane(usize),
    /// Bulk sends and all threads with a lane go on, so many steps each.
    While(u32),
    Link,
    /// Of what is under way to the target so much still arrives, urgent and bulk.
    Cut(usize, usize),
    /// An acknowledgement of the target arrives; the source is asked to give memory back; it goes on with that.
    Acknowledged,
    Release,
    GiveBack,
    RestartSource,
    RestartTarget,
}

/// A thread of the target that reads a lane.
#[derive(Default)]
struct Lane {
    /// 0: of a link that is gone.
    link: u32,
    /// Of its link, whatever became of that, as the book counts them.
    number: u64,
    urgent: bool,
    under_way: VecDeque<Down>,
    doing: VecDeque<Step>,
}

pub struct World {
    pub source: Source,
    pub target: Target,
    reads_faults: VecDeque<Step>,
    lanes: Vec<Lane>,
    /// The link that is up, by its attempt, and what the target asked for over it; 0: none.
    up: u32,
    asked: VecDeque<u64>,
    /// Blocks that it acknowledged over that link.
    whole: VecDeque<(u64, u64)>,
    attempts: u32,
}

impl World {
    pub fn new(is: &[Is], wish: Wish) -> Self {
        Self {
            source: Source::new(is.to_vec(), wish),
            target: Target::new(is),
            reads_faults: VecDeque::new(),
            lanes: vec![],
            up: 0,
            asked: VecDeque::new(),
            whole: VecDeque::new(),
            attempts: 0,
        }
    }

    pub fn link(&mut self) {
        self.cut(0, 0);
        self.attempts += 1;
        self.up = self.attempts;
        let book = &mut self.target.book;
        let number = book.linked();
        let nothing = Bitmap::new(book.settled.len());
        // Without a map it may still have found pages in place when it took over.
        let settled = if book.map_known || book.settled.ones() > 0 {
            &book.settled
        } else {
            &nothing
        };
        self.source.linked(settled, book.complete);
        for urgent in [true, false] {
            // One of the two threads asks again, before it reads.
            let first = urgent.then_some(Step::AskWaiting);
            self.lanes.push(Lane {
                link: self.up,
                number,
                urgent,
                under_way: VecDeque::new(),
                doing: first.into_iter().collect(),
            });
        }
    }

    fn cut(&mut self, urgent: usize, bulk: usize) {
        self.up = 0;
        self.asked.clear();
        self.whole.clear();
        for lane in self.lanes.iter_mut().filter(|lane| lane.link > 0) {
            lane.under_way
                .truncate(if lane.urgent { urgent } else { bulk });
            lane.link = 0;
        }
    }

    fn send(&mut self, urgent: bool, frames: Vec<Down>) {
        let up = self.up;
        let mut lanes = self.lanes.iter_mut();
        let lane = lanes.find(|lane| lane.link == up && lane.urgent == urgent);
        lane.expect("a link has two").under_way.extend(frames);
    }

    /// Whether there was anything to do.
    fn goes_on(&mut self, at: usize) -> bool {
        let lane = &mut self.lanes[at];
        if let Some(step) = lane.doing.pop_front() {
            let Done { ask, whole, next } = self.target.step(step, lane.number);
            lane.doing.extend(next);
            // Over its own link only, which may be gone.
            if lane.link > 0 {
                self.whole.extend(whole);
            }
            self.ask(ask);
            return true;
        }
        let Some(frame) = lane.under_way.pop_front() else {
            return false;
        };
        match self.target.takes(frame, lane.urgent, lane.number) {
            Some(steps) => lane.doing.extend(steps),
            // What is left of a lost link may be wrong by now; the one that is up is not.
            None => {
                assert_eq!(lane.link, 0, "the map of a good link is refused");
                lane.under_way.clear();
            }
        }
        true
    }

    fn faults(&mut self) -> bool {
        if let Some(step) = self.reads_faults.pop_front() {
            let done = self.target.step(step, 0); // it brings no pages, over no link
            self.reads_faults.extend(done.next);
            self.ask(done.ask);
            return true;
        }
        let steps = self.target.fault();
        self.reads_faults.extend(steps);
        !self.reads_faults.is_empty()
    }

    fn ask(&mut self, pages: Vec<u64>) {
        if self.up > 0 {
            self.asked.extend(pages);
        }
    }

    fn answer(&mut self) -> bool {
        let Some(page) = self.asked.pop_front() else {
            return false;
        };
        if let Some(page) = self.source.answer(page) {
            self.send(true, vec![page]);
        }
        true
    }

    fn acknowledged(&mut self) -> bool {
        let Some((first, count)) = self.whole.pop_front() else {
            return false;
        };
        let known = self.source.acknowledged(first, count);
        assert!(
            known,
            "{first} +{count}: the source has neither sent it over this link nor heard of it"
        );
        true
    }

    pub fn meets(&mut self, event: &Event, pages: u64) {
        match *event {
            Event::Touch(page, thread) => self.target.touch(page % pages, thread),
            Event::Bulk(max) if self.up > 0 => {
                let frames = self.source.bulk(max);
                self.send(false, frames);
            }
            Event::Bulk(_) => {}
            Event::Answer => {
                self.answer();
            }
            Event::Faults => {
                self.faults();
            }
            Event::Lane(at) if !self.lanes.is_empty() => {
                self.goes_on(at % self.lanes.len());
            }
            Event::Lane(_) => {}
            Event::While(steps) => {
                for _ in 0..steps {
                    self.meets(&Event::Bulk(64), pages);
                    for at in 0..self.lanes.len() {
                        self.goes_on(at);
                    }
                }
            }
            Event::Link => self.link(),
            Event::Cut(urgent, bulk) => self.cut(urgent, bulk),
            Event::Acknowledged => {
                self.acknowledged();
            }
            Event::Release => self.source.release(),
            Event::GiveBack => {
                self.source.gives_back();
            }
            Event::RestartSource => {
                self.cut(0, 0);
                self.source.restart();
            }
            Event::RestartTarget => {
                self.cut(0, 0);
                self.lanes.clear();
                self.reads_faults.clear();
                self.target.restart();
            }
        }
    }

    /// Until nobody has anything to do but the source with pages that nobody asked for.
    fn settle(&mut self) {
        // Many more turns than there are pages and threads.
        for _ in 0..100_000 {
            let mut went_on = self.faults() | self.answer() | self.acknowledged();
            went_on |= self.source.gives_back();
            for at in 0..self.lanes.len() {
                went_on |= self.goes_on(at);
            }
            if !went_on && !self.faults() {
                return;
            }
        }
        panic!("it goes round in circles");
    }

    /// A link that lasts.
    pub fn comes_right(&mut self) {
        self.settle();
        if self.up == 0 {
            self.link();
        }
        let map = self.source.map();
        self.send(false, map);
        self.settle();
        assert!(
            self.target.standing.is_empty(),
            "nobody brings {:?}",
            self.target.standing
        );
        loop {
            let frames = self.source.bulk(64);
            if frames.is_empty() {
                break;
            }
            self.send(false, frames);
            self.settle();
        }
        self.target.assert_whole();
    }
}
