use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use crate::serve::window::{MOST, Window};

/// What a run of pages meets: how much of it is sent, in which pieces its credit comes back, and when.
#[derive(Clone, Debug)]
struct Turn {
    /// Of what there is room for.
    share: f64,
    /// Nobody waits for a page.
    quiet: bool,
    /// Pages that went ahead of everything, whatever the window.
    ahead: u64,
    after_us: u64,
    credits: usize,
    /// The target pays back more than it got.
    lie: u32,
}

fn turn(lies: bool) -> impl Strategy<Value = Turn> {
    let ahead = prop_oneof![9 => Just(0), 1 => 0..40u64];
    let after_us = prop_oneof![4 => 0..2000u64, 1 => 0..3_000_000u64];
    let lie = if lies {
        prop_oneof![3 => Just(0), 1 => any::<u32>()].boxed()
    } else {
        Just(0).boxed()
    };
    (0.0..1.0f64, any::<bool>(), ahead, after_us, 0..6usize, lie).prop_map(
        |(share, quiet, ahead, after_us, credits, lie)| Turn {
            share,
            quiet,
            ahead,
            after_us,
            credits,
            lie,
        },
    )
}

/// Plays it. At every moment: what is allowed is kept to, and whoever has nothing under way may send.
fn play(fixed: u64, turns: &[Turn]) {
    let mut now = Instant::now();
    let mut window = Window::new(fixed, now);
    let (mut in_flight, mut owed) = (0, VecDeque::new());
    let send = |window: &mut Window, bytes: u64, owed: &mut VecDeque<u64>, now| {
        window.sent(bytes, now);
        // Two extents, with zero pages between them.
        let one = bytes / 8192 * 4096;
        owed.extend([one, bytes - one].iter().filter(|&&part| part > 0));
        bytes
    };
    for turn in turns {
        if turn.ahead > 0 {
            in_flight += send(&mut window, turn.ahead * 4096, &mut owed, now);
        }
        loop {
            // As `write_bulk` does: what the target grants counts as well, and is all there is to a fixed window.
            let granted = if fixed > 0 { fixed } else { MOST };
            let credit = granted.saturating_sub(in_flight);
            let room = window.room(credit, turn.quiet).min(credit);
            if fixed == 0 {
                assert!(room == 0 || room >= 4096, "less than a page is no room");
                assert!(
                    room <= window.most(turn.quiet).saturating_sub(in_flight),
                    "{room} of {} with {in_flight} under way",
                    window.most(turn.quiet)
                );
                assert!(window.most(turn.quiet) <= MOST);
                assert!(turn.quiet || window.most(false) == window.size());
            }
            assert!(
                room >= 4096 || in_flight > 0,
                "nothing under way, and no room"
            );
            assert!((4096..=granted).contains(&window.size()));
            let bytes = ((room as f64 * turn.share) as u64).max(4096.min(room)) / 4096 * 4096;
            if bytes == 0 {
                break;
            }
            in_flight += send(&mut window, bytes, &mut owed, now);
        }
        now += Duration::from_micros(turn.after_us);
        for credit in owed.drain(..turn.credits.min(owed.len())) {
            in_flight -= credit;
            window.credited(credit, now);
        }
        if turn.lie > 0 {
            window.credited(u64::from(turn.lie), now);
            // From here on only the target's own room is at stake.
            in_flight = in_flight.saturating_sub(u64::from(turn.lie));
            owed.clear();
            owed.extend((in_flight > 0).then_some(in_flight));
        }
    }
    for credit in owed.drain(..) {
        window.credited(credit, now);
    }
    assert!(
        window.room(u64::MAX, false) >= 4096,
        "all is paid back, and nothing may be sent"
    );
}

fn fixed() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 1 => 4096..2_000_000u64]
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_window_lets_no_more_out_than_its_size_and_never_stands_still(fixed in fixed(), turns in vec(turn(false), 1..80)) {
        play(fixed, &turns);
    }

    #[test]
    fn a_target_that_pays_back_what_it_never_got_breaks_no_window(fixed in fixed(), turns in vec(turn(true), 1..80)) {
        play(fixed, &turns);
    }
}
