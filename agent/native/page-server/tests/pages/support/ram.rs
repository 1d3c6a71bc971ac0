//! RAM files and what is in them.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

pub const PAGE: usize = 4096;

/// What a page of the source is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Is {
    Data,
    /// Words that come again, as in programs and texts: packs to a half or less.
    Text,
    /// Written, with zeros.
    Zero,
    Hole,
}

/// A memory as guests have it: data in runs of all lengths, written zeros among it, and large holes.
pub fn usual(page: u64) -> Is {
    match (page / 256 % 4, page % 16) {
        (3, _) => Is::Hole,
        (_, 5 | 9) => Is::Zero,
        (_, 11) => Is::Hole,
        _ => Is::Data,
    }
}

/// Bytes that differ from page to page and within a page.
pub fn page(index: u64) -> Vec<u8> {
    let mut state = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..PAGE / 8).flat_map(|_| word()).collect()
}

/// Words of eight bytes that differ from page to page, out of 64.
fn text(index: u64) -> Vec<u8> {
    let noise = page(index);
    let word = |byte: &u8| format!("{:<8}", u32::from(byte % 64) * 977);
    let words: String = noise[..PAGE / 8].iter().map(word).collect();
    words.into_bytes()
}

/// What a page holds; a hole is read as zeros.
pub fn bytes(index: u64, is: Is) -> Vec<u8> {
    match is {
        Is::Data => page(index),
        Is::Text => text(index),
        Is::Zero | Is::Hole => vec![0; PAGE],
    }
}

pub fn make(path: &Path, pages: u64, is: impl Fn(u64) -> Is) {
    let file = File::create(path).expect("a RAM file");
    file.set_len(pages * PAGE as u64).expect("its size");
    for index in 0..pages {
        if is(index) == Is::Hole {
            continue;
        }
        file.write_all_at(&bytes(index, is(index)), index * PAGE as u64)
            .expect("room on tmpfs");
    }
}

/// Pages that take memory.
pub fn held(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a RAM file").blocks() * 512 / PAGE as u64
}

/// Like the test VMM's.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub fn assert_same(source: &Path, target: &Path) {
    let source = std::fs::read(source).expect("a RAM file");
    assert_is(&source, target, "source and target");
}

/// Page by page.
pub fn assert_is(right: &[u8], target: &Path, what: &str) {
    let target = std::fs::read(target).expect("a RAM file");
    assert_eq!(right.len(), target.len());
    let pages = right.chunks(PAGE).zip(target.chunks(PAGE));
    let bad: Vec<usize> = pages
        .enumerate()
        .filter(|(_, (right, target))| right != target)
        .map(|(page, _)| page)
        .collect();
    assert!(bad.is_empty(), "{what}: pages that differ: {bad:?}");
}
