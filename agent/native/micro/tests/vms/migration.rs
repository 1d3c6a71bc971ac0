//! Two micro guests and the stream between them: what the handoff tables rely on, from outside.

use crate::vm::{Folder, MEMORY_MIB, Relay, Vm};
use serde_json::json;

/// A guest with a pattern in half of its memory, at work.
fn busy(folder: &Folder) -> Vm {
    let mut source = Vm::source(folder);
    assert_eq!(source.guest("fill 4"), "ok fill 4 1024");
    source.guest("touch 2000");
    source.guest("load 50");
    source
}

fn go_on(source: &mut Vm) {
    source.command("migrate-continue", json!({ "state": "pre-switchover" }));
}

const BEFORE_THE_SWITCH: [&str; 4] = ["setup", "active", "STOP", "pre-switchover"];

/// Of a numbered status.
fn boot_of(status: &str) -> String {
    let words: Vec<&str> = status.split(' ').collect();
    assert!(words[2].starts_with("ask="), "{status}");
    words[3].strip_prefix("boot=").unwrap().to_owned()
}

#[test]
fn a_vm_goes_to_and_fro_by_precopy_and_its_memory_is_whole() {
    let folder = Folder::new();
    let mut source = busy(&folder);
    let boot = boot_of(&source.guest("status 1"));
    for round in 0..10 {
        let side = ["target", "source"][round % 2];
        let mut target = Vm::start(&folder, side, &format!("{round}.ram"), true, "");
        source.prepare(false);
        target.prepare(false);
        let _relay = Relay::between(&mut source, &mut target, &folder);
        assert_eq!(source.events(), BEFORE_THE_SWITCH);
        assert_eq!(source.run_state(), "finish-migrate");
        assert_eq!(target.run_state(), "inmigrate");
        go_on(&mut source);
        assert_eq!(source.events(), ["device", "completed"]);
        source.becomes("postmigrate");
        assert_eq!(target.events(), ["setup", "active", "completed"]);
        assert_eq!(target.run_state(), "paused");
        target.command("cont", json!({}));
        assert_eq!(target.event(), "RESUME");
        assert_eq!(target.guest("verify 100"), "bad 0 of 1024");
        let status = target.guest("status 2");
        assert!(status.contains("load=50 touch=2000"));
        assert_eq!(boot_of(&status), boot, "a guest that moves does not boot");
        let sent = source.migration()["ram"]["transferred"].as_u64().unwrap();
        assert!((4 << 20..8 << 20).contains(&sent), "{sent} bytes");
        source.kill();
        source.end();
        source = target;
    }
}

#[test]
fn a_migration_that_ignores_shared_memory_carries_devices_only() {
    let folder = Folder::new();
    let mut source = busy(&folder);
    let mut target = Vm::target(&folder, "source.ram", "");
    source.prepare(true);
    target.prepare(true);
    let _relay = Relay::between(&mut source, &mut target, &folder);
    assert_eq!(source.events(), BEFORE_THE_SWITCH);
    go_on(&mut source);
    assert_eq!(source.events(), ["device", "completed"]);
    target.becomes("paused");
    target.command("cont", json!({}));
    assert_eq!(target.guest("verify 100"), "bad 0 of 1024");
    let sent = source.migration()["ram"]["transferred"].as_u64().unwrap();
    assert!(sent < 1000, "{sent} bytes");
}

#[test]
fn a_target_whose_memory_is_of_another_moment_refuses_the_state() {
    let folder = Folder::new();
    let mut source = busy(&folder);
    let mut target = Vm::target(&folder, "target.ram", "");
    source.prepare(true);
    target.prepare(true);
    let _relay = Relay::between(&mut source, &mut target, &folder);
    assert_eq!(source.events(), BEFORE_THE_SWITCH);
    go_on(&mut source);
    assert_eq!(target.events(), ["setup", "active", "failed"]);
    assert_eq!(target.end().code(), Some(1));
    assert_eq!(source.events(), ["device", "failed", "RESUME"]);
}

#[test]
fn sides_that_disagree_about_memory_fail_before_anything_is_loaded() {
    let folder = Folder::new();
    let mut source = busy(&folder);
    let mut target = Vm::target(&folder, "target.ram", "");
    source.prepare(false);
    target.prepare(true);
    let _relay = Relay::between(&mut source, &mut target, &folder);
    assert_eq!(target.events(), ["setup", "active", "failed"]);
    assert_eq!(target.end().code(), Some(1));
    assert_eq!(source.events(), BEFORE_THE_SWITCH);
    go_on(&mut source);
    assert_eq!(source.events(), ["device", "failed", "RESUME"]);
}

#[test]
fn a_wrong_page_is_found_by_the_guest() {
    let folder = Folder::new();
    let mut source = Vm::source(&folder);
    source.guest("fill 4");
    let ram = std::fs::OpenOptions::new()
        .write(true)
        .open(&source.ram)
        .unwrap();
    std::os::unix::fs::FileExt::write_all_at(&ram, &[0; 4096], 5 * 4096).unwrap();
    assert_eq!(source.guest("verify 100"), "bad 1 of 1024");
    assert_eq!(ram.metadata().unwrap().len(), (MEMORY_MIB << 20) as u64);
}
