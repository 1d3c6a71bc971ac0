//! Faults, pages, cut links, killed page servers and memory that is given back in any order (`move_world.rs`): nothing is lost,
//! nothing goes twice.

use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use super::move_world::{Event, World};
use super::source_model::{Is, Wish};
use crate::session::Order;

fn touch() -> impl Strategy<Value = Event> {
    (any::<u64>(), 0..6u32).prop_map(|(page, thread)| Event::Touch(page, thread))
}

fn cut() -> impl Strategy<Value = Event> {
    (0..6usize, 0..6usize).prop_map(|(urgent, bulk)| Event::Cut(urgent, bulk))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => touch(),
        10 => (1..=64u64).prop_map(Event::Bulk),
        10 => Just(Event::Answer),
        20 => Just(Event::Faults),
        60 => any::<usize>().prop_map(Event::Lane),
        8 => Just(Event::Link),
        3 => cut(),
        1 => Just(Event::RestartSource),
        1 => Just(Event::RestartTarget),
    ]
}

/// Whole blocks come, and go at the source, between one thing and another.
fn long_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => touch(),
        10 => (1..400u32).prop_map(Event::While),
        5 => Just(Event::Answer),
        5 => Just(Event::Faults),
        10 => any::<usize>().prop_map(Event::Lane),
        6 => Just(Event::Link),
        3 => cut(),
        12 => Just(Event::Acknowledged),
        6 => Just(Event::Release),
        8 => Just(Event::GiveBack),
        2 => Just(Event::RestartSource),
        4 => Just(Event::RestartTarget),
    ]
}

/// Up to 11 runs of up to so many.
fn pages(run: usize) -> impl Strategy<Value = Vec<Is>> {
    let run = move |is| (Just(is), 1..run);
    let runs = vec(
        prop_oneof![3 => run(Is::Data), 1 => run(Is::Zero), 1 => run(Is::Hole)],
        1..12,
    );
    runs.prop_map(|runs| {
        let pages = runs.into_iter().map(|(is, count)| vec![is; count]);
        pages.flatten().collect()
    })
}

/// Some of it within the memory, some not: the session file checks pages, nobody checks what is hot.
fn wish() -> impl Strategy<Value = Wish> {
    let order = prop_oneof![
        Just(Order::Sequential),
        Just(Order::Windows),
        Just(Order::Hot)
    ];
    let at = || prop_oneof![4 => 0..450u64, 1 => any::<u32>().prop_map(u64::from)];
    (vec(at(), 0..6), order, vec(at(), 0..30)).prop_map(|(first, order, hot)| Wish {
        first,
        order,
        hot,
    })
}

proptest! {
    #![proptest_config(cases(6000))]

    #[test]
    fn whatever_comes_in_whatever_order_every_page_arrives_once_and_no_thread_is_forgotten(
        is in pages(40), wish in wish(), events in vec(event(), 0..400),
    ) {
        all_arrives(&is, wish, &events);
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn no_page_of_a_block_that_is_given_back_is_missing_at_the_target_whoever_is_killed_meanwhile(
        is in pages(300), wish in wish(), events in vec(long_event(), 0..100),
    ) {
        all_arrives(&is, wish, &events);
    }
}

fn all_arrives(is: &[Is], wish: Wish, events: &[Event]) {
    let mut world = World::new(is, wish);
    world.link();
    for event in events {
        world.meets(event, is.len() as u64);
    }
    world.comes_right();
}
