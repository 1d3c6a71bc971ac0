//! What the running guest writes, from `watch` to `freeze`, for the order `hot`. Whatever it lacks for that, the move goes on.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::Serve;
use super::heat::Heat;
use super::tracked::Tracked;
use crate::conn::lock;
use crate::control::Events;
use crate::session::{Order, Session};

/// Samples come ever more seldom: a move may freeze in tens of milliseconds or in seconds, and each costs the guest a fault
/// (about a microsecond) for every page that it goes on writing.
const FIRST_AFTER: Duration = Duration::from_millis(5);
const AT_MOST_AFTER: Duration = Duration::from_millis(500);
/// `freeze` waits so long for the last sample, in which the guest stands. Without it, it goes by the one before.
const LAST_SAMPLE_MAX: Duration = Duration::from_millis(3);

pub struct Watch {
    heat: Arc<Mutex<Heat>>,
    stop: Sender<()>,
    sampled: Receiver<()>,
    over: Receiver<()>,
}

/// Until it is told to stop, with a last one then.
fn sample(
    tracked: &Tracked,
    heat: &Mutex<Heat>,
    stopped: &Receiver<()>,
    has_sampled: &Sender<()>,
) -> io::Result<()> {
    let mut after = FIRST_AFTER;
    loop {
        let last = stopped.recv_timeout(after) != Err(RecvTimeoutError::Timeout);
        let written = tracked.written()?;
        lock(heat).add(&written);
        if last {
            let _ = has_sampled.send(()); // nobody waits any more: it came too late
            // Letting go walks all page tables, and the guest stands now: when it runs again, or never, is early enough.
            let _ = stopped.recv(); // an error: nobody can say so any more
            return Ok(());
        }
        after = (after * 2).min(AT_MOST_AFTER);
    }
}

/// Once: that it is watched, or why it is not (any more).
pub(super) fn tell(events: &Events, why_not: Option<String>) {
    let (on, detail) = (why_not.is_none(), why_not.unwrap_or_default());
    if !on {
        eprintln!("shoal-pages: it is not known what the guest writes: {detail}");
    }
    events.standing(json!({ "event": "watch", "on": on, "detail": detail }));
}

impl Watch {
    fn begin(session: Session, events: Events) -> io::Result<Self> {
        let heat = Arc::new(Mutex::new(Heat::new(session.pages())));
        let (stop, stopped) = channel();
        let (has_sampled, sampled) = channel();
        let (is_over, over) = channel();
        let its = Arc::clone(&heat);
        let samples = move || {
            let _until_the_end: Sender<()> = is_over;
            match Tracked::begin(&session) {
                Ok(tracked) => {
                    tell(&events, None);
                    if let Err(error) = sample(&tracked, &its, &stopped, &has_sampled) {
                        tell(&events, Some(format!("no further sample: {error}")));
                    }
                }
                Err(why) => tell(&events, Some(why)),
            }
        };
        thread::Builder::new()
            .name("watch".to_owned())
            .spawn(samples)?;
        Ok(Self {
            heat,
            stop,
            sampled,
            over,
        })
    }
}

impl Serve {
    /// Begins; what became of it is an event, since it takes some time and nothing waits for it.
    pub(super) fn watch(&self) -> Value {
        let mut watch = lock(&self.watch);
        // What goes ahead takes samples of its own, and what one look has taken no other sees.
        let wanted = self.session.order == Order::Hot && self.ram.is_some() && !self.session.warm;
        if wanted && watch.is_none() && lock(&self.state).plan.is_none() {
            match Watch::begin(self.session.clone(), self.events.clone()) {
                Ok(begun) => *watch = Some(begun),
                Err(error) => tell(&self.events, Some(error.to_string())),
            }
        }
        json!({})
    }

    /// The guest stands: time for the last sample, which is taken meanwhile.
    pub(super) fn last_sample(&self) {
        if let Some(watch) = &*lock(&self.watch) {
            let _ = watch.stop.send(()); // it ended by itself, and has said why
        }
    }

    /// After `last_sample`: what the guest wrote most, block by block. Where no sample was had, what it faulted first when it
    /// came here, as far as the session tells.
    pub(super) fn hottest(&self) -> Vec<u64> {
        if let Some(watch) = &*lock(&self.watch) {
            let _ = watch.sampled.recv_timeout(LAST_SAMPLE_MAX);
            let heat = lock(&watch.heat);
            if heat.samples() > 0 {
                return heat.ranked();
            }
        }
        if self.session.order == Order::Hot {
            self.session.hot_blocks.clone()
        } else {
            Vec::new()
        }
    }

    /// Lets the guest write as before.
    pub(super) fn end_watch(&self) {
        if let Some(Watch { stop, over, .. }) = lock(&self.watch).take() {
            drop(stop);
            let _ = over.recv(); // an error: its thread is through
        }
    }

    pub(super) fn samples(&self) -> u64 {
        let watch = lock(&self.watch);
        watch
            .as_ref()
            .map_or(0, |watch| lock(&watch.heat).samples())
    }

    /// In all samples together.
    pub(super) fn written_pages(&self) -> u64 {
        let watch = lock(&self.watch);
        watch
            .as_ref()
            .map_or(0, |watch| lock(&watch.heat).written_pages())
    }
}
