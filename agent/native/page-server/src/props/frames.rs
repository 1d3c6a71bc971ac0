use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use crate::frame::{
    Bad, Frame, HEADER_BYTES, Hello, Lane, PACKED_PAGES_MAX, PAYLOAD_MAX, decode, encode, header,
};

/// Numbers at the edges as well as in between.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..5u64, any::<u64>(), Just(u64::MAX), Just(1 << 32)]
}

fn hello() -> impl Strategy<Value = Hello> {
    let parts = (
        any::<bool>(),
        any::<u32>(),
        any::<[u8; 16]>(),
        any::<u32>(),
        number(),
        any::<u8>(),
    );
    parts.prop_map(
        |(urgent, attempt, handoff, page_bytes, ram_bytes, features)| Hello {
            features,
            lane: if urgent { Lane::Urgent } else { Lane::Bulk },
            attempt,
            handoff,
            page_bytes,
            ram_bytes,
        },
    )
}

/// There is no type 16 any more.
fn kind() -> impl Strategy<Value = u8> {
    (1..=20u8).prop_map(|kind| kind + u8::from(kind > 15))
}

/// A frame of type `number`, and so of every type there is.
fn frame<'a>(number: u8, hello: &Hello, first: u64, count: u32, data: &'a [u8]) -> Frame<'a> {
    match number {
        1 => Frame::Hello(hello.clone()),
        2 => Frame::Installed { first, bits: data },
        3 => Frame::Resume {
            complete: count % 2 == 1,
        },
        4 => Frame::Stream(data),
        5 => Frame::StreamEnd,
        6 => Frame::Map { first, bits: data },
        7 => Frame::MapEnd { data_pages: first },
        8 => Frame::Extent { first, data },
        9 => Frame::Zeros { first, count },
        10 => Frame::Credit { bytes: count },
        11 => Frame::Fault { page: first },
        12 => Frame::Page { page: first, data },
        13 => Frame::PageZero { page: first },
        14 => Frame::Ack { first, count },
        17 => Frame::Packed {
            first,
            count: count % PACKED_PAGES_MAX + 1,
            block: data,
        },
        18 => Frame::Unpacked {
            bytes: count,
            nanoseconds: first as u32,
        },
        19 => Frame::Ahead { first, data },
        20 => Frame::Stale { first, bits: data },
        21 => Frame::AheadPacked {
            first,
            count: count % PACKED_PAGES_MAX + 1,
            block: data,
        },
        _ => Frame::Complete,
    }
}

fn bytes_of(frame: &Frame<'_>) -> Vec<u8> {
    let (mut bytes, data) = encode(frame);
    bytes.extend_from_slice(data);
    bytes
}

/// As a reader takes frames off a connection. Answers how many were good, and how it ended.
fn read_all(mut bytes: &[u8]) -> (usize, Option<Bad>) {
    let mut good = 0;
    while let Some((head, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
        let (length, kind) = match header(head) {
            Ok(said) => said,
            Err(bad) => return (good, Some(bad)),
        };
        // All that is ever kept for a frame.
        assert!(length <= PAYLOAD_MAX);
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            return (good, None);
        };
        if let Err(bad) = decode(kind, payload) {
            return (good, Some(bad));
        }
        good += 1;
        bytes = rest;
    }
    (good, None)
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_frame_comes_back_as_it_was_sent(
        kind in kind(), hello in hello(), first in number(), count in any::<u32>(), data in vec(any::<u8>(), 1..300),
    ) {
        let sent = frame(kind, &hello, first, count, &data);
        let bytes = bytes_of(&sent);
        let (head, payload) = bytes.split_first_chunk().expect("a header");
        prop_assert_eq!(header(head), Ok((payload.len(), kind)));
        prop_assert_eq!(decode(kind, payload), Ok(sent));
    }

    #[test]
    fn bytes_that_are_decoded_are_the_only_ones_of_their_frame(kind in 0..24u8, payload in vec(any::<u8>(), 0..80)) {
        if let Ok(frame) = decode(kind, &payload) {
            let bytes = bytes_of(&frame);
            // A hello has values that are refused.
            if kind != 1 {
                prop_assert_eq!(&bytes[HEADER_BYTES..], &payload[..]);
            }
            prop_assert_eq!(decode(kind, &bytes[HEADER_BYTES..]), Ok(frame));
        }
    }

    #[test]
    fn no_bytes_of_a_peer_end_in_a_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_all(&bytes);
    }

    #[test]
    fn a_good_stream_that_is_bent_anywhere_is_read_up_to_there(
        kinds in vec((kind(), number(), any::<u32>()), 1..12), hello in hello(), data in vec(any::<u8>(), 1..60),
        bends in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), cut in any::<prop::sample::Index>(),
    ) {
        let frames: Vec<Vec<u8>> = kinds.iter().map(|&(kind, first, count)| bytes_of(&frame(kind, &hello, first, count, &data))).collect();
        let mut stream = frames.concat();
        prop_assert_eq!(read_all(&stream), (kinds.len(), None));
        let mut harmed = stream.len();
        for (at, value) in bends {
            let at = at.index(stream.len());
            stream[at] = value;
            harmed = harmed.min(at);
        }
        stream.truncate(cut.index(stream.len()) + 1);
        harmed = harmed.min(stream.len());
        let mut end = 0;
        let before = frames.iter().take_while(|frame| { end += frame.len(); end <= harmed }).count();
        prop_assert!(read_all(&stream).0 >= before);
    }
}
