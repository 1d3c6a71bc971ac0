//! Gives memory of the source back (`release.rs` says which), and writes down where: whoever takes over must know. In a thread
//! of its own: each block is read once more before it goes, and neither the link nor who asks for it waits for that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::lanes::is_zero;
use super::release::Release;
use super::{Serve, State};
use crate::bitmap::Bitmap;
use crate::conn::lock;
use crate::fetch::ACK_PAGES;
use crate::session::Session;
use crate::sys::file;

/// Beside the key, gone with the handoff: bits of the map, and a record for each block.
const MAP: &str = "map";
const GIVEN: &str = "given";
/// Number of the block, 8 bytes, and which of its pages were not zero, a bit each. A divisor of the page size: who is
/// killed while it writes one leaves it whole or not at all.
const RECORD_BYTES: usize = 128;
const BITS_AT: usize = RECORD_BYTES - ACK_PAGES as usize / 8;

/// Makes holes, and writes down where, first.
pub struct Giver {
    ram: File,
    record: File,
    /// Room for a block.
    memory: Vec<u8>,
}

impl Giver {
    fn open(session: &Session) -> io::Result<Self> {
        let ram = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&session.ram_file)?;
        let mut options = OpenOptions::new();
        let record = options.append(true).create(true);
        let record = record.open(session.dir.join(GIVEN))?;
        Ok(Self {
            ram,
            record,
            memory: vec![],
        })
    }

    fn range(block: u64, session: &Session) -> (u64, u64) {
        let bytes = ACK_PAGES * session.page_bytes;
        (block * bytes, bytes.min(session.ram_bytes - block * bytes))
    }

    /// Which pages of a block are not zero. Looked at here: who sent them, and found zeros, may have been another.
    fn data(&mut self, block: u64, session: &Session) -> io::Result<Bitmap> {
        let (at, bytes) = Self::range(block, session);
        self.memory.resize(bytes as usize, 0);
        file::read_exact_vectored(&self.ram, &mut [IoSliceMut::new(&mut self.memory)], at)?;
        let mut data = Bitmap::new(ACK_PAGES);
        for (page, bytes) in (0..).zip(self.memory.chunks_exact(session.page_bytes as usize)) {
            if !is_zero(bytes) {
                data.set(page);
            }
        }
        Ok(data)
    }

    fn give(&mut self, block: u64, data: &Bitmap, session: &Session) -> io::Result<()> {
        let mut record = [0; RECORD_BYTES];
        record[..8].copy_from_slice(&block.to_le_bytes());
        record[BITS_AT..].copy_from_slice(&data.bytes(0, RECORD_BYTES - BITS_AT));
        self.record.write_all(&record)?;
        let (at, bytes) = Self::range(block, session);
        file::punch(&self.ram, at, bytes)
    }
}

/// Writes down what the memory was when it stood first: what the file gains from here on is no page of the guest.
pub fn keep(dir: &Path, map: &Bitmap) -> io::Result<()> {
    let draft = dir.join("map.new");
    fs::write(&draft, map.bytes(0, map.len().div_ceil(8) as usize))?;
    fs::rename(&draft, dir.join(MAP))
}

/// Map and holes of a page server of this handoff that is dead; `None`: it was told of no memory that stands.
pub fn kept(dir: &Path, pages: u64) -> io::Result<Option<(Bitmap, Vec<u64>)>> {
    let Some(bits) = read(&dir.join(MAP))? else {
        return Ok(None);
    };
    let mut map = Bitmap::new(pages);
    if !map.merge(0, &bits) {
        return Err(io::Error::other("the map beside it is of another memory"));
    }
    let records = read(&dir.join(GIVEN))?.unwrap_or_default();
    let mut blocks = vec![];
    for record in records.chunks_exact(RECORD_BYTES) {
        let block = record[..8].try_into().map(u64::from_le_bytes);
        let first = block.map_err(io::Error::other)? * ACK_PAGES;
        (first..first + ACK_PAGES).for_each(|page| {
            map.clear(page);
        });
        if !map.merge(first, &record[BITS_AT..]) {
            return Err(io::Error::other("a record beside it is of another memory"));
        }
        blocks.push(first / ACK_PAGES);
    }
    Ok(Some((map, blocks)))
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

impl Serve {
    /// From now on memory is given back. Told again it changes nothing, or tries again what failed.
    pub(super) fn release(&self) -> Result<Value, (&'static str, String)> {
        if lock(&self.state).plan.is_none() {
            let what = "the memory is not frozen: the guest may still need it here";
            return Err(("ram", what.to_owned()));
        }
        // Who asks is told at once if it cannot be.
        Giver::open(&self.session).map_err(|error| ("ram", error.to_string()))?;
        lock(&self.state).releases = true;
        self.due.notify_one();
        Ok(json!({}))
    }

    /// Gives back whatever is due, once it was asked for. Memory that cannot be is kept.
    pub(super) fn give_back(&self) {
        let mut giver = None;
        loop {
            let block = self.next_due();
            if let Err(error) = self.give(&mut giver, block) {
                let what = format!("source memory is kept to the end: {error}");
                self.events.error("release", &what, false);
                giver = None;
                lock(&self.state).releases = false;
            }
        }
    }

    fn next_due(&self) -> u64 {
        let due = |state: &State| {
            let release = state.release.as_ref().filter(|_| state.releases);
            release.and_then(Release::next)
        };
        let mut state = lock(&self.state);
        loop {
            if let Some(block) = due(&state) {
                return block;
            }
            state = self.due.wait(state).expect("no thread panics");
        }
    }

    fn give(&self, giver: &mut Option<Giver>, block: u64) -> io::Result<()> {
        let giver = match giver {
            Some(open) => open,
            None => giver.insert(Giver::open(&self.session)?),
        };
        let data = giver.data(block, &self.session)?;
        let gone = {
            let mut guard = lock(&self.state);
            let State { plan, release, .. } = &mut *guard;
            let both = plan.as_mut().zip(release.as_mut());
            both.and_then(|(plan, release)| release.gone(block, &mut plan.map, &data))
        };
        // `None`: a link began meanwhile to a target that lacks some of it.
        if let Some(pages) = gone {
            giver.give(block, &data, &self.session)?;
            lock(&self.stats).released_bytes += pages * self.session.page_bytes;
        }
        Ok(())
    }
}
