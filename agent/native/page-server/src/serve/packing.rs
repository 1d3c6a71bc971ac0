//! Whether an extent of bulk is packed: where it shortens the transfer, and nowhere else. Pure.
//!
//! All costs are times for a byte of pages, measured as it goes: what a plain byte takes on the link, what packing one takes
//! here, what unpacking one takes there, and how many are left. The writer packs while the link sends what went before, and
//! the target unpacks behind both, so that a packed byte takes as long as the slowest of the three. What a CPU does for it is
//! not free, though: guests run on both hosts. A part of it is counted as lost on top.
//!
//! | phase | an extent | a try ended | what comes through is measured |
//! |---|---|---|---|
//! | measuring | plain | does not happen | it is the link: packing if known to pay, else plain and a try at once |
//! | plain | one in `TRY_EVERY` is tried | packing if it pays, else the next try later | it is the link |
//! | packing | tried; measuring every `MEASURE_EVERY` | plain if it pays no more | plain, for long, if twice worse than the link |

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::session::Compression;

/// Extents: often enough to see within a few megabytes that other data comes.
const TRY_EVERY: u64 = 16;
/// Where a try costs much of what it is about, it comes so seldom at most, and each so many times later than the one before:
/// the first may have been held up.
const TRY_SELDOM: u64 = 1024;
const TRY_LATER: u64 = 4;
/// Of the time that an extent takes, that tries may cost. Also twice as much would not be seen.
const TRIES_SHARE: f64 = 0.01;
/// Of CPU time that packing takes, that a guest would have had: of two busy cores, one is the page server's.
const LOST_SHARE: f64 = 0.5;
/// Of the plain time: what packing must come down to before it is begun, and what it may come up to before it is left.
const BEGIN_BELOW: f64 = 0.9;
const LEAVE_ABOVE: f64 = 0.97;
/// Of what packing takes, that unpacking does until the target has said. Measured: a third at most.
const UNPACK_SHARE: f64 = 0.5;
/// While packing, nobody sees what the link could do: extents go plain for as long as a measurement takes, this often.
const MEASURE_EVERY: Duration = Duration::from_secs(2);
/// Of the link: shorter is noise, longer costs what packing would have saved.
const MEASURE_OVER: Duration = Duration::from_millis(25);
/// Measurements that count: more see a link that became slower later.
const LINKS: usize = 4;
const MEASURE_BYTES: f64 = 32_768.0;
/// Weight of the newest: in a row, neighbours are much alike; single tries lie far apart.
const IN_A_ROW: f64 = 1.0 / 8.0;
const APART: f64 = 1.0 / 2.0;
/// What packs to less than this is sent in extents as if it packed to this: what follows may not.
const RATIO_LEAST: f64 = 0.25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Measuring,
    Plain,
    Packing,
}

/// Bytes of pages that the target took in, since when.
struct Measured {
    since: Instant,
    pages: f64,
}

pub struct Packing {
    /// Every extent, whatever it costs.
    always: bool,
    phase: Phase,
    measured: Option<Measured>,
    /// What came of packing was worse than plain when last measured.
    was_worse: bool,
    /// When the link was last measured.
    measured_at: Instant,
    /// Nanoseconds for a byte of pages. Of the link the last measurements: the quickest is what it can do, since others on
    /// this machine only ever make it slower, and a fast one must not be taken for a slow one.
    links: VecDeque<f64>,
    /// The same, as the cap of bulk allows it. What was late is made up for at the speed of the link, and a measurement of that
    /// alone would see no cap.
    capped: f64,
    pack: Cost,
    unpack: Cost,
    /// Of the bytes, that are left.
    ratio: Option<f64>,
    /// Plain extents before the next try, and how many there were before the last.
    until_try: u64,
    try_every: u64,
}

/// Of packing or unpacking. Of two in a row the quicker counts: one alone may have been held up, and two are as it is.
#[derive(Default)]
struct Cost {
    mean: Option<f64>,
    last: Option<f64>,
    /// More than one is known.
    is_sure: bool,
}

impl Cost {
    fn add(&mut self, took: Duration, bytes: f64, weight: f64) {
        let newest = took.as_nanos() as f64 / bytes;
        let before = self.last.replace(newest);
        let so_far = self.mean.filter(|_| self.is_sure);
        self.is_sure = before.is_some();
        self.mean = mean(so_far, before.map_or(newest, |it| it.min(newest)), weight);
    }
}

fn mean(so_far: Option<f64>, newest: f64, weight: f64) -> Option<f64> {
    Some(so_far.map_or(newest, |mean| mean + (newest - mean) * weight))
}

impl Packing {
    /// `None`: nothing is packed, since one of both sides does not want it. `cap`: of bulk, bytes a second; 0 = none.
    pub fn new(
        compression: Compression,
        target_takes: bool,
        cap: u64,
        now: Instant,
    ) -> Option<Self> {
        (target_takes && compression != Compression::Off).then(|| Self {
            always: compression == Compression::On,
            phase: Phase::Measuring,
            measured: None,
            was_worse: false,
            measured_at: now,
            links: VecDeque::with_capacity(LINKS),
            capped: if cap > 0 { 1e9 / cap as f64 } else { 0.0 },
            pack: Cost::default(),
            unpack: Cost::default(),
            ratio: None,
            until_try: 0,
            try_every: TRY_EVERY,
        })
    }

