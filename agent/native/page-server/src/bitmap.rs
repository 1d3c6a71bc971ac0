//! One bit a page.

#[derive(Clone)]
pub struct Bitmap {
    words: Vec<u64>,
    len: u64,
    ones: u64,
}

impl Bitmap {
    pub fn new(len: u64) -> Self {
        Self {
            words: vec![0; len.div_ceil(64) as usize],
            len,
            ones: 0,
        }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn ones(&self) -> u64 {
        self.ones
    }

    /// False outside.
    pub fn get(&self, at: u64) -> bool {
        at < self.len && self.words[(at / 64) as usize] >> (at % 64) & 1 == 1
    }

    /// True when the bit changed. Outside nothing happens.
    pub fn set(&mut self, at: u64) -> bool {
        if at >= self.len || self.get(at) {
            return false;
        }
        self.words[(at / 64) as usize] |= 1 << (at % 64);
        self.ones += 1;
        true
    }

    pub fn clear(&mut self, at: u64) -> bool {
        if !self.get(at) {
            return false;
        }
        self.words[(at / 64) as usize] &= !(1 << (at % 64));
        self.ones -= 1;
        true
    }

    /// The first set bit at or after `from`.
    pub fn next(&self, from: u64) -> Option<u64> {
        if from >= self.len {
            return None;
        }
        let mut word = (from / 64) as usize;
        let mut bits = self.words[word] & (u64::MAX << (from % 64));
        loop {
            if bits != 0 {
                return Some(word as u64 * 64 + u64::from(bits.trailing_zeros()));
            }
            word += 1;
            bits = *self.words.get(word)?;
        }
    }

    /// Length of the run of set bits from `from` on, at most `max`.
    pub fn run(&self, from: u64, max: u64) -> u64 {
        (0..max).take_while(|&i| self.get(from + i)).count() as u64
    }

    /// Bits `[first, first + 8 * count)` as bytes, lowest bit first.
    pub fn bytes(&self, first: u64, count: usize) -> Vec<u8> {
        debug_assert_eq!(first % 64, 0);
        let start = (first / 64) as usize;
        let bytes = self.words[start..]
            .iter()
            .flat_map(|word| word.to_le_bytes());
        bytes.take(count).collect()
    }

    /// Sets what is set in `bytes`. False: some of it lies outside.
    #[must_use]
    pub fn merge(&mut self, first: u64, bytes: &[u8]) -> bool {
        for (i, byte) in bytes.iter().enumerate() {
            for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                match first.checked_add(i as u64 * 8 + bit) {
                    Some(at) if at < self.len => self.set(at),
                    _ => return false,
                };
            }
        }
        true
    }

    /// Clears what is set in `other`.
    pub fn subtract(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= !theirs;
        }
        self.count();
    }

    /// Clears what is not set in `other`.
    pub fn intersect(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= theirs;
        }
        self.count();
    }

    /// Sets what is set in `other`, which is as long.
    pub fn unite(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
        self.count();
    }

    fn count(&mut self) {
        let ones = |word: &u64| u64::from(word.count_ones());
        self.ones = self.words.iter().map(ones).sum();
    }

    /// Whether all that is set in `other` from `from`, a multiple of 64, up to `end` is set here.
    pub fn covers(&self, other: &Self, from: u64, end: u64) -> bool {
        debug_assert_eq!(from % 64, 0);
        let words = (from / 64) as usize..end.min(self.len).div_ceil(64) as usize;
        let both = self.words[words.clone()].iter().zip(&other.words[words]);
        both.into_iter().all(|(mine, theirs)| theirs & !mine == 0)
    }

    /// Calls `emit(first page, bytes)` for the whole map in pieces that fit into a frame.
    pub fn pieces<E>(&self, mut emit: impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        /// 512 KiB of bits: 16 GiB of memory in one frame.
        const PIECE_BYTES: u64 = 1 << 19;
        let total = self.len.div_ceil(8);
        let mut at = 0;
        while at < total {
            let count = PIECE_BYTES.min(total - at) as usize;
            emit(at * 8, &self.bytes(at * 8, count))?;
            at += count as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_found_and_travel_as_bytes() {
        let mut map = Bitmap::new(1000);
        for at in [0, 63, 64, 65, 999] {
            assert!(map.set(at));
            assert!(!map.set(at));
        }
        assert!(!map.set(1000));
        assert_eq!(
            (map.ones(), map.next(1), map.next(66), map.run(63, 10)),
            (5, Some(63), Some(999), 3)
        );
        let mut copy = Bitmap::new(1000);
        map.pieces(|first, bytes| -> Result<(), ()> {
            assert!(copy.merge(first, bytes));
            Ok(())
        })
        .unwrap();
        assert_eq!((copy.ones(), copy.get(999)), (5, true));
        assert!(copy.covers(&map, 0, 1000) && copy.clear(65));
        assert!(!copy.covers(&map, 64, 1000) && copy.covers(&map, 128, 1000));
        copy.intersect(&map);
        assert_eq!(copy.ones(), 4);
        copy.subtract(&map);
        assert_eq!((copy.ones(), copy.next(0)), (0, None));
        assert!(map.clear(64) && !map.clear(64));
        assert_eq!(map.ones(), 4);
    }

    #[test]
    fn bits_of_a_peer_that_lie_outside_are_noticed() {
        let mut map = Bitmap::new(10);
        assert!(map.merge(8, &[3]) && map.merge(1 << 40, &[0]));
        for first in [8, 1 << 40, u64::MAX - 2] {
            assert!(!map.merge(first, &[0xff, 0xff]), "{first}");
        }
        assert_eq!(map.ones(), 2);
    }
}
