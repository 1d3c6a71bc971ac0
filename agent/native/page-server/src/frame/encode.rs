//! A frame to bytes.

use super::{Frame, HEADER_BYTES, Hello, Lane, MAGIC, VERSION, kind};

/// Header and head of a frame; `data` is written behind it unchanged.
pub fn encode<'a>(frame: &Frame<'a>) -> (Vec<u8>, &'a [u8]) {
    let (number, head, data): (u8, Vec<u8>, &'a [u8]) = match frame {
        Frame::Hello(hello) => (kind::HELLO, encode_hello(hello), &[]),
        Frame::Installed { first, bits } => (kind::INSTALLED, first.to_le_bytes().to_vec(), bits),
        Frame::Resume { complete } => (kind::RESUME, vec![u8::from(*complete)], &[]),
        Frame::Stream(bytes) => (kind::STREAM, vec![], bytes),
        Frame::StreamEnd => (kind::STREAM_END, vec![], &[]),
        Frame::Map { first, bits } => (kind::MAP, first.to_le_bytes().to_vec(), bits),
        Frame::MapEnd { data_pages } => (kind::MAP_END, data_pages.to_le_bytes().to_vec(), &[]),
        Frame::Extent { first, data } => (kind::EXTENT, first.to_le_bytes().to_vec(), data),
        Frame::Packed {
            first,
            count,
            block,
        } => (kind::PACKED, run(*first, *count), block),
        Frame::Zeros { first, count } => (kind::ZEROS, run(*first, *count), &[]),
        Frame::Credit { bytes } => (kind::CREDIT, bytes.to_le_bytes().to_vec(), &[]),
        Frame::Unpacked { bytes, nanoseconds } => {
            let head = [bytes.to_le_bytes(), nanoseconds.to_le_bytes()].concat();
            (kind::UNPACKED, head, &[])
        }
        Frame::Fault { page } => (kind::FAULT, page.to_le_bytes().to_vec(), &[]),
        Frame::Page { page, data } => (kind::PAGE, page.to_le_bytes().to_vec(), data),
        Frame::PageZero { page } => (kind::PAGE_ZERO, page.to_le_bytes().to_vec(), &[]),
        Frame::Ack { first, count } => (kind::ACK, run(*first, *count), &[]),
        Frame::Complete => (kind::COMPLETE, vec![], &[]),
        Frame::Ahead { first, data } => (kind::AHEAD, first.to_le_bytes().to_vec(), data),
        Frame::AheadPacked {
            first,
            count,
            block,
        } => (kind::AHEAD_PACKED, run(*first, *count), block),
        Frame::Stale { first, bits } => (kind::STALE, first.to_le_bytes().to_vec(), bits),
    };
    let length = (head.len() + data.len()) as u32;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + head.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.push(number);
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
    bytes.push(hello.features);
    bytes.extend_from_slice(&hello.attempt.to_le_bytes());
    bytes.extend_from_slice(&hello.handoff);
    bytes.extend_from_slice(&hello.page_bytes.to_le_bytes());
    bytes.extend_from_slice(&hello.ram_bytes.to_le_bytes());
    bytes
}
