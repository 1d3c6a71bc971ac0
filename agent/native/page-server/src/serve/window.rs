//! How much of bulk may be on its way at once: as much as fills the link, and little more, since an urgent page waits
//! behind what stands in the queue of a link without a priority class. Pure.
//!
//! The queue is measured, as in TCP Vegas (Brakmo and Peterson, 1995): how much longer than at its best the target's
//! credit for an extent takes to come back. Of each round, one window long, the quickest extent counts: what a busy CPU
//! adds to others is no queue. Every few seconds the queue is let run empty for one round, so that the best time is of
//! the link as it is now (a queue that nobody has seen empty cannot be told from a longer way). While nobody waits for a page
//! more may stand there, in larger extents; what that adds is known, and is not taken for a queue of the link's.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Small enough to stand in no queue that anybody would feel, large enough for a round to have some extents.
const LEAST: u64 = 16 << 10;
/// 10 Gbit/s over 12 ms.
pub const MOST: u64 = 16 << 20;
/// Below, the link may have room; above, urgent pages wait. With 150 and 350 µs faults are a tenth of a millisecond quicker on
/// a link without classes, and extents so small that the source takes a third more CPU (1 Gbit/s, a busy neighbour).
const SHORT: Duration = Duration::from_micros(250);
const LONG: Duration = Duration::from_micros(550);
/// On a long way the queue is a share of it instead: what comes in bursts there cannot be held as tight, nor need it.
const SHORT_SHARE: u32 = 16;
const LONG_SHARE: u32 = 8;
/// The queue running empty and a round at a quarter of the window cost two round trips' worth of goodput: half a per cent on a long way.
const DRAIN_EVERY: Duration = Duration::from_secs(2);
const DRAIN_EVERY_TRIPS: u32 = 400;
/// Extents in a window: one on its way while the credit of the other comes back. Each costs both sides some 45 µs of CPU,
/// whatever its size: with four they took a third more of it (measured on 1 Gbit/s), and faults were no quicker.
const EXTENTS: u64 = 2;
/// What an extent may take on the link: it cannot be called back when a fault comes.
const EXTENT_TAKES: f64 = 450e-6;
/// What one may take, and what may stand in the queue besides, while nobody waits: half as many extents, and who faults first
/// waits so much longer.
const QUIET_TAKES: f64 = 1e-3;
/// A page.
const EXTENT_LEAST: u64 = 4096;

struct Sent {
    /// Of `whole`, those without credit.
    bytes: u64,
    whole: u64,
    at: Instant,
    /// What of it and before it was more than the window holds.
    beyond: u64,
}

impl Sent {
    fn taken(&self, rate: f64, now: Instant) -> Taken {
        let beyond = Duration::from_secs_f64(self.beyond as f64 / rate.max(1.0));
        let beyond = if rate > 0.0 { beyond } else { Duration::ZERO };
        Taken {
            took: now
                .saturating_duration_since(self.at)
                .saturating_sub(beyond),
            bytes: self.whole,
        }
    }
}

/// An extent whose credit is back.
#[derive(Clone, Copy)]
struct Taken {
    /// Without the time of what was beyond the window.
    took: Duration,
    bytes: u64,
}

/// One window long: what came back in it.
struct Round {
    begun: Instant,
    bytes: u64,
    /// All of the window was used: only then does it say something of a larger one.
    was_full: bool,
    quickest: Option<Taken>,
}

enum Phase {
    /// Doubles each round until a queue is seen.
    Starting,
    Steady,
    /// For one round of what is sent now; then back to this size.
    Draining(u64),
}

pub struct Window {
    size: u64,
    /// It is as configured, and does not adapt.
    fixed: bool,
    in_flight: u64,
    sent: VecDeque<Sent>,
    phase: Phase,
    round: Round,
    /// The quickest that a credit ever was.
    best: Option<Taken>,
    /// Bytes a second in the best round since the queue was let run empty, and between the two times before: what the
    /// link can do, also while a window that is too small does not let it.
    rate: f64,
    rate_before: f64,
    drained_at: Instant,
}

