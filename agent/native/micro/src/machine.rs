//! The machine's run state and what changes it (QEMU qapi/run-state.json, softmmu/{runstate,cpus}.c of 7.2).

use crate::args::Args;
use crate::fault::{self, Faults};
use crate::guest::Guest;
use crate::memory::Memory;
use crate::migration::Migration;
use crate::monitor::{Monitor, QmpError};
use serde_json::json;
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    Paused,
    Inmigrate,
    FinishMigrate,
    Postmigrate,
}

impl RunState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Inmigrate => "inmigrate",
            Self::FinishMigrate => "finish-migrate",
            Self::Postmigrate => "postmigrate",
        }
    }
}

struct Run {
    state: RunState,
    /// Inmigrate: run when all is loaded (`cont` came early).
    autostart: bool,
}

pub struct Machine {
    run: Mutex<Run>,
    args: Args,
    pub faults: Faults,
    pub guest: Arc<Guest>,
    pub memory: Arc<Memory>,
    pub monitor: Arc<Monitor>,
    pub migration: Migration,
}

impl Machine {
    pub fn new(
        args: Args,
        faults: Faults,
        guest: Arc<Guest>,
        memory: Arc<Memory>,
        monitor: Arc<Monitor>,
    ) -> Arc<Self> {
        let state = match args.incoming {
            true => RunState::Inmigrate,
            false => RunState::Paused,
        };
        Arc::new(Self {
            run: Mutex::new(Run {
                state,
                autostart: false,
            }),
            args,
            faults,
            guest,
            memory,
            migration: Migration::new(monitor.clone()),
            monitor,
        })
    }

    /// A cold start runs at once; a target waits.
    pub fn power_on(&self) {
        let mut run = self.run.lock().unwrap();
        if run.state == RunState::Paused {
            self.run_guest(&mut run);
        }
    }

    pub fn state(&self) -> RunState {
        self.run.lock().unwrap().state
    }

    /// QMP `stop`.
    pub fn stop(&self) {
        let mut run = self.run.lock().unwrap();
        match run.state {
            RunState::Inmigrate => run.autostart = false,
            RunState::Running => self.hold_guest(&mut run, RunState::Paused),
            _ => (),
        }
    }

    /// QMP `cont`: refused while a migration holds the guest; in inmigrate it takes effect when all is loaded.
    pub fn cont(&self) -> Result<(), QmpError> {
        if self.faults.die_on_cont {
            fault::die("die-on-cont");
        }
        if self.faults.refuse_cont {
            return Err("Failed to get \"write\" lock (fault switch refuse-cont)".into());
        }
        let mut run = self.run.lock().unwrap();
        match run.state {
            RunState::Inmigrate => run.autostart = true,
            RunState::FinishMigrate => return Err("Migration is not finalized yet".into()),
            _ => self.run_guest(&mut run),
        }
        Ok(())
    }

    /// The migration stops the guest; says whether it ran.
    pub fn finish_migrate(&self) -> bool {
        let mut run = self.run.lock().unwrap();
        let ran = run.state == RunState::Running;
        match ran {
            true => self.hold_guest(&mut run, RunState::FinishMigrate),
            false => run.state = RunState::FinishMigrate,
        }
        ran
    }

    /// The migration completed. Had anything let the guest run meanwhile, two could run: QEMU aborts then too.
    pub fn postmigrate(&self) {
        let mut run = self.run.lock().unwrap();
        assert_eq!(
            run.state,
            RunState::FinishMigrate,
            "invalid runstate transition: '{}' -> 'postmigrate'",
            run.state.name()
        );
        run.state = RunState::Postmigrate;
    }

    /// The migration ended without success: a guest that it had stopped runs on.
    pub fn back(&self, ran: bool) {
        let mut run = self.run.lock().unwrap();
        match ran {
            true => self.run_guest(&mut run),
            false if run.state == RunState::FinishMigrate => run.state = RunState::Postmigrate,
            false => (),
        }
    }

    /// All is loaded.
    pub fn loaded(&self) {
        let mut run = self.run.lock().unwrap();
        run.state = RunState::Paused;
        if run.autostart {
            self.run_guest(&mut run);
        }
    }

    /// QMP `system_powerdown`: the guest powers off when it runs.
    pub fn power_down(self: &Arc<Self>) {
        self.monitor.event("POWERDOWN", None);
        let machine = self.clone();
        self.guest
            .power_button(move || machine.end(true, "guest-shutdown"));
    }

    /// QMP `quit`.
    pub fn quit(&self) {
        self.end(false, "host-qmp-quit");
    }

    /// An incoming migration failed: QEMU ends then, with 1.
    pub fn give_up(&self, sentence: &str) {
        eprintln!("shoal-micro: {sentence}");
        self.args.remove_files();
        std::process::exit(1);
    }

    fn end(&self, guest: bool, reason: &str) {
        self.monitor.event(
            "SHUTDOWN",
            Some(json!({ "guest": guest, "reason": reason })),
        );
        self.args.remove_files();
        std::process::exit(0);
    }

    fn hold_guest(&self, run: &mut Run, state: RunState) {
        self.guest.hold();
        run.state = state;
        self.monitor.event("STOP", None);
    }

    fn run_guest(&self, run: &mut Run) {
        if run.state != RunState::Running {
            run.state = RunState::Running;
            self.monitor.event("RESUME", None);
            self.guest.release();
        }
    }
}
