use super::*;

fn hello() -> Hello {
    Hello {
        lane: Lane::Bulk,
        features: 0,
        attempt: 7,
        handoff: *b"0123456789abcdef",
        page_bytes: 4096,
        ram_bytes: 1 << 30,
    }
}

fn examples() -> Vec<(&'static str, Frame<'static>)> {
    vec![
        ("hello", Frame::Hello(hello())),
        (
            "installed",
            Frame::Installed {
                first: 64,
                bits: &[0xff, 0x01],
            },
        ),
        ("resume", Frame::Resume { complete: false }),
        ("stream", Frame::Stream(b"QEVM")),
        ("stream-end", Frame::StreamEnd),
        (
            "map",
            Frame::Map {
                first: 0,
                bits: &[0x81],
            },
        ),
        ("map-end", Frame::MapEnd { data_pages: 2 }),
        (
            "extent",
            Frame::Extent {
                first: 3,
                data: &[1, 2, 3, 4],
            },
        ),
        (
            "zeros",
            Frame::Zeros {
                first: 9,
                count: 16,
            },
        ),
        ("credit", Frame::Credit { bytes: 65536 }),
        ("fault", Frame::Fault { page: 12345 }),
        (
            "page",
            Frame::Page {
                page: 12345,
                data: &[5, 6],
            },
        ),
        ("page-zero", Frame::PageZero { page: 12345 }),
        ("ack", Frame::Ack { first: 3, count: 1 }),
        ("complete", Frame::Complete),
        (
            "hello-packed",
            Frame::Hello(Hello {
                features: PACKED,
                ..hello()
            }),
        ),
        (
            "hello-urgent",
            Frame::Hello(Hello {
                lane: Lane::Urgent,
                ..hello()
            }),
        ),
        ("resume-complete", Frame::Resume { complete: true }),
        (
            "packed",
            Frame::Packed {
                first: 3,
                count: 2,
                block: &[0x10, 7],
            },
        ),
        (
            "unpacked",
            Frame::Unpacked {
                bytes: 9000,
                nanoseconds: 20_000,
            },
        ),
        (
            "ahead",
            Frame::Ahead {
                first: 3,
                data: &[1, 2, 3, 4],
            },
        ),
        (
            "stale",
            Frame::Stale {
                first: 64,
                bits: &[0x03],
            },
        ),
        (
            "hello-packed-ahead",
            Frame::Hello(Hello {
                features: PACKED | PACKED_AHEAD,
                ..hello()
            }),
        ),
        (
            "ahead-packed",
            Frame::AheadPacked {
                first: 3,
                count: 2,
                block: &[0x10, 7],
            },
        ),
    ]
}

fn bytes_of(frame: &Frame<'_>) -> Vec<u8> {
    let (mut bytes, data) = encode(frame);
    bytes.extend_from_slice(data);
    bytes
}

fn parse(bytes: &[u8]) -> Result<Frame<'_>, Bad> {
    let (length, kind) = header(bytes[..HEADER_BYTES].try_into().unwrap())?;
    assert_eq!(length, bytes.len() - HEADER_BYTES);
    decode(kind, &bytes[HEADER_BYTES..])
}

#[test]
fn every_frame_comes_back_as_it_was_sent() {
    for (_, frame) in examples() {
        assert_eq!(parse(&bytes_of(&frame)).unwrap(), frame);
    }
}

#[test]
fn every_frame_has_the_bytes_that_are_written_down() {
    let golden = include_str!("../../vectors/frames.txt");
    let made: String = examples()
        .iter()
        .map(|(name, frame)| {
            let hex: String = bytes_of(frame)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{name} {hex}\n")
        })
        .collect();
    assert_eq!(made, golden, "a change of the wire needs another VERSION");
}

/// Their length says how much there is.
const VARIABLE: [&str; 9] = [
    "installed",
    "map",
    "extent",
    "page",
    "stream",
    "packed",
    "ahead",
    "stale",
    "ahead-packed",
];

#[test]
fn a_cut_or_lengthened_frame_is_refused_and_never_panics() {
    for (name, frame) in examples() {
        let bytes = bytes_of(&frame);
        for end in HEADER_BYTES..bytes.len() {
            let cut = decode(bytes[4], &bytes[HEADER_BYTES..end]);
            let variable = VARIABLE.contains(&name);
            assert!(cut.is_err() || variable, "{name} cut to {end}");
        }
        let longer = [&bytes[HEADER_BYTES..], &[0]].concat();
        let variable = VARIABLE.contains(&name);
        assert!(
            decode(bytes[4], &longer).is_err() || variable,
            "{name} with a byte more"
        );
    }
}

#[test]
fn a_packed_extent_never_unpacks_to_more_than_a_plain_one_holds() {
    let (first, block) = (0, &[0x10, 7][..]);
    for frame in [
        |first, count, block| Frame::Packed {
            first,
            count,
            block,
        },
        |first, count, block| Frame::AheadPacked {
            first,
            count,
            block,
        },
    ] as [fn(u64, u32, &'static [u8]) -> Frame<'static>; 2]
    {
        let said = |count: u32| parse(&bytes_of(&frame(first, count, block))).is_ok();
        assert_eq!(
            [0, 1, PACKED_PAGES_MAX, PACKED_PAGES_MAX + 1, u32::MAX].map(said),
            [false, true, true, false, false]
        );
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_by_its_header() {
    let mut bytes = [0xff, 0xff, 0xff, 0x7f, 8];
    assert_eq!(header(&bytes), Err(Bad::TooLong(0x7fff_ffff)));
    bytes[..4].copy_from_slice(&(PAYLOAD_MAX as u32).to_le_bytes());
    assert!(header(&bytes).is_ok());
}

#[test]
fn every_type_with_any_short_payload_is_decided() {
    for kind in 0..=255u8 {
        for length in 0..48 {
            let payload = vec![kind; length];
            let _ = decode(kind, &payload);
        }
    }
    assert_eq!(decode(0, &[]), Err(Bad::UnknownType(0)));
    assert_eq!(decode(22, &[]), Err(Bad::UnknownType(22)));
}
