//! A source that is started before its target listens: it waits to be told where, and looks at its guest meanwhile.

use serde_json::json;

use crate::support::control::Control;
use crate::support::pair::{Target, Wants};
use crate::support::process::Process;
use crate::support::vmm::Vmm;
use crate::support::{ram, until};
use crate::watching::can_track;

#[test]
fn a_source_that_does_not_know_its_target_yet_watches_its_guest_and_links_when_it_is_told() {
    let target = Target::start(&Wants::default());
    let source_ram = target.dir.at("source.ram");
    ram::make(&source_ram, 4096, ram::usual);
    let mut guest = Vmm::start(
        &mut Vmm::command(&source_ram, 4096, None),
        &target.dir.at("guest.log"),
    );
    guest.mapped();
    let unknown = "00".repeat(32);
    let mut session = target.source.json("serve", &unknown, &source_ram, 4096);
    target.source.write(&session);
    let mut serve_process = Process::pages("serve", &target.source.path);
    let mut serve = Control::connect(&target.source.at("control.sock"));
    let refused = serve.ask("connect");
    assert_eq!(
        (&refused["ok"], &refused["code"]),
        (&json!(false), &json!("session"))
    );
    serve.ask("watch");
    if can_track() {
        assert_eq!(serve.event("watch")["on"], true);
        guest.ask("write 9 1");
        let seen = serve.stat("samples");
        until("samples are taken", || serve.stat("samples") > seen + 1);
    }
    assert_eq!(
        serve.all(|line| line["event"] == "peer"),
        Vec::<serde_json::Value>::new()
    );

    session["peerCertSha256"] = target.session.cert_sha256.clone().into();
    session["port"] = target.port.into();
    target.source.write(&session);
    assert_eq!(serve.ask("connect")["ok"], true);
    serve.peer(true);
    assert_eq!(serve.ask("connect")["ok"], true, "told twice");
    guest.process.halt();
    assert_eq!(serve.ask("freeze")["ok"], true);
    target.fetch.event("complete");
    serve.event("complete");
    ram::assert_same(&source_ram, &target.ram);
    assert!(serve_process.is_alive());
}
