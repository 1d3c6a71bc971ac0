//! The target: resolves the faults of the guest and takes in everything else behind them.

mod accept;
mod ahead;
pub(crate) mod book;
pub(crate) mod faults;
mod lanes;
mod link;
pub(crate) mod memory;
mod stream;

use std::fs::File;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::conn::lock;
use crate::control::{self, Commands, Events};
use crate::link::Link;
use crate::session::Session;
use crate::tls;
pub use book::Waiter;
use memory::Memory;
use stream::Stream;

/// Pages that are acknowledged together: 2 MiB, as much as is given back at once at the source.
pub const ACK_PAGES: u64 = 512;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

pub struct Fetch {
    session: Session,
    events: Events,
    memory: Memory,
    link: Mutex<Option<Arc<Link>>>,
    /// Held while `link` changes and that is told, so that the newest word is of how things stand.
    peer_told: Mutex<()>,
    stream: Mutex<Stream>,
    /// The RAM file for writing, and who writes: one after the other.
    ahead: Mutex<Option<File>>,
    stranger_told: Mutex<Option<Instant>>,
}

/// Runs until it is told to quit, or a fault ends it.
pub fn run(session: Session) -> Result<(), String> {
    let config = if session.tls {
        Some(tls::server(&session)?)
    } else {
        None
    };
    let address = (session.host.as_str(), session.port);
    let listener = TcpListener::bind(address)
        .map_err(|error| format!("{}:{}: {error}", session.host, session.port))?;
    let port = listener
        .local_addr()
        .map_err(|error| error.to_string())?
        .port();
    let events = Events::default();
    let fetch = Arc::new(Fetch {
        memory: Memory::new(session.pages(), events.clone()),
        session,
        events,
        link: Mutex::default(),
        peer_told: Mutex::default(),
        stream: Mutex::default(),
        ahead: Mutex::default(),
        stranger_told: Mutex::default(),
    });
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    if fetch.session.postcopy {
        let armed = if fetch.reclaim()? {
            None
        } else {
            Some(fetch.listen_for_descriptor()?)
        };
        let uffd = Arc::clone(&fetch);
        named("uffd")
            .spawn(move || uffd.take_descriptor(armed))
            .map_err(|error| error.to_string())?;
    }
    let commands: Arc<dyn Commands> = fetch.clone();
    fetch
        .events
        .standing(json!({ "event": "listening", "host": fetch.session.host, "port": port }));
    control::listen(
        &fetch.session.dir.join("control.sock"),
        &fetch.events,
        &commands,
    )?;
    let progress = Arc::clone(&fetch);
    named("progress")
        .spawn(move || progress.tell_progress())
        .map_err(|error| error.to_string())?;
    fetch.accept(&listener, config.as_ref())
}

impl Fetch {
    fn tell_progress(&self) {
        loop {
            thread::sleep(PROGRESS_EVERY);
            lock(&self.memory.stats).look(Instant::now());
            let streaming = lock(&self.stream).is_open();
            let under_way = {
                let book = lock(&self.memory.book);
                (book.map_known || streaming || book.settled.ones() > 0) && !book.complete
            };
            if under_way {
                self.events
                    .standing(json!({ "event": "progress", "stats": self.stats_json() }));
            }
        }
    }

    fn stats_json(&self) -> Value {
        let live = lock(&self.link)
            .as_ref()
            .map_or(0, |link| link.wire_bytes());
        lock(&self.memory.stats).json(live)
    }

    /// Something inside failed that must not be papered over: the guest waits, the agent decides.
    fn fatal(&self, code: &str, message: &str) -> ! {
        self.events.error(code, message, true);
        std::process::exit(1);
    }
}

impl Commands for Fetch {
    fn command(&self, name: &str) -> Result<Value, (&'static str, String)> {
        match name {
            "resumed" => {
                lock(&self.memory.book).resumed = true;
                Ok(json!({}))
            }
            "quit" => Ok(json!({})),
            "stats" => Ok(json!({ "stats": self.stats_json() })),
            _ => Err(("command", format!("there is no command {name}"))),
        }
    }
}
