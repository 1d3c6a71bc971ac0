//! Page servers that are killed in the middle and started again over the same session: no page is lost, none is older
//! than what the guest wrote meanwhile.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use serde_json::{Value, json};
use shoal_pages::frame::Lane;
use shoal_pages::session::{Role, Session};
use shoal_pages::tls;

use crate::support::control::Control;
use crate::support::pair::{Pair, Target, Wants};
use crate::support::peer::{Peer, Source, hello};
use crate::support::process::Process;
use crate::support::session::SessionDir;
use crate::support::{ram, until};

fn slow() -> Pair {
    Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": 4 << 20 }),
        proxy: true,
        ..Wants::default()
    })
}

/// As the agent does it: the socket of the dead one goes, its address stays.
pub fn again(session: &SessionDir, verb: &str, port: Option<u16>) -> (Process, Control) {
    listens_at(session, port);
    std::fs::remove_file(session.at("control.sock")).expect("the dead one's socket");
    let process = Process::pages(verb, &session.path);
    (process, Control::connect(&session.at("control.sock")))
}

fn listens_at(session: &SessionDir, port: Option<u16>) {
    let path = session.at("session.json");
    let mut json: Value =
        serde_json::from_slice(&std::fs::read(path).expect("a session")).expect("JSON");
    if let Some(port) = port {
        json["port"] = port.into();
    }
    session.write(&json);
}

pub fn port_of(pair: &Pair) -> u16 {
    pair.fetch.event("listening")["port"]
        .as_u64()
        .expect("a port") as u16
}

#[test]
fn a_page_server_of_the_target_that_was_killed_takes_the_descriptor_from_the_vmm_and_goes_on() {
    let mut pair = slow();
    let port = port_of(&pair);
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 100);
    pair.vmm.ask("write 7 9");
    let written = pair.vmm.read(7);
    pair.vmm.tell("read 2700");
    pair.fetch_process.kill();
    pair.vmm.tell("read 3804");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(pair.vmm.answered("read 3804"), None, "the guest waits");
    (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", Some(port));
    pair.fetch.event("registered");
    // One of them was read by the dead one, maybe; the other by nobody.
    for page in [2700, 3804] {
        let right = pair.right(page, ram::usual);
        assert_eq!(
            pair.vmm.answer(&format!("read {page}")),
            right,
            "page {page}"
        );
    }
    pair.fetch.event("complete");
    pair.serve.event("complete");
    assert_eq!(
        pair.vmm.read(7),
        written,
        "what the guest wrote is not sent over"
    );
    for page in (8..4096).step_by(61) {
        assert_eq!(
            pair.vmm.read(page),
            pair.right(page, ram::usual),
            "page {page}"
        );
    }
}

#[test]
fn a_page_server_that_knows_the_memory_by_another_name_takes_the_descriptor_all_the_same() {
    let mut pair = slow();
    let port = port_of(&pair);
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 100);
    pair.fetch_process.kill();
    let name = pair.target.path.with_file_name("another name");
    std::os::unix::fs::symlink(pair.target_ram.parent().expect("a directory"), &name)
        .expect("a link");
    let path = pair.target.at("session.json");
    let text = std::fs::read(path).expect("a session");
    let mut json: Value = serde_json::from_slice(&text).expect("JSON");
    json["ramFile"] = json!(name.join(pair.target_ram.file_name().expect("a name")));
    pair.target.write(&json);
    (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", Some(port));
    pair.fetch.event("registered");
    pair.arrived();
}

#[test]
fn a_page_server_that_cannot_take_the_descriptor_of_its_vmm_ends_so_that_it_is_started_again() {
    let mut pair = slow();
    let port = port_of(&pair);
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 100);
    pair.fetch_process.kill();
    listens_at(&pair.target, Some(port));
    // Its listener, /proc, and one more: that is the process, and no room for its descriptor.
    let mut poor = Process::pages_with(&pair.target.path, 6);
    assert_eq!(poor.end().code(), Some(1));
    assert!(poor.said().contains("descriptor"), "{}", poor.said());
    (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", Some(port));
    pair.arrived();
}

