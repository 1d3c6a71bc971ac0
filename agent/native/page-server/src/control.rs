//! The control socket: newline-delimited JSON. Requests carry an id and get one answer; events go to every client, and
//! a new client is told the present state first, so that an agent that was restarted misses nothing.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::conn::lock;

/// A client that takes nothing for so long is dropped: it must not hold up the pages.
const STUCK: Duration = Duration::from_secs(2);
/// Out of descriptors: others may close theirs.
pub const ACCEPT_AGAIN: Duration = Duration::from_millis(10);
/// Longest request line.
pub const LINE_MAX: u64 = 64 << 10;

/// What can be asked of either side.
pub trait Commands: Send + Sync + 'static {
    /// Fields of the answer, or code and sentence.
    fn command(&self, name: &str) -> Result<Value, (&'static str, String)>;
}

#[derive(Default)]
struct State {
    clients: Vec<UnixStream>,
    /// The newest event of each kind that says how things stand, in the order in which they first came.
    standing: Vec<(String, Value)>,
}

#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<State>>);

impl Events {
    /// Tells everyone; kept for those who come later.
    pub fn standing(&self, event: Value) {
        let mut state = lock(&self.0);
        let name = event["event"].as_str().unwrap_or("").to_owned();
        match state.standing.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = event.clone(),
            None => state.standing.push((name, event.clone())),
        }
        broadcast(&mut state.clients, &event);
    }

    pub fn error(&self, code: &str, message: &str, fatal: bool) {
        eprintln!("shoal-pages: {code}: {message}");
        let event = json!({ "event": "error", "code": code, "message": message, "fatal": fatal });
        broadcast(&mut lock(&self.0).clients, &event);
    }

    fn join(&self, mut client: UnixStream) -> io::Result<()> {
        client.set_write_timeout(Some(STUCK))?;
        let mut state = lock(&self.0);
        for (_, event) in &state.standing {
            writeln!(client, "{event}")?;
        }
        state.clients.push(client);
        Ok(())
    }

    fn answer(&self, client: &UnixStream, answer: &Value) {
        // Under the same lock as events: two lines never mix.
        let _state = lock(&self.0);
        tell(client, &format!("{answer}\n"));
    }
}

fn broadcast(clients: &mut Vec<UnixStream>, event: &Value) {
    let line = format!("{event}\n");
    clients.retain(|client| tell(client, &line));
}

/// False: the client is dropped, for both ways; half a line may have gone out.
fn tell(mut client: &UnixStream, line: &str) -> bool {
    let told = client.write_all(line.as_bytes()).is_ok();
    if !told {
        let _ = client.shutdown(Shutdown::Both);
    }
    told
}

/// Listens for clients, each in a thread of its own.
pub fn listen(path: &Path, events: &Events, commands: &Arc<dyn Commands>) -> Result<(), String> {
    let _ = std::fs::remove_file(path);
    let listener =
        UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (events, commands) = (events.clone(), Arc::clone(commands));
    thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else {
                    thread::sleep(ACCEPT_AGAIN);
                    continue;
                };
                let (events, commands) = (events.clone(), Arc::clone(&commands));
                thread::spawn(move || serve(client, &events, &*commands));
            }
        })
        .map_err(|error| error.to_string())?;
    Ok(())
}

fn serve(client: UnixStream, events: &Events, commands: &dyn Commands) {
    let Ok(twin) = client.try_clone() else { return };
    if events.join(twin).is_err() {
        return;
    }
    let mut reader = BufReader::new(&client);
    let mut line = Vec::new();
    while let Ok(Some(length)) = next_line(&mut reader, &mut line) {
        let (answer, quits) = answer(length, &line, commands);
        events.answer(&client, &answer);
        if quits {
            std::process::exit(0);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Length {
    Fits,
    /// What follows was read and thrown away, up to the end of the line.
    TooLong,
}

/// The next line, without its end. `None`: there are no more.
pub fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Length>> {
    line.clear();
    // One for the end of the line.
    let most = LINE_MAX + 1;
    if reader.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() || line.len() as u64 <= LINE_MAX {
        return Ok(Some(Length::Fits));
    }
    loop {
        let rest = reader.fill_buf()?;
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (used, over) = (end.map_or(rest.len(), |at| at + 1), rest.is_empty());
        reader.consume(used);
        if end.is_some() || over {
            return Ok(Some(Length::TooLong));
        }
    }
}

/// The one answer to a line, and whether it was the last.
pub fn answer(length: Length, line: &[u8], commands: &dyn Commands) -> (Value, bool) {
    let refused = |id: Value, code: &str, message: &str| json!({ "id": id, "ok": false, "code": code, "message": message });
    if length == Length::TooLong {
        let message = format!("a line of more than {LINE_MAX} bytes: nothing of it was done");
        return (refused(Value::Null, "request", &message), false);
    }
    let request: Value = serde_json::from_slice(line).unwrap_or(Value::Null);
    let id = request["id"].clone();
    let Some(name) = request["cmd"].as_str() else {
        return (refused(id, "request", "no JSON object with a cmd"), false);
    };
    let answer = match commands.command(name) {
        Ok(mut fields) => {
            fields["id"] = id;
            fields["ok"] = true.into();
            fields
        }
        Err((code, message)) => refused(id, code, &message),
    };
    (answer, name == "quit")
}
