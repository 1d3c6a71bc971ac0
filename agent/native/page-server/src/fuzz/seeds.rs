//! Good inputs to begin with.

use crate::frame::{Frame, encode};
use crate::packed::Packer;

pub const RAM_BYTES: u64 = 700 * 4096;

/// Every frame, as its golden bytes.
pub fn frames() -> Vec<u8> {
    let golden = include_str!("../../vectors/frames.txt");
    let hex = golden.lines().filter_map(|line| line.split(' ').nth(1));
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
    hex.flat_map(|hex| hex.as_bytes().chunks(2).map(byte))
        .collect()
}

fn bytes_of(frames: &[Frame<'_>]) -> Vec<u8> {
    let one = |frame| {
        let (mut bytes, data) = encode(frame);
        bytes.extend_from_slice(data);
        bytes
    };
    frames.iter().flat_map(one).collect()
}

/// What a source says about its pages, and what a target has.
pub fn maps() -> Vec<Vec<u8>> {
    vec![
        bytes_of(&[
            Frame::Map {
                first: 0,
                bits: &[0xff, 1],
            },
            Frame::Map {
                first: 640,
                bits: &[0, 3],
            },
            Frame::MapEnd { data_pages: 11 },
            Frame::Zeros { first: 1, count: 3 },
            Frame::PageZero { page: 649 },
        ]),
        bytes_of(&[
            Frame::Map {
                first: 8,
                bits: &[3],
            },
            Frame::MapEnd { data_pages: 2 },
            Frame::Zeros { first: 9, count: 1 },
            Frame::Extent {
                first: 8,
                data: &[1; 2 * 4096],
            },
        ]),
        bytes_of(&[
            Frame::Installed {
                first: 0,
                bits: &[0xff; 87],
            },
            Frame::Resume { complete: false },
            Frame::Ack {
                first: 0,
                count: 64,
            },
            Frame::Fault { page: 3 },
        ]),
    ]
}

/// What a source says of a guest that still runs, and then the map.
pub fn warm() -> Vec<Vec<u8>> {
    let map = [
        Frame::Map {
            first: 0,
            bits: &[0xf],
        },
        Frame::MapEnd { data_pages: 4 },
    ];
    let ahead = |first, data| Frame::Ahead { first, data };
    let stale = |bits| Frame::Stale { first: 0, bits };
    let mut packer = Packer::default();
    let packed = |block| Frame::AheadPacked {
        first: 1,
        count: 3,
        block,
    };
    vec![
        bytes_of(&[packed(packer.pack(&[9; 3 * 4096])), stale(&[4])]),
        bytes_of(&[
            ahead(0, &[2; 2 * 4096]),
            stale(&[2]),
            ahead(2, &[3; 4096]),
            ahead(1, &[4; 4096]),
        ]),
        [
            bytes_of(&[ahead(3, &[5; 4096])]),
            bytes_of(&map),
            bytes_of(&[stale(&[1]), ahead(0, &[6; 4096])]),
        ]
        .concat(),
    ]
}

/// A number of pages and a block of them.
pub fn packed() -> Vec<Vec<u8>> {
    let with = |count: u8, pages: &[u8]| [&[count], Packer::default().pack(pages)].concat();
    let words: Vec<u8> = (0..2 * 4096u32).map(|at| ((at * at) >> 7) as u8).collect();
    vec![with(1, &[7; 4096]), with(2, &words), with(3, &[0; 4096])]
}

pub fn session() -> Vec<Vec<u8>> {
    let session = |role: &str, engine: &str| {
        let json = serde_json::json!({
            "handoff": "0f0e0d0c-0b0a-0908-0706-050403020100", "role": role, "engine": engine, "ramFile": "/r",
            "ramBytes": 8192, "pageBytes": 4096, "peerCertSha256": "ab".repeat(32), "host": "::1", "port": 1,
            "streamSocket": "/s", "uffdSocket": "/u", "vmmUid": 0, "deviceLoadPages": [1], "hotBlocks": [0], "order": "hot", "compression": "auto",
            "bulkWindowBytes": 65536, "bulkBytesPerSecond": 0, "tls": true
        });
        json.to_string().into_bytes()
    };
    vec![
        session("serve", "postcopy"),
        session("fetch", "qemu-postcopy"),
    ]
}

/// Requests, and one that the target makes too long.
pub fn control() -> Vec<Vec<u8>> {
    let lines: [&[u8]; 2] = [
        b"{\"id\":1,\"cmd\":\"stats\"}\n{\"id\":\"x\",\"cmd\":\"freeze\"}\n\n{\"id\":[2],\"cmd\":\"quit\",\"more\":{}}\n",
        b"~{\"id\":1,\"cmd\":\"stats\"} and so on",
    ];
    lines.map(<[u8]>::to_vec).to_vec()
}

pub fn greeting() -> Vec<u8> {
    [
        *b"SHOALUFD",
        (1u64 << 40).to_ne_bytes(),
        RAM_BYTES.to_ne_bytes(),
    ]
    .concat()
}
