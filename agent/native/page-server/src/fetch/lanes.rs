//! What comes over the two connections while a link is up.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::Fetch;
use crate::conn::{Conn, Reader, lock};
use crate::frame::Frame;
use crate::link::{Link, wrong};
use crate::packed::unpack;
use crate::session::Compression;
use crate::sys::process::{Rank, take_rank};

impl Fetch {
    /// `number`: of the link, as `Book::linked` counts.
    pub(super) fn read_urgent(&self, conn: &Conn, number: u64) -> io::Result<()> {
        take_rank(Rank::First);
        let mut reader = Reader::new(conn);
        loop {
            let fine = match reader.next()? {
                Frame::Page { page, data } if data.len() as u64 == self.session.page_bytes => {
                    lock(&self.memory.stats).urgent_bytes += data.len() as u64;
                    self.memory.install(number, page, data)?
                }
                Frame::PageZero { page } => self.memory.zeros(number, page, 1)?,
                _ => false,
            };
            if !fine {
                return Err(wrong("the source sent a page that it never announced"));
            }
            self.finish()?;
        }
    }

    pub(super) fn read_bulk(self: &Arc<Self>, link: &Arc<Link>, number: u64) -> io::Result<()> {
        let mut rank = Rank::First;
        take_rank(rank);
        let mut reader = Reader::new(&link.bulk);
        let mut unpacked = vec![];
        loop {
            let now = self.bulk_rank();
            if now != rank {
                take_rank(now);
                rank = now;
            }
            match reader.next()? {
                Frame::Stream(bytes) => self.to_vmm(link, bytes)?,
                Frame::StreamEnd => self.end_stream(link),
                Frame::Map { first, bits } => {
                    if !lock(&self.memory.book).map_piece(first, bits) {
                        return Err(wrong("the source's map lies outside the memory"));
                    }
                }
                Frame::MapEnd { data_pages } => {
                    let pages = self.memory.map_end(data_pages)?;
                    self.ask(&pages);
                }
                Frame::Extent { first, data } => {
                    lock(&self.memory.stats).bulk_bytes += data.len() as u64;
                    if !self.memory.install(number, first, data)? {
                        return Err(wrong("the source sent pages that it never announced"));
                    }
                    link.bulk.send(&Frame::Credit {
                        bytes: data.len() as u32,
                    })?;
                }
                Frame::Packed {
                    first,
                    count,
                    block,
                } => {
                    let (pages, credit) = self.unpack(count, block, &mut unpacked)?;
                    if !self.memory.install(number, first, pages)? {
                        return Err(wrong("the source sent pages that it never announced"));
                    }
                    self.took_packed(pages, block);
                    link.bulk.send(&credit)?;
                }
                Frame::Zeros { first, count } => {
                    if !self.memory.zeros(number, first, u64::from(count))? {
                        return Err(wrong("the source sent zero pages that it never announced"));
                    }
                }
                Frame::Ahead { first, data } => {
                    if !self.ahead(link, first, data)? {
                        return Err(wrong("the source sent pages ahead that it may not"));
                    }
                    lock(&self.memory.stats).bulk_bytes += data.len() as u64;
                    link.bulk.send(&Frame::Credit {
                        bytes: data.len() as u32,
                    })?;
                }
                Frame::AheadPacked {
                    first,
                    count,
                    block,
                } => {
                    let (pages, credit) = self.unpack(count, block, &mut unpacked)?;
                    if !self.ahead(link, first, pages)? {
                        return Err(wrong("the source sent pages ahead that it may not"));
                    }
                    self.took_packed(pages, block);
                    link.bulk.send(&credit)?;
                }
                Frame::Stale { first, bits } => {
                    if !self.stale(link, first, bits)? {
                        return Err(wrong("stale pages lie outside the memory"));
                    }
                }
                _ => return Err(wrong("the source sent a frame that only a target sends")),
            }
            // By this thread alone: who brings urgent pages must not wait for a full connection. Not while the guest stands:
            // nothing is given back before it runs, and under `warm` all of the memory may be whole at once, with the map,
            // in front of the state of its devices.
            let whole = {
                let mut book = lock(&self.memory.book);
                if book.resumed {
                    book.newly_whole(number)
                } else {
                    vec![]
                }
            };
            for (first, count) in whole {
                let count = count as u32;
                link.bulk.send(&Frame::Ack { first, count })?;
            }
            self.finish()?;
        }
    }

    fn bulk_rank(&self) -> Rank {
        let book = lock(&self.memory.book);
        // Until the guest runs it waits for all that comes here: the state of its devices, before them the map. The urgent pages
        // of a VMM's own post-copy are in its stream. And who waits for one page may well wait for the next.
        if self.session.postcopy && book.resumed && book.is_quiet(Instant::now()) {
            Rank::Behind
        } else {
            Rank::First
        }
    }

    /// The pages of a block, and what is paid back for it.
    fn unpack<'a>(
        &self,
        count: u32,
        block: &[u8],
        room: &'a mut Vec<u8>,
    ) -> io::Result<(&'a [u8], Frame<'static>)> {
        if self.session.compression == Compression::Off {
            return Err(wrong(
                "the source packs pages, which this side does not take",
            ));
        }
        let length = count as usize * self.session.page_bytes as usize;
        if room.len() < length {
            room.resize(length, 0);
        }
        let pages = &mut room[..length];
        let begun = Instant::now();
        if !unpack(block, pages) {
            return Err(wrong("a packed extent does not hold its pages"));
        }
        let nanoseconds = begun.elapsed().as_nanos().try_into().unwrap_or(u32::MAX);
        let bytes = block.len() as u32;
        Ok((pages, Frame::Unpacked { bytes, nanoseconds }))
    }

    fn took_packed(&self, pages: &[u8], block: &[u8]) {
        let mut stats = lock(&self.memory.stats);
        stats.bulk_bytes += block.len() as u64;
        stats.packed(pages.len() as u64, block.len() as u64);
    }

    /// Tells both ends when the last page is in place.
    pub(super) fn finish(&self) -> io::Result<()> {
        if !self.session.postcopy || !self.memory.finish()? {
            return Ok(());
        }
        let link = lock(&self.link).clone();
        if let Some(link) = link {
            // When it gets lost, the next link begins with the same word.
            let _ = link.bulk.send(&Frame::Complete);
        }
        self.events
            .standing(json!({ "event": "complete", "stats": self.stats_json() }));
        Ok(())
    }
}
