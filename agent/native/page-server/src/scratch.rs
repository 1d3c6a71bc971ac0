//! A buffer that pages are read into, out of the way of a slow copy.
//!
//! Copies of both kernel and libc are `rep movsb` for so much. Where the destination lies up to 31 bytes ahead of the source,
//! modulo 4096, that is four to twenty times slower (AMD EPYC: 1.9 instead of 8 GB/s from the page cache, 2 instead of 40
//! within the second-level cache): the processor takes the next load for one of what it has just stored. Pages lie at 0
//! modulo 4096, and large pieces from malloc at 16.

const PAGE: usize = 4096;
/// As far from where a copy begins on either side as can be.
const OFF: usize = PAGE / 2;

pub struct Scratch {
    /// Never grows: what it is made of stays where it is.
    memory: Vec<u8>,
    start: usize,
}

impl Scratch {
    /// Of zeros.
    pub fn new(bytes: usize) -> Self {
        let memory = vec![0; bytes + 2 * PAGE];
        let start = memory.as_ptr().align_offset(PAGE) + OFF;
        Self { memory, start }
    }

    /// The first `bytes` of it. It asserts that there are so many.
    pub fn first(&mut self, bytes: usize) -> &mut [u8] {
        let room = self.memory.len() - 2 * PAGE;
        assert!(bytes <= room, "a buffer of {room} bytes has no {bytes}");
        &mut self.memory[self.start..self.start + bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_lies_half_a_page_off_all_pages_and_is_as_long_as_asked() {
        for bytes in [1, PAGE, 64 * PAGE] {
            let mut scratch = Scratch::new(bytes);
            let whole = scratch.first(bytes);
            assert_eq!(whole.as_ptr().addr() % PAGE, OFF);
            assert_eq!(whole, vec![0; bytes]);
            whole[bytes - 1] = 7;
            assert_eq!(scratch.first(bytes)[bytes - 1], 7, "it is kept");
        }
    }

    #[test]
    #[should_panic(expected = "a buffer of 4096 bytes has no 4097")]
    fn nobody_gets_more_than_there_is() {
        Scratch::new(PAGE).first(PAGE + 1);
    }
}
