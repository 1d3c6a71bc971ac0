//! Memory arrives, and is what it was.

use std::time::Duration;

use serde_json::{Value, json};
use shoal_pages::frame::Frame;

use crate::support::pair::{Pair, Target, Wants};
use crate::support::peer::Source;
use crate::support::proxy::BULK;
use crate::support::ram::{self, Is};
use crate::support::until;

/// Bulk that takes seconds, so that there are pages to wait for.
fn slow() -> Wants {
    Wants {
        keys: json!({ "bulkBytesPerSecond": 4 << 20 }),
        ..Wants::default()
    }
}

#[test]
fn all_data_pages_arrive_and_memory_is_identical_byte_by_byte() {
    // A window that adapts is small on a busy machine, and a frame for each few pages then counts.
    let wants = Wants {
        keys: json!({ "bulkWindowBytes": 256 << 10 }),
        ..Wants::default()
    };
    let mut pair = Pair::start(&wants);
    let held = (0..wants.pages)
        .filter(|&page| ram::usual(page) != Is::Hole)
        .count() as u64;
    assert_eq!(pair.freeze()["dataBytes"], held * ram::PAGE as u64);
    pair.arrived();
    assert_eq!(pair.fetch.stat("pagesDone"), held);
    let data = (0..wants.pages)
        .filter(|&page| ram::usual(page) == Is::Data)
        .count();
    assert_eq!(pair.serve.stat("dataBytes"), (data * ram::PAGE) as u64);
    let wire = pair.serve.stat("wireBytes");
    let most = (data * ram::PAGE) as u64 * 101 / 100;
    assert!(wire < most, "{wire} bytes for {data} pages, {most} at most");
}

#[test]
fn holes_and_zero_pages_read_as_zero_and_are_not_filled_before() {
    let mut pair = Pair::start(&Wants::default());
    pair.freeze();
    pair.fetch.event("complete");
    let data = (0..4096)
        .filter(|&page| ram::usual(page) == Is::Data)
        .count() as u64;
    assert_eq!(
        ram::held(&pair.target_ram),
        data,
        "a zero page was filled for nobody"
    );
    pair.arrived();

    let mut slow = Pair::start(&slow());
    slow.freeze();
    for page in [5, 9, 11, 800, 4095, 4085] {
        assert_eq!(
            slow.vmm.read(page),
            slow.right(page, ram::usual),
            "page {page}"
        );
    }
    assert!(slow.fetch.stat("zeroFaults") > 0);
    slow.arrived();
}

#[test]
fn a_fault_is_answered_while_bulk_runs() {
    let mut pair = Pair::start(&slow());
    pair.freeze();
    for page in (0..2048).step_by(97).map(|back| 2700 - back) {
        assert_eq!(
            pair.vmm.read(page),
            pair.right(page, ram::usual),
            "page {page}"
        );
    }
    assert!(
        pair.fetch
            .all(|line| line["event"] == "complete")
            .is_empty()
    );
    assert!(pair.fetch.ask("stats")["stats"]["faults"]["count"].as_u64() > Some(5));
    pair.arrived();
    let told = pair.fetch.ask("stats")["stats"].take();
    let sum = |list: &Value, of: &dyn Fn(&Value) -> u64| -> u64 {
        list.as_array().expect("a list").iter().map(of).sum()
    };
    let count = |value: &Value| value.as_u64().expect("a count");
    let faults = &told["faults"];
    assert_eq!(sum(&faults["buckets"], &count), count(&faults["count"]));
    assert!(sum(&told["blocked"], &|row| count(&row["faults"])) >= count(&faults["count"]));
    assert!(sum(&told["blocked"], &|row| count(&row["us"])) >= count(&faults["sumUs"]));
    let is_named = |row: &Value| row["thread"].as_str().is_some_and(|name| !name.is_empty());
    assert!(
        told["blocked"]
            .as_array()
            .is_some_and(|rows| rows.iter().all(is_named))
    );
    let payload = ["urgentBytes", "bulkBytes", "streamBytes"].map(|of| count(&told[of]));
    assert!(payload[0] > 0 && payload.iter().sum::<u64>() <= count(&told["wireBytes"]));
}

