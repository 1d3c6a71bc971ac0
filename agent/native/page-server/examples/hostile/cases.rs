//! What it says: golden frames, and all that can be wrong with them.

use std::io::Error;

use shoal_pages::frame::{HEADER_BYTES, Lane, PAYLOAD_MAX};
use shoal_pages::session::Role;

pub const LANES: [Lane; 2] = [Lane::Urgent, Lane::Bulk];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// In place of the hello.
    Hello,
    /// In place of what follows it: a target's list of pages, a source's map.
    Greeted,
    /// In the middle: the map is whole; the list is.
    Linked,
}

pub struct Case {
    pub lane: Lane,
    pub stage: Stage,
    pub bytes: Vec<u8>,
}

impl Case {
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
    let known = lines
        .map(frame)
        .map(|frame| (frame[4], frame[HEADER_BYTES..].to_vec()));
    known
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

/// What the right peer may say there, and is obeyed: that a target has everything.
fn is_fair(role: Role, kind: u8) -> bool {
    role == Role::Fetch && matches!(kind, 3 | 15)
}

pub fn cases(role: Role, chance: &mut Chance) -> Vec<Case> {
    let mut cases = vec![];
    for (kind, payload) in golden() {
        for bytes in forms(kind, &payload, chance) {
            for lane in LANES {
                for stage in [Stage::Hello, Stage::Greeted, Stage::Linked] {
                    if !is_fair(role, kind) || stage == Stage::Hello || lane == Lane::Urgent {
                        let bytes = bytes.clone();
                        cases.push(Case { lane, stage, bytes });
                    }
                }
            }
        }
    }
    // In any order: what one of them left behind meets all kinds of others.
    for at in (1..cases.len()).rev() {
        cases.swap(at, (chance.next() % (at as u64 + 1)) as usize);
    }
    cases
}
