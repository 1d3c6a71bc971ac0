//! The busy part: a duty cycle of page visits over the pool, with the walk of `verify` folded in.
//!
//! One thread runs it, one period after the other, so the pages need no locks.

use crate::command::Command;
use crate::pattern::{PAGE_BYTES, Random};
use crate::pool::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Length of a duty cycle: long against a timer's slack, short against the 1 s of a CPU sample.
pub const PERIOD: Duration = Duration::from_millis(50);
/// Rewrites a second until `touch` says otherwise: 4 MB/s, a moderate writer that pre-copy still catches up with.
pub const TOUCH_PAGES_PER_S: u32 = 1000;
const MIB: usize = 1 << 20;

/// Figures that other threads may read at any time.
#[derive(Default)]
pub struct Counters {
    /// Page visits of the busy part since the start.
    pub work: AtomicU64,
    /// Pages that were ever found wrong.
    pub bad: AtomicU64,
}

/// What the engine carries beside its memory: small enough for a device state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub random: u64,
    pub load_percent: u8,
    pub touch_pages_per_s: u32,
    pub hot_mib: Option<u32>,
    /// Next page of a verify under way, and its duty in percent.
    pub verify: Option<(usize, u8)>,
    pub work: u64,
    pub bad: u64,
}

/// When the engine wants to run again.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// After so long (zero: at once).
    For(Duration),
    /// When the next command arrives.
    Forever,
}

/// Gives the memory for a fill of so many bytes, or says why there is none.
pub type Provide = Box<dyn FnMut(usize) -> Result<Pool, String> + Send>;

pub struct Engine {
    pool: Pool,
    provide: Provide,
    random: Random,
    load_percent: u8,
    touch_pages_per_s: u32,
    hot_mib: Option<u32>,
    verify: Option<(usize, u8)>,
    /// Rewrites allowed so far, in thousandths of a page.
    allowance_milli: u64,
    /// Where the present period began, on the caller's clock.
    begin: Option<Duration>,
    pub counters: Arc<Counters>,
}

