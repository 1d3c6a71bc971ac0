//! What a page server says when it cannot start: one sentence, exit code 1.

use serde_json::{Value, json};

use crate::support::dir::Dir;
use crate::support::process::Process;
use crate::support::ram::{self, Is};
use crate::support::session::SessionDir;

struct Scene {
    session: SessionDir,
    json: Value,
    dir: Dir,
}

fn scene(role: &str) -> Scene {
    let dir = Dir::new();
    let session = SessionDir::new(dir.at("session"));
    ram::make(&dir.at("ram"), 16, |_| Is::Data);
    let json = session.json(role, &"ab".repeat(32), &dir.at("ram"), 16);
    session.write(&json);
    Scene { session, json, dir }
}

fn refuses(scene: &Scene, verb: &str, word: &str) {
    let mut process = Process::pages(verb, &scene.session.path);
    assert_eq!(process.end().code(), Some(1), "{word}");
    let said = process.said();
    assert!(said.contains(word), "{word}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one sentence: {said}");
}

#[test]
fn a_truncated_session_is_refused_with_its_path() {
    let scene = scene("serve");
    let text = scene.json.to_string();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        std::fs::write(scene.session.at("session.json"), &text[..length]).expect("written");
        refuses(&scene, "serve", "session.json");
    }
    std::fs::remove_file(scene.session.at("session.json")).expect("removed");
    refuses(&scene, "serve", "session.json");
}

#[test]
fn every_key_of_a_session_is_needed_and_named() {
    let scene = scene("fetch");
    for key in scene.json.as_object().expect("an object").keys() {
        let mut broken = scene.json.clone();
        broken.as_object_mut().expect("an object").remove(key);
        scene.session.write(&broken);
        refuses(&scene, "fetch", key);
    }
}

#[test]
fn values_that_cannot_be_meant_are_refused() {
    let scene = scene("serve");
    for (key, value) in [
        ("engine", json!("postcpy")),
        ("role", json!("fetch")),
        ("handoff", json!("0f0e")),
        ("peerCertSha256", json!("xy".repeat(32))),
        ("ramBytes", json!(4095)),
        ("ramBytes", json!(0)),
        ("ramBytes", json!(1u64 << 60)),
        ("pageBytes", json!(65_536)),
        ("port", json!(65_536)),
        ("bulkWindowBytes", json!(100)),
        ("deviceLoadPages", json!([1, -1])),
        ("hotBlocks", json!([1.5])),
        ("hotBlocks", json!(vec![0; 257])),
        ("tls", json!("no")),
    ] {
        let mut broken = scene.json.clone();
        broken[key] = value;
        scene.session.write(&broken);
        refuses(&scene, "serve", key);
    }
}

#[test]
fn what_a_session_names_must_be_there() {
    let scene = scene("serve");
    std::fs::remove_file(scene.session.at("key.der")).expect("removed");
    refuses(&scene, "serve", "key.der");

    let scene = self::scene("serve");
    std::fs::write(scene.session.at("key.der"), b"no key").expect("written");
    refuses(&scene, "serve", "key.der");

    let scene = self::scene("fetch");
    std::fs::remove_file(scene.session.at("cert.der")).expect("removed");
    refuses(&scene, "fetch", "cert.der");

    let scene = self::scene("serve");
    std::fs::remove_file(scene.dir.at("ram")).expect("removed");
    refuses(&scene, "serve", "/ram");

    let scene = self::scene("serve");
    ram::make(&scene.dir.at("ram"), 15, |_| Is::Data);
    refuses(&scene, "serve", "65536");

    refuses(&scene, "sarve", "usage");
}

#[test]
fn init_makes_what_the_agent_expects_and_no_more() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let run = || {
        std::process::Command::new(env!("CARGO_BIN_EXE_shoal-pages"))
            .arg("init")
            .arg(dir.at("session"))
            .output()
            .expect("it runs")
    };
    let first = run();
    let said: Value = serde_json::from_slice(&first.stdout).expect("JSON");
    assert_eq!(said["certSha256"].as_str().map(str::len), Some(64));
    let mode = |name: &str| {
        let found = std::fs::metadata(dir.at("session").join(name)).expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!(
        (mode(""), mode("key.der"), mode("cert.der")),
        (0o700, 0o600, 0o600)
    );
    assert_eq!(run().status.code(), Some(1), "a key is never overwritten");
}
