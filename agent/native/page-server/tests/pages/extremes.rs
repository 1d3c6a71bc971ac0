//! Memories of odd kinds and sizes.

use crate::support::pair::{Pair, Wants};
use crate::support::ram::{self, Is};

/// 5 GiB: `pc` maps such a file in two parts, below and above the hole under 4 GiB. A page is its place in the file.
const LARGE: u64 = 5 << 18;

/// Next to every edge, and around 3 and 4 GiB.
fn at_the_edges(page: u64) -> Is {
    let near = |edge: u64| page.abs_diff(edge) < 3;
    if [0, 3 << 18, 7 << 17, 4 << 18, LARGE - 1]
        .into_iter()
        .any(near)
    {
        Is::Data
    } else {
        Is::Hole
    }
}

#[test]
fn a_memory_of_more_than_4_gib_has_each_page_at_its_place_in_the_file() {
    let mut pair = Pair::start(&Wants {
        pages: LARGE,
        is: at_the_edges,
        ..Wants::default()
    });
    pair.freeze();
    pair.fetch.event("complete");
    pair.serve.event("complete");
    let data: Vec<u64> = (0..LARGE)
        .filter(|&page| at_the_edges(page) == Is::Data)
        .collect();
    assert_eq!(ram::held(&pair.target_ram), data.len() as u64);
    for page in data.into_iter().chain([5, (3 << 18) + 5, LARGE - 5]) {
        let right = pair.right(page, at_the_edges);
        assert_eq!(pair.vmm.read(page), right, "page {page}");
    }
}

#[test]
fn a_memory_with_a_hole_or_a_zero_page_beside_every_page_and_one_of_data_alone_arrive() {
    for is in [
        (|_| Is::Data) as fn(u64) -> Is,
        |page| if page % 2 == 0 { Is::Hole } else { Is::Data },
        |page| if page % 2 == 0 { Is::Zero } else { Is::Data },
    ] {
        let mut pair = Pair::start(&Wants {
            pages: 1024,
            is,
            ..Wants::default()
        });
        pair.freeze();
        for page in [1, 2, 511, 1022] {
            let right = pair.right(page, is);
            assert_eq!(pair.vmm.read(page), right, "page {page}");
        }
        pair.arrived();
    }
}
