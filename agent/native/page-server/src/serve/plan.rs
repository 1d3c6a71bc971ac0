//! Which pages go next. Pure. What devices touch while they load goes first and faults are answered at once, always; then,
//! as far as the order says so, forward from recent faults and what is hot; then the rest by address.

use std::collections::VecDeque;

use crate::bitmap::Bitmap;
use crate::session::Order;

/// Recent faults followed at a time; more would be a sweep of its own.
const PIVOTS_MAX: usize = 8;
/// Behind a fault this much is looked at for pages that are still missing. Pages.
const REACH: u64 = 64;
/// What one fault may pull after it in all. Pages.
const PULL_MAX: u64 = 256;
/// Writes are counted, and what is hot is sent, by so much at a time. Pages.
pub const BLOCK: u64 = 16;
/// A target records, and the next move takes, so many blocks that the guest faulted first: 16 MiB. More would make every
/// `progress` longer, for pages that bulk has brought by the time they are wanted.
pub const RECORDED_BLOCKS_MAX: usize = 256;

struct Pivot {
    at: u64,
    budget: u64,
}

pub struct Plan {
    pub map: Bitmap,
    pub left: Bitmap,
    first: VecDeque<u64>,
    order: Order,
    pivots: VecDeque<Pivot>,
    /// Blocks, the hottest first, and the one that is next.
    hot: Vec<u64>,
    next_hot: usize,
    cursor: u64,
}

impl Plan {
    /// `first`: the device-load set. `hot`: blocks of `BLOCK` pages by number, the hottest first. They may be of an earlier
    /// move: of what is no data now, or lies outside, nothing is sent.
    pub fn new(map: Bitmap, first: &[u64], order: Order, mut hot: Vec<u64>) -> Self {
        hot.retain(|&block| block < map.len().div_ceil(BLOCK));
        let first = first
            .iter()
            .copied()
            .filter(|&page| map.get(page))
            .collect();
        let left = map.clone();
        Self {
            map,
            left,
            first,
            order,
            pivots: VecDeque::new(),
            hot,
            next_hot: 0,
            cursor: 0,
        }
    }

    /// After a new link: what the target has is not sent again, what was under way is.
    pub fn resume(&mut self, settled: &Bitmap) {
        self.left = self.map.clone();
        self.left.subtract(settled);
        self.first.retain(|&page| self.left.get(page));
        self.next_hot = 0;
        self.cursor = 0;
    }

    /// The page is sent another way.
    pub fn faulted(&mut self, page: u64) {
        self.left.clear(page);
        if self.order == Order::Sequential {
            return;
        }
        if self.pivots.len() == PIVOTS_MAX {
            self.pivots.pop_front();
        }
        self.pivots.push_back(Pivot {
            at: page + 1,
            budget: PULL_MAX,
        });
    }

    /// The next page of the device-load set.
    pub fn next_first(&mut self) -> Option<u64> {
        while let Some(page) = self.first.pop_front() {
            if self.left.clear(page) {
                return Some(page);
            }
        }
        None
    }

    /// The next run of pages, at most `max`, which then count as sent.
    pub fn next_run(&mut self, max: u64) -> Option<(u64, u64)> {
        let near = self.near_faults(max).or_else(|| self.hottest(max));
        let (first, count) = near.or_else(|| self.rest(max))?;
        for page in first..first + count {
            self.left.clear(page);
        }
        Some((first, count))
    }

    fn near_faults(&mut self, max: u64) -> Option<(u64, u64)> {
        while let Some(mut pivot) = self.pivots.pop_front() {
            let Some(first) = self
                .left
                .next(pivot.at)
                .filter(|&page| page - pivot.at < REACH)
            else {
                continue;
            };
            let count = self.left.run(first, max.min(pivot.budget));
            pivot.at = first + count;
            pivot.budget -= count;
            if pivot.budget > 0 {
                self.pivots.push_back(pivot);
            }
            return Some((first, count));
        }
        None
    }

    fn hottest(&mut self, max: u64) -> Option<(u64, u64)> {
        if self.order != Order::Hot {
            return None;
        }
        while let Some(block) = self.hot.get(self.next_hot) {
            let (start, end) = (block * BLOCK, (block + 1) * BLOCK);
            if let Some(first) = self.left.next(start).filter(|&page| page < end) {
                return Some((first, self.left.run(first, max.min(end - first))));
            }
            self.next_hot += 1;
        }
        None
    }

