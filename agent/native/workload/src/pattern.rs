//! One page that can prove what it is: (index, version, checksum) and a body that is noise, or words that come again.
//!
//! A page that was lost, zeroed, moved to another index, torn or left at an older version fails `check`.
//! Only 64-bit integer work: under TCG vector instructions are slow, and the body must cost little to make and to check.

/// Bytes of a page, as x86 guests and userfaultfd see it.
pub const PAGE_BYTES: usize = 4096;
/// A page as 64-bit words: index, version, checksum, then the body.
pub const PAGE_WORDS: usize = PAGE_BYTES / 8;
const HEADER_WORDS: usize = 3;
/// Bit of a version: the body packs like texts and programs do, to about a half.
pub const TEXT: u32 = 1 << 31;
/// One in so many words of such a body is noise.
const NOISE_EVERY: u64 = 8;
/// Different words in such a body. As a power of two.
const VOCABULARY_BITS: u32 = 7;

/// Odd constants with well spread bits (golden ratio; from splitmix64, public domain by S. Vigna).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const FOLD: u64 = 0xbf58_476d_1ce4_e5b9;

/// Seeded 64-bit generator (xorshift64, Marsaglia 2003): tiny state, so that it fits a device state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// Any seed will do; zero, the one state xorshift cannot leave, is mapped away.
    pub fn new(seed: u64) -> Self {
        Self(if seed == 0 { SPREAD } else { seed })
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound` (which must not be zero); the tiny bias of a multiply does not matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.word()) * bound as u128) >> 64) as usize
    }

    /// The whole state, to be given to `new` again.
    pub fn state(self) -> u64 {
        self.0
    }
}

/// Mixes what a page is into the start of its body and of its checksum.
fn start(seed: u64, index: u64, version: u64) -> u64 {
    let mut mixed = seed ^ index.wrapping_mul(SPREAD) ^ version.wrapping_mul(FOLD);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(FOLD);
    mixed ^ (mixed >> 32)
}

fn fold(sum: u64, word: u64) -> u64 {
    (sum.rotate_left(9) ^ word).wrapping_mul(SPREAD)
}

/// The next word of a body.
fn word(body: &mut Random, text: bool) -> u64 {
    let noise = body.word();
    if !text || noise.is_multiple_of(NOISE_EVERY) {
        noise
    } else {
        (noise >> (64 - VOCABULARY_BITS)).wrapping_mul(SPREAD)
    }
}

/// Fills `page` as `index` at `version`.
pub fn write(page: &mut [u64; PAGE_WORDS], seed: u64, index: u64, version: u64) {
    let from = start(seed, index, version);
    let mut body = Random::new(from);
    let mut sum = from;
    let text = version & u64::from(TEXT) != 0;
    for slot in &mut page[HEADER_WORDS..] {
        *slot = word(&mut body, text);
        sum = fold(sum, *slot);
    }
    page[0] = index;
    page[1] = version;
    page[2] = sum;
}

/// True when `page` is `index` at exactly `version`, whole.
pub fn check(page: &[u64; PAGE_WORDS], seed: u64, index: u64, version: u64) -> bool {
    if page[0] != index || page[1] != version {
        return false;
    }
    let sum = page[HEADER_WORDS..]
        .iter()
        .fold(start(seed, index, version), |sum, word| fold(sum, *word));
    page[2] == sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(seed: u64, index: u64, version: u64) -> [u64; PAGE_WORDS] {
        let mut page = [0; PAGE_WORDS];
        write(&mut page, seed, index, version);
        page
    }

    #[test]
    fn a_page_is_itself() {
        assert!(check(&page(1, 2, 3), 1, 2, 3));
        assert!(check(&page(0, 0, 0), 0, 0, 0));
    }

    #[test]
    fn a_page_of_zeros_is_never_right() {
        for index in 0..1000 {
            assert!(!check(&[0; PAGE_WORDS], 7, index, 0));
            assert!(!check(&[0; PAGE_WORDS], 7, index, 1));
        }
    }

    #[test]
    fn another_seed_index_or_version_is_seen() {
        let page = page(1, 2, 3);
        assert!(!check(&page, 9, 2, 3));
        assert!(!check(&page, 1, 9, 3));
        assert!(!check(&page, 1, 2, 4));
    }

    #[test]
    fn one_flipped_bit_anywhere_is_seen() {
        let good = page(5, 6, 7);
        for word in 0..PAGE_WORDS {
            for bit in [0, 13, 63] {
                let mut bad = good;
                bad[word] ^= 1 << bit;
                assert!(!check(&bad, 5, 6, 7), "word {word} bit {bit}");
            }
        }
    }

    #[test]
    fn a_page_torn_between_two_versions_is_seen() {
        let (old, new) = (page(5, 6, 7), page(5, 6, 8));
        for cut in [HEADER_WORDS, 64, 256, PAGE_WORDS - 1] {
            let mut torn = new;
            torn[cut..].copy_from_slice(&old[cut..]);
            assert!(!check(&torn, 5, 6, 8), "cut at {cut}");
        }
    }

    #[test]
    fn bodies_do_not_compress() {
        let page = page(1, 2, 3);
        let mut words = page.to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), PAGE_WORDS);
        let ones: u32 = page[HEADER_WORDS..]
            .iter()
            .map(|word| word.count_ones())
            .sum();
        let share = f64::from(ones) / ((PAGE_WORDS - HEADER_WORDS) * 64) as f64;
        assert!((0.48..0.52).contains(&share), "share of one bits {share}");
    }

    #[test]
    fn bodies_of_text_repeat_their_words_and_are_as_well_checked() {
        let (page, version) = (page(1, 2, 3 | u64::from(TEXT)), 3 | u64::from(TEXT));
        assert!(check(&page, 1, 2, version) && !check(&page, 1, 2, 3));
        let mut words = page[HEADER_WORDS..].to_vec();
        words.sort_unstable();
        words.dedup();
        let expected = (1 << VOCABULARY_BITS) + PAGE_WORDS / NOISE_EVERY as usize;
        assert!(words.len() < expected, "{} words", words.len());
    }

    #[test]
    fn random_numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut random = Random::new(0);
        let mut seen = [false; 10];
        (0..1000).for_each(|_| seen[random.below(10)] = true);
        assert!(seen.iter().all(|hit| *hit));
        assert_eq!(Random::new(random.state()).word(), random.word());
    }
}
