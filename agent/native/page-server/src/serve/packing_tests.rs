//! Whether packing begins and ends where it should, in a model of a move.

use super::*;

#[path = "packing_model.rs"]
mod model;
use model::*;

#[test]
fn data_that_packs_is_packed_on_a_slow_link() {
    for link in [1.25, 12.5, 125.0] {
        let mut on = Move::new(Compression::Auto);
        on.send(400, over(link));
        assert!(
            on.packed as f64 > 0.9 * on.extents as f64,
            "{link}: {} of {}",
            on.packed,
            on.extents
        );
    }
}

#[test]
fn nothing_is_packed_on_a_link_that_is_faster_than_the_cpu() {
    for link in [500.0, 1250.0, 5000.0] {
        let mut off = Move::new(Compression::Auto);
        off.send(400, over(link));
        assert_eq!(off.packed, 0, "{link}");
        let (cost, sent) = (off.tried as f64 / TEXT.pack, off.extents as f64 / link);
        assert!(cost < 0.02 * sent, "tries take {cost} of {sent}");
    }
}

#[test]
fn data_that_does_not_pack_costs_less_than_a_fiftieth_to_find_out() {
    for pack in [200.0, 1000.0, 5000.0] {
        for link in [12.5, 125.0, 1000.0] {
            let mut off = Move::new(Compression::Auto);
            off.send(
                400,
                World {
                    link,
                    pack,
                    ..NOISE
                },
            );
            assert_eq!(off.packed, 0);
            let (cost, sent) = (off.tried as f64 / pack, off.extents as f64 / link);
            assert!(cost < 0.02 * sent, "{pack} {link}: {cost} of {sent}");
        }
    }
}

#[test]
fn other_data_is_seen_soon_both_ways() {
    let mut move_ = Move::new(Compression::Auto);
    move_.send(100, NOISE);
    move_.begin();
    move_.send(20, TEXT);
    assert!(move_.packed as f64 > 0.9 * move_.extents as f64);
    move_.begin();
    move_.send(20, NOISE);
    assert_eq!(move_.packed, 0, "what did not shrink goes as it was");
    assert!((move_.tried as f64) < 0.2 * move_.extents as f64);
}

#[test]
fn a_link_that_grows_faster_or_slower_than_packing_is_noticed() {
    let mut move_ = Move::new(Compression::Auto);
    move_.send(100, TEXT);
    let fast = over(2000.0);
    // As long as it takes for two measurements: extents are still packed, at what packing allows.
    move_.send(20_000, fast);
    move_.begin();
    move_.send(2000, fast);
    assert_eq!(move_.packed, 0);
    move_.send(40, TEXT);
    move_.begin();
    move_.send(40, TEXT);
    assert!(move_.packed > 0);
}

#[test]
fn on_packs_everything_that_shrinks_and_off_nothing() {
    let fast = over(5000.0);
    let mut on = Move::new(Compression::On);
    on.send(10, fast);
    assert_eq!(on.packed, on.extents);
    on.begin();
    on.send(10, NOISE);
    assert_eq!((on.tried, on.packed), (on.extents, 0));
    let now = Instant::now();
    assert!(Packing::new(Compression::Off, true, 0, now).is_none());
    assert!(Packing::new(Compression::On, false, 0, now).is_none());
}

#[test]
fn extents_grow_by_what_packing_saves_but_never_by_more_than_four() {
    let mut move_ = Move::new(Compression::Auto);
    assert_eq!(move_.packing.fit(4096), 4096);
    move_.send(20, TEXT);
    let fits = move_.packing.fit(8192);
    assert!((16_000..16_600).contains(&fits), "{fits}");
    move_.send(
        20,
        World {
            ratio: 0.01,
            ..TEXT
        },
    );
    assert_eq!(move_.packing.fit(8192), 32_768);
    move_.send(20, NOISE);
    assert_eq!(move_.packing.fit(8192), 8192);
}

#[test]
fn one_try_or_one_unpacking_that_was_held_up_costs_little_whenever_it_comes() {
    let world = over(125.0);
    for held_up in [(1000.0, 1.0), (1.0, 1000.0), (1000.0, 1000.0)] {
        let mut early = Move::new(Compression::Auto);
        early.held_up = held_up;
        early.send(100, world);
        let (packed, extents) = (early.packed, early.extents);
        assert!(
            packed as f64 > 0.8 * extents as f64,
            "{held_up:?}: {packed}"
        );
        early.held_up = held_up;
        early.begin();
        early.send(60, world);
        let (packed, extents) = (early.packed, early.extents);
        assert!(
            packed as f64 > 0.95 * extents as f64,
            "{held_up:?}: {packed}"
        );
    }
}

#[test]
fn a_target_that_takes_long_to_unpack_is_spared_and_asked_again_now_and_then() {
    let world = World {
        link: 125.0,
        unpack: 100.0,
        ..TEXT
    };
    let mut move_ = Move::new(Compression::Auto);
    move_.send(400, world);
    assert!(
        (move_.packed as f64) < 0.1 * move_.extents as f64,
        "{}",
        move_.packed
    );
    move_.send(
        200,
        World {
            unpack: 2000.0,
            ..world
        },
    );
    move_.begin();
    move_.send(
        50,
        World {
            unpack: 2000.0,
            ..world
        },
    );
    assert!(
        move_.packed as f64 > 0.9 * move_.extents as f64,
        "{}",
        move_.packed
    );
}

#[test]
fn packing_that_turns_out_slower_is_left_whatever_tries_promise_and_found_again_later() {
    let world = over(125.0);
    let mut move_ = Move::new(Compression::Auto);
    // Twice the time that a plain extent takes.
    move_.stall = Duration::from_micros(200);
    move_.send(600, world);
    let (packed, extents) = (move_.packed, move_.extents);
    assert!(
        (packed as f64) < 0.4 * extents as f64,
        "{packed} of {extents}"
    );
    move_.stall = Duration::ZERO;
    move_.send(40, world);
    move_.begin();
    move_.send(60, world);
    let (packed, extents) = (move_.packed, move_.extents);
    assert!(
        packed as f64 > 0.9 * extents as f64,
        "{packed} of {extents}"
    );
}

#[test]
fn a_fast_link_that_stood_for_a_moment_is_not_taken_for_a_slow_one() {
    let world = over(1000.0);
    let mut move_ = Move::new(Compression::Auto);
    for _ in 0..20 {
        move_.send(40, world);
        move_.now += Duration::from_millis(300);
    }
    assert_eq!(move_.packed, 0);
}

#[test]
fn a_cap_is_a_slow_link_though_what_was_late_is_made_up_for_as_fast_as_the_link_is() {
    let bursts = |cap| {
        let mut move_ = Move::capped(Compression::Auto, cap);
        for _ in 0..20 {
            move_.send(40, over(1000.0));
            move_.now += Duration::from_millis(300);
        }
        move_.packed as f64 / move_.extents as f64
    };
    assert_eq!(bursts(0), 0.0);
    let packed = bursts(10_000_000);
    // The first four are what the link is measured with.
    assert!(packed > 0.8, "{packed}");
}
