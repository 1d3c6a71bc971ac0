//! What the guest writes most. Pure: samples in, blocks out.

use super::plan::BLOCK;

/// Of a page that was written between two samples. Halved at each later one: after nine nothing is left of it.
const WRITTEN: u16 = 1 << 8;

pub struct Heat {
    /// Of each block, at most twice `BLOCK * WRITTEN`.
    blocks: Vec<u16>,
    samples: u64,
    /// In all samples: a page that is written again counts again.
    written_pages: u64,
}

impl Heat {
    pub fn new(pages: u64) -> Self {
        Self {
            blocks: vec![0; pages.div_ceil(BLOCK) as usize],
            samples: 0,
            written_pages: 0,
        }
    }

    pub fn samples(&self) -> u64 {
        self.samples
    }

    pub fn written_pages(&self) -> u64 {
        self.written_pages
    }

    /// One sample: runs of pages, end exclusive. What lies outside the memory is nothing.
    pub fn add(&mut self, written: &[(u64, u64)]) {
        self.samples += 1;
        self.blocks.iter_mut().for_each(|heat| *heat /= 2);
        for page in written.iter().flat_map(|&(start, end)| start..end) {
            if let Some(heat) = self.blocks.get_mut((page / BLOCK) as usize) {
                *heat += WRITTEN;
                self.written_pages += 1;
            }
        }
    }

    /// Blocks that were written lately, the hottest first, by address where they are equal.
    pub fn ranked(&self) -> Vec<u64> {
        let heat = |block: u64| self.blocks[block as usize];
        let mut ranked: Vec<u64> = (0..self.blocks.len() as u64).collect();
        ranked.retain(|&block| heat(block) > 0);
        ranked.sort_by_key(|&block| std::cmp::Reverse(heat(block)));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_again_and_again_is_hotter_than_what_was_written_once_and_that_is_forgotten()
    {
        let mut heat = Heat::new(1000);
        heat.add(&[(0, 16), (500, 502), (5000, 5001)]);
        heat.add(&[(320, 324), (500, 502)]);
        assert_eq!(
            heat.ranked(),
            [0, 20, 31],
            "16 of before count for 8, 2 + 1 for less than 4"
        );
        for _ in 0..3 {
            heat.add(&[(500, 502)]);
        }
        assert_eq!(heat.ranked(), [31, 0, 20]);
        assert_eq!(
            heat.written_pages(),
            18 + 6 + 3 * 2,
            "what lies outside is nothing"
        );
        for _ in 0..13 {
            heat.add(&[]);
        }
        assert_eq!((heat.ranked(), heat.samples()), (vec![], 18));
    }

    #[test]
    fn a_block_that_is_written_whole_each_time_keeps_its_heat() {
        let mut heat = Heat::new(BLOCK + 1);
        for _ in 0..1000 {
            heat.add(&[(0, BLOCK), (BLOCK, BLOCK + 1)]);
        }
        assert_eq!(heat.ranked(), [0, 1]);
    }
}
