//! Frames between the two page servers of a handoff: `u32 length` of what follows the header, `u8 type`, payload; all
//! little-endian. No I/O here. The table is in `agent/native/README.md`, its bytes in `vectors/`.

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 5;
/// Longest payload: an extent of 1 MiB and its head. More is a fault of the peer.
pub const PAYLOAD_MAX: usize = (1 << 20) + 64;
/// Version of the frames; a peer with another one is refused by its hello.
pub const VERSION: u16 = 1;
const MAGIC: u32 = 0x504c_4853; // "SHLP"

/// Which of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Faults and their pages, one each.
    Urgent,
    /// Everything else.
    Bulk,
}

/// First frame on each connection, both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    pub lane: Lane,
    /// Counts the source's attempts: both lanes of a link carry the same number.
    pub attempt: u32,
    pub handoff: [u8; 16],
    pub page_bytes: u32,
    pub ram_bytes: u64,
}

/// One frame, borrowed from the buffer it was read into.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Hello(Hello),
    /// Target to source, right after its bulk hello: pages that are in place, as bits from page `first` on.
    Installed {
        first: u64,
        bits: &'a [u8],
    },
    /// Ends the list of `Installed`; `complete`: there is nothing left to send.
    Resume {
        complete: bool,
    },
    /// The VMM's own migration stream, both ways (the way back is its return path).
    Stream(&'a [u8]),
    /// That VMM closed its end for writing.
    StreamEnd,
    /// Which pages hold data, as bits from page `first` on. Pages outside are zero.
    Map {
        first: u64,
        bits: &'a [u8],
    },
    /// The map is whole; it has so many data pages.
    MapEnd {
        data_pages: u64,
    },
    /// Pages from `first` on.
    Extent {
        first: u64,
        data: &'a [u8],
    },
    /// Data pages that were found to be zero.
    Zeros {
        first: u64,
        count: u32,
    },
    /// The target takes so many more bytes of extents.
    Credit {
        bytes: u32,
    },
    /// A vCPU or device waits for this page.
    Fault {
        page: u64,
    },
    Page {
        page: u64,
        data: &'a [u8],
    },
    PageZero {
        page: u64,
    },
    /// Pages that the source may release: they are installed.
    Ack {
        first: u64,
        count: u32,
    },
    /// Every data page is in place on the target.
    Complete,
    CompleteAck,
}

/// Why bytes are no frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Bad {
    TooLong(usize),
    UnknownType(u8),
    /// The payload is shorter or longer than its type says.
    Length(u8),
    Value(&'static str),
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(length) => {
                write!(f, "a frame of {length} bytes, {PAYLOAD_MAX} are allowed")
            }
            Self::UnknownType(kind) => write!(f, "a frame of unknown type {kind}"),
            Self::Length(kind) => write!(f, "a frame of type {kind} with a wrong length"),
            Self::Value(what) => write!(f, "{what}"),
        }
    }
}

const HELLO: u8 = 1;
const INSTALLED: u8 = 2;
const RESUME: u8 = 3;
const STREAM: u8 = 4;
const STREAM_END: u8 = 5;
const MAP: u8 = 6;
const MAP_END: u8 = 7;
const EXTENT: u8 = 8;
const ZEROS: u8 = 9;
const CREDIT: u8 = 10;
const FAULT: u8 = 11;
const PAGE: u8 = 12;
const PAGE_ZERO: u8 = 13;
const ACK: u8 = 14;
const COMPLETE: u8 = 15;
const COMPLETE_ACK: u8 = 16;

/// Header and head of a frame; `data` is written behind it unchanged.
pub fn encode<'a>(frame: &Frame<'a>) -> (Vec<u8>, &'a [u8]) {
    let (kind, head, data): (u8, Vec<u8>, &'a [u8]) = match frame {
        Frame::Hello(hello) => (HELLO, encode_hello(hello), &[]),
        Frame::Installed { first, bits } => (INSTALLED, first.to_le_bytes().to_vec(), bits),
        Frame::Resume { complete } => (RESUME, vec![u8::from(*complete)], &[]),
        Frame::Stream(bytes) => (STREAM, vec![], bytes),
        Frame::StreamEnd => (STREAM_END, vec![], &[]),
        Frame::Map { first, bits } => (MAP, first.to_le_bytes().to_vec(), bits),
        Frame::MapEnd { data_pages } => (MAP_END, data_pages.to_le_bytes().to_vec(), &[]),
        Frame::Extent { first, data } => (EXTENT, first.to_le_bytes().to_vec(), data),
        Frame::Zeros { first, count } => (ZEROS, run(*first, *count), &[]),
        Frame::Credit { bytes } => (CREDIT, bytes.to_le_bytes().to_vec(), &[]),
        Frame::Fault { page } => (FAULT, page.to_le_bytes().to_vec(), &[]),
        Frame::Page { page, data } => (PAGE, page.to_le_bytes().to_vec(), data),
        Frame::PageZero { page } => (PAGE_ZERO, page.to_le_bytes().to_vec(), &[]),
        Frame::Ack { first, count } => (ACK, run(*first, *count), &[]),
        Frame::Complete => (COMPLETE, vec![], &[]),
        Frame::CompleteAck => (COMPLETE_ACK, vec![], &[]),
    };
    let length = (head.len() + data.len()) as u32;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + head.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&head);
    (bytes, data)
}

