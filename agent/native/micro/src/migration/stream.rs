//! The migration stream, of our own make (nobody but micro guests reads it), little-endian:
//! a header, then records, the last of which is `END`. Back over the same socket, when the header asks for it, comes
//! one word: QEMU's `MIG_RP_MSG_SHUT` (docs/devel/migration.rst), by which the source knows that all was loaded.

use shoal_workload::pattern::PAGE_BYTES;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: u64 = u64::from_le_bytes(*b"SHOALMIG");
const PAGE: u8 = 1;
const DEVICES: u8 = 2;
const END: u8 = 3;
/// Longer than any device state; what says so is no stream of ours.
const DEVICES_MAX_BYTES: u32 = 1 << 16;

/// What both sides must agree upon before anything is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub ram_bytes: u64,
    pub ignore_shared: bool,
    /// The target says how the load ended.
    pub return_path: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// Its bytes are in the reader's buffer.
    Page(u64),
    Devices(Vec<u8>),
    End,
}

/// Writes records and counts their bytes as they go.
pub struct Writer<'a, W: Write> {
    to: W,
    sent_bytes: &'a AtomicU64,
}

impl<'a, W: Write> Writer<'a, W> {
    pub fn begin(to: W, header: &Header, sent_bytes: &'a AtomicU64) -> io::Result<Self> {
        let mut writer = Self { to, sent_bytes };
        let flags = u8::from(header.ignore_shared) | u8::from(header.return_path) << 1;
        writer.put(&[
            &MAGIC.to_le_bytes(),
            &header.ram_bytes.to_le_bytes(),
            &[flags],
        ])?;
        Ok(writer)
    }

    pub fn page(&mut self, page: u64, bytes: &[u8; PAGE_BYTES]) -> io::Result<()> {
        self.put(&[&[PAGE], &page.to_le_bytes(), bytes])
    }

    pub fn devices(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = (bytes.len() as u32).to_le_bytes();
        self.put(&[&[DEVICES], &length, bytes, &checksum(bytes).to_le_bytes()])
    }

    pub fn end(&mut self) -> io::Result<()> {
        self.put(&[&[END]])?;
        self.to.flush()
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn put(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts {
            self.to.write_all(part)?;
            self.sent_bytes
                .fetch_add(part.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

pub struct Reader<R: Read> {
    from: R,
    pub page: Box<[u8; PAGE_BYTES]>,
}

impl<R: Read> Reader<R> {
    pub fn begin(from: R) -> io::Result<(Self, Header)> {
        let page = Box::new([0; PAGE_BYTES]);
        let mut reader = Self { from, page };
        if u64::from_le_bytes(reader.take()?) != MAGIC {
            return Err(wrong("not a migration stream"));
        }
        let ram_bytes = u64::from_le_bytes(reader.take()?);
        let [flags] = reader.take()?;
        let header = Header {
            ram_bytes,
            ignore_shared: flags & 1 != 0,
            return_path: flags & 2 != 0,
        };
        Ok((reader, header))
    }

    pub fn record(&mut self) -> io::Result<Record> {
        match self.take()? {
            [PAGE] => {
                let page = u64::from_le_bytes(self.take()?);
                self.from.read_exact(self.page.as_mut_slice())?;
                Ok(Record::Page(page))
            }
            [DEVICES] => {
                let length = u32::from_le_bytes(self.take()?);
                if length > DEVICES_MAX_BYTES {
                    return Err(wrong("a device state too long to be one"));
                }
                let mut bytes = vec![0; length as usize];
                self.from.read_exact(&mut bytes)?;
                match u64::from_le_bytes(self.take()?) == checksum(&bytes) {
                    true => Ok(Record::Devices(bytes)),
                    false => Err(wrong("the device state does not match its checksum")),
                }
            }
            [END] => Ok(Record::End),
            [other] => Err(wrong(&format!("Unknown savevm section type {other}"))),
        }
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The target's word that all was loaded (status 0).
pub fn say_loaded(mut back: impl Write) -> io::Result<()> {
    back.write_all(&0_u32.to_le_bytes())
}

/// Waits for that word; an end without it means that the target did not load everything.
pub fn hear_loaded(mut back: impl Read) -> io::Result<()> {
    let mut bytes = [0; 4];
    back.read_exact(&mut bytes)?;
    match u32::from_le_bytes(bytes) {
        0 => Ok(()),
        status => Err(wrong(&format!(
            "the target ended the return path with {status}"
        ))),
    }
}

pub fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): enough against mistakes of ours, and TLS guards the way.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
