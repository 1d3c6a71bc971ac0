use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use crate::packed::{Packer, unpack};
use crate::serve::packing::Packing;
use crate::session::Compression;

/// Anything that can happen: pages of any worth, packed in any time, taken in by a target that says what it likes.
#[derive(Clone, Debug)]
enum Event {
    Extent { pages: u64, to: u64, took: u64 },
    Credit { bytes: u64 },
    Unpacked { bytes: u64, took: u64 },
    Time { us: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let any = || prop_oneof![4 => 0..100_000u64, 1 => any::<u32>().prop_map(u64::from)];
    prop_oneof![
        (1..256u64, any(), any()).prop_map(|(pages, to, took)| Event::Extent { pages, to, took }),
        any().prop_map(|bytes| Event::Credit { bytes }),
        (any(), any()).prop_map(|(bytes, took)| Event::Unpacked { bytes, took }),
        (0..3_000_000u64).prop_map(|us| Event::Time { us }),
    ]
}

/// Pages of all kinds: alike, of a few letters, of noise.
fn pages() -> impl Strategy<Value = Vec<u8>> {
    let letters = prop_oneof![Just(1u16), 2..20u16, Just(256)];
    (1..20usize, letters, any::<u64>()).prop_map(|(pages, letters, seed)| {
        let mut state = seed | 1;
        let mut byte = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(7);
            ((state >> 33) % u64::from(letters)) as u8
        };
        (0..pages * 4096).map(|_| byte()).collect()
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn what_is_sent_packed_is_always_less_and_tries_come_to_an_end_and_a_beginning(
        always in any::<bool>(), cap in 0..1_000_000_000u64, events in vec(event(), 1..200),
    ) {
        let mut now = Instant::now();
        let mode = if always { Compression::On } else { Compression::Auto };
        let mut packing = Packing::new(mode, true, cap, now).expect("wanted");
        for event in events {
            match event {
                Event::Extent { pages, to, took } => {
                    let from = pages * 4096;
                    let due = packing.is_due(now);
                    prop_assert!(due || !always);
                    if due && packing.tried(from, to, Duration::from_nanos(took)) {
                        prop_assert!(to < from);
                    }
                }
                Event::Credit { bytes } => packing.credited(bytes, now),
                Event::Unpacked { bytes, took } => packing.unpacked(bytes, Duration::from_nanos(took), now),
                Event::Time { us } => now += Duration::from_micros(us),
            }
            let fits = packing.fit(8192);
            prop_assert!((8192..=32768).contains(&fits), "{fits}");
        }
        // Whatever a target said before: in the end an extent is tried.
        let is_tried = (0..4096).any(|_| {
            now += Duration::from_millis(1);
            packing.credited(1 << 16, now);
            packing.is_due(now)
        });
        prop_assert!(is_tried);
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn pages_come_back_as_they_were_packed(pages in pages()) {
        let mut back = vec![0; pages.len()];
        prop_assert!(unpack(Packer::default().pack(&pages), &mut back));
        prop_assert!(back == pages);
    }

    #[test]
    fn a_block_that_was_bent_gives_no_panic_and_stays_within_its_pages(
        pages in pages(), bends in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in any::<prop::sample::Index>(),
        room in 0..20usize,
    ) {
        let mut block = Packer::default().pack(&pages).to_vec();
        for (at, value) in bends {
            let at = at.index(block.len());
            block[at] = value;
        }
        block.truncate(cut.index(block.len() + 1));
        let mut out = vec![0; room * 4096];
        unpack(&block, &mut out);
        unpack(&pages[..pages.len().min(5000)], &mut out);
    }
}