fn run(first: u64, count: u32) -> Vec<u8> {
    [&first.to_le_bytes()[..], &count.to_le_bytes()[..]].concat()
}

fn encode_hello(hello: &Hello) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(40);
    bytes.extend_from_slice(&MAGIC.to_le_bytes());
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(match hello.lane {
        Lane::Urgent => 0,
        Lane::Bulk => 1,
    });
    bytes.push(0);
    bytes.extend_from_slice(&hello.attempt.to_le_bytes());
    bytes.extend_from_slice(&hello.handoff);
    bytes.extend_from_slice(&hello.page_bytes.to_le_bytes());
    bytes.extend_from_slice(&hello.ram_bytes.to_le_bytes());
    bytes
}

/// Payload length and type. Refuses what is too long before anything is kept for it.
pub fn header(bytes: &[u8; HEADER_BYTES]) -> Result<(usize, u8), Bad> {
    let [a, b, c, d, kind] = *bytes;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > PAYLOAD_MAX {
        return Err(Bad::TooLong(length));
    }
    Ok((length, kind))
}

/// The payload of a frame of `kind`.
pub fn decode(kind: u8, payload: &[u8]) -> Result<Frame<'_>, Bad> {
    let bad = || Bad::Length(kind);
    let word = |at: usize| -> Result<u64, Bad> {
        let bytes = payload.get(at..at + 8).ok_or_else(bad)?;
        Ok(u64::from_le_bytes(bytes.try_into().map_err(|_| bad())?))
    };
    let half = |at: usize| -> Result<u32, Bad> {
        let bytes = payload.get(at..at + 4).ok_or_else(bad)?;
        Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| bad())?))
    };
    let exactly = |length: usize| {
        if payload.len() == length {
            Ok(())
        } else {
            Err(bad())
        }
    };
    let tail = |at: usize| {
        payload
            .get(at..)
            .filter(|rest| !rest.is_empty())
            .ok_or_else(bad)
    };
    Ok(match kind {
        HELLO => {
            exactly(40)?;
            Frame::Hello(decode_hello(
                payload,
                half(0)?,
                half(8)?,
                half(28)?,
                word(32)?,
            )?)
        }
        INSTALLED => Frame::Installed {
            first: word(0)?,
            bits: tail(8)?,
        },
        RESUME => {
            exactly(1)?;
            Frame::Resume {
                complete: payload[0] == 1,
            }
        }
        STREAM => Frame::Stream(tail(0)?),
        STREAM_END => exactly(0).map(|()| Frame::StreamEnd)?,
        MAP => Frame::Map {
            first: word(0)?,
            bits: tail(8)?,
        },
        MAP_END => {
            exactly(8)?;
            Frame::MapEnd {
                data_pages: word(0)?,
            }
        }
        EXTENT => Frame::Extent {
            first: word(0)?,
            data: tail(8)?,
        },
        ZEROS => {
            exactly(12)?;
            Frame::Zeros {
                first: word(0)?,
                count: half(8)?,
            }
        }
        CREDIT => {
            exactly(4)?;
            Frame::Credit { bytes: half(0)? }
        }
        FAULT => {
            exactly(8)?;
            Frame::Fault { page: word(0)? }
        }
        PAGE => Frame::Page {
            page: word(0)?,
            data: tail(8)?,
        },
        PAGE_ZERO => {
            exactly(8)?;
            Frame::PageZero { page: word(0)? }
        }
        ACK => {
            exactly(12)?;
            Frame::Ack {
                first: word(0)?,
                count: half(8)?,
            }
        }
        COMPLETE => exactly(0).map(|()| Frame::Complete)?,
        COMPLETE_ACK => exactly(0).map(|()| Frame::CompleteAck)?,
        _ => return Err(Bad::UnknownType(kind)),
    })
}

fn decode_hello(
    payload: &[u8],
    magic: u32,
    attempt: u32,
    page_bytes: u32,
    ram_bytes: u64,
) -> Result<Hello, Bad> {
    if magic != MAGIC {
        return Err(Bad::Value("the peer is no page server"));
    }
    if u16::from_le_bytes([payload[4], payload[5]]) != VERSION {
        return Err(Bad::Value("the peer speaks another version of the frames"));
    }
    let lane = match payload[6] {
        0 => Lane::Urgent,
        1 => Lane::Bulk,
        _ => return Err(Bad::Value("a hello names no lane")),
    };
    let mut handoff = [0; 16];
    handoff.copy_from_slice(&payload[12..28]);
    Ok(Hello {
        lane,
        attempt,
        handoff,
        page_bytes,
        ram_bytes,
    })
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
