//! The guest: one vCPU thread that runs the workload's engine on the RAM file, and its ticks.

use crate::device_state::DeviceState;
use crate::ledger::{self, Ledger};
use crate::memory::Memory;
use crate::ports::Ports;
use shoal_workload::command::{self, Command};
use shoal_workload::engine::{Engine, Rest};
use shoal_workload::pattern::Random;
use shoal_workload::pool::Pool;
use shoal_workload::ticker::Ticker;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

/// What wakes the vCPU. All of it waits while the guest is held, as bytes wait in a serial port that nobody reads.
enum Interrupt {
    Line(usize, String),
    /// Something other than a line changed: look again.
    Wake,
    PowerButton(Box<dyn FnOnce() + Send>),
}

#[derive(Default)]
struct Hold {
    wanted: bool,
    held: bool,
}

pub struct Guest {
    memory: Arc<Memory>,
    engine: Mutex<Engine>,
    seed: u64,
    /// Of the run ledger, and what `status` gives as its boot; changes only while the guest is held.
    life: AtomicU64,
    ledger: Ledger,
    ticker: Ticker,
    ports: Arc<Ports>,
    hold: Mutex<Hold>,
    changed: Condvar,
    /// Ends the vCPU's present period early.
    stop: AtomicBool,
    interrupts: Sender<Interrupt>,
}

impl Guest {
    /// A guest that is held, with nothing filled. The VM's name seeds the pattern: pages of two VMs never look alike.
    pub fn start(memory: Arc<Memory>, name: &str, ports: Arc<Ports>, ledger: Ledger) -> Arc<Self> {
        let seed = name.bytes().fold(1, |seed, byte| {
            Random::new(seed ^ u64::from(byte) << 40).word()
        });
        let provided = memory.clone();
        let provide = Box::new(move |bytes: usize| {
            let most = provided.pool_bytes();
            match bytes <= most {
                // SAFETY: the engine replaces its pool by this one.
                true => Ok(unsafe { provided.pool(seed, 0) }),
                false => Err(format!("the guest has {} MiB to spare", most >> 20)),
            }
        });
        // SAFETY: the first pool; `provide` and `restore` replace it.
        let pool = unsafe { memory.pool(seed, 0) };
        let (interrupts, arriving) = channel();
        let guest = Arc::new(Self {
            memory,
            engine: Mutex::new(Engine::new(pool, provide)),
            seed,
            life: AtomicU64::new(ledger::new_life()),
            ledger,
            ticker: Ticker::default(),
            ports,
            hold: Mutex::new(Hold {
                wanted: true,
                held: false,
            }),
            changed: Condvar::new(),
            stop: AtomicBool::new(true),
            interrupts,
        });
        guest.ticker.set(|ticks| ticks.held = true);
        let vcpu = guest.clone();
        std::thread::Builder::new()
            .name("vcpu".to_owned())
            .spawn(move || vcpu.run(&arriving))
            .expect("a thread can be started");
        let ticking = guest.clone();
        std::thread::spawn(move || {
            let counters = ticking.engine.lock().unwrap().counters.clone();
            ticking
                .ticker
                .run(&counters, &|line| ticking.ports.say_to_channels(line))
        });
        guest
    }

    /// Takes a line for the vCPU. False when there is none any more.
    pub fn line(&self, port: usize, text: String) -> bool {
        self.interrupts.send(Interrupt::Line(port, text)).is_ok()
    }

    /// The guest powers off (and calls `off`) as soon as it runs.
    pub fn power_button(&self, off: impl FnOnce() + Send + 'static) {
        self.interrupt(Interrupt::PowerButton(Box::new(off)));
    }

    /// Stops the vCPU between two pages and returns when it stands: as late as the page that it waits for.
    pub fn hold(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut hold = self.hold.lock().unwrap();
        hold.wanted = true;
        self.interrupt(Interrupt::Wake);
        while !hold.held {
            hold = self.changed.wait(hold).unwrap();
        }
        drop(hold);
        self.ticker.set(|ticks| ticks.held = true);
    }

    /// Lets the vCPU run.
    pub fn release(&self) {
        self.stop.store(false, Ordering::Relaxed);
        self.hold.lock().unwrap().wanted = false;
        self.changed.notify_all();
        self.ticker.set(|ticks| ticks.held = false);
    }