    /// Whether the next extent is to be tried.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if self.always {
            return true;
        }
        match self.phase {
            Phase::Measuring => false,
            Phase::Plain if self.until_try > 0 => {
                self.until_try -= 1;
                false
            }
            Phase::Plain => true,
            Phase::Packing => {
                let is_old = now.saturating_duration_since(self.measured_at) >= MEASURE_EVERY;
                if is_old {
                    self.phase = Phase::Measuring;
                    self.measured = None;
                }
                !is_old
            }
        }
    }

    /// An extent of `from` bytes came out as `to`. True: it is worth being unpacked.
    pub fn tried(&mut self, from: u64, to: u64, took: Duration) -> bool {
        let weight = if self.phase == Phase::Packing {
            IN_A_ROW
        } else {
            APART
        };
        let is_less = to <= from - from / 16;
        let ratio = if is_less {
            to as f64 / from as f64
        } else {
            1.0
        };
        self.ratio = mean(self.ratio, ratio, weight);
        self.pack.add(took, from as f64, weight);
        if self.phase == Phase::Packing && !self.pays(LEAVE_ABOVE) {
            self.leave();
        } else if self.phase == Phase::Plain {
            self.begin_or_wait();
        }
        is_less && (self.always || self.phase == Phase::Packing)
    }

    /// The target has taken in so many bytes of plain pages.
    pub fn credited(&mut self, bytes: u64, now: Instant) {
        self.taken_in(bytes as f64, now);
    }

    /// The target has taken in a packed extent of so many bytes.
    pub fn unpacked(&mut self, bytes: u64, took: Duration, now: Instant) {
        let pages = bytes as f64 / self.ratio.unwrap_or(1.0);
        if pages > 0.0 {
            self.unpack.add(took, pages, IN_A_ROW);
            self.taken_in(pages, now);
        }
    }

    fn taken_in(&mut self, pages: f64, now: Instant) {
        let measured = self.measured.get_or_insert(Measured {
            since: now,
            pages: -pages,
        });
        measured.pages += pages;
        let took = now.saturating_duration_since(measured.since);
        if took < MEASURE_OVER || measured.pages < MEASURE_BYTES {
            return;
        }
        let cost = took.as_nanos() as f64 / measured.pages;
        self.measured = None;
        match self.phase {
            Phase::Measuring => {
                self.link_took(cost, now);
                if self.link().is_none() {
                    return;
                }
                self.phase = Phase::Plain;
                self.until_try = 0;
                if self.ratio.is_some() {
                    self.begin_or_wait();
                }
            }
            Phase::Plain => self.link_took(cost, now),
            Phase::Packing => self.came_of_it(cost),
        }
    }

    fn link_took(&mut self, cost: f64, now: Instant) {
        if self.links.len() == LINKS {
            self.links.pop_front();
        }
        self.links.push_back(cost);
        self.measured_at = now;
    }

    /// `None`: not measured often enough.
    fn link(&self) -> Option<f64> {
        let quickest = self.links.iter().copied().reduce(f64::min);
        let known = quickest.filter(|_| self.links.len() == LINKS);
        known.map(|quickest| quickest.max(self.capped))
    }

    /// Pages came through at this cost while they were packed. Twice in a row worse than plain: whatever tries say.
    fn came_of_it(&mut self, cost: f64) {
        let is_worse = self.link().is_some_and(|link| cost > link);
        if is_worse && self.was_worse {
            self.leave();
            (self.try_every, self.until_try) = (TRY_SELDOM, TRY_SELDOM);
        }
        self.was_worse = is_worse;
    }

    /// How many bytes of pages go into `room` bytes on the link.
    pub fn fit(&self, room: u64) -> u64 {
        match self.ratio {
            Some(ratio) if self.always || self.phase == Phase::Packing => {
                (room as f64 / ratio.max(RATIO_LEAST)) as u64
            }
            _ => room,
        }
    }

    fn begin_or_wait(&mut self) {
        if self.pays(BEGIN_BELOW) {
            self.phase = Phase::Packing;
            self.measured = None;
            self.was_worse = false;
            self.try_every = TRY_EVERY;
        } else {
            self.leave();
        }
    }

    fn leave(&mut self) {
        if self.phase == Phase::Packing {
            self.measured = None;
        }
        self.phase = Phase::Plain;
        let (pack, link) = (self.pack.mean.unwrap_or(0.0), self.link().unwrap_or(0.0));
        let every = (pack / link.max(f64::MIN_POSITIVE) / TRIES_SHARE) as u64;
        let latest = TRY_SELDOM.min(self.try_every * TRY_LATER);
        self.try_every = every.clamp(TRY_EVERY, latest);
        self.until_try = self.try_every - 1;
        // While nothing is unpacked nobody can tell that it is quicker again.
        self.unpack.mean = self
            .unpack
            .mean
            .map(|mean| mean + (pack * UNPACK_SHARE - mean) * IN_A_ROW);
    }

    /// Whether packed pages take less than `share` of the time of plain ones.
    fn pays(&self, share: f64) -> bool {
        let (Some(link), Some(pack), Some(ratio)) = (self.link(), self.pack.mean, self.ratio)
        else {
            return false;
        };
        let unpack = self.unpack.mean.filter(|_| self.unpack.is_sure);
        let unpack = unpack.unwrap_or(pack * UNPACK_SHARE);
        let packed = (link * ratio).max(pack).max(unpack) + (pack + unpack) * LOST_SHARE;
        packed < link * share
    }
}

#[cfg(test)]
#[path = "packing_tests.rs"]
mod tests;