    fn rest(&mut self, max: u64) -> Option<(u64, u64)> {
        let first = self.left.next(self.cursor).or_else(|| self.left.next(0))?;
        let count = self.left.run(first, max);
        self.cursor = first + count;
        Some((first, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pages: &[std::ops::Range<u64>]) -> Bitmap {
        let mut map = Bitmap::new(4096);
        for page in pages.iter().cloned().flatten() {
            map.set(page);
        }
        map
    }

    #[test]
    fn every_data_page_is_sent_exactly_once_whatever_faults_come_between() {
        for order in [Order::Sequential, Order::Windows, Order::Hot] {
            let map = map(&[3..700, 1000..1001, 4000..4096]);
            once(Plan::new(
                map,
                &[1000, 5, 900],
                order,
                vec![255, 7, 7, 100, 9000, u64::MAX],
            ));
        }
    }

    fn once(mut plan: Plan) {
        let mut sent = Bitmap::new(4096);
        let mut take = |first: u64, count: u64| {
            (first..first + count).for_each(|page| assert!(sent.set(page)))
        };
        while let Some(page) = plan.next_first() {
            take(page, 1);
        }
        let mut turn = 0;
        while let Some((first, count)) = plan.next_run(64) {
            take(first, count);
            turn += 1;
            let page = turn * 37 % 4096;
            if plan.left.get(page) {
                plan.faulted(page);
                take(page, 1);
            }
        }
        assert_eq!(sent.ones(), plan.map.ones());
    }

    #[test]
    fn the_device_load_set_goes_first_and_pages_behind_a_fault_before_the_rest() {
        let mut plan = full(&[2000, 5], Order::Windows, vec![60]);
        assert_eq!(
            (plan.next_first(), plan.next_first(), plan.next_first()),
            (Some(2000), Some(5), None)
        );
        assert_eq!(plan.next_run(64), Some((0, 5)));
        plan.faulted(3000);
        assert_eq!(plan.next_run(16), Some((3001, 16)));
    }

    #[test]
    fn after_a_new_link_only_what_is_missing_is_sent() {
        let mut plan = Plan::new(map(&[0..50, 50..100]), &[], Order::Hot, vec![5, 6]);
        while plan.next_run(64).is_some() {}
        plan.resume(&map(&[0..50, 50..90]));
        assert_eq!(
            (plan.next_run(64), plan.next_run(64), plan.next_run(64)),
            (Some((90, 6)), Some((96, 4)), None),
            "block by block, also what was sent over the link before"
        );
    }

    fn full(first: &[u64], order: Order, hot: Vec<u64>) -> Plan {
        Plan::new(map(&[0..2048, 2048..4096]), first, order, hot)
    }

    #[test]
    fn sequential_goes_by_address_whatever_faults_or_is_hot() {
        let mut plan = full(&[], Order::Sequential, vec![60]);
        assert_eq!(plan.next_run(64), Some((0, 64)));
        plan.faulted(3000);
        plan.faulted(66);
        assert_eq!(plan.next_run(64), Some((64, 2)));
        assert_eq!(plan.next_run(64), Some((67, 64)));
    }

    #[test]
    fn hot_sends_what_is_behind_faults_then_the_hottest_blocks_then_the_rest() {
        let mut plan = full(&[], Order::Hot, vec![60, 2]);
        assert_eq!(plan.next_run(64), Some((60 * BLOCK, BLOCK)));
        plan.faulted(3000);
        plan.faulted(2 * BLOCK + 3);
        plan.near_faults_only();
        assert_eq!(
            plan.next_run(64),
            Some((2 * BLOCK, 3)),
            "what is left of it"
        );
        assert_eq!(plan.next_run(64), Some((0, 2 * BLOCK)));
    }

    #[test]
    fn blocks_of_an_earlier_move_go_in_its_order_and_what_was_freed_meanwhile_is_passed_over() {
        let map = map(&[0..64, 200..204, 320..336]);
        let mut plan = Plan::new(map, &[], Order::Hot, vec![20, 100, u64::MAX, 12]);
        assert_eq!(plan.next_run(64), Some((320, BLOCK)));
        assert_eq!(plan.next_run(64), Some((200, 4)), "what is left of it");
        assert_eq!(plan.next_run(64), Some((0, 64)));
        assert_eq!(plan.next_run(64), None);
    }

    impl Plan {
        /// Takes all that recent faults pull after them: by turns, and never what is nowhere near.
        fn near_faults_only(&mut self) {
            let mut pulled = 0;
            while !self.pivots.is_empty() {
                let (first, count) = self.next_run(64).expect("there is more behind a fault");
                assert!((3001..3257).contains(&first) || (36..292).contains(&first));
                pulled += count;
            }
            assert_eq!(pulled, 2 * PULL_MAX);
        }
    }
}
