//! What a peer says of pages: lists, maps, the pages themselves, and those of engine `warm` that come before the map.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use super::seeds::RAM_BYTES;
use super::targets::{each_frame, fingerprint};
use crate::bitmap::Bitmap;
use crate::conn::lock;
use crate::control::Events;
use crate::fetch::memory::Memory;
use crate::frame::Frame;
use crate::packed::unpack;
use crate::sys::file::data_pages;

const PAGES: u64 = RAM_BYTES / 4096;
/// Pages of a warm target that are in place, so that newer states of them can be written without a VMM.
const FOUND: u64 = 4;

/// What a peer said of pages, kept as plainly as can be.
#[derive(Default)]
struct Said {
    announced: BTreeSet<u64>,
    map_known: bool,
    listed: BTreeSet<u64>,
}

/// Adds the pages whose bits are set. False: one of them lies outside, and those behind it are not looked at.
fn add(set: &mut BTreeSet<u64>, first: u64, bits: &[u8]) -> bool {
    let ones = (0..bits.len() * 8).filter(|bit| bits[bit / 8] >> (bit % 8) & 1 == 1);
    for bit in ones {
        match first.checked_add(bit as u64) {
            Some(page) if page < PAGES => set.insert(page),
            _ => return false,
        };
    }
    true
}

/// The RAM file of a warm target, and what must be in it.
struct Ram {
    file: File,
    there: BTreeMap<u64, Vec<u8>>,
}

impl Ram {
    fn new(memory: &Memory) -> Self {
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_TMPFILE);
        let file = options.open("/dev/shm").expect("a file on tmpfs");
        file.set_len(RAM_BYTES).expect("its size");
        let there: BTreeMap<u64, Vec<u8>> =
            (0..FOUND).map(|page| (page, vec![0x11; 4096])).collect();
        for (page, bytes) in &there {
            file.write_all_at(bytes, page * 4096).expect("room");
            lock(&memory.book).settled.set(*page);
        }
        Self { file, there }
    }

    /// Up to the first page that is missing: it comes as far as the descriptor. True: none is.
    fn write(&mut self, first: u64, data: &[u8]) -> bool {
        let mut pages = (first..).zip(data.chunks(4096));
        pages.all(|(page, bytes)| {
            let there = self.there.get_mut(&page);
            there.map(|there| *there = bytes.to_vec()).is_some()
        })
    }

    fn check(&self) {
        let (data, _) = data_pages(&self.file, PAGES, 4096).expect("a file on tmpfs");
        for page in 0..PAGES {
            assert_eq!(data.get(page), self.there.contains_key(&page), "{page}");
        }
        let mut bytes = vec![0; 4096];
        for (page, right) in &self.there {
            let read = self.file.read_exact_at(&mut bytes, page * 4096);
            read.expect("a page");
            assert!(bytes == *right, "page {page}");
        }
    }
}

pub fn maps(input: &[u8]) -> u64 {
    play(input, false)
}

/// A session of engine `warm`, where pages may come before the map.
pub fn warm(input: &[u8]) -> u64 {
    play(input, true)
}

/// Pages that went ahead. `None`: a block that does not hold what it says.
fn ahead_of<'a>(frame: Frame<'a>, room: &'a mut Vec<u8>) -> Option<(u64, &'a [u8])> {
    match frame {
        Frame::Ahead { first, data } => Some((first, data)),
        Frame::AheadPacked {
            first,
            count,
            block,
        } => {
            room.resize(count as usize * 4096, 0);
            unpack(block, room).then_some((first, &room[..]))
        }
        _ => None,
    }
}

