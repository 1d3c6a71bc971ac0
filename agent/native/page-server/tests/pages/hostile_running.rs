//! A source that has the right key and means harm once its guest runs at the target, or to the target's page server itself.

use serde_json::json;
use shoal_pages::frame::{self, Frame};

use crate::restarts::again;
use crate::support::pair::{Target, Wants};
use crate::support::peer::Source;
use crate::support::ram::{self, PAGE};
use crate::support::until;

fn target(keys: serde_json::Value) -> (Target, Source) {
    let target = Target::start(&Wants {
        keys,
        ..Wants::default()
    });
    let peer = &target.session.cert_sha256;
    let json = target.source.json("serve", peer, &target.ram, 4096);
    target.source.write(&json);
    let link = Source::link(&target.source.path, target.port, 1);
    (target, link)
}

#[test]
fn a_page_server_that_took_over_takes_no_page_ahead_of_a_switch_that_has_come() {
    for took_over in [true, false] {
        let (mut target, mut link) = target(json!({ "engine": "warm" }));
        if took_over {
            link.announce(3);
            target.vmm.ask("write 7 9");
            drop(link);
            target.process.kill();
            (target.process, target.fetch) = again(&target.session, "fetch", Some(target.port));
            link = Source::link(&target.source.path, target.port, 1);
        } else {
            // No map was ever told, and the guest runs.
            target.fetch.ask("resumed");
        }
        let held = ram::held(&target.ram);
        let data = [0x66; PAGE];
        link.bulk.send(&Frame::Ahead {
            first: 7,
            data: &data,
        });
        assert!(link.bulk.is_ended() && link.urgent.is_ended());
        let down = target.fetch.peer(false);
        let detail = down["detail"].as_str().expect("a sentence");
        assert!(detail.contains("ahead that it may not"), "{detail}");
        assert_eq!(ram::held(&target.ram), held, "nothing is written");
        if took_over {
            assert_eq!(target.vmm.read(7), ram::hash(&[9; PAGE]));
        }
    }
}

#[test]
fn a_page_server_that_took_over_drops_no_page_of_the_running_guest() {
    let (mut target, mut link) = target(json!({ "engine": "warm" }));
    link.announce(3);
    target.vmm.ask("write 7 9");
    drop(link);
    target.process.kill();
    (target.process, target.fetch) = again(&target.session, "fetch", Some(target.port));
    let mut link = Source::link(&target.source.path, target.port, 1);
    link.bulk.send(&Frame::Stale {
        first: 0,
        bits: &[0x80],
    });
    link.announce(3);
    let fetch = &mut target.fetch;
    until("the map is there", || fetch.stat("dataPages") == 2);
    link.urgent.send(&Frame::PageZero { page: 0 });
    link.urgent.send(&Frame::PageZero { page: 1 });
    target.fetch.event("complete");
    assert_eq!(target.vmm.read(7), ram::hash(&[9; PAGE]));
}

fn resident_kib(target: &Target) -> u64 {
    let path = format!("/proc/{}/status", target.process.child.id());
    let status = std::fs::read_to_string(path).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|it| it.parse().ok()).expect("a figure")
}

#[test]
fn pages_that_come_again_and_again_take_no_more_memory_of_the_page_server() {
    let (mut target, mut link) = target(serde_json::Value::Null);
    for first in [0, 512, 1024] {
        link.bulk.send(&Frame::Map { first, bits: &[1] });
    }
    link.bulk.send(&Frame::MapEnd { data_pages: 3 });
    let fetch = &mut target.fetch;
    until("the map is there", || fetch.stat("dataPages") == 3);
    let zero = |page| frame::encode(&Frame::PageZero { page }).0;
    let both = [zero(0), zero(512)].concat();
    link.urgent.raw(&both);
    let before = resident_kib(&target);
    let many = both.repeat(2000);
    for _ in 0..500 {
        link.urgent.raw(&many);
    }
    link.urgent.raw(&zero(1024));
    target.fetch.event("complete");
    let more = resident_kib(&target).saturating_sub(before);
    assert!(more < 4096, "{more} KiB for the same two pages");
    assert!(target.process.is_alive());
}
