//! Early release: while pages still come, the memory of those that the target has for certain is given back, if the agent
//! asks for it. It asks once the guest is known to run on the target: the source never needs it again. What is given back
//! is a hole, which must never be taken for zeros: `give.rs` writes down what it was. Pure.

use super::plan::Plan;
use crate::bitmap::Bitmap;
use crate::fetch::ACK_PAGES;

/// The guest waits then, for pages that are nowhere any more; better than zeros.
pub const LACKS: &str =
    "the target lacks pages that it had acknowledged: they are given back here and cannot be sent";

/// Which blocks may go.
pub struct Release {
    pages: u64,
    due: Bitmap,
    /// Blocks that are holes now, or will be in a moment.
    given: Bitmap,
}

impl Release {
    pub fn new(pages: u64) -> Self {
        let blocks = pages.div_ceil(ACK_PAGES);
        Self {
            pages,
            due: Bitmap::new(blocks),
            given: Bitmap::new(blocks),
        }
    }

    /// Holes that another page server of this handoff has made.
    pub fn given(&mut self, blocks: Vec<u64>) {
        for block in blocks {
            self.given.set(block);
        }
    }

    fn end(&self, block: u64) -> u64 {
        ((block + 1) * ACK_PAGES).min(self.pages)
    }

    /// The target begins a link with what it has, which counts, whatever it had acknowledged before: one that was started
    /// again knows of no page of zeros. False: it lacks what was given back.
    #[must_use]
    pub fn resume(&mut self, map: &Bitmap, settled: &Bitmap) -> bool {
        for block in 0..self.given.len() {
            let (first, end) = (block * ACK_PAGES, self.end(block));
            let has_all = settled.covers(map, first, end);
            let is_empty = map.next(first).is_none_or(|page| page >= end);
            if self.given.get(block) {
                if !has_all {
                    return false;
                }
            } else if has_all && !is_empty {
                self.due.set(block);
            } else {
                self.due.clear(block);
            }
        }
        true
    }

    /// All data of these pages is in place at the target. False: it is no block, or was never sent.
    #[must_use]
    pub fn acknowledged(&mut self, plan: &Plan, first: u64, count: u64) -> bool {
        let block = first / ACK_PAGES;
        if first >= self.pages
            || !first.is_multiple_of(ACK_PAGES)
            || first + count != self.end(block)
            || plan
                .left
                .next(first)
                .is_some_and(|page| page < first + count)
        {
            return false;
        }
        if !self.given.get(block) {
            self.due.set(block);
        }
        true
    }

    /// The next block to give back.
    pub fn next(&self) -> Option<u64> {
        self.due.next(0)
    }

    /// That block, of which these pages are not zero, is as good as gone: so many pages of memory. Those of zeros need not be
    /// in place at the target: they are no data from now on. `None`: it is not due any more.
    pub fn gone(&mut self, block: u64, map: &mut Bitmap, data: &Bitmap) -> Option<u64> {
        if !self.due.clear(block) {
            return None;
        }
        self.given.set(block);
        let (first, end) = (block * ACK_PAGES, self.end(block));
        let held = (first..end).filter(|&page| map.get(page)).count();
        for page in (first..end).filter(|page| !data.get(page - first)) {
            map.clear(page);
        }
        Some(held as u64)
    }

    pub fn has_given(&self, page: u64) -> bool {
        self.given.get(page / ACK_PAGES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Order;

    const PAGES: u64 = 3 * ACK_PAGES + 10;

    fn map(pages: &[std::ops::Range<u64>]) -> Bitmap {
        let mut map = Bitmap::new(PAGES);
        for page in pages.iter().cloned().flatten() {
            map.set(page);
        }
        map
    }

    #[test]
    fn a_block_is_due_once_when_all_its_data_was_sent_and_acknowledged() {
        let mut plan = Plan::new(
            map(&[0..ACK_PAGES, 3 * ACK_PAGES..PAGES]),
            &[],
            Order::Sequential,
            vec![],
        );
        let mut release = Release::new(PAGES);
        assert!(!release.acknowledged(&plan, 0, ACK_PAGES), "never sent");
        while plan.next_run(64).is_some() {}
        for (first, count) in [
            (1, ACK_PAGES),
            (0, 5),
            (0, 2 * ACK_PAGES),
            (PAGES, 1),
            (u64::MAX, 1),
        ] {
            assert!(
                !release.acknowledged(&plan, first, count),
                "{first} {count}"
            );
        }
        assert_eq!(release.next(), None);
        for _ in 0..2 {
            assert!(release.acknowledged(&plan, 3 * ACK_PAGES, 10));
        }
        assert!(!release.has_given(PAGES - 1), "due, not given");
        assert_eq!(release.give(&mut plan.map), Some(3));
        assert_eq!(release.next(), None);
        assert!(release.has_given(PAGES - 1) && !release.has_given(0));
        assert_eq!(
            plan.map.ones(),
            ACK_PAGES + 9,
            "the page of zeros is none of data now"
        );
    }

    #[test]
    fn what_a_target_says_that_it_has_when_a_link_begins_is_due_and_must_hold_what_was_given() {
        let mut map = map(&[0..ACK_PAGES, ACK_PAGES..ACK_PAGES + 3]);
        let mut release = Release::new(PAGES);
        let mut settled = map.clone();
        settled.clear(ACK_PAGES + 1);
        assert!(release.resume(&map, &settled));
        assert_eq!(release.give(&mut map), Some(0));
        assert_eq!(release.next(), None);
        assert!(release.resume(&map, &map));
        assert_eq!(release.give(&mut map), Some(1));
        assert_eq!(release.next(), None, "no block of holes");
        assert!(
            !release.resume(&map, &settled),
            "a page that was given back is gone"
        );
        assert_eq!(release.next(), None);
        let mut heir = Release::new(PAGES);
        heir.given(vec![0]);
        assert!(heir.has_given(4) && heir.resume(&map, &settled));
        settled.clear(4);
        assert!(
            heir.resume(&map, &settled),
            "a page of zeros may be missing"
        );
        settled.clear(7);
        assert!(!heir.resume(&map, &settled));
    }

    #[test]
    fn a_block_that_was_acknowledged_is_due_no_more_when_the_next_link_begins_without_one_of_its_pages()
     {
        let mut plan = Plan::new(map(&[0..4, 4..ACK_PAGES]), &[], Order::Sequential, vec![]);
        while plan.next_run(64).is_some() {}
        let mut release = Release::new(PAGES);
        let mut settled = plan.map.clone();
        for page in [4, 7] {
            assert!(release.acknowledged(&plan, 0, ACK_PAGES));
            assert_eq!(release.next(), Some(0));
            settled.clear(page);
            assert!(release.resume(&plan.map, &settled));
            assert_eq!(release.next(), None, "page {page}");
            let data = Bitmap::new(ACK_PAGES);
            let gone = release.gone(0, &mut plan.map, &data);
            assert_eq!(
                (gone, plan.map.ones()),
                (None, ACK_PAGES),
                "looked at before"
            );
            settled.set(page);
        }
        plan.resume(&settled);
        assert!(release.acknowledged(&plan, 0, ACK_PAGES));
        assert_eq!(release.give(&mut plan.map), Some(0));
    }

    impl Release {
        /// The next block, whose fifth page is found to be zero.
        fn give(&mut self, map: &mut Bitmap) -> Option<u64> {
            let mut data = Bitmap::new(ACK_PAGES);
            (0..ACK_PAGES).filter(|&page| page != 4).for_each(|page| {
                data.set(page);
            });
            let block = self.next()?;
            self.gone(block, map, &data)?;
            Some(block)
        }
    }
}
