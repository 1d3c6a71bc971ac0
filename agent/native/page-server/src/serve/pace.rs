//! The cap of bulk. Pure.

use std::time::{Duration, Instant};

/// A writer that woke up late makes up for so much at most: more would be a burst.
const LATE_MAX: Duration = Duration::from_millis(50);

/// What goes at once is a quarter of a second of the cap at most: in between, the link is free for others.
const AT_ONCE_OF_SECOND: u64 = 4;
/// A page, however low the cap.
const LEAST: u64 = 4096;

pub struct Pace {
    /// 0 = no cap.
    per_second: u64,
    free_at: Instant,
}

impl Pace {
    pub fn new(per_second: u64, now: Instant) -> Self {
        Self {
            per_second,
            free_at: now,
        }
    }

    /// How long nothing may be sent.
    pub fn wait(&self, now: Instant) -> Duration {
        self.free_at.saturating_duration_since(now)
    }

    /// Bytes that may be sent at once.
    pub fn most(&self) -> u64 {
        match self.per_second {
            0 => u64::MAX,
            rate => (rate / AT_ONCE_OF_SECOND).max(LEAST),
        }
    }

    pub fn spent(&mut self, bytes: u64, now: Instant) {
        if self.per_second > 0 {
            let from = now.checked_sub(LATE_MAX).unwrap_or(now).max(self.free_at);
            self.free_at = from + Duration::from_secs_f64(bytes as f64 / self.per_second as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time_and_a_pause_saves_up_little() {
        let ms = Duration::from_millis;
        let begin = Instant::now() + ms(1000);
        let mut pace = Pace::new(1000, begin);
        assert_eq!(pace.wait(begin), ms(0));
        assert_eq!(
            (pace.most(), Pace::new(1 << 20, begin).most()),
            (LEAST, 1 << 18)
        );
        assert_eq!(Pace::new(0, begin).most(), u64::MAX);
        pace.spent(200, begin);
        assert_eq!(pace.wait(begin), ms(200));
        pace.spent(100, begin + ms(230));
        assert_eq!(
            pace.wait(begin + ms(230)),
            ms(70),
            "30 ms late are made up for"
        );
        pace.spent(100, begin + ms(10_000));
        assert_eq!(pace.wait(begin + ms(10_000)), ms(50), "ten seconds are not");
        let mut free = Pace::new(0, begin);
        free.spent(u64::MAX, begin);
        assert_eq!(free.wait(begin), ms(0));
    }
}
