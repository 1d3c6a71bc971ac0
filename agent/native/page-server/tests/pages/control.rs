//! Lines of the control socket that are no requests: one clear error each, and the next one is answered.

use serde_json::{Value, json};

use crate::hostile_target::Scene;
use crate::support::control::Control;

fn refusals(control: &Control) -> Vec<Value> {
    control.all(|line| line["code"] == "request")
}

/// After these bytes an honest request is answered; so many refusals came before it.
fn refused(bytes: &[u8], times: usize) -> Vec<Value> {
    let mut scene = Scene::start(&Value::Null);
    scene.control.raw(bytes);
    assert_eq!(scene.control.ask("stats")["ok"], true);
    let refusals = refusals(&scene.control);
    assert_eq!(refusals.len(), times, "{refusals:?}");
    refusals
}

#[test]
fn a_line_that_is_too_long_is_refused_once_and_the_next_one_is_answered() {
    for length in [65_537, 65_536 * 2, 65_536 * 3 + 7] {
        // It would hold whole requests, were it cut.
        let request = b"{\"id\":99,\"cmd\":\"stats\"} ";
        let mut line: Vec<u8> = request.iter().copied().cycle().take(length).collect();
        line.push(b'\n');
        let refusal = refused(&line, 1).swap_remove(0);
        assert_eq!(
            (&refusal["id"], &refusal["ok"]),
            (&Value::Null, &false.into())
        );
        let message = refusal["message"].as_str().expect("a sentence");
        assert!(message.contains("more than 65536 bytes"), "{message}");
    }
}

#[test]
fn a_line_of_just_the_length_that_is_allowed_is_a_request() {
    let mut scene = Scene::start(&Value::Null);
    let mut line = json!({ "id": "long", "cmd": "stats" }).to_string();
    line.push_str(&" ".repeat(65_536 - line.len()));
    scene.control.raw(format!("{line}\n").as_bytes());
    let answer = scene
        .control
        .wait("its answer", |line| line["id"] == "long");
    assert_eq!(answer["ok"], true);
}

#[test]
fn bytes_that_are_no_json_are_refused_line_by_line() {
    let deep = "[".repeat(20_000);
    let lines: [&[u8]; 6] = [
        b"",
        b"\xff\xfe{}",
        b"{\"id\":1,\"cmd\":\"quit\"",
        b"{\"cmd\":[\"quit\"]}",
        b"\"quit\"",
        deep.as_bytes(),
    ];
    refused(&[&lines.join(&b'\n')[..], b"\n"].concat(), lines.len());
}
