//! A source that has the right key and means harm: its link ends with one clear error, and nothing is written.

use serde_json::{Value, json};
use shoal_pages::frame::Frame;
use shoal_pages::packed::Packer;

use crate::support::pair::{Target, Wants};
use crate::support::peer::Source;
use crate::support::ram::{self, PAGE};

type Harm = fn(&mut Source);

/// What is sent, and a word of the error. Pages 0 and 1 are announced before, but where the map is the harm.
const HARMS: [(&str, Harm); 24] = [
    ("a frame of 2147483647 bytes", |link| {
        link.announce(3);
        link.bulk.raw(&[0xff, 0xff, 0xff, 0x7f, 8]);
    }),
    ("a frame of 2147483647 bytes", |link| {
        link.announce(3);
        link.urgent.raw(&[0xff, 0xff, 0xff, 0x7f, 12]);
    }),
    ("unknown type 99", |link| link.bulk.raw(&[0, 0, 0, 0, 99])),
    ("type 9 with a wrong length", |link| {
        link.bulk.raw(&[1, 0, 0, 0, 9, 0]);
    }),
    ("never announced", |link| {
        link.announce(3);
        extent(link, 4096, PAGE);
    }),
    ("never announced", |link| {
        link.announce(3);
        extent(link, u64::MAX, PAGE);
    }),
    ("never announced", |link| {
        link.announce(3);
        extent(link, 1, 2 * PAGE);
    }),
    ("never announced", |link| {
        link.announce(3);
        extent(link, 0, PAGE + 1);
    }),
    ("never announced", |link| extent(link, 0, PAGE)),
    ("never announced", |link| {
        link.announce(3);
        page(link, 2, PAGE);
    }),
    ("never announced", |link| {
        link.announce(3);
        page(link, 0, 2 * PAGE);
    }),
    ("never announced", |link| {
        link.announce(3);
        link.urgent.send(&Frame::PageZero { page: 1 << 60 });
    }),
    ("never announced", |link| zeros(link, 0, u32::MAX)),
    ("never announced", |link| {
        link.announce(3);
        zeros(link, 1, 2);
    }),
    ("never announced", |link| zeros(link, 0, 1)),
    ("never announced", |link| packed(link, 0, 1, 1)),
    ("never announced", |link| {
        link.announce(3);
        packed(link, u64::MAX, 2, 2);
    }),
    // A bomb: what it says it holds is all that there is room for.
    ("does not hold its pages", |link| {
        link.announce(3);
        packed(link, 0, 1, 256);
    }),
    ("does not hold its pages", |link| {
        link.announce(3);
        packed(link, 0, 2, 1);
    }),
    ("of no pages, or of too many", |link| {
        link.announce(3);
        packed(link, 0, u32::MAX, 2);
    }),
    ("lost pages", |link| {
        link.bulk.send(&Frame::Map {
            first: 0,
            bits: &[7],
        });
        link.bulk.send(&Frame::MapEnd { data_pages: 4 });
    }),
    ("outside the memory", |link| {
        link.bulk.send(&Frame::Map {
            first: 4088,
            bits: &[1, 1],
        });
        link.bulk.send(&Frame::MapEnd { data_pages: 1 });
    }),
    ("outside the memory", |link| {
        link.bulk.send(&Frame::Map {
            first: u64::MAX - 7,
            bits: &[0, 3],
        });
        link.bulk.send(&Frame::MapEnd { data_pages: 0 });
    }),
    ("only a target sends", |link| {
        link.bulk.send(&Frame::Credit { bytes: 1 });
    }),
];

fn extent(link: &mut Source, first: u64, bytes: usize) {
    let data = vec![0x66; bytes];
    link.bulk.send(&Frame::Extent { first, data: &data });
}

/// A block of `holds` pages that is said to be one of `count`.
fn packed(link: &mut Source, first: u64, count: u32, holds: usize) {
    let mut packer = Packer::default();
    link.bulk.send(&Frame::Packed {
        first,
        count,
        block: packer.pack(&vec![0x66; holds * PAGE]),
    });
}

fn page(link: &mut Source, page: u64, bytes: usize) {
    let data = vec![0x66; bytes];
    link.urgent.send(&Frame::Page { page, data: &data });
}

fn zeros(link: &mut Source, first: u64, count: u32) {
    link.bulk.send(&Frame::Zeros { first, count });
}

