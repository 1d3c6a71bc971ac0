//! Bytes of a peer to a frame: nothing is believed, nothing is kept.

use super::{
    Bad, Frame, HEADER_BYTES, Hello, Lane, MAGIC, PACKED_PAGES_MAX, PAYLOAD_MAX, VERSION, kind,
};

/// Payload length and type. Refuses what is too long before anything is kept for it.
pub fn header(bytes: &[u8; HEADER_BYTES]) -> Result<(usize, u8), Bad> {
    let [a, b, c, d, kind] = *bytes;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > PAYLOAD_MAX {
        return Err(Bad::TooLong(length));
    }
    Ok((length, kind))
}

struct Payload<'a> {
    kind: u8,
    bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Bad> {
        self.bytes
            .get(at..at + N)
            .and_then(|part| part.try_into().ok())
            .ok_or(Bad::Length(self.kind))
    }

    fn half(&self, at: usize) -> Result<u32, Bad> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn word(&self, at: usize) -> Result<u64, Bad> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn exactly(&self, length: usize) -> Result<(), Bad> {
        if self.bytes.len() == length {
            Ok(())
        } else {
            Err(Bad::Length(self.kind))
        }
    }

    /// What follows from `at` on: at least a byte.
    fn tail(&self, at: usize) -> Result<&'a [u8], Bad> {
        self.bytes
            .get(at..)
            .filter(|rest| !rest.is_empty())
            .ok_or(Bad::Length(self.kind))
    }

    /// No more pages than an extent may have: what they unpack to is bounded before a byte is unpacked.
    fn packed(&self) -> Result<(u64, u32, &'a [u8]), Bad> {
        let count = self.half(8)?;
        if !(1..=PACKED_PAGES_MAX).contains(&count) {
            return Err(Bad::Value("a packed extent of no pages, or of too many"));
        }
        Ok((self.word(0)?, count, self.tail(12)?))
    }

    fn hello(&self) -> Result<Hello, Bad> {
        if self.half(0)? != MAGIC {
            return Err(Bad::Value("the peer is no page server"));
        }
        if u16::from_le_bytes(self.array(4)?) != VERSION {
            return Err(Bad::Value("the peer speaks another version of the frames"));
        }
        let [lane, features] = self.array(6)?;
        Ok(Hello {
            lane: match lane {
                0 => Lane::Urgent,
                1 => Lane::Bulk,
                _ => return Err(Bad::Value("a hello names no lane")),
            },
            features,
            attempt: self.half(8)?,
            handoff: self.array(12)?,
            page_bytes: self.half(28)?,
            ram_bytes: self.word(32)?,
        })
    }
}

/// The payload of a frame of type `number`.
pub fn decode(number: u8, bytes: &[u8]) -> Result<Frame<'_>, Bad> {
    let payload = Payload {
        kind: number,
        bytes,
    };
    let fixed = match number {
        kind::HELLO => Some(40),
        kind::RESUME => Some(1),
        kind::CREDIT => Some(4),
        kind::MAP_END | kind::FAULT | kind::PAGE_ZERO | kind::UNPACKED => Some(8),
        kind::ZEROS | kind::ACK => Some(12),
        kind::STREAM_END | kind::COMPLETE => Some(0),
        _ => None,
    };
    if let Some(length) = fixed {
        payload.exactly(length)?;
    }
    Ok(match number {
        kind::HELLO => Frame::Hello(payload.hello()?),
        kind::INSTALLED => Frame::Installed {
            first: payload.word(0)?,
            bits: payload.tail(8)?,
        },
        kind::RESUME => Frame::Resume {
            complete: match bytes[0] {
                0 => false,
                1 => true,
                _ => return Err(Bad::Value("a resume is neither complete nor not")),
            },
        },
        kind::STREAM => Frame::Stream(payload.tail(0)?),
        kind::STREAM_END => Frame::StreamEnd,
        kind::MAP => Frame::Map {
            first: payload.word(0)?,
            bits: payload.tail(8)?,
        },
        kind::MAP_END => Frame::MapEnd {
            data_pages: payload.word(0)?,
        },
        kind::EXTENT => Frame::Extent {
            first: payload.word(0)?,
            data: payload.tail(8)?,
        },
        kind::PACKED => {
            let (first, count, block) = payload.packed()?;
            Frame::Packed {
                first,
                count,
                block,
            }
        }
        kind::UNPACKED => Frame::Unpacked {
            bytes: payload.half(0)?,
            nanoseconds: payload.half(4)?,
        },
        kind::ZEROS => Frame::Zeros {
            first: payload.word(0)?,
            count: payload.half(8)?,
        },
        kind::CREDIT => Frame::Credit {
            bytes: payload.half(0)?,
        },
        kind::FAULT => Frame::Fault {
            page: payload.word(0)?,
        },
        kind::PAGE => Frame::Page {
            page: payload.word(0)?,
            data: payload.tail(8)?,
        },
        kind::PAGE_ZERO => Frame::PageZero {
            page: payload.word(0)?,
        },
        kind::ACK => Frame::Ack {
            first: payload.word(0)?,
            count: payload.half(8)?,
        },
        kind::COMPLETE => Frame::Complete,
        kind::AHEAD => Frame::Ahead {
            first: payload.word(0)?,
            data: payload.tail(8)?,
        },
        kind::STALE => Frame::Stale {
            first: payload.word(0)?,
            bits: payload.tail(8)?,
        },
        kind::AHEAD_PACKED => {
            let (first, count, block) = payload.packed()?;
            Frame::AheadPacked {
                first,
                count,
                block,
            }
        }
        _ => return Err(Bad::UnknownType(number)),
    })
}
