//! Chance from a seed, and what it does to bytes.

/// splitmix64 (Steele, Lea and Flood, 2014).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Numbers at which arithmetic goes wrong.
const EDGES: [u64; 13] = [
    0,
    1,
    7,
    8,
    4095,
    4096,
    u32::MAX as u64,
    1 << 32,
    1 << 44,
    i64::MAX as u64,
    u64::MAX - 4095,
    u64::MAX - 7,
    u64::MAX,
];

/// Words of the decoders' inputs.
const WORDS: [&str; 16] = [
    "null",
    "true",
    "-1",
    "1e400",
    "[]",
    "{}",
    "\"",
    "\\u0000",
    "\\ud800",
    "\n",
    "[[[[[[[[",
    "18446744073709551616",
    "\"cmd\":",
    "\"quit\"",
    "\"stats\"",
    "SHOALUFD",
];

/// One change.
pub fn bend(input: &mut Vec<u8>, others: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let some = at + chance.below(input.len() - at + 1).min(1 << chance.below(9));
    match chance.below(9) {
        0 => put(input, at, &[1 << chance.below(8)], |old, new| old ^ new),
        1 => put(input, at, &[chance.next() as u8], |_, new| new),
        2 => put(input, at, &[chance.below(9) as u8], u8::wrapping_sub),
        3 => {
            let width = *chance.of(&[1, 2, 4, 8]);
            let edge = chance.of(&EDGES).to_le_bytes();
            put(input, at, &edge[..width], |_, new| new);
        }
        4 => drop(input.drain(at..some)),
        5 => {
            let part = input[at..some].to_vec();
            input.splice(at..at, part);
        }
        6 => drop(input.splice(at..some, chance.of(&WORDS).bytes())),
        7 => input.truncate(at),
        _ => {
            let other = chance.of(others);
            let from = chance.below(other.len() + 1);
            let to = from + chance.below(other.len() - from + 1);
            input.splice(at..some, other[from..to].iter().copied());
        }
    }
}

/// At the end bytes are added.
fn put(input: &mut Vec<u8>, at: usize, bytes: &[u8], change: fn(u8, u8) -> u8) {
    for (at, &byte) in (at..).zip(bytes) {
        match input.get_mut(at) {
            Some(old) => *old = change(*old, byte),
            None => input.push(byte),
        }
    }
}
