//! Frames between the two page servers of a handoff: `u32 length` of what follows the header, `u8 type`, payload; all
//! little-endian. No I/O here. The table is in `agent/native/README.md`, its bytes in `vectors/`.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{decode, header};
pub use encode::encode;

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 5;
/// Longest payload: an extent of 1 MiB and its head. More is a fault of the peer.
pub const PAYLOAD_MAX: usize = (1 << 20) + 64;
/// Most pages in a packed extent: 1 MiB, like the longest plain one.
pub const PACKED_PAGES_MAX: u32 = 256;
/// Version of the frames; a peer with another one is refused by its hello.
pub const VERSION: u16 = 1;
/// Bit of `Hello::features`: takes packed extents. What a peer does not know of it does not say, and is not sent.
pub const PACKED: u8 = 1;
/// The same for packed pages ahead of the switch (engine `warm`).
pub const PACKED_AHEAD: u8 = 2;
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
    /// What it takes beyond the frames that every peer knows, as bits; unknown ones mean nothing.
    pub features: u8,
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
    /// So many pages from `first` on, as one LZ4 block. Only to a target that takes them.
    Packed {
        first: u64,
        count: u32,
        block: &'a [u8],
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
    /// The same, for a packed extent of so many bytes, which took so long to unpack.
    Unpacked {
        bytes: u32,
        nanoseconds: u32,
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
    /// Engine `warm`, before the map: pages as they were while the guest ran.
    Ahead {
        first: u64,
        data: &'a [u8],
    },
    /// The same as one LZ4 block, so many pages. Only to a target that takes them.
    AheadPacked {
        first: u64,
        count: u32,
        block: &'a [u8],
    },
    /// Of pages that went ahead: written since, so that the target drops them, as bits from page `first` on.
    Stale {
        first: u64,
        bits: &'a [u8],
    },
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

/// Numbers of the types, as they travel.
mod kind {
    pub const HELLO: u8 = 1;
    pub const INSTALLED: u8 = 2;
    pub const RESUME: u8 = 3;
    pub const STREAM: u8 = 4;
    pub const STREAM_END: u8 = 5;
    pub const MAP: u8 = 6;
    pub const MAP_END: u8 = 7;
    pub const EXTENT: u8 = 8;
    pub const ZEROS: u8 = 9;
    pub const CREDIT: u8 = 10;
    pub const FAULT: u8 = 11;
    pub const PAGE: u8 = 12;
    pub const PAGE_ZERO: u8 = 13;
    pub const ACK: u8 = 14;
    pub const COMPLETE: u8 = 15;
    // 16 was an answer to it, which nobody waited for.
    pub const PACKED: u8 = 17;
    pub const UNPACKED: u8 = 18;
    pub const AHEAD: u8 = 19;
    pub const STALE: u8 = 20;
    pub const AHEAD_PACKED: u8 = 21;
}
