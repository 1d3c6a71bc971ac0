//! Memory that runs out, and a VMM that is gone.

use serde_json::json;

use crate::support::pair::{Pair, Wants};
use crate::support::ram;

#[test]
fn a_full_tmpfs_is_told_and_waited_for() {
    let wants = Wants {
        room: Some(2 << 20),
        ..Wants::default()
    };
    let mut pair = Pair::start(&wants);
    pair.freeze();
    let error = pair.fetch.error("no-memory");
    assert_eq!(error["fatal"], false, "{error}");
    assert!(
        pair.fetch
            .all(|line| line["event"] == "complete")
            .is_empty()
    );
    pair.vmm.tell("read 2700");
    pair.vmm.tell("read 800");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(pair.vmm.answered("read 2700"), None, "the guest waits");
    assert_eq!(
        pair.vmm.answered("read 800"),
        None,
        "a zero page takes room as well"
    );
    pair.vmm.ask(&format!("room {}", 64 << 20));
    assert_eq!(pair.vmm.answer("read 2700"), pair.right(2700, ram::usual));
    assert_eq!(pair.vmm.answer("read 800"), pair.right(800, ram::usual));
    pair.fetch.event("complete");
    let whole = std::fs::read(&pair.source_ram).expect("a RAM file");
    assert_eq!(pair.vmm.ask("sum"), ram::hash(&whole));
    assert!(
        pair.fetch.errors("no-memory").len() < 8,
        "told, not repeated"
    );
}

#[test]
fn a_vmm_that_dies_in_the_middle_ends_the_page_server_with_one_error() {
    let mut pair = Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": 4 << 20 }),
        ..Wants::default()
    });
    pair.freeze();
    pair.vmm.read(2700);
    pair.vmm.process.kill();
    assert_eq!(pair.fetch_process.end().code(), Some(1));
    let error = pair.fetch.error("memory");
    assert_eq!(error["fatal"], true, "{error}");
    assert!(pair.fetch_process.said().contains("the VMM is gone"));
    assert_eq!(
        pair.fetch_process.said().lines().count(),
        1,
        "{}",
        pair.fetch_process.said()
    );
    assert!(
        pair.serve_process.is_alive(),
        "the source decides nothing by itself"
    );
}
