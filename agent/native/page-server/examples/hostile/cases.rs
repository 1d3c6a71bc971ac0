//! What it says: golden frames, and all that can be wrong with them.

use std::io::Error;

use shoal_pages::frame::{Frame, HEADER_BYTES, Lane, PAYLOAD_MAX, encode};
use shoal_pages::packed::Packer;
use shoal_pages::session::{Role, Session};

pub const LANES: [Lane; 2] = [Lane::Urgent, Lane::Bulk];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// In place of the hello.
    Hello,
    /// In place of what follows it: a target's list of pages, a source's map.
    Greeted,
    /// In the middle: the map is whole; the list is.
    Linked,
    /// To a source of engine `warm`: a page of its running guest has come.
    Ahead,
}

pub struct Case {
    pub lane: Lane,
    pub stage: Stage,
    pub bytes: Vec<u8>,
}

impl Case {
    /// Of its connection in `LANES`.
    pub fn place(&self) -> usize {
        usize::from(self.lane == Lane::Bulk)
    }

    pub fn told(&self, at: usize, error: &Error) -> Error {
        let start = &self.bytes[..self.bytes.len().min(24)];
        let Self { lane, stage, bytes } = self;
        Error::other(format!(
            "link {at} ({lane:?}, {stage:?}, {} bytes: {start:02x?}): {error}",
            bytes.len()
        ))
    }
}

/// xorshift64 (Marsaglia, 2003).
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn with_header(length: usize, kind: u8, payload: &[u8]) -> Vec<u8> {
    [&(length as u32).to_le_bytes()[..], &[kind], payload].concat()
}

/// The golden frames by type, and what is no type.
fn golden() -> Vec<(u8, Vec<u8>)> {
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("hex");
    let frame = |line: &str| -> Vec<u8> {
        let hex = line.split(' ').nth(1).expect("a name and its bytes");
        hex.as_bytes().chunks(2).map(byte).collect()
    };
    let lines = include_str!("../../vectors/frames.txt").lines();
    let mut known: Vec<(u8, Vec<u8>)> = lines
        .map(frame)
        .map(|frame| (frame[4], frame[HEADER_BYTES..].to_vec()))
        .collect();
    // A type that an older peer still says, behind that one.
    let complete = known.iter().position(|frame| frame.0 == 15);
    known.insert(complete.map_or(0, |at| at + 1), (16, vec![]));
    known
        .into_iter()
        .chain([0, 100, 255].map(|kind| (kind, vec![7; 12])))
        .collect()
}

/// A frame as it should be, and bent.
fn forms(kind: u8, payload: &[u8], chance: &mut Chance) -> Vec<Vec<u8>> {
    let length = payload.len();
    let noise: Vec<u8> = payload.iter().map(|_| chance.next() as u8).collect();
    let mut longer = payload.to_vec();
    longer.push(1);
    vec![
        with_header(length, kind, payload),
        with_header(0, kind, &[]),
        with_header(
            length.saturating_sub(1),
            kind,
            &payload[..length.saturating_sub(1)],
        ),
        with_header(length + 1, kind, &longer),
        with_header(length, kind, &vec![0xff; length]),
        with_header(length, kind, &noise),
        // Never comes to its end.
        with_header(PAYLOAD_MAX, kind, payload),
        with_header(PAYLOAD_MAX, kind, &vec![0xff; PAYLOAD_MAX]),
        with_header(PAYLOAD_MAX + 1, kind, payload),
        with_header(u32::MAX as usize, kind, payload),
        with_header(length, kind, payload)[..HEADER_BYTES - 1].to_vec(),
        with_header(length, kind, payload).repeat(50),
        // A whole page, where it has a place: number 2, of which nobody said anything.
        with_header(
            8 + 4096,
            kind,
            &[&2u64.to_le_bytes()[..], &[0x66; 4096]].concat(),
        ),
    ]
}

/// What the right peer may say there, and is obeyed: that a target has everything; pages of a guest that runs.
fn is_fair(session: &Session, case: &Case) -> bool {
    let Case { lane, stage, bytes } = case;
    let kind = bytes.get(HEADER_BYTES - 1);
    *stage != Stage::Hello
        && *lane == Lane::Bulk
        && match session.role {
            Role::Fetch => matches!(kind, Some(3 | 15)),
            Role::Serve => {
                session.warm && kind == Some(&19) && bytes.len() % 4096 == HEADER_BYTES + 8
            }
        }
}

fn over_bulk(stage: Stage, frames: &[Frame<'_>]) -> Vec<Case> {
    let case = |frame| {
        let (head, data) = encode(frame);
        let bytes = [&head, data].concat();
        Case {
            lane: Lane::Bulk,
            stage,
            bytes,
        }
    };
    frames.iter().map(case).collect()
}

/// Against a session of engine `warm`, before its switch and, to a target that has the map, after it.
fn warm(session: &Session) -> Vec<Case> {
    if session.role == Role::Fetch {
        let credit = |bytes| Frame::Credit { bytes };
        let wrong = [0, 1, 4095, 1 << 30, u32::MAX].map(credit);
        let cases = over_bulk(Stage::Ahead, &wrong);
        return cases
            .into_iter()
            .chain(over_bulk(Stage::Ahead, &[Frame::Complete]))
            .collect();
    }
    let pages = session.pages();
    let data = [0x66; 2 * 4096];
    let ahead = |first, bytes| Frame::Ahead {
        first,
        data: &data[..bytes],
    };
    let stale = |first, bits| Frame::Stale { first, bits };
    let mut packer = Packer::default();
    let block = packer.pack(&data); // of two pages
    let packed = |first, count| Frame::AheadPacked {
        first,
        count,
        block,
    };
    let outside = [
        ahead(pages, 4096),
        ahead(pages - 1, 2 * 4096),
        ahead(u64::MAX, 4096),
        ahead(0, 2048),
        ahead(0, 4097),
        stale(pages - 8, &[0, 1]),
        stale(u64::MAX - 7, &[0, 3]),
        packed(pages - 1, 2),
        packed(u64::MAX, 2),
        packed(0, 3),
        packed(0, u32::MAX),
    ];
    let after = [
        ahead(0, 4096),
        ahead(2, 4096),
        packed(0, 2),
        stale(0, &[3]),
        stale(pages, &[1]),
    ];
    let cases = over_bulk(Stage::Greeted, &outside);
    cases
        .into_iter()
        .chain(over_bulk(Stage::Linked, &after))
        .collect()
}

/// First, in this order, what only engine `warm` knows: others may bring the map, or credit for all pages.
pub fn cases(session: &Session, chance: &mut Chance) -> Vec<Case> {
    let mut cases = vec![];
    for (kind, payload) in golden() {
        for bytes in forms(kind, &payload, chance) {
            for lane in LANES {
                for stage in [Stage::Hello, Stage::Greeted, Stage::Linked] {
                    let bytes = bytes.clone();
                    cases.push(Case { lane, stage, bytes });
                }
            }
        }
    }
    cases.retain(|case| !is_fair(session, case));
    // In any order: what one of them left behind meets all kinds of others.
    for at in (1..cases.len()).rev() {
        cases.swap(at, (chance.next() % (at as u64 + 1)) as usize);
    }
    if session.warm {
        cases.splice(0..0, warm(session));
    }
    cases
}