impl Engine {
    /// An idle engine over `pool`.
    pub fn new(pool: Pool, provide: Provide) -> Self {
        let random = Random::new(pool.seed());
        Self {
            pool,
            provide,
            random,
            load_percent: 0,
            touch_pages_per_s: TOUCH_PAGES_PER_S,
            hot_mib: None,
            verify: None,
            allowance_milli: 0,
            begin: None,
            counters: Arc::default(),
        }
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// What has to travel with the memory.
    pub fn state(&self) -> State {
        State {
            random: self.random.state(),
            load_percent: self.load_percent,
            touch_pages_per_s: self.touch_pages_per_s,
            hot_mib: self.hot_mib,
            verify: self.verify,
            work: self.counters.work.load(Ordering::Relaxed),
            bad: self.counters.bad.load(Ordering::Relaxed),
        }
    }

    /// Goes on where `state` was taken, over `pool`.
    pub fn restore(&mut self, pool: Pool, state: &State) {
        self.pool = pool;
        self.random = Random::new(state.random);
        self.load_percent = state.load_percent;
        self.touch_pages_per_s = state.touch_pages_per_s;
        self.hot_mib = state.hot_mib;
        self.verify = state.verify;
        self.counters.work.store(state.work, Ordering::Relaxed);
        self.counters.bad.store(state.bad, Ordering::Relaxed);
        self.begin = None;
    }

    /// Does what the command asks; the answer, if it is due now. Commands that are not the engine's own get `None`.
    pub fn apply(&mut self, command: &Command) -> Result<Option<String>, String> {
        match command {
            Command::Load { percent } => {
                self.load_percent = *percent;
                self.begin = None;
                Ok(Some(format!("ok load {percent}")))
            }
            Command::Touch {
                pages_per_s,
                hot_mib,
            } => {
                self.touch_pages_per_s = *pages_per_s;
                self.hot_mib = *hot_mib;
                self.allowance_milli = 0;
                let hot = hot_mib.map_or("all".to_owned(), |mib| mib.to_string());
                Ok(Some(format!("ok touch {pages_per_s} {hot}")))
            }
            Command::Fill { mib, text } => {
                let pages = *mib as usize * MIB / PAGE_BYTES;
                self.pool = (self.provide)(Pool::bytes_for(pages))?;
                self.pool.fill(pages, *text);
                self.verify = None;
                self.begin = None;
                Ok(Some(format!("ok fill {mib} {pages}")))
            }
            Command::Verify { duty_percent } => match self.verify {
                Some(_) => Err("one is under way already".to_owned()),
                None => {
                    self.verify = Some((0, *duty_percent));
                    self.begin = None;
                    Ok(None)
                }
            },
            Command::Status { .. }
            | Command::Ticks { .. }
            | Command::Disk { .. }
            | Command::Job { .. } => Ok(None),
        }
    }

    /// The answer to `status`, in `key=value` pairs. `boot`: of this boot of the guest alone, and it goes where the
    /// memory goes, so that work of two boots is never compared.
    pub fn status(&self, ask: Option<u32>, boot: &str, tick_interval_ms: u32) -> String {
        let state = self.state();
        let hot = state
            .hot_mib
            .map_or("all".to_owned(), |mib| mib.to_string());
        let ask = ask.map_or(String::new(), |number| format!("ask={number} "));
        format!(
            "ok status {ask}boot={boot} load={} touch={} hot={hot} filled={} work={} bad={} verifying={} ticks={tick_interval_ms}",
            state.load_percent,
            state.touch_pages_per_s,
            self.pool.filled(),
            state.work,
            state.bad,
            state.verify.is_some(),
        )
    }

    /// Runs one period by `clock` (monotonic) unless `stop` turns true, and says how long to rest then.
    /// `answer` gets the line of a verify that ended.
    pub fn period(
        &mut self,
        clock: &dyn Fn() -> Duration,
        stop: &dyn Fn() -> bool,
        answer: &mut dyn FnMut(String),
    ) -> Rest {
        if self.load_percent == 0 && self.verify.is_none() {
            self.begin = None;
            return Rest::Forever;
        }
        let now = clock();
        let begin = match self.begin {
            // A command cut the rest short: still the same period, whose share is used up.
            Some(last) if now < last + PERIOD => last,
            // A period starts where the last one ended, so that late wake-ups don't lower the share.
            Some(last) if now < last + PERIOD * 2 => last + PERIOD,
            _ => now,
        };
        if self.begin.replace(begin) != Some(begin) {
            let most_milli = u64::from(self.touch_pages_per_s) * 1000;
            let added_milli = u64::from(self.touch_pages_per_s) * PERIOD.as_millis() as u64;
            self.allowance_milli = (self.allowance_milli + added_milli).min(most_milli);
        }

        let verify_percent = self.verify.map_or(0, |(_, duty)| duty);
        let busy_percent = self.load_percent.min(100 - verify_percent);
        let busy_until = begin + PERIOD * u32::from(busy_percent) / 100;
        while clock() < busy_until && !stop() {
            self.visit();
        }
        let verify_until = begin + PERIOD * u32::from(busy_percent + verify_percent) / 100;
        while self.verify.is_some() && clock() < verify_until && !stop() {
            self.verify_next(answer);
        }
        Rest::For((begin + PERIOD).saturating_sub(clock()))
    }

    /// One unit of work: check a random page; every second visit rewrites it, as far as `touch` allows.
    fn visit(&mut self) {
        let work = self.counters.work.fetch_add(1, Ordering::Relaxed);
        if self.pool.filled() == 0 {
            // Nothing filled: the same cost without memory.
            (0..crate::pattern::PAGE_WORDS).for_each(|_| {
                std::hint::black_box(self.random.word());
            });
            return;
        }
        let hot = self
            .hot_mib
            .map_or(usize::MAX, |mib| mib as usize * MIB / PAGE_BYTES);
        let index = self.random.below(self.pool.filled().min(hot));
        self.check(index);
        if work.is_multiple_of(2) && self.allowance_milli >= 1000 {
            self.allowance_milli -= 1000;
            self.pool.rewrite(index);
        }
    }

    /// Counts a page that is wrong, and writes it anew so that it counts once.
    fn check(&mut self, index: usize) {
        if !self.pool.check(index) {
            self.counters.bad.fetch_add(1, Ordering::Relaxed);
            self.pool.rewrite(index);
        }
    }

    fn verify_next(&mut self, answer: &mut dyn FnMut(String)) {
        let Some((next, duty)) = self.verify else {
            return;
        };
        if next < self.pool.filled() {
            self.check(next);
            self.verify = Some((next + 1, duty));
        } else {
            self.verify = None;
            answer(format!(
                "bad {} of {next}",
                self.counters.bad.load(Ordering::Relaxed)
            ));
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
