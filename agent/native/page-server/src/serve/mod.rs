//! The source: reads the RAM file of the stopped guest and sends it, urgent pages first.

mod ahead;
mod bulk;
mod freeze;
mod give;
mod heat;
mod lanes;
mod link;
mod pace;
pub(crate) mod packing;
pub(crate) mod plan;
pub(crate) mod release;
mod stream;
mod tracked;
mod warm;
mod watch;
pub(crate) mod window;

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bitmap::Bitmap;
use crate::conn::lock;
use crate::control::{self, Commands, Events};
use crate::link::Link;
use crate::quiet::Quiet;
use crate::session::Session;
use crate::stats::Stats;
use crate::tls;
use ahead::Ahead;
use packing::Packing;
use plan::Plan;
use release::Release;
use stream::Stream;
use warm::Warm;
use watch::Watch;
use window::{MOST, Window};

/// A figure four times a second is live enough for people.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

#[derive(Default)]
struct State {
    link: Option<Arc<Link>>,
    attempt: u32,
    /// There has been a link: this is the right target, whatever comes over the next one.
    was_linked: bool,
    /// While the guest runs.
    ahead: Option<Ahead>,
    plan: Option<Plan>,
    /// What the target has, as it said when the present link began.
    settled: Option<Bitmap>,
    /// It knows the map, or has something: the memory was frozen before.
    was_frozen: bool,
    /// With the plan.
    release: Option<Release>,
    /// Memory is to be given back.
    releases: bool,
    /// With the plan: pages that cannot be read here any more.
    lost: Option<Bitmap>,
    /// The VMM's whole state has gone, or this page server was started when it had.
    switched: bool,
    /// Of what went ahead: told to the target with the map, and before it what is known to be stale then.
    stale: Option<Bitmap>,
    stale_early: Option<Bitmap>,
    map_sent: bool,
    /// Bytes that may go: a constant of this side at first (`first_credit`), then what the target has paid back.
    credit: i64,
    /// What of it is used. Of the present link.
    window: Option<Window>,
    /// Of the present link.
    quiet: Option<Quiet>,
    /// Of the present link; `None`: nothing is packed.
    packing: Option<Packing>,
    /// The target takes packed pages also ahead of the switch.
    packs_ahead: bool,
    stream: Stream,
    complete: bool,
}

pub struct Serve {
    session: Session,
    /// The same once it says where the target listens.
    peer: OnceLock<Session>,
    events: Events,
    state: Mutex<State>,
    changed: Condvar,
    /// Memory may be there to be given back.
    due: Condvar,
    watch: Mutex<Option<Watch>>,
    /// Locked before `state`.
    warm: Mutex<Option<Warm>>,
    /// Held by `freeze`, one at a time: of two that an agent and its successor ask for, the second finds what the first did.
    freezing: Mutex<()>,
    stats: Mutex<Stats>,
    ram: Option<File>,
}

/// Runs until it is told to quit.
pub fn run(session: Session) -> Result<(), String> {
    let ram = if session.postcopy {
        Some(open_ram(&session)?)
    } else {
        None
    };
    let _ = std::fs::remove_file(&session.stream_socket);
    let listener = UnixListener::bind(&session.stream_socket)
        .map_err(|error| format!("{}: {error}", session.stream_socket.display()))?;
    let control = session.dir.join("control.sock");
    if session.tls {
        tls::client(&session)?; // a key that is none is told of now, not when the target listens
    }
    let peer = OnceLock::new();
    if session.port != 0 {
        let _ = peer.set(session.clone()); // it is empty
    }
    let serve = Arc::new(Serve {
        session,
        peer,
        events: Events::default(),
        state: Mutex::default(),
        changed: Condvar::new(),
        due: Condvar::new(),
        watch: Mutex::default(),
        warm: Mutex::default(),
        freezing: Mutex::default(),
        stats: Mutex::default(),
        ram,
    });
    let commands: Arc<dyn Commands> = serve.clone();
    control::listen(&control, &serve.events, &commands)?;
    let [vmm, progress, release] = [(); 3].map(|()| Arc::clone(&serve));
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    named("vmm")
        .spawn(move || vmm.take_streams(&listener))
        .map_err(|error| error.to_string())?;
    named("progress")
        .spawn(move || progress.tell_progress())
        .map_err(|error| error.to_string())?;
    named("release")
        .spawn(move || release.give_back())
        .map_err(|error| error.to_string())?;
    serve.keep_linked()
}

/// # Errors
/// A file of another size: a page that it lacks could never be sent.
fn open_ram(session: &Session) -> Result<File, String> {
    let path = session.ram_file.display();
    let file = File::open(&session.ram_file).map_err(|error| format!("{path}: {error}"))?;
    let (found, wanted) = (file.metadata(), session.ram_bytes);
    let found = found.map_err(|error| format!("{path}: {error}"))?.len();
    if found == wanted {
        Ok(file)
    } else {
        Err(format!("{path} has {found} bytes, ramBytes is {wanted}"))
    }
}

impl Serve {
    fn tell_progress(&self) {
        loop {
            thread::sleep(PROGRESS_EVERY);
            lock(&self.stats).look(Instant::now());
            let under_way = {
                let state = lock(&self.state);
                (state.plan.is_some() || state.ahead.is_some() || state.stream.is_open())
                    && !state.complete
            };
            if under_way {
                self.events
                    .standing(json!({ "event": "progress", "stats": self.stats_json() }));
            }
        }
    }

    /// Something that no other link would change: the agent decides. The guest on the target waits.
    fn fatal(&self, code: &str, message: &str) -> ! {
        self.events.error(code, message, true);
        std::process::exit(1);
    }

    /// What goes over a link before the target has paid anything back: what the window may grow to. The target has no say in it.
    fn first_credit(&self) -> u64 {
        match u64::from(self.session.bulk_window_bytes) {
            0 => MOST,
            fixed => fixed,
        }
    }

    fn stats_json(&self) -> Value {
        let samples = self.samples();
        let live = {
            let state = lock(&self.state);
            let mut stats = lock(&self.stats);
            if let Some(plan) = &state.plan {
                stats.pages_done = stats.data_pages - plan.left.ones();
            }
            if let Some(ahead) = &state.ahead {
                stats.pages_done = ahead.there();
            }
            stats.samples = samples;
            stats.bulk_window_bytes = state.window.as_ref().map_or(0, Window::size);
            drop(stats);
            state.link.as_ref().map_or(0, |link| link.wire_bytes())
        };
        lock(&self.stats).json(live)
    }
}

impl Commands for Serve {
    fn command(&self, name: &str) -> Result<Value, (&'static str, String)> {
        match name {
            "freeze" => self.freeze(),
            "release" => self.release(),
            "watch" => Ok(self.watch()),
            "connect" => self.connect_now(),
            "warm" => self.warm(),
            "quit" => {
                self.end_watch();
                self.end_warm();
                Ok(json!({}))
            }
            "stats" => Ok(json!({ "stats": self.stats_json() })),
            _ => Err(("command", format!("there is no command {name}"))),
        }
    }
}
