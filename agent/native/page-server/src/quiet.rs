//! Whether anybody waits for pages. Pure. While nobody does, the source sends bulk in larger extents, of which each costs less
//! (whoever then faults first waits behind one of them), and the target lets its guest go before what it takes in.

use std::time::{Duration, Instant};

/// From the last fault on. A guest that faults just as seldom loses a tenth of its time to the larger extent before each page;
/// one that works in turns of a scheduler's tick has long rests between them still.
const QUIET_AFTER: Duration = Duration::from_millis(10);

/// By default nobody ever waited.
#[derive(Default)]
pub struct Quiet {
    since: Option<Instant>,
}

impl Quiet {
    /// Of a link that begins: its target may be about to ask for what it waits for.
    pub fn new(now: Instant) -> Self {
        Self { since: Some(now) }
    }

    /// Somebody waits for a page.
    pub fn faulted(&mut self, now: Instant) {
        self.since = Some(now);
    }

    pub fn is_quiet(&self, now: Instant) -> bool {
        self.since
            .is_none_or(|since| now.saturating_duration_since(since) >= QUIET_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_quiet_ten_milliseconds_after_the_last_fault_or_the_begin_of_the_link() {
        let ms = Duration::from_millis;
        let begin = Instant::now();
        let mut quiet = Quiet::new(begin);
        assert!(Quiet::default().is_quiet(begin));
        assert!(!quiet.is_quiet(begin + ms(9)));
        assert!(quiet.is_quiet(begin + ms(10)));
        quiet.faulted(begin + ms(15));
        quiet.faulted(begin + ms(20));
        assert!(!quiet.is_quiet(begin + ms(29)));
        assert!(quiet.is_quiet(begin + ms(30)));
    }
}
