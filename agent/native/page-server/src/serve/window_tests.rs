//! The window of bulk on links of many kinds, in a model of them.

use super::*;

/// A FIFO link to a target that credits each extent as it arrives whole; times in nanoseconds.
struct LinkModel {
    per_second: f64,
    one_way: u64,
    free_at: u64,
    credits: VecDeque<(u64, u64)>,
    /// Nobody waits for a page.
    quiet: bool,
}

/// What a second of it was like.
#[derive(Debug)]
struct Second {
    goodput: f64,
    /// Mean that a page which comes now would wait behind bulk.
    wait_us: f64,
    /// Mean, in bytes.
    extent: f64,
}

impl LinkModel {
    fn new(mbit: f64, rtt_us: u64) -> Self {
        Self {
            per_second: mbit * 125_000.0,
            one_way: rtt_us * 500,
            free_at: 0,
            credits: VecDeque::new(),
            quiet: false,
        }
    }

    fn run(&mut self, window: &mut Window, base: Instant, from: u64, to: u64) -> Second {
        let at = |ns: u64| base + Duration::from_nanos(ns);
        let (mut now, mut bytes, mut waits, mut looks) = (from, 0, 0.0, 0.0);
        let (mut sent, mut extents) = (0, 0.0);
        while now < to {
            while let Some(&(due, credit)) = self.credits.front() {
                if due > now {
                    break;
                }
                window.credited(credit, at(due));
                bytes += credit;
                self.credits.pop_front();
            }
            let room = window.room(u64::MAX, self.quiet) / 4096 * 4096;
            if room > 0 {
                let room = room.min(EXTENT_MOST);
                window.sent(room, at(now));
                (sent, extents) = (sent + room, extents + 1.0);
                let begin = self.free_at.max(now);
                self.free_at = begin + (room as f64 / self.per_second * 1e9) as u64;
                self.credits
                    .push_back((self.free_at + 2 * self.one_way, room));
                continue;
            }
            waits += self.free_at.saturating_sub(now) as f64 / 1000.0;
            looks += 1.0;
            now += 10_000;
        }
        let seconds = (to - from) as f64 / 1e9;
        Second {
            goodput: bytes as f64 / seconds / self.per_second,
            wait_us: waits / looks,
            extent: sent as f64 / extents,
        }
    }
}

const SECOND: u64 = 1_000_000_000;
/// As `bulk` makes them.
const EXTENT_MOST: u64 = 256 << 10;
/// Rate in Mbit/s, round trip in microseconds.
const LINKS: [(f64, u64); 5] = [
    (100.0, 200),
    (1000.0, 60),
    (1000.0, 1000),
    (10_000.0, 100),
    (1000.0, 20_000),
];

/// The mean wait that the rule allows. The window shrinks while an extent finds more than `LONG` in the queue, or its share of
/// a long way; the extent then stands there too, of which whoever comes at any time meets half. The rule does not see what
/// stands in the queue also while the window is drained to a quarter, or to `LEAST`: all of it but what is on its way, and but
/// the extent itself, since the best time holds those.
fn most_wait_us(per_second: f64, rtt: f64) -> f64 {
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let extent = EXTENT_TAKES * 1e6;
    let long = us(LONG).max((rtt + extent) / f64::from(LONG_SHARE));
    let drained = f64::max(LEAST as f64 / per_second * 1e6, (rtt + long + extent) / 4.0);
    let unseen = drained - extent.min(drained / EXTENTS as f64) - rtt;
    long + extent / 2.0 + unseen.max(0.0)
}

#[test]
fn a_link_is_filled_and_its_queue_kept_short_whatever_its_rate_and_round_trip() {
    for (mbit, rtt_us) in LINKS {
        let base = Instant::now();
        let mut link = LinkModel::new(mbit, rtt_us);
        let mut window = Window::new(0, base);
        link.run(&mut window, base, 0, SECOND);
        let steady = link.run(&mut window, base, SECOND, 6 * SECOND);
        let what = format!(
            "{mbit} Mbit/s, {rtt_us} us: {steady:?}, window {}",
            window.size()
        );
        assert!(steady.goodput > 0.97, "{what}");
        let most = most_wait_us(link.per_second, rtt_us as f64);
        assert!(steady.wait_us < most, "{what}, {most} us at most");
    }
}

