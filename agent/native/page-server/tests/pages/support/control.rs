//! The agent's end of a control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::until;

pub struct Control {
    socket: UnixStream,
    lines: Arc<Mutex<Vec<Value>>>,
    asked: u64,
}

impl Control {
    pub fn connect(path: &Path) -> Self {
        let mut socket = None;
        until("a control socket answers", || {
            socket = UnixStream::connect(path).ok();
            socket.is_some()
        });
        let socket = socket.expect("connected just now");
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (twin, kept) = (
            socket.try_clone().expect("a descriptor"),
            Arc::clone(&lines),
        );
        thread::spawn(move || {
            let (mut reader, mut line) = (BufReader::new(twin), String::new());
            // One that is killed leaves half a line.
            while reader.read_line(&mut line).is_ok() && line.ends_with('\n') {
                let value = serde_json::from_str(&line).expect("a line is JSON");
                kept.lock().expect("lines").push(value);
                line.clear();
            }
        });
        Self {
            socket,
            lines,
            asked: 0,
        }
    }

    /// Everything that came and is so, in order.
    pub fn all(&self, is: impl Fn(&Value) -> bool) -> Vec<Value> {
        let lines = self.lines.lock().expect("lines");
        lines.iter().filter(|line| is(line)).cloned().collect()
    }

    /// The first line that is so, now or later.
    pub fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut found = vec![];
        until(what, || {
            found = self.all(&is);
            !found.is_empty()
        });
        found.swap_remove(0)
    }

    pub fn event(&self, name: &str) -> Value {
        self.wait(&format!("event {name}"), |line| line["event"] == name)
    }

    pub fn peer(&self, up: bool) -> Value {
        self.wait(&format!("peer {up}"), |line| {
            line["event"] == "peer" && line["up"] == up
        })
    }

    pub fn errors(&self, code: &str) -> Vec<Value> {
        self.all(|line| line["event"] == "error" && line["code"] == code)
    }

    pub fn error(&self, code: &str) -> Value {
        self.wait(&format!("error {code}"), |line| {
            line["event"] == "error" && line["code"] == code
        })
    }

    /// Bytes as they are. What comes of them is for the test to wait for.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("it listens");
    }

    pub fn ask(&mut self, command: &str) -> Value {
        self.asked += 1;
        let id = self.asked;
        writeln!(self.socket, "{}", json!({ "id": id, "cmd": command })).expect("it listens");
        self.wait(&format!("answer to {command}"), |line| line["id"] == id)
    }

    /// A figure of the page server.
    pub fn stat(&mut self, name: &str) -> u64 {
        let answer = self.ask("stats");
        answer["stats"][name].as_u64().expect("a figure")
    }
}
