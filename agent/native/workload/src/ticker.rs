//! Ticks: where the work stands, at a steady interval, so that a gap seen from outside is a gap of the guest.

use crate::engine::Counters;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// What a ticker carries: its interval (0: off) and how many lines it has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    pub interval_ms: u32,
    pub said: u64,
    /// A stopped guest says nothing, whatever the interval.
    pub held: bool,
}

/// The ticker's state, shared with whoever sets it.
#[derive(Default)]
pub struct Ticker {
    ticks: Mutex<Ticks>,
    changed: Condvar,
}

impl Ticker {
    /// Changes the state; takes effect at once.
    pub fn set(&self, change: impl FnOnce(&mut Ticks)) {
        change(&mut self.ticks.lock().unwrap());
        self.changed.notify_all();
    }

    pub fn get(&self) -> Ticks {
        *self.ticks.lock().unwrap()
    }

    /// Says `t <n> <work> <bad>` through `say` for ever. Never returns; give it a thread of its own.
    /// `say` must not block for long: nothing else can change the ticks meanwhile.
    pub fn run(&self, counters: &Counters, say: &dyn Fn(&str)) -> ! {
        let mut due = Instant::now();
        let mut ticks = self.ticks.lock().unwrap();
        let mut interval_ms = 0;
        loop {
            if ticks.held || ticks.interval_ms == 0 {
                interval_ms = 0;
                ticks = self.changed.wait(ticks).unwrap();
                continue;
            }
            let now = Instant::now();
            let interval = Duration::from_millis(u64::from(ticks.interval_ms));
            // New interval, or a stall: the schedule starts here; ticks that were missed are not said.
            if ticks.interval_ms != interval_ms || now > due + interval * 2 {
                interval_ms = ticks.interval_ms;
                due = now;
            }
            if now < due {
                ticks = self.changed.wait_timeout(ticks, due - now).unwrap().0;
                continue;
            }
            due += interval;
            ticks.said += 1;
            let (work, bad) = (
                counters.work.load(Ordering::Relaxed),
                counters.bad.load(Ordering::Relaxed),
            );
            say(&format!("t {} {work} {bad}", ticks.said));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    #[test]
    fn a_ticker_counts_its_lines_and_is_silent_while_held() {
        let ticker = Arc::new(Ticker::default());
        let (lines, said) = mpsc::channel();
        let running = ticker.clone();
        std::thread::spawn(move || {
            let counters = Counters::default();
            counters.work.store(7, Ordering::Relaxed);
            running.run(&counters, &|line| lines.send(line.to_owned()).unwrap_or(()))
        });
        ticker.set(|ticks| ticks.interval_ms = 1);
        assert_eq!(said.recv().unwrap(), "t 1 7 0");
        assert_eq!(said.recv().unwrap(), "t 2 7 0");
        ticker.set(|ticks| ticks.held = true);
        while said.try_recv().is_ok() {}
        let before = ticker.get().said;
        assert!(said.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(ticker.get().said, before);
    }
}
