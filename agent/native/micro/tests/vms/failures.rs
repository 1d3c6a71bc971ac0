//! What breaks on the way: the guest runs on at the source unless the source knows that the target loaded everything.

use crate::vm::{Folder, Relay, Vm};
use serde_json::json;

/// Source and target in the middle of the switch, the guest stopped.
fn switching(folder: &Folder, fault: &str) -> (Vm, Vm, Relay) {
    let mut source = Vm::source(folder);
    source.guest("fill 4");
    source.guest("load 50");
    let mut target = Vm::target(folder, "target.ram", fault);
    source.prepare(false);
    target.prepare(false);
    let relay = Relay::between(&mut source, &mut target, folder);
    assert_eq!(
        source.events(),
        ["setup", "active", "STOP", "pre-switchover"]
    );
    (source, target, relay)
}

fn go_on(source: &mut Vm) {
    source.command("migrate-continue", json!({ "state": "pre-switchover" }));
}

#[test]
fn a_stream_cut_at_the_switch_fails_on_both_sides_and_the_source_resumes_by_itself() {
    let folder = Folder::new();
    let (mut source, mut target, relay) = switching(&folder, "");
    relay.cut();
    assert_eq!(target.events(), ["setup", "active", "failed"]);
    assert_eq!(target.end().code(), Some(1));
    go_on(&mut source);
    assert_eq!(source.events(), ["device", "failed", "RESUME"]);
    assert_eq!(source.run_state(), "running");
    assert!(source.migration()["error-desc"].is_string());
    assert_eq!(source.guest("verify 100"), "bad 0 of 1024");
}

#[test]
fn a_target_that_dies_when_all_is_loaded_leaves_the_guest_at_the_source() {
    let folder = Folder::new();
    let (mut source, mut target, _relay) = switching(&folder, "die-on-load");
    go_on(&mut source);
    assert_eq!(target.end().code(), Some(70));
    assert_eq!(source.events(), ["device", "failed", "RESUME"]);
}

#[test]
fn without_a_return_path_the_source_believes_a_dead_target() {
    let folder = Folder::new();
    let mut source = Vm::source(&folder);
    let mut target = Vm::target(&folder, "target.ram", "die-on-load");
    let _relay = Relay::between(&mut source, &mut target, &folder);
    assert_eq!(target.end().code(), Some(70));
    source.becomes("postmigrate");
    assert_eq!(source.migration()["status"], "completed");
}

#[test]
fn a_migration_that_is_cancelled_at_the_switch_lets_the_guest_run_and_can_be_tried_again() {
    let folder = Folder::new();
    let (mut source, _target, relay) = switching(&folder, "");
    source.command("migrate_cancel", json!({}));
    assert_eq!(source.events(), ["cancelling", "RESUME", "cancelled"]);
    assert_eq!(source.migration()["status"], "cancelled");
    relay.cut();
    let mut second = Vm::start(&folder, "second", "second.ram", true, "");
    second.prepare(false);
    let _relay = Relay::between(&mut source, &mut second, &folder);
    assert_eq!(
        source.events(),
        ["setup", "active", "STOP", "pre-switchover"]
    );
    go_on(&mut source);
    second.becomes("paused");
    source.becomes("postmigrate");
    second.command("cont", json!({}));
    assert_eq!(second.guest("verify 100"), "bad 0 of 1024");
}

#[test]
fn a_migration_to_nobody_fails_and_the_guest_never_stops() {
    let folder = Folder::new();
    let mut source = Vm::source(&folder);
    source.prepare(false);
    let uri = format!("unix:{}", folder.file("nobody"));
    source.command("migrate", json!({ "uri": uri }));
    assert_eq!(source.events(), ["setup", "failed"]);
    assert_eq!(source.run_state(), "running");
}

#[test]
fn a_stopped_source_that_takes_its_vm_back_runs_with_its_memory_whole() {
    let folder = Folder::new();
    let (mut source, mut target, _relay) = switching(&folder, "die-on-cont");
    go_on(&mut source);
    source.becomes("postmigrate");
    target.becomes("paused");
    let (_, desc) = source.refused("migrate", json!({ "uri": "unix:/x" }));
    assert!(desc.contains("paused due to previous migration"), "{desc}");
    target.kill();
    target.end();
    source.command("cont", json!({}));
    assert_eq!(source.guest("verify 100"), "bad 0 of 1024");
}

#[test]
fn a_target_that_refuses_cont_stays_paused() {
    let folder = Folder::new();
    let (mut source, mut target, _relay) = switching(&folder, "refuse-cont");
    go_on(&mut source);
    target.becomes("paused");
    let (class, desc) = target.refused("cont", json!({}));
    assert_eq!(class, "GenericError");
    assert!(desc.contains("lock"), "{desc}");
    assert_eq!(target.run_state(), "paused");
}

#[test]
fn the_double_run_of_the_fault_switch_is_seen_as_an_event() {
    let folder = Folder::new();
    let fault = "resume-after-postmigrate";
    let mut source = Vm::start(&folder, "source", "source.ram", false, fault);
    let mut target = Vm::target(&folder, "target.ram", "");
    source.prepare(false);
    target.prepare(false);
    let _relay = Relay::between(&mut source, &mut target, &folder);
    assert_eq!(
        source.events(),
        ["setup", "active", "STOP", "pre-switchover"]
    );
    go_on(&mut source);
    assert_eq!(source.events(), ["device", "completed", "RESUME"]);
    assert_eq!(source.run_state(), "running");
}