impl Window {
    /// `fixed`: in bytes; 0 = it adapts.
    pub fn new(fixed: u64, now: Instant) -> Self {
        Self {
            size: if fixed > 0 { fixed } else { LEAST },
            fixed: fixed > 0,
            in_flight: 0,
            sent: VecDeque::new(),
            phase: Phase::Starting,
            round: Round::new(now),
            best: None,
            rate: 0.0,
            rate_before: 0.0,
            drained_at: now,
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes may be sent now in one extent, as far as the window says. No pieces: an extent is sent when there is room
    /// for a whole one, or each credit would be answered by one as small as that which it was for (the silly window of RFC 813).
    /// `quiet`: nobody waits for a page.
    pub fn room(&mut self, credit: u64, quiet: bool) -> u64 {
        let spare = if quiet { self.spare() } else { 0 };
        let extent = self.extent(spare);
        if self.fixed {
            // It is the first credit itself: nothing besides.
            let whole = credit >= extent || self.in_flight == 0;
            return if whole { u64::MAX } else { 0 };
        }
        if self.most(quiet).saturating_sub(self.in_flight) < extent {
            self.round.was_full = true;
            return 0;
        }
        extent
    }

    /// Bytes that may be on their way at once.
    pub fn most(&self, quiet: bool) -> u64 {
        self.size + if quiet { self.spare() } else { 0 }
    }

    /// How much more than the window may be on its way while nobody waits. Not before the link is known, nor while its queue
    /// runs empty.
    fn spare(&self) -> u64 {
        match self.phase {
            Phase::Steady => ((self.link_rate() * QUIET_TAKES) as u64).min(MOST - self.size),
            Phase::Starting | Phase::Draining(_) => 0,
        }
    }

    fn extent(&self, spare: u64) -> u64 {
        let most = (self.size + spare) / EXTENTS;
        let takes = if spare > 0 { QUIET_TAKES } else { EXTENT_TAKES };
        let timely = (self.link_rate() * takes) as u64;
        let extent = if timely > 0 && !self.fixed {
            most.min(timely)
        } else {
            most
        };
        extent.max(EXTENT_LEAST)
    }

    /// Bytes a second.
    fn link_rate(&self) -> f64 {
        self.rate.max(self.rate_before)
    }

    /// Right before they are sent.
    pub fn sent(&mut self, bytes: u64, now: Instant) {
        if bytes > 0 {
            self.in_flight += bytes;
            self.sent.push_back(Sent {
                bytes,
                whole: bytes,
                at: now,
                beyond: self.in_flight.saturating_sub(self.size),
            });
        }
    }

    /// The target has taken them in.
    pub fn credited(&mut self, bytes: u64, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        let rate = self.link_rate();
        let mut left = bytes;
        while let Some(front) = self.sent.front_mut() {
            let part = front.bytes.min(left);
            // What was on its way when the queue was let run empty stands there still.
            let counts = !matches!(self.phase, Phase::Draining(_)) || front.at >= self.round.begun;
            if counts {
                self.round.bytes += part;
            }
            front.bytes -= part;
            left -= part;
            if front.bytes > 0 {
                break;
            }
            if counts {
                let taken = front.taken(rate, now);
                self.round.quickest = Some(quicker(self.round.quickest, taken));
            }
            self.sent.pop_front();
        }
        if self.round.bytes >= self.size && !self.fixed {
            self.end_round(now);
        }
    }

    fn end_round(&mut self, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        let Some(quickest) = round.quickest else {
            return;
        };
        let took = now.saturating_duration_since(round.begun).as_secs_f64();
        if round.was_full && took > 0.0 {
            self.rate = self.rate.max(round.bytes as f64 / took);
        }
        if let Phase::Draining(size) = self.phase {
            self.best = Some(quickest);
            self.size = size;
            self.phase = Phase::Steady;
            self.drained_at = now;
            self.rate_before = std::mem::take(&mut self.rate);
            return;
        }
        let best = quicker(self.best, quickest);
        self.best = Some(best);
        // A larger extent takes longer by itself.
        let more = quickest.bytes.saturating_sub(best.bytes) as f64 / self.link_rate().max(1.0);
        let queue = (quickest.took - best.took).saturating_sub(Duration::from_secs_f64(more));
        let (short, long) = (
            SHORT.max(best.took / SHORT_SHARE),
            LONG.max(best.took / LONG_SHARE),
        );
        if queue > long {
            self.phase = Phase::Steady;
            self.size = (self.size - self.size / 8).max(LEAST);
        } else if queue > short || !round.was_full {
            if queue > short {
                self.phase = Phase::Steady;
            }
        } else {
            let more = if matches!(self.phase, Phase::Starting) {
                self.size
            } else {
                self.size / 8
            };
            self.size = (self.size + more).min(MOST);
        }
        let every = DRAIN_EVERY.max(best.took * DRAIN_EVERY_TRIPS);
        if now.saturating_duration_since(self.drained_at) >= every {
            self.phase = Phase::Draining(self.size);
            self.size = (self.size / 4).max(LEAST.min(self.size));
        }
    }
}

fn quicker(so_far: Option<Taken>, taken: Taken) -> Taken {
    so_far
        .filter(|best| best.took <= taken.took)
        .unwrap_or(taken)
}

impl Round {
    fn new(now: Instant) -> Self {
        Self {
            begun: now,
            bytes: 0,
            was_full: false,
            quickest: None,
        }
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
