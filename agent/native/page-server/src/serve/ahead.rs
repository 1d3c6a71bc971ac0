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
    /// Was sent, is stale, and the target is told so over the present link: it has nothing of it any more.
    told: Bitmap,
    /// Taken, and not on its way yet.
    reading: Option<(u64, u64)>,
    /// Sent over the present link and not credited yet, the oldest first: pages, and bytes as they travel.
    under_way: VecDeque<(u64, u64, u64)>,
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
            told: Bitmap::new(data.len()),
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

    /// Of the run that was taken these go out now, as so many bytes; all of them are said before `has_read`.
    pub fn sends(&mut self, first: u64, count: u64, bytes: u64) {
        (first..first + count).for_each(|page| {
            self.sent.set(page);
        });
        self.under_way.push_back((first, count, bytes));
    }

    /// What of the run does not go out is zero, here as at the target.
    pub fn has_read(&mut self) {
        self.reading = None;
    }

    /// The target has the oldest of what is under way, which came as so many bytes. False: it credits what it was not sent. What comes when
    /// nothing is under way is for pages of the map.
    pub fn credited(&mut self, bytes: u64) -> bool {
        let Some(&(_, _, sent)) = self.under_way.front() else {
            return true;
        };
        // One that does not fit says nothing of what is under way: it goes again over the next link.
        let fits = sent == bytes;
        if fits {
            self.under_way.pop_front();
        }
        fits
    }

    /// The link is lost: the target may lack what was under way, or have an older state of it.
    pub fn unlinked(&mut self) {
        for (first, count, _) in std::mem::take(&mut self.under_way) {
            self.written(&[(first, first + count)]);
        }
        self.not_read();
        self.sent.unite(&self.told);
        self.told = Bitmap::new(self.told.len());
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

    /// When nothing more goes: what is stale by now. Told before the switch, it costs the target no time in it.
    pub fn tell_stale(&mut self) -> Bitmap {
        let mut stale = self.sent.clone();
        stale.intersect(&self.due);
        self.sent.subtract(&stale);
        self.told.unite(&stale);
        stale
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
#[path = "ahead_tests.rs"]
mod tests;