#[test]
fn a_page_server_of_the_target_that_is_killed_again_and_again_loses_no_page() {
    let mut pair = slow();
    let port = port_of(&pair);
    pair.freeze();
    let mut asked = vec![];
    for n in 0..8u64 {
        for page in (0..20).map(|m| (n * 20 + m) * 1009 % 4096) {
            pair.vmm.tell(&format!("read {page}"));
            asked.push(page);
        }
        pair.fetch_process.kill();
        (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", Some(port));
        until("pages come", || pair.fetch.stat("pagesDone") > 20);
    }
    for page in asked {
        let right = pair.right(page, ram::usual);
        assert_eq!(
            pair.vmm.answer(&format!("read {page}")),
            right,
            "page {page}"
        );
    }
    pair.arrived();
}

#[test]
fn a_page_server_that_is_killed_after_the_last_page_says_again_that_all_is_there() {
    let mut pair = Pair::start(&Wants::default());
    let port = port_of(&pair);
    pair.freeze();
    pair.arrived();
    pair.fetch_process.kill();
    (pair.fetch_process, pair.fetch) = again(&pair.target, "fetch", Some(port));
    pair.fetch.event("complete");
    ram::assert_same(&pair.source_ram, &pair.target_ram);
}

#[test]
fn a_page_server_of_the_source_that_was_killed_sends_the_rest_once_it_is_told_that_the_memory_stands()
 {
    let mut pair = slow();
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 100);
    pair.serve_process.kill();
    pair.vmm.tell("read 2700");
    (pair.serve_process, pair.serve) = again(&pair.source, "serve", None);
    pair.freeze();
    assert_eq!(pair.vmm.answer("read 2700"), pair.right(2700, ram::usual));
    pair.arrived();
}

/// The source's is killed in the middle, and started again without a word of freezing. Answers what the target had.
fn linked_again(pair: &mut Pair) -> u64 {
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 300);
    pair.serve_process.kill();
    let had = pair.fetch.stat("dataBytes");
    (pair.serve_process, pair.serve) = again(&pair.source, "serve", None);
    pair.serve.peer(true);
    had
}

#[test]
fn a_page_server_of_the_source_that_is_linked_before_it_is_told_to_freeze_sends_what_is_missing_and_no_more()
 {
    let mut pair = slow();
    let had = linked_again(&mut pair);
    pair.freeze();
    pair.arrived();
    let (data, sent) = (pair.fetch.stat("dataBytes"), pair.serve.stat("dataBytes"));
    assert!(
        had + sent < data + (1 << 20),
        "what had arrived was sent again: {had} and {sent} for {data}"
    );
    // Either side knows that the link took the place of a lost one.
    assert_eq!(pair.serve.stat("reconnects"), 1);
    assert_eq!(pair.fetch.stat("reconnects"), 1);
}

#[test]
fn a_fault_that_comes_before_a_page_server_was_told_again_to_freeze_waits_for_that() {
    let mut pair = slow();
    linked_again(&mut pair);
    pair.vmm.tell("read 3804");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(pair.vmm.answered("read 3804"), None, "the guest waits");
    pair.freeze();
    assert_eq!(pair.vmm.answer("read 3804"), pair.right(3804, ram::usual));
    pair.arrived();
    assert_eq!(pair.serve.errors("peer"), Vec::<Value>::new());
}

#[test]
fn a_page_that_the_file_of_the_source_gained_after_the_freeze_is_none_to_who_takes_over_either() {
    let mut pair = slow();
    pair.freeze();
    until("pages come", || pair.fetch.stat("pagesDone") > 100);
    pair.serve_process.kill();
    let ram = std::fs::File::options().write(true).open(&pair.source_ram);
    let ram = ram.expect("a RAM file");
    for hole in [800, 4000] {
        // As a read through a mapping does it.
        let at = hole * ram::PAGE as u64;
        ram.write_all_at(&[0; ram::PAGE], at).expect("room");
    }
    (pair.serve_process, pair.serve) = again(&pair.source, "serve", None);
    pair.freeze();
    pair.arrived();
    assert_eq!(pair.serve.errors("peer"), Vec::<Value>::new());
}

#[test]
fn a_connection_that_a_dead_source_left_alone_is_not_paired_with_one_of_the_next() {
    let target = Target::start(&Wants::default());
    let peer = &target.session.cert_sha256;
    let json = target.source.json("serve", peer, &target.ram, 4096);
    target.source.write(&json);
    let session = Session::load(&target.source.path, Role::Serve).expect("a session");
    let config = tls::client(&session).expect("a configuration");
    let mut left = Peer::client(target.port, config);
    left.send(&hello(&session, Lane::Urgent, 1));
    let tasks = format!("/proc/{}/task", target.process.child.id());
    until("it waits for its other half", || {
        let tasks = std::fs::read_dir(&tasks).expect("it is there").flatten();
        let names = tasks.map(|task| std::fs::read_to_string(task.path().join("comm")));
        names.flatten().all(|name| name.trim() != "lane")
    });
    drop(left);
    // The next one counts its attempts anew, and is greeted over both of its connections.
    Source::link(&target.source.path, target.port, 1);
    target.fetch.peer(true);
}