/// As `fetch/lanes.rs` and `serve/link.rs` take them, with nobody to install pages for: pages that are missing come as far as
/// the descriptor, which is not there.
fn play(input: &[u8], warm: bool) -> u64 {
    let pages = PAGES;
    let memory = Memory::new(pages, Events::default());
    let link = lock(&memory.book).linked();
    let (mut list, mut said) = (Bitmap::new(pages), Said::default());
    let mut ram = warm.then(|| Ram::new(&memory));
    let mut went_ahead = false;
    let (mut saw, mut ended) = (vec![], false);
    let end = each_frame(input, |kind, _, frame| {
        if ended {
            return;
        }
        let are_announced = |said: &Said, first: u64, count: u64| {
            let end = first.checked_add(count).filter(|&end| end <= pages);
            let all =
                end.is_some_and(|end| (first..end).all(|page| said.announced.contains(&page)));
            said.map_known && all
        };
        let (taken, right) = match frame {
            Frame::Map { first, bits } => {
                let right = said.map_known || add(&mut said.announced, first, bits);
                (lock(&memory.book).map_piece(first, bits), right)
            }
            Frame::MapEnd { data_pages } => {
                let mut there = ram.iter().flat_map(|ram| ram.there.keys());
                said.map_known |= data_pages == said.announced.len() as u64
                    && (!went_ahead || there.all(|page| said.announced.contains(page)));
                (memory.map_end(data_pages).is_ok(), said.map_known)
            }
            Frame::Extent { first, data } | Frame::Page { page: first, data } => {
                let installed = memory.install(link, first, data);
                let right = data.len().is_multiple_of(4096)
                    && are_announced(&said, first, data.len() as u64 / 4096);
                (!matches!(installed, Ok(false)), right)
            }
            Frame::Packed {
                first,
                count,
                block,
            } => {
                let mut data = vec![0; count as usize * 4096];
                let is_whole = unpack(block, &mut data);
                let taken = is_whole && !matches!(memory.install(link, first, &data), Ok(false));
                let right = is_whole && are_announced(&said, first, u64::from(count));
                (taken, right)
            }
            Frame::Zeros { first, count } => {
                let count = u64::from(count);
                let zeros = memory.zeros(link, first, count).expect("nobody waits");
                (zeros, are_announced(&said, first, count))
            }
            Frame::PageZero { page } => (
                memory.zeros(link, page, 1).expect("nobody waits"),
                are_announced(&said, page, 1),
            ),
            Frame::Ahead { .. } | Frame::AheadPacked { .. } => {
                let Some(ram) = &mut ram else { return };
                let mut room = vec![];
                let Some((first, data)) = ahead_of(frame, &mut room) else {
                    ended = true;
                    return;
                };
                let end = first.checked_add(data.len() as u64 / 4096);
                let right = !said.map_known
                    && data.len().is_multiple_of(4096)
                    && end.is_some_and(|end| end <= pages);
                let written = memory.ahead(&ram.file, first, data);
                went_ahead |= right;
                if right {
                    assert_eq!(written.is_ok(), ram.write(first, data));
                }
                (!matches!(written, Ok(false)), right)
            }
            Frame::Stale { first, bits } => {
                let Some(ram) = &mut ram else { return };
                let mut stale = BTreeSet::new();
                let right = add(&mut stale, first, bits);
                if right && went_ahead && !said.map_known {
                    ram.there.retain(|page, _| !stale.contains(page));
                }
                let dropped = memory.stale(&ram.file, first, bits);
                (dropped.expect("a file on tmpfs"), right)
            }
            Frame::Installed { first, bits } => {
                (list.merge(first, bits), add(&mut said.listed, first, bits))
            }
            _ => return,
        };
        assert_eq!(taken, right, "a frame of type {kind}");
        ended = !taken;
        saw.push((kind, taken));
    });
    assert!((0..pages + 64).all(|page| list.get(page) == said.listed.contains(&page)));
    assert_eq!(list.ones(), said.listed.len() as u64);
    let mut book = lock(&memory.book);
    for (first, count) in book.newly_whole(link) {
        let mut pages = first..first + count;
        assert!(pages.all(|page| book.settled.get(page) || !said.announced.contains(&page)));
    }
    let settled: Vec<u64> = (0..pages + 64)
        .filter(|&page| book.settled.get(page))
        .collect();
    let is_told = |page: &u64| match &ram {
        Some(ram) if !said.map_known => ram.there.contains_key(page),
        _ => said.announced.contains(page),
    };
    assert!(settled.iter().all(is_told), "never announced");
    if let Some(ram) = &ram {
        ram.check();
    }
    assert_eq!(settled.len() as u64, book.settled.ones());
    saw.dedup();
    saw.truncate(6);
    fingerprint((saw, book.is_whole(), end))
}
