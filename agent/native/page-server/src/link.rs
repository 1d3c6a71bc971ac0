//! The two connections of a handoff as one link: they come up together and go down together.

use std::io;
use std::sync::atomic::Ordering;

use crate::conn::{Conn, Reader};
use crate::frame::{Frame, Hello, Lane, PACKED, PACKED_AHEAD};
use crate::session::{Compression, Session};
use crate::sys::socket;

/// What is not yet on the wire of the bulk connection is decided late: a few extents at most.
const BULK_UNSENT_BYTES: u32 = 128 << 10;

pub struct Link {
    pub urgent: Conn,
    pub bulk: Conn,
}

impl Link {
    pub fn close(&self) {
        self.urgent.close();
        self.bulk.close();
    }

    pub fn wire_bytes(&self) -> u64 {
        [&self.urgent, &self.bulk]
            .iter()
            .map(|conn| conn.sent.load(Ordering::Relaxed) + conn.received.load(Ordering::Relaxed))
            .sum()
    }
}

pub fn hello(session: &Session, lane: Lane, attempt: u32) -> Hello {
    Hello {
        lane,
        features: if session.compression == Compression::Off {
            0
        } else {
            PACKED | PACKED_AHEAD
        },
        attempt,
        handoff: session.handoff,
        page_bytes: session.page_bytes as u32,
        ram_bytes: session.ram_bytes,
    }
}

/// Why a link ended: its threads end one another, and what the first found counts, not that the socket was closed then.
pub fn cause(results: impl IntoIterator<Item = io::Result<()>>) -> io::Result<()> {
    let rank = |error: &io::Error| match error.kind() {
        io::ErrorKind::Other => 0,
        io::ErrorKind::InvalidData => 1,
        _ => 2,
    };
    let errors = results.into_iter().filter_map(Result::err);
    errors.min_by_key(rank).map_or(Ok(()), Err)
}

/// Socket options of a lane.
pub fn tune(conn: &Conn, lane: Lane) -> io::Result<()> {
    match lane {
        Lane::Urgent => socket::mark_urgent(conn.tcp()),
        Lane::Bulk => socket::limit_unsent(conn.tcp(), BULK_UNSENT_BYTES)?,
    }
    Ok(())
}

/// Reads the peer's hello, which must be of our handoff. Its lane and attempt are the source's to choose, and what it
/// takes is its own.
pub fn expect_hello(reader: &mut Reader<'_>, session: &Session) -> io::Result<Hello> {
    match reader.next()? {
        Frame::Hello(said) => {
            let ours = hello(session, said.lane, said.attempt);
            let features = said.features;
            if said == (Hello { features, ..ours }) {
                Ok(said)
            } else {
                Err(wrong("the peer is with another handoff"))
            }
        }
        _ => Err(wrong("the peer did not begin with a hello")),
    }
}

pub fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
