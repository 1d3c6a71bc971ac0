//! The source of a move around the real `Plan` and the real `Release`: each does what `serve/` does there.

use crate::bitmap::Bitmap;
use crate::fetch::ACK_PAGES;
use crate::serve::plan::Plan;
use crate::serve::release::Release;
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
    was: Vec<Is>,
    /// What of it is not given back.
    is: Vec<Is>,
    wish: Wish,
    plan: Plan,
    release: Release,
    map_sent: bool,
    /// What the target has, or was sent over bulk of this link.
    sent: Bitmap,
    /// It was asked to give memory back; which block it has looked at for that, and which of its pages are data.
    releases: bool,
    looked_at: Option<(u64, Bitmap)>,
    /// Written down for who takes over: the map, and the same of each block that was given back.
    map: Bitmap,
    given: Vec<(u64, Bitmap)>,
}

fn plan(map: &Bitmap, wish: &Wish) -> Plan {
    Plan::new(map.clone(), &wish.first, wish.order, wish.hot.clone())
}

impl Source {
    pub fn new(is: Vec<Is>, wish: Wish) -> Self {
        let mut map = Bitmap::new(is.len() as u64);
        for (page, _) in (0..).zip(&is).filter(|(_, is)| **is != Is::Hole) {
            map.set(page);
        }
        Self {
            sent: Bitmap::new(map.len()),
            plan: plan(&map, &wish),
            release: Release::new(map.len()),
            map_sent: false,
            was: is.clone(),
            is,
            wish,
            releases: false,
            looked_at: None,
            map,
            given: vec![],
        }
    }

    /// Killed, started, and told again that the memory stands.
    pub fn restart(&mut self) {
        let mut map = self.map.clone();
        for (block, data) in &self.given {
            for page in 0..ACK_PAGES {
                map.clear(block * ACK_PAGES + page);
                if data.get(page) {
                    map.set(block * ACK_PAGES + page);
                }
            }
        }
        self.plan = plan(&map, &self.wish);
        self.release = Release::new(map.len());
        let given = self.given.iter().map(|&(block, _)| block);
        self.release.given(given.collect());
        (self.releases, self.looked_at) = (false, None);
        self.map_sent = false;
    }

    pub fn linked(&mut self, settled: &Bitmap, complete: bool) {
        let settled = if complete {
            self.plan.map.clone()
        } else {
            settled.clone()
        };
        assert!(
            self.release.resume(&self.plan.map, &settled),
            "the target lacks what is given back"
        );
        self.plan.resume(&settled);
        self.map_sent = false;
        self.sent = settled;
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
        let mut frames: Vec<Down> = vec![];
        for page in first..first + count {
            match (frames.last_mut(), self.sends(page)) {
                (Some(Down::Extent(_, count)), Down::Extent(..))
                | (Some(Down::Zeros(_, count)), Down::Zeros(..)) => *count += 1,
                (_, frame) => frames.push(frame),
            }
        }
        frames
    }

    /// `None`: the page is at the target by now.
    pub fn answer(&mut self, page: u64) -> Option<Down> {
        if self.release.has_given(page) {
            return (!self.plan.map.get(page)).then_some(Down::Zeros(page, 1));
        }
        self.plan.faulted(page);
        // Asked for again after a loss it goes twice; over bulk, after this, it may not.
        self.sent.set(page);
        Some(self.sends(page))
    }

    fn sends(&self, page: u64) -> Down {
        assert!(
            self.was[page as usize] != Is::Hole,
            "page {page} is a hole: nobody may ask for it"
        );
        match self.is[page as usize] {
            Is::Data => Down::Extent(page, 1),
            Is::Zero | Is::Hole => Down::Zeros(page, 1),
        }
    }

    /// False: the link ends.
    pub fn acknowledged(&mut self, first: u64, count: u64) -> bool {
        self.release.acknowledged(&self.plan, first, count)
    }

    pub fn release(&mut self) {
        self.releases = true;
    }

    /// Of the thread that gives back: looks at a block, and gives back the one that it has looked at. False: there is none.
    pub fn gives_back(&mut self) -> bool {
        let Some((block, data)) = self.looked_at.take() else {
            let due = self.release.next().filter(|_| self.releases);
            self.looked_at = due.map(|block| (block, self.data(block)));
            return due.is_some();
        };
        if self
            .release
            .gone(block, &mut self.plan.map, &data)
            .is_some()
        {
            let first = (block * ACK_PAGES) as usize;
            let end = self.is.len().min(first + ACK_PAGES as usize);
            self.is[first..end].fill(Is::Hole);
            self.given.push((block, data));
        }
        true
    }

    fn data(&self, block: u64) -> Bitmap {
        let mut data = Bitmap::new(ACK_PAGES);
        let memory = self.is.iter().skip((block * ACK_PAGES) as usize);
        for (page, _) in (0..ACK_PAGES)
            .zip(memory)
            .filter(|(_, is)| **is == Is::Data)
        {
            data.set(page);
        }
        data
    }
}
