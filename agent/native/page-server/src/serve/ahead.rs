//! Which pages go ahead of the switch, while the guest still runs (engine `warm`). Pure: samples of what was written in, runs
//! of pages out. A page is due until it is sent, and again once it was written, or its link was lost before the target had it.

use std::collections::VecDeque;

use crate::bitmap::Bitmap;

/// So few go with the switch: 1 MiB is 8 ms of a link of 1 Gbit/s, no longer than the switch itself takes.
const FEW: u64 = 256;
/// A pass that does not halve what is due is not worth another one: the guest writes as fast as the link takes. All passes
/// together send at most twice the memory.
const WORTH_IT: u64 = 2;

pub struct Ahead {
    due: Bitmap,
    /// What the target has of some moment, or will have.
    sent: Bitmap,
    /// Taken, and not on its way yet.
    reading: Option<(u64, u64)>,
    /// Sent over the present link and not credited yet, the oldest first.
    under_way: VecDeque<(u64, u64)>,
    cursor: u64,
    /// Due when this pass began.
    began_with: u64,
    pub passes: u64,
    /// Nothing more goes before the switch.
    pub warm: bool,
}

impl Ahead {
    /// `data`: pages that hold anything, all of them seen by the first sample.
    pub fn new(data: Bitmap) -> Self {
        Self {
            sent: Bitmap::new(data.len()),
            reading: None,
            under_way: VecDeque::new(),
            cursor: 0,
            began_with: data.ones(),
            passes: 0,
            warm: data.ones() == 0,
            due: data,
        }
    }

    /// The next run of this pass, at most `max` pages. It is not due any more: read it only now, so that what is written from
    /// here on is seen by the next sample. `None`: the pass is over.
    pub fn next_run(&mut self, max: u64) -> Option<(u64, u64)> {
        if self.warm {
            return None;
        }
        let first = self.due.next(self.cursor)?;
        let count = self.due.run(first, max);
        (first..first + count).for_each(|page| {
            self.due.clear(page);
        });
        self.cursor = first + count;
        self.reading = Some((first, count));
        Some((first, count))
    }

    /// Whether the target has some state of the page: only then must a zero be sent too.
    pub fn was_sent(&self, page: u64) -> bool {
        self.sent.get(page)
    }

    /// Of the run that was taken these go out now; all of them are said before `has_read`.
    pub fn sends(&mut self, first: u64, count: u64) {
        (first..first + count).for_each(|page| {
            self.sent.set(page);
        });
        self.under_way.push_back((first, count));
    }

    /// What of the run does not go out is zero, here as at the target.
    pub fn has_read(&mut self) {
        self.reading = None;
    }

    /// The target has the oldest of what is under way, `pages` of it. False: it credits what it was not sent. What comes when
    /// nothing is under way is for pages of the map.
    pub fn credited(&mut self, pages: u64) -> bool {
        match self.under_way.pop_front() {
            Some((_, count)) => count == pages,
            None => true,
        }
    }

    /// The link is lost: the target may lack what was under way, or have an older state of it.
    pub fn unlinked(&mut self) {
        for (first, count) in std::mem::take(&mut self.under_way) {
            self.written(&[(first, first + count)]);
        }
        self.not_read();
        self.cursor = 0;
    }

    fn not_read(&mut self) {
        if let Some((first, count)) = self.reading.take() {
            self.written(&[(first, first + count)]);
        }
    }

    /// Runs of pages that were written since the last sample, end exclusive.
    pub fn written(&mut self, runs: &[(u64, u64)]) {
        for page in runs.iter().flat_map(|&(start, end)| start..end) {
            self.due.set(page);
        }
    }

    /// A pass is over, and what was written meanwhile is due. True: the rest goes with the switch.
    pub fn passed(&mut self) -> bool {
        let due = self.due.ones();
        self.passes += 1;
        self.warm = due <= FEW || due * WORTH_IT > self.began_with;
        self.began_with = due;
        self.cursor = 0;
        self.warm
    }

    /// No sample can be had any more: nothing that was sent is certain.
    pub fn blind(&mut self) {
        self.due = self.sent.clone();
        self.warm = true;
    }

    pub fn due(&self) -> u64 {
        self.due.ones()
    }

    /// The target has it, and it was not written since.
    pub fn there(&self) -> u64 {
        let mut there = self.sent.clone();
        there.subtract(&self.due);
        there.ones()
    }

