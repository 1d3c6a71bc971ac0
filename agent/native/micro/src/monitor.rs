//! The monitor's socket: QMP's framing (QEMU docs/interop/qmp-spec.txt), one client at a time, events as they come.

use crate::ports::bind;
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest command; more is no QMP client.
const LINE_MAX_BYTES: u64 = 1 << 20;
/// A client that takes nothing for so long is dropped, or it would stop the VM's events.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// `{"error": {"class": …, "desc": …}}`
#[derive(Debug)]
pub struct QmpError {
    pub class: &'static str,
    pub desc: String,
}

impl From<String> for QmpError {
    fn from(desc: String) -> Self {
        Self {
            class: "GenericError",
            desc,
        }
    }
}

impl From<&str> for QmpError {
    fn from(desc: &str) -> Self {
        desc.to_owned().into()
    }
}

pub type Answer = Result<Value, QmpError>;
pub type Arguments = Map<String, Value>;

struct Client {
    stream: UnixStream,
    /// Left negotiation mode: gets events.
    negotiated: bool,
}

#[derive(Default)]
pub struct Monitor(Mutex<Option<Client>>);

impl Monitor {
    /// Tells the client, if there is one.
    pub fn event(&self, name: &str, data: Option<Value>) {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut event = json!({
            "timestamp": { "seconds": since.as_secs(), "microseconds": since.subsec_micros() },
            "event": name,
        });
        if let Some(data) = data {
            event["data"] = data;
        }
        let mut client = self.0.lock().unwrap();
        if client.as_ref().is_some_and(|client| client.negotiated) {
            write(&mut client, &event);
        }
    }

    fn say(&self, message: &Value) {
        write(&mut self.0.lock().unwrap(), message);
    }

    fn negotiated(&self) -> bool {
        let client = self.0.lock().unwrap();
        client.as_ref().is_some_and(|client| client.negotiated)
    }

    fn negotiate(&self) -> Answer {
        match &mut *self.0.lock().unwrap() {
            Some(client) if !client.negotiated => {
                client.negotiated = true;
                Ok(json!({}))
            }
            _ => Err(QmpError {
                class: "CommandNotFound",
                desc: "Capabilities negotiation is already complete, command ignored".to_owned(),
            }),
        }
    }
}

fn write(client: &mut Option<Client>, message: &Value) {
    let Some(Client { stream, .. }) = client else {
        return;
    };
    if stream
        .write_all(format!("{message}\r\n").as_bytes())
        .is_err()
    {
        // The reading side sees the end of it and lets the next client in.
        let _ = stream.shutdown(std::net::Shutdown::Both);
        *client = None;
    }
}

fn version() -> Value {
    json!({ "qemu": { "major": 7, "minor": 2, "micro": 0 }, "package": concat!("shoal-micro ", env!("CARGO_PKG_VERSION")) })
}

/// Serves clients, one after the other. `answered` is told each command that was done, when its answer is out. Errors
/// only at the start.
pub fn serve(
    path: &str,
    monitor: &Monitor,
    mut execute: impl FnMut(&str, &Arguments) -> Answer,
    answered: impl Fn(&str),
) -> Result<(), String> {
    let listener = bind(path)?;
    for stream in listener.incoming().flatten() {
        let Ok(read) = stream.try_clone() else {
            continue;
        };
        if stream.set_write_timeout(Some(WRITE_TIMEOUT)).is_err() {
            continue;
        }
        *monitor.0.lock().unwrap() = Some(Client {
            stream,
            negotiated: false,
        });
        monitor.say(&json!({ "QMP": { "version": version(), "capabilities": [] } }));
        converse(read, monitor, &mut execute, &answered);
        *monitor.0.lock().unwrap() = None;
    }
    Ok(())
}

/// One client, until it goes or sends what is no command's line.
fn converse(
    stream: UnixStream,
    monitor: &Monitor,
    execute: &mut impl FnMut(&str, &Arguments) -> Answer,
    answered: &impl Fn(&str),
) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader)
            .take(LINE_MAX_BYTES)
            .read_until(b'\n', &mut line)
        {
            Ok(read) if read > 0 && line.ends_with(b"\n") => (),
            _ => return,
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (request, answer) = match serde_json::from_slice::<Value>(&line) {
            Ok(request) => {
                let answer = handle(&request, monitor, execute);
                (request, answer)
            }
            Err(error) => (
                Value::Null,
                Err(format!("JSON parse error, {error}").into()),
            ),
        };
        let done = request["execute"].as_str().filter(|_| answer.is_ok());
        let mut message = match answer {
            Ok(value) => json!({ "return": value }),
            Err(error) => json!({ "error": { "class": error.class, "desc": error.desc } }),
        };
        if let Some(id) = request.get("id") {
            message["id"] = id.clone();
        }
        monitor.say(&message);
        if let Some(command) = done {
            answered(command);
        }
    }
}

fn handle(
    request: &Value,
    monitor: &Monitor,
    execute: &mut impl FnMut(&str, &Arguments) -> Answer,
) -> Answer {
    let none = Map::new();
    let members = request
        .as_object()
        .ok_or("QMP input must be a JSON object")?;
    if let Some(other) = members
        .keys()
        .find(|key| !["execute", "arguments", "id"].contains(&key.as_str()))
    {
        return Err(format!("QMP input member '{other}' is unexpected").into());
    }
    let command = members
        .get("execute")
        .ok_or("QMP input lacks member 'execute'")?
        .as_str()
        .ok_or("QMP input member 'execute' must be a string")?;
    let arguments = match members.get("arguments") {
        None => &none,
        Some(value) => value
            .as_object()
            .ok_or("QMP input member 'arguments' must be an object")?,
    };
    match (command, monitor.negotiated()) {
        ("qmp_capabilities", _) => monitor.negotiate(),
        (_, true) => execute(command, arguments),
        (_, false) => Err(QmpError {
            class: "CommandNotFound",
            desc: "Expecting capabilities negotiation with 'qmp_capabilities'".to_owned(),
        }),
    }
}
