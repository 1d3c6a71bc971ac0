//! Gives memory of the source back (`release.rs` says which), and writes down where: whoever takes over must know.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::Serve;
use super::lanes::is_zero;
use super::release::Release;
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
}

impl Giver {
    fn open(session: &Session, map: &Bitmap) -> io::Result<Self> {
        let path = session.dir.join(MAP);
        if !path.exists() {
            let draft = session.dir.join("map.new");
            fs::write(&draft, map.bytes(0, map.len().div_ceil(8) as usize))?;
            fs::rename(&draft, &path)?;
        }
        let ram = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&session.ram_file)?;
        let mut options = OpenOptions::new();
        let record = options.append(true).create(true);
        let record = record.open(session.dir.join(GIVEN))?;
        Ok(Self { ram, record })
    }

    fn range(block: u64, session: &Session) -> (u64, u64) {
        let bytes = ACK_PAGES * session.page_bytes;
        (block * bytes, bytes.min(session.ram_bytes - block * bytes))
    }

    /// Which pages of a block are not zero. Looked at here: who sent them, and found zeros, may have been another.
    fn data(&self, block: u64, session: &Session) -> io::Result<Bitmap> {
        let (at, bytes) = Self::range(block, session);
        let mut memory = vec![0; bytes as usize];
        file::read_exact_vectored(&self.ram, &mut [IoSliceMut::new(&mut memory)], at)?;
        let mut data = Bitmap::new(ACK_PAGES);
        for (page, bytes) in (0..).zip(memory.chunks_exact(session.page_bytes as usize)) {
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

/// Map and holes of a page server of this handoff that is dead; `None`: it gave nothing back.
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
    /// From now on memory is given back. Told again it changes nothing.
    pub(super) fn release(&self) -> Result<Value, (&'static str, String)> {
        let mut giver = lock(&self.giver);
        if giver.is_none() {
            let state = lock(&self.state);
            let Some(plan) = &state.plan else {
                let what = "the memory is not frozen: the guest may still need it here";
                return Err(("ram", what.to_owned()));
            };
            let opened = Giver::open(&self.session, &plan.map);
            *giver = Some(opened.map_err(|error| ("ram", error.to_string()))?);
        }
        drop(giver);
        self.give_back();
        Ok(json!({}))
    }

    /// Gives back all that is due, if it was asked for. Memory that cannot be is kept.
    pub(super) fn give_back(&self) {
        let mut giver = lock(&self.giver);
        while let Some(open) = giver.as_mut() {
            let Some(block) = lock(&self.state).release.as_ref().and_then(Release::next) else {
                return;
            };
            let given = open.data(block, &self.session).and_then(|data| {
                let mut guard = lock(&self.state);
                let state = &mut *guard;
                let pages = match (&mut state.plan, &mut state.release) {
                    (Some(plan), Some(release)) => release.gone(&mut plan.map, &data),
                    _ => 0,
                };
                drop(guard);
                open.give(block, &data, &self.session)?;
                lock(&self.stats).released_bytes += pages * self.session.page_bytes;
                Ok(())
            });
            if let Err(error) = given {
                let what = format!("source memory is kept to the end: {error}");
                self.events.error("release", &what, false);
                *giver = None;
            }
        }
    }
}
