//! What must hold for any bytes. Each answers a number for what it saw.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::BufReader;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::seeds::RAM_BYTES;
use crate::conn::lock;
use crate::control::{self, Commands, LINE_MAX};
use crate::fetch::faults::base_of;
use crate::frame::{Frame, HEADER_BYTES, PAYLOAD_MAX, decode, encode, header};
use crate::packed::unpack;
use crate::session::{Role, Session};

/// Half of the numbers there are: the other half is the compiler's.
pub(super) fn fingerprint(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish() >> 1
}

/// Frames as a reader takes them off a connection, until the first that is none, which is told as text.
pub(super) fn each_frame(mut bytes: &[u8], mut take: impl FnMut(u8, &[u8], Frame<'_>)) -> String {
    while let Some((head, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
        let (length, kind) = match header(head) {
            Ok(said) => said,
            Err(_) => return "too long".to_owned(),
        };
        assert!(length <= PAYLOAD_MAX, "{length} bytes would be kept");
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            return "cut".to_owned();
        };
        match decode(kind, payload) {
            Ok(frame) => take(kind, payload, frame),
            Err(bad) => return bad.to_string(),
        }
        bytes = rest;
    }
    String::new()
}

pub fn frames(input: &[u8]) -> u64 {
    let mut kinds = vec![];
    let end = each_frame(input, |kind, payload, frame| {
        kinds.push(kind);
        let (head, data) = encode(&frame);
        let bytes = [&head[HEADER_BYTES..], data].concat();
        // A hello has bytes that carry nothing.
        assert!(kind == 1 || bytes == payload, "two payloads of one frame");
        assert_eq!(decode(kind, &bytes), Ok(frame));
    });
    kinds.sort_unstable();
    kinds.dedup();
    fingerprint((kinds, end))
}

/// The format as it is written down, a byte at a time (`lz4_Block_format.md`). `None`: it is none, or longer than `room`.
fn plainly(block: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut bytes = block.iter().map(|&byte| usize::from(byte));
    let mut out = vec![];
    let length = |short: usize, bytes: &mut dyn Iterator<Item = usize>| {
        let (mut length, mut more) = (short, if short == 15 { 255 } else { 0 });
        while more == 255 {
            more = bytes.next()?;
            length += more;
        }
        Some(length)
    };
    loop {
        let token = bytes.next()?;
        for _ in 0..length(token >> 4, &mut bytes)? {
            out.push(bytes.next()?);
        }
        if out.len() > room {
            return None;
        }
        if bytes.len() == 0 {
            return Some(out.iter().map(|&byte| byte as u8).collect());
        }
        let offset = bytes.next()? | bytes.next()? << 8;
        let from = out.len().checked_sub(offset).filter(|_| offset > 0)?;
        let count = length(token & 15, &mut bytes)? + 4;
        if out.len() + count > room {
            return None;
        }
        (from..from + count).for_each(|at| out.push(out[at]));
    }
}

/// What an earlier extent left in the buffer must never come out.
pub fn packed(input: &[u8]) -> u64 {
    let Some((&count, block)) = input.split_first() else {
        return 0;
    };
    let room = usize::from(count % 4) * 4096;
    let mut pages = vec![0xee; room];
    let is_whole = unpack(block, &mut pages);
    let right = plainly(block, room);
    assert_eq!(
        is_whole,
        right.as_ref().is_some_and(|right| right.len() == room)
    );
    assert!(!is_whole || right.as_ref() == Some(&pages));
    fingerprint((is_whole, right.map(|right| right.len() / 1024), count % 4))
}

pub fn session(input: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(input) else {
        return 0;
    };
    let parsed = [Role::Serve, Role::Fetch].map(|role| Session::parse(Path::new("/d"), role, text));
    let both = parsed.iter().filter(|one| one.is_ok()).count();
    assert!(both < 2, "a session of both sides");
    let saw = parsed.map(|parsed| match parsed {
        Ok(session) => {
            assert_eq!(session.ram_bytes, session.pages() * 4096);
            assert!(session.pages() <= 1 << 32, "more than can be kept a map of");
            assert!(session.pages() > 0 || !session.postcopy);
            assert!(session.bulk_window_bytes == 0 || session.bulk_window_bytes >= 4096);
            (
                session.postcopy,
                session.resumes,
                format!("{:?}", session.order),
            )
        }
        Err(why) => {
            assert!(!why.chars().any(char::is_control), "no sentence: {why:?}");
            let words = why
                .split(' ')
                .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
            (false, false, words.take(6).collect())
        }
    });
    fingerprint(saw)
}

/// Knows one command, and keeps what it was asked.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl Commands for Asked {
    fn command(&self, name: &str) -> Result<Value, (&'static str, String)> {
        lock(&self.0).push(name.to_owned());
        match name {
            "stats" | "quit" => Ok(json!({ "stats": {} })),
            _ => Err(("command", format!("there is no command {name}"))),
        }
    }
}

pub fn control(input: &[u8]) -> u64 {
    let mut input = input.to_vec();
    if input.first() == Some(&b'~') {
        // A line that is too long, from few bytes, and what follows it.
        let bytes = input.iter().copied().filter(|&byte| byte != b'\n');
        let line: Vec<u8> = bytes.cycle().take(2 * LINE_MAX as usize).collect();
        input.splice(0..0, [&line[..], b"\n"].concat());
    }
    let asked = Asked::default();
    let mut reader = BufReader::with_capacity(512, &input[..]);
    let (mut line, mut saw, mut lines) = (vec![], vec![], 0);
    while let Some(length) = control::next_line(&mut reader, &mut line).expect("bytes can be read")
    {
        lines += 1;
        assert!(
            line.len() as u64 <= LINE_MAX + 1,
            "{} bytes are kept",
            line.len()
        );
        let before = lock(&asked.0).len();
        let (answer, quits) = control::answer(length, &line, &asked);
        let text = answer.to_string();
        assert!(answer["ok"].is_boolean() && answer.get("id").is_some());
        assert!(!text.contains('\n'), "an answer is a line");
        let done = lock(&asked.0)[before..].to_vec();
        assert!(done.len() <= 1, "one line, one command");
        assert_eq!(quits, done == ["quit"]);
        saw.push((answer["ok"] == true, answer["code"].to_string(), quits));
    }
    assert_eq!(lines, input.split_inclusive(|&byte| byte == b'\n').count());
    saw.sort_unstable();
    saw.dedup();
    fingerprint(saw)
}

pub fn greeting(input: &[u8]) -> u64 {
    match base_of(input, RAM_BYTES) {
        Ok(base) => {
            assert!(base % 4096 == 0 && base <= u64::MAX - RAM_BYTES);
            let only = [*b"SHOALUFD", base.to_ne_bytes(), RAM_BYTES.to_ne_bytes()].concat();
            assert_eq!(input, only);
            1
        }
        Err(why) => fingerprint(why),
    }
}