#[test]
fn while_nobody_waits_extents_are_larger_and_a_millisecond_more_stands_in_the_queue_which_is_not_taken_for_one()
 {
    for (mbit, rtt_us) in LINKS {
        let base = Instant::now();
        let mut link = LinkModel::new(mbit, rtt_us);
        let mut window = Window::new(0, base);
        link.run(&mut window, base, 0, SECOND);
        let busy = link.run(&mut window, base, SECOND, 6 * SECOND);
        let size = window.size();
        link.quiet = true;
        let quiet = link.run(&mut window, base, 6 * SECOND, 11 * SECOND);
        link.quiet = false;
        let after = link.run(&mut window, base, 11 * SECOND, 16 * SECOND);
        let what = format!(
            "{mbit} Mbit/s, {rtt_us} us: {busy:?}, {quiet:?}, {after:?}, window {size} to {}",
            window.size()
        );
        assert!(quiet.goodput > 0.97, "{what}");
        assert!(
            quiet.extent > (1.8 * busy.extent).min(0.99 * EXTENT_MOST as f64),
            "{what}"
        );
        // Whoever comes meets half of what its extent is longer by.
        let more = 1e6 * (QUIET_TAKES + (QUIET_TAKES - EXTENT_TAKES) / 2.0);
        assert!(quiet.wait_us < busy.wait_us + more, "{what}");
        assert!(after.wait_us < 1.05 * busy.wait_us, "{what}");
        assert!(window.size().abs_diff(size) < size / 6, "{what}");
    }
}

#[test]
fn the_best_time_is_that_of_the_way_with_nothing_in_its_queue() {
    for (mbit, rtt_us) in LINKS {
        let base = Instant::now();
        let mut link = LinkModel::new(mbit, rtt_us);
        let mut window = Window::new(0, base);
        link.run(&mut window, base, 0, 10 * SECOND);
        let best = window.best.expect("credits came");
        let way = rtt_us as f64 + best.bytes as f64 / link.per_second * 1e6;
        let queue = best.took.as_secs_f64() * 1e6 - way;
        let drained = LEAST as f64 / link.per_second * 1e6;
        assert!(
            queue < drained.max(1.0),
            "{mbit} Mbit/s, {rtt_us} us: {queue} us"
        );
    }
}

#[test]
fn a_link_that_becomes_slower_or_longer_is_learnt_anew() {
    let base = Instant::now();
    let mut link = LinkModel::new(1000.0, 100);
    let mut window = Window::new(0, base);
    link.run(&mut window, base, 0, 3 * SECOND);
    link.per_second /= 10.0;
    link.run(&mut window, base, 3 * SECOND, 8 * SECOND);
    let slow = link.run(&mut window, base, 8 * SECOND, 12 * SECOND);
    assert!(slow.goodput > 0.95 && slow.wait_us < 3000.0, "{slow:?}");
    link.per_second *= 10.0;
    link.one_way = 2_500_000;
    link.run(&mut window, base, 12 * SECOND, 17 * SECOND);
    let long = link.run(&mut window, base, 17 * SECOND, 20 * SECOND);
    assert!(long.goodput > 0.95, "{long:?}, window {}", window.size());
}

#[test]
fn a_window_that_is_configured_is_left_to_the_credit_of_the_target_in_no_pieces() {
    let base = Instant::now();
    let mut window = Window::new(65_536, base);
    for ms in 1..1000 {
        let now = base + Duration::from_millis(ms);
        assert_eq!(window.room(65_536, false), u64::MAX);
        window.sent(65_536, now);
        window.credited(4096, now);
        assert_eq!(window.room(4096, false), 0);
        window.credited(28_672, now);
        assert_eq!(window.room(32_768, false), u64::MAX);
        window.credited(32_768, now);
        assert_eq!(window.room(4096, false), u64::MAX, "nothing is under way");
    }
    assert_eq!(window.size(), 65_536);
}

#[test]
fn pages_that_are_read_slower_than_the_link_do_not_open_the_window() {
    let base = Instant::now();
    let mut window = Window::new(0, base);
    for ms in 0..1000 {
        let now = base + Duration::from_millis(ms);
        assert!(window.room(u64::MAX, false) >= 4096);
        window.sent(4096, now);
        window.credited(4096, now + Duration::from_micros(100));
    }
    assert_eq!(window.size(), LEAST);
}
