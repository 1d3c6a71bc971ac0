//! Faults, pages, cut links and killed page servers in any order (`move_model.rs`): nothing is lost, nothing goes twice.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use super::move_model::{Down, Is, Source, Step, Target, Wish};
use crate::bitmap::Bitmap;
use crate::session::Order;

#[derive(Clone, Debug)]
enum Event {
    Touch(u64, u32),
    /// The source sends up to so many pages.
    Bulk(u64),
    /// It answers a fault.
    Answer,
    /// A thread of the target goes on: the one that reads faults, or the so-manieth of those with a lane.
    Faults,
    Lane(usize),
    Link,
    /// Of what is under way to the target so much still arrives, urgent and bulk.
    Cut(usize, usize),
    RestartSource,
    RestartTarget,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => (any::<u64>(), 0..6u32).prop_map(|(page, thread)| Event::Touch(page, thread)),
        10 => (1..=64u64).prop_map(Event::Bulk),
        10 => Just(Event::Answer),
        20 => Just(Event::Faults),
        60 => any::<usize>().prop_map(Event::Lane),
        8 => Just(Event::Link),
        3 => (0..6usize, 0..6usize).prop_map(|(urgent, bulk)| Event::Cut(urgent, bulk)),
        1 => Just(Event::RestartSource),
        1 => Just(Event::RestartTarget),
    ]
}

fn pages() -> impl Strategy<Value = Vec<Is>> {
    let run = |is| (Just(is), 1..40usize);
    let runs = vec(
        prop_oneof![3 => run(Is::Data), 1 => run(Is::Zero), 1 => run(Is::Hole)],
        1..12,
    );
    runs.prop_map(|runs| {
        let pages = runs.into_iter().map(|(is, count)| vec![is; count]);
        pages.flatten().collect()
    })
}

/// Some of it within the memory, some not: the session file checks pages, nobody checks what is hot.
fn wish() -> impl Strategy<Value = Wish> {
    let order = prop_oneof![
        Just(Order::Sequential),
        Just(Order::Windows),
        Just(Order::Hot)
    ];
    let at = || prop_oneof![4 => 0..450u64, 1 => any::<u32>().prop_map(u64::from)];
    (vec(at(), 0..6), order, vec(at(), 0..30)).prop_map(|(first, order, hot)| Wish {
        first,
        order,
        hot,
    })
}

/// A thread of the target that reads a lane.
#[derive(Default)]
struct Lane {
    /// 0: of a link that is gone.
    link: u32,
    urgent: bool,
    under_way: VecDeque<Down>,
    doing: VecDeque<Step>,
}

struct World {
    source: Source,
    target: Target,
    reads_faults: VecDeque<Step>,
    lanes: Vec<Lane>,
    /// The link that is up, by its attempt, and what the target asked for over it; 0: none.
    up: u32,
    asked: VecDeque<u64>,
    attempts: u32,
}

impl World {
    fn new(is: &[Is], wish: Wish) -> Self {
        Self {
            source: Source::new(is.to_vec(), wish),
            target: Target::new(is),
            reads_faults: VecDeque::new(),
            lanes: vec![],
            up: 0,
            asked: VecDeque::new(),
            attempts: 0,
        }
    }

    fn link(&mut self) {
        self.cut(0, 0);
        self.attempts += 1;
        self.up = self.attempts;
        let book = &mut self.target.book;
        book.linked();
        let nothing = Bitmap::new(book.settled.len());
        let settled = if book.map_known {
            &book.settled
        } else {
            &nothing
        };
        self.source.linked(settled);
        for urgent in [true, false] {
            // One of the two threads asks again, before it reads.
            let first = urgent.then_some(Step::AskWaiting);
            self.lanes.push(Lane {
                link: self.up,
                urgent,
                under_way: VecDeque::new(),
                doing: first.into_iter().collect(),
            });
        }
    }

    fn cut(&mut self, urgent: usize, bulk: usize) {
        self.up = 0;
        self.asked.clear();
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
            let (ask, next) = self.target.step(step);
            self.lanes[at].doing.extend(next);
            self.ask(ask);
            return true;
        }
        let Some(frame) = lane.under_way.pop_front() else {
            return false;
        };
        match self.target.takes(frame) {
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
            let (ask, next) = self.target.step(step);
            self.reads_faults.extend(next);
            self.ask(ask);
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
        let page = self.source.answer(page);
        self.send(true, vec![page]);
        true
    }

    fn meets(&mut self, event: &Event, pages: u64) {
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
            Event::Link => self.link(),
            Event::Cut(urgent, bulk) => self.cut(urgent, bulk),
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
            let mut went_on = self.faults() | self.answer();
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
    fn comes_right(&mut self) {
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

proptest! {
    #![proptest_config(cases(6000))]

    #[test]
    fn whatever_comes_in_whatever_order_every_page_arrives_once_and_no_thread_is_forgotten(
        is in pages(), wish in wish(), events in vec(event(), 0..400),
    ) {
        let mut world = World::new(&is, wish);
        world.link();
        for event in &events {
            world.meets(event, is.len() as u64);
        }
        world.comes_right();
    }
}
