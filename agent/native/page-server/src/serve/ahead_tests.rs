//! Pages ahead of the switch, whatever is written and cut meanwhile.

use super::*;

fn pages(runs: &[(u64, u64)]) -> Bitmap {
    let mut map = Bitmap::new(4096);
    for page in runs.iter().flat_map(|&(start, end)| start..end) {
        map.set(page);
    }
    map
}

fn list(map: &Bitmap) -> Vec<u64> {
    (0..map.len()).filter(|&page| map.get(page)).collect()
}

fn send_all(ahead: &mut Ahead) {
    while let Some((first, count)) = ahead.next_run(64) {
        ahead.sends(first, count, count * 4096);
        ahead.has_read();
        assert!(ahead.credited(count * 4096));
    }
}

#[test]
fn what_is_written_after_it_was_sent_is_due_again_and_stale_at_the_switch() {
    let mut ahead = Ahead::new(pages(&[(0, 1000)]));
    send_all(&mut ahead);
    ahead.written(&[(10, 12), (2000, 2001)]);
    let map = pages(&[(0, 500), (501, 1000), (2000, 2001)]);
    let (stale, there) = ahead.freeze(&map);
    assert_eq!(list(&stale), [10, 11, 500], "500 is a hole by now");
    assert_eq!(there.ones(), 997);
}

#[test]
fn what_was_under_way_when_the_link_was_lost_is_sent_again_whatever_arrived_of_it() {
    let mut ahead = Ahead::new(pages(&[(0, 128)]));
    for _ in 0..2 {
        let (first, count) = ahead.next_run(64).unwrap();
        ahead.sends(first, count, count * 4096);
        ahead.has_read();
    }
    assert!(ahead.credited(64 * 4096));
    ahead.unlinked();
    assert_eq!((ahead.due(), ahead.there()), (64, 64));
    send_all(&mut ahead);
    let (stale, there) = ahead.freeze(&pages(&[(0, 128)]));
    assert_eq!((stale.ones(), there.ones()), (0, 128));
}

#[test]
fn pages_that_are_read_and_not_sent_are_neither_stale_nor_there() {
    let mut ahead = Ahead::new(pages(&[(0, 64)]));
    assert_eq!(ahead.next_run(64), Some((0, 64)));
    assert!(!ahead.was_sent(5));
    let (stale, there) = ahead.freeze(&pages(&[(0, 64)]));
    assert_eq!((stale.ones(), there.ones()), (0, 0));
}

#[test]
fn what_is_being_read_at_the_switch_or_when_the_link_is_lost_counts_as_written() {
    for lost in [false, true] {
        let mut ahead = Ahead::new(pages(&[(0, 64)]));
        send_all(&mut ahead);
        ahead.written(&[(3, 5)]);
        assert!(ahead.passed());
        ahead.warm = false;
        assert_eq!(ahead.next_run(64), Some((3, 2)));
        if lost {
            ahead.unlinked();
        }
        let (stale, there) = ahead.freeze(&pages(&[(0, 64)]));
        assert_eq!((list(&stale), there.ones()), (vec![3, 4], 62));
    }
}

#[test]
fn passes_go_on_while_each_halves_what_is_due_and_end_when_little_is_left() {
    let mut ahead = Ahead::new(pages(&[(0, 4096)]));
    send_all(&mut ahead);
    ahead.written(&[(0, 2048)]);
    assert!(!ahead.passed());
    send_all(&mut ahead);
    ahead.written(&[(0, FEW)]);
    assert!(ahead.passed());
    assert_eq!(
        (ahead.next_run(64), ahead.due(), ahead.passes),
        (None, FEW, 2)
    );
}

#[test]
fn a_guest_that_writes_faster_than_the_link_takes_is_switched_after_one_pass() {
    let mut ahead = Ahead::new(pages(&[(0, 4096)]));
    send_all(&mut ahead);
    ahead.written(&[(0, 4000)]);
    assert!(ahead.passed());
    assert_eq!(ahead.there(), 96);
}

#[test]
fn what_is_stale_before_the_switch_is_told_before_it_and_again_if_the_link_was_lost_since() {
    for lost in [false, true] {
        let mut ahead = Ahead::new(pages(&[(0, 1000)]));
        send_all(&mut ahead);
        ahead.written(&[(0, 900), (2000, 2001)]);
        assert!(ahead.passed());
        assert_eq!(ahead.tell_stale().ones(), 900, "2000 was never sent");
        ahead.written(&[(950, 952)]);
        if lost {
            ahead.unlinked();
        }
        let (stale, there) = ahead.freeze(&pages(&[(0, 1000), (2000, 2001)]));
        let wanted = if lost { 902 } else { 2 };
        assert_eq!((stale.ones(), there.ones()), (wanted, 98));
    }
}

#[test]
fn without_a_last_sample_everything_that_was_sent_is_stale() {
    let mut ahead = Ahead::new(pages(&[(0, 100)]));
    assert_eq!(ahead.next_run(60), Some((0, 60)));
    ahead.sends(0, 60, 100_000);
    ahead.blind();
    let (stale, there) = ahead.freeze(&pages(&[(0, 100)]));
    assert_eq!((stale.ones(), there.ones()), (60, 0));
}

/// Found by the hostile peer: pages that no target had said it has were never sent again.
#[test]
fn a_credit_for_what_was_not_sent_is_seen_and_credits_nothing() {
    let mut ahead = Ahead::new(pages(&[(0, 100)]));
    assert_eq!(ahead.next_run(60), Some((0, 60)));
    ahead.sends(0, 60, 100_000);
    ahead.has_read();
    assert!(!ahead.credited(99_999));
    ahead.unlinked();
    assert_eq!((ahead.due(), ahead.there()), (100, 0));
    assert!(ahead.credited(99_999), "nothing is under way");
}
