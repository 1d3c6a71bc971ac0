//! When a target acknowledges blocks: not while its guest stands.

use shoal_pages::frame::Frame;

use crate::support::pair::{Target, Wants};
use crate::support::peer::{Peer, Source};
use crate::support::ram::page;

/// Acknowledgements that come before the next credit, which has to come.
fn acks_before_credit(bulk: &mut Peer) -> u64 {
    let mut acks = 0;
    loop {
        match bulk.next().expect("the target goes on") {
            Frame::Ack { .. } => acks += 1,
            Frame::Credit { .. } => return acks,
            other => panic!("{other:?} is neither an acknowledgement nor a credit"),
        }
    }
}

#[test]
fn a_target_acknowledges_nothing_while_its_guest_stands_and_all_that_is_whole_once_it_runs() {
    let mut target = Target::start(&Wants {
        keys: serde_json::json!({ "engine": "warm" }),
        ..Wants::default()
    });
    let json = target
        .source
        .json("serve", &target.session.cert_sha256, &target.ram, 4096);
    target.source.write(&json);
    let mut link = Source::link(&target.source.path, target.port, 1);
    let data = &page(0)[..];
    link.bulk.send(&Frame::Ahead { first: 0, data });
    assert_eq!(acks_before_credit(&mut link.bulk), 0);
    link.announce(0b1_1111);
    for first in [1, 2] {
        link.bulk.send(&Frame::Extent { first, data });
        assert_eq!(acks_before_credit(&mut link.bulk), 0, "of page {first}");
    }
    target.fetch.ask("resumed");
    let mut acks = 0;
    for first in [3, 4] {
        link.bulk.send(&Frame::Extent { first, data });
        acks += acks_before_credit(&mut link.bulk);
    }
    assert_eq!(acks, 7, "of eight blocks the others hold no data at all");
    let last = (
        link.bulk.next().is_ok_and(|frame| {
            frame
                == Frame::Ack {
                    first: 0,
                    count: 512,
                }
        }),
        link.bulk.next().is_ok_and(|frame| frame == Frame::Complete),
    );
    assert_eq!(last, (true, true));
}
