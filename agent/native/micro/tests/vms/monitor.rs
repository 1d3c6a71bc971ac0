//! The monitor: what it knows, what it refuses, and how a VM ends.

use crate::vm::{Folder, Relay, Vm, connect};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};

#[test]
fn what_is_no_command_is_refused_with_qemus_words() {
    let folder = Folder::new();
    let mut vm = Vm::source(&folder);
    let (class, desc) = vm.refused("device_add", json!({}));
    assert_eq!(class, "CommandNotFound");
    assert_eq!(desc, "The command device_add has not been found");
    for (command, arguments, part) in [
        ("migrate", json!({}), "'uri' is missing"),
        ("migrate", json!({ "uri": 1 }), "expected: string"),
        ("migrate", json!({ "uri": "tcp:x:1" }), "unknown migration"),
        ("migrate-incoming", json!({ "uri": "unix:/x" }), "-incoming"),
        ("migrate-continue", json!({ "state": "device" }), "none"),
        ("cont", json!({ "now": true }), "'now' is unexpected"),
        ("announce-self", json!({ "initial": 50 }), "'max'"),
        ("migrate-set-parameters", json!({ "speed": 1 }), "'speed'"),
    ] {
        let (class, desc) = vm.refused(command, arguments);
        assert_eq!(class, "GenericError");
        assert!(desc.contains(part), "{command}: {desc}");
    }
    assert_eq!(vm.run_state(), "running");
}

#[test]
fn a_vm_stops_and_goes_on_and_says_so() {
    let folder = Folder::new();
    let mut vm = Vm::source(&folder);
    vm.guest("ticks 1");
    for _ in 0..50 {
        vm.command("stop", json!({}));
        vm.command("stop", json!({}));
        assert_eq!(vm.run_state(), "paused");
        vm.command("cont", json!({}));
    }
    let events = vm.events::<100>();
    assert!(events.chunks(2).all(|pair| *pair == ["STOP", "RESUME"]));
}

#[test]
fn cont_waits_for_what_loads_and_is_refused_while_a_migration_holds_the_guest() {
    let folder = Folder::new();
    let mut source = Vm::source(&folder);
    let mut target = Vm::target(&folder, "target.ram", "");
    let (_, desc) = target.refused("migrate", json!({ "uri": "unix:/x" }));
    assert!(desc.contains("waiting for an incoming"), "{desc}");
    source.prepare(false);
    target.prepare(false);
    target.command("cont", json!({}));
    let _relay = Relay::between(&mut source, &mut target, &folder);
    assert_eq!(
        source.events(),
        ["setup", "active", "STOP", "pre-switchover"]
    );
    let (_, desc) = source.refused("cont", json!({}));
    assert_eq!(desc, "Migration is not finalized yet");
    let (_, desc) = source.refused("migrate", json!({ "uri": "unix:/x" }));
    assert_eq!(desc, "There's a migration process in progress");
    let (_, desc) = target.refused("migrate-incoming", json!({ "uri": "unix:/x" }));
    assert!(desc.contains("already been started"), "{desc}");
    assert_eq!(target.run_state(), "inmigrate");
    source.command("migrate-continue", json!({ "state": "pre-switchover" }));
    target.becomes("running");
}

#[test]
fn the_next_client_of_the_monitor_is_served_when_the_first_is_gone() {
    let folder = Folder::new();
    let mut vm = Vm::source(&folder);
    let path = vm.sockets[0].clone();
    let mut next = BufReader::new(connect(&path));
    vm.command("query-status", json!({}));
    vm.hang_up();
    let mut line = String::new();
    next.read_line(&mut line).unwrap();
    assert!(line.contains("QMP"), "{line}");
    writeln!(next.get_mut(), "{{\"execute\": \"query-status\"}}").unwrap();
    line.clear();
    next.read_line(&mut line).unwrap();
    assert!(line.contains("capabilities negotiation"), "{line}");
}

#[test]
fn a_vm_that_quits_or_powers_off_takes_its_files_along_and_leaves_its_memory() {
    for (command, events) in [
        ("quit", &["SHUTDOWN"][..]),
        ("system_powerdown", &["POWERDOWN", "SHUTDOWN"]),
    ] {
        let folder = Folder::new();
        let mut vm = Vm::source(&folder);
        vm.command(command, json!({}));
        for event in events {
            assert_eq!(vm.event(), *event);
        }
        assert_eq!(vm.end().code(), Some(0));
        for path in &vm.sockets {
            assert!(!std::path::Path::new(path).exists(), "{path}");
        }
        assert!(std::path::Path::new(&vm.ram).exists());
    }
}

#[test]
fn a_power_button_waits_for_a_guest_that_is_stopped() {
    let folder = Folder::new();
    let mut vm = Vm::source(&folder);
    vm.command("stop", json!({}));
    vm.command("system_powerdown", json!({}));
    assert_eq!(vm.run_state(), "paused");
    // It may be off before the answer is out.
    vm.send("cont", json!({}));
    assert_eq!(vm.end().code(), Some(0));
}
