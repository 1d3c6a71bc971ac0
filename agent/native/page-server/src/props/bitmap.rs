use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use crate::bitmap::Bitmap;

#[derive(Clone, Debug)]
enum Act {
    Set(u64),
    Clear(u64),
    Merge(u64, Vec<u8>),
    Subtract(Vec<u64>),
}

fn act() -> impl Strategy<Value = Act> {
    // Some past the end, and some past everything.
    let at = || prop_oneof![8 => 0..700u64, 1 => any::<u64>()];
    prop_oneof![
        4 => at().prop_map(Act::Set),
        2 => at().prop_map(Act::Clear),
        2 => (at(), vec(any::<u8>(), 0..40)).prop_map(|(first, bits)| Act::Merge(first, bits)),
        1 => vec(at(), 0..200).prop_map(Act::Subtract),
    ]
}

/// The same done to a set of numbers.
fn apply(map: &mut Bitmap, set: &mut BTreeSet<u64>, act: &Act) {
    let len = map.len();
    match act {
        Act::Set(at) => assert_eq!(map.set(*at), *at < len && set.insert(*at)),
        Act::Clear(at) => assert_eq!(map.clear(*at), set.remove(at)),
        Act::Merge(first, bits) => {
            let ones = (0..bits.len() as u128 * 8)
                .filter(|&bit| bits[(bit / 8) as usize] >> (bit % 8) & 1 == 1)
                .map(|bit| u128::from(*first) + bit);
            let inside: Vec<u64> = ones
                .clone()
                .take_while(|&at| at < u128::from(len))
                .map(|at| at as u64)
                .collect();
            assert_eq!(map.merge(*first, bits), inside.len() == ones.count());
            set.extend(inside);
        }
        Act::Subtract(pages) => {
            let mut other = Bitmap::new(len);
            for &page in pages {
                other.set(page);
                set.remove(&page);
            }
            map.subtract(&other);
        }
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_bitmap_is_a_set_of_page_numbers(len in 1..700u64, acts in vec(act(), 0..60), from in 0..800u64, max in 0..200u64) {
        let (mut map, mut set) = (Bitmap::new(len), BTreeSet::new());
        for act in &acts {
            apply(&mut map, &mut set, act);
        }
        prop_assert_eq!(map.ones(), set.len() as u64);
        let all: Vec<u64> = (0..len + 70).filter(|&at| map.get(at)).collect();
        prop_assert_eq!(&all, &set.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(map.next(from), set.range(from..).next().copied());
        let run = (from..).take_while(|at| set.contains(at)).take(max as usize).count();
        prop_assert_eq!(map.run(from, max), run as u64);
    }

    #[test]
    fn a_bitmap_travels_whole_in_its_pieces(len in 1..3000u64, pages in vec(0..3000u64, 0..300)) {
        let mut map = Bitmap::new(len);
        for &page in &pages {
            map.set(page);
        }
        let mut copy = Bitmap::new(len);
        let sent = map.pieces(|first, bits| if copy.merge(first, bits) { Ok(()) } else { Err(first) });
        prop_assert_eq!(sent, Ok(()));
        prop_assert_eq!(copy.ones(), map.ones());
        prop_assert!((0..len).all(|at| copy.get(at) == map.get(at)));
    }
}
