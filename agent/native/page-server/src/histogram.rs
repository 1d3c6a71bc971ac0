//! Latencies in microseconds, in buckets of at most 1/16 of their value.

use serde_json::{Value, json};

const SUB_BITS: u32 = 4;
const BUCKETS: usize = 64 << SUB_BITS;
/// What is told of the distribution: from a round trip in a rack to a link that was lost. Fine where it must stand
/// (`docs/design/page-server.md`: a round trip and 150 µs, 500 µs, 2 ms, 3 ms). `FAULT_BOUNDS_US` of the agent.
pub const BOUNDS_US: [u64; 18] = [
    50, 100, 150, 250, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 20_000, 50_000, 100_000,
    250_000, 1_000_000, 10_000_000,
];

pub struct Histogram {
    buckets: Vec<u32>,
    /// Up to each of `BOUNDS_US` and above the one before it; the last is above all.
    told: [u64; BOUNDS_US.len() + 1],
    count: u64,
    sum_us: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            told: [0; BOUNDS_US.len() + 1],
            count: 0,
            sum_us: 0,
            max_us: 0,
        }
    }
}

fn bucket(us: u64) -> usize {
    let log = us.max(1).ilog2();
    if log <= SUB_BITS {
        return us as usize;
    }
    let shift = log - SUB_BITS;
    ((shift as usize) << SUB_BITS) + (us >> shift) as usize
}

/// Middle of a bucket.
fn value(bucket: usize) -> u64 {
    if bucket < 2 << SUB_BITS {
        return bucket as u64;
    }
    let shift = (bucket >> SUB_BITS) - 1;
    let low = (bucket - (shift << SUB_BITS)) as u64;
    (low << shift) + (1 << shift) / 2
}

impl Histogram {
    pub fn add(&mut self, us: u64) {
        self.buckets[bucket(us).min(BUCKETS - 1)] += 1;
        self.told[BOUNDS_US.partition_point(|&bound| bound < us)] += 1;
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
    }

    pub fn json(&self) -> Value {
        json!({
            "count": self.count,
            "sumUs": self.sum_us,
            "p50Us": self.quantile_us(0.5),
            "p99Us": self.quantile_us(0.99),
            "maxUs": self.max_us,
            "boundsUs": BOUNDS_US,
            "buckets": self.told,
        })
    }

    /// The value below which `share` of all lie; 0 without any.
    pub fn quantile_us(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, &count) in self.buckets.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted && count > 0 {
                return value(index).min(self.max_us);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_sixteenth() {
        let mut histogram = Histogram::default();
        for us in 1..=10_000u64 {
            histogram.add(us);
        }
        for (share, exact) in [(0.5, 5000.0), (0.99, 9900.0), (0.001, 10.0)] {
            let found = histogram.quantile_us(share) as f64;
            assert!((found - exact).abs() <= exact / 16.0, "{share}: {found}");
        }
        assert_eq!((histogram.count, histogram.max_us), (10_000, 10_000));
    }

    #[test]
    fn nothing_and_extremes_are_no_trouble() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_us(0.99), 0);
        histogram.add(0);
        histogram.add(u64::MAX);
        assert_eq!(
            (histogram.quantile_us(0.5), histogram.max_us),
            (0, u64::MAX)
        );
    }
    #[test]
    fn what_is_told_is_up_to_each_bound_and_adds_up() {
        let mut histogram = Histogram::default();
        for us in [0, 50, 51, 1000, 10_000_000, 10_000_001] {
            histogram.add(us);
        }
        let told = histogram.json();
        let of = |index: usize| told["buckets"][index].as_u64();
        let filled: Vec<usize> = (0..=BOUNDS_US.len()).filter(|&i| of(i) > Some(0)).collect();
        assert_eq!(filled, [0, 1, 6, 17, 18]);
        assert_eq!((of(0), of(18)), (Some(2), Some(1)));
        assert_eq!(
            (&told["count"], &told["sumUs"]),
            (&json!(6), &json!(20_001_102))
        );
        assert!(BOUNDS_US.is_sorted_by(|one, next| one < next));
    }
}