    /// The guest stands and the last sample is in: pages that the target must drop again (`map`: those that hold data now),
    /// and pages that it has as they are.
    pub fn freeze(mut self, map: &Bitmap) -> (Bitmap, Bitmap) {
        self.not_read();
        let mut there = self.sent.clone();
        there.subtract(&self.due);
        let mut gone = there.clone();
        gone.subtract(map);
        there.subtract(&gone);
        self.sent.subtract(&there);
        (self.sent, there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(runs: &[(u64, u64)]) -> Bitmap {
        let mut map = Bitmap::new(4096);
        for page in runs.iter().flat_map(|&(start, end)| start..end) {
            map.set(page);
        }
        map
    }

    fn list(map: &Bitmap) -> Vec<u64> {
        (0..map.len()).filter(|&page| map.get(page)).collect()
    }

    fn send_all(ahead: &mut Ahead) {
        while let Some((first, count)) = ahead.next_run(64) {
            ahead.sends(first, count);
            ahead.has_read();
            assert!(ahead.credited(count));
        }
    }

    #[test]
    fn what_is_written_after_it_was_sent_is_due_again_and_stale_at_the_switch() {
        let mut ahead = Ahead::new(pages(&[(0, 1000)]));
        send_all(&mut ahead);
        ahead.written(&[(10, 12), (2000, 2001)]);
        let map = pages(&[(0, 500), (501, 1000), (2000, 2001)]);
        let (stale, there) = ahead.freeze(&map);
        assert_eq!(list(&stale), [10, 11, 500], "500 is a hole by now");
        assert_eq!(there.ones(), 997);
    }

    #[test]
    fn what_was_under_way_when_the_link_was_lost_is_sent_again_whatever_arrived_of_it() {
        let mut ahead = Ahead::new(pages(&[(0, 128)]));
        for _ in 0..2 {
            let (first, count) = ahead.next_run(64).unwrap();
            ahead.sends(first, count);
            ahead.has_read();
        }
        assert!(ahead.credited(64));
        ahead.unlinked();
        assert_eq!((ahead.due(), ahead.there()), (64, 64));
        send_all(&mut ahead);
        let (stale, there) = ahead.freeze(&pages(&[(0, 128)]));
        assert_eq!((stale.ones(), there.ones()), (0, 128));
    }

    #[test]
    fn pages_that_are_read_and_not_sent_are_neither_stale_nor_there() {
        let mut ahead = Ahead::new(pages(&[(0, 64)]));
        assert_eq!(ahead.next_run(64), Some((0, 64)));
        assert!(!ahead.was_sent(5));
        let (stale, there) = ahead.freeze(&pages(&[(0, 64)]));
        assert_eq!((stale.ones(), there.ones()), (0, 0));
    }

    #[test]
    fn what_is_being_read_at_the_switch_or_when_the_link_is_lost_counts_as_written() {
        for lost in [false, true] {
            let mut ahead = Ahead::new(pages(&[(0, 64)]));
            send_all(&mut ahead);
            ahead.written(&[(3, 5)]);
            assert!(ahead.passed());
            ahead.warm = false;
            assert_eq!(ahead.next_run(64), Some((3, 2)));
            if lost {
                ahead.unlinked();
            }
            let (stale, there) = ahead.freeze(&pages(&[(0, 64)]));
            assert_eq!((list(&stale), there.ones()), (vec![3, 4], 62));
        }
    }

    #[test]
    fn passes_go_on_while_each_halves_what_is_due_and_end_when_little_is_left() {
        let mut ahead = Ahead::new(pages(&[(0, 4096)]));
        send_all(&mut ahead);
        ahead.written(&[(0, 2048)]);
        assert!(!ahead.passed());
        send_all(&mut ahead);
        ahead.written(&[(0, FEW)]);
        assert!(ahead.passed());
        assert_eq!(
            (ahead.next_run(64), ahead.due(), ahead.passes),
            (None, FEW, 2)
        );
    }

    #[test]
    fn a_guest_that_writes_faster_than_the_link_takes_is_switched_after_one_pass() {
        let mut ahead = Ahead::new(pages(&[(0, 4096)]));
        send_all(&mut ahead);
        ahead.written(&[(0, 4000)]);
        assert!(ahead.passed());
        assert_eq!(ahead.there(), 96);
    }

    #[test]
    fn without_a_last_sample_everything_that_was_sent_is_stale() {
        let mut ahead = Ahead::new(pages(&[(0, 100)]));
        assert_eq!(ahead.next_run(60), Some((0, 60)));
        ahead.sends(0, 60);
        ahead.blind();
        let (stale, there) = ahead.freeze(&pages(&[(0, 100)]));
        assert_eq!((stale.ones(), there.ones()), (60, 0));
    }

    #[test]
    fn a_credit_for_what_was_not_sent_is_seen() {
        let mut ahead = Ahead::new(pages(&[(0, 100)]));
        ahead.sends(0, 60);
        assert!(!ahead.credited(59));
        assert!(ahead.credited(59), "nothing is under way");
    }
}