#[test]
fn a_page_that_the_guest_wrote_is_not_written_over_by_an_older_one_under_way() {
    let mut pair = Pair::start(&Wants {
        proxy: true,
        ..slow()
    });
    pair.freeze();
    until("the map is there", || pair.fetch.stat("pagesDone") > 0);
    pair.proxy().hold(BULK, true);
    let mut sent = 0;
    until("all credit is under way", || {
        std::thread::sleep(Duration::from_millis(300));
        let before = std::mem::replace(&mut sent, pair.serve.stat("dataBytes"));
        sent == before
    });
    let done = pair.fetch.stat("pagesDone") as usize;
    let held: Vec<u64> = (0..4096)
        .filter(|&page| ram::usual(page) != Is::Hole)
        .collect();
    let under_way = |page: &&u64| ram::usual(**page) == Is::Data;
    let pages: Vec<u64> = held[done + 4..]
        .iter()
        .filter(under_way)
        .take(3)
        .copied()
        .collect();
    for page in &pages {
        pair.vmm.ask(&format!("write {page} 119"));
    }
    pair.proxy().hold(BULK, false);
    pair.fetch.event("complete");
    for page in pages {
        assert_eq!(
            pair.vmm.read(page),
            ram::hash(&[119; ram::PAGE]),
            "page {page}"
        );
    }
}

#[test]
fn many_threads_that_wait_for_the_same_pages_all_go_on() {
    let mut pair = Pair::start(&slow());
    pair.freeze();
    let reads: Vec<String> = (0..6).map(|n| format!("read {}", 1700 + n * 3)).collect();
    for _ in 0..10 {
        reads.iter().for_each(|read| pair.vmm.tell(read));
    }
    for (n, read) in (0..6).zip(&reads) {
        until("ten threads go on", || pair.vmm.answers(read) == 10);
        assert_eq!(pair.vmm.answer(read), pair.right(1700 + n * 3, ram::usual));
    }
    assert!(
        pair.fetch
            .all(|line| line["event"] == "complete")
            .is_empty()
    );
    pair.arrived();
}

/// The next page that the target asks for.
fn asked(link: &mut Source) -> u64 {
    match link.urgent.next() {
        Ok(Frame::Fault { page }) => page,
        other => panic!("{other:?} is no request"),
    }
}

#[test]
fn threads_that_wait_for_one_page_cost_one_request_and_all_go_on() {
    let mut target = Target::start(&Wants::default());
    let json = target
        .source
        .json("serve", &target.session.cert_sha256, &target.ram, 4096);
    target.source.write(&json);
    let mut link = Source::link(&target.source.path, target.port, 1);
    link.announce(0b11110);
    let reads = [1, 2, 3, 4].map(|page| format!("read {page}"));
    for _ in 0..8 {
        reads[..3].iter().for_each(|read| target.vmm.tell(read));
    }
    until("all of them wait", || target.vmm.waiting() == 24);
    let mut first = [(); 3].map(|()| asked(&mut link));
    first.sort_unstable();
    assert_eq!(first, [1, 2, 3]);
    // Faults are told in their order (fs/userfaultfd.c): a second request for one of these would come before it.
    target.vmm.tell(&reads[3]);
    assert_eq!(asked(&mut link), 4);
    for page in [1, 2, 3, 4] {
        let data = &ram::page(page);
        link.urgent.send(&Frame::Page { page, data });
    }
    for (read, threads) in reads.iter().zip([8, 8, 8, 1]) {
        until("all of them go on", || target.vmm.answers(read) == threads);
    }
    assert_eq!(target.vmm.answer(&reads[0]), ram::hash(&ram::page(1)));
}

#[test]
fn the_device_load_set_is_there_before_it_is_touched() {
    let mut pair = Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": 8192, "deviceLoadPages": [2700, 7, 2702] }),
        ..Wants::default()
    });
    pair.freeze();
    until("the set is there", || pair.fetch.stat("pagesDone") >= 3);
    for page in [2700, 7, 2702] {
        assert_eq!(pair.vmm.read(page), pair.right(page, ram::usual));
    }
    assert_eq!(
        pair.fetch.ask("stats")["stats"]["deviceLoadPages"],
        json!([])
    );
    pair.vmm.read(2704);
    pair.fetch.ask("resumed");
    pair.vmm.read(2706);
    let recorded = &pair.fetch.ask("stats")["stats"]["deviceLoadPages"];
    assert_eq!(
        *recorded,
        json!([2704]),
        "for the next move of that machine type"
    );
}

#[test]
fn memories_of_one_page_of_zeros_and_of_nothing_arrive_too() {
    for (pages, is) in [
        (1, (|_| Is::Data) as fn(u64) -> Is),
        (64, |_| Is::Zero),
        (64, |_| Is::Hole),
        (1001, |page| if page % 2 == 0 { Is::Data } else { Is::Hole }),
    ] {
        let mut pair = Pair::start(&Wants {
            pages,
            is,
            ..Wants::default()
        });
        pair.freeze();
        pair.arrived();
    }
}
