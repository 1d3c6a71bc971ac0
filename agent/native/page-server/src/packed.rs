//! Pages as an LZ4 block and back (`lz4_Block_format.md` of lz4 1.10). No I/O. Both ways without unsafe code; a block of a
//! peer that lies gives an error and never more bytes than there is room for.

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};

/// With what it needs again for each block.
pub struct Packer {
    table: CompressTable,
    block: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            table: CompressTable::small(),
            block: vec![],
        }
    }
}

impl Packer {
    /// What does not shrink comes out a little longer than it was.
    pub fn pack(&mut self, pages: &[u8]) -> &[u8] {
        let room = get_maximum_output_size(pages.len());
        if self.block.len() < room {
            self.block.resize(room, 0);
        }
        let length = compress_into_with_table(pages, &mut self.block, &mut self.table)
            .expect("there is room for the longest block");
        &self.block[..length]
    }
}

/// Fills `pages` from a block that must hold exactly so much. False: it does not; what is in `pages` then means nothing.
pub fn unpack(block: &[u8], pages: &mut [u8]) -> bool {
    decompress_into(block, pages).is_ok_and(|length| length == pages.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_copies_from_before_its_beginning_is_refused() {
        // One literal, then 18 bytes from 2 back (RUSTSEC-2026-0041: what was in the buffer came out).
        let mut pages = [0x55; 64];
        assert!(!unpack(&[0x1f, 7, 2, 0, 0, 0x10, 1], &mut pages));
    }

    #[test]
    fn a_block_that_holds_more_or_less_than_it_should_is_refused() {
        let mut packer = Packer::default();
        let block = packer.pack(&[7; 8192]).to_vec();
        assert!(block.len() < 100);
        assert!(unpack(&block, &mut [0; 8192]));
        assert!(!unpack(&block, &mut [0; 4096]));
        assert!(!unpack(&block, &mut [0; 12288]));
        assert!(!unpack(&[], &mut [0; 4096]));
    }

    #[test]
    fn long_and_short_extents_take_turns() {
        let mut packer = Packer::default();
        for pages in [1, 64, 2, 16, 256, 1] {
            let bytes: Vec<u8> = (0..pages * 4096u32).map(|at| (at / 7) as u8).collect();
            let mut back = vec![0; bytes.len()];
            assert!(unpack(packer.pack(&bytes), &mut back));
            assert!(back == bytes, "{pages} pages");
        }
    }
}
