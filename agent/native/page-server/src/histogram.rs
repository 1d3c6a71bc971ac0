//! Latencies in microseconds, in buckets of at most 1/16 of their value.

const SUB_BITS: u32 = 4;
const BUCKETS: usize = 64 << SUB_BITS;

pub struct Histogram {
    buckets: Vec<u32>,
    count: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
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
        self.count += 1;
        self.max_us = self.max_us.max(us);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn max_us(&self) -> u64 {
        self.max_us
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
        assert_eq!((histogram.count(), histogram.max_us()), (10_000, 10_000));
    }

    #[test]
    fn nothing_and_extremes_are_no_trouble() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_us(0.99), 0);
        histogram.add(0);
        histogram.add(u64::MAX);
        assert_eq!(
            (histogram.quantile_us(0.5), histogram.max_us()),
            (0, u64::MAX)
        );
    }
}