    /// The state to send. Steady only while the guest is held.
    pub fn state(&self, moves: u64) -> DeviceState {
        let engine = self.engine.lock().unwrap();
        let ticks = self.ticker.get();
        DeviceState {
            seed: self.seed,
            life: self.life.load(Ordering::Relaxed),
            filled: engine.pool().filled(),
            moves,
            engine: engine.state(),
            tick_interval_ms: ticks.interval_ms,
            ticks_said: ticks.said,
        }
    }

    /// Takes a state that came. The guest must be held.
    pub fn restore(&self, state: &DeviceState) -> Result<(), String> {
        if state.seed != self.seed {
            return Err("the device state is another VM's".to_owned());
        }
        if state.filled > Pool::capacity_of(self.memory.pool_bytes()) {
            return Err(format!(
                "{} filled pages don't fit the guest's memory",
                state.filled
            ));
        }
        // SAFETY: restore replaces the pool in use, and `filled` was checked.
        let pool = unsafe { self.memory.pool(self.seed, state.filled) };
        self.engine.lock().unwrap().restore(pool, &state.engine);
        self.ticker.set(|ticks| *ticks = state.ticks());
        self.life.store(state.life, Ordering::Relaxed);
        self.note("loaded");
        Ok(())
    }

    fn interrupt(&self, interrupt: Interrupt) {
        self.interrupts
            .send(interrupt)
            .expect("the vCPU's thread never ends");
    }

    fn run(&self, arriving: &Receiver<Interrupt>) {
        let begin = Instant::now();
        let mut ran = false;
        loop {
            self.stand_while_held(&mut ran);
            let stop = || self.stop.load(Ordering::Relaxed);
            let rest = self.engine.lock().unwrap().period(
                &|| begin.elapsed(),
                &stop,
                &mut |line: String| self.ports.say_to_channels(&line),
            );
            self.note("beat");
            if stop() {
                continue;
            }
            let next = match rest {
                Rest::Forever => arriving.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Rest::For(pause) => arriving.recv_timeout(pause),
            };
            match next {
                Ok(Interrupt::Line(port, line)) => {
                    if let Some(answer) = self.answer(&line) {
                        self.ports.say(port, &answer);
                    }
                }
                Ok(Interrupt::PowerButton(off)) => off(),
                Ok(Interrupt::Wake) | Err(_) => (),
            }
        }
    }

    /// `ran`: whether the ledger says that it runs.
    fn stand_while_held(&self, ran: &mut bool) {
        let mut hold = self.hold.lock().unwrap();
        while hold.wanted {
            if std::mem::take(ran) {
                self.note("stand");
            }
            hold.held = true;
            self.changed.notify_all();
            hold = self.changed.wait(hold).unwrap();
        }
        hold.held = false;
        drop(hold);
        if !std::mem::replace(ran, true) {
            self.note("go");
        }
    }

    /// The vCPU's own word, between two periods: nobody holds the engine then.
    fn note(&self, what: &str) {
        let counters = self.engine.lock().unwrap().counters.clone();
        let (work, bad) = (
            counters.work.load(Ordering::Relaxed),
            counters.bad.load(Ordering::Relaxed),
        );
        self.ledger
            .note(what, self.life.load(Ordering::Relaxed), work, bad);
    }

    /// Does one line of the workload's protocol; its answer, unless that comes later.
    fn answer(&self, line: &str) -> Option<String> {
        let mut engine = self.engine.lock().unwrap();
        let done = command::parse(line).and_then(|command| match &command {
            Command::Ticks { interval_ms } => {
                self.ticker.set(|ticks| ticks.interval_ms = *interval_ms);
                Ok(Some(format!("ok ticks {interval_ms}")))
            }
            Command::Status { ask } => {
                let boot = format!("{:016x}", self.life.load(Ordering::Relaxed));
                let interval_ms = self.ticker.get().interval_ms;
                Ok(Some(engine.status(*ask, &boot, interval_ms)))
            }
            Command::Disk { .. } => Err("a micro guest has no disks".to_owned()),
            Command::Job { .. } => Err("a micro guest has no root disk to run it from".to_owned()),
            _ => engine.apply(&command),
        });
        done.unwrap_or_else(|sentence| Some(command::error(line, &sentence)))
    }
}