/// The same where pages may go ahead of the switch.
const HARMS_WARM: [(&str, Harm); 10] = [
    ("ahead that it may not", |link| ahead(link, 4096, PAGE)),
    ("ahead that it may not", |link| ahead(link, u64::MAX, PAGE)),
    ("ahead that it may not", |link| ahead(link, 0, PAGE + 1)),
    ("ahead that it may not", |link| {
        link.announce(3);
        ahead(link, 0, PAGE);
    }),
    ("ahead that it may not", |link| {
        ahead_packed(link, 4095, 2, 2)
    }),
    ("ahead that it may not", |link| {
        link.announce(3);
        ahead_packed(link, 0, 2, 2);
    }),
    ("does not hold its pages", |link| {
        ahead_packed(link, 0, 1, 256);
    }),
    ("of no pages, or of too many", |link| {
        ahead_packed(link, 0, u32::MAX, 2);
    }),
    ("outside the memory", |link| {
        link.bulk.send(&Frame::Stale {
            first: 4088,
            bits: &[1, 1],
        });
    }),
    ("outside the memory", |link| {
        link.bulk.send(&Frame::Stale {
            first: u64::MAX - 7,
            bits: &[0, 3],
        });
    }),
];

fn ahead(link: &mut Source, first: u64, bytes: usize) {
    let data = vec![0x66; bytes];
    link.bulk.send(&Frame::Ahead { first, data: &data });
}

fn ahead_packed(link: &mut Source, first: u64, count: u32, holds: usize) {
    let mut packer = Packer::default();
    link.bulk.send(&Frame::AheadPacked {
        first,
        count,
        block: packer.pack(&vec![0x66; holds * PAGE]),
    });
}

fn harmed(harms: &[(&str, Harm)], keys: &Value) {
    for (at, (word, harm)) in harms.iter().enumerate() {
        let mut target = Target::start(&Wants {
            keys: keys.clone(),
            ..Wants::default()
        });
        let peer = &target.session.cert_sha256;
        let json = target.source.json("serve", peer, &target.ram, 4096);
        target.source.write(&json);
        let mut link = Source::link(&target.source.path, target.port, 1);
        harm(&mut link);
        assert!(link.bulk.is_ended() && link.urgent.is_ended());
        let down = target.fetch.peer(false);
        let detail = down["detail"].as_str().expect("a sentence");
        assert!(detail.contains(word), "harm {at}: {detail}");
        let told = target.fetch.all(|line| line["up"] == false).len();
        assert_eq!(told, 1, "harm {at}: one error");
        assert_eq!(ram::held(&target.ram), 0, "harm {at}: nothing is written");
        assert!(target.process.is_alive(), "harm {at}");
    }
}

#[test]
fn frames_that_are_none_end_the_link_and_write_nothing() {
    harmed(&HARMS[..4], &Value::Null);
}

#[test]
fn pages_that_were_never_announced_end_the_link_and_write_nothing() {
    harmed(&HARMS[4..20], &Value::Null);
}

#[test]
fn maps_that_cannot_be_true_end_the_link_and_write_nothing() {
    harmed(&HARMS[20..], &Value::Null);
}

#[test]
fn packed_pages_that_this_side_said_it_does_not_take_end_the_link_and_write_nothing() {
    let harm: (&str, Harm) = ("does not take", |link| {
        link.announce(3);
        packed(link, 0, 2, 2);
    });
    harmed(&[harm], &json!({ "compression": "off" }));
    let ahead: (&str, Harm) = ("does not take", |link| ahead_packed(link, 0, 2, 2));
    harmed(&[ahead], &json!({ "compression": "off", "engine": "warm" }));
}

#[test]
fn pages_ahead_of_the_switch_end_the_link_where_they_may_not_be() {
    harmed(&HARMS_WARM, &json!({ "engine": "warm" }));
    let harms: [(&str, Harm); 2] = [
        ("ahead that it may not", |link| ahead(link, 0, PAGE)),
        ("outside the memory", |link| {
            link.bulk.send(&Frame::Stale {
                first: 0,
                bits: &[1],
            });
        }),
    ];
    harmed(&harms, &Value::Null);
}

#[test]
fn a_map_that_lacks_what_went_ahead_ends_the_link() {
    let target = Target::start(&Wants {
        keys: json!({ "engine": "warm" }),
        ..Wants::default()
    });
    let peer = &target.session.cert_sha256;
    let json = target.source.json("serve", peer, &target.ram, 4096);
    target.source.write(&json);
    let mut link = Source::link(&target.source.path, target.port, 1);
    ahead(&mut link, 7, PAGE);
    link.announce(3);
    assert!(link.bulk.is_ended());
    let down = target.fetch.peer(false);
    let detail = down["detail"].as_str().expect("a sentence");
    assert!(detail.contains("lost pages"), "{detail}");
}

#[test]
fn the_right_source_is_served_after_a_hostile_one() {
    let target = Target::start(&Wants::default());
    let peer = &target.session.cert_sha256;
    let json = target.source.json("serve", peer, &target.ram, 4096);
    target.source.write(&json);
    let mut link = Source::link(&target.source.path, target.port, 1);
    // A map that never came to its end must leave nothing behind.
    link.bulk.send(&Frame::Map {
        first: 2048,
        bits: &[0xff; 256],
    });
    zeros(&mut link, 0, 1);
    assert!(link.bulk.is_ended());
    let mut pair = target.pair(&Wants::default());
    pair.freeze();
    pair.arrived();
}
